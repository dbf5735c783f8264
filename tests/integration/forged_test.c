/* forged_test - nobody speaks in another's name: not who has a session, not the broker, not whoever
 * may write into its database. Real broker, real PostgreSQL, real agents with pinned officers. */
#include <setjmp.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "proto/wire/order.h"
#include "tests/lib/attacker.h"
#include "tests/lib/bus.h"
#include "tests/lib/officers.h"
#include "tests/lib/patience.h"

enum { FOREIGN = 10000, CAUGHT = 64, LOG = 262144 };
#define DEADLINE_MS 120000

enum { ASMA, KARIM, RAHIMA, ROGUE, READER, SIREN, PEOPLE };
static const char *const names[PEOPLE] = {"test.asma",  "test.karim",  "test.rahima",
                                          "test.rogue", "test.reader", "test.siren"};

static struct bus *bus;
static struct loop *loop;
static struct zctx *zctx;
static struct test_officers officers;
static struct keys keys[PEOPLE];
static struct signer *signers[PEOPLE];
static struct agent *asma, *reader;
static char dir[64], pins[128], err[512], *endpoints[1], log_text[LOG];

static struct {
    unsigned stored, refused, heard, proof[PROOF_BAD + 1], sirens;
    char code[16], last[128];
} saw;

/* --- the world -------------------------------------------------------------------------------- */

static void catch_line(void *arg, enum log_level level, const char *line)
{
    size_t used = strlen(log_text);

    (void)arg;
    (void)level;
    if (used + strlen(line) + 2 < sizeof(log_text))
        snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
}

static void enrol(unsigned who)
{
    struct record r;

    assert_int_equal(keys_generate(&keys[who]), ST_OK);
    assert_int_equal(signer_create(&signers[who], &keys[who]), ST_OK);
    r = record_of(names[who], &keys[who]);
    officers_enrol(&officers, bus_server(bus), &r);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    saw.stored += oc->stored;
    saw.refused += !oc->stored;
    if (!oc->stored)
        snprintf(saw.code, sizeof(saw.code), "%s", oc->code);
}

static struct agent *start_agent(unsigned who, const char *outbox_end)
{
    const struct agent_events events = {.settled = on_settled};
    char key_file[128], outbox[128];
    struct agent_settings set = {.name = (char *)names[who],
                                 .key_file = key_file,
                                 .broker_key = (char *)bus_broker_key(bus),
                                 .outbox_path = outbox,
                                 .officers_file = pins,
                                 .link_profile = (char *)"fiber"};
    struct agent *a = NULL;

    snprintf(key_file, sizeof(key_file), "%s/%s.key", dir, names[who]);
    snprintf(outbox, sizeof(outbox), "%s/%s%s", dir, names[who], outbox_end);
    if (access(key_file, F_OK) != 0)
        assert_int_equal(keys_save(&keys[who], key_file, names[who], err, sizeof(err)), ST_OK);
    endpoints[0] = (char *)bus_endpoint(bus);
    set.endpoints.items = endpoints;
    set.endpoints.count = 1;
    if (agent_create(&a, loop, &set, "forged_test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return a;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_AUDIT_EVENT)
        return true;
    saw.heard++;
    saw.proof[agent_proof(reader)]++;
    saw.sirens += m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY)
        snprintf(saw.last, sizeof(saw.last), "%s", m->activity_log_entry->text);
    return true;
}

static void listen_from_the_first(void)
{
    static const char *const patterns[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .numbered_copies = true, .message = on_message};

    if (agent_subscribe(reader, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void wait_until(bool (*done)(void), const char *what)
{
    uint64_t end = loop_exact_us(loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);

    while (!done()) {
        if (loop_exact_us(loop) > end)
            fail_msg("waited in vain: %s\n%s", what, log_text);
        loop_turn(loop, 50);
    }
}

static int begin(void **state)
{
    const char *settings[] = {NULL, "ingress.quarantine_per_hour=20000", NULL};
    char officers_setting[160];

    (void)state;
    memset(&saw, 0, sizeof(saw));
    log_text[0] = '\0';
    snprintf(dir, sizeof(dir), "/tmp/eocbus-forged-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&loop) != ST_OK || zctx_create(&zctx, loop) != ST_OK)
        return -1;
    log_set_sink(catch_line, NULL);
    officers_open(&officers);
    snprintf(pins, sizeof(pins), "%s/officers", dir);
    officers_write(&officers, pins);
    bus = bus_create();
    for (unsigned i = 0; i < PEOPLE; i++)
        enrol(i);
    snprintf(officers_setting, sizeof(officers_setting), "trust.officers=%s", pins);
    settings[0] = officers_setting;
    bus_start_broker(bus, settings);
    asma = start_agent(ASMA, ".out");
    reader = start_agent(READER, ".out");
    listen_from_the_first();
    return 0;
}

static int end(void **state)
{
    char command[160];

    (void)state;
    agent_destroy(reader);
    agent_destroy(asma);
    zctx_destroy(zctx);
    loop_destroy(loop);
    bus_destroy(bus);
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    officers_close(&officers);
    log_set_sink(NULL, NULL);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* --- what is said ----------------------------------------------------------------------------- */

static Eocbus__V1__Envelope message;
static Eocbus__V1__ActivityLogEntry entry;
static Eocbus__V1__SirenCommand siren;
static Eocbus__V1__Approval approval[2], *approvals[2] = {&approval[0], &approval[1]};
static uint8_t approved[2][SIGN_BYTES], message_id[16];

static void compose(const char *text)
{
    eocbus__v1__envelope__init(&message);
    eocbus__v1__activity_log_entry__init(&entry);
    message.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    message.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    message.kind = EOCBUS__V1__KIND__KIND_REPORT;
    message.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    message.event_time_us = loop_utc_us(loop);
    entry.position = (char *)"duty officer";
    entry.text = (char *)text;
    message.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    message.activity_log_entry = &entry;
}

static void approve(unsigned i, unsigned who, const struct signer *key)
{
    struct buf text = {0};

    eocbus__v1__approval__init(&approval[i]);
    approval[i].principal = (char *)names[who];
    approval[i].approved_us = loop_utc_us(loop);
    approval[i].version = APPROVAL_VERSION;
    assert_int_equal(order_put_approved(&text, &message, names[who], approval[i].approved_us),
                     ST_OK);
    signer_sign(key, approved[i], DOMAIN_APPROVAL, text.data, text.len);
    buf_free(&text);
    approval[i].signature.data = approved[i];
    approval[i].signature.len = SIGN_BYTES;
}

/* A siren shall sound; the second approval is made with this key. */
static void compose_siren(const struct signer *second)
{
    static uint8_t next;

    compose("");
    eocbus__v1__siren_command__init(&siren);
    message.lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    message.kind = EOCBUS__V1__KIND__KIND_REQUEST;
    message.sender = (char *)names[ASMA];
    message.sent_time_us = loop_utc_us(loop);
    message.not_after_us = message.sent_time_us + 600000000;
    loop_random(loop, message_id, sizeof(message_id));
    message_id[0] = ++next;
    message_id[6] = 0x70 | (message_id[6] & 0x0f);
    message_id[8] = 0x80 | (message_id[8] & 0x3f);
    message.message_id.data = message_id;
    message.message_id.len = sizeof(message_id);
    message.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    message.siren_command = &siren;
    siren.site = (char *)"test.siren";
    siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    siren.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_ATTENTION;
    siren.duration_s = 60;
    siren.remaining_ms = 600000;
    siren.n_approvals = 2;
    siren.approvals = approvals;
    approve(0, KARIM, signers[KARIM]);
    approve(1, RAHIMA, second);
}

static void put(struct agent *a)
{
    struct refusal why = {0};

    if (agent_put(a, &message, NULL, &why) != ST_OK)
        fail_msg("%s %s %s", why.code, why.path, why.text);
}

static unsigned wanted_settled, wanted_heard, wanted_forged;

static bool is_settled(void)
{
    return saw.stored + saw.refused >= wanted_settled;
}

static bool is_heard(void)
{
    return saw.heard >= wanted_heard;
}

static bool is_found_out(void)
{
    struct agent_state state;

    agent_state(reader, &state);
    return state.forged >= wanted_forged;
}

static long long ask(const char *sql)
{
    return pgserver_number(bus_server(bus), sql);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void what_is_signed_is_heard_as_good_and_an_order_too(void **state)
{
    (void)state;
    compose("the bridge is passable");
    put(asma);
    compose_siren(signers[RAHIMA]);
    put(asma);
    wanted_heard = 2;
    wait_until(is_heard, "both are heard");
    assert_int_equal(saw.proof[PROOF_GOOD], saw.heard); /* again after a link that fell, perhaps */
    assert_true(saw.sirens >= 1);
    assert_null(strstr(log_text, "agent.forged"));
}

static void an_order_with_an_approval_that_is_anothers_is_refused(void **state)
{
    (void)state;
    compose_siren(signers[KARIM]); /* one person, two names */
    put(asma);
    wanted_settled = 1;
    wait_until(is_settled, "it has an answer");
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_SIGNATURE);
    assert_int_equal(ask("SELECT count(*) FROM bus.quarantine WHERE code = 'signature'"), 1);
    assert_int_equal(bus_status(bus, "signatures_bad"), 1);
    assert_int_equal(saw.heard, 0);
}

/* Ten thousand messages under another's name, over a session of one's own. */
static size_t make_foreign(void *arg, uint8_t *out, size_t cap)
{
    unsigned *left = arg;

    if (!*left)
        return SIZE_MAX;
    compose("I am Asma");
    loop_random(loop, message_id, sizeof(message_id));
    message_id[6] = 0x70 | (message_id[6] & 0x0f);
    message_id[8] = 0x80 | (message_id[8] & 0x3f);
    message.message_id.data = message.originating_id.data = message_id;
    message.message_id.len = message.originating_id.len = sizeof(message_id);
    message.schema = 1000;
    message.sender = (char *)names[ASMA];
    message.epoch = 77;
    message.lane_seq = (*left)--;
    message.sent_time_us = loop_utc_us(loop);
    assert_true(eocbus__v1__envelope__get_packed_size(&message) <= cap);
    return eocbus__v1__envelope__pack(&message, out);
}

static struct attacker attacker;

static bool is_answered(void)
{
    return attacker_is_answered(&attacker);
}

static void
of_ten_thousand_messages_under_a_foreign_name_none_is_stored_and_each_recorded(void **state)
{
    unsigned left = FOREIGN;

    (void)state;
    attacker_create(&attacker, loop, zctx, &keys[ROGUE], bus_endpoint(bus), bus_broker_key(bus));
    attacker_offer(&attacker, make_foreign, &left);
    wait_until(is_answered, "every forged message has an answer");
    assert_int_equal(attacker.stored, 0);
    assert_int_equal(attacker.refused, FOREIGN);
    assert_int_equal(attacker_times(&attacker, CODE_SENDER), FOREIGN);
    attacker_destroy(&attacker);
    assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE epoch = 77"), 0);
    assert_int_equal(ask("SELECT count(*) FROM bus.quarantine q JOIN bus.principal p ON "
                         "p.principal_id = q.sender_id WHERE p.name = 'test.rogue' AND q.code = "
                         "'sender'"),
                     FOREIGN);
    assert_int_equal(saw.heard, 0);
}

/* Whoever may write into the database, and so the broker, changes what was said. */
static void what_is_changed_in_the_database_is_never_handed_on(void **state)
{
    (void)state;
    agent_destroy(reader); /* it comes when all is done */
    compose("the bridge is passable");
    put(asma);
    compose("the school is open");
    put(asma);
    compose_siren(signers[RAHIMA]);
    put(asma);
    compose("the road is clear");
    put(asma);
    wanted_settled = 4;
    wait_until(is_settled, "all is stored");
    assert_int_equal(saw.stored, 4);
    /* Other words of the same length; the signature of another; none at all. */
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.message SET content = overlay(content PLACING 'impassab'::bytea FROM "
                  "position('passable'::bytea IN content)) WHERE position('passable'::bytea IN "
                  "content) > 0");
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.message SET signature = (SELECT signature FROM bus.message WHERE "
                  "position('road is clear'::bytea IN content) > 0) WHERE "
                  "position('school'::bytea IN content) > 0");
    pgserver_exec(bus_server(bus), "UPDATE bus.message SET signature = NULL WHERE type = 106");
    reader = start_agent(READER, ".out");
    listen_from_the_first();
    wanted_heard = 1;
    wanted_forged = 3;
    wait_until(is_found_out, "three forgeries are found out");
    wait_until(is_heard, "what was left alone is heard");
    assert_int_equal(saw.heard, 1);
    assert_int_equal(saw.sirens, 0);
    assert_int_equal(saw.proof[PROOF_GOOD], 1);
    assert_string_equal(saw.last, "the road is clear");
    assert_non_null(strstr(log_text, "agent.forged sender=test.asma"));
}

static bool is_told(void)
{
    return ask("SELECT count(*) FROM bus.ledger WHERE doc->'audit_event'->>'what' = 'forged'") > 0;
}

/* The broker orders in its own words, signed with a key that it made up, from a principal that it
 * wrote into the database. */
static void an_order_of_a_made_up_principal_is_carried_out_by_nobody(void **state)
{
    (void)state;
    agent_destroy(reader);
    compose_siren(signers[RAHIMA]);
    put(asma);
    wanted_settled = 1;
    wait_until(is_settled, "it is stored");
    pgserver_exec(
        bus_server(bus),
        "UPDATE bus.message SET content = overlay(content PLACING 'test.boss'::bytea FROM "
        "position('test.asma'::bytea IN content)) WHERE type = 106");
    reader = start_agent(READER, ".out");
    listen_from_the_first();
    wanted_forged = 1;
    wait_until(is_found_out, "it is found out");
    assert_int_equal(saw.sirens, 0);
    wait_until(is_told, "the bus was told");
}

/* --- captured bytes --------------------------------------------------------------------------- */

static uint8_t captured[CAUGHT][4096];
static size_t captured_len[CAUGHT], captured_signature_len;
static unsigned captured_count;
static uint8_t captured_signature[SIGN_BYTES];

static bool capture(void *arg, const struct outbox_row *row, int row_state,
                    const struct outbox_outcome *oc)
{
    (void)arg;
    (void)row_state;
    (void)oc;
    memcpy(captured[captured_count], row->content, row->content_len);
    captured_len[captured_count++] = row->content_len;
    captured_signature_len = row->signature_len;
    memcpy(captured_signature, row->signature, row->signature_len);
    return true;
}

static void send_again_in(unsigned lane, unsigned who, const char *end, const uint8_t *bytes,
                          size_t len)
{
    struct agent *a = start_agent(who, end);
    uint64_t tag;

    saw.stored = saw.refused = 0;
    wanted_settled = 1;
    assert_int_equal(outbox_put_carried(agent_outbox(a), lane, bytes, len, captured_signature,
                                        captured_signature_len, &tag),
                     ST_OK);
    assert_int_equal(agent_flush(a), ST_OK);
    wait_until(is_settled, "what was sent again has an answer");
    agent_destroy(a);
}

static void send_again(unsigned who, const char *end, const uint8_t *bytes, size_t len)
{
    send_again_in(EOCBUS__V1__LANE__LANE_IMMEDIATE, who, end, bytes, len);
}

static void captured_bytes_sent_again_are_one_message_or_none(void **state)
{
    Eocbus__V1__Envelope *m;
    size_t len;

    (void)state;
    captured_count = 0;
    compose_siren(signers[RAHIMA]);
    put(asma);
    wanted_settled = 1;
    wait_until(is_settled, "it is stored");
    assert_int_equal(outbox_each(agent_outbox(asma), capture, NULL), ST_OK);
    assert_int_equal(captured_count, 1);
    send_again(ROGUE, ".again", captured[0], captured_len[0]);
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_SENDER);
    send_again(ASMA, ".again", captured[0], captured_len[0]); /* by herself: it is the same one */
    assert_int_equal(saw.stored, 1);
    assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE type = 106"), 1);
    /* The same order under another number: the place is a part of what was signed. */
    m = eocbus__v1__envelope__unpack(NULL, captured_len[0], captured[0]);
    assert_non_null(m);
    m->lane_seq += 100;
    len = eocbus__v1__envelope__pack(m, captured[1]);
    eocbus__v1__envelope__free_unpacked(m, NULL);
    send_again(ASMA, ".again", captured[1], len);
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_SIGNATURE);
    assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE type = 106"), 1);
    assert_int_equal(ask("SELECT count(*) FROM bus.quarantine"), 2); /* each recorded */
}

/* A reader that knows nothing yet reads what was signed with a key that is revoked by now. */
static void what_was_signed_before_its_key_was_revoked_stays_good(void **state)
{
    (void)state;
    compose("before");
    put(asma);
    wanted_settled = 1;
    wait_until(is_settled, "it is stored");
    pgserver_exec(bus_server(bus), "SELECT bus.principal_revoke('test.asma')");
    agent_destroy(reader);
    memset(&saw, 0, sizeof(saw));
    reader = start_agent(READER, ".new");
    listen_from_the_first();
    wanted_heard = 1;
    wait_until(is_heard, "it is heard");
    assert_int_equal(saw.proof[PROOF_GOOD], 1);
    assert_string_equal(saw.last, "before");
}

static void one_who_signs_is_refused_without(void **state)
{
    (void)state;
    compose("unsigned");
    captured_signature_len = 0;
    message.message_id.data = message.originating_id.data = message_id;
    message.message_id.len = message.originating_id.len = sizeof(message_id);
    loop_random(loop, message_id, sizeof(message_id));
    message_id[6] = 0x70 | (message_id[6] & 0x0f);
    message_id[8] = 0x80 | (message_id[8] & 0x3f);
    message.schema = 1000;
    message.sender = (char *)names[ASMA];
    message.epoch = 78;
    message.lane_seq = 1;
    message.sent_time_us = loop_utc_us(loop);
    captured_len[0] = eocbus__v1__envelope__pack(&message, captured[0]);
    send_again(ASMA, ".again", captured[0], captured_len[0]);
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_SIGNATURE);
    assert_true(bus_status(bus, "signatures_missing") >= 1); /* it may have been offered twice */
}

static bool is_listening(void)
{
    return bus_status(bus, "listeners") >= 1;
}

/* She signs at random: it is refused before anybody hears of it, and on record. */
static void an_alarm_with_a_false_signature_warns_nobody(void **state)
{
    Eocbus__V1__GeneralMessage alarm = EOCBUS__V1__GENERAL_MESSAGE__INIT;

    (void)state;
    wait_until(is_listening, "the reader listens");
    compose("");
    loop_random(loop, message_id, sizeof(message_id));
    message_id[6] = 0x70 | (message_id[6] & 0x0f);
    message_id[8] = 0x80 | (message_id[8] & 0x3f);
    message.message_id.data = message.originating_id.data = message_id;
    message.message_id.len = message.originating_id.len = sizeof(message_id);
    message.schema = 1000;
    message.sender = (char *)names[ASMA];
    message.lane = EOCBUS__V1__LANE__LANE_FLASH;
    message.epoch = 79;
    message.lane_seq = 1;
    message.sent_time_us = loop_utc_us(loop);
    alarm.from_role = alarm.subject = alarm.text = (char *)"mudflow";
    message.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    message.general_message = &alarm;
    captured_len[0] = eocbus__v1__envelope__pack(&message, captured[0]);
    captured_signature_len = sizeof(captured_signature);
    loop_random(loop, captured_signature, sizeof(captured_signature));
    send_again_in(message.lane, ASMA, ".again", captured[0], captured_len[0]);
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_SIGNATURE);
    assert_int_equal(ask("SELECT count(*) FROM bus.quarantine WHERE code = 'signature'"), 1);
    assert_int_equal(bus_status(bus, "provisional"), 0);
    assert_int_equal(bus_status(bus, "withdrawn"), 0);
    message.lane_seq = 2;
    captured_len[0] = eocbus__v1__envelope__pack(&message, captured[0]);
    signer_sign(signers[ASMA], captured_signature, "", captured[0], captured_len[0]);
    send_again_in(message.lane, ASMA, ".again", captured[0], captured_len[0]);
    assert_int_equal(saw.stored, 1);
    wanted_heard = 1;
    wait_until(is_heard, "the true one is heard");
    assert_int_equal(saw.proof[PROOF_GOOD], saw.heard); /* with its number too, perhaps */
    assert_int_equal(bus_status(bus, "provisional"), 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(what_is_signed_is_heard_as_good_and_an_order_too),
        T(an_order_with_an_approval_that_is_anothers_is_refused),
        T(of_ten_thousand_messages_under_a_foreign_name_none_is_stored_and_each_recorded),
        T(what_is_changed_in_the_database_is_never_handed_on),
        T(an_order_of_a_made_up_principal_is_carried_out_by_nobody),
        T(captured_bytes_sent_again_are_one_message_or_none),
        T(what_was_signed_before_its_key_was_revoked_stays_good),
        T(one_who_signs_is_refused_without),
        T(an_alarm_with_a_false_signature_warns_nobody),
    };

    return cmocka_run_group_tests_name("forged", tests, NULL, NULL);
}
