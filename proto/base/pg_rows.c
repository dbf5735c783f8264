/* pg_rows - what stands in a result in binary. */
#include "proto/base/pg_parts.h"

#include "proto/base/banned.h"

static const PGresult *result_of(const struct pg_rows *r)
{
    return (const PGresult *)r;
}

size_t pg_row_count(const struct pg_rows *r)
{
    return (size_t)PQntuples(result_of(r));
}

bool pg_is_null(const struct pg_rows *r, size_t row, int col)
{
    return PQgetisnull(result_of(r), (int)row, col);
}

const void *pg_bytes(const struct pg_rows *r, size_t row, int col, size_t *len)
{
    *len = (size_t)PQgetlength(result_of(r), (int)row, col);
    return PQgetvalue(result_of(r), (int)row, col);
}

const char *pg_text(const struct pg_rows *r, size_t row, int col)
{
    return PQgetvalue(result_of(r), (int)row, col);
}

int64_t pg_int(const struct pg_rows *r, size_t row, int col)
{
    size_t len;
    const unsigned char *p = pg_bytes(r, row, col, &len);
    uint64_t v = 0;

    if (pg_is_null(r, row, col))
        return 0;
    for (size_t i = 0; i < len && i < 8; i++)
        v = v << 8 | p[i];
    if (len == 2)
        return (int16_t)v;
    return len == 4 ? (int32_t)v : (int64_t)v;
}

int64_t pg_time_us(const struct pg_rows *r, size_t row, int col)
{
    return pg_is_null(r, row, col) ? 0 : pg_int(r, row, col) + PG_EPOCH_US;
}
