/* store_world - a store with a server of its own and somebody who counts what it says. */
#ifndef EOCBUS_TESTS_LIB_STORE_WORLD_H
#define EOCBUS_TESTS_LIB_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/store/store.h"
#include "proto/base/loop.h"
#include "tests/lib/patience.h"
#include "tests/lib/pgserver.h"

enum { SENDERS = 4 };

struct world {
    struct pgserver *pg;
    const char *conninfo; /* of the stores that are made from now on; NULL = of pg */
    struct loop *loop;
    struct store *store;
    bool here;
    unsigned away; /* times it went */
    unsigned settled, stored, repeated, refused, batches, principals;
    uint64_t last_seq;  /* of the last settled parcel */
    unsigned again;     /* given back */
    uint32_t log_epoch; /* the last one that was told as new; 0 = none was */
    char last_code[32], last_text[320];
    uint64_t next_count, next_last;
    bool next_in_order;
    uint64_t lane_seq[SENDERS]; /* last one made */
    uint64_t lane_settled[SENDERS];
    bool lanes_in_order;
    /* for the tests' own callbacks */
    void (*on_again)(const struct parcel *p); /* NULL: it is only counted */
    unsigned page_rows, pages;
    uint64_t page_last, page_end;
    size_t page_bytes;
    enum status page_status;
    bool is_drained;
    char name[65];
};

struct world *world_open(void); /* PostgreSQL is here */
void world_close(struct world *w);
/* A store gives a commit up after commit_ms and sends it again: then some of what a test counts as
 * stored is repeated. Where that is not what is tested it has the time that a disk may take that
 * somebody else is busy with. */
enum { PATIENT_MS = 30000 };
struct store *world_store(struct world *w, unsigned commit_ms);
/* Content is any text. */
struct parcel *world_parcel(struct world *w, int sender, uint64_t lane_seq, const char *text);
void world_submit(struct world *w, struct parcel *p);

/* Turns the loop until the condition holds, or fails the test after two minutes. */
#define TURN_UNTIL(w, condition) WAIT_UNTIL(condition, 120, loop_turn((w)->loop, 20), "in vain")

#endif
