/* outbox_settle - receipts; and what happens to a row after its receipt: seen by a person, or
 * offered again to a restored log. */
#include "agents/link/outbox_file.h"

#include "proto/base/banned.h"

#define AGAIN_ROWS 1024 /* of one transaction */

bool ob_is_waiting(struct outbox *o, uint64_t tag)
{
    sqlite3_stmt *q = use(o, Q_WAITING_HAS);
    bool yes;

    bind_u64(q, 1, tag);
    yes = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_reset(q);
    return yes;
}

static bool is_settled(struct outbox *o, uint64_t tag)
{
    sqlite3_stmt *q = use(o, Q_SETTLED);
    bool yes;

    bind_u64(q, 1, tag);
    yes = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_reset(q);
    return yes;
}

enum status outbox_settle(struct outbox *o, uint64_t tag, const struct outbox_outcome *oc)
{
    if (o->broken)
        return ST_IO;
    if (!lane_exists(outbox_tag_lane(tag)))
        return ST_NOTFOUND;
    if (pending_find_settle(&o->pending, tag))
        return ST_EXISTS;
    if (!ob_is_waiting(o, tag))
        return is_settled(o, tag) ? ST_EXISTS : ST_NOTFOUND;
    if (tagset_add(&o->flight, tag) != ST_OK)
        return ST_NOMEM;
    return pending_settle(&o->pending, tag, o->utc_us(o->arg), oc);
}

enum status outbox_seen(struct outbox *o, uint64_t tag)
{
    enum status st = outbox_commit(o);

    if (st == ST_OK)
        st = ob_begin(o);
    if (st != ST_OK)
        return st;
    sqlite3_bind_int64(use(o, Q_SEEN), 2, o->utc_us(o->arg));
    st = ob_step_tag(o, Q_SEEN, tag);
    if (st == ST_OK && !sqlite3_changes(o->db))
        st = ST_NOTFOUND;
    if (st == ST_OK) {
        ob_track_touch(o, tag)->refused--;
        st = ob_tracks_write(o);
    }
    return ob_end(o, st);
}

/* ST_NOTFOUND: nothing older is left. */
static enum status reopen_one(struct outbox *o, uint32_t log_epoch)
{
    sqlite3_stmt *q = use(o, Q_EARLIER);
    struct track *t;
    uint64_t tag = 0;
    int rc;

    sqlite3_bind_int64(q, 1, log_epoch);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        tag = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? ST_NOTFOUND : ob_translate(o, rc);
    t = ob_track_touch(o, tag);
    t->stored--;
    t->settled--;
    if (number_of(tag) < t->first)
        t->first = number_of(tag);
    return ob_step_tag(o, Q_SETTLED_DROP, tag);
}

/* One step of offering again; *more is false when nothing older is left. */
static enum status reopen_some(struct outbox *o, uint32_t log_epoch, bool *more)
{
    enum status st = ob_begin(o);

    if (st != ST_OK)
        return st;
    for (unsigned i = 0; i < AGAIN_ROWS && st == ST_OK; i++)
        st = reopen_one(o, log_epoch);
    *more = st != ST_NOTFOUND;
    if (st == ST_NOTFOUND)
        st = ST_OK;
    if (st == ST_OK)
        st = ob_tracks_write(o);
    if (st == ST_OK && !*more) {
        sqlite3_bind_int64(use(o, Q_LOG_EPOCH), 1, log_epoch);
        st = ob_step(o, Q_LOG_EPOCH);
    }
    return ob_end(o, st);
}

enum status outbox_offer_again(struct outbox *o, uint32_t log_epoch)
{
    bool more = true;
    enum status st = ST_OK;

    if (log_epoch <= o->log_epoch)
        return o->broken ? ST_IO : ST_OK;
    st = outbox_commit(o);
    while (st == ST_OK && more)
        st = reopen_some(o, log_epoch, &more);
    if (st == ST_OK)
        o->log_epoch = log_epoch;
    return st;
}
