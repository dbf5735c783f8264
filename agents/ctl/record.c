/* record - see record.h.
 *
 * A link holds if its digest is that of the link before, its epoch, its first number and the
 * digests in it. If it does not, its digests are made again from the messages: that tells whether
 * the link or the messages were touched. */
#include "agents/ctl/record.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { PAGE_MOST = 1 << 20 }; /* numbers; a page is made of far fewer */

struct slot {
    unsigned rows; /* that have this number */
    bool is_other_short, is_other_epoch;
    const char *column; /* that says something else than the content */
    uint8_t digest[DIGEST_BYTES];
};

struct link {
    uint64_t first, last;
    uint32_t log_epoch;
    uint8_t digest[DIGEST_BYTES];
    size_t rows_at; /* in record.rows */
};

struct record {
    void (*found)(void *arg, const struct record_finding *f);
    void *arg;
    uint64_t retired, upto, messages;
    uint64_t before_first; /* number of the link before the last one judged */
    uint32_t log_epoch;
    uint8_t digest[DIGEST_BYTES];
    struct buf links, rows, slots; /* of the page */
    uint64_t low, high;            /* numbers of the page */
};

static void tell(struct record *r, uint64_t seq, uint64_t upto, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void tell(struct record *r, uint64_t seq, uint64_t upto, const char *fmt, ...)
{
    struct record_finding f = {.seq = seq, .upto = upto};
    va_list args;

    va_start(args, fmt);
    vsnprintf(f.what, sizeof(f.what), fmt, args);
    va_end(args);
    r->found(r->arg, &f);
}

/* --- one message ------------------------------------------------------------------------------ */

void record_row_digest(uint8_t out[DIGEST_BYTES], const struct record_row *m)
{
    static const uint8_t never[8] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint32_t offset = htobe32((uint32_t)m->clock_offset_ms),
             len = htobe32((uint32_t)m->content_len);
    uint16_t marks = htobe16((uint16_t)m->marks);
    struct sha256 s;

    sha256_begin(&s);
    sha256_add(&s, m->sender, m->sender_len);
    sha256_add(&s, "", 1);
    sha256_add(&s, m->received_at, 8);
    sha256_add(&s, m->not_after ? m->not_after : never, 8);
    sha256_add(&s, &offset, sizeof(offset));
    sha256_add(&s, &marks, sizeof(marks));
    sha256_add(&s, &len, sizeof(len));
    sha256_add(&s, m->content, m->content_len);
    if (m->signature)
        sha256_add(&s, m->signature, m->signature_len);
    sha256_end(&s, out);
}

static struct slot *slot_of(struct record *r, uint64_t seq)
{
    return (struct slot *)(void *)r->slots.data + (seq - r->low);
}

void record_row(struct record *r, const struct record_row *m)
{
    struct link *links = (struct link *)(void *)r->links.data;
    struct slot *s;

    if (m->seq < r->low || m->seq > r->high)
        return; /* between pages: told as missing from the chain */
    s = slot_of(r, m->seq);
    if (s->rows++)
        return;
    record_row_digest(s->digest, m);
    s->is_other_short = m->short_digest && memcmp(m->short_digest, s->digest, RECORD_SHORT) != 0;
    s->column = record_column_fault(m);
    for (size_t i = r->links.len / sizeof(*links); i-- > 0;)
        if (m->seq >= links[i].first && m->seq <= links[i].last) {
            s->is_other_epoch = m->log_epoch != links[i].log_epoch;
            break;
        }
}

/* --- one link --------------------------------------------------------------------------------- */

static void chain(uint8_t out[DIGEST_BYTES], const uint8_t before[DIGEST_BYTES],
                  const struct link *l, const uint8_t *rows)
{
    uint32_t epoch = htobe32(l->log_epoch);
    uint64_t first = htobe64(l->first);
    struct sha256 s;

    sha256_begin(&s);
    sha256_add(&s, before, DIGEST_BYTES);
    sha256_add(&s, &epoch, sizeof(epoch));
    sha256_add(&s, &first, sizeof(first));
    sha256_add(&s, rows, (l->last - l->first + 1) * DIGEST_BYTES);
    sha256_end(&s, out);
}

/* Would the link hold with the digests of the messages that are there? */
static bool messages_fit(struct record *r, const struct link *l)
{
    uint8_t computed[DIGEST_BYTES];
    struct buf made = {0};
    bool fit;

    for (uint64_t seq = l->first; seq <= l->last; seq++)
        buf_put(&made, slot_of(r, seq)->digest, DIGEST_BYTES);
    if (made.failed) {
        buf_free(&made);
        return false;
    }
    chain(computed, r->digest, l, made.data);
    fit = memcmp(computed, l->digest, DIGEST_BYTES) == 0;
    buf_free(&made);
    return fit;
}

static const uint8_t *entry(const struct record *r, const struct link *l, uint64_t seq)
{
    return r->rows.data + l->rows_at + (seq - l->first) * DIGEST_BYTES;
}

/* Was it stored under another number of this page? */
static uint64_t find_entry(const struct record *r, const uint8_t digest[DIGEST_BYTES])
{
    const struct link *links = (const struct link *)(const void *)r->links.data;

    for (size_t i = 0; i < r->links.len / sizeof(*links); i++)
        for (uint64_t seq = links[i].first; seq <= links[i].last; seq++)
            if (memcmp(entry(r, &links[i], seq), digest, DIGEST_BYTES) == 0)
                return seq;
    return 0;
}

/* The message and its entry in the link differ. */
static void tell_changed(struct record *r, const struct link *l, uint64_t seq, bool link_holds)
{
    const struct slot *s = slot_of(r, seq);
    uint64_t other = link_holds ? find_entry(r, s->digest) : 0;

    if (other)
        tell(r, seq, seq,
             "not the message that was stored under this number; it was number %" PRIu64, other);
    else if (!link_holds && messages_fit(r, l))
        tell(r, seq, seq, "its digest in the chain was changed; the message is as it was stored");
    else
        tell(r, seq, seq, "the message was changed: sender, times, content or signature");
}

/* Answers whether the number is as it was stored. */
static bool judge_number(struct record *r, const struct link *l, uint64_t seq, bool link_holds)
{
    const struct slot *s = slot_of(r, seq);

    if (!s->rows && seq <= r->retired)
        return true;
    if (!s->rows)
        tell(r, seq, seq, "the message is missing");
    else if (s->rows > 1)
        tell(r, seq, seq, "%u messages have this number", s->rows);
    else if (memcmp(s->digest, entry(r, l, seq), DIGEST_BYTES) != 0)
        tell_changed(r, l, seq, link_holds);
    else if (s->is_other_short && link_holds)
        tell(r, seq, seq, "the digest beside the message was changed; the message is as it was");
    else if (s->is_other_short)
        tell(r, seq, seq, "the message was changed, and its digest in the chain with it");
    else if (s->is_other_epoch)
        tell(r, seq, seq, "its log epoch was changed");
    else if (s->column)
        tell(r, seq, seq, "its column %s does not say what the message says", s->column);
    else
        return true;
    return false;
}

/* The link does not hold, and yet every message has the digest that both places know: either this
 * link's own digest was changed (then the next one follows from what it should be), or the commit
 * before was made anew, whole. Answers whether this link's was. */
static bool is_own_digest_changed(struct record *r, const struct link *next,
                                  const uint8_t computed[DIGEST_BYTES])
{
    uint8_t then[DIGEST_BYTES];

    if (!next)
        return false;
    chain(then, computed, next, r->rows.data + next->rows_at);
    return memcmp(then, next->digest, DIGEST_BYTES) == 0;
}

static void tell_broken(struct record *r, const struct link *l, bool own)
{
    if (own)
        tell(r, l->first, l->last,
             "the digest of the chain was changed; the messages are as they were");
    else
        tell(r, r->before_first ? r->before_first : l->first, l->last,
             "the chain does not hold: a message was changed with every digest of its commit, or "
             "the chain itself was");
}

static void judge_link(struct record *r, const struct link *l, const struct link *next)
{
    uint8_t computed[DIGEST_BYTES];
    bool holds, is_told = false, own = false;

    chain(computed, r->digest, l, r->rows.data + l->rows_at);
    holds = memcmp(computed, l->digest, DIGEST_BYTES) == 0;
    for (uint64_t seq = l->first; seq <= l->last; seq++)
        is_told = !judge_number(r, l, seq, holds) || is_told;
    if (!holds && !is_told) {
        own = is_own_digest_changed(r, next, computed);
        tell_broken(r, l, own);
    }
    r->messages += l->last - l->first + 1;
    r->before_first = l->first;
    r->upto = l->last;
    r->log_epoch = l->log_epoch;
    memcpy(r->digest, own ? computed : l->digest, DIGEST_BYTES);
}

void record_judge(struct record *r)
{
    const struct link *links = (const struct link *)(const void *)r->links.data;
    size_t n = r->links.len / sizeof(*links);

    for (size_t i = 0; i < n; i++) {
        if (links[i].first > r->upto + 1 && links[i].first - 1 > r->retired)
            tell(r, r->upto + 1, links[i].first - 1, "these numbers are missing from the chain");
        judge_link(r, &links[i], i + 1 < n ? &links[i + 1] : NULL);
    }
    r->links.len = r->rows.len = r->slots.len = 0;
    r->low = r->high = 0;
}

/* --- the page --------------------------------------------------------------------------------- */

static bool make_slots(struct record *r, uint64_t high)
{
    static const struct slot empty;

    for (uint64_t seq = r->low + r->slots.len / sizeof(empty); seq <= high; seq++)
        buf_put(&r->slots, &empty, sizeof(empty));
    return !r->slots.failed;
}

enum status record_link(struct record *r, const struct record_link *l)
{
    struct link kept = {l->first, l->last, l->log_epoch, {0}, r->rows.len};
    uint64_t at = r->high ? r->high : r->upto;

    if (l->first <= at || l->last < l->first ||
        l->last - (r->low ? r->low : l->first) >= PAGE_MOST ||
        l->rows_len != (l->last - l->first + 1) * DIGEST_BYTES) {
        tell(r, at + 1, l->last,
             "the chain is damaged: what it has for %" PRIu64 " to %" PRIu64
             " overlaps, or has the wrong length",
             l->first, l->last);
        return ST_FULL;
    }
    memcpy(kept.digest, l->digest, DIGEST_BYTES);
    buf_put(&r->links, &kept, sizeof(kept));
    buf_put(&r->rows, l->rows, l->rows_len);
    if (!r->low)
        r->low = l->first;
    r->high = l->last;
    return make_slots(r, r->high) && !r->links.failed && !r->rows.failed ? ST_OK : ST_NOMEM;
}

void record_begin(struct record *r, const struct record_link *before)
{
    if (!before)
        return;
    r->upto = before->last;
    r->log_epoch = before->log_epoch;
    memcpy(r->digest, before->digest, DIGEST_BYTES);
}

uint64_t record_upto(const struct record *r)
{
    return r->upto;
}

const uint8_t *record_digest(const struct record *r)
{
    return r->digest;
}

uint32_t record_epoch(const struct record *r)
{
    return r->log_epoch;
}

uint64_t record_messages(const struct record *r)
{
    return r->messages;
}

enum status record_create(struct record **out, uint64_t retired,
                          void (*found)(void *arg, const struct record_finding *f), void *arg)
{
    struct record *r = mem_zalloc(sizeof(*r));

    if (!r)
        return ST_NOMEM;
    r->retired = retired;
    r->found = found;
    r->arg = arg;
    *out = r;
    return ST_OK;
}

void record_destroy(struct record *r)
{
    if (!r)
        return;
    buf_free(&r->links);
    buf_free(&r->rows);
    buf_free(&r->slots);
    mem_free(r);
}
