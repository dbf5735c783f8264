/* plan - which faults come when, how long, to whom; from a seed. The same settings and seed give
 * the same plan, whatever the machine then makes of it.
 *
 * Every kind that is possible comes about equally often, and each at least once if there is room.
 * Faults overlap, but no two at once are done to the same thing (a broker, the database, an
 * agent). */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_PLAN_H
#define EOCBUS_TESTS_FAULT_CHAOS_PLAN_H

#include <stddef.h>
#include <stdint.h>

enum fault_kind {
    BROKER_KILLED,    /* kill -9; started again */
    BROKER_FROZEN,    /* SIGSTOP */
    BROKER_ENDED,     /* SIGTERM; started again */
    BROKER_ALONE,     /* agents' connections to it stall: bytes neither come nor go */
    BROKER_CUT_OFF,   /* the same between it and the database */
    ANSWER_LOST,      /* its commit goes through, the answer and the connection are lost */
    BROKER_CLOCK,     /* its clock jumps */
    DATABASE_STOPPED, /* immediate shutdown */
    DATABASE_KILLED,  /* kill -9 of all its processes */
    DATABASE_FROZEN,  /* SIGSTOP of all its processes */
    DATABASE_FULL,    /* no room on its disk */
    DATABASE_POWER,   /* its power fails: what was not synced is gone */
    BACKENDS_ENDED,   /* pg_terminate_backend of every session of the brokers */
    OFFICE_KILLED,    /* kill -9 */
    OFFICE_FROZEN,    /* SIGSTOP */
    OFFICE_CUT_OFF,   /* every connection it has stalls */
    OFFICE_CUT,       /* every connection it has is reset, and again when it is healed */
    OFFICE_SLOW,      /* every chunk is late by a tenth to half a second */
    OFFICE_LOSSY,     /* packets are lost, doubled, late and overtaken (TUN relay) */
    OFFICE_DARK,      /* nothing passes, what is under way is lost (TUN relay) */
    OFFICE_FULL,      /* no room on its outbox's disk */
    OFFICE_POWER,     /* its power fails */
    OFFICE_CLOCK,     /* its clock jumps */
    LISTENER_KILLED,
    LISTENER_FROZEN,
    LISTENER_CUT_OFF,
    FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    unsigned victim;        /* number of the broker, office, listener; 0 = the only one */
    uint64_t at_ms, for_ms; /* from the beginning of the run */
    uint64_t number;        /* random, for what the kind makes of it */
};

struct plan_settings {
    uint64_t seed;
    unsigned faults;
    uint64_t span_ms; /* the last one is healed about then */
    unsigned brokers, offices, listeners;
    unsigned tun_office, small_disk_office, clock_office; /* the only victims of their kinds */
    unsigned clock_broker;
    uint32_t possible;   /* kinds, as bits */
    unsigned longest_ms; /* no fault lasts longer; 0 = 15 s */
};

struct kind_info {
    const char *name;
    enum { ON_BROKER, ON_DATABASE, ON_OFFICE, ON_LISTENER } whom;
    unsigned least_ms, most_ms; /* short ones are more frequent */
};
const struct kind_info *fault_kind_info(enum fault_kind kind);

/* `out` has room for set->faults; sorted by at_ms. */
void plan_make(const struct plan_settings *set, struct fault *out);

#endif
