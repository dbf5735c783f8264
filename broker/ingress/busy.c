/* What was not taken: why, and when to offer it again. */
#include "broker/ingress/room.h"

#include "proto/base/banned.h"

/* A full queue empties within a commit or two (512 rows take about 10 ms, tests/bench). Away:
 * receipts are to flow within 5 s of the return of the database, and to be found it takes a second.
 */
enum { RETRY_SOON_MS = 50, RETRY_AWAY_LEAST_MS = 1000, RETRY_AWAY_MOST_MS = 3000 };
enum { TURNED_AWAY_MOST = 4096 }; /* 32 KiB a session */

static const char *const busy_text[] = {
    [BUSY_NOT] = "",
    [BUSY_ITEMS] = "too many items in one Publish",
    [BUSY_WINDOW] = "your window is full: wait for receipts",
    [BUSY_LANE] = "an earlier message of this lane was not taken: offer that one first",
    [BUSY_QUOTA] = "you said more than your quota of messages or bytes a second",
    [BUSY_FULL] = "the store's queue is full",
    [BUSY_AWAY] = "the database is away",
};

/* Grows while the database is away, so that a thousand outboxes do not knock every second. But an
 * outbox that was turned away with an alarm keeps the next alarm for as long: on a link that holds
 * it, it may knock every second. */
static unsigned retry_of_store_ms(const struct publishing *b)
{
    uint64_t away_ms;

    if (b->cause != BUSY_AWAY)
        return RETRY_SOON_MS;
    if (b->has_alarm && !b->s->link->frame_bytes)
        return RETRY_AWAY_LEAST_MS;
    away_ms = (loop_now_us(b->in->set.loop) - b->in->away_since_us) / 1000;
    if (away_ms < RETRY_AWAY_LEAST_MS || !b->in->away_since_us)
        return RETRY_AWAY_LEAST_MS;
    return away_ms > RETRY_AWAY_MOST_MS ? RETRY_AWAY_MOST_MS : (unsigned)away_ms;
}

static unsigned retry_ms(const struct publishing *b)
{
    const struct ingress *in = b->in;
    unsigned store_ms = retry_of_store_ms(b);
    uint64_t quota_ms = allowance_wait_us(in->allowance, b->principal->principal_id, b->over_items,
                                          b->over_bytes, loop_now_us(in->set.loop)) /
                        1000;

    return quota_ms > store_ms ? (unsigned)quota_ms : store_ms;
}

void count_busy(struct publishing *b, enum busy_cause cause, const Eocbus__V1__Item *item)
{
    b->cause = cause > b->cause ? cause : b->cause;
    b->in->busy_for[cause]++;
    if (cause == BUSY_QUOTA) {
        b->over_items++;
        b->over_bytes += item->content.len;
    }
}

static enum status answer_busy(struct ingress *in, struct session *s, Eocbus__V1__Busy *busy)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    f.what_case = EOCBUS__V1__FRAME__WHAT_BUSY;
    f.busy = busy;
    return answer_frame(in, s, &f);
}

/* What cannot be said now is said when the socket has room: a session that ended for it would offer
 * everything again, and be turned away again (simulator, seed 300182). Who sends more than this
 * without reading has lost it. */
static enum status keep_for_later(struct publishing *b, const uint64_t *tags)
{
    struct session *s = b->s;

    buf_put(&s->turned_away, tags, b->busy_count * sizeof(*tags));
    if (s->turned_away.failed || s->turned_away.len > TURNED_AWAY_MOST * sizeof(*tags))
        return ST_NOMEM;
    if (list_empty(&s->owing))
        list_add_tail(&b->in->owing, &s->owing);
    return ST_OK;
}

enum status send_busy(struct publishing *b, uint64_t *tags)
{
    Eocbus__V1__Busy busy = EOCBUS__V1__BUSY__INIT;
    enum status st = ST_FULL;

    busy.store_away = b->cause == BUSY_AWAY;
    busy.n_tags = b->busy_count;
    busy.tags = tags;
    busy.retry_ms = retry_ms(b);
    busy.text = (char *)busy_text[b->cause];
    b->in->n.busy += b->busy_count;
    if (!b->s->turned_away.len)
        st = answer_busy(b->in, b->s, &busy);
    return st == ST_FULL ? keep_for_later(b, tags) : st;
}

enum status send_late_busy(struct ingress *in, struct session *s)
{
    Eocbus__V1__Busy busy = EOCBUS__V1__BUSY__INIT;
    enum busy_cause cause = in->exits.store_is_here(in->exits.arg) ? BUSY_FULL : BUSY_AWAY;
    enum status st;

    if (!s->turned_away.len)
        return ST_OK;
    busy.store_away = cause == BUSY_AWAY;
    busy.n_tags = s->turned_away.len / sizeof(*busy.tags);
    busy.tags = (void *)s->turned_away.data;
    busy.retry_ms = cause == BUSY_AWAY ? RETRY_AWAY_LEAST_MS : RETRY_SOON_MS;
    busy.text = (char *)busy_text[cause];
    st = answer_busy(in, s, &busy);
    if (st == ST_OK)
        buf_free(&s->turned_away);
    return st;
}
