/* outbox_track - what was given away, settled and dropped, by lane.
 *
 * A track is a lane's own rows, or the rows put raw into it (bit 55 of the tag: their numbers leave
 * no holes in the lane). Its row is written when something is settled or dropped, not by a put:
 * `last` may then lag behind and is made good from the largest key; `first`, below which nothing
 * waits, lets a search begin where the waiting rows are. */
#include "agents/link/outbox_file.h"

#include "agents/link/rowsum.h"
#include "proto/base/banned.h"

/* The row of a track may lag behind its messages; see the top. */
static uint64_t track_sum(unsigned track, const struct track *t)
{
    const uint64_t numbers[] = {
        track, t->last, t->first, (uint64_t)t->settled, (uint64_t)t->stored, (uint64_t)t->refused};
    uint64_t sum = 0;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sum = rowsum_number(sum, numbers[i]);
    return sum;
}

/* A `last` that is too low gives a place away twice, a `first` that is too high hides what waits: a
 * row that is not what was written counts as damage. */
static enum status read_track(struct outbox *o, sqlite3_stmt *q, struct track into[TRACKS])
{
    unsigned track = (unsigned)sqlite3_column_int(q, 0);

    if (track < 2 || track >= TRACKS)
        return ob_damage_found(o);
    into[track] = (struct track){
        .last = (uint64_t)sqlite3_column_int64(q, 1),
        .first = (uint64_t)sqlite3_column_int64(q, 2),
        .settled = sqlite3_column_int64(q, 3),
        .stored = sqlite3_column_int64(q, 4),
        .refused = sqlite3_column_int64(q, 5),
    };
    if (sqlite3_column_type(q, 6) == SQLITE_NULL ||
        (uint64_t)sqlite3_column_int64(q, 6) == track_sum(track, &into[track]))
        return ST_OK;
    return ob_damage_found(o);
}

static enum status catch_up(struct outbox *o, unsigned track, uint64_t *last)
{
    sqlite3_stmt *q = use(o, Q_LAST);
    int rc;

    if (o->end_unknown[track]) /* places are not given away any more, so it may lag behind */
        return ST_OK;
    bind_u64(q, 1, tag_of(track, 0));
    bind_u64(q, 2, tag_of(track + 1, 0));
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW && number_of((uint64_t)sqlite3_column_int64(q, 0)) > *last)
        *last = number_of((uint64_t)sqlite3_column_int64(q, 0));
    sqlite3_reset(q);
    if (!ob_is_damage(rc))
        return ob_translate(o, rc);
    o->end_unknown[track] = true;
    return ob_damage_found(o);
}

enum status ob_tracks_load(struct outbox *o, struct track into[TRACKS])
{
    sqlite3_stmt *q = use(o, Q_TRACKS);
    enum status st = ST_OK;
    int rc = SQLITE_DONE;

    while (st == ST_OK && (rc = sqlite3_step(q)) == SQLITE_ROW)
        st = read_track(o, q, into);
    sqlite3_reset(q);
    if (st == ST_OK)
        st = ob_translate(o, rc);
    for (unsigned track = 2; track < TRACKS && st == ST_OK; track++)
        st = catch_up(o, track, &into[track].last);
    return st;
}

enum status ob_tracks_know(struct outbox *o)
{
    int64_t version = ob_ask(o, Q_CHANGED, -1);
    enum status st;

    if (o->tracks_known && version == o->tracks_version)
        return ST_OK;
    st = ob_tracks_load(o, o->track);
    o->tracks_known = st == ST_OK;
    o->tracks_version = version;
    return st;
}

struct track *ob_track_touch(struct outbox *o, uint64_t tag)
{
    o->dirty[track_of(tag)] = true;
    return &o->track[track_of(tag)];
}

/* Moves `first` over what is settled by now. */
static enum status move_first(struct outbox *o, unsigned track)
{
    sqlite3_stmt *q = use(o, Q_WAITING);
    struct track *t = &o->track[track];
    int rc;

    if (o->damaged) /* it stays before what cannot be read */
        return ST_OK;
    bind_u64(q, 1, tag_of(track, t->first));
    bind_u64(q, 2, tag_of(track + 1, 0));
    rc = sqlite3_step(q);
    if (!ob_is_damage(rc))
        t->first = rc == SQLITE_ROW ? number_of((uint64_t)sqlite3_column_int64(q, 2)) : t->last + 1;
    sqlite3_reset(q);
    return ob_is_damage(rc) ? ob_damage_found(o) : ob_translate(o, rc);
}

enum status ob_tracks_write(struct outbox *o)
{
    for (unsigned track = 2; track < TRACKS; track++) {
        const struct track *t = &o->track[track];
        sqlite3_stmt *q = use(o, Q_TRACK_WRITE);
        enum status st;

        if (!o->dirty[track])
            continue;
        st = move_first(o, track);
        if (st != ST_OK)
            return st;
        sqlite3_bind_int(q, 1, (int)track);
        bind_u64(q, 2, t->last);
        bind_u64(q, 3, t->first);
        sqlite3_bind_int64(q, 4, t->settled);
        sqlite3_bind_int64(q, 5, t->stored);
        sqlite3_bind_int64(q, 6, t->refused);
        bind_u64(q, 7, track_sum(track, t));
        st = ob_step(o, Q_TRACK_WRITE);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}
