/* db - a short blocking conversation with PostgreSQL, for the operator's commands.
 *
 * Values always travel as parameters, never inside the SQL. One connection, one statement at a
 * time. The only file of eocctl that knows libpq is db.c. */
#ifndef EOCBUS_CTL_DB_H
#define EOCBUS_CTL_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/mem.h"
#include "proto/base/status.h"

struct db;
struct db_rows;

/* ST_CLOSED: nobody answers; ST_DENIED: a password lies open (conninfo.h); `err` is a sentence that says what to do. */
MUST_CHECK enum status db_open(struct db **out, const char *conninfo, char *err, size_t err_size);
void db_close(struct db *d); /* NULL is allowed */

/* One statement; params are texts, a NULL is SQL's NULL. ST_CLOSED: the connection is gone;
 * ST_DENIED: no right; ST_EXISTS: a unique rule was broken; ST_NOTFOUND: no such table or function;
 * ST_INVALID: anything else the server refuses. db_error tells. rows may be NULL. */
MUST_CHECK enum status db_query(struct db *d, struct db_rows **rows, const char *sql,
                                const char *const *params, unsigned count);
/* Several statements in one text, without parameters: migrations. */
MUST_CHECK enum status db_script(struct db *d, const char *sql);
/* A large answer row by row, so that it never stands in memory whole; `each` answers false to stop.
 */
MUST_CHECK enum status db_each(struct db *d, const char *sql, const char *const *params,
                               unsigned count, bool (*each)(void *arg, const struct db_rows *row),
                               void *arg);
/* The same in binary and many times faster, by COPY: `select` is a query without parameters, so it
 * may hold numbers and nothing else that comes from outside. NULL data = SQL's NULL; all of it is
 * borrowed for the call. */
struct db_value {
    const uint8_t *data;
    size_t len;
};
enum { DB_COPY_COLUMNS = 24 };
MUST_CHECK enum status db_copy(struct db *d, const char *select,
                               void (*each)(void *arg, const struct db_value *values, unsigned n),
                               void *arg);
const char *db_error(const struct db *d); /* one line: what the server said to the last statement */
const char *db_sqlstate(const struct db *d); /* five characters, or "" */
/* Messages of the server (NOTICE) go to standard error only if wanted. */
void db_quiet(struct db *d);

unsigned db_count(const struct db_rows *r);
/* NULL for SQL's NULL, and for a column that is not there. Borrowed from r. */
const char *db_cell(const struct db_rows *r, unsigned row, const char *column);
unsigned db_width(const struct db_rows *r); /* columns */
const char *db_heading(const struct db_rows *r, unsigned column); /* its name; borrowed from r */
uint64_t db_number(const struct db_rows *r, unsigned row, const char *column); /* 0 if none */
/* A bytea cell, decoded onto `out`; false if it is NULL or not bytea. */
bool db_bytes(const struct db_rows *r, unsigned row, const char *column, struct buf *out);
void db_rows_free(struct db_rows *r);

/* "\\x…" for a bytea parameter. */
void db_hex(struct buf *out, const void *data, size_t len);

#endif
