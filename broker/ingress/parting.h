/* parting - connections without a session: those whose session ended, and those that speak without
 * having said hello. ZeroMQ keeps what is queued for a peer as long as its connection lives, and a
 * connection costs 28 KiB, so neither may pile up. Pure.
 *
 * Who is told that its session is over gets a grace to read it. Beyond `max` the oldest has to go
 * at once. */
#ifndef EOCBUS_BROKER_INGRESS_PARTING_H
#define EOCBUS_BROKER_INGRESS_PARTING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/status.h"
#include "proto/base/zport.h"

struct parting_line { /* one connection */
    struct zport_id address;
    int fd;
    uint64_t connection; /* 0 = cannot be ended */
    uint64_t since_us;
};

struct parting {
    struct parting_line *lines; /* a ring */
    unsigned first, count, max;
    uint64_t grace_us;
};

MUST_CHECK enum status parting_init(struct parting *p, unsigned max, uint64_t grace_us);
void parting_free(struct parting *p);
/* Once per connection. True: *oldest has to go, it is not remembered any more. */
bool parting_add(struct parting *p, const struct parting_line *l, struct parting_line *oldest);
/* Takes out the oldest if its grace is over. */
bool parting_take_due(struct parting *p, uint64_t now_us, struct parting_line *out);

#endif
