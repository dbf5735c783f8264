/* gen_message - random messages that the gate accepts, and ways to spoil them, from a seed.
 *
 * Fields are filled by the same rule tables the gate checks (proto/wire/rules.h): every type and
 * every field turns up, with lengths, counts and numbers at both edges now and then. The same seed
 * gives the same message. */
#ifndef EOCBUS_TESTS_LIB_GEN_MESSAGE_H
#define EOCBUS_TESTS_LIB_GEN_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

struct gen {
    uint64_t state;
    unsigned percent; /* chance that a field which need not be given is given; 0 = 40 */
};

void gen_seed(struct gen *g, uint64_t seed);
uint64_t gen_u64(struct gen *g);
uint64_t gen_below(struct gen *g, uint64_t n); /* 0..n-1; n > 0 */

/* A valid message with this body, at most LIMIT_CONTENT_BYTES when packed. Lives in the arena (1
 * MiB is enough); NULL if that is full. `type` is a number of proto/wire/types.h. */
Eocbus__V1__Envelope *gen_envelope(struct gen *g, unsigned type, struct arena *arena);
/* Any message of the contract, valid by the @ rules of its own fields. */
ProtobufCMessage *gen_message(struct gen *g, const ProtobufCMessageDescriptor *d,
                              struct arena *arena);

/* Spoils bytes in place: flips bits, sets bytes, cuts, doubles a stretch, makes lengths huge.
 * Returns the new length, at most `cap`. */
size_t gen_mutate(struct gen *g, uint8_t *bytes, size_t len, size_t cap);

#endif
