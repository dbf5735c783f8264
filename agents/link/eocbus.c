/* eocbus - see eocbus.h: an agent with its own loop behind an opaque handle. */
#include "agents/link/eocbus.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/agent.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"
#include "proto/base/banned.h"

#define LISTENERS    LIMIT_SUBSCRIPTIONS
#define STEP_TURNS   4 /* what one turn sends, the next one may have the answer to */
#define STEP_WAIT_MS 50

struct library_settings {
    struct agent_settings agent;
};

static const struct conf_row rows[] = {AGENT_CONF_ROWS(struct library_settings, agent)};

struct ear {
    struct eocbus *bus; /* borrowed, owns us */
    eocbus_message_fn message;
    void *arg;
};

struct eocbus {
    struct loop *loop;
    struct agent *agent;
    struct library_settings set;
    struct arena *arena;
    struct buf json;
    struct ear ears[LISTENERS];
    unsigned ear_count;
    eocbus_settled_fn settled;
    void *settled_arg;
    eocbus_withdrawn_fn withdrawn;
    void *withdrawn_arg;
    char error[512];
};

static void say_error(struct eocbus *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say_error(struct eocbus *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(b->error, sizeof(b->error), fmt, args);
    va_end(args);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    struct eocbus *b = arg;
    const struct eocbus_receipt r = {.tag = tag,
                                     .stored = oc->stored,
                                     .number = oc->seq,
                                     .code = oc->code,
                                     .path = oc->path,
                                     .text = oc->text};

    if (b->settled)
        b->settled(b->settled_arg, &r);
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum status open_all(struct eocbus *b, const char *settings, const char *program)
{
    const struct agent_events events = {.arg = b, .settled = on_settled};
    enum log_level level;
    enum status st =
        conf_load(rows, ARRAY_LEN(rows), settings, &b->set, b->error, sizeof(b->error));

    if (st != ST_OK)
        return st;
    if (log_level_parse(b->set.agent.log_level, &level) == ST_OK)
        log_set_level(level);
    st = arena_create(&b->arena, 2 * LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = loop_create(&b->loop);
    if (st != ST_OK) {
        say_error(b, "no memory");
        return st;
    }
    return agent_create(&b->agent, b->loop, &b->set.agent, program, &events, b->error,
                        sizeof(b->error));
}

struct eocbus *eocbus_open(const char *settings, const char *program, char *err, size_t err_size)
{
    struct eocbus *b = mem_zalloc(sizeof(*b));
    enum status st = b ? open_all(b, settings, program ? program : "libeocbus") : ST_NOMEM;

    if (err && err_size)
        snprintf(err, err_size, "%s", b ? b->error : "no memory");
    if (st == ST_OK)
        return b;
    eocbus_close(b);
    return NULL;
}

void eocbus_close(struct eocbus *b)
{
    if (!b)
        return;
    agent_destroy(b->agent);
    if (b->loop)
        loop_destroy(b->loop);
    conf_free(rows, ARRAY_LEN(rows), &b->set);
    arena_destroy(b->arena);
    buf_free(&b->json);
    mem_free(b);
}

/* --- putting ---------------------------------------------------------------------------------- */

static enum eocbus_result put(struct eocbus *b, Eocbus__V1__Envelope *m, uint64_t *tag)
{
    struct refusal why = {0};

    switch (agent_put(b->agent, m, tag, &why)) {
    case ST_OK:
        return EOCBUS_OK;
    case ST_INVALID:
        say_error(b, "%s%s%s: %s", why.code, why.path[0] ? " " : "", why.path, why.text);
        return EOCBUS_REFUSED;
    case ST_FULL:
        say_error(b, "%s", why.text);
        return EOCBUS_FULL;
    case ST_DENIED:
        say_error(b, "%s", why.text);
        return EOCBUS_USAGE;
    default:
        say_error(b, "%s", outbox_trouble(agent_outbox(b->agent)));
        return EOCBUS_MACHINE;
    }
}

enum eocbus_result eocbus_put_json(struct eocbus *b, const char *json, uint64_t *tag)
{
    ProtobufCMessage *m;
    char why[384];
    enum status st;

    arena_reset(b->arena);
    st = json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), b->arena, why,
                    sizeof(why));
    if (st == ST_OK)
        return put(b, (Eocbus__V1__Envelope *)m, tag);
    say_error(b, "%s", why);
    return st == ST_INVALID ? EOCBUS_REFUSED : EOCBUS_MACHINE;
}

/* Hangs the body into the envelope's oneof, whichever it is. */
static void hang_in(Eocbus__V1__Envelope *m, const struct type_info *type, ProtobufCMessage *body)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field(&eocbus__v1__envelope__descriptor, type->number);

    m->body_case = (Eocbus__V1__Envelope__BodyCase)type->number;
    memcpy((char *)m + f->offset, &body, sizeof(body));
}

static ProtobufCMessage *read_body(struct eocbus *b, const struct eocbus_body *from,
                                   const struct type_info *type)
{
    struct refusal why = {0};
    ProtobufCMessage *body;

    if (gate_scan(from->bytes, from->len, type->descriptor, LIMIT_FIELDS, &why) != ST_OK) {
        say_error(b, "%s %s: %s", why.code, why.path, why.text);
        return NULL;
    }
    body = protobuf_c_message_unpack(type->descriptor, arena_allocator(b->arena), from->len,
                                     from->bytes);
    if (!body)
        say_error(b, "the bytes are no %s", from->type);
    return body;
}

enum eocbus_result eocbus_put_body(struct eocbus *b, const struct eocbus_body *from, uint64_t *tag)
{
    const struct type_info *type = from->type ? type_by_name(from->type) : NULL;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    ProtobufCMessage *body;

    if (!type) {
        say_error(b, "there is no message type %s; envelope.proto lists them",
                  from->type ? from->type : "without a name");
        return EOCBUS_USAGE;
    }
    arena_reset(b->arena);
    body = read_body(b, from, type);
    if (!body)
        return EOCBUS_REFUSED;
    hang_in(&m, type, body);
    m.lane = (Eocbus__V1__Lane)from->lane;
    m.status =
        from->is_exercise ? EOCBUS__V1__STATUS__STATUS_EXERCISE : EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = from->event_time_us ? from->event_time_us : loop_utc_us(b->loop);
    m.not_after_us = from->not_after_us;
    area.n_pcodes = from->pcode_count;
    area.pcodes = (char **)from->pcodes;
    if (from->pcode_count)
        m.area = &area;
    return put(b, &m, tag);
}

enum eocbus_result eocbus_flush(struct eocbus *b)
{
    switch (agent_flush(b->agent)) {
    case ST_OK:
        return EOCBUS_OK;
    case ST_FULL:
        say_error(b, "%s", outbox_trouble(agent_outbox(b->agent)));
        return EOCBUS_FULL;
    default:
        say_error(b, "%s", outbox_trouble(agent_outbox(b->agent)));
        return EOCBUS_MACHINE;
    }
}

/* --- running ---------------------------------------------------------------------------------- */

void eocbus_run(struct eocbus *b, unsigned ms)
{
    uint64_t now = loop_exact_us(b->loop), end = now + (uint64_t)ms * 1000;

    for (; now < end; now = loop_exact_us(b->loop))
        loop_turn(b->loop, (unsigned)((end - now + 999) / 1000));
}

int eocbus_fd(struct eocbus *b)
{
    return loop_fd(b->loop);
}

int eocbus_wait_ms(struct eocbus *b)
{
    int wait = loop_wait_ms(b->loop);

    return wait < 0 || wait > STEP_WAIT_MS ? STEP_WAIT_MS : wait;
}

void eocbus_step(struct eocbus *b)
{
    for (unsigned i = 0; i < STEP_TURNS; i++)
        loop_turn(b->loop, 0);
}

void eocbus_get_state(struct eocbus *b, struct eocbus_state *out)
{
    struct agent_state st;

    agent_state(b->agent, &st);
    *out = (struct eocbus_state){.linked = st.linked,
                                 .waiting = st.waiting,
                                 .refused = st.refused,
                                 .clock_offset_ms = st.clock_offset_ms,
                                 .round_trip_ms = st.round_trip_ms};
    if (st.trouble[0])
        say_error(b, "%s", st.trouble);
}

const char *eocbus_error(const struct eocbus *b)
{
    return b->error;
}

/* --- listening -------------------------------------------------------------------------------- */

void eocbus_on_settled(struct eocbus *b, eocbus_settled_fn settled, void *arg)
{
    b->settled = settled;
    b->settled_arg = arg;
}

void eocbus_on_withdrawn(struct eocbus *b, eocbus_withdrawn_fn withdrawn, void *arg)
{
    b->withdrawn = withdrawn;
    b->withdrawn_arg = arg;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    const struct ear *ear = arg;
    struct eocbus *b = ear->bus;
    char id[ID_TEXT];
    const struct eocbus_withdrawal out = {
        .message_id = id, .code = w->code, .text = w->text, .sender = w->sender};

    id_format(id, w->message_id.data);
    if (b->withdrawn)
        b->withdrawn(b->withdrawn_arg, &out);
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct ear *ear = arg;
    struct buf *json = &ear->bus->json;
    const struct type_info *type = m ? type_by_number((unsigned)m->body_case) : NULL;
    struct eocbus_message out = {.log_epoch = d->stamp->log_epoch,
                                 .number = d->stamp->seq,
                                 .received_time_us = d->stamp->received_time_us,
                                 .from_history = d->history,
                                 .late = d->stamp->late,
                                 .clock_suspect = d->stamp->clock_suspect,
                                 .proof = proof_word(agent_proof(ear->bus->agent)),
                                 .type = type ? type->name : "",
                                 .json = "",
                                 .content = d->content.data,
                                 .content_len = d->content.len};

    buf_clear(json);
    if (m) {
        json_print(json, &m->base);
        buf_put(json, "", 1);
        if (json->failed) {
            json->failed = 0;
            return false; /* no memory: it comes again */
        }
        out.json = (const char *)json->data;
    }
    return ear->message(ear->arg, &out) != 0;
}

enum eocbus_result eocbus_listen(struct eocbus *b, const char *const *patterns, const char *inbox,
                                 eocbus_message_fn message, void *arg)
{
    struct agent_subscription sub = {.patterns = patterns,
                                     .from_now = !inbox,
                                     .inbox_path = inbox,
                                     .message = on_message,
                                     .withdrawn = on_withdrawn};
    enum status st;

    while (patterns && patterns[sub.pattern_count])
        sub.pattern_count++;
    if (b->ear_count == LISTENERS || !message) {
        say_error(b, "a handle listens at most %d times, each with a callback", LISTENERS);
        return EOCBUS_USAGE;
    }
    b->ears[b->ear_count] = (struct ear){b, message, arg};
    sub.arg = &b->ears[b->ear_count];
    st = agent_subscribe(b->agent, &sub, b->error, sizeof(b->error));
    if (st == ST_OK)
        b->ear_count++;
    if (st == ST_OK)
        return EOCBUS_OK;
    return st == ST_INVALID || st == ST_FULL ? EOCBUS_USAGE : EOCBUS_MACHINE;
}
