/* beacon - see beacon.h. */
#include "agents/sensor/report/beacon.h"

#include <string.h>

#include "proto/base/banned.h"

void beacon_begin(struct beacon *b, const struct beacon_settings *set)
{
    memset(b, 0, sizeof(*b));
    b->set = *set;
}

static void drop(struct beacon *b, unsigned i)
{
    b->count--;
    memmove(&b->item[i], &b->item[i + 1], (b->count - i) * sizeof(b->item[0]));
}

static bool is_worth_it(const struct beacon *b, const Eocbus__V1__Envelope *m)
{
    return m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION &&
           m->status == EOCBUS__V1__STATUS__STATUS_ACTUAL &&
           m->sensor_detection->level >= b->set.level;
}

/* The oldest gives its place; what is out now keeps it. */
static void make_place(struct beacon *b)
{
    if (b->count < BEACON_WAITING)
        return;
    drop(b, b->item[0].is_out ? 1 : 0);
    b->given_up++;
}

void beacon_concluded(struct beacon *b, const Eocbus__V1__Envelope *m, bool linked, int64_t now_us)
{
    struct beacon_item one = {.due_us = now_us + (linked ? b->set.after_us : 0),
                              .ends_us = now_us + b->set.valid_min * INT64_C(60000000)};

    if (!is_worth_it(b, m) ||
        compact_make(one.bytes, &one.len, m, b->set.valid_min, &b->set.key) != ST_OK)
        return;
    memcpy(one.id, m->message_id.data, sizeof(one.id));
    for (unsigned i = 0; i < b->count; i++)
        if (memcmp(b->item[i].id, one.id, sizeof(one.id)) == 0)
            return; /* put again: it waits already */
    make_place(b);
    b->item[b->count++] = one;
}

void beacon_put(struct beacon *b, const uint8_t id[16], uint64_t tag)
{
    for (unsigned i = 0; i < b->count; i++)
        if (memcmp(b->item[i].id, id, 16) == 0)
            b->item[i].tag = tag;
}

void beacon_stored(struct beacon *b, uint64_t tag)
{
    for (unsigned i = 0; i < b->count; i++) {
        if (!tag || b->item[i].tag != tag)
            continue;
        /* What is on its way cannot be called back; it is not said again. */
        if (b->item[i].is_out)
            b->item[i].ends_us = INT64_MIN;
        else
            drop(b, i);
        return;
    }
}

static bool is_out(const struct beacon *b)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->item[i].is_out)
            return true;
    return false;
}

const struct beacon_item *beacon_next(struct beacon *b, int64_t now_us)
{
    if (is_out(b))
        return NULL;
    for (unsigned i = b->count; i-- > 0;) {
        if (now_us < b->item[i].ends_us)
            continue;
        drop(b, i);
        b->given_up++;
    }
    for (unsigned i = b->count; i-- > 0;) {
        if (now_us < b->item[i].due_us)
            continue;
        b->item[i].is_out = true;
        b->item[i].tries++;
        return &b->item[i];
    }
    return NULL;
}

void beacon_answered(struct beacon *b, bool ok, int64_t now_us)
{
    for (unsigned i = 0; i < b->count; i++) {
        struct beacon_item *one = &b->item[i];

        if (!one->is_out)
            continue;
        one->is_out = false;
        one->due_us = now_us + BEACON_AGAIN_S * INT64_C(1000000);
        b->said += ok;
        if (ok || one->ends_us == INT64_MIN)
            drop(b, i);
        return;
    }
}
