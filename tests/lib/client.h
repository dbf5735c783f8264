/* client - an agent's side of a session over a real socket, for tests against a real broker: an
 * outbox in memory that offers everything again in each new session, and a listener that checks
 * order.
 *
 * All clients of a test share one loop. Nothing sleeps: client_wait turns the loop until a
 * condition holds, and fails the test after two minutes. */
#ifndef EOCBUS_TESTS_LIB_CLIENT_H
#define EOCBUS_TESTS_LIB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"

enum { CLIENT_MESSAGES = 20000 };

struct client_row {
    uint64_t seq;    /* of its receipt; 0 = none yet */
    int64_t said_us; /* of an alarm: when it was offered first */
    bool sent, repeated;
};

struct client {
    struct loop *loop; /* borrowed, outlives us */
    struct zport *port;
    struct loop_timer *tick;
    char name[64];
    uint64_t epoch;
    bool is_linked, is_welcome, was_refused;     /* the handshake failed for good */
    unsigned welcomes, faults, frames, refusals; /* refusals: of the key, in a handshake */
    uint64_t heard_us;                           /* the last frame (loop_exact_us) */
    char fault[32];
    /* Publishing: rows 1..count; lane_seq and tag of a row are its index. */
    struct client_row *rows;
    uint64_t count, settled, in_flight, window;
    bool is_alarm;          /* what it says is FLASH */
    bool detects;           /* and a detection, each at a torrent of its own, for the queue */
    uint64_t floor;         /* all rows up to it have a receipt */
    uint64_t not_before_us; /* Busy */
    /* Listening with subscription 1 to everything. */
    bool wants, is_subscribed, reads; /* reads false: gives no credit, acknowledges nothing */
    uint64_t got, last_seq, previous_errors, horizon, provisional;
    uint32_t log_epoch;
    uint32_t since_ack;
};

/* server_z85: the broker's key; NULL keys: a key pair nobody knows. */
void client_create(struct client *c, struct loop *loop, struct zctx *z, const char *name,
                   const struct keys *keys, const char *endpoint, const char *server_z85);
void client_destroy(struct client *c);

/* Adds n messages to the outbox; they leave as the window lets them. */
void client_publish(struct client *c, uint64_t n);
bool client_is_settled(const struct client *c);
void client_id_of(const struct client *c, uint64_t row, uint8_t out[16]); /* its message_id */
/* Everything after last_seq, with a window of `credit` messages. */
void client_listen(struct client *c);

/* Turns the loop until `done`, which is asked before every turn. */
void client_wait(struct loop *loop, bool (*done)(void *arg), void *arg, const char *what);

#endif
