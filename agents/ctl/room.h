/* room - the lists of the dispatchers' page for a terminal: what sql/queries/page_queue.sql and
 * page_board.sql answer, in the order, with the counts and in the words of the page. Pure.
 *
 * What the page's waiting.js does with an answer room_read does, what its queue.js writes into a
 * row room_put_item writes. What is only on its way to the database is not here: `eocctl tail`
 * hears that. */
#ifndef EOCBUS_CTL_ROOM_H
#define EOCBUS_CTL_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/link/lang.h"
#include "proto/base/mem.h"

struct json_t; /* a row */

/* Who looks, and when. */
struct room_eye {
    enum lang lang;
    const char *me, *place; /* a principal; how a P-code begins; "": nobody, everywhere */
    int64_t now_s;
    bool colour;
    const struct json_t *names; /* by code, as sql/queries/page_names.sql answers; NULL: none */
};

struct room_list {
    struct json_t *now, *past, *taken; /* arrays; past: what an exercise of another day has left */
    size_t total, past_total; /* of all there are, also what is too much for one answer */
};

/* ST_INVALID: it is no such answer; ST_NOMEM. */
MUST_CHECK enum status room_read(struct room_list *out, const char *answer,
                                 const struct room_eye *eye);
void room_free(struct room_list *l);

/* Names for an eye, to be freed; NULL: it is no such answer. */
struct json_t *room_read_names(const char *answer);
void room_free_names(struct json_t *names); /* NULL is allowed */

size_t room_count_of(const struct json_t *rows);
/* Appends the first `most` of them, each in lines of WRAP_COLUMNS. */
typedef void (*room_put_fn)(struct buf *out, const struct room_eye *eye, const struct json_t *row);
void room_put_rows(struct buf *out, const struct room_eye *eye, const struct json_t *rows,
                   size_t most, room_put_fn put);
/* One thing: a row of the queue, of what somebody has in hand, of the board of resources. */
void room_put_item(struct buf *out, const struct room_eye *eye, const struct json_t *row);
void room_put_taken(struct buf *out, const struct room_eye *eye, const struct json_t *row);
void room_put_supply(struct buf *out, const struct room_eye *eye, const struct json_t *row);
/* All of them for a program: a JSON object a line, with the list that it stands in. */
void room_put_json(struct buf *out, const struct json_t *rows, const char *list);

#endif
