/* reader - what the pages ask of the database: sql/queries/page_*.sql, each with one cell of JSON,
 * in the name of whoever sits there.
 *
 * A few connections, read only, each busy with one question; who comes while all are busy waits in
 * a line of bounded length. A database that is away is answered at once: the page says so and asks
 * again. */
#ifndef EOCBUS_CONSOLE_READER_H
#define EOCBUS_CONSOLE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/loop.h"
#include "proto/base/status.h"

enum { READER_PARAMS = 8 };

struct reader;

struct reader_settings {
    struct loop *loop;
    const char *conninfo; /* copied */
    unsigned connections, waiting_most, deadline_ms;
    void *arg;
    void (*changed)(void *arg, bool up); /* the first connection is there, or the last one fell */
};

MUST_CHECK enum status reader_create(struct reader **out, const struct reader_settings *set);
void reader_destroy(struct reader *r); /* NULL is allowed; nobody is answered any more */
bool reader_is_up(const struct reader *r);

/* Names the parameters of a page in order ("incident place"), as its line "-- takes:" has them;
 * NULL: there is no such page. `name` without "page_". */
const char *reader_takes(const char *name);
/* There is such a page, and its first line does not end with "Asked by the program, not by pages.":
 * that is answered to nobody as it stands. */
bool reader_is_for_pages(const char *name);

/* `json` is borrowed for the call; NULL: `st` is ST_CLOSED (the database is away), ST_TIMEOUT, or
 * ST_INVALID (it refused a parameter), and `why` one line. */
typedef void (*reader_done_fn)(void *arg, enum status st, const char *json, const char *why);
/* Asks page `name` with texts or NULLs, copied, for a person: the answer has what both may hear,
 * this person and the console (sql/functions/z_readers.sql); "": the console itself. ST_FULL: the
 * line is full; ST_INVALID: a text of 512 bytes or more; ST_CLOSED; ST_NOTFOUND; else `done` comes
 * once, maybe from inside this call when the database went away meanwhile. */
MUST_CHECK enum status reader_ask(struct reader *r, const char *person, const char *name,
                                  const char *const *params, unsigned n, reader_done_fn done,
                                  void *arg);
/* Nobody waits for these any more: `done` of what was asked with this arg is not called. */
void reader_forget(struct reader *r, void *arg);

#endif
