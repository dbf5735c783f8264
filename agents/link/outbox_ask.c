/* outbox_ask - what became of what was said: one row, the refused ones, all of them, or counts. */
#include "agents/link/outbox_file.h"

#include "proto/base/banned.h"

static const char *keep_text(struct arena *texts, const char *text)
{
    if (!text || !texts)
        return "";
    text = arena_printf(texts, "%s", text);
    return text ? text : "";
}

/* Columns from `at` on: log_epoch, seq, repeated, expired, code, path, text. */
static void read_outcome(struct outbox_outcome *oc, sqlite3_stmt *q, int at, int state)
{
    *oc = (struct outbox_outcome){
        .stored = state == OUTBOX_STORED,
        .log_epoch = (uint32_t)sqlite3_column_int64(q, at),
        .seq = (uint64_t)sqlite3_column_int64(q, at + 1),
        .repeated = sqlite3_column_int(q, at + 2) != 0,
        .expired = sqlite3_column_int(q, at + 3) != 0,
        .code = (const char *)sqlite3_column_text(q, at + 4),
        .path = (const char *)sqlite3_column_text(q, at + 5),
        .text = (const char *)sqlite3_column_text(q, at + 6),
    };
}

static void keep_outcome(struct outbox_outcome *to, const struct outbox_outcome *from,
                         struct arena *texts)
{
    if (!to)
        return;
    *to = *from;
    to->code = keep_text(texts, from->code);
    to->path = keep_text(texts, from->path);
    to->text = keep_text(texts, from->text);
}

/* ST_NOTFOUND: no receipt for this row. */
static enum status read_settled(struct outbox *o, uint64_t tag, int *state,
                                struct outbox_outcome *oc, struct arena *texts)
{
    sqlite3_stmt *q = use(o, Q_SETTLED);
    struct outbox_outcome found;
    int rc;

    bind_u64(q, 1, tag);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *state = sqlite3_column_int(q, 0);
        read_outcome(&found, q, 1, *state);
        keep_outcome(oc, &found, texts);
    }
    sqlite3_reset(q);
    return rc == SQLITE_DONE ? ST_NOTFOUND : ob_translate(o, rc);
}

enum status outbox_state(struct outbox *o, uint64_t tag, int *state, struct outbox_outcome *oc,
                         struct arena *texts)
{
    const struct pending_settle *s = pending_find_settle(&o->pending, tag);
    struct outbox_outcome found = {0};

    if (s) {
        found = pending_outcome(&o->pending, s);
        *state = found.stored ? OUTBOX_STORED : OUTBOX_REFUSED;
        keep_outcome(oc, &found, texts);
        return ST_OK;
    }
    if (pending_find_put(&o->pending, tag) || ob_is_waiting(o, tag)) {
        *state = OUTBOX_WAITING;
        keep_outcome(oc, &found, texts);
        return ST_OK;
    }
    return read_settled(o, tag, state, oc, texts);
}

enum status outbox_refused(struct outbox *o,
                           bool (*each)(void *arg, const struct outbox_row *row,
                                        const struct outbox_outcome *oc),
                           void *arg)
{
    sqlite3_stmt *list = use(o, Q_REFUSED), *message = use(o, Q_MESSAGE);
    bool go_on = true;
    int rc = SQLITE_DONE;

    while (go_on && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        uint64_t tag = (uint64_t)sqlite3_column_int64(list, 0);
        struct outbox_outcome oc;
        struct outbox_row row;

        read_outcome(&oc, list, 2, OUTBOX_REFUSED);
        bind_u64(message, 1, tag);
        if (sqlite3_step(message) == SQLITE_ROW) {
            ob_describe(o, &row, tag, message);
            go_on = each(arg, &row, &oc);
        }
        sqlite3_reset(message);
    }
    sqlite3_reset(list);
    return ob_translate(o, rc);
}

enum status outbox_each(struct outbox *o,
                        bool (*each)(void *arg, const struct outbox_row *row, int state,
                                     const struct outbox_outcome *oc),
                        void *arg)
{
    sqlite3_stmt *q = use(o, Q_EACH);
    bool go_on = true;
    int rc = SQLITE_DONE;

    while (go_on && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        int state = sqlite3_column_int(q, 3); /* NULL reads as 0: waiting */
        struct outbox_outcome oc = {0};
        struct outbox_row row;

        ob_describe(o, &row, (uint64_t)sqlite3_column_int64(q, 2), q);
        if (state != OUTBOX_WAITING) {
            read_outcome(&oc, q, 4, state);
        } else if (!ob_row_is_whole(row.tag, q, 11)) {
            state = OUTBOX_REFUSED;
            oc = ob_damaged_outcome;
        }
        go_on = each(arg, &row, state, &oc);
    }
    sqlite3_reset(q);
    return ob_translate(o, rc);
}

enum status outbox_counts(struct outbox *o, struct outbox_counts *out)
{
    struct track tracks[TRACKS] = {{0}};
    enum status st = o->broken ? ST_IO : ob_tracks_load(o, tracks);

    *out = (struct outbox_counts){0};
    for (unsigned track = 2; track < TRACKS && st == ST_OK; track++) {
        uint64_t settled = (uint64_t)tracks[track].settled, put = tracks[track].last - o->start;

        /* Of a damaged file `last` may lag behind. */
        out->waiting[track / 2] += put > settled ? put - settled : 0;
        out->stored += (uint64_t)tracks[track].stored;
        out->refused += (uint64_t)tracks[track].refused;
        out->put += put;
    }
    out->damaged = (uint64_t)ob_ask(o, Q_DAMAGED, 0);
    out->bytes = (uint64_t)ob_used_pages(o) * PAGE_BYTES;
    return st;
}

/* A lane is stored in its order, so the last row of a track that was stored has its highest number:
 * few rows are looked at, however many are kept. */
void outbox_known(struct outbox *o, uint32_t *log_epoch, uint64_t *seq)
{
    *log_epoch = 0;
    *seq = 0;
    for (unsigned track = 2; track < TRACKS; track++) {
        sqlite3_stmt *q = use(o, Q_KNOWN);

        bind_u64(q, 1, tag_of(track, 0));
        bind_u64(q, 2, tag_of(track + 1, 0));
        if (sqlite3_step(q) == SQLITE_ROW) {
            uint32_t row_epoch = (uint32_t)sqlite3_column_int64(q, 0);
            uint64_t row_seq = (uint64_t)sqlite3_column_int64(q, 1);

            if (row_epoch > *log_epoch || (row_epoch == *log_epoch && row_seq > *seq)) {
                *log_epoch = row_epoch;
                *seq = row_seq;
            }
        }
        sqlite3_reset(q);
    }
}
