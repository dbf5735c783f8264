/* model_rows - values out and in: a result as pg.h gives it, and the parameters of a statement. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "tests/sim/model_parts.h"

void rows_free(struct pg_rows *r)
{
    mem_free(r->cells);
    buf_free(&r->bytes);
    memset(r, 0, sizeof(*r));
}

void rows_put(struct pg_rows *r, const void *data, size_t len, bool is_null)
{
    static const char nul = 0;

    if (r->cell_count == r->cell_cap) {
        r->cell_cap = r->cell_cap ? r->cell_cap * 2 : 32;
        r->cells = mem_realloc(r->cells, r->cell_cap * sizeof(*r->cells));
        assert(r->cells);
    }
    r->cells[r->cell_count++] = (struct cell){r->bytes.len, is_null ? 0 : len, is_null};
    if (!is_null)
        buf_put(&r->bytes, data, len);
    buf_put(&r->bytes, &nul, 1);
}

void rows_put_int(struct pg_rows *r, unsigned size, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);

    rows_put(r, (uint8_t *)&be + 8 - size, size, false);
}

void rows_put_null(struct pg_rows *r)
{
    rows_put(r, NULL, 0, true);
}

void rows_put_text(struct pg_rows *r, const char *text)
{
    rows_put(r, text, strlen(text), false);
}

void rows_put_time(struct pg_rows *r, int64_t utc_us)
{
    if (utc_us)
        rows_put_int(r, 8, utc_us - PG_EPOCH_US);
    else
        rows_put_null(r);
}

void rows_end(struct pg_rows *r)
{
    r->rows++;
    r->cols = (int)(r->cell_count / r->rows);
}

static const struct cell *cell_of(const struct pg_rows *r, size_t row, int col)
{
    assert(row < r->rows && col < r->cols);
    return &r->cells[row * (size_t)r->cols + (size_t)col];
}

size_t pg_row_count(const struct pg_rows *r)
{
    return r->rows;
}

bool pg_is_null(const struct pg_rows *r, size_t row, int col)
{
    return cell_of(r, row, col)->is_null;
}

const void *pg_bytes(const struct pg_rows *r, size_t row, int col, size_t *len)
{
    *len = cell_of(r, row, col)->len;
    return r->bytes.data + cell_of(r, row, col)->at;
}

const char *pg_text(const struct pg_rows *r, size_t row, int col)
{
    size_t len;

    return pg_bytes(r, row, col, &len);
}

int64_t pg_int(const struct pg_rows *r, size_t row, int col)
{
    size_t len;
    const uint8_t *p = pg_bytes(r, row, col, &len);
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

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return be32toh(v);
}

void column_begin(struct column *c, const struct model_params *p, unsigned column)
{
    const uint8_t *data = p->p[column].data;

    c->left = data ? get32(data + 12) : 0;
    c->at = data ? data + 20 : NULL;
}

/* NULL: null, or past the end. */
const uint8_t *column_next(struct column *c, size_t *len)
{
    const uint8_t *data = c->at + 4;
    uint32_t n;

    *len = 0;
    if (!c->left)
        return NULL;
    c->left--;
    n = get32(c->at);
    c->at += 4;
    if (n == UINT32_MAX)
        return NULL;
    c->at += n;
    *len = n;
    return data;
}

int64_t column_next_int(struct column *c)
{
    size_t len;
    const uint8_t *p = column_next(c, &len);
    uint64_t v = 0;

    for (size_t i = 0; p && i < len; i++)
        v = v << 8 | p[i];
    return len == 2 ? (int16_t)v : len == 4 ? (int32_t)v : (int64_t)v;
}

int64_t column_next_time(struct column *c)
{
    struct column look = *c;
    size_t len;
    bool is_null = !column_next(&look, &len);
    int64_t v = column_next_int(c);

    return is_null ? 0 : v + PG_EPOCH_US;
}

int64_t model_param_int(const struct model_params *p, unsigned i)
{
    const uint8_t *data = p->p[i].data;
    uint64_t v = 0;

    for (size_t at = 0; at < p->p[i].len; at++)
        v = v << 8 | data[at];
    return (int64_t)v;
}
