/* The simulator's model of the database, held against PostgreSQL: every append that a simulated run
 * committed is given to bus.append in the same order, and the answers must be the same; among them
 * appends of brokers that know another log, which change nothing. (Which messages had expired is
 * left out: that depends on the hour.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/pg.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "tests/lib/beside.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum {
    PARAMS = 36,
    K_EPOCH = 34,
    K_SEQ = 35,
    CELLS = 10,
    HEAD = 2,
    EXPIRED = 3,
    OUTCOME = 4,
    SEEDS = 6
};
static const char *const columns[CELLS] = {"log_epoch", "before",  "head", "expired", "outcome",
                                           "seq",       "verdict", "code", "path",    "refusal"};

struct value {
    int32_t len; /* -1 = null */
    uint8_t *data;
};

struct check {
    struct loop *loop;
    struct pg *pg;
    bool ready, answered, takes_lock;
    unsigned appends, repeats;
    unsigned epochs, beyond; /* refused: of another epoch; behind the head */
    struct value expected[CELLS];
};

static void free_values(struct value *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mem_free(v[i].data);
}

static void read_values(FILE *f, struct value *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        v[i].data = NULL;
        assert_int_equal(fread(&v[i].len, sizeof(v[i].len), 1, f), 1);
        if (v[i].len < 0)
            continue;
        v[i].data = mem_alloc((size_t)v[i].len + 1);
        assert_int_equal(fread(v[i].data, 1, (size_t)v[i].len, f), v[i].len);
    }
}

static void on_ready(void *arg)
{
    ((struct check *)arg)->ready = true;
}

static void print_value(const char *whose, const void *data, size_t len)
{
    print_message("%s:", whose);
    for (size_t i = 0; i < len; i++)
        print_message("%s%02x", i % 4 ? "" : " ", ((const uint8_t *)data)[i]);
    print_message("\n");
}

/* The second word of an array says whether its maker thought of nulls; whether it has any stands
 * with the elements. */
static bool is_same(const void *data, size_t len, const struct value *v, bool is_array)
{
    const uint8_t *a = data, *b = v->data;

    if (v->len < 0 || len != (size_t)v->len)
        return false;
    if (is_array && len >= 8)
        return memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, len - 8) == 0;
    return memcmp(a, b, len) == 0;
}

static void compare_cell(struct check *c, const struct pg_rows *rows, int i)
{
    const struct value *v = &c->expected[i];
    size_t len;
    const void *data = pg_bytes(rows, 0, i, &len);

    if (pg_is_null(rows, 0, i) ? v->len < 0 : is_same(data, len, v, i > EXPIRED))
        return;
    print_value("PostgreSQL", data, len);
    print_value("the model", v->data, v->len < 0 ? 0 : (size_t)v->len);
    fail_msg("append %u: PostgreSQL and the model differ in %s", c->appends, columns[i]);
}

static void on_append(void *arg, const struct pg_reply *reply)
{
    struct check *c = arg;

    if (reply->answer != PG_ROWS)
        fail_msg("append %u: %s %s", c->appends, reply->sqlstate, reply->message);
    /* Refusals alone take no lock, so where the head stood for them depends on the moment. */
    for (int i = c->takes_lock ? 0 : EXPIRED; i < CELLS; i++)
        if (i != EXPIRED)
            compare_cell(c, reply->rows, i);
    c->repeats += c->expected[OUTCOME].len >= 0;
    c->appends++;
    c->answered = true;
}

static void append(struct check *c, const struct value *v)
{
    struct pg_param params[PARAMS];

    for (unsigned i = 0; i < PARAMS; i++) {
        params[i].data = v[i].len < 0 ? NULL : v[i].data;
        params[i].len = v[i].len < 0 ? 0 : (size_t)v[i].len;
    }
    c->answered = false;
    c->takes_lock = params[0].data;
    assert_int_equal(pg_query(c->pg, "append", params, PARAMS, 30000, on_append, c), ST_OK);
    while (!c->answered)
        loop_turn(c->loop, 1000);
}

static void count_refusals(struct check *c, const struct value *v)
{
    uint32_t log_epoch;
    uint64_t seq, head;

    memcpy(&log_epoch, v[K_EPOCH].data, sizeof(log_epoch));
    memcpy(&seq, v[K_SEQ].data, sizeof(seq));
    memcpy(&head, c->expected[HEAD].data, sizeof(head));
    c->epochs += be32toh(log_epoch) != 1;
    c->beyond += be32toh(log_epoch) == 1 && be64toh(seq) > be64toh(head);
}

static void append_all(struct check *c, FILE *f)
{
    struct value v[PARAMS];
    uint32_t n;

    while (fread(&n, sizeof(n), 1, f) == 1) {
        assert_int_equal(n, PARAMS);
        read_values(f, v, PARAMS);
        assert_int_equal(fread(&n, sizeof(n), 1, f), 1);
        assert_int_equal(n, CELLS);
        read_values(f, c->expected, CELLS);
        append(c, v);
        count_refusals(c, v);
        free_values(v, PARAMS);
        free_values(c->expected, CELLS);
    }
}

static FILE *record(unsigned seed)
{
    char sim[BESIDE_PATH], command[1000], file[64];
    FILE *f;

    find_beside(sim, sizeof(sim), "tests/sim/sim");
    snprintf(file, sizeof(file), "/tmp/model_test.%d", getpid());
    unlink(file);
    snprintf(command, sizeof(command), "%s -q -n 1 -s %u -r %s", sim, seed, file);
    assert_int_equal(system(command), 0);
    f = fopen(file, "r");
    assert_non_null(f);
    unlink(file);
    return f;
}

/* What the simulator's world has the ledger refuse (tests/sim/check.h). */
static const char ledger_of_the_simulator[] =
    "CREATE OR REPLACE FUNCTION bus.judged() RETURNS int2[] LANGUAGE sql IMMUTABLE PARALLEL SAFE"
    " AS $$ SELECT '{201}'::int2[] $$;"
    "CREATE OR REPLACE FUNCTION bus.judge_of(type int2) RETURNS text LANGUAGE sql IMMUTABLE"
    " PARALLEL SAFE AS $$ SELECT 'alert' $$;"
    "CREATE OR REPLACE FUNCTION bus.judge_alert(m bus.said) RETURNS bus.judgement LANGUAGE plpgsql"
    " AS $$ BEGIN RETURN CASE WHEN strpos(m.body->>'text', 'no legal move') > 0 THEN"
    " bus.refuse('state', 'activity_log_entry.text', 'It is not legal.') END; END $$";

/* One seed is one life of a log. */
static void compare(struct pgserver *server, struct check *c, unsigned seed)
{
    static const char *const setup[] = {"session", NULL}, *const names[] = {"append", NULL};
    const struct pg_exits exits = {.arg = c, .ready = on_ready};
    struct pg_settings set = {.loop = c->loop,
                              .conninfo = pgserver_conninfo(server, "bus_ingest"),
                              .name = "append",
                              .setup = setup,
                              .prepare = names};
    FILE *f = record(seed);

    pgserver_exec(server,
                  "TRUNCATE bus.message, bus.document, bus.lane_run, bus.quarantine, bus.chain;"
                  "UPDATE bus.log_head SET seq = 0");
    assert_int_equal(pg_create(&c->pg, &set, &exits), ST_OK);
    c->ready = false;
    while (!c->ready)
        loop_turn(c->loop, 1000);
    append_all(c, f);
    fclose(f);
    pg_destroy(c->pg);
}

static void the_model_answers_as_postgresql_does(void **state)
{
    struct pgserver *server = pgserver_start();
    struct check c = {0};

    pgserver_exec(server, ledger_of_the_simulator);
    (void)state;
    assert_int_equal(loop_create(&c.loop), ST_OK);
    for (unsigned seed = 0; seed < SEEDS; seed++)
        compare(server, &c, 1000 + seed);
    loop_destroy(c.loop);
    pgserver_end(server);
    print_message(
        "measured: %u appends, %u with repeats, %u of another epoch, %u behind the head\n",
        c.appends, c.repeats, c.epochs, c.beyond);
    assert_true(c.appends > 500 && c.repeats > 5);
    assert_true(c.epochs > 50 && c.beyond > 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_answers_as_postgresql_does),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
