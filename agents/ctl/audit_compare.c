/* audit_compare - heads that somebody kept, held against the chain: a log that was cut, or made
 * anew with all its digests, contradicts what was heard before. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/audit.h"
#include "agents/ctl/audit_keys.h"

#include "proto/base/banned.h"

#define EPOCHS_SQL "SELECT log_epoch, head_then, because FROM bus.epoch ORDER BY log_epoch"

static void tell(struct audit_compare *c, uint64_t seq, uint64_t upto, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void tell(struct audit_compare *c, uint64_t seq, uint64_t upto, const char *fmt, ...)
{
    struct record_finding f = {.seq = seq, .upto = upto};
    va_list args;

    va_start(args, fmt);
    vsnprintf(f.what, sizeof(f.what), fmt, args);
    va_end(args);
    c->found(c->arg, &f);
}

/* --- signatures ------------------------------------------------------------------------------- */

static void doubt(struct audit_compare *c, const struct audit_head *h, const char *why)
{
    c->unbelieved++;
    if (c->unbelieved <= AUDIT_SHOWN)
        buf_printf(&c->doubts, "NOT BELIEVED line %u: %s %s\n", h->line, h->broker, why);
}

/* One that is not its broker's says nothing of the record. Who keeps heads without signatures
 * vouches for them. */
static bool is_believed(struct audit_compare *c, const struct audit_head *h, const struct buf *keys)
{
    if (!h->content_len) {
        c->plain++;
        return true;
    }
    if (!h->is_said) {
        doubt(c, h, "did not say that: the message behind it says something else");
        return false;
    }
    switch (audit_keys_judge(keys, h->broker, strlen(h->broker), h->content, h->content_len,
                             h->signature)) {
    case WORD_GOOD:
        c->proved++;
        return true;
    case WORD_BAD:
        doubt(c, h, "did not sign that");
        return false;
    case WORD_NOBODY:
        break;
    }
    doubt(c, h, "has no key that is known here");
    return false;
}

/* --- what an epoch lost ----------------------------------------------------------------------- */

/* What was known of an epoch that ended before that number is gone with a reason. */
static bool was_lost(struct audit_compare *c, const struct db_rows *epochs,
                     const struct audit_head *h)
{
    for (unsigned i = 0; epochs && i < db_count(epochs); i++) {
        uint64_t then = db_number(epochs, i, "head_then");

        if (db_number(epochs, i, "log_epoch") <= h->log_epoch)
            continue;
        if (h->seq <= then)
            return false;
        tell(c, then + 1, h->seq,
             "%s said at %s that epoch %" PRIu32 " went up to here; the next epoch began behind "
             "%" PRIu64 ": %s",
             h->broker, h->time, h->log_epoch, then, db_cell(epochs, i, "because"));
        return true;
    }
    return false;
}

/* Keeps those that are believed and can still be looked up. */
static void sort_out(struct audit_compare *c, struct db *d, const struct buf *keys)
{
    struct db_rows *epochs = NULL;
    size_t kept = 0;

    if (db_query(d, &epochs, EPOCHS_SQL, NULL, 0) != ST_OK)
        epochs = NULL;
    for (size_t i = 0; i < c->heads.count; i++) {
        const struct audit_head *h = &c->heads.item[i];

        if (is_believed(c, h, keys) && !was_lost(c, epochs, h))
            c->heads.item[kept++] = *h;
    }
    c->heads.count = kept;
    db_rows_free(epochs);
}

enum status audit_compare_begin(struct audit_compare *c, struct db *d, const char *path,
                                const char *officers_file, char *err, size_t err_size)
{
    struct buf keys = {0};
    enum status st = audit_heads_load(&c->heads, path, err, err_size);

    if (st == ST_OK)
        st = audit_keys_load(&keys, d, officers_file, err, err_size);
    if (st == ST_OK)
        sort_out(c, d, &keys);
    buf_free(&keys);
    return st;
}

/* --- the chain -------------------------------------------------------------------------------- */

static void tell_rewritten(struct audit_compare *c, const struct audit_head *h)
{
    tell(c, c->good + 1, h->seq,
         "the chain is another than %s said at %s: something in here was changed, and the chain "
         "behind it made anew",
         h->broker, h->time);
}

void audit_compare_skip(struct audit_compare *c, uint64_t after)
{
    c->good = after;
    while (c->next < c->heads.count && c->heads.item[c->next].seq <= after)
        c->next++;
}

/* Heads end where links end. */
void audit_compare_link(struct audit_compare *c, const struct record_link *l)
{
    for (; c->next < c->heads.count && c->heads.item[c->next].seq <= l->last; c->next++) {
        const struct audit_head *h = &c->heads.item[c->next];

        if (h->seq < l->first && h->seq <= c->good)
            continue;
        if (h->seq == l->last && h->log_epoch == l->log_epoch &&
            memcmp(h->digest, l->digest, DIGEST_BYTES) == 0)
            c->good = h->seq;
        else
            tell_rewritten(c, h);
    }
}

void audit_compare_end(struct audit_compare *c, uint64_t upto)
{
    for (; c->next < c->heads.count; c->next++) {
        const struct audit_head *h = &c->heads.item[c->next];

        tell(c, upto + 1, h->seq,
             "cut off: %s said at %s that the log stood at %" PRIu32 "/%" PRIu64, h->broker,
             h->time, h->log_epoch, h->seq);
    }
}

void audit_compare_report(const struct audit_compare *c, struct buf *out)
{
    buf_put(out, c->doubts.data, c->doubts.len);
    if (c->unbelieved > AUDIT_SHOWN)
        buf_printf(out, "and %" PRIu64 " heads more\n", c->unbelieved - AUDIT_SHOWN);
    if (c->proved + c->plain + c->unbelieved)
        buf_printf(out,
                   "heads: %" PRIu64 " signed by their brokers, %" PRIu64 " without a signature, "
                   "%" PRIu64 " not believed\n",
                   c->proved, c->plain, c->unbelieved);
}

void audit_compare_free(struct audit_compare *c)
{
    audit_heads_free(&c->heads);
    buf_free(&c->doubts);
}

/* --- the heads alone -------------------------------------------------------------------------- */

static void on_link(void *arg, const struct record_link *l)
{
    audit_compare_link(arg, l);
}

enum status audit_compare_run(struct audit_compare *c, struct db *d)
{
    enum status st = ST_OK;
    uint64_t upto = 0;

    while (st == ST_OK && c->next < c->heads.count) {
        size_t before = c->next;

        st = audit_link_at(d, c->heads.item[c->next].seq, on_link, c, &upto);
        if (c->next == before)
            break; /* behind the end */
    }
    if (st != ST_OK)
        return st;
    if (c->next < c->heads.count)
        st = audit_chain_end(d, &upto);
    if (st == ST_OK)
        audit_compare_end(c, upto);
    return st;
}
