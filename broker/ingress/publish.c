/* One Publish becomes parcels.
 *
 * Each item: look at it once (gate), ask whether this principal may say it (access), warn if it is
 * an alarm, fill in a parcel, submit it. What is refused goes the same way with its reason, so that
 * the answer REFUSED too is only given when the quarantine row is committed; past the sender's
 * quota it is counted and answered at once. Not taken, and answered Busy together at the end: what
 * is over the session's window, over LIMIT_ITEMS, over its principal's quota, or not wanted by the
 * store; and then everything behind it in its lane.
 */
#include "broker/ingress/room.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

/* What the store may hold of one principal: an agent that said hello again may send a whole window
 * while the one before is still being stored. */
enum { PRINCIPAL_WINDOWS = 2 };

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

    p = begin_parcel(b, item);
    if (!p)
        return;
    fill_content(p, b, m);
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

/* It was turned away before anybody looked at it; those behind it need not wait for it any more. */
static void pass_gate(struct publishing *b, const Eocbus__V1__Envelope *m)
{
    struct lane_gate *gate = (unsigned)m->lane - 1 < LANES ? &b->s->gates[m->lane] : NULL;

    if (gate && gate->first == m->lane_seq && gate->epoch == m->epoch)
        (void)lane_gate_lets(gate, m->epoch, m->lane_seq, loop_now_us(b->in->set.loop));
}

static enum busy_cause take_refused(struct publishing *b, const Eocbus__V1__Item *item,
                                    const Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct ingress *in = b->in;
    enum busy_cause cause;
    struct parcel *p;

    if (m)
        pass_gate(b, m);
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

/* Its time has passed; or it says none, and was sent so long ago by a clock that somebody sets. Of
 * a clock that nobody sets the sent time may be anything, so its alarms are always news. */
static bool is_over(const struct publishing *b, const struct peek *head)
{
    const struct clock_claim claim = {head->clock_source, head->clock_err_ms};
    int64_t not_after_us = clock_not_after(&b->s->clock, &claim, head->not_after_us);

    if (not_after_us)
        return not_after_us < b->received_us;
    return (head->clock_source == EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS ||
            head->clock_source == EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP) &&
           clock_is_late(&b->s->clock, head->sent_time_us, b->received_us);
}

/* An alarm that is news: it is said at once, whatever becomes of it in the store. What comes from a
 * backlog, or too late, is stored as everything is and wakes nobody. */
static bool is_news(const struct publishing *b, const struct peek *head)
{
    return head->lane == EOCBUS__V1__LANE__LANE_FLASH &&
           !(head->flags & EOCBUS__V1__FLAG__FLAG_BACKFILL) && !is_over(b, head) &&
           !warned_has(&b->in->warned, b->principal->principal_id, head->epoch, head->lane_seq);
}

static enum busy_cause ask_quota(struct publishing *b, const struct peek *head, size_t len,
                                 bool news)
{
    uint64_t now_us = loop_now_us(b->in->set.loop);
    int32_t id = b->principal->principal_id;

    if (news)
        return allowance_take_alarm(b->in->allowance, id, now_us) ? BUSY_NOT : BUSY_ALARMS;
    return allowance_take(b->in->allowance, id, head->lane, len, now_us) ? BUSY_NOT : BUSY_QUOTA;
}

/* Not looked into: one who sends a hundred times what it may costs little. */
static enum busy_cause turn_away(struct publishing *b, const struct peek *head,
                                 enum busy_cause cause)
{
    if (head->lane)
        lane_gate_close(&b->s->gates[head->lane], head->epoch, head->lane_seq,
                        loop_now_us(b->in->set.loop));
    return cause;
}

static enum busy_cause take_item(struct publishing *b, const Eocbus__V1__Item *item, size_t place)
{
    enum busy_cause over = place >= LIMIT_ITEMS                     ? BUSY_ITEMS
                           : !window_has_room(b, item->content.len) ? BUSY_WINDOW
                                                                    : BUSY_NOT;
    Eocbus__V1__Envelope *m;
    struct refusal why;
    struct peek head;
    bool news, good;

    (void)peek_content(&head, item->content.data, item->content.len);
    b->has_alarm = b->has_alarm || head.lane == EOCBUS__V1__LANE__LANE_FLASH;
    news = is_news(b, &head);
    if (news || !over) {
        enum busy_cause quota = ask_quota(b, &head, item->content.len, news);

        news = news && !quota;
        over = over ? over : quota;
    }
    if (over && !news)
        return turn_away(b, &head, over);
    good = look_at(b, item, &m, &why);
    if (good && news)
        warn_first(b, item, m);
    if (over)
        return turn_away(b, &head, over);
    over = good ? take_accepted(b, item, m) : take_refused(b, item, m, &why);
    if (over && !news)
        allowance_give(b->in->allowance, b->principal->principal_id, item->content.len);
    return over;
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
        count_busy(&b, cause, m->items[i]);
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
