/* sealed - see sealed.h */
#include "proto/wire/sealed.h"

#include <stdbool.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"

enum { KEY_BYTES_WRAPPED = WRAPPED_BYTES - WRAPPED_ID_BYTES };

/* 0.01 degree: about a kilometre. */
#define COARSE_E7 100000

static enum status check_key(Eocbus__V1__WrappedKey *const *keys, size_t i, struct refusal *why)
{
    struct step at = {NULL, "keys", (long)i};

    if (keys[i]->reader_key_id.len != WRAPPED_ID_BYTES || keys[i]->wrapped.len != KEY_BYTES_WRAPPED)
        return refuse(why, CODE_SEALED, &at,
                      "a wrapped key is %d bytes of the reader's key id and %d of the key",
                      WRAPPED_ID_BYTES, KEY_BYTES_WRAPPED);
    for (size_t k = 0; k < i; k++)
        if (memcmp(keys[k]->reader_key_id.data, keys[i]->reader_key_id.data, WRAPPED_ID_BYTES) == 0)
            return refuse(why, CODE_SEALED, &at, "this reader has one already");
    return ST_OK;
}

enum status sealed_check_keys(const Eocbus__V1__Item *item, const Eocbus__V1__Envelope *m,
                              struct refusal *why)
{
    struct step at = {NULL, "keys", -1};

    if (!item->n_keys)
        return ST_OK;
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY)
        return refuse(why, CODE_SEALED, &at, "only a household_identity has keys beside it");
    if (item->n_keys > LIMIT_READERS)
        return refuse(why, CODE_SEALED, &at, "%zu keys; at most %d readers", item->n_keys,
                      LIMIT_READERS);
    for (size_t i = 0; i < item->n_keys; i++) {
        enum status st = check_key(item->keys, i, why);

        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

void sealed_put_keys(uint8_t *out, Eocbus__V1__WrappedKey *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++, out += WRAPPED_BYTES) {
        memcpy(out, keys[i]->reader_key_id.data, WRAPPED_ID_BYTES);
        memcpy(out + WRAPPED_ID_BYTES, keys[i]->wrapped.data, KEY_BYTES_WRAPPED);
    }
}

Eocbus__V1__WrappedKey **sealed_keys(const uint8_t *kept, size_t len, size_t *n,
                                     struct arena *arena)
{
    Eocbus__V1__WrappedKey **list, *key;

    *n = len / WRAPPED_BYTES;
    list = arena_alloc(arena, (*n + 1) * sizeof(*list));
    key = arena_alloc(arena, (*n + 1) * sizeof(*key));
    if (!list || !key)
        return NULL;
    for (size_t i = 0; i < *n; i++, kept += WRAPPED_BYTES) {
        list[i] = &key[i];
        eocbus__v1__wrapped_key__init(list[i]);
        list[i]->reader_key_id =
            (ProtobufCBinaryData){WRAPPED_ID_BYTES, (uint8_t *)(uintptr_t)kept};
        list[i]->wrapped =
            (ProtobufCBinaryData){KEY_BYTES_WRAPPED, (uint8_t *)(uintptr_t)kept + WRAPPED_ID_BYTES};
    }
    return list;
}

const uint8_t *sealed_key_for(const uint8_t *kept, size_t len,
                              const uint8_t reader[WRAPPED_ID_BYTES])
{
    for (; len >= WRAPPED_BYTES; kept += WRAPPED_BYTES, len -= WRAPPED_BYTES)
        if (memcmp(kept, reader, WRAPPED_ID_BYTES) == 0)
            return kept + WRAPPED_ID_BYTES;
    return NULL;
}

static bool is_about_a_household(const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT:
    case EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY:
    case EOCBUS__V1__ENVELOPE__BODY_ASSISTANCE_ENTITLEMENT:
    case EOCBUS__V1__ENVELOPE__BODY_ASSISTANCE_DELIVERY:
    case EOCBUS__V1__ENVELOPE__BODY_PLOT_OFFER:
    case EOCBUS__V1__ENVELOPE__BODY_OFFER_RESPONSE:
    case EOCBUS__V1__ENVELOPE__BODY_MOVE_EVENT:
        return true;
    default:
        return false;
    }
}

enum status sealed_check_place(const Eocbus__V1__Envelope *m, struct refusal *why)
{
    const struct step area = {NULL, "area", -1};
    struct step at = {&area, "centre", -1};
    const Eocbus__V1__Position *centre = m->area ? m->area->centre : NULL;

    if (!m->area || !is_about_a_household(m))
        return ST_OK;
    if (centre && (centre->lat_e7 % COARSE_E7 || centre->lon_e7 % COARSE_E7))
        return refuse(why, CODE_SEALED, &at,
                      "a household is placed no closer than 0.01 degree; where it is exactly "
                      "belongs into its sealed identity");
    at.field = "polygon";
    if (m->area->n_polygon)
        return refuse(why, CODE_SEALED, &at,
                      "a household has no shape on the bus; where it is exactly belongs into its "
                      "sealed identity");
    return ST_OK;
}
