/* address - see address.h. */
#include "agents/sensor/input/address.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/banned.h"

static bool split_address(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;

    if (!colon || !len || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
        return false;
    if (address[0] == '[' && colon[-1] == ']') {
        address++;
        len -= 2;
    }
    if (!len || len >= 64)
        return false;
    snprintf(host, 64, "%.*s", (int)len, address);
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int open_socket(const struct addrinfo *at, int type)
{
    int fd = socket(at->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && (type == SOCK_DGRAM || listen(fd, 16) == 0))
        return fd;
    close(fd);
    return -1;
}

enum status address_bind(int *fd, unsigned *out, int type, const char *row, const char *address,
                         char *err, size_t err_size)
{
    const struct addrinfo hints = {.ai_socktype = type,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    struct addrinfo *found = NULL;
    char host[64], port[8];

    if (!split_address(address, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
        snprintf(err, err_size, "%s = %s: legal is ADDRESS:PORT, as in 127.0.0.1:5520", row,
                 address);
        return ST_INVALID;
    }
    *fd = open_socket(found, type);
    freeaddrinfo(found);
    if (*fd < 0) {
        snprintf(err, err_size, "%s = %s: %s; choose another port, or end what holds it", row,
                 address, strerror(errno));
        return ST_IO;
    }
    if (getsockname(*fd, (struct sockaddr *)&bound, &len) == 0 &&
        getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        (void)sscanf(port, "%u", out);
    return ST_OK;
}
