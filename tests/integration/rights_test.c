/* The whole matrix of rights against the real broker: every principal says every type of message,
 * at every place, under every label, and hears what others said that way, live, from memory and
 * from the log.
 *
 * What is right is judged here a second time, the simple way, from the same rules: words are
 * compared as words, P-codes as numbers. bus.may is the third opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/base/ids.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/base/zport.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/gen_message.h"

enum { VOICES = 40, LAWS = 400, MESSAGES = 4096, WINDOW = 128, PLACES = 7, LABELS = 4 };
enum { TRIES = 2400 }; /* a turn of 25 ms each: a minute */

static const char *const places[PLACES] = {"",        "3505203", "3505217 3505203001", "3505000",
                                           "3507238", "UZ18224", "35052031 3507238"};
static const char *const labels[] = {NULL, "PUBLIC", "INTERNAL", "RESTRICTED",
                                     "HOUSEHOLD_PERSONAL"};

/* --- the judgement, the simple way ------------------------------------------------------------ */

struct law {
    char role[64], effect[8], verb[16], types[600], places[200], label[24];
};

static struct law laws[LAWS];
static size_t law_count;

struct said { /* a message */
    unsigned type, label;
    const char *places, *to;
    bool is_flash;
    const char *person; /* NULL: the sender speaks for itself */
};

struct voice { /* a principal, and its session */
    char name[40], roles[40], own[40];
    struct keys keys;
    struct zport *port;
    bool is_welcome, is_subscribed;
    char fault[32];
    uint64_t epoch, lane_seq[6];
    /* What became of what it said, by tag. */
    unsigned in_flight, answered;
    uint64_t not_before_us;        /* Busy */
    uint8_t outcome[MESSAGES * 2]; /* 0 unknown, 1 stored, 2 refused for want of rights, 3 other */
    char code[32], text[400];
    /* What it heard, by the message's number in `messages`. */
    uint8_t heard[MESSAGES];
    uint32_t subscription; /* the newest; what comes of one before it is not looked at */
    uint64_t got, horizon, last_seq;
};

static struct said messages[MESSAGES];
static size_t message_count;
static struct voice voices[VOICES];
static size_t voice_count;
static struct bus *bus;
static struct loop *loop;
static struct zctx *zctx;
static struct arena *arena;
static uint64_t judged, wrongly_allowed, wrongly_denied;

static bool has_word(const char *list, char split, const char *word)
{
    char padded[700], want[100];

    snprintf(padded, sizeof(padded), "%c%s%c", split, list, split);
    snprintf(want, sizeof(want), "%c%s%c", split, word, split);
    return strstr(padded, want);
}

/* As numbers: the first four digits of seven for a region, else the same digits in front. */
static bool lies_in(const char *code, const char *place)
{
    char front[20] = "";

    if (place[0] >= 'A' || code[0] >= 'A')
        return strncmp(code, place, strlen(place)) == 0;
    snprintf(front, sizeof(front), "%.*s", (int)strlen(place), code);
    if (strlen(place) == 7 && atoll(place) % 1000 == 0) {
        front[4] = '\0';
        return atoll(front) == atoll(place) / 1000;
    }
    return strlen(code) >= strlen(place) && atoll(front) == atoll(place);
}

static unsigned count_placed(const char *of_message, const char *within, unsigned *all)
{
    char codes[100], copy[200], *save_code, *save;
    unsigned in = 0;

    *all = 0;
    snprintf(codes, sizeof(codes), "%s", of_message);
    for (char *code = strtok_r(codes, " ", &save_code); code;
         code = strtok_r(NULL, " ", &save_code)) {
        bool is_in = false;

        snprintf(copy, sizeof(copy), "%s", within);
        for (char *p = strtok_r(copy, " ,", &save); p; p = strtok_r(NULL, " ,", &save))
            is_in = is_in || lies_in(code, p);
        in += is_in;
        ++*all;
    }
    return in;
}

static bool places_match(const struct law *law, const struct voice *v, const struct said *m,
                         bool want_all)
{
    const char *within = strcmp(law->places, "own") == 0 ? v->own : law->places;
    unsigned all, in;

    if (strcmp(law->places, "any") == 0 || !*within)
        return true;
    if (strcmp(law->places, "to_me") == 0)
        return m->to && strcmp(m->to, v->name) == 0;
    in = count_placed(m->places, within, &all);
    return want_all ? all && in == all : in > 0;
}

static unsigned rank(const char *label)
{
    for (unsigned i = 1; i <= LABELS; i++)
        if (strcmp(labels[i], label) == 0)
            return i;
    fail_msg("label %s", label);
    return 0;
}

static bool should(const struct voice *v, const char *verb, const struct said *m)
{
    const struct type_info *type = type_by_number(m->type);
    char family[40];
    bool allowed = false, denied = false;

    snprintf(family, sizeof(family), "%s.*", type->family);
    for (size_t i = 0; i < law_count; i++) {
        const struct law *law = &laws[i];
        bool is_allow = strcmp(law->effect, "allow") == 0;

        if (strcmp(law->verb, verb) != 0 ||
            !(strcmp(law->role, "everyone") == 0 || has_word(v->roles, ' ', law->role)) ||
            !(has_word(law->types, ',', "*") || has_word(law->types, ',', family) ||
              has_word(law->types, ',', type->name)) ||
            !places_match(law, v, m, is_allow && strcmp(verb, "hear") != 0))
            continue;
        allowed = allowed || (is_allow && m->label <= rank(law->label));
        denied = denied || (!is_allow && m->label >= rank(law->label));
    }
    return allowed && !denied;
}

static bool should_say(const struct voice *v, const struct said *m)
{
    return should(v, "say", m) && (!m->is_flash || should(v, "flash", m));
}

static void judge(const struct voice *v, const char *what, const struct said *m, bool want,
                  bool have)
{
    judged++;
    wrongly_allowed += have && !want;
    wrongly_denied += want && !have;
    if (want != have && wrongly_allowed + wrongly_denied < 20)
        print_error("%s (%s, places \"%s\") %s %s %s at \"%s\" labelled %s to %s%s: should %s\n",
                    v->name, v->roles, v->own, have ? "could" : "could not", what,
                    type_by_number(m->type)->name, m->places, labels[m->label],
                    m->to ? m->to : "nobody", m->is_flash ? " as FLASH" : "", want ? "" : "not");
}

/* --- a session -------------------------------------------------------------------------------- */

static void send_frame(struct voice *v, const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES];
    size_t len = eocbus__v1__frame__get_packed_size(f);

    assert_true(len <= sizeof(bytes));
    eocbus__v1__frame__pack(f, bytes);
    assert_int_equal(zport_send(v->port, NULL, bytes, len), ST_OK);
}

static void say_hello(struct voice *v)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    h.protocol_min = h.protocol_max = PROTOCOL_VERSION;
    h.program = (char *)"rights 0";
    h.epoch = v->epoch;
    h.time_us = loop_utc_us(loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    send_frame(v, &f);
}

/* Of the one voice that speaks; a tag is a place in it. */
static struct {
    uint8_t *content;
    size_t len;
    const uint8_t *signature; /* or NULL */
    bool is_out;              /* and not Busy */
} spoken[MESSAGES * 2];
static size_t spoken_count;

static void on_busy(struct voice *v, const Eocbus__V1__Busy *m)
{
    for (size_t i = 0; i < m->n_tags; i++)
        spoken[m->tags[i]].is_out = false;
    v->in_flight -= (unsigned)m->n_tags;
    v->not_before_us = loop_now_us(loop) + m->retry_ms * UINT64_C(1000);
}

static void on_receipts(struct voice *v, const Eocbus__V1__Receipts *m)
{
    for (size_t i = 0; i < m->n_settled; i++) {
        const Eocbus__V1__Settled *s = m->settled[i];
        bool is_stored = s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED;

        assert_true(s->tag < MESSAGES * 2);
        v->outcome[s->tag] = is_stored ? 1 : strcmp(s->code, CODE_RIGHTS) == 0 ? 2 : 3;
        if (!is_stored)
            snprintf(v->code, sizeof(v->code), "%s", s->code);
        if (!is_stored)
            snprintf(v->text, sizeof(v->text), "%s", s->text);
        v->in_flight--;
        v->answered++;
    }
}

/* Messages are told apart by a number in their event time. */
static void on_delivery(struct voice *v, const Eocbus__V1__Delivery *d)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, d->content.len, d->content.data);

    assert_non_null(m);
    v->got++;
    v->last_seq = d->stamp->seq;
    if (m->epoch == 2 && (size_t)(m->event_time_us % MESSAGES) < message_count)
        v->heard[m->event_time_us % MESSAGES]++;
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void on_message(void *arg, const struct zport_message *msg)
{
    struct voice *v = arg;
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, msg->len, msg->data);

    assert_non_null(f);
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_WELCOME)
        v->is_welcome = true;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_SUBSCRIBED)
        v->is_subscribed = true;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_RECEIPTS)
        on_receipts(v, f->receipts);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_FAULT)
        snprintf(v->fault, sizeof(v->fault), "%s", f->fault->code);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY)
        on_busy(v, f->busy);
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_DELIVER &&
        f->deliver->subscription == v->subscription) {
        for (size_t i = 0; i < f->deliver->n_deliveries; i++)
            on_delivery(v, f->deliver->deliveries[i]);
        if (f->deliver->horizon)
            v->horizon = f->deliver->horizon;
    }
    eocbus__v1__frame__free_unpacked(f, NULL);
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct voice *v = arg;

    (void)why;
    v->is_welcome = v->is_subscribed = false;
    if (up)
        say_hello(v);
}

static void connect_voice(struct voice *v)
{
    const struct zport_events events = {.arg = v, .message = on_message, .linked = on_linked};
    struct zport_settings set = {.endpoint = bus_endpoint(bus),
                                 .server_z85 = bus_broker_key(bus),
                                 .public_z85 = v->keys.public_z85,
                                 .secret_z85 = v->keys.secret_z85,
                                 .max_frame_bytes = LIMIT_FRAME_BYTES,
                                 .handshake_ms = 30000,
                                 .reconnect_ms = 20,
                                 .reconnect_max_ms = 200};

    assert_int_equal(zport_create(&v->port, zctx, &set, &events), ST_OK);
}

static bool all_welcome(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < voice_count; i++)
        if (!voices[i].is_welcome)
            return false;
    return true;
}

/* Everything from the first message on, or from now on. */
static void subscribe_to(struct voice *v, uint32_t number, const char *pattern, bool from_first,
                         void (*send)(struct voice *v, const Eocbus__V1__Frame *f))
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribe s = EOCBUS__V1__SUBSCRIBE__INIT;
    char *patterns[] = {(char *)(uintptr_t)pattern};

    v->is_subscribed = false;
    v->fault[0] = '\0';
    v->subscription = number;
    v->horizon = 0;
    v->got = 0;
    memset(v->heard, 0, sizeof(v->heard));
    s.subscription = number;
    s.patterns = patterns;
    s.n_patterns = 1;
    s.from_first = from_first;
    s.credit = 65536;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &s;
    send(v, &f);
}

static void subscribe(struct voice *v, uint32_t number, const char *pattern, bool from_first)
{
    subscribe_to(v, number, pattern, from_first, send_frame);
}

static void unsubscribe(struct voice *v, uint32_t number)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Unsubscribe u = EOCBUS__V1__UNSUBSCRIBE__INIT;

    u.subscription = number;
    f.what_case = EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE;
    f.unsubscribe = &u;
    send_frame(v, &f);
}

static bool all_answered_subscribe(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < voice_count; i++)
        if (!voices[i].is_subscribed && !voices[i].fault[0])
            return false;
    return true;
}

static uint64_t wanted_horizon;

/* Who has nothing to hear is answered at once; the others hear how far it was looked at. */
static bool all_heard(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < voice_count; i++)
        if (voices[i].is_subscribed && voices[i].horizon < wanted_horizon &&
            voices[i].last_seq < wanted_horizon)
            return false;
    return true;
}

/* --- saying ----------------------------------------------------------------------------------- */

static char *place_items[8], place_text[100];
static Eocbus__V1__Area area;

static void put_area(Eocbus__V1__Envelope *m, const char *text)
{
    char *save;

    eocbus__v1__area__init(&area);
    snprintf(place_text, sizeof(place_text), "%s", text);
    for (char *p = strtok_r(place_text, " ", &save); p; p = strtok_r(NULL, " ", &save))
        place_items[area.n_pcodes++] = p;
    area.pcodes = place_items;
    m->area = *text ? &area : NULL;
}

/* Epoch 2 is that of the messages to be heard; the number is in the event time. */
static size_t make_content(struct voice *v, const struct said *s, size_t number, uint64_t epoch,
                           uint8_t *out)
{
    int64_t now_us = loop_utc_us(loop);
    unsigned lane = s->is_flash ? EOCBUS__V1__LANE__LANE_FLASH : EOCBUS__V1__LANE__LANE_ROUTINE;
    uint8_t random[10] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)epoch}, id[ID_BYTES];
    char *to[1] = {(char *)(uintptr_t)s->to};
    struct gen g = {.percent = 1};
    Eocbus__V1__Envelope *m;

    gen_seed(&g, s->type);
    g.percent = 1;
    arena_reset(arena);
    m = gen_envelope(&g, s->type, arena);
    assert_non_null(m);
    memcpy(random + 3, v->name + strlen(v->name) - 2, 2);
    id_make(id, now_us, random);
    m->message_id.data = id;
    m->message_id.len = ID_BYTES;
    m->sender = v->name;
    m->epoch = epoch;
    m->lane = (Eocbus__V1__Lane)lane;
    m->lane_seq = ++v->lane_seq[lane];
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->played = NULL; /* only an exercise plays */
    m->author = (char *)(uintptr_t)(s->person ? s->person : "");
    m->label = (Eocbus__V1__Label)s->label;
    m->event_time_us = now_us - now_us % MESSAGES - MESSAGES + (int64_t)number;
    m->sent_time_us = now_us;
    m->not_after_us = type_by_number(s->type)->flags & TYPE_EXPIRES ? now_us + 86400000000 : 0;
    m->to = s->to ? to : NULL;
    m->n_to = s->to ? 1 : 0;
    put_area(m, s->places);
    assert_true(eocbus__v1__envelope__get_packed_size(m) < 8192);
    return eocbus__v1__envelope__pack(m, out);
}

/* --- publishing, however busy the broker is --------------------------------------------------- */

static void speak(const uint8_t *content, size_t len, const uint8_t *signature)
{
    uint8_t *copy = malloc(len);

    assert_non_null(copy);
    assert_true(spoken_count < MESSAGES * 2);
    memcpy(copy, content, len);
    spoken[spoken_count].content = copy;
    spoken[spoken_count].len = len;
    spoken[spoken_count].signature = signature;
    spoken[spoken_count++].is_out = false;
}

static void put_item(Eocbus__V1__Item *item, size_t at)
{
    eocbus__v1__item__init(item);
    item->tag = at;
    item->content.data = spoken[at].content;
    item->content.len = spoken[at].len;
    item->signature.data = (uint8_t *)(uintptr_t)spoken[at].signature;
    item->signature.len = spoken[at].signature ? SIGN_BYTES : 0;
    spoken[at].is_out = true;
}

/* The next sixteen, in order: a lane goes on where it was not taken. */
static size_t publish_some(struct voice *v)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;
    Eocbus__V1__Item items[16], *pointers[16];

    p.items = pointers;
    for (size_t at = 0; at < spoken_count && p.n_items < 16; at++)
        if (!spoken[at].is_out) {
            put_item(&items[p.n_items], at);
            pointers[p.n_items] = &items[p.n_items];
            p.n_items++;
        }
    if (!p.n_items)
        return 0;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    v->in_flight += (unsigned)p.n_items;
    send_frame(v, &f);
    return p.n_items;
}

/* Says what there is room for. */
static bool all_is_answered(void *arg)
{
    struct voice *v = arg;

    while (v->in_flight + 16 <= WINDOW && loop_now_us(loop) >= v->not_before_us)
        if (!publish_some(v))
            break;
    return v->answered == spoken_count;
}

static void publish_spoken(struct voice *v)
{
    memset(v->outcome, 0, sizeof(v->outcome));
    v->answered = 0;
    client_wait(loop, all_is_answered, v, "answers to everything that was said");
    for (size_t i = 0; i < spoken_count; i++)
        free(spoken[i].content);
    spoken_count = 0;
}

static void say_all(struct voice *v, const struct said *list, size_t count, uint64_t epoch)
{
    static uint8_t content[8192];

    memset(v->lane_seq, 0, sizeof(v->lane_seq));
    for (size_t i = 0; i < count; i++)
        speak(content, make_content(v, &list[i], i, epoch, content), NULL);
    publish_spoken(v);
}

/* --- the world -------------------------------------------------------------------------------- */

static void add_voice(const char *name, const char *roles, const char *own)
{
    struct voice *v = &voices[voice_count++];
    char sql[300];

    assert_true(voice_count <= VOICES);
    memset(v, 0, sizeof(*v));
    snprintf(v->name, sizeof(v->name), "%s", name);
    snprintf(v->roles, sizeof(v->roles), "%s", roles);
    snprintf(v->own, sizeof(v->own), "%s", own);
    bus_enrol(bus, name, &v->keys);
    snprintf(
        sql, sizeof(sql),
        "UPDATE bus.principal SET roles = '%s', places = '%s', agency = split_part(name, '.', 1)"
        " WHERE name = '%s'",
        roles, own, name);
    pgserver_exec(bus_server(bus), sql);
    v->epoch = (uint64_t)loop_utc_us(loop);
}

/* Rules that nobody would write, in every combination of words. */
static void add_strange_role(struct gen *g, const char *role)
{
    static const char *const types[] = {"*",
                                        "report.*",
                                        "sensor.* household_event",
                                        "flash_report general_message",
                                        "resource.* alert.*",
                                        "relocation.*",
                                        "siren_command public_alert"};
    static const char *const where[] = {"any",      "own",        "3505000", "3505203 UZ18",
                                        "35052031", "3505203001", "to_me"};
    static const char *const verbs[] = {"say", "hear", "flash"};
    char sql[500];

    snprintf(sql, sizeof(sql), "INSERT INTO bus.role VALUES ('%s')", role);
    pgserver_exec(bus_server(bus), sql);
    for (unsigned i = 0; i < 8; i++) {
        const char *verb = verbs[gen_below(g, 3)];
        size_t place = gen_below(g, strcmp(verb, "hear") == 0 ? 7 : 6);

        snprintf(sql, sizeof(sql),
                 "INSERT INTO bus.rule (role, effect, verb, types, places, label)"
                 " VALUES ('%s', '%s', '%s', '%s', '%s', '%s')",
                 role, gen_below(g, 3) ? "allow" : "deny", verb, types[gen_below(g, 7)],
                 where[place], labels[1 + gen_below(g, LABELS)]);
        pgserver_exec(bus_server(bus), sql);
    }
}

static void read_laws(void)
{
    char *text = strdup(pgserver_text(bus_server(bus), "SELECT bus.rules_text()")), *save;

    assert_non_null(text);
    law_count = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct law *law = &laws[law_count++];

        assert_true(law_count <= LAWS);
        assert_int_equal(sscanf(line, "%*d %63s %7s %15s %599s %199s %23s", law->role, law->effect,
                                law->verb, law->types, law->places, law->label),
                         6);
    }
    free(text);
}

static void make_voices(void)
{
    static const char *const strange_own[] = {
        "3505203", "3505000", "35052031", "UZ18", "3505203001 3507238", ""};
    struct gen g;
    char name[40], role[40];

    gen_seed(&g, 20261122);
    /* Who may say a thing is asked here, not who has to agree, nor whether it is true. */
    pgserver_exec(bus_server(bus), "UPDATE bus.approval_need SET approvers = 0");
    pgserver_exec(bus_server(bus), "CREATE OR REPLACE FUNCTION bus.judged() RETURNS int2[] LANGUAGE"
                                   " sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '{}'::int2[] $$");
    add_voice("coes.voice", "all", "");
    add_voice("coes.gw07", "gateway", "3505203");
    add_voice("coes.ayni", "district", "3505203");
    add_voice("coes.ayni.registry", "registry", "3505203");
    add_voice("coes.case", "caseworker", "3505203");
    add_voice("coes.depot", "supplier", "3505217");
    add_voice("coes.hub", "dispatcher", "3505000");
    add_voice("coes.duty", "dispatcher", "");
    add_voice("coes.eoc", "eoc", "");
    add_voice("mia.desk", "ministry", "");
    add_voice("rcst.team2", "partner", "3505203");
    add_voice("stat.count", "counter", "3505000");
    add_voice("coes.stick", "carrier", "");
    add_voice("coes.ops", "operator", "");
    add_voice("coes.officer", "officer", "3505203");
    add_voice("rcst.officer", "officer", "");
    add_voice("mia.officer", "officer", "");
    add_voice("coes.audit", "auditor", "");
    add_voice("coes.witness", "witness", "");
    add_voice("coes.broker", "broker", "");
    add_voice("coes.none", "", "3505203");
    add_voice("coes.unknown", "nosuchrole", "");
    add_voice("coes.two", "gateway partner", "3505203");
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "odd.v%02u", i);
        snprintf(role, sizeof(role), "odd%02u", i);
        add_strange_role(&g, role);
        add_voice(name, role, strange_own[i % 6]);
    }
    read_laws();
}

static void make_messages(void)
{
    message_count = 0;
    for (size_t t = 0; t < type_count(); t++)
        for (size_t p = 0; p < PLACES; p++)
            for (unsigned label = 1; label <= LABELS; label++) {
                struct said *m = &messages[message_count++];

                if (type_at(t)->number == EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN ||
                    type_at(t)->number == EOCBUS__V1__ENVELOPE__BODY_DECISION) {
                    message_count--; /* nobody says the one; of the other the ledger takes none that
                                        decides nothing */
                    continue;
                }
                assert_true(message_count <= MESSAGES);
                *m = (struct said){.type = type_at(t)->number, .label = label, .places = places[p]};
                if (message_count % 3 == 0)
                    m->to = voices[message_count / 3 % voice_count].name;
            }
}

static const char *const settings[] = {"ingress.quarantine_per_hour=20",
                                       "ingress.messages_per_second=0",
                                       "ingress.bytes_per_second=200MiB",
                                       "egress.window_bytes=64MiB",
                                       "egress.horizon=200ms",
                                       "store.commit_ms=30s",
                                       NULL};

static int world_begin(void **state)
{
    (void)state;
    judged = wrongly_allowed = wrongly_denied = 0;
    voice_count = 0;
    bus = bus_create();
    assert_int_equal(loop_create(&loop), ST_OK);
    assert_int_equal(zctx_create(&zctx, loop), ST_OK);
    assert_int_equal(arena_create(&arena, 1 << 20), ST_OK);
    make_voices();
    make_messages();
    bus_start_broker(bus, settings);
    for (size_t i = 0; i < voice_count; i++)
        connect_voice(&voices[i]);
    client_wait(loop, all_welcome, NULL, "sessions");
    return 0;
}

static int world_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < voice_count; i++)
        zport_destroy(voices[i].port);
    zctx_destroy(zctx);
    loop_destroy(loop);
    arena_destroy(arena);
    bus_destroy(bus);
    return 0;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void judge_hearing(const char *how)
{
    for (size_t i = 0; i < voice_count; i++) {
        struct voice *v = &voices[i];

        for (size_t k = 0; k < message_count; k++) {
            judge(v, how, &messages[k], should(v, "hear", &messages[k]), v->heard[k] > 0);
            assert_true(v->heard[k] <= 1);
        }
    }
}

static void wait_for_all(uint64_t number)
{
    wanted_horizon = number;
    client_wait(loop, all_heard, NULL, "what may be heard");
}

static uint64_t log_head(void)
{
    return (uint64_t)pgserver_number(bus_server(bus), "SELECT seq FROM bus.log_head");
}

static void listen_all(uint32_t number, bool from_first)
{
    for (size_t i = 0; i < voice_count; i++) {
        if (number > 1)
            unsubscribe(&voices[i], number - 1);
        voices[i].last_seq = 0;
        subscribe(&voices[i], number, "**", from_first);
    }
    client_wait(loop, all_answered_subscribe, NULL, "answers to Subscribe");
    for (size_t i = 0; i < voice_count; i++)
        assert_true(voices[i].is_subscribed || strcmp(voices[i].fault, CODE_RIGHTS) == 0);
}

static void restart_broker(void)
{
    bus_kill_broker(bus);
    for (size_t i = 0; i < voice_count; i++)
        voices[i].is_welcome = false;
    bus_start_broker(bus, settings);
    client_wait(loop, all_welcome, NULL, "sessions after a restart");
}

static void everybody_hears_what_it_may_and_nothing_else(void **state)
{
    (void)state;
    listen_all(1, false);
    say_all(&voices[0], messages, message_count, 2);
    for (size_t k = 0; k < message_count; k++)
        if (voices[0].outcome[k] != 1)
            fail_msg("%s: the last refusal was %s %s", type_by_number(messages[k].type)->name,
                     voices[0].code, voices[0].text);
    wait_for_all(log_head());
    judge_hearing("hear live");
    listen_all(2, true);
    wait_for_all(log_head());
    judge_hearing("hear from memory");
    restart_broker();
    listen_all(1, true);
    wait_for_all(log_head());
    judge_hearing("hear from the log");
    print_message("measured: %llu combinations of listener and message\n",
                  (unsigned long long)judged);
    assert_int_equal(wrongly_allowed, 0);
    assert_int_equal(wrongly_denied, 0);
}

/* As it comes, and once more as FLASH where the type may be. */
static size_t list_to_say(struct said *list)
{
    size_t n = 0;

    for (size_t k = 0; k < message_count; k++) {
        list[n] = messages[k];
        list[n++].to = NULL;
        if (type_by_number(messages[k].type)->flags & TYPE_FLASH) {
            list[n] = list[n - 1];
            list[n++].is_flash = true;
        }
    }
    return n;
}

static void everybody_says_what_it_may_and_nothing_else(void **state)
{
    static struct said list[MESSAGES * 2];
    size_t n = list_to_say(list);

    (void)state;
    for (size_t i = 0; i < voice_count; i++) {
        struct voice *v = &voices[i];

        say_all(v, list, n, v->epoch);
        for (size_t k = 0; k < n; k++) {
            assert_in_range(v->outcome[k], 1, 2);
            judge(v, "say", &list[k], should_say(v, &list[k]), v->outcome[k] == 1);
        }
        if (strcmp(v->name, "coes.gw07") == 0)
            assert_non_null(strstr(v->text, "no right to say"));
    }
    print_message("measured: %llu combinations of speaker and message\n",
                  (unsigned long long)judged);
    assert_int_equal(wrongly_allowed, 0);
    assert_int_equal(wrongly_denied, 0);
}

static void put_question(struct buf *sql, const struct voice *v, const char *verb,
                         const struct said *m)
{
    buf_printf(sql, "%s('%s','%s','%s','%s','%s','%s',%s)", sql->len ? "," : "", v->name, verb,
               type_by_number(m->type)->name, m->places, labels[m->label], m->to ? m->to : "",
               should(v, verb, m) ? "true" : "false");
}

/* Every seventh question, of three verbs. */
static void the_database_judges_alike(void **state)
{
    struct buf sql = {0}, whole = {0};
    uint64_t asked = 0, wrong = 0;

    (void)state;
    for (size_t i = 0; i < voice_count; i++) {
        buf_clear(&sql);
        for (size_t k = i % 7; k < message_count; k += 7) {
            put_question(&sql, &voices[i], "say", &messages[k]);
            put_question(&sql, &voices[i], "hear", &messages[k]);
            put_question(&sql, &voices[i], "flash", &messages[k]);
            asked += 3;
        }
        buf_put(&sql, "", 1);
        buf_clear(&whole);
        buf_printf(&whole,
                   "SELECT count(*) FROM (VALUES %s) AS q(p, v, t, w, l, r, want) WHERE"
                   " bus.may(p, v, t, w, l, 'coes.voice', r) IS DISTINCT FROM want",
                   (const char *)sql.data);
        buf_put(&whole, "", 1);
        assert_false(whole.failed);
        wrong += (uint64_t)pgserver_number(bus_server(bus), (const char *)whole.data);
    }
    print_message("measured: %llu questions to bus.may\n", (unsigned long long)asked);
    buf_free(&sql);
    buf_free(&whole);
    assert_int_equal(wrong, 0);
}

/* Who reads only the first sentence must not look for a rule that is missing. */
static void why_says_first_that_nothing_is_said_in_any_case(void **state)
{
    struct pgserver *pg = bus_server(bus);

    (void)state;
    pgserver_exec(pg, "SELECT bus.principal_revoke('coes.gw07')");
    assert_string_equal(
        pgserver_text(pg, "SELECT split_part(bus.why_text('coes.gw07', 'say', 'flash_report', '', "
                          "'INTERNAL', '', ''), '. ', 1)"),
        "coes.gw07 is revoked, so it hears and says nothing in any case");
    pgserver_exec(pg, "SELECT bus.principal_add('coes.late', 'coes', 'gateway', '', "
                      "decode(repeat('07', 32), 'hex'), now() - interval '1 day')");
    assert_string_equal(
        pgserver_text(pg, "SELECT split_part(bus.why_text('coes.late', 'say', 'flash_report', '', "
                          "'INTERNAL', '', ''), '. ', 1)"),
        "The time of coes.late is over, so it hears and says nothing in any case");
    assert_string_equal(
        pgserver_text(pg, "SELECT p.name FROM bus.principal p WHERE p.name = 'coes.voice' AND "
                          "starts_with(bus.why_text(p.name, 'say', 'flash_report', '', 'INTERNAL', "
                          "'', ''), 'coes.voice (roles ')"),
        "coes.voice");
}

/* --- single cases ----------------------------------------------------------------------------- */

static struct voice *voice_named(const char *name)
{
    for (size_t i = 0; i < voice_count; i++)
        if (strcmp(voices[i].name, name) == 0)
            return &voices[i];
    fail_msg("no voice %s", name);
    return NULL;
}

static void offer(struct voice *v, const uint8_t *content, size_t len, const uint8_t *signature)
{
    v->code[0] = '\0';
    speak(content, len, signature);
    publish_spoken(v);
}

/* What `by` hears when it hands in what `author` said. "" = stored. */
static const char *hand_in(struct voice *by, struct voice *author, const struct said *m,
                           bool is_signed)
{
    static uint8_t content[8192];
    uint8_t signature[SIGN_BYTES];
    struct signer *signer;
    size_t len = make_content(author, m, 1, author->epoch, content);

    assert_int_equal(signer_create(&signer, &author->keys), ST_OK);
    signer_sign(signer, signature, "", content, len);
    signer_destroy(signer);
    offer(by, content, len, is_signed ? signature : NULL);
    return by->outcome[0] == 1 ? "" : by->code;
}

static void give_sign_key(const struct voice *v)
{
    uint8_t key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1], sql[300];

    assert_int_equal(keys_z85_decode(key, v->keys.sign_public_z85), ST_OK);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql),
             "UPDATE bus.principal_key k SET sign_key = '\\x%s' FROM bus.principal p"
             " WHERE p.principal_id = k.principal_id AND p.name = '%s'",
             hex, v->name);
    pgserver_exec(bus_server(bus), sql);
}

static void who_carries_hands_in_what_others_may_say_and_signed(void **state)
{
    const struct said report = {.type = 120, .label = 2, .places = "3505203"};
    const struct said there = {.type = 120, .label = 2, .places = "3507238"};
    const struct said family = {.type = 220, .label = 4, .places = "3505203"};
    struct voice *stick = voice_named("coes.stick"), *ayni = voice_named("coes.ayni");
    struct voice *registry = voice_named("coes.ayni.registry"), *depot = voice_named("coes.depot");

    (void)state;
    give_sign_key(ayni);
    give_sign_key(registry);
    for (unsigned i = 0; i < TRIES && *hand_in(stick, ayni, &report, true); i++)
        loop_turn(loop, 25); /* the broker has not read the key yet */
    assert_int_equal(pgserver_number(bus_server(bus),
                                     "SELECT count(*) FROM bus.message m JOIN bus.principal p ON"
                                     " p.principal_id = m.sender_id WHERE p.name = 'coes.ayni'"),
                     1);
    assert_string_equal(hand_in(stick, ayni, &report, false), CODE_SIGNATURE);
    assert_string_equal(hand_in(stick, ayni, &there, true), CODE_RIGHTS);
    assert_string_equal(hand_in(stick, registry, &family, true), CODE_RIGHTS);
    assert_string_equal(hand_in(depot, ayni, &report, true), CODE_SENDER);
    assert_string_equal(hand_in(stick, ayni, &report, true), "");
}

/* What `desk` hears when it says this as its own message, in the name of m->person. */
static const char *say_for(struct voice *desk, const struct said *m)
{
    static uint8_t content[8192];

    offer(desk, content, make_content(desk, m, 2, desk->epoch, content), NULL);
    return desk->outcome[0] == 1 ? "" : desk->code;
}

static void a_desk_says_what_its_person_may_and_nobody_else_speaks_for_others(void **state)
{
    const struct said here = {120, 2, "3505203", NULL, false, "coes.ayni"};
    const struct said there = {120, 2, "3507238", NULL, false, "coes.ayni"};
    const struct said family = {220, 4, "3505203", NULL, false, "coes.ayni.registry"};
    const struct said nobody = {120, 2, "3505203", NULL, false, "coes.nobody"};
    const struct said itself = {120, 2, "3505203", NULL, false, "coes.stick"};
    struct voice *desk = voice_named("coes.stick"), *depot = voice_named("coes.depot");

    (void)state;
    assert_string_equal(say_for(desk, &here), "");
    assert_string_equal(say_for(desk, &there), CODE_RIGHTS);
    assert_string_equal(say_for(desk, &family), CODE_RIGHTS); /* more than it may carry */
    assert_string_equal(say_for(desk, &nobody), CODE_RIGHTS);
    assert_string_equal(say_for(desk, &itself), CODE_RIGHTS); /* which says no reports itself */
    assert_string_equal(say_for(depot, &here), CODE_RIGHTS);
}

static struct voice *listening;

static bool hears_one(void *arg)
{
    (void)arg;
    return listening->got > 0;
}

static bool is_answered(void *arg)
{
    (void)arg;
    return listening->is_subscribed || listening->fault[0];
}

static void listen_to(struct voice *v, uint32_t number, const char *pattern)
{
    listening = v;
    subscribe(v, number, pattern, false);
    client_wait(loop, is_answered, NULL, "an answer to Subscribe");
}

/* Says it until the listener hears it: the brokers may not have read the rules yet. */
static void say_until_heard(const struct said *m)
{
    static uint8_t content[8192];
    struct voice *by = &voices[0];

    for (unsigned tries = 0; tries < TRIES && !listening->got; tries++) {
        offer(by, content, make_content(by, m, tries % MESSAGES, by->epoch, content), NULL);
        loop_turn(loop, 25);
    }
    client_wait(loop, hears_one, NULL, "what may be heard now");
}

static void hear_all(void)
{
    wanted_horizon = log_head();
    client_wait(loop, all_heard, NULL, "the horizon");
}

/* How much comes of it until the horizon has passed it. */
static uint64_t count_heard_of(const struct said *m)
{
    static uint8_t content[8192];
    struct voice *by = &voices[0];

    hear_all(); /* what was said before may still be on its way */
    listening->got = 0;
    for (unsigned i = 0; i < 3; i++)
        offer(by, content, make_content(by, m, i, by->epoch, content), NULL);
    hear_all();
    return listening->got;
}

static void expect_silence(const struct said *m)
{
    assert_int_equal(count_heard_of(m), 0);
}

/* The broker may not have read the rules yet: hints come in some milliseconds, polls in half a
 * second, on a machine that stands still later. */
static void wait_for_silence(const struct said *m)
{
    for (unsigned tries = 0; tries < TRIES && count_heard_of(m); tries++)
        loop_turn(loop, 25);
    expect_silence(m);
}

static void a_change_of_rules_counts_at_once_where_somebody_listens(void **state)
{
    const struct said report = {.type = 121, .label = 2, .places = "3505203"};

    (void)state;
    listen_to(voice_named("coes.ops"), 1, "**");
    assert_true(listening->is_subscribed);
    expect_silence(&report);
    pgserver_exec(bus_server(bus), "SELECT bus.rule_add('operator', 'allow', 'hear', 'report.*',"
                                   " 'any', 'INTERNAL', '', 'test')");
    say_until_heard(&report);
    pgserver_exec(bus_server(bus), "SELECT bus.rule_add('operator', 'deny', 'hear',"
                                   " 'situation_report', '3505000', 'PUBLIC', '', 'test')");
    wait_for_silence(&report);
}

static void agree(struct voice *v, const char *terms_giver, const char *type, bool is_masked)
{
    static uint8_t content[8192];
    static uint8_t id[ID_BYTES] = "agreement number";
    static char place[] = "3505203", mask[] = "household_id";
    char *pcodes[] = {place}, *masks[] = {mask};
    int64_t now_us = loop_utc_us(loop);
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SharingAgreement a = EOCBUS__V1__SHARING_AGREEMENT__INIT;
    Eocbus__V1__SharingGrant grant = EOCBUS__V1__SHARING_GRANT__INIT, *grants[] = {&grant};
    Eocbus__V1__PartySignature word = EOCBUS__V1__PARTY_SIGNATURE__INIT, *words[] = {&word};
    uint8_t signature[SIGN_BYTES] = {1}, own_id[ID_BYTES], random[10] = {0};

    memcpy(random, v->name + strlen(v->name) - 4, 4);
    random[5] = (uint8_t)++v->lane_seq[0];
    id_make(own_id, now_us, random);
    m.message_id.data = own_id;
    m.message_id.len = ID_BYTES;
    m.schema = SCHEMA_VERSION;
    m.sender = v->name;
    m.epoch = v->epoch;
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.lane_seq = ++v->lane_seq[m.lane];
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.event_time_us = m.sent_time_us = now_us;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    a.agreement_id.data = id;
    a.agreement_id.len = ID_BYTES;
    a.version = is_masked ? 2 : 1;
    a.giver = (char *)(uintptr_t)terms_giver;
    a.taker = (char *)(uintptr_t) "rcst";
    grant.type = (char *)(uintptr_t)type;
    grant.n_pcodes = 1;
    grant.pcodes = pcodes;
    grant.max_label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    grant.n_field_mask = is_masked ? 1 : 0;
    grant.field_mask = masks;
    a.n_grants = 1;
    a.grants = grants;
    a.purpose = EOCBUS__V1__SHARING_PURPOSE__SHARING_PURPOSE_ASSISTANCE;
    a.valid_from_us = 1262304000000000;
    a.valid_to_us = 4070908800000000;
    word.principal = v->name;
    word.signed_us = now_us;
    word.signature.data = signature;
    word.signature.len = SIGN_BYTES;
    a.n_signatures = 1;
    a.signatures = words;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_SHARING_AGREEMENT;
    m.sharing_agreement = &a;
    offer(v, content, eocbus__v1__envelope__pack(&m, content), NULL);
    assert_int_equal(v->outcome[0], 1);
}

static int64_t count_shared(void)
{
    return pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.rule_text WHERE giver <> ''");
}

static void what_both_parties_agreed_is_heard_and_nothing_more(void **state)
{
    const struct said family = {.type = 220, .label = 4, .places = "3505203"};
    const struct said elsewhere = {.type = 220, .label = 4, .places = "3507238"};
    struct voice *giver = voice_named("coes.officer"), *taker = voice_named("rcst.officer");

    (void)state;
    listen_to(voice_named("rcst.team2"), 1, "**");
    agree(giver, "coes", "household_event", false);
    assert_int_equal(count_shared(), 0); /* one word is none */
    agree(voice_named("mia.officer"), "coes", "household_event", false);
    assert_int_equal(count_shared(), 0); /* nor is a third party's */
    expect_silence(&family);
    agree(taker, "coes", "household_event", false);
    assert_int_equal(count_shared(), 1);
    say_until_heard(&family);
    expect_silence(&elsewhere);
    agree(giver, "coes", "household_event", true);
    agree(taker, "coes", "household_event", true);
    assert_int_equal(count_shared(), 0); /* a newer version with a mask: withheld */
}

/* Each \x01 travels as a NUL. */
static void send_with_nul(struct voice *v, const Eocbus__V1__Frame *f)
{
    uint8_t bytes[400];
    size_t len = eocbus__v1__frame__pack(f, bytes);
    uint8_t *pattern =
        memmem(bytes, len, f->subscribe->patterns[0], strlen(f->subscribe->patterns[0]));

    assert_non_null(pattern);
    for (uint8_t *c = pattern; c < pattern + strlen(f->subscribe->patterns[0]); c++)
        if (*c == 1)
            *c = 0;
    assert_int_equal(zport_send(v->port, NULL, bytes, len), ST_OK);
}

/* What stands before the NUL would be allowed. */
static void a_nul_makes_no_pattern_shorter(void **state)
{
    static const char *const tries[] = {
        "**\x01",
        "*.*.siren_command.**\x01.report",
        "\x01**",
        "actual.sensor.siren_command.3505000.3505203\x01",
        "actual.rep\x01ort.**",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        struct voice *v = voice_named("coes.gw07");

        listening = v;
        subscribe_to(v, 1, tries[i], false, send_with_nul);
        client_wait(loop, is_answered, NULL, "an answer to Subscribe");
        assert_false(v->is_subscribed);
        assert_true(v->fault[0]);
    }
}

static void a_pattern_is_what_it_says_and_no_prefix_of_it(void **state)
{
    static const struct {
        const char *pattern, *fault;
    } tries[] = {{"", "length"},
                 {"act", "pattern"},
                 {"actual.", "pattern"},
                 {"actual.report", "pattern"},
                 {"**.report", "pattern"},
                 {"*.report.**.3505203", "pattern"},
                 {"actual.re*.**", "pattern"},
                 {"actual..**", "pattern"},
                 {"*.report.**", "rights"},
                 {"*.report.flash_report.3505000.3505203", "rights"},
                 {"actual.rep.**", "rights"},
                 {"actual.sensor.sensor.**", "rights"},
                 {"*.*.siren_comman.**", "rights"},
                 {"actual.sensor.siren_command.3505000.3505203", ""},
                 {"*.*.siren_command.**", ""},
                 {"**", ""}};
    static char endless[10241];
    struct voice *v = voice_named("coes.gw07");
    uint32_t number = 1;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        listen_to(v, number, tries[i].pattern);
        assert_string_equal(v->fault, tries[i].fault);
        assert_int_equal(v->is_subscribed, !tries[i].fault[0]);
        if (v->is_subscribed)
            unsubscribe(v, number++);
    }
    memset(endless, 'a', sizeof(endless) - 1);
    listen_to(v, number, endless);
    assert_false(v->is_subscribed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_hears_what_it_may_and_nothing_else, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(everybody_says_what_it_may_and_nothing_else, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(the_database_judges_alike, world_begin, world_end),
        cmocka_unit_test_setup_teardown(why_says_first_that_nothing_is_said_in_any_case,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(who_carries_hands_in_what_others_may_say_and_signed,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(
            a_desk_says_what_its_person_may_and_nobody_else_speaks_for_others, world_begin,
            world_end),
        cmocka_unit_test_setup_teardown(a_change_of_rules_counts_at_once_where_somebody_listens,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_both_parties_agreed_is_heard_and_nothing_more,
                                        world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_nul_makes_no_pattern_shorter, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_pattern_is_what_it_says_and_no_prefix_of_it, world_begin,
                                        world_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
