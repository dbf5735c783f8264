/* outbox_again - what is stored and kept is offered again to a restored log.
 *
 * A receipt of an older log epoch is dropped, and its row waits again. There may be 200,000 of
 * them, so alarms and what is urgent come first and whole, and the other lanes in steps, which
 * leave the file and the loop to others in between. A lane is closed until all of it is reopened:
 * its lowest number goes first. The file knows the new epoch when nothing older is left in it; who
 * is stopped before begins again.
 *
 * What the file holds of older epochs still stands in the log of the one it knows, so how far that
 * log is the same as the new one decides for all of it. */
#include "agents/link/outbox_file.h"

#include "proto/wire/log_past.h"
#include "proto/base/banned.h"

/* One transaction: about 10 ms and an fsync (2 GHz core). */
#define AGAIN_ROWS 1024

static bool is_under_way(const struct outbox *o)
{
    return o->again_epoch > o->log_epoch;
}

void ob_again_from_first(struct outbox *o)
{
    o->again_tag = tag_of(2, 0);
    o->closed_lanes = is_under_way(o) ? OUTBOX_ALL_LANES : 0;
}

/* ST_NOTFOUND: nothing older is left in the track. */
static enum status reopen_one(struct outbox *o, unsigned track)
{
    sqlite3_stmt *q = use(o, Q_EARLIER);
    struct track *t;
    uint64_t tag = 0;
    int rc;

    sqlite3_bind_int64(q, 1, o->again_epoch);
    bind_u64(q, 2, o->again_tag);
    bind_u64(q, 3, tag_of(track + 1, 0));
    bind_u64(q, 4, o->again_behind);
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
    o->again_tag = tag + 1;
    return ob_step_tag(o, Q_SETTLED_DROP, tag);
}

/* Some rows, across lanes: where little is kept, one step does it all. */
static enum status reopen_some(struct outbox *o)
{
    enum status st = ST_OK;

    for (unsigned rows = 0; rows < AGAIN_ROWS && st == ST_OK && track_of(o->again_tag) < TRACKS;) {
        unsigned track = track_of(o->again_tag);

        st = reopen_one(o, track);
        if (st == ST_NOTFOUND) {
            o->again_tag = tag_of(track + 1, 0);
            st = ST_OK;
        } else {
            rows++;
        }
    }
    if (st == ST_OK)
        st = ob_tracks_write(o);
    if (st == ST_OK && track_of(o->again_tag) == TRACKS) {
        sqlite3_bind_int64(use(o, Q_LOG_EPOCH), 1, o->again_epoch);
        st = ob_step(o, Q_LOG_EPOCH);
    }
    return st;
}

/* Lanes that lie before the place are reopened whole. */
static void open_lanes(struct outbox *o)
{
    unsigned track = track_of(o->again_tag);

    o->closed_lanes = OUTBOX_ALL_LANES & ~(OUTBOX_LANE(track / 2) - 1);
    if (track == TRACKS)
        o->log_epoch = o->again_epoch;
}

static enum status reopen_step(struct outbox *o)
{
    uint64_t from;
    enum status st = outbox_commit(o); /* it may mend the file, and we begin again */

    if (st == ST_OK)
        st = ob_begin(o);
    if (st != ST_OK)
        return st;
    from = o->again_tag;
    st = ob_end(o, reopen_some(o));
    if (st == ST_OK)
        open_lanes(o);
    else
        o->again_tag = from;
    return st;
}

enum status outbox_offer_more(struct outbox *o, bool *more)
{
    enum status st = ST_OK;

    if (is_under_way(o))
        st = reopen_step(o);
    *more = is_under_way(o);
    return st;
}

enum status outbox_offer_again(struct outbox *o, uint32_t log_epoch, const struct log_past *past,
                               bool *more)
{
    enum status st = ST_OK;

    if (log_epoch > outbox_log_epoch(o)) {
        uint64_t same_upto = past ? log_past_same_upto(past, o->log_epoch, log_epoch) : 0;

        o->again_epoch = log_epoch;
        o->again_behind = same_upto < INT64_MAX ? same_upto : INT64_MAX;
        ob_again_from_first(o);
    }
    *more = is_under_way(o);
    while (st == ST_OK && *more && (o->closed_lanes & OUTBOX_URGENT_LANES))
        st = outbox_offer_more(o, more);
    return o->broken ? ST_IO : st;
}
