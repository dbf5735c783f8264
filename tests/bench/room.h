/* room - a dispatchers' room for benchmarks: a real broker, PostgreSQL and console, persons who are
 * each signed in under their own name with their own rights (role dispatcher), one page of each
 * open (tab.h), one sender of ordinary load (load.h: batches of readings, one message in a hundred
 * an incident) and one of alarms, a detection every 250 ms.
 *
 * It says on standard output what it is doing. What takes longer than its bound ends the program
 * with a sentence, and with it everything it has started. */
#ifndef EOCBUS_TESTS_BENCH_ROOM_H
#define EOCBUS_TESTS_BENCH_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/load.h"
#include "tests/bench/samples.h"
#include "tests/bench/tab.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/page.h"

enum { ROOM_PERSONS = 100, ROOM_NAME = 64 };

struct room_settings {
    unsigned persons, elsewhere; /* how many there are; of them without a page here */
    unsigned seconds, rate;      /* of ordinary load: messages a second */
    bool busy; /* the database holds ten years and 10,000 open things (sql/tests) */
    /* Every turn, for whoever has something of his own to look after; NULL: nobody. */
    void *arg;
    void (*turn)(void *arg);
};

struct room {
    struct room_settings set;
    struct bus *bus;
    struct page *page;
    struct loop *loop;
    struct zctx *z;
    struct load load;
    struct client alarms;
    char names[ROOM_PERSONS][ROOM_NAME], cookies[ROOM_PERSONS][TAB_COOKIE];
    struct tab tabs[ROOM_PERSONS];
    unsigned open; /* tabs */
    bool is_paced; /* load and alarms are under way */
    uint64_t began_us, said_alarms;
    struct samples flash, queue;
};

/* Everything stands, everybody is signed in and sees the queue; nothing is said yet. The persons
 * without a page here are the first ones. */
void room_open(struct room *r, const struct room_settings *set);
/* Says what happens next, and how long it may take. */
void room_doing(unsigned bound_s, const char *what);
void room_turn(struct room *r, unsigned wait_ms);
/* Load and alarms for set.seconds, then until each page here has heard each alarm or ten seconds
 * have gone. */
void room_measure(struct room *r);
/* Machine, settings, and what the pages here measured. */
void room_print(struct room *r);
void room_close(struct room *r);

#endif
