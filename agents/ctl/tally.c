/* tally - sorted lists and binary search. */
#include "agents/ctl/tally.h"

#include <stdlib.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum status tally_add(struct tally_list *l, uint64_t digest, uint64_t seq)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        struct tally_item *more = mem_realloc(l->items, cap * sizeof(*more));

        if (!more)
            return ST_NOMEM;
        l->items = more;
        l->cap = cap;
    }
    l->items[l->count++] = (struct tally_item){digest, seq};
    return ST_OK;
}

void tally_free(struct tally_list *l)
{
    mem_free(l->items);
    *l = (struct tally_list){0};
}

static int compare(const void *a, const void *b)
{
    const struct tally_item *x = a, *y = b;

    if (x->digest != y->digest)
        return x->digest < y->digest ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void sort(struct tally_list *l)
{
    if (l->count)
        qsort(l->items, l->count, sizeof(*l->items), compare);
}

/* First item that is not before (digest, seq). */
static size_t find(const struct tally_list *l, uint64_t digest, uint64_t seq)
{
    struct tally_item wanted = {digest, seq};
    size_t low = 0, high = l->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (compare(&l->items[mid], &wanted) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool has(const struct tally_list *l, uint64_t digest)
{
    size_t at = find(l, digest, 0);

    return at < l->count && l->items[at].digest == digest;
}

static bool has_exactly(const struct tally_list *l, const struct tally_item *item)
{
    size_t at = find(l, item->digest, item->seq);

    return at < l->count && compare(&l->items[at], item) == 0;
}

static uint64_t count_doubles(const struct tally_list *l)
{
    uint64_t n = 0;

    for (size_t i = 1; i < l->count; i++)
        n += l->items[i].digest == l->items[i - 1].digest;
    return n;
}

void tally_compare(struct tally_result *out, struct tally_list *said, uint64_t gone,
                   struct tally_list *stored, struct tally_list *refused, struct tally_list *heard)
{
    struct tally_result r = {.published = said->count + gone};
    uint64_t unsaid = 0, unsaid_heard = 0;

    sort(said);
    sort(stored);
    sort(refused);
    sort(heard);
    for (size_t i = 0; i < said->count; i++) {
        if (has(stored, said->items[i].digest))
            r.stored++;
        else if (has(refused, said->items[i].digest))
            r.refused++;
        else
            r.lost++;
    }
    for (size_t i = 0; i < stored->count; i++) {
        bool ours;

        if (i > 0 && stored->items[i].digest == stored->items[i - 1].digest)
            continue;
        ours = has(said, stored->items[i].digest);
        unsaid += !ours;
        if (!has_exactly(heard, &stored->items[i]))
            r.lost++;
        else if (ours)
            r.delivered++;
        else
            unsaid_heard++;
    }
    /* What outboxes no longer keep was stored once; the log must still have as many beside the
     * rest. */
    r.stored += unsaid < gone ? unsaid : gone;
    r.delivered += unsaid_heard < gone ? unsaid_heard : gone;
    r.lost += gone > unsaid ? gone - unsaid : 0;
    r.duplicated = count_doubles(stored) + count_doubles(heard);
    *out = r;
}
