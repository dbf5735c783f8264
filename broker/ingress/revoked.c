/* Keys that open the door no more: revoked, run out, or of nobody any more.
 *
 * Their sessions end with Fault "principal", and with them whatever they listened to. A reader gets
 * a moment for that Fault; then its connection is reset, which throws away what ZeroMQ and the
 * kernel still hold for it, up to megabytes for one on a thin line. One whose socket has no room
 * for the Fault is cut at once. Who comes again with that key is refused in the handshake. */
#include "broker/ingress/room.h"

#include <inttypes.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* The sweep looks once a second, so the timer needs to look no further. */
enum { CUT_MS = 50, SOON_US = 1000000 };

static const char why_text[] = "this key belongs to nobody any more";

static void cut_soon(struct ingress *in, const struct parting_line *l, enum status told)
{
    if (told != ST_OK) {
        hang_up(in, l, false);
        return;
    }
    if (!in->revoked.count)
        loop_timer_start(in->cut, CUT_MS, CUT_MS);
    part_from(in, &in->revoked, l);
}

void put_out(struct ingress *in, struct session *s)
{
    const struct parting_line line = {s->address, s->fd, s->connection, loop_now_us(in->set.loop)};
    enum status told = send_fault(in, &s->address, "principal", why_text, 0);

    log_info("ingress.session.revoked", "principal=%s session=%" PRIu64, s->principal, s->number);
    in->n.revoked++;
    close_session(in, s);
    cut_soon(in, &line, told);
}

void put_out_stranger(struct ingress *in, const struct zport_message *m)
{
    const struct parting_line line = {m->from, m->fd, m->connection, loop_now_us(in->set.loop)};

    cut_soon(in, &line, send_fault(in, &m->from, "principal", why_text, 0));
}

void hang_up_revoked(struct ingress *in)
{
    struct parting_line l;

    while (parting_take_due(&in->revoked, loop_now_us(in->set.loop), &l))
        hang_up(in, &l, false);
    if (!in->revoked.count)
        loop_timer_stop(in->cut);
}

/* Counted from the last look, so that none is passed over when the clock is set. */
void await_next_end(struct ingress *in)
{
    int64_t end_us = access_next_end(in->set.access, in->rechecked_us);
    int64_t left_us = end_us - loop_utc_us(in->set.loop);

    if (left_us <= 0)
        ingress_recheck(in);
    else if (left_us < SOON_US)
        loop_timer_start(in->ends, (unsigned)(left_us / 1000) + 1, 0);
}

void ingress_recheck(struct ingress *in)
{
    struct session *s = sessions_next(in->sessions, NULL);

    in->rechecked_us = loop_utc_us(in->set.loop);
    while (s) {
        struct session *next = sessions_next(in->sessions, s);

        if (!access_holds(in->set.access, s->principal_id, s->principal, s->key))
            put_out(in, s);
        s = next;
    }
    await_next_end(in);
}
