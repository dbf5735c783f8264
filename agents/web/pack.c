/* pack - see pack.h. */
#include "agents/web/pack.h"

#include <zlib.h>

#include "proto/base/banned.h"

enum { GZIP = 16 }; /* added to the window's bits: zlib writes the head of gzip, without a time */

enum status pack_text(struct buf *out, const void *bytes, size_t len)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};
    enum status st = ST_NOMEM;
    size_t most;
    Bytef *packed;

    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return ST_NOMEM;
    most = deflateBound(&z, len);
    packed = mem_alloc(most);
    if (packed) {
        z.next_out = packed;
        z.avail_out = (uInt)most;
        if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
            buf_put(out, packed, most - z.avail_out);
            st = out->failed ? ST_NOMEM : ST_OK;
        }
    }
    mem_free(packed);
    deflateEnd(&z);
    return st;
}
