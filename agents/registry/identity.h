/* identity - what is inside a box, read from a person and shown to one. */
#ifndef EOCBUS_REGISTRY_IDENTITY_H
#define EOCBUS_REGISTRY_IDENTITY_H

#include "agents/link/office.h"
#include "agents/registry/readers.h"

/* What sealing takes: our key, and who else may open it. */
struct sealing {
    struct seal_reader *own, *blind; /* blind: of the marks (blind.h); NULL = none are made */
    struct readers readers;
};

/* With the key of this file; NULL = seal.key. ST_NOTFOUND: that is not set; `err` is a sentence on
 * any but ST_OK. */
MUST_CHECK enum status sealing_open(struct sealing *out, struct office *o, const char *key_file,
                                    char *err, size_t err_size);
void sealing_close(struct sealing *s); /* wipes */

/* A HouseholdIdentity of this household in o->arena, and its wrapped keys: for us, for the
 * registries of `place`, for every escrow, and for `with` (NULL: nobody else). */
struct sealed_identity {
    Eocbus__V1__Envelope *message;
    uint8_t keys[LIMIT_READERS * 112];
    size_t keys_len;
};
MUST_CHECK enum status identity_seal(struct sealed_identity *out, struct office *o,
                                     const struct sealing *s, const uint8_t household[ID_BYTES],
                                     const Eocbus__V1__HouseholdIdentityClear *clear,
                                     const char *place, const struct reader *with, char *err,
                                     size_t err_size);

/* Lines "name: ...", "born: 1974", "document: ...", "phone: ...", of each person, the head of the
 * household first; "position: LAT,LON", "address: ...", "note: ...". In o->arena. */
MUST_CHECK enum status identity_parse(Eocbus__V1__HouseholdIdentityClear **out, struct office *o,
                                      const char *text, char *err, size_t err_size);
/* For a person; made safe for a terminal. */
void identity_print(struct buf *out, const Eocbus__V1__HouseholdIdentityClear *clear);

#endif
