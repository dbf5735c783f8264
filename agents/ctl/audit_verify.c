/* audit_verify - does the record hold, and if not, which number is the first that is wrong. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/audit.h"
#include "agents/link/print.h"
#include "proto/base/sign.h"

#include "proto/base/banned.h"

enum { SHOWN_MOST = 20 };

/* In one statement, so that a commit meanwhile is in all of it or in nothing. */
#define END_SQL                                                                                    \
    "SELECT h.seq AS head, coalesce((SELECT max(last_seq) FROM bus.chain), 0) AS chained,"         \
    " (SELECT min(m.seq) FROM bus.message m WHERE m.seq > coalesce((SELECT max(last_seq) FROM"     \
    " bus.chain), 0)) AS unchained,"                                                               \
    " coalesce((SELECT max(upto_seq) FROM bus.retired), 0) AS retired FROM bus.log_head h"
#define EPOCHS_SQL "SELECT log_epoch, head_then, because FROM bus.epoch ORDER BY log_epoch"
#define KEYS_SQL                                                                                   \
    "SELECT p.name, k.sign_key FROM bus.principal_key k JOIN bus.principal p USING (principal_id)" \
    " WHERE k.sign_key IS NOT NULL"

struct sender_key {
    char name[65];
    uint8_t key[KEY_BYTES];
};

struct verify {
    struct db *d;
    struct buf out, keys; /* keys: struct sender_key */
    struct audit_heads heads;
    size_t next_head;
    uint64_t good_head; /* number of the last head that fitted */
    uint64_t found, retired, chained, signed_good, unsigned_;
    struct record_finding first;
    bool signatures;
};

static void on_found(void *arg, const struct record_finding *f)
{
    struct verify *v = arg;

    if (!v->found++ || f->seq < v->first.seq)
        v->first = *f;
    if (v->found > SHOWN_MOST)
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

/* --- heads ------------------------------------------------------------------------------------ */

static void tell_rewritten(struct verify *v, const struct audit_head *h)
{
    tell(v, v->good_head + 1, h->seq,
         "the chain is another than %s said at %s: something in here was changed, and the chain "
         "behind it made anew",
         h->broker, h->time);
}

/* Heads end where links end. */
static void on_link(void *arg, const struct record_link *l)
{
    struct verify *v = arg;

    for (; v->next_head < v->heads.count && v->heads.item[v->next_head].seq <= l->last;
         v->next_head++) {
        const struct audit_head *h = &v->heads.item[v->next_head];

        if (h->seq < l->first && h->seq <= v->good_head)
            continue;
        if (h->seq == l->last && h->log_epoch == l->log_epoch &&
            memcmp(h->digest, l->digest, DIGEST_BYTES) == 0)
            v->good_head = h->seq;
        else
            tell_rewritten(v, h);
    }
}

/* What was known of an epoch that ended before that number is gone with a reason. */
static bool was_lost(struct verify *v, const struct db_rows *epochs, const struct audit_head *h)
{
    for (unsigned i = 0; epochs && i < db_count(epochs); i++) {
        uint64_t then = db_number(epochs, i, "head_then");

        if (db_number(epochs, i, "log_epoch") <= h->log_epoch)
            continue;
        if (h->seq <= then)
            return false;
        tell(v, then + 1, h->seq,
             "%s said at %s that epoch %" PRIu32 " went up to here; the next epoch began behind "
             "%" PRIu64 ": %s",
             h->broker, h->time, h->log_epoch, then, db_cell(epochs, i, "because"));
        return true;
    }
    return false;
}

/* Heads whose numbers are not in the log any more, and those of an epoch that lost its end. */
static void sort_out_lost(struct verify *v)
{
    struct db_rows *epochs = NULL;
    size_t kept = 0;

    if (db_query(v->d, &epochs, EPOCHS_SQL, NULL, 0) != ST_OK)
        epochs = NULL;
    for (size_t i = 0; i < v->heads.count; i++)
        if (!was_lost(v, epochs, &v->heads.item[i]))
            v->heads.item[kept++] = v->heads.item[i];
    v->heads.count = kept;
    db_rows_free(epochs);
}

static void check_cut(struct verify *v, uint64_t upto)
{
    for (; v->next_head < v->heads.count; v->next_head++) {
        const struct audit_head *h = &v->heads.item[v->next_head];

        tell(v, upto + 1, h->seq,
             "cut off: %s said at %s that the log stood at %" PRIu32 "/%" PRIu64, h->broker,
             h->time, h->log_epoch, h->seq);
    }
}

/* --- signatures ------------------------------------------------------------------------------- */

static void on_key(void *arg, const struct db_value *row, unsigned n)
{
    struct verify *v = arg;
    struct sender_key k = {0};

    if (n != 2 || row[0].len >= sizeof(k.name) || row[1].len != KEY_BYTES)
        return;
    memcpy(k.name, row[0].data, row[0].len);
    memcpy(k.key, row[1].data, KEY_BYTES);
    buf_put(&v->keys, &k, sizeof(k));
}

static void on_row(void *arg, const struct record_row *m)
{
    struct verify *v = arg;
    const struct sender_key *k = (const struct sender_key *)(const void *)v->keys.data;
    bool is_known = false;

    if (!m->signature || m->signature_len != SIGN_BYTES) {
        v->unsigned_++;
        return;
    }
    for (size_t i = 0; i < v->keys.len / sizeof(*k); i++) {
        if (strlen(k[i].name) != m->sender_len || memcmp(k[i].name, m->sender, m->sender_len) != 0)
            continue;
        is_known = true;
        if (sign_is_good(k[i].key, "", m->content, m->content_len, m->signature)) {
            v->signed_good++;
            return;
        }
    }
    if (is_known)
        tell(v, m->seq, m->seq, "its signature is not its sender's");
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

static enum status run(struct verify *v, struct record *r, uint64_t from)
{
    struct audit_walk walk = {.d = v->d, .r = r, .link = on_link, .arg = v};
    uint64_t after = 0, end = v->chained;
    enum status st = audit_begin(v->d, r, from, &after);

    v->good_head = after;
    while (v->next_head < v->heads.count && v->heads.item[v->next_head].seq <= after)
        v->next_head++;
    if (st == ST_OK && v->signatures) {
        walk.row = on_row;
        st = db_copy(v->d, KEYS_SQL, on_key, v);
    }
    if (st == ST_OK)
        st = audit_walk(&walk, after, end);
    if (st == ST_FULL)
        st = ST_OK; /* told */
    if (st != ST_OK)
        return st;
    if (record_upto(r) < end && !v->found)
        tell(v, record_upto(r) + 1, end, "these numbers are missing from the chain");
    check_cut(v, end);
    return look_at_end(v, true);
}

static void report(struct verify *v, const struct record *r)
{
    char hex[DIGEST_HEX];

    digest_hex(hex, record_digest(r));
    if (v->found > SHOWN_MOST)
        buf_printf(&v->out, "and %" PRIu64 " more\n", v->found - SHOWN_MOST);
    buf_printf(&v->out, "%" PRIu64 " messages up to number %" PRIu64 " of log epoch %" PRIu32,
               record_messages(r), record_upto(r), record_epoch(r));
    if (v->retired)
        buf_printf(&v->out, "; up to %" PRIu64 " they were taken away on purpose", v->retired);
    if (v->signatures)
        buf_printf(&v->out, "; %" PRIu64 " signatures are good, %" PRIu64 " messages have none",
                   v->signed_good, v->unsigned_);
    if (v->found)
        buf_printf(&v->out, ": the record does NOT hold, first wrong number %" PRIu64 "\n",
                   v->first.seq);
    else
        buf_printf(&v->out, ": the record holds, digest %s\n", hex);
}

static enum status check(struct verify *v, uint64_t from)
{
    struct record *r = NULL;
    enum status st;

    sort_out_lost(v);
    st = look_at_end(v, false);
    if (st == ST_OK)
        st = record_create(&r, v->retired, on_found, v);
    if (st == ST_OK)
        st = run(v, r, from);
    if (st == ST_OK)
        report(v, r);
    record_destroy(r);
    return st;
}

enum status audit_check(struct audit_result *out, struct db *d, uint64_t from, const char *heads,
                        bool signatures, char *err, size_t err_size)
{
    struct verify v = {.d = d, .signatures = signatures};
    enum status st;

    if (heads) {
        st = audit_heads_load(&v.heads, heads, err, err_size);
        if (st != ST_OK)
            return st;
    }
    st = check(&v, from);
    if (st != ST_OK)
        snprintf(err, err_size, "the record cannot be read: %s", db_error(d));
    *out = (struct audit_result){
        .text = v.out, .found = v.found, .first = v.first.seq, .upto = v.first.upto};
    snprintf(out->what, sizeof(out->what), "%s", v.first.what);
    audit_heads_free(&v.heads);
    buf_free(&v.keys);
    return st;
}

int audit_verify(struct ctl *c, struct db *d, uint64_t from, const char *heads, bool signatures)
{
    struct audit_result result = {0};
    char err[600];
    enum status st = audit_check(&result, d, from, heads, signatures, err, sizeof(err));

    print_flush(&result.text);
    buf_free(&result.text);
    if (st != ST_OK)
        return program_fail(&c->program,
                            st == ST_CLOSED                         ? EXIT_UNREACHABLE
                            : st == ST_NOTFOUND || st == ST_INVALID ? EXIT_USAGE
                                                                    : EXIT_REFUSED,
                            "%s", err);
    return result.found ? EXIT_REFUSED : EXIT_DONE;
}
