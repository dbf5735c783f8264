/* blob - a file that is to travel: looked at once, then cut into pieces (BlobChunk) that are
 * messages of their own. Its hash names it and keeps it whole. */
#ifndef EOCBUS_LINK_BLOB_H
#define EOCBUS_LINK_BLOB_H

#include <stdint.h>

#include "agents/link/profile.h"
#include "eocbus/v1/transfer.pb-c.h"
#include "proto/base/digest.h"

enum { BLOB_PIECE_MOST = 4096, BLOB_PIECE_THIN = 512, BLOB_KEY = DIGEST_HEX + 64 };

struct blob {
    int fd;
    uint8_t hash[DIGEST_BYTES];
    uint64_t total;
    unsigned piece_bytes;
    uint8_t piece[BLOB_PIECE_MOST];
};

/* What a piece may be on such a link: the last one that an alarm meets in front of it. */
unsigned blob_piece_bytes(const struct link_profile *p);

/* A regular file of 1 byte to 1 GiB. ST_IO, ST_INVALID: `err`. */
MUST_CHECK enum status blob_open(struct blob *b, const char *path, unsigned piece_bytes, char *err,
                                 size_t err_size);
void blob_close(struct blob *b);
uint64_t blob_pieces(const struct blob *b);
/* Piece n (0 = first) into c, with bytes borrowed from b until the next call; the name and the
 * media type are the caller's, and only the first piece carries them. ST_CONFLICT: the file is not
 * what it was when it was opened; ST_IO. */
MUST_CHECK enum status blob_piece(struct blob *b, uint64_t n, Eocbus__V1__BlobChunk *c);
/* Key of the work of saying these pieces (outbox_once): the same file, cut and addressed the same
 * way. `about`: what else makes it another work. */
void blob_key(char out[BLOB_KEY], const struct blob *b, const void *about, size_t about_len);
/* From the end of the name: "image/jpeg"; "" if it is not known. */
const char *blob_media_type(const char *path);

#endif
