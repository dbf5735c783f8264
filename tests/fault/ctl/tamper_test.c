/* Somebody who may do anything in the database changes the record: a byte, a row, the end, the
 * digests with it. Found every time, and at the right number. Each case is one transaction of a
 * superuser that is taken back after it was looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/ctl/audit.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum { CASES = 200, MESSAGES = 700 };

struct world {
    struct pgserver *pg;
    struct db *d;
    char heads[64]; /* file */
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

static uint64_t ask(const char *sql)
{
    struct db_rows *r;
    uint64_t n;

    if (db_query(world.d, &r, sql, NULL, 0) != ST_OK)
        fail_msg("%s: %s", sql, db_error(world.d));
    n = db_number(r, 0, "n");
    db_rows_free(r);
    return n;
}

/* --- a log ------------------------------------------------------------------------------------ */

/* Envelopes as their senders make them, by bus.append in commits of 1 to 40, every third one signed
 * and every fifth one with an expiry. */
static const char fill_sql[] =
    "CREATE PROCEDURE public.fill(batch int, n int) LANGUAGE plpgsql AS $p$\n"
    "DECLARE\n"
    "  first int8 := 1 + coalesce((SELECT max(lane_last) FROM bus.lane_run WHERE sender_id > 0 AND "
    "lane"
    " = 5), 0);\n"
    "  who int4[]; ep int8[]; la int2[]; ls int8[]; ids uuid[]; ty int2[]; st int2[]; pl text[];\n"
    "  ev timestamptz[]; re timestamptz[]; na timestamptz[]; co bytea[]; si bytea[];\n"
    "BEGIN\n"
    "  SELECT array_agg(p.principal_id), array_agg(7::int8), array_agg(5::int2), array_agg(first + "
    "g"
    " - 1 ORDER BY g), array_agg(id), array_agg(200::int2), array_agg(1::int2), array_agg('3505203'"
    " ::text), array_agg(t), array_agg(clock_timestamp()), array_agg(CASE WHEN g % 5 = 0 THEN"
    " timestamptz '2030-01-01' END), array_agg(content), array_agg(CASE WHEN g % 3 = 0 THEN"
    " sha512(content) END)\n"
    "    INTO who, ep, la, ls, ids, ty, st, pl, ev, re, na, co, si\n"
    "    FROM (SELECT g, id, t, p.principal_id, bus.pb_bytes(1, uuid_send(id)) || bus.pb_number(2,"
    " 1000) || bus.pb_text(3, p.name) || bus.pb_number(4, 7) || bus.pb_number(5, 5) ||"
    " bus.pb_number(6, first + g - 1) || bus.pb_number(8, 1) || bus.pb_number(9, 1) ||"
    " bus.pb_number(10, bus.us(t)) || bus.pb_number(11, bus.us(t)) || bus.pb_bytes(18,"
    " bus.pb_text(1, '3505203')) || bus.pb_number(19, 2) || bus.pb_bytes(200, bus.pb_text(1,"
    " repeat('word ', 20))) AS content\n"
    "      FROM (SELECT g, gen_random_uuid() AS id, clock_timestamp() AS t FROM generate_series(1, "
    "n)"
    " AS g) AS x, bus.principal p WHERE p.name = 'coes.ayni' ORDER BY g) AS p;\n"
    "  PERFORM bus.append(who, ep, la, ls, ids, ty, st, pl, ev, re, na, NULL, NULL, co, si, NULL, "
    "NULL,"
    " ARRAY[who[1]], ARRAY[7::int8], ARRAY[5::int2], ARRAY[first], ARRAY[first + n - 1], ARRAY[1],"
    " ARRAY[n], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);\n"
    "END $p$";

static void write_heads(void)
{
    static const char sql[] =
        "SELECT string_agg(format('%s %s %s 2026-03-01T06:30:00Z broker.one',"
        " log_epoch, last_seq, encode(digest, 'hex')), chr(10)) FROM bus.chain"
        " WHERE last_seq % 7 = 0 OR last_seq = (SELECT seq FROM bus.log_head)";
    const char *text = pgserver_text(world.pg, sql);
    FILE *f;
    int fd;

    snprintf(world.heads, sizeof(world.heads), "/tmp/eocbus-heads-XXXXXX");
    fd = mkstemp(world.heads);
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    assert_true(fprintf(f, "%s\n", text) > 0);
    assert_int_equal(fclose(f), 0);
}

static void connect_to(struct pgserver *pg)
{
    char conninfo[200], err[600];

    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(pg));
    if (db_open(&world.d, conninfo, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static int set_up(void **state)
{
    char sql[80];

    (void)state;
    world.seed = 4;
    world.pg = pgserver_start();
    pgserver_exec(world.pg, "SELECT bus.principal_add('coes.ayni', 'coes', '', '', sha256('a'))");
    pgserver_exec(world.pg, "SELECT bus.principal_add('coes.moes', 'coes', '', '', sha256('b'))");
    pgserver_exec(world.pg, fill_sql);
    for (unsigned n = 0, batch = 0; n < MESSAGES; batch++) {
        unsigned rows = 1 + roll(40);

        snprintf(sql, sizeof(sql), "CALL public.fill(%u, %u)", batch, rows);
        pgserver_exec(world.pg, sql);
        n += rows;
    }
    write_heads();
    connect_to(world.pg);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(world.d);
    unlink(world.heads);
    pgserver_end(world.pg);
    return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static struct audit_result look(bool with_heads)
{
    const struct audit_wish wish = {.from = 1, .heads = with_heads ? world.heads : NULL};
    struct audit_result result;
    char err[600];

    if (audit_check(&result, world.d, &wish, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    buf_free(&result.text);
    return result;
}

/* One case: what is done, and the number at which it shall be found. */
static void expect(const char *sql, uint64_t seq, bool with_heads)
{
    struct audit_result result;

    script("BEGIN");
    script(sql);
    result = look(with_heads);
    script("ROLLBACK");
    if (!result.found)
        fail_msg("not found: %s", sql);
    if (result.first > seq || result.upto < seq)
        fail_msg("found at %" PRIu64 " to %" PRIu64 " (%s), not at %" PRIu64 ": %s", result.first,
                 result.upto, result.what, seq, sql);
}

static void expect_exactly(const char *sql, uint64_t seq)
{
    struct audit_result result;

    script("BEGIN");
    script(sql);
    result = look(false);
    script("ROLLBACK");
    if (result.found && result.first == seq && result.upto == seq)
        return;
    fail_msg("found %" PRIu64 " at %" PRIu64 " to %" PRIu64 " (%s), not at %" PRIu64 ": %s",
             result.found, result.first, result.upto, result.what, seq, sql);
}

static unsigned head(void)
{
    return (unsigned)ask("SELECT seq AS n FROM bus.log_head");
}

/* --- kinds of harm ---------------------------------------------------------------------------- */

static void an_untouched_record_holds(void **state)
{
    (void)state;
    assert_int_equal(look(false).found, 0);
    assert_int_equal(look(true).found, 0);
}

static void what_may_change_later_is_not_in_it(void **state)
{
    (void)state;
    script("BEGIN; UPDATE bus.message SET expired = true, verdict = 3");
    assert_int_equal(look(true).found, 0);
    script("ROLLBACK");
}

static void a_flipped_byte_of_a_content_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned seq = 1 + roll(head());
        char sql[300];

        snprintf(sql, sizeof(sql),
                 "UPDATE bus.message SET content = set_byte(content, %u %% length(content),"
                 " get_byte(content, %u %% length(content)) # %u) WHERE seq = %u",
                 i * 7919, i * 7919, 1u << roll(8), seq);
        expect_exactly(sql, seq);
    }
}

static void a_flipped_byte_of_a_signature_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        char sql[300];
        unsigned seq;

        snprintf(sql, sizeof(sql),
                 "SELECT min(seq) AS n FROM bus.message WHERE signature IS NOT NULL AND seq >= %u",
                 1 + roll(head() - 40));
        seq = (unsigned)ask(sql);
        snprintf(sql, sizeof(sql),
                 i % 8 ? "UPDATE bus.message SET signature = set_byte(signature, %u,"
                         " get_byte(signature, %u) # 64) WHERE seq = %u"
                       : "UPDATE bus.message SET signature = NULL WHERE %u = %u AND seq = %u",
                 i % 64, i % 64, seq);
        expect_exactly(sql, seq);
    }
}

/* Every column that says what a message is, who said it and when. */
static void a_changed_column_is_found(void **state)
{
    static const char *const changes[] = {
        "sender_id = (SELECT principal_id FROM bus.principal WHERE name = 'coes.moes')",
        "received_at = received_at + interval '1 microsecond'",
        "event_at = event_at - interval '1 hour'",
        "not_after = coalesce(not_after, '2031-01-01') - interval '1 day'",
        "clock_offset_ms = 1",
        "marks = 2",
        "log_epoch = 2",
        "lane = 1",
        "lane_seq = lane_seq + 1",
        "epoch = 8",
        "type = 201",
        "status = 4",
        "places = '3505204'",
        "places = ''",
        "message_id = gen_random_uuid()",
    };

    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned seq = 1 + roll(head());
        char sql[300];

        snprintf(sql, sizeof(sql), "UPDATE bus.message SET %s WHERE seq = %u",
                 changes[i % ARRAY_LEN(changes)], seq);
        expect_exactly(sql, seq);
    }
}

static void a_renamed_principal_is_found(void **state)
{
    (void)state;
    expect("UPDATE bus.principal SET name = 'coes.else' WHERE name = 'coes.ayni'", 1, false);
}

static void a_deleted_message_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned seq = 1 + roll(head());
        char sql[200];

        snprintf(sql, sizeof(sql), "DELETE FROM bus.message WHERE seq = %u", seq);
        expect_exactly(sql, seq);
    }
}

static void a_deleted_link_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        char sql[300];
        unsigned first;

        snprintf(sql, sizeof(sql),
                 "SELECT first_seq AS n FROM bus.chain WHERE last_seq >= %u ORDER BY"
                 " last_seq LIMIT 1",
                 1 + roll(head()));
        first = (unsigned)ask(sql);
        snprintf(sql, sizeof(sql),
                 i % 2 ? "DELETE FROM bus.chain WHERE first_seq = %u"
                       : "WITH l AS (DELETE FROM bus.chain WHERE first_seq = %u RETURNING *)"
                         " DELETE FROM bus.message m USING l WHERE m.seq BETWEEN l.first_seq AND"
                         " l.last_seq",
                 first);
        expect(sql, first, false);
    }
}

static void swapped_messages_are_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned a = 1 + roll(head()), b = 1 + roll(head());
        char sql[300];

        if (a == b)
            continue;
        snprintf(sql, sizeof(sql),
                 i % 2
                     ? "UPDATE bus.message SET seq = %u + %u - seq WHERE seq IN (%u, %u)"
                     : "UPDATE bus.message m SET content = o.content, message_id = o.message_id,"
                       " lane_seq = o.lane_seq, digest = o.digest FROM bus.message o WHERE o.seq ="
                       " %u + %u - m.seq AND m.seq IN (%u, %u)",
                 a, b, a, b);
        expect_exactly(sql, a < b ? a : b);
    }
}

static void an_appended_message_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned from = 1 + roll(head()), to = i % 2 ? head() + 1 + roll(3) : 1 + roll(head());
        char sql[400];

        snprintf(sql, sizeof(sql),
                 "CREATE TEMP TABLE t ON COMMIT DROP AS SELECT * FROM bus.message WHERE seq = %u;"
                 " UPDATE t SET seq = %u; INSERT INTO bus.message SELECT * FROM t;"
                 " UPDATE bus.log_head SET seq = greatest(seq, %u)",
                 from, to, i % 4 < 2 ? to : 0);
        if (to > head())
            expect(sql, head() + 1 < to && i % 4 < 2 ? head() + 1 : to, false);
        else
            expect_exactly(sql, to);
    }
}

/* With everything that knew of it; only who heard a head knows better. */
static void a_cut_end_is_found_by_a_signed_head(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned keep = roll(head());
        char sql[400];

        snprintf(sql, sizeof(sql),
                 "SELECT coalesce(max(last_seq), 0) AS n FROM bus.chain WHERE"
                 " last_seq <= %u",
                 keep);
        keep = (unsigned)ask(sql);
        snprintf(
            sql, sizeof(sql),
            "DELETE FROM bus.message WHERE seq > %u; DELETE FROM bus.chain WHERE last_seq > %u;"
            " UPDATE bus.log_head SET seq = %u",
            keep, keep, keep);
        expect(sql, keep + 1, true);
    }
}

static void an_end_that_is_cut_without_the_head_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned keep = roll(head());
        char sql[200];

        snprintf(sql, sizeof(sql), "DELETE FROM bus.message WHERE seq > %u", keep);
        expect_exactly(sql, keep + 1);
    }
}

/* --- with digests ----------------------------------------------------------------------------- */

#define FLIP                                                                                       \
    "UPDATE bus.message SET content = set_byte(content, 40, get_byte(content, 40) # 1) WHERE seq " \
    "= "                                                                                           \
    "%u;"
#define DIGEST                                                                                     \
    "(SELECT bus.row_digest(p.name, m.received_at, m.not_after, m.clock_offset_ms, m.marks,"       \
    " m.content, m.signature) FROM bus.message m JOIN bus.principal p ON p.principal_id ="         \
    " m.sender_id WHERE m.seq = %u)"
#define FIX_BESIDE "UPDATE bus.message SET digest = substr(" DIGEST ", 1, 8) WHERE seq = %u;"
#define FIX_ENTRY                                                                                  \
    "UPDATE bus.chain SET rows = overlay(rows PLACING " DIGEST                                     \
    " FROM (32 * (%u - first_seq) + 1)::int4) WHERE %u BETWEEN first_seq AND last_seq;"
/* Every link from that of number %u on, made anew. */
#define FIX_LINKS                                                                                  \
    "DO $d$ DECLARE l bus.chain; before bytea; BEGIN FOR l IN SELECT * FROM bus.chain WHERE"       \
    " last_seq >= %u ORDER BY last_seq LIMIT %u LOOP before := sha256(coalesce((SELECT c.digest"   \
    " FROM bus.chain c WHERE c.last_seq < l.last_seq ORDER BY c.last_seq DESC LIMIT 1),"           \
    " decode(repeat('00', 32), 'hex')) || int4send(l.log_epoch) || int8send(l.first_seq) ||"       \
    " l.rows); UPDATE bus.chain SET digest = before WHERE last_seq = l.last_seq; END LOOP; END "   \
    "$d$;"

static void a_change_with_the_digest_beside_it_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned n = 1 + roll(head());
        char sql[2000];

        snprintf(sql, sizeof(sql), FLIP FIX_BESIDE, n, n, n);
        expect_exactly(sql, n);
    }
}

static void a_change_with_the_digest_in_the_chain_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned n = 1 + roll(head());
        char sql[2000];

        snprintf(sql, sizeof(sql), FLIP FIX_ENTRY, n, n, n, n);
        expect_exactly(sql, n);
    }
}

static void a_change_with_both_is_found_to_the_commit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned n = 1 + roll(head());
        char sql[4000];

        snprintf(sql, sizeof(sql), FLIP FIX_BESIDE FIX_ENTRY, n, n, n, n, n, n);
        expect(sql, n, false);
    }
}

/* The last link has none behind it that would contradict: a head does. */
static void a_commit_that_is_made_anew_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned n = 1 + roll(head());
        char sql[4000];

        snprintf(sql, sizeof(sql), FLIP FIX_BESIDE FIX_ENTRY FIX_LINKS, n, n, n, n, n, n, n, 1u);
        expect(sql, n, true);
    }
}

static void a_chain_that_is_made_anew_to_its_end_is_found_by_a_signed_head(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned n = 1 + roll(head());
        char sql[4000];

        snprintf(sql, sizeof(sql), FLIP FIX_BESIDE FIX_ENTRY FIX_LINKS, n, n, n, n, n, n, n,
                 100000u);
        expect(sql, n, true);
    }
}

static void a_changed_digest_alone_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        unsigned n = 1 + roll(head());
        char sql[400];

        snprintf(
            sql, sizeof(sql),
            i % 3 == 0   ? "UPDATE bus.message SET digest = substr(sha256('x'), 1, %u %% 9) WHERE"
                           " seq = %u"
            : i % 3 == 1 ? "UPDATE bus.chain SET digest = sha256(%u::text::bytea) WHERE %u BETWEEN"
                           " first_seq AND last_seq"
                         : "UPDATE bus.chain SET rows = overlay(rows PLACING sha256('x') FROM (32 *"
                           " (%u - first_seq) + 1)::int4) WHERE %u BETWEEN first_seq AND last_seq",
            n, n);
        expect(sql, n, false);
    }
}

/* --- what is taken away on purpose ------------------------------------------------------------ */

static void a_log_whose_first_partitions_were_retired_holds_from_there(void **state)
{
    struct pgserver *pg = pgserver_start();
    struct db *kept = world.d;

    (void)state;
    pgserver_exec(pg, "UPDATE bus.log_head SET partition_rows = 16");
    pgserver_exec(pg, "ALTER TABLE bus.message DETACH PARTITION bus.message_0000000000000");
    pgserver_exec(pg, "ALTER TABLE bus.document DETACH PARTITION bus.document_0000000000000");
    pgserver_exec(pg, "UPDATE bus.log_head SET partition_end = 0");
    pgserver_exec(pg, "DROP TABLE bus.message_0000000000000, bus.document_0000000000000");
    pgserver_exec(pg, "SELECT bus.make_partitions(0)");
    pgserver_exec(pg, "SELECT bus.principal_add('coes.ayni', 'coes', '', '', sha256('a'))");
    pgserver_exec(pg, fill_sql);
    for (unsigned i = 0; i < 12; i++)
        pgserver_exec(pg, "CALL public.fill(1, 7)");
    connect_to(pg);
    assert_int_equal(look(false).found, 0);
    assert_int_equal(pgserver_number(pg, "SELECT bus.retire_log(40)"), 31);
    assert_int_equal(look(false).found, 0);
    expect_exactly("DELETE FROM bus.message WHERE seq = 33", 33);
    expect_exactly("UPDATE bus.message SET marks = 1 WHERE seq = 32", 32);
    pgserver_exec(pg, "DELETE FROM bus.retired");
    assert_int_equal(look(false).first, 1);
    db_close(world.d);
    world.d = kept;
    pgserver_end(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_record_holds),
        cmocka_unit_test(what_may_change_later_is_not_in_it),
        cmocka_unit_test(a_flipped_byte_of_a_content_is_found),
        cmocka_unit_test(a_flipped_byte_of_a_signature_is_found),
        cmocka_unit_test(a_changed_column_is_found),
        cmocka_unit_test(a_renamed_principal_is_found),
        cmocka_unit_test(a_deleted_message_is_found),
        cmocka_unit_test(a_deleted_link_is_found),
        cmocka_unit_test(swapped_messages_are_found),
        cmocka_unit_test(an_appended_message_is_found),
        cmocka_unit_test(a_cut_end_is_found_by_a_signed_head),
        cmocka_unit_test(an_end_that_is_cut_without_the_head_is_found),
        cmocka_unit_test(a_change_with_the_digest_beside_it_is_found),
        cmocka_unit_test(a_change_with_the_digest_in_the_chain_is_found),
        cmocka_unit_test(a_change_with_both_is_found_to_the_commit),
        cmocka_unit_test(a_commit_that_is_made_anew_is_found),
        cmocka_unit_test(a_chain_that_is_made_anew_to_its_end_is_found_by_a_signed_head),
        cmocka_unit_test(a_changed_digest_alone_is_found),
        cmocka_unit_test(a_log_whose_first_partitions_were_retired_holds_from_there),
    };

    return cmocka_run_group_tests_name("tamper", tests, set_up, tear_down);
}
