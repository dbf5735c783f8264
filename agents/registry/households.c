/* households - what this office knows of each household: the last thing it said itself.
 *
 * It is worked out from the outbox, which keeps what was said for seven days at least, and
 * remembered beside it. The judge of a household's state is the database at the centre; this is
 * for the desk, also without a link. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/memory.h"
#include "agents/link/columns.h"
#include "agents/link/places.h"
#include "agents/link/print.h"
#include "agents/link/summary.h"
#include "agents/registry/registry.h"

#include "proto/base/banned.h"

#define STATE(name) EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_##name

/* As remembered: "TAG STATE PLACE TIME". */
struct known {
    uint64_t tag;
    int state;
    char place[16], time[TIME_TEXT];
};

static bool read_known(struct known *k, const char *value)
{
    *k = (struct known){0};
    return value &&
           sscanf(value, "%" SCNu64 " %d %15s %31s", &k->tag, &k->state, k->place, k->time) == 4;
}

static const ProtobufCBinaryData *household_of(const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT:
        return &m->household_event->household_id;
    case EOCBUS__V1__ENVELOPE__BODY_ASSISTANCE_DELIVERY:
        return &m->assistance_delivery->household_id;
    case EOCBUS__V1__ENVELOPE__BODY_PLOT_OFFER:
        return &m->plot_offer->household_id;
    case EOCBUS__V1__ENVELOPE__BODY_OFFER_RESPONSE:
        return &m->offer_response->household_id;
    case EOCBUS__V1__ENVELOPE__BODY_MOVE_EVENT:
        return &m->move_event->household_id;
    default:
        return NULL;
    }
}

static int state_after_offer(const Eocbus__V1__PlotOffer *offer, int before)
{
    switch (offer->action) {
    case EOCBUS__V1__OFFER_ACTION__OFFER_ACTION_MAKE:
    case EOCBUS__V1__OFFER_ACTION__OFFER_ACTION_IMPROVE:
        return STATE(OFFERED);
    case EOCBUS__V1__OFFER_ACTION__OFFER_ACTION_REVOKE:
    case EOCBUS__V1__OFFER_ACTION__OFFER_ACTION_EXPIRE:
        return STATE(ELIGIBLE);
    default:
        return before;
    }
}

static int state_after_move(const Eocbus__V1__MoveEvent *move, int before)
{
    switch (move->kind) {
    case EOCBUS__V1__MOVE_KIND__MOVE_KIND_DEPARTED:
        return STATE(MOVING);
    case EOCBUS__V1__MOVE_KIND__MOVE_KIND_ARRIVED:
        return STATE(MOVED);
    case EOCBUS__V1__MOVE_KIND__MOVE_KIND_RETURNED:
        return STATE(RETURNED);
    default:
        return before;
    }
}

static int state_after(const Eocbus__V1__Envelope *m, int before)
{
    switch (m->body_case) {
    case EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT:
        return m->household_event->to_state ? (int)m->household_event->to_state : before;
    case EOCBUS__V1__ENVELOPE__BODY_ASSISTANCE_DELIVERY:
        /* Help also reaches those who are further on their way. */
        return before == STATE(AFFECTED) || before == STATE(ASSESSED) ? STATE(ASSISTED) : before;
    case EOCBUS__V1__ENVELOPE__BODY_PLOT_OFFER:
        return state_after_offer(m->plot_offer, before);
    case EOCBUS__V1__ENVELOPE__BODY_OFFER_RESPONSE:
        return m->offer_response->answer == EOCBUS__V1__OFFER_ANSWER__OFFER_ANSWER_ACCEPT
                   ? STATE(ACCEPTED)
                   : STATE(DECLINED);
    case EOCBUS__V1__ENVELOPE__BODY_MOVE_EVENT:
        return state_after_move(m->move_event, before);
    default:
        return before;
    }
}

static void learn(struct memory *memory, uint64_t tag, const Eocbus__V1__Envelope *m)
{
    const ProtobufCBinaryData *id = household_of(m);
    char key[ID_TEXT], time[TIME_TEXT], value[120];
    struct known k;

    if (!id || id->len != ID_BYTES)
        return;
    id_format(key, id->data);
    read_known(&k, memory_get(memory, key));
    if (tag <= k.tag)
        return;
    time_format(time, m->event_time_us);
    snprintf(value, sizeof(value), "%" PRIu64 " %d %.15s %.31s", tag, state_after(m, k.state),
             m->area && m->area->n_pcodes ? m->area->pcodes[0] : "-", time);
    /* Out of memory: it is learnt again the next time, the outbox has it. */
    if (memory_set(memory, key, value) != ST_OK)
        return;
}

static bool each_row(void *arg, const struct outbox_row *row, int state,
                     const struct outbox_outcome *oc)
{
    Eocbus__V1__Envelope *m;

    (void)oc;
    if (state == OUTBOX_REFUSED || state == OUTBOX_SEEN)
        return true;
    m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);
    if (m) {
        learn(arg, row->tag, m);
        eocbus__v1__envelope__free_unpacked(m, NULL);
    }
    return true;
}

static enum status learn_from_outbox(struct office *o, struct memory *memory, char *err,
                                     size_t err_size)
{
    const struct agent_settings *a = &o->set.agent;
    const struct outbox_settings set = {
        .path = a->outbox_path, .sender = a->name, .budget_bytes = a->outbox_budget};
    struct outbox *box;
    enum status st = outbox_open(&box, &set, err, err_size);

    if (st != ST_OK)
        return st;
    st = outbox_each(box, each_row, memory);
    if (st != ST_OK)
        snprintf(err, err_size, "%s", outbox_trouble(box));
    outbox_close(box);
    return st == ST_OK ? memory_save(memory, err, err_size) : st;
}

static enum status open_known(struct office *o, struct memory **out, char *err, size_t err_size)
{
    const char *path = office_file(o, ".known.memory");
    enum status st = path ? memory_open(out, path, err, err_size) : ST_NOMEM;

    if (st != ST_OK)
        return st;
    st = learn_from_outbox(o, *out, err, err_size);
    if (st != ST_OK)
        memory_close(*out);
    return st;
}

enum status registry_state(struct office *o, const ProtobufCBinaryData *household,
                           Eocbus__V1__HouseholdState *out, char *err, size_t err_size)
{
    struct memory *memory;
    char key[ID_TEXT];
    struct known k;
    enum status st = open_known(o, &memory, err, err_size);

    if (st != ST_OK)
        return st;
    id_format(key, household->data);
    *out = read_known(&k, memory_get(memory, key)) ? (Eocbus__V1__HouseholdState)k.state : 0;
    memory_close(memory);
    return ST_OK;
}

struct listing {
    enum lang lang;
    struct columns columns;
};

static void put_cell(struct columns *c, struct buf *text)
{
    buf_put(text, "", 1);
    columns_put(c, text->failed ? NULL : (const char *)text->data);
    buf_clear(text);
}

static void put_household(void *arg, const char *key, const char *value)
{
    struct listing *l = arg;
    struct buf text = {0};
    struct known k;

    if (!read_known(&k, value))
        return;
    columns_put(&l->columns, key);
    place_put(&text, l->lang, k.place);
    put_cell(&l->columns, &text);
    buf_printf(&text, "%.16sZ", k.time);
    put_cell(&l->columns, &text);
    summary_word(&text, &eocbus__v1__household_state__descriptor, k.state);
    put_cell(&l->columns, &text);
    buf_free(&text);
}

int registry_households(struct office *o)
{
    static const enum say headings[] = {SAY_COLUMN_HOUSEHOLD, SAY_COLUMN_PLACE, SAY_COLUMN_TIME,
                                        SAY_COLUMN_STATE};
    const char *words[ARRAY_LEN(headings)];
    struct listing l = {.lang = o->lang};
    struct memory *memory;
    struct buf b = {0};
    char err[600];

    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "households takes no words behind it");
    if (open_known(o, &memory, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    for (size_t i = 0; i < ARRAY_LEN(headings); i++)
        words[i] = lang_say(o->lang, headings[i]);
    columns_begin(&l.columns, words, ARRAY_LEN(headings));
    memory_each(memory, put_household, &l);
    columns_end(&l.columns, &b);
    if (b.len == 0)
        buf_printf(&b, "%s\n", lang_say(o->lang, SAY_NO_HOUSEHOLDS));
    print_flush(&b);
    buf_free(&b);
    memory_close(memory);
    return EXIT_DONE;
}
