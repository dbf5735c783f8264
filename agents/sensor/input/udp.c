/* udp - see udp.h. */
#include "agents/sensor/input/udp.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agents/sensor/input/address.h"

#include "proto/base/banned.h"

/* Datagrams of one turn: then others have theirs. */
enum { TURN_DATAGRAMS = 64, WORDS_MAX = DEVICES + 1 };

struct udp {
    struct loop *loop;
    struct feed *feed;
    struct sources *from;
    struct loop_poll *poll;
    struct feed_route route;
    int fd;
    unsigned port;
    char bytes[MAPPING_BYTES + 1];
};

static void take(struct udp *u, size_t len, const struct sockaddr_storage *from, socklen_t from_len)
{
    char host[64] = "?", source[80];
    struct feed_from f = {source, "", u->route.device, u->route.count};

    (void)getnameinfo((const struct sockaddr *)from, from_len, host, sizeof(host), NULL, 0,
                      NI_NUMERICHOST);
    snprintf(source, sizeof(source), "udp %s", host);
    feed_take(u->feed, &f, u->bytes, len, loop_utc_us(u->loop));
}

static void on_socket(void *arg, int events)
{
    struct udp *u = arg;

    (void)events;
    for (unsigned i = 0; i < TURN_DATAGRAMS; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(u->fd, u->bytes, sizeof(u->bytes), MSG_DONTWAIT,
                             (struct sockaddr *)&from, &from_len);

        if (n < 0)
            break;
        if (!u->from || sources_allow(u->from, &from, loop_utc_us(u->loop)))
            take(u, (size_t)n, &from, from_len);
    }
    loop_poll_set(u->poll, LOOP_READ);
}

static enum status open_udp(struct udp *u, const struct devices *devices, const char *line,
                            char *err, size_t err_size)
{
    struct slice words[WORDS_MAX];
    int count = words_split(words, WORDS_MAX, line);
    char address[80];
    enum status st;

    if (count < 1 || words[0].len >= sizeof(address)) {
        snprintf(err, err_size, "udp = %s: legal is ADDRESS:PORT DEVICE", line);
        return ST_INVALID;
    }
    snprintf(address, sizeof(address), "%.*s", (int)words[0].len, words[0].at);
    st = feed_route_read(&u->route, devices, words, 1, count, "udp", line, err, err_size);
    if (st == ST_OK)
        st = address_bind(&u->fd, &u->port, SOCK_DGRAM, "udp", address, err, err_size);
    if (st == ST_OK)
        st = loop_poll_create(&u->poll, u->loop, u->fd, on_socket, u);
    if (st == ST_OK)
        loop_poll_set(u->poll, LOOP_READ);
    return st;
}

enum status udp_create(struct udp **out, struct loop *loop, struct feed *feed, struct sources *from,
                       const struct devices *devices, const char *line, char *err, size_t err_size)
{
    struct udp *u = mem_zalloc(sizeof(*u));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!u)
        return ST_NOMEM;
    u->loop = loop;
    u->feed = feed;
    u->from = from;
    u->fd = -1;
    st = open_udp(u, devices, line, err, err_size);
    if (st != ST_OK) {
        udp_destroy(u);
        return st;
    }
    *out = u;
    return ST_OK;
}

void udp_destroy(struct udp *u)
{
    if (!u)
        return;
    loop_poll_destroy(u->poll);
    if (u->fd >= 0)
        close(u->fd);
    mem_free(u);
}

unsigned udp_port(const struct udp *u)
{
    return u->port;
}
