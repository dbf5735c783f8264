/* Hello opens a session, in place of what the connection had before; when there are too many, the
 * principal's own longest silent one makes room. */
#include "broker/ingress/room.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Raises of the log epoch for a Welcome. */
struct raises {
    Eocbus__V1__Raise at[LOG_PAST_MOST], *list[LOG_PAST_MOST];
};

static void tell_raises(struct ingress *in, struct raises *r, Eocbus__V1__Welcome *w)
{
    const struct log_past *past = in->exits.log_past(in->exits.arg);

    for (unsigned i = 0; i < past->count; i++) {
        eocbus__v1__raise__init(&r->at[i]);
        r->at[i].log_epoch = past->at[i].log_epoch;
        r->at[i].same_upto = past->at[i].same_upto;
        r->list[i] = &r->at[i];
    }
    w->n_raises = past->count;
    w->raises = r->list;
}

static enum status send_welcome(struct ingress *in, struct session *s)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Welcome w = EOCBUS__V1__WELCOME__INIT;
    struct raises raises;

    w.protocol = PROTOCOL_VERSION;
    w.broker = (char *)in->set.name;
    w.principal = s->principal;
    in->exits.log_place(in->exits.arg, &w.log_epoch, &w.head);
    s->log_epoch = w.log_epoch;
    tell_raises(in, &raises, &w);
    w.time_us = loop_utc_us(in->set.loop);
    w.max_frame_bytes = LIMIT_FRAME_BYTES;
    w.max_content_bytes = LIMIT_CONTENT_BYTES;
    w.max_items = LIMIT_ITEMS;
    w.window_items = in->set.window_items;
    w.window_bytes = (uint32_t)in->set.window_bytes;
    w.session = s->number;
    w.store_away = !in->exits.store_is_here(in->exits.arg);
    f.what_case = EOCBUS__V1__FRAME__WHAT_WELCOME;
    f.welcome = &w;
    return answer_frame(in, s, &f);
}

static bool has_too_many(const struct ingress *in, int32_t principal_id)
{
    const struct sender *sender = sessions_sender(in->sessions, principal_id);

    return in->set.sessions_per_principal && sender &&
           sender->sessions >= in->set.sessions_per_principal;
}

/* A full table, or more connections than one principal may have: its own longest silent session
 * makes room. So one whose line flaps comes in at once, while the broker still believes in what it
 * left behind, and takes places from nobody else. */
static enum status open_session(struct ingress *in, struct session **out,
                                const struct zport_id *from, const struct principal *p)
{
    uint64_t now_us = loop_now_us(in->set.loop);
    enum status st = has_too_many(in, p->principal_id)
                         ? ST_FULL
                         : sessions_open(out, in->sessions, from, p->name, p->principal_id, now_us);
    struct session *own;

    if (st != ST_FULL)
        return st;
    own = sessions_oldest(in->sessions, p->principal_id);
    if (!own)
        return ST_FULL;
    log_info("ingress.session.replaced", "principal=%s session=%" PRIu64, p->name, own->number);
    dismiss(in, own, "sessions", "a newer connection of this principal took its place", 5000);
    return sessions_open(out, in->sessions, from, p->name, p->principal_id, now_us);
}

void open_by_hello(struct ingress *in, const struct zport_message *m, struct session *old,
                   const struct principal *p, const Eocbus__V1__Hello *hello)
{
    struct clock_estimate clock = {0};
    uint64_t since_us = loop_now_us(in->set.loop);
    struct session *s;

    if (hello->protocol_min > PROTOCOL_VERSION || hello->protocol_max < PROTOCOL_VERSION) {
        refuse_stranger(in, m, "protocol", "this broker speaks protocol version 1 only", 0);
        return;
    }
    if (old) { /* the same connection begins anew; what is known of its clock stays true */
        clock = old->clock;
        since_us = old->since_us;
        close_session(in, old);
    }
    if (open_session(in, &s, &m->from, p) != ST_OK) {
        refuse_stranger(in, m, "sessions",
                        "the broker has as many sessions as it can hold; say hello again later",
                        5000);
        return;
    }
    s->clock = clock;
    s->backlog = hello->backlog;
    memcpy(s->key, p->public_key, sizeof(s->key));
    s->fd = m->fd;
    s->connection = m->connection;
    s->link = link_limits_by_name(hello->link_profile);
    s->since_us = missing_found(&in->missing, p->principal_id, since_us);
    clock_sample(&s->clock, hello->time_us, loop_utc_us(in->set.loop), s->heard_us);
    log_debug("ingress.session", "principal=%s session=%" PRIu64 " program=%s backlog=%" PRIu64,
              p->name, s->number, hello->program, hello->backlog);
    if (hello->known_seq)
        in->exits.claim(in->exits.arg, p->principal_id, hello->known_log_epoch, hello->known_seq);
    if (send_welcome(in, s) != ST_NOTFOUND) /* that ends the session by itself */
        ask_clock(in, s);
}

void ask_clock(struct ingress *in, struct session *s)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Ping ping = EOCBUS__V1__PING__INIT;
    int64_t utc_us = loop_utc_us(in->set.loop);

    if (!clock_asks(&s->clock, utc_us, s->heard_us))
        return;
    ping.token = s->number;
    ping.time_us = utc_us;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &ping;
    (void)!answer_frame(in, s, &f);
}
