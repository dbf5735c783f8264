/* readers - who may open what this registry seals: a file that people write and pin, like the key
 * of a broker.
 *
 *   # word, name, seal public key, places it is for
 *   registry coes.ayni.registry      <40 characters Z85>  3505203
 *   registry coes.zafarobod.registry <40 characters Z85>  3505511
 *   escrow   escrow                  <40 characters Z85>
 *
 * A box is wrapped for the registry that seals it, for the registries of the place, and for every
 * escrow. Any other reader has to be named, household by household. */
#ifndef EOCBUS_REGISTRY_READERS_H
#define EOCBUS_REGISTRY_READERS_H

#include "proto/base/seal.h"
#include "proto/wire/limits.h"

enum { READERS_MOST = 256, READER_PLACES = 64 };

struct reader {
    char name[LIMIT_NAME_BYTES + 1];
    char places[READER_PLACES]; /* P-codes split by blanks */
    uint8_t key[SEAL_KEY_BYTES];
    bool is_escrow;
};

struct readers {
    struct reader list[READERS_MOST];
    unsigned count;
};

/* An empty path is nobody. ST_NOTFOUND, ST_IO, ST_INVALID: `err` says where and what. */
MUST_CHECK enum status readers_load(struct readers *out, const char *path, char *err,
                                    size_t err_size);
/* The reader of this name; NULL: there is none. */
const struct reader *readers_find(const struct readers *r, const char *name);
/* It is for this P-code, or for a larger place around it. */
bool reader_is_for(const struct reader *r, const char *pcode);

#endif
