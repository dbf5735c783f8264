/* sealed - the wrapped keys that travel beside a sealed box, and what a message about a household
 * may say of where it is. Pure; what is inside a box is proto/base/seal.h's affair.
 *
 * Where they are kept (parcel, outbox, database) wrapped keys stand one behind the other, 112 bytes
 * each: 32 of the reader's key id, 80 of the key wrapped for that reader. */
#ifndef EOCBUS_WIRE_SEALED_H
#define EOCBUS_WIRE_SEALED_H

#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"

enum { WRAPPED_ID_BYTES = 32, WRAPPED_BYTES = 112 };

/* Lengths, number, no reader twice, and only beside a message that has a box. */
MUST_CHECK enum status sealed_check_keys(const Eocbus__V1__Item *item,
                                         const Eocbus__V1__Envelope *m, struct refusal *why);
/* Writes n checked keys one behind the other: n * WRAPPED_BYTES. */
void sealed_put_keys(uint8_t *out, Eocbus__V1__WrappedKey *const *keys, size_t n);
/* And back: an array in the arena that borrows `kept`; NULL past the arena's cap. *n: how many. */
Eocbus__V1__WrappedKey **sealed_keys(const uint8_t *kept, size_t len, size_t *n,
                                     struct arena *arena);
/* The wrapped key for this reader; NULL: none of them is. */
const uint8_t *sealed_key_for(const uint8_t *kept, size_t len,
                              const uint8_t reader[WRAPPED_ID_BYTES]);
/* Outside the box a household is somewhere within 0.01 degree, and never in a shape. */
MUST_CHECK enum status sealed_check_place(const Eocbus__V1__Envelope *m, struct refusal *why);

#endif
