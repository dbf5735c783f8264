/* One Publish becomes parcels.
 *
 * Each item: look at it once (gate), ask whether this principal may say it (access), warn if it is
 * an alarm, fill in a parcel, submit it. What is refused goes the same way with its reason, so that
 * the answer REFUSED too is only given when the quarantine row is committed; past the sender's
 * quota it is counted and answered at once. Not taken, and answered Busy together at the end: what
 * is over the session's window, over LIMIT_ITEMS, or not wanted by the store; and then everything
 * behind it in its lane.
 */
#include "broker/ingress/room.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/json.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* A full queue empties within a commit or two (512 rows take about 10 ms, tests/bench). */
enum { RETRY_SOON_MS = 50, RETRY_AWAY_LEAST_MS = 1000, RETRY_AWAY_MOST_MS = 5000 };

/* What the store may hold of one principal: an agent that said hello again may send a whole window
 * while the one before is still being stored. */
enum { PRINCIPAL_WINDOWS = 2 };

enum busy_cause { BUSY_NOT, BUSY_ITEMS, BUSY_WINDOW, BUSY_LANE, BUSY_FULL, BUSY_AWAY };
static const char *const busy_text[] = {
    [BUSY_NOT] = "",
    [BUSY_ITEMS] = "too many items in one Publish",
    [BUSY_WINDOW] = "your window is full: wait for receipts",
    [BUSY_LANE] = "an earlier message of this lane was not taken: offer that one first",
    [BUSY_FULL] = "the store's queue is full",
    [BUSY_AWAY] = "the database is away",
};

struct publishing { /* one Publish */
    struct ingress *in;
    struct session *s;
    const struct principal *principal;
    int64_t received_us;
    size_t busy_count;
    enum busy_cause cause; /* of the worst one */
    bool has_alarm;
};

static void fill_identity(struct parcel *p, const Eocbus__V1__Envelope *m)
{
    p->id.epoch = m->epoch;
    p->id.lane = (uint32_t)m->lane;
    p->id.lane_seq = m->lane_seq;
    if (m->message_id.len == ID_BYTES)
        memcpy(p->message_id, m->message_id.data, ID_BYTES);
}

/* Only for what passed the gate. */
static void fill_content(struct parcel *p, const Eocbus__V1__Envelope *m)
{
    fill_identity(p, m);
    p->type = (uint16_t)m->body_case;
    /* A newer sender's word becomes "unknown", never by its low bits one of ours. */
    p->status = (unsigned)m->status <= UINT8_MAX ? (uint8_t)m->status : 0;
    places_of(p->places, m);
    p->event_time_us = m->event_time_us;
    p->sent_time_us = m->sent_time_us;
    p->not_after_us = m->not_after_us;
    p->expired = m->not_after_us && m->not_after_us < p->received_time_us;
}

/* PostgreSQL keeps a readable copy of what has a life cycle. */
static bool fill_doc(struct parcel *p, const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = type_by_number(p->type);
    struct buf text = {0};

    if (!type || !(type->flags & TYPE_LEDGER))
        return true;
    json_print(&text, &m->base);
    buf_put(&text, "", 1);
    if (text.failed) {
        buf_free(&text);
        return false;
    }
    p->doc = (char *)text.data;
    return true;
}

static bool fill_refusal(struct parcel *p, const struct refusal *why)
{
    p->refused = mem_alloc(sizeof(*p->refused));
    if (p->refused)
        *p->refused = *why;
    return p->refused;
}

static struct parcel *begin_parcel(const struct publishing *b, const Eocbus__V1__Item *item)
{
    size_t kept = item->content.len < LIMIT_CONTENT_BYTES ? item->content.len : LIMIT_CONTENT_BYTES;
    struct parcel *p =
        parcel_create(item->content.data, kept, item->signature.data, item->signature.len);

    if (!p)
        return NULL;
    p->session = b->s ? b->s->number : 0;
    p->tag = item->tag;
    p->principal_id = b->principal->principal_id;
    p->received_time_us = b->received_us;
    p->clock_offset_ms = b->s ? clock_offset_ms(&b->s->clock) : 0;
    return p;
}

static struct parcel *make_parcel(const struct publishing *b, const Eocbus__V1__Item *item,
                                  const Eocbus__V1__Envelope *m, const struct refusal *why)
{
    struct parcel *p = begin_parcel(b, item);

    assert(m || why); /* what passed the gate is there; what did not has a reason */
    if (!p)
        return NULL;
    if (!why)
        fill_content(p, m);
    else if (m)
        fill_identity(p, m);
    if (why ? fill_refusal(p, why) : fill_doc(p, m))
        return p;
    parcel_drop(&p);
    return NULL;
}

/* PostgreSQL numbers are signed: what a refused message claims to be must fit, or say nothing. */
static bool identity_is_sane(const Eocbus__V1__Envelope *m)
{
    return m->epoch <= INT64_MAX && m->lane_seq <= INT64_MAX && (unsigned)m->lane <= LANES;
}

/* The gate and the rights. Answers false and why; *m is the message if it could be unpacked. */
static bool look_at(struct publishing *b, const Eocbus__V1__Item *item, Eocbus__V1__Envelope **m,
                    struct refusal *why)
{
    struct ingress *in = b->in;

    *m = NULL;
    memset(why, 0, sizeof(*why));
    arena_reset(in->content_arena);
    if (gate_content(m, item->content.data, item->content.len, in->content_arena, why) != ST_OK) {
        if (*m && !identity_is_sane(*m))
            *m = NULL;
        return false;
    }
    if (item->signature.len && item->signature.len != LIMIT_SIGNATURE_BYTES) {
        why->code = CODE_LENGTH;
        snprintf(why->path, sizeof(why->path), "signature");
        snprintf(why->text, sizeof(why->text), "a signature is %d bytes, this one has %zu",
                 LIMIT_SIGNATURE_BYTES, item->signature.len);
        return false;
    }
    return access_may_publish(in->set.access, b->principal, *m, why) == ST_OK;
}

static enum busy_cause submit(struct publishing *b, struct parcel *p)
{
    struct ingress *in = b->in;
    size_t len = p->content_len;
    enum status st;

    /* Counted before: a store may settle within the call. */
    if (b->s) {
        b->s->unsettled_items++;
        b->s->unsettled_bytes += len;
        sender_took(b->s->sender, len);
    }
    st = in->exits.submit(in->exits.arg, &p);
    if (st == ST_OK) {
        in->away_since_us = 0;
        return BUSY_NOT;
    }
    if (b->s) {
        b->s->unsettled_items--;
        b->s->unsettled_bytes -= len;
        sender_gave(b->s->sender, len);
    }
    parcel_drop(&p);
    if (st == ST_FULL)
        return BUSY_FULL;
    if (!in->away_since_us)
        in->away_since_us = loop_now_us(in->set.loop);
    return BUSY_AWAY;
}

/* An alarm waits for nothing: not for the store, nor for room in a window, nor for its turn in its
 * lane. Without memory it is heard when it is stored. */
static void warn_first(struct publishing *b, const Eocbus__V1__Item *item,
                       const Eocbus__V1__Envelope *m)
{
    struct ingress *in = b->in;
    struct parcel *p;

    if (m->lane != EOCBUS__V1__LANE__LANE_FLASH)
        return;
    b->has_alarm = true;
    p = begin_parcel(b, item);
    if (!p)
        return;
    fill_content(p, m);
    if (!p->expired && warned_add(&in->warned, p))
        in->exits.warn(in->exits.arg, p);
    parcel_drop(&p);
}

/* Past the quota: nobody keeps it, so the answer need not wait for a commit. */
static enum busy_cause refuse_at_once(struct publishing *b, const Eocbus__V1__Item *item,
                                      const Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct parcel answer = {.tag = item->tag,
                            .refused = why,
                            .principal_id = b->principal->principal_id,
                            .content = item->content.data,
                            .content_len = item->content.len};

    if (!receipts_add(b->s, &answer))
        return BUSY_FULL;
    if (m)
        fill_identity(&answer, m);
    settle_warning(b->in, &answer);
    b->in->n.refused++;
    b->in->n.quarantine_dropped++;
    b->s->unsettled_items++; /* until the receipt has left */
    if (list_empty(&b->s->owing))
        list_add_tail(&b->in->owing, &b->s->owing);
    return BUSY_NOT;
}

static enum busy_cause take_refused(struct publishing *b, const Eocbus__V1__Item *item,
                                    const Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct ingress *in = b->in;
    enum busy_cause cause;
    struct parcel *p;

    if (!in->exits.store_is_here(in->exits.arg))
        return BUSY_AWAY; /* before the quota: what is not kept shall not cost */
    if (!quota_book_take(in->quarantine, b->principal->principal_id, 1, loop_now_us(in->set.loop)))
        return refuse_at_once(b, item, m, why);
    p = make_parcel(b, item, m, why);
    cause = p ? submit(b, p) : BUSY_FULL;
    if (cause == BUSY_NOT)
        in->n.refused++;
    else
        quota_book_give(in->quarantine, b->principal->principal_id, 1);
    return cause;
}

/* The gate lets known lanes through only, whatever the sender's schema. */
static struct lane_gate *gate_of(const struct publishing *b, const Eocbus__V1__Envelope *m)
{
    assert((unsigned)m->lane - 1 < LANES);
    return &b->s->gates[m->lane];
}

static enum busy_cause take_accepted(struct publishing *b, const Eocbus__V1__Item *item,
                                     const Eocbus__V1__Envelope *m)
{
    struct lane_gate *gate = gate_of(b, m);
    uint64_t now_us = loop_now_us(b->in->set.loop);
    enum busy_cause cause;
    struct parcel *p;

    if (!lane_gate_lets(gate, m->epoch, m->lane_seq, now_us))
        return BUSY_LANE;
    p = make_parcel(b, item, m, NULL);
    cause = p ? submit(b, p) : BUSY_FULL;
    if (cause == BUSY_NOT)
        b->in->n.accepted++;
    else
        lane_gate_close(gate, m->epoch, m->lane_seq, now_us);
    return cause;
}

static bool window_has_room(const struct publishing *b, size_t len)
{
    const struct ingress_settings *set = &b->in->set;
    const struct sender *all = b->s->sender;

    if (all->items >= PRINCIPAL_WINDOWS * (size_t)set->window_items ||
        (all->bytes && all->bytes + len > PRINCIPAL_WINDOWS * set->window_bytes))
        return false;
    return b->s->unsettled_items < set->window_items &&
           (!b->s->unsettled_bytes || b->s->unsettled_bytes + len <= set->window_bytes);
}

static enum busy_cause take_item(struct publishing *b, const Eocbus__V1__Item *item, size_t place)
{
    enum busy_cause over = place >= LIMIT_ITEMS                     ? BUSY_ITEMS
                           : !window_has_room(b, item->content.len) ? BUSY_WINDOW
                                                                    : BUSY_NOT;
    Eocbus__V1__Envelope *m;
    struct refusal why;
    bool good = look_at(b, item, &m, &why);

    if (good)
        warn_first(b, item, m);
    if (!over)
        return good ? take_accepted(b, item, m) : take_refused(b, item, m, &why);
    if (good)
        lane_gate_close(gate_of(b, m), m->epoch, m->lane_seq, loop_now_us(b->in->set.loop));
    return over;
}

/* Grows while the database is away, so that a thousand outboxes do not knock every second. But an
 * outbox that was turned away with an alarm keeps the next alarm for as long: on a link that holds
 * it, it may knock every second. */
static unsigned retry_ms(const struct publishing *b)
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

static enum status send_busy(struct publishing *b, uint64_t *tags)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Busy busy = EOCBUS__V1__BUSY__INIT;

    f.what_case = EOCBUS__V1__FRAME__WHAT_BUSY;
    f.busy = &busy;
    busy.n_tags = b->busy_count;
    busy.tags = tags;
    busy.retry_ms = retry_ms(b);
    busy.text = (char *)busy_text[b->cause];
    b->in->n.busy += b->busy_count;
    return answer_frame(b->in, b->s, &f);
}

void publish_items(struct ingress *in, struct session *s, const struct principal *p,
                   const Eocbus__V1__Publish *m)
{
    struct publishing b = {
        .in = in, .s = s, .principal = p, .received_us = loop_utc_us(in->set.loop)};
    uint64_t *tags = arena_alloc(in->frame_arena, (m->n_items + 1) * sizeof(*tags));
    enum status st = ST_OK;

    if (!tags) {
        end_session(in, s);
        return;
    }
    for (size_t i = 0; i < m->n_items; i++) {
        enum busy_cause cause = take_item(&b, m->items[i], i);

        in->n.messages++;
        if (cause == BUSY_NOT)
            continue;
        tags[b.busy_count++] = m->items[i]->tag;
        if (cause > b.cause)
            b.cause = cause;
    }
    if (b.busy_count)
        st = send_busy(&b, tags);
    if (st == ST_NOTFOUND)
        return; /* the session is gone */
    if (st != ST_OK)
        end_session(in, s);
    else if (!list_empty(&s->owing))
        receipts_flush(in, s);
}

void publish_unreadable(struct ingress *in, const struct principal *p, const uint8_t *bytes,
                        size_t len, const struct refusal *why)
{
    struct publishing b = {.in = in, .principal = p, .received_us = loop_utc_us(in->set.loop)};
    Eocbus__V1__Item item = EOCBUS__V1__ITEM__INIT;
    struct parcel *parcel;

    in->n.refused++;
    item.content.data = (uint8_t *)bytes; /* only read */
    item.content.len = len;
    if (in->exits.store_is_here(in->exits.arg) &&
        quota_book_take(in->quarantine, p->principal_id, 1, loop_now_us(in->set.loop))) {
        parcel = make_parcel(&b, &item, NULL, why);
        if (parcel && submit(&b, parcel) == BUSY_NOT)
            return;
        quota_book_give(in->quarantine, p->principal_id, 1);
    }
    in->n.quarantine_dropped++;
}
