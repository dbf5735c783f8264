/* feed - a delivery as a line: for people, for programs, and for the record that a run is judged
 * by. Pure. */
#ifndef EOCBUS_CTL_FEED_H
#define EOCBUS_CTL_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/link/trust.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"

/* Each appends one line with its end. m NULL: a message that this program cannot read. People see
 * what is not proved, programs the word for it ("proof"; null where nothing is checked). */
void feed_human(struct buf *out, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
                enum proof proof, bool colour);
void feed_json(struct buf *out, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
               enum proof proof);

/* A provisional one that is taken back, likewise. now_us: UTC. */
void feed_human_withdrawn(struct buf *out, const Eocbus__V1__Withdrawn *w, int64_t now_us,
                          bool colour);
void feed_json_withdrawn(struct buf *out, const Eocbus__V1__Withdrawn *w);

/* One line of a record: what is needed to say "this message, this content, this number". */
struct feed_record {
    uint64_t seq;
    uint32_t log_epoch;
    uint64_t digest; /* of the content */
};
void feed_record(struct buf *out, const Eocbus__V1__Delivery *d);
/* False if the line is none, or has no end. */
bool feed_record_parse(struct feed_record *out, const char *line, size_t len);

/* FNV-1a, 64 bit: tells contents apart that nobody forged. */
uint64_t feed_digest(const void *bytes, size_t len);

#endif
