/* vault - the sealed boxes that this registry has, so that it opens them without a link: its own,
 * and what it heard from others. Nothing in it is in clear.
 *
 * A folder beside the outbox, one file a box, HOUSEHOLD.MESSAGE: a Delivery as the bus had it. When
 * the keys of a box are destroyed, its file is overwritten and goes, and HOUSEHOLD.MESSAGE.erased
 * says when and why; a box that comes after that is not taken. HOUSEHOLD.closed stands where the
 * case is closed. */
#ifndef EOCBUS_REGISTRY_VAULT_H
#define EOCBUS_REGISTRY_VAULT_H

#include "agents/link/office.h"

struct vault_box {
    uint8_t message_id[ID_BYTES];
    Eocbus__V1__Envelope *message; /* of a HouseholdIdentity */
    uint8_t *keys;                 /* wrapped keys, as proto/wire/sealed.h keeps them */
    size_t keys_len;
};

/* On disk when it answers. ST_EXISTS: it was erased, and stays so. ST_IO: `err`. */
MUST_CHECK enum status vault_keep(struct office *o, const Eocbus__V1__Delivery *d,
                                  const Eocbus__V1__Envelope *m, char *err, size_t err_size);
/* The newest box of a household, in o->arena. ST_NOTFOUND: none is here; `err` says why, if one
 * was. */
MUST_CHECK enum status vault_newest(struct office *o, const uint8_t household[ID_BYTES],
                                    struct vault_box *out, char *err, size_t err_size);
enum { VAULT_IDS = 64 };
/* The boxes of a household that can be opened yet. Answers how many. */
unsigned vault_boxes(struct office *o, const uint8_t household[ID_BYTES],
                     uint8_t ids[VAULT_IDS][ID_BYTES]);
/* One of them, in o->arena. */
MUST_CHECK enum status vault_read(struct office *o, const uint8_t household[ID_BYTES],
                                  const uint8_t id[ID_BYTES], struct vault_box *out);
/* Destroys a box, and remembers why. */
MUST_CHECK enum status vault_erase(struct office *o, const uint8_t household[ID_BYTES],
                                   const uint8_t id[ID_BYTES], const char *why, char *err,
                                   size_t err_size);
/* Calls `each` for every box that can be opened. */
MUST_CHECK enum status
vault_each(struct office *o, void (*each)(void *arg, const char *household, const char *message),
           void *arg, char *err, size_t err_size);

/* The case is closed, or goes on. */
void vault_mark_closed(struct office *o, const uint8_t household[ID_BYTES], bool closed);
bool vault_is_closed(struct office *o, const uint8_t household[ID_BYTES]);

#endif
