/* load - senders for benchmarks: as thin as a sender can be, so that what is measured is the bus.
 * Contents are made before the clock starts; a window is kept full; receipts are counted, not kept.
 */
#ifndef EOCBUS_TESTS_BENCH_LOAD_H
#define EOCBUS_TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"

struct load_item {
    uint8_t *content;
    size_t len;
};

struct load {
    struct loop *loop; /* borrowed, outlives us */
    struct zport *port;
    char name[64];
    uint64_t epoch, made; /* messages ever made: the next lane_seq is made + 1 */
    bool is_welcome, is_ponged;
    struct load_item *items;
    size_t count, sent, settled, refused, window;
    size_t allowed;      /* no more of them may leave yet; load_make: all */
    size_t judged_every; /* one in so many made is an incident, which the ledger judges; 0: none */
    uint64_t *sent_at_us, *waited_us; /* per item, for latencies */
};

void load_create(struct load *l, struct loop *loop, struct zctx *z, const char *name,
                 const struct keys *keys, const char *endpoint, const char *server_z85);
void load_destroy(struct load *l);
/* Makes n observation batches of about 300 bytes that do not compress, and incidents among them
 * if judged_every says so; frees the old ones. */
void load_make(struct load *l, size_t n, size_t window);
/* Sends what the window and `allowed` let; call once, and again when `allowed` has grown, the rest
 * follows from the receipts. */
void load_go(struct load *l);
bool load_is_done(const struct load *l);
/* One Ping; is_ponged is false until its Pong is here. */
void load_ping(struct load *l);

#endif
