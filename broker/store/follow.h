/* follow - hands the log on in the order of its numbers, every number once, whoever stored it.
 *
 * What this broker committed goes straight on when it is the next number. If another broker got in
 * between, the missing numbers, and ours with them, are read from the database: nothing is kept in
 * memory to wait for its turn. */
#ifndef EOCBUS_BROKER_STORE_FOLLOW_H
#define EOCBUS_BROKER_STORE_FOLLOW_H

#include "broker/parcel.h"
#include "broker/store/store.h"

struct follow_exits {
    void *arg;
    void (*next)(void *arg, struct parcel **take);
    /* Read a page of the log, as replay_page; is asked again at the next follow_seen if it fails.
     */
    enum status (*read)(void *arg, uint64_t after, uint64_t upto, store_page_fn page,
                        void *page_arg);
};

struct follow {
    struct follow_exits exits;
    uint64_t handed; /* last number given to next() */
    uint64_t head;   /* last number known to be in the log */
    uint32_t log_epoch;
    bool is_started, is_reading, is_handing;
    bool is_stale; /* the page under way is of another epoch */
    bool is_ahead; /* the log holds a newer epoch, which follow_seen will name: nothing is handed on
                    */
};

void follow_init(struct follow *f, const struct follow_exits *exits);
/* The log is at `head` of `log_epoch`. The first time sets where following begins; another epoch
 * begins anew. Reads what is missing. */
void follow_seen(struct follow *f, uint32_t log_epoch, uint64_t head);
/* A commit of ours: takes the parcels (stored ones ascending; others are dropped). */
void follow_own(struct follow *f, struct list *parcels, uint64_t before, uint64_t head);

#endif
