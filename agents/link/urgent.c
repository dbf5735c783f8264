/* urgent - see urgent.h
 *
 *   DOWN --timer--> DIALLING --link up--> GREETING --Welcome--> STANDS
 *
 * and from each back to DOWN: the link lost, three intervals of silence, a Fault. It costs nobody
 * anything to be down, so it comes back with patience. */
#include "agents/link/urgent.h"

#include <assert.h>

#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

#define SILENT_MOST    3u /* intervals */
#define ARENA_BYTES    (2u * LIMIT_ARENA_BYTES)
#define FRAME_AT_LEAST 2048u

enum urgent_state { URGENT_DOWN, URGENT_DIALLING, URGENT_GREETING, URGENT_STANDS, URGENT_STATES };

struct urgent {
    struct urgent_settings set;
    enum urgent_state state;
    bool is_open; /* wanted */
    bool heard;   /* a frame, in this interval */
    unsigned silent, failures;
    struct zport *port;
    struct loop_timer *again, *ping;
    struct arena *arena; /* of incoming frames */
    struct buf out;
};

static const unsigned may_follow[URGENT_STATES] = {
    [URGENT_DOWN] = BIT(URGENT_DIALLING),
    [URGENT_DIALLING] = BIT(URGENT_GREETING) | BIT(URGENT_DOWN),
    [URGENT_GREETING] = BIT(URGENT_STANDS) | BIT(URGENT_DOWN),
    [URGENT_STANDS] = BIT(URGENT_DOWN),
};

static void enter(struct urgent *u, enum urgent_state next)
{
    assert(may_follow[u->state] & BIT(next));
    u->state = next;
}

static void hang_up(struct urgent *u)
{
    bool stood = u->state == URGENT_STANDS;

    loop_timer_stop(u->ping);
    loop_timer_stop(u->again);
    if (u->state == URGENT_DOWN)
        return;
    enter(u, URGENT_DOWN);
    zport_destroy(u->port);
    u->port = NULL;
    if (stood)
        u->set.stands(u->set.arg, false);
}

static void try_again(struct urgent *u, const char *why, unsigned wait_ms)
{
    uint32_t random;

    loop_random(u->set.loop, &random, sizeof(random));
    if (!wait_ms)
        wait_ms = link_profile_backoff_ms(u->set.profile, u->failures, random);
    u->failures++;
    log_info("agent.urgent.lost",
             "why=\"%s\" retry_ms=%u urgent messages take the common connection", why, wait_ms);
    hang_up(u);
    loop_timer_start(u->again, wait_ms, 0);
}

static enum status send_frame(struct urgent *u, const Eocbus__V1__Frame *f)
{
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (u->out.cap < len) {
        uint8_t *data = mem_realloc(u->out.data, len + FRAME_AT_LEAST);

        if (!data)
            return ST_NOMEM;
        u->out.data = data;
        u->out.cap = len + FRAME_AT_LEAST;
    }
    eocbus__v1__frame__pack(f, u->out.data);
    return zport_send(u->port, NULL, u->out.data, len);
}

enum status urgent_send(struct urgent *u, const Eocbus__V1__Frame *f)
{
    return u->state == URGENT_STANDS ? send_frame(u, f) : ST_CLOSED;
}

/* --- what comes ---------------------------------------------------------------------------------
 */

static void say_hello(struct urgent *u)
{
    Eocbus__V1__Hello m = EOCBUS__V1__HELLO__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    u->set.greet(u->set.arg, &m);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &m;
    (void)!send_frame(u, &f); /* unsent: the silence ends it */
}

static void say_ping(struct urgent *u)
{
    Eocbus__V1__Ping m = EOCBUS__V1__PING__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.token = loop_exact_us(u->set.loop);
    m.time_us = loop_utc_us(u->set.loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &m;
    (void)!send_frame(u, &f);
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct urgent *u = arg;

    if (!up) {
        try_again(u, why ? why : "the link was lost", 0);
    } else if (u->state == URGENT_DIALLING) {
        enter(u, URGENT_GREETING);
        u->heard = true;
        u->silent = 0;
        loop_timer_start(u->ping, u->set.profile->ping_ms, u->set.profile->ping_ms);
        say_hello(u);
    }
}

static void on_welcome(struct urgent *u)
{
    if (u->state != URGENT_GREETING)
        return;
    enter(u, URGENT_STANDS);
    u->failures = 0;
    u->set.stands(u->set.arg, true);
}

static void answer_ping(struct urgent *u, const Eocbus__V1__Ping *ping)
{
    Eocbus__V1__Pong m = EOCBUS__V1__PONG__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.token = ping->token;
    m.ping_time_us = ping->time_us;
    m.time_us = loop_utc_us(u->set.loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &m;
    (void)!send_frame(u, &f);
}

static void on_frame(struct urgent *u, const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_WELCOME:
        on_welcome(u);
        break;
    case EOCBUS__V1__FRAME__WHAT_RECEIPTS:
    case EOCBUS__V1__FRAME__WHAT_BUSY:
        if (u->state == URGENT_STANDS)
            u->set.frame(u->set.arg, f);
        break;
    case EOCBUS__V1__FRAME__WHAT_PING:
        answer_ping(u, f->ping);
        break;
    case EOCBUS__V1__FRAME__WHAT_FAULT:
        try_again(u, f->fault->text,
                  f->fault->retry_ms ? f->fault->retry_ms : u->set.profile->backoff_max_ms);
        break;
    default:
        break;
    }
}

static void on_message(void *arg, const struct zport_message *m)
{
    struct urgent *u = arg;
    Eocbus__V1__Frame *f;
    struct refusal why = {0};

    u->heard = true;
    u->silent = 0;
    arena_reset(u->arena);
    if (gate_frame(&f, m->data, m->len, u->arena, &why) == ST_OK)
        on_frame(u, f);
}

/* Room again: the uplink is told by saying once more that we stand. */
static void on_writable(void *arg)
{
    struct urgent *u = arg;

    if (u->state == URGENT_STANDS)
        u->set.stands(u->set.arg, true);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void dial(struct urgent *u)
{
    const struct zport_events events = {
        .arg = u, .message = on_message, .writable = on_writable, .linked = on_linked};

    if (!u->is_open || u->state != URGENT_DOWN)
        return;
    if (u->set.dial(u->set.arg, &u->port, &events) == ST_OK)
        enter(u, URGENT_DIALLING);
    else
        loop_timer_start(u->again, u->set.profile->backoff_max_ms, 0);
}

static void on_again(void *arg)
{
    dial(arg);
}

static void on_ping(void *arg)
{
    struct urgent *u = arg;

    if (!u->heard && ++u->silent >= SILENT_MOST) {
        try_again(u, "the broker said nothing for three intervals", 0);
        return;
    }
    if (u->state == URGENT_GREETING)
        say_hello(u);
    else if (u->state == URGENT_STANDS)
        say_ping(u);
    u->heard = false;
}

/* --- life ---------------------------------------------------------------------------------------
 */

enum status urgent_create(struct urgent **out, const struct urgent_settings *set)
{
    struct urgent *u = mem_zalloc(sizeof(*u));
    enum status st;

    if (!u)
        return ST_NOMEM;
    u->set = *set;
    st = arena_create(&u->arena, ARENA_BYTES);
    if (st == ST_OK)
        st = loop_timer_create(&u->again, set->loop, on_again, u);
    if (st == ST_OK)
        st = loop_timer_create(&u->ping, set->loop, on_ping, u);
    if (st != ST_OK) {
        urgent_destroy(u);
        return st;
    }
    *out = u;
    return ST_OK;
}

void urgent_destroy(struct urgent *u)
{
    if (!u)
        return;
    zport_destroy(u->port);
    loop_timer_destroy(u->again);
    loop_timer_destroy(u->ping);
    if (u->arena)
        arena_destroy(u->arena);
    buf_free(&u->out);
    mem_free(u);
}

void urgent_open(struct urgent *u)
{
    u->is_open = true;
    u->failures = 0;
    dial(u);
}

void urgent_close(struct urgent *u)
{
    u->is_open = false;
    hang_up(u);
}
