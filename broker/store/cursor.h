/* cursor - how far listeners with a durable name have acknowledged, kept in bus.cursor.
 *
 * A name is opened (taken over from whoever had it) and then moved. Each open name holds one place
 * in memory; what has changed is written about once a second, all in one statement, and a lease is
 * renewed every 20 s, so that people see who serves it. A move that PostgreSQL refuses means that a
 * newer session has the name.
 *
 *     open() ──▶ asking ──▶ open ◀──▶ written ──▶ close(): the last place, and the lease, go
 *                              └ taken
 *
 * When PostgreSQL is away everything waits: one place per name, and of names that were closed
 * meanwhile the last 4,096; what is beyond is dropped and counted, and its listener reads a few
 * messages again. Places are written before names are opened, so that a session that comes back
 * goes on where the one before it ended. */
#ifndef EOCBUS_BROKER_STORE_CURSOR_H
#define EOCBUS_BROKER_STORE_CURSOR_H

#include "proto/base/pg.h"
#include "broker/store/store.h"

struct cursors;

/* broker: copied. `accept` judges the server, as in pg.h. */
MUST_CHECK enum status
cursors_create(struct cursors **out, struct loop *loop, const char *conninfo, const char *broker,
               bool (*accept)(void *arg, const char *query, const struct pg_rows *rows), void *arg);
/* Every name has to be closed before; what is not written is lost. */
void cursors_destroy(struct cursors *all);

/* As store_cursor_open, _move, _close. */
struct cursor *cursor_open(struct cursors *all, const struct durable_name *what, durable_fn told,
                           void *arg);
void cursor_move(struct cursor *c, uint32_t log_epoch, uint64_t upto);
void cursor_close(struct cursor **c);

/* The log as this broker knows it now. The database is told about once a second, so that people see
 * which brokers run and how far they are; a broker without a name tells nobody. */
void cursors_see(struct cursors *all, uint32_t log_epoch, uint64_t seq);
void cursors_redial(struct cursors *all, const char *why);
/* Writes what is not written now, and not after a while: the broker is about to end. */
void cursors_hurry(struct cursors *all);
void cursors_count(const struct cursors *all, struct store_counters *out);

#endif
