/* append - the store alone against PostgreSQL: acknowledged messages per second through batch.c,
 * pg.c and bus.append, as a ratio to unnest(100) into a plain schema
 * (bigserial, unique uuid, (topic, seq) index), A B A B on one private server, 300 incompressible
 * bytes each.
 *
 *   append [repetitions] [seconds each]      default 5 and 1 */
#include <endian.h>
#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "broker/store/array.h"
#include "broker/store/store.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum { BODY = 300, LANES_MOST = 64, WINDOW = 64, REPEATS_MOST = 99 };

struct bench {
    struct pgserver *server;
    struct loop *loop;
    struct store *store;
    PGconn *plain;
    bool here, is_running;
    unsigned lanes;
    uint64_t lane_seq[LANES_MOST];
    uint64_t settled;
    struct parcel *again[LANES_MOST * WINDOW]; /* to be submitted when the batch has been told */
    unsigned waiting;
    uint64_t random;
};

static uint64_t next_random(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

static void fill(struct bench *b, uint8_t body[BODY], uint8_t id[ID_BYTES])
{
    uint64_t bytes[2] = {next_random(b), next_random(b)};

    for (size_t i = 0; i + 8 <= BODY; i += 8) {
        uint64_t r = next_random(b);

        memcpy(body + i, &r, 8);
    }
    id_make(id, loop_utc_us(b->loop), (const uint8_t *)bytes);
}

/* --- A: the plain schema ---------------------------------------------------------------------- */

static void die(PGconn *conn)
{
    fprintf(stderr, "append: %s", PQerrorMessage(conn));
    exit(1);
}

static void run_sql(PGconn *conn, PGresult *r)
{
    ExecStatusType st = PQresultStatus(r);

    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK)
        die(conn);
    PQclear(r);
}

static void make_plain(struct bench *b)
{
    pgserver_exec(b->server,
                  "CREATE SCHEMA plain;"
                  "CREATE TABLE plain.message (seq bigserial PRIMARY KEY, id uuid NOT NULL UNIQUE,"
                  " topic text NOT NULL, body bytea NOT NULL);"
                  "CREATE INDEX ON plain.message (topic, seq);"
                  "GRANT ALL ON ALL TABLES IN SCHEMA plain TO bus_ingest;"
                  "GRANT ALL ON ALL SEQUENCES IN SCHEMA plain TO bus_ingest;"
                  "GRANT USAGE ON SCHEMA plain TO bus_ingest");
    b->plain = PQconnectdb(pgserver_conninfo(b->server, "bus_ingest"));
    if (PQstatus(b->plain) != CONNECTION_OK)
        die(b->plain);
    run_sql(b->plain, PQprepare(b->plain, "insert",
                                "INSERT INTO plain.message (id, topic, body)"
                                " SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])",
                                0, NULL));
}

static void insert_plain(struct bench *b, struct array column[3], unsigned rows)
{
    const char *values[3];
    int lengths[3], formats[3] = {1, 1, 1};

    array_begin(&column[0], ARRAY_UUID);
    array_begin(&column[1], ARRAY_TEXT);
    array_begin(&column[2], ARRAY_BYTEA);
    for (unsigned i = 0; i < rows; i++) {
        uint8_t body[BODY] = {0}, id[ID_BYTES];
        char topic[80];

        fill(b, body, id);
        snprintf(topic, sizeof(topic), "actual.sensor.observation_batch.3505000.350520%u", i % 8);
        array_bytes(&column[0], id, ID_BYTES);
        array_text(&column[1], topic);
        array_bytes(&column[2], body, BODY);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct pg_param p = array_param(&column[i]);

        values[i] = p.data;
        lengths[i] = (int)p.len;
    }
    run_sql(b->plain, PQexecPrepared(b->plain, "insert", 3, values, lengths, formats, 1));
}

static double rate_plain(struct bench *b, double seconds)
{
    struct array column[3] = {{{0}, 0, 0}};
    uint64_t began = loop_exact_us(b->loop), rows = 0, took;

    do {
        insert_plain(b, column, 100);
        rows += 100;
        took = loop_exact_us(b->loop) - began;
    } while ((double)took < seconds * 1e6);
    for (unsigned i = 0; i < 3; i++)
        array_free(&column[i]);
    return (double)rows * 1e6 / (double)took;
}

/* --- B: the store ----------------------------------------------------------------------------- */

static struct parcel *make_parcel(struct bench *b, unsigned lane)
{
    uint8_t body[BODY] = {0}, id[ID_BYTES];
    struct parcel *p;

    fill(b, body, id);
    p = parcel_create(body, BODY, NULL, 0);
    if (!p)
        exit(1);
    memcpy(p->message_id, id, ID_BYTES);
    p->principal_id = (int32_t)lane + 1;
    p->id = (struct parcel_identity){b->lanes, 5, ++b->lane_seq[lane]};
    p->type = 201; /* not one for the projector: this measures the log */
    p->status = 1;
    snprintf(p->places, sizeof(p->places), "3505203");
    p->event_time_us = p->received_time_us = loop_utc_us(b->loop);
    return p;
}

/* A sender with a window: each receipt lets it send one more. */
static void on_settled(void *arg, struct parcel *p)
{
    struct bench *b = arg;

    if (p->refused || p->repeated)
        exit(1);
    b->settled++;
    if (b->is_running)
        b->again[b->waiting++] = make_parcel(b, (unsigned)p->principal_id - 1);
}

static void submit(struct bench *b, struct parcel *p)
{
    if (store_submit(b->store, &p) != ST_OK)
        exit(1);
}

static void on_settled_all(void *arg)
{
    struct bench *b = arg;
    unsigned n = b->waiting;

    b->waiting = 0;
    for (unsigned i = 0; i < n; i++)
        submit(b, b->again[i]);
}

static void on_next(void *arg, struct parcel **take)
{
    (void)arg;
    parcel_drop(take);
}

static void on_here(void *arg, bool here, uint32_t log_epoch, uint64_t head)
{
    (void)log_epoch;
    (void)head;
    ((struct bench *)arg)->here = here;
}

static void open_store(struct bench *b)
{
    const struct store_settings set = {.loop = b->loop,
                                       .conninfo = pgserver_conninfo(b->server, "bus_ingest"),
                                       .batch_rows = 512,
                                       .queue_rows = 8192,
                                       .queue_bytes = 32 * 1024 * 1024,
                                       .commit_ms = 2000,
                                       .follow_ms = 500};
    const struct store_exits exits = {.arg = b,
                                      .settled = on_settled,
                                      .settled_all = on_settled_all,
                                      .next = on_next,
                                      .here = on_here};

    if (store_create(&b->store, &set, &exits) != ST_OK)
        exit(1);
    while (!b->here)
        loop_turn(b->loop, 10);
}

static double rate_store(struct bench *b, unsigned lanes, unsigned window, double seconds)
{
    uint64_t began, took, settled;
    struct store_counters c;

    b->lanes = lanes * 1000 + window; /* an epoch of its own */
    b->is_running = true;
    if (window == 1)
        b->lanes += (unsigned)(loop_utc_us(b->loop) & 0xffffff) * 100;
    for (unsigned i = 0; i < lanes * window; i++)
        submit(b, make_parcel(b, i % lanes));
    began = loop_exact_us(b->loop);
    settled = b->settled;
    do {
        loop_turn(b->loop, 10);
        took = loop_exact_us(b->loop) - began;
    } while ((double)took < seconds * 1e6);
    settled = b->settled - settled;
    b->is_running = false;
    do {
        loop_turn(b->loop, 10);
        store_counters(b->store, &c);
    } while (c.queued_rows);
    return (double)settled * 1e6 / (double)took;
}

/* --- the table -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;

    return d < 0 ? -1 : d > 0;
}

static void print_row(const char *name, double *rate, double *ratio, unsigned n)
{
    qsort(rate, n, sizeof(*rate), compare);
    printf("%-28s %9.0f/s", name, rate[n / 2]);
    if (ratio) {
        qsort(ratio, n, sizeof(*ratio), compare);
        printf("   ratio %.2f   (%.2f .. %.2f)", ratio[n / 2], ratio[0], ratio[n - 1]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
    static double plain[REPEATS_MOST], few[REPEATS_MOST], many[REPEATS_MOST], one[REPEATS_MOST];
    double few_ratio[REPEATS_MOST], many_ratio[REPEATS_MOST];
    struct bench b = {.random = UINT64_C(88172645463325252)};

    n = n < 1 ? 1 : n > REPEATS_MOST ? REPEATS_MOST : n;
    log_set_level(LOG_ERROR);
    if (loop_create(&b.loop) != ST_OK)
        return 1;
    b.server = pgserver_start();
    make_plain(&b);
    open_store(&b);
    for (unsigned i = 0; i < n; i++) {
        plain[i] = rate_plain(&b, seconds);
        few[i] = rate_store(&b, 8, WINDOW, seconds);
        many[i] = rate_store(&b, 64, WINDOW, seconds);
        one[i] = rate_store(&b, 1, 1, seconds / 2);
        few_ratio[i] = few[i] / plain[i];
        many_ratio[i] = many[i] / plain[i];
    }
    printf("%s, %u repetitions of %.1f s, medians\n",
           pgserver_text(b.server, "SELECT split_part(version(), ' on ', 1)"), n, seconds);
    print_row("plain, unnest of 100", plain, NULL, n);
    print_row("store, 8 senders x 64", few, few_ratio, n);
    print_row("store, 64 senders x 64", many, many_ratio, n);
    print_row("store, 1 sender x 1", one, NULL, n);
    store_destroy(b.store);
    PQfinish(b.plain);
    loop_destroy(b.loop);
    pgserver_end(b.server);
    return 0;
}
