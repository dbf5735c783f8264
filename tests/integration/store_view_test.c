/* What people see: every type of message in its view, readings as rows, and nothing for those who
 * have no right to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/wire/json.h"
#include "proto/wire/observations.h"
#include "proto/wire/types.h"
#include "tests/lib/gen_message.h"
#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

static struct arena *arena;

static int set_up(void **state)
{
    *state = world_open();
    return arena_create(&arena, 2 * LIMIT_ARENA_BYTES) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_destroy(arena);
    world_close(*state);
    return 0;
}

/* As ingress makes it. */
static struct parcel *parcel_of(struct world *w, const Eocbus__V1__Envelope *e)
{
    size_t len = eocbus__v1__envelope__get_packed_size(e);
    uint8_t *bytes = mem_alloc(len);
    const struct type_info *type = type_by_number((unsigned)e->body_case);
    struct parcel *p;

    eocbus__v1__envelope__pack(e, bytes);
    p = parcel_create(bytes, len, NULL, 0);
    mem_free(bytes);
    p->principal_id = 1;
    p->id = (struct parcel_identity){77, 4, ++w->lane_seq[0]};
    memcpy(p->message_id, e->message_id.data, ID_BYTES);
    p->type = (uint16_t)e->body_case;
    p->status = (uint8_t)e->status;
    places_of(p->places, e);
    p->event_time_us = e->event_time_us;
    p->received_time_us = loop_utc_us(w->loop);
    p->to = mem_strdup("coes.ayni");
    if (type->flags & TYPE_LEDGER) {
        struct buf json = {0};

        json_print(&json, &e->base);
        buf_put(&json, "", 1);
        assert_false(json.failed);
        p->doc = (char *)json.data;
    }
    return p;
}

static void enrol(struct world *w)
{
    /* It speaks of any place, as what is generated does. */
    pgserver_exec(w->pg, "SELECT bus.principal_add('coes.ayni', 'coes', 'all', '',"
                         " decode(repeat('ab', 32), 'hex'))");
}

static void submit_types(struct world *w, unsigned rounds)
{
    struct gen g;

    gen_seed(&g, 7);
    for (unsigned round = 0; round < rounds; round++) {
        g.percent = round ? 20 + round * 10 % 80 : 0;
        for (size_t i = 0; i < type_count(); i++) {
            Eocbus__V1__Envelope *e = gen_envelope(&g, type_at(i)->number, arena);

            assert_non_null(e);
            world_submit(w, parcel_of(w, e));
            arena_reset(arena);
        }
    }
    TURN_UNTIL(w, w->settled == rounds * type_count());
    /* What the ledger cannot let pass is refused, and nothing else. */
    assert_string_equal(
        "", pgserver_text(w->pg, "SELECT coalesce(string_agg(code || ' ' || text, '; '), '')"
                                 " FROM bus.quarantine WHERE code IN ('conflict', 'database')"));
    assert_true(w->refused * 20 < w->settled);
}

/* What chance does not bring about. */
static void tell_story(struct world *w)
{
    char command[600];

    snprintf(command, sizeof(command),
             "/usr/lib/postgresql/15/bin/psql -X -q -h %s -U postgres -d eocbus"
             " -f tests/integration/store_view.sql 2>&1",
             pgserver_socket(w->pg));
    assert_int_equal(system(command), 0);
}

/* Reads every column of every row of every view. Samples are no messages, and are read below; a
 * match takes two sealed boxes (sql/tests/sealed.sql), and chance makes no gateway that tells
 * numbers of its own (siren_test). */
static void every_view_reads_what_the_gate_lets_in(void **state)
{
    struct world *w = *state;
    enum { ROUNDS = 10 };

    enrol(w);
    submit_types(w, ROUNDS);
    tell_story(w);
    pgserver_exec(w->pg,
                  "DO $$ DECLARE v text; n int8; BEGIN"
                  " CREATE TEMP TABLE seen (name text, rows int8);"
                  " FOR v IN SELECT viewname FROM pg_views WHERE schemaname = 'eoc' LOOP"
                  " EXECUTE format('SELECT count(*) FROM (SELECT md5(t::text) FROM eoc.%I t) x"
                  " WHERE md5 IS NOT NULL', v) INTO n;"
                  " INSERT INTO seen VALUES (v, n); END LOOP; END $$");
    assert_string_equal(
        "", pgserver_text(w->pg, "SELECT coalesce(string_agg(name, ' '), '') FROM seen"
                                 " WHERE rows = 0 AND name NOT IN ('observation',"
                                 " 'sensor_status', 'household_match', 'detector_numbers')"));
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM eoc.flash_report"), ROUNDS);
    /* Some name nothing that they are about, and are refused for that. */
    assert_int_equal(
        pgserver_number(w->pg, "SELECT (SELECT count(DISTINCT seq) FROM eoc.resource_message) +"
                               " (SELECT count(*) FROM bus.quarantine WHERE code = 'thread')"),
        16 * ROUNDS + 2);
    /* A decision is about a message that waits; chance names none. */
    assert_string_equal(
        "decision", pgserver_text(w->pg, "SELECT coalesce(string_agg(name, ' '), '') FROM bus.type"
                                         " WHERE number NOT IN (SELECT type FROM bus.message)"));
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM eoc.message WHERE sender IS NULL"), 0);
}

static void the_types_in_sql_are_those_of_the_wire(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < type_count(); i++) {
        const struct type_info *t = type_at(i);
        char sql[200];

        snprintf(
            sql, sizeof(sql),
            "SELECT count(*) FROM bus.type WHERE number = %u AND name = '%s' AND family = '%s'",
            t->number, t->name, t->family);
        assert_int_equal(pgserver_number(w->pg, sql), 1);
    }
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.type"),
                     (int64_t)type_count());
}

static void every_column_with_a_unit_says_so(void **state)
{
    struct world *w = *state;

    assert_string_equal(
        "",
        pgserver_text(w->pg, "SELECT coalesce(string_agg(c.relname || '.' || a.attname, ' '), '')"
                             " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                             " WHERE c.relnamespace = 'eoc'::regnamespace AND a.attnum > 0"
                             " AND a.attname IN ('quantity', 'value', 'deaths', 'ration_days',"
                             " 'battery_v', 'area_m2', 'lost_pct', 'uptime_s', 'clock_offset_ms')"
                             " AND col_description(c.oid, a.attnum) IS NULL"));
}

/* --- readings --------------------------------------------------------------------------------- */

static Eocbus__V1__Envelope *batch_at(int64_t base_us, size_t samples)
{
    static Eocbus__V1__Envelope e;
    static Eocbus__V1__ObservationBatch b;
    static uint8_t id[ID_BYTES];
    struct sample *s = arena_alloc(arena, samples * sizeof(*s));
    struct channel c = {.datastream_id = 3,
                        .type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE,
                        .unit = EOCBUS__V1__UNIT__UNIT_METRE,
                        .exponent = -3,
                        .samples = s,
                        .count = samples};
    struct refusal why;

    for (size_t i = 0; i < samples; i++)
        s[i] = (struct sample){base_us + (int64_t)i * 1000000, 412 + (int64_t)i, i == 2 ? 4u : 0};
    assert_int_equal(observations_encode(&b, 1, &c, 1, arena, &why), ST_OK);
    eocbus__v1__envelope__init(&e);
    id[15]++;
    e.message_id.data = id, e.message_id.len = ID_BYTES;
    e.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    e.event_time_us = base_us;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH;
    e.observation_batch = &b;
    return &e;
}

static void submit_batch(struct world *w, int64_t base_us, size_t samples)
{
    world_submit(w, parcel_of(w, batch_at(base_us, samples)));
    arena_reset(arena);
}

#define NIGHT_US INT64_C(1754596800000000) /* 2025-08-07 20:00 UTC */
#define PROJECTED(w)                                                                               \
    (pgserver_number((w)->pg, "SELECT seq FROM bus.projection WHERE name = 'sensor'") ==           \
     pgserver_number((w)->pg, "SELECT seq FROM bus.log_head"))

static void readings_are_rows_with_scale_unit_and_quality(void **state)
{
    struct world *w = *state;

    enrol(w);
    submit_batch(w, NIGHT_US, 60);
    TURN_UNTIL(w, w->settled == 1 && PROJECTED(w));
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM eoc.observation"), 60);
    assert_string_equal(
        pgserver_text(w->pg,
                      "SELECT concat_ws(' ', sender, datastream_id, type, value, unit, quality)"
                      " FROM eoc.observation WHERE time = '2025-08-07 20:00:02+00'"),
        "coes.ayni 3 STAGE 0.414 m 4");
    assert_string_equal(pgserver_text(w->pg,
                                      "SELECT string_agg(DISTINCT tableoid::regclass::text, ' ')"
                                      " FROM bus.reading"),
                        "bus.reading_2025_08");
}

static void crazy_times_wait_aside_and_move_when_their_month_comes(void **state)
{
    struct world *w = *state;

    submit_batch(w, INT64_C(4000000000000000), 5); /* 2096 */
    submit_batch(w, NIGHT_US, 5);
    TURN_UNTIL(w, w->settled == 2 && PROJECTED(w));
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.reading_other"), 5);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.reading"), 10);
    pgserver_exec(w->pg, "INSERT INTO bus.reading_other SELECT '2019-05-05', value, seq, sender_id,"
                         " datastream_id, quality, type, unit FROM bus.reading LIMIT 1;"
                         "SELECT bus.make_months('2019-05-01', '2019-05-02')");
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.reading_2019_05"), 1);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.reading"), 11);
}

static void two_brokers_and_a_killed_server_put_every_reading_once(void **state)
{
    struct world *w = *state, v = {.pg = w->pg, .loop = w->loop, .next_in_order = true};
    enum { BATCHES = 1500 };

    log_set_level(LOG_ERROR + 1);
    v.store = world_store(&v, 2000);
    TURN_UNTIL(&v, v.here);
    for (unsigned i = 0; i < BATCHES; i++) {
        submit_batch(w, NIGHT_US + (int64_t)i * 60000000, 60);
        if (i % 100 == 0)
            loop_turn(w->loop, 5);
        if (i == BATCHES / 2) {
            pgserver_kill(w->pg);
            pgserver_start_again(w->pg);
            TURN_UNTIL(w, !w->here);
            TURN_UNTIL(w, w->here);
        }
    }
    TURN_UNTIL(w, w->settled == BATCHES);
    TURN_UNTIL(w, PROJECTED(w));
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.reading"), BATCHES * 60);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM (SELECT DISTINCT seq, time FROM"
                                            " bus.reading) x"),
                     BATCHES * 60);
    store_destroy(v.store);
}

/* --- rights ----------------------------------------------------------------------------------- */

static void nobody_may_do_what_is_not_his(void **state)
{
    static const struct {
        const char *role, *sql, *sqlstate;
    } tries[] = {
        {"bus_ingest", "SELECT * FROM bus.head()", ""},
        {"bus_ingest", "SELECT * FROM bus.principals()", ""},
        {"bus_ingest", "SELECT * FROM bus.message", "42501"},
        {"bus_ingest", "INSERT INTO bus.log_head DEFAULT VALUES", "42501"},
        {"bus_ingest", "UPDATE bus.log_head SET seq = 0", "42501"},
        {"bus_ingest", "DELETE FROM bus.message", "42501"},
        {"bus_ingest", "SELECT * FROM bus.principal", "42501"},
        {"bus_ingest", "SELECT bus.principal_revoke('x')", "42501"},
        {"bus_ingest", "SELECT bus.make_partitions(0)", "42501"},
        {"bus_ingest", "SELECT * FROM eoc.message", "42501"},
        {"bus_ingest", "CREATE TABLE bus.mine ()", "42501"},
        {"bus_ingest", "CREATE TABLE public.mine ()", "42501"},
        {"bus_ingest", "SET ROLE bus_owner", "42501"},
        {"bus_ingest",
         "SELECT bus.project_put(0, 9000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
         " NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
         " NULL, NULL, NULL)",
         "22023"},
        {"bus_ingest", "SELECT lo_create(0)", "42501"},
        {"bus_reader", "SELECT lo_from_bytea(0, '\\x01')", "42501"},
        {"bus_reader", "SELECT lo_creat(-1)", "42501"},
        {"bus_ingest", "COPY (SELECT 1) TO PROGRAM 'true'", "42501"},
        {"bus_reader", "SELECT * FROM eoc.message", ""},
        {"bus_reader", "SELECT * FROM eoc.flash_report", ""},
        {"bus_reader", "SELECT * FROM eoc.observation", ""},
        {"bus_reader", "SELECT * FROM bus.message", ""}, /* row by row: see readers.sql */
        {"bus_reader", "SELECT * FROM bus.lane_run", "42501"},
        {"bus_reader", "SELECT * FROM bus.head()", "42501"},
        {"bus_reader", "DELETE FROM bus.quarantine", "42501"},
        {"bus_reader", "CREATE TABLE eoc.mine ()", "42501"},
        {"bus_reader", "SET ROLE bus_admin", "42501"},
        {"bus_admin", "SELECT * FROM bus.principal_list", ""},
        {"bus_admin",
         "SELECT bus.principal_add('a.b', 'a', 'b', '', decode(repeat('01', 32), 'hex'))", ""},
        {"bus_admin", "SELECT bus.principal_revoke('a.b')", ""},
        {"bus_admin",
         "SELECT bus.principal_add('A b', 'a', 'b', '', decode(repeat('02', 32), 'hex'))", "23514"},
        {"bus_admin", "SELECT bus.principal_add('c.d', 'a', 'b', '', '\\x01')", "23514"},
        {"bus_admin", "INSERT INTO bus.principal (name) VALUES ('x.y')", "42501"},
        {"bus_admin", "DELETE FROM bus.principal", "42501"},
        {"bus_admin", "SELECT * FROM eoc.quarantine", ""},
        {"bus_admin", "UPDATE bus.message SET content = ''", "42501"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        const char *got = pgserver_try(w->pg, tries[i].role, tries[i].sql);

        if (strcmp(got, tries[i].sqlstate) != 0)
            fail_msg("%s: %s: \"%s\", not \"%s\"", tries[i].role, tries[i].sql, got,
                     tries[i].sqlstate);
    }
}

static void a_planted_search_path_changes_nothing(void **state)
{
    struct world *w = *state;

    pgserver_exec(w->pg, "CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC;"
                         "CREATE FUNCTION evil.count(int) RETURNS int LANGUAGE sql AS 'SELECT 1/0';"
                         "CREATE TABLE evil.log_head (one bool, log_epoch int4, seq int8)");
    assert_string_equal(
        pgserver_try(w->pg, "bus_ingest", "SET search_path = evil, bus; SELECT * FROM bus.head()"),
        "");
    assert_int_equal(
        pgserver_number(w->pg,
                        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'bus'::regnamespace"
                        " AND prosecdef AND NOT coalesce(proconfig::text LIKE"
                        " '%search_path=pg_catalog, pg_temp%', false)"),
        0);
}

/* --- plans ------------------------------------------------------------------------------------ */

static void a_page_of_history_reads_its_span_and_not_the_log(void **state)
{
    struct world *w = *state;

    pgserver_exec(w->pg,
                  "UPDATE bus.log_head SET seq = partition_end - 1, partition_rows = 1048576");
    pgserver_exec(
        w->pg,
        "SELECT bus.make_partitions(4194304);"
        "INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, "
        "sender_id,"
        " lane, type, status, message_id, places, content)"
        " SELECT 4194303 + g, 1, g, now(), now(), 1, 1, 5, 100, 1, gen_random_uuid(), '3505203',"
        " decode(repeat('61', 300), 'hex') FROM generate_series(1, 150000) g;"
        "UPDATE bus.log_head SET seq = 4194303 + 150000;"
        "SELECT bus.summarize(); ANALYZE bus.message");
    pgserver_exec(
        w->pg,
        "CREATE FUNCTION public.plan(q text) RETURNS SETOF text LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING off) ' || q; END $$;"
        "CREATE TEMP TABLE plan AS SELECT plan AS line FROM public.plan('"
        "SELECT * FROM bus.message m WHERE m.seq > 4250000 AND m.seq <= 4250512 ORDER BY seq')");
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM plan WHERE line LIKE '%Seq Scan%'"), 0);
    assert_true(pgserver_number(
                    w->pg, "SELECT count(*) FROM plan WHERE line LIKE '%Bitmap Index Scan%'") == 1);
    assert_in_range(
        pgserver_number(w->pg, "SELECT max(substring(line from 'hit=(\\d+)')::int) FROM plan"), 1,
        400);
    /* through the function, as the broker asks */
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM bus.replay(4250000, 4250512, 1000000, 62)"),
        512);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_view_reads_what_the_gate_lets_in),
        T(the_types_in_sql_are_those_of_the_wire),
        T(every_column_with_a_unit_says_so),
        T(readings_are_rows_with_scale_unit_and_quality),
        T(crazy_times_wait_aside_and_move_when_their_month_comes),
        T(two_brokers_and_a_killed_server_put_every_reading_once),
        T(nobody_may_do_what_is_not_his),
        T(a_planted_search_path_changes_nothing),
        T(a_page_of_history_reads_its_span_and_not_the_log),
    };

    return cmocka_run_group_tests_name("store, as people see it", tests, NULL, NULL);
}
