/* outbox_commit - what was put and settled goes to disk, in one transaction.
 *
 * The write lock is taken by the first put and held until the commit. When SQLite says "full" on
 * commit, the transaction is done again keeping no stored rows, and then once more with the ballast
 * given back: so settling frees room on a full disk instead of needing it. */
#include "agents/link/outbox_file.h"

#include <string.h>

#include "proto/base/log.h"
#include "proto/base/banned.h"

void ob_roll_back(struct outbox *o)
{
    o->writing = o->tracks_known = false;
    if (!sqlite3_get_autocommit(o->db))
        (void)ob_step(o, Q_ROLLBACK);
}

/* The puts that wait for a repeated commit were given places; they must still be free. */
static bool places_are_free(const struct outbox *o)
{
    for (unsigned track = 2; track < TRACKS; track++)
        if (o->track[track].last != o->base[track])
            return false;
    return true;
}

/* From here on puts are given their places. */
static void start_counting(struct outbox *o)
{
    for (unsigned track = 2; track < TRACKS; track++)
        o->base[track] = o->next[track] = o->track[track].last;
    ob_room_measure(o);
}

/* Takes the write lock of the file that stands at the path now. Places given away for another one
 * are none. */
static enum status take_write_lock(struct outbox *o)
{
    enum status st = ob_step(o, Q_BEGIN);

    if (st != ST_OK || !ob_has_moved(o))
        return st;
    (void)ob_step(o, Q_ROLLBACK);
    if (pending_put_count(&o->pending)) {
        ob_say(o, "another program has begun a new outbox at %s: say it again", o->path);
        return ST_CONFLICT;
    }
    st = ob_reopen(o);
    return st == ST_OK ? ob_step(o, Q_BEGIN) : st;
}

enum status ob_begin(struct outbox *o)
{
    enum status st;

    if (o->writing)
        return ST_OK;
    st = take_write_lock(o);
    if (st != ST_OK)
        return st;
    o->writing = true;
    memset(o->dirty, 0, sizeof(o->dirty));
    st = ob_tracks_know(o);
    if (st == ST_OK && pending_put_count(&o->pending) && !places_are_free(o)) {
        ob_say(o, "another program wrote to %s in the middle of a failed commit", o->path);
        st = ST_CONFLICT;
    }
    if (st != ST_OK)
        ob_roll_back(o);
    else if (!pending_put_count(&o->pending))
        start_counting(o);
    return st;
}

enum status ob_end(struct outbox *o, enum status st)
{
    if (st == ST_OK)
        st = ob_step(o, Q_COMMIT);
    if (st != ST_OK)
        ob_roll_back(o);
    o->writing = false;
    return st;
}

static enum status apply_puts(struct outbox *o)
{
    for (size_t i = 0; i < pending_put_count(&o->pending); i++) {
        const struct pending_put *put = pending_put_at(&o->pending, i);
        sqlite3_stmt *q = use(o, Q_MESSAGE_ADD);
        enum status st;

        bind_u64(q, 1, put->tag);
        sqlite3_bind_blob(q, 2, pending_content(&o->pending, put), (int)put->len, SQLITE_STATIC);
        bind_u64(q, 3,
                 ob_row_sum(put->tag, pending_content(&o->pending, put), put->len,
                            pending_signature(&o->pending, put), put->signature_len));
        if (put->signature_len)
            sqlite3_bind_blob(q, 4, pending_signature(&o->pending, put), (int)put->signature_len,
                              SQLITE_STATIC);
        else
            sqlite3_bind_null(q, 4);
        if (put->keys_len)
            sqlite3_bind_blob(q, 5, pending_signature(&o->pending, put) + put->signature_len,
                              (int)put->keys_len, SQLITE_STATIC);
        else
            sqlite3_bind_null(q, 5);
        st = ob_step(o, Q_MESSAGE_ADD);
        if (st == ST_OK && put->once)
            st = ob_once_add(o, put);
        if (st != ST_OK)
            return st;
        o->track[track_of(put->tag)].last = number_of(put->tag);
    }
    return ST_OK;
}

static enum status keep_receipt(struct outbox *o, const struct pending_settle *s)
{
    struct outbox_outcome oc = pending_outcome(&o->pending, s);
    sqlite3_stmt *q = use(o, Q_SETTLED_ADD);

    bind_u64(q, 1, s->tag);
    sqlite3_bind_int(q, 2, oc.stored ? OUTBOX_STORED : OUTBOX_REFUSED);
    sqlite3_bind_int64(q, 3, s->at_us);
    sqlite3_bind_int64(q, 4, oc.log_epoch);
    bind_u64(q, 5, oc.seq);
    sqlite3_bind_int(q, 6, oc.repeated);
    sqlite3_bind_int(q, 7, oc.expired);
    sqlite3_bind_text(q, 8, oc.stored ? NULL : oc.code, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 9, oc.stored ? NULL : oc.path, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 10, oc.stored ? NULL : oc.text, -1, SQLITE_STATIC);
    return ob_step(o, Q_SETTLED_ADD);
}

/* lean: a stored row is dropped at once instead of being kept for a restored database. */
static enum status apply_settles(struct outbox *o, bool lean)
{
    for (size_t i = 0; i < pending_settle_count(&o->pending); i++) {
        const struct pending_settle *s = pending_settle_at(&o->pending, i);
        bool drop = lean && s->oc.stored;
        enum status st = drop ? ob_step_tag(o, Q_MESSAGE_DROP, s->tag) : keep_receipt(o, s);
        struct track *t = ob_track_touch(o, s->tag);

        if (st != ST_OK)
            return st;
        if (!sqlite3_changes(o->db))
            continue;
        t->settled++;
        t->stored += s->oc.stored && !drop;
        t->refused += !s->oc.stored;
    }
    return ST_OK;
}

static enum status write_pending(struct outbox *o, bool lean)
{
    enum status st = ob_begin(o);

    if (st != ST_OK)
        return st;
    st = ob_thin_apply(o);
    if (st == ST_OK)
        st = apply_puts(o);
    if (st == ST_OK)
        st = apply_settles(o, lean);
    if (st == ST_OK)
        st = ob_tracks_write(o);
    return ob_end(o, st);
}

static void forget_settled_flights(struct outbox *o)
{
    for (size_t i = 0; i < pending_settle_count(&o->pending); i++)
        tagset_remove(&o->flight, pending_settle_at(&o->pending, i)->tag);
}

/* Full: once more without keeping stored rows; then, oldest first, without those kept before (a
 * refusal needs room that dropping what was just stored may not give); then with the ballast given
 * back. */
static enum status write_even_if_full(struct outbox *o)
{
    unsigned dropped = 1;
    enum status st = write_pending(o, false);

    if (st == ST_FULL)
        st = write_pending(o, true);
    while (st == ST_FULL && dropped && ob_drop_stored(o, &dropped) == ST_OK)
        st = write_pending(o, true);
    if (st == ST_FULL && ballast_release(&o->ballast)) {
        log_warn("outbox.disk.full", "path=%s ballast_bytes=%zu", o->path, o->ballast.size_bytes);
        ob_checkpoint(o);
        st = write_pending(o, true);
    }
    return st;
}

enum status outbox_commit(struct outbox *o)
{
    enum status st;

    if (o->damaged && !pending_put_count(&o->pending)) {
        if (o->writing)
            ob_roll_back(o);
        (void)!ob_mend(o);
    }
    if (o->broken)
        return ST_IO;
    if (pending_is_empty(&o->pending)) {
        o->thin_count = 0;
        if (o->writing)
            ob_roll_back(o);
        return ST_OK;
    }
    st = write_even_if_full(o);
    if (st == ST_OK) {
        forget_settled_flights(o);
        pending_clear(&o->pending);
        o->thin_count = 0;
        return ST_OK;
    }
    if (st == ST_AGAIN)
        return st;
    if (st == ST_FULL)
        ob_say(o, "the disk under %s is full: free some room; what is there is kept", o->path);
    ob_once_go_back(o);
    pending_drop_puts(&o->pending);
    o->thin_count = 0;
    return st;
}
