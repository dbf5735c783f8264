/* sources - who may speak at a door that asks for no password: addresses, or networks of them.
 *
 *   udp.from = 10.20.0.0/16
 *   udp.from = fd00:20::7
 *
 * A door without a list believes everybody who reaches it. Who may not is counted, and of that a
 * line is logged a minute. An address is easily forged in a datagram: the list keeps strangers out,
 * a closed network keeps liars out. */
#ifndef EOCBUS_SENSOR_SOURCES_H
#define EOCBUS_SENSOR_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/conf.h"
#include "proto/base/status.h"

enum { SOURCES = 64 };

struct sources {
    const char *row; /* "udp.from"; a constant */
    struct {
        uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
        unsigned bits;
    } net[SOURCES];
    unsigned count;
    uint64_t refused;
    int64_t logged_us;
};

/* ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status sources_read(struct sources *out, const char *row,
                                    const struct conf_list *lines, char *err, size_t err_size);
struct sockaddr_storage;
bool sources_allow(struct sources *s, const struct sockaddr_storage *from, int64_t now_us);
/* "0.0.0.0:5521", and no loopback: others than this machine can reach it. */
bool sources_are_others(const char *address);

#endif
