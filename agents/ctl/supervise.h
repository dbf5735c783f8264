/* supervise - children of one program: started, restarted when they die, stopped in order.
 *
 * A small loop of its own around waitpid and a signalfd: what it does is start, wait, stop, and
 * setting up needs to wait in the middle of straight code (supervise_turn). A child that is kept is
 * started again after 100 ms, doubling to 2 s; ten quiet seconds forget the past. A child cannot
 * outlive us: the kernel sends it `death_signal` when we are gone, however we went. */
#ifndef EOCBUS_CTL_SUPERVISE_H
#define EOCBUS_CTL_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/base/status.h"

struct supervise;

struct supervise_spec {
    const char *name;        /* for people; copied */
    const char *const *argv; /* argv[0] is the path of the program; NULL-terminated; copied */
    const char *log_path; /* standard error (and output, unless inherited) go there, appended; NULL
                             = ours */
    bool inherit_stdout;
    bool keep;                 /* start again when it ends */
    int stop_signal;           /* asks it to end; 0 = SIGTERM */
    int death_signal;          /* when we die; 0 = SIGKILL */
    void (*before)(void *arg); /* called before each start; may be NULL */
    void *arg;
};

enum { SUPERVISE_CHILDREN_MAX = 64 };

/* Blocks SIGCHLD, SIGINT, SIGTERM and SIGHUP in this process; they are read in supervise_turn.
 * `tell` hears a sentence whenever a child died or was started again. */
MUST_CHECK enum status supervise_create(struct supervise **out, void (*tell)(const char *sentence));
/* Stops what still runs, last started first. */
void supervise_destroy(struct supervise *s);

/* Starts it; *child names it from then on. ST_FULL: too many. ST_IO: no process could be made. */
MUST_CHECK enum status supervise_start(struct supervise *s, const struct supervise_spec *spec,
                                       int *child);
/* One turn: waits at most wait_ms for a death or a signal, then starts what is due. False once
 * somebody asked us to end (SIGINT, SIGTERM, SIGHUP). */
bool supervise_turn(struct supervise *s, unsigned wait_ms);
/* Forgets the signal, so that what is left can be done in order. */
void supervise_ignore_signals(struct supervise *s);

/* True once a child that is not kept has ended: *code is its exit status, or 128 + signal. Its
 * place may be taken by the next start. */
bool supervise_ended(struct supervise *s, int child, int *code);
pid_t supervise_pid(const struct supervise *s, int child); /* 0 = not running now */
unsigned supervise_restarts(const struct supervise *s, int child);
/* Asks it to end, waits at most limit_ms, then kills it. It is not started again. */
void supervise_stop(struct supervise *s, int child, unsigned limit_ms);

/* Milliseconds on a clock that only goes forward. */
uint64_t supervise_now_ms(void);

#endif
