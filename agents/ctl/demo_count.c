/* demo_count - the three witnesses are read: outboxes, database, listener's record. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/demo.h"
#include "agents/ctl/feed.h"
#include "agents/ctl/tally.h"
#include "agents/link/outbox.h"

#include "proto/base/banned.h"

struct count {
    struct demo *d;
    struct tally_list said, stored, refused, heard;
    uint64_t gone, wrong_receipts;
    enum status st;
};

static bool on_row(void *arg, const struct outbox_row *row, int state,
                   const struct outbox_outcome *oc)
{
    struct count *c = arg;

    (void)state;
    (void)oc;
    c->st = tally_add(&c->said, feed_digest(row->content, row->content_len), 0);
    return c->st == ST_OK;
}

static int read_outbox(struct count *c, const struct plan_agent *a)
{
    const char *path = demo_path(c->d, "outbox/%s.db", a->short_name);
    struct outbox_settings set = {.path = path, .sender = a->name};
    struct outbox_counts counts = {0};
    size_t before = c->said.count;
    struct outbox *o;
    char err[400];
    enum status st;

    if (access(path, F_OK) != 0)
        return -1;
    st = outbox_open(&o, &set, err, sizeof(err));
    if (st != ST_OK)
        return program_fail(&c->d->ctl->program, EXIT_MACHINE, "%s", err);
    st = outbox_each(o, on_row, c);
    if (st == ST_OK)
        st = outbox_counts(o, &counts);
    snprintf(err, sizeof(err), "%s", outbox_trouble(o));
    outbox_close(o);
    if (st != ST_OK || c->st != ST_OK)
        return program_fail(&c->d->ctl->program, EXIT_MACHINE, "%s cannot be counted: %s", path,
                            err);
    if (counts.put > c->said.count - before)
        c->gone += counts.put - (c->said.count - before);
    return -1;
}

static bool on_content(void *arg, const struct db_rows *row)
{
    struct count *c = arg;
    struct buf content = {0};

    if (!db_bytes(row, 0, "content", &content))
        c->st = ST_NOMEM;
    else
        c->st = tally_add(db_cell(row, 0, "seq") ? &c->stored : &c->refused,
                          feed_digest(content.data, content.len), db_number(row, 0, "seq"));
    buf_free(&content);
    return c->st == ST_OK;
}

/* Read anew from the beginning if PostgreSQL dies in the middle. */
static enum status read_database(struct db *db, void *arg, char *err, size_t err_size)
{
    struct count *c = arg;
    enum status st;

    c->stored.count = c->refused.count = 0;
    st = db_each(db, "SELECT seq, content FROM bus.message ORDER BY seq", NULL, 0, on_content, c);
    if (st == ST_OK)
        st = db_each(db, "SELECT NULL::int8 AS seq, content FROM bus.quarantine", NULL, 0,
                     on_content, c);
    if (st != ST_OK)
        snprintf(err, err_size, "the log cannot be counted: %s", db_error(db));
    return st == ST_OK ? c->st : st;
}

static int read_record(struct count *c)
{
    const char *path = demo_path(c->d, "listener.record");
    struct feed_record rec;
    char line[128];
    FILE *f = fopen(path, "re");

    while (f && fgets(line, sizeof(line), f)) {
        if (!feed_record_parse(&rec, line, strlen(line)))
            continue; /* a torn last line: not heard */
        if (tally_add(&c->heard, rec.digest, rec.seq) != ST_OK) {
            fclose(f);
            return program_fail(&c->d->ctl->program, EXIT_MACHINE, "out of memory");
        }
    }
    if (f)
        fclose(f);
    return -1;
}

static int judge(struct count *c)
{
    struct tally_result r;
    int code = EXIT_DONE;

    tally_compare(&r, &c->said, c->gone, &c->stored, &c->refused, &c->heard);
    if (r.refused != c->d->plan.refused) {
        fprintf(stderr, "eocctl: the plan has %u refusals, but %" PRIu64 " messages were refused\n",
                c->d->plan.refused, r.refused);
        code = EXIT_REFUSED;
    }
    if (r.lost || r.duplicated)
        code = EXIT_REFUSED;
    printf("published %" PRIu64 " stored %" PRIu64 " delivered %" PRIu64 " refused %" PRIu64
           " lost %" PRIu64 " duplicated %" PRIu64 "\n",
           r.published, r.stored, r.delivered, r.refused, r.lost, r.duplicated);
    fflush(stdout);
    return code;
}

int demo_count(struct demo *d)
{
    struct count c = {.d = d};
    char err[600];
    int code = read_record(&c);

    for (unsigned i = 0; i < d->plan.agent_count && code < 0; i++)
        code = read_outbox(&c, &d->plan.agents[i]);
    if (code < 0 && demo_ask(d, read_database, &c, err, sizeof(err)) != ST_OK)
        code = program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
    if (code < 0)
        code = judge(&c);
    tally_free(&c.said);
    tally_free(&c.stored);
    tally_free(&c.refused);
    tally_free(&c.heard);
    return code;
}
