/* ingest_bench - the whole bus against PostgreSQL alone, in one run.
 *
 * A: rows of 300 bytes by `INSERT ... SELECT FROM unnest($1, $2, $3)` of 100, one connection, into
 * a plain table (bigserial, unique uuid, index on topic and number). B: the same number of messages
 * of about 300 bytes through the bus: CURVE, gate, rights, routing, one number each, duplicates
 * refused, receipt after the commit; 8 senders with a window of 64. C: as B with 64 senders. D: as
 * B with an incident, which the ledger judges, for each hundredth message. Then one message at a
 * time: receipt p50, against p50 of a commit plus p50 of a CURVE round trip. A B C D A B C D ...;
 * medians of the ratios and their spread. usage: ingest_bench [ROUNDS [MESSAGES]] */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/load.h"
#include "tests/lib/bus.h"

#include "proto/base/banned.h"

enum {
    SENDERS_MAX = 64,
    ROUNDS_MAX = 50,
    BATCH = 100,
    SINGLES = 600,
    GROUP = 30,
    PAYLOAD = 300,
    JUDGED_EVERY = 100
};

struct bench {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    PGconn *pg;
    struct load senders[SENDERS_MAX];
    size_t messages;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "ingest_bench: %s: %s\n", what, why);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof(*v), by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* --- A: PostgreSQL alone
 * --------------------------------------------------------------------------- */

static void put_be(char **p, uint64_t v, size_t bytes)
{
    for (size_t i = bytes; i-- > 0;)
        *(*p)++ = (char)(v >> (8 * i));
}

/* One-dimensional binary array of n elements of `size` bytes, no nulls; values from `value`. */
static size_t make_array(char *out, unsigned oid, size_t n, size_t size, const char *value)
{
    char *p = out;

    put_be(&p, 1, 4);
    put_be(&p, 0, 4);
    put_be(&p, oid, 4);
    put_be(&p, n, 4);
    put_be(&p, 1, 4);
    for (size_t i = 0; i < n; i++) {
        put_be(&p, size, 4);
        memcpy(p, value + i * size, size);
        p += size;
    }
    return (size_t)(p - out);
}

static void exec_ok(PGconn *pg, const char *sql)
{
    PGresult *r = PQexec(pg, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        die(sql, PQerrorMessage(pg));
    PQclear(r);
}

static void plain_table(struct bench *b)
{
    PGresult *r;

    exec_ok(b->pg, "SET client_min_messages = warning; DEALLOCATE ALL; DROP TABLE IF EXISTS plain;"
                   "CREATE TABLE plain (seq bigserial PRIMARY KEY, id uuid UNIQUE NOT NULL,"
                   " topic text NOT NULL, payload bytea NOT NULL);"
                   "CREATE INDEX ON plain (topic, seq)");
    r = PQprepare(b->pg, "put",
                  "INSERT INTO plain (id, topic, payload) SELECT * FROM unnest($1, $2, $3)", 3,
                  (const Oid[]){2951, 1009, 1001});
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("prepare", PQerrorMessage(b->pg));
    PQclear(r);
}

static void insert_plain(struct bench *b, size_t rows)
{
    static char ids[BATCH * 16], topics[BATCH * 24], payloads[BATCH * PAYLOAD];
    static char a[3][BATCH * (PAYLOAD + 8) + 64];
    const char *values[3] = {a[0], a[1], a[2]};
    int lens[3], binary[3] = {1, 1, 1};
    PGresult *r;

    loop_random(b->loop, ids, rows * 16);
    loop_random(b->loop, payloads, rows * PAYLOAD);
    for (size_t i = 0; i < rows; i++) {
        uint64_t ms = (uint64_t)loop_utc_us(b->loop) / 1000;
        char *p = ids + i * 16;

        put_be(&p, ms, 6); /* v7: in order of time, as the bus's own ids are */
        ids[i * 16 + 6] = (char)(0x70 | (ids[i * 16 + 6] & 15));
        memcpy(topics + i * 24, "test.sensor.batch.350520", 24);
    }
    lens[0] = (int)make_array(a[0], 2950, rows, 16, ids);
    lens[1] = (int)make_array(a[1], 25, rows, 24, topics);
    lens[2] = (int)make_array(a[2], 17, rows, PAYLOAD, payloads);
    r = PQexecPrepared(b->pg, "put", 3, values, lens, binary, 0);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        die("insert", PQerrorMessage(b->pg));
    PQclear(r);
}

static double rate_of_plain(struct bench *b)
{
    uint64_t began;

    plain_table(b);
    began = loop_exact_us(b->loop);
    for (size_t done = 0; done < b->messages; done += BATCH)
        insert_plain(b, BATCH);
    return (double)b->messages * 1e6 / (double)(loop_exact_us(b->loop) - began);
}

static void time_commits(struct bench *b, double *us)
{
    for (size_t i = 0; i < GROUP; i++) {
        uint64_t began = loop_exact_us(b->loop);

        insert_plain(b, 1);
        us[i] = (double)(loop_exact_us(b->loop) - began);
    }
}

/* --- B and C: the bus
 * -------------------------------------------------------------------------------- */

static bool all_done(const struct load *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!load_is_done(&l[i]))
            return false;
    return true;
}

static double rate_of_bus(struct bench *b, size_t senders, size_t judged_every)
{
    uint64_t began;

    for (size_t i = 0; i < senders; i++)
        b->senders[i].judged_every = judged_every;
    for (size_t i = 0; i < senders; i++)
        load_make(&b->senders[i], b->messages / senders, 64);
    began = loop_exact_us(b->loop);
    for (size_t i = 0; i < senders; i++)
        load_go(&b->senders[i]);
    while (!all_done(b->senders, senders))
        loop_turn(b->loop, 1000);
    return (double)(b->messages / senders * senders) * 1e6 /
           (double)(loop_exact_us(b->loop) - began);
}

static void time_receipts(struct bench *b, double *us)
{
    struct load *l = &b->senders[0];

    l->judged_every = 0;
    load_make(l, GROUP, 1);
    load_go(l);
    while (!load_is_done(l))
        loop_turn(b->loop, 1000);
    for (size_t i = 0; i < GROUP; i++)
        us[i] = (double)l->waited_us[i];
}

/* A Ping to the broker and its Pong: one CURVE round trip through both programs' sockets. */
static void time_round_trips(struct bench *b, double *us)
{
    struct load *l = &b->senders[0];

    for (size_t i = 0; i < GROUP; i++) {
        uint64_t began = loop_exact_us(b->loop);

        load_ping(l);
        while (!l->is_ponged)
            loop_turn(b->loop, 1000);
        us[i] = (double)(loop_exact_us(b->loop) - began);
    }
}

struct singles {
    double commit_us, trip_us, receipt_us; /* p50 */
};

/* The three take turns in small groups: a disk or a neighbour that is slow for a while is slow for
 * all. */
static struct singles measure_singles(struct bench *b)
{
    static double commit[SINGLES], trip[SINGLES], receipt[SINGLES];

    plain_table(b);
    for (size_t i = 0; i < SINGLES; i += GROUP) {
        time_commits(b, commit + i);
        time_round_trips(b, trip + i);
        time_receipts(b, receipt + i);
    }
    return (struct singles){median(commit, SINGLES), median(trip, SINGLES),
                            median(receipt, SINGLES)};
}

/* Enrolled first: a key that the broker does not know yet fails for good on its socket. */
static void connect_senders(struct bench *b)
{
    static struct keys keys[SENDERS_MAX];
    char name[32];

    for (size_t i = 0; i < SENDERS_MAX; i++) {
        snprintf(name, sizeof(name), "bench.sender%02zu", i);
        bus_enrol(b->bus, name, &keys[i]);
    }
    bus_start_broker(b->bus, NULL);
    for (size_t i = 0; i < SENDERS_MAX; i++) {
        snprintf(name, sizeof(name), "bench.sender%02zu", i);
        load_create(&b->senders[i], b->loop, b->z, name, &keys[i], bus_endpoint(b->bus),
                    bus_broker_key(b->bus));
        while (!b->senders[i].is_welcome)
            loop_turn(b->loop, 1000);
    }
}

static void print_settings(struct bench *b)
{
    struct utsname u;
    PGresult *r =
        PQexec(b->pg, "SELECT version(), current_setting('fsync'), "
                      "current_setting('synchronous_commit'), current_setting('shared_buffers')");

    uname(&u);
    printf("machine: %ld cores, %s %s; senders, broker and PostgreSQL share them\n",
           sysconf(_SC_NPROCESSORS_ONLN), u.sysname, u.release);
    printf("settings: %.16s, fsync %s, synchronous_commit %s, shared_buffers %s; %zu messages a "
           "round\n",
           PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 3),
           b->messages);
    PQclear(r);
}

static void print_ratio(const char *what, double *v, size_t n, const char *bar)
{
    double m = median(v, n); /* sorts */

    printf("%-58s median %.2f  (%.2f .. %.2f)  bar %s\n", what, m, v[0], v[n - 1], bar);
}

static void measure(struct bench *b, size_t rounds)
{
    double eight[ROUNDS_MAX], sixtyfour[ROUNDS_MAX], single[ROUNDS_MAX], judged[ROUNDS_MAX];

    for (size_t i = 0; i < rounds; i++) {
        double plain = rate_of_plain(b), b8 = rate_of_bus(b, 8, 0), b64 = rate_of_bus(b, 64, 0);
        double mixed = rate_of_bus(b, 8, JUDGED_EVERY);
        struct singles one = measure_singles(b);

        eight[i] = b8 / plain;
        sixtyfour[i] = b64 / plain;
        judged[i] = mixed / b8;
        single[i] = one.receipt_us / (one.commit_us + one.trip_us);
        printf("round %zu: plain %.0f/s, bus 8x64 %.0f/s, 64x64 %.0f/s, 8x64 with judged "
               "%.0f/s; commit %.0f us, round trip %.0f us, receipt %.0f us\n",
               i + 1, plain, b8, b64, mixed, one.commit_us, one.trip_us, one.receipt_us);
        fflush(stdout);
    }
    print_ratio("ingest 8 senders x 64 / unnest(100) into the plain schema", eight, rounds,
                ">= 0.8");
    print_ratio("ingest 64 senders x 64 / the same", sixtyfour, rounds, ">= 0.8");
    print_ratio("8 x 64 with 1 in 100 judged by the ledger / without", judged, rounds, ">= 0.8");
    print_ratio("receipt p50, window 1 / (commit + CURVE round trip)", single, rounds, "<= 2.0");
}

int main(int argc, char **argv)
{
    struct bench b = {.messages = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 40000};
    size_t rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 5;

    if (rounds < 1 || rounds > ROUNDS_MAX || b.messages < 6400)
        die("usage", "ingest_bench [ROUNDS 1..50 [MESSAGES, at least 6400]]");
    b.bus = bus_create();
    if (loop_create(&b.loop) != ST_OK || zctx_create(&b.z, b.loop) != ST_OK)
        die("start", "no loop");
    b.pg = PQconnectdb(pgserver_conninfo(bus_server(b.bus), "postgres"));
    if (PQstatus(b.pg) != CONNECTION_OK)
        die("connect", PQerrorMessage(b.pg));
    connect_senders(&b);
    print_settings(&b);
    measure(&b, rounds);
    for (size_t i = 0; i < SENDERS_MAX; i++)
        load_destroy(&b.senders[i]);
    zctx_destroy(b.z);
    loop_destroy(b.loop);
    PQfinish(b.pg);
    bus_destroy(b.bus);
    return 0;
}
