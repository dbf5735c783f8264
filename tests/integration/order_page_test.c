/* order_page_test - a siren obeys what people wrote and approved at a page, and nothing less: the
 * real console, broker, PostgreSQL and gateway, and keys that officers signed. */
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/outbox.h"
#include "proto/base/ids.h"
#include "proto/wire/approval.h"
#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/officers.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { TEXT = 16384, PATIENCE_S = 60 };

enum { DESK, NAZAROVA, RAHIMOV, SHARIPOV, HELPER, KULOB, SIREN, KHUJAND, PANJ, PEOPLE };
static const char *const names[PEOPLE] = {"coes.desk",     "coes.nazarova", "coes.rahimov",
                                          "coes.sharipov", "coes.helper",   "coes.kulob",
                                          "coes.siren1",   "coes.khujand",  "coes.panj"};
static const char *const roles[PEOPLE] = {"dispatcher desk", "dispatcher",      "dispatcher",
                                          "dispatcher",      "supplier",        "dispatcher",
                                          "gateway",         "dispatcher desk", "dispatcher desk"};
static const char *const places[PEOPLE] = {"",        "",           "", "3505203", "",
                                           "3507209", "3505203001", "", ""};

static struct bus *bus;
static struct page *page, *dushanbe, *khujand; /* page: at which one somebody sits now */
static struct test_officers officers;
static pid_t gateway;
static unsigned orders;
static char dir[64], answer[TEXT];
static struct ran ran;

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
    struct keys keys;
    struct buf enrolment;
    struct record r;
    char *sql, file[80], err[512];

    assert_int_equal(keys_generate(&keys), ST_OK);
    r = record_of(names[who], &keys);
    snprintf(r.roles, sizeof(r.roles), "%s", roles[who]);
    snprintf(r.places, sizeof(r.places), "%s", places[who]);
    enrolment = enrolment_of(&officers, &r, 0, 1);
    sql = enrolment_sql(&r, &enrolment);
    pgserver_exec(bus_server(bus), sql);
    free(sql);
    buf_free(&enrolment);
    snprintf(file, sizeof(file), "%s.key", names[who]);
    assert_int_equal(keys_save(&keys, in_dir(file), names[who], err, sizeof(err)), ST_OK);
    keys_wipe(&keys);
}

static const char *agent_settings(unsigned who)
{
    static char text[1200];

    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s/%s.key\nbroker.endpoint = %s\nbroker.key = %s\n"
             "trust.officers = %s/officers\noutbox.path = %s/%s.db\nlink.profile = fiber\n",
             names[who], dir, names[who], bus_endpoint(bus), bus_broker_key(bus), dir, dir,
             names[who]);
    return text;
}

static void start_gateway(void)
{
    char text[4000], program[PATH_MAX] = "";

    snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >> %s/sounded\n", dir);
    write_text_file(in_dir("siren"), text);
    assert_int_equal(chmod(in_dir("siren"), 0755), 0);
    snprintf(text, sizeof(text),
             "%splace = 3505203001\nclock = ntp\nsiren = command %s/siren\n"
             "datastream = gusar.stage 1 stage metre -3\ntrust.orders = %s/orders\n",
             agent_settings(SIREN), dir, dir);
    write_text_file(in_dir("gw.conf"), text);
    /* It asks for one person more than the database does before it falls silent. */
    snprintf(text, sizeof(text), "0 3 allow need siren_command:silence any RESTRICTED - 0 0\n%s",
             approval_built_in);
    write_text_file(in_dir("orders"), text);
    assert_true(readlink("/proc/self/exe", program, sizeof(program) - 32) > 0);
    snprintf(strstr(program, "/tests/"), 32, "/eocbus-sensor");
    gateway = fork();
    assert_true(gateway >= 0);
    if (gateway)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen(in_dir("gw.log"), "a", stderr))
        execl(program, program, "-c", in_dir("gw.conf"), "run", (char *)NULL);
    _exit(127);
}

/* NULL: a new one, which nobody enrolled. */
static void give_key(unsigned who, const char *file)
{
    run_type(page_password());
    run_program(&ran, "eocbus-console", "-c", page_conf(page), "person", "key", names[who], file,
                NULL);
    run_expect(&ran, 0, "eocbus-request");
}

static void start_page(void)
{
    write_text_file(in_dir("desk.conf"), agent_settings(DESK));
    page = dushanbe = page_start(bus, in_dir("desk.conf"), names[DESK], dir);
    for (unsigned i = NAZAROVA; i <= KULOB; i++)
        page_add_person(page, names[i]);
    give_key(RAHIMOV, in_dir("coes.rahimov.key"));
    give_key(SHARIPOV, in_dir("coes.sharipov.key"));
    give_key(NAZAROVA, in_dir("coes.nazarova.key"));
    give_key(HELPER, in_dir("coes.helper.key"));
}

/* Another desk at the same record, where one of them has a key as well. */
static void start_khujand(void)
{
    assert_int_equal(mkdir(in_dir("khujand"), 0700), 0);
    write_text_file(in_dir("khujand.conf"), agent_settings(KHUJAND));
    page = khujand = page_start(bus, in_dir("khujand.conf"), names[KHUJAND], in_dir("khujand"));
    page_add_person(khujand, names[RAHIMOV]);
    page_add_person(khujand, names[SHARIPOV]);
    page_add_person(khujand, names[HELPER]);
    give_key(RAHIMOV, in_dir("coes.rahimov.key"));
    give_key(SHARIPOV, in_dir("coes.sharipov.key"));
    page = dushanbe;
}

static int64_t number(const char *question)
{
    return pgserver_number(bus_server(bus), question);
}

static void wait_for_number(const char *question, int64_t wanted)
{
    const struct timespec ms20 = {.tv_nsec = 20000000};
    const time_t end = time(NULL) + PATIENCE_S * PATIENCE;

    while (number(question) < wanted) {
        if (time(NULL) > end)
            fail_msg("waited in vain for %" PRId64 ": %s", wanted, question);
        nanosleep(&ms20, NULL);
    }
}

static int begin(void **state)
{
    char setting[160];
    const char *settings[] = {setting, NULL};

    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-order-page-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    officers_open(&officers);
    officers_write(&officers, in_dir("officers"));
    bus = bus_create();
    for (unsigned i = 0; i < PEOPLE; i++)
        enrol(i);
    snprintf(setting, sizeof(setting), "trust.officers=%s/officers", dir);
    bus_start_broker(bus, settings);
    start_gateway();
    start_page();
    start_khujand();
    wait_for_number("SELECT count(*) FROM bus.message WHERE type = 105", 1);
    return 0;
}

static int end(void **state)
{
    char command[160];
    int code;

    (void)state;
    page_end(dushanbe);
    page_end(khujand);
    assert_int_equal(kill(gateway, SIGTERM), 0);
    assert_int_equal(waitpid(gateway, &code, 0), gateway);
    bus_destroy(bus);
    officers_close(&officers);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* --- at the page ------------------------------------------------------------------------------ */

static const char *new_id(void)
{
    static char text[4][ID_TEXT];
    static unsigned turn;
    uint8_t id[ID_BYTES], random[10] = {0};
    char *out = text[turn++ % 4];

    random[9] = (uint8_t)(2 * ++orders); /* the order itself has the next number */
    id_make(id, INT64_C(1790000000000000), random);
    id_format(out, id);
    return out;
}

/* "SOUND", for so many seconds, or another action, said to concern `place`: how it is answered. */
static int try_order(unsigned who, const char *id, const char *action, unsigned seconds,
                     const char *place)
{
    char body[800];

    snprintf(body, sizeof(body),
             "{\"message_id\":\"%s\",\"status\":\"STATUS_ACTUAL\",\"event_time_us\":"
             "\"1790000000000000\",\"not_after_us\":\"1790000600000000\",\"area\":{\"pcodes\":["
             "\"%s\"]},\"siren_command\":{\"site\":\"coes.siren1\",\"action\":"
             "\"SIREN_ACTION_%s\",%s\"duration_s\":%u,\"reason\":\"a wall of mud\"}}",
             id, place, action, seconds ? "\"pattern\":\"SIREN_PATTERN_EVACUATE\"," : "", seconds);
    page_sign_in(page, names[who]);
    return page_ask(page, "/api/say", body, answer, sizeof(answer));
}

/* Turned down, by whoever says so. */
static int turn_down(unsigned who, const char *draft)
{
    char body[600];

    snprintf(body, sizeof(body),
             "{\"message_id\":\"%s\",\"status\":\"STATUS_ACTUAL\",\"area\":{\"pcodes\":["
             "\"3505203001\"]},\"preceding_id\":\"%s\",\"receipt\":{\"message_id\":\"%s\","
             "\"level\":\"RECEIPT_LEVEL_REJECTED\",\"by\":\"%s\",\"time_us\":"
             "\"1790000000000000\",\"code\":\"turned_down\",\"text\":\"not there\"}}",
             new_id(), draft, draft, names[who]);
    page_sign_in(page, names[who]);
    return page_ask(page, "/api/say", body, answer, sizeof(answer));
}

static int say_something_else(unsigned who, const char *id)
{
    char body[400];

    snprintf(body, sizeof(body),
             "{\"message_id\":\"%s\",\"status\":\"STATUS_ACTUAL\",\"area\":{\"pcodes\":["
             "\"3505203\"]},\"general_message\":{\"from_role\":\"duty\",\"subject\":\"s\","
             "\"text\":\"t\"}}",
             id);
    page_sign_in(page, names[who]);
    return page_ask(page, "/api/say", body, answer, sizeof(answer));
}

/* Its draft's id. */
static const char *write_order(unsigned who, const char *action, unsigned seconds)
{
    static char id[ID_TEXT];
    char question[200];

    snprintf(id, sizeof(id), "%s", new_id());
    if (try_order(who, id, action, seconds, "3505203001") != 200)
        fail_msg("%s", answer);
    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.order_draft WHERE message_id = '%s'", id);
    wait_for_number(question, 1);
    return id;
}

static int approve_as(unsigned who, const char *draft, const char *id, const char *password)
{
    char path[300], body[100], question[200];

    snprintf(question, sizeof(question), "SELECT seq FROM eoc.order_draft WHERE message_id = '%s'",
             draft);
    snprintf(path, sizeof(path), "/api/approve-order?draft=%s&seq=%" PRId64 "&id=%s", draft,
             number(question), id);
    snprintf(body, sizeof(body), "password=%s", password);
    page_sign_in(page, names[who]);
    return page_ask(page, path, body, answer, sizeof(answer));
}

static int approve_with(unsigned who, const char *draft, const char *password)
{
    return approve_as(who, draft, new_id(), password);
}

static int approve(unsigned who, const char *draft)
{
    return approve_with(who, draft, page_password());
}

static void wait_for_state(const char *draft, const char *state)
{
    char question[200];

    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.order_draft WHERE message_id = '%s' AND state = '%s'", draft,
             state);
    wait_for_number(question, 1);
}

static void wait_for_approvals(const char *draft, int64_t wanted)
{
    char question[160];

    snprintf(question, sizeof(question),
             "SELECT cardinality(approved_by) FROM eoc.order_draft WHERE message_id = '%s'", draft);
    wait_for_number(question, wanted);
}

static void expect(int status, int wanted, const char *word)
{
    if (status != wanted || !strstr(answer, word))
        fail_msg("not %d with %s: %s", wanted, word, answer);
}

static const char *sounded(void)
{
    static char text[4096];
    FILE *f = fopen(in_dir("sounded"), "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

static const char *reports(void)
{
    return pgserver_text(bus_server(bus),
                         "SELECT coalesce(string_agg(result || ' ' || coalesce(nullif(code, ''), "
                         "'-'), ', ' ORDER BY seq), '') FROM eoc.siren_report");
}

/* --- tests ------------------------------------------------------------------------------------ */

/* One world for all: each leaves behind what the next one counts from. */
static void a_siren_obeys_what_two_others_approved_with_their_own_keys(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 60);

    (void)state;
    expect(approve(NAZAROVA, draft), 403, "own_draft");
    expect(approve(HELPER, draft), 404, "no_draft"); /* who may not even read it */
    expect(approve_with(RAHIMOV, draft, "not-the-password"), 403, "\"password\"");
    expect(approve(DESK, draft), 403, "rights");
    expect(approve(RAHIMOV, draft), 200, "message_id");
    expect(approve(RAHIMOV, draft), 409, "approved_before");
    wait_for_number("SELECT cardinality(approved_by) FROM eoc.order_draft", 1);
    assert_string_equal(sounded(), "");
    assert_string_equal(reports(), ""); /* a draft is not answered, neither is an approval */
    expect(approve(SHARIPOV, draft), 200, "message_id");
    wait_for_number("SELECT count(*) FROM eoc.machine_order WHERE answer = 'SOUNDED'", 1);
    assert_string_equal(sounded(), "on evacuate 60 0\n");
    assert_string_equal(pgserver_text(bus_server(bus),
                                      "SELECT concat_ws(' ', o.state, o.author, array_to_string("
                                      "o.approved_by, '+')) FROM eoc.order_draft o"),
                        "SAID coes.nazarova coes.rahimov+coes.sharipov");
    expect(approve(SHARIPOV, draft), 409, "answered");
}

/* Whatever the database asks for: the siren has a list of its own. */
static void a_siren_refuses_one_that_lacks_an_approval(void **state)
{
    const char *draft = write_order(NAZAROVA, "SILENCE", 0);

    (void)state;
    expect(approve(RAHIMOV, draft), 200, "message_id");
    expect(approve(SHARIPOV, draft), 200, "message_id");
    wait_for_number("SELECT count(*) FROM eoc.machine_order WHERE answer = 'REFUSED'", 1);
    assert_null(strstr(reports(), "SILENCED"));
    assert_null(strstr(sounded(), "off"));
}

/* A key that lies beside the people file and that no officer signed in is nobody's. */
static void a_key_that_nobody_enrolled_approves_nothing(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 62);

    (void)state;
    give_key(SHARIPOV, NULL);
    expect(approve(SHARIPOV, draft), 409, "key_unknown");
    expect(approve(RAHIMOV, draft), 200, "message_id");
    give_key(SHARIPOV, in_dir("coes.sharipov.key"));
    expect(approve(SHARIPOV, draft), 200, "message_id"); /* it spoilt nothing */
    wait_for_number("SELECT count(*) FROM eoc.machine_order WHERE answer = 'SOUNDED'", 2);
    assert_non_null(strstr(sounded(), "on evacuate 62 0\n"));
}

/* It is where it is, whatever place the order names. */
static void who_may_order_elsewhere_may_not_order_this_one(void **state)
{
    (void)state;
    expect(try_order(KULOB, new_id(), "SOUND", 63, "3507209"), 403, "rights");
    expect(try_order(KULOB, new_id(), "SOUND", 63, "3505203001"), 403, "rights");
}

/* It is drawn where its machine is, and reaches it, whatever place its writer named. */
static void an_order_is_for_the_place_of_its_machine(void **state)
{
    const char *id = new_id();
    char question[200];

    (void)state;
    expect(try_order(NAZAROVA, id, "SOUND", 65, "3507209"), 200, "message_id");
    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.order_draft WHERE message_id = '%s' AND places = "
             "'3505203001'",
             id);
    wait_for_number(question, 1);
}

/* The order's id is known before it is approved: whoever takes it first would spoil the order. */
static void nobody_takes_the_id_that_an_approved_order_gets(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 66);
    char taken[ID_TEXT];

    (void)state;
    snprintf(taken, sizeof(taken), "%s", draft);
    taken[ID_TEXT - 2]++;
    expect(try_order(SHARIPOV, taken, "SOUND", 67, "3505203001"), 422, "message_id");
    expect(approve_as(RAHIMOV, draft, taken, page_password()), 422, "message_id");
    expect(say_something_else(SHARIPOV, taken), 200, "message_id");
    expect(approve(RAHIMOV, draft), 200, "message_id");
    expect(approve(SHARIPOV, draft), 200, "message_id");
    wait_for_number("SELECT count(*) FROM eoc.order_draft WHERE state = 'SAID' AND duration_s = 66",
                    1);
}

/* It is left out for as long as its giver may not, and spoils nothing for the others. */
static void an_approval_whose_giver_may_no_longer_is_not_counted(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 68);
    char question[160];

    (void)state;
    expect(approve(SHARIPOV, draft), 200, "message_id");
    snprintf(question, sizeof(question),
             "SELECT cardinality(approved_by) FROM eoc.order_draft WHERE message_id = '%s'", draft);
    wait_for_number(question, 1);
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.principal SET places = '3507209' WHERE name = 'coes.sharipov'");
    expect(approve(RAHIMOV, draft), 200, "message_id");
    expect(approve(RAHIMOV, draft), 409, "approved_before"); /* and it was not said */
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.principal SET places = '3505203' WHERE name = 'coes.sharipov'");
    wait_for_number(question, 2);
    expect(approve(RAHIMOV, draft), 200, "message_id");
    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.order_draft WHERE state = 'SAID' AND message_id = '%s'",
             draft);
    wait_for_number(question, 1);
}

/* Each has a people file and keys of its own; the order is the first one's. */
static void what_is_written_at_one_desk_is_approved_at_another(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 70);
    char question[400];

    (void)state;
    expect(approve(RAHIMOV, draft), 200, "message_id");
    page = khujand;
    expect(approve(RAHIMOV, draft), 409, "approved_before");
    expect(approve(SHARIPOV, draft), 200, "message_id");
    page = dushanbe;
    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.machine_order o JOIN eoc.order_draft d ON d.order_id = "
             "o.message_id WHERE d.message_id = '%s' AND o.answer = 'SOUNDED' AND o.sender = "
             "'coes.desk' AND o.approved_by = '{coes.rahimov,coes.sharipov}'",
             draft);
    wait_for_number(question, 1);
    assert_non_null(strstr(sounded(), "on evacuate 70 0\n"));
}

static void
an_order_that_others_approved_while_its_desk_was_away_is_said_when_it_is_back(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 71);

    (void)state;
    assert_int_equal(kill(page_process(dushanbe), SIGSTOP), 0);
    page = khujand;
    expect(approve(RAHIMOV, draft), 200, "message_id");
    expect(approve(SHARIPOV, draft), 200, "message_id");
    page = dushanbe;
    wait_for_approvals(draft, 2);
    wait_for_state(draft, "WAITING");
    assert_int_equal(kill(page_process(dushanbe), SIGKILL), 0);
    page_restart(dushanbe);
    wait_for_state(draft, "SAID");
}

/* As the desk's outbox keeps the order of this draft when a broker refused it. */
static void keep_refused(const char *draft)
{
    const struct outbox_settings set = {.path = in_dir("coes.desk.db"), .sender = names[DESK]};
    const struct outbox_outcome no = {.code = "rights", .path = "", .text = "not there"};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SirenCommand body = EOCBUS__V1__SIREN_COMMAND__INIT;
    char err[400] = "", *place = (char *)(uintptr_t) "3505203001";
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    uint8_t id[ID_BYTES], content[1000];
    struct outbox *o = NULL;
    uint64_t tag;

    assert_true(id_parse(id, draft));
    area.n_pcodes = 1;
    area.pcodes = &place;
    m.area = &area;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.preceding_id = (ProtobufCBinaryData){ID_BYTES, id};
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    m.siren_command = &body;
    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    assert_int_equal(outbox_put_raw(o, 1, content, eocbus__v1__envelope__pack(&m, content), &tag),
                     ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_settle(o, tag, &no), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
}

/* Nobody hears of what a broker keeps out of the log but by the desk that tried to say it. */
static void an_order_that_a_broker_refuses_is_out_of_the_queue_with_the_reason(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 72);
    char question[400];

    (void)state;
    expect(approve(RAHIMOV, draft), 200, "message_id");
    wait_for_approvals(draft, 1);
    snprintf(
        question, sizeof(question),
        "UPDATE bus.document SET doc = jsonb_set(doc, '{label}', '\"LABEL_HOUSEHOLD_PERSONAL\"') "
        "WHERE message_id = '%s'",
        draft);
    pgserver_exec(bus_server(bus), question); /* which nobody may say of a siren */
    expect(approve(SHARIPOV, draft), 200, "message_id");
    wait_for_state(draft, "REFUSED");
    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.order_draft d WHERE message_id = '%s' AND code = 'rights' "
             "AND NOT EXISTS (SELECT FROM eoc.queue q WHERE "
             "q.id = d.message_id)",
             draft);
    assert_int_equal(number(question), 1);
    expect(approve(SHARIPOV, draft), 409, "answered");
    assert_null(strstr(sounded(), "on evacuate 72 0\n"));
}

/* Its outbox keeps that a broker refused an order, and the desk was cut off before it told. */
static void a_refusal_that_nobody_was_told_is_told_after_a_restart(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 75);

    (void)state;
    assert_int_equal(kill(page_process(dushanbe), SIGKILL), 0);
    keep_refused(draft);
    page_restart(dushanbe);
    wait_for_state(draft, "REFUSED");
}

/* A desk may speak for people, so it is believed what it says of them but for their own keys. */
static void forge_approval(const char *draft, unsigned giver)
{
    const long long now = (long long)time(NULL);
    char text[1200], signature[87] = "";

    memset(signature, 'A', sizeof(signature) - 1);
    write_text_file(in_dir("panj.conf"), agent_settings(PANJ));
    snprintf(text, sizeof(text),
             "{\"message_id\":\"%s\",\"status\":\"STATUS_SYSTEM\",\"kind\":\"KIND_REQUEST\","
             "\"lane\":\"LANE_IMMEDIATE\",\"label\":\"LABEL_INTERNAL\",\"event_time_us\":"
             "\"%lld000000\",\"not_after_us\":\"%lld000000\",\"area\":{\"pcodes\":["
             "\"3505203001\"]},\"preceding_id\":\"%s\",\"siren_command\":{\"site\":"
             "\"coes.siren1\",\"action\":\"SIREN_ACTION_SOUND\",\"pattern\":"
             "\"SIREN_PATTERN_EVACUATE\",\"duration_s\":75,\"remaining_ms\":600000,\"reason\":\"a "
             "wall of mud\","
             "\"approvals\":[{\"principal\":\"%s\",\"approved_us\":\"%lld000000\",\"version\":2,"
             "\"signature\":\"%s==\"}]}}\n",
             new_id(), now, now + 600, draft, names[giver], now, signature);
    write_text_file(in_dir("forged.json"), text);
    run_program(&ran, "eocctl", "-c", in_dir("panj.conf"), "publish", "--file",
                in_dir("forged.json"), NULL);
    run_expect(&ran, 0, "stored");
}

static void what_another_desk_makes_up_of_approvals_spoils_no_order(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 75);

    (void)state;
    forge_approval(draft, RAHIMOV);
    forge_approval(draft, SHARIPOV);
    forge_approval(draft, NAZAROVA);
    wait_for_approvals(draft, 2);
    expect(approve(RAHIMOV, draft), 200, "message_id"); /* he did not before */
    expect(approve(RAHIMOV, draft), 409, "approved_before");
    forge_approval(draft, RAHIMOV);
    wait_for_state(draft, "WAITING");
    expect(approve(SHARIPOV, draft), 200, "message_id");
    wait_for_state(draft, "SAID");
    assert_string_equal(pgserver_text(bus_server(bus),
                                      "SELECT array_to_string(o.approved_by, '+') FROM "
                                      "eoc.machine_order o WHERE o.answer = 'SOUNDED' ORDER BY "
                                      "o.seq DESC LIMIT 1"),
                        "coes.rahimov+coes.sharipov");
}

static void who_has_no_say_is_told_that_he_turns_nothing_down(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 73);

    (void)state;
    expect(turn_down(KULOB, draft), 403, "rights");
    expect(turn_down(HELPER, draft), 403, "rights");
    wait_for_state(draft, "WAITING");
    page = khujand;
    expect(turn_down(RAHIMOV, draft), 200, "message_id");
    page = dushanbe;
    wait_for_state(draft, "TURNED_DOWN");
    expect(turn_down(SHARIPOV, draft), 409, "answered"); /* it would change nothing */
    draft = write_order(NAZAROVA, "SOUND", 74);
    expect(turn_down(NAZAROVA, draft), 200, "message_id");
    wait_for_state(draft, "TURNED_DOWN");
}

/* Two approved, and nobody said it: a restart in between, or the policy asks for fewer now. */
static void who_approved_before_says_what_nobody_said(void **state)
{
    const char *draft = write_order(NAZAROVA, "SOUND", 64);
    char question[160];

    (void)state;
    expect(approve(RAHIMOV, draft), 200, "message_id");
    snprintf(question, sizeof(question),
             "SELECT cardinality(approved_by) FROM eoc.order_draft WHERE message_id = '%s'", draft);
    wait_for_number(question, 1);
    pgserver_exec(bus_server(bus), "SELECT bus.approvers_set('siren_command', '*', 1, 'a test')");
    if (approve(RAHIMOV, draft) != 200) /* the desk heard of the first one only now, and said it */
        expect(409, 409, "answered");
    snprintf(question, sizeof(question),
             "SELECT count(*) FROM eoc.order_draft WHERE state = 'SAID' AND message_id = '%s'",
             draft);
    wait_for_number(question, 1);
}

/* However fast somebody writes: the record has none of them yet. */
static void of_what_one_person_writes_at_once_eight_wait(void **state)
{
    const char *first = new_id();
    char again[ID_TEXT];

    (void)state;
    snprintf(again, sizeof(again), "%s", first);
    assert_int_equal(kill(bus_broker_pid(bus), SIGSTOP), 0);
    expect(try_order(RAHIMOV, again, "SOUND", 80, "3505203001"), 200, "message_id");
    for (unsigned n = 1; n < 8; n++)
        expect(try_order(RAHIMOV, new_id(), "SOUND", 80 + n, "3505203001"), 200, "message_id");
    expect(try_order(RAHIMOV, new_id(), "SOUND", 88, "3505203001"), 429, "drafts");
    expect(try_order(RAHIMOV, new_id(), "SOUND", 89, "3505203001"), 429, "drafts");
    expect(try_order(RAHIMOV, again, "SOUND", 80, "3505203001"), 200, "\"before\":true");
    expect(try_order(SHARIPOV, new_id(), "SOUND", 90, "3505203001"), 200, "message_id");
    assert_int_equal(kill(bus_broker_pid(bus), SIGCONT), 0);
    wait_for_number("SELECT count(*) FROM eoc.order_draft WHERE author = 'coes.rahimov' AND state "
                    "= 'WAITING'",
                    8);
    expect(turn_down(RAHIMOV, again), 200, "message_id");
    wait_for_state(again, "TURNED_DOWN");
    expect(try_order(RAHIMOV, new_id(), "SOUND", 91, "3505203001"), 200, "message_id");
    expect(try_order(RAHIMOV, new_id(), "SOUND", 92, "3505203001"), 429, "drafts");
}

/* The people file of each desk knows nothing of it. */
static void who_is_revoked_does_not_come_in_and_hears_why(void **state)
{
    char form[200];

    (void)state;
    page_sign_in(page, names[KULOB]);
    pgserver_exec(bus_server(bus), "SELECT bus.principal_revoke('coes.kulob')");
    snprintf(form, sizeof(form), "name=%s&password=%s", names[KULOB], page_password());
    expect(page_ask(page, "/api/login", form, answer, sizeof(answer)), 403, "revoked");
    snprintf(form, sizeof(form), "name=%s&password=no", names[KULOB]);
    expect(page_ask(page, "/api/login", form, answer, sizeof(answer)), 403, "\"password\"");
    page_sign_in(page, names[NAZAROVA]);
}

/* Neither what he reads, nor what he says, nor what he hears waits for the end of his shift. */
static void who_is_revoked_at_work_is_signed_out(void **state)
{
    static struct browser b;

    (void)state;
    page_sign_in(page, names[SHARIPOV]);
    browser_open(&b, page_port(page));
    browser_say(&b, "GET /api/news HTTP/1.1\r\nHost: x\r\nCookie: eocbus=%s\r\n\r\n",
                page_cookie(page));
    assert_true(browser_hears(&b, "event: truth"));
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.principal SET not_after = now() WHERE name = 'coes.sharipov'");
    browser_wait_for_end(&b);
    browser_close(&b);
    expect(page_ask(page, "/api/view/queue", NULL, answer, sizeof(answer)), 401, "signed_out");
    page_sign_in(page, names[NAZAROVA]);
    expect(page_ask(page, "/api/view/queue", NULL, answer, sizeof(answer)), 200, "items");
}

/* The record shows such a desk nothing, and its pages would say that nothing waits. */
static void a_desk_that_is_revoked_shows_nobody_an_empty_room(void **state)
{
    static struct browser b;
    char form[200];

    (void)state;
    browser_open(&b, page_port(page));
    browser_say(&b, "GET /api/news HTTP/1.1\r\nHost: x\r\nCookie: eocbus=%s\r\n\r\n",
                page_cookie(page));
    assert_true(browser_hears(&b, "event: truth"));
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.principal SET revoked_at = now() WHERE name = 'coes.desk'");
    browser_wait_for_end(&b);
    browser_close(&b);
    expect(page_ask(page, "/api/view/queue", NULL, answer, sizeof(answer)), 401, "signed_out");
    snprintf(form, sizeof(form), "name=%s&password=%s", names[NAZAROVA], page_password());
    expect(page_ask(page, "/api/login", form, answer, sizeof(answer)), 403, "desk_revoked");
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.principal SET revoked_at = NULL WHERE name = 'coes.desk'");
    page_sign_in(page, names[NAZAROVA]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_siren_obeys_what_two_others_approved_with_their_own_keys),
        cmocka_unit_test(a_siren_refuses_one_that_lacks_an_approval),
        cmocka_unit_test(a_key_that_nobody_enrolled_approves_nothing),
        cmocka_unit_test(who_may_order_elsewhere_may_not_order_this_one),
        cmocka_unit_test(an_order_is_for_the_place_of_its_machine),
        cmocka_unit_test(nobody_takes_the_id_that_an_approved_order_gets),
        cmocka_unit_test(an_approval_whose_giver_may_no_longer_is_not_counted),
        cmocka_unit_test(what_is_written_at_one_desk_is_approved_at_another),
        cmocka_unit_test(
            an_order_that_others_approved_while_its_desk_was_away_is_said_when_it_is_back),
        cmocka_unit_test(an_order_that_a_broker_refuses_is_out_of_the_queue_with_the_reason),
        cmocka_unit_test(a_refusal_that_nobody_was_told_is_told_after_a_restart),
        cmocka_unit_test(what_another_desk_makes_up_of_approvals_spoils_no_order),
        cmocka_unit_test(who_has_no_say_is_told_that_he_turns_nothing_down),
        cmocka_unit_test(who_approved_before_says_what_nobody_said),
        cmocka_unit_test(of_what_one_person_writes_at_once_eight_wait),
        cmocka_unit_test(who_is_revoked_does_not_come_in_and_hears_why),
        cmocka_unit_test(who_is_revoked_at_work_is_signed_out),
        cmocka_unit_test(a_desk_that_is_revoked_shows_nobody_an_empty_room),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
