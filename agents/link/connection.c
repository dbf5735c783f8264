/* connection - the socket of an agent, and the session on it.
 *
 *   DOWN --back-off--> CONNECTING --link up--> GREETING --Welcome--> IN SESSION
 *
 * and from each of them back to DOWN: no broker at this endpoint, no answer, the link lost, three
 * intervals of silence, a Fault. A lost session always gets a new socket, on the next endpoint:
 * what waited in the old one's queues is gone with it, and the outbox offers it again. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/agent_parts.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

#define SILENT_MOST  3u  /* intervals */
#define AUTH_FACTOR  10u /* a key that is not known yet will not be known in 100 ms */
#define AUTH_MOST_MS 60000u
/* TCP asks after 0, 1, 3 and 7 s, then after 15, 31 and 63: whoever waits for it that long misses
 * the first minute of light. */
#define TCP_CONNECT_MS 8000u
#define HANDSHAKE_MS   30000u /* 3 s never connects on 2G (0.8 s round trip, 20 kbit/s): measured */

static const unsigned may_follow[AGENT_STATES] = {
    [AGENT_DOWN] = BIT(AGENT_CONNECTING),
    [AGENT_CONNECTING] = BIT(AGENT_GREETING) | BIT(AGENT_DOWN),
    [AGENT_GREETING] = BIT(AGENT_IN_SESSION) | BIT(AGENT_DOWN),
    [AGENT_IN_SESSION] = BIT(AGENT_GREETING) | BIT(AGENT_DOWN),
};

static const char *const state_words[AGENT_STATES] = {"down", "connecting", "greeting", "session"};

static void enter(struct agent *a, enum agent_link_state next)
{
    assert(may_follow[a->state] & BIT(next));
    log_debug("agent.state", "from=%s to=%s endpoint=%s", state_words[a->state], state_words[next],
              a->endpoints[a->endpoint]);
    a->state = next;
}

/* --- sending ------------------------------------------------------------------------------------
 */

enum status connection_send(void *arg, const Eocbus__V1__Frame *f)
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

static void learn_number(struct agent *a, uint32_t log_epoch, uint64_t seq)
{
    if (log_epoch > a->known_log_epoch)
        a->known_seq = seq;
    else if (log_epoch == a->known_log_epoch && seq > a->known_seq)
        a->known_seq = seq;
    if (log_epoch > a->known_log_epoch)
        a->known_log_epoch = log_epoch;
}

static void learn_receipts(struct agent *a, const Eocbus__V1__Receipts *m)
{
    for (size_t i = 0; i < m->n_settled; i++)
        learn_number(a, m->settled[i]->log_epoch, m->settled[i]->seq);
}

static void learn_place(void *arg, uint32_t log_epoch, uint64_t seq)
{
    learn_number(arg, log_epoch, seq);
}

static void greet(void *arg, Eocbus__V1__Hello *m)
{
    struct agent *a = arg;

    m->protocol_min = m->protocol_max = PROTOCOL_VERSION;
    m->program = a->program;
    m->epoch = a->outbox ? outbox_epoch(a->outbox) : 0;
    m->time_us = loop_utc_us(a->loop);
    m->link_profile = (char *)a->profile->name;
    m->backlog = agent_waiting(a);
    downlink_places(a->downlink, learn_place, a);
    m->known_log_epoch = a->known_log_epoch;
    m->known_seq = a->known_seq;
}

static void say_hello(struct agent *a)
{
    Eocbus__V1__Hello m = EOCBUS__V1__HELLO__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    greet(a, &m);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &m;
    if (connection_send(a, &f) != ST_OK)
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
    (void)!connection_send(a, &f);
}

/* --- a session ends -----------------------------------------------------------------------------
 */

static void leave_session(struct agent *a)
{
    if (a->uplink)
        uplink_end(a->uplink);
    if (a->urgent)
        urgent_close(a->urgent);
    downlink_end(a->downlink);
}

static void tell_down(struct agent *a, const char *why)
{
    bool was_up = a->told_up;

    a->told_up = false;
    if (was_up && a->events.linked)
        a->events.linked(a->events.arg, false, why);
}

/* Often called from inside a callback of the socket it gives up: zport_destroy allows that. */
static void fall(struct agent *a, const char *why, unsigned wait_ms)
{
    leave_session(a);
    enter(a, AGENT_DOWN);
    zport_destroy(a->port);
    a->port = NULL;
    a->failures++;
    a->endpoint = (a->endpoint + 1) % a->endpoint_count;
    loop_timer_stop(a->ping_timer);
    loop_timer_start(a->link_timer, wait_ms, 0);
    tell_down(a, why);
}

void connection_cut(struct agent *a, const char *why, unsigned wait_ms)
{
    agent_note_trouble(a, why);
    if (a->state == AGENT_DOWN)
        return;
    log_warn("agent.link.lost", "why=\"%s\" retry_ms=%u next=%s", why, wait_ms,
             a->endpoints[(a->endpoint + 1) % a->endpoint_count]);
    fall(a, why, wait_ms);
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
    agent_note_trouble(a, text);
    if (a->state == AGENT_DOWN)
        return;
    log_warn("agent.key.unknown",
             "endpoint=%s public=%s the broker does not know this key (yet): "
             "enrol it with eocctl principal add; trying again in %u ms",
             a->endpoints[a->endpoint], a->keys.public_z85, wait);
    fall(a, text, wait);
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
        connection_cut(a, why ? why : "the link was lost", backoff_ms(a));
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

    /* We said hello twice, and were answered twice. All that we said since is in the later session,
     * and the earlier answer will do; unless the log became another one in between. */
    if (a->state == AGENT_IN_SESSION && w->log_epoch > a->seen.log_epoch) {
        leave_session(a);
        enter(a, AGENT_GREETING);
    }
    if (a->state != AGENT_GREETING)
        return;
    enter(a, AGENT_IN_SESSION);
    a->failures = 0;
    a->trouble[0] = '\0';
    a->seen.log_epoch = w->log_epoch;
    a->seen.store_away = w->store_away;
    learn_number(a, w->log_epoch, w->head);
    learn_clock(a, loop_utc_us(a->loop), w->time_us, 0);
    log_info("agent.session",
             "endpoint=%s broker=%s principal=%s session=%" PRIu64 " log_epoch=%" PRIu32
             " waiting=%" PRIu64,
             a->endpoints[a->endpoint], w->broker, w->principal, w->session, w->log_epoch,
             agent_waiting(a));
    if (a->uplink && a->sends) {
        if (w->log_epoch)
            st = outbox_offer_again(a->outbox, w->log_epoch);
        if (st != ST_OK)
            log_error("outbox.offer.failed", "status=%s %s", status_name(st),
                      outbox_trouble(a->outbox));
        uplink_begin(a->uplink, w);
        if (a->urgent)
            urgent_open(a->urgent);
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
    (void)!connection_send(a, &f);
}

static void on_session_fault(struct agent *a, const Eocbus__V1__Fault *f)
{
    log_warn("agent.fault", "code=%s retry_ms=%u %s", f->code, f->retry_ms, f->text);
    if (strcmp(f->code, "hello") == 0) {
        /* The broker was restarted under us: the link stands, the session does not. */
        if (a->state == AGENT_IN_SESSION) {
            leave_session(a);
            enter(a, AGENT_GREETING);
            tell_down(a, f->text);
            say_hello(a);
        } else {
            loop_timer_start(a->link_timer, f->retry_ms + 50, 0);
        }
    } else if (strcmp(f->code, "principal") == 0) {
        cut_unknown_key(a, f->text);
    } else {
        unsigned wait = f->retry_ms ? f->retry_ms : a->profile->backoff_max_ms;

        connection_cut(a, f->text, wait);
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
        learn_receipts(a, f->receipts);
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

static enum status dial(void *arg, struct zport **out, const struct zport_events *events)
{
    struct agent *a = arg;
    const struct zport_settings set = {
        .endpoint = a->endpoints[a->endpoint],
        .public_z85 = a->keys.public_z85,
        .secret_z85 = a->keys.secret_z85,
        .server_z85 = a->broker_key,
        .max_frame_bytes = LIMIT_FRAME_BYTES,
        .send_high_water = 1024,
        .receive_high_water = 1024,
        .handshake_ms = HANDSHAKE_MS,
        .connect_ms = TCP_CONNECT_MS,
        .rto_most_ms = a->profile->rto_most_ms,
        .reconnect_ms = a->profile->backoff_ms,
        .reconnect_max_ms =
            a->profile->two_lines ? a->profile->backoff_ms * 2 : a->profile->backoff_ms * 8,
    };
    enum status st = zport_create(out, a->zctx, &set, events);

    if (st != ST_OK) {
        *out = NULL;
        log_error("agent.socket.failed", "endpoint=%s status=%s", set.endpoint, status_name(st));
    }
    return st;
}

static void open_port(struct agent *a)
{
    const struct zport_events events = {
        .arg = a, .message = on_message, .writable = on_writable, .linked = on_linked};

    (void)!dial(a, &a->port, &events);
}

/* --- the second connection ----------------------------------------------------------------------
 */

static void on_urgent(void *arg, bool stands)
{
    struct agent *a = arg;

    uplink_urgent(a->uplink, stands);
}

static void on_urgent_frame(void *arg, const Eocbus__V1__Frame *f)
{
    struct agent *a = arg;

    if (f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY)
        uplink_on_busy(a->uplink, f->busy);
    else
        uplink_on_receipts(a->uplink, f->receipts);
    a->want_commit = true;
}

enum status connection_send_urgent(void *arg, const Eocbus__V1__Frame *f)
{
    struct agent *a = arg;

    return urgent_send(a->urgent, f);
}

enum status connection_create_urgent(struct agent *a)
{
    const struct urgent_settings set = {.loop = a->loop,
                                        .profile = a->profile,
                                        .arg = a,
                                        .dial = dial,
                                        .greet = greet,
                                        .stands = on_urgent,
                                        .frame = on_urgent_frame};

    return urgent_create(&a->urgent, &set);
}

void connection_open(struct agent *a)
{
    enter(a, AGENT_CONNECTING);
    open_port(a);
    /* With one endpoint libzmq goes on trying by itself; with more, so do we, in turn. */
    if (!a->port)
        loop_timer_start(a->link_timer, a->profile->backoff_max_ms, 0);
    else if (a->endpoint_count > 1)
        loop_timer_start(a->link_timer, a->profile->connect_ms, 0);
}

void connection_on_link_timer(void *arg)
{
    struct agent *a = arg;

    switch (a->state) {
    case AGENT_DOWN:
        connection_open(a);
        break;
    case AGENT_CONNECTING:
        connection_cut(a, "no broker answers at this endpoint", backoff_ms(a));
        break;
    case AGENT_GREETING:
        say_hello(a);
        break;
    default:
        break;
    }
}

void connection_on_ping_timer(void *arg)
{
    struct agent *a = arg;

    if (!a->heard && ++a->silent >= SILENT_MOST) {
        connection_cut(a, "the broker said nothing for three intervals", backoff_ms(a));
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
