/* publish - from JSON into the outbox, and what became of it.
 *
 * Everything is in the outbox before the first byte is sent: from then on a broken link, a kill or
 * a power cut only delays it. The receipts are printed in the order of the input. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "agents/link/json_input.h"
#include "proto/base/ids.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

struct entry {
    uint64_t tag, seq;
    char *refusal; /* "code path sentence" */
    bool settled, stored;
};

struct publish {
    struct ctl *c;
    const char *file, *once_key;
    uint64_t wait_s;
    bool unchecked, drain;

    struct loop *loop;
    struct outbox *outbox; /* the agent's, or our own when nobody waits */
    struct arena *arena;
    struct entry *entries; /* in the order of the input */
    size_t count, cap, printed, settled, refused;
    struct entry **by_tag; /* the same, sorted */
    uint8_t *packed;
    size_t packed_len;
};

static struct entry *add_entry(struct publish *p)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        struct entry *more = mem_realloc(p->entries, cap * sizeof(*more));

        if (!more)
            return NULL;
        p->entries = more;
        p->cap = cap;
    }
    p->entries[p->count] = (struct entry){0};
    return &p->entries[p->count++];
}

/* --- putting ------------------------------------------------------------------------------------
 */

/* What the outbox would fill in; its own places stay free, so that a message which the broker takes
 * after all disturbs nothing: an epoch beside the outbox's, and the time as a number. */
static void fill_unchecked(struct publish *p, Eocbus__V1__Envelope *m, uint8_t id[ID_BYTES])
{
    static uint64_t last;
    int64_t now = loop_utc_us(p->loop);
    uint8_t random[10];

    last = (uint64_t)now > last ? (uint64_t)now : last + 1;
    if (m->message_id.len == 0) {
        loop_random(p->loop, random, sizeof(random));
        id_make(id, now, random);
        m->message_id.data = id;
        m->message_id.len = ID_BYTES;
    }
    if (m->originating_id.len == 0)
        m->originating_id = m->message_id;
    if (m->schema == 0)
        m->schema = SCHEMA_VERSION;
    if (!m->sender || !*m->sender)
        m->sender = p->c->set.agent.name;
    if (m->epoch == 0)
        m->epoch = outbox_epoch(p->outbox) + 1;
    if (m->lane_seq == 0)
        m->lane_seq = last;
    if (m->sent_time_us == 0)
        m->sent_time_us = now;
}

/* Packs into p->packed. */
static enum status pack(struct publish *p, const Eocbus__V1__Envelope *m)
{
    size_t len = eocbus__v1__envelope__get_packed_size(m);
    uint8_t *bytes = mem_realloc(p->packed, len + 1);

    if (!bytes)
        return ST_NOMEM;
    p->packed = bytes;
    p->packed_len = eocbus__v1__envelope__pack(m, bytes);
    return ST_OK;
}

static void fill_times(struct publish *p, Eocbus__V1__Envelope *m)
{
    if (m->event_time_us == 0)
        m->event_time_us = loop_utc_us(p->loop);
}

/* Through the gate, with a place that is only lent: afterwards a put can fail for want of room
 * alone. */
static enum status check_one(struct publish *p, Eocbus__V1__Envelope *m, char *err, size_t err_size)
{
    struct refusal why = {.code = ""};
    Eocbus__V1__Envelope *again;
    uint8_t id[ID_BYTES];
    enum status st;

    fill_unchecked(p, m, id);
    st = pack(p, m);
    arena_reset(p->arena);
    if (st == ST_OK)
        st = gate_content(&again, p->packed, p->packed_len, p->arena, &why);
    if (st != ST_OK)
        snprintf(err, err_size, "%s%s%s: %s", why.code, *why.path ? " " : "", why.path, why.text);
    return st;
}

static enum status put_one(struct publish *p, Eocbus__V1__Envelope *m, char *err, size_t err_size)
{
    struct refusal why = {.code = ""};
    uint8_t id[ID_BYTES];
    uint64_t tag = 0;
    struct entry *e;
    enum status st;

    if (p->unchecked) {
        fill_unchecked(p, m, id);
        st = pack(p, m);
        if (st == ST_OK)
            st = outbox_put_raw(p->outbox, m->lane >= 1 && m->lane <= 5 ? (unsigned)m->lane : 4,
                                p->packed, p->packed_len, &tag);
    } else {
        st = outbox_put(p->outbox, m, &tag, &why);
    }
    if (st != ST_OK && st != ST_EXISTS) {
        snprintf(err, err_size, "%s", why.text[0] ? why.text : outbox_trouble(p->outbox));
        return st;
    }
    e = add_entry(p);
    if (!e)
        return ST_NOMEM;
    e->tag = tag;
    return ST_OK;
}

typedef enum status (*each_fn)(struct publish *p, Eocbus__V1__Envelope *m, char *err,
                               size_t err_size);

static enum status each_message(struct publish *p, const struct buf *input, each_fn each, char *err,
                                size_t err_size)
{
    const char *at = (const char *)input->data, *end = at + input->len;
    bool lines = input_is_lines(at, input->len, p->arena);
    unsigned number = 0;
    char why[600] = "";
    enum status st;

    do {
        Eocbus__V1__Envelope *m;

        arena_reset(p->arena);
        st = input_next(&m, &at, end, lines, &number, p->arena, err, err_size);
        if (st == ST_OK) {
            fill_times(p, m);
            st = each(p, m, why, sizeof(why));
            if (st != ST_OK && lines)
                snprintf(err, err_size, "line %u: %s", number, why);
            else if (st != ST_OK)
                snprintf(err, err_size, "%s", why);
        }
    } while (st == ST_OK);
    return st == ST_NOTFOUND ? ST_OK : st;
}

/* First everything is looked at, so that a fault in line 7 leaves lines 1 to 6 unsaid. */
static enum status put_all(struct publish *p, const struct buf *input, char *err, size_t err_size)
{
    enum status st = ST_OK;

    if (!p->unchecked)
        st = each_message(p, input, check_one, err, err_size);
    if (st != ST_OK)
        return st;
    if (p->once_key)
        st = outbox_once(p->outbox, p->once_key);
    if (st == ST_OK)
        st = each_message(p, input, put_one, err, err_size);
    if (st == ST_OK)
        st = outbox_commit(p->outbox);
    if (st != ST_OK && !*err)
        snprintf(err, err_size, "%s", outbox_trouble(p->outbox));
    return st;
}

/* --- receipts -----------------------------------------------------------------------------------
 */

static void print_settled(struct publish *p)
{
    struct buf b = {0};

    for (; p->printed < p->count && p->entries[p->printed].settled; p->printed++) {
        const struct entry *e = &p->entries[p->printed];

        if (e->stored)
            buf_printf(&b, "stored %" PRIu64 "\n", e->seq);
        else
            buf_printf(&b, "refused %s\n", e->refusal ? e->refusal : "");
    }
    print_flush(&b);
    buf_free(&b);
}

static void settle(struct publish *p, struct entry *e, const struct outbox_outcome *oc)
{
    struct buf b = {0}, safe = {0};

    if (e->settled)
        return;
    e->settled = true;
    e->stored = oc->stored;
    e->seq = oc->seq;
    p->settled++;
    if (oc->stored)
        return;
    p->refused++;
    buf_printf(&b, "%s %s %s", oc->code ? oc->code : "", oc->path && *oc->path ? oc->path : "-",
               oc->text ? oc->text : "");
    print_escaped(&safe, (const char *)b.data, b.len);
    buf_put(&safe, "", 1);
    e->refusal = safe.failed ? NULL : mem_strdup((const char *)safe.data);
    buf_free(&b);
    buf_free(&safe);
}

static int compare_tags(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static enum status index_tags(struct publish *p)
{
    p->by_tag = mem_alloc((p->count + 1) * sizeof(*p->by_tag));
    if (!p->by_tag)
        return ST_NOMEM;
    for (size_t i = 0; i < p->count; i++)
        p->by_tag[i] = &p->entries[i];
    qsort(p->by_tag, p->count, sizeof(*p->by_tag), compare_tags);
    return ST_OK;
}

/* What an earlier run with the same once-key put may be settled long since. */
static void look_up_settled(struct publish *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct outbox_outcome oc = {0};
        int state;

        arena_reset(p->arena);
        if (outbox_state(p->outbox, p->entries[i].tag, &state, &oc, p->arena) == ST_OK &&
            state != OUTBOX_WAITING)
            settle(p, &p->entries[i], &oc);
    }
    print_settled(p);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    struct publish *p = arg;
    struct entry key = {.tag = tag}, *wanted = &key, **found;

    if (!p->by_tag)
        return;
    found = bsearch(&wanted, p->by_tag, p->count, sizeof(*p->by_tag), compare_tags);
    if (!found)
        return;
    settle(p, *found, oc);
    print_settled(p);
    if (p->settled == p->count)
        loop_stop(p->loop);
}

static bool is_drained(struct publish *p)
{
    struct outbox_counts counts;
    uint64_t waiting = 0;

    if (outbox_counts(p->outbox, &counts) != ST_OK)
        return false;
    for (size_t lane = 0; lane < ARRAY_LEN(counts.waiting); lane++)
        waiting += counts.waiting[lane];
    return waiting == 0;
}

static void on_drained(void *arg)
{
    struct publish *p = arg;

    if (p->drain)
        loop_stop(p->loop);
}

static void on_deadline(void *arg)
{
    loop_stop(((struct publish *)arg)->loop);
}

static int judge(struct publish *p)
{
    if (p->settled < p->count)
        return program_fail(
            &p->c->program, EXIT_UNREACHABLE,
            "%zu of %zu messages have no receipt yet; they are safe in %s, and the next "
            "run sends them first",
            p->count - p->settled, p->count, p->c->set.agent.outbox_path);
    return p->refused ? EXIT_REFUSED : EXIT_DONE;
}

static int code_of_put(enum status st)
{
    switch (st) {
    case ST_INVALID:
        return EXIT_REFUSED;
    case ST_AGAIN:
        return EXIT_UNREACHABLE;
    default:
        return EXIT_MACHINE;
    }
}

static int wait_for_receipts(struct publish *p)
{
    struct loop_timer *deadline = NULL;

    if (index_tags(p) != ST_OK || loop_timer_create(&deadline, p->loop, on_deadline, p) != ST_OK)
        return program_fail(&p->c->program, EXIT_MACHINE, "out of memory");
    look_up_settled(p);
    loop_timer_start(deadline, (unsigned)(p->wait_s > 86400 ? 86400 : p->wait_s) * 1000u, 0);
    if (p->drain ? !is_drained(p) : p->settled < p->count)
        loop_run(p->loop);
    loop_timer_destroy(deadline);
    if (p->drain && !is_drained(p))
        return program_fail(&p->c->program, EXIT_UNREACHABLE,
                            "%s still holds messages without a receipt",
                            p->c->set.agent.outbox_path);
    return judge(p);
}

static int put_and_wait(struct publish *p, const struct buf *input)
{
    char err[1000] = "";
    enum status st = p->drain ? ST_OK : put_all(p, input, err, sizeof(err));

    if (st != ST_OK)
        return program_fail(&p->c->program, code_of_put(st), "%s", err);
    return p->wait_s ? wait_for_receipts(p) : EXIT_DONE;
}

/* Without waiting no link is needed, and an agent that holds the outbox will send it. */
static int with_outbox_only(struct publish *p, const struct buf *input)
{
    const struct agent_settings *a = &p->c->set.agent;
    struct outbox_settings set = {
        .path = a->outbox_path, .sender = a->name, .budget_bytes = a->outbox_budget};
    char err[600];
    int code;

    if (outbox_open(&p->outbox, &set, err, sizeof(err)) != ST_OK)
        return program_fail(&p->c->program, EXIT_MACHINE, "%s", err);
    code = put_and_wait(p, input);
    outbox_close(p->outbox);
    return code;
}

static int with_agent(struct publish *p, const struct buf *input)
{
    const struct agent_events events = {.arg = p, .settled = on_settled, .drained = on_drained};
    struct agent *agent;
    char err[600];
    enum status st = agent_create(&agent, p->loop, &p->c->set.agent, "eocctl " EOCBUS_VERSION,
                                  &events, err, sizeof(err));
    int code;

    if (st != ST_OK)
        return program_fail(&p->c->program, st == ST_EXISTS ? EXIT_UNREACHABLE : EXIT_MACHINE, "%s",
                            err);
    p->outbox = agent_outbox(agent);
    code = put_and_wait(p, input);
    agent_destroy(agent);
    return code;
}

static void free_publish(struct publish *p)
{
    for (size_t i = 0; i < p->count; i++)
        mem_free(p->entries[i].refusal);
    mem_free(p->entries);
    mem_free(p->by_tag);
    mem_free(p->packed);
    arena_destroy(p->arena);
    loop_destroy(p->loop);
}

static int run(struct publish *p)
{
    struct buf input = {0};
    char err[600];
    int code;

    if (!p->drain && input_read(&input, p->file, err, sizeof(err)) != ST_OK) {
        buf_free(&input);
        return program_fail(&p->c->program, EXIT_MACHINE, "%s", err);
    }
    if (loop_create(&p->loop) != ST_OK)
        return program_fail(&p->c->program, EXIT_MACHINE, "no event loop could be made");
    if (arena_create(&p->arena, LIMIT_ARENA_BYTES) != ST_OK) {
        loop_destroy(p->loop);
        return program_fail(&p->c->program, EXIT_MACHINE, "out of memory");
    }
    code = p->wait_s ? with_agent(p, &input) : with_outbox_only(p, &input);
    buf_free(&input);
    free_publish(p);
    return code;
}

int ctl_publish(struct ctl *c)
{
    struct publish p = {.c = c, .file = "-", .wait_s = 30};
    const struct option_row options[] = {
        {"--file", OPTION_TEXT, &p.file},           {"--drain", OPTION_FLAG, &p.drain},
        {"--unchecked", OPTION_FLAG, &p.unchecked}, {"--wait", OPTION_NUMBER, &p.wait_s},
        {"--once-key", OPTION_TEXT, &p.once_key},
    };
    char err[400];

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1)
        return program_fail(&c->program, EXIT_USAGE,
                            "publish takes its input by --file F; see --help");
    return run(&p);
}
