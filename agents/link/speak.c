/* speak - see speak.h. */
#include "agents/link/speak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/ids.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

/* Another program's receipts are seen by looking; a person does not notice a quarter of a second.
 */
#define LOOK_MS 250

struct entry {
    uint64_t tag;
    char *code, *path, *text; /* of a refusal */
    struct outbox_outcome outcome;
    bool settled;
};

struct speak {
    struct speak_settings set;
    struct loop *loop;
    struct agent *agent;   /* NULL when nobody waits */
    struct outbox *outbox; /* the agent's, or our own when nobody waits */
    struct arena *arena;
    uint8_t *packed;
    struct entry *entries; /* in the order of the puts */
    size_t count, cap, told, settled, refused, before;
    struct entry **by_tag; /* the same, sorted, while waiting */
    uint64_t last_seq;     /* of speak_fill */
    bool drain;
};

static bool is_drained(struct speak *s)
{
    struct outbox_counts counts;
    uint64_t waiting = 0;

    if (outbox_counts(s->outbox, &counts) != ST_OK)
        return false;
    for (size_t lane = 0; lane < ARRAY_LEN(counts.waiting); lane++)
        waiting += counts.waiting[lane];
    return waiting == 0;
}

static bool is_done(struct speak *s)
{
    return s->drain ? is_drained(s) : s->settled == s->count;
}

static void tell_in_order(struct speak *s)
{
    for (; s->told < s->count && s->entries[s->told].settled; s->told++)
        if (s->set.settled)
            s->set.settled(s->set.arg, s->told, &s->entries[s->told].outcome);
}

static char *copy_text(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

static void settle(struct speak *s, struct entry *e, const struct outbox_outcome *oc)
{
    if (e->settled)
        return;
    e->settled = true;
    e->outcome = *oc;
    e->outcome.code = e->code = copy_text(oc->code);
    e->outcome.path = e->path = copy_text(oc->path);
    e->outcome.text = e->text = copy_text(oc->text);
    s->settled++;
    s->refused += !oc->stored;
}

/* What an earlier run with the same once-key put may be settled long since, and what another
 * program sends is settled by it. */
static void look_up(struct speak *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct outbox_outcome oc = {0};
        int state;

        if (s->entries[i].settled)
            continue;
        arena_reset(s->arena);
        if (outbox_state(s->outbox, s->entries[i].tag, &state, &oc, s->arena) == ST_OK &&
            state != OUTBOX_WAITING)
            settle(s, &s->entries[i], &oc);
    }
    tell_in_order(s);
}

static int compare_tags(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    struct speak *s = arg;
    struct entry key = {.tag = tag}, *wanted = &key, **found;

    if (!s->by_tag)
        return;
    found = bsearch(&wanted, s->by_tag, s->count, sizeof(*s->by_tag), compare_tags);
    if (!found)
        return;
    settle(s, *found, oc);
    tell_in_order(s);
    if (!s->drain && s->settled == s->count)
        loop_stop(s->loop);
}

static void on_drained(void *arg)
{
    struct speak *s = arg;

    if (s->drain)
        loop_stop(s->loop);
}

static void on_deadline(void *arg)
{
    loop_stop(((struct speak *)arg)->loop);
}

static void on_look(void *arg)
{
    struct speak *s = arg;
    struct agent_state state;

    agent_state(s->agent, &state);
    if (state.sends)
        return;
    look_up(s);
    if (is_done(s))
        loop_stop(s->loop);
}

/* --- coming and going ------------------------------------------------------------------------- */

static enum status open_link(struct speak *s, char *err, size_t err_size)
{
    const struct agent_events events = {.arg = s, .settled = on_settled, .drained = on_drained};
    enum status st =
        agent_create(&s->agent, s->loop, s->set.agent, s->set.program, &events, err, err_size);

    if (st == ST_OK)
        s->outbox = agent_outbox(s->agent);
    return st;
}

static enum status open_outbox(struct speak *s, char *err, size_t err_size)
{
    const struct agent_settings *a = s->set.agent;
    struct outbox_settings with = {
        .path = a->outbox_path, .sender = a->name, .budget_bytes = a->outbox_budget};

    return outbox_open(&s->outbox, &with, err, err_size);
}

enum status speak_create(struct speak **out, const struct speak_settings *set, char *err,
                         size_t err_size)
{
    struct speak *s = mem_zalloc(sizeof(*s));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!s)
        return ST_NOMEM;
    s->set = *set;
    st = loop_create(&s->loop);
    if (st == ST_OK)
        st = arena_create(&s->arena, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = set->wait_s ? open_link(s, err, err_size) : open_outbox(s, err, err_size);
    if (st == ST_OK && !s->outbox) {
        snprintf(err, err_size, "outbox.path is empty: without it nothing can be said");
        st = ST_INVALID;
    }
    if (st != ST_OK) {
        speak_destroy(s);
        return st;
    }
    err[0] = '\0';
    *out = s;
    return ST_OK;
}

void speak_destroy(struct speak *s)
{
    if (!s)
        return;
    if (s->agent)
        agent_destroy(s->agent);
    else
        outbox_close(s->outbox);
    for (size_t i = 0; i < s->count; i++) {
        mem_free(s->entries[i].code);
        mem_free(s->entries[i].path);
        mem_free(s->entries[i].text);
    }
    mem_free(s->entries);
    mem_free(s->by_tag);
    mem_free(s->packed);
    arena_destroy(s->arena);
    if (s->loop)
        loop_destroy(s->loop);
    mem_free(s);
}

struct outbox *speak_outbox(struct speak *s)
{
    return s->outbox;
}

struct loop *speak_loop(struct speak *s)
{
    return s->loop;
}

/* --- saying ----------------------------------------------------------------------------------- */

void speak_fill(struct speak *s, Eocbus__V1__Envelope *m, uint8_t id[16])
{
    int64_t now = loop_utc_us(s->loop);
    uint8_t random[10];

    /* A place beside the outbox's own: an epoch that it never uses, and the time as a number. */
    s->last_seq = (uint64_t)now > s->last_seq ? (uint64_t)now : s->last_seq + 1;
    if (m->message_id.len == 0) {
        loop_random(s->loop, random, sizeof(random));
        id_make(id, now, random);
        m->message_id.data = id;
        m->message_id.len = ID_BYTES;
    }
    if (m->originating_id.len == 0)
        m->originating_id = m->message_id;
    if (m->schema == 0)
        m->schema = SCHEMA_VERSION;
    if (!m->sender || !*m->sender)
        m->sender = s->set.agent->name;
    if (m->epoch == 0)
        m->epoch = outbox_epoch(s->outbox) + 1;
    if (m->lane_seq == 0)
        m->lane_seq = s->last_seq;
    if (m->sent_time_us == 0)
        m->sent_time_us = now;
    if (m->event_time_us == 0)
        m->event_time_us = now;
}

enum status speak_check(struct speak *s, const Eocbus__V1__Envelope *m, struct refusal *why)
{
    Eocbus__V1__Envelope copy = *m, *again;
    uint8_t id[ID_BYTES], *bytes;
    size_t len;

    *why = (struct refusal){.code = ""};
    speak_fill(s, &copy, id);
    len = eocbus__v1__envelope__get_packed_size(&copy);
    bytes = mem_realloc(s->packed, len + 1);
    if (!bytes) {
        snprintf(why->text, sizeof(why->text), "out of memory");
        return ST_NOMEM;
    }
    s->packed = bytes;
    eocbus__v1__envelope__pack(&copy, bytes);
    arena_reset(s->arena);
    return gate_content(&again, bytes, len, s->arena, why);
}

enum status speak_note(struct speak *s, uint64_t tag)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct entry *more = mem_realloc(s->entries, cap * sizeof(*more));

        if (!more)
            return ST_NOMEM;
        s->entries = more;
        s->cap = cap;
    }
    s->entries[s->count++] = (struct entry){.tag = tag};
    return ST_OK;
}

enum status speak_put(struct speak *s, Eocbus__V1__Envelope *m, struct refusal *why)
{
    return speak_put_sealed(s, m, NULL, 0, why);
}

enum status speak_put_sealed(struct speak *s, Eocbus__V1__Envelope *m, const uint8_t *keys,
                             size_t keys_len, struct refusal *why)
{
    uint64_t tag = 0;
    enum status st;

    *why = (struct refusal){.code = ""};
    if (m->event_time_us == 0)
        m->event_time_us = loop_utc_us(s->loop);
    st = keys_len ? outbox_put_sealed(s->outbox, m, keys, keys_len, &tag, why)
                  : outbox_put(s->outbox, m, &tag, why);
    s->before += st == ST_EXISTS;
    if (st == ST_OK || st == ST_EXISTS)
        st = speak_note(s, tag);
    if (st != ST_OK && !why->text[0])
        snprintf(why->text, sizeof(why->text), "%.300s",
                 st == ST_NOMEM ? "out of memory" : outbox_trouble(s->outbox));
    return st;
}

enum status speak_commit(struct speak *s)
{
    return outbox_commit(s->outbox);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static enum status index_tags(struct speak *s)
{
    mem_free(s->by_tag);
    s->by_tag = mem_alloc((s->count + 1) * sizeof(*s->by_tag));
    if (!s->by_tag)
        return ST_NOMEM;
    for (size_t i = 0; i < s->count; i++)
        s->by_tag[i] = &s->entries[i];
    qsort(s->by_tag, s->count, sizeof(*s->by_tag), compare_tags);
    return ST_OK;
}

static enum status wait_on_loop(struct speak *s)
{
    struct loop_timer *deadline = NULL, *look = NULL;
    unsigned wait_s = s->set.wait_s > 86400 ? 86400 : s->set.wait_s;
    enum status st = loop_timer_create(&deadline, s->loop, on_deadline, s);

    if (st == ST_OK)
        st = loop_timer_create(&look, s->loop, on_look, s);
    if (st == ST_OK) {
        loop_timer_start(deadline, wait_s * 1000u, 0);
        loop_timer_start(look, LOOK_MS, LOOK_MS);
        loop_run(s->loop);
    }
    loop_timer_destroy(deadline);
    loop_timer_destroy(look);
    return st;
}

enum status speak_wait(struct speak *s, bool drain)
{
    enum status st = index_tags(s);

    if (st != ST_OK)
        return st;
    s->drain = drain;
    look_up(s);
    if (s->agent && !is_done(s))
        st = wait_on_loop(s);
    if (st != ST_OK)
        return st;
    return is_done(s) ? ST_OK : ST_AGAIN;
}

void speak_result(struct speak *s, struct speak_result *out)
{
    *out = (struct speak_result){.said = s->count,
                                 .refused = s->refused,
                                 .stored = s->settled - s->refused,
                                 .waiting = s->count - s->settled,
                                 .before = s->before,
                                 .trouble = ""};
    if (s->agent) {
        struct agent_state state;

        agent_state(s->agent, &state);
        out->sender_runs = !state.sends;
        out->trouble = state.trouble ? state.trouble : "";
    } else {
        out->sender_runs = outbox_lock(s->outbox) == ST_EXISTS;
    }
}
