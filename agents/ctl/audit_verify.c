/* audit_verify - does the record hold, and if not, which number is the first that is wrong. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/audit.h"
#include "agents/ctl/audit_deep.h"
#include "agents/ctl/audit_keys.h"
#include "agents/link/print.h"
#include "proto/base/sign.h"

#include "proto/base/banned.h"

/* In one statement, so that a commit meanwhile is in all of it or in nothing. */
#define END_SQL                                                                                    \
    "SELECT h.seq AS head, coalesce((SELECT max(last_seq) FROM bus.chain), 0) AS chained,"         \
    " (SELECT min(m.seq) FROM bus.message m WHERE m.seq > coalesce((SELECT max(last_seq) FROM"     \
    " bus.chain), 0)) AS unchained,"                                                               \
    " coalesce((SELECT max(upto_seq) FROM bus.retired), 0) AS retired FROM bus.log_head h"
struct verify {
    struct db *d;
    const struct audit_wish *wish;
    struct buf out, keys; /* keys: struct audit_key */
    struct audit_compare heads;
    struct audit_deep *deep; /* NULL: not asked for */
    uint64_t found, retired, chained, signed_good, unsigned_;
    struct record_finding first;
};

static void on_found(void *arg, const struct record_finding *f)
{
    struct verify *v = arg;

    if (!v->found++ || f->seq < v->first.seq)
        v->first = *f;
    if (v->found > AUDIT_SHOWN)
        return;
    if (f->upto > f->seq)
        buf_printf(&v->out, "WRONG %" PRIu64 " to %" PRIu64 ": ", f->seq, f->upto);
    else
        buf_printf(&v->out, "WRONG %" PRIu64 ": ", f->seq);
    print_escaped(&v->out, f->what, strlen(f->what));
    buf_puts(&v->out, "\n");
}

static void tell(struct verify *v, uint64_t seq, uint64_t upto, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void tell(struct verify *v, uint64_t seq, uint64_t upto, const char *fmt, ...)
{
    struct record_finding f = {.seq = seq, .upto = upto};
    va_list args;

    va_start(args, fmt);
    vsnprintf(f.what, sizeof(f.what), fmt, args);
    va_end(args);
    on_found(v, &f);
}

static void on_link(void *arg, const struct record_link *l)
{
    struct verify *v = arg;

    audit_compare_link(&v->heads, l);
}

/* --- signatures ------------------------------------------------------------------------------- */

static void check_signature(struct verify *v, const struct record_row *m)
{
    if (!m->signature || m->signature_len != SIGN_BYTES) {
        v->unsigned_++;
        return;
    }
    switch (audit_keys_judge(&v->keys, m->sender, m->sender_len, m->content, m->content_len,
                             m->signature)) {
    case WORD_GOOD:
        v->signed_good++;
        break;
    case WORD_BAD:
        tell(v, m->seq, m->seq, "its signature is not its sender's");
        break;
    case WORD_NOBODY:
        break;
    }
}

static void on_row(void *arg, const struct record_row *m)
{
    struct verify *v = arg;

    if (v->wish->signatures)
        check_signature(v, m);
    if (v->deep)
        audit_deep_row(v->deep, m);
}

static enum status on_page(void *arg, uint64_t low, uint64_t high)
{
    struct verify *v = arg;

    return audit_deep_page(v->deep, low, high);
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum status look_at_end(struct verify *v, bool tell_it)
{
    struct db_rows *r;
    enum status st = db_query(v->d, &r, END_SQL, NULL, 0);
    uint64_t head, unchained;

    if (st != ST_OK)
        return st;
    head = db_number(r, 0, "head");
    unchained = db_number(r, 0, "unchained");
    v->chained = db_number(r, 0, "chained");
    v->retired = db_number(r, 0, "retired");
    if (tell_it && unchained)
        tell(v, unchained, unchained,
             "stored behind the end of the chain, by no commit of the bus");
    if (tell_it && head > v->chained)
        tell(v, v->chained + 1, head, "the log's head is %" PRIu64 ", and the chain ends before it",
             head);
    if (tell_it && head < v->chained)
        tell(v, head + 1, v->chained, "the log's head is %" PRIu64 ", and the chain goes on", head);
    db_rows_free(r);
    return ST_OK;
}

static enum status run(struct verify *v, struct record *r)
{
    struct audit_walk walk = {.d = v->d, .r = r, .link = on_link, .arg = v};
    uint64_t after = 0, end = v->chained;
    enum status st = audit_begin(v->d, r, v->wish->from, &after);

    audit_compare_skip(&v->heads, after);
    if (v->wish->signatures || v->deep)
        walk.row = on_row;
    if (v->deep) {
        walk.page = on_page;
        walk.page_rows = AUDIT_DEEP_PAGE;
    }
    if (st == ST_OK)
        st = audit_walk(&walk, after, end);
    if (st == ST_OK && v->deep)
        st = audit_deep_end(v->deep, after, end);
    if (st == ST_FULL)
        st = ST_OK; /* told */
    if (st != ST_OK)
        return st;
    if (record_upto(r) < end && !v->found)
        tell(v, record_upto(r) + 1, end, "these numbers are missing from the chain");
    audit_compare_end(&v->heads, end);
    return look_at_end(v, true);
}

static void report(struct verify *v, const struct record *r)
{
    char hex[DIGEST_HEX];

    digest_hex(hex, record_digest(r));
    if (v->found > AUDIT_SHOWN)
        buf_printf(&v->out, "and %" PRIu64 " more\n", v->found - AUDIT_SHOWN);
    audit_compare_report(&v->heads, &v->out);
    buf_printf(&v->out, "%" PRIu64 " messages up to number %" PRIu64 " of log epoch %" PRIu32,
               record_messages(r), record_upto(r), record_epoch(r));
    if (v->retired)
        buf_printf(&v->out, "; up to %" PRIu64 " they were taken away on purpose", v->retired);
    if (v->wish->signatures)
        buf_printf(&v->out, "; %" PRIu64 " signatures are good, %" PRIu64 " messages have none",
                   v->signed_good, v->unsigned_);
    if (v->deep)
        buf_printf(&v->out, "; %" PRIu64 " documents say what their messages say",
                   audit_deep_count(v->deep));
    if (v->found)
        buf_printf(&v->out, ": the record does NOT hold, first wrong number %" PRIu64 "\n",
                   v->first.seq);
    else
        buf_printf(&v->out, ": the record holds, digest %s\n", hex);
}

static enum status check(struct verify *v)
{
    struct record *r = NULL;
    enum status st = look_at_end(v, false);

    if (st == ST_OK)
        st = record_create(&r, v->retired, on_found, v);
    if (st == ST_OK)
        st = run(v, r);
    if (st == ST_OK)
        report(v, r);
    record_destroy(r);
    return st;
}

/* What is held against the record, besides itself. */
static enum status prepare(struct verify *v, char *err, size_t err_size)
{
    const struct audit_wish *w = v->wish;
    enum status st = ST_OK;

    v->heads.found = on_found;
    v->heads.arg = v;
    if (w->heads)
        st = audit_compare_begin(&v->heads, v->d, w->heads, w->officers, err, err_size);
    if (st == ST_OK && w->signatures)
        st = audit_keys_load(&v->keys, v->d, NULL, err, err_size);
    if (st == ST_OK && w->deep) {
        st = audit_deep_create(&v->deep, v->d, on_found, v);
        if (st != ST_OK)
            snprintf(err, err_size, "out of memory");
    }
    return st;
}

static void give_result(struct audit_result *out, struct verify *v)
{
    *out = (struct audit_result){.text = v->out,
                                 .found = v->found,
                                 .unbelieved = v->heads.unbelieved,
                                 .first = v->first.seq,
                                 .upto = v->first.upto};
    snprintf(out->what, sizeof(out->what), "%s", v->first.what);
    audit_compare_free(&v->heads);
    audit_deep_destroy(v->deep);
    buf_free(&v->keys);
}

enum status audit_check(struct audit_result *out, struct db *d, const struct audit_wish *wish,
                        char *err, size_t err_size)
{
    struct verify v = {.d = d, .wish = wish};
    enum status st = prepare(&v, err, err_size);

    if (st == ST_OK) {
        st = check(&v);
        if (st != ST_OK)
            snprintf(err, err_size, "the record cannot be read: %s", db_error(d));
    }
    give_result(out, &v);
    return st;
}

static int end(struct ctl *c, struct audit_result *result, enum status st, const char *err)
{
    print_flush(&result->text);
    buf_free(&result->text);
    if (st != ST_OK)
        return program_fail(&c->program,
                            st == ST_CLOSED                         ? EXIT_UNREACHABLE
                            : st == ST_NOTFOUND || st == ST_INVALID ? EXIT_USAGE
                                                                    : EXIT_REFUSED,
                            "%s", err);
    return result->found || result->unbelieved ? EXIT_REFUSED : EXIT_DONE;
}

int audit_verify(struct ctl *c, struct db *d, const struct audit_wish *wish)
{
    struct audit_result result = {0};
    char err[600];
    enum status st = audit_check(&result, d, wish, err, sizeof(err));

    return end(c, &result, st, err);
}

int audit_check_heads(struct ctl *c, struct db *d, const struct audit_wish *wish)
{
    struct verify v = {.d = d, .wish = wish};
    struct audit_result result;
    char err[600];
    enum status st = prepare(&v, err, sizeof(err));

    if (st == ST_OK) {
        st = audit_compare_run(&v.heads, d);
        if (st != ST_OK)
            snprintf(err, sizeof(err), "the chain cannot be read: %s", db_error(d));
    }
    if (st == ST_OK) {
        audit_compare_report(&v.heads, &v.out);
        if (v.found)
            buf_printf(&v.out, "the record is NOT as it was said, first wrong number %" PRIu64 "\n",
                       v.first.seq);
        else
            buf_printf(&v.out, "the chain is as it was said, up to number %" PRIu64 "\n",
                       v.heads.good);
    }
    give_result(&result, &v);
    return end(c, &result, st, err);
}
