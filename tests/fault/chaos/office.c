/* office - a sender: puts as fast as it is let, a batch and a commit at a time, and writes down in
 * its book what it is about to put, what is safe, and what became of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "tests/fault/chaos/chaos.h"
#include "tests/lib/gen_message.h"
#include "tests/lib/ledger.h"

#include "proto/base/banned.h"

enum {
    BATCH = 100,
    WAITING_MOST = 4000, /* behind that it rests until receipts come */
    FULL_PAUSE_US = 100000,
    RAW_BIT = 55, /* of a tag: put without a place */
    OUTBOX_BUDGET = 96 << 20,
    SMALL_BUDGET = 12 << 20,
};

static struct {
    struct loop *loop;
    struct agent *agent;
    struct ledger *book;
    struct office_seen *seen;
    struct gen gen;
    unsigned number;
    uint64_t said;
    uint8_t bytes[4096];
} office;

static _Noreturn void say_and_end(const char *what)
{
    fprintf(stderr, "office %u: %s\n", office.number, what);
    exit(AGENT_FAILED);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    bool is_raw = tag >> RAW_BIT & 1;
    unsigned lane = outbox_tag_lane(tag);
    uint64_t lane_seq = is_raw ? 0 : tag & ((UINT64_C(1) << RAW_BIT) - 1);

    (void)arg;
    atomic_store(&office.seen->receipt_us, clock_us());
    if (oc->stored) {
        ledger_line(office.book, "s %u %" PRIu64 " %" PRIu64 "%s", lane, lane_seq, oc->seq,
                    oc->repeated ? " repeated" : "");
        atomic_fetch_add(&office.seen->stored, 1);
    } else {
        ledger_line(office.book, "r %u %" PRIu64 " %s", lane, lane_seq, oc->code);
        atomic_fetch_add(&office.seen->refused, 1);
    }
}

/* What an office says: mostly what instruments report, some words of people, a few alarms. */
static void fill_body(Eocbus__V1__Envelope *m, Eocbus__V1__SensorStatus *status,
                      Eocbus__V1__GeneralMessage *words, char text[64])
{
    unsigned dice = (unsigned)gen_below(&office.gen, 1000);

    snprintf(text, 64, "message %" PRIu64 " of office %u", office.said, office.number);
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->status = EOCBUS__V1__STATUS__STATUS_TEST;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    if (dice < 3)
        m->lane = EOCBUS__V1__LANE__LANE_FLASH;
    else if (dice < 50)
        m->lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    else
        m->lane = (Eocbus__V1__Lane)(3 + dice % 3);
    if (dice < 150) {
        words->from_role = (char *)(uintptr_t) "duty officer";
        words->subject = (char *)(uintptr_t) "chaos";
        words->text = text;
        m->body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
        m->general_message = words;
        return;
    }
    status->uptime_s = (uint32_t)office.said;
    status->mode = EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_NORMAL;
    status->software = text;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_STATUS;
    m->sensor_status = status;
}

/* The last words: of the kind that every listener wants and counts. */
static void make_last(Eocbus__V1__Envelope *m, Eocbus__V1__GeneralMessage *words, char text[64])
{
    words->from_role = (char *)(uintptr_t) "duty officer";
    words->subject = (char *)(uintptr_t) "the end";
    words->text = text;
    m->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m->general_message = words;
}

static enum status put_one(bool is_last)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SensorStatus status = EOCBUS__V1__SENSOR_STATUS__INIT;
    Eocbus__V1__GeneralMessage words = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    struct refusal why = {0};
    uint64_t tag;
    char text[64];
    enum status st;
    size_t len;

    office.said++;
    fill_body(&m, &status, &words, text);
    if (is_last)
        make_last(&m, &words, text);
    m.event_time_us = loop_utc_us(office.loop);
    /* One in fifty has an end: soon enough that some are over before they are stored. */
    if (!is_last && m.lane > EOCBUS__V1__LANE__LANE_IMMEDIATE && gen_below(&office.gen, 50) == 0)
        m.not_after_us = m.event_time_us + (int64_t)gen_below(&office.gen, 3000000) + 1;
    st = agent_put(office.agent, &m, &tag, &why);
    if (st == ST_FULL)
        return st;
    if (st != ST_OK)
        say_and_end(why.text[0] ? why.text : outbox_trouble(agent_outbox(office.agent)));
    if ((tag & ((UINT64_C(1) << RAW_BIT) - 1)) != m.lane_seq)
        say_and_end("a tag is not what this test takes it for");
    if (eocbus__v1__envelope__get_packed_size(&m) > sizeof(office.bytes))
        say_and_end("a message is too long");
    len = eocbus__v1__envelope__pack(&m, office.bytes);
    ledger_line(office.book, "i %u %" PRIu64 " %016" PRIx64, (unsigned)m.lane, m.lane_seq,
                checker_digest(office.bytes, len));
    return ST_OK;
}

/* Bytes that no gate lets in: to be refused, and kept. */
static enum status put_garbage(void)
{
    struct outbox *o = agent_outbox(office.agent);
    char text[64];
    uint64_t tag;
    int len = snprintf(text, sizeof(text), "\x07garbage %016" PRIx64, gen_u64(&office.gen));
    enum status st = outbox_put_raw(o, 4, text, (size_t)len, &tag);

    if (st == ST_OK)
        ledger_line(office.book, "w %016" PRIx64, checker_digest(text, (size_t)len));
    else if (st != ST_FULL)
        say_and_end(outbox_trouble(o));
    return st;
}

static uint64_t count_put(void)
{
    struct outbox_counts counts;

    if (outbox_counts(agent_outbox(office.agent), &counts) != ST_OK)
        say_and_end("no counts");
    return counts.put;
}

static void put_batch(unsigned count, bool is_last)
{
    enum status st = ST_OK;
    uint64_t before = count_put();
    unsigned n = 0;

    if (!is_last && gen_below(&office.gen, 40) == 0)
        st = put_garbage();
    /* Written before the next put: that one may make durable what came before it. */
    ledger_write(office.book);
    while (st == ST_OK && n < count && (st = put_one(is_last)) == ST_OK) {
        ledger_write(office.book);
        n++;
    }
    atomic_fetch_add(&office.seen->put, n);
    do
        st = agent_flush(office.agent);
    while (st == ST_AGAIN);
    if (st == ST_OK) {
        ledger_line(office.book, "c");
        atomic_fetch_add(&office.seen->safe, n);
        atomic_store(&office.seen->put_us, clock_us());
    } else if (st == ST_FULL) {
        ledger_line(office.book, "c %" PRIu64, count_put() - before); /* what puts made durable */
        ledger_line(office.book, "x");
    } else {
        say_and_end(outbox_trouble(agent_outbox(office.agent)));
    }
    if (n < count || st == ST_FULL)
        atomic_fetch_add(&office.seen->full, 1);
    ledger_write(office.book);
}

static uint64_t count_waiting(void)
{
    struct agent_state state;

    agent_state(office.agent, &state);
    atomic_store(&office.seen->waiting, state.waiting);
    return state.waiting;
}

static void put_until_told(const struct shared *shared)
{
    uint64_t next_us = clock_us(), full = 0;

    while (!atomic_load(&shared->offices_end)) {
        uint64_t now_us = clock_us(), rate = atomic_load(&shared->rate);

        loop_turn(office.loop, 5);
        ledger_write(office.book);
        if (now_us < next_us || count_waiting() > WAITING_MOST)
            continue;
        put_batch(BATCH, false);
        /* Who was held up may catch up on two seconds of it. */
        next_us += BATCH * 1000000ull / (rate ? rate : 1);
        if (next_us + 2000000 < now_us)
            next_us = now_us - 2000000;
        if (full != atomic_load(&office.seen->full))
            next_us = now_us + FULL_PAUSE_US;
        full = atomic_load(&office.seen->full);
    }
}

static void wait_for_receipts(void)
{
    while (count_waiting()) {
        loop_turn(office.loop, 20);
        ledger_write(office.book);
    }
}

static void open_office(const struct agent_words *words)
{
    const struct agent_events events = {.settled = on_settled};
    bool is_small = words->number == SMALL_OFFICE;
    char name[32], key_file[PATH], outbox[PATH], err[512];
    struct agent_settings set = {.name = (char *)(uintptr_t)office_name(words->number, name),
                                 .key_file = key_file,
                                 .broker_key = (char *)(uintptr_t)words->broker_key,
                                 .outbox_path = outbox,
                                 .outbox_budget = is_small ? SMALL_BUDGET : OUTBOX_BUDGET,
                                 .link_profile = (char *)(uintptr_t) "fiber"};

    snprintf(key_file, sizeof(key_file), "%s/p%u.key", words->dir, words->number);
    snprintf(outbox, sizeof(outbox), "%s/%sp%u.out", words->dir, is_small ? "small/" : "",
             words->number);
    set.endpoints.items = words->endpoints;
    set.endpoints.count = words->endpoint_count;
    while (agent_create(&office.agent, office.loop, &set, "chaos 0", &events, err, sizeof(err)) !=
           ST_OK) {
        if (!is_small)
            say_and_end(err);
        rest_ms(100); /* no room to open it: the disk is full just now */
    }
}

_Noreturn void run_office(const struct agent_words *words)
{
    struct shared *shared = shared_map(words->dir, false);
    char path[PATH];

    log_set_level(LOG_ERROR);
    office.number = words->number;
    office.seen = &shared->office[words->number];
    gen_seed(&office.gen, clock_us() * 31 + words->number);
    snprintf(path, sizeof(path), "%s/p%u.book", words->dir, words->number);
    office.book = ledger_open(path);
    if (!office.book || loop_create(&office.loop) != ST_OK)
        say_and_end("no book or no loop");
    ledger_line(office.book, "b");
    open_office(words);
    ledger_line(office.book, "e %" PRIu64, outbox_epoch(agent_outbox(office.agent)));
    put_until_told(shared);
    wait_for_receipts();
    put_batch(1, true); /* so that the log ends with what every listener must hear */
    wait_for_receipts();
    agent_destroy(office.agent);
    loop_destroy(office.loop);
    ledger_close(office.book);
    exit(0);
}
