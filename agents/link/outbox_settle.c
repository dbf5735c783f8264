/* outbox_settle - receipts; and refused rows that a person has seen. */
#include "agents/link/outbox_file.h"

#include "proto/base/banned.h"

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
