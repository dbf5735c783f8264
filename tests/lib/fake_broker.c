/* fake_broker - see fake_broker.h */
#include "tests/lib/fake_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "proto/base/mem.h"
#include "proto/wire/limits.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fake_broker: %s\n", what);
    abort();
}

/* ZAP (RFC 27): seven parts in, six out. */
static void on_zap(void *arg)
{
    struct fake_broker *b = arg;
    char request[7][256];
    size_t sizes[7];
    const char *answer[6] = {"1.0", request[1], b->verdict ? b->verdict : "200", "", "agent", ""};

    for (int i = 0; i < 7; i++) {
        int n = zmq_recv(b->zap_socket, request[i], sizeof(request[i]), ZMQ_DONTWAIT);

        if (n < 0)
            return;
        sizes[i] = (size_t)n;
    }
    b->connects++;
    for (int i = 0; i < 6; i++)
        zmq_send(b->zap_socket, answer[i], i == 1 ? sizes[1] : strlen(answer[i]),
                 ZMQ_DONTWAIT | (i < 5 ? ZMQ_SNDMORE : 0));
    zctx_touch(b->zap);
}

static void send_to(struct fake_broker *b, const struct zport_id *to, const Eocbus__V1__Frame *f)
{
    uint8_t *bytes = mem_alloc(eocbus__v1__frame__get_packed_size(f) + 1);
    size_t len;

    must(bytes != NULL, "no memory");
    len = eocbus__v1__frame__pack(f, bytes);
    (void)!zport_send(b->port, to, bytes, len);
    mem_free(bytes);
}

void fake_broker_send(struct fake_broker *b, const Eocbus__V1__Frame *f)
{
    send_to(b, &b->agent, f);
}

static void send_fault(struct fake_broker *b, const char *code)
{
    Eocbus__V1__Fault m = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.code = (char *)code;
    m.text = (char *)"as the test wants it";
    m.retry_ms = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &m;
    fake_broker_send(b, &f);
}

static void on_hello(struct fake_broker *b, const Eocbus__V1__Hello *hello)
{
    Eocbus__V1__Welcome m = EOCBUS__V1__WELCOME__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    b->hellos++;
    b->known_log_epoch = hello->known_log_epoch;
    b->known_seq = hello->known_seq;
    if (b->hello_fault) {
        send_fault(b, b->hello_fault);
        return;
    }
    m.protocol = PROTOCOL_VERSION;
    m.broker = (char *)"fake";
    m.principal = (char *)"rcst.ayni.team2";
    m.log_epoch = b->log_epoch ? b->log_epoch : 1;
    m.head = b->seq;
    m.time_us = loop_utc_us(b->loop);
    m.store_away = b->store_away;
    m.max_frame_bytes = LIMIT_FRAME_BYTES;
    m.max_content_bytes = LIMIT_CONTENT_BYTES;
    m.max_items = LIMIT_ITEMS;
    m.window_items = b->window_items ? b->window_items : 256;
    m.window_bytes = b->window_bytes ? b->window_bytes : 1048576;
    f.what_case = EOCBUS__V1__FRAME__WHAT_WELCOME;
    f.welcome = &m;
    fake_broker_send(b, &f);
}

static void send_receipts(struct fake_broker *b, const struct zport_id *to, const uint64_t *tags,
                          size_t n)
{
    Eocbus__V1__Receipts m = EOCBUS__V1__RECEIPTS__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Settled settled[LIMIT_ITEMS], *list[LIMIT_ITEMS];

    for (size_t i = 0; i < n; i++) {
        eocbus__v1__settled__init(&settled[i]);
        list[i] = &settled[i];
        settled[i].tag = tags[i];
        settled[i].outcome =
            b->refuse ? EOCBUS__V1__OUTCOME__OUTCOME_REFUSED : EOCBUS__V1__OUTCOME__OUTCOME_STORED;
        settled[i].log_epoch = b->log_epoch ? b->log_epoch : 1;
        settled[i].seq = b->refuse ? 0 : ++b->seq;
        settled[i].code = (char *)(b->refuse ? b->refuse : "");
        settled[i].text = (char *)(b->refuse ? "as the test wants it" : "");
    }
    m.n_settled = n;
    m.settled = list;
    f.what_case = EOCBUS__V1__FRAME__WHAT_RECEIPTS;
    f.receipts = &m;
    send_to(b, to, &f);
}

void fake_broker_settle_all(struct fake_broker *b)
{
    for (unsigned at = 0; at < b->items; at++)
        send_receipts(b, &b->from[at], &b->tags[at], 1);
}

static void answer_busy(struct fake_broker *b, uint64_t *tags, size_t n)
{
    Eocbus__V1__Busy m = EOCBUS__V1__BUSY__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.n_tags = n;
    m.tags = tags;
    m.retry_ms = b->retry_ms ? b->retry_ms : 20;
    m.store_away = b->store_away;
    f.what_case = EOCBUS__V1__FRAME__WHAT_BUSY;
    f.busy = &m;
    fake_broker_send(b, &f);
}

static void on_publish(struct fake_broker *b, const Eocbus__V1__Publish *p)
{
    uint64_t tags[LIMIT_ITEMS];
    size_t bytes = 0;

    b->publishes++;
    b->spoken_under = p->log_epoch;
    for (size_t i = 0; i < p->n_items; i++) {
        tags[i] = p->items[i]->tag;
        bytes += p->items[i]->content.len;
    }
    if (p->n_items && p->items[0]->ahead) {
        b->aheads += (unsigned)p->n_items;
        answer_busy(b, tags, p->n_items);
        return;
    }
    if (b->busy_times) {
        b->busy_times--;
        answer_busy(b, tags, p->n_items);
        return;
    }
    for (size_t i = 0; i < p->n_items && b->items < FAKE_KEPT; i++) {
        b->from[b->items] = b->agent;
        b->tags[b->items++] = tags[i];
    }
    if (bytes > b->largest_publish)
        b->largest_publish = (unsigned)bytes;
    if (!b->no_receipts)
        send_receipts(b, &b->agent, tags, p->n_items);
}

static void on_subscribe(struct fake_broker *b, const Eocbus__V1__Subscribe *s)
{
    Eocbus__V1__Subscribed m = EOCBUS__V1__SUBSCRIBED__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    if (s->n_lanes == 1 && s->lanes[0] == EOCBUS__V1__LANE__LANE_FLASH) {
        b->ears++;
        b->ear = s->subscription;
        return;
    }
    b->subscribes++;
    b->subscription = s->subscription;
    b->has_after = s->_after_case == EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
    b->after = s->after;
    m.subscription = s->subscription;
    m.log_epoch = b->log_epoch ? b->log_epoch : 1;
    m.after = b->has_after ? s->after : b->seq;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBED;
    f.subscribed = &m;
    fake_broker_send(b, &f);
}

static void on_ping(struct fake_broker *b, const Eocbus__V1__Ping *p)
{
    Eocbus__V1__Pong m = EOCBUS__V1__PONG__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    b->pings++;
    m.token = p->token;
    m.ping_time_us = p->time_us;
    m.store_away = b->store_away;
    m.time_us = loop_utc_us(b->loop);
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &m;
    fake_broker_send(b, &f);
}

static void on_frame(struct fake_broker *b, const Eocbus__V1__Frame *f)
{
    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_HELLO:
        on_hello(b, f->hello);
        break;
    case EOCBUS__V1__FRAME__WHAT_PUBLISH:
        on_publish(b, f->publish);
        break;
    case EOCBUS__V1__FRAME__WHAT_SUBSCRIBE:
        on_subscribe(b, f->subscribe);
        break;
    case EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE:
        b->unsubscribes++;
        break;
    case EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE:
        b->acknowledges++;
        if (f->acknowledge->upto)
            b->upto = f->acknowledge->upto;
        b->warnings_taken += f->acknowledge->provisional;
        break;
    case EOCBUS__V1__FRAME__WHAT_CREDIT:
        b->credits++;
        b->credit_given += f->credit->messages;
        break;
    case EOCBUS__V1__FRAME__WHAT_PING:
        on_ping(b, f->ping);
        break;
    default:
        break;
    }
}

static void on_message(void *arg, const struct zport_message *m)
{
    struct fake_broker *b = arg;
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, m->len, m->data);

    must(f != NULL, "an agent sent what is no Frame");
    b->agent = m->from;
    if (!b->is_silent)
        on_frame(b, f);
    eocbus__v1__frame__free_unpacked(f, NULL);
}

static void send_deliver(struct fake_broker *b, Eocbus__V1__Delivery **list, size_t n,
                         uint64_t horizon)
{
    Eocbus__V1__Deliver m = EOCBUS__V1__DELIVER__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.subscription = b->subscription;
    m.n_deliveries = n;
    m.deliveries = list;
    m.horizon = horizon;
    f.what_case = EOCBUS__V1__FRAME__WHAT_DELIVER;
    f.deliver = &m;
    fake_broker_send(b, &f);
}

void fake_broker_deliver(struct fake_broker *b, uint64_t seq, uint64_t previous,
                         const void *content, size_t len)
{
    Eocbus__V1__Delivery d = EOCBUS__V1__DELIVERY__INIT, *list = &d;
    Eocbus__V1__Stamp stamp = EOCBUS__V1__STAMP__INIT;

    stamp.log_epoch = b->stamp_epoch ? b->stamp_epoch : b->log_epoch ? b->log_epoch : 1;
    stamp.seq = seq;
    stamp.provisional = !seq;
    stamp.received_time_us = loop_utc_us(b->loop);
    d.stamp = &stamp;
    d.previous = previous;
    d.content.data = (uint8_t *)content;
    d.content.len = len;
    send_deliver(b, &list, 1, 0);
}

void fake_broker_deliver_to_ear(struct fake_broker *b, const void *content, size_t len)
{
    uint32_t subscription = b->subscription;

    b->subscription = b->ear;
    fake_broker_deliver(b, 0, 0, content, len);
    b->subscription = subscription;
}

void fake_broker_withdraw(struct fake_broker *b, uint32_t subscription, const char *sender,
                          const uint8_t id[16])
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Deliver m = EOCBUS__V1__DELIVER__INIT;
    Eocbus__V1__Withdrawn w = EOCBUS__V1__WITHDRAWN__INIT, *list = &w;

    w.message_id.data = (uint8_t *)id; /* only read */
    w.message_id.len = 16;
    w.sender = (char *)sender;
    w.code = (char *)"database";
    m.subscription = subscription;
    m.withdrawn = &list;
    m.n_withdrawn = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_DELIVER;
    f.deliver = &m;
    fake_broker_send(b, &f);
}

void fake_broker_horizon(struct fake_broker *b, uint64_t horizon)
{
    send_deliver(b, NULL, 0, horizon);
}

void fake_broker_open(struct fake_broker *b, struct loop *l, const char *endpoint)
{
    struct zport_settings set = {.bind = true, .endpoint = endpoint};
    const struct zport_events events = {.arg = b, .message = on_message};

    b->loop = l;
    must(b->keys.public_z85[0] || keys_generate(&b->keys) == ST_OK, "no keys");
    must(zctx_create(&b->ctx, l) == ST_OK, "no context");
    b->zap_socket = zmq_socket(zctx_context(b->ctx), ZMQ_REP);
    must(b->zap_socket && zmq_bind(b->zap_socket, "inproc://zeromq.zap.01") == 0, "no ZAP");
    must(zctx_watch(&b->zap, b->ctx, b->zap_socket, on_zap, b) == ST_OK, "no watch");
    set.public_z85 = b->keys.public_z85;
    set.secret_z85 = b->keys.secret_z85;
    set.max_frame_bytes = LIMIT_FRAME_BYTES;
    set.send_high_water = set.receive_high_water = 1000;
    set.handshake_ms = 30000;
    must(zport_create(&b->port, b->ctx, &set, &events) == ST_OK, "cannot bind");
    snprintf(b->endpoint, sizeof(b->endpoint), "%s", zport_endpoint(b->port));
}

void fake_broker_close(struct fake_broker *b)
{
    zport_destroy(b->port);
    b->port = NULL;
    zctx_unwatch(b->zap);
    zmq_close(b->zap_socket);
    zctx_destroy(b->ctx);
}
