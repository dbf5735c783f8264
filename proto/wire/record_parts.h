/* record_parts - what the files of records share. Only proto/wire/record*.c may include this
 * header.
 *
 * Everything signed here is bytes inside bytes: the inner ones are what was signed, and are never
 * packed again, so that a field which this program does not know stays under the signature.
 *
 * record.c is what a device asks for and what officers sign about it; record_revoke.c is what they
 * take back. */
#ifndef EOCBUS_WIRE_RECORD_PARTS_H
#define EOCBUS_WIRE_RECORD_PARTS_H

#include "proto/wire/record.h"

/* Unpacked, the largest record with eight signatures stays below 8 KiB. */
enum { RECORD_ARENA_BYTES = 65536 };

static inline ProtobufCBinaryData record_binary(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)data, .len = len};
}

/* A PartySignature that points into what the caller holds. */
struct word {
    Eocbus__V1__PartySignature m;
    uint8_t signature[SIGN_BYTES];
};

/* Packs what passes the gate. */
enum status record_put(struct buf *out, const ProtobufCMessage *m, struct refusal *why);
/* A key is there whole or not at all. */
enum status record_check_key(const ProtobufCBinaryData *key, const char *field,
                             struct refusal *why);
void record_sign(struct word *w, const char *officer, const struct signer *signer,
                 const char *domain, const uint8_t *bytes, size_t len, int64_t now_us);
bool record_is_signed(const Eocbus__V1__PartySignature *s, const struct officer *o,
                      const char *domain, const ProtobufCBinaryData *what);

#endif
