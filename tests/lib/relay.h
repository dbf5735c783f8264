/* relay - a bad link on this machine, from a seed: two network namespaces, a TUN device in each,
 * and a process between them that delays, loses, doubles and holds back packets.
 *
 *   A 10.77.0.1  ── tun ──┐ relay ┌── tun ──  B 10.77.0.2
 *
 * netem is not in every kernel; /dev/net/tun nearly always is. Each way has a bottleneck (bytes per
 * second with a queue that drops its tail) and a line behind it (delay, jitter, loss). Packets stay
 * in order unless `reorder` lets one overtake, as on a radio link that retransmits.
 *
 * The namespaces have no names: they live as long as somebody holds them, so that nothing stays
 * behind however the test ends. From a shell: nsenter --net=/proc/PID/fd/N, link_relay prints both.
 */
#ifndef EOCBUS_TESTS_LIB_RELAY_H
#define EOCBUS_TESTS_LIB_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay;

#define RELAY_ADDRESS_A "10.77.0.1"
#define RELAY_ADDRESS_B "10.77.0.2"
enum relay_place { RELAY_HOME, RELAY_A, RELAY_B };

struct relay_way {
    unsigned delay_ms, jitter_ms;    /* delay ± jitter, evenly spread */
    double loss, duplicate, reorder; /* probability of each packet, 0..1 */
    unsigned bytes_per_s;            /* 0 = no bottleneck */
    unsigned queue_bytes;            /* waiting before the bottleneck; what does not fit is lost */
};

struct relay_settings {
    struct relay_way a_to_b, b_to_a;
    uint64_t seed;
};

struct relay_count {         /* of one way, since the start or the last relay_forget */
    uint64_t packets, bytes; /* IP packets as they came out of the sender's stack */
    uint64_t arrived_bytes;  /* of those, what the bottleneck and the line let through */
    uint64_t lost, overflowed, doubled;
};

/* The link profiles of the country: fiber, 4g, 2g, vsat, radio; the agent's side is B. Delay and
 * jitter there are of a round trip, half of each is in each way; loss is in each way. False: no
 * such profile. */
bool relay_profile(struct relay_settings *out, const char *name);

/* NULL: not possible here, `why` says what is missing (root, /dev/net/tun). The process forked here
 * ends with its parent. Call it before threads are made. */
struct relay *relay_start(const struct relay_settings *set, char *why, size_t why_size);
void relay_end(struct relay *r); /* NULL is allowed */

/* The calling thread goes there; sockets, threads and processes it makes from then on belong there.
 */
void relay_enter(struct relay *r, enum relay_place place);
void relay_dark(struct relay *r, bool dark); /* nothing passes, what is on its way is lost */
/* Another link from the next packet on; the seed is not looked at. */
void relay_set(struct relay *r, const struct relay_settings *set);
void relay_count(const struct relay *r, struct relay_count *a_to_b, struct relay_count *b_to_a);
void relay_forget(struct relay *r);                          /* counts begin at 0 */
int relay_fd(const struct relay *r, enum relay_place place); /* of the namespace, for nsenter */

#endif
