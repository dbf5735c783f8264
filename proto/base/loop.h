/* loop - the event loop, and with it the seams to the outside: time, timers, randomness, file
 * descriptors, signals. Only loop*.c know libuv. A simulator links another one.
 *
 * Everything created on a loop is destroyed before loop_destroy. The destroy functions may be
 * called from inside the thing's own callback; no callback comes after destroy. */
#ifndef EOCBUS_BASE_LOOP_H
#define EOCBUS_BASE_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct loop;
struct loop_timer;
struct loop_poll;
struct loop_signal;
struct loop_hook;

MUST_CHECK enum status loop_create(struct loop **out);
void loop_destroy(struct loop *l);
void loop_run(struct loop *l);  /* until loop_stop, or until nothing is left to wait for */
void loop_stop(struct loop *l); /* loop_run returns after this turn */
/* One turn: waits at most wait_ms (0 = does not wait) and returns; for tests and embedding. */
void loop_turn(struct loop *l, unsigned wait_ms);
/* For programs with a loop of their own: a descriptor that is readable when there is work, and the
 * most milliseconds to wait for it (-1 = for ever) before loop_turn(l, 0). */
int loop_fd(struct loop *l);
int loop_wait_ms(struct loop *l);

/* Microseconds on a clock that only goes forward, as of the start of this turn (loop_now_us) or
 * exactly now (loop_exact_us); and UTC since 1970, exactly now. */
uint64_t loop_now_us(struct loop *l);
uint64_t loop_exact_us(struct loop *l);
int64_t loop_utc_us(struct loop *l);
void loop_random(struct loop *l, void *out, size_t len);

MUST_CHECK enum status loop_timer_create(struct loop_timer **out, struct loop *l,
                                         void (*fire)(void *arg), void *arg);
void loop_timer_start(struct loop_timer *t, unsigned delay_ms, unsigned repeat_ms); /* 0 = once */
void loop_timer_stop(struct loop_timer *t);
void loop_timer_destroy(struct loop_timer *t); /* NULL is allowed, here and below */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
/* The descriptor stays the caller's; destroy the poll before closing it. */
MUST_CHECK enum status loop_poll_create(struct loop_poll **out, struct loop *l, int fd,
                                        void (*ready)(void *arg, int events), void *arg);
/* 0 = stop watching. After an error on the descriptor `ready` gets LOOP_READ|LOOP_WRITE once and
 * the watch ends; reading tells the error. The descriptor becomes non-blocking. */
void loop_poll_set(struct loop_poll *p, int events);
void loop_poll_destroy(struct loop_poll *p);

/* A signal keeps no loop alive. */
MUST_CHECK enum status loop_signal_create(struct loop_signal **out, struct loop *l, int signum,
                                          void (*raised)(void *arg, int signum), void *arg);
void loop_signal_destroy(struct loop_signal *s);

/* A hook runs `before` each wait; when it answers true the loop does not wait, and `after` is
 * called right after polling, every turn. It is what base/zport and "once per turn" work (a commit
 * of all that came in this turn) are made of. A hook keeps no loop alive. */
MUST_CHECK enum status loop_hook_create(struct loop_hook **out, struct loop *l,
                                        int (*before)(void *arg), void (*after)(void *arg),
                                        void *arg);
void loop_hook_destroy(struct loop_hook *h);

/* Work that blocks (a sync of a file), on a thread of its own: `work` there, which touches nothing
 * that others use meanwhile, then `done` on the loop, which it keeps alive. Started again only
 * after that. Destroy waits for `work` to return; `done` is not called any more. */
struct loop_work;
MUST_CHECK enum status loop_work_create(struct loop_work **out, struct loop *l,
                                        void (*work)(void *arg), void (*done)(void *arg),
                                        void *arg);
MUST_CHECK enum status loop_work_start(struct loop_work *w);
void loop_work_destroy(struct loop_work *w);

#endif
