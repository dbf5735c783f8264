/* agent - see agent.h
 *
 * One connection, one session at a time:
 *
 *   DOWN ──back-off──▶ CONNECTING ──link up──▶ GREETING ──Welcome──▶ IN SESSION
 *     ▲                    │ too long (next endpoint)  │ no answer, Fault   │ link lost, silence,
 * Fault └────────────────────┴───────────────────────────┴────────────────────┘
 *
 * A lost session always gets a new socket, on the next endpoint: what waited in the old one's
 * queues is gone with it, and the outbox offers it again. Work is gathered during a loop turn and
 * done once at its end, in on_turn: commit (one fsync), tell the program, send. */
#include "agents/link/agent.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/downlink.h"
#include "agents/link/profile.h"
#include "agents/link/uplink.h"
#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/zport.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

#define TICK_MS      200u /* how soon a daemon sees what a command put beside it */
#define TIDY_TICKS   300u /* a minute */
#define SILENT_MOST  3u   /* intervals */
#define AUTH_FACTOR  10u  /* a key that is not known yet will not be known in 100 ms */
#define AUTH_MOST_MS 60000u
#define FRAME_ARENA  (4u * LIMIT_ARENA_BYTES)
#define HANDSHAKE_MS 30000u /* HOUSE.md: 3 s never connects on 2G */

enum agent_link_state {
    AGENT_DOWN,
    AGENT_CONNECTING,
    AGENT_GREETING,
    AGENT_IN_SESSION,
    AGENT_STATES
};

static const unsigned may_follow[AGENT_STATES] = {
    [AGENT_DOWN] = BIT(AGENT_CONNECTING),
    [AGENT_CONNECTING] = BIT(AGENT_GREETING) | BIT(AGENT_DOWN),
    [AGENT_GREETING] = BIT(AGENT_IN_SESSION) | BIT(AGENT_DOWN),
    [AGENT_IN_SESSION] = BIT(AGENT_GREETING) | BIT(AGENT_DOWN),
};

static const char *const state_words[AGENT_STATES] = {"down", "connecting", "greeting", "session"};

struct agent {
    struct loop *loop; /* borrowed, outlives us */
    struct agent_events events;
    const struct link_profile *profile;
    char *program, *broker_key;
    char **endpoints;
    unsigned endpoint_count, endpoint; /* the one in use */
    struct keys keys;

    struct loop_hook *hook;
    struct loop_timer *tick, *link_timer, *ping_timer;
    struct zctx *zctx;
    struct zport *port;
    struct arena *arena; /* of incoming frames */
    struct buf frame;    /* outgoing */

    struct outbox *outbox; /* NULL if it only listens */
    struct uplink *uplink; /* NULL with it */
    struct downlink *downlink;

    enum agent_link_state state;
    unsigned failures; /* since the last Welcome */
    unsigned silent;   /* ping intervals without a frame */
    bool heard;        /* a frame, in this interval */
    bool told_up;
    bool sends; /* the outbox lock is ours */
    bool want_pump, want_commit, drained;
    bool outbox_trouble_told;
    unsigned ticks;
    struct agent_state seen; /* what the broker said */
    char trouble[256];
};

static void enter(struct agent *a, enum agent_link_state next)
{
    assert(may_follow[a->state] & BIT(next));
    log_debug("agent.state", "from=%s to=%s endpoint=%s", state_words[a->state], state_words[next],
              a->endpoints[a->endpoint]);
    a->state = next;
}

/* --- sending ------------------------------------------------------------------------------------
 */

static enum status send_frame(void *arg, const Eocbus__V1__Frame *f)
{
    struct agent *a = arg;
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (!a->port || a->state < AGENT_GREETING)
        return ST_CLOSED;
    if (a->frame.cap < len) {
        unsigned char *data = mem_realloc(a->frame.data, len + 4096);

        if (!data)
            return ST_NOMEM;
        a->frame.data = data;
        a->frame.cap = len + 4096;
    }
    eocbus__v1__frame__pack(f, a->frame.data);
    return zport_send(a->port, NULL, a->frame.data, len);
}

static void on_hungry(void *arg)
{
    struct agent *a = arg;

    a->want_pump = true;
}

static uint64_t count_waiting(struct agent *a)
{
    struct outbox_counts c = {0};
    uint64_t waiting = 0;

    if (!a->outbox || outbox_counts(a->outbox, &c) != ST_OK)
        return 0;
    for (unsigned lane = 1; lane < ARRAY_LEN(c.waiting); lane++)
        waiting += c.waiting[lane];
    return waiting;
}

static void say_hello(struct agent *a)
{
    Eocbus__V1__Hello m = EOCBUS__V1__HELLO__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.protocol_min = m.protocol_max = PROTOCOL_VERSION;
    m.program = a->program;
    m.epoch = a->outbox ? outbox_epoch(a->outbox) : 0;
    m.time_us = loop_utc_us(a->loop);
    m.link_profile = (char *)a->profile->name;
    m.backlog = count_waiting(a);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &m;
    if (send_frame(a, &f) != ST_OK)
        log_debug("agent.hello.unsent", "endpoint=%s", a->endpoints[a->endpoint]);
}

static void send_ping(struct agent *a)
{
    Eocbus__V1__Ping m = EOCBUS__V1__PING__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.token = loop_exact_us(a->loop);
    m.time_us = loop_utc_us(a->loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &m;
    (void)!send_frame(a, &f);
}

/* --- a session ends -----------------------------------------------------------------------------
 */

static void note_trouble(struct agent *a, const char *why)
{
    snprintf(a->trouble, sizeof(a->trouble), "%s", why);
}

static void leave_session(struct agent *a)
{
    if (a->uplink)
        uplink_end(a->uplink);
    downlink_end(a->downlink);
}

static void tell_down(struct agent *a, const char *why)
{
    bool was_up = a->told_up;

    a->told_up = false;
    if (was_up && a->events.linked)
        a->events.linked(a->events.arg, false, why);
}

/* Gives the socket up and comes back after wait_ms with a new one, on the next endpoint. The socket
 * is destroyed from the link timer, never from inside its own callback. */
static void cut(struct agent *a, const char *why, unsigned wait_ms)
{
    note_trouble(a, why);
    if (a->state == AGENT_DOWN)
        return;
    leave_session(a);
    enter(a, AGENT_DOWN);
    zport_destroy(a->port);
    a->port = NULL;
    a->failures++;
    a->endpoint = (a->endpoint + 1) % a->endpoint_count;
    loop_timer_stop(a->ping_timer);
    loop_timer_start(a->link_timer, wait_ms, 0);
    log_warn("agent.link.lost", "why=\"%s\" retry_ms=%u next=%s", why, wait_ms,
             a->endpoints[a->endpoint]);
    tell_down(a, why);
}

static unsigned backoff_ms(struct agent *a)
{
    uint32_t random;

    loop_random(a->loop, &random, sizeof(random));
    return link_profile_backoff_ms(a->profile, a->failures, random);
}

static void cut_unknown_key(struct agent *a, const char *why)
{
    unsigned wait = backoff_ms(a) * AUTH_FACTOR;
    char text[256];

    if (wait > AUTH_MOST_MS)
        wait = AUTH_MOST_MS;
    snprintf(text, sizeof(text), "%s: ask for public key %s to be enrolled (eocctl principal add)",
             why, a->keys.public_z85);
    log_warn("agent.key.unknown",
             "endpoint=%s public=%s the broker does not know this key (yet): "
             "enrol it with eocctl principal add; trying again in %u ms",
             a->endpoints[a->endpoint], a->keys.public_z85, wait);
    cut(a, text, wait);
}

/* --- what the socket says -----------------------------------------------------------------------
 */

static void on_linked(void *arg, bool up, const char *why)
{
    struct agent *a = arg;

    if (up && a->state == AGENT_CONNECTING) {
        enter(a, AGENT_GREETING);
        a->silent = 0;
        a->heard = true;
        loop_timer_start(a->ping_timer, a->profile->ping_ms, a->profile->ping_ms);
        loop_timer_stop(a->link_timer);
        say_hello(a);
    } else if (!up && why && strstr(why, "refused this key")) {
        cut_unknown_key(a, why);
    } else if (!up) {
        cut(a, why ? why : "the link was lost", backoff_ms(a));
    }
}

static void learn_clock(struct agent *a, int64_t ours_us, int64_t theirs_us, uint32_t round_trip_ms)
{
    a->seen.clock_known = true;
    a->seen.clock_offset_ms = (ours_us - theirs_us) / 1000;
    a->seen.round_trip_ms = round_trip_ms;
}

static void on_welcome(struct agent *a, const Eocbus__V1__Welcome *w)
{
    enum status st = ST_OK;

    if (a->state != AGENT_GREETING)
        return;
    enter(a, AGENT_IN_SESSION);
    a->failures = 0;
    a->trouble[0] = '\0';
    a->seen.log_epoch = w->log_epoch;
    a->seen.store_away = w->store_away;
    learn_clock(a, loop_utc_us(a->loop), w->time_us, 0);
    log_info("agent.session",
             "endpoint=%s broker=%s principal=%s session=%" PRIu64 " log_epoch=%" PRIu32
             " waiting=%" PRIu64,
             a->endpoints[a->endpoint], w->broker, w->principal, w->session, w->log_epoch,
             count_waiting(a));
    if (a->uplink && a->sends) {
        if (w->log_epoch)
            st = outbox_offer_again(a->outbox, w->log_epoch);
        if (st != ST_OK)
            log_error("outbox.offer.failed", "status=%s %s", status_name(st),
                      outbox_trouble(a->outbox));
        uplink_begin(a->uplink, w);
    }
    downlink_begin(a->downlink, w);
    a->want_pump = true;
    a->drained = false;
    send_ping(a);
    a->told_up = true;
    if (a->events.linked)
        a->events.linked(a->events.arg, true, "");
}

static void on_pong(struct agent *a, const Eocbus__V1__Pong *m)
{
    uint64_t now = loop_exact_us(a->loop);
    uint64_t trip_us = now > m->token ? now - m->token : 0;

    if (trip_us < UINT64_C(600000000))
        learn_clock(a, m->ping_time_us + (int64_t)(trip_us / 2), m->time_us,
                    (uint32_t)(trip_us / 1000));
}

static void answer_ping(struct agent *a, const Eocbus__V1__Ping *ping)
{
    Eocbus__V1__Pong m = EOCBUS__V1__PONG__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.token = ping->token;
    m.ping_time_us = ping->time_us;
    m.time_us = loop_utc_us(a->loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &m;
    (void)!send_frame(a, &f);
}

static void on_session_fault(struct agent *a, const Eocbus__V1__Fault *f)
{
    log_warn("agent.fault", "code=%s retry_ms=%u %s", f->code, f->retry_ms, f->text);
    if (strcmp(f->code, "hello") == 0) {
        /* The broker was restarted under us: the link stands, the session does not. */
        if (a->state == AGENT_IN_SESSION) {
            leave_session(a);
            enter(a, AGENT_GREETING);
            say_hello(a);
        } else {
            loop_timer_start(a->link_timer, f->retry_ms + 50, 0);
        }
    } else if (strcmp(f->code, "principal") == 0) {
        cut_unknown_key(a, f->text);
    } else {
        unsigned wait = f->retry_ms ? f->retry_ms : a->profile->backoff_max_ms;

        cut(a, f->text, wait);
    }
}

static void on_fault(struct agent *a, const Eocbus__V1__Fault *f)
{
    if (f->subscription)
        downlink_on_fault(a->downlink, f);
    else
        on_session_fault(a, f);
    if (a->events.fault)
        a->events.fault(a->events.arg, f);
}

static void on_frame(struct agent *a, const Eocbus__V1__Frame *f)
{
    bool in_session = a->state == AGENT_IN_SESSION;

    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_WELCOME:
        on_welcome(a, f->welcome);
        break;
    case EOCBUS__V1__FRAME__WHAT_RECEIPTS:
        a->seen.store_away = false;
        if (a->uplink && a->sends)
            uplink_on_receipts(a->uplink, f->receipts);
        a->want_commit = true;
        break;
    case EOCBUS__V1__FRAME__WHAT_BUSY:
        if (a->uplink && in_session)
            uplink_on_busy(a->uplink, f->busy);
        break;
    case EOCBUS__V1__FRAME__WHAT_SUBSCRIBED:
        if (in_session)
            downlink_on_subscribed(a->downlink, f->subscribed);
        break;
    case EOCBUS__V1__FRAME__WHAT_DELIVER:
        if (in_session)
            downlink_on_deliver(a->downlink, f->deliver);
        break;
    case EOCBUS__V1__FRAME__WHAT_PING:
        answer_ping(a, f->ping);
        break;
    case EOCBUS__V1__FRAME__WHAT_PONG:
        on_pong(a, f->pong);
        break;
    case EOCBUS__V1__FRAME__WHAT_FAULT:
        on_fault(a, f->fault);
        break;
    default:
        break; /* a newer broker's word */
    }
}

static void on_message(void *arg, const struct zport_message *m)
{
    struct agent *a = arg;
    Eocbus__V1__Frame *f;
    struct refusal why = {0};

    if (a->state < AGENT_GREETING)
        return;
    a->heard = true;
    a->silent = 0;
    arena_reset(a->arena);
    if (gate_frame(&f, m->data, m->len, a->arena, &why) != ST_OK) {
        log_warn("agent.frame.refused", "bytes=%zu code=%s path=%s %s", m->len,
                 why.code ? why.code : "", why.path, why.text);
        return;
    }
    on_frame(a, f);
}

static void on_writable(void *arg)
{
    struct agent *a = arg;

    a->want_pump = true;
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void open_port(struct agent *a)
{
    const struct zport_settings set = {
        .endpoint = a->endpoints[a->endpoint],
        .public_z85 = a->keys.public_z85,
        .secret_z85 = a->keys.secret_z85,
        .server_z85 = a->broker_key,
        .max_frame_bytes = LIMIT_FRAME_BYTES,
        .send_high_water = 1024,
        .receive_high_water = 1024,
        .handshake_ms = HANDSHAKE_MS,
        .reconnect_ms = a->profile->backoff_ms,
        .reconnect_max_ms = a->profile->backoff_ms * 8,
    };
    const struct zport_events events = {
        .arg = a, .message = on_message, .writable = on_writable, .linked = on_linked};
    enum status st = zport_create(&a->port, a->zctx, &set, &events);

    if (st != ST_OK) {
        a->port = NULL;
        log_error("agent.socket.failed", "endpoint=%s status=%s", set.endpoint, status_name(st));
    }
}

static void begin_connecting(struct agent *a)
{
    enter(a, AGENT_CONNECTING);
    open_port(a);
    /* With one endpoint libzmq goes on trying by itself; with more, so do we, in turn. */
    if (!a->port)
        loop_timer_start(a->link_timer, a->profile->backoff_max_ms, 0);
    else if (a->endpoint_count > 1)
        loop_timer_start(a->link_timer, a->profile->connect_ms, 0);
}

static void on_link_timer(void *arg)
{
    struct agent *a = arg;

    switch (a->state) {
    case AGENT_DOWN:
        begin_connecting(a);
        break;
    case AGENT_CONNECTING:
        cut(a, "no broker answers at this endpoint", backoff_ms(a));
        break;
    case AGENT_GREETING:
        say_hello(a);
        break;
    default:
        break;
    }
}

static void on_ping_timer(void *arg)
{
    struct agent *a = arg;

    if (!a->heard && ++a->silent >= SILENT_MOST) {
        cut(a, "the broker said nothing for three intervals", backoff_ms(a));
        return;
    }
    if (a->state == AGENT_GREETING)
        say_hello(a);
    else if (!a->heard)
        send_ping(a);
    else if (a->state == AGENT_IN_SESSION && (!a->uplink || uplink_is_idle(a->uplink)))
        send_ping(a);
    a->heard = false;
}

/* The lock may be another process's: a command waits beside a daemon and takes over when it ends.
 */
static void try_to_send(struct agent *a)
{
    if (a->sends || !a->outbox || outbox_lock(a->outbox) != ST_OK)
        return;
    a->sends = true;
    if (a->state == AGENT_IN_SESSION)
        cut(a, "the outbox is ours now: a new session sends it", 1);
}

static void on_tick(void *arg)
{
    struct agent *a = arg;

    if (!a->outbox)
        return;
    try_to_send(a);
    if (outbox_changed(a->outbox)) {
        a->want_pump = true;
        a->drained = false;
    }
    if (++a->ticks % TIDY_TICKS == 0) {
        enum status st = outbox_tidy(a->outbox);

        if (st == ST_AGAIN) /* more to do: at the next tick, not in a minute */
            a->ticks--;
    }
    a->want_commit = true;
}

/* --- the end of a turn --------------------------------------------------------------------------
 */

static void commit_outbox(struct agent *a)
{
    enum status st = outbox_commit(a->outbox);

    a->want_commit = st != ST_OK && st != ST_IO && st != ST_INVALID;
    if (st == ST_OK) {
        a->outbox_trouble_told = false;
        uplink_tell(a->uplink, a->events.arg, a->events.settled);
        return;
    }
    if (!a->outbox_trouble_told)
        log_error("outbox.commit.failed", "status=%s %s", status_name(st),
                  outbox_trouble(a->outbox));
    a->outbox_trouble_told = true;
    note_trouble(a, outbox_trouble(a->outbox));
}

static void check_drained(struct agent *a)
{
    if (a->drained || !uplink_is_idle(a->uplink) || uplink_has_news(a->uplink))
        return;
    if (count_waiting(a))
        return;
    a->drained = true;
    if (a->events.drained)
        a->events.drained(a->events.arg);
}

/* One commit for all that came in this turn; then the program hears of it; then what may go, goes.
 */
static int on_turn(void *arg)
{
    struct agent *a = arg;
    bool sent = downlink_flush(a->downlink);

    if (a->outbox && a->want_commit) {
        commit_outbox(a);
        a->want_pump = true;
    }
    if (a->uplink && a->sends && a->want_pump) {
        a->want_pump = false;
        uplink_pump(a->uplink);
        check_drained(a);
        sent = true;
    }
    /* The program may have put from inside `settled`: once more, without waiting. */
    return sent || (a->outbox && a->want_commit && !a->outbox_trouble_told);
}

/* --- making -------------------------------------------------------------------------------------
 */

static enum status copy_endpoints(struct agent *a, const struct agent_settings *set)
{
    a->endpoints = mem_zalloc((set->endpoints.count + 1) * sizeof(*a->endpoints));
    if (!a->endpoints)
        return ST_NOMEM;
    for (size_t i = 0; i < set->endpoints.count; i++) {
        a->endpoints[i] = mem_strdup(set->endpoints.items[i]);
        if (!a->endpoints[i])
            return ST_NOMEM;
        a->endpoint_count++;
    }
    return ST_OK;
}

static enum status check_settings(struct agent *a, const struct agent_settings *set, char *err,
                                  size_t err_size)
{
    a->profile = link_profile_by_name(set->link_profile ? set->link_profile : "4g");
    if (!a->profile)
        snprintf(err, err_size, "link.profile = %s: one of fiber, 4g, 2g, vsat, radio",
                 set->link_profile);
    else if (!set->name || !gate_name_is_valid(set->name))
        snprintf(err, err_size,
                 "name = %s: a principal's name has words of a-z, 0-9 and - joined by "
                 "dots, as in coes.ayni.office",
                 set->name ? set->name : "");
    else if (!set->endpoints.count)
        snprintf(err, err_size, "broker.endpoint: name at least one, as in tcp://10.0.0.1:5511");
    else if (!set->broker_key || !keys_z85_is_valid(set->broker_key))
        snprintf(err, err_size,
                 "broker.key: the broker's public key has 40 characters; eocctl keygen "
                 "printed it");
    else
        return keys_load(&a->keys, set->key_file, err, err_size);
    return ST_INVALID;
}

static enum status open_outbox(struct agent *a, const struct agent_settings *set, char *err,
                               size_t err_size)
{
    const struct outbox_settings out = {
        .path = set->outbox_path, .sender = set->name, .budget_bytes = set->outbox_budget};
    const struct uplink_settings up = {
        .loop = a->loop, .profile = a->profile, .arg = a, .send = send_frame, .hungry = on_hungry};
    struct uplink_settings with;
    enum status st;

    if (!set->outbox_path || !set->outbox_path[0])
        return ST_OK;
    st = outbox_open(&a->outbox, &out, err, err_size);
    if (st != ST_OK)
        return st;
    with = up;
    with.outbox = a->outbox;
    st = uplink_create(&a->uplink, &with);
    if (st != ST_OK)
        return st;
    st = outbox_lock(a->outbox);
    a->sends = st == ST_OK;
    if (st == ST_EXISTS)
        log_info("agent.outbox.shared", "path=%s another program sends from it; this one only puts",
                 set->outbox_path);
    if (st == ST_OK || st == ST_EXISTS)
        return ST_OK;
    snprintf(err, err_size, "%s", outbox_trouble(a->outbox));
    return st;
}

static enum status build(struct agent *a)
{
    const struct downlink_settings down = {.loop = a->loop, .arg = a, .send = send_frame};
    enum status st = arena_create(&a->arena, FRAME_ARENA);

    if (st == ST_OK)
        st = downlink_create(&a->downlink, &down);
    /* The hook before the socket hub's own: what on_turn sends is seen by the hub in the same turn.
     */
    if (st == ST_OK)
        st = loop_hook_create(&a->hook, a->loop, on_turn, NULL, a);
    if (st == ST_OK)
        st = zctx_create(&a->zctx, a->loop);
    if (st == ST_OK)
        st = loop_timer_create(&a->tick, a->loop, on_tick, a);
    if (st == ST_OK)
        st = loop_timer_create(&a->link_timer, a->loop, on_link_timer, a);
    if (st == ST_OK)
        st = loop_timer_create(&a->ping_timer, a->loop, on_ping_timer, a);
    return st;
}

enum status agent_create(struct agent **out, struct loop *loop, const struct agent_settings *set,
                         const char *program, const struct agent_events *events, char *err,
                         size_t err_size)
{
    struct agent *a = mem_zalloc(sizeof(*a));
    enum status st;

    snprintf(err, err_size, "no memory");
    if (!a)
        return ST_NOMEM;
    a->loop = loop;
    if (events)
        a->events = *events;
    st = check_settings(a, set, err, err_size);
    if (st == ST_OK)
        st = copy_endpoints(a, set);
    a->program = mem_strdup(program);
    a->broker_key = set->broker_key ? mem_strdup(set->broker_key) : NULL;
    if (st == ST_OK && (!a->program || !a->broker_key))
        st = ST_NOMEM;
    if (st == ST_OK)
        st = open_outbox(a, set, err, err_size);
    if (st == ST_OK)
        st = build(a);
    if (st != ST_OK) {
        agent_destroy(a);
        return st;
    }
    err[0] = '\0';
    if (a->outbox)
        loop_timer_start(a->tick, TICK_MS, TICK_MS);
    begin_connecting(a);
    *out = a;
    return ST_OK;
}

void agent_destroy(struct agent *a)
{
    if (!a)
        return;
    loop_hook_destroy(a->hook);
    loop_timer_destroy(a->tick);
    loop_timer_destroy(a->link_timer);
    loop_timer_destroy(a->ping_timer);
    zport_destroy(a->port);
    if (a->zctx)
        zctx_destroy(a->zctx);
    if (a->outbox && outbox_commit(a->outbox) != ST_OK)
        log_error("outbox.commit.failed", "%s", outbox_trouble(a->outbox));
    uplink_destroy(a->uplink);
    downlink_destroy(a->downlink);
    outbox_close(a->outbox);
    arena_destroy(a->arena);
    buf_free(&a->frame);
    for (unsigned i = 0; i < a->endpoint_count; i++)
        mem_free(a->endpoints[i]);
    mem_free(a->endpoints);
    mem_free(a->program);
    mem_free(a->broker_key);
    keys_wipe(&a->keys);
    mem_free(a);
}

/* --- the program's side -------------------------------------------------------------------------
 */

enum status agent_put(struct agent *a, Eocbus__V1__Envelope *m, uint64_t *tag, struct refusal *why)
{
    enum status st;

    if (!a->outbox) {
        *why = (struct refusal){.code = CODE_REQUIRED};
        snprintf(why->text, sizeof(why->text), "this agent has no outbox: set outbox.path");
        return ST_DENIED;
    }
    st = outbox_put(a->outbox, m, tag, why);
    if (st == ST_OK) {
        a->want_commit = true;
        a->drained = false;
    }
    return st;
}

enum status agent_flush(struct agent *a)
{
    enum status st;

    if (!a->outbox)
        return ST_OK;
    st = outbox_commit(a->outbox);
    a->want_commit = true; /* receipts that rode along are told at the end of the turn */
    if (st != ST_OK)
        note_trouble(a, outbox_trouble(a->outbox));
    return st;
}

struct outbox *agent_outbox(struct agent *a)
{
    return a->outbox;
}

enum status agent_subscribe(struct agent *a, const struct agent_subscription *sub, char *err,
                            size_t err_size)
{
    return downlink_subscribe(a->downlink, sub, err, err_size);
}

void agent_state(struct agent *a, struct agent_state *out)
{
    struct outbox_counts c = {0};

    *out = a->seen;
    out->linked = a->state == AGENT_IN_SESSION;
    out->endpoint = a->endpoints[a->endpoint];
    out->sends = a->sends;
    out->trouble = a->trouble;
    if (a->outbox && outbox_counts(a->outbox, &c) == ST_OK) {
        out->waiting = count_waiting(a);
        out->refused = c.refused;
    }
}
