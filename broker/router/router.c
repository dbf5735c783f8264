/* A listener has a number from its first pattern on; the hits of a message are collected in a list,
 * each listener once, sorted by number and only then called. So a callback may remove listeners,
 * also ones still to be called: those are marked gone and skipped, and freed when the call is over.
 */
#include "broker/router/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/router/trie.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct listener {
    void *handle;   /* the caller's */
    uint64_t order; /* of arrival */
    uint64_t hit;   /* the last message that hit it: `router.message` */
    bool gone;
    struct listener *next_gone;
    struct trie_node **places; /* where its patterns end */
    size_t count, room;
};

struct router {
    struct trie *trie;
    struct listener **listeners; /* sorted by handle for finding; nobody ever walks through them */
    struct listener **hits;      /* as much room as listeners, so that routing needs no memory */
    struct listener *gone;       /* removed while a message is being routed */
    size_t count, room, hit_count;
    uint64_t arrivals, message;
    size_t patterns;
    bool routing;
};

enum status router_create(struct router **out)
{
    struct router *r = mem_zalloc(sizeof(*r));

    if (!r)
        return ST_NOMEM;
    if (trie_create(&r->trie)) {
        mem_free(r);
        return ST_NOMEM;
    }
    *out = r;
    return ST_OK;
}

static void listener_destroy(struct listener *l)
{
    mem_free(l->places);
    mem_free(l);
}

void router_destroy(struct router *r)
{
    if (!r)
        return;
    assert(!r->routing);
    for (size_t i = 0; i < r->count; i++)
        listener_destroy(r->listeners[i]);
    trie_destroy(r->trie);
    mem_free(r->hits);
    mem_free(r->listeners);
    mem_free(r);
}

/* Index of the listener, or where it would stand. */
static size_t find_place(const struct router *r, const void *handle)
{
    size_t low = 0, high = r->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if ((uintptr_t)r->listeners[mid]->handle < (uintptr_t)handle)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct listener *find_listener(const struct router *r, const void *handle)
{
    size_t i = find_place(r, handle);

    return i < r->count && r->listeners[i]->handle == handle ? r->listeners[i] : NULL;
}

static bool make_room(struct router *r)
{
    size_t room = r->room ? r->room * 2 : 8;

    if (r->count < r->room)
        return true;
    struct listener **more_hits = mem_realloc(r->hits, room * sizeof(*more_hits));
    if (!more_hits)
        return false;
    r->hits = more_hits;
    struct listener **more = mem_realloc(r->listeners, room * sizeof(*more));
    if (!more)
        return false;
    r->listeners = more;
    r->room = room;
    return true;
}

static struct listener *add_listener(struct router *r, void *handle)
{
    struct listener *l = make_room(r) ? mem_zalloc(sizeof(*l)) : NULL;
    size_t i = find_place(r, handle);

    if (!l)
        return NULL;
    l->handle = handle;
    l->order = r->arrivals++;
    memmove(&r->listeners[i + 1], &r->listeners[i], (r->count - i) * sizeof(struct listener *));
    r->listeners[i] = l;
    r->count++;
    return l;
}

/* Takes it out of the index and frees it, now or after the message that is being routed. */
static void drop_listener(struct router *r, struct listener *l)
{
    size_t i = find_place(r, l->handle);

    r->count--;
    memmove(&r->listeners[i], &r->listeners[i + 1], (r->count - i) * sizeof(struct listener *));
    if (!r->routing) {
        listener_destroy(l);
        return;
    }
    l->gone = true;
    l->next_gone = r->gone;
    r->gone = l;
}

static bool has_place(const struct listener *l, const struct trie_node *place)
{
    for (size_t i = 0; place && i < l->count; i++)
        if (l->places[i] == place)
            return true;
    return false;
}

static enum status add_place(struct router *r, struct listener *l, const char *pattern)
{
    if (has_place(l, trie_find(r->trie, pattern)))
        return ST_EXISTS;
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 4;
        struct trie_node **more = mem_realloc(l->places, room * sizeof(*more));

        if (!more)
            return ST_NOMEM;
        l->places = more;
        l->room = room;
    }
    return trie_add(r->trie, &l->places[l->count], pattern, l);
}

enum status router_add(struct router *r, const char *pattern, void *handle)
{
    struct listener *l = find_listener(r, handle);

    if (pattern_fault(pattern))
        return ST_INVALID;
    if (!l)
        l = add_listener(r, handle);
    if (!l)
        return ST_NOMEM;
    enum status st = add_place(r, l, pattern);
    if (!st) {
        l->count++;
        r->patterns++;
    } else if (!l->count) {
        drop_listener(r, l);
    }
    return st;
}

void router_remove_listener(struct router *r, void *handle)
{
    struct listener *l = find_listener(r, handle);

    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        trie_remove(r->trie, l->places[i], l);
    r->patterns -= l->count;
    drop_listener(r, l);
}

static void on_hit(void *arg, void *value)
{
    struct router *r = arg;
    struct listener *l = value;

    if (l->hit == r->message)
        return;
    l->hit = r->message;
    r->hits[r->hit_count++] = l;
}

static int compare_order(const void *a, const void *b)
{
    const struct listener *const *x = a, *const *y = b;

    return ((*x)->order > (*y)->order) - ((*x)->order < (*y)->order);
}

static void free_gone(struct router *r)
{
    while (r->gone) {
        struct listener *l = r->gone;

        r->gone = l->next_gone;
        listener_destroy(l);
    }
}

void router_route(struct router *r, const struct topics *t, void (*each)(void *arg, void *listener),
                  void *arg)
{
    assert(!r->routing);
    r->message++;
    r->hit_count = 0;
    for (unsigned i = 0; i < t->count; i++)
        trie_match(r->trie, t->text[i], on_hit, r);
    if (r->hit_count > 1)
        qsort(r->hits, r->hit_count, sizeof(struct listener *), compare_order);
    r->routing = true;
    for (size_t i = 0; i < r->hit_count; i++)
        if (!r->hits[i]->gone)
            each(arg, r->hits[i]->handle);
    r->routing = false;
    free_gone(r);
}

size_t router_patterns(const struct router *r)
{
    return r->patterns;
}
