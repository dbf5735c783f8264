/* Events for an inquiry, against the real PostgreSQL: what changes a right, and what else the
 * database sees, becomes a message of the bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/ids.h"
#include "proto/wire/gate.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

static int set_up(void **state)
{
    struct pgserver *pg = pgserver_start();

    pgserver_record_events(pg);
    *state = pg;
    return 0;
}

static int tear_down(void **state)
{
    pgserver_end(*state);
    return 0;
}

static void say_what_waits(struct pgserver *pg)
{
    while (pgserver_number(pg, "SELECT count(*) FROM bus.audit_pending"))
        pgserver_exec(pg, "SELECT bus.tick(32)");
}

static void enrol(struct pgserver *pg, const char *name, int byte)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT bus.principal_add('%s', 'coes', 'all', '', decode(repeat('%02x', 32), 'hex'))",
             name, byte);
    pgserver_exec(pg, sql);
}

/* The one event with this word: column `what` of eoc.audit. */
static const char *event(struct pgserver *pg, const char *word, const char *what)
{
    static char text[2100];
    char sql[200];

    snprintf(sql, sizeof(sql), "SELECT %s FROM eoc.audit WHERE what = '%s'", what, word);
    snprintf(text, sizeof(text), "%s", pgserver_text(pg, sql));
    return text;
}

static void a_change_of_rights_records_itself(void **state)
{
    struct pgserver *pg = *state;

    enrol(pg, "coes.ayni", 7);
    say_what_waits(pg);
    assert_string_equal(event(pg, "principal_added", "subject"), "coes.ayni");
    assert_string_equal(event(pg, "principal_added", "by"), "postgres");
    assert_non_null(strstr(event(pg, "principal_added", "after"), "\"agency\": \"coes\""));
    assert_string_equal(event(pg, "key_added", "subject"), "coes.ayni");

    assert_string_equal(pgserver_try(pg, "bus_admin", "SELECT bus.principal_revoke('coes.ayni')"),
                        "");
    say_what_waits(pg);
    assert_string_equal(event(pg, "principal_changed", "by"), "bus_admin");
    assert_string_equal(event(pg, "principal_changed", "coalesce(before, '')"), "");
    assert_non_null(strstr(event(pg, "principal_changed", "after"), "revoked_at"));
    assert_null(strstr(event(pg, "principal_changed", "after"), "agency")); /* it did not change */
    assert_string_equal(event(pg, "key_changed", "subject"), "coes.ayni");
}

static void a_change_that_is_taken_back_leaves_nothing(void **state)
{
    struct pgserver *pg = *state;

    pgserver_exec(pg, "BEGIN");
    enrol(pg, "coes.ayni", 7);
    pgserver_exec(pg, "ROLLBACK");
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM bus.audit_pending"), 0);
}

/* A person who forgot to commit must not stop the bus. */
static void an_open_change_does_not_hold_the_head(void **state)
{
    struct pgserver *pg = *state;

    pgserver_exec(pg, "BEGIN");
    enrol(pg, "coes.ayni", 7);
    assert_string_equal(
        pgserver_try(pg, "postgres",
                     "SET lock_timeout = '2s'; SELECT FROM bus.log_head FOR UPDATE"),
        "");
    pgserver_exec(pg, "COMMIT");
}

static void the_database_tells_of_epochs_and_of_what_is_thrown_away(void **state)
{
    struct pgserver *pg = *state;

    pgserver_exec(pg, "SELECT bus.raise_epoch(1, 0, 'a drill')");
    pgserver_exec(
        pg, "INSERT INTO bus.quarantine (quarantine_id, received_at, sender_id, code, path, text,"
            " content) SELECT gen_random_uuid(), now(), 0, 'size', '', '', '' FROM"
            " generate_series(1, 3)");
    pgserver_exec(pg, "DELETE FROM bus.quarantine WHERE false");
    pgserver_exec(pg, "DELETE FROM bus.quarantine");
    pgserver_exec(pg, "TRUNCATE bus.principal_key");
    say_what_waits(pg);
    assert_string_equal(event(pg, "epoch_raised", "subject"), "2");
    assert_string_equal(event(pg, "epoch_raised", "because"), "a drill");
    assert_string_equal(event(pg, "quarantine_dropped", "times"), "3");
    assert_string_equal(event(pg, "table_emptied", "subject"), "bus.principal_key");
}

static void anybody_with_a_right_may_record_and_nobody_as_somebody_else(void **state)
{
    struct pgserver *pg = *state;

    assert_string_equal(
        pgserver_try(pg, "bus_ingest",
                     "SELECT bus.say_audit('identity_read', 'case 7', because => 'asked by"
                     " the family', for_whom => 'coes.registry')"),
        "");
    assert_string_equal(
        pgserver_try(pg, "bus_ingest", "INSERT INTO bus.audit_pending (what) VALUES ('x')"),
        "42501");
    assert_string_equal(pgserver_try(pg, "bus_admin", "DELETE FROM bus.audit_pending"), "42501");
    assert_string_equal(pgserver_try(pg, "bus_reader", "SELECT bus.say_audit('backup', '')"),
                        "42501");
    say_what_waits(pg);
    assert_string_equal(event(pg, "identity_read", "by"), "bus_ingest for coes.registry");
    assert_string_equal(pgserver_try(pg, "bus_reader", "SELECT * FROM eoc.audit"), "");
}

/* --- the bytes that SQL makes ----------------------------------------------------------------- */

static size_t read_content(struct pgserver *pg, int64_t seq, uint8_t *out, size_t size)
{
    char sql[120];
    const char *hex;
    size_t len = 0;

    snprintf(sql, sizeof(sql), "SELECT encode(content, 'hex') FROM bus.message WHERE seq = %lld",
             (long long)seq);
    for (hex = pgserver_text(pg, sql); len < size && hex[2 * len]; len++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * len, "%2x", &byte), 1);
        out[len] = (uint8_t)byte;
    }
    return len;
}

static void check_content(struct pgserver *pg, int64_t seq, struct arena *arena)
{
    static char sql[12000];
    uint8_t bytes[6000];
    size_t len = read_content(pg, seq, bytes, sizeof(bytes));
    struct buf json = {0};
    struct refusal why;
    Eocbus__V1__Envelope *e;

    arena_reset(arena);
    if (gate_content(&e, bytes, len, arena, &why) != ST_OK)
        fail_msg("%s: %s", why.path, why.text);
    assert_int_equal(eocbus__v1__envelope__get_packed_size(e), len);
    assert_int_equal(e->label, EOCBUS__V1__LABEL__LABEL_RESTRICTED);
    json_print(&json, &e->base);
    buf_put(&json, "", 1);
    snprintf(sql, sizeof(sql),
             "SELECT CASE WHEN d.doc = j THEN 'same' ELSE d.doc::text || j::text END FROM"
             " bus.document d, CAST($json$%s$json$ AS jsonb) AS j WHERE d.seq = %lld",
             (char *)json.data, (long long)seq);
    assert_string_equal(pgserver_text(pg, sql), "same");
    buf_free(&json);
}

static void an_event_passes_the_gate_whatever_it_says(void **state)
{
    struct pgserver *pg = *state;
    struct arena *arena;

    assert_int_equal(arena_create(&arena, 2 * LIMIT_ARENA_BYTES), ST_OK);
    pgserver_exec(pg, "SELECT bus.say_audit('a', '')");
    pgserver_exec(pg,
                  "SELECT bus.say_audit('b', repeat(U&'\\0436', 500), repeat(U&'\\+01F30A', 600),"
                  " repeat('x', 2000), E'\\x1b[31m', gen_random_uuid(), 9223372036854775807)");
    enrol(pg, "coes.ayni", 7);
    say_what_waits(pg);
    for (int64_t seq = pgserver_number(pg, "SELECT seq FROM bus.log_head"); seq > 0; seq--)
        check_content(pg, seq, arena);
    arena_destroy(arena);
}

#define A_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(a_change_of_rights_records_itself),
        A_TEST(a_change_that_is_taken_back_leaves_nothing),
        A_TEST(an_open_change_does_not_hold_the_head),
        A_TEST(the_database_tells_of_epochs_and_of_what_is_thrown_away),
        A_TEST(anybody_with_a_right_may_record_and_nobody_as_somebody_else),
        A_TEST(an_event_passes_the_gate_whatever_it_says),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
