/* chaos - what the processes of a run have in common: names, files, and a page of shared memory.
 *
 *   DIR/shared            struct shared
 *   DIR/pN.key pN.book    an office (sender) and its book; its outbox: DIR/pN.out, or on the small
 *                         disk DIR/small/pN.out
 *   DIR/lN.key lN.book lN.inbox   a listener
 *   DIR/bN/               a broker: its log, control socket, and the socket through which it finds
 *                         the database
 *   DIR/pg/               the database's disk (DIR/pg.img) */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_CHAOS_H
#define EOCBUS_TESTS_FAULT_CHAOS_CHAOS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OFFICES = 6,
    LISTENERS = 3,
    BROKERS = 3,
    TUN_OFFICE = 0,   /* behind a relay of packets */
    SMALL_OFFICE = 1, /* its outbox stands on a small disk of its own */
    CLOCK_OFFICE = 2, /* its clock can be set */
    CLOCK_BROKER = 2,
    ARCHIVE = 0, /* the listener that hears everything, FLASH again with its number */
    PLAIN = 1,   /* hears everything, FLASH once */
    DESK = 2,    /* hears what people write */
    PATH = 256,
    AGENT_FAILED = 3, /* exit code: its words are on standard error */
};
#define DESK_PATTERN "test.office.**"

struct shared {
    atomic_bool offices_end, listeners_end;
    atomic_uint rate; /* messages a second of each office */
    struct office_seen {
        atomic_ullong put, safe, stored, refused, waiting; /* since its process was started: put,
                                                              safe, stored, refused */
        atomic_ullong receipt_us;                          /* of the last one, CLOCK_MONOTONIC */
        atomic_ullong put_us;                              /* of the last put, likewise */
        atomic_ullong full;                                /* puts and commits that found no room */
    } office[OFFICES];
    struct listener_seen {
        atomic_ullong handed, seq, withdrawn;
        atomic_ullong handed_us;
    } listener[LISTENERS];
};

struct shared *shared_map(const char *dir, bool create); /* ends the process on failure */
uint64_t clock_us(void);                                 /* CLOCK_MONOTONIC */
void rest_ms(unsigned ms);

static inline const char *office_name(unsigned i, char out[32])
{
    const char digits[] = "0123456789";

    __builtin_memcpy(out, "office.p0", 10);
    out[8] = digits[i % 10];
    return out;
}

static inline const char *listener_name(unsigned i, char out[32])
{
    const char digits[] = "0123456789";

    __builtin_memcpy(out, "centre.l0", 10);
    out[8] = digits[i % 10];
    return out;
}

/* The processes themselves: chaos office|listener N DIR BROKER_KEY ENDPOINT... */
struct agent_words {
    unsigned number;
    const char *dir, *broker_key;
    char **endpoints;
    unsigned endpoint_count;
};
_Noreturn void run_office(const struct agent_words *words);
_Noreturn void run_listener(const struct agent_words *words);

#endif
