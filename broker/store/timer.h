/* timer - what time does to recipients: has PostgreSQL look, about once a second, which messages
 * were not answered in time, and tell their senders (bus.tick).
 *
 * On its own connection, never on the way of a commit. Every broker calls; PostgreSQL lets one work
 * at a time, and a change commits together with the receipt that tells of it, so each is said once
 * however many brokers there are and whenever one of them dies. */
#ifndef EOCBUS_BROKER_STORE_TIMER_H
#define EOCBUS_BROKER_STORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/status.h"

struct buf;
struct loop;
struct pg_rows;
struct timer;

/* `accept` judges the server, as in pg.h. */
MUST_CHECK enum status
timer_create(struct timer **out, struct loop *loop, const char *conninfo,
             bool (*accept)(void *arg, const char *query, const struct pg_rows *rows), void *arg);
/* Where the chain over the log stands, asked beside the ticks; nothing comes if the log is empty or
 * the question is lost. A second one replaces the first. */
typedef void (*chain_fn)(void *arg, uint32_t log_epoch, uint64_t seq, const uint8_t digest[32]);
void timer_ask_chain(struct timer *t, chain_fn told, void *arg);
/* Which settings this broker runs with, for the record (sql/queries/settings.sql): sent beside the
 * ticks until the database took them. What was said before and is not taken yet is forgotten. Takes
 * the bytes. */
void timer_say_settings(struct timer *t, const char *broker, struct buf *settings);
uint64_t timer_receipts(const struct timer *t);      /* said by this broker's calls */
void timer_redial(struct timer *t, const char *why); /* its server was replaced */
void timer_destroy(struct timer *t);

#endif
