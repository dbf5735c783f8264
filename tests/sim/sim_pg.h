/* sim_pg.h - the two halves of a connection to the simulated database, which only sim_pg.c (the
 * client's) and sim_server.c (the server's) look into. */
#ifndef EOCBUS_TESTS_SIM_PG_H
#define EOCBUS_TESTS_SIM_PG_H

#include "proto/base/pg.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

enum stage {
    B_IDLE,
    B_SENT,
    B_WAITING, /* for the lock of the head */
    B_COMMITTING,
    B_REPLICATING, /* written; nobody sees it before the standby has it, or the wait is cancelled */
    B_ANSWERED,
};

struct backend {
    struct list link; /* of all, in the order of their making */
    struct pg *client;
    struct node *node; /* whose broker it serves */
    int number;
    bool listens_log, listens_principals;
    enum stage stage;
    struct event next;
    const char *query;
    struct model_params params;
    struct model_txn txn;
    uint64_t lsn; /* of its commit */
    bool has_txn, warned, lose_answer;
    const char *error; /* sqlstate */
};

struct pg {
    struct pg_settings set;
    struct pg_exits exits;
    struct node *node;
    struct backend *backend;
    enum pg_state state;
    unsigned failures, step;
    struct event timer; /* pause, setup step */
    struct event deadline;
    struct event broken; /* the connection is gone, and this is when it is noticed */
    struct event notice; /* a notification under way */
    int notice_from;
    const char *notice_channel;
    const char *query;
    pg_done_fn done;
    void *done_arg;
};

uint64_t server_work_us(uint64_t least, uint64_t most); /* longer while it is stalled */
bool server_is_away(void);
struct backend *server_connect(struct pg *client);
void server_ask(struct backend *b, const char *query); /* with b->params */
void server_end_statement(struct backend *b);
/* Planted: the client has its answer, and the transaction goes on. The client's next backend. */
struct backend *server_split(struct backend *b);
/* The client is gone: what has begun goes on, what has not reached the server may never. */
void server_leave(struct backend *b);

void pg_hear(struct backend *b); /* the answer is at the client's end */

#endif
