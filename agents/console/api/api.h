/* clang-format off */
/* api - the paths of the pages' server:
 *
 *   GET  /  /app.js ...      the pages themselves (page/)
 *   POST /api/login          name=...&password=...; a cookie, and the token for what changes something
 *   POST /api/logout
 *   GET  /feed/...           public alerts for everybody (feed.h)
 *   GET  /api/me             who is signed in, the token; {"person":null} = nobody
 *   GET  /api/view/NAME?...  sql/queries/page_NAME.sql
 *   GET  /api/csv/NAME?...   sql/queries/page_csv_NAME.sql as a file, with a row of HXL tags
 *   POST /api/say            an Envelope as JSON; its message_id makes it one thing however often it is sent
 *   POST /api/approve?draft=ID&id=ID  a public alert that another person wrote, under a new id
 *   GET  /api/news           server-sent events (news/)
 *
 * An error is {"error":"word","text":"a sentence"} with the status that fits; with "retry_s" it may be
 * tried again so many seconds later. Beneath /api/ only our own page is answered: nobody else's Origin
 * or Sec-Fetch-Site. */
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
void tell_me(struct console *c, struct exchange *x, const struct session *who); /* NULL: nobody */

/* A session that is over ends its streams of news too, within two seconds: after logging out, when
 * the person was removed or has another password, and when it became too old. */
MUST_CHECK enum status doorman_create(struct doorman **out, struct console *c);
void doorman_destroy(struct doorman *d); /* NULL is allowed */
void doorman_look(struct doorman *d);    /* now, and not with the next turn */
/* The people file still has this person with this password. A file that cannot be read keeps those
 * in who are in. */
bool person_may_stay(const struct console *c, const struct session *who);

/* Asks the reader for x, once for all pages of a person who ask the same: whoever asks while an
 * answer is on its way waits for the next one, which then is of after their question. `done` gets
 * x; results as reader_ask's. */
MUST_CHECK enum status shared_create(struct shared **out, struct console *c);
void shared_destroy(struct shared *s); /* NULL is allowed; after the reader */
MUST_CHECK enum status shared_ask(struct shared *s, const char *person, const char *name,
                                  const char *const *params, unsigned n, reader_done_fn done,
                                  struct exchange *x);
void shared_gone(struct shared *s, struct exchange *x);

/* The cookie's value; its name begins with __Host- wherever browsers speak TLS. */
const char *cookie_of(const struct exchange *x, const char *name);
const char *cookie_prefix(const struct exchange *x);

/* A parameter `person` of a view is who is signed in. */
void view_ask(struct console *c, struct exchange *x, const struct session *who, const char *name);
void file_ask(struct console *c, struct exchange *x, const struct session *who, const char *name);
void say_take(struct console *c, struct exchange *x, struct session *who);
void approve_take(struct console *c, struct exchange *x, struct session *who);
void say_gone(struct exchange *x);

#endif
