/* Two arrays of the same principals, one sorted by name, one by key. Both grow while principals are
 * added, so that sealing a new roll cannot fail half way between the old rights and the new. */
#include "broker/access/roll.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/access/grants.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

struct row {
    struct principal p;
    size_t order; /* of arrival */
    char text[];  /* the four strings, then the enrolment */
};

struct roll {
    struct row **by_name, **by_key;
    size_t count, room, shut;
    bool sealed;
};

enum status roll_create(struct roll **out)
{
    struct roll *r = mem_zalloc(sizeof(*r));

    if (!r)
        return ST_NOMEM;
    *out = r;
    return ST_OK;
}

void roll_destroy(struct roll *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->by_name[i]);
    mem_free(r->by_name);
    mem_free(r->by_key);
    mem_free(r);
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static char *put_text(char **at, const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = memcpy(*at, s, size);

    *at += size;
    return copy;
}

static struct row *row_create(const struct principal *p)
{
    const char *agency = or_empty(p->agency), *roles = or_empty(p->roles);
    const char *places = or_empty(p->places);
    size_t size = strlen(p->name) + strlen(agency) + strlen(roles) + strlen(places) + 4;
    struct row *row = mem_zalloc(sizeof(*row) + size + p->enrolment_len);

    if (!row)
        return NULL;
    char *at = row->text;
    row->p = *p;
    row->p.name = put_text(&at, p->name);
    row->p.agency = put_text(&at, agency);
    row->p.roles = put_text(&at, roles);
    row->p.places = put_text(&at, places);
    row->p.enrolment = p->enrolment_len ? memcpy(at, p->enrolment, p->enrolment_len) : NULL;
    return row;
}

static bool make_room(struct roll *r)
{
    size_t room = r->room ? r->room * 2 : 64;

    if (r->count < r->room)
        return true;
    struct row **names = mem_realloc(r->by_name, room * sizeof(*names));
    if (!names)
        return false;
    r->by_name = names;
    struct row **keys = mem_realloc(r->by_key, room * sizeof(*keys));
    if (!keys)
        return false;
    r->by_key = keys;
    r->room = room;
    return true;
}

enum status roll_add(struct roll *r, const struct principal *p)
{
    assert(!r->sealed);
    struct row *row = make_room(r) ? row_create(p) : NULL;

    if (!row)
        return ST_NOMEM;
    row->order = r->count;
    r->shut += p->is_shut;
    r->by_name[r->count] = r->by_key[r->count] = row;
    r->count++;
    return ST_OK;
}

/* Highest serial first, then as they came. */
static int compare_order(const struct row *a, const struct row *b)
{
    if (a->p.serial != b->p.serial)
        return a->p.serial < b->p.serial ? 1 : -1;
    return (a->order > b->order) - (a->order < b->order);
}

static int compare_names(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    int order = strcmp(x->p.name, y->p.name);

    return order ? order : compare_order(x, y);
}

static int compare_keys(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    int order = memcmp(x->p.public_key, y->p.public_key, sizeof(x->p.public_key));

    return order ? order : compare_order(x, y);
}

static void take_attributes(struct row *row, const struct row *newest)
{
    row->p.agency = newest->p.agency;
    row->p.roles = newest->p.roles;
    row->p.places = newest->p.places;
}

/* What the policy gives to whom nobody vouches for; the rules are the operator's. */
static void take_nothing(struct row *row)
{
    static char role[] = "unvouched", agency[] = "";

    row->p.is_beside = true;
    row->p.roles = role;
    row->p.agency = agency;
}

/* Under one name the highest serial stands first, and whoever has none last. */
static void settle_names(struct roll *r)
{
    const struct row *newest = NULL;

    for (size_t i = 0; i < r->count; i++) {
        struct row *row = r->by_name[i];

        if (newest && strcmp(newest->p.name, row->p.name) != 0)
            newest = NULL;
        if (newest && row->p.is_vouched)
            take_attributes(row, newest);
        else if (newest)
            take_nothing(row);
        else if (row->p.is_vouched)
            newest = row;
    }
}

void roll_seal(struct roll *r)
{
    if (r->count) {
        qsort(r->by_name, r->count, sizeof(struct row *), compare_names);
        qsort(r->by_key, r->count, sizeof(struct row *), compare_keys);
    }
    settle_names(r);
    r->sealed = true;
}

/* Who is of no agency is of the one its name begins with; who is beside a record, of none. */
static enum status grant(struct principal *p, struct grants *g)
{
    char first[LIMIT_NAME_BYTES + 1];

    snprintf(first, sizeof(first), "%.*s", p->is_beside ? 0 : (int)strcspn(p->name, "."), p->name);
    return grants_for(&p->rights, g, p->roles, p->agency[0] ? p->agency : first);
}

enum status roll_grant(struct roll *r, struct grants *g)
{
    enum status st = ST_OK;

    assert(r->sealed);
    for (size_t i = 0; i < r->count && st == ST_OK; i++)
        st = grant(&r->by_name[i]->p, g);
    return st;
}

size_t roll_open(const struct roll *r)
{
    return r->count - r->shut;
}

size_t roll_beside(const struct roll *r, const char **first)
{
    size_t n = 0;

    for (size_t i = r->count; i-- > 0;)
        if (r->by_name[i]->p.is_beside && !r->by_name[i]->p.is_shut) {
            *first = r->by_name[i]->p.name;
            n++;
        }
    return n;
}

size_t roll_count(const struct roll *r)
{
    return r->count;
}

void roll_each(const struct roll *r, void (*each)(void *arg, const struct principal *p), void *arg)
{
    for (size_t i = 0; i < r->count; i++)
        each(arg, &r->by_name[i]->p);
}

static int against_name(const struct row *row, const void *name)
{
    return strcmp(row->p.name, name);
}

static int against_key(const struct row *row, const void *key)
{
    return memcmp(row->p.public_key, key, sizeof(row->p.public_key));
}

static bool is_valid(const struct principal *p, int64_t utc_us)
{
    return !p->is_shut && (!p->not_after_us || utc_us < p->not_after_us);
}

/* The first row that is not before `what`. */
static size_t find_first(struct row *const *rows, size_t count, const void *what,
                         int (*against)(const struct row *row, const void *what))
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (against(rows[mid], what) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const struct principal *find(struct row *const *rows, size_t count, const void *what,
                                    int (*against)(const struct row *row, const void *what),
                                    int64_t utc_us)
{
    size_t low = find_first(rows, count, what, against);

    for (; low < count && !against(rows[low], what); low++)
        if (is_valid(&rows[low]->p, utc_us))
            return &rows[low]->p;
    return NULL;
}

const struct principal *roll_find_both(const struct roll *r, const char *name,
                                       const uint8_t key[32], int64_t utc_us)
{
    size_t low = find_first(r->by_name, r->count, name, against_name);

    for (; low < r->count && !against_name(r->by_name[low], name); low++)
        if (!against_key(r->by_name[low], key) && is_valid(&r->by_name[low]->p, utc_us))
            return &r->by_name[low]->p;
    return NULL;
}

int64_t roll_next_end(const struct roll *r, int64_t utc_us)
{
    int64_t end_us = INT64_MAX;

    for (size_t i = 0; i < r->count; i++) {
        int64_t not_after_us = r->by_key[i]->p.not_after_us;

        if (not_after_us > utc_us && not_after_us < end_us)
            end_us = not_after_us;
    }
    return end_us;
}

const struct principal *roll_find(const struct roll *r, const char *name, int64_t utc_us)
{
    return find(r->by_name, r->count, name, against_name, utc_us);
}

const struct principal *roll_find_key(const struct roll *r, const uint8_t key[32], int64_t utc_us)
{
    return find(r->by_key, r->count, key, against_key, utc_us);
}

const struct principal *roll_find_any(const struct roll *r, const uint8_t key[32])
{
    size_t at = find_first(r->by_key, r->count, key, against_key);

    return at < r->count && !against_key(r->by_key[at], key) ? &r->by_key[at]->p : NULL;
}

size_t roll_each_named(const struct roll *r, const char *name,
                       void (*each)(void *arg, const struct principal *p), void *arg)
{
    size_t at = find_first(r->by_name, r->count, name, against_name), found = 0;

    for (; at < r->count && !against_name(r->by_name[at], name); at++, found++)
        each(arg, &r->by_name[at]->p);
    return found;
}
