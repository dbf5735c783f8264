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

#include "proto/wire/sealed.h"

#include "proto/base/banned.h"

/* PostgreSQL numbers are signed: what a refused message claims to be must fit, or say nothing. */
static bool identity_is_sane(const Eocbus__V1__Envelope *m)
{
    return m->epoch <= INT64_MAX && m->lane_seq <= INT64_MAX && (unsigned)m->lane <= LANES;
}

static bool check_word(struct publishing *b, const Eocbus__V1__Item *item, Eocbus__V1__Envelope *m,
                       struct refusal *why)
{
    const struct access_said said = {.m = m,
                                     .content = item->content.data,
                                     .len = item->content.len,
                                     .signature = item->signature.data,
                                     .signature_len = item->signature.len};

    return access_check_word(b->in->set.access, b->principal, &said, why) == ST_OK;
}

/* The gate, the rights and the word. Answers false and why; *m is the message if it could be
 * unpacked. */
static bool look_at(struct publishing *b, const Eocbus__V1__Item *item, Eocbus__V1__Envelope **m,
                    struct refusal *why)
{
    struct ingress *in = b->in;

    *m = NULL;
    b->author = NULL;
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
    if (sealed_check_keys(item, *m, why) != ST_OK)
        return false;
    if (access_may_publish(in->set.access, b->principal, *m, why) != ST_OK ||
        !check_word(b, item, *m, why))
        return false;
    b->author = access_author(in->set.access, b->principal, (*m)->sender);
    return true;
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
    struct parcel *p = begin_parcel(b, item);
    const struct parcel *alarm = NULL;

    if (!p)
        return;
    fill_content(p, b, m);
    if (fill_to(p, m) && !p->expired)
        alarm = warned_add(&in->warned, &p);
    if (alarm)
        in->exits.warn(in->exits.arg, alarm);
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
    note_refusal(b, why);
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
        note_refusal(b, why);
    else
        quota_book_give(in->quarantine, b->principal->principal_id, 1);
    return cause;
}

static enum busy_cause take_accepted(struct publishing *b, const Eocbus__V1__Item *item,
                                     const Eocbus__V1__Envelope *m)
{
    struct parcel *p = make_parcel(b, item, m, NULL);
    enum busy_cause cause = p ? submit(b, p) : BUSY_FULL;

    /* The gate lets known lanes through only, whatever the sender's schema. */
    assert((unsigned)m->lane - 1 < LANES);
    if (cause == BUSY_NOT)
        b->in->n.accepted++;
    else
        lane_gate_close(&b->s->gates[m->lane], m->epoch, m->lane_seq, loop_now_us(b->in->set.loop));
    return cause;
}

static enum busy_cause take_item(struct publishing *b, const Eocbus__V1__Item *item, size_t place)
{
    struct pass pass = ask_pass(b, item, place);
    Eocbus__V1__Envelope *m;
    struct refusal why;
    bool good;

    if (pass.cause && !pass.is_news)
        return pass.cause;
    good = look_at(b, item, &m, &why);
    if (good && pass.is_news)
        warn_first(b, item, m);
    if (!pass.cause)
        pass.cause = good ? take_accepted(b, item, m) : take_refused(b, item, m, &why);
    if (pass.cause)
        give_back_pass(b, item, &pass);
    else
        b->unwarned += good && pass.is_unwarned;
    return pass.cause;
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
    note_over(&b);
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
