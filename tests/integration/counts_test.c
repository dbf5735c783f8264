/* Households as numbers: counted, small numbers held back, said by a named principal, and all that
 * a ministry reads of households. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/bus.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

static struct {
    struct bus *bus;
    char conf[128];
    struct ran ran;
} world;

static int begin(void **state)
{
    struct keys keys;
    char text[2000], key_file[128], err[512];

    (void)state;
    world.bus = bus_create();
    bus_enrol(world.bus, "coes.test.counter", &keys);
    snprintf(world.conf, sizeof(world.conf), "%s/eocctl.conf", bus_dir(world.bus));
    snprintf(key_file, sizeof(key_file), "%s/counter.key", bus_dir(world.bus));
    assert_int_equal(keys_save(&keys, key_file, "coes.test.counter", err, sizeof(err)), ST_OK);
    snprintf(text, sizeof(text),
             "name = coes.test.counter\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/counter.db\ndatabase = host=%s dbname=eocbus user=bus_admin\n"
             "link.profile = fiber\n",
             key_file, bus_endpoint(world.bus), bus_broker_key(world.bus), bus_dir(world.bus),
             pgserver_socket(bus_server(world.bus)));
    write_text_file(world.conf, text);
    bus_start_broker(world.bus, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bus_destroy(world.bus);
    return 0;
}

/* Households of a place, `declined` of which say no for want of means. Numbers are below the log's.
 */
static void households(const char *pcode, unsigned affected, unsigned declined)
{
    char sql[2000];

    snprintf(
        sql, sizeof(sql),
        "INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id,"
        " places, marks, doc) SELECT coalesce((SELECT max(seq) FROM bus.document), 1000) + g, "
        "now(),"
        " '2026-03-05', 0, t.type, 1, gen_random_uuid(), '%s', 64,"
        " jsonb_build_object('area', '{\"pcodes\": [\"%s\"]}'::jsonb) || CASE t.type WHEN 220 THEN"
        " jsonb_build_object('household_event', jsonb_build_object('household_id',"
        " md5('%s' || g)::uuid, 'affected', '{\"members\": 4}'::jsonb))"
        " ELSE jsonb_build_object('offer_response', jsonb_build_object('household_id',"
        " md5('%s' || g)::uuid, 'answer', 'OFFER_ANSWER_DECLINE', 'reasons',"
        " '[\"OFFER_DECLINE_REASON_NO_MEANS_TO_MOVE\"]'::jsonb)) END"
        " FROM (VALUES (220, %u), (226, %u)) AS t(type, n), generate_series(1, t.n) AS g",
        pcode, pcode, pcode, pcode, affected, declined);
    pgserver_exec(bus_server(world.bus), sql);
}

static void counts_are_said_and_small_ones_are_not(void **state)
{
    struct pgserver *s = bus_server(world.bus);

    (void)state;
    households("3505203001", 12, 6);
    households("3505217002", 30, 3);
    households("3501204001", 4, 0);
    run_program(&world.ran, "eocctl", "-c", world.conf, "counts", "--from", "2026-03-01T00:00:00Z",
                "--to", "2026-04-01T00:00:00Z", NULL);
    run_expect(&world.ran, 0, "together");
    assert_string_equal(
        pgserver_text(s, "SELECT string_agg(concat_ws('|', coalesce(pcode, 'all'),"
                         " coalesce(affected::text, '-'), coalesce(declined::text, '-'),"
                         " coalesce(declined_for::text, '-')), ' ' ORDER BY pcode)"
                         " FROM eoc.household_counts"),
        /* 4 affected are few, and 46 - 30 - 12 would tell; 3 and 0 declined are few, and so 6 */
        "3501204|-|-|- 3505203|-|-|- 3505217|30|-|- all|46|9|{\"NO_MEANS_TO_MOVE\": 9}");
    assert_string_equal(
        pgserver_text(s,
                      "SELECT concat_ws(' ', sender, type, (SELECT marks >> 4 FROM bus.message x"
                      " WHERE x.seq = m.seq)) FROM eoc.message m WHERE type = 'household_counts'"),
        "coes.test.counter household_counts 2");
}

static void a_ministry_reads_counts_and_no_household(void **state)
{
    struct pgserver *s = bus_server(world.bus);

    (void)state;
    pgserver_exec(s, "INSERT INTO bus.principal (name, agency, roles) VALUES ('mof.desk', 'mof',"
                     " 'ministry'); CREATE ROLE mof LOGIN IN ROLE bus_reader;"
                     "SELECT bus.reader_set('mof', 'mof.desk')");
    assert_string_equal(
        pgserver_try(s, "mof", "SELECT 1 / (count(*) - 3)::int FROM eoc.household_counts"), "");
    households("3505203001", 7, 7);
    run_program(&world.ran, "eocctl", "-c", world.conf, "counts", "--from", "2026-03-01T00:00:00Z",
                "--to", "2026-04-01T00:00:00Z", "--place", "3505203", NULL);
    run_expect(&world.ran, 0, "together");
    /* A division by zero says that there are two rows of counts, and none of anything else. */
    assert_string_equal(
        pgserver_try(s, "mof", "SELECT 1 / (count(*) - 2)::int FROM eoc.household_counts"),
        "22012");
    assert_string_equal(pgserver_try(s, "mof", "SELECT 1 / count(*)::int FROM eoc.household_event"),
                        "22012");
    assert_string_equal(pgserver_try(s, "mof", "SELECT 1 / count(*)::int FROM eoc.offer_response"),
                        "22012");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_are_said_and_small_ones_are_not, begin, end),
        cmocka_unit_test_setup_teardown(a_ministry_reads_counts_and_no_household, begin, end),
    };

    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
