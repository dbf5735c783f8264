/* ingress - against a store that takes, refuses to take, or is away when told to; agents are
 * routing ids with a list of what they were sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/access.h"
#include "broker/ingress/ingress.h"
#include "proto/base/log.h"
#include "tests/lib/fake_loop.h"

enum { AGENTS = 512, QUEUE = 4096, TAGS = 2048 };

struct agent { /* what it heard, by connection */
    int64_t ping_time_us;
    unsigned pings, welcomes, faults, pongs, busies, frames, frames_of_receipts;
    char fault[32], busy_text[96];
    uint64_t session, busy_tags[TAGS];
    size_t busy_count, largest_frame;
    unsigned retry_ms;
    struct {
        uint64_t tag, seq;
        bool stored, repeated, expired;
        char code[32];
    } settled[TAGS];
    size_t settled_count;
    bool is_full, is_gone;
    unsigned knowns, records, nobodies; /* of Known */
    size_t record_bytes;
};

static struct {
    struct loop *loop;
    struct ingress *in;
    struct agent agents[AGENTS];
    struct parcel *queue[QUEUE];
    size_t queued, room;
    enum status submit_answer;
    bool store_away, denies; /* access lets nobody say anything */
    bool carries;            /* everybody may hand in what coes.far says */
    uint32_t log_epoch;
    uint64_t next_seq, last_gone;
    unsigned gone, listens;
    struct {                       /* what went out before it was stored, and what was taken back */
        uint64_t lane_seq, queued; /* how many the store had by then */
    } warned[TAGS];
    size_t warned_count, withdrawn_count;
    char withdrawn_code[32], withdrawn_places[PLACES_TEXT];
    uint8_t withdrawn_id;
    bool revoked[AGENTS], reads_nothing;
    int64_t next_end_us;
    uint64_t hung_up, last_hung_up; /* connections */
} world;

/* --- access, as far as ingress calls it ------------------------------------------------------- */

static struct principal found = {.name = NULL};
static char found_name[32];

const struct principal *access_find_user(const struct access *a, const char *name)
{
    unsigned n;

    (void)a;
    if (sscanf(name, "office.n%u", &n) != 1 || n >= AGENTS || world.revoked[n])
        return NULL;
    snprintf(found_name, sizeof(found_name), "%s", name);
    found.principal_id = (int32_t)n + 1;
    found.name = found_name;
    return &found;
}

/* The first byte of a signature says what access makes of it: 0 or none = taken. */
enum status access_check_word(struct access *a, const struct principal *p,
                              const struct access_said *said, struct refusal *why)
{
    (void)a;
    assert_true(world.carries || strcmp(said->m->sender, p->name) == 0);
    if (!said->signature_len || !said->signature[0])
        return ST_OK;
    why->code = CODE_SIGNATURE;
    return ST_DENIED;
}

const char *access_rules_text(const struct access *a)
{
    (void)a;
    return "0 dispatcher allow say report.* any INTERNAL - 0 0\n"
           "0 dispatcher allow approve siren_command any INTERNAL - 0 0";
}

/* "coes.kN" has N records of 1,000 bytes each; everyone else none. */
size_t access_each_named(const struct access *a, const char *name,
                         void (*each)(void *arg, const struct principal *p), void *arg)
{
    static uint8_t record[1000];
    struct principal p = {
        .enrolment = record, .enrolment_len = sizeof(record), .revoked_us = FAKE_UTC_US};
    unsigned n = 0;

    (void)a;
    if (sscanf(name, "coes.k%u", &n) != 1) {
        p.enrolment_len = 0;
        each(arg, &p);
        return 1;
    }
    for (unsigned i = 0; i < n; i++)
        each(arg, &p);
    return n;
}

const struct principal *access_find(const struct access *a, const char *name)
{
    return access_find_user(a, name);
}

const struct principal *access_find_both(const struct access *a, const char *name,
                                         const uint8_t key[32])
{
    return access_find_user(a, name) && memcmp(key, found.public_key, sizeof(found.public_key)) == 0
               ? &found
               : NULL;
}

bool access_holds(const struct access *a, int32_t principal_id, const char *name,
                  const uint8_t key[32])
{
    return access_find_both(a, name, key) && principal_id == found.principal_id;
}

int64_t access_next_end(const struct access *a, int64_t utc_us)
{
    (void)a;
    return world.next_end_us > utc_us ? world.next_end_us : INT64_MAX;
}

const struct principal *access_author(const struct access *a, const struct principal *p,
                                      const char *sender)
{
    static struct principal author = {.principal_id = AGENTS + 1, .name = (char *)"coes.far"};

    (void)a;
    if (world.carries && strcmp(sender, author.name) == 0)
        return &author;
    return strcmp(sender, p->name) == 0 ? p : NULL;
}

enum status access_may_publish(const struct access *a, const struct principal *p,
                               const Eocbus__V1__Envelope *m, struct refusal *why)
{
    (void)a;
    if (access_author(a, p, m->sender) && !world.denies)
        return ST_OK;
    why->code = CODE_SENDER;
    snprintf(why->path, sizeof(why->path), "sender");
    snprintf(why->text, sizeof(why->text), "you are somebody else");
    return ST_DENIED;
}

/* --- exits ------------------------------------------------------------------------------------ */

static struct zport_id address_of(unsigned n)
{
    struct zport_id id = {.len = 5, .bytes = {0, (uint8_t)n, (uint8_t)(n >> 8), 1, 1}};

    return id;
}

static struct agent *agent_at(const struct zport_id *id)
{
    return &world.agents[id->bytes[1] | id->bytes[2] << 8];
}

static void note_receipts(struct agent *a, const Eocbus__V1__Receipts *m)
{
    a->frames_of_receipts++;
    for (size_t i = 0; i < m->n_settled; i++) {
        const Eocbus__V1__Settled *s = m->settled[i];
        size_t k = a->settled_count++;

        assert_true(k < TAGS);
        a->settled[k].tag = s->tag;
        a->settled[k].seq = s->seq;
        a->settled[k].stored = s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED;
        a->settled[k].repeated = s->repeated;
        a->settled[k].expired = s->expired;
        snprintf(a->settled[k].code, sizeof(a->settled[k].code), "%s", s->code);
    }
}

static void note_frame(struct agent *a, const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_WELCOME:
        a->welcomes++;
        a->session = f->welcome->session;
        break;
    case EOCBUS__V1__FRAME__WHAT_FAULT:
        a->faults++;
        snprintf(a->fault, sizeof(a->fault), "%s", f->fault->code);
        break;
    case EOCBUS__V1__FRAME__WHAT_PONG:
        a->pongs++;
        break;
    case EOCBUS__V1__FRAME__WHAT_PING:
        a->pings++;
        a->ping_time_us = f->ping->time_us;
        break;
    case EOCBUS__V1__FRAME__WHAT_BUSY:
        a->busies++;
        a->retry_ms = f->busy->retry_ms;
        snprintf(a->busy_text, sizeof(a->busy_text), "%s", f->busy->text);
        a->busy_count = f->busy->n_tags;
        memcpy(a->busy_tags, f->busy->tags, f->busy->n_tags * sizeof(uint64_t));
        break;
    case EOCBUS__V1__FRAME__WHAT_KNOWN:
        a->knowns++;
        a->records += (unsigned)f->known->n_enrolments;
        a->nobodies += (unsigned)f->known->n_nobody;
        assert_int_equal(f->known->n_revoked_us, f->known->n_enrolments);
        for (size_t i = 0; i < f->known->n_enrolments; i++) {
            a->record_bytes += f->known->enrolments[i].len;
            assert_int_equal(f->known->revoked_us[i], FAKE_UTC_US);
        }
        break;
    default:
        assert_int_equal(f->what_case, EOCBUS__V1__FRAME__WHAT_RECEIPTS);
        note_receipts(a, f->receipts);
    }
}

static enum status fake_send(void *arg, const struct zport_id *to, const void *data, size_t len)
{
    struct agent *a = agent_at(to);
    Eocbus__V1__Frame *f;

    (void)arg;
    if (a->is_gone)
        return ST_NOTFOUND;
    if (a->is_full)
        return ST_FULL;
    f = eocbus__v1__frame__unpack(NULL, len, data);
    assert_non_null(f);
    a->frames++;
    a->largest_frame = len > a->largest_frame ? len : a->largest_frame;
    note_frame(a, f);
    eocbus__v1__frame__free_unpacked(f, NULL);
    return ST_OK;
}

static enum status fake_submit(void *arg, struct parcel **take)
{
    (void)arg;
    if (world.submit_answer != ST_OK)
        return world.submit_answer;
    if (world.queued >= world.room)
        return ST_FULL;
    world.queue[world.queued++] = *take;
    *take = NULL;
    return ST_OK;
}

static bool fake_store_is_here(void *arg)
{
    (void)arg;
    return !world.store_away;
}

static const struct log_past *fake_log_past(void *arg)
{
    static const struct log_past past = {2, {{1, 0}, {7, 40}}};

    (void)arg;
    return &past;
}

static void fake_log_place(void *arg, uint32_t *log_epoch, uint64_t *head)
{
    (void)arg;
    *log_epoch = world.log_epoch;
    *head = world.next_seq;
}

static void fake_listen(void *arg, uint64_t session, const char *principal,
                        const Eocbus__V1__Frame *frame)
{
    (void)arg;
    assert_true(session > 0 && principal && frame->what_case == EOCBUS__V1__FRAME__WHAT_SUBSCRIBE);
    world.listens++;
}

static void fake_session_gone(void *arg, uint64_t session)
{
    (void)arg;
    world.gone++;
    world.last_gone = session;
}

static bool fake_hang_up(void *arg, int fd, uint64_t connection, bool only_unread)
{
    (void)arg;
    assert_int_equal(fd, connection + 100);
    if (only_unread && !world.reads_nothing)
        return false;
    world.hung_up++;
    world.last_hung_up = connection;
    return true;
}

static void fake_warn(void *arg, const struct parcel *p)
{
    (void)arg;
    assert_true(!p->seq && !p->refused && p->id.lane == EOCBUS__V1__LANE__LANE_FLASH);
    assert_true(p->content_len && p->received_time_us && p->type);
    world.warned[world.warned_count].queued = world.queued;
    world.warned[world.warned_count++].lane_seq = p->id.lane_seq;
}

static void fake_withdraw(void *arg, const struct parcel *p)
{
    (void)arg;
    assert_true(p->type && p->status);
    world.withdrawn_count++;
    world.withdrawn_id = p->message_id[15];
    snprintf(world.withdrawn_code, sizeof(world.withdrawn_code), "%s", p->refused->code);
    snprintf(world.withdrawn_places, PLACES_TEXT, "%s", p->places);
}

static void fake_claim(void *arg, int32_t principal_id, uint32_t log_epoch, uint64_t seq)
{
    (void)arg;
    (void)principal_id;
    (void)log_epoch;
    (void)seq;
}

static const struct ingress_exits exits = {
    .claim = fake_claim,
    .send = fake_send,
    .submit = fake_submit,
    .store_is_here = fake_store_is_here,
    .log_place = fake_log_place,
    .log_past = fake_log_past,
    .listen = fake_listen,
    .session_gone = fake_session_gone,
    .hang_up = fake_hang_up,
    .warn = fake_warn,
    .withdraw = fake_withdraw,
};

/* The commit: everything that was submitted has its fate. */
static void commit(void)
{
    size_t n = world.queued;

    world.queued = 0;
    for (size_t i = 0; i < n; i++) {
        struct parcel *p = world.queue[i];

        if (!p->refused) {
            p->log_epoch = 1;
            p->seq = ++world.next_seq;
        }
        ingress_settled(world.in, p);
        parcel_drop(&p);
    }
    ingress_settled_all(world.in);
}

/* --- what agents say -------------------------------------------------------------------------- */

/* Not 0: whatever the connection, it is this principal that speaks. */
static unsigned one_principal;

static void say_bytes(unsigned n, const void *data, size_t len)
{
    char name[32];
    struct zport_message m = {.from = address_of(n), .user_id = name, .data = data, .len = len};

    m.connection = n + 1;
    m.fd = (int)n + 101;
    snprintf(name, sizeof(name), "office.n%u", one_principal ? one_principal : n);
    ingress_on_message(world.in, &m);
}

static void say(unsigned n, const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[1 << 20];
    size_t len = eocbus__v1__frame__pack(f, bytes);

    assert_true(len <= sizeof(bytes));
    say_bytes(n, bytes, len);
}

static void hello_on(unsigned n, const char *link)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    h.protocol_min = h.protocol_max = 1;
    h.program = (char *)"test 0.1.0";
    h.time_us = FAKE_UTC_US + 90000000;
    h.link_profile = (char *)link;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    say(n, &f);
}

static void hello(unsigned n)
{
    hello_on(n, "");
}

static void ping(unsigned n, int64_t time_us)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Ping p = EOCBUS__V1__PING__INIT;

    p.time_us = time_us;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &p;
    say(n, &f);
}

struct offer {
    uint64_t tag, lane_seq;
    const char *sender; /* NULL = own name */
    unsigned lane;      /* 0 = ROUTINE */
    int64_t not_after_us;
    bool unreadable;
    const char *alarm; /* says this as FLASH */
    bool forged;       /* signed by somebody else */
};

static size_t pack_content(uint8_t *out, unsigned n, const struct offer *o)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__GeneralMessage alarm = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    char place[] = "3505203", *pcodes[] = {place};
    uint8_t id[16] = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80};
    char name[32];

    snprintf(name, sizeof(name), "office.n%u", n);
    m.message_id.data = id;
    m.message_id.len = sizeof(id);
    m.schema = SCHEMA_VERSION;
    m.sender = (char *)(o->sender ? o->sender : name);
    m.epoch = 1;
    m.lane = (Eocbus__V1__Lane)(o->lane ? o->lane : EOCBUS__V1__LANE__LANE_ROUTINE);
    m.lane_seq = o->lane_seq ? o->lane_seq : o->tag;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.event_time_us = m.sent_time_us = FAKE_UTC_US;
    m.not_after_us = o->not_after_us;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    entry.position = (char *)"duty officer";
    entry.text = (char *)"water is rising at the bridge";
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    if (o->alarm) {
        id[15] = (uint8_t)m.lane_seq;
        m.lane = EOCBUS__V1__LANE__LANE_FLASH;
        alarm.from_role = (char *)"duty officer";
        alarm.subject = (char *)"mudflow";
        alarm.text = (char *)o->alarm;
        area.pcodes = pcodes;
        area.n_pcodes = 1;
        m.area = &area;
        m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
        m.general_message = &alarm;
    }
    return eocbus__v1__envelope__pack(&m, out);
}

static void publish(unsigned n, const struct offer *offers, size_t count)
{
    static uint8_t contents[TAGS][400];
    static Eocbus__V1__Item items[TAGS];
    static Eocbus__V1__Item *pointers[TAGS];
    static uint8_t forged[LIMIT_SIGNATURE_BYTES] = {1};
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;

    for (size_t i = 0; i < count; i++) {
        eocbus__v1__item__init(&items[i]);
        items[i].tag = offers[i].tag;
        items[i].content.data = contents[i];
        items[i].content.len = pack_content(contents[i], n, &offers[i]);
        if (offers[i].forged) {
            items[i].signature.data = forged;
            items[i].signature.len = sizeof(forged);
        }
        if (offers[i].unreadable)
            memset(contents[i], 0xff, items[i].content.len);
        pointers[i] = &items[i];
    }
    p.items = pointers;
    p.n_items = count;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    say(n, &f);
}

/* Tags and places `from` to `to`. */
static void publish_run(unsigned n, uint64_t from, uint64_t to)
{
    static struct offer offers[TAGS];

    memset(offers, 0, sizeof(offers));
    for (uint64_t t = from; t <= to; t++)
        offers[t - from].tag = t;
    publish(n, offers, to - from + 1);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void hello_is_answered_welcome(void **state)
{
    (void)state;
    hello(3);
    assert_int_equal(world.agents[3].welcomes, 1);
    assert_int_equal(world.agents[3].session, 1);
}

static void anything_before_hello_is_answered_say_hello_first(void **state)
{
    (void)state;
    publish_run(3, 1, 2);
    assert_string_equal(world.agents[3].fault, "hello");
    ping(3, FAKE_UTC_US);
    assert_int_equal(world.agents[3].faults, 2);
    assert_int_equal(world.queued, 0);
    hello(3);
    publish_run(3, 1, 2);
    commit();
    assert_int_equal(world.agents[3].settled_count, 2);
}

static void hello_again_begins_a_new_session(void **state)
{
    (void)state;
    hello(3);
    publish_run(3, 1, 2);
    hello(3);
    assert_int_equal(world.agents[3].session, 2);
    assert_int_equal(world.last_gone, 1);
    commit();
    assert_int_equal(world.agents[3].settled_count, 0); /* of the old session: offered again */
}

static void one_principal_with_many_connections_keeps_the_newest(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(400); /* somebody else, the longest silent of all */
    one_principal = 7;
    for (unsigned n = 1; n <= 16; n++)
        hello(n);
    ping(1, FAKE_UTC_US); /* not the first any more */
    for (unsigned n = 17; n <= 20; n++)
        hello(n);
    one_principal = 0;
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 17);
    for (unsigned n = 1; n <= 20; n++) {
        assert_int_equal(world.agents[n].welcomes, 1);
        assert_int_equal(world.agents[n].faults, n >= 2 && n <= 5);
    }
    assert_string_equal(world.agents[2].fault, "sessions");
    assert_int_equal(world.agents[400].faults, 0);
}

static void hello_again_and_again_makes_no_room_in_the_store(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        hello(3);
        publish_run(3, 1 + round * 64, 64 + round * 64);
    }
    assert_int_equal(world.queued, 128); /* two windows of 64 */
    assert_string_equal(world.agents[3].busy_text, "your window is full: wait for receipts");
    commit();
    hello(3);
    publish_run(3, 129, 192);
    commit();
    assert_int_equal(world.agents[3].settled_count, 64);
    hello(4); /* and somebody else was never in need */
    publish_run(4, 1, 64);
    commit();
    assert_int_equal(world.agents[4].settled_count, 64);
}

static void an_unknown_protocol_version_is_refused(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    (void)state;
    h.protocol_min = 2;
    h.protocol_max = 3;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    say(1, &f);
    assert_string_equal(world.agents[1].fault, "protocol");
}

static void a_message_without_a_name_is_dropped_and_counted(void **state)
{
    struct zport_message m = {.from = address_of(1), .data = (const uint8_t *)"x", .len = 1};
    struct ingress_counters n;

    (void)state;
    ingress_on_message(world.in, &m);
    ingress_counters(world.in, &n);
    assert_int_equal(n.unauthenticated, 1);
    assert_int_equal(world.agents[1].frames, 0);
}

static void three_hundred_sessions_each_get_their_own_receipts(void **state)
{
    struct ingress_counters c;

    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        hello(n);
        publish_run(n, n + 1, n + 3);
    }
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 300);
    commit();
    for (unsigned n = 0; n < 300; n++) {
        assert_int_equal(world.agents[n].frames_of_receipts, 1);
        assert_int_equal(world.agents[n].settled_count, 3);
        assert_int_equal(world.agents[n].settled[0].tag, n + 1);
        assert_int_equal(world.agents[n].settled[2].seq, 3 * n + 3);
    }
}

static void a_full_table_refuses_strangers_but_lets_a_principal_replace_itself(void **state)
{
    struct zport_message m = {.from = address_of(450), .user_id = "office.n0"};
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;
    uint8_t bytes[64];

    (void)state;
    for (unsigned n = 0; n < 400; n++)
        hello(n);
    hello(401);
    assert_string_equal(world.agents[401].fault, "sessions");
    h.protocol_min = h.protocol_max = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    m.len = eocbus__v1__frame__pack(&f, bytes);
    m.data = bytes;
    ingress_on_message(world.in, &m); /* office.n0 comes back on another connection */
    assert_int_equal(world.agents[450].welcomes, 1);
    assert_int_equal(world.last_gone, 1);
}

static void ask_who(unsigned n, char **names, size_t count)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Who who = EOCBUS__V1__WHO__INIT;

    who.names = names;
    who.n_names = count;
    f.what_case = EOCBUS__V1__FRAME__WHAT_WHO;
    f.who = &who;
    say(n, &f);
}

static void who_is_answered_with_every_record_in_frames_that_fit_the_link(void **state)
{
    char *names[] = {(char *)"coes.k2", (char *)"coes.k0", (char *)"coes.none", (char *)"coes.k3"};

    (void)state;
    hello(1);
    ask_who(1, names, 4);
    assert_int_equal(world.agents[1].knowns, 1);
    assert_int_equal(world.agents[1].records, 5);
    assert_int_equal(world.agents[1].record_bytes, 5000);
    assert_int_equal(world.agents[1].nobodies, 2);
    hello_on(2, "2g");
    ask_who(2, names, 4);
    assert_int_equal(world.agents[2].records, 5);
    assert_int_equal(world.agents[2].nobodies, 2);
    assert_int_equal(world.agents[2].knowns, 5); /* the two names fit beside a record */
    assert_true(world.agents[2].largest_frame <= 1300);
    ask_who(1, names, 0);
    assert_string_equal(world.agents[1].fault, CODE_REQUIRED);
}

static void who_asks_for_very_many_records_gets_them_all(void **state)
{
    char *names[] = {(char *)"coes.k300", (char *)"coes.k0300"};

    (void)state;
    hello(1);
    ask_who(1, names, 2);
    assert_int_equal(world.agents[1].records, 600);
    assert_true(world.agents[1].largest_frame <= 33000);
    world.agents[1].is_gone = true;
    ask_who(1, names, 2);
    assert_int_equal(world.gone, 1);
}

static void a_name_that_stands_in_who_many_times_is_answered_once(void **state)
{
    char *names[64];

    (void)state;
    for (size_t i = 0; i < 64; i++)
        names[i] = (char *)(uintptr_t)(i % 2 ? "coes.k3" : "coes.k0");
    hello(1);
    ask_who(1, names, 64);
    assert_int_equal(world.agents[1].records, 3);
    assert_int_equal(world.agents[1].nobodies, 1);
}

static void a_silent_session_is_forgotten_and_one_that_pings_is_not(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(1);
    hello(2);
    fake_advance(world.loop, 20000);
    ping(2, FAKE_UTC_US);
    assert_int_equal(world.agents[2].pongs, 1);
    fake_advance(world.loop, 15000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 1);
    assert_int_equal(world.gone, 1);
    ping(1, FAKE_UTC_US);
    assert_string_equal(world.agents[1].fault, "hello");
}

static void ping_both_for(unsigned seconds, unsigned every_s)
{
    for (unsigned s = 0; s < seconds; s += every_s) {
        fake_advance(world.loop, 1000 * every_s);
        loop_turn(world.loop, 0);
        ping(1, FAKE_UTC_US);
        ping(2, FAKE_UTC_US);
    }
}

static void each_link_has_its_own_patience(void **state)
{
    const struct ingress_settings set = {
        .window_items = 64, .window_bytes = 1 << 20, .quarantine_per_hour = 10, .idle_ms = 1000000};
    struct ingress_counters c;

    (void)state;
    ingress_set(world.in, &set);
    hello_on(1, "2g");
    hello_on(2, "fiber");
    ping_both_for(610, 10);
    fake_advance(world.loop, 19000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 2);
    fake_advance(world.loop, 2000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 1);
    assert_int_equal(c.silent, 1);
    fake_advance(world.loop, 178000); /* a stall of three minutes is no death on 2G */
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 1);
    fake_advance(world.loop, 2000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 0);
    assert_int_equal(c.silent, 2);
}

static void who_vanished_is_dead_only_if_he_does_not_come_back(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello_on(1, "fiber");
    hello_on(2, "fiber");
    hello_on(3, "fiber"); /* a command: it comes, speaks and goes */
    ping_both_for(61, 1);
    fake_advance(world.loop, 1000);
    world.agents[1].is_gone = world.agents[2].is_gone = true;
    ping(1, FAKE_UTC_US);
    ping(2, FAKE_UTC_US);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 0);
    fake_advance(world.loop, 5000);
    world.agents[2].is_gone = false;
    hello_on(2, "fiber");
    for (unsigned s = 0; s < 14; s++) {
        fake_advance(world.loop, 1000);
        ping(2, FAKE_UTC_US);
    }
    ingress_counters(world.in, &c);
    assert_int_equal(c.silent, 0);
    fake_advance(world.loop, 2000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.silent, 1);
    assert_int_equal(c.sessions, 1);
}

static void a_revoked_principal_is_silent_from_its_next_message_on(void **state)
{
    (void)state;
    hello(1);
    world.revoked[1] = true;
    publish_run(1, 1, 1);
    assert_string_equal(world.agents[1].fault, "principal");
    assert_int_equal(world.queued, 0);
    assert_int_equal(world.gone, 1);
}

static void a_recheck_ends_sessions_of_principals_that_are_gone(void **state)
{
    (void)state;
    hello(1);
    hello(2);
    world.revoked[1] = true;
    ingress_recheck(world.in);
    assert_string_equal(world.agents[1].fault, "principal");
    assert_int_equal(world.agents[2].faults, 0);
    assert_int_equal(world.gone, 1);
}

static void a_revoked_key_is_cut_off_with_all_that_waits_for_it(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(1);
    hello(2);
    world.revoked[1] = true;
    ingress_recheck(world.in);
    fake_advance(world.loop, 150);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 0); /* it may read why */
    fake_advance(world.loop, 150);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 1); /* though it has read everything */
    assert_int_equal(world.last_hung_up, 2);
    ping(1, FAKE_UTC_US); /* was on its way */
    fake_advance(world.loop, 300);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 2);
    ingress_counters(world.in, &c);
    assert_int_equal(c.revoked, 1);
    assert_int_equal(c.sessions, 1);
}

static void a_revoked_key_whose_socket_is_full_is_cut_off_at_once(void **state)
{
    (void)state;
    hello(1);
    world.agents[1].is_full = true;
    world.revoked[1] = true;
    ingress_recheck(world.in);
    assert_int_equal(world.hung_up, 1);
}

/* The session came with the key that is gone; the principal has another one. */
static void of_two_keys_only_the_revoked_one_is_put_out(void **state)
{
    (void)state;
    found.public_key[0] = 1;
    hello(1);
    found.public_key[0] = 2; /* all that access knows by now */
    ingress_recheck(world.in);
    assert_string_equal(world.agents[1].fault, "principal");
    hello(2);
    ingress_recheck(world.in);
    assert_int_equal(world.agents[2].faults, 0);
}

static void a_key_that_runs_out_ends_its_session_by_itself(void **state)
{
    (void)state;
    hello(1);
    world.next_end_us = loop_utc_us(world.loop) + 5300000;
    fake_advance(world.loop, 5250);
    loop_turn(world.loop, 0);
    assert_int_equal(world.agents[1].faults, 0);
    world.revoked[1] = true;
    fake_advance(world.loop, 100);
    loop_turn(world.loop, 0);
    assert_string_equal(world.agents[1].fault, "principal");
}

/* What it has receipts for may be missing in the restored log; only a Welcome makes it offer that.
 */
static void who_was_told_another_log_epoch_is_asked_for_a_new_hello(void **state)
{
    (void)state;
    world.log_epoch = 0; /* the log was not seen yet */
    hello(1);
    world.log_epoch = 1;
    hello(2);
    ingress_log_epoch(world.in, 1);
    assert_string_equal(world.agents[1].fault, "hello");
    assert_int_equal(world.agents[2].faults, 0);
    assert_int_equal(world.last_gone, world.agents[1].session);
    hello(1);
    world.log_epoch = 2; /* a backup was restored */
    ingress_log_epoch(world.in, 2);
    assert_int_equal(world.agents[1].faults, 2);
    assert_int_equal(world.agents[2].faults, 1);
    assert_int_equal(world.gone, 3);
}

static void a_connection_that_is_gone_ends_its_session(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(1);
    publish_run(1, 1, 10);
    world.agents[1].is_gone = true;
    commit();
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 0);
    assert_int_equal(world.gone, 1);
}

static void a_multipart_message_ends_the_session(void **state)
{
    struct zport_message m = {.from = address_of(1), .user_id = "office.n1"};

    (void)state;
    hello(1);
    ingress_on_broken(world.in, &m);
    assert_int_equal(world.gone, 1);
    assert_string_equal(world.agents[1].fault, "malformed");
}

static void listening_frames_go_to_the_exit(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribe s = EOCBUS__V1__SUBSCRIBE__INIT;
    char all[] = "**", *patterns[] = {all};

    (void)state;
    s.subscription = 1;
    s.patterns = patterns;
    s.n_patterns = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &s;
    say(1, &f);
    assert_int_equal(world.listens, 0);
    hello(1);
    say(1, &f);
    assert_int_equal(world.listens, 1);
}

/* --- receipts --------------------------------------------------------------------------------- */

static void no_receipt_before_the_store_settled(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 5);
    loop_turn(world.loop, 0);
    assert_int_equal(world.agents[1].frames, 1); /* Welcome */
    commit();
    assert_int_equal(world.agents[1].frames, 2);
    assert_int_equal(world.agents[1].settled_count, 5);
    assert_true(world.agents[1].settled[4].stored);
}

static void a_refused_item_too_is_answered_only_after_the_commit(void **state)
{
    struct offer offers[] = {{.tag = 1}, {.tag = 2, .unreadable = true}, {.tag = 3}};

    (void)state;
    hello(1);
    publish(1, offers, 3);
    assert_int_equal(world.queued, 3);
    assert_non_null(world.queue[1]->refused);
    assert_int_equal(world.agents[1].settled_count, 0);
    commit();
    assert_int_equal(world.agents[1].settled_count, 3);
    assert_false(world.agents[1].settled[1].stored);
    assert_int_equal(world.agents[1].settled[1].tag, 2);
    assert_true(world.agents[1].settled[1].code[0]);
}

static void a_foreign_sender_is_refused_not_corrected(void **state)
{
    struct offer o = {.tag = 9, .sender = "office.n2"};

    (void)state;
    hello(1);
    publish(1, &o, 1);
    assert_int_equal(world.queue[0]->principal_id, 2); /* n1: who it was, not who it claims */
    commit();
    assert_string_equal(world.agents[1].settled[0].code, "sender");
}

static void past_the_quota_a_refusal_is_answered_at_once_and_not_kept(void **state)
{
    struct offer o = {.unreadable = true};
    struct ingress_counters c;

    (void)state;
    hello(1);
    for (o.tag = 1; o.tag <= 15; o.tag++)
        publish(1, &o, 1);
    assert_int_equal(world.queued, 10);
    assert_int_equal(world.agents[1].settled_count, 5);
    ingress_counters(world.in, &c);
    assert_int_equal(c.quarantine_dropped, 5);
    commit();
    assert_int_equal(world.agents[1].settled_count, 15);
}

static void what_the_store_does_not_take_costs_no_quota(void **state)
{
    struct offer o = {.tag = 1, .unreadable = true};
    struct ingress_counters c;

    (void)state;
    hello(1);
    world.room = 0;
    for (unsigned i = 0; i < 20; i++) { /* twice the quota: its sender offers it again and again */
        publish(1, &o, 1);
        say_bytes(1, "\xff\xff", 2);
    }
    world.room = QUEUE;
    publish(1, &o, 1);
    assert_int_equal(world.queued, 1);
    ingress_counters(world.in, &c);
    assert_int_equal(c.quarantine_dropped, 20); /* the frames: those nobody offers again */
}

static void a_late_message_is_stored_and_said_to_be_expired(void **state)
{
    struct offer o = {.tag = 1, .not_after_us = FAKE_UTC_US - 1};

    (void)state;
    hello(1);
    publish(1, &o, 1);
    assert_true(world.queue[0]->expired);
    commit();
    assert_true(world.agents[1].settled[0].stored);
    assert_true(world.agents[1].settled[0].expired);
}

static void receipts_wait_for_a_full_socket(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    world.agents[1].is_full = true;
    commit();
    world.agents[1].is_full = false;
    ingress_writable(world.in);
    assert_int_equal(world.agents[1].settled_count, 64);
    publish_run(1, 65, 65);
    assert_int_equal(world.queued, 1);
}

static void many_long_receipts_leave_in_frames_of_bounded_size(void **state)
{
    struct offer offers[64] = {{0}};

    (void)state;
    hello(1);
    for (unsigned i = 0; i < 64; i++)
        offers[i] = (struct offer){.tag = i + 1};
    publish(1, offers, 64);
    for (size_t i = 0; i < 64; i++) {
        world.queue[i]->refused = mem_zalloc(sizeof(struct refusal));
        world.queue[i]->refused->code = CODE_DATABASE;
        memset(world.queue[i]->refused->text, 'x', 319);
        memset(world.queue[i]->refused->path, 'p', 159);
    }
    commit();
    assert_int_equal(world.agents[1].settled_count, 64);
    assert_true(world.agents[1].frames_of_receipts > 1);
    assert_true(world.agents[1].largest_frame <= 16384 + 16);
}

/* --- not taken -------------------------------------------------------------------------------- */

static void beyond_the_window_is_busy(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 70);
    assert_int_equal(world.queued, 64);
    assert_int_equal(world.agents[1].busy_count, 6);
    assert_int_equal(world.agents[1].busy_tags[0], 65);
    commit();
    publish_run(1, 65, 70);
    commit();
    assert_int_equal(world.agents[1].settled_count, 70);
}

static void a_full_store_is_busy_for_a_moment(void **state)
{
    (void)state;
    hello(1);
    world.room = 3;
    publish_run(1, 1, 5);
    assert_int_equal(world.agents[1].busy_count, 2);
    assert_int_equal(world.agents[1].busy_tags[0], 4);
    assert_int_equal(world.agents[1].retry_ms, 50);
}

static void a_store_that_is_away_is_busy_for_longer_and_longer(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 1000);
    fake_advance(world.loop, 2000);
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 2000);
    fake_advance(world.loop, 20000);
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 3000);
    world.submit_answer = ST_OK;
    publish_run(1, 1, 1);
    commit();
    assert_int_equal(world.agents[1].settled_count, 1);
}

static void a_refused_item_is_busy_too_while_the_store_is_away(void **state)
{
    struct offer o = {.tag = 1, .unreadable = true};

    (void)state;
    hello(1);
    world.store_away = true;
    world.submit_answer = ST_CLOSED;
    publish(1, &o, 1);
    assert_int_equal(world.agents[1].busy_count, 1);
    assert_int_equal(world.agents[1].settled_count, 0);
}

/* Nobody offers again what has no answer, so it has to be a new session that does. */
static void a_busy_that_cannot_be_said_is_said_when_there_is_room(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    world.agents[1].is_full = true; /* as a listener on a thin line has it */
    commit();
    publish_run(1, 65, 65); /* receipts that wait keep the window closed */
    publish_run(1, 66, 70);
    assert_int_equal(world.queued, 0);
    assert_int_equal(world.gone, 0);
    assert_int_equal(world.agents[1].busy_count, 0);
    world.agents[1].is_full = false;
    ingress_writable(world.in);
    assert_int_equal(world.agents[1].busy_count, 6);
    assert_int_equal(world.agents[1].settled_count, 64);
}

static void who_goes_on_without_reading_what_was_turned_away_has_lost_the_session(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    world.agents[1].is_full = true;
    commit();
    for (unsigned n = 65; n < 65 + 64 * 65 && !world.gone; n += 64)
        publish_run(1, n, n + 63);
    assert_int_equal(world.gone, 1);
}

static void a_receipt_without_memory_ends_the_session(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 1);
    mem_fail_at(1);
    commit();
    mem_fail_at(0);
    assert_int_equal(world.gone, 1);
    assert_int_equal(world.agents[1].settled_count, 0);
}

static void nothing_overtakes_a_message_of_its_lane_that_was_not_taken(void **state)
{
    struct offer flash = {.tag = 100, .lane_seq = 1, .lane = EOCBUS__V1__LANE__LANE_FLASH};

    (void)state;
    hello(1);
    world.room = 2;
    publish_run(1, 1, 4); /* 3 and 4 were not taken */
    world.room = QUEUE;
    publish_run(1, 5, 6);
    assert_int_equal(world.queued, 2);
    assert_int_equal(world.agents[1].busy_count, 2);
    publish(1, &flash, 1); /* another lane is free to go */
    assert_int_equal(world.queued, 3);
    publish_run(1, 3, 6);
    assert_int_equal(world.queued, 7);
    for (size_t i = 3; i < 7; i++)
        assert_int_equal(world.queue[i]->id.lane_seq, i);
}

static void a_message_that_never_comes_again_holds_its_lane_only_for_a_while(void **state)
{
    (void)state;
    hello(1);
    world.room = 0;
    publish_run(1, 1, 1);
    world.room = QUEUE;
    publish_run(1, 2, 2);
    assert_int_equal(world.queued, 0);
    for (unsigned i = 0; i < 4; i++) {
        fake_advance(world.loop, 22501);
        ping(1, FAKE_UTC_US); /* it lives */
    }
    publish_run(1, 2, 2);
    assert_int_equal(world.queued, 1);
}

static void more_items_than_a_frame_may_hold_are_busy(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 300);
    assert_int_equal(world.queued + world.agents[1].busy_count, 300);
}

static void more_than_twice_as_many_are_not_looked_at(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 2 * LIMIT_ITEMS);
    assert_int_equal(world.agents[1].faults, 0);
    publish_run(1, 1001, 1001 + 2 * LIMIT_ITEMS);
    assert_string_equal(world.agents[1].fault, "repeats");
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].faults, 1);
    assert_int_equal(world.gone, 0);
}

/* --- frames that cannot be read --------------------------------------------------------------- */

static void an_unreadable_frame_goes_to_quarantine_with_tag_0(void **state)
{
    (void)state;
    hello(1);
    say_bytes(1, "\xff\xff\xff\xff", 4);
    assert_int_equal(world.queued, 1);
    assert_int_equal(world.queue[0]->tag, 0);
    assert_int_equal(world.queue[0]->principal_id, 2);
    assert_int_equal(world.queue[0]->content_len, 4);
    assert_non_null(world.queue[0]->refused);
    assert_int_equal(world.agents[1].faults, 1);
    commit();
    assert_int_equal(world.agents[1].settled_count, 0);
}

static void what_quarantine_keeps_of_a_large_frame_is_cut(void **state)
{
    uint8_t *bytes = mem_zalloc(200000);

    (void)state;
    memset(bytes, 0xff, 200000);
    hello(1);
    say_bytes(1, bytes, 200000);
    mem_free(bytes);
    assert_int_equal(world.queued, 1);
    assert_int_equal(world.queue[0]->content_len, LIMIT_CONTENT_BYTES);
}

static void a_frame_that_only_a_broker_says_is_a_fault(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Welcome w = EOCBUS__V1__WELCOME__INIT;

    (void)state;
    hello(1);
    f.what_case = EOCBUS__V1__FRAME__WHAT_WELCOME;
    f.welcome = &w;
    say(1, &f);
    assert_string_equal(world.agents[1].fault, "malformed");
}

/* --- warn first ------------------------------------------------------------------------------- */

static void alarm_from(unsigned n, uint64_t lane_seq, const char *text)
{
    struct offer o = {.tag = lane_seq, .alarm = text};

    publish(n, &o, 1);
}

static void refuse_queued(const char *code)
{
    for (size_t i = 0; i < world.queued; i++) {
        world.queue[i]->refused = mem_zalloc(sizeof(struct refusal));
        world.queue[i]->refused->code = code;
    }
}

static void an_alarm_goes_out_before_the_store_has_it(void **state)
{
    const struct offer offers[] = {{.tag = 1}, {.tag = 2, .alarm = "mudflow"}, {.tag = 3}};

    (void)state;
    hello(1);
    publish(1, offers, 3);
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.warned[0].lane_seq, 2);
    assert_int_equal(world.warned[0].queued, 1); /* not yet, only the one before it */
    assert_int_equal(world.queued, 3);
    commit();
    assert_int_equal(world.agents[1].settled_count, 3);
    assert_int_equal(world.withdrawn_count, 0);
}

static void while_the_store_is_away_an_alarm_goes_out_once_and_stays_in_the_outbox(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    world.store_away = true;
    for (unsigned i = 0; i < 5; i++) {
        alarm_from(1, 1, "mudflow");
        assert_int_equal(world.agents[1].busies, 2 * i + 1);
        alarm_from(1, 2, "and again"); /* behind one that was not taken */
        assert_int_equal(world.agents[1].busies, 2 * i + 2);
    }
    assert_int_equal(world.warned_count, 2);
    hello(1); /* a new session offers everything again */
    alarm_from(1, 1, "mudflow");
    hello(2);
    alarm_from(2, 1, "mudflow"); /* somebody else's place */
    assert_int_equal(world.warned_count, 3);
    world.submit_answer = ST_OK;
    world.store_away = false;
    alarm_from(1, 1, "mudflow");
    alarm_from(1, 2, "and again");
    commit();
    alarm_from(1, 2, "and again"); /* its receipt got lost */
    assert_int_equal(world.warned_count, 3);
    assert_int_equal(world.withdrawn_count, 0);
}

/* The outbox holds the next alarm back until then. */
static void who_was_turned_away_with_an_alarm_may_come_again_soon(void **state)
{
    (void)state;
    hello_on(1, "fiber");
    hello_on(2, "2g"); /* it would be busy with offering the same again */
    world.submit_answer = ST_CLOSED;
    alarm_from(1, 1, "mudflow");
    for (unsigned i = 0; i < 5; i++) {
        fake_advance(world.loop, 4000);
        ping(1, FAKE_UTC_US);
        ping(2, FAKE_UTC_US);
    }
    alarm_from(1, 1, "mudflow");
    assert_int_equal(world.agents[1].retry_ms, 1000);
    alarm_from(2, 1, "mudflow");
    assert_int_equal(world.agents[2].retry_ms, 3000);
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 3000);
}

/* It is the other's alarm, by whomever it comes. */
static void an_alarm_that_is_carried_for_another_goes_out_once(void **state)
{
    const struct offer carried = {.tag = 1, .alarm = "mudflow", .sender = "coes.far"};

    (void)state;
    world.carries = true;
    hello(1);
    hello(2);
    world.submit_answer = ST_CLOSED;
    for (unsigned i = 0; i < 3; i++)
        publish(1, &carried, 1);
    publish(2, &carried, 1);
    assert_int_equal(world.warned_count, 1);
    alarm_from(1, 1, "mudflow"); /* the carrier's own of the same place */
    assert_int_equal(world.warned_count, 2);
}

static void an_alarm_beyond_the_window_goes_out_all_the_same(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    alarm_from(1, 65, "mudflow");
    assert_int_equal(world.agents[1].busies, 1);
    assert_int_equal(world.warned_count, 1);
}

static void what_may_not_be_said_or_is_too_late_warns_nobody(void **state)
{
    const struct offer foreign = {.tag = 1, .alarm = "mudflow", .sender = "office.n2"};
    const struct offer late = {.tag = 2, .alarm = "mudflow", .not_after_us = FAKE_UTC_US - 1};
    const struct offer torn = {.tag = 3, .alarm = "mudflow", .unreadable = true};
    const struct offer never = {.tag = 4, .lane = EOCBUS__V1__LANE__LANE_FLASH};
    const struct offer forged = {.tag = 5, .alarm = "mudflow", .forged = true};

    (void)state;
    hello(1);
    publish(1, &foreign, 1);
    publish(1, &late, 1);
    publish(1, &torn, 1);
    publish(1, &never, 1); /* an entry of a diary is no alarm */
    publish(1, &forged, 1);
    assert_int_equal(world.warned_count, 0);
    commit();
    assert_int_equal(world.agents[1].settled_count, 5);
    assert_string_equal(world.agents[1].settled[4].code, CODE_SIGNATURE);
    assert_int_equal(world.withdrawn_count, 0); /* nobody heard of them */
}

static void what_the_store_refuses_is_withdrawn_once(void **state)
{
    (void)state;
    hello(1);
    alarm_from(1, 7, "mudflow");
    refuse_queued(CODE_DATABASE);
    hello(1); /* its session is gone: listeners are told all the same */
    commit();
    assert_int_equal(world.withdrawn_count, 1);
    assert_int_equal(world.withdrawn_id, 7);
    assert_string_equal(world.withdrawn_code, CODE_DATABASE);
    assert_string_equal(world.withdrawn_places, "3505203");
    alarm_from(1, 7, "mudflow");
    refuse_queued(CODE_DATABASE);
    commit();
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.withdrawn_count, 1);
}

static bool count_standing(void *arg, const struct parcel *p)
{
    assert_true(p->warning && p->content_len);
    ++*(unsigned *)arg;
    return true;
}

static unsigned standing(void)
{
    unsigned n = 0;

    ingress_warnings(world.in, 0, count_standing, &n);
    return n;
}

static void an_alarm_stands_for_newcomers_until_its_fate_is_known(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (uint64_t seq = 1; seq <= 3; seq++)
        alarm_from(1, seq, "mudflow");
    alarm_from(1, 1, "mudflow");
    assert_int_equal(standing(), 3);
    world.submit_answer = ST_OK;
    alarm_from(1, 1, "mudflow");
    assert_int_equal(standing(), 3); /* on its way to the log */
    commit();
    assert_int_equal(standing(), 2);
    alarm_from(1, 2, "mudflow");
    refuse_queued(CODE_DATABASE);
    commit();
    assert_int_equal(standing(), 1);
    alarm_from(1, 3, "mudflow");
    ingress_logged(world.in, world.queue[0]); /* another broker was faster */
    assert_int_equal(standing(), 0);
    assert_int_equal(world.withdrawn_count, 1);
}

static void another_content_under_its_place_withdraws_no_alarm(void **state)
{
    (void)state;
    hello(1);
    alarm_from(1, 1, "mudflow");
    commit();
    alarm_from(1, 1, "no mudflow");
    refuse_queued("conflict");
    commit();
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.withdrawn_count, 0);
    assert_string_equal(world.agents[1].settled[1].code, "conflict");
    world.submit_answer = ST_CLOSED;
    alarm_from(1, 2, "mudflow");
    world.submit_answer = ST_OK;
    alarm_from(1, 2, "no mudflow"); /* while the fate of the first is open */
    refuse_queued("conflict");
    commit();
    assert_int_equal(world.withdrawn_count, 0);
    alarm_from(1, 2, "mudflow");
    refuse_queued("conflict");
    commit();
    assert_int_equal(world.withdrawn_count, 1);
}

static void an_alarm_whose_sender_lost_the_right_meanwhile_is_withdrawn(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (uint64_t seq = 1; seq <= 12; seq++)
        alarm_from(1, seq, "mudflow");
    assert_int_equal(world.warned_count, 12);
    world.submit_answer = ST_OK;
    world.denies = true;
    for (uint64_t seq = 1; seq <= 12; seq++)
        alarm_from(1, seq, "mudflow");
    assert_int_equal(world.withdrawn_count, 2); /* past the quota of ten: at once */
    commit();
    assert_int_equal(world.withdrawn_count, 12);
    assert_string_equal(world.withdrawn_code, CODE_SENDER);
}

static void note_denied(void *arg, enum log_level level, const char *line)
{
    (void)level;
    *(unsigned *)arg += strstr(line, " ingress.denied principal=office.n1 code=sender") != NULL;
}

/* A line a minute at most; the counter has all. */
static void who_speaks_under_anothers_name_is_counted_and_named(void **state)
{
    struct ingress_counters c;
    unsigned named = 0;

    (void)state;
    log_set_sink(note_denied, &named);
    hello(1);
    world.denies = true;
    for (uint64_t seq = 1; seq <= 100; seq++) {
        publish_run(1, seq, seq);
        commit();
    }
    log_set_sink(NULL, NULL);
    ingress_counters(world.in, &c);
    assert_int_equal(c.refused_sender, 100);
    assert_int_equal(c.refused_rights, 0);
    assert_int_equal(named, 60);
}

/* --- clocks and memory ------------------------------------------------------------------------ */

static void parcels_carry_the_senders_clock_offset(void **state)
{
    (void)state;
    hello(1); /* 90 s ahead of the epoch of the fake clock, which shows 1 s */
    ping(1, FAKE_UTC_US + 80000000); /* was under way for longer: not believed */
    publish_run(1, 1, 1);
    assert_int_equal(world.queue[0]->clock_offset_ms, 89000);
}

static void a_clock_that_is_far_off_marks_its_messages(void **state)
{
    struct offer of_a_clock_ahead = {.tag = 1, .not_after_us = FAKE_UTC_US + 89500000};

    (void)state;
    hello(1); /* 89 s ahead */
    publish(1, &of_a_clock_ahead, 1);
    assert_int_equal(world.queue[0]->marks, PARCEL_CLOCK_SUSPECT);
    assert_int_equal(world.queue[0]->not_after_us, FAKE_UTC_US + 500000); /* by our clock */
    assert_true(world.queue[0]->expired);
    ping(1, FAKE_UTC_US - 200000000); /* set back too far: no frame is under way so long */
    publish_run(1, 2, 2);
    assert_int_equal(world.queue[1]->marks, PARCEL_CLOCK_SUSPECT);
}

static void a_clock_that_may_be_behind_is_asked_for(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Pong pong = EOCBUS__V1__PONG__INIT;

    (void)state;
    hello(2);
    assert_int_equal(world.agents[2].pings, 0);
    ping(2, FAKE_UTC_US - 3000000);
    assert_int_equal(world.agents[2].pings, 1);
    ping(2, FAKE_UTC_US - 3000000); /* once is enough for a while */
    assert_int_equal(world.agents[2].pings, 1);
    publish_run(2, 1, 1);
    assert_int_equal(world.queue[0]->marks, 0);
    pong.time_us = FAKE_UTC_US - 3000000;
    pong.ping_time_us = world.agents[2].ping_time_us;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &pong;
    say(2, &f);
    publish_run(2, 2, 2);
    assert_int_equal(world.queue[1]->marks, PARCEL_CLOCK_SUSPECT);
    assert_int_equal(world.queue[1]->clock_offset_ms, -4000);
}

static void what_comes_long_after_it_was_sent_is_late(void **state)
{
    (void)state;
    fake_advance(world.loop, 299000);
    hello(1); /* says that it is 91 s behind: then what it sent at the begin is news */
    publish_run(1, 1, 1);
    fake_advance(world.loop, 1000000);
    publish_run(1, 2, 2);
    assert_false(world.queue[0]->marks & PARCEL_LATE);
    assert_true(world.queue[1]->marks & PARCEL_LATE);
}

static void creation_survives_any_allocation_that_fails(void **state)
{
    struct ingress_settings set = {.loop = world.loop, .name = "b", .sessions_max = 8};
    struct ingress *in = NULL;

    (void)state;
    for (unsigned long n = 1; !in; n++) {
        enum status st;

        assert_true(n < 100);
        mem_fail_at(n);
        st = ingress_create(&in, &set, &exits);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    ingress_destroy(in);
}

static void a_publish_survives_any_allocation_that_fails(void **state)
{
    (void)state;
    for (unsigned long n = 1; n < 60; n++) {
        mem_fail_at(n);
        hello(1);
        publish_run(1, 1, 3);
        commit();
        mem_fail_at(0);
    }
    world.agents[1].settled_count = 0;
    hello(1);
    publish_run(1, 1, 3);
    commit();
    assert_int_equal(world.agents[1].settled_count, 3);
}

/* --- connections without a session ------------------------------------------------------------ */

static void who_lost_its_session_and_reads_nothing_loses_its_connection(void **state)
{
    (void)state;
    one_principal = 7;
    for (unsigned n = 1; n <= 17; n++)
        hello(n); /* the first gives way to the seventeenth */
    fake_advance(world.loop, 1900);
    loop_turn(world.loop, 0);
    world.reads_nothing = true;
    assert_int_equal(world.hung_up, 0);
    fake_advance(world.loop, 1000);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 1);
    assert_int_equal(world.last_hung_up, 2);
}

static void who_read_it_may_stay_and_say_hello_again(void **state)
{
    (void)state;
    one_principal = 7;
    for (unsigned n = 1; n <= 17; n++)
        hello(n);
    fake_advance(world.loop, 5000);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 0);
    hello(1);
    assert_int_equal(world.agents[1].welcomes, 2);
}

static void more_than_a_few_without_a_session_are_too_many(void **state)
{
    (void)state;
    one_principal = 7;
    for (unsigned n = 1; n <= 16 + 8; n++)
        hello(n);
    assert_int_equal(world.hung_up, 0);
    hello(16 + 9);
    assert_int_equal(world.hung_up, 1);
    assert_int_equal(world.last_hung_up, 2);
}

static void limit(unsigned messages_per_second, unsigned flash_per_minute)
{
    const struct ingress_settings set = {.window_items = 1000,
                                         .window_bytes = 1 << 20,
                                         .quarantine_per_hour = 10,
                                         .idle_ms = 1000000,
                                         .messages_per_second = messages_per_second,
                                         .flash_per_minute = flash_per_minute};

    ingress_set(world.in, &set);
}

/* --- who is there ----------------------------------------------------------------------------- */

static struct ingress_agent seen[8];
static char seen_name[8][32];
static unsigned seen_count;

static void see(void *arg, const struct ingress_agent *a)
{
    (void)arg;
    assert_true(seen_count < 8);
    snprintf(seen_name[seen_count], sizeof(seen_name[0]), "%s", a->principal);
    seen[seen_count++] = *a;
}

static void look_around(void)
{
    seen_count = 0;
    ingress_agents(world.in, see, NULL);
}

static void a_dead_agent_is_named_until_it_is_back(void **state)
{
    (void)state;
    limit(0, 0);
    hello_on(1, "fiber");
    hello_on(2, "2g");
    ping_both_for(70, 5);
    look_around();
    assert_int_equal(seen_count, 2);
    assert_true(seen[0].sessions == 1 && seen[1].sessions == 1);
    fake_advance(world.loop, 21000);
    loop_turn(world.loop, 0);
    look_around();
    assert_int_equal(seen_count, 2); /* the other's link explains much more */
    assert_string_equal(seen_name[0], "office.n2");
    assert_string_equal(seen_name[1], "office.n1");
    assert_true(seen[1].is_dead && !seen[1].sessions && !seen[0].is_dead);
    assert_int_equal(seen[1].silent_us, 21000000);
    assert_string_equal(seen[1].link, "fiber");
    hello_on(1, "fiber");
    look_around();
    assert_int_equal(seen_count, 2);
    assert_true(seen[0].sessions == 1 && seen[1].sessions == 1);
}

static void a_doubtful_clock_and_an_excess_are_named(void **state)
{
    (void)state;
    limit(8, 0);
    hello(1); /* 89 s ahead */
    publish_run(1, 1, 80);
    look_around();
    assert_int_equal(seen_count, 1);
    assert_true(seen[0].clock_doubtful);
    assert_int_equal(seen[0].offset_ms, 89000);
    assert_int_equal(seen[0].over_items, 10);
}

/* --- quotas ----------------------------------------------------------------------------------- */

static void past_its_quota_a_sender_hears_when_there_is_room(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(8, 0);
    hello(1);
    hello(2);
    publish_run(1, 1, 90);
    assert_int_equal(world.queued, 70); /* ten seconds' worth, but for what the urgent may need */
    assert_int_equal(world.agents[1].busy_count, 20);
    assert_int_equal(world.agents[1].busy_tags[0], 71);
    assert_int_equal(world.agents[1].retry_ms, 20 * 1000 / 8);
    publish_run(2, 1, 10); /* nobody pays for another */
    assert_int_equal(world.queued, 80);
    fake_advance(world.loop, world.agents[1].retry_ms);
    publish_run(1, 71, 90);
    assert_int_equal(world.queued, 100);
    ingress_counters(world.in, &c);
    assert_int_equal(c.busy_quota, 20);
}

static void what_the_store_did_not_take_costs_nothing(void **state)
{
    (void)state;
    limit(8, 0);
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (unsigned i = 0; i < 10; i++)
        publish_run(1, 1, 10);
    world.submit_answer = ST_OK;
    publish_run(1, 1, 70);
    assert_int_equal(world.queued, 70);
}

static void one_who_cries_alarm_without_end_is_sounded_no_more_often_than_others(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(0, 8);
    hello(1);
    for (uint64_t i = 1; i <= 10; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    assert_int_equal(world.queued, 10); /* and nobody waits: the rest is heard when it is stored */
    ingress_counters(world.in, &c);
    assert_int_equal(c.flash_unwarned, 6);
    assert_int_equal(c.busy, 0);
    look_around();
    assert_int_equal(seen[0].over_alarms, 6);
    assert_int_equal(seen[0].over_items, 0);
    fake_advance(world.loop, 7500);
    alarm_from(1, 11, "again");
    assert_int_equal(world.warned_count, 5);
}

static void an_alarm_that_is_not_sounded_counts_as_a_message(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(1, 8);
    hello(1);
    for (uint64_t i = 1; i <= 20; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    assert_int_equal(world.queued, 14);
    ingress_counters(world.in, &c);
    assert_int_equal(c.flash_unwarned, 10);
    assert_int_equal(c.busy_quota, 6);
}

static void past_the_quota_an_alarm_waits_for_the_store_that_is_away(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(0, 8);
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (uint64_t i = 1; i <= 10; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    ingress_counters(world.in, &c);
    assert_int_equal(c.busy, 10);
    assert_int_equal(c.flash_unwarned, 0);
    world.submit_answer = ST_OK;
    for (uint64_t i = 1; i <= 10; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    assert_int_equal(world.queued, 10);
    ingress_counters(world.in, &c);
    assert_int_equal(c.flash_unwarned, 6);
}

static void an_alarm_that_is_offered_again_costs_no_second_alarm(void **state)
{
    (void)state;
    limit(0, 4);
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (unsigned i = 0; i < 10; i++)
        alarm_from(1, 1, "mudflow");
    alarm_from(1, 2, "mudflow again");
    assert_int_equal(world.warned_count, 2);
}

static void bulk_past_its_quota_keeps_no_alarm_away(void **state)
{
    (void)state;
    limit(8, 8);
    hello(1);
    publish_run(1, 1, 100);
    alarm_from(1, 1, "mudflow");
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.queued, 71);
}

static void what_was_turned_away_unseen_and_is_refused_holds_nobody(void **state)
{
    struct offer offers[2] = {{.tag = 71, .sender = "office.n2"}, {.tag = 72}};

    (void)state;
    limit(8, 0);
    hello(1);
    publish_run(1, 1, 70);
    publish(1, offers, 2);
    assert_int_equal(world.agents[1].busy_count, 2);
    fake_advance(world.loop, 1000);
    publish(1, offers, 2); /* the first is refused: nobody waits for it */
    assert_int_equal(world.agents[1].busies, 1);
    assert_int_equal(world.queued, 72);
}

static int begin(void **state)
{
    struct ingress_settings set = {
        .name = "broker",
        .window_items = 64,
        .sessions_max = 400,
        .sessions_per_principal = 16,
        .window_bytes = 1 << 20,
        .quarantine_per_hour = 10,
        .idle_ms = 30000,
    };

    (void)state;
    memset(&world, 0, sizeof(world));
    one_principal = 0;
    world.room = QUEUE;
    world.log_epoch = 1;
    if (loop_create(&world.loop) != ST_OK)
        return -1;
    set.loop = world.loop;
    return ingress_create(&world.in, &set, &exits) == ST_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < world.queued; i++)
        parcel_drop(&world.queue[i]);
    ingress_destroy(world.in);
    loop_destroy(world.loop);
    return 0;
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(hello_is_answered_welcome),
        IN_WORLD(anything_before_hello_is_answered_say_hello_first),
        IN_WORLD(hello_again_begins_a_new_session),
        IN_WORLD(one_principal_with_many_connections_keeps_the_newest),
        IN_WORLD(hello_again_and_again_makes_no_room_in_the_store),
        IN_WORLD(an_unknown_protocol_version_is_refused),
        IN_WORLD(a_message_without_a_name_is_dropped_and_counted),
        IN_WORLD(three_hundred_sessions_each_get_their_own_receipts),
        IN_WORLD(a_full_table_refuses_strangers_but_lets_a_principal_replace_itself),
        IN_WORLD(who_is_answered_with_every_record_in_frames_that_fit_the_link),
        IN_WORLD(a_name_that_stands_in_who_many_times_is_answered_once),
        IN_WORLD(who_asks_for_very_many_records_gets_them_all),
        IN_WORLD(a_silent_session_is_forgotten_and_one_that_pings_is_not),
        IN_WORLD(each_link_has_its_own_patience),
        IN_WORLD(who_vanished_is_dead_only_if_he_does_not_come_back),
        IN_WORLD(a_revoked_principal_is_silent_from_its_next_message_on),
        IN_WORLD(a_recheck_ends_sessions_of_principals_that_are_gone),
        IN_WORLD(a_revoked_key_is_cut_off_with_all_that_waits_for_it),
        IN_WORLD(a_revoked_key_whose_socket_is_full_is_cut_off_at_once),
        IN_WORLD(of_two_keys_only_the_revoked_one_is_put_out),
        IN_WORLD(a_key_that_runs_out_ends_its_session_by_itself),
        IN_WORLD(who_was_told_another_log_epoch_is_asked_for_a_new_hello),
        IN_WORLD(a_connection_that_is_gone_ends_its_session),
        IN_WORLD(a_multipart_message_ends_the_session),
        IN_WORLD(listening_frames_go_to_the_exit),
        IN_WORLD(no_receipt_before_the_store_settled),
        IN_WORLD(a_refused_item_too_is_answered_only_after_the_commit),
        IN_WORLD(a_foreign_sender_is_refused_not_corrected),
        IN_WORLD(past_the_quota_a_refusal_is_answered_at_once_and_not_kept),
        IN_WORLD(what_the_store_does_not_take_costs_no_quota),
        IN_WORLD(a_late_message_is_stored_and_said_to_be_expired),
        IN_WORLD(receipts_wait_for_a_full_socket),
        IN_WORLD(many_long_receipts_leave_in_frames_of_bounded_size),
        IN_WORLD(beyond_the_window_is_busy),
        IN_WORLD(a_full_store_is_busy_for_a_moment),
        IN_WORLD(a_store_that_is_away_is_busy_for_longer_and_longer),
        IN_WORLD(a_refused_item_is_busy_too_while_the_store_is_away),
        IN_WORLD(a_busy_that_cannot_be_said_is_said_when_there_is_room),
        IN_WORLD(who_goes_on_without_reading_what_was_turned_away_has_lost_the_session),
        IN_WORLD(a_receipt_without_memory_ends_the_session),
        IN_WORLD(nothing_overtakes_a_message_of_its_lane_that_was_not_taken),
        IN_WORLD(a_message_that_never_comes_again_holds_its_lane_only_for_a_while),
        IN_WORLD(an_alarm_goes_out_before_the_store_has_it),
        IN_WORLD(while_the_store_is_away_an_alarm_goes_out_once_and_stays_in_the_outbox),
        IN_WORLD(who_was_turned_away_with_an_alarm_may_come_again_soon),
        IN_WORLD(an_alarm_that_is_carried_for_another_goes_out_once),
        IN_WORLD(an_alarm_beyond_the_window_goes_out_all_the_same),
        IN_WORLD(what_may_not_be_said_or_is_too_late_warns_nobody),
        IN_WORLD(what_the_store_refuses_is_withdrawn_once),
        IN_WORLD(an_alarm_stands_for_newcomers_until_its_fate_is_known),
        IN_WORLD(another_content_under_its_place_withdraws_no_alarm),
        IN_WORLD(an_alarm_whose_sender_lost_the_right_meanwhile_is_withdrawn),
        IN_WORLD(who_speaks_under_anothers_name_is_counted_and_named),
        IN_WORLD(more_items_than_a_frame_may_hold_are_busy),
        IN_WORLD(more_than_twice_as_many_are_not_looked_at),
        IN_WORLD(an_unreadable_frame_goes_to_quarantine_with_tag_0),
        IN_WORLD(what_quarantine_keeps_of_a_large_frame_is_cut),
        IN_WORLD(a_frame_that_only_a_broker_says_is_a_fault),
        IN_WORLD(parcels_carry_the_senders_clock_offset),
        IN_WORLD(a_clock_that_is_far_off_marks_its_messages),
        IN_WORLD(a_clock_that_may_be_behind_is_asked_for),
        IN_WORLD(what_comes_long_after_it_was_sent_is_late),
        IN_WORLD(creation_survives_any_allocation_that_fails),
        IN_WORLD(a_publish_survives_any_allocation_that_fails),
        IN_WORLD(past_its_quota_a_sender_hears_when_there_is_room),
        IN_WORLD(what_the_store_did_not_take_costs_nothing),
        IN_WORLD(one_who_cries_alarm_without_end_is_sounded_no_more_often_than_others),
        IN_WORLD(an_alarm_that_is_not_sounded_counts_as_a_message),
        IN_WORLD(past_the_quota_an_alarm_waits_for_the_store_that_is_away),
        IN_WORLD(an_alarm_that_is_offered_again_costs_no_second_alarm),
        IN_WORLD(bulk_past_its_quota_keeps_no_alarm_away),
        IN_WORLD(what_was_turned_away_unseen_and_is_refused_holds_nobody),
        IN_WORLD(who_lost_its_session_and_reads_nothing_loses_its_connection),
        IN_WORLD(who_read_it_may_stay_and_say_hello_again),
        IN_WORLD(more_than_a_few_without_a_session_are_too_many),
        IN_WORLD(a_dead_agent_is_named_until_it_is_back),
        IN_WORLD(a_doubtful_clock_and_an_excess_are_named),
    };

    return cmocka_run_group_tests_name("ingress", tests, NULL, NULL);
}
