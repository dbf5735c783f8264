/* store_world - see store_world.h. */
#include "tests/lib/store_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

static void on_settled(void *arg, struct parcel *p)
{
    struct world *w = arg;
    unsigned sender = (unsigned)p->principal_id - 1;

    w->settled++;
    if (p->refused) {
        w->refused++;
        snprintf(w->last_code, sizeof(w->last_code), "%s", p->refused->code);
        snprintf(w->last_text, sizeof(w->last_text), "%s", p->refused->text);
        return;
    }
    w->last_seq = p->seq;
    if (p->repeated)
        w->repeated++;
    else
        w->stored++;
    if (sender < SENDERS) {
        w->lanes_in_order = w->lanes_in_order && p->id.lane_seq > w->lane_settled[sender];
        w->lane_settled[sender] = p->id.lane_seq;
    }
}

static void on_settled_all(void *arg)
{
    ((struct world *)arg)->batches++;
}

static void on_again(void *arg, struct parcel *p)
{
    struct world *w = arg;

    w->again++;
    if (w->on_again)
        w->on_again(p);
}

static void on_epoch(void *arg, uint32_t log_epoch)
{
    struct world *w = arg;

    w->log_epoch = log_epoch;
    w->next_last = store_head(w->store);
}

static void on_next(void *arg, struct parcel **take)
{
    struct world *w = arg;

    w->next_in_order = w->next_in_order && (*take)->seq == w->next_last + 1 && !(*take)->history;
    w->next_last = (*take)->seq;
    w->next_count++;
    parcel_drop(take);
}

static void on_here(void *arg, bool here, uint32_t log_epoch, uint64_t head)
{
    struct world *w = arg;

    (void)log_epoch;
    (void)head;
    w->here = here;
    w->away += !here;
}

static void on_principals(void *arg)
{
    ((struct world *)arg)->principals++;
}

struct store *world_store(struct world *w, unsigned commit_ms)
{
    const struct store_settings set = {
        .loop = w->loop,
        .conninfo = w->conninfo ? w->conninfo : pgserver_conninfo(w->pg, "bus_ingest"),
        .broker = "hub",
        .batch_rows = 512,
        .queue_rows = 8192,
        .queue_bytes = 32 * 1024 * 1024,
        .commit_ms = commit_ms,
        .follow_ms = 100,
    };
    const struct store_exits exits = {
        .arg = w,
        .settled = on_settled,
        .settled_all = on_settled_all,
        .again = on_again,
        .epoch = on_epoch,
        .next = on_next,
        .here = on_here,
        .principals = on_principals,
    };
    struct store *s;

    assert_int_equal(store_create(&s, &set, &exits), ST_OK);
    return s;
}

struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    log_set_level(LOG_ERROR);
    w->pg = pgserver_start();
    w->next_in_order = w->lanes_in_order = true;
    assert_int_equal(loop_create(&w->loop), ST_OK);
    w->store = world_store(w, PATIENT_MS);
    TURN_UNTIL(w, w->here);
    return w;
}

void world_close(struct world *w)
{
    store_destroy(w->store);
    loop_destroy(w->loop);
    pgserver_end(w->pg);
    free(w);
}

struct parcel *world_parcel(struct world *w, int sender, uint64_t lane_seq, const char *text)
{
    char content[320];
    int len = snprintf(content, sizeof(content), "%s %d %llu %0200d", text, sender,
                       (unsigned long long)lane_seq, 7);
    struct parcel *p = parcel_create(content, (size_t)len, NULL, 0);
    uint8_t random[10];

    assert_non_null(p);
    loop_random(w->loop, random, sizeof(random));
    id_make(p->message_id, loop_utc_us(w->loop), random);
    p->principal_id = sender + 1;
    p->id = (struct parcel_identity){.epoch = 77, .lane = 4, .lane_seq = lane_seq};
    p->type = 201; /* not one that the projector reads */
    p->status = 1;
    snprintf(p->places, sizeof(p->places), "3505203");
    p->event_time_us = p->sent_time_us = p->received_time_us = loop_utc_us(w->loop);
    return p;
}

void world_submit(struct world *w, struct parcel *p)
{
    assert_int_equal(store_submit(w->store, &p), ST_OK);
}
