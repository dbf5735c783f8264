/* array - PostgreSQL's binary arrays, written element by element and read back.
 *
 * One dimension, as array_send and array_recv in PostgreSQL's source have it: int32 dimensions,
 * int32 has nulls, oid of the element, int32 count, int32 lower bound; then for each element int32
 * length
 * (-1 = null) and its bytes. All big-endian. */
#ifndef EOCBUS_BROKER_STORE_ARRAY_H
#define EOCBUS_BROKER_STORE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/pg.h"
#include "proto/base/mem.h"

/* Object ids from pg_type.dat; they never change. */
enum array_of {
    ARRAY_BOOL = 16,
    ARRAY_BYTEA = 17,
    ARRAY_INT8 = 20,
    ARRAY_INT2 = 21,
    ARRAY_INT4 = 23,
    ARRAY_TEXT = 25,
    ARRAY_FLOAT8 = 701,
    ARRAY_TIME = 1184, /* timestamptz */
    ARRAY_UUID = 2950,
    ARRAY_JSONB = 3802,
};

struct array {
    struct buf buf;
    uint32_t count, nulls;
};

void array_begin(struct array *a, enum array_of of); /* keeps the memory of last time */
void array_int2(struct array *a, int v);
void array_int4(struct array *a, int32_t v);
void array_int8(struct array *a, int64_t v);
void array_float8(struct array *a, double v);
void array_time(struct array *a, int64_t utc_us);
void array_bytes(struct array *a, const void *data, size_t len);
void array_text(struct array *a, const char *text);
void array_jsonb(struct array *a, const char *json); /* version byte 1, then the text */
void array_null(struct array *a);
/* Borrowed until the next call on `a`. An array of nothing, or of nulls alone, is SQL null. */
struct pg_param array_param(struct array *a);
bool array_failed(const struct array *a); /* out of memory somewhere since array_begin */
void array_free(struct array *a);

/* Walks an array that PostgreSQL sent. */
struct array_reader {
    const uint8_t *at, *end;
    uint32_t left;
};
/* False when the column is null. */
bool array_read_begin(struct array_reader *r, const struct pg_rows *rows, size_t row, int col);
/* The next integer or bool; null and past the end read 0. */
int64_t array_read_int(struct array_reader *r);
/* The next text, cut at a whole character where it does not fit; null and past the end read "". */
void array_read_text(struct array_reader *r, char *out, size_t size);

#endif
