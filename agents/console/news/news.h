/* clang-format off */
/* news - what happens, to every open page: server-sent events.
 *
 *   message    something was said on the bus: {seq, type, lane, status, provisional, sender, author, places,
 *              incidents, message_id, preceding_id, event_time_us, verdict}; of FLASH and IMMEDIATE with the
 *              whole message as `message`, so that it is on the screen before the database has it
 *   withdrawn  what was shown as provisional will not be stored: {message_id}
 *   settled    what somebody said here has its receipt: {message_id, person, stored, seq, verdict, code,
 *              path, text}; only to that person's pages
 *   truth      every 2 s: {utc_us, store, linked, endpoint, view, waiting, refused, exercise, seq, hubs}. A
 *              page that hears none for 5 s says that it is blind. `hubs`: of each centre what its brokers'
 *              setting `hub` says, how many brokers it has, how many run; null while the database is away.
 *
 * A person hears of messages as bus.may says (read/book.h); while the database is away everybody who is
 * signed in hears FLASH. A page that comes back reads its views again; nothing is repeated here. */
/* clang-format on */
#ifndef EOCBUS_CONSOLE_NEWS_H
#define EOCBUS_CONSOLE_NEWS_H

#include "agents/console/console.h"

MUST_CHECK enum status news_create(struct news **out, struct console *c);
void news_destroy(struct news *n); /* NULL is allowed */
/* Subscribes to all that this console may hear, from now on. ST_INVALID...: `err`. */
MUST_CHECK enum status news_subscribe(struct news *n, char *err, size_t err_size);
/* Answers x with the stream. A person has 24 at most: the oldest ends when another one comes. */
void news_open(struct news *n, struct exchange *x, const char *person);
/* `tag` is a row of the outbox, said by this person as this message. */
void news_expect(struct news *n, uint64_t tag, const uint8_t id[16], const char *person);
void news_settled(struct news *n, uint64_t tag, const struct outbox_outcome *oc);
void news_truth(struct news *n);

#endif
