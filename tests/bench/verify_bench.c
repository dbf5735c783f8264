/* verify - how fast the record is checked: `eocctl audit verify` over a log of observations, as a
 * ratio to reading the same rows in the order of their numbers and making one SHA-256 of each, A B
 * A B on one private server, one connection each, COPY in binary in both.
 *
 *   verify [repetitions] [rows]      default 5 and 200000
 *   verify 3 1000000                 the bar: a million rows within 10 s, else exit status 1 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/digest.h"
#include "tests/lib/beside.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum { REPEATS_MOST = 99, BATCH = 500, BAR_ROWS = 1000000, BAR_S = 10 };

/* Observation batches with signatures, by bus.append in commits of 500; 230 bytes of the body do
 * not compress. Numbers in the lane take three bytes each, so that a content is put together from
 * pieces. */
static const char fill_sql[] =
    "CREATE PROCEDURE public.fill(first int8, n int) LANGUAGE plpgsql AS $p$\n"
    "DECLARE\n"
    "  me int4 := (SELECT principal_id FROM bus.principal WHERE name = 'coes.ayni');\n"
    "  t timestamptz := '2026-03-01 06:00:00+00';\n"
    "  head bytea := bus.pb_number(2, 1000) || bus.pb_text(3, 'coes.ayni') || bus.pb_number(4, 7)"
    " || bus.pb_number(5, 5);\n"
    "  rest bytea := bus.pb_number(8, 1) || bus.pb_number(9, 1) || bus.pb_number(10, bus.us(t))"
    " || bus.pb_number(11, bus.us(t)) || bus.pb_bytes(18, bus.pb_text(1, '3505203')) ||"
    " bus.pb_number(19, 2);\n"
    "  body bytea := bus.pb_bytes(100, decode(repeat('00', 230), 'hex'));\n"
    "  ls int8[]; ids uuid[]; co bytea[]; si bytea[];\n"
    "BEGIN\n"
    "  SELECT array_agg(s), array_agg(id), array_agg(content), array_agg(sha512(content))"
    " INTO ls, ids, co, si FROM (\n"
    "    SELECT s, id, '\\x0a10'::bytea || uuid_send(id) || head || '\\x30'::bytea ||"
    " set_byte(set_byte(set_byte('\\x000000'::bytea, 0, (s & 127 | 128)::int4), 1,"
    " (s >> 7 & 127 | 128)::int4), 2, (s >> 14)::int4) || rest || overlay(body PLACING"
    " substr(string, 1, 230) FROM length(body) - 229)  AS content\n"
    "      FROM (SELECT first + g - 1 AS s, gen_random_uuid() AS id FROM generate_series(1, n) AS"
    " g) AS x CROSS JOIN LATERAL (SELECT sha512(uuid_send(id)) || sha512(uuid_send(id) || '1') ||"
    " sha512(uuid_send(id) || '2') || sha512(uuid_send(id) || '3') AS string) AS y ORDER BY s) AS"
    " z;\n"
    "  PERFORM bus.append(array_fill(me, ARRAY[n]), array_fill(7::int8, ARRAY[n]),"
    " array_fill(5::int2, ARRAY[n]), ls, ids, array_fill(100::int2, ARRAY[n]), array_fill(1::int2,"
    " ARRAY[n]), array_fill('3505203'::text, ARRAY[n]), array_fill(t, ARRAY[n]), array_fill(t,"
    " ARRAY[n]), NULL, NULL, NULL, co, si, NULL, NULL, ARRAY[me], ARRAY[7::int8], ARRAY[5::int2],"
    " ARRAY[first], ARRAY[first + n - 1], ARRAY[1], ARRAY[n], NULL, NULL, NULL, NULL, NULL, NULL,"
    " NULL, NULL, NULL, NULL, 1, 0);\n"
    "END $p$";

static char eocctl[1024], conninfo[300], said[2000];

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(struct pgserver *pg, unsigned rows)
{
    char sql[100];

    pgserver_exec(pg, "SELECT bus.principal_add('coes.ayni', 'coes', '', '', sha256('a'))");
    pgserver_exec(pg, fill_sql);
    for (unsigned done = 0; done < rows; done += BATCH) {
        snprintf(sql, sizeof(sql), "CALL public.fill(%u, %d)", 20000 + done, BATCH);
        pgserver_exec(pg, sql);
    }
    pgserver_exec(pg, "VACUUM ANALYZE");
}

/* --- A: reading and one digest -----------------------------------------------------------------
 */

static double rate_plain(unsigned rows)
{
    PGconn *conn = PQconnectdb(conninfo);
    uint8_t digest[DIGEST_BYTES];
    struct sha256 sha;
    unsigned n = 0;
    double began = now_s();
    char *row;
    int len;

    PQclear(PQexec(conn, "SET jit = off; SET max_parallel_workers_per_gather = 0"));
    PQclear(PQexec(conn, "COPY (SELECT seq, received_at, content, signature FROM bus.message) TO"
                         " STDOUT (FORMAT binary)"));
    while ((len = PQgetCopyData(conn, &row, 0)) > 0) {
        sha256_begin(&sha);
        sha256_add(&sha, row, (size_t)len);
        sha256_end(&sha, digest);
        PQfreemem(row);
        n++;
    }
    if (n < rows) {
        fprintf(stderr, "verify: %s", PQerrorMessage(conn));
        exit(1);
    }
    PQfinish(conn);
    return rows / (now_s() - began);
}

/* --- B: the command ----------------------------------------------------------------------------
 */

static void read_answer(int from)
{
    size_t len = 0;
    ssize_t n;

    while (len < sizeof(said) - 1 && (n = read(from, said + len, sizeof(said) - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(from);
}

static double rate_verify(unsigned rows)
{
    char setting[400];
    double began = now_s();
    int ends[2], status;
    pid_t pid;

    snprintf(setting, sizeof(setting), "database=%s", conninfo);
    if (pipe(ends) != 0 || (pid = fork()) < 0)
        exit(1);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl(eocctl, eocctl, "-o", setting, "audit", "verify", (char *)NULL);
        _exit(126);
    }
    close(ends[1]);
    read_answer(ends[0]);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "verify: the record does not hold: %s", said);
        exit(1);
    }
    return rows / (now_s() - began);
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
    printf("%-34s %9.0f rows/s", name, rate[n / 2]);
    if (ratio) {
        qsort(ratio, n, sizeof(*ratio), compare);
        printf("   ratio %.2f   (%.2f .. %.2f)", ratio[n / 2], ratio[0], ratio[n - 1]);
    }
    printf("\n");
}

static bool keeps_bar(const double *rates, unsigned n, unsigned rows)
{
    double fastest = 0;

    for (unsigned i = 0; i < n; i++)
        fastest = rates[i] > fastest ? rates[i] : fastest;
    printf("%u rows in %.1f s, the fastest of %u; the bar is %d s for %d\n", rows, rows / fastest,
           n, BAR_S, BAR_ROWS);
    return fastest * BAR_S >= BAR_ROWS;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
    unsigned rows = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200000;
    double plain[REPEATS_MOST], verify[REPEATS_MOST], ratio[REPEATS_MOST];
    struct pgserver *pg = pgserver_start();
    struct utsname u;
    char shared[32];

    n = n < 1 ? 1 : n > REPEATS_MOST ? REPEATS_MOST : n;
    rows = rows < BATCH ? BATCH : rows - rows % BATCH;
    find_beside(eocctl, sizeof(eocctl), "eocctl");
    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(pg));
    fill(pg, rows);
    for (unsigned i = 0; i < n; i++) {
        plain[i] = rate_plain(rows);
        verify[i] = rate_verify(rows);
        ratio[i] = verify[i] / plain[i];
    }
    uname(&u);
    snprintf(shared, sizeof(shared), "%s",
             pgserver_text(pg, "SELECT current_setting('shared_buffers')"));
    printf("machine: %ld cores, %s %s; PostgreSQL and eocctl share them\n",
           sysconf(_SC_NPROCESSORS_ONLN), u.sysname, u.release);
    printf(
        "settings: %s, shared_buffers %s; %u rows of %lld bytes in commits of %d, %u repetitions,"
        " medians\n",
        pgserver_text(pg, "SELECT split_part(version(), ' on ', 1)"), shared, rows,
        (long long)pgserver_number(pg, "SELECT length(content) + length(signature) FROM"
                                       " bus.message LIMIT 1"),
        BATCH, n);
    print_row("read in order, one SHA-256 each", plain, NULL, n);
    print_row("eocctl audit verify", verify, ratio, n);
    pgserver_end(pg);
    return rows < BAR_ROWS || keeps_bar(verify, n, rows) ? 0 : 1;
}
