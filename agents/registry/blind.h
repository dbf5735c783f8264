/* blind - marks by which one person is found in two households, though nobody may read a name: a
 * registry makes them of what stands in a box before it is sealed, and they travel beside it
 * (HouseholdIdentity.blind_indexes). Whoever has not the key can make none of a name he guesses.
 * Pure.
 *
 * Two things are marked: the number of a document, and name with year of birth. A name is written
 * in many ways, so what is marked is what they have in common: Раҳимов, Рахимов, Rahimov and
 * Rakhimov are one, words stand in any order, and patronymics are left out. What is alike after
 * that is proposed to a person, never decided. */
#ifndef EOCBUS_REGISTRY_BLIND_H
#define EOCBUS_REGISTRY_BLIND_H

#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/relocation.pb-c.h"
#include "proto/base/seal.h"

enum { BLIND_BYTES = SEAL_NAME_BYTES, BLINDS_MOST = 8, BLIND_NAME = 200 };

/* Documents first, then names, at most BLINDS_MOST, none twice; answers how many. `key` is the one
 * that all registries have. */
size_t blind_marks(uint8_t out[BLINDS_MOST][BLIND_BYTES], const struct seal_reader *key,
                   const Eocbus__V1__HouseholdIdentityClear *clear);

/* What is marked of a name: "alisir rahimav"; "" = too little to tell anybody by. Wipe it. */
void blind_name(char out[BLIND_NAME], const char *name);
/* And of a document: its digits; "" = fewer than six. */
void blind_document(char out[BLIND_NAME], const char *document);

#endif
