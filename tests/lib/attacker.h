/* attacker - an enrolled principal with bad manners, over a real CURVE session: contents and frames
 * of any bytes, and an account of every answer.
 *
 * Contents: up to 256 at a time are on the way, each tag is one of 256 slots; what is answered Busy
 * is offered again, so every content gets exactly one answer in the end. Frames: sent as they are,
 * in portions; behind each portion a Hello and a Ping ask whether the broker has got that far. */
#ifndef EOCBUS_TESTS_LIB_ATTACKER_H
#define EOCBUS_TESTS_LIB_ATTACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"

enum { ATTACKER_SLOTS = 256, ATTACKER_CODES = 32 };

struct attacker_slot {
    uint8_t *bytes; /* NULL = free */
    size_t len;
    bool is_sent;
};

struct attacker {
    struct loop *loop; /* borrowed, outlives us */
    struct zport *port;
    struct loop_timer *tick;
    bool is_linked, is_welcome;
    uint64_t not_before_us, token, answered_token; /* of Pings */
    unsigned links;
    /* Contents. Answers the length, or SIZE_MAX when there are no more. */
    size_t (*make)(void *arg, uint8_t *out, size_t cap);
    void *arg;
    struct attacker_slot slots[ATTACKER_SLOTS];
    bool is_done;
    /* What came back. */
    uint64_t offered, stored, repeated, refused, busy, faults, strange;
    struct {
        char code[16];
        uint64_t times;
    } codes[ATTACKER_CODES]; /* of refusals and of faults */
};

void attacker_create(struct attacker *a, struct loop *loop, struct zctx *z, const struct keys *keys,
                     const char *endpoint, const char *server_z85);
void attacker_destroy(struct attacker *a);

/* Offers what `make` makes until it has no more. */
void attacker_offer(struct attacker *a, size_t (*make)(void *arg, uint8_t *out, size_t cap),
                    void *arg);
bool attacker_is_answered(const struct attacker *a); /* everything offered, everything answered */

/* One frame as it is; false: the socket is full or there is no link, turn the loop. */
bool attacker_say(struct attacker *a, const void *bytes, size_t len);
/* Hello and Ping; the broker has read everything before when attacker_was_heard. */
bool attacker_ask(struct attacker *a);
bool attacker_was_heard(const struct attacker *a);

uint64_t attacker_times(const struct attacker *a, const char *code);

#endif
