/* Warn first: what has no number yet goes to a listener at once, past its credit, its window and
 * its place in the log, and changes none of them. A small allowance of its own bounds what one that
 * does not read can make us hold. Whoever had no room, or came later, is warned of what still
 * stands when it has room; what has got its number meanwhile comes from the log like everything
 * else. */
#include <string.h>

#include "broker/egress/room.h"
#include "proto/wire/peek.h"

#include "proto/base/banned.h"

/* Unacknowledged per listener: 16 alarms of one moment, and at most 1 MiB. */
enum { WARNINGS_MOST = 16 };

/* Packed for the first who wants it; gather_frame puts each listener's head before it. */
static bool pack_once(struct egress *e, const struct parcel *p)
{
    size_t len;
    uint8_t *common;
    bool ok;

    if (e->warning.count)
        return true;
    common = pack_common(p, &len);
    ok = common && gather_add(&e->warning, common, len, 0, 0, 0);
    mem_free(common);
    return ok;
}

static bool is_wanted(const struct listener *l, const struct parcel *p)
{
    struct rights_question q = listener_ask(p);

    return lanes_hold(l->lanes, EOCBUS__V1__LANE__LANE_FLASH) &&
           (!l->to_me || parcel_is_for(p, l->to_me)) && l->egress->head < l->upto &&
           listener_may_hear(l, &q);
}

static bool send_warning(struct listener *l, const struct parcel *p)
{
    struct egress *e = l->egress;
    const uint8_t *frame;
    size_t len;

    if (l->warnings >= WARNINGS_MOST || !pack_once(e, p))
        return false;
    frame = gather_frame(&e->warning, l->subscription, &len);
    if (listener_send_now(l, frame, len) != ST_OK)
        return false;
    l->warnings++;
    e->n.provisional++;
    return true;
}

void egress_warn_one(struct egress *e, void *listener, const struct parcel *p)
{
    struct listener *l = listener;

    if (!is_wanted(l, p))
        return;
    if (!l->owes_warnings && !send_warning(l, p)) {
        l->owes_warnings = true;
        l->warned = p->warning - 1;
    } else {
        listener_catch_warnings(l); /* it comes behind those that wait for room */
    }
    e->n.provisional_skipped += l->owes_warnings;
}

static bool matches(const struct listener *l, const struct parcel *p)
{
    struct topics topics;

    parcel_topics(&topics, p);
    for (unsigned i = 0; i < l->pattern_count; i++)
        if (pattern_matches_any(l->patterns[i], &topics))
            return true;
    return false;
}

static bool catch_one(void *arg, const struct parcel *p)
{
    struct listener *l = arg;
    struct egress *e = l->egress;
    bool sent = true;

    if (is_wanted(l, p) && matches(l, p)) {
        gather_reset(&e->warning); /* a fresh one may stand in it, for other listeners */
        sent = send_warning(l, p);
        gather_reset(&e->warning);
        e->n.provisional_late += sent;
    }
    l->owes_warnings = !sent;
    l->warned = sent ? p->warning : l->warned;
    return sent;
}

void listener_catch_warnings(struct listener *l)
{
    struct egress *e = l->egress;

    if (!l->owes_warnings || l->lost || l->warnings >= WARNINGS_MOST)
        return;
    l->owes_warnings = false;
    e->exits.warnings(e->exits.arg, l->warned, catch_one, l);
    if (!e->warning.count)
        buf_free(&e->warning.data);
}

void egress_warned(struct egress *e)
{
    gather_reset(&e->warning);
    buf_free(&e->warning.data); /* alarms are rare */
}

void listener_warnings_taken(struct listener *l, uint32_t count)
{
    l->warnings -= count < l->warnings ? count : l->warnings;
}

/* The message passed the gate once, when it was warned of. */
static void name_sender(char out[LIMIT_NAME_BYTES + 1], const struct parcel *p)
{
    struct peek head;

    out[0] = '\0';
    if (!peek_content(&head, p->content, p->content_len) || !head.sender ||
        head.sender_len > LIMIT_NAME_BYTES)
        return;
    memcpy(out, head.sender, head.sender_len);
    out[head.sender_len] = '\0';
}

void egress_withdraw_one(struct egress *e, void *listener, const struct parcel *p)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Deliver m = EOCBUS__V1__DELIVER__INIT;
    Eocbus__V1__Withdrawn w = EOCBUS__V1__WITHDRAWN__INIT, *list = &w;
    struct listener *l = listener;
    struct rights_question q = listener_ask(p);
    char sender[LIMIT_NAME_BYTES + 1];
    enum status st = ST_NOMEM;
    uint8_t *data;
    size_t len;

    if (!lanes_hold(l->lanes, EOCBUS__V1__LANE__LANE_FLASH) || !listener_may_hear(l, &q))
        return;
    w.message_id.data = (uint8_t *)p->message_id; /* only read */
    w.message_id.len = ID_BYTES;
    w.code = (char *)p->refused->code;
    w.text = p->refused->text;
    name_sender(sender, p);
    w.sender = sender;
    m.subscription = l->subscription;
    m.withdrawn = &list;
    m.n_withdrawn = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_DELIVER;
    f.deliver = &m;
    len = eocbus__v1__frame__get_packed_size(&f);
    data = mem_alloc(len);
    if (data) {
        eocbus__v1__frame__pack(&f, data);
        st = listener_send_now(l, data, len);
        mem_free(data);
    }
    if (st == ST_OK)
        e->n.withdrawn++;
    else
        e->n.provisional_skipped++;
}
