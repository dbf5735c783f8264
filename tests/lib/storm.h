/* storm - an attacker in a process of its own, on bare ZeroMQ and TCP: what it does goes on until
 * it is killed, as fast as it can. Forked early (before the test has threads); it waits for
 * `storm_begin`. */
#ifndef EOCBUS_TESTS_LIB_STORM_H
#define EOCBUS_TESTS_LIB_STORM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/base/keys.h"

enum { STORM_KEYS = 4 };

struct storm_target { /* in memory that both processes see */
    char endpoint[64], broker_key[KEY_Z85];
    struct keys keys[STORM_KEYS]; /* of principals storm.n0 ... */
    volatile uint64_t said;       /* frames, connections, subscriptions: whatever it does */
};

struct storm {
    pid_t pid;
    int go; /* a byte written here begins it */
};

void storm_fork(struct storm *s, struct storm_target *t, void (*attack)(struct storm_target *t));
void storm_begin(struct storm *s);
void storm_end(struct storm *s); /* kill -9 */

/* Attacks. */
void storm_endless_multipart(struct storm_target *t);
void storm_silent_connections(struct storm_target *t);
void storm_garbage_handshakes(struct storm_target *t);
void storm_mute_sessions(struct storm_target *t); /* handshake done, then nothing, 3,000 times */
void storm_strangers(struct storm_target *t);     /* a Ping and no Hello, 3,000 times */
void storm_subscriptions(struct storm_target *t); /* 1,008, from the beginning, read nothing */
void storm_unread_connections(
    struct storm_target *t); /* one principal, always new ones, read nothing */
void storm_frozen_listener(struct storm_target *t); /* reads some, then stops for good */
void storm_oversized_frames(struct storm_target *t);
void storm_patterns(struct storm_target *t); /* subscribe, unsubscribe */
void storm_hellos(struct storm_target *t);
void storm_flash(struct storm_target *t);     /* alarms, half of them to be withdrawn */
void storm_publishes(struct storm_target *t); /* reads no receipt */
void storm_steady(struct storm_target *t);    /* 20,000 messages a second, reads every answer */
void storm_busy(struct storm_target *t);      /* the same, and reads every answer */

#endif
