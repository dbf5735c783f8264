/* replay - what is read from PostgreSQL on the reading connection: pages of the log, and the
 * principals.
 *
 * One question at a time, in turn. Principals go before everything, since a key may have been
 * revoked. Then the follower's pages go first, since live listeners wait for them; but however fast
 * the log grows, every other page is for those who are behind. When the connection goes, every
 * question that waits is answered ST_CLOSED; ask again. */
#ifndef EOCBUS_BROKER_STORE_REPLAY_H
#define EOCBUS_BROKER_STORE_REPLAY_H

#include "proto/base/pg.h"
#include "broker/store/store.h"

struct replay;

MUST_CHECK enum status replay_create(struct replay **out, const struct pg_settings *set,
                                     const struct pg_exits *exits);
void replay_destroy(struct replay *r);
void replay_redial(struct replay *r, const char *why); /* its server was replaced */
bool replay_is_ready(const struct replay *r);

/* As store_read. A page also ends after REPLAY_PAGE_BYTES of content. */
MUST_CHECK enum status replay_page(struct replay *r, uint64_t after, uint64_t upto, unsigned rows,
                                   unsigned lanes, const char *to, bool is_urgent,
                                   store_page_fn page, void *arg);
/* As store_read_last and store_find_time. */
MUST_CHECK enum status replay_last(struct replay *r, uint64_t after, uint64_t upto, unsigned rows,
                                   store_page_fn page, void *arg);
MUST_CHECK enum status replay_find_time(struct replay *r, int64_t time_us, store_page_fn page,
                                        void *arg);
void replay_cancel(struct replay *r, void *arg);
MUST_CHECK enum status replay_principals(struct replay *r, uint64_t now_us, store_principal_fn row,
                                         void *arg);
/* When the oldest question for principals was asked that has no answer yet; 0 = there is none. */
uint64_t replay_waits_since(const struct replay *r);

#endif
