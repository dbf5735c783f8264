/* order_test - people order and a siren obeys, or does not: over a real broker and PostgreSQL, with
 * real agents and keys that officers signed. */
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
#include "tests/lib/bus.h"
#include "tests/lib/officers.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

enum { LOG = 262144 };
#define DEADLINE_MS 120000
#define SECOND      INT64_C(1000000)

enum { ASMA, KARIM, RAHIMA, DAVRON, SIREN, PEOPLE };
static const char *const names[PEOPLE] = {"coes.asma", "coes.karim", "eoc.rahima", "coes.davron",
                                          "coes.siren1"};
static const char *const roles[PEOPLE] = {"dispatcher", "dispatcher", "eoc", "dispatcher",
                                          "gateway"};
static const char *const places[PEOPLE] = {"3505203", "3505000", "", "3505217", "3505203001"};

static struct bus *bus;
static struct loop *loop;
static struct test_officers officers;
static struct keys keys[PEOPLE];
static struct signer *signers[PEOPLE];
static struct agent *asma, *siren;
static char dir[64], pins[128], officers_setting[160], err[512], *endpoints[1], log_text[LOG];

static struct {
    unsigned stored, refused, sounded, declined;
    char code[16], text[400], why[400];
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
    snprintf(r.roles, sizeof(r.roles), "%s", roles[who]);
    snprintf(r.places, sizeof(r.places), "%s", places[who]);
    officers_enrol(&officers, bus_server(bus), &r);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    saw.stored += oc->stored;
    saw.refused += !oc->stored;
    if (!oc->stored) {
        snprintf(saw.code, sizeof(saw.code), "%s", oc->code);
        snprintf(saw.text, sizeof(saw.text), "%s", oc->text);
    }
}

static struct agent *start_agent(unsigned who)
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
    snprintf(outbox, sizeof(outbox), "%s/%s.out", dir, names[who]);
    if (access(key_file, F_OK) != 0)
        assert_int_equal(keys_save(&keys[who], key_file, names[who], err, sizeof(err)), ST_OK);
    endpoints[0] = (char *)bus_endpoint(bus);
    set.endpoints.items = endpoints;
    set.endpoints.count = 1;
    if (agent_create(&a, loop, &set, "order_test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return a;
}

/* The siren, as small as one can be. */
static bool on_order(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct refusal why = {0};

    (void)arg;
    if (!m)
        return true;
    if (agent_take_order(siren, names[SIREN], d, (Eocbus__V1__Envelope *)(uintptr_t)m, &why) ==
        ST_OK) {
        saw.sounded++;
    } else {
        saw.declined++;
        snprintf(saw.why, sizeof(saw.why), "%s", why.text);
    }
    return true;
}

static void start_siren(void)
{
    static const char *const patterns[] = {"*.sensor.siren_command.**"};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .message = on_order};

    siren = start_agent(SIREN);
    if (agent_subscribe(siren, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void wait_until(bool (*done)(void), const char *what)
{
    uint64_t end = loop_exact_us(loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);

    while (!done()) {
        if (loop_exact_us(loop) > end)
            fail_msg("waited in vain: %s (refused: %s; declined: %s)\n%s", what, saw.text, saw.why,
                     log_text);
        loop_turn(loop, 50);
    }
}

static void start_broker(void)
{
    const char *settings[] = {officers_setting, NULL};

    bus_start_broker(bus, settings);
}

/* `sql` changes the database before anybody reads it. */
static int begin_with(const char *sql)
{
    memset(&saw, 0, sizeof(saw));
    log_text[0] = '\0';
    snprintf(dir, sizeof(dir), "/tmp/eocbus-order-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&loop) != ST_OK)
        return -1;
    log_set_sink(catch_line, NULL);
    officers_open(&officers);
    snprintf(pins, sizeof(pins), "%s/officers", dir);
    officers_write(&officers, pins);
    bus = bus_create();
    for (unsigned i = 0; i < PEOPLE; i++)
        enrol(i);
    if (sql)
        pgserver_exec(bus_server(bus), sql);
    snprintf(officers_setting, sizeof(officers_setting), "trust.officers=%s", pins);
    start_broker();
    asma = start_agent(ASMA);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with(NULL);
}

/* What whoever owns the database would do to let one person alone, of any role, sound a siren. */
static int begin_with_lax_rules(void **state)
{
    (void)state;
    return begin_with("SELECT bus.approvers_set('siren_command', '*', 1, 'test');"
                      "SELECT bus.rule_add('supplier', 'allow', 'approve', '*', 'any', "
                      "'RESTRICTED', '', 'test')");
}

static int end(void **state)
{
    char command[160];

    (void)state;
    agent_destroy(siren);
    agent_destroy(asma);
    siren = asma = NULL;
    loop_destroy(loop);
    bus_destroy(bus);
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    officers_close(&officers);
    log_set_sink(NULL, NULL);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* --- orders ----------------------------------------------------------------------------------- */

static Eocbus__V1__Envelope message;
static Eocbus__V1__SirenCommand body;
static Eocbus__V1__Area area;
static Eocbus__V1__Approval approval[4], *approvals[4];
static uint8_t approved[4][SIGN_BYTES], message_id[16];
static char *pcodes[1] = {(char *)"3505203001"};

static void draw_up(void)
{
    eocbus__v1__envelope__init(&message);
    eocbus__v1__siren_command__init(&body);
    eocbus__v1__area__init(&area);
    area.pcodes = pcodes;
    area.n_pcodes = 1;
    message.area = &area;
    message.lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    message.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    message.kind = EOCBUS__V1__KIND__KIND_REQUEST;
    message.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    message.sender = (char *)names[ASMA];
    message.event_time_us = message.sent_time_us = loop_utc_us(loop);
    message.not_after_us = message.sent_time_us + 900 * SECOND;
    loop_random(loop, message_id, sizeof(message_id));
    message_id[6] = 0x70 | (message_id[6] & 0x0f);
    message_id[8] = 0x80 | (message_id[8] & 0x3f);
    message.message_id.data = message_id;
    message.message_id.len = sizeof(message_id);
    message.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    message.siren_command = &body;
    body.site = (char *)names[SIREN];
    body.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    body.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE;
    body.duration_s = 60;
    body.remaining_ms = 900000;
    body.approvals = approvals;
}

static void approve(unsigned who)
{
    size_t n = body.n_approvals;
    struct buf text = {0};

    eocbus__v1__approval__init(&approval[n]);
    approvals[n] = &approval[n];
    approval[n].principal = (char *)names[who];
    approval[n].approved_us = loop_utc_us(loop);
    approval[n].version = APPROVAL_VERSION;
    assert_int_equal(order_put_approved(&text, &message, names[who], approval[n].approved_us),
                     ST_OK);
    signer_sign(signers[who], approved[n], DOMAIN_APPROVAL, text.data, text.len);
    buf_free(&text);
    approval[n].signature.data = approved[n];
    approval[n].signature.len = SIGN_BYTES;
    body.n_approvals++;
}

static bool is_settled(void)
{
    return saw.stored + saw.refused > 0;
}

static void say(void)
{
    struct refusal why = {0};

    saw.stored = saw.refused = 0;
    if (agent_put(asma, &message, NULL, &why) != ST_OK)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    wait_until(is_settled, "the order has an answer");
}

static bool has_sounded(void)
{
    return saw.sounded > 0;
}

static bool has_declined(void)
{
    return saw.declined > 0;
}

static void order_well(void)
{
    draw_up();
    approve(KARIM);
    approve(RAHIMA);
    say();
    assert_int_equal(saw.stored, 1);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void one_approver_is_refused_and_told_what_would_do(void **state)
{
    (void)state;
    start_siren();
    draw_up();
    approve(KARIM);
    say();
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_APPROVAL);
    assert_non_null(strstr(saw.text, "takes 2 persons beside its sender, and 1 approved it"));
    draw_up();
    approve(KARIM);
    approve(DAVRON); /* of another district */
    say();
    assert_string_equal(saw.code, CODE_APPROVAL);
    assert_non_null(strstr(saw.text, "coes.davron has no right to approve it at 3505203001"));
    assert_int_equal(bus_status(bus, "unapproved"), 2);
    order_well(); /* behind them in its lane: had they gone through, they would be first */
    wait_until(has_sounded, "the siren sounds");
    assert_int_equal(saw.sounded, 1);
    assert_int_equal(saw.declined, 0);
}

static void an_order_that_is_said_again_sounds_once(void **state)
{
    (void)state;
    start_siren();
    order_well();
    wait_until(has_sounded, "the siren sounds");
    say(); /* the same approvals, another place of the outbox */
    assert_int_equal(saw.refused, 1);
    assert_string_equal(saw.code, CODE_APPROVAL);
    assert_non_null(strstr(saw.text, "said before"));
    /* A broker that was started anew remembers nothing, or says so; the siren does. */
    assert_int_equal(bus_end_broker(bus, NULL), 0);
    start_broker();
    say();
    assert_int_equal(saw.stored, 1);
    wait_until(has_declined, "the siren declines");
    assert_non_null(strstr(saw.why, "carried out before"));
    assert_int_equal(saw.sounded, 1);
}

static bool is_revoked(void)
{
    return pgserver_number(bus_server(bus),
                           "SELECT count(*) FROM bus.principals() WHERE name = 'coes.karim' AND "
                           "revoked_at IS NOT NULL") > 0;
}

/* The order lies in the log, good when it was stored; whoever has the log hands it over now. */
static void a_revoked_approver_does_not_count_whatever_the_log_says(void **state)
{
    (void)state;
    order_well();
    pgserver_exec(bus_server(bus), "SELECT bus.principal_revoke('coes.karim')");
    assert_true(is_revoked());
    assert_int_equal(bus_end_broker(bus, NULL), 0);
    start_broker(); /* it has read the revocation before it answers anybody */
    start_siren();
    wait_until(has_declined, "the siren declines");
    assert_non_null(strstr(saw.why, "is revoked"));
    assert_int_equal(saw.sounded, 0);
}

static void a_database_that_asks_for_fewer_persons_moves_no_siren(void **state)
{
    (void)state;
    start_siren();
    draw_up();
    approve(KARIM);
    say();
    assert_int_equal(saw.stored, 1); /* the broker believes its database */
    wait_until(has_declined, "the siren declines");
    assert_non_null(strstr(saw.why, "takes 2 persons beside its sender, and 1 approved it"));
    order_well();
    wait_until(has_sounded, "two others are obeyed all the same");
}

/* --- with eocctl ------------------------------------------------------------------------------ */

static struct ran ran;

/* Settings of one person, as the runbook has them. */
static const char *conf_of(unsigned who)
{
    static char path[PEOPLE][128];
    char text[1000], key_file[128];

    snprintf(key_file, sizeof(key_file), "%s/%s.key", dir, names[who]);
    if (access(key_file, F_OK) != 0)
        assert_int_equal(keys_save(&keys[who], key_file, names[who], err, sizeof(err)), ST_OK);
    snprintf(path[who], sizeof(path[who]), "%s/%s.conf", dir, names[who]);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "trust.officers = %s\noutbox.path = %s/%s.ctl.out\nlog.level = error\n",
             names[who], key_file, bus_endpoint(bus), bus_broker_key(bus), pins, dir, names[who]);
    write_text_file(path[who], text);
    return path[who];
}

/* Three people, one file, no line of code. */
static void people_order_with_eocctl_from_the_runbook(void **state)
{
    char paper[128];

    (void)state;
    snprintf(paper, sizeof(paper), "%s/order.json", dir);
    start_siren();
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "siren", names[SIREN], "evacuate",
                "--place", "3505203001", "--seconds", "60", "--minutes", "15", "--out", paper,
                NULL);
    run_expect(&ran, 0, "does nothing yet");
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "show", paper, NULL);
    run_expect(&ran, 0, "EVACUATE, 60 s");
    run_expect(&ran, 0, "nobody");
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "approve", paper, "--yes", NULL);
    run_expect(&ran, 1, "you ordered it");
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "approve", paper, "--yes", NULL);
    run_expect(&ran, 0, "it has 1 approval now");
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "approve", paper, "--yes", NULL);
    run_expect(&ran, 1, "you approved it already");
    run_program(&ran, "eocctl", "-c", conf_of(RAHIMA), "order", "approve", paper, "--yes", NULL);
    run_expect(&ran, 0, "it has 2 approvals now");
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "say", paper, NULL);
    run_expect(&ran, 1, "coes.asma drew it up");
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "say", paper, "--wait", "60", NULL);
    run_expect(&ran, 0, "stored");
    wait_until(has_sounded, "the siren sounds");
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "say", paper, "--wait", "60", NULL);
    run_expect(&ran, 1, "said before");
    assert_int_equal(saw.sounded, 1);
}

/* People would believe a siren; the page says the same. */
static void no_siren_is_told_to_sound_in_an_exercise_on_paper_either(void **state)
{
    static const char misfit[] = "in an exercise no siren sounds or falls silent, people would "
                                 "believe it; legal is SELF_TEST";
    char paper[128], json[128], command[200];

    (void)state;
    snprintf(paper, sizeof(paper), "%s/exercise.json", dir);
    snprintf(json, sizeof(json), "%s/made.json", dir);
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "siren", names[SIREN], "evacuate",
                "--place", "3505203001", "--exercise", "--out", paper, NULL);
    run_expect(&ran, 1, misfit);
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "siren", names[SIREN], "silence",
                "--place", "3505203001", "--exercise", "--out", paper, NULL);
    run_expect(&ran, 1, misfit);
    assert_int_not_equal(access(paper, F_OK), 0); /* nothing was drawn up */
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "siren", names[SIREN], "self_test",
                "--place", "3505203001", "--exercise", "--out", paper, NULL);
    run_expect(&ran, 0, "does nothing yet");
    snprintf(command, sizeof(command), "sed -i s/ACTION_SELF_TEST/ACTION_SILENCE/ %s", paper);
    assert_int_equal(system(command), 0);
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "show", paper, NULL);
    run_expect(&ran, 0, "EXERCISE"); /* whoever got it reads it, and goes no further */
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "approve", paper, "--yes", NULL);
    run_expect(&ran, 1, misfit);
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "draft", "--file", paper, "--out",
                json, NULL);
    run_expect(&ran, 1, misfit);
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "say", paper, NULL);
    run_expect(&ran, 1, misfit);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(one_approver_is_refused_and_told_what_would_do),
        T(an_order_that_is_said_again_sounds_once),
        T(a_revoked_approver_does_not_count_whatever_the_log_says),
        T(people_order_with_eocctl_from_the_runbook),
        T(no_siren_is_told_to_sound_in_an_exercise_on_paper_either),
        cmocka_unit_test_setup_teardown(a_database_that_asks_for_fewer_persons_moves_no_siren,
                                        begin_with_lax_rules, end),
    };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
