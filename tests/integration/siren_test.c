/* siren_test - a gateway with a siren, as its program stands in the field: the real broker, the
 * real PostgreSQL, real keys that officers signed, and a script that writes down what it was told
 * to sound. */
#include <arpa/inet.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "proto/wire/order.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/officers.h"
#include "tests/lib/patience.h"
#include "tests/lib/port.h"
#include "tests/lib/run.h"

#define DEADLINE_MS 120000
#define SECOND      INT64_C(1000000)

enum { ASMA, KARIM, RAHIMA, SIREN, OTHER, PEOPLE };
static const char *const names[PEOPLE] = {"coes.asma", "coes.karim", "eoc.rahima", "coes.siren1",
                                          "coes.siren2"};
static const char *const roles[PEOPLE] = {"dispatcher", "dispatcher", "eoc", "gateway", "gateway"};
static const char *const places[PEOPLE] = {"3505203", "3505000", "", "3505203001", "3505203001"};

static struct bus *bus;
static struct loop *loop;
static struct test_officers officers;
static struct keys keys[PEOPLE];
static struct signer *signers[PEOPLE];
static struct agent *asma;
static pid_t gateway;
static int port_held, port;
static char dir[64], pins[128], officers_setting[160], err[512], program[PATH_MAX];
static unsigned stored, refused;
static char refused_text[600];

/* --- the world -------------------------------------------------------------------------------- */

static const char *in_dir(const char *name)
{
    static char path[4][160];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

static void enrol(unsigned who)
{
    struct record r;
    char key_name[80];

    assert_int_equal(keys_generate(&keys[who]), ST_OK);
    assert_int_equal(signer_create(&signers[who], &keys[who]), ST_OK);
    r = record_of(names[who], &keys[who]);
    snprintf(r.roles, sizeof(r.roles), "%s", roles[who]);
    snprintf(r.places, sizeof(r.places), "%s", places[who]);
    officers_enrol(&officers, bus_server(bus), &r);
    snprintf(key_name, sizeof(key_name), "%s.key", names[who]);
    assert_int_equal(keys_save(&keys[who], in_dir(key_name), names[who], err, sizeof(err)), ST_OK);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    stored += oc->stored;
    refused += !oc->stored;
    if (!oc->stored)
        snprintf(refused_text, sizeof(refused_text), "%s: %s", oc->code, oc->text);
}

static void start_asma(void)
{
    const struct agent_events events = {.settled = on_settled};
    char *endpoints[1] = {(char *)(uintptr_t)bus_endpoint(bus)};
    struct agent_settings set = {.name = (char *)(uintptr_t)names[ASMA],
                                 .key_file = (char *)(uintptr_t)in_dir("coes.asma.key"),
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(bus),
                                 .outbox_path = (char *)(uintptr_t)in_dir("asma.out"),
                                 .officers_file = pins,
                                 .endpoints = {endpoints, 1},
                                 .link_profile = (char *)"fiber"};

    if (agent_create(&asma, loop, &set, "siren_test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void start_broker(void)
{
    const char *settings[] = {officers_setting, NULL};

    bus_start_broker(bus, settings);
}

static void write_siren(const char *script)
{
    char text[600];

    snprintf(text, sizeof(text),
             "#!/bin/sh\ncd %s\nsay() { echo \"$(date +%%s%%N) $*\" >> sounded; }\n%s\n", dir,
             script);
    write_text_file(in_dir("siren"), text);
    assert_int_equal(chmod(in_dir("siren"), 0755), 0);
}

static void write_conf(const char *more)
{
    char text[2000];

    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s/%s.key\nbroker.endpoint = %s\nbroker.key = %s\n"
             "trust.officers = %s\noutbox.path = %s/gw.db\nlink.profile = fiber\n"
             "place = 3505203001\nlisten = 127.0.0.1:%d\nbatch.period = 200ms\nlog.level = info\n"
             "siren = command %s/siren\n%s"
             "datastream = gusar.stage 1 stage metre -3\n"
             "detector = stage.level 1 gusar.stage line=2 debounce=1/1\n"
             "detector = stage.rate 1 gusar.stage line=0.5 debounce=1/1\n%s",
             names[SIREN], dir, names[SIREN], bus_endpoint(bus), bus_broker_key(bus), pins, dir,
             port, dir, strstr(more, "siren.timeout") ? "" : "siren.timeout = 20s\n", more);
    write_text_file(in_dir("gw.conf"), text);
}

static void start_gateway(void)
{
    gateway = fork();
    assert_true(gateway >= 0);
    if (gateway)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen(in_dir("gw.log"), "a", stderr))
        execl(program, program, "-c", in_dir("gw.conf"), "run", (char *)NULL);
    _exit(127);
}

static void end_gateway(int signum)
{
    int code;

    if (gateway <= 0)
        return;
    assert_int_equal(kill(gateway, signum), 0);
    assert_int_equal(waitpid(gateway, &code, 0), gateway);
    gateway = 0;
    if (signum == SIGTERM)
        assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
}

static int begin_with(const char *sql)
{
    char endpoint[64];

    stored = refused = 0;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-village-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&loop) != ST_OK)
        return -1;
    log_set_level(LOG_ERROR);
    find_beside(program, sizeof(program), "eocbus-sensor");
    port_held = port_hold(endpoint, sizeof(endpoint));
    port = (int)strtol(strrchr(endpoint, ':') + 1, NULL, 10);
    officers_open(&officers);
    snprintf(pins, sizeof(pins), "%s/officers", dir);
    officers_write(&officers, pins);
    bus = bus_create();
    for (unsigned i = 0; i < PEOPLE; i++)
        enrol(i);
    if (sql)
        pgserver_exec(bus_server(bus), sql);
    snprintf(officers_setting, sizeof(officers_setting), "trust.officers=%s", pins);
    write_siren("say $*");
    start_broker();
    start_asma();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with(NULL);
}

/* What whoever owns the database would do to let one person alone sound a siren. */
static int begin_with_lax_rules(void **state)
{
    (void)state;
    return begin_with("SELECT bus.approvers_set('siren_command', '*', 1, 'test')");
}

static int end(void **state)
{
    char command[160];

    (void)state;
    if (gateway > 0)
        end_gateway(SIGTERM);
    agent_destroy(asma);
    asma = NULL;
    loop_destroy(loop);
    bus_destroy(bus);
    close(port_held);
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    officers_close(&officers);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* --- looking ---------------------------------------------------------------------------------- */

static const char *file_text(const char *name)
{
    static char text[65536];
    FILE *f = fopen(in_dir(name), "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

static unsigned count_in(const char *name, const char *words)
{
    unsigned n = 0;

    for (const char *at = file_text(name); (at = strstr(at, words)); at++)
        n++;
    return n;
}

static void wait_for_words(const char *name, const char *words, unsigned count)
{
    uint64_t until = loop_exact_us(loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);

    while (count_in(name, words) < count) {
        if (loop_exact_us(loop) > until) {
            printf("%s", file_text("gw.log"));
            fail_msg("waited in vain for %u times \"%s\" in %s", count, words, name);
        }
        loop_turn(loop, 20);
    }
}

static void wait_for_number(const char *question, int64_t wanted)
{
    uint64_t until = loop_exact_us(loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);

    while (pgserver_number(bus_server(bus), question) < wanted) {
        if (loop_exact_us(loop) > until) {
            printf("%s", file_text("gw.log"));
            fail_msg("waited in vain for %" PRId64 ": %s", wanted, question);
        }
        loop_turn(loop, 20);
    }
}

/* "SOUNDED - 0, REFUSED test_status 0": what reports say, oldest first. */
#define REPORTS                                                                                    \
    "SELECT coalesce(string_agg(result || ' ' || coalesce(nullif(code, ''), '-'), ', ' "           \
    "ORDER BY seq), '') FROM eoc.siren_report"

static void expect_reports(unsigned count, const char *wanted)
{
    wait_for_number("SELECT count(*) FROM eoc.siren_report", count);
    assert_string_equal(pgserver_text(bus_server(bus), REPORTS), wanted);
}

static void wait_for_gateway(void)
{
    wait_for_number("SELECT count(*) FROM bus.message WHERE type = 105", 1);
}

/* --- the channel ------------------------------------------------------------------------------ */

static void tell(const char *lines)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t until = loop_exact_us(loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);
    int fd = -1;

    do {
        if (fd >= 0)
            close(fd);
        assert_true(loop_exact_us(loop) < until);
        loop_turn(loop, 20);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(fd >= 0);
    } while (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0);
    assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    /* The answers come when it is on disk, and nothing here waits for them. */
    close(fd);
}

static void time_words(char out[40], int64_t utc_us)
{
    time_t s = (time_t)(utc_us / SECOND);
    struct tm tm;

    gmtime_r(&s, &tm);
    strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* A front: two metres and a half in a minute that ends then. */
static void send_a_mudflow_of(int64_t utc_us)
{
    char before[40], then[40], lines[300];

    time_words(before, utc_us - 60 * SECOND);
    time_words(then, utc_us);
    snprintf(lines, sizeof(lines), "gusar.stage %s 1.0\ngusar.stage %s 3.5\nflush\n", before, then);
    tell(lines);
}

static int64_t send_a_mudflow(void)
{
    int64_t utc_us = loop_utc_us(loop);

    send_a_mudflow_of(utc_us);
    return utc_us;
}

/* --- orders ----------------------------------------------------------------------------------- */

static Eocbus__V1__Envelope message;
static Eocbus__V1__SirenCommand body;
static Eocbus__V1__Area area;
static Eocbus__V1__Approval approval[4], *approvals[4];
static size_t approval_count;
static uint8_t approved[4][SIGN_BYTES], message_id[16];
static Eocbus__V1__SensorControl control;
static Eocbus__V1__Period span;
static char *pcodes[1] = {(char *)"3505203001"}, *to_siren[1] = {(char *)"coes.siren1"};

static void draw_up_message(int64_t life_s)
{
    eocbus__v1__envelope__init(&message);
    eocbus__v1__area__init(&area);
    approval_count = 0;
    area.pcodes = pcodes;
    area.n_pcodes = 1;
    message.area = &area;
    message.lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    message.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    message.kind = EOCBUS__V1__KIND__KIND_REQUEST;
    message.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    message.sender = (char *)(uintptr_t)names[ASMA];
    message.event_time_us = message.sent_time_us = loop_utc_us(loop);
    message.not_after_us = message.sent_time_us + life_s * SECOND;
    loop_random(loop, message_id, sizeof(message_id));
    message_id[6] = 0x70 | (message_id[6] & 0x0f);
    message_id[8] = 0x80 | (message_id[8] & 0x3f);
    message.message_id.data = message_id;
    message.message_id.len = sizeof(message_id);
}

static void draw_up(Eocbus__V1__SirenAction action, int64_t life_s)
{
    draw_up_message(life_s);
    eocbus__v1__siren_command__init(&body);
    message.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    message.siren_command = &body;
    body.site = (char *)(uintptr_t)names[SIREN];
    body.action = action;
    if (action == EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND)
        body.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE;
    body.duration_s = 600;
    body.remaining_ms = (uint32_t)(life_s * 1000);
}

static void approve(unsigned who)
{
    size_t n = approval_count++;
    struct buf text = {0};

    eocbus__v1__approval__init(&approval[n]);
    approvals[n] = &approval[n];
    approval[n].principal = (char *)(uintptr_t)names[who];
    approval[n].approved_us = loop_utc_us(loop);
    approval[n].version = APPROVAL_VERSION;
    assert_int_equal(order_put_approved(&text, &message, names[who], approval[n].approved_us),
                     ST_OK);
    signer_sign(signers[who], approved[n], DOMAIN_APPROVAL, text.data, text.len);
    buf_free(&text);
    approval[n].signature.data = approved[n];
    approval[n].signature.len = SIGN_BYTES;
    assert_int_equal(order_set_approvals(&message, approvals, approval_count), ST_OK);
}

static bool is_stored(void)
{
    uint64_t until = loop_exact_us(loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);
    struct refusal why = {0};

    stored = refused = 0;
    if (agent_put(asma, &message, NULL, &why) != ST_OK) {
        snprintf(refused_text, sizeof(refused_text), "%s %s %s", why.code, why.path, why.text);
        return false;
    }
    while (!stored && !refused && loop_exact_us(loop) < until)
        loop_turn(loop, 20);
    return stored;
}

static void say(void)
{
    if (!is_stored())
        fail_msg("not stored: %s", refused_text);
}

static void order(Eocbus__V1__SirenAction action, int64_t life_s)
{
    draw_up(action, life_s);
    approve(KARIM);
    approve(RAHIMA);
    say();
}

/* As short as this machine can have it stored. */
static void order_a_short_sound(void)
{
    for (int64_t life_s = 2;; life_s *= 2) {
        draw_up(EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND, life_s);
        approve(KARIM);
        approve(RAHIMA);
        if (is_stored())
            return;
        if (life_s > 64)
            fail_msg("not stored: %s", refused_text);
    }
}

static void order_as(Eocbus__V1__Status status, Eocbus__V1__SirenAction action)
{
    draw_up(action, 600);
    message.status = status;
    approve(KARIM);
    approve(RAHIMA);
    say();
}

static void control_as(Eocbus__V1__Status status, Eocbus__V1__SensorAction action,
                       Eocbus__V1__SensorMode mode)
{
    draw_up_message(600);
    message.status = status;
    eocbus__v1__sensor_control__init(&control);
    message.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL;
    message.sensor_control = &control;
    control.target = (char *)(uintptr_t)names[SIREN];
    control.action = action;
    control.mode = mode;
    eocbus__v1__period__init(&span);
    span.from_us = message.sent_time_us - 3600 * SECOND;
    span.to_us = message.sent_time_us;
    if (action == EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SEND_HISTORY)
        control.span = &span;
    approve(KARIM);
    approve(RAHIMA);
    say();
}

static void control_gateway(Eocbus__V1__SensorAction action, Eocbus__V1__SensorMode mode)
{
    control_as(EOCBUS__V1__STATUS__STATUS_ACTUAL, action, mode);
}

#define ACTION(word) EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_##word
#define MODE(word)   EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_##word
#define ACCEPTED     "SELECT count(*) FROM eoc.machine_order WHERE answer = 'ACCEPTED'"
#define CONCLUDED(what)                                                                            \
    "SELECT count(*) FROM eoc.sensor_detection WHERE NOT local_siren_sounded AND level = '" what "'"
#define EXERCISE EOCBUS__V1__STATUS__STATUS_EXERCISE
#define SOUND    EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND
#define SILENCE  EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE
#define TEST     EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SELF_TEST

/* --- tests ------------------------------------------------------------------------------------ */

static void with_broker_and_database_dead_it_sounds_within_two_seconds_and_tells_later(void **state)
{
    int64_t told_us, sounded_us;

    (void)state;
    write_conf("clock = ntp\nsiren.sound = alarm evacuate 2s\n");
    start_gateway();
    wait_for_gateway();
    bus_kill_broker(bus);
    pgserver_stop_immediate(bus_server(bus));
    wait_for_words("gw.log", "sensor.link.down", 1);
    told_us = send_a_mudflow();
    wait_for_words("sounded", " on evacuate 2 0", 1);
    sounded_us = strtoll(file_text("sounded"), NULL, 10) / 1000;
    printf("measured: %" PRId64 " ms from the reading to the siren\n",
           (sounded_us - told_us) / 1000);
    assert_swift(sounded_us - told_us < 2 * SECOND);
    wait_for_words("sounded", " off", 1);
    pgserver_start_again(bus_server(bus));
    start_broker();
    expect_reports(2, "SOUNDED -, SOUNDED -");
    assert_string_equal(pgserver_text(bus_server(bus),
                                      "SELECT string_agg((sounded_s >= 2) || ' ' || told_later, "
                                      "', ' ORDER BY seq) FROM eoc.siren_report"),
                        "false true, true true");
    wait_for_number("SELECT count(*) FROM eoc.sensor_detection d JOIN eoc.siren_report r ON "
                    "r.cause_id = d.message_id WHERE d.level = 'ALARM' AND d.local_siren_sounded",
                    2);
    assert_int_equal(count_in("sounded", " on "), 1);
}

static void an_exercise_sounds_nothing_whatever_comes_down_the_channel(void **state)
{
    (void)state;
    write_conf("clock = ntp\nstatus = exercise\n");
    start_gateway();
    wait_for_gateway();
    (void)send_a_mudflow();
    wait_for_number("SELECT count(*) FROM eoc.sensor_detection WHERE level = 'ALARM' AND status = "
                    "'EXERCISE' AND NOT local_siren_sounded",
                    1);
    /* Behind it in the same gateway: had the alarm sounded, it would stand first. */
    order(TEST, 600);
    wait_for_words("sounded", " test", 1);
    assert_int_equal(count_in("sounded", " on "), 0);
    expect_reports(1, "SOUNDED -");
}

/* A gateway in an exercise, beside a siren that sounds because reality asked for it. */
static void an_exercise_silences_nothing_and_leaves_nothing_behind(void **state)
{
    (void)state;
    write_conf("clock = ntp\nstatus = exercise\n");
    start_gateway();
    wait_for_gateway();
    order(SOUND, 600);
    wait_for_words("sounded", " on evacuate 600 0", 1);
    order_as(EXERCISE, SILENCE);
    expect_reports(2, "SOUNDED -, REFUSED silence_status");
    assert_int_equal(count_in("sounded", " off"), 0);
    order(SILENCE, 600);
    wait_for_words("sounded", " off", 1);
    control_as(EXERCISE, ACTION(SET_MODE), MODE(MAINTENANCE));
    wait_for_number(ACCEPTED, 1);
    end_gateway(SIGTERM);
    write_conf("clock = ntp\n");
    start_gateway();
    wait_for_words("gw.log", "control.mode.exercise", 1);
    /* It is real again: no exercise's order gets that far. */
    control_as(EXERCISE, ACTION(SET_MODE), MODE(MAINTENANCE));
    wait_for_number("SELECT count(*) FROM eoc.machine_order WHERE answer = 'REJECTED' AND code = "
                    "'test_status'",
                    1);
    (void)send_a_mudflow();
    wait_for_words("sounded", " on evacuate 180 0", 1);
}

/* Everything that must not sound, one after the other, and each is answered. */
static void what_must_not_sound_does_not_and_each_is_told_why(void **state)
{
    (void)state;
    write_conf("clock = ntp\n");
    start_gateway();
    wait_for_gateway();
    draw_up(SOUND, 600);
    approve(KARIM);
    say(); /* the database lets one person do */
    expect_reports(1, "REFUSED one_approver");
    draw_up(SOUND, 600);
    message.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    approve(KARIM);
    approve(RAHIMA);
    say();
    expect_reports(2, "REFUSED one_approver, REFUSED test_status");
    draw_up(SOUND, 600);
    body.site = (char *)(uintptr_t)names[OTHER];
    message.to = to_siren;
    message.n_to = 1;
    approve(KARIM);
    approve(RAHIMA);
    say();
    expect_reports(3, "REFUSED one_approver, REFUSED test_status, REFUSED wrong_site");
    assert_string_equal(file_text("sounded"), "");
    /* A good one, stopped; then said again by whoever captured it. */
    order(SOUND, 600);
    wait_for_words("sounded", " on evacuate 600 0", 1);
    assert_int_equal(bus_end_broker(bus, NULL), 0);
    start_broker(); /* which remembers nothing */
    say();
    wait_for_number("SELECT count(*) FROM eoc.siren_report WHERE code = 'said_before'", 1);
    order(SILENCE, 600);
    wait_for_words("sounded", " off", 1);
    expect_reports(7, "REFUSED one_approver, REFUSED test_status, REFUSED wrong_site, SOUNDED -, "
                      "REFUSED said_before, SILENCED -, SILENCED -");
    assert_int_equal(count_in("sounded", " on "), 1);
    assert_string_equal(pgserver_text(bus_server(bus),
                                      "SELECT what || ' ' || array_to_string(approved_by, ' ') || "
                                      "' ' || coalesce(answer, 'none') FROM "
                                      "eoc.machine_order WHERE what LIKE 'SILENCE%'"),
                        "SILENCE coes.karim eoc.rahima SILENCED");
}

/* The orders lie in the log; one is over, of one a byte was changed, one lost its signature. */
static void what_waited_in_the_log_and_is_over_or_forged_sounds_nothing(void **state)
{
    struct pgserver *pg = bus_server(bus);

    (void)state;
    write_conf("clock = ntp\n");
    start_gateway(); /* its place in the log begins here */
    wait_for_gateway();
    order(TEST, 600);
    wait_for_words("sounded", " test", 1);
    expect_reports(1, "SOUNDED -");
    end_gateway(SIGTERM);
    order_a_short_sound();
    wait_for_number("SELECT count(*) FROM bus.message WHERE type = 106 AND not_after < now()", 1);
    order(SOUND, 600);
    pgserver_exec(pg, "UPDATE bus.message SET content = overlay(content PLACING 'coes.karin' FROM "
                      "position('coes.karim'::bytea IN content)) WHERE seq = (SELECT max(seq) FROM "
                      "bus.message WHERE type = 106)");
    order(SOUND, 600);
    pgserver_exec(pg, "UPDATE bus.message SET signature = NULL WHERE seq = (SELECT max(seq) FROM "
                      "bus.message WHERE type = 106)");
    assert_int_equal(bus_end_broker(bus, NULL), 0);
    start_broker(); /* it had them in memory */
    start_gateway();
    expect_reports(2, "SOUNDED -, EXPIRED expired");
    wait_for_words("gw.log", "agent.forged", 2);
    wait_for_number("SELECT count(*) FROM eoc.audit WHERE said_by = 'coes.siren1' AND what = "
                    "'forged'",
                    1);
    /* Behind all of them. */
    order(TEST, 600);
    wait_for_words("sounded", " test", 2);
    assert_int_equal(count_in("sounded", " on "), 0);
}

static void a_siren_that_does_not_know_the_time_obeys_nobody(void **state)
{
    (void)state;
    write_conf("clock = free_running\n");
    start_gateway();
    wait_for_gateway();
    order(SOUND, 600);
    expect_reports(1, "REFUSED clock_unknown");
    /* What it sees itself needs no clock: its own is a quarter of an hour behind its devices'. */
    send_a_mudflow_of(loop_utc_us(loop) + 900 * SECOND);
    wait_for_words("sounded", " on evacuate 180 0", 1);
    assert_int_equal(count_in("sounded", " on "), 1);
    assert_int_equal(count_in("gw.log", "sensor.clock.unknown"), 1);
}

static void an_alarm_of_an_hour_ago_sounds_nothing_until_the_flow_is_seen_now(void **state)
{
    (void)state;
    write_conf("clock = ntp\n");
    start_gateway();
    wait_for_gateway();
    send_a_mudflow_of(loop_utc_us(loop) - 1200 * SECOND);
    wait_for_words("gw.log", "siren.owed", 1);
    wait_for_number(CONCLUDED("ALARM"), 1);
    end_gateway(SIGKILL);
    start_gateway();
    tell("gusar.stage now 1.0\nflush\n");
    order(TEST, 600); /* behind it: had it sounded, it would stand first */
    wait_for_words("sounded", " test", 1);
    assert_int_equal(count_in("sounded", " on "), 0);
    tell("gusar.stage now 3.4\nflush\n");
    wait_for_words("sounded", " on evacuate 180 0", 1);
    assert_int_equal(pgserver_number(bus_server(bus), CONCLUDED("ALARM")), 1);
}

/* The settings say that the clock is kept. All its devices are a quarter of an hour ahead of it. */
static void a_clock_that_every_device_contradicts_blinds_nobody(void **state)
{
    char at[40], lines[1000] = "";
    int64_t utc_us;

    (void)state;
    write_conf("clock = ntp\n");
    start_gateway();
    wait_for_gateway();
    bus_kill_broker(bus); /* which would tell it */
    end_gateway(SIGTERM);
    start_gateway();
    utc_us = loop_utc_us(loop) + 900 * SECOND;
    for (int i = 0; i < 12; i++) {
        size_t len = strlen(lines);

        time_words(at, utc_us - (60 - i) * SECOND);
        snprintf(lines + len, sizeof(lines) - len, "gusar.stage %s 1.0\n", at);
    }
    tell(lines);
    wait_for_words("gw.log", "sensor.clock.outvoted", 1);
    assert_int_equal(count_in("gw.log", "sensor.clock.doubted"), 1);
    send_a_mudflow_of(utc_us);
    wait_for_words("sounded", " on evacuate 180 0", 1);
    start_broker();
}

static void a_program_that_hangs_is_a_failure_and_tried_again(void **state)
{
    (void)state;
    write_siren("say $*; test -e works || { touch works; exec sleep 1000; }");
    write_conf("clock = ntp\nsiren.timeout = 700ms\n");
    start_gateway();
    wait_for_gateway();
    order(SOUND, 600);
    wait_for_words("sounded", " on evacuate ", 2);
    expect_reports(2, "FAILED timeout, SOUNDED -");
}

static void a_power_cut_in_the_middle_ends_in_the_rest_of_the_sound(void **state)
{
    (void)state;
    write_conf("clock = ntp\n");
    start_gateway();
    wait_for_gateway();
    order(SOUND, 600);
    wait_for_words("sounded", " on evacuate 600 0", 1);
    expect_reports(1, "SOUNDED -");
    end_gateway(SIGKILL);
    start_gateway();
    wait_for_words("sounded", " on evacuate ", 2);
    expect_reports(3, "SOUNDED -, FAILED power_cut, SOUNDED -");
    order(SILENCE, 600);
    expect_reports(5, "SOUNDED -, FAILED power_cut, SOUNDED -, SILENCED -, SILENCED -");
    end_gateway(SIGKILL);
    start_gateway();
    order(TEST, 600);
    wait_for_words("sounded", " test", 1);
    assert_int_equal(count_in("sounded", " on "), 2); /* what was silenced stays silent */
}

static void where_people_work_nothing_sounds_and_a_restart_does_not_forget_it(void **state)
{
    int code;

    (void)state;
    /* It may not hear its neighbour, and that takes nothing from its orders. */
    write_conf("clock = ntp\nneighbour = coes.siren2\nquake.from = coes.siren2\n");
    start_gateway();
    wait_for_gateway();
    control_gateway(ACTION(SET_MODE), MODE(MAINTENANCE));
    wait_for_number(ACCEPTED, 1);
    end_gateway(SIGKILL);
    start_gateway();
    (void)send_a_mudflow();
    wait_for_number(CONCLUDED("ALARM"), 1);
    control_gateway(ACTION(CLEAR), MODE(UNSPECIFIED));
    wait_for_number(CONCLUDED("CLEAR"), 1);
    control_gateway(ACTION(SYNC_CLOCK), MODE(UNSPECIFIED));
    wait_for_number("SELECT count(*) FROM eoc.machine_order WHERE answer = 'REJECTED' AND code = "
                    "'not_supported'",
                    1);
    control_gateway(ACTION(SEND_HISTORY), MODE(UNSPECIFIED));
    wait_for_number(ACCEPTED, 3);
    wait_for_number("SELECT count(*) FROM eoc.observation WHERE quality & 8192 <> 0", 2);
    control_gateway(ACTION(RESTART), MODE(UNSPECIFIED));
    wait_for_number(ACCEPTED, 4);
    assert_int_equal(waitpid(gateway, &code, 0), gateway);
    gateway = 0;
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
    assert_string_equal(file_text("sounded"), "");
}

static struct ran ran;

static const char *conf_of(unsigned who)
{
    char text[1000], name[64];

    snprintf(name, sizeof(name), "%s.conf", names[who]);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s/%s.key\nbroker.endpoint = %s\nbroker.key = %s\n"
             "trust.officers = %s\noutbox.path = %s/%s.ctl.out\nlog.level = error\n",
             names[who], dir, names[who], bus_endpoint(bus), bus_broker_key(bus), pins, dir,
             names[who]);
    write_text_file(in_dir(name), text);
    return in_dir(name);
}

/* As the runbook has it: the numbers in force, one of them changed, with a reason. */
static void draft_a_line_of(const char *metres)
{
    char sql[1200];

    snprintf(
        sql, sizeof(sql),
        "SELECT jsonb_build_object('lane', 'LANE_PRIORITY', 'status', 'STATUS_ACTUAL', 'kind', "
        "'KIND_REQUEST', 'label', 'LABEL_INTERNAL', 'area', doc->'area', 'sensor_configuration', "
        "doc->'sensor_configuration' || jsonb_build_object('profile_version', 2, 'reason', 'the "
        "gauge was moved', 'parameters', (SELECT jsonb_agg(CASE WHEN p->>'name' = 'line' THEN p || "
        "'{\"value\": \"%s\", \"exponent\": 0}' ELSE p END) FROM "
        "jsonb_array_elements(doc->'sensor_configuration'->'parameters') AS p))) FROM eoc.document "
        "WHERE type = 'sensor_configuration' AND sender = 'coes.siren1' AND "
        "doc->'sensor_configuration'->>'profile' = 'stage.level' ORDER BY seq DESC LIMIT 1",
        metres);
    write_text_file(in_dir("numbers.json"), pgserver_text(bus_server(bus), sql));
}

static void two_persons_change_a_threshold_and_one_does_not(void **state)
{
    (void)state;
    write_conf("clock = ntp\n");
    start_gateway();
    wait_for_gateway();
    wait_for_number("SELECT count(*) FROM eoc.detector_numbers WHERE profile = 'stage.level' AND "
                    "parameter = 'line' AND value = 2 AND unit = 'metre'",
                    1);
    draft_a_line_of("9");
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "draft", "--file",
                in_dir("numbers.json"), "--out", in_dir("order.json"), NULL);
    run_expect(&ran, 0, "does nothing yet");
    run_program(&ran, "eocctl", "-c", conf_of(KARIM), "order", "approve", in_dir("order.json"),
                "--yes", NULL);
    run_expect(&ran, 0, "it has 1 approval now");
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "say", in_dir("order.json"), "--wait",
                "60", NULL);
    run_expect(&ran, 1, "takes 2 persons");
    run_program(&ran, "eocctl", "-c", conf_of(RAHIMA), "order", "approve", in_dir("order.json"),
                "--yes", NULL);
    run_expect(&ran, 0, "it has 2 approvals now");
    run_program(&ran, "eocctl", "-c", conf_of(ASMA), "order", "say", in_dir("order.json"), "--wait",
                "60", NULL);
    run_expect(&ran, 0, "stored");
    wait_for_number("SELECT count(*) FROM eoc.detector_numbers WHERE profile = 'stage.level' AND "
                    "version = 2 AND parameter = 'line' AND value = 9 AND reason LIKE '%of "
                    "coes.asma, approved by coes.karim, eoc.rahima: the gauge was moved'",
                    1);
    wait_for_number("SELECT count(*) FROM eoc.machine_order WHERE what = 'stage.level 2' AND "
                    "approved_by = '{coes.karim,eoc.rahima}' AND answer = 'ACCEPTED'",
                    1);
    end_gateway(SIGKILL);
    start_gateway();
    (void)send_a_mudflow(); /* three metres and a half: it rises, and is not high */
    wait_for_number(CONCLUDED("WARNING"), 1);
    order(TEST, 600);
    wait_for_words("sounded", " test", 1);
    assert_int_equal(pgserver_number(bus_server(bus), CONCLUDED("ALARM")), 0);
    assert_int_equal(count_in("sounded", " on "), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(with_broker_and_database_dead_it_sounds_within_two_seconds_and_tells_later),
        T(an_exercise_sounds_nothing_whatever_comes_down_the_channel),
        T(an_exercise_silences_nothing_and_leaves_nothing_behind),
        cmocka_unit_test_setup_teardown(what_must_not_sound_does_not_and_each_is_told_why,
                                        begin_with_lax_rules, end),
        T(what_waited_in_the_log_and_is_over_or_forged_sounds_nothing),
        T(a_siren_that_does_not_know_the_time_obeys_nobody),
        T(an_alarm_of_an_hour_ago_sounds_nothing_until_the_flow_is_seen_now),
        T(a_clock_that_every_device_contradicts_blinds_nobody),
        T(a_program_that_hangs_is_a_failure_and_tried_again),
        T(a_power_cut_in_the_middle_ends_in_the_rest_of_the_sound),
        T(where_people_work_nothing_sounds_and_a_restart_does_not_forget_it),
        T(two_persons_change_a_threshold_and_one_does_not),
    };

    return cmocka_run_group_tests_name("siren", tests, NULL, NULL);
}
