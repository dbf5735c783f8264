/* letters - see letters.h. */
#include "agents/sensor/input/letters.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

void letters_init(struct letters *l)
{
    memset(l, 0, sizeof(*l));
    list_init(&l->list);
}

void letters_free(struct letters *l)
{
    struct list *item;

    while (l->list.next && (item = list_pop(&l->list)))
        mem_free(container_of(item, struct letter, link));
    l->bytes = 0;
}

static struct letter *add(struct letters *l, uint64_t number, size_t len, uint64_t after)
{
    struct letter *one = mem_zalloc(sizeof(*one) + len);

    if (!one)
        return NULL;
    one->number = number;
    one->after = after;
    one->len = len;
    l->last = number > l->last ? number : l->last;
    l->bytes += len;
    list_add_tail(&l->list, &one->link);
    return one;
}

struct letter *letters_add(struct letters *l, const Eocbus__V1__Envelope *m, uint64_t after)
{
    struct letter *one = add(l, l->last + 1, eocbus__v1__envelope__get_packed_size(m), after);

    if (one)
        eocbus__v1__envelope__pack(m, one->bytes);
    return one;
}

struct letter *letters_add_bytes(struct letters *l, uint64_t number, const uint8_t *bytes,
                                 size_t len, uint64_t after)
{
    struct letter *one = add(l, number, len, after);

    if (one)
        memcpy(one->bytes, bytes, len);
    return one;
}

void letters_drop(struct letters *l, struct letter *one)
{
    l->bytes -= one->len;
    list_remove(&one->link);
    mem_free(one);
}

void letters_done(struct letters *l, uint64_t number)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &l->list) {
        struct letter *one = container_of(pos, struct letter, link);

        if (one->number <= number)
            letters_drop(l, one);
    }
}

/* --- into the outbox -------------------------------------------------------------------------- */

/* *counted: the outbox counted it under its key, if it has one. */
static enum status put_one(struct letters *l, const struct letter *one,
                           const struct letters_door *door, bool *counted)
{
    struct refusal why = {0};
    Eocbus__V1__Envelope *m;
    enum status st;

    arena_reset(door->arena);
    m = eocbus__v1__envelope__unpack(arena_allocator(door->arena), one->len, one->bytes);
    if (!m)
        return ST_NOMEM;
    st = door->put(door->arg, m, &why);
    *counted = st == ST_OK || st == ST_EXISTS;
    if (st != ST_INVALID)
        return st == ST_EXISTS ? ST_OK : st;
    l->refused++;
    log_error("sensor.letter.refused", "number=%" PRIu64 " code=%s path=%s", one->number,
              why.code ? why.code : "", why.path);
    return ST_OK;
}

/* A message that is not in the journal has no number that would mean the same after a restart. */
static enum status begin_key(const struct letter *one, const struct letters_door *door,
                             uint64_t *next)
{
    if (one->is_kept && *next != one->number)
        return door->once(door->arg, door->key, one->number - 1);
    if (!one->is_kept && *next)
        return door->once(door->arg, NULL, 0);
    return ST_OK;
}

static enum status put_each(struct letters *l, const struct letters_door *door, bool concluding)
{
    uint64_t next = 0;
    struct list *pos;

    list_each(pos, &l->list) {
        struct letter *one = container_of(pos, struct letter, link);
        bool counted = false;
        enum status st;

        if ((one->level != 0) != concluding)
            continue;
        st = begin_key(one, door, &next);
        if (st == ST_OK)
            st = put_one(l, one, door, &counted);
        if (st != ST_OK)
            return st;
        next = one->is_kept && counted ? one->number + 1 : 0;
        one->is_put = true;
    }
    return ST_OK;
}

/* Without a key it must not be put again. */
static void drop_put_ones(struct letters *l)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &l->list) {
        struct letter *one = container_of(pos, struct letter, link);

        if (one->is_put && !one->is_kept)
            letters_drop(l, one);
    }
}

enum status letters_put(struct letters *l, const struct letters_door *door, uint64_t *done)
{
    enum status st, ended;

    *done = 0;
    if (list_empty(&l->list))
        return ST_OK;
    /* No alarm waits behind samples that find no room. */
    st = put_each(l, door, true);
    if (st == ST_OK)
        st = put_each(l, door, false);
    ended = door->once(door->arg, NULL, 0);
    if (ended == ST_OK)
        ended = door->commit(door->arg);
    if (ended == ST_OK)
        drop_put_ones(l);
    if (st == ST_OK)
        st = ended;
    if (st != ST_OK)
        return st;
    *done = l->last;
    letters_free(l);
    return ST_OK;
}
