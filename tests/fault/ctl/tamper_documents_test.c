/* Somebody who may do anything in the database changes what people ask there, and leaves the
 * messages and their chain alone. Found every time, and at the right number. Each case is one
 * transaction of a superuser that is taken back after it was looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/audit.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum { CASES = 60, MESSAGES = 300 };

struct world {
    struct pgserver *pg;
    struct db *d;
    uint32_t seed;
};

static struct world world;

static unsigned roll(unsigned n)
{
    world.seed ^= world.seed << 13;
    world.seed ^= world.seed >> 17;
    world.seed ^= world.seed << 5;
    return world.seed % n;
}

static void script(const char *sql)
{
    if (db_script(world.d, sql) != ST_OK)
        fail_msg("%s: %s", sql, db_error(world.d));
}

static int set_up(void **state)
{
    char conninfo[200], err[600];

    (void)state;
    world.seed = 7;
    world.pg = pgserver_start();
    pgserver_exec(
        world.pg,
        "SELECT bus.say_audit('drill', 'number ' || g, repeat('before ', g % 20), E'x\\ty',"
        " about => gen_random_uuid(), times => g) FROM generate_series(1, 300) g");
    while (pgserver_number(world.pg, "SELECT count(*) FROM bus.audit_pending"))
        pgserver_exec(world.pg, "SELECT bus.tick(32)");
    assert_int_equal(pgserver_number(world.pg, "SELECT count(*) FROM bus.document"), MESSAGES);
    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(world.pg));
    if (db_open(&world.d, conninfo, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(world.d);
    pgserver_end(world.pg);
    return 0;
}

static struct audit_result look(bool deep)
{
    const struct audit_wish wish = {.from = 1, .deep = deep};
    struct audit_result result;
    char err[600];

    if (audit_check(&result, world.d, &wish, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    buf_free(&result.text);
    return result;
}

/* Found at this number; the messages and the chain by themselves hold. */
static void expect(const char *sql, uint64_t seq)
{
    struct audit_result deep, plain;

    script("BEGIN");
    script(sql);
    plain = look(false);
    deep = look(true);
    script("ROLLBACK");
    if (plain.found)
        fail_msg("the case changes the chain: %s", sql);
    if (!deep.found || deep.first != seq || deep.upto != seq)
        fail_msg("found %" PRIu64 " at %" PRIu64 " (%s), not at %" PRIu64 ": %s", deep.found,
                 deep.first, deep.what, seq, sql);
}

static void each_of(const char *const *changes, size_t n)
{
    for (unsigned i = 0; i < CASES; i++) {
        unsigned seq = 1 + roll(MESSAGES);
        char sql[400];

        snprintf(sql, sizeof(sql), "UPDATE bus.document SET %s WHERE seq = %u", changes[i % n],
                 seq);
        expect(sql, seq);
    }
}

static void documents_that_nobody_touched_say_what_their_messages_say(void **state)
{
    (void)state;
    assert_int_equal(look(true).found, 0);
}

static void a_changed_document_is_found(void **state)
{
    static const char *const changes[] = {
        "doc = jsonb_set(doc, '{audit_event,subject}', '\"somebody else\"')",
        "doc = jsonb_set(doc, '{audit_event,times}', '\"301\"')",
        "doc = doc - 'label'",
        "doc = doc || '{\"to\": [\"coes.ayni\"]}'",
        "doc = '{}'",
    };

    (void)state;
    each_of(changes, sizeof(changes) / sizeof(*changes));
}

static void a_changed_column_of_a_document_is_found(void **state)
{
    static const char *const changes[] = {
        "received_at = received_at + interval '1 microsecond'",
        "event_at = event_at - interval '1 hour'",
        "sender_id = 77",
        "status = 1",
        "message_id = gen_random_uuid()",
        "places = '3505203'",
        "marks = 16", /* PUBLIC */
        "type = 200",
    };

    (void)state;
    each_of(changes, sizeof(changes) / sizeof(*changes));
}

static void a_document_that_is_gone_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned seq = 1 + roll(MESSAGES);
        char sql[120];

        snprintf(sql, sizeof(sql), "DELETE FROM bus.document WHERE seq = %u", seq);
        expect(sql, seq);
    }
}

static void a_document_that_no_message_made_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned seq = 1 + roll(MESSAGES);
        char sql[400];

        snprintf(sql, sizeof(sql),
                 "CREATE TEMP TABLE t ON COMMIT DROP AS SELECT * FROM bus.document WHERE seq = %u;"
                 " UPDATE t SET type = %u; ALTER TABLE t DROP COLUMN incident_id;"
                 " INSERT INTO bus.document SELECT * FROM t",
                 seq, i % 2 ? 200 : 9999);
        expect(sql, seq);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_that_nobody_touched_say_what_their_messages_say),
        cmocka_unit_test(a_changed_document_is_found),
        cmocka_unit_test(a_changed_column_of_a_document_is_found),
        cmocka_unit_test(a_document_that_is_gone_is_found),
        cmocka_unit_test(a_document_that_no_message_made_is_found),
    };

    return cmocka_run_group_tests_name("tamper, documents", tests, set_up, tear_down);
}
