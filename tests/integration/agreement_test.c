/* A sharing agreement on paper, on a real broker with officers pinned: signed by both parties, said
 * by both, in force; and what somebody makes of it who may write everything in the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/officers.h"
#include "tests/lib/run.h"

#define AGREEMENT_ID "018f4e5c-7b1a-7cde-8f00-112233445566"
#define PAPER(PLACE)                                                                               \
    "{\"status\": \"STATUS_ACTUAL\", \"kind\": \"KIND_REPORT\", \"lane\": \"LANE_ROUTINE\", "      \
    "\"label\": \"LABEL_INTERNAL\", \"sharing_agreement\": {\"agreement_id\": \"" AGREEMENT_ID     \
    "\", \"version\": 1, \"giver\": \"coes\", \"taker\": \"rcst\", \"grants\": [{\"type\": "       \
    "\"household_event\", \"pcodes\": [\"" PLACE "\"], \"max_label\": "                            \
    "\"LABEL_HOUSEHOLD_PERSONAL\"}], \"purpose\": \"SHARING_PURPOSE_ASSISTANCE\", "                \
    "\"valid_from_us\": \"2026-01-01T00:00:00Z\", \"valid_to_us\": \"2080-01-01T00:00:00Z\"}}"

static struct world {
    struct bus *bus;
    struct loop *loop;
    struct test_officers desk;
    char dir[64], pins[128];
    struct ran ran;
} world;

static const char *file_of(const char *name)
{
    static char path[8][200];
    static unsigned next;
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%.100s", world.dir, name);
    return p;
}

/* Enrolled by two officers, with settings of its own for eocctl: NAME.conf. */
static void enrol(const char *name, const char *agency, const char *role)
{
    struct keys k;
    struct record r;
    char text[1600], err[600], key[200], conf[80];

    assert_int_equal(keys_generate(&k), ST_OK);
    snprintf(text, sizeof(text), "%s.key", name);
    snprintf(key, sizeof(key), "%s", file_of(text));
    if (keys_save(&k, key, "a test", err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    r = record_of(name, &k);
    snprintf(r.agency, sizeof(r.agency), "%s", agency);
    snprintf(r.roles, sizeof(r.roles), "%s", role);
    officers_enrol(&world.desk, bus_server(world.bus), &r);
    keys_wipe(&k);
    snprintf(conf, sizeof(conf), "%s.conf", name);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/%s.outbox\ntrust.officers = %s\n"
             "database = host=%s dbname=eocbus user=bus_admin\ncontrol.socket = %s/broker.sock\n",
             name, key, bus_endpoint(world.bus), bus_broker_key(world.bus), world.dir, name,
             world.pins, pgserver_socket(bus_server(world.bus)), bus_dir(world.bus));
    write_text_file(file_of(conf), text);
}

static int begin(void **state)
{
    char setting[160];
    const char *settings[] = {setting, NULL};

    (void)state;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-agree-XXXXXX");
    if (!mkdtemp(world.dir) || loop_create(&world.loop) != ST_OK)
        return -1;
    officers_open(&world.desk);
    snprintf(world.pins, sizeof(world.pins), "%s/officers", world.dir);
    officers_write(&world.desk, world.pins);
    snprintf(setting, sizeof(setting), "trust.officers=%s", world.pins);
    world.bus = bus_create();
    bus_start_broker(world.bus, settings);
    enrol("coes.officer", "coes", "officer");
    enrol("rcst.officer", "rcst", "officer");
    enrol("rcst.team2", "rcst", "partner");
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    officers_close(&world.desk);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

#define CTL(NAME, ...)                                                                             \
    run_program(&world.ran, "eocctl", "-c", file_of(NAME ".conf"), __VA_ARGS__, NULL)

struct counts {
    unsigned long long held, unsigned_ones;
};

static bool counts_are(void *arg)
{
    const struct counts *want = arg;

    return bus_status(world.bus, "agreements") == want->held &&
           bus_status(world.bus, "agreements_unsigned") == want->unsigned_ones;
}

static void wait_counts(unsigned long long held, unsigned long long unsigned_ones)
{
    struct counts want = {held, unsigned_ones};

    client_wait(world.loop, counts_are, &want, "the broker's list with the agreement");
}

static void what_two_officials_signed_holds_until_somebody_writes_into_it(void **state)
{
    static const char why[] = "sharing agreement " AGREEMENT_ID " does not hold";
    const char *paper = file_of("paper.json");

    (void)state;
    write_text_file(paper, PAPER("3505203"));
    CTL("coes.officer", "agreement", "sign", paper);
    run_expect(&world.ran, 1, "Type the name of who takes (rcst)");
    run_type("rcst\n");
    CTL("coes.officer", "agreement", "sign", paper);
    run_expect(&world.ran, 0, "signed");
    CTL("coes.officer", "agreement", "sign", paper, "--yes");
    run_expect(&world.ran, 1, "you signed it already");
    CTL("rcst.officer", "agreement", "sign", paper, "--yes");
    run_expect(&world.ran, 0, "coes.officer");
    CTL("coes.officer", "agreement", "say", paper);
    run_expect(&world.ran, 0, "stored");
    CTL("coes.officer", "audit", "agreements");
    run_expect(&world.ran, 0, NULL); /* of one party it is none yet */
    assert_string_equal(world.ran.out, "");
    CTL("rcst.officer", "agreement", "say", paper);
    run_expect(&world.ran, 0, "stored");
    wait_counts(1, 0);
    CTL("coes.officer", "audit", "agreements");
    run_expect(&world.ran, 0, "coes gives rcst  version 1  2026-01-01 to 2080-01-01  both signed");
    CTL("coes.officer", "why", "rcst.team2", "hear", "household_event", "--place", "3505203",
        "--label", "HOUSEHOLD_PERSONAL", "--from", "coes.ayni");
    run_expect(&world.ran, 0, "it is allowed by sharing agreement " AGREEMENT_ID);
    assert_null(strstr(world.ran.out, "does not hold"));

    /* A superuser makes it say another district, in all its places. */
    pgserver_exec(bus_server(world.bus),
                  "UPDATE bus.message SET content = decode(replace(encode(content, 'hex'), "
                  "encode('3505203', 'hex'), encode('3505217', 'hex')), 'hex') WHERE type = 240; "
                  "UPDATE bus.agreement SET terms = replace(terms::text, '3505203', "
                  "'3505217')::jsonb");
    wait_counts(0, 1);
    assert_true(bus_log_lines(world.bus, "access.agreement.unsigned") > 0);
    CTL("coes.officer", "audit", "agreements");
    run_expect(&world.ran, 1,
               "does NOT hold: nobody of coes has signed it: the signature of "
               "coes.officer is not its own over these words");
    CTL("coes.officer", "why", "rcst.team2", "hear", "household_event", "--place", "3505217",
        "--label", "HOUSEHOLD_PERSONAL", "--from", "coes.ayni");
    run_expect(&world.ran, 0, "it is allowed by sharing agreement"); /* so says the database */
    run_expect(&world.ran, 0, why);
    CTL("coes.officer", "status");
    run_expect(&world.ran, 3, "access.agreement.unsigned");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_two_officials_signed_holds_until_somebody_writes_into_it, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
