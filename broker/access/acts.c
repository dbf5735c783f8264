#include "broker/access/acts.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

void acts_free(struct acts *a)
{
    for (size_t i = 0; i < a->count; i++)
        mem_free(a->list[i].bytes);
    mem_free(a->list);
    *a = (struct acts){0};
}

/* The first that is not before the name. */
static size_t find_first(const struct acts *a, const char *name)
{
    size_t low = 0, high = a->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(a->list[mid].what.name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_of(const struct act *act, const char *name)
{
    return strcmp(act->what.name, name) == 0;
}

static bool ends(const struct revocation *r, const uint8_t key[KEY_BYTES])
{
    return !r->has_key || memcmp(r->key, key, KEY_BYTES) == 0;
}

const struct revocation *acts_find(const struct acts *a, const char *name,
                                   const uint8_t key[KEY_BYTES])
{
    const struct revocation *first = NULL;

    for (size_t i = find_first(a, name); i < a->count && is_of(&a->list[i], name); i++) {
        const struct revocation *r = &a->list[i].what;

        if (ends(r, key) && (!first || r->revoked_us < first->revoked_us))
            first = r;
    }
    return first;
}

static const struct act *find_same(const struct acts *a, const char *name, const uint8_t *bytes,
                                   size_t len)
{
    for (size_t i = find_first(a, name); i < a->count && is_of(&a->list[i], name); i++)
        if (a->list[i].len == len && memcmp(a->list[i].bytes, bytes, len) == 0)
            return &a->list[i];
    return NULL;
}

static bool make_room(struct acts *a)
{
    size_t room = a->room ? a->room * 2 : 16;
    struct act *grown;

    if (a->count < a->room)
        return true;
    grown = mem_realloc(a->list, room * sizeof(*grown));
    if (!grown)
        return false;
    a->list = grown;
    a->room = room;
    return true;
}

static enum status add(struct acts *a, const struct revocation *r, const uint8_t *bytes, size_t len)
{
    size_t at = find_first(a, r->name);
    uint8_t *copy = make_room(a) ? mem_alloc(len) : NULL;

    if (!copy)
        return ST_NOMEM;
    memcpy(copy, bytes, len);
    memmove(&a->list[at + 1], &a->list[at], (a->count - at) * sizeof(*a->list));
    a->list[at] = (struct act){.what = *r, .bytes = copy, .len = len};
    a->count++;
    return ST_OK;
}

enum status acts_take(struct acts *a, const struct officers *o, const uint8_t *bytes, size_t len,
                      const char *name, const uint8_t key[KEY_BYTES])
{
    const struct act *same = name ? find_same(a, name, bytes, len) : NULL;
    struct revocation r;
    enum status st;

    if (same)
        return ends(&same->what, key) ? ST_OK : ST_DENIED;
    st = revocation_check(&r, bytes, len, o);
    if (st != ST_OK)
        return st;
    if (name && (strcmp(r.name, name) != 0 || !ends(&r, key)))
        return ST_DENIED;
    return find_same(a, r.name, bytes, len) ? ST_OK : add(a, &r, bytes, len);
}
