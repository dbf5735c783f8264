/* blob - see blob.h */
#include "agents/link/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/rowsum.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define MOST_BYTES (UINT64_C(1) << 30)

unsigned blob_piece_bytes(const struct link_profile *p)
{
    return p->two_lines ? BLOB_PIECE_THIN : BLOB_PIECE_MOST;
}

enum status blob_open(struct blob *b, const char *path, unsigned piece_bytes, char *err,
                      size_t err_size)
{
    struct stat at;
    enum status st = ST_IO;

    *b = (struct blob){.piece_bytes = piece_bytes};
    b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0 || fstat(b->fd, &at) != 0) {
        snprintf(err, err_size, "%s cannot be read: %s", path, strerror(errno));
    } else if (!S_ISREG(at.st_mode)) {
        snprintf(err, err_size, "%s is no file", path);
        st = ST_INVALID;
    } else if (at.st_size < 1 || (uint64_t)at.st_size > MOST_BYTES) {
        snprintf(err, err_size, "%s has %lld bytes; a file to send has 1 byte to 1 GiB", path,
                 (long long)at.st_size);
        st = ST_INVALID;
    } else {
        b->total = (uint64_t)at.st_size;
        st = digest_of_file(b->hash, b->fd, b->total);
        if (st != ST_OK)
            snprintf(err, err_size, "%s cannot be read: %s", path,
                     errno ? strerror(errno) : "it became shorter");
    }
    if (st != ST_OK)
        blob_close(b);
    return st;
}

void blob_close(struct blob *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

uint64_t blob_pieces(const struct blob *b)
{
    return (b->total + b->piece_bytes - 1) / b->piece_bytes;
}

enum status blob_piece(struct blob *b, uint64_t n, Eocbus__V1__BlobChunk *c)
{
    uint64_t offset = n * b->piece_bytes, left = b->total - offset;
    size_t want = left < b->piece_bytes ? (size_t)left : b->piece_bytes;
    ssize_t got;

    do
        got = pread(b->fd, b->piece, want, (off_t)offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return ST_IO;
    if ((size_t)got != want)
        return ST_CONFLICT;
    c->blob_hash = (ProtobufCBinaryData){DIGEST_BYTES, b->hash};
    c->offset = offset;
    c->total = b->total;
    c->data = (ProtobufCBinaryData){want, b->piece};
    if (n > 0)
        c->name = c->media_type = (char *)protobuf_c_empty_string;
    return ST_OK;
}

void blob_key(char out[BLOB_KEY], const struct blob *b, const void *about, size_t about_len)
{
    char hash[DIGEST_HEX];

    digest_hex(hash, b->hash);
    snprintf(out, BLOB_KEY, "file %s %u %016llx", hash, b->piece_bytes,
             (unsigned long long)rowsum_bytes(0, about, about_len));
}

const char *blob_media_type(const char *path)
{
    static const char *const known[][2] = {
        {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},
        {".png", "image/png"},         {".tif", "image/tiff"},
        {".tiff", "image/tiff"},       {".webp", "image/webp"},
        {".heic", "image/heic"},       {".pdf", "application/pdf"},
        {".mp4", "video/mp4"},         {".3gp", "video/3gpp"},
        {".mp3", "audio/mpeg"},        {".amr", "audio/amr"},
        {".ogg", "audio/ogg"},         {".txt", "text/plain"},
        {".csv", "text/csv"},          {".zip", "application/zip"},
        {".json", "application/json"}, {".geojson", "application/geo+json"},
    };
    const char *end = strrchr(path, '.');

    for (size_t i = 0; end && i < ARRAY_LEN(known); i++)
        if (strcasecmp(end, known[i][0]) == 0)
            return known[i][1];
    return "";
}
