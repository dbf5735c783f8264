/* load - see load.h. */
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/ids.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

enum { DELTAS = 62, FRAME_MAX = 131072 };

static void die(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    abort();
}

static void send_frame(struct load *l, const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[FRAME_MAX];
    size_t len = eocbus__v1__frame__get_packed_size(f);

    if (len > sizeof(bytes))
        die("frame too large");
    eocbus__v1__frame__pack(f, bytes);
    if (zport_send(l->port, NULL, bytes, len) != ST_OK)
        die("a frame did not leave");
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct load *l = arg;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    (void)why;
    if (!up)
        return;
    h.protocol_min = h.protocol_max = PROTOCOL_VERSION;
    h.program = (char *)"bench";
    h.epoch = l->epoch;
    h.time_us = loop_utc_us(l->loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    send_frame(l, &f);
}

static void on_receipts(struct load *l, const Eocbus__V1__Receipts *r)
{
    uint64_t now = loop_exact_us(l->loop);

    for (size_t i = 0; i < r->n_settled; i++) {
        size_t item = r->settled[i]->tag;

        if (item < l->count)
            l->waited_us[item] = now - l->sent_at_us[item];
        if (r->settled[i]->outcome != EOCBUS__V1__OUTCOME__OUTCOME_STORED) {
            l->refused++;
            fprintf(stderr, "load: refused: %s %s\n", r->settled[i]->code, r->settled[i]->text);
        }
        l->settled++;
    }
    load_go(l);
}

static void on_message(void *arg, const struct zport_message *m)
{
    struct load *l = arg;
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, m->len, m->data);

    if (!f)
        die("a frame from the broker cannot be read");
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_WELCOME)
        l->is_welcome = true;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_RECEIPTS)
        on_receipts(l, f->receipts);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_PONG)
        l->is_ponged = true;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_FAULT)
        fprintf(stderr, "load: fault %s: %s\n", f->fault->code, f->fault->text);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY)
        die("busy: the window of the benchmark is too large for the settings");
    eocbus__v1__frame__free_unpacked(f, NULL);
}

void load_create(struct load *l, struct loop *loop, struct zctx *z, const char *name,
                 const struct keys *keys, const char *endpoint, const char *server_z85)
{
    struct zport_settings set = {.endpoint = endpoint,
                                 .public_z85 = keys->public_z85,
                                 .secret_z85 = keys->secret_z85,
                                 .server_z85 = server_z85,
                                 .max_frame_bytes = LIMIT_FRAME_BYTES,
                                 .send_high_water = 1000,
                                 .receive_high_water = 1000,
                                 .handshake_ms = 30000,
                                 .reconnect_ms = 100,
                                 .reconnect_max_ms = 1000};
    struct zport_events events = {.arg = l, .message = on_message, .linked = on_linked};

    memset(l, 0, sizeof(*l));
    l->loop = loop;
    snprintf(l->name, sizeof(l->name), "%s", name);
    l->epoch = (uint64_t)loop_utc_us(loop);
    if (zport_create(&l->port, z, &set, &events) != ST_OK)
        die("no socket");
}

static void drop_items(struct load *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i].content);
    free(l->items);
    free(l->sent_at_us);
    free(l->waited_us);
    l->items = NULL;
    l->sent_at_us = l->waited_us = NULL;
    l->count = 0;
}

void load_destroy(struct load *l)
{
    zport_destroy(l->port);
    drop_items(l);
}

/* Random walks of up to +-100,000: three bytes a sample on the wire, nothing for a compressor. */
static void fill_series(struct load *l, Eocbus__V1__Series *s, int64_t *deltas)
{
    uint8_t random[DELTAS * 3];

    loop_random(l->loop, random, sizeof(random));
    for (size_t i = 0; i < DELTAS; i++)
        deltas[i] =
            (int64_t)(random[3 * i] | random[3 * i + 1] << 8 | (random[3 * i + 2] & 1) << 16) -
            65536;
    s->datastream_id = 3;
    s->type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE;
    s->unit = EOCBUS__V1__UNIT__UNIT_METRE;
    s->exponent = -3;
    s->n_deltas = DELTAS;
    s->deltas = deltas;
}

/* A new incident in place of samples; its id is that of the message. */
static void make_incident(Eocbus__V1__Envelope *m, Eocbus__V1__Incident *i)
{
    eocbus__v1__incident__init(i);
    i->incident_id = m->message_id;
    i->hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    i->name = (char *)"torrent";
    i->severity = EOCBUS__V1__SEVERITY__SEVERITY_SEVERE;
    i->urgency = EOCBUS__V1__URGENCY__URGENCY_IMMEDIATE;
    i->certainty = EOCBUS__V1__CERTAINTY__CERTAINTY_OBSERVED;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_INCIDENT;
    m->incident = i;
}

static void make_item(struct load *l, struct load_item *item)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ObservationBatch b = EOCBUS__V1__OBSERVATION_BATCH__INIT;
    Eocbus__V1__Series s = EOCBUS__V1__SERIES__INIT, *series = &s;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    Eocbus__V1__Incident incident;
    char *pcode = (char *)"3505203";
    int64_t deltas[DELTAS], now = loop_utc_us(l->loop);
    uint8_t id[ID_BYTES], random[10];

    loop_random(l->loop, random, sizeof(random));
    id_make(id, now, random);
    fill_series(l, &s, deltas);
    b.sensor_registry_version = 1;
    b.base_time_us = now;
    b.dt_ms = 1000;
    b.sample_count = DELTAS + 1;
    b.n_series = 1;
    b.series = &series;
    area.n_pcodes = 1;
    area.pcodes = &pcode;
    m.message_id.data = id;
    m.message_id.len = sizeof(id);
    m.schema = SCHEMA_VERSION;
    m.sender = l->name;
    m.epoch = l->epoch;
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.lane_seq = ++l->made;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.event_time_us = m.sent_time_us = now;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.area = &area;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH;
    m.observation_batch = &b;
    if (l->judged_every && l->made % l->judged_every == 0)
        make_incident(&m, &incident);
    item->len = eocbus__v1__envelope__get_packed_size(&m);
    item->content = malloc(item->len);
    if (!item->content)
        die("no memory");
    eocbus__v1__envelope__pack(&m, item->content);
}

void load_make(struct load *l, size_t n, size_t window)
{
    drop_items(l);
    l->items = calloc(n, sizeof(*l->items));
    l->sent_at_us = calloc(n, sizeof(*l->sent_at_us));
    l->waited_us = calloc(n, sizeof(*l->waited_us));
    if (!l->items || !l->sent_at_us || !l->waited_us)
        die("no memory");
    for (size_t i = 0; i < n; i++)
        make_item(l, &l->items[i]);
    l->count = l->allowed = n;
    l->window = window;
    l->sent = l->settled = l->refused = 0;
}

void load_go(struct load *l)
{
    Eocbus__V1__Item items[LIMIT_ITEMS], *pointers[LIMIT_ITEMS];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;
    uint64_t now = loop_exact_us(l->loop);
    size_t n = 0;

    for (; n < LIMIT_ITEMS && l->sent < l->allowed && l->sent - l->settled < l->window; n++) {
        eocbus__v1__item__init(&items[n]);
        items[n].tag = l->sent;
        items[n].content.data = l->items[l->sent].content;
        items[n].content.len = l->items[l->sent].len;
        pointers[n] = &items[n];
        l->sent_at_us[l->sent++] = now;
    }
    if (n == 0)
        return;
    p.n_items = n;
    p.items = pointers;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    send_frame(l, &f);
}

bool load_is_done(const struct load *l)
{
    return l->settled == l->count;
}

void load_ping(struct load *l)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Ping p = EOCBUS__V1__PING__INIT;

    p.time_us = loop_utc_us(l->loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &p;
    l->is_ponged = false;
    send_frame(l, &f);
}
