/* audit_heads - signed heads: out of the log, and out of files that others kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/audit.h"

#include "proto/base/banned.h"

/* Newest first: those that were said by a broker, with the bytes and the signature of the message.
 */
#define HEADS_SQL                                                                                  \
    "SELECT concat_ws(' ', b->>'log_epoch', b->>'seq', encode(decode(b->>'digest', 'base64'),"     \
    " 'hex'), to_char(d.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"        \
    " p.name, encode(m.content, 'hex'), coalesce(encode(m.signature, 'hex'), '-')) AS line"        \
    " FROM bus.document d CROSS JOIN LATERAL (SELECT d.doc->'log_head' AS b) AS x"                 \
    " JOIN bus.message m ON m.seq = d.seq LEFT JOIN bus.principal p ON p.principal_id ="           \
    " d.sender_id WHERE d.type = 244 ORDER BY d.seq DESC LIMIT $1::int8"

static bool read_hex(uint8_t out[DIGEST_BYTES], const char *hex)
{
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        unsigned byte;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static bool read_line(struct audit_head *h, const char *line)
{
    char hex[2 * DIGEST_BYTES + 1];

    memset(h, 0, sizeof(*h));
    return sscanf(line, "%" SCNu32 " %" SCNu64 " %64[0-9a-f] %31s %64s", &h->log_epoch, &h->seq,
                  hex, h->time, h->broker) == 5 &&
           strlen(hex) == sizeof(hex) - 1 && read_hex(h->digest, hex);
}

static int by_number(const void *a, const void *b)
{
    const struct audit_head *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

enum status audit_heads_load(struct audit_heads *out, const char *path, char *err, size_t err_size)
{
    FILE *f = fopen(path, "r");
    struct buf heads = {0};
    struct audit_head h;
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    bool good = true;

    if (!f) {
        snprintf(err, err_size, "%s cannot be read", path);
        return ST_NOTFOUND;
    }
    while (good && getline(&line, &size, f) > 0) {
        number++;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        good = read_line(&h, line);
        if (good)
            buf_put(&heads, &h, sizeof(h));
    }
    free(line);
    fclose(f);
    if (!good || heads.failed) {
        snprintf(err, err_size, "%s, line %u is no head: LOG_EPOCH SEQ DIGEST TIME BROKER", path,
                 number);
        buf_free(&heads);
        return ST_INVALID;
    }
    out->count = heads.len / sizeof(h);
    out->item = (struct audit_head *)(void *)heads.data;
    if (out->count)
        qsort(out->item, out->count, sizeof(h), by_number);
    return ST_OK;
}

void audit_heads_free(struct audit_heads *h)
{
    struct buf b = {.data = (uint8_t *)h->item};

    buf_free(&b);
    h->item = NULL;
    h->count = 0;
}

enum status audit_heads_text(struct buf *out, struct db *d, uint64_t last)
{
    char limit[24];
    const char *params[] = {limit};
    struct db_rows *r;
    enum status st;

    snprintf(limit, sizeof(limit), "%" PRIu64, last > 1000000 ? 1000000 : last);
    st = db_query(d, &r, HEADS_SQL, params, 1);
    if (st != ST_OK)
        return st;
    for (unsigned i = db_count(r); i-- > 0;)
        buf_printf(out, "%s\n", db_cell(r, i, "line"));
    db_rows_free(r);
    return ST_OK;
}
