/* clang-format off */
/* api - the paths of the pages' server:
 *
 *   GET  /  /app.js ...      the pages themselves (page/)
 *   POST /api/login          name=...&password=...; a cookie, and the token for what changes something
 *   POST /api/logout
 *   GET  /api/me             who is signed in, the token
 *   GET  /api/view/NAME?...  sql/queries/page_NAME.sql
 *   GET  /api/csv/NAME?...   sql/queries/page_csv_NAME.sql as a file, with a row of HXL tags
 *   POST /api/say            an Envelope as JSON; its message_id makes it one thing however often it is sent
 *   GET  /api/news           server-sent events (news/)
 *
 * An error is {"error":"word","text":"a sentence"} with the status that fits. */
/* clang-format on */
#ifndef EOCBUS_CONSOLE_API_H
#define EOCBUS_CONSOLE_API_H

#include "agents/console/console.h"

void api_request(void *arg, struct exchange *x); /* arg: struct console */
void api_gone(void *arg, struct exchange *x);

/* --- for the files of api/ -----------------------------------------------------------------------
 */

void answer_json(struct exchange *x, unsigned status, const struct buf *json);
void answer_error(struct exchange *x, unsigned status, const char *word, const char *text);
/* The same with Retry-After. */
void answer_later(struct exchange *x, unsigned status, const char *word, const char *text,
                  unsigned retry_s);
/* A text as a JSON string, with its quotes. */
void put_json(struct buf *out, const char *text);

MUST_CHECK enum status logins_create(struct logins **out, struct console *c);
void logins_destroy(struct logins *l); /* NULL is allowed */
void login_begin(struct console *c, struct exchange *x);
void login_gone(struct console *c, struct exchange *x);
void logout(struct console *c, struct exchange *x, struct session *who);
void tell_me(struct console *c, struct exchange *x, struct session *who);

void view_ask(struct console *c, struct exchange *x, const char *name);
void file_ask(struct console *c, struct exchange *x, const char *name);
void say_take(struct console *c, struct exchange *x, struct session *who);
void say_gone(struct exchange *x);

#endif
