/* attacker - see attacker.h. */
#include "tests/lib/attacker.h"

#include <stdlib.h>
#include <string.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

enum { FRAME_ITEMS = 64, FRAME_ROOM = 150000 };

static uint8_t frame_bytes[LIMIT_FRAME_BYTES];

static bool send_frame(struct attacker *a, const Eocbus__V1__Frame *f)
{
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (len > sizeof(frame_bytes))
        abort();
    eocbus__v1__frame__pack(f, frame_bytes);
    return zport_send(a->port, NULL, frame_bytes, len) == ST_OK;
}

static bool say_hello(struct attacker *a)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    h.protocol_min = h.protocol_max = PROTOCOL_VERSION;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    return send_frame(a, &f);
}

/* --- contents --------------------------------------------------------------------------------- */

/* The slot has a content that is not on the way. */
static bool fill_slot(struct attacker *a, struct attacker_slot *slot)
{
    static uint8_t bytes[2 * LIMIT_CONTENT_BYTES];

    if (slot->bytes || a->is_done)
        return slot->bytes && !slot->is_sent;
    slot->len = a->make(a->arg, bytes, sizeof(bytes));
    if (slot->len == SIZE_MAX) {
        a->is_done = true;
        return false;
    }
    slot->bytes = malloc(slot->len + 1);
    if (!slot->bytes)
        abort();
    memcpy(slot->bytes, bytes, slot->len);
    slot->is_sent = false;
    a->offered++;
    return true;
}

static void send_items(struct attacker *a, Eocbus__V1__Item *items, size_t n)
{
    Eocbus__V1__Item *pointers[FRAME_ITEMS];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;
    bool went;

    for (size_t i = 0; i < n; i++)
        pointers[i] = &items[i];
    p.items = pointers;
    p.n_items = n;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    went = send_frame(a, &f);
    for (size_t i = 0; i < n; i++)
        a->slots[items[i].tag].is_sent = went;
}

static void pump(struct attacker *a)
{
    Eocbus__V1__Item items[FRAME_ITEMS];
    size_t n = 0, bytes = 0;

    if (!a->is_welcome || !a->make || loop_now_us(a->loop) < a->not_before_us)
        return;
    for (unsigned i = 0; i < ATTACKER_SLOTS; i++) {
        if (!fill_slot(a, &a->slots[i]))
            continue;
        if (n && (n == FRAME_ITEMS || bytes + a->slots[i].len > FRAME_ROOM)) {
            send_items(a, items, n);
            n = bytes = 0;
        }
        eocbus__v1__item__init(&items[n]);
        items[n].tag = i;
        items[n].content.data = a->slots[i].bytes;
        items[n++].content.len = a->slots[i].len;
        bytes += a->slots[i].len;
    }
    if (n)
        send_items(a, items, n);
}

static void note_code(struct attacker *a, const char *code)
{
    for (unsigned i = 0; i < ATTACKER_CODES; i++) {
        if (a->codes[i].times && strncmp(a->codes[i].code, code, sizeof(a->codes[i].code)) != 0)
            continue;
        strncpy(a->codes[i].code, code, sizeof(a->codes[i].code) - 1);
        a->codes[i].times++;
        return;
    }
}

static void on_settled(struct attacker *a, const Eocbus__V1__Settled *s)
{
    struct attacker_slot *slot = s->tag < ATTACKER_SLOTS ? &a->slots[s->tag] : NULL;

    /* While bad frames are sent there are no slots, but their Publishes may be answered. */
    a->stored += s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED;
    a->repeated += s->repeated;
    if (s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_REFUSED) {
        a->refused++;
        note_code(a, s->code);
    }
    if (!slot || !slot->bytes) {
        a->strange++;
        return;
    }
    free(slot->bytes);
    slot->bytes = NULL;
}

static void on_busy(struct attacker *a, const Eocbus__V1__Busy *b)
{
    a->busy += b->n_tags;
    a->not_before_us = loop_now_us(a->loop) + b->retry_ms * 1000ull;
    for (size_t i = 0; i < b->n_tags; i++)
        if (b->tags[i] < ATTACKER_SLOTS)
            a->slots[b->tags[i]].is_sent = false;
}

/* --- the session ------------------------------------------------------------------------------ */

static void on_frame(struct attacker *a, const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_WELCOME:
        a->is_welcome = true;
        break;
    case EOCBUS__V1__FRAME__WHAT_RECEIPTS:
        for (size_t i = 0; i < f->receipts->n_settled; i++)
            on_settled(a, f->receipts->settled[i]);
        break;
    case EOCBUS__V1__FRAME__WHAT_BUSY:
        on_busy(a, f->busy);
        break;
    case EOCBUS__V1__FRAME__WHAT_PONG:
        if (f->pong->token == a->token)
            a->answered_token = a->token;
        break;
    case EOCBUS__V1__FRAME__WHAT_FAULT:
        a->faults++;
        note_code(a, f->fault->code);
        break;
    default:
        break;
    }
}

static void on_message(void *arg, const struct zport_message *m)
{
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, m->len, m->data);

    if (!f)
        abort();
    on_frame(arg, f);
    eocbus__v1__frame__free_unpacked(f, NULL);
    pump(arg);
}

static void on_tick(void *arg)
{
    pump(arg);
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct attacker *a = arg;

    (void)why;
    a->is_linked = up;
    a->is_welcome = false;
    a->links += up;
    for (unsigned i = 0; i < ATTACKER_SLOTS; i++)
        a->slots[i].is_sent = false;
    if (up)
        say_hello(a);
}

void attacker_create(struct attacker *a, struct loop *loop, struct zctx *z, const struct keys *keys,
                     const char *endpoint, const char *server_z85)
{
    const struct zport_events events = {.arg = a, .message = on_message, .linked = on_linked};
    const struct zport_settings set = {.endpoint = endpoint,
                                       .server_z85 = server_z85,
                                       .public_z85 = keys->public_z85,
                                       .secret_z85 = keys->secret_z85,
                                       .max_frame_bytes = LIMIT_FRAME_BYTES,
                                       .handshake_ms = 30000,
                                       .reconnect_ms = 20,
                                       .reconnect_max_ms = 200};

    memset(a, 0, sizeof(*a));
    a->loop = loop;
    a->token = a->answered_token = UINT64_C(1) << 60; /* none that a random Ping has */
    if (zport_create(&a->port, z, &set, &events) != ST_OK ||
        loop_timer_create(&a->tick, loop, on_tick, a) != ST_OK)
        abort();
    loop_timer_start(a->tick, 20, 20);
}

void attacker_destroy(struct attacker *a)
{
    loop_timer_destroy(a->tick);
    zport_destroy(a->port);
    for (unsigned i = 0; i < ATTACKER_SLOTS; i++)
        free(a->slots[i].bytes);
}

void attacker_offer(struct attacker *a, size_t (*make)(void *arg, uint8_t *out, size_t cap),
                    void *arg)
{
    a->make = make;
    a->arg = arg;
    a->is_done = false;
    pump(a);
}

bool attacker_is_answered(const struct attacker *a)
{
    if (!a->is_done)
        return false;
    for (unsigned i = 0; i < ATTACKER_SLOTS; i++)
        if (a->slots[i].bytes)
            return false;
    return true;
}

bool attacker_say(struct attacker *a, const void *bytes, size_t len)
{
    return a->is_linked && zport_send(a->port, NULL, bytes, len) == ST_OK;
}

bool attacker_ask(struct attacker *a)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Ping ping = EOCBUS__V1__PING__INIT;

    if (!a->is_linked || !say_hello(a))
        return false;
    ping.token = ++a->token;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &ping;
    return send_frame(a, &f);
}

bool attacker_was_heard(const struct attacker *a)
{
    return a->answered_token == a->token;
}

uint64_t attacker_times(const struct attacker *a, const char *code)
{
    for (unsigned i = 0; i < ATTACKER_CODES; i++)
        if (a->codes[i].times && strcmp(a->codes[i].code, code) == 0)
            return a->codes[i].times;
    return 0;
}
