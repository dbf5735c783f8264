/* world_log - the log as PostgreSQL has it, read into the checker. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fault/chaos/world.h"

#include "proto/base/banned.h"

enum { TYPE_OF_PEOPLE = 200 }; /* general_message, what the desk listens to */

static PGconn *connect_to(struct world *w)
{
    char conninfo[PATH];
    PGconn *conn;

    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres connect_timeout=5",
             pgserver_socket(w->server));
    conn = PQconnectdb(conninfo);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    fprintf(stderr, "chaos: %s", PQerrorMessage(conn));
    PQfinish(conn);
    return NULL;
}

int64_t world_ask(struct world *w, const char *sql)
{
    PGconn *conn = connect_to(w);
    PGresult *r = conn ? PQexec(conn, sql) : NULL;
    int64_t n = -1;

    if (r && PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
        n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    if (conn)
        PQfinish(conn);
    return n;
}

/* --- rows, in binary -------------------------------------------------------------------------- */

static uint64_t number_at(const PGresult *r, int column)
{
    uint64_t n;

    memcpy(&n, PQgetvalue(r, 0, column), sizeof(n));
    return be64toh(n);
}

static void take_row(struct checker *c, const PGresult *r)
{
    struct checker_row row = {.seq = number_at(r, 0),
                              .epoch = number_at(r, 1),
                              .lane_seq = number_at(r, 2),
                              .sender = (unsigned)number_at(r, 3),
                              .lane = (unsigned)number_at(r, 4)};

    row.wanted_by = 1u << ARCHIVE | 1u << PLAIN;
    if (number_at(r, 5) == TYPE_OF_PEOPLE)
        row.wanted_by |= 1u << DESK;
    row.expires = number_at(r, 6) & 1;
    row.expired = number_at(r, 6) & 2;
    row.digest = checker_digest(PQgetvalue(r, 0, 7), (size_t)PQgetlength(r, 0, 7));
    checker_stored(c, &row);
}

static void take_refusal(struct checker *c, const PGresult *r)
{
    checker_quarantined(c, checker_digest(PQgetvalue(r, 0, 1), (size_t)PQgetlength(r, 0, 1)),
                        number_at(r, 0));
}

static bool read_rows(PGconn *conn, const char *sql, struct checker *c,
                      void (*each)(struct checker *c, const PGresult *r))
{
    PGresult *r;
    bool ok =
        PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1) && PQsetSingleRowMode(conn);

    while (ok && (r = PQgetResult(conn))) {
        if (PQresultStatus(r) == PGRES_SINGLE_TUPLE)
            each(c, r);
        else if (PQresultStatus(r) != PGRES_TUPLES_OK)
            ok = false;
        PQclear(r);
    }
    if (!ok)
        fprintf(stderr, "chaos: reading the log: %s", PQerrorMessage(conn));
    return ok;
}

bool world_read_log(struct world *w, struct checker *c)
{
    PGconn *conn = connect_to(w);
    bool ok;

    if (!conn)
        return false;
    ok = read_rows(conn,
                   "SELECT m.seq, m.epoch, m.lane_seq, substr(p.name, 9)::int8, m.lane::int8, "
                   "m.type::int8, ((m.not_after IS NOT NULL)::int + coalesce(m.expired, "
                   "false)::int * 2)::int8, m.content "
                   "FROM bus.message m JOIN bus.principal p ON p.principal_id = m.sender_id "
                   "ORDER BY m.seq",
                   c, take_row) &&
         read_rows(conn, "SELECT (code = 'conflict')::int::int8, content FROM bus.quarantine", c,
                   take_refusal);
    PQfinish(conn);
    checker_head(c, (uint64_t)world_ask(w, "SELECT seq FROM bus.log_head"));
    return ok;
}
