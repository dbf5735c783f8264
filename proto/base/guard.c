/* guard - received minus delivered, per connection.
 *
 * The descriptors belong to ZeroMQ's own thread, which may close one and the kernel give the number
 * to something else before we hear of it. So a connection is known by its socket cookie, which is
 * never used twice, and is compared right before the cut. */
#include "proto/base/guard.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* What a message costs on the wire beside its payload: ZMTP header 9, CURVE 33, rounded up. */
#define FRAME_SHARE_BYTES 64
/* Heartbeats deliver nothing. One ping a second with CURVE is below 80 bytes. */
#define IDLE_BYTES_PER_SECOND 128
/* Connections looked at in one check: below 1 ms. 10,000 connections come round in ten checks. */
#define CHECKS_AT_ONCE 1024
/* With messages always waiting, a connection counts as mute after this long without a delivery. */
#define MUTE_US  UINT64_C(1000000)
#define FDS_MOST 1048576

struct connection {
    uint64_t cookie;         /* 0 = no connection under this descriptor */
    uint64_t consumed, seen; /* bytes: accounted for; received at the last check */
    uint64_t added_us, delivered_us;
    bool has_delivered; /* since the last check */
};

struct guard {
    struct connection *connections; /* by descriptor */
    size_t count, next;
    size_t limit;
    size_t open, most, mutes; /* connections known; those that delivered nothing yet */
    size_t mute;              /* goes round to find one of these */
    unsigned crowded, ended;
};

enum status guard_create(struct guard **out, size_t limit_bytes, size_t most)
{
    struct guard *g = mem_zalloc(sizeof(*g));

    if (!g)
        return ST_NOMEM;
    g->limit = limit_bytes;
    g->most = most;
    *out = g;
    return ST_OK;
}

void guard_destroy(struct guard *g)
{
    if (!g)
        return;
    mem_free(g->connections);
    mem_free(g);
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);

    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static bool received_bytes(int fd, uint64_t *out)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);

    memset(&info, 0, sizeof(info));
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    *out = info.tcpi_bytes_received;
    return true;
}

static bool make_room(struct guard *g, size_t fd)
{
    size_t count = g->count ? g->count : 64;
    struct connection *grown;

    if (fd < g->count)
        return true;
    while (count <= fd)
        count *= 2;
    grown = mem_realloc(g->connections, count * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + g->count, 0, (count - g->count) * sizeof(*grown));
    g->connections = grown;
    g->count = count;
    return true;
}

static void forget(struct guard *g, struct connection *c)
{
    if (c->cookie) {
        g->open--;
        g->mutes -= !c->consumed;
        g->ended++;
    }
    c->cookie = 0;
}

/* A shutdown still delivers what the kernel holds, megabytes to a slow reader. This throws it away
 * and resets the connection; ZeroMQ sees the error and closes. */
static void reset_one(struct guard *g, size_t fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (connect((int)fd, &nobody, sizeof(nobody)) != 0)
        shutdown((int)fd, SHUT_RDWR);
    forget(g, &g->connections[fd]);
}

/* ZeroMQ sees the end, drops what is unfinished and closes. */
static void cut_one(struct guard *g, size_t fd)
{
    shutdown((int)fd, SHUT_RDWR);
    forget(g, &g->connections[fd]);
}

/* In turn, not the oldest: an honest one on a slow line is met as rarely as any other. */
static void cut_a_mute(struct guard *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct connection *c;

        g->mute = (g->mute + 1) % g->count;
        c = &g->connections[g->mute];
        if (!c->cookie || c->consumed || cookie_of((int)g->mute) != c->cookie)
            continue;
        cut_one(g, g->mute);
        g->crowded++;
        return;
    }
}

void guard_add(struct guard *g, int fd, uint64_t now_us)
{
    struct connection *c;

    if (fd < 0 || fd >= FDS_MOST || !make_room(g, (size_t)fd))
        return;
    c = &g->connections[fd];
    forget(g, c);
    *c = (struct connection){.cookie = cookie_of(fd), .added_us = now_us, .delivered_us = now_us};
    g->open += c->cookie != 0;
    g->mutes += c->cookie != 0;
    if (g->most && (g->open > g->most || g->mutes > GUARD_MUTE_MOST))
        cut_a_mute(g);
}

uint64_t guard_name(const struct guard *g, int fd)
{
    return fd >= 0 && (size_t)fd < g->count ? g->connections[fd].cookie : 0;
}

static bool has_unread(int fd)
{
    int bytes = 0;

    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

bool guard_hang_up(struct guard *g, int fd, uint64_t name, bool only_unread)
{
    if (!name || guard_name(g, fd) != name || cookie_of(fd) != name)
        return false;
    if (only_unread && !has_unread(fd))
        return false;
    reset_one(g, (size_t)fd);
    return true;
}

void guard_remove(struct guard *g, int fd)
{
    if (fd >= 0 && (size_t)fd < g->count)
        forget(g, &g->connections[fd]);
}

unsigned guard_crowded(struct guard *g)
{
    unsigned crowded = g->crowded;

    g->crowded = 0;
    return crowded;
}

unsigned guard_ended(struct guard *g)
{
    unsigned ended = g->ended;

    g->ended = 0;
    return ended;
}

void guard_delivered(struct guard *g, int fd, size_t bytes, uint64_t now_us)
{
    struct connection *c;

    if (fd < 0 || (size_t)fd >= g->count)
        return;
    c = &g->connections[fd];
    g->mutes -= c->cookie && !c->consumed;
    c->consumed += bytes + FRAME_SHARE_BYTES;
    c->delivered_us = now_us;
    c->has_delivered = true;
}

/* A whole message came through, so nothing unfinished stood before it: what was received by the
 * last check is settled, give or take one limit. */
static void settle(struct connection *c, uint64_t received)
{
    if (c->has_delivered && c->seen > c->consumed)
        c->consumed = c->seen;
    c->has_delivered = false;
    c->seen = received;
}

static bool is_endless(const struct guard *g, const struct connection *c, uint64_t now_us,
                       bool drained)
{
    uint64_t idle = (now_us - c->added_us) / 1000000 * IDLE_BYTES_PER_SECOND;

    if (!drained && now_us - c->delivered_us < MUTE_US)
        return false;
    return c->seen > c->consumed + idle + g->limit;
}

static bool check_one(struct guard *g, int fd, uint64_t now_us, bool drained)
{
    struct connection *c = &g->connections[fd];
    uint64_t received;

    if (!received_bytes(fd, &received) || received < c->seen) {
        forget(g, c); /* closed, or another socket by now */
        return false;
    }
    settle(c, received);
    if (!is_endless(g, c, now_us, drained) || cookie_of(fd) != c->cookie)
        return false;
    cut_one(g, (size_t)fd);
    return true;
}

unsigned guard_check(struct guard *g, uint64_t now_us, bool drained)
{
    unsigned cut = 0, looked = 0;

    for (size_t i = 0; i < g->count && looked < CHECKS_AT_ONCE; i++) {
        g->next = (g->next + 1) % g->count;
        if (!g->connections[g->next].cookie)
            continue;
        looked++;
        cut += check_one(g, (int)g->next, now_us, drained);
    }
    return cut;
}
