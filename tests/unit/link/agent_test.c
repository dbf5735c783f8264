/* The agent against a broker that the test plays: hello, publish, receipts, trouble, listening. */
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

#define DEADLINE_MS 60000

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

static void catch_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    if (strlen(log_text) + strlen(line) + 2 < sizeof(log_text)) {
        strncat(log_text, line, sizeof(log_text) - strlen(log_text) - 1);
        strncat(log_text, "\n", sizeof(log_text) - strlen(log_text) - 1);
    }
}

static void on_linked(void *arg, bool up, const char *why)
{
    (void)arg;
    saw.ups += up;
    saw.downs += !up;
    snprintf(saw.why, sizeof(saw.why), "%s", why);
}

/* Another reader of the file must see the receipt by now: it is on disk. */
static bool is_still_waiting_on_disk(uint64_t tag)
{
    struct outbox_settings set = {.path = outbox_path, .sender = "rcst.ayni.team2"};
    struct outbox *reader;
    int row_state;

    assert_int_equal(outbox_open(&reader, &set, err, sizeof(err)), ST_OK);
    assert_int_equal(outbox_state(reader, tag, &row_state, NULL, NULL), ST_OK);
    outbox_close(reader);
    return row_state == OUTBOX_WAITING;
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    saw.settled++;
    saw.stored += oc->stored;
    saw.last = *oc;
    if (saw.looks_on_disk)
        saw.was_waiting_on_disk |= is_still_waiting_on_disk(tag);
}

static void on_drained(void *arg)
{
    (void)arg;
    saw.drained++;
}

static void on_fault(void *arg, const Eocbus__V1__Fault *f)
{
    (void)arg;
    (void)f;
    saw.faults++;
}

static bool on_delivery(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
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

static void on_horizon(void *arg, uint64_t horizon)
{
    (void)arg;
    saw.horizon = horizon;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    (void)arg;
    assert_string_equal(w->code, "database");
    saw.withdrawn++;
}

static int set_up(void **state)
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

static int tear_down(void **state)
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

static struct agent_settings settings(const char *profile)
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

static void start_with(const struct agent_settings *set)
{
    if (agent_create(&agent, loop, set, "test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void start(void)
{
    struct agent_settings set = settings("fiber");

    start_with(&set);
}

#define WAIT_FOR(condition) WAIT_UNTIL(condition, 60, loop_turn(loop, 50), "in vain")

static void fill(Eocbus__V1__Envelope *m, Eocbus__V1__ActivityLogEntry *entry,
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

static uint64_t put(Eocbus__V1__Lane lane, const char *text)
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

/* --- sending ---------------------------------------------------------------------------------- */

static void a_message_says_how_good_its_clock_is_unless_the_program_did(void **state)
{
    Eocbus__V1__ActivityLogEntry entry;
    Eocbus__V1__Envelope m;
    struct refusal why = {0};

    (void)state;
    start();
    fill(&m, &entry, ROUTINE, "one");
    assert_int_equal(agent_put(agent, &m, NULL, &why), ST_OK);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP);
    assert_int_equal(m.clock_err_ms, 12);
    fill(&m, &entry, ROUTINE, "two");
    m.clock_source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS;
    assert_int_equal(agent_put(agent, &m, NULL, &why), ST_OK);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS);
    assert_int_equal(m.clock_err_ms, 0);
}

static void what_is_put_is_stored_and_told_after_it_is_on_disk(void **state)
{
    struct agent_state st;

    (void)state;
    saw.looks_on_disk = true;
    start();
    put(ROUTINE, "one");
    put(ROUTINE, "two");
    WAIT_FOR(saw.settled == 2 && saw.drained == 1);
    assert_int_equal(saw.stored, 2);
    assert_int_equal(saw.ups, 1);
    assert_false(saw.was_waiting_on_disk);
    assert_int_equal(broker.publishes, 1); /* one turn, one Publish */
    agent_state(agent, &st);
    assert_true(st.linked && st.sends && st.clock_known);
    assert_int_equal(st.waiting, 0);
    assert_in_range(st.clock_offset_ms + 5000, 0, 10000);
}

static void a_refused_message_is_told_with_its_reason_and_kept(void **state)
{
    struct agent_state st;

    (void)state;
    broker.refuse = "conflict";
    start();
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    assert_false(saw.last.stored);
    agent_state(agent, &st);
    assert_int_equal(st.refused, 1);
}

static void without_receipts_everything_is_offered_again_after_a_lost_link(void **state)
{
    char where[64];

    (void)state;
    broker.no_receipts = true;
    start();
    put(ROUTINE, "one");
    put(ROUTINE, "two");
    WAIT_FOR(broker.items == 2);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    put(ROUTINE, "three"); /* while there is no link */
    broker.no_receipts = false;
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(saw.settled == 3);
    assert_int_equal(broker.items, 5);
    assert_int_equal(broker.tags[2], broker.tags[0]);
    assert_int_equal(broker.tags[3], broker.tags[1]);
}

static void a_broker_that_forgot_us_is_greeted_again(void **state)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    (void)state;
    broker.no_receipts = true;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    fault.code = (char *)"hello";
    fault.text = (char *)"say hello first";
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    broker.no_receipts = false;
    fake_broker_send(&broker, &f);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(broker.hellos, 2);
    assert_int_equal(broker.items, 2);
    assert_int_equal(saw.faults, 1);
}

/* It ends each session as soon as it stands, for two seconds. */
static void a_broker_that_forgets_at_once_is_not_stormed(void **state)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    unsigned answered = 0;
    uint64_t end;

    (void)state;
    start();
    fault.code = (char *)"hello";
    fault.text = (char *)"say hello first";
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    end = loop_exact_us(loop) + 2000000;
    while (loop_exact_us(loop) < end ||
           (answered < 3 && loop_exact_us(loop) < end + DEADLINE_MS * UINT64_C(1000))) {
        loop_turn(loop, 10);
        if (broker.hellos == answered)
            continue;
        answered = broker.hellos;
        fake_broker_send(&broker, &f);
    }
    assert_in_range(answered, 3, 10);
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
}

static void throw_a_frame_away(void)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    fault.code = (char *)"malformed";
    fault.text = (char *)"this frame holds nothing that an agent says to a broker";
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    fake_broker_send(&broker, &f);
}

static void a_fault_about_one_frame_leaves_the_session_as_it_was(void **state)
{
    (void)state;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    throw_a_frame_away();
    put(ROUTINE, "two");
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(broker.hellos, 1);
    assert_int_equal(saw.downs, 0);
}

static void messages_that_were_thrown_away_with_their_frame_are_offered_again(void **state)
{
    (void)state;
    broker.no_receipts = true;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    throw_a_frame_away();
    broker.no_receipts = false;
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(broker.hellos, 2);
    assert_int_equal(broker.items, 2);
}

static void a_busy_broker_gets_the_lane_again_in_order(void **state)
{
    (void)state;
    broker.busy_times = 2;
    start();
    for (unsigned i = 0; i < 5; i++)
        put(ROUTINE, "x");
    WAIT_FOR(saw.settled == 5);
    assert_int_equal(broker.items, 5);
    for (unsigned i = 1; i < 5; i++)
        assert_true(broker.tags[i] > broker.tags[i - 1]);
}

static void answer_busy(uint64_t tag)
{
    Eocbus__V1__Busy busy = EOCBUS__V1__BUSY__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    busy.n_tags = 1;
    busy.tags = &tag;
    busy.retry_ms = 10;
    busy.text = (char *)"the store's queue is full";
    f.what_case = EOCBUS__V1__FRAME__WHAT_BUSY;
    f.busy = &busy;
    fake_broker_send(&broker, &f);
}

/* On a slow line the second frame is still on its way when the first one has come back. */
static void nothing_passes_what_is_on_the_way_behind_a_busy_one(void **state)
{
    uint64_t one, two, three;

    (void)state;
    broker.no_receipts = true;
    start();
    one = put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    two = put(ROUTINE, "two");
    WAIT_FOR(broker.items == 2);
    answer_busy(one);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    three = put(ROUTINE, "three");
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, 2);
    answer_busy(two);
    WAIT_FOR(broker.items == 5);
    assert_int_equal(broker.tags[2], one);
    assert_int_equal(broker.tags[3], two);
    assert_int_equal(broker.tags[4], three);
}

static void the_window_of_the_broker_is_never_passed(void **state)
{
    (void)state;
    broker.window_items = 8;
    broker.no_receipts = true;
    start();
    for (unsigned i = 0; i < 50; i++)
        put(ROUTINE, "x");
    WAIT_FOR(broker.items == 7); /* one place is kept for an alarm */
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, 7);
    broker.no_receipts = false;
    fake_broker_settle_all(&broker);
    WAIT_FOR(saw.settled == 50);
}

static char long_text[1500];
enum { THIN_ITEMS = 4 }; /* of them fill the 6,800 bytes that a 2G link has on the way */

static void a_thin_link_carries_few_bytes_but_an_alarm_passes_at_once(void **state)
{
    struct agent_settings set = settings("2g");
    uint64_t tag;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    broker.no_receipts = true;
    start_with(&set);
    WAIT_FOR(broker.hellos == 2 && broker.pings == 2); /* each Welcome was read */
    for (unsigned i = 0; i < 10; i++)
        put(BULK, long_text);
    WAIT_FOR(broker.items == THIN_ITEMS);
    /* raw: what is in an alarm is not the question here */
    assert_int_equal(outbox_put_raw(agent_outbox(agent), 1, "alarm", 5, &tag), ST_OK);
    WAIT_FOR(broker.items == THIN_ITEMS + 1);
    assert_int_equal(broker.tags[THIN_ITEMS], tag);
    /* On its own connection. */
    assert_memory_not_equal(&broker.from[THIN_ITEMS], &broker.from[0], sizeof(broker.from[0]));
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, THIN_ITEMS + 1);
    broker.no_receipts = false;
    fake_broker_settle_all(&broker);
    WAIT_FOR(broker.items == 11);
    assert_true(broker.largest_publish <= 2048);
}

static void without_a_second_connection_an_alarm_takes_the_first(void **state)
{
    struct agent_settings set = settings("2g");
    uint64_t tag;

    (void)state;
    broker.no_receipts = true;
    start_with(&set);
    WAIT_FOR(broker.hellos == 1);
    broker.hello_fault = "sessions";
    for (unsigned i = 0; i < 10; i++)
        put(BULK, long_text);
    WAIT_FOR(broker.items == THIN_ITEMS && broker.hellos > 1);
    assert_int_equal(outbox_put_raw(agent_outbox(agent), 1, "alarm", 5, &tag), ST_OK);
    WAIT_FOR(broker.items == THIN_ITEMS + 1);
    assert_int_equal(broker.tags[THIN_ITEMS], tag);
    broker.hello_fault = NULL; /* now it stands: the alarm has no receipt, so it goes there too */
    WAIT_FOR(broker.items == THIN_ITEMS + 2);
    assert_int_equal(broker.tags[THIN_ITEMS + 1], tag);
    fake_broker_settle_all(&broker);
    broker.no_receipts = false;
    WAIT_FOR(saw.settled == 11);
}

static void an_alarm_without_a_receipt_takes_the_other_connection_too(void **state)
{
    struct agent_settings set = settings("2g");
    uint64_t tag;

    (void)state;
    broker.no_receipts = true;
    start_with(&set);
    WAIT_FOR(broker.hellos == 2);
    assert_int_equal(outbox_put_raw(agent_outbox(agent), 1, "alarm", 5, &tag), ST_OK);
    WAIT_FOR(broker.items == 1);
    WAIT_FOR(broker.items == 2);
    assert_int_equal(broker.tags[1], tag);
    assert_memory_not_equal(&broker.from[1], &broker.from[0], sizeof(broker.from[0]));
    fake_broker_settle_all(&broker);
    WAIT_FOR(saw.settled == 1);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, 2); /* once is enough */
    assert_int_equal(saw.settled, 1);
}

static void a_new_log_epoch_is_offered_everything_again(void **state)
{
    char where[64];

    (void)state;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    broker.log_epoch = 2;
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(saw.last.log_epoch, 2);
}

static void after_a_restart_hello_says_what_its_receipts_said(void **state)
{
    (void)state;
    broker.log_epoch = 3;
    broker.seq = 40;
    start();
    WAIT_FOR(broker.hellos == 1);
    assert_int_equal(broker.known_seq, 0); /* nothing was ever said to it */
    put(ROUTINE, "one");
    put(BULK, "two");
    WAIT_FOR(saw.settled == 2);
    agent_destroy(agent);
    start();
    WAIT_FOR(broker.hellos == 2);
    assert_int_equal(broker.known_log_epoch, 3);
    assert_int_equal(broker.known_seq, 42);
}

/* Said by a broker that has not heard of the new log yet, where the row may be gone. */
static void a_receipt_of_an_older_log_settles_nothing(void **state)
{
    (void)state;
    broker.no_receipts = true;
    broker.log_epoch = 2;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    broker.log_epoch = 1;
    fake_broker_settle_all(&broker);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(saw.settled, 0);
    broker.log_epoch = 2;
    fake_broker_settle_all(&broker);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(saw.last.log_epoch, 2);
}

static void a_command_beside_the_daemon_puts_and_the_daemon_sends(void **state)
{
    struct outbox_settings set = {.path = outbox_path, .sender = "rcst.ayni.team2"};
    struct outbox *command;
    uint64_t tag;

    (void)state;
    start();
    WAIT_FOR(saw.ups == 1);
    assert_int_equal(outbox_open(&command, &set, err, sizeof(err)), ST_OK);
    assert_int_equal(outbox_put_raw(command, 4, "from the command line", 21, &tag), ST_OK);
    assert_int_equal(outbox_commit(command), ST_OK);
    WAIT_FOR(broker.items == 1);
    assert_int_equal(broker.tags[0], tag);
    outbox_close(command);
}

/* Junk over the page with `text`, in a file that nobody has open. */
static void spoil_page_of(const char *text)
{
    char page[4096];
    int fd = open(outbox_path, O_RDWR);
    off_t at = 0;

    assert_true(fd >= 0);
    while (pread(fd, page, sizeof(page), at) == sizeof(page) &&
           !memmem(page, sizeof(page), text, strlen(text)))
        at += (off_t)sizeof(page);
    assert_true(at > 0);
    memset(page, 0xa5, sizeof(page));
    assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
    close(fd);
}

static void a_daemon_whose_outbox_is_damaged_goes_on_by_itself(void **state)
{
    struct agent_settings away = settings("fiber");
    struct agent_state st;
    char text[40];
    uint64_t epoch;

    (void)state;
    broker.is_silent = true;
    start_with(&away);
    epoch = outbox_epoch(agent_outbox(agent));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "the row number %u of the lane", i);
        put(ROUTINE, text);
    }
    assert_int_equal(agent_flush(agent), ST_OK);
    agent_destroy(agent);
    agent = NULL;
    spoil_page_of("the row number 100 of the lane");
    broker.is_silent = false;
    start();
    put(BULK, "said after the damage");
    WAIT_FOR(saw.drained > 0);
    assert_true(outbox_epoch(agent_outbox(agent)) > epoch);
    assert_in_range(broker.items, 150, 400); /* some perhaps before and after */
    assert_non_null(strstr(log_text, "outbox.mended"));
    agent_state(agent, &st);
    assert_int_equal(st.waiting, 0);
    assert_int_equal(st.refused, 0);
}

static void a_second_daemon_on_the_same_outbox_is_refused_at_once(void **state)
{
    struct agent_settings set = settings("fiber");
    struct agent *second_one = NULL;

    (void)state;
    set.stays = true;
    start_with(&set);
    assert_int_equal(
        agent_create(&second_one, loop, &set, "eocbus-district 0.1.0", NULL, err, sizeof(err)),
        ST_EXISTS);
    assert_non_null(strstr(err, "another eocbus-district already runs with this outbox ("));
    assert_non_null(strstr(err, outbox_path));
    set.stays = false; /* a command may */
    assert_int_equal(agent_create(&second_one, loop, &set, "t", NULL, err, sizeof(err)), ST_OK);
    agent_destroy(agent);
    set.stays = true; /* and a daemon beside the command too */
    start_with(&set);
    agent_destroy(second_one);
}

static unsigned sessions_now(void)
{
    struct agent_state st;

    agent_state(agent, &st);
    return st.sessions;
}

static void the_next_endpoint_is_tried_when_one_is_gone(void **state)
{
    struct agent_settings set;

    (void)state;
    set = settings("fiber");
    second.keys = broker.keys;
    fake_broker_open(&second, loop, "tcp://127.0.0.1:*");
    endpoints[1] = second.endpoint;
    set.endpoints.count = 2;
    start_with(&set);
    WAIT_FOR(sessions_now() == 2);
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(broker.items, 1);
    fake_broker_close(&broker);
    put(ROUTINE, "two");
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(second.items, 1);
    assert_int_equal(saw.ups, 1); /* a broker does our work all the time */
    assert_int_equal(saw.downs, 0);
}

static void an_unknown_key_says_what_to_do_and_comes_back_by_itself(void **state)
{
    (void)state;
    broker.verdict = "400";
    start();
    put(ROUTINE, "one");
    WAIT_FOR(strstr(log_text, "agent.key.unknown"));
    assert_null(strstr(log_text, "agent.link.lost")); /* one line says it */
    assert_non_null(strstr(log_text, keys.public_z85));
    assert_non_null(strstr(log_text, "eocctl enrol"));
    broker.verdict = "200"; /* enrolled */
    WAIT_FOR(saw.settled == 1);
}

/* --- listening -------------------------------------------------------------------------------- */

static uint8_t content[2048];
static size_t content_len;

static int64_t until_us; /* of the next make_content */

static void make_content(Eocbus__V1__Lane lane, uint8_t id_byte)
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

static void subscribe(const char *inbox, unsigned credit)
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

static void say_taken(void)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    fault.code = (char *)"taken";
    fault.subscription = broker.subscription;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    fake_broker_send(&broker, &f);
}

/* A broker that was slow came to an old Subscribe of this agent after the new one. Once for each
 * session that was left, and once for a program that ran before: then somebody else has the name.
 */
static void a_name_that_our_own_past_has_taken_is_asked_for_again(void **state)
{
    static const char *const patterns[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .durable_name = "duty", .message = on_delivery};
    char where[64];

    (void)state;
    start();
    assert_int_equal(agent_subscribe(agent, &sub, err, sizeof(err)), ST_OK);
    WAIT_FOR(broker.subscribes == 1);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(broker.subscribes == 2);
    say_taken();
    WAIT_FOR(broker.subscribes == 3);
    say_taken();
    WAIT_FOR(broker.subscribes == 4);
    say_taken();
    for (uint64_t end_us = loop_exact_us(loop) + 1500000; loop_exact_us(loop) < end_us;)
        loop_turn(loop, 20);
    assert_int_equal(broker.subscribes, 4);
}

static void deliver(uint64_t seq, uint64_t previous)
{
    fake_broker_deliver(&broker, seq, previous, content, content_len);
}

static void each_message_is_handed_over_once_and_acknowledged(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 4);
    WAIT_FOR(broker.subscribes == 1);
    assert_true(broker.has_after);
    assert_int_equal(broker.after, 0);
    deliver(3, 0);
    deliver(5, 3);
    WAIT_FOR(broker.upto == 5);
    assert_int_equal(saw.messages, 2);
    assert_int_equal(saw.unread, 0);
    WAIT_FOR(broker.credit_given == 2); /* half of the credit is used */
    fake_broker_horizon(&broker, 9);
    WAIT_FOR(saw.horizon == 9);
}

static void what_expired_on_its_way_is_no_news(void **state)
{
    (void)state;
    start();
    subscribe(NULL, 4);
    WAIT_FOR(broker.subscribes == 1);
    until_us = loop_utc_us(loop) + 3600000000;
    make_content(ROUTINE, 1);
    deliver(3, 0);
    until_us = loop_utc_us(loop) - 3000000; /* further off than the two clocks here can be */
    make_content(ROUTINE, 2);
    deliver(4, 3);
    make_content(ROUTINE, 3);
    deliver(0, 0); /* without a number */
    until_us = 0;
    WAIT_FOR(saw.messages == 3);
    assert_int_equal(saw.as_history, 2);
}

static void after_a_lost_link_it_goes_on_behind_the_last_one(void **state)
{
    char where[64];

    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(saw.messages == 1);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
    deliver(3, 0); /* a duplicate all the same */
    deliver(4, 3);
    WAIT_FOR(saw.messages == 2);
    assert_int_equal(saw.seqs[1], 4);
}

static void an_inbox_remembers_the_place_over_a_restart(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
}

/* A number keeps the epoch in which it was given, also in a log that was restored since. */
static void what_is_older_than_a_restore_is_handed_over_like_the_rest(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    broker.log_epoch = 2;
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    broker.stamp_epoch = 1;
    deliver(3, 0);
    broker.stamp_epoch = 2;
    deliver(4, 3);
    WAIT_FOR(broker.upto == 4);
    assert_int_equal(saw.messages, 2);
}

static void who_was_behind_when_the_log_was_restored_misses_nothing(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    agent_destroy(agent);
    broker.log_epoch = 2;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 0);
    broker.stamp_epoch = 1;
    deliver(3, 0);
    deliver(5, 3); /* was in the log before, and in the backup; nobody handed it over yet */
    WAIT_FOR(broker.upto == 5);
    assert_int_equal(saw.messages, 3);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 3);
    assert_int_equal(broker.after, 5); /* of the new log */
}

/* One of several brokers may not have heard yet that the log was restored. */
static void a_broker_with_an_older_log_does_not_move_the_place(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    broker.log_epoch = broker.stamp_epoch = 2;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    agent_destroy(agent);
    broker.log_epoch = 1;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
}

static void a_hole_in_the_numbers_is_read_again(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    deliver(7, 5); /* 5 got lost */
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
    assert_int_equal(broker.unsubscribes, 1);
    assert_int_equal(saw.messages, 1);
}

static void a_program_that_cannot_take_more_gets_it_later(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    saw.refuse_messages = true;
    deliver(3, 0);
    WAIT_FOR(broker.unsubscribes == 1);
    assert_int_equal(broker.acknowledges, 0);
    saw.refuse_messages = false;
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 0);
    deliver(3, 0);
    WAIT_FOR(saw.messages == 1);
}

static void make_alarm_of(const char *sender)
{
    Eocbus__V1__Envelope *m;
    char *own;

    /* As it would come: only what a listener looks at. The gate may say what it likes of the rest.
     */
    make_content(ROUTINE, 9);
    m = eocbus__v1__envelope__unpack(NULL, content_len, content);
    m->lane = EOCBUS__V1__LANE__LANE_FLASH;
    own = m->sender;
    m->sender = (char *)sender;
    content_len = eocbus__v1__envelope__pack(m, content);
    m->sender = own;
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void make_alarm(void)
{
    make_alarm_of("coes.dushanbe.duty");
}

static void an_alarm_is_handed_over_at_its_first_copy_and_only_then(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(0, 0); /* provisional */
    deliver(0, 0); /* over another broker */
    WAIT_FOR(saw.messages == 1);
    deliver(3, 0); /* stored */
    WAIT_FOR(broker.upto == 3);
    assert_int_equal(saw.messages, 1);
    assert_int_equal(saw.seqs[0], 0);
}

static void withdraw_of(const char *sender, uint8_t id_byte)
{
    uint8_t id[16];

    memset(id, id_byte, sizeof(id));
    id[6] = 0x70;
    id[8] = 0x80;
    fake_broker_withdraw(&broker, broker.subscription, sender, id);
}

static void withdraw(uint8_t id_byte)
{
    withdraw_of("coes.dushanbe.duty", id_byte);
}

/* Who may say FLASH and guesses, or has seen, the id of another's alarm says something under it
 * first, by another broker. */
static void two_senders_alarms_of_one_id_are_two_alarms(void **state)
{
    (void)state;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    make_alarm_of("rcst.ayni.team2");
    deliver(0, 0);
    WAIT_FOR(saw.messages == 1);
    make_alarm();
    deliver(0, 0);
    WAIT_FOR(saw.messages == 2);
    withdraw_of("", 9); /* a broker that does not say whose */
    withdraw_of("rcst.ayni.team2", 9);
    WAIT_FOR(saw.withdrawn == 1);
    deliver(0, 0); /* still known, also after a restart */
    WAIT_FOR(broker.warnings_taken == 3);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    assert_int_equal(saw.messages, 2);
    make_alarm_of("rcst.ayni.team2");
    deliver(4, 3); /* it is news: it was withdrawn */
    WAIT_FOR(saw.messages == 3);
    assert_int_equal(saw.withdrawn, 1);
}

static void a_warning_takes_no_credit_and_is_acknowledged(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(NULL, 4);
    WAIT_FOR(broker.subscribes == 1);
    for (unsigned i = 0; i < 5; i++)
        deliver(0, 0);
    WAIT_FOR(broker.warnings_taken == 5);
    assert_int_equal(broker.credit_given, 0);
    deliver(3, 0);
    deliver(5, 3);
    WAIT_FOR(broker.credit_given == 2);
    assert_int_equal(broker.warnings_taken, 5);
}

static void what_is_withdrawn_is_told_once_and_is_news_if_it_is_stored_after_all(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    withdraw(7);                          /* nobody heard of it */
    deliver(0, 0);                        /* without a number */
    WAIT_FOR(broker.warnings_taken == 1); /* it is on disk */
    assert_int_equal(saw.messages, 1);
    withdraw(8); /* another one */
    withdraw(9);
    withdraw(9);
    WAIT_FOR(saw.withdrawn == 1);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    assert_int_equal(saw.messages, 2);
    assert_int_equal(saw.withdrawn, 1);
}

static void what_came_with_its_number_cannot_be_withdrawn(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(0, 0);
    deliver(3, 0); /* stored */
    WAIT_FOR(broker.upto == 3);
    withdraw(9);   /* of another message that took its id */
    deliver(0, 0); /* behind it on the same line */
    WAIT_FOR(broker.warnings_taken == 2);
    assert_int_equal(saw.messages, 1);
    assert_int_equal(saw.withdrawn, 0);
}

/* What an older program remembered is the bare id. */
static void an_alarm_that_sounded_before_the_update_does_not_sound_again(void **state)
{
    struct inbox *in;
    uint8_t id[16];

    (void)state;
    memset(id, 9, sizeof(id));
    id[6] = 0x70;
    id[8] = 0x80;
    assert_int_equal(inbox_open(&in, inbox_path, "actual.**", err, sizeof(err)), ST_OK);
    inbox_remember(in, id);
    assert_int_equal(inbox_commit(in), ST_OK);
    inbox_close(in);
    make_alarm();
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(0, 0);
    WAIT_FOR(broker.warnings_taken == 1);
    assert_int_equal(saw.messages, 0);
}

static void bytes_that_cannot_be_read_are_handed_over_as_such(void **state)
{
    (void)state;
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    fake_broker_deliver(&broker, 3, 0, "\xff\xff", 2);
    WAIT_FOR(saw.messages == 1);
    assert_int_equal(saw.unread, 1);
}

static void a_bad_setting_is_told_in_a_sentence(void **state)
{
    struct agent_settings set = settings("carrier pigeon");

    (void)state;
    assert_int_equal(agent_create(&agent, loop, &set, "t", NULL, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "fiber, 4g"));
    set = settings("fiber");
    chmod(key_file, 0644);
    assert_int_equal(agent_create(&agent, loop, &set, "t", NULL, err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, key_file));
    agent = NULL;
}

static void making_an_agent_survives_every_failed_allocation(void **state)
{
    struct agent_settings set = settings("fiber");
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = agent_create(&agent, loop, &set, "t", &events, err, sizeof(err));
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(n < 200);
        loop_turn(loop, 0);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_says_how_good_its_clock_is_unless_the_program_did),
        T(what_is_put_is_stored_and_told_after_it_is_on_disk),
        T(a_refused_message_is_told_with_its_reason_and_kept),
        T(without_receipts_everything_is_offered_again_after_a_lost_link),
        T(a_broker_that_forgot_us_is_greeted_again),
        T(a_broker_that_forgets_at_once_is_not_stormed),
        T(a_fault_about_one_frame_leaves_the_session_as_it_was),
        T(messages_that_were_thrown_away_with_their_frame_are_offered_again),
        T(a_busy_broker_gets_the_lane_again_in_order),
        T(nothing_passes_what_is_on_the_way_behind_a_busy_one),
        T(the_window_of_the_broker_is_never_passed),
        T(a_thin_link_carries_few_bytes_but_an_alarm_passes_at_once),
        T(without_a_second_connection_an_alarm_takes_the_first),
        T(an_alarm_without_a_receipt_takes_the_other_connection_too),
        T(a_new_log_epoch_is_offered_everything_again),
        T(after_a_restart_hello_says_what_its_receipts_said),
        T(a_receipt_of_an_older_log_settles_nothing),
        T(a_name_that_our_own_past_has_taken_is_asked_for_again),
        T(a_command_beside_the_daemon_puts_and_the_daemon_sends),
        T(a_daemon_whose_outbox_is_damaged_goes_on_by_itself),
        T(a_second_daemon_on_the_same_outbox_is_refused_at_once),
        T(the_next_endpoint_is_tried_when_one_is_gone),
        T(an_unknown_key_says_what_to_do_and_comes_back_by_itself),
        T(each_message_is_handed_over_once_and_acknowledged),
        T(what_expired_on_its_way_is_no_news),
        T(after_a_lost_link_it_goes_on_behind_the_last_one),
        T(an_inbox_remembers_the_place_over_a_restart),
        T(what_is_older_than_a_restore_is_handed_over_like_the_rest),
        T(who_was_behind_when_the_log_was_restored_misses_nothing),
        T(a_broker_with_an_older_log_does_not_move_the_place),
        T(a_hole_in_the_numbers_is_read_again),
        T(a_program_that_cannot_take_more_gets_it_later),
        T(an_alarm_is_handed_over_at_its_first_copy_and_only_then),
        T(a_warning_takes_no_credit_and_is_acknowledged),
        T(what_is_withdrawn_is_told_once_and_is_news_if_it_is_stored_after_all),
        T(what_came_with_its_number_cannot_be_withdrawn),
        T(two_senders_alarms_of_one_id_are_two_alarms),
        T(an_alarm_that_sounded_before_the_update_does_not_sound_again),
        T(bytes_that_cannot_be_read_are_handed_over_as_such),
        T(a_bad_setting_is_told_in_a_sentence),
        T(making_an_agent_survives_every_failed_allocation),
    };

    log_set_sink(catch_line, NULL);
    return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
