/* downlink_sub - a subscription made of what the program wants, and its end. */
#include "agents/link/downlink_parts.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/wire/topic.h"

#include "proto/base/banned.h"

#define CREDIT_DEFAULT 256u
#define CREDIT_MOST    65536u

static enum status copy_patterns(struct sub *s, const struct agent_subscription *from, char *err,
                                 size_t err_size)
{
    s->patterns = mem_zalloc(from->pattern_count * sizeof(*s->patterns));
    if (!s->patterns)
        return ST_NOMEM;
    for (unsigned i = 0; i < from->pattern_count; i++) {
        const char *fault = pattern_fault(from->patterns[i]);

        if (fault) {
            snprintf(err, err_size, "pattern %s: %s", from->patterns[i], fault);
            return ST_INVALID;
        }
        s->patterns[i] = mem_strdup(from->patterns[i]);
        if (!s->patterns[i])
            return ST_NOMEM;
        s->pattern_count++;
    }
    return ST_OK;
}

static enum status open_inbox_named(struct inbox **out, const struct agent_subscription *from,
                                    const char *of, char *err, size_t err_size)
{
    struct buf name = {0};
    enum status st = ST_NOMEM;

    if (from->name)
        buf_puts(&name, from->name);
    for (unsigned i = 0; !from->name && i < from->pattern_count; i++) {
        buf_puts(&name, i ? " " : "");
        buf_puts(&name, from->patterns[i]);
    }
    buf_puts(&name, of);
    buf_put(&name, "", 1);
    if (!name.failed)
        st = inbox_open(out, from->inbox_path, (const char *)name.data, err, err_size);
    buf_free(&name);
    return st;
}

/* One of a family begins where all of it was before it became one. */
static enum status open_inbox(struct sub *s, const struct agent_subscription *from, const char *of,
                              char *err, size_t err_size)
{
    enum status st = open_inbox_named(&s->inbox, from, of, err, err_size);
    struct inbox *whole = NULL;
    uint32_t log_epoch;
    uint64_t seq;

    if (st != ST_OK || !of[0] || inbox_place(s->inbox, &log_epoch, &seq))
        return st;
    st = open_inbox_named(&whole, from, "", err, err_size);
    if (st == ST_OK && inbox_place(whole, &log_epoch, &seq))
        inbox_move(s->inbox, log_epoch, seq);
    inbox_close(whole);
    return st;
}

static enum status fill_sub(struct sub *s, const struct agent_subscription *from, const char *of,
                            char *err, size_t err_size)
{
    enum status st;

    s->credit = from->credit ? from->credit : CREDIT_DEFAULT;
    if (s->credit > CREDIT_MOST)
        s->credit = CREDIT_MOST;
    s->from_now = from->from_now;
    s->numbered_copies = from->numbered_copies;
    s->to_me = from->to_me;
    s->lane_count = from->lane_count;
    memcpy(s->lanes, from->lanes, sizeof(s->lanes));
    s->wants_lasts = from->last_values;
    s->start_time_us = from->after_time_us;
    s->upto = from->upto;
    s->on_disk = from->inbox_path != NULL;
    s->start = from->after;
    s->arg = from->arg;
    s->message = from->message;
    s->horizon = from->horizon;
    s->withdrawn = from->withdrawn;
    st = copy_patterns(s, from, err, err_size);
    if (st == ST_OK && from->durable_name) {
        s->durable_name = mem_strdup(from->durable_name);
        s->left_behind = 1;
        st = s->durable_name ? ST_OK : ST_NOMEM;
    }
    if (st == ST_OK)
        st = open_inbox(s, from, of, err, err_size);
    if (st == ST_OK)
        st = loop_timer_create(&s->timer, s->downlink->set.loop, downlink_ask_again, s);
    if (st == ST_OK)
        st = loop_timer_create(&s->ear_timer, s->downlink->set.loop, downlink_ear_again, s);
    return st;
}

enum status downlink_add_sub(struct downlink *d, const struct agent_subscription *sub,
                             const char *of, struct sub **out, char *err, size_t err_size)
{
    struct sub *s = mem_zalloc(sizeof(*s));
    enum status st;

    if (!s)
        return ST_NOMEM;
    list_init(&s->link);
    s->downlink = d;
    st = fill_sub(s, sub, of, err, err_size);
    if (st != ST_OK) {
        downlink_destroy_sub(s);
        return st;
    }
    list_add_tail(&d->subs, &s->link);
    d->sub_count++;
    *out = s;
    return ST_OK;
}

void downlink_destroy_sub(struct sub *s)
{
    list_remove(&s->link);
    /* What was handed over in this turn is not handed over again by the next start. */
    if (s->inbox && inbox_commit(s->inbox) != ST_OK)
        log_error("inbox.commit.failed", "pattern=%s: some messages will come again",
                  s->pattern_count ? s->patterns[0] : "");
    for (unsigned i = 0; i < s->pattern_count; i++)
        mem_free(s->patterns[i]);
    mem_free(s->patterns);
    mem_free(s->durable_name);
    loop_timer_destroy(s->timer);
    loop_timer_destroy(s->ear_timer);
    inbox_close(s->inbox);
    mem_free(s);
}
