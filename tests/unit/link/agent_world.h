/* agent_world - an agent, and a broker that the test plays: two of them, where one falls. */
#ifndef EOCBUS_TESTS_UNIT_LINK_AGENT_WORLD_H
#define EOCBUS_TESTS_UNIT_LINK_AGENT_WORLD_H

#include "agents/link/agent.h"
#include "agents/link/inbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/base/utc.h"
#include "tests/lib/fake_broker.h"
#include "tests/lib/patience.h"

static struct loop *loop;
static struct fake_broker broker, second;
static struct keys keys;
static struct agent *agent;
static char dir[64], key_file[96], outbox_path[96], inbox_path[96], err[512];
static char *endpoints[2];
static char log_text[65536];

static struct {
    unsigned ups, downs, settled, stored, drained, faults, messages, as_history, unread, withdrawn;
    struct outbox_outcome last;
    uint64_t seqs[256], horizon;
    char why[256];
    bool refuse_messages, looks_on_disk, was_waiting_on_disk;
} saw;

static inline void catch_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    if (strlen(log_text) + strlen(line) + 2 < sizeof(log_text)) {
        strncat(log_text, line, sizeof(log_text) - strlen(log_text) - 1);
        strncat(log_text, "\n", sizeof(log_text) - strlen(log_text) - 1);
    }
}

static inline void on_linked(void *arg, bool up, const char *why)
{
    (void)arg;
    saw.ups += up;
    saw.downs += !up;
    snprintf(saw.why, sizeof(saw.why), "%s", why);
}

/* Another reader of the file must see the receipt by now: it is on disk. */
static inline bool is_still_waiting_on_disk(uint64_t tag)
{
    struct outbox_settings set = {.path = outbox_path, .sender = "rcst.ayni.team2"};
    struct outbox *reader;
    int row_state;

    assert_int_equal(outbox_open(&reader, &set, err, sizeof(err)), ST_OK);
    assert_int_equal(outbox_state(reader, tag, &row_state, NULL, NULL), ST_OK);
    outbox_close(reader);
    return row_state == OUTBOX_WAITING;
}

static inline void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    saw.settled++;
    saw.stored += oc->stored;
    saw.last = *oc;
    if (saw.looks_on_disk)
        saw.was_waiting_on_disk |= is_still_waiting_on_disk(tag);
}

static inline void on_drained(void *arg)
{
    (void)arg;
    saw.drained++;
}

static inline void on_fault(void *arg, const Eocbus__V1__Fault *f)
{
    (void)arg;
    (void)f;
    saw.faults++;
}

static inline bool on_delivery(void *arg, const Eocbus__V1__Delivery *d,
                               const Eocbus__V1__Envelope *m)
{
    (void)arg;
    if (saw.refuse_messages)
        return false;
    saw.unread += !m;
    if (saw.messages < ARRAY_LEN(saw.seqs))
        saw.seqs[saw.messages] = d->stamp->seq;
    saw.as_history += d->history;
    saw.messages++;
    return true;
}

static inline void on_horizon(void *arg, uint64_t horizon)
{
    (void)arg;
    saw.horizon = horizon;
}

static inline void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    (void)arg;
    assert_string_equal(w->code, "database");
    saw.withdrawn++;
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&saw, 0, sizeof(saw));
    memset(&broker, 0, sizeof(broker));
    memset(&second, 0, sizeof(second));
    log_text[0] = '\0';
    snprintf(dir, sizeof(dir), "/tmp/eocbus-agent-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(key_file, sizeof(key_file), "%s/key", dir);
    snprintf(outbox_path, sizeof(outbox_path), "%s/out", dir);
    snprintf(inbox_path, sizeof(inbox_path), "%s/in", dir);
    assert_int_equal(keys_generate(&keys), ST_OK);
    assert_int_equal(keys_save(&keys, key_file, "rcst.ayni.team2", err, sizeof(err)), ST_OK);
    assert_int_equal(loop_create(&loop), ST_OK);
    fake_broker_open(&broker, loop, "tcp://127.0.0.1:*");
    agent = NULL;
    return 0;
}

static inline int tear_down(void **state)
{
    const struct dirent *entry;
    DIR *d;

    (void)state;
    agent_destroy(agent);
    if (broker.port)
        fake_broker_close(&broker);
    if (second.port)
        fake_broker_close(&second);
    loop_destroy(loop);
    d = opendir(dir);
    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    return rmdir(dir);
}

static inline struct agent_settings settings(const char *profile)
{
    struct agent_settings set = {.name = (char *)"rcst.ayni.team2",
                                 .key_file = key_file,
                                 .broker_key = broker.keys.public_z85,
                                 .outbox_path = outbox_path,
                                 .outbox_budget = 16 << 20,
                                 .link_profile = (char *)profile};

    endpoints[0] = broker.endpoint;
    set.endpoints.items = endpoints;
    set.endpoints.count = 1;
    return set;
}

static const struct agent_events events = {
    .linked = on_linked, .settled = on_settled, .drained = on_drained, .fault = on_fault};

static inline void start_with(const struct agent_settings *set)
{
    if (agent_create(&agent, loop, set, "test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static inline void start(void)
{
    struct agent_settings set = settings("fiber");

    start_with(&set);
}

#define WAIT_FOR(condition) WAIT_UNTIL(condition, 60, loop_turn(loop, 50), "in vain")

static inline void fill(Eocbus__V1__Envelope *m, Eocbus__V1__ActivityLogEntry *entry,
                        Eocbus__V1__Lane lane, const char *text)
{
    eocbus__v1__envelope__init(m);
    eocbus__v1__activity_log_entry__init(entry);
    entry->position = (char *)"duty officer";
    entry->text = (char *)text;
    m->lane = lane;
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = loop_utc_us(loop);
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m->activity_log_entry = entry;
}

static inline uint64_t put(Eocbus__V1__Lane lane, const char *text)
{
    Eocbus__V1__ActivityLogEntry entry;
    Eocbus__V1__Envelope m;
    struct refusal why = {0};
    uint64_t tag = 0;

    fill(&m, &entry, lane, text);
    if (agent_put(agent, &m, &tag, &why) != ST_OK)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    return tag;
}

/* Takes the place of the kernel's word (proto/base/utc.h). */
void utc_ask(struct utc_state *out)
{
    *out = (struct utc_state){.is_known = true, .is_kept = true, .err_ms = 12};
}

#define ROUTINE EOCBUS__V1__LANE__LANE_ROUTINE
#define BULK    EOCBUS__V1__LANE__LANE_BULK

/* --- what it hears --------------------------------------------------------------------------- */

static uint8_t content[2048];
static size_t content_len;

static int64_t until_us; /* of the next make_content */

static inline void make_content(Eocbus__V1__Lane lane, uint8_t id_byte)
{
    static uint8_t id[16];
    Eocbus__V1__ActivityLogEntry entry;
    Eocbus__V1__Envelope m;

    memset(id, id_byte, sizeof(id));
    fill(&m, &entry, lane, "heard");
    m.message_id.data = m.originating_id.data = id;
    m.message_id.len = m.originating_id.len = 16;
    id[6] = 0x70;
    id[8] = 0x80;
    m.schema = 1000;
    m.sender = (char *)"coes.dushanbe.duty";
    m.epoch = m.lane_seq = 1;
    m.sent_time_us = m.event_time_us;
    m.not_after_us = until_us;
    content_len = eocbus__v1__envelope__pack(&m, content);
}

static inline void subscribe(const char *inbox, unsigned credit)
{
    static const char *const patterns[] = {"actual.**"};
    const struct agent_subscription sub = {.patterns = patterns,
                                           .pattern_count = 1,
                                           .inbox_path = inbox,
                                           .credit = credit,
                                           .message = on_delivery,
                                           .horizon = on_horizon,
                                           .withdrawn = on_withdrawn};

    if (agent_subscribe(agent, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static inline void deliver(uint64_t seq, uint64_t previous)
{
    fake_broker_deliver(&broker, seq, previous, content, content_len);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
