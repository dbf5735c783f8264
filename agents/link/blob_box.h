/* blob_box - a folder where files come together from their pieces, of any senders, in any order,
 * over restarts.
 *
 * A whole file is believed when its hash fits and is called by its hash, 64 hexadecimal digits;
 * HASH.about says what its sender calls it. What a sender says is never part of a path. Pieces of
 * different senders are not mixed, so that none can spoil what another one sends. A whole whose
 * hash does not fit is kept as HASH….wrong for a person, and begun again if more of it comes. */
#ifndef EOCBUS_LINK_BLOB_BOX_H
#define EOCBUS_LINK_BLOB_BOX_H

#include <stdint.h>

#include "eocbus/v1/transfer.pb-c.h"
#include "proto/base/digest.h"

struct blob_box;

struct blob_box_settings {
    const char *folder;  /* made if it is not there */
    unsigned most_files; /* not whole yet, at once; 0 = 1000 */
    uint64_t most_bytes; /* of them together, as their senders say; 0 = 4 GiB */
};

struct blob_news {
    enum blob_event {
        BLOB_PIECE,  /* taken, on disk */
        BLOB_KNOWN,  /* nothing new in it */
        BLOB_WHOLE,  /* with this piece the file is whole, and its hash fits */
        BLOB_WRONG,  /* whole, and the hash does not fit */
        BLOB_REFUSED /* too many files, too many bytes, or a piece that fits nowhere */
    } event;
    char hash[DIGEST_HEX];
    char path[4200]; /* of what is whole or wrong */
    uint64_t have, total;
    const char *why; /* of REFUSED, a sentence */
};

/* ST_IO: `err`. */
MUST_CHECK enum status blob_box_open(struct blob_box **out, const struct blob_box_settings *set,
                                     char *err, size_t err_size);
void blob_box_close(struct blob_box *b); /* NULL is allowed */
/* A piece that passed the gate. ST_OK: it need not come again. ST_FULL, ST_IO, ST_NOMEM: it must,
 * errno tells. */
MUST_CHECK enum status blob_box_take(struct blob_box *b, const char *sender,
                                     const Eocbus__V1__BlobChunk *c, struct blob_news *news);
/* Files that are not whole. */
unsigned blob_box_waiting(const struct blob_box *b);

#endif
