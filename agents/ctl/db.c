/* db - libpq behind a small door. */
#include "agents/ctl/db.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/conninfo.h"

#include "proto/base/banned.h"

struct db {
    PGconn *conn;
    char error[512];
    char sqlstate[6];
};

struct db_rows {
    PGresult *res;
};

/* libpq's sentences have several lines; ours have one. */
static void keep_one_line(char *out, size_t size, const char *text)
{
    size_t n = 0;

    while (*text && n + 1 < size) {
        if (*text == '\n' && text[1] == '\0')
            break;
        out[n++] = *text == '\n' || *text == '\t' ? ' ' : *text;
        text++;
    }
    out[n] = '\0';
}

static void drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

enum status db_open(struct db **out, const char *conninfo, char *err, size_t err_size)
{
    struct db *d;
    const char *advice;
    char line[400];

    if (conninfo_check(conninfo, err, err_size) != ST_OK)
        return ST_DENIED;
    d = mem_zalloc(sizeof(*d));
    if (!d) {
        snprintf(err, err_size, "out of memory");
        return ST_NOMEM;
    }
    d->conn = PQconnectdb(conninfo);
    if (PQstatus(d->conn) != CONNECTION_OK) {
        keep_one_line(line, sizeof(line), PQerrorMessage(d->conn));
        advice = conninfo_advice(line);
        if (advice)
            snprintf(err, err_size, "no connection to the database (%s); %s", line, advice);
        else
            snprintf(err, err_size,
                     "the database does not answer (%s); check the setting \"database\" and that "
                     "PostgreSQL runs",
                     line);
        db_close(d);
        return ST_CLOSED;
    }
    *out = d;
    return ST_OK;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    PQfinish(d->conn);
    mem_free(d);
}

void db_quiet(struct db *d)
{
    PQsetNoticeProcessor(d->conn, drop_notice, NULL);
}

/* The SQLSTATEs an operator's command can do something about. */
static enum status translate_state(const char *state)
{
    static const struct {
        const char *prefix;
        enum status st;
    } table[] = {
        {"42501", ST_DENIED},   {"23505", ST_EXISTS},   {"42P07", ST_EXISTS},
        {"42710", ST_EXISTS},   {"42P04", ST_EXISTS},   {"42P06", ST_EXISTS},
        {"42P01", ST_NOTFOUND}, {"42883", ST_NOTFOUND}, {"3F000", ST_NOTFOUND},
        {"42704", ST_NOTFOUND}, {"57P0", ST_CLOSED},    {"08", ST_CLOSED},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strncmp(state, table[i].prefix, strlen(table[i].prefix)) == 0)
            return table[i].st;
    return ST_INVALID;
}

/* The server's sentence and its hint; where in which function it arose is for its own log. */
static void keep_error(struct db *d, const PGresult *res)
{
    const char *primary = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *hint = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_HINT) : NULL;
    size_t len;

    keep_one_line(d->error, sizeof(d->error), primary ? primary : PQerrorMessage(d->conn));
    len = strlen(d->error);
    if (hint && len + 3 < sizeof(d->error)) {
        memcpy(d->error + len, ". ", 3);
        keep_one_line(d->error + len + 2, sizeof(d->error) - len - 2, hint);
    }
}

static enum status judge(struct db *d, const PGresult *res)
{
    ExecStatusType kind = res ? PQresultStatus(res) : PGRES_FATAL_ERROR;
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

    if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK || kind == PGRES_SINGLE_TUPLE) {
        d->error[0] = d->sqlstate[0] = '\0';
        return ST_OK;
    }
    keep_error(d, res);
    snprintf(d->sqlstate, sizeof(d->sqlstate), "%s", state ? state : "");
    if (PQstatus(d->conn) != CONNECTION_OK)
        return ST_CLOSED;
    return translate_state(d->sqlstate);
}

enum status db_query(struct db *d, struct db_rows **rows, const char *sql,
                     const char *const *params, unsigned count)
{
    PGresult *res = PQexecParams(d->conn, sql, (int)count, NULL, params, NULL, NULL, 0);
    enum status st = judge(d, res);
    struct db_rows *r;

    if (st != ST_OK || !rows) {
        PQclear(res);
        return st;
    }
    r = mem_zalloc(sizeof(*r));
    if (!r) {
        PQclear(res);
        return ST_NOMEM;
    }
    r->res = res;
    *rows = r;
    return ST_OK;
}

enum status db_script(struct db *d, const char *sql)
{
    PGresult *res = PQexec(d->conn, sql);
    enum status st = judge(d, res);

    PQclear(res);
    return st;
}

enum status db_each(struct db *d, const char *sql, const char *const *params, unsigned count,
                    bool (*each)(void *arg, const struct db_rows *row), void *arg)
{
    enum status st = ST_OK;
    bool more = true;
    PGresult *res;

    if (!PQsendQueryParams(d->conn, sql, (int)count, NULL, params, NULL, NULL, 0))
        return judge(d, NULL);
    PQsetSingleRowMode(d->conn);
    while ((res = PQgetResult(d->conn))) {
        if (st == ST_OK)
            st = judge(d, res);
        if (st == ST_OK && more && PQntuples(res) == 1)
            more = each(arg, &(struct db_rows){.res = res});
        PQclear(res);
    }
    return st;
}

/* PostgreSQL's binary COPY: a signature of 11 bytes, flags and an extension of 4 bytes each, then
 * for each row the number of columns and for each its length (-1: NULL) and bytes; -1 columns end
 * it. */
static size_t read_be(const uint8_t *p, size_t bytes)
{
    size_t v = 0;

    while (bytes--)
        v = v << 8 | *p++;
    return v;
}

static bool read_copy_row(const uint8_t *p, size_t len, struct db_value *values, unsigned *n)
{
    const uint8_t *end = p + len;

    if (len < 2)
        return false;
    *n = (unsigned)read_be(p, 2);
    p += 2;
    for (unsigned i = 0; i < *n && *n <= DB_COPY_COLUMNS; i++) {
        size_t size;

        if (end - p < 4)
            return false;
        size = read_be(p, 4);
        p += 4;
        values[i] = (struct db_value){size == UINT32_MAX ? NULL : p, 0};
        if (size == UINT32_MAX)
            continue;
        if (size > (size_t)(end - p))
            return false;
        values[i].len = size;
        p += size;
    }
    return *n <= DB_COPY_COLUMNS;
}

/* libpq hands out one row at a time; the head comes with the first one. */
static bool take_copy(const uint8_t *p, size_t len, bool is_first,
                      void (*each)(void *arg, const struct db_value *values, unsigned n), void *arg)
{
    enum { HEAD = 19 };
    struct db_value values[DB_COPY_COLUMNS];
    unsigned n;

    if (is_first) {
        if (len < HEAD)
            return false;
        p += HEAD;
        len -= HEAD;
        if (!len)
            return true;
    }
    if (len >= 2 && read_be(p, 2) == UINT16_MAX)
        return true;
    if (!read_copy_row(p, len, values, &n))
        return false;
    each(arg, values, n);
    return true;
}

enum status db_copy(struct db *d, const char *select,
                    void (*each)(void *arg, const struct db_value *values, unsigned n), void *arg)
{
    struct buf sql = {0};
    PGresult *res;
    char *row;
    bool good = true, is_first = true;
    enum status st;
    int len;

    buf_printf(&sql, "COPY (%s) TO STDOUT (FORMAT binary)", select);
    buf_put(&sql, "", 1);
    if (sql.failed) {
        buf_free(&sql);
        return ST_NOMEM;
    }
    res = PQexec(d->conn, (const char *)sql.data);
    buf_free(&sql);
    st = PQresultStatus(res) == PGRES_COPY_OUT ? ST_OK : judge(d, res);
    PQclear(res);
    if (st != ST_OK)
        return st;
    for (; (len = PQgetCopyData(d->conn, &row, 0)) > 0; is_first = false) {
        good = good && take_copy((const uint8_t *)row, (size_t)len, is_first, each, arg);
        PQfreemem(row);
    }
    while ((res = PQgetResult(d->conn))) {
        if (st == ST_OK)
            st = judge(d, res);
        PQclear(res);
    }
    return st == ST_OK && !good ? ST_INVALID : st;
}

const char *db_error(const struct db *d)
{
    return d->error;
}

const char *db_sqlstate(const struct db *d)
{
    return d->sqlstate;
}

unsigned db_count(const struct db_rows *r)
{
    return (unsigned)PQntuples(r->res);
}

unsigned db_width(const struct db_rows *r)
{
    return (unsigned)PQnfields(r->res);
}

const char *db_heading(const struct db_rows *r, unsigned column)
{
    return PQfname(r->res, (int)column);
}

const char *db_cell(const struct db_rows *r, unsigned row, const char *column)
{
    int at = PQfnumber(r->res, column);

    if (at < 0 || (int)row >= PQntuples(r->res) || PQgetisnull(r->res, (int)row, at))
        return NULL;
    return PQgetvalue(r->res, (int)row, at);
}

uint64_t db_number(const struct db_rows *r, unsigned row, const char *column)
{
    const char *cell = db_cell(r, row, column);

    return cell ? strtoull(cell, NULL, 10) : 0;
}

bool db_bytes(const struct db_rows *r, unsigned row, const char *column, struct buf *out)
{
    const char *cell = db_cell(r, row, column);
    size_t len = 0;
    unsigned char *bytes;

    if (!cell || cell[0] != '\\')
        return false;
    bytes = PQunescapeBytea((const unsigned char *)cell, &len);
    if (!bytes)
        return false;
    buf_put(out, bytes, len);
    PQfreemem(bytes);
    return !out->failed;
}

void db_rows_free(struct db_rows *r)
{
    if (!r)
        return;
    PQclear(r->res);
    mem_free(r);
}

void db_hex(struct buf *out, const void *data, size_t len)
{
    const uint8_t *p = data;

    buf_puts(out, "\\x");
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", p[i]);
}
