/* demo_port - a port of 127.0.0.1 that a server of the night listens at, also when it is killed
 * and started again. We bind it and never listen: on Linux two sockets with SO_REUSEADDR may be
 * bound to one port as long as one at most listens, so no connection that goes out gets it.
 *
 * For the same reason two nights that begin together would both find it free, and people of one
 * would sign in at the other's page. So a port is said to be taken first: a Unix socket of an
 * abstract name can be bound once in a network namespace, and is gone with its process. */
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agents/ctl/demo.h"

#include "proto/base/banned.h"

enum { TRIES = 32 };

static bool say_taken(unsigned port)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int n = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "eocbus-port-%u", port);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0)
        return true;
    if (fd >= 0)
        close(fd);
    return false;
}

/* Bound and not listened at; -1 if somebody listens there. */
static int bind_port(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)*port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        *port = ntohs(at.sin_port);
        return fd;
    }
    close(fd);
    return -1;
}

static bool take(unsigned *port)
{
    int fd = bind_port(port);

    if (fd < 0 || say_taken(*port))
        return fd >= 0;
    close(fd);
    return false;
}

bool demo_take_port(unsigned *port)
{
    bool is_ours = *port && *port <= 65535 && take(port);

    for (unsigned i = 0; i < TRIES && !is_ours; i++) {
        *port = 0;
        is_ours = take(port);
    }
    return is_ours;
}
