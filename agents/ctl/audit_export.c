/* audit_export - a part of the record as text files that anybody can check, with the ten lines of
 * Python that do it. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/ctl/audit.h"

#include "proto/base/banned.h"

#define SCRIPT                                                                                     \
    "import hashlib, struct, sys\n"                                                                \
    "rows, digest = open('messages.txt'), bytes.fromhex(open('before.txt').read())\n"              \
    "for link in open('chain.txt'):\n"                                                             \
    "    (first, last, epoch, want), made = link.split(), b''\n"                                   \
    "    for seq in range(int(first), int(last) + 1):\n"                                           \
    "        n, e, who, *times, content, signature = next(rows).rstrip('\\n').split(' ')\n"        \
    "        body = bytes.fromhex(content) + bytes.fromhex(signature)\n"                           \
    "        head = struct.pack('>qqihI', *map(int, times), len(content) // 2)\n"                  \
    "        if (int(n), e) != (seq, epoch): sys.exit(f'{seq} is missing')\n"                      \
    "        made += hashlib.sha256(who.encode() + b'\\0' + head + body).digest()\n"               \
    "    digest = hashlib.sha256(digest + struct.pack('>iq', int(epoch), int(first)) + "           \
    "made).digest()\n"                                                                             \
    "    if digest.hex() != want: sys.exit(f'wrong between {first} and {last}')\n"                 \
    "print('the record holds up to', last, 'digest', digest.hex())\n"

#define README                                                                                     \
    "# A part of the record of an eocbus\n\n"                                                      \
    "- `messages.txt`: one line a message: number, log epoch, sender, when it was received and\n"  \
    "  when it is over (microseconds since 2000-01-01 UTC; 9223372036854775807 = never), offset\n" \
    "  of the sender's clock (ms), marks, content and signature (hex).\n"                          \
    "- `chain.txt`: one line a commit: first and last number, log epoch, digest of the chain.\n"   \
    "- `before.txt`: digest of the chain before the first of them.\n"                              \
    "- `heads.txt`: where brokers said that the chain stood: log epoch, number, digest, when,\n"   \
    "  which broker, the message that says so and its Ed25519 signature (hex).\n\n"                \
    "`python3 verify.py` in this folder makes the chain anew. Its last digest must be the one\n"   \
    "that somebody else heard from a broker: heads.txt says which, and whoever listened at that\n" \
    "time has the same. The contents are protobuf (eocbus/v1/envelope.proto); a signature is\n"    \
    "over the content.\n\n"                                                                        \
    "```python\n" SCRIPT "```\n"

struct export
{
    FILE *messages, *chain;
    uint64_t rows, first, last;
    bool heads;
};

static void put_hex(FILE *f, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fprintf(f, "%02x", bytes[i]);
}

static int64_t time_of(const uint8_t *pg)
{
    uint64_t be = htobe64(INT64_MAX);

    if (pg)
        memcpy(&be, pg, sizeof(be));
    return (int64_t)be64toh(be);
}

static void on_link(void *arg, const struct record_link *l)
{
    struct export *e = arg;

    if (!e->first)
        e->first = l->first;
    e->last = l->last;
    fprintf(e->chain, "%" PRIu64 " %" PRIu64 " %" PRIu32 " ", l->first, l->last, l->log_epoch);
    put_hex(e->chain, l->digest, DIGEST_BYTES);
    fputs("\n", e->chain);
}

/* Names have no blanks. */
static void on_row(void *arg, const struct record_row *m)
{
    struct export *e = arg;

    e->rows++;
    fprintf(e->messages, "%" PRIu64 " %" PRIu32 " %.*s %" PRId64 " %" PRId64 " %d %d ", m->seq,
            m->log_epoch, (int)m->sender_len, m->sender, time_of(m->received_at),
            time_of(m->not_after), (int)m->clock_offset_ms, (int)m->marks);
    put_hex(e->messages, m->content, m->content_len);
    fputs(" ", e->messages);
    put_hex(e->messages, m->signature, m->signature ? m->signature_len : 0);
    fputs("\n", e->messages);
}

static FILE *make(const char *dir, const char *name)
{
    char path[1200];

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return NULL;
    return fopen(path, "wx");
}

static bool write_file(const char *dir, const char *name, const char *text)
{
    FILE *f = make(dir, name);
    bool good = f && fputs(text, f) >= 0;

    return f && fclose(f) == 0 && good;
}

/* What is gone on purpose cannot be checked outside: it begins with the first link that is whole.
 */
static enum status first_whole(struct db *d, uint64_t *from)
{
    struct db_rows *r;
    enum status st = db_query(d, &r,
                              "SELECT coalesce(max(last_seq), 0) + 1 AS n FROM bus.chain WHERE"
                              " first_seq <= (SELECT coalesce(max(upto_seq), 0) FROM bus.retired)",
                              NULL, 0);

    if (st != ST_OK)
        return st;
    if (db_number(r, 0, "n") > *from)
        *from = db_number(r, 0, "n");
    db_rows_free(r);
    return ST_OK;
}

/* A commit is checked whole: `to` becomes the end of the one that holds it. False in *any: there is
 * no commit in between. */
static enum status whole_span(struct db *d, uint64_t from, uint64_t *to, bool *any)
{
    static const char sql[] =
        "SELECT coalesce((SELECT CASE WHEN first_seq <= $2::int8 THEN last_seq END FROM bus.chain"
        " WHERE last_seq >= $2::int8 ORDER BY last_seq LIMIT 1), $2::int8) AS upto,"
        " (SELECT count(*) FROM (SELECT first_seq FROM bus.chain WHERE last_seq >= $1::int8"
        " ORDER BY last_seq LIMIT 1) AS c WHERE first_seq <= $2::int8) AS n";
    char low[24], high[24];
    const char *params[] = {low, high};
    struct db_rows *r;
    enum status st;

    snprintf(low, sizeof(low), "%" PRIu64, from);
    snprintf(high, sizeof(high), "%" PRIu64, *to);
    st = db_query(d, &r, sql, params, 2);
    if (st != ST_OK)
        return st;
    *any = from <= *to && db_number(r, 0, "n") > 0;
    *to = db_number(r, 0, "upto");
    db_rows_free(r);
    return ST_OK;
}

static void no_finding(void *arg, const struct record_finding *f)
{
    (void)arg;
    (void)f;
}

static bool write_before(struct db *d, uint64_t from, const char *dir, uint64_t *after)
{
    struct record *r;
    char hex[DIGEST_HEX];
    bool good;

    if (record_create(&r, 0, no_finding, NULL) != ST_OK)
        return false;
    good = audit_begin(d, r, from, after) == ST_OK;
    digest_hex(hex, record_digest(r));
    good = good && write_file(dir, "before.txt", hex);
    record_destroy(r);
    return good;
}

static bool write_heads(struct export *e, struct db *d, const char *dir)
{
    struct buf out = {0};
    bool good = audit_heads_text(&out, d, 100000) == ST_OK;

    e->heads = out.len > 0;
    buf_put(&out, "", 1);
    good = good && !out.failed && write_file(dir, "heads.txt", (const char *)out.data);
    buf_free(&out);
    return good;
}

static bool close_both(struct export *e)
{
    bool good = (!e->messages || fclose(e->messages) == 0) && e->messages;

    return (!e->chain || fclose(e->chain) == 0) && e->chain && good;
}

static bool write_all(struct export *e, struct db *d, uint64_t from, uint64_t to, const char *dir)
{
    struct audit_walk walk = {.d = d, .in_order = true, .link = on_link, .row = on_row, .arg = e};
    uint64_t after;
    bool good;

    e->messages = make(dir, "messages.txt");
    e->chain = make(dir, "chain.txt");
    good = e->messages && e->chain && write_before(d, from, dir, &after) &&
           audit_walk(&walk, after, to) == ST_OK && write_heads(e, d, dir) &&
           write_file(dir, "README.md", README) && write_file(dir, "verify.py", SCRIPT);
    return close_both(e) && good;
}

static int failed(struct ctl *c, struct db *d)
{
    return program_fail(&c->program, EXIT_MACHINE, "the export failed: %s",
                        *db_error(d) ? db_error(d) : strerror(errno));
}

static int nothing(struct ctl *c, uint64_t from, uint64_t to)
{
    if (to == INT64_MAX)
        return program_fail(&c->program, EXIT_REFUSED, "nothing from %" PRIu64 " on", from);
    return program_fail(&c->program, EXIT_REFUSED, "nothing between %" PRIu64 " and %" PRIu64, from,
                        to);
}

static int no_folder(struct ctl *c, const char *dir)
{
    if (errno == EEXIST)
        return program_fail(&c->program, EXIT_MACHINE, "%s is there already; give another folder",
                            dir);
    return program_fail(&c->program, EXIT_MACHINE, "%s cannot be made: %s", dir, strerror(errno));
}

int audit_export(struct ctl *c, struct db *d, uint64_t from, uint64_t to, const char *dir)
{
    struct export e = {0};
    uint64_t low = from, high = to;
    bool any;

    if (first_whole(d, &low) != ST_OK || whole_span(d, low, &high, &any) != ST_OK)
        return failed(c, d);
    if (!any)
        return nothing(c, from, to);
    if (mkdir(dir, 0700) != 0)
        return no_folder(c, dir);
    if (!write_all(&e, d, low, high, dir))
        return failed(c, d);
    if (!e.rows)
        return program_fail(&c->program, EXIT_REFUSED,
                            "no message of numbers %" PRIu64 " to %" PRIu64
                            " is left; their digests are in %s",
                            e.first, e.last, dir);
    printf("%" PRIu64 " messages, numbers %" PRIu64 " to %" PRIu64
           ", in %s%s; there: python3 verify.py\n",
           e.rows, e.first, e.last, dir, e.heads ? "" : "; no broker has said a head yet");
    return EXIT_DONE;
}
