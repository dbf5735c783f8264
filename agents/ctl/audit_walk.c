/* audit_walk - the chain and its messages out of the database, a page after the other. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/audit.h"

#include "proto/base/banned.h"

/* Numbers of a page: some 25 MiB of messages go by, of which 4 MiB are kept. */
enum { PAGE = 65536, LINK_COLUMNS = 5, ROW_COLUMNS = 18 };

#define LINKS_SQL "SELECT first_seq, last_seq, log_epoch, digest, rows FROM bus.chain"
#define ROWS_SQL                                                                                   \
    "SELECT m.seq, m.log_epoch, p.name, m.received_at, m.not_after, m.clock_offset_ms, m.marks,"   \
    " m.content, m.signature, m.digest, m.epoch, m.lane_seq, m.lane, m.type, m.status,"            \
    " m.message_id, m.event_at, m.places FROM bus.message m"                                       \
    " LEFT JOIN bus.principal p ON p.principal_id = m.sender_id"

/* Big-endian, of 2, 4 or 8 bytes; NULL reads 0. */
static int64_t number(const struct db_value *v)
{
    uint64_t n = v->data && v->len && (v->data[0] & 0x80) ? UINT64_MAX : 0;

    for (size_t i = 0; v->data && i < v->len; i++)
        n = n << 8 | v->data[i];
    return (int64_t)n;
}

static bool is_of(const struct db_value *v, size_t len)
{
    return v->data && v->len == len;
}

static void on_link(void *arg, const struct db_value *v, unsigned n)
{
    struct audit_walk *w = arg;
    struct record_link l;

    if (w->st != ST_OK)
        return;
    if (n != LINK_COLUMNS || !is_of(&v[3], DIGEST_BYTES) || !v[4].data) {
        w->st = ST_INVALID;
        return;
    }
    l = (struct record_link){.first = (uint64_t)number(&v[0]),
                             .last = (uint64_t)number(&v[1]),
                             .log_epoch = (uint32_t)number(&v[2]),
                             .digest = v[3].data,
                             .rows = v[4].data,
                             .rows_len = v[4].len};
    if (w->r)
        w->st = record_link(w->r, &l);
    if (!w->low)
        w->low = l.first;
    w->high = l.last;
    if (w->st == ST_OK && w->link)
        w->link(w->arg, &l);
}

static void on_row(void *arg, const struct db_value *v, unsigned n)
{
    static const uint8_t no_digest[RECORD_SHORT]; /* what has another length is none */
    struct audit_walk *w = arg;
    struct record_row m;

    if (n != ROW_COLUMNS || !is_of(&v[3], 8) || !is_of(&v[15], 16) || !is_of(&v[16], 8)) {
        w->st = ST_INVALID;
        return;
    }
    m = (struct record_row){
        .seq = (uint64_t)number(&v[0]),
        .log_epoch = (uint32_t)number(&v[1]),
        .sender = v[2].data ? (const char *)v[2].data : "",
        .sender_len = v[2].len,
        .received_at = v[3].data,
        .not_after = is_of(&v[4], 8) ? v[4].data : NULL,
        .clock_offset_ms = (int32_t)number(&v[5]),
        .marks = (int16_t)number(&v[6]),
        .content = v[7].data,
        .content_len = v[7].len,
        .signature = v[8].data,
        .signature_len = v[8].len,
        .short_digest = !v[9].data || is_of(&v[9], RECORD_SHORT) ? v[9].data : no_digest,
        .epoch = (uint64_t)number(&v[10]),
        .lane_seq = (uint64_t)number(&v[11]),
        .lane = (unsigned)number(&v[12]),
        .type = (unsigned)number(&v[13]),
        .status = (unsigned)number(&v[14]),
        .message_id = v[15].data,
        .event_at = v[16].data,
        .places = v[17].data ? (const char *)v[17].data : "",
        .places_len = v[17].len,
    };
    if (w->r)
        record_row(w->r, &m);
    if (w->row)
        w->row(w->arg, &m);
}

/* Links of the next page; if they have a hole, the next one there is. */
static enum status read_links(struct audit_walk *w, uint64_t upto)
{
    uint64_t rows = w->page_rows ? w->page_rows : PAGE;
    uint64_t end = upto - w->after > rows ? w->after + rows : upto;
    char sql[256];
    enum status st;

    w->low = w->high = 0;
    snprintf(sql, sizeof(sql),
             LINKS_SQL " WHERE last_seq > %" PRIu64 " AND last_seq <= %" PRIu64
                       " ORDER BY last_seq",
             w->after, end);
    st = db_copy(w->d, sql, on_link, w);
    if (st != ST_OK || w->st != ST_OK || w->high)
        return st;
    snprintf(sql, sizeof(sql),
             LINKS_SQL " WHERE last_seq > %" PRIu64 " AND last_seq <= %" PRIu64
                       " ORDER BY last_seq LIMIT 1",
             w->after, upto);
    return db_copy(w->d, sql, on_link, w);
}

static enum status read_rows(struct audit_walk *w)
{
    char sql[800];

    snprintf(sql, sizeof(sql), ROWS_SQL " WHERE m.seq >= %" PRIu64 " AND m.seq <= %" PRIu64 "%s",
             w->low, w->high, w->in_order ? " ORDER BY m.seq" : "");
    return db_copy(w->d, sql, on_row, w);
}

enum status audit_walk(struct audit_walk *w, uint64_t after, uint64_t upto)
{
    enum status st = db_script(w->d, "SET jit = off; SET enable_seqscan = off;"
                                     " SET max_parallel_workers_per_gather = 0");

    w->after = after;
    w->st = ST_OK;
    while (st == ST_OK && w->st == ST_OK && w->after < upto) {
        st = read_links(w, upto);
        if (st != ST_OK || !w->high)
            break;
        st = read_rows(w);
        if (st == ST_OK && w->r)
            record_judge(w->r);
        if (st == ST_OK && w->page)
            st = w->page(w->arg, w->low, w->high);
        w->after = w->high;
    }
    return st == ST_OK ? w->st : st;
}

struct beginning {
    struct record *r;
    uint64_t after;
};

static void on_before(void *arg, const struct db_value *v, unsigned n)
{
    struct beginning *b = arg;
    struct record_link l = {0};

    if (n != LINK_COLUMNS || !is_of(&v[3], DIGEST_BYTES))
        return;
    l.last = (uint64_t)number(&v[1]);
    l.log_epoch = (uint32_t)number(&v[2]);
    l.digest = v[3].data;
    if (b->r)
        record_begin(b->r, &l);
    b->after = l.last;
}

enum status audit_begin(struct db *d, struct record *r, uint64_t from, uint64_t *after)
{
    struct beginning b = {.r = r};
    char sql[200];
    enum status st;

    snprintf(sql, sizeof(sql),
             LINKS_SQL " WHERE last_seq < %" PRIu64 " ORDER BY last_seq DESC LIMIT 1", from);
    st = db_copy(d, sql, on_before, &b);
    *after = b.after;
    return st;
}

struct looking {
    void (*link)(void *arg, const struct record_link *l);
    void *arg;
    uint64_t upto;
};

static void on_looked(void *arg, const struct record_link *l)
{
    struct looking *k = arg;

    k->upto = l->last;
    if (k->link)
        k->link(k->arg, l);
}

static enum status look(struct db *d, const char *sql, struct looking *k)
{
    struct audit_walk w = {.d = d, .link = on_looked, .arg = k};
    enum status st = db_copy(d, sql, on_link, &w);

    return st == ST_OK ? w.st : st;
}

enum status audit_link_at(struct db *d, uint64_t seq,
                          void (*link)(void *arg, const struct record_link *l), void *arg,
                          uint64_t *upto)
{
    struct looking k = {.link = link, .arg = arg, .upto = *upto};
    char sql[200];
    enum status st;

    snprintf(sql, sizeof(sql), LINKS_SQL " WHERE last_seq >= %" PRIu64 " ORDER BY last_seq LIMIT 1",
             seq);
    st = look(d, sql, &k);
    *upto = k.upto;
    return st;
}

enum status audit_chain_end(struct db *d, uint64_t *upto)
{
    struct looking k = {0};
    enum status st = look(d, LINKS_SQL " ORDER BY last_seq DESC LIMIT 1", &k);

    *upto = k.upto;
    return st;
}
