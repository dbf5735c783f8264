/* downlink_parts - what the files of the downlink share; nobody else includes it. */
#ifndef EOCBUS_LINK_DOWNLINK_PARTS_H
#define EOCBUS_LINK_DOWNLINK_PARTS_H

#include "agents/link/downlink.h"
#include "agents/link/inbox.h"
#include "proto/base/list.h"

#define DOWNLINK_REFUSED_MS 30000u /* the same after a Fault that names no time */
#define DOWNLINK_AGAIN_MS   1000u  /* before a subscription that stopped is tried again */

enum sub_state {
    SUB_OUT,     /* the broker does not know it */
    SUB_ASKED,   /* Subscribe was sent */
    SUB_RUNNING, /* Subscribed came */
    SUB_WAITING, /* stopped; the timer asks again */
    SUB_TAKEN    /* somebody else has its durable name: over */
};

struct ear { /* a subscription on a line that stands by */
    bool listens;
    uint64_t again_us; /* a Fault ended it: not before; 0 = it may listen */
    uint32_t number;
    unsigned warnings, taken; /* as in struct sub */
    uint64_t acknowledge;
};

enum { UNDONE_MOST = 64, MAIN_LINE = DOWNLINK_LINES, ALL_LINES };

struct sub {
    struct list link;
    struct downlink *downlink; /* borrowed, owns us */
    enum sub_state state;
    uint32_t number;    /* in this session; a new one each time it is asked for */
    uint32_t log_epoch; /* of the log this run reads: its place and what it acknowledges are of it,
                           whatever epoch a message in it got its number in */
    char **patterns;
    unsigned pattern_count, credit;
    bool from_now, numbered_copies, to_me;
    bool wants_lasts;      /* last values; no more when all have been here */
    int64_t start_time_us; /* 0 = `start` */
    uint64_t upto;         /* 0 = no end */
    bool on_disk;          /* the place outlives us */
    uint64_t start;        /* where to begin without a place */
    char *durable_name;    /* NULL = none */
    /* Sessions that it was asked for in and that ended, and one before this program was started: a
     * broker, or a network, that is slow may come with such a Subscribe only now, and take the name
     * from ourselves. */
    unsigned left_behind;
    /* urgent_first: its family are the subscriptions made of one; the more urgent one before it has
     * to be through with its history. 0, NULL = alone. */
    uint32_t family;
    struct sub *more_urgent;
    Eocbus__V1__Lane lanes[5];
    size_t lane_count;
    bool caught_up;   /* in this run it heard the horizon: its history is done */
    bool has_credit;  /* in this run it was given some */
    uint64_t through; /* nothing that matches is missing up to here */
    void *arg;
    bool (*message)(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m);
    void (*horizon)(void *arg, uint64_t horizon);
    void (*withdrawn)(void *arg, const Eocbus__V1__Withdrawn *w);
    struct inbox *inbox;
    struct loop_timer *timer;
    uint64_t last_number; /* of the last delivery in this run; what `previous` must say */
    unsigned taken;       /* since credit was given */
    unsigned warnings;    /* provisional ones, since the last Acknowledge */
    uint64_t acknowledge; /* last number handed over, to be told after the commit; 0 = nothing */
    struct ear ears[DOWNLINK_LINES];
    struct loop_timer *ear_timer; /* the nearest of their again_us */
    /* Withdrawn lately: a provisional copy over another broker may come later than the withdrawal.
     */
    uint8_t undone[UNDONE_MOST][INBOX_KEY];
    unsigned undone_count;
    /* FLASH that came with its number lately: it is stored, and a withdrawal that names it is of
     * somebody else's message. */
    uint8_t numbered[UNDONE_MOST][INBOX_KEY];
    unsigned numbered_count;
};

struct downlink {
    struct downlink_settings set;
    struct list subs;
    unsigned sub_count;
    uint32_t next_number, next_family;
    bool in_session;
    bool ears_stand[DOWNLINK_LINES];
    struct arena *arena;
    enum proof proof; /* of what is being handed over */
    struct list held; /* downlink_hold.c */
    struct loop_timer *hold_timer;
};

enum { DOWNLINK_GROUPS = 4 };

/* `of`: the group of lanes, in words; "" = all. */
enum status downlink_add_sub(struct downlink *d, const struct agent_subscription *sub,
                             const char *of, struct sub **out, char *err, size_t err_size);
void downlink_destroy_sub(struct sub *s);
void downlink_ask_again(void *sub); /* on its timer */
/* urgent_first: one for each group of lanes, or none. */
enum status downlink_add_family(struct downlink *d, const struct agent_subscription *sub,
                                struct sub *made[DOWNLINK_GROUPS], char *err, size_t err_size);
bool downlink_may_have_credit(const struct sub *s);
/* The next of its family get credit when those before them are through. */
void downlink_let_next(struct downlink *d, const struct sub *s);
/* The least horizon of its family; 0 while one of them is not through. */
uint64_t downlink_family_horizon(struct downlink *d, const struct sub *s);

/* Of a subscription in its session; no two of ours are the same, whichever line they are on. */
uint32_t downlink_new_number(struct downlink *d);
void downlink_say_unsubscribe(struct downlink *d, unsigned line, uint32_t number);
/* False when the program cannot take it now. */
bool downlink_hand_over(struct sub *s, const Eocbus__V1__Delivery *m);
void downlink_take_withdrawal(struct sub *s, const Eocbus__V1__Withdrawn *w);
/* Listens where an ear stands and does not. */
void downlink_prick_up(struct sub *s);
void downlink_ear_again(void *sub); /* on its ear_timer */
/* Acknowledges what the ears heard. True if anything was sent. */
bool downlink_ears_flush(struct sub *s);

/* downlink_hold.c. True: its senders' keys are being asked for, and it was put aside. */
bool downlink_hold(struct downlink *d, unsigned line, const Eocbus__V1__Deliver *m);
void downlink_drop_held(struct downlink *d, unsigned line);
/* Takes what need not wait any more. */
void downlink_release(struct downlink *d);
void downlink_look_again(void *downlink); /* on its hold_timer */
void downlink_ask(struct downlink *d);
/* e NULL: it cannot be read. */
struct trust_verdict downlink_judge(struct downlink *d, const Eocbus__V1__Delivery *m,
                                    Eocbus__V1__Envelope *e);
/* What need not be held: on the main line, and on one that stands by. */
void downlink_take_deliver(struct downlink *d, const Eocbus__V1__Deliver *m);
void downlink_take_heard(struct downlink *d, unsigned line, const Eocbus__V1__Deliver *m);

/* Of this session; NULL if there is none, or it stopped. */
struct sub *downlink_find(struct downlink *d, uint32_t number);
/* Ends it at the broker and begins again behind the place, after a while. */
void downlink_begin_again(struct sub *s, unsigned wait_ms);

#endif
