/* mqtt_dial - one try to reach the broker of the devices: what may block does so on a thread. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agents/sensor/input/mqtt_parts.h"

#include "proto/base/banned.h"

enum {
    KEEPALIVE_S = 20,
    REACH_MS = 5000, /* a broker of devices is near */
};

/* True if somebody takes a connection there within REACH_MS; the library would wait for minutes. */
static bool reaches(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(error);

    if (fd < 0)
        return false;
    if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
        if (errno != EINPROGRESS)
            error = errno;
        else if (poll(&p, 1, REACH_MS) != 1)
            error = ETIMEDOUT;
        else
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    close(fd);
    errno = error;
    return !error;
}

static int reach(struct mqtt *m)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    bool reached = false;
    int error;

    if (getaddrinfo(m->host, m->port, &hints, &found) != 0)
        return MOSQ_ERR_EAI;
    for (struct addrinfo *at = found; at && !reached; at = at->ai_next)
        reached = reaches(at);
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return reached ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ERRNO;
}

/* On a thread of its own. */
void mqtt_dial(void *arg)
{
    struct mqtt *m = arg;
    mosquitto_property *properties = NULL;
    int port = 0, rc = reach(m);

    (void)sscanf(m->port, "%d", &port);
    /* Version 5 forgets a session with its connection unless told how long it stays. */
    if (rc == MOSQ_ERR_SUCCESS && m->five && m->set.topics)
        rc = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                          UINT32_MAX);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_connect_bind_v5(m->session, m->host, port, KEEPALIVE_S, NULL, properties);
    mosquitto_property_free_all(&properties);
    m->dialled = rc;
    if (rc == MOSQ_ERR_ERRNO)
        snprintf(m->why, sizeof(m->why), "%s", strerror(errno));
}
