/* sim - brokers, agents, links and the database in one process, on simulated time, from a seed.
 *
 * Everything that happens is an event on one heap, ordered by time and then by when it was planned.
 * A step takes the earliest event and runs it inside the node it belongs to; nothing else makes
 * time pass. Product code is linked whole; in place of its seams stand
 *
 *   proto/base/loop     sim_loop.c   timers and hooks on the heap
 *   proto/base/zport    sim_net.c    connections with delay, cuts, partitions, full queues; ZAP
 *   proto/base/pg     sim_pg.c, sim_server.c  connections to model.c, which answers like
 *                                    sql/queries
 *   SQLite's files      sim_disk.c   disks that lose what was not synced
 *   keys, control socket, commits of outbox and inbox  sim_seams.c
 *
 * Nothing iterates in the order of pointers or asks a real clock: a seed gives one run. */
#ifndef EOCBUS_TESTS_SIM_H
#define EOCBUS_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "broker/config.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

enum { BROKERS_MOST = 3, AGENTS_MOST = 6, NODES_MOST = BROKERS_MOST + AGENTS_MOST };

#define SIM_UTC_US INT64_C(1778788991000000) /* 2026-05-14T20:03:11Z */
#define SECOND_US  UINT64_C(1000000)

/* --- randomness: a stream per concern, so that one does not shift the others ------------------ */
struct rng {
    uint64_t state;
};
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0..n-1; 0 when n is 0 */
bool rng_chance(struct rng *r, unsigned per_mille);

/* --- events ----------------------------------------------------------------------------------- */
struct node;
struct event {
    uint64_t at_us, order;
    size_t place; /* in the heap, + 1; 0 = not planned */
    void (*fire)(struct event *e);
    struct node *node; /* waits while this one is stalled; NULL = the world's */
    const char *what;  /* static, for the trace */
};
void sim_plan(struct event *e, uint64_t delay_us); /* again: moves it */
void sim_cancel(struct event *e);
void sim_touch(struct node *n); /* it has done something: the end of its turn follows */

/* --- protocol steps and faults ---------------------------------------------------------------- */
/* Steps 1..14 are the frames of session.proto by field number; then what a broker asks PostgreSQL.
 */
enum step {
    STEP_IDLE,
    STEP_UNSUBSCRIBE = 8,
    STEP_APPEND_SENT = 15,
    STEP_APPEND_WAITING, /* for the lock of the head */
    STEP_APPEND_COMMITTING,
    STEP_APPEND_REPLICATING, /* written; waits for the standby */
    STEP_APPEND_ANSWERED,    /* committed, the answer is under way */
    STEP_PAGE,
    STEP_HEAD,
    STEP_PRINCIPALS,
    STEP_SETUP,
    STEP_HANDSHAKE,
    STEPS
};
extern const char *const step_names[STEPS];

enum fault_kind {
    FAULT_CUT,          /* a connection breaks */
    FAULT_PARTITION,    /* nothing passes between one agent and one broker */
    FAULT_BROKER_CRASH, /* kill -9 */
    FAULT_BROKER_STOP,  /* SIGTERM */
    FAULT_BROKER_STALL, /* SIGSTOP */
    FAULT_AGENT_CRASH,
    FAULT_AGENT_STALL,
    FAULT_POWER_CUT,  /* an agent's machine: what was not synced is gone, or a part of it */
    FAULT_OUTBOX_NEW, /* the agent's disk is replaced: a new outbox, a new epoch */
    FAULT_DB_AWAY,
    FAULT_DB_STALL,
    FAULT_RESTORE, /* a backup comes back: the end of the log is gone, and its epoch is raised */
    FAULT_PROMOTE, /* the primary is lost, and its standby takes over with what it got */
    FAULT_STANDBY_LAGS, /* the standby hears nothing */
    FAULT_DB_RESET,     /* every connection of one broker breaks */
    FAULT_ANSWER_LOST,  /* the next commit happens and its answer does not come */
    FAULT_DB_ERROR,     /* the next commit fails for a reason of PostgreSQL's own */
    FAULT_DB_WARNING,   /* the next commit comes with a warning */
    FAULT_NOTIFY_LOST,
    FAULT_CLOCK_STEP,
    FAULT_REVOKE, /* a principal is revoked and comes back */
    FAULT_FLOOD,  /* an agent puts until its outbox is full */
    FAULT_DEAF,   /* a listener's program takes nothing for a while */
    FAULTS
};
extern const char *const fault_names[FAULTS];

struct fault {
    uint64_t at_us, for_us;
    enum fault_kind kind;
    unsigned broker, agent;
    uint64_t dice;
    enum step aim;   /* strikes when this is under way somewhere, or 10 s later; idle = at once */
    bool is_patient; /* ... or never */
    bool is_dropped; /* by the search for the shortest trace */
};
enum { FAULTS_MOST = 128 };

/* Bugs that may be planted in the seams, to see them caught. */
enum plant {
    PLANT_NONE,
    PLANT_ACK_BEFORE_COMMIT, /* PostgreSQL answers before it has committed */
    PLANT_NO_DEDUP,          /* append stores what was stored before */
    PLANT_CURSOR_BEYOND,     /* the inbox moves one further than what was handed over */
    PLANT_CREDIT_IGNORED,    /* egress sends without credit */
    PLANT_STALE_SESSION,     /* rows stay in flight when their session is gone */
    PLANT_REFUSAL_NOT_KEPT,  /* quarantine rows are lost */
    PLANT_EPOCH_IGNORED,     /* append knows duplicates without the outbox's epoch */
    PLANT_LINK_REORDERS,     /* frames overtake each other on one connection */
    PLANT_SETTLE_UNSYNCED,   /* receipts are told before the outbox has them */
    PLANT_OUTBOX_NORMAL,     /* outbox and inbox with synchronous=NORMAL */
    PLANT_NO_BARRIER,        /* what is only repeated does not wait for the standby */
    PLANT_LOCK_HELD,         /* the lock of the head spans the way to the broker */
    PLANT_PLAIN_SEQUENCE,    /* numbers are given without the lock, and not in commit order */
    PLANT_EXPIRED_FIRED,     /* neither append nor who acts looks whether its time is over */
    PLANT_FLASH_BEHIND,      /* an outbox offers what is urgent when nothing else waits */
    PLANT_TIMELINE_UNSEEN,   /* a promotion is not noticed by the log */
    PLANT_LANE_GATE_OPEN,    /* ingress takes what stands behind a message it turned away */
    PLANTS
};
extern const char *const plant_names[PLANTS];

/* --- what the parent reads of a run ----------------------------------------------------------- */
struct sim_result {
    uint64_t seed, steps, hash, end_us;
    uint64_t put, stored, told, repeated, refused, delivered, crashes, sessions, full;
    uint64_t reached[STEPS][FAULTS];
    uint64_t fault_count, faults_struck;
    struct fault faults[FAULTS_MOST];
    bool is_violated, is_done;
    char violation[512];
};

/* --- the world -------------------------------------------------------------------------------- */
struct loop;
struct zport;
struct agent;
struct broker;

/* Behind the primary: commits wait for it, or do not, so that a promotion may lose some. */
enum standby { STANDBY_NONE, STANDBY_SYNC, STANDBY_ASYNC };

enum node_kind { NODE_BROKER, NODE_AGENT };
enum { SUBS_MOST = 2, FLASHES_MOST = 512 };

struct heard { /* one subscription of an agent */
    struct node *node;
    const char *pattern;
    bool on_disk;
    uint64_t last, committed;            /* numbers handed over; the place that a crash leaves */
    uint32_t log_epoch, committed_epoch; /* of the logs they are numbers of */
    uint32_t asked; /* its subscription where all of it is to come from; 0 = nowhere just now */
};

struct node {
    enum node_kind kind;
    unsigned index; /* among its kind */
    char name[32];
    bool is_up, is_stopping;
    uint64_t stalled_until_us, deaf_until_us;
    int64_t clock_us; /* its UTC minus ours */
    struct loop *loop;
    struct event turn, restart;

    struct broker *broker;
    struct config config;

    struct agent *agent;
    char outbox_path[96], inbox_path[96];
    bool is_revoked;
    size_t outbox_budget;
    const char *profile;
    struct event load;
    struct heard heard[SUBS_MOST];
    unsigned heard_count;
    unsigned outboxes; /* made so far */

    uint64_t flash[FLASHES_MOST]; /* on their way, by tag */
    unsigned flash_count;
    uint64_t busy_us, full_us; /* when one was turned away; when a connection took nothing */
    uint64_t ahead_us;         /* when it warned ahead of a turn, and no Busy came since; or 0 */
};

struct sim {
    uint64_t seed, now_us, order;
    struct event **heap;
    size_t heap_count, heap_cap;
    struct rng net, db, load, node_rng, turn;
    struct node node[NODES_MOST];
    unsigned brokers, agents, nodes;
    struct node *current;
    bool is_crashing; /* of `current`: nothing leaves it any more */
    bool is_calm;     /* faults are over */
    uint64_t faults_end_us;
    unsigned queue_cap;
    uint64_t blocked_until_us[BROKERS_MOST][AGENTS_MOST];
    enum plant plant;
    enum standby standby;
    bool is_loud;
    char folder[64];
    struct sim_result *result;
    FILE *record; /* every append that was committed, for tests/integration/model_test; or NULL */
};
extern struct sim sim;

/* The first one counts; the run ends at the next step. */
void sim_violate(const char *fmt, ...) PRINTF_LIKE(1, 2);
void sim_say(const char *fmt, ...) PRINTF_LIKE(1, 2); /* a line of the trace, when loud */
void sim_note(uint64_t value);                        /* into the hash of the run */
int64_t sim_utc_us(const struct node *n);             /* NULL: the database's clock */
bool sim_step(void);                                  /* false: nothing is planned */

struct node *sim_broker(unsigned i);
struct node *sim_agent(unsigned i);

/* sim_loop.c */
void sim_loop_turn(struct loop *l);
bool sim_loop_is_stopped(const struct loop *l);
void sim_loop_signal(struct loop *l, int signum);

/* sim_net.c */
void net_reset(void);
void net_cut(struct node *agent, struct node *broker, uint64_t dice); /* either may be NULL */
void net_mark_steps(const struct node *n, bool out[STEPS]);           /* what is under way */

/* sim_server.c */
void db_reset(void);
void db_away(uint64_t for_us);
void db_stall(uint64_t for_us);
void db_cut(const struct node *broker);
void db_spoil(enum fault_kind how);
void db_mute(uint64_t for_us);
void db_restore(uint64_t dice);
void db_promote(uint64_t dice);
void db_lag(uint64_t for_us);
void db_principals_changed(void);
void db_mark_steps(const struct node *n, bool out[STEPS]);

/* sim_disk.c */
void disk_register(void); /* SQLite has its files there from now on */
void disk_reset(void);
void disk_remove(const char *name);
/* The machine with the files whose names begin so has lost its power, and its programs are gone. */
void disk_cut_power(const char *path, uint64_t dice);

/* world.c */
void world_build(void);
void world_end(void);
void node_start(struct node *n);
void node_crash(struct node *n, uint64_t down_us);
void agent_flood(struct node *n);
void agent_replace_outbox(struct node *n);
void agent_cut_power(struct node *n, uint64_t down_us, uint64_t dice);

/* faults.c */
void faults_plan(struct sim_result *r);
void faults_schedule(struct sim_result *r);
/* A step of the protocol is under way for window_us, between these two (NULL: the database). Called
 * for every frame and every stage of a statement: this is what faults are aimed with. */
void faults_see(enum step step, struct node *agent, struct node *broker, uint64_t window_us);

#endif
