/* Warn first: what has no number yet goes to a listener at once, past its credit, its window and
 * its place in the log, and changes none of them. A small allowance of its own bounds what one that
 * does not read can make us hold; what is skipped comes from the log like everything else. */
#include <string.h>

#include "broker/egress/room.h"

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

void egress_warn_one(struct egress *e, void *listener, const struct parcel *p)
{
    struct listener *l = listener;
    struct rights_question q = listener_ask(p);
    const uint8_t *frame;
    size_t len;

    if (!lanes_hold(l->lanes, EOCBUS__V1__LANE__LANE_FLASH) ||
        (l->to_me && !parcel_is_for(p, l->to_me)) || l->egress->head >= l->upto ||
        !listener_may_hear(l, &q))
        return;
    if (l->warnings >= WARNINGS_MOST || !pack_once(e, p)) {
        e->n.provisional_skipped++;
        return;
    }
    frame = gather_frame(&e->warning, l->subscription, &len);
    if (listener_send_now(l, frame, len) != ST_OK) {
        e->n.provisional_skipped++;
        return;
    }
    l->warnings++;
    e->n.provisional++;
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

void egress_withdraw_one(struct egress *e, void *listener, const struct parcel *p)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Deliver m = EOCBUS__V1__DELIVER__INIT;
    Eocbus__V1__Withdrawn w = EOCBUS__V1__WITHDRAWN__INIT, *list = &w;
    struct listener *l = listener;
    struct rights_question q = listener_ask(p);
    enum status st = ST_NOMEM;
    uint8_t *data;
    size_t len;

    if (!lanes_hold(l->lanes, EOCBUS__V1__LANE__LANE_FLASH) || !listener_may_hear(l, &q))
        return;
    w.message_id.data = (uint8_t *)p->message_id; /* only read */
    w.message_id.len = ID_BYTES;
    w.code = (char *)p->refused->code;
    w.text = p->refused->text;
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
