/* Subscribe: who may hear what, and the listener that comes of it. */
#include <inttypes.h>
#include <string.h>

#include "broker/egress/room.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

struct list *listener_bucket(struct egress *e, uint64_t session)
{
    return &e->by_session[session & (EGRESS_BUCKETS - 1)];
}

struct listener *listener_find(struct egress *e, uint64_t session, uint32_t subscription)
{
    struct list *link, *bucket = listener_bucket(e, session);

    list_each(link, bucket) {
        struct listener *l = container_of(link, struct listener, by_session);

        if (l->session == session && l->subscription == subscription)
            return l;
    }
    return NULL;
}

static unsigned count_listeners(struct egress *e, uint64_t session)
{
    struct list *link, *bucket = listener_bucket(e, session);
    unsigned n = 0;

    list_each(link, bucket)
        n += container_of(link, struct listener, by_session)->session == session;
    return n;
}

/* At most 60 lines an hour; the counter goes on. */
static void note_denial(struct egress *e, const char *principal, const struct refusal *why)
{
    e->n.refused++;
    if (quota_take(&e->denials, 1, loop_now_us(e->set.loop)))
        log_warn("egress.denied", "principal=%s code=%s total=%" PRIu64, principal, why->code,
                 e->n.refused);
}

/* One pattern that could bring something will do: the others are silent. */
static bool check_rights(struct egress *e, uint64_t session, const char *principal,
                         const Eocbus__V1__Subscribe *m)
{
    struct refusal why = {.code = CODE_RIGHTS};

    for (size_t i = 0; i < m->n_patterns; i++)
        if (e->exits.may_listen(e->exits.arg, session, m->patterns[i], &why) == ST_OK)
            return true;
    note_denial(e, principal, &why);
    listener_fault(e, session, m->subscription, why.code, why.text);
    return false;
}

static bool check_patterns(struct egress *e, uint64_t session, const char *principal,
                           const Eocbus__V1__Subscribe *m)
{
    for (size_t i = 0; i < m->n_patterns; i++) {
        const char *fault = pattern_fault(m->patterns[i]);

        if (fault) {
            listener_fault(e, session, m->subscription, "pattern", fault);
            return false;
        }
    }
    return check_rights(e, session, principal, m);
}

/* A key that nobody vouches for must not move the place of the one that officers signed for. */
static bool check_place(struct egress *e, uint64_t session, const Eocbus__V1__Subscribe *m)
{
    const struct principal *who = e->exits.who(e->exits.arg, session);

    if (!m->name || !m->name[0] || !who || !who->is_beside)
        return true;
    listener_fault(e, session, m->subscription, CODE_RIGHTS,
                   "officers signed for another key of this name, and a place in the log is kept "
                   "for that one alone");
    return false;
}

static bool check_room(struct egress *e, uint64_t session, const Eocbus__V1__Subscribe *m)
{
    if (listener_find(e, session, m->subscription)) {
        listener_fault(e, session, m->subscription, "subscription",
                       "this number is in use in your session");
        return false;
    }
    if (count_listeners(e, session) >= LIMIT_SUBSCRIPTIONS ||
        e->n.listeners >= e->set.listeners_max) {
        listener_fault(e, session, m->subscription, "subscription", "too many subscriptions");
        return false;
    }
    return true;
}

/* "*.sensor.siren_command.**": the third level is the type. */
static bool names_sirens(const char *pattern)
{
    const char *type = strchr(pattern, '.');

    type = type ? strchr(type + 1, '.') : NULL;
    return type && strncmp(type, ".siren_command.", strlen(".siren_command.")) == 0;
}

static bool copy_patterns(struct listener *l, const Eocbus__V1__Subscribe *m)
{
    struct egress *e = l->egress;

    l->patterns = mem_zalloc(m->n_patterns * sizeof(*l->patterns));
    if (!l->patterns)
        return false;
    l->is_siren = m->n_patterns > 0;
    for (size_t i = 0; i < m->n_patterns; i++) {
        enum status st;

        l->is_siren = l->is_siren && names_sirens(m->patterns[i]);
        l->patterns[i] = mem_strdup(m->patterns[i]);
        if (!l->patterns[i])
            return false;
        l->pattern_count++;
        st = e->exits.want(e->exits.arg, l->patterns[i], l);
        if (st != ST_OK && st != ST_EXISTS)
            return false;
    }
    return true;
}

static void fit_link(struct listener *l, uint32_t credit)
{
    struct egress *e = l->egress;
    size_t window_bytes = e->set.window_bytes;

    l->frame_bytes = PACK_FRAME_BYTES;
    if (e->exits.limit)
        e->exits.limit(e->exits.arg, l->session, &l->frame_bytes, &window_bytes);
    window_init(&l->window, window_bytes, credit);
}

/* A list of nothing but words from later versions leaves nothing, rather than everything. */
static unsigned read_lanes(const Eocbus__V1__Subscribe *m)
{
    unsigned lanes = 0;

    for (size_t i = 0; i < m->n_lanes; i++)
        if (lanes_hold(LANES_ALL, m->lanes[i]))
            lanes |= 1u << m->lanes[i];
    return m->n_lanes ? lanes : LANES_ALL;
}

static struct listener *create_listener(struct egress *e, uint64_t session, const char *principal,
                                        const Eocbus__V1__Subscribe *m)
{
    struct listener *l = mem_zalloc(sizeof(*l));

    if (!l)
        return NULL;
    l->egress = e;
    l->session = session;
    l->subscription = m->subscription;
    l->has_after = m->_after_case == EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
    if (m->_after_case == EOCBUS__V1__SUBSCRIBE___AFTER_AFTER_TIME_US) {
        l->has_after = true; /* its own word, though the number has to be found */
        l->start_time_us = m->after_time_us > 0 ? m->after_time_us : 1;
    }
    l->from_now = !l->has_after && !m->from_first;
    l->upto = m->upto ? m->upto : UINT64_MAX;
    l->wants_lasts = m->last_values;
    l->start = m->_after_case == EOCBUS__V1__SUBSCRIBE___AFTER_AFTER ? m->after : 0;
    l->start_epoch = m->log_epoch;
    l->born_us = loop_now_us(e->set.loop);
    l->lanes = read_lanes(m);
    fit_link(l, m->credit);
    list_init(&l->hungry);
    list_init(&l->full);
    list_add_tail(&e->all, &l->all);
    list_add_tail(listener_bucket(e, session), &l->by_session);
    e->n.listeners++;
    if (m->to_me)
        l->to_me = mem_strdup(principal);
    l->principal = mem_strdup(principal);
    l->who = e->exits.who(e->exits.arg, session);
    if (!l->to_me == !m->to_me && l->principal && copy_patterns(l, m) && durable_begin(l, m))
        return l;
    listener_end(l);
    return NULL;
}

/* Alarms that stand wait for nothing, as when it had been here before them; but Subscribed goes
 * first if it can. */
static void begin_listening(struct listener *l)
{
    struct egress *e = l->egress;
    uint64_t session = l->session;
    uint32_t subscription = l->subscription;

    l->owes_warnings = true;
    listener_place(l);
    l = listener_find(e, session, subscription); /* a start that is not legal has ended it */
    if (l)
        listener_catch_warnings(l);
}

void egress_subscribe(struct egress *e, uint64_t session, const char *principal,
                      const Eocbus__V1__Subscribe *m)
{
    struct listener *l;

    egress_learn_place(e);
    if (!check_patterns(e, session, principal, m) || !check_place(e, session, m) ||
        !check_room(e, session, m))
        return;
    l = create_listener(e, session, principal, m);
    if (l)
        begin_listening(l);
    else
        listener_fault(e, session, m->subscription, CODE_MEMORY,
                       "the broker has no memory for it now");
}
