/* fake_broker - a broker's ROUTER with CURVE on the loop, that does what a test tells it to:
 * greets, keeps what was published, answers or not. For tests of agents. */
#ifndef EOCBUS_TESTS_FAKE_BROKER_H
#define EOCBUS_TESTS_FAKE_BROKER_H

#include <stdbool.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/base/keys.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"

enum { FAKE_KEPT = 8192 };

struct fake_broker {
    struct loop *loop;
    struct zctx *ctx;
    struct zport *port;
    struct keys keys;
    char endpoint[64]; /* with the port it got, once open */

    /* what it is to do */
    bool is_silent;      /* hears, says nothing */
    bool store_away;     /* says so in Welcome, Busy and Pong */
    bool no_receipts;    /* keeps what is published, gives no receipt */
    unsigned busy_times; /* so many Publish are answered Busy */
    unsigned retry_ms;   /* with that; 0 = 20 */
    const char *refuse;  /* code: every item is refused with it */
    uint32_t log_epoch;
    uint32_t stamp_epoch; /* of what is delivered; 0 = log_epoch */
    uint32_t window_items, window_bytes;
    const char *hello_fault; /* code: Hello is answered with this Fault */
    const char *verdict;     /* ZAP status of the next handshake: "200", "400" */

    /* what it saw */
    struct zport_id agent; /* the newest */
    unsigned hellos, publishes, pings, subscribes, unsubscribes, acknowledges, credits, connects;
    uint32_t known_log_epoch; /* of the newest Hello */
    uint32_t spoken_under;    /* log epoch of the newest Publish */
    uint64_t known_seq;
    uint64_t upto, after;
    unsigned warnings_taken; /* provisional ones, as acknowledged */
    uint32_t subscription, credit_given;
    bool has_after;
    unsigned ears; /* subscriptions for FLASH only */
    uint32_t ear;  /* the newest of them; `subscription` is the newest other one */
    unsigned items, largest_publish; /* items; most bytes of content in one Publish */
    unsigned aheads;                 /* items that were to warn only */
    uint64_t tags[FAKE_KEPT], seq;
    struct zport_id from[FAKE_KEPT]; /* who published it: it gets the receipt */

    void *zap_socket;
    struct zhub_entry *zap;
};

/* endpoint "tcp://127.0.0.1:*", or the one it had before. Ends the test on failure. */
void fake_broker_open(struct fake_broker *b, struct loop *l, const char *endpoint);
void fake_broker_close(struct fake_broker *b); /* the socket only; open it again as you like */
void fake_broker_send(struct fake_broker *b, const Eocbus__V1__Frame *f); /* to the newest agent */
void fake_broker_settle_all(struct fake_broker *b); /* receipts for everything it kept */
/* One Deliver with one delivery on the newest subscription. seq 0: provisional. */
void fake_broker_deliver(struct fake_broker *b, uint64_t seq, uint64_t previous,
                         const void *content, size_t len);
/* The same on the newest subscription for FLASH only. */
void fake_broker_deliver_to_ear(struct fake_broker *b, const void *content, size_t len);
void fake_broker_withdraw(struct fake_broker *b, uint32_t subscription, const char *sender,
                          const uint8_t id[16]);
void fake_broker_horizon(struct fake_broker *b, uint64_t horizon);

#endif
