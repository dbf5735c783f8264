/* inputs - see inputs.h. */
#include "agents/sensor/input/inputs.h"

#include <stdio.h>
#include <string.h>

#include "agents/sensor/input/listen.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

#define TICK_MS       1000
#define SEGMENT_BYTES (1u << 20)
#define DAY_US        INT64_C(86400000000)

struct inputs {
    struct inputs_settings set;
    struct journal *journal;
    struct intake *intake;
    struct loop_hook *hook;
    struct loop_timer *timer;
    struct listener *listener;
};

static int before_wait(void *arg)
{
    struct inputs *in = arg;
    char why[INTAKE_ANSWER_BYTES];

    /* Who waits is told; what went wrong is logged. */
    if (intake_pending(in->intake) || intake_is_due(in->intake))
        (void)!intake_commit(in->intake, why);
    return 0;
}

static void after_wait(void *arg)
{
    (void)arg;
}

static void on_tick(void *arg)
{
    struct inputs *in = arg;

    intake_tick(in->intake, loop_utc_us(in->set.loop));
}

static enum status open_journal(struct inputs *in, char *err, size_t err_size)
{
    const struct inputs_conf *conf = in->set.conf;
    struct journal_settings set = {.budget_bytes = conf->journal_budget,
                                   .segment_bytes = SEGMENT_BYTES,
                                   .keep_us = conf->journal_keep_days * DAY_US,
                                   .now_us = loop_utc_us(in->set.loop)};
    char beside[1024];

    snprintf(beside, sizeof(beside), "%s.journal", in->set.outbox_path);
    set.path = *conf->journal_path ? conf->journal_path : beside;
    return journal_open(&in->journal, &set, err, err_size);
}

static enum status open_intake(struct inputs *in, char *err, size_t err_size)
{
    struct intake_settings set = in->set.intake;
    struct journal_counts counts;
    enum status st;

    set.journal = in->journal;
    set.now_us = loop_utc_us(in->set.loop);
    st = intake_create(&in->intake, &set, err, err_size);
    if (st != ST_OK)
        return st;
    journal_counts(in->journal, &counts);
    if (counts.damaged)
        log_error("sensor.journal.damaged", "stretches=%llu next=\"what could be read is used\"",
                  (unsigned long long)counts.damaged);
    st = loop_hook_create(&in->hook, in->set.loop, before_wait, after_wait, in);
    if (st == ST_OK)
        st = loop_timer_create(&in->timer, in->set.loop, on_tick, in);
    if (st == ST_OK)
        loop_timer_start(in->timer, TICK_MS, TICK_MS);
    return st;
}

static enum status open_listener(struct inputs *in, char *err, size_t err_size)
{
    const struct listener_settings door = {.loop = in->set.loop,
                                           .intake = in->intake,
                                           .address = in->set.conf->listen,
                                           .connections = in->set.conf->listen_connections,
                                           .period_ms = TICK_MS};
    enum status st;

    if (!*door.address)
        return ST_OK;
    st = listener_create(&in->listener, &door, err, err_size);
    if (st == ST_OK)
        log_info("sensor.listen", "address=%s port=%u", door.address, listener_port(in->listener));
    return st;
}

enum status inputs_create(struct inputs **out, const struct inputs_settings *set, char *err,
                          size_t err_size)
{
    struct inputs *in = mem_zalloc(sizeof(*in));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!in)
        return ST_NOMEM;
    in->set = *set;
    st = open_journal(in, err, err_size);
    if (st == ST_OK)
        st = open_intake(in, err, err_size);
    if (st == ST_OK)
        st = open_listener(in, err, err_size);
    if (st != ST_OK) {
        inputs_destroy(in);
        return st;
    }
    *out = in;
    return ST_OK;
}

void inputs_destroy(struct inputs *in)
{
    if (!in)
        return;
    if (in->intake)
        intake_flush(in->intake, loop_utc_us(in->set.loop));
    listener_destroy(in->listener);
    loop_hook_destroy(in->hook);
    loop_timer_destroy(in->timer);
    intake_destroy(in->intake);
    journal_close(in->journal);
    mem_free(in);
}

struct intake *inputs_intake(struct inputs *in)
{
    return in->intake;
}
