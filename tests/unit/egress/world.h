/* world - everything around egress for its tests: a log in memory, a router that is a list, sockets
 * that fill up or vanish when told to, pages that come when told to, and agents that check each
 * frame they get. */
#ifndef EOCBUS_TESTS_UNIT_EGRESS_WORLD_H
#define EOCBUS_TESTS_UNIT_EGRESS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/access.h"
#include "proto/wire/sealed.h"
#include "broker/egress/egress.h"
#include "tests/lib/fake_loop.h"

enum {
    WORLD_LOG = 8192,
    WORLD_WANTS = 256,
    WORLD_READS = 64,
    WORLD_AGENTS = 16,
    WORLD_WINDOW = 8192, /* bytes */
    WORLD_EPOCH = 7,
    WORLD_STANDING = 64,
};

struct world_row {
    uint16_t type;
    char places[32];
    unsigned content_len, lane;
    uint8_t label;
    const char *reach;     /* NULL = whoever subscribes */
    bool expired, is_last; /* the newest of a stream, for who asks */
    int64_t not_after_us;
};

struct world_read {
    uint64_t after, upto;
    unsigned rows, lanes;
    const char *to;
    enum { READ_LOG, READ_LASTS, READ_TIME } what;
    void (*page)(void *arg, enum status st, struct parcel **take, uint64_t looked_at);
    void *arg; /* NULL = none, or cancelled */
};

/* One session with one subscription (number 1) as its agent sees it. */
enum { WORLD_BOX = 221 }; /* a type that comes with two wrapped keys */

struct world_agent {
    size_t keys; /* that came with boxes */
    uint64_t session;
    bool is_full, is_gone, is_lost;
    bool subscribed;
    uint64_t after, head; /* when it was told Subscribed */
    uint64_t got[WORLD_LOG];
    bool history[WORLD_LOG];
    size_t count, frames, horizons;
    uint64_t horizon, acked;
    uint64_t lasts[WORLD_LOG]; /* last values, not in `got` */
    size_t last_count;
    uint64_t credit; /* given and not used */
    size_t unacked_bytes, largest;
    struct {
        uint64_t upto;
        size_t bytes;
    } sent[WORLD_LOG]; /* frames that are not acknowledged */
    size_t sent_first, sent_count;
    char fault[32];
    unsigned warnings, warnings_unacked, withdrawals; /* provisional ones */
};

/* A durable name as the store would keep it. */
struct cursor {
    bool is_open;
    char name[65], principal[65], patterns[128];
    struct durable_name asked;
    durable_fn told;
    void *arg;
    uint32_t log_epoch;
    uint64_t upto;
};

struct world {
    struct loop *loop;
    struct egress *egress;
    uint32_t log_epoch;
    uint64_t head;
    struct world_row log[WORLD_LOG + 1];
    struct {
        char pattern[64];
        void *listener;
    } wants[WORLD_WANTS];
    size_t want_count;
    struct world_read reads[WORLD_READS];
    bool store_away;
    struct world_agent agents[WORLD_AGENTS];
    size_t sends;
    size_t link_frame, link_window; /* of who subscribes next; 0 = a wide link */
    const Eocbus__V1__Lane *lanes;  /* likewise, NULL = all */
    size_t lane_count;
    unsigned lane; /* of what is appended next */
    uint8_t label; /* likewise */
    const char *reach;
    struct rulebook *book;
    struct rights *rights;
    struct principal who; /* every listener */
    bool is_nobody;
    const char *name; /* of who subscribes next; NULL = none */
    bool from_first, last_values;
    uint64_t upto; /* likewise, 0 = no end */
    int64_t after_time_us;
    uint64_t time_found; /* what the database answers */
    struct cursor cursors[WORLD_AGENTS];
    size_t cursor_count;
    uint64_t rows_read;
    unsigned standing[WORLD_STANDING + 1]; /* length of each warning by its number; 0 = settled */
    uint64_t last_warning;
};

static struct world world;

static struct world_agent *agent_of(uint64_t session)
{
    return &world.agents[session % WORLD_AGENTS];
}

/* --- what an agent checks about what it gets -------------------------------------------------- */

static void check_delivery(struct world_agent *a, const Eocbus__V1__Delivery *d)
{
    uint64_t last = a->count ? a->got[a->count - 1] : 0;

    if (d->last_value) {
        assert_true(d->history && !d->previous && d->stamp->seq <= a->after && a->credit > 0);
        assert_true(!a->last_count || d->stamp->seq > a->lasts[a->last_count - 1]);
        a->credit--;
        a->lasts[a->last_count++] = d->stamp->seq;
        return;
    }
    assert_int_equal(d->previous, last);
    assert_true(d->stamp->seq > last);
    assert_int_equal(d->stamp->log_epoch, world.log_epoch);
    assert_int_equal(d->content.len, world.log[d->stamp->seq].content_len);
    assert_true(a->credit > 0);
    a->credit--;
    a->keys += d->n_keys;
    a->history[a->count] = d->history;
    a->got[a->count++] = d->stamp->seq;
}

/* Says nothing of numbers, and takes no credit. */
static void check_warning(struct world_agent *a, const Eocbus__V1__Deliver *m)
{
    const Eocbus__V1__Delivery *d = m->deliveries[0];

    assert_int_equal(m->n_deliveries, 1);
    assert_true(!d->stamp->seq && !d->previous && !d->history && !m->horizon);
    assert_int_equal(d->stamp->received_time_us, 77);
    assert_true(d->content.len);
    a->warnings++;
    assert_true(++a->warnings_unacked <= 16);
}

static void check_deliver(struct world_agent *a, const Eocbus__V1__Deliver *m, size_t len)
{
    assert_int_equal(m->subscription, 1);
    if (m->n_withdrawn) {
        assert_true(!m->n_deliveries && m->withdrawn[0]->message_id.len == ID_BYTES);
        assert_string_equal(m->withdrawn[0]->code, "database");
        assert_string_equal(m->withdrawn[0]->sender, "coes.ayni.office");
        a->withdrawals++;
        return;
    }
    if (m->n_deliveries && m->deliveries[0]->stamp->provisional) {
        check_warning(a, m);
        return;
    }
    assert_true(a->subscribed);
    if (!m->n_deliveries) {
        a->horizons++;
        assert_true(m->horizon >= a->horizon && m->horizon <= world.head);
        a->horizon = m->horizon;
        return;
    }
    assert_true(m->n_deliveries <= LIMIT_ITEMS);
    assert_true(len <= LIMIT_FRAME_BYTES);
    for (size_t i = 0; i < m->n_deliveries; i++)
        check_delivery(a, m->deliveries[i]);
    a->frames++;
    /* A frame leaves when the window was open before its last message. */
    a->largest = len > a->largest ? len : a->largest;
    a->unacked_bytes += len;
    a->sent[a->sent_first + a->sent_count].upto =
        a->count ? a->got[a->count - 1] : a->lasts[a->last_count - 1];
    a->sent[a->sent_first + a->sent_count++].bytes = len;
}

static enum status fake_send(void *arg, uint64_t session, const void *data, size_t len)
{
    struct world_agent *a = agent_of(session);
    Eocbus__V1__Frame *f;

    (void)arg;
    if (a->session != session || a->is_gone)
        return ST_NOTFOUND;
    if (a->is_full)
        return ST_FULL;
    world.sends++;
    f = eocbus__v1__frame__unpack(NULL, len, data);
    assert_non_null(f);
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_SUBSCRIBED) {
        assert_false(a->subscribed);
        a->subscribed = true;
        a->after = f->subscribed->after;
        a->head = world.head;
    } else if (f->what_case == EOCBUS__V1__FRAME__WHAT_FAULT) {
        snprintf(a->fault, sizeof(a->fault), "%s", f->fault->code);
    } else {
        assert_int_equal(f->what_case, EOCBUS__V1__FRAME__WHAT_DELIVER);
        check_deliver(a, f->deliver, len);
    }
    eocbus__v1__frame__free_unpacked(f, NULL);
    return ST_OK;
}

/* --- the other exits -------------------------------------------------------------------------- */

static void fake_lost(void *arg, uint64_t session)
{
    (void)arg;
    agent_of(session)->is_lost = true;
    egress_session_gone(world.egress, session);
}

static void fake_log_place(void *arg, uint32_t *log_epoch, uint64_t *head)
{
    (void)arg;
    *log_epoch = world.log_epoch;
    *head = world.head;
}

static enum status fake_may_listen(void *arg, uint64_t session, const char *pattern,
                                   struct refusal *why)
{
    (void)arg;
    (void)session;
    if (strncmp(pattern, "system.", 7) != 0)
        return ST_OK;
    why->code = "denied";
    return ST_DENIED;
}

static const struct principal *fake_who(void *arg, uint64_t session)
{
    (void)arg;
    (void)session;
    return world.is_nobody ? NULL : &world.who;
}

/* What every listener may from now on; lines as in broker/access/rights.h. */
static inline void world_let(const char *rules)
{
    struct rulebook *book;
    char err[300];

    assert_int_equal(rulebook_read(&book, rules, err, sizeof(err)), ST_OK);
    rights_destroy(world.rights);
    rulebook_destroy(world.book);
    world.book = book;
    assert_int_equal(rights_compile(&world.rights, book, "", ""), ST_OK);
    world.who.rights = world.rights;
    if (world.egress)
        egress_recheck(world.egress);
}

static enum status keep_read(const struct world_read *r)
{
    if (world.store_away)
        return ST_CLOSED;
    for (size_t i = 0; i < WORLD_READS; i++)
        assert_ptr_not_equal(world.reads[i].arg, r->arg); /* one page per listener */
    for (size_t i = 0; i < WORLD_READS; i++)
        if (!world.reads[i].arg) {
            world.reads[i] = *r;
            return ST_OK;
        }
    return ST_FULL;
}

static enum status fake_read(void *arg, uint64_t after, uint64_t upto, unsigned rows,
                             unsigned lanes, const char *to,
                             void (*page)(void *, enum status, struct parcel **, uint64_t),
                             void *page_arg)
{
    const struct world_read r = {after, upto, rows, lanes, to, READ_LOG, page, page_arg};

    (void)arg;
    assert_true(after < upto && upto <= world.head && rows > 0);
    return keep_read(&r);
}

static enum status fake_read_last(void *arg, uint64_t after, uint64_t upto, unsigned rows,
                                  void (*page)(void *, enum status, struct parcel **, uint64_t),
                                  void *page_arg)
{
    const struct world_read r = {after, upto, rows, LANES_ALL, NULL, READ_LASTS, page, page_arg};

    (void)arg;
    assert_true(after < upto && upto <= world.head && rows > 0);
    return keep_read(&r);
}

static enum status fake_find_time(void *arg, int64_t time_us,
                                  void (*page)(void *, enum status, struct parcel **, uint64_t),
                                  void *page_arg)
{
    const struct world_read r = {.what = READ_TIME, .page = page, .arg = page_arg};

    (void)arg;
    assert_int_equal(time_us, world.after_time_us);
    return keep_read(&r);
}

static void fake_read_cancel(void *arg, void *page_arg)
{
    (void)arg;
    for (size_t i = 0; i < WORLD_READS; i++)
        if (world.reads[i].arg == page_arg)
            world.reads[i].arg = NULL;
}

static enum status fake_want(void *arg, const char *pattern, void *listener)
{
    (void)arg;
    if (world.want_count == WORLD_WANTS)
        return ST_NOMEM;
    snprintf(world.wants[world.want_count].pattern, 64, "%s", pattern);
    world.wants[world.want_count++].listener = listener;
    return ST_OK;
}

static void fake_unwant(void *arg, void *listener)
{
    size_t kept = 0;

    (void)arg;
    for (size_t i = 0; i < world.want_count; i++)
        if (world.wants[i].listener != listener)
            world.wants[kept++] = world.wants[i];
    world.want_count = kept;
}

/* --- the log ---------------------------------------------------------------------------------- */

static struct parcel *make_row(uint64_t seq)
{
    static uint8_t bytes[LIMIT_CONTENT_BYTES];
    const struct world_row *row = &world.log[seq];
    struct parcel *p = parcel_create(bytes, row->content_len, NULL, 0);

    assert_non_null(p);
    p->seq = seq;
    p->log_epoch = world.log_epoch;
    p->type = row->type;
    p->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    p->id.lane = row->lane;
    p->expired = row->expired;
    p->not_after_us = row->not_after_us;
    p->label = row->label;
    p->reach = row->reach ? mem_strdup(row->reach) : NULL;
    snprintf(p->agency, sizeof(p->agency), "coes");
    snprintf(p->places, sizeof(p->places), "%s", row->places);
    if (p->type == WORLD_BOX) {
        p->keys_len = 2 * WRAPPED_BYTES;
        p->keys = mem_zalloc(p->keys_len);
        assert_non_null(p->keys);
    }
    return p;
}

static bool row_matches(const char *pattern, uint64_t seq)
{
    struct topics t;

    topics_of_row(&t, EOCBUS__V1__STATUS__STATUS_ACTUAL, world.log[seq].type,
                  world.log[seq].places);
    return pattern_matches_any(pattern, &t);
}

static void route_row(uint64_t seq)
{
    struct parcel *p = make_row(seq);
    void *done[WORLD_WANTS];
    size_t done_count = 0;

    for (size_t i = 0; i < world.want_count; i++) {
        bool seen = false;

        for (size_t k = 0; k < done_count; k++)
            seen |= done[k] == world.wants[i].listener;
        if (seen || !row_matches(world.wants[i].pattern, seq))
            continue;
        done[done_count++] = world.wants[i].listener;
        egress_routed_one(world.egress, world.wants[i].listener, p);
    }
    egress_routed(world.egress, p);
    parcel_drop(&p);
}

static struct parcel make_warning(uint64_t order)
{
    static uint8_t bytes[LIMIT_CONTENT_BYTES];

    return (struct parcel){.content = bytes,
                           .content_len = world.standing[order],
                           .received_time_us = 77,
                           .type = 120,
                           .label = world.label,
                           .status = EOCBUS__V1__STATUS__STATUS_ACTUAL,
                           .warning = order};
}

static void fake_warnings(void *arg, uint64_t after,
                          bool (*each)(void *arg, const struct parcel *p), void *each_arg)
{
    bool more = true;

    (void)arg;
    for (uint64_t order = after + 1; more && order <= world.last_warning; order++) {
        struct parcel p = make_warning(order);

        more = !p.content_len || each(each_arg, &p);
    }
}

/* To everybody who wants something. */
static inline void world_warn(unsigned content_len)
{
    struct parcel p;

    assert_true(world.last_warning < WORLD_STANDING);
    world.standing[++world.last_warning] = content_len;
    p = make_warning(world.last_warning);
    for (size_t i = 0; i < world.want_count; i++)
        egress_warn_one(world.egress, world.wants[i].listener, &p);
    egress_warned(world.egress);
}

/* All that was warned of is in the log, or refused. */
static inline void world_settle_warnings(void)
{
    memset(world.standing, 0, sizeof(world.standing));
}

static inline void world_withdraw(void)
{
    struct refusal why = {.code = CODE_DATABASE};
    uint8_t content[128];
    struct parcel gone = {
        .refused = &why, .type = 120, .label = world.label, .content = content};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    m.sender = (char *)"coes.ayni.office";
    m.epoch = m.lane_seq = 1;
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    gone.content_len = eocbus__v1__envelope__pack(&m, content);
    for (size_t i = 0; i < world.want_count; i++)
        egress_withdraw_one(world.egress, world.wants[i].listener, &gone);
}

static void world_append(uint16_t type, const char *places, unsigned content_len, bool expired)
{
    struct world_row *row = &world.log[++world.head];

    assert_true(world.head <= WORLD_LOG);
    row->type = type;
    row->content_len = content_len;
    row->lane = world.lane;
    row->label = world.label;
    row->reach = world.reach;
    row->expired = expired;
    snprintf(row->places, sizeof(row->places), "%s", places);
}

static inline void world_publish(uint16_t type, const char *places, unsigned content_len)
{
    world_append(type, places, content_len, false);
    route_row(world.head);
}

/* Answers the i-th page that was asked for; with ok false: the database went away. */
static bool world_answer(size_t i, bool ok)
{
    struct world_read r = world.reads[i];
    uint64_t last = r.after + r.rows < r.upto ? r.after + r.rows : r.upto;

    if (!r.arg)
        return false;
    if (!ok) {
        world.reads[i].arg = NULL;
        r.page(r.arg, ST_CLOSED, NULL, 0);
        return true;
    }
    if (r.what == READ_LASTS)
        last = r.upto;
    for (uint64_t seq = r.after + 1; seq <= last && r.what != READ_TIME; seq++) {
        struct parcel *p;

        if (r.what == READ_LASTS && !world.log[seq].is_last)
            continue;
        if (!lanes_hold(r.lanes, world.log[seq].lane))
            continue;
        p = make_row(seq);
        p->history = true;
        world.rows_read++;
        r.page(r.arg, ST_OK, &p, 0);
        assert_null(p);
    }
    world.reads[i].arg = NULL;
    r.page(r.arg, ST_OK, NULL, r.what == READ_TIME ? world.time_found : last);
    return true;
}

/* Turns and answers until nothing moves. */
static void world_settle(void)
{
    bool moved = true;

    for (unsigned turns = 0; moved; turns++) {
        assert_true(turns < 100000);
        moved = false;
        for (size_t i = 0; i < WORLD_READS; i++)
            moved |= world_answer(i, true);
        moved |= fake_is_busy(world.loop);
        loop_turn(world.loop, 0);
    }
}

/* --- agents ----------------------------------------------------------------------------------- */

static void agent_subscribe_to(unsigned n, const char *const *patterns, size_t count,
                               const uint64_t *after, uint32_t epoch, unsigned credit)
{
    struct world_agent *a = &world.agents[n];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribe s = EOCBUS__V1__SUBSCRIBE__INIT;

    a->session = a->session ? a->session : n + WORLD_AGENTS;
    a->credit += credit;
    s.subscription = 1;
    s.patterns = (char **)patterns;
    s.n_patterns = count;
    s.credit = credit;
    s.log_epoch = epoch;
    s.lanes = (Eocbus__V1__Lane *)world.lanes;
    s.n_lanes = world.lane_count;
    s.name = world.name ? (char *)world.name : s.name;
    s.from_first = world.from_first;
    s.last_values = world.last_values;
    s.upto = world.upto;
    if (world.after_time_us) {
        s._after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER_TIME_US;
        s.after_time_us = world.after_time_us;
    }
    if (after) {
        s._after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
        s.after = *after;
    }
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &s;
    egress_on_frame(world.egress, a->session, "coes.dushanbe.duty", &f);
}

static inline void agent_subscribe_all(unsigned n, uint64_t after, unsigned credit)
{
    static const char *const all[] = {"**"};

    agent_subscribe_to(n, all, 1, &after, 0, credit);
}

static inline void agent_give_credit(unsigned n, unsigned messages)
{
    struct world_agent *a = &world.agents[n];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Credit c = EOCBUS__V1__CREDIT__INIT;

    a->credit += messages;
    c.subscription = 1;
    c.messages = messages;
    f.what_case = EOCBUS__V1__FRAME__WHAT_CREDIT;
    f.credit = &c;
    egress_on_frame(world.egress, a->session, "coes.dushanbe.duty", &f);
}

static inline void agent_acknowledge(unsigned n)
{
    struct world_agent *a = &world.agents[n];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Acknowledge m = EOCBUS__V1__ACKNOWLEDGE__INIT;

    m.subscription = 1;
    m.upto = a->count ? a->got[a->count - 1] : a->last_count ? a->lasts[a->last_count - 1] : 0;
    m.provisional = a->warnings_unacked;
    a->warnings_unacked = 0;
    while (a->sent_count && a->sent[a->sent_first].upto <= m.upto) {
        a->unacked_bytes -= a->sent[a->sent_first++].bytes;
        a->sent_count--;
    }
    f.what_case = EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE;
    f.acknowledge = &m;
    egress_on_frame(world.egress, a->session, "coes.dushanbe.duty", &f);
}

static struct cursor *fake_cursor_open(void *arg, const char *principal, struct durable_name *what,
                                       durable_fn told, void *told_arg)
{
    struct cursor *c = &world.cursors[world.cursor_count++];

    (void)arg;
    assert_true(world.cursor_count <= WORLD_AGENTS);
    *c = (struct cursor){.is_open = true, .asked = *what, .told = told, .arg = told_arg};
    snprintf(c->name, sizeof(c->name), "%s", what->name);
    snprintf(c->principal, sizeof(c->principal), "%s", principal);
    snprintf(c->patterns, sizeof(c->patterns), "%s", what->patterns);
    return c;
}

static void fake_cursor_move(void *arg, struct cursor *c, uint32_t log_epoch, uint64_t upto)
{
    (void)arg;
    assert_true(c->is_open && upto >= c->upto && upto <= world.head);
    c->log_epoch = log_epoch;
    c->upto = upto;
}

static void fake_cursor_close(void *arg, struct cursor **c)
{
    (void)arg;
    assert_true((*c)->is_open);
    (*c)->is_open = false;
    *c = NULL;
}

static void fake_limit(void *arg, uint64_t session, size_t *frame_bytes, size_t *window_bytes)
{
    (void)arg;
    (void)session;
    if (world.link_frame)
        *frame_bytes = world.link_frame;
    if (world.link_window)
        *window_bytes = world.link_window;
}

static const struct egress_exits fake_exits = {
    .send = fake_send,
    .lost = fake_lost,
    .log_place = fake_log_place,
    .may_listen = fake_may_listen,
    .who = fake_who,
    .limit = fake_limit,
    .read = fake_read,
    .read_last = fake_read_last,
    .find_time = fake_find_time,
    .read_cancel = fake_read_cancel,
    .warnings = fake_warnings,
    .cursor_open = fake_cursor_open,
    .cursor_move = fake_cursor_move,
    .cursor_close = fake_cursor_close,
    .want = fake_want,
    .unwant = fake_unwant,
};

static int world_begin(void **state)
{
    struct egress_settings set = {.window_bytes = WORLD_WINDOW,
                                  .page_rows = 50,
                                  .horizon_ms = 5000,
                                  .listeners_max = WORLD_AGENTS};
    static char name[] = "coes.dushanbe.duty", none[] = "";

    (void)state;
    memset(&world, 0, sizeof(world));
    world.log_epoch = WORLD_EPOCH;
    world.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    world.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    world.who = (struct principal){
        .principal_id = 1, .name = name, .agency = none, .roles = none, .places = none};
    world_let("1 everyone allow hear * any HOUSEHOLD_PERSONAL - 0 0");
    if (loop_create(&world.loop) != ST_OK)
        return -1;
    set.loop = world.loop;
    return egress_create(&world.egress, &set, &fake_exits) == ST_OK ? 0 : -1;
}

static int world_end(void **state)
{
    (void)state;
    egress_destroy(world.egress);
    rights_destroy(world.rights);
    rulebook_destroy(world.book);
    loop_destroy(world.loop);
    return 0;
}

#endif
