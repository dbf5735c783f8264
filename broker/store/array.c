/* array - see array.h. */
#include "broker/store/array.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "proto/base/banned.h"

enum { HEADER_BYTES = 20 };

static void put32(uint8_t *out, uint32_t v)
{
    v = htobe32(v);
    memcpy(out, &v, 4);
}

void array_begin(struct array *a, enum array_of of)
{
    uint8_t header[HEADER_BYTES] = {0};

    buf_clear(&a->buf);
    a->count = a->nulls = 0;
    put32(header, 1);
    put32(header + 8, of);
    put32(header + 16, 1);
    buf_put(&a->buf, header, sizeof(header));
}

void array_int2(struct array *a, int v)
{
    uint8_t e[6] = {0, 0, 0, 2, (uint8_t)((unsigned)v >> 8), (uint8_t)v};

    buf_put(&a->buf, e, sizeof(e));
    a->count++;
}

void array_int4(struct array *a, int32_t v)
{
    uint8_t e[8] = {0, 0, 0, 4};

    put32(e + 4, (uint32_t)v);
    buf_put(&a->buf, e, sizeof(e));
    a->count++;
}

void array_int8(struct array *a, int64_t v)
{
    uint8_t e[12] = {0, 0, 0, 8};
    uint64_t be = htobe64((uint64_t)v);

    memcpy(e + 4, &be, 8);
    buf_put(&a->buf, e, sizeof(e));
    a->count++;
}

void array_float8(struct array *a, double v)
{
    int64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    array_int8(a, bits);
}

void array_time(struct array *a, int64_t utc_us)
{
    array_int8(a, utc_us - PG_EPOCH_US);
}

void array_bytes(struct array *a, const void *data, size_t len)
{
    uint8_t length[4];

    put32(length, (uint32_t)len);
    buf_put(&a->buf, length, sizeof(length));
    buf_put(&a->buf, data, len);
    a->count++;
}

void array_text(struct array *a, const char *text)
{
    array_bytes(a, text, strlen(text));
}

void array_jsonb(struct array *a, const char *json)
{
    size_t len = strlen(json);
    uint8_t head[5];

    put32(head, (uint32_t)len + 1);
    head[4] = 1;
    buf_put(&a->buf, head, sizeof(head));
    buf_put(&a->buf, json, len);
    a->count++;
}

void array_null(struct array *a)
{
    static const uint8_t null[4] = {0xff, 0xff, 0xff, 0xff};

    buf_put(&a->buf, null, sizeof(null));
    a->count++;
    a->nulls++;
}

bool array_failed(const struct array *a)
{
    return a->buf.failed;
}

struct pg_param array_param(struct array *a)
{
    struct pg_param none = {NULL, 0}, all = {a->buf.data, a->buf.len};

    if (a->buf.failed || a->count == a->nulls)
        return none;
    put32(a->buf.data + 4, a->nulls ? 1 : 0);
    put32(a->buf.data + 12, a->count);
    return all;
}

void array_free(struct array *a)
{
    buf_free(&a->buf);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return be32toh(v);
}

bool array_read_begin(struct array_reader *r, const struct pg_rows *rows, size_t row, int col)
{
    size_t len;
    const uint8_t *data = pg_bytes(rows, row, col, &len);

    memset(r, 0, sizeof(*r));
    if (pg_is_null(rows, row, col))
        return false;
    if (len < HEADER_BYTES)
        return true;
    r->at = data + HEADER_BYTES;
    r->end = data + len;
    r->left = get32(data + 12);
    return true;
}

/* The bytes of the next element; NULL where there is none. */
static const uint8_t *read_element(struct array_reader *r, size_t *len)
{
    const uint8_t *at;

    *len = 0;
    if (!r->left || r->end - r->at < 4)
        return NULL;
    r->left--;
    *len = get32(r->at);
    r->at += 4;
    if (*len == UINT32_MAX || *len > (size_t)(r->end - r->at)) {
        *len = 0;
        return NULL;
    }
    at = r->at;
    r->at += *len;
    return at;
}

int64_t array_read_int(struct array_reader *r)
{
    size_t len;
    const uint8_t *at = read_element(r, &len);
    int64_t v = 0;

    for (size_t i = 0; i < len; i++)
        v = (int64_t)((uint64_t)v << 8 | at[i]);
    return v;
}

void array_read_text(struct array_reader *r, char *out, size_t size)
{
    size_t len;
    const uint8_t *at = read_element(r, &len);

    if (len >= size)
        for (len = size - 1; len && (at[len] & 0xc0) == 0x80; len--)
            ;
    if (len)
        memcpy(out, at, len);
    out[len] = 0;
}
