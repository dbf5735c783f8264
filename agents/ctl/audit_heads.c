/* audit_heads - signed heads: out of the log, and out of files that others kept. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/audit.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

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

static bool read_hex(uint8_t *out, size_t len, const char *hex)
{
    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        if (!isxdigit((unsigned char)hex[2 * i]) || !isxdigit((unsigned char)hex[2 * i + 1]) ||
            sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* Does the message say what its line says? */
static bool is_said(const struct audit_head *h, struct arena *arena)
{
    struct refusal why;
    Eocbus__V1__Envelope *m;

    arena_reset(arena);
    return gate_content(&m, h->content, h->content_len, arena, &why) == ST_OK &&
           m->body_case == EOCBUS__V1__ENVELOPE__BODY_LOG_HEAD &&
           strcmp(m->sender, h->broker) == 0 && m->log_head->log_epoch == h->log_epoch &&
           m->log_head->seq == h->seq && m->log_head->digest.len == DIGEST_BYTES &&
           memcmp(m->log_head->digest.data, h->digest, DIGEST_BYTES) == 0;
}

/* Behind the first five words; a message without a signature is none ("-"). */
static bool read_message(struct audit_head *h, const char *text, struct arena *arena)
{
    char content[2 * AUDIT_HEAD_BYTES + 1], signature[2 * SIGN_BYTES + 1];
    int n = sscanf(text, "%1200s %128s", content, signature);

    _Static_assert(AUDIT_HEAD_BYTES == 600 && SIGN_BYTES == 64, "widths of sscanf above");
    if (n < 2)
        return n < 1;
    h->content_len = strlen(content) / 2;
    if (strlen(content) % 2 || !read_hex(h->content, h->content_len, content))
        return false;
    if (strlen(signature) == 2 * SIGN_BYTES && read_hex(h->signature, SIGN_BYTES, signature))
        h->is_said = is_said(h, arena);
    return true;
}

static bool read_line(struct audit_head *h, const char *line, struct arena *arena)
{
    char hex[2 * DIGEST_BYTES + 1];
    int used = 0;

    memset(h, 0, sizeof(*h));
    return sscanf(line, "%" SCNu32 " %" SCNu64 " %64[0-9a-f] %31s %64s%n", &h->log_epoch, &h->seq,
                  hex, h->time, h->broker, &used) == 5 &&
           strlen(hex) == sizeof(hex) - 1 && read_hex(h->digest, DIGEST_BYTES, hex) &&
           read_message(h, line + used, arena);
}

static int by_number(const void *a, const void *b)
{
    const struct audit_head *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool read_lines(struct buf *heads, FILE *f, struct arena *arena, unsigned *number)
{
    struct audit_head h;
    char *line = NULL;
    size_t size = 0;
    bool good = true;

    while (good && getline(&line, &size, f) > 0) {
        ++*number;
        if (line[0] == '#' || line[0] == '\n')
            continue;
        good = read_line(&h, line, arena);
        h.line = *number;
        if (good)
            buf_put(heads, &h, sizeof(h));
    }
    free(line);
    return good && !heads->failed;
}

enum status audit_heads_load(struct audit_heads *out, const char *path, char *err, size_t err_size)
{
    FILE *f = fopen(path, "r");
    struct buf heads = {0};
    struct arena *arena = NULL;
    unsigned number = 0;
    bool good;

    if (!f) {
        snprintf(err, err_size, "%s cannot be read", path);
        return ST_NOTFOUND;
    }
    good =
        arena_create(&arena, LIMIT_ARENA_BYTES) == ST_OK && read_lines(&heads, f, arena, &number);
    arena_destroy(arena);
    fclose(f);
    if (!good) {
        snprintf(err, err_size,
                 "%s, line %u is no head: LOG_EPOCH SEQ DIGEST TIME BROKER [CONTENT SIGNATURE]",
                 path, number);
        buf_free(&heads);
        return ST_INVALID;
    }
    out->count = heads.len / sizeof(*out->item);
    out->item = (struct audit_head *)(void *)heads.data;
    if (out->count)
        qsort(out->item, out->count, sizeof(*out->item), by_number);
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
