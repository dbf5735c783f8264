/* clock - how far off a sender's clock is, and what that says of its messages. Pure.
 *
 * Two kinds of samples. What the sender says on its own (Hello, Ping) is the true offset minus the
 * time the frame was under way: the offset is at least that. What it answers to a question of ours
 * (Pong) was said after we asked: the offset is at most the difference to then. So the truth lies
 * between a least and a most, and only what lies wholly outside a sender's claim is held against
 * it. A frame is under way for CLOCK_WAY_US at most, so a clock that is years behind needs no
 * question.
 *
 * Each bound is believed for CLOCK_KEEP_US, because clocks drift (20 ppm: 12 ms in 10 min). Bounds
 * that contradict each other mean that the clock was set: what is new holds. */
#ifndef EOCBUS_BROKER_INGRESS_CLOCK_H
#define EOCBUS_BROKER_INGRESS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_KEEP_US 600000000ull
#define CLOCK_WAY_US  90000000ll /* the same as LANE_GATE_US (session.h), for the same reason */
/* Nobody sets a clock by hand better than this, and no message is worse for it. */
#define CLOCK_FLOOR_US 2000000ll
#define CLOCK_LATE_US  300000000ll
/* Between two questions to one session. */
#define CLOCK_ASK_US 30000000ull

struct clock_estimate { /* sender's clock minus ours; zeroed = unknown */
    bool known, has_most;
    int64_t least_us, most_us;
    uint64_t least_taken_us, most_taken_us, asked_us;
    int64_t asked_utc_us; /* ours, of the question that has no answer; 0 = none */
    bool is_doubtful;     /* a sample lay so low that only an answer can tell why */
};

/* What a message says of its sender's clock (Envelope.clock_source, clock_err_ms). */
struct clock_claim {
    uint32_t source, err_ms;
};

void clock_sample(struct clock_estimate *c, int64_t sender_utc_us, int64_t our_utc_us,
                  uint64_t now_us);
/* True: it is worth a Ping, which is then asked. */
bool clock_asks(struct clock_estimate *c, int64_t our_utc_us, uint64_t now_us);
/* The Pong to it; any other is ignored (asked_utc_us is what its ping_time_us was). */
void clock_answer(struct clock_estimate *c, int64_t ping_time_us, int64_t sender_utc_us,
                  uint64_t now_us);

int32_t clock_offset_ms(const struct clock_estimate *c); /* 0 = unknown */
/* The clock is further off than the sender says, or than anybody's may be: the claim counts only
 * with a source that sets clocks (GNSS, NTP, a held one). */
bool clock_is_suspect(const struct clock_estimate *c, const struct clock_claim *claim);
/* It was sent so long before it came that it is a backlog. */
bool clock_is_late(const struct clock_estimate *c, int64_t sent_us, int64_t received_us);
/* Both that sender's time and ours must be left: an order from a clock that runs ahead shall not be
 * carried out when its time is over. 0 = never. */
int64_t clock_not_after(const struct clock_estimate *c, const struct clock_claim *claim,
                        int64_t not_after_us);

#endif
