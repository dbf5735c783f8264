/* client - see client.h. */
#include "tests/lib/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/ids.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"
#include "tests/lib/patience.h"

enum { WAIT_S = 120, ITEMS_PER_FRAME = 32, CONTENT_MAX = 400, CREDIT = 512, ACK_EVERY = 64 };

static void send_frame(struct client *c, const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES];
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (len > sizeof(bytes))
        abort();
    eocbus__v1__frame__pack(f, bytes);
    /* What does not leave is offered again in the next session. */
    (void)!zport_send(c->port, NULL, bytes, len);
}

static void say_hello(struct client *c)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    h.protocol_min = h.protocol_max = PROTOCOL_VERSION;
    h.program = (char *)"test 0.1.0";
    h.epoch = c->epoch;
    h.time_us = loop_utc_us(c->loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    c->is_welcome = c->is_subscribed = false;
    send_frame(c, &f);
}

/* --- publishing ------------------------------------------------------------------------------- */

/* News, and the same bytes whenever it is offered again. */
static int64_t time_of_alarm(struct client *c, uint64_t row)
{
    if (!c->rows[row].said_us)
        c->rows[row].said_us = loop_utc_us(c->loop);
    return c->rows[row].said_us;
}

void client_id_of(const struct client *c, uint64_t row, uint8_t out[16])
{
    uint8_t random[10] = {0};

    memcpy(random + 3, &row, 5); /* clear of the bits that say what kind of id it is */
    memcpy(random + 8, c->name + strlen(c->name) - 2, 2);
    id_make(out, (int64_t)c->epoch, random);
}

/* An alarm as a gateway gives it. */
static void detect(Eocbus__V1__Envelope *m, uint64_t row, Eocbus__V1__SensorDetection *d,
                   Eocbus__V1__Area *area)
{
    static char *place = (char *)"3505203";

    d->profile = (char *)"fusion";
    d->profile_version = 1;
    d->level = EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM;
    d->previous_level = EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_WARNING;
    d->hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    d->torrent_id = (uint32_t)row;
    d->text = (char *)"two flow sensors, stage 0.8 m";
    area->n_pcodes = 1;
    area->pcodes = &place;
    m->area = area;
    m->status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    m->kind = EOCBUS__V1__KIND__KIND_SENSOR_DETECTION;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    m->sensor_detection = d;
}

static size_t pack_row(struct client *c, uint64_t row, uint8_t *out)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__GeneralMessage alarm = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    Eocbus__V1__SensorDetection detection = EOCBUS__V1__SENSOR_DETECTION__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    uint8_t id[ID_BYTES];

    client_id_of(c, row, id);
    m.message_id.data = id;
    m.message_id.len = sizeof(id);
    m.schema = SCHEMA_VERSION;
    m.sender = (char *)c->name;
    m.epoch = c->epoch;
    m.lane = c->is_alarm ? EOCBUS__V1__LANE__LANE_FLASH : EOCBUS__V1__LANE__LANE_ROUTINE;
    m.lane_seq = row;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.event_time_us = m.sent_time_us = c->is_alarm ? time_of_alarm(c, row) : (int64_t)c->epoch;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    alarm.from_role = entry.position = (char *)"duty officer";
    alarm.subject = alarm.text = entry.text =
        (char *)"The water at the bridge has risen by a hand's breadth.";
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    if (c->is_alarm) {
        m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
        m.general_message = &alarm;
    }
    if (c->detects)
        detect(&m, row, &detection, &area);
    return eocbus__v1__envelope__pack(&m, out);
}

static void send_rows(struct client *c, const uint64_t *rows, size_t n)
{
    uint8_t contents[ITEMS_PER_FRAME][CONTENT_MAX];
    Eocbus__V1__Item items[ITEMS_PER_FRAME], *pointers[ITEMS_PER_FRAME];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;

    for (size_t i = 0; i < n; i++) {
        eocbus__v1__item__init(&items[i]);
        items[i].tag = rows[i];
        items[i].content.data = contents[i];
        items[i].content.len = pack_row(c, rows[i], contents[i]);
        pointers[i] = &items[i];
        c->rows[rows[i]].sent = true;
        c->in_flight++;
    }
    p.items = pointers;
    p.n_items = n;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    send_frame(c, &f);
}

static void pump(struct client *c)
{
    uint64_t rows[ITEMS_PER_FRAME];
    size_t n = 0;

    if (!c->is_welcome || loop_now_us(c->loop) < c->not_before_us)
        return;
    while (c->floor < c->count && c->rows[c->floor + 1].seq)
        c->floor++;
    for (uint64_t row = c->floor + 1; row <= c->count && c->in_flight + n < c->window; row++) {
        if (c->rows[row].sent || c->rows[row].seq)
            continue;
        rows[n++] = row;
        if (n == ITEMS_PER_FRAME) {
            send_rows(c, rows, n);
            n = 0;
        }
    }
    if (n)
        send_rows(c, rows, n);
}

static void on_receipts(struct client *c, const Eocbus__V1__Receipts *m)
{
    for (size_t i = 0; i < m->n_settled; i++) {
        const Eocbus__V1__Settled *s = m->settled[i];
        struct client_row *row = &c->rows[s->tag];

        if (s->tag < 1 || s->tag > c->count || s->outcome != EOCBUS__V1__OUTCOME__OUTCOME_STORED) {
            fprintf(stderr, "client: tag %llu refused: %s %s %s\n", (unsigned long long)s->tag,
                    s->code, s->path, s->text);
            abort();
        }
        c->in_flight -= row->sent && !row->seq;
        c->settled += !row->seq;
        row->seq = s->seq;
        row->repeated = s->repeated;
    }
}

static void on_busy(struct client *c, const Eocbus__V1__Busy *m)
{
    for (size_t i = 0; i < m->n_tags; i++) {
        struct client_row *row = &c->rows[m->tags[i]];

        c->in_flight -= row->sent && !row->seq;
        row->sent = false;
    }
    c->not_before_us = loop_now_us(c->loop) + m->retry_ms * 1000ull;
}

/* --- listening -------------------------------------------------------------------------------- */

static void send_credit(struct client *c, uint32_t messages)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Credit m = EOCBUS__V1__CREDIT__INIT;

    m.subscription = 1;
    m.messages = messages;
    f.what_case = EOCBUS__V1__FRAME__WHAT_CREDIT;
    f.credit = &m;
    send_frame(c, &f);
}

static void send_acknowledge(struct client *c)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Acknowledge m = EOCBUS__V1__ACKNOWLEDGE__INIT;

    m.subscription = 1;
    m.log_epoch = c->log_epoch;
    m.upto = c->last_seq;
    f.what_case = EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE;
    f.acknowledge = &m;
    send_frame(c, &f);
}

static void subscribe(struct client *c)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribe s = EOCBUS__V1__SUBSCRIBE__INIT;
    char all[] = "**", *patterns[] = {all};

    s.subscription = 1;
    s.patterns = patterns;
    s.n_patterns = 1;
    s._after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
    s.after = c->last_seq;
    s.credit = CREDIT;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &s;
    c->since_ack = 0;
    send_frame(c, &f);
}

static void on_deliver(struct client *c, const Eocbus__V1__Deliver *m, uint64_t *previous)
{
    if (m->horizon)
        c->horizon = m->horizon;
    for (size_t i = 0; i < m->n_deliveries; i++) {
        const Eocbus__V1__Delivery *d = m->deliveries[i];

        if (d->stamp->provisional) {
            c->provisional++;
            continue;
        }
        /* It listens to everything: numbers have no gap. */
        if (d->stamp->seq != c->last_seq + 1 || (d->previous && d->previous != *previous))
            c->previous_errors++;
        c->last_seq = *previous = d->stamp->seq;
        c->log_epoch = d->stamp->log_epoch;
        c->got++;
        c->since_ack++;
    }
    if (c->reads && (c->since_ack >= ACK_EVERY || !m->n_deliveries)) {
        send_acknowledge(c);
        if (c->since_ack)
            send_credit(c, c->since_ack);
        c->since_ack = 0;
    }
}

/* --- the session ------------------------------------------------------------------------------ */

static void on_welcome(struct client *c, const Eocbus__V1__Welcome *m)
{
    c->is_welcome = true;
    c->welcomes++;
    c->window = m->window_items;
    c->in_flight = 0;
    for (uint64_t row = 1; row <= c->count; row++)
        c->rows[row].sent = c->rows[row].seq != 0;
    if (c->wants)
        subscribe(c);
    pump(c);
}

static void on_fault(struct client *c, const Eocbus__V1__Fault *m)
{
    c->faults++;
    snprintf(c->fault, sizeof(c->fault), "%s", m->code);
    if (strcmp(m->code, "hello") == 0 && c->is_welcome)
        say_hello(c);
}

static void on_frame(struct client *c, const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_WELCOME:
        on_welcome(c, f->welcome);
        break;
    case EOCBUS__V1__FRAME__WHAT_RECEIPTS:
        on_receipts(c, f->receipts);
        break;
    case EOCBUS__V1__FRAME__WHAT_BUSY:
        on_busy(c, f->busy);
        break;
    case EOCBUS__V1__FRAME__WHAT_SUBSCRIBED:
        c->is_subscribed = true;
        break;
    case EOCBUS__V1__FRAME__WHAT_DELIVER: {
        uint64_t previous = c->last_seq;

        on_deliver(c, f->deliver, &previous);
        break;
    }
    case EOCBUS__V1__FRAME__WHAT_FAULT:
        on_fault(c, f->fault);
        break;
    default:
        break;
    }
}

static void on_message(void *arg, const struct zport_message *m)
{
    struct client *c = arg;
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, m->len, m->data);

    if (!f)
        abort();
    c->frames++;
    c->heard_us = loop_exact_us(c->loop);
    on_frame(c, f);
    eocbus__v1__frame__free_unpacked(f, NULL);
    pump(c);
}

/* What was Busy is offered again in time. */
static void on_tick(void *arg)
{
    pump(arg);
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct client *c = arg;

    c->refusals += strstr(why, "refused this key") != NULL;
    c->is_linked = up;
    c->was_refused = !up && !c->welcomes;
    c->is_welcome = false;
    if (up)
        say_hello(c);
}

void client_create(struct client *c, struct loop *loop, struct zctx *z, const char *name,
                   const struct keys *keys, const char *endpoint, const char *server_z85)
{
    const struct zport_events events = {.arg = c, .message = on_message, .linked = on_linked};
    struct keys unknown;
    struct zport_settings set = {.endpoint = endpoint,
                                 .server_z85 = server_z85,
                                 .max_frame_bytes = LIMIT_FRAME_BYTES,
                                 .handshake_ms = 30000,
                                 .reconnect_ms = 20,
                                 .reconnect_max_ms = 200};

    memset(c, 0, sizeof(*c));
    c->loop = loop;
    c->reads = true;
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->epoch = (uint64_t)loop_utc_us(loop);
    c->rows = calloc(CLIENT_MESSAGES + 1, sizeof(*c->rows));
    if (!c->rows || (!keys && keys_generate(&unknown) != ST_OK))
        abort();
    set.public_z85 = keys ? keys->public_z85 : unknown.public_z85;
    set.secret_z85 = keys ? keys->secret_z85 : unknown.secret_z85;
    if (zport_create(&c->port, z, &set, &events) != ST_OK ||
        loop_timer_create(&c->tick, loop, on_tick, c) != ST_OK)
        abort();
    loop_timer_start(c->tick, 20, 20);
}

void client_destroy(struct client *c)
{
    loop_timer_destroy(c->tick);
    zport_destroy(c->port);
    free(c->rows);
}

void client_publish(struct client *c, uint64_t n)
{
    if (c->count + n > CLIENT_MESSAGES)
        abort();
    c->count += n;
    pump(c);
}

bool client_is_settled(const struct client *c)
{
    return c->settled == c->count;
}

void client_listen(struct client *c)
{
    c->wants = true;
    if (c->is_welcome)
        subscribe(c);
}

void client_wait(struct loop *loop, bool (*done)(void *arg), void *arg, const char *what)
{
    uint64_t end = loop_exact_us(loop) + PATIENCE * WAIT_S * 1000000ull;

    while (!done(arg)) {
        if (loop_exact_us(loop) > end) {
            fprintf(stderr, "client: waited two minutes for: %s\n", what);
            abort();
        }
        loop_turn(loop, 20);
    }
}
