/* outbox_room - the budget, and what is dropped to stay within it.
 *
 * Of the budget, a share is for the WAL (checkpointed when it reaches that size), a ballast file as
 * large as that share, and the rest for the file itself, whose last sixteenth only settling may
 * use. A put that finds no room drops the oldest stored rows; what waits, and what was refused and
 * not seen, is never dropped. */
#include "agents/link/outbox_file.h"

#include <stdio.h>

#include "proto/base/banned.h"

#define TIDY_ROWS 256
/* Room is measured anew when this little is left of the last measure, and now and then. */
#define ROOM_PLENTY  (1024u * 1024)
#define ROOM_COMMITS 64u

/* Shares of the budget; see the top of this file. */
void ob_room_share(struct outbox *o, size_t budget, size_t *ballast)
{
    size_t wal, file;

    if (budget < 1048576)
        budget = 1048576;
    wal = budget / 8 < 4194304 ? budget / 8 : 4194304;
    *ballast = wal + 65536;
    if (*ballast < 2 * (size_t)PENDING_BYTES)
        *ballast = 2 * (size_t)PENDING_BYTES;
    /* The log may pass its share by one transaction before it is folded back. */
    file = budget - wal - PENDING_BYTES - *ballast;
    o->wal_pages = (unsigned)(wal / PAGE_BYTES);
    o->max_pages = (unsigned)(file / PAGE_BYTES);
    o->put_pages = o->max_pages - o->max_pages / 16 - 4;
}

unsigned ob_used_pages(struct outbox *o)
{
    int64_t pages = ob_ask(o, Q_PAGES, 0) - ob_ask(o, Q_FREE, 0);

    return pages > 0 ? (unsigned)pages : 0;
}

size_t ob_room_of(size_t len)
{
    if (len < 1000)
        return len + len / 4 + 64;
    return (len / (PAGE_BYTES - 12) + 2) * PAGE_BYTES;
}

void ob_room_measure(struct outbox *o)
{
    unsigned used;

    if (o->room_bytes > ROOM_PLENTY && ++o->room_age < ROOM_COMMITS)
        return;
    o->room_age = 0;
    used = ob_used_pages(o);
    o->room_bytes = used < o->put_pages ? (size_t)(o->put_pages - used) * PAGE_BYTES : 0;
}

/* Drops up to `rows` rows that were stored, or refused and seen, before cutoff_us. */
static enum status drop_settled(struct outbox *o, int64_t cutoff_us, unsigned rows,
                                unsigned *dropped)
{
    enum status st = ST_OK;

    for (*dropped = 0; *dropped < rows && st == ST_OK; ++*dropped) {
        sqlite3_stmt *q = use(o, Q_OLDEST);
        int rc, state;
        uint64_t tag;

        sqlite3_bind_int64(q, 1, cutoff_us);
        rc = sqlite3_step(q);
        tag = (uint64_t)sqlite3_column_int64(q, 0);
        state = sqlite3_column_int(q, 1);
        sqlite3_reset(q);
        if (rc != SQLITE_ROW)
            return ob_translate(o, rc);
        ob_track_touch(o, tag)->stored -= state == OUTBOX_STORED;
        st = ob_step_tag(o, Q_MESSAGE_DROP, tag);
        if (st == ST_OK)
            st = ob_step_tag(o, Q_SETTLED_DROP, tag);
    }
    return st;
}

enum status ob_drop_stored(struct outbox *o, unsigned *dropped)
{
    enum status st = ob_begin(o);

    *dropped = 0;
    if (st != ST_OK)
        return st;
    st = drop_settled(o, INT64_MAX, TIDY_ROWS, dropped);
    if (st == ST_OK)
        st = ob_tracks_write(o);
    return ob_end(o, st);
}

static void refuse_full(struct outbox *o, struct refusal *why, const char *what)
{
    ob_say(o, "%s", what);
    if (!why)
        return;
    why->code = CODE_SIZE;
    why->path[0] = '\0';
    snprintf(why->text, sizeof(why->text), "%s", what);
}

/* Drops the oldest stored rows until there is room, or nothing more to drop. */
static enum status drop_for_room(struct outbox *o, size_t bytes)
{
    unsigned dropped = 1;
    enum status st = ST_OK;

    while (st == ST_OK && dropped && o->room_bytes < bytes && !pending_put_count(&o->pending)) {
        st = drop_settled(o, INT64_MAX, TIDY_ROWS, &dropped);
        if (st == ST_OK)
            st = ob_tracks_write(o);
        st = ob_end(o, st);
        o->room_bytes = 0; /* measured anew by ob_begin */
        if (st == ST_OK)
            st = ob_begin(o);
    }
    return st;
}

/* The disk is full, and perhaps it is this outbox that fills it: what is stored and only kept gives
 * its room back to the disk. Else an outbox alone on its disk would fill it once and never speak
 * again. */
static enum status regain_ballast(struct outbox *o)
{
    unsigned dropped = 1;
    enum status st = ST_OK;

    while (st == ST_OK && dropped && !ballast_take(&o->ballast) &&
           !pending_put_count(&o->pending)) {
        st = drop_settled(o, INT64_MAX, TIDY_ROWS / 8, &dropped);
        if (st == ST_OK)
            st = ob_tracks_write(o);
        st = ob_end(o, st);
        ob_shrink(o);
        o->room_bytes = 0;
        if (st == ST_OK)
            st = ob_begin(o);
    }
    return st == ST_OK && !ballast_take(&o->ballast) ? ST_FULL : st;
}

enum status ob_room_make(struct outbox *o, size_t len, struct refusal *why)
{
    /* An alarm takes of the room that the ballast gave back: it is small, and there are few. */
    enum status st = o->puts_flash ? ST_OK : regain_ballast(o);

    if (st == ST_FULL)
        refuse_full(o, why,
                    "the disk under the outbox is full: nothing more is taken until there is room");
    if (st != ST_OK)
        return st;
    st = drop_for_room(o, ob_room_of(len));
    if (st != ST_OK || o->room_bytes >= ob_room_of(len))
        return st;
    refuse_full(
        o, why,
        "the outbox has reached its budget (outbox.budget) and nothing in it is stored yet: "
        "bring the link up or allow more");
    return ST_FULL;
}

enum status outbox_tidy(struct outbox *o)
{
    unsigned dropped = 0;
    enum status st = outbox_commit(o);

    if (st == ST_OK && o->damaged)
        return ST_OK; /* dropping moves rows between pages: leave them as they are */
    (void)ballast_take(&o->ballast);
    if (st == ST_OK)
        st = ob_begin(o);
    if (st != ST_OK)
        return st;
    st = drop_settled(o, o->utc_us(o->arg) - o->keep_us, TIDY_ROWS, &dropped);
    if (st == ST_OK)
        st = ob_tracks_write(o);
    st = ob_end(o, st);
    return st == ST_OK && dropped == TIDY_ROWS ? ST_AGAIN : st;
}
