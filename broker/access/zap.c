/* A request comes as frames: (routing id of the asking session,) empty, version, request id,
 * domain, address, identity, mechanism, credentials. The answer: (routing id,) empty, version,
 * request id, status, text, user id, metadata. The socket is a ROUTER and not a REP, because a REP
 * that was asked something unreadable must answer it before it hears the next.
 *
 * Everyone in this process can connect to the endpoint, so nothing is taken for granted: frames are
 * counted, cut, and held against the numbers of the RFC. */
#include "broker/access/zap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/zport.h"

#include "proto/base/banned.h"

enum {
    PART_ROUTE,
    PART_EMPTY,
    PART_VERSION,
    PART_REQUEST,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_IDENTITY,
    PART_MECHANISM,
    PART_KEY,
    PARTS,
    PART_BYTES = 255, /* the longest that ZAP allows: routing ids */
    HELD_MAX = 4096,  /* handshakes that wait for the principals; 640 bytes each */
};

struct part {
    size_t len; /* true length; what is longer than PART_BYTES was cut */
    uint8_t bytes[PART_BYTES + 1];
};

/* A request that could not be decided. libzmq's session waits with it. */
struct held {
    struct list link;
    struct part route, request;
    uint8_t key[32];
    char address[64];
};

struct zap {
    struct zap_door door;
    struct list held; /* oldest first */
    size_t held_count;
    void *socket;
    struct zhub_entry *entry;
    size_t count; /* frames of the request in hand, also those beyond PARTS */
    struct part parts[PARTS];
};

static bool part_is(const struct part *p, const char *word)
{
    return p->len == strlen(word) && !memcmp(p->bytes, word, p->len);
}

static void keep_part(struct zap *z, const void *data, size_t len)
{
    size_t kept = len < PART_BYTES ? len : PART_BYTES;

    if (z->count < PARTS) {
        struct part *p = &z->parts[z->count];

        p->len = len;
        memcpy(p->bytes, data, kept);
        p->bytes[kept] = 0;
    }
    z->count++;
}

/* Reads one whole request. ST_AGAIN: none is waiting. */
static enum status read_request(struct zap *z)
{
    zmq_msg_t frame;
    int more = 1;

    for (z->count = 0; more;) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, z->socket, ZMQ_DONTWAIT) < 0) {
            int why = errno;

            zmq_msg_close(&frame);
            if (why == EINTR)
                continue;
            return why == EAGAIN ? ST_AGAIN : ST_CLOSED;
        }
        more = zmq_msg_more(&frame);
        keep_part(z, zmq_msg_data(&frame), zmq_msg_size(&frame));
        zmq_msg_close(&frame);
    }
    return ST_OK;
}

static bool send_part(struct zap *z, const void *data, size_t len, int more)
{
    return zmq_send(z->socket, data, len, ZMQ_DONTWAIT | more) >= 0;
}

static void answer(struct zap *z, enum zap_verdict verdict, const char *text, const char *user)
{
    const struct part *route = &z->parts[PART_ROUTE], *request = &z->parts[PART_REQUEST];
    char status[4];

    snprintf(status, sizeof(status), "%03u", (unsigned)verdict % 1000);
    /* A session that went away meanwhile needs no answer: a ROUTER drops it. */
    bool sent = send_part(z, route->bytes, route->len, ZMQ_SNDMORE) &&
                send_part(z, "", 0, ZMQ_SNDMORE) && send_part(z, "1.0", 3, ZMQ_SNDMORE) &&
                send_part(z, request->bytes, request->len, ZMQ_SNDMORE) &&
                send_part(z, status, 3, ZMQ_SNDMORE) &&
                send_part(z, text, strlen(text), ZMQ_SNDMORE) &&
                send_part(z, user, strlen(user), ZMQ_SNDMORE) && send_part(z, "", 0, 0);
    if (!sent)
        log_warn("access.zap.unsent", "status=%s error=%s", status, zmq_strerror(errno));
}

/* NULL, or what is wrong with it. */
static const char *find_fault(const struct zap *z)
{
    if (!part_is(&z->parts[PART_VERSION], "1.0"))
        return "ZAP version is not 1.0";
    if (z->count <= PART_MECHANISM || !part_is(&z->parts[PART_MECHANISM], "CURVE"))
        return "only CURVE is spoken here";
    if (z->count != PARTS || z->parts[PART_KEY].len != 32)
        return "CURVE wants one credential of 32 bytes";
    return NULL;
}

/* There is somebody to answer: a route, the empty frame, a version, and an id that was not cut. */
static bool is_answerable(const struct zap *z)
{
    return z->count > PART_REQUEST && z->parts[PART_EMPTY].len == 0 &&
           z->parts[PART_ROUTE].len <= PART_BYTES && z->parts[PART_REQUEST].len <= PART_BYTES;
}

static struct held *take_held(struct zap *z)
{
    struct list *link = list_pop(&z->held);

    if (!link)
        return NULL;
    z->held_count--;
    return container_of(link, struct held, link);
}

static void answer_later(struct zap *z)
{
    answer(z, ZAP_LATER, "principals are not known yet, come again", "");
}

/* The request in hand becomes one that waits; the oldest makes room. */
static void hold(struct zap *z)
{
    struct held *h = mem_zalloc(sizeof(*h)), *oldest;

    if (!h) {
        answer_later(z);
        return;
    }
    h->route = z->parts[PART_ROUTE];
    h->request = z->parts[PART_REQUEST];
    memcpy(h->key, z->parts[PART_KEY].bytes, sizeof(h->key));
    snprintf(h->address, sizeof(h->address), "%.63s", (const char *)z->parts[PART_ADDRESS].bytes);
    list_add_tail(&z->held, &h->link);
    if (++z->held_count <= HELD_MAX)
        return;
    oldest = take_held(z);
    z->parts[PART_ROUTE] = oldest->route;
    z->parts[PART_REQUEST] = oldest->request;
    mem_free(oldest);
    answer_later(z);
}

static void judge(struct zap *z, const uint8_t *key, const char *address)
{
    const char *name = "";
    enum zap_verdict verdict = z->door.who(z->door.arg, key, address, &name);

    if (verdict == ZAP_ADMIT)
        answer(z, verdict, "OK", name);
    else if (verdict == ZAP_LATER)
        hold(z);
    else
        answer(z, verdict, "key is not enrolled, revoked or expired", "");
}

static void answer_request(struct zap *z)
{
    const char *fault = find_fault(z);

    if (fault) {
        log_warn("access.zap.fault", "frames=%zu reason=%s", z->count, fault);
        answer(z, ZAP_REFUSE, fault, "");
        return;
    }
    judge(z, z->parts[PART_KEY].bytes, (const char *)z->parts[PART_ADDRESS].bytes);
}

void zap_decide(struct zap *z)
{
    struct held *h;

    for (size_t n = z->held_count; n && (h = take_held(z)); n--) {
        z->parts[PART_ROUTE] = h->route;
        z->parts[PART_REQUEST] = h->request;
        memcpy(z->parts[PART_KEY].bytes, h->key, sizeof(h->key));
        judge(z, h->key, h->address);
        mem_free(h);
    }
    zctx_touch(z->entry);
}

/* The hub calls again while something waits, so one request a call is enough. */
static void on_request(void *arg)
{
    struct zap *z = arg;
    enum status st = read_request(z);

    if (!st && is_answerable(z))
        answer_request(z);
    else if (!st)
        log_warn("access.zap.dropped", "frames=%zu", z->count);
    zctx_touch(z->entry);
}

enum status zap_create(struct zap **out, struct zctx *ctx, const struct zap_door *door)
{
    struct zap *z = mem_zalloc(sizeof(*z));
    enum status st = ST_NOMEM;
    int none = 0;

    if (!z)
        return ST_NOMEM;
    z->door = *door;
    list_init(&z->held);
    z->socket = zmq_socket(zctx_context(ctx), ZMQ_ROUTER);
    if (!z->socket)
        goto fail_zap;
    zmq_setsockopt(z->socket, ZMQ_LINGER, &none, sizeof(none));
    if (zmq_bind(z->socket, "inproc://zeromq.zap.01") < 0) {
        st = errno == EADDRINUSE ? ST_EXISTS : ST_IO;
        goto fail_socket;
    }
    st = zctx_watch(&z->entry, ctx, z->socket, on_request, z);
    if (st)
        goto fail_socket;
    *out = z;
    return ST_OK;

fail_socket:
    zmq_close(z->socket);
fail_zap:
    mem_free(z);
    return st;
}

void zap_destroy(struct zap *z)
{
    if (!z)
        return;
    zctx_unwatch(z->entry);
    zmq_close(z->socket);
    for (struct held *h; (h = take_held(z));)
        mem_free(h);
    mem_free(z);
}
