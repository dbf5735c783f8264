/* line - see line.h */
#include "agents/link/line.h"

#include <assert.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

#define SILENT_MOST  3u  /* intervals */
#define AUTH_FACTOR  10u /* a key that is not known yet will not be known in 100 ms */
#define AUTH_MOST_MS 60000u
#define HELLO_MS     50u      /* after what the Fault asks for */
#define HASTY_US     1000000u /* a session that did not stand so long ... */
#define HASTY_MOST   7u       /* ... is followed by pauses that double, up to 6.4 s */
#define FRAME_ARENA  (4u * LIMIT_ARENA_BYTES)
#define FRAME_SPARE  4096u

enum line_state { LINE_DOWN, LINE_DIALLING, LINE_GREETING, LINE_STANDS, LINE_STATES };

struct line {
    struct line_settings set;
    enum line_state state;
    bool is_open; /* wanted */
    bool has_failed;
    bool heard;        /* a frame, in this interval */
    bool owes_hello;   /* the broker asked for another one, a little later */
    bool is_in_doubt;  /* the broker threw a frame away; it may have held what waits for answers */
    unsigned silent;   /* intervals without a frame */
    unsigned failures; /* since the last Welcome */
    unsigned hasty;    /* sessions in a row that ended as soon as they stood */
    uint64_t heard_us, since_us, asked_us;
    uint32_t log_epoch; /* as the Welcome said */
    struct zport *port;
    struct loop_timer *again; /* the next attempt, or the end of this one */
    struct loop_timer *ping;
    struct arena *arena; /* of incoming frames */
    struct buf out;
};

static const unsigned may_follow[LINE_STATES] = {
    [LINE_DOWN] = BIT(LINE_DIALLING),
    [LINE_DIALLING] = BIT(LINE_GREETING) | BIT(LINE_DOWN),
    [LINE_GREETING] = BIT(LINE_STANDS) | BIT(LINE_DOWN),
    [LINE_STANDS] = BIT(LINE_GREETING) | BIT(LINE_DOWN),
};

static const char *const state_words[LINE_STATES] = {"down", "dialling", "greeting", "stands"};

static void enter(struct line *l, enum line_state next)
{
    assert(may_follow[l->state] & BIT(next));
    log_debug("agent.line", "line=%u from=%s to=%s", l->set.number, state_words[l->state],
              state_words[next]);
    l->is_in_doubt = false;
    l->state = next;
}

/* --- sending ---------------------------------------------------------------------------------- */

static enum status send_frame(struct line *l, const Eocbus__V1__Frame *f)
{
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (!l->port || l->state < LINE_GREETING)
        return ST_CLOSED;
    if (l->out.cap < len) {
        uint8_t *data = mem_realloc(l->out.data, len + FRAME_SPARE);

        if (!data)
            return ST_NOMEM;
        l->out.data = data;
        l->out.cap = len + FRAME_SPARE;
    }
    eocbus__v1__frame__pack(f, l->out.data);
    return zport_send(l->port, NULL, l->out.data, len);
}

enum status line_send(struct line *l, const Eocbus__V1__Frame *f)
{
    return l->state == LINE_STANDS ? send_frame(l, f) : ST_CLOSED;
}

static void say_hello(struct line *l)
{
    Eocbus__V1__Hello m = EOCBUS__V1__HELLO__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    l->set.greet(l->set.arg, &m);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &m;
    if (send_frame(l, &f) != ST_OK) /* the next interval says it */
        log_debug("agent.hello.unsent", "line=%u", l->set.number);
}

static void say_ping(struct line *l)
{
    Eocbus__V1__Ping m = EOCBUS__V1__PING__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.token = loop_exact_us(l->set.loop);
    m.time_us = loop_utc_us(l->set.loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &m;
    if (send_frame(l, &f) == ST_OK)
        l->asked_us = m.token;
}

void line_ask(struct line *l)
{
    if (l->state == LINE_STANDS)
        say_ping(l);
}

static void answer_ping(struct line *l, const Eocbus__V1__Ping *ping)
{
    Eocbus__V1__Pong m = EOCBUS__V1__PONG__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.token = ping->token;
    m.ping_time_us = ping->time_us;
    m.time_us = loop_utc_us(l->set.loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &m;
    (void)!send_frame(l, &f);
}

/* --- an end ----------------------------------------------------------------------------------- */

/* Often called from inside a callback of the socket it gives up: zport_destroy allows that. */
static bool hang_up(struct line *l)
{
    bool stood = l->state == LINE_STANDS;

    loop_timer_stop(l->ping);
    loop_timer_stop(l->again);
    l->owes_hello = false;
    if (l->state == LINE_DOWN)
        return false;
    enter(l, LINE_DOWN);
    zport_destroy(l->port);
    l->port = NULL;
    return stood;
}

static unsigned backoff_ms(struct line *l)
{
    uint32_t random;

    loop_random(l->set.loop, &random, sizeof(random));
    return link_profile_backoff_ms(l->set.profile, l->failures, random);
}

static void end(struct line *l, enum line_end_cause cause, const char *why,
                const Eocbus__V1__Fault *fault, unsigned wait_ms)
{
    struct line_end e = {.cause = cause, .why = why, .fault = fault};

    if (l->state == LINE_DOWN)
        return;
    e.retry_ms = wait_ms ? wait_ms : backoff_ms(l);
    l->failures++;
    l->has_failed = true;
    e.stood = hang_up(l);
    loop_timer_start(l->again, e.retry_ms, 0);
    l->set.ended(l->set.arg, l->set.number, &e);
}

void line_cut(struct line *l, const char *why, unsigned wait_ms)
{
    end(l, LINE_LOST, why, NULL, wait_ms);
}

static void end_unknown_key(struct line *l, const char *why, const Eocbus__V1__Fault *fault)
{
    unsigned wait_ms = backoff_ms(l) * AUTH_FACTOR;

    end(l, LINE_UNKNOWN_KEY, why, fault, wait_ms < AUTH_MOST_MS ? wait_ms : AUTH_MOST_MS);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void on_linked(void *arg, bool up, const char *why)
{
    struct line *l = arg;

    if (up && l->state == LINE_DIALLING) {
        enter(l, LINE_GREETING);
        l->silent = 0;
        l->heard = true;
        l->heard_us = loop_now_us(l->set.loop);
        loop_timer_start(l->ping, l->set.profile->ping_ms, l->set.profile->ping_ms);
        loop_timer_stop(l->again);
        say_hello(l);
    } else if (!up && why && strstr(why, "refused this key")) {
        end_unknown_key(l, why, NULL);
    } else if (!up) {
        end(l, LINE_LOST, why ? why : "the link was lost", NULL, 0);
    }
}

/* We said hello twice, and were answered twice. All that we said since is in the later session, and
 * the earlier answer will do; unless the log became another one in between. */
static void begin_anew(struct line *l)
{
    struct line_end e = {
        .cause = LINE_FORGOTTEN, .stood = true, .why = "the log has another epoch"};

    enter(l, LINE_GREETING);
    l->set.ended(l->set.arg, l->set.number, &e);
}

static void on_welcome(struct line *l, const Eocbus__V1__Welcome *w)
{
    if (l->state == LINE_STANDS && w->log_epoch > l->log_epoch)
        begin_anew(l);
    if (l->state != LINE_GREETING)
        return;
    enter(l, LINE_STANDS);
    l->log_epoch = w->log_epoch;
    l->owes_hello = false;
    l->failures = 0;
    l->has_failed = false;
    l->since_us = loop_now_us(l->set.loop);
    l->set.stands(l->set.arg, l->set.number, w);
    line_ask(l); /* how far off our clock is */
}

static void hello_after(struct line *l, unsigned pause_ms)
{
    l->owes_hello = pause_ms > 0;
    if (pause_ms)
        loop_timer_start(l->again, pause_ms, 0);
    else
        say_hello(l);
}

/* At once, as a rule: a broker was restarted, or the log has another epoch. A broker that ends each
 * session as soon as it stands would make a storm of it (simulator, seed 200077: 700 a second). */
static unsigned hasty_pause_ms(struct line *l)
{
    unsigned before = l->hasty;

    if (loop_now_us(l->set.loop) - l->since_us >= HASTY_US) {
        l->hasty = 0;
        return 0;
    }
    l->hasty = before < HASTY_MOST ? before + 1 : before;
    return before ? HELLO_MS << (before - 1) : 0;
}

static void forget_session(struct line *l, const Eocbus__V1__Fault *f)
{
    struct line_end e = {.cause = LINE_FORGOTTEN, .stood = true, .why = f->text, .fault = f};

    if (l->state == LINE_STANDS) {
        enter(l, LINE_GREETING);
        hello_after(l, hasty_pause_ms(l));
        l->set.ended(l->set.arg, l->set.number, &e);
    } else if (l->state == LINE_GREETING) {
        hello_after(l, f->retry_ms + HELLO_MS);
    }
}

/* Other words with retry_ms 0 speak of one frame, and the session stands. */
static bool ends_session(const Eocbus__V1__Fault *f)
{
    return f->retry_ms || strcmp(f->code, "sessions") == 0 || strcmp(f->code, "protocol") == 0;
}

/* Which frame it was we are not told. If it held messages, their answers never come: what is still
 * due an interval later is offered in another session. A word that only newer brokers know is
 * nobody's loss. */
static void doubt(struct line *l)
{
    if (l->is_in_doubt || !l->set.is_busy(l->set.arg, l->set.number))
        return;
    l->is_in_doubt = true;
    loop_timer_start(l->again, l->set.profile->ping_ms, 0);
}

static void end_doubt(struct line *l)
{
    l->is_in_doubt = false;
    if (l->set.is_busy(l->set.arg, l->set.number))
        end(l, LINE_TURNED_AWAY, "the broker refused a frame, and answers stayed out", NULL, 0);
}

static void on_fault(struct line *l, const Eocbus__V1__Fault *f)
{
    log_warn("agent.fault", "line=%u code=%s retry_ms=%u %s", l->set.number, f->code, f->retry_ms,
             f->text);
    if (strcmp(f->code, "hello") == 0)
        forget_session(l, f);
    else if (strcmp(f->code, "principal") == 0)
        end_unknown_key(l, f->text, f);
    else if (l->state == LINE_STANDS && !ends_session(f))
        doubt(l);
    else
        end(l, LINE_TURNED_AWAY, f->text, f,
            f->retry_ms ? f->retry_ms : l->set.profile->backoff_max_ms);
}

static void on_frame(struct line *l, const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_WELCOME:
        on_welcome(l, f->welcome);
        break;
    case EOCBUS__V1__FRAME__WHAT_PING:
        answer_ping(l, f->ping);
        break;
    case EOCBUS__V1__FRAME__WHAT_PONG:
        l->set.pong(l->set.arg, l->set.number, f->pong);
        break;
    default:
        if (f->what_case == EOCBUS__V1__FRAME__WHAT_FAULT && !f->fault->subscription)
            on_fault(l, f->fault);
        else if (l->state == LINE_STANDS)
            l->set.frame(l->set.arg, l->set.number, f);
        break;
    }
}

static void on_message(void *arg, const struct zport_message *m)
{
    struct line *l = arg;
    Eocbus__V1__Frame *f;
    struct refusal why = {0};

    if (l->state < LINE_GREETING)
        return;
    l->heard = true;
    l->silent = 0;
    l->heard_us = loop_exact_us(l->set.loop);
    arena_reset(l->arena);
    if (gate_frame(&f, m->data, m->len, l->arena, &why) == ST_OK)
        on_frame(l, f);
    else
        log_warn("agent.frame.refused", "bytes=%zu code=%s path=%s", m->len,
                 why.code ? why.code : "", why.path);
}

static void on_writable(void *arg)
{
    struct line *l = arg;

    l->set.writable(l->set.arg, l->set.number);
}

/* --- time ------------------------------------------------------------------------------------- */

static void dial(struct line *l)
{
    const struct zport_events events = {
        .arg = l, .message = on_message, .writable = on_writable, .linked = on_linked};
    const struct link_profile *p = l->set.profile;

    if (!l->is_open || l->state != LINE_DOWN)
        return;
    if (l->set.dial(l->set.arg, l->set.number, &l->port, &events) != ST_OK) {
        l->port = NULL;
        loop_timer_start(l->again, p->backoff_max_ms, 0);
        return;
    }
    enter(l, LINE_DIALLING);
    if (l->set.gives_up)
        loop_timer_start(l->again, p->connect_ms, 0);
}

static void on_again(void *arg)
{
    struct line *l = arg;

    if (l->state == LINE_DOWN) {
        dial(l);
    } else if (l->state == LINE_DIALLING) {
        end(l, LINE_LOST, "no broker answers at this endpoint", NULL, 0);
    } else if (l->is_in_doubt) {
        end_doubt(l);
    } else if (l->owes_hello) {
        l->owes_hello = false;
        say_hello(l);
    }
}

static void on_ping(void *arg)
{
    struct line *l = arg;

    if (!l->heard && ++l->silent >= SILENT_MOST) {
        end(l, LINE_LOST, "the broker said nothing for three intervals", NULL, 0);
        return;
    }
    if (l->state == LINE_GREETING)
        say_hello(l);
    else if (!l->heard || !l->set.is_busy(l->set.arg, l->set.number))
        say_ping(l);
    l->heard = false;
}

/* --- life ------------------------------------------------------------------------------------- */

enum status line_create(struct line **out, const struct line_settings *set)
{
    struct line *l = mem_zalloc(sizeof(*l));
    enum status st;

    if (!l)
        return ST_NOMEM;
    l->set = *set;
    st = arena_create(&l->arena, FRAME_ARENA);
    if (st == ST_OK)
        st = loop_timer_create(&l->again, set->loop, on_again, l);
    if (st == ST_OK)
        st = loop_timer_create(&l->ping, set->loop, on_ping, l);
    if (st != ST_OK) {
        line_destroy(l);
        return st;
    }
    *out = l;
    return ST_OK;
}

void line_destroy(struct line *l)
{
    if (!l)
        return;
    zport_destroy(l->port);
    loop_timer_destroy(l->again);
    loop_timer_destroy(l->ping);
    arena_destroy(l->arena);
    buf_free(&l->out);
    mem_free(l);
}

void line_open(struct line *l, unsigned wait_ms)
{
    l->is_open = true;
    l->failures = 0;
    if (wait_ms && l->state == LINE_DOWN)
        loop_timer_start(l->again, wait_ms, 0);
    else
        dial(l);
}

void line_close(struct line *l)
{
    l->is_open = false;
    (void)hang_up(l);
}

void line_rest(struct line *l, unsigned wait_ms)
{
    if (l->state == LINE_DOWN && l->is_open)
        loop_timer_start(l->again, wait_ms, 0);
}

bool line_is_open(const struct line *l)
{
    return l->is_open;
}

bool line_stands(const struct line *l)
{
    return l->state == LINE_STANDS;
}

bool line_has_failed(const struct line *l)
{
    return l->has_failed;
}

uint64_t line_stands_since_us(const struct line *l)
{
    return l->state == LINE_STANDS ? l->since_us : 0;
}

bool line_is_asked(const struct line *l)
{
    return l->state == LINE_STANDS && l->asked_us > l->heard_us;
}

uint64_t line_heard_us(const struct line *l)
{
    return l->heard_us;
}
