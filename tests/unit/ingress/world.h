/* world - everything around ingress for its tests: a store that takes, refuses to take, or is away
 * when told to; agents are routing ids with a list of what they were sent. */
#ifndef EOCBUS_TESTS_UNIT_INGRESS_WORLD_H
#define EOCBUS_TESTS_UNIT_INGRESS_WORLD_H

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

static inline struct zport_id address_of(unsigned n)
{
    struct zport_id id = {.len = 5, .bytes = {0, (uint8_t)n, (uint8_t)(n >> 8), 1, 1}};

    return id;
}

static inline struct agent *agent_at(const struct zport_id *id)
{
    return &world.agents[id->bytes[1] | id->bytes[2] << 8];
}

static inline void note_receipts(struct agent *a, const Eocbus__V1__Receipts *m)
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

static inline void note_frame(struct agent *a, const Eocbus__V1__Frame *f)
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

static inline enum status fake_send(void *arg, const struct zport_id *to, const void *data,
                                    size_t len)
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

static inline enum status fake_submit(void *arg, struct parcel **take)
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

static inline bool fake_store_is_here(void *arg)
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

static inline void fake_log_place(void *arg, uint32_t *log_epoch, uint64_t *head)
{
    (void)arg;
    *log_epoch = world.log_epoch;
    *head = world.next_seq;
}

static inline void fake_listen(void *arg, uint64_t session, const char *principal,
                               const Eocbus__V1__Frame *frame)
{
    (void)arg;
    assert_true(session > 0 && principal && frame->what_case == EOCBUS__V1__FRAME__WHAT_SUBSCRIBE);
    world.listens++;
}

static inline void fake_session_gone(void *arg, uint64_t session)
{
    (void)arg;
    world.gone++;
    world.last_gone = session;
}

static inline bool fake_hang_up(void *arg, int fd, uint64_t connection, bool only_unread)
{
    (void)arg;
    assert_int_equal(fd, connection + 100);
    if (only_unread && !world.reads_nothing)
        return false;
    world.hung_up++;
    world.last_hung_up = connection;
    return true;
}

static inline void fake_warn(void *arg, const struct parcel *p)
{
    (void)arg;
    assert_true(!p->seq && !p->refused && p->id.lane == EOCBUS__V1__LANE__LANE_FLASH);
    assert_true(p->content_len && p->received_time_us && p->type);
    world.warned[world.warned_count].queued = world.queued;
    world.warned[world.warned_count++].lane_seq = p->id.lane_seq;
}

static inline void fake_withdraw(void *arg, const struct parcel *p)
{
    (void)arg;
    assert_true(p->type && p->status);
    world.withdrawn_count++;
    world.withdrawn_id = p->message_id[15];
    snprintf(world.withdrawn_code, sizeof(world.withdrawn_code), "%s", p->refused->code);
    snprintf(world.withdrawn_places, PLACES_TEXT, "%s", p->places);
}

static inline void fake_claim(void *arg, int32_t principal_id, uint32_t log_epoch, uint64_t seq)
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
static inline void commit(void)
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

static inline void say_bytes(unsigned n, const void *data, size_t len)
{
    char name[32];
    struct zport_message m = {.from = address_of(n), .user_id = name, .data = data, .len = len};

    m.connection = n + 1;
    m.fd = (int)n + 101;
    snprintf(name, sizeof(name), "office.n%u", one_principal ? one_principal : n);
    ingress_on_message(world.in, &m);
}

static inline void say(unsigned n, const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[1 << 20];
    size_t len = eocbus__v1__frame__pack(f, bytes);

    assert_true(len <= sizeof(bytes));
    say_bytes(n, bytes, len);
}

static inline void hello_on(unsigned n, const char *link)
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

static inline void hello(unsigned n)
{
    hello_on(n, "");
}

static inline void ping(unsigned n, int64_t time_us)
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

static inline size_t pack_content(uint8_t *out, unsigned n, const struct offer *o)
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

static inline void publish(unsigned n, const struct offer *offers, size_t count)
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
static inline void publish_run(unsigned n, uint64_t from, uint64_t to)
{
    static struct offer offers[TAGS];

    memset(offers, 0, sizeof(offers));
    for (uint64_t t = from; t <= to; t++)
        offers[t - from].tag = t;
    publish(n, offers, to - from + 1);
}

static inline void limit(unsigned messages_per_second, unsigned flash_per_minute)
{
    const struct ingress_settings set = {.window_items = 1000,
                                         .window_bytes = 1 << 20,
                                         .quarantine_per_hour = 10,
                                         .idle_ms = 1000000,
                                         .messages_per_second = messages_per_second,
                                         .flash_per_minute = flash_per_minute};

    ingress_set(world.in, &set);
}

static inline void ping_both_for(unsigned seconds, unsigned every_s)
{
    for (unsigned s = 0; s < seconds; s += every_s) {
        fake_advance(world.loop, 1000 * every_s);
        loop_turn(world.loop, 0);
        ping(1, FAKE_UTC_US);
        ping(2, FAKE_UTC_US);
    }
}

static inline void alarm_from(unsigned n, uint64_t lane_seq, const char *text)
{
    struct offer o = {.tag = lane_seq, .alarm = text};

    publish(n, &o, 1);
}

/* --- its beginning and end -----------------------------------------------------------------------
 */

static inline int begin(void **state)
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

static inline int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < world.queued; i++)
        parcel_drop(&world.queue[i]);
    ingress_destroy(world.in);
    loop_destroy(world.loop);
    return 0;
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
