/* sim_seams - the small seams: keys without files, no control socket, commits that the checks hear
 * of and that a crash cuts off. The __wrap_ functions take the place of the product's at link time
 * (--wrap), which stands behind as __real_. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "agents/link/inbox.h"
#include "agents/link/outbox.h"
#include "broker/admin/admin.h"
#include "broker/egress/window.h"
#include "broker/ingress/session.h"
#include "proto/base/keys.h"
#include "proto/base/utc.h"
#include "tests/sim/check.h"

/* --- no control socket ------------------------------------------------------------------------ */

enum status admin_create(struct admin **out, struct loop *l, const char *path,
                         const struct admin_exits *exits, char *err, size_t err_size)
{
    (void)l, (void)path, (void)exits, (void)err, (void)err_size;
    *out = NULL;
    return ST_OK;
}

void admin_destroy(struct admin *a)
{
    (void)a;
}

/* --- keys by name ----------------------------------------------------------------------------- */

enum status __wrap_keys_load(struct keys *out, const char *path, char *err, size_t err_size);

enum status __wrap_keys_load(struct keys *out, const char *path, char *err, size_t err_size)
{
    uint8_t key[KEY_BYTES];

    (void)err, (void)err_size;
    check_key(key, path);
    keys_z85_encode(out->public_z85, key);
    keys_z85_encode(out->secret_z85, key);
    return ST_OK;
}

/* --- commits ---------------------------------------------------------------------------------- */

enum status __real_outbox_commit(struct outbox *o);
enum status __wrap_outbox_commit(struct outbox *o);
enum status __real_inbox_commit(struct inbox *in);
enum status __wrap_inbox_commit(struct inbox *in);
void __real_inbox_move(struct inbox *in, uint32_t log_epoch, uint64_t seq);
void __wrap_inbox_move(struct inbox *in, uint32_t log_epoch, uint64_t seq);
enum status __wrap_outbox_next(struct outbox *o, unsigned lanes, unsigned max_rows,
                               size_t max_bytes,
                               bool (*each)(void *arg, const struct outbox_row *row), void *arg);
void __real_outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight);
void __wrap_outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight);
void __real_outbox_nothing_in_flight(struct outbox *o);
void __wrap_outbox_nothing_in_flight(struct outbox *o);
bool __real_window_is_open(const struct window *w, size_t gathered_bytes);
bool __wrap_window_is_open(const struct window *w, size_t gathered_bytes);
bool __real_lane_gate_lets(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us);
bool __wrap_lane_gate_lets(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us);

enum status __wrap_outbox_commit(struct outbox *o)
{
    enum status st;

    if (sim.is_crashing)
        return ST_OK; /* it never came to that */
    if (sim.plant == PLANT_SETTLE_UNSYNCED && rng_chance(&sim.turn, 500)) {
        check_committed(sim.current, true);
        return ST_OK;
    }
    st = __real_outbox_commit(o);
    if (st != ST_AGAIN)
        check_committed(sim.current, st == ST_OK);
    return st;
}

enum status __wrap_inbox_commit(struct inbox *in)
{
    struct node *n = sim.current;
    enum status st;

    if (sim.is_crashing)
        return ST_OK;
    st = __real_inbox_commit(in);
    for (unsigned i = 0; st == ST_OK && i < n->heard_count; i++) {
        n->heard[i].committed = n->heard[i].last;
        n->heard[i].committed_epoch = n->heard[i].log_epoch;
    }
    return st;
}

void __wrap_inbox_move(struct inbox *in, uint32_t log_epoch, uint64_t seq)
{
    bool beyond = sim.plant == PLANT_CURSOR_BEYOND && rng_chance(&sim.turn, 20);

    __real_inbox_move(in, log_epoch, seq + beyond);
}

enum status __wrap_outbox_next(struct outbox *o, unsigned lanes, unsigned max_rows,
                               size_t max_bytes,
                               bool (*each)(void *arg, const struct outbox_row *row), void *arg)
{
    return check_next(o, lanes, max_rows, max_bytes, each, arg);
}

void __wrap_outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight)
{
    check_in_flight(sim.current, tag, in_flight);
    __real_outbox_in_flight(o, tag, in_flight);
}

void __wrap_outbox_nothing_in_flight(struct outbox *o)
{
    check_in_flight(sim.current, 0, false);
    if (sim.plant != PLANT_STALE_SESSION)
        __real_outbox_nothing_in_flight(o);
}

bool __wrap_window_is_open(const struct window *w, size_t gathered_bytes)
{
    return sim.plant == PLANT_CREDIT_IGNORED || __real_window_is_open(w, gathered_bytes);
}

bool __wrap_lane_gate_lets(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us)
{
    return sim.plant == PLANT_LANE_GATE_OPEN || __real_lane_gate_lets(g, epoch, lane_seq, now_us);
}

/* --- settings of the files -------------------------------------------------------------------- */

int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **),
                        void *arg, char **err);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **),
                        void *arg, char **err);

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **),
                        void *arg, char **err)
{
    int rc = __real_sqlite3_exec(db, sql, row, arg, err);

    if (sim.plant == PLANT_OUTBOX_NORMAL && strstr(sql, "synchronous=FULL"))
        (void)__real_sqlite3_exec(db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    return rc;
}

/* --- the time in log lines -------------------------------------------------------------------- */

int __wrap_clock_gettime(clockid_t id, struct timespec *out);

int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
    int64_t utc_us = sim_utc_us(sim.current);

    (void)id;
    out->tv_sec = utc_us / 1000000;
    out->tv_nsec = utc_us % 1000000 * 1000;
    return 0;
}

/* Of three machines the first keeps its clock, the second has lost what kept it, the third does not
 * say. What they claim is not always true: clocks are set by anybody here. */
void utc_ask(struct utc_state *out)
{
    unsigned which = sim.current ? sim.current->index % 3 : 0;

    *out = (struct utc_state){.is_known = which != 2, .is_kept = which == 0, .err_ms = 20};
}

ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_u64(&sim.node_rng);
    return (ssize_t)len;
}
