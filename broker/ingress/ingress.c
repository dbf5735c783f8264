/* A message comes in: who is it (ZAP's User-Id, looked up among the principals each time, so that a
 * revoked one is silent from its next message on), is it a Frame (gate), does its connection have a
 * session; then by kind: Hello opens a session, Ping is answered, Publish goes to publish.c, and
 * what concerns listening goes out through `listen`.
 *
 * Every answer that meets a connection that is gone ends the session; functions that may do so say
 * so, and callers do not touch the session afterwards. */
#include "broker/ingress/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* What a frame may unpack to: its bytes again and one Item (48 bytes and two pointers) for each
 * field that gate_frame lets through. */
enum { FRAME_ARENA_BYTES = 2 * 1024 * 1024, SWEEP_MS = 1000 };

/* Items of one Publish that are looked at. Those beyond LIMIT_ITEMS are answered Busy, and their
 * lanes wait for them; looking at the 8,000 that a frame has room for takes 30 ms. */
enum { PUBLISH_ITEMS_MOST = 2 * LIMIT_ITEMS };

/* Principals that may be past some of their quarantine quota at the same time. */
enum { QUARANTINE_PRINCIPALS = 65536 };

/* Heard for this many times the patience of its link: a daemon, whose silence matters. A minute on
 * fiber and 4g, ten on 2g. */
enum { STAYS_TIMES = 3 };

void end_session(struct ingress *in, struct session *s)
{
    uint64_t number = s->number;

    sessions_close(in->sessions, s);
    in->exits.session_gone(in->exits.arg, number);
}

static void lose_session(struct ingress *in, struct session *s)
{
    missing_note(&in->missing, s->principal, s->principal_id, s->link, s->since_us, s->heard_us);
    end_session(in, s);
}

enum status answer_bytes(struct ingress *in, struct session *s, const void *data, size_t len)
{
    enum status st = in->exits.send(in->exits.arg, &s->address, data, len);

    if (st == ST_NOTFOUND)
        lose_session(in, s);
    return st;
}

static enum status pack_frame(struct ingress *in, const Eocbus__V1__Frame *f)
{
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (in->out.cap < len) {
        void *grown = mem_realloc(in->out.data, len);

        if (!grown)
            return ST_NOMEM;
        in->out.data = grown;
        in->out.cap = len;
    }
    in->out.len = eocbus__v1__frame__pack(f, in->out.data);
    return ST_OK;
}

enum status answer_frame(struct ingress *in, struct session *s, const Eocbus__V1__Frame *f)
{
    enum status st = pack_frame(in, f);

    return st == ST_OK ? answer_bytes(in, s, in->out.data, in->out.len) : st;
}

/* To a connection, with or without a session; whether it arrives is not our concern. */
static void send_fault(struct ingress *in, const struct zport_id *to, const char *code,
                       const char *text, unsigned retry_ms)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;

    fault.code = (char *)code;
    fault.text = (char *)text;
    fault.retry_ms = retry_ms;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    in->n.faults++;
    if (pack_frame(in, &f) == ST_OK)
        (void)!in->exits.send(in->exits.arg, to, in->out.data, in->out.len);
}

/* --- Hello --------------------------------------------------------------------------------------
 */

static enum status send_welcome(struct ingress *in, struct session *s)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Welcome w = EOCBUS__V1__WELCOME__INIT;

    w.protocol = PROTOCOL_VERSION;
    w.broker = (char *)in->set.name;
    w.principal = s->principal;
    in->exits.log_place(in->exits.arg, &w.log_epoch, &w.head);
    s->log_epoch = w.log_epoch;
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

static void dismiss(struct ingress *in, struct session *s, const char *code, const char *text,
                    unsigned retry_ms)
{
    send_fault(in, &s->address, code, text, retry_ms);
    end_session(in, s);
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

static void on_hello(struct ingress *in, const struct zport_message *m, struct session *old,
                     const struct principal *p, const Eocbus__V1__Hello *hello)
{
    struct clock_estimate clock = {0};
    uint64_t since_us = loop_now_us(in->set.loop);
    struct session *s;

    if (hello->protocol_min > PROTOCOL_VERSION || hello->protocol_max < PROTOCOL_VERSION) {
        send_fault(in, &m->from, "protocol", "this broker speaks protocol version 1 only", 0);
        return;
    }
    if (old) { /* the same connection begins anew; what is known of its clock stays true */
        clock = old->clock;
        since_us = old->since_us;
        end_session(in, old);
    }
    if (open_session(in, &s, &m->from, p) != ST_OK) {
        send_fault(in, &m->from, "sessions",
                   "the broker has as many sessions as it can hold; say hello again later", 5000);
        return;
    }
    s->clock = clock;
    s->link = link_limits_by_name(hello->link_profile);
    s->since_us = missing_found(&in->missing, p->principal_id, since_us);
    clock_sample(&s->clock, hello->time_us, loop_utc_us(in->set.loop), s->heard_us);
    log_debug("ingress.session", "principal=%s session=%" PRIu64 " program=%s backlog=%" PRIu64,
              p->name, s->number, hello->program, hello->backlog);
    (void)!send_welcome(in, s); /* a connection that is gone ends the session by itself */
}

/* --- other frames -------------------------------------------------------------------------------
 */

static void on_ping(struct ingress *in, struct session *s, const Eocbus__V1__Ping *ping)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Pong pong = EOCBUS__V1__PONG__INIT;
    int64_t utc_us = loop_utc_us(in->set.loop);

    clock_sample(&s->clock, ping->time_us, utc_us, s->heard_us);
    pong.token = ping->token;
    pong.ping_time_us = ping->time_us;
    pong.time_us = utc_us;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &pong;
    (void)!answer_frame(in, s, &f);
}

static void on_session_frame(struct ingress *in, struct session *s, const struct principal *p,
                             const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_PUBLISH:
        if (f->publish->n_items <= PUBLISH_ITEMS_MOST)
            publish_items(in, s, p, f->publish);
        else
            send_fault(in, &s->address, CODE_REPEATS,
                       "more than twice the items of a Publish: none was looked at", 0);
        return;
    case EOCBUS__V1__FRAME__WHAT_PING:
        on_ping(in, s, f->ping);
        return;
    case EOCBUS__V1__FRAME__WHAT_PONG:
        return;
    case EOCBUS__V1__FRAME__WHAT_SUBSCRIBE:
    case EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE:
    case EOCBUS__V1__FRAME__WHAT_CREDIT:
    case EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE:
        in->exits.listen(in->exits.arg, s->number, s->principal, f);
        return;
    default:
        send_fault(in, &s->address, CODE_MALFORMED,
                   "this frame holds nothing that an agent says to a broker", 0);
    }
}

static void on_unreadable(struct ingress *in, const struct zport_message *m,
                          const struct principal *p, const struct refusal *why)
{
    char text[sizeof(why->path) + sizeof(why->text) + 4];

    publish_unreadable(in, p, m->data, m->len, why);
    snprintf(text, sizeof(text), "%s%s%s", why->path, why->path[0] ? ": " : "", why->text);
    send_fault(in, &m->from, why->code, text, 0);
}

/* The session of the connection, if it is still this principal's. */
static struct session *find_session(struct ingress *in, const struct zport_message *m,
                                    const struct principal *p)
{
    struct session *s = sessions_at(in->sessions, &m->from);

    if (s && p && s->principal_id == p->principal_id && strcmp(s->principal, p->name) == 0) {
        sessions_heard(in->sessions, s, loop_now_us(in->set.loop));
        return s;
    }
    if (s)
        end_session(in, s);
    return NULL;
}

static void on_frame(struct ingress *in, const struct zport_message *m, struct session *s,
                     const struct principal *p)
{
    Eocbus__V1__Frame *f = NULL;
    struct refusal why = {0};

    arena_reset(in->frame_arena);
    if (gate_frame(&f, m->data, m->len, in->frame_arena, &why) != ST_OK)
        on_unreadable(in, m, p, &why);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_HELLO)
        on_hello(in, m, s, p, f->hello);
    else if (!s)
        send_fault(in, &m->from, "hello", "say hello first", 1);
    else
        on_session_frame(in, s, p, f);
}

void ingress_on_message(struct ingress *in, const struct zport_message *m)
{
    const struct principal *p;
    struct session *s;

    if (in->stopped)
        return;
    in->n.frames++;
    if (!m->user_id) {
        in->n.unauthenticated++;
        return;
    }
    p = access_find(in->set.access, m->user_id);
    s = find_session(in, m, p);
    if (p)
        on_frame(in, m, s, p);
    else
        send_fault(in, &m->from, "principal", "this key belongs to nobody any more", 0);
}

void ingress_on_broken(struct ingress *in, const struct zport_message *m)
{
    struct session *s = sessions_at(in->sessions, &m->from);

    in->n.broken++;
    if (!s)
        return;
    log_warn("ingress.multipart", "principal=%s session=%" PRIu64, s->principal, s->number);
    send_fault(in, &m->from, CODE_MALFORMED, "one message is one frame; the session has ended",
               1000);
    end_session(in, s);
}

/* --- receipts -----------------------------------------------------------------------------------
 */

void settle_warning(struct ingress *in, const struct parcel *p)
{
    struct parcel gone;

    if (!warned_settle(&in->warned, p, &gone))
        return;
    log_warn("ingress.withdrawn", "principal_id=%d code=%s why=\"%s\"", p->principal_id,
             gone.refused->code, gone.refused->text);
    in->exits.withdraw(in->exits.arg, &gone);
}

/* Also when the session that brought it is gone. */
static void count_fate(struct ingress *in, const struct parcel *p)
{
    struct sender *sender = p->session ? sessions_sender(in->sessions, p->principal_id) : NULL;

    if (!sender)
        return;
    sender_gave(sender, p->content_len);
    sender_release(sender);
}

void ingress_settled(struct ingress *in, const struct parcel *p)
{
    struct session *s = p->session ? sessions_number(in->sessions, p->session) : NULL;

    settle_warning(in, p);
    count_fate(in, p);
    if (!s)
        return;
    s->unsettled_bytes -= p->content_len < s->unsettled_bytes ? p->content_len : s->unsettled_bytes;
    if (!receipts_add(s, p)) {
        end_session(in, s);
        return;
    }
    if (list_empty(&s->owing))
        list_add_tail(&in->owing, &s->owing);
}

void ingress_settled_all(struct ingress *in)
{
    struct list mine;
    struct list *link;

    list_init(&mine);
    list_move(&mine, &in->owing);
    while ((link = list_first(&mine)))
        receipts_flush(in, container_of(link, struct session, owing));
}

void ingress_writable(struct ingress *in)
{
    ingress_settled_all(in);
}

/* --- sessions that end --------------------------------------------------------------------------
 */

bool ingress_address(const struct ingress *in, uint64_t session, struct zport_id *out)
{
    const struct session *s = sessions_number(in->sessions, session);

    if (s)
        *out = s->address;
    return s;
}

const struct link_limits *ingress_link(const struct ingress *in, uint64_t session)
{
    const struct session *s = sessions_number(in->sessions, session);

    return s ? s->link : link_limits_by_name(NULL);
}

void ingress_session_lost(struct ingress *in, uint64_t session)
{
    struct session *s = sessions_number(in->sessions, session);

    if (s)
        lose_session(in, s);
}

void ingress_log_epoch(struct ingress *in, uint32_t log_epoch)
{
    struct session *s = sessions_next(in->sessions, NULL);

    while (s) {
        struct session *next = sessions_next(in->sessions, s);

        if (s->log_epoch != log_epoch)
            dismiss(in, s, "hello", "the log was not the same when you said hello: say it again",
                    1);
        s = next;
    }
}

void ingress_recheck(struct ingress *in)
{
    struct session *s = sessions_next(in->sessions, NULL);

    while (s) {
        struct session *next = sessions_next(in->sessions, s);
        const struct principal *p = access_find(in->set.access, s->principal);

        if (!p || p->principal_id != s->principal_id) {
            log_info("ingress.session.revoked", "principal=%s session=%" PRIu64, s->principal,
                     s->number);
            dismiss(in, s, "principal", "this key belongs to nobody any more", 0);
        }
        s = next;
    }
}

/* A principal may have several sessions: an old one that its agent gave up says nothing about it.
 */
static bool is_heard_elsewhere(const struct ingress *in, int32_t principal_id,
                               const struct session *but, uint64_t after_us)
{
    const struct session *s = NULL;

    while ((s = sessions_next(in->sessions, s)))
        if (s != but && s->principal_id == principal_id && s->heard_us > after_us)
            return true;
    return false;
}

/* A command that a person ran is over when it is done, and says no more than a dead one. A daemon
 * is known by having been here for a while. */
static bool was_here_to_stay(const struct link_limits *link, uint64_t since_us, uint64_t heard_us)
{
    return heard_us - since_us >= STAYS_TIMES * (uint64_t)link->silent_ms * 1000;
}

static void report_dead(struct ingress *in, const char *principal, const struct link_limits *link,
                        uint64_t silent_us)
{
    in->n.silent++;
    log_warn("ingress.agent.silent", "principal=%s link=%s silent_s=%" PRIu64, principal,
             link->name, silent_us / 1000000);
}

static void end_silent(struct ingress *in, struct session *s, uint64_t now_us)
{
    if (was_here_to_stay(s->link, s->since_us, s->heard_us) &&
        !is_heard_elsewhere(in, s->principal_id, s, s->heard_us))
        report_dead(in, s->principal, s->link, now_us - s->heard_us);
    end_session(in, s);
}

static void report_missing(struct ingress *in, uint64_t now_us)
{
    struct missing_agent dead;

    while (missing_take_dead(&in->missing, now_us, &dead))
        if (was_here_to_stay(dead.limits, dead.since_us, dead.heard_us) &&
            !is_heard_elsewhere(in, dead.principal_id, NULL, dead.heard_us))
            report_dead(in, dead.principal, dead.limits, now_us - dead.heard_us);
}

/* Principals expire and sessions fall silent without anybody telling us. Sessions stand in the
 * order in which they were last heard, but each has the patience of its own link, so all are looked
 * at: 10,000 take 0.1 ms, once a second. */
static void on_sweep(void *arg)
{
    struct ingress *in = arg;
    uint64_t now_us = loop_now_us(in->set.loop);
    struct session *next = sessions_next(in->sessions, NULL);

    while (in->set.idle_ms && next) {
        struct session *s = next;
        unsigned most_ms =
            s->link->silent_ms < in->set.idle_ms ? s->link->silent_ms : in->set.idle_ms;

        next = sessions_next(in->sessions, s);
        if (now_us - s->heard_us >= (uint64_t)most_ms * 1000)
            end_silent(in, s, now_us);
    }
    report_missing(in, now_us);
    ingress_settled_all(in); /* should a `writable` have been missed */
}

/* --- life ---------------------------------------------------------------------------------------
 */

static enum status create_parts(struct ingress *in)
{
    enum status st = sessions_create(&in->sessions, in->set.sessions_max);

    if (st == ST_OK)
        st = quota_book_create(&in->quarantine, in->set.quarantine_per_hour, QUOTA_HOUR_US,
                               QUARANTINE_PRINCIPALS);
    if (st == ST_OK)
        st = warned_init(&in->warned);
    if (st == ST_OK)
        st = arena_create(&in->frame_arena, FRAME_ARENA_BYTES);
    if (st == ST_OK)
        st = arena_create(&in->content_arena, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = loop_timer_create(&in->sweep, in->set.loop, on_sweep, in);
    return st;
}

enum status ingress_create(struct ingress **out, const struct ingress_settings *set,
                           const struct ingress_exits *exits)
{
    struct ingress *in = mem_zalloc(sizeof(*in));
    enum status st;

    if (!in)
        return ST_NOMEM;
    in->set = *set;
    in->exits = *exits;
    list_init(&in->owing);
    missing_init(&in->missing, set->sessions_max);
    st = create_parts(in);
    if (st != ST_OK) {
        ingress_destroy(in);
        return st;
    }
    loop_timer_start(in->sweep, SWEEP_MS, SWEEP_MS);
    *out = in;
    return ST_OK;
}

void ingress_destroy(struct ingress *in)
{
    if (!in)
        return;
    loop_timer_destroy(in->sweep);
    sessions_destroy(in->sessions);
    missing_free(&in->missing);
    warned_free(&in->warned);
    quota_book_destroy(in->quarantine);
    if (in->content_arena)
        arena_destroy(in->content_arena);
    if (in->frame_arena)
        arena_destroy(in->frame_arena);
    buf_free(&in->out);
    mem_free(in);
}

void ingress_stop(struct ingress *in)
{
    in->stopped = true;
}

void ingress_set(struct ingress *in, const struct ingress_settings *set)
{
    in->set.window_items = set->window_items;
    in->set.window_bytes = set->window_bytes;
    in->set.idle_ms = set->idle_ms;
    if (in->set.quarantine_per_hour == set->quarantine_per_hour)
        return;
    in->set.quarantine_per_hour = set->quarantine_per_hour;
    quota_book_set(in->quarantine, set->quarantine_per_hour, loop_now_us(in->set.loop));
}

void ingress_counters(const struct ingress *in, struct ingress_counters *out)
{
    *out = in->n;
    out->sessions = sessions_count(in->sessions);
}
