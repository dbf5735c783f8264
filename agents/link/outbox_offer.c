/* outbox_offer - waiting rows for the uplink, most urgent lane first, and which are in flight. */
#include "agents/link/outbox_file.h"

#include <inttypes.h>

#include "agents/link/rowsum.h"
#include "proto/base/log.h"
#include "proto/base/banned.h"

#define FLASH_LANE 1u

struct asking {
    unsigned rows_left;
    size_t bytes, max_bytes;
    bool (*each)(void *arg, const struct outbox_row *row);
    void *arg;
    const uint64_t *behind; /* outbox_behind; NULL = what is not in flight */
    bool stopped;
};

void ob_describe(const struct outbox *o, struct outbox_row *row, uint64_t tag,
                 sqlite3_stmt *message)
{
    *row = (struct outbox_row){
        .tag = tag,
        .lane = outbox_tag_lane(tag),
        .lane_seq = tag & RAW_BIT ? 0 : number_of(tag) - o->start,
        .content = sqlite3_column_blob(message, 0),
        .content_len = (size_t)sqlite3_column_bytes(message, 0),
        .signature = sqlite3_column_blob(message, 1),
        .signature_len = (size_t)sqlite3_column_bytes(message, 1),
    };
}

const struct outbox_outcome ob_damaged_outcome = {
    .code = OUTBOX_CODE_DAMAGED,
    .path = "",
    .text = "its bytes changed on the disk, so it was not sent: say it again",
};

bool ob_row_is_whole(uint64_t tag, sqlite3_stmt *q, int sum)
{
    if (sqlite3_column_type(q, sum) == SQLITE_NULL)
        return true;
    return (uint64_t)sqlite3_column_int64(q, sum) ==
           ob_row_sum(tag, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0),
                      sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1));
}

uint64_t ob_row_sum(uint64_t tag, const void *content, size_t len, const void *signature,
                    size_t signature_len)
{
    uint64_t sum = rowsum_bytes(rowsum_number(0, tag), content, len);

    return signature_len ? rowsum_bytes(sum, signature, signature_len) : sum;
}

/* With the next commit it is among the refused; until then it is passed over. */
static void put_aside(struct outbox *o, uint64_t tag)
{
    if (tagset_add(&o->flight, tag) != ST_OK ||
        pending_settle(&o->pending, tag, o->utc_us(o->arg), &ob_damaged_outcome) != ST_OK)
        return;
    log_error("outbox.row.damaged", "path=%s lane=%u number=%" PRIu64 " next=\"not sent, kept\"",
              o->path, outbox_tag_lane(tag), number_of(tag) - o->start);
}

/* What is settled and not committed yet is offered to nobody. */
static bool is_wanted(struct outbox *o, const struct asking *a, uint64_t tag)
{
    return a->behind ? !pending_find_settle(&o->pending, tag) : !tagset_has(&o->flight, tag);
}

/* Ours, and put without the key at hand: a signature is a function of key and bytes, so each offer
 * has the same. */
static void sign_late(struct outbox *o, struct outbox_row *row)
{
    signer_sign(o->signer, o->late_signature, "", row->content, row->content_len);
    row->signature = o->late_signature;
    row->signature_len = SIGN_BYTES;
}

static void offer_row(struct outbox *o, struct asking *a, uint64_t tag, sqlite3_stmt *q)
{
    struct outbox_row row;

    ob_describe(o, &row, tag, q);
    if (o->signer && !row.signature_len && row.lane_seq)
        sign_late(o, &row);
    row.keys = sqlite3_column_blob(q, 4);
    row.keys_len = (size_t)sqlite3_column_bytes(q, 4);
    if (a->bytes && a->bytes + row.content_len > a->max_bytes) {
        a->stopped = true;
        return;
    }
    a->bytes += row.content_len;
    a->stopped = !a->each(a->arg, &row) || --a->rows_left == 0;
}

/* *from: where it began; where it stopped. */
static int offer_from(struct outbox *o, struct asking *a, unsigned track, uint64_t *from)
{
    sqlite3_stmt *q = use(o, Q_WAITING);
    int rc = SQLITE_DONE;

    bind_u64(q, 1, *from);
    bind_u64(q, 2, tag_of(track + 1, 0));
    while (!a->stopped && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        uint64_t tag = (uint64_t)sqlite3_column_int64(q, 2);

        *from = tag + 1;
        if (!is_wanted(o, a, tag))
            continue;
        if (ob_row_is_whole(tag, q, 3))
            offer_row(o, a, tag, q);
        else
            put_aside(o, tag);
    }
    sqlite3_reset(q);
    return rc;
}

static enum status offer_track(struct outbox *o, struct asking *a, unsigned track)
{
    uint64_t from = tag_of(track, o->track[track].first), end = tag_of(track + 1, 0);
    int rc;

    if (a->behind && a->behind[track & 1] >= from)
        from = a->behind[track & 1] + 1;
    rc = offer_from(o, a, track, &from);
    while (ob_is_damage(rc)) {
        from = ob_damage_skip(o, track, from);
        rc = from < end ? offer_from(o, a, track, &from) : SQLITE_DONE;
    }
    return ob_translate(o, rc);
}

/* What was saved from a damaged file is older than the lane's own rows, which would pass it. They
 * wait until it is settled. Alarms wait only until those before them were offered: no alarm waits
 * for another one's receipt. */
static bool must_wait_for_saved(struct outbox *o, const struct asking *a, unsigned track)
{
    unsigned lane = track / 2;
    sqlite3_stmt *q = use(o, Q_WAITING);
    bool must_wait = false;

    if ((track & 1) || !o->saved[lane] || a->behind)
        return false;
    bind_u64(q, 1, tag_of(track + 1, o->track[track + 1].first));
    bind_u64(q, 2, o->saved[lane] + 1);
    while (!must_wait && sqlite3_step(q) == SQLITE_ROW)
        must_wait =
            lane != FLASH_LANE || !tagset_has(&o->flight, (uint64_t)sqlite3_column_int64(q, 2));
    sqlite3_reset(q);
    return must_wait;
}

static enum status ask(struct outbox *o, unsigned lanes, struct asking *a)
{
    enum status st = o->broken ? ST_IO : ST_OK;

    lanes &= ~o->closed_lanes;
    if (o->broken && o->damaged) /* the next commit mends it */
        return ST_AGAIN;
    /* `first` may be stale when another process sends; a stale one is only lower. */
    if (st == ST_OK && !o->tracks_known)
        st = ob_tracks_load(o, o->track);
    for (unsigned track = 2; track < TRACKS && a->rows_left && st == ST_OK && !a->stopped; track++)
        if ((lanes & OUTBOX_LANE(track / 2)) && !must_wait_for_saved(o, a, track))
            st = offer_track(o, a, track);
    /* What was just found damaged is mended by the next commit too. */
    return o->damaged && (st == ST_IO || st == ST_INVALID) ? ST_AGAIN : st;
}

enum status outbox_next(struct outbox *o, unsigned lanes, unsigned max_rows, size_t max_bytes,
                        bool (*each)(void *arg, const struct outbox_row *row), void *arg)
{
    struct asking a = {.rows_left = max_rows, .max_bytes = max_bytes, .each = each, .arg = arg};

    return ask(o, lanes, &a);
}

enum status outbox_behind(struct outbox *o, unsigned lane, const uint64_t behind[2],
                          unsigned max_rows, size_t max_bytes,
                          bool (*each)(void *arg, const struct outbox_row *row), void *arg)
{
    struct asking a = {
        .rows_left = max_rows, .max_bytes = max_bytes, .each = each, .arg = arg, .behind = behind};

    return ask(o, OUTBOX_LANE(lane), &a);
}

void outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight)
{
    /* A settled row stays in flight until the commit. Without memory a row is only sent twice. */
    if (in_flight)
        (void)!tagset_add(&o->flight, tag);
    else if (!pending_find_settle(&o->pending, tag))
        tagset_remove(&o->flight, tag);
}

void outbox_nothing_in_flight(struct outbox *o)
{
    tagset_clear(&o->flight);
    for (size_t i = 0; i < pending_settle_count(&o->pending); i++)
        (void)!tagset_add(&o->flight, pending_settle_at(&o->pending, i)->tag);
}
