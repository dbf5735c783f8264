/* Each node knows its literal children sorted by (hash of the label, label), and its '*' and '**'
 * children by name. A topic is cut into hashed levels once; then a step is a binary search over
 * integers, and at most two ways go on from each node ('**' ends at once): with five levels at most
 * 32 nodes are visited, however many patterns there are. */
#include "broker/router/trie.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/limits.h"
#include "proto/wire/topic.h"

#include "proto/base/banned.h"

struct level {
    const char *text; /* borrowed from the topic or pattern */
    uint32_t hash;
    uint32_t len;
};

struct pile {
    void **items;
    uint32_t count, room;
};

struct trie_node {
    struct trie_node *parent; /* NULL: the root */
    struct pile kids;         /* struct trie_node *, sorted */
    struct pile values;       /* the caller's */
    struct trie_node *any;    /* '*' */
    struct trie_node *rest;   /* '**' */
    uint32_t hash, len;
    char label[]; /* len bytes and a NUL */
};

struct trie {
    struct trie_node *root;
};

/* FNV-1a. Labels that collide on purpose cost a longer memcmp, nothing more: the array is searched
 * by halves. */
static uint32_t hash_label(const char *text, uint32_t len)
{
    uint32_t h = 2166136261u;

    for (uint32_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * 16777619u;
    return h;
}

/* Cuts text at the dots; answers the number of levels. Behind pattern_fault there are at most
 * TOPIC_LEVELS; what is beyond would be our bug. */
static unsigned split_levels(struct level out[TOPIC_LEVELS], const char *text)
{
    unsigned n = 0;

    for (;;) {
        uint32_t len = (uint32_t)strcspn(text, ".");

        assert(n < TOPIC_LEVELS);
        out[n++] = (struct level){text, hash_label(text, len), len};
        if (!text[len])
            return n;
        text += len + 1;
    }
}

static bool level_is(const struct level *l, const char *word)
{
    return l->len == strlen(word) && !memcmp(l->text, word, l->len);
}

static int compare_level(const struct level *l, const struct trie_node *n)
{
    if (l->hash != n->hash)
        return l->hash < n->hash ? -1 : 1;
    if (l->len != n->len)
        return l->len < n->len ? -1 : 1;
    return memcmp(l->text, n->label, l->len);
}

/* The child, or NULL and where it would stand. */
static struct trie_node *find_kid(const struct trie_node *n, const struct level *l, uint32_t *place)
{
    uint32_t low = 0, high = n->kids.count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = compare_level(l, n->kids.items[mid]);

        if (!order) {
            *place = mid;
            return n->kids.items[mid];
        }
        if (order > 0)
            low = mid + 1;
        else
            high = mid;
    }
    *place = low;
    return NULL;
}

static struct trie_node *node_create(struct trie_node *parent, const struct level *l)
{
    struct trie_node *n = mem_zalloc(sizeof(*n) + l->len + 1);

    if (!n)
        return NULL;
    n->parent = parent;
    n->hash = l->hash;
    n->len = l->len;
    memcpy(n->label, l->text, l->len);
    return n;
}

static void node_destroy(struct trie_node *n)
{
    if (!n)
        return;
    for (uint32_t i = 0; i < n->kids.count; i++)
        node_destroy(n->kids.items[i]);
    node_destroy(n->any);
    node_destroy(n->rest);
    mem_free(n->kids.items);
    mem_free(n->values.items);
    mem_free(n);
}

/* False: no memory, nothing changed. */
static bool pile_insert(struct pile *p, uint32_t place, void *item)
{
    if (p->count == p->room) {
        uint32_t room = p->room ? p->room * 2 : 2;
        void **grown = mem_realloc(p->items, room * sizeof(*grown));

        if (!grown)
            return false;
        p->items = grown;
        p->room = room;
    }
    memmove(&p->items[place + 1], &p->items[place], (p->count - place) * sizeof(void *));
    p->items[place] = item;
    p->count++;
    return true;
}

static void pile_remove(struct pile *p, uint32_t place)
{
    p->count--;
    memmove(&p->items[place], &p->items[place + 1], (p->count - place) * sizeof(void *));
}

static struct trie_node *add_literal(struct trie_node *n, const struct level *l)
{
    uint32_t place;
    struct trie_node *kid = find_kid(n, l, &place);

    if (kid)
        return kid;
    kid = node_create(n, l);
    if (kid && !pile_insert(&n->kids, place, kid)) {
        node_destroy(kid);
        return NULL;
    }
    return kid;
}

static struct trie_node *add_special(struct trie_node *n, struct trie_node **kid,
                                     const struct level *l)
{
    if (!*kid)
        *kid = node_create(n, l);
    return *kid;
}

static struct trie_node *add_step(struct trie_node *n, const struct level *l)
{
    if (level_is(l, "*"))
        return add_special(n, &n->any, l);
    if (level_is(l, "**"))
        return add_special(n, &n->rest, l);
    return add_literal(n, l);
}

static void unhook(struct trie_node *parent, const struct trie_node *kid)
{
    struct level l = {kid->label, kid->hash, kid->len};
    uint32_t place;

    if (parent->any == kid) {
        parent->any = NULL;
    } else if (parent->rest == kid) {
        parent->rest = NULL;
    } else if (find_kid(parent, &l, &place) == kid) {
        pile_remove(&parent->kids, place);
    }
}

static bool leads_nowhere(const struct trie_node *n)
{
    return !n->values.count && !n->kids.count && !n->any && !n->rest;
}

/* From a node upwards: what carries nothing any more goes. */
static void prune(struct trie_node *n)
{
    while (n->parent && leads_nowhere(n)) {
        struct trie_node *parent = n->parent;

        unhook(parent, n);
        node_destroy(n);
        n = parent;
    }
}

enum status trie_create(struct trie **out)
{
    struct level none = {"", 0, 0};
    struct trie *t = mem_zalloc(sizeof(*t));

    if (!t)
        return ST_NOMEM;
    t->root = node_create(NULL, &none);
    if (!t->root)
        goto fail_trie;
    *out = t;
    return ST_OK;

fail_trie:
    mem_free(t);
    return ST_NOMEM;
}

void trie_destroy(struct trie *t)
{
    if (!t)
        return;
    node_destroy(t->root);
    mem_free(t);
}

enum status trie_add(struct trie *t, struct trie_node **place, const char *pattern, void *value)
{
    struct level levels[TOPIC_LEVELS];
    unsigned count = split_levels(levels, pattern);
    struct trie_node *n = t->root;

    for (unsigned i = 0; i < count; i++) {
        struct trie_node *next = add_step(n, &levels[i]);

        if (!next)
            goto fail;
        n = next;
    }
    if (!pile_insert(&n->values, n->values.count, value))
        goto fail;
    *place = n;
    return ST_OK;

fail:
    prune(n);
    return ST_NOMEM;
}

struct trie_node *trie_find(const struct trie *t, const char *pattern)
{
    struct level levels[TOPIC_LEVELS];
    unsigned count = split_levels(levels, pattern);
    struct trie_node *n = t->root;
    uint32_t place;

    for (unsigned i = 0; n && i < count; i++)
        n = level_is(&levels[i], "*")    ? n->any
            : level_is(&levels[i], "**") ? n->rest
                                         : find_kid(n, &levels[i], &place);
    return n && n->values.count ? n : NULL;
}

void trie_remove(struct trie *t, struct trie_node *place, void *value)
{
    (void)t;
    for (uint32_t i = 0; i < place->values.count; i++)
        if (place->values.items[i] == value) {
            pile_remove(&place->values, i);
            prune(place);
            return;
        }
    assert(!"the value hangs on this place");
}

struct visit {
    struct level levels[TOPIC_LEVELS];
    unsigned count;
    void (*hit)(void *arg, void *value);
    void *arg;
};

static void hit_all(const struct trie_node *n, const struct visit *v)
{
    for (uint32_t i = 0; i < n->values.count; i++)
        v->hit(v->arg, n->values.items[i]);
}

/* Depth is at most TOPIC_LEVELS. */
static void visit_node(const struct trie_node *n, const struct visit *v, unsigned depth)
{
    uint32_t place;

    if (depth == v->count) {
        hit_all(n, v);
        return;
    }
    if (n->rest)
        hit_all(n->rest, v);
    if (n->any)
        visit_node(n->any, v, depth + 1);
    n = find_kid(n, &v->levels[depth], &place);
    if (n)
        visit_node(n, v, depth + 1);
}

void trie_match(const struct trie *t, const char *topic, void (*hit)(void *arg, void *value),
                void *arg)
{
    struct visit v = {.hit = hit, .arg = arg};

    v.count = split_levels(v.levels, topic);
    visit_node(t->root, &v, 0);
}
