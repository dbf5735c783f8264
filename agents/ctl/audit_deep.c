/* audit_deep - see audit_deep.h. */
#include "agents/ctl/audit_deep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/gate.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

struct audit_deep {
    struct db *d;
    void (*found)(void *arg, const struct record_finding *f);
    void *arg;
    struct arena *arena; /* of one message */
    struct buf want;     /* of the page: JSON, [[number, type, document], ...] */
    uint64_t wanted;     /* in it */
    uint64_t there, good;
};

/* $1 as above, $2 and $3 the page. Labels were not kept with every message (0021_readers): there a
 * document has the label of its own text. */
#define PAGE_SQL                                                                                   \
    "SELECT w.seq, count(*) FILTER (WHERE d.seq IS NULL) OVER () AS missing, CASE"                 \
    " WHEN d.seq IS NULL THEN 'its document is missing'"                                           \
    " WHEN d.doc <> w.doc THEN 'its document does not say what the message says'"                  \
    " ELSE 'column ' || CASE WHEN d.received_at <> m.received_at THEN 'received_at'"               \
    "  WHEN d.event_at <> m.event_at THEN 'event_at' WHEN d.sender_id <> m.sender_id THEN"         \
    "  'sender_id' WHEN d.status <> m.status THEN 'status' WHEN d.message_id <> m.message_id"      \
    "  THEN 'message_id' WHEN coalesce(d.places, '') <> m.places THEN 'places' ELSE 'marks' END"   \
    "  || ' of its document is not that of the message' END AS what"                               \
    " FROM jsonb_array_elements($1::jsonb) AS e(v)"                                                \
    " CROSS JOIN LATERAL (SELECT (v->>0)::int8 AS seq, (v->>1)::int2 AS type, v->2 AS doc) AS w"   \
    " LEFT JOIN bus.document d ON d.type = w.type AND d.seq = w.seq"                               \
    " LEFT JOIN bus.message m ON m.seq = w.seq AND m.seq BETWEEN $2::int8 AND $3::int8"            \
    " WHERE d.seq IS NULL OR d.doc <> w.doc OR d.received_at <> m.received_at"                     \
    " OR d.event_at <> m.event_at OR d.sender_id <> m.sender_id OR d.status <> m.status"           \
    " OR d.message_id <> m.message_id OR coalesce(d.places, '') <> m.places"                       \
    " OR CASE WHEN coalesce(m.marks, 0) >> 4 > 0 THEN d.marks IS DISTINCT FROM m.marks"            \
    "    ELSE coalesce(d.marks, 0) >> 4 NOT IN (0, coalesce(array_position(ARRAY['LABEL_PUBLIC',"  \
    "    'LABEL_INTERNAL', 'LABEL_RESTRICTED', 'LABEL_HOUSEHOLD_PERSONAL'], w.doc->>'label'), 4))" \
    "    END ORDER BY w.seq"

/* Of numbers $1 to $2; $3 the types that have none. */
#define COUNT_SQL "SELECT count(*) AS n FROM bus.document WHERE seq BETWEEN $1::int8 AND $2::int8"
#define EXTRA_SQL                                                                                  \
    "SELECT d.seq FROM bus.document d LEFT JOIN bus.message m ON m.seq = d.seq"                    \
    " WHERE d.seq BETWEEN $1::int8 AND $2::int8 AND (m.seq IS NULL OR m.type <> d.type"            \
    " OR d.type = ANY ($3::int2[])) ORDER BY d.seq"

static void tell(struct audit_deep *p, uint64_t seq, const char *what)
{
    struct record_finding f = {.seq = seq, .upto = seq};

    snprintf(f.what, sizeof(f.what), "%s", what);
    p->found(p->arg, &f);
}

/* --- a page ----------------------------------------------------------------------------------- */

/* As the broker made it when the message came (ingress). What cannot be read has another digest as
 * well, and is told for that. */
void audit_deep_row(struct audit_deep *p, const struct record_row *m)
{
    const struct type_info *type;
    struct refusal why;
    Eocbus__V1__Envelope *e = NULL;

    arena_reset(p->arena);
    if (gate_content(&e, m->content, m->content_len, p->arena, &why) != ST_OK && !e)
        return;
    type = type_by_number((unsigned)e->body_case);
    if (!type || !(type->flags & TYPE_LEDGER))
        return;
    buf_printf(&p->want, "%s[%" PRIu64 ",%u,", p->want.len ? "," : "[", m->seq, type->number);
    json_print(&p->want, &e->base);
    buf_puts(&p->want, "]");
    p->wanted++;
}

static enum status judge(struct audit_deep *p, uint64_t low, uint64_t high)
{
    char first[24], last[24];
    const char *params[] = {NULL, first, last};
    struct db_rows *r;
    enum status st;

    buf_put(&p->want, "]", 2); /* and the NUL */
    if (p->want.failed)
        return ST_NOMEM;
    params[0] = (const char *)p->want.data;
    snprintf(first, sizeof(first), "%" PRIu64, low);
    snprintf(last, sizeof(last), "%" PRIu64, high);
    st = db_query(p->d, &r, PAGE_SQL, params, 3);
    if (st != ST_OK)
        return st;
    for (unsigned i = 0; i < db_count(r); i++)
        tell(p, db_number(r, i, "seq"), db_cell(r, i, "what"));
    p->there += p->wanted - (db_count(r) ? db_number(r, 0, "missing") : 0);
    p->good += p->wanted - db_count(r);
    db_rows_free(r);
    return ST_OK;
}

enum status audit_deep_page(struct audit_deep *p, uint64_t low, uint64_t high)
{
    enum status st = p->wanted ? judge(p, low, high) : ST_OK;

    buf_clear(&p->want);
    p->wanted = 0;
    return st;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void put_bulk_types(struct buf *out)
{
    buf_puts(out, "{");
    for (size_t i = 0; i < type_count(); i++)
        if (!(type_at(i)->flags & TYPE_LEDGER))
            buf_printf(out, "%s%u", out->len > 1 ? "," : "", type_at(i)->number);
    buf_put(out, "}", 2);
}

static enum status tell_extra(struct audit_deep *p, const char *first, const char *last)
{
    struct buf bulk = {0};
    const char *params[] = {first, last, NULL};
    struct db_rows *r;
    enum status st;

    put_bulk_types(&bulk);
    params[2] = (const char *)bulk.data;
    st = bulk.failed ? ST_NOMEM : db_script(p->d, "SET enable_seqscan = on");
    if (st == ST_OK)
        st = db_query(p->d, &r, EXTRA_SQL, params, 3);
    buf_free(&bulk);
    if (st != ST_OK)
        return st;
    for (unsigned i = 0; i < db_count(r); i++)
        tell(p, db_number(r, i, "seq"), "a document that no message made");
    db_rows_free(r);
    return ST_OK;
}

enum status audit_deep_end(struct audit_deep *p, uint64_t after, uint64_t upto)
{
    char first[24], last[24];
    const char *params[] = {first, last};
    struct db_rows *r;
    uint64_t there;
    enum status st;

    snprintf(first, sizeof(first), "%" PRIu64, after + 1);
    snprintf(last, sizeof(last), "%" PRIu64, upto);
    st = db_query(p->d, &r, COUNT_SQL, params, 2);
    if (st != ST_OK)
        return st;
    there = db_number(r, 0, "n");
    db_rows_free(r);
    return there > p->there ? tell_extra(p, first, last) : ST_OK;
}

uint64_t audit_deep_count(const struct audit_deep *p)
{
    return p->good;
}

/* --- life ------------------------------------------------------------------------------------- */

enum status audit_deep_create(struct audit_deep **out, struct db *d,
                              void (*found)(void *arg, const struct record_finding *f), void *arg)
{
    struct audit_deep *p = mem_zalloc(sizeof(*p));

    if (!p)
        return ST_NOMEM;
    p->d = d;
    p->found = found;
    p->arg = arg;
    if (arena_create(&p->arena, LIMIT_ARENA_BYTES) != ST_OK) {
        mem_free(p);
        return ST_NOMEM;
    }
    *out = p;
    return ST_OK;
}

void audit_deep_destroy(struct audit_deep *p)
{
    if (!p)
        return;
    arena_destroy(p->arena);
    buf_free(&p->want);
    mem_free(p);
}
