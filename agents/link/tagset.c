/* tagset - see tagset.h */
#include "agents/link/tagset.h"

#include <string.h>

#include "proto/base/mem.h"

/* Index of the first member that is not smaller than tag. */
static size_t find_place(const struct tagset *s, uint64_t tag)
{
    size_t low = 0, high = s->count;

    if (s->count && s->tags[s->count - 1] < tag)
        return s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->tags[middle] < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool tagset_has(const struct tagset *s, uint64_t tag)
{
    size_t at = find_place(s, tag);

    return at < s->count && s->tags[at] == tag;
}

enum status tagset_add(struct tagset *s, uint64_t tag)
{
    size_t at = find_place(s, tag);

    if (at < s->count && s->tags[at] == tag)
        return ST_OK;
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        uint64_t *tags = mem_realloc(s->tags, cap * sizeof(*tags));

        if (!tags)
            return ST_NOMEM;
        s->tags = tags;
        s->cap = cap;
    }
    memmove(s->tags + at + 1, s->tags + at, (s->count - at) * sizeof(*s->tags));
    s->tags[at] = tag;
    s->count++;
    return ST_OK;
}

void tagset_remove(struct tagset *s, uint64_t tag)
{
    size_t at = find_place(s, tag);

    if (at == s->count || s->tags[at] != tag)
        return;
    s->count--;
    memmove(s->tags + at, s->tags + at + 1, (s->count - at) * sizeof(*s->tags));
}

void tagset_clear(struct tagset *s)
{
    s->count = 0;
}

void tagset_free(struct tagset *s)
{
    mem_free(s->tags);
    *s = (struct tagset){0};
}
