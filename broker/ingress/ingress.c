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

/* Lines of one kind in the log; counters go on. */
enum { LINES_PER_HOUR = 60 };

/* Principals that may have used some of a quota at the same time. */
enum { QUOTA_PRINCIPALS = 65536 };

/* --- other frames ----------------------------------------------------------------------------- */

static void on_ping(struct ingress *in, struct session *s, const Eocbus__V1__Ping *ping)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Pong pong = EOCBUS__V1__PONG__INIT;
    int64_t utc_us = loop_utc_us(in->set.loop);

    clock_sample(&s->clock, ping->time_us, utc_us, s->heard_us);
    pong.token = ping->token;
    pong.ping_time_us = ping->time_us;
    pong.time_us = utc_us;
    pong.store_away = !in->exits.store_is_here(in->exits.arg);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &pong;
    if (answer_frame(in, s, &f) != ST_NOTFOUND)
        ask_clock(in, s);
}

static void on_session_frame(struct ingress *in, struct session *s, const struct principal *p,
                             const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_PUBLISH:
        if (f->publish->log_epoch && f->publish->log_epoch < s->log_epoch)
            return; /* said before our Welcome was read: it all comes again, from the lowest on */
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
        clock_answer(&s->clock, f->pong->ping_time_us, f->pong->time_us, s->heard_us);
        return;
    case EOCBUS__V1__FRAME__WHAT_WHO:
        answer_who(in, s, f->who);
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

    if (s && s->principal_id == p->principal_id && strcmp(s->principal, p->name) == 0) {
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
        open_by_hello(in, m, s, p, f->hello);
    else if (!s)
        refuse_stranger(in, m, "hello", "say hello first", 1);
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
    p = access_find_user(in->set.access, m->user_id);
    if (p)
        on_frame(in, m, find_session(in, m, p), p);
    else if ((s = sessions_at(in->sessions, &m->from)))
        put_out(in, s);
    else
        put_out_stranger(in, m);
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

/* --- sessions that end ------------------------------------------------------------------------ */

bool ingress_address(const struct ingress *in, uint64_t session, struct zport_id *out)
{
    const struct session *s = sessions_number(in->sessions, session);

    if (s)
        *out = s->address;
    return s;
}

const struct principal *ingress_who(const struct ingress *in, uint64_t session)
{
    const struct session *s = sessions_number(in->sessions, session);

    return s ? access_find_both(in->set.access, s->principal, s->key) : NULL;
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

static void on_sweep(void *arg)
{
    struct ingress *in = arg;

    sweep_silent(in);
    await_next_end(in); /* the wall clock may have been set */
    part_from_due(in);
    ingress_settled_all(in); /* should a `writable` have been missed */
}

static void on_cut(void *arg)
{
    hang_up_revoked(arg);
}

static void on_end_of_key(void *arg)
{
    ingress_recheck(arg);
}

/* --- life ------------------------------------------------------------------------------------- */

/* Connections without a session. One whose session ended may have 1.5 MiB waiting for it
 * (SEND_HIGH_WATER, broker/door.c); one that never had any has a Fault. */
enum { ENDED_MOST = 8, STRANGERS_MOST = 1024, REVOKED_MOST = 1024 };
/* To read why. What waits for one whose key was revoked is not read any more after that. */
#define ENDED_GRACE_US   UINT64_C(2000000)
#define REVOKED_GRACE_US UINT64_C(200000)

static struct allowance_limits limits_of(const struct ingress_settings *set)
{
    return (struct allowance_limits){.items_per_second = set->messages_per_second,
                                     .bytes_per_second = (uint32_t)set->bytes_per_second,
                                     .alarms_per_minute = set->flash_per_minute};
}

static enum status create_parts(struct ingress *in)
{
    struct allowance_limits limits = limits_of(&in->set);
    enum status st = sessions_create(&in->sessions, in->set.sessions_max);

    if (st == ST_OK)
        st = quota_book_create(&in->quarantine, in->set.quarantine_per_hour, QUOTA_HOUR_US,
                               QUOTA_PRINCIPALS);
    if (st == ST_OK)
        st = allowance_create(&in->allowance, &limits, QUOTA_PRINCIPALS);
    if (st == ST_OK)
        st = parting_init(&in->ended, ENDED_MOST, ENDED_GRACE_US);
    if (st == ST_OK)
        st = parting_init(&in->strangers, STRANGERS_MOST, ENDED_GRACE_US);
    if (st == ST_OK)
        st = parting_init(&in->revoked, REVOKED_MOST, REVOKED_GRACE_US);
    if (st == ST_OK)
        st = warned_init(&in->warned);
    if (st == ST_OK)
        st = arena_create(&in->frame_arena, FRAME_ARENA_BYTES);
    if (st == ST_OK)
        st = arena_create(&in->content_arena, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = loop_timer_create(&in->sweep, in->set.loop, on_sweep, in);
    if (st == ST_OK)
        st = loop_timer_create(&in->cut, in->set.loop, on_cut, in);
    if (st == ST_OK)
        st = loop_timer_create(&in->ends, in->set.loop, on_end_of_key, in);
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
    quota_init(&in->denials, LINES_PER_HOUR, QUOTA_HOUR_US, loop_now_us(set->loop));
    quota_init(&in->overs, LINES_PER_HOUR, QUOTA_HOUR_US, loop_now_us(set->loop));
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
    loop_timer_destroy(in->ends);
    loop_timer_destroy(in->cut);
    loop_timer_destroy(in->sweep);
    sessions_destroy(in->sessions);
    missing_free(&in->missing);
    parting_free(&in->ended);
    parting_free(&in->strangers);
    parting_free(&in->revoked);
    warned_free(&in->warned);
    allowance_destroy(in->allowance);
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

static void set_allowance(struct ingress *in, const struct ingress_settings *set)
{
    struct allowance_limits limits = limits_of(set);

    in->set.messages_per_second = set->messages_per_second;
    in->set.bytes_per_second = set->bytes_per_second;
    in->set.flash_per_minute = set->flash_per_minute;
    allowance_set(in->allowance, &limits, loop_now_us(in->set.loop));
}

void ingress_set(struct ingress *in, const struct ingress_settings *set)
{
    in->set.window_items = set->window_items;
    in->set.window_bytes = set->window_bytes;
    in->set.idle_ms = set->idle_ms;
    set_allowance(in, set);
    if (in->set.quarantine_per_hour == set->quarantine_per_hour)
        return;
    in->set.quarantine_per_hour = set->quarantine_per_hour;
    quota_book_set(in->quarantine, set->quarantine_per_hour, loop_now_us(in->set.loop));
}

void ingress_counters(const struct ingress *in, struct ingress_counters *out)
{
    *out = in->n;
    out->busy_window = in->busy_for[BUSY_WINDOW] + in->busy_for[BUSY_ITEMS];
    out->busy_lane = in->busy_for[BUSY_LANE];
    out->busy_quota = in->busy_for[BUSY_QUOTA];
    out->busy_full = in->busy_for[BUSY_FULL];
    out->busy_away = in->busy_for[BUSY_AWAY];
    out->sessions = sessions_count(in->sessions);
}
