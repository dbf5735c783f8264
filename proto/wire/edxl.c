#include "proto/wire/edxl.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"
#include "proto/wire/rules.h"

/* Rows of proto/edxl_rm.tsv. `inside` is the row of the element that holds it, or -1. */
struct element {
    int inside;
    const char *name;
    const char *fields[4]; /* any of them set: it is there; none: has no field of its own */
    const char *letters;   /* one a message */
};

struct schedule_rule {
    const char *name;
    const char *letters;
};

struct when {
    int response;
    int message;
    int element;
    char letter;
};

struct any {
    int inside;
    int response;      /* only then, or 0 */
    const char *field; /* only if this is set, or NULL */
    const char *fields[4];
};

struct word {
    int inside;
    const char *field;
    const char *words[8];
};

#include "edxl_rm.inc"

/* One walk over one message. */
struct look {
    unsigned message; /* 0..15 */
    const Eocbus__V1__Envelope *envelope;
    struct refusal *why;
};

/* --- single cells ----------------------------------------------------------------------------- */

const char *edxl_name(unsigned type)
{
    return type - EDXL_FIRST < EDXL_MESSAGES ? messages[type - EDXL_FIRST] : NULL;
}

unsigned edxl_type(const char *name)
{
    for (unsigned i = 0; i < EDXL_MESSAGES; i++)
        if (strcmp(messages[i], name) == 0)
            return EDXL_FIRST + i;
    return 0;
}

char edxl_letter(unsigned type, const char *element)
{
    for (size_t i = 0; type - EDXL_FIRST < EDXL_MESSAGES && i < ARRAY_LEN(elements); i++)
        if (strcmp(elements[i].name, element) == 0)
            return elements[i].letters[type - EDXL_FIRST];
    return '-';
}

const char *edxl_schedule_name(int schedule)
{
    return schedule >= 1 && schedule <= EDXL_SCHEDULES ? schedules[schedule - 1].name : NULL;
}

char edxl_schedule_letter(unsigned type, int schedule)
{
    if (!edxl_schedule_name(schedule) || type - EDXL_FIRST >= EDXL_MESSAGES)
        return '-';
    return schedules[schedule - 1].letters[type - EDXL_FIRST];
}

void edxl_body(Eocbus__V1__RequestResource *out, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__OfferUnsolicitedResource *offer = m->offer_unsolicited_resource;

    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_OFFER_UNSOLICITED_RESOURCE) {
        *out = *m->request_resource;
        return;
    }
    eocbus__v1__request_resource__init(out);
    out->n_contacts = offer->n_contacts;
    out->contacts = offer->contacts;
    out->description = offer->description;
    out->incident_text = offer->incident_text;
    out->recall = offer->recall;
    out->n_lines = offer->n_lines;
    out->lines = offer->lines;
    out->foreign = offer->foreign;
}

/* --- what a message holds --------------------------------------------------------------------- */

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessage *m, const char *name)
{
    return protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
}

/* preceding_id is the Envelope's; funding is in no offer; everything else stands in the message
 * itself. */
static bool is_set(const struct look *l, const ProtobufCMessage *m, const char *name)
{
    const ProtobufCFieldDescriptor *f = field_of(m, name);

    if (f)
        return rule_is_set(m, f);
    f = field_of(&l->envelope->base, name);
    return f && rule_is_set(&l->envelope->base, f);
}

static bool any_is_set(const struct look *l, const ProtobufCMessage *m, const char *const *fields)
{
    for (; *fields; fields++)
        if (is_set(l, m, *fields))
            return true;
    return false;
}

/* The response of a line, 0 if it has none; of what is no line, 0. */
static int response_of(const ProtobufCMessage *m)
{
    const Eocbus__V1__ResourceLine *line = (const Eocbus__V1__ResourceLine *)m;

    if (m->descriptor == &eocbus__v1__response_info__descriptor)
        return (int)((const Eocbus__V1__ResponseInfo *)m)->type;
    return m->descriptor == &eocbus__v1__resource_line__descriptor && line->response
               ? (int)line->response->type
               : 0;
}

static char letter_of(const struct look *l, size_t element, int response)
{
    for (size_t i = 0; response && i < ARRAY_LEN(whens); i++)
        if (whens[i].response == response && whens[i].message == (int)l->message &&
            whens[i].element == (int)element)
            return whens[i].letter;
    return elements[element].letters[l->message];
}

/* --- refusals, with what would be legal ------------------------------------------------------- */

static void list_add(char *out, size_t size, const char *word)
{
    size_t len = strlen(out);

    snprintf(out + len, size - len, "%s%s", len ? ", " : "", word);
}

static const char *said_with(const struct look *l, size_t element, int response)
{
    static const char *const with[] = {"", " with Accept", " with Decline", " with Provisional"};

    return response && letter_of(l, element, response) != elements[element].letters[l->message]
               ? with[response]
               : "";
}

static enum status refuse_forbidden(const struct look *l, size_t element, int response,
                                    const struct step *at)
{
    char legal[200] = "";
    const char *parent =
        elements[element].inside < 0 ? "it" : elements[elements[element].inside].name;

    for (size_t i = 0; i < ARRAY_LEN(elements); i++)
        if (elements[i].inside == elements[element].inside && elements[i].fields[0] &&
            letter_of(l, i, response) != '-')
            list_add(legal, sizeof(legal), elements[i].name);
    return refuse(l->why, CODE_EDXL, at, "%s%s must not hold %s (EDXL-RM); %s may hold %s",
                  messages[l->message], said_with(l, element, response), elements[element].name,
                  parent, legal);
}

static enum status refuse_missing(const struct look *l, size_t element, int response,
                                  const struct step *at)
{
    const struct element *e = &elements[element];
    const char *name = messages[l->message];
    char fields[120] = "";

    if (strcmp(e->name, "PrecedingMessageID") == 0)
        return refuse(l->why, CODE_THREAD, at, "%s has to name the message it answers (EDXL-RM)",
                      name);
    for (size_t i = 0; e->fields[i]; i++)
        list_add(fields, sizeof(fields), e->fields[i]);
    if (e->inside < 0)
        return refuse(l->why, CODE_REQUIRED, at, "%s has to hold %s (EDXL-RM); give %s", name,
                      e->name, fields);
    return refuse(l->why, CODE_REQUIRED, at, "%s%s has to hold %s (EDXL-RM) in every %s; give %s",
                  name, said_with(l, element, response), e->name, elements[e->inside].name, fields);
}

/* The shorter of the two lists: those that may be, or those that must not. */
static enum status refuse_schedule(const struct look *l, const struct step *at, int schedule)
{
    char may[280] = "", must_not[280] = "";
    unsigned n_may = 0;

    for (size_t i = 0; i < EDXL_SCHEDULES; i++) {
        bool ok = schedules[i].letters[l->message] == 'O';

        n_may += ok;
        list_add(ok ? may : must_not, sizeof(may), schedules[i].name);
    }
    return refuse(l->why, CODE_EDXL, at, "schedules of %s may %sbe: %s; not %s",
                  messages[l->message], n_may > EDXL_SCHEDULES / 2 ? "not " : "",
                  n_may > EDXL_SCHEDULES / 2 ? must_not : may, schedules[schedule - 1].name);
}

/* --- the walk --------------------------------------------------------------------------------- */

static enum status check_inside(const struct look *l, int inside, const ProtobufCMessage *m,
                                const struct step *up);

static enum status check_anys(const struct look *l, int inside, const ProtobufCMessage *m,
                              const struct step *up)
{
    for (size_t i = 0; i < ARRAY_LEN(anys); i++) {
        const struct any *a = &anys[i];
        struct step at = {up, a->fields[0], -1};
        char list[100] = "";

        if (a->inside != inside || (a->response && a->response != response_of(m)) ||
            (a->field && !is_set(l, m, a->field)) || any_is_set(l, m, a->fields))
            continue;
        for (size_t k = 0; a->fields[k]; k++)
            list_add(list, sizeof(list), a->fields[k]);
        return refuse(l->why, CODE_REQUIRED, &at, "%s%s has to say at least one of: %s (EDXL-RM)",
                      elements[inside].name, a->response ? " with Provisional" : "", list);
    }
    return ST_OK;
}

static enum status check_words(const struct look *l, int inside, const ProtobufCMessage *m,
                               const struct step *up)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct step at = {up, words[i].field, -1};
        char shown[SHOWN_BYTES], list[160] = "";
        const char *said;
        bool known = false;

        if (words[i].inside != inside || !is_set(l, m, words[i].field))
            continue;
        said = *(char *const *)((const char *)m + field_of(m, words[i].field)->offset);
        for (size_t k = 0; words[i].words[k]; k++) {
            known = known || strcmp(said, words[i].words[k]) == 0;
            list_add(list, sizeof(list), words[i].words[k]);
        }
        if (!known)
            return refuse(l->why, CODE_EDXL, &at, "'%s' is none of: %s (EDXL-RM)",
                          show_bytes(shown, said, strlen(said)), list);
    }
    return ST_OK;
}

static enum status check_schedule_type(const struct look *l, const ProtobufCMessage *m,
                                       const struct step *up)
{
    struct step at = {up, "type", -1};
    int type;

    if (m->descriptor != &eocbus__v1__schedule__descriptor)
        return ST_OK;
    type = (int)((const Eocbus__V1__Schedule *)m)->type;
    if (!edxl_schedule_name(type) || schedules[type - 1].letters[l->message] != '-')
        return ST_OK; /* a word that nobody knows is check.c's business */
    return refuse_schedule(l, &at, type);
}

/* Into the messages that this element is, one or many. */
static enum status descend(const struct look *l, size_t element, const ProtobufCMessage *m,
                           const struct step *up)
{
    const ProtobufCFieldDescriptor *f = field_of(m, elements[element].fields[0]);
    struct step at = {up, elements[element].fields[0], -1};
    ProtobufCMessage *const *list;
    size_t n = 1;
    enum status st = ST_OK;

    if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE || !rule_is_set(m, f))
        return ST_OK;
    list = (ProtobufCMessage *const *)((const char *)m + f->offset);
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        list = *(ProtobufCMessage * *const *)((const char *)m + f->offset);
        n = *(const size_t *)((const char *)m + f->quantifier_offset);
    }
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        at.index = f->label == PROTOBUF_C_LABEL_REPEATED ? (long)i : -1;
        st = check_inside(l, (int)element, list[i], &at);
    }
    return st;
}

static enum status check_element(const struct look *l, size_t element, const ProtobufCMessage *m,
                                 const struct step *up)
{
    const struct element *e = &elements[element];
    int response = response_of(m);
    char letter = letter_of(l, element, response);
    struct step at = {up, e->fields[0], -1};

    if (!e->fields[0])
        return ST_OK;
    if (!field_of(m, e->fields[0]))
        at.up = NULL; /* the Envelope's own */
    for (size_t i = 0; letter == '-' && e->fields[i]; i++)
        if (is_set(l, m, e->fields[i])) {
            at.field = e->fields[i];
            return refuse_forbidden(l, element, response, &at);
        }
    if (letter == 'R' && !any_is_set(l, m, e->fields))
        return refuse_missing(l, element, response, &at);
    return descend(l, element, m, up);
}

static enum status check_inside(const struct look *l, int inside, const ProtobufCMessage *m,
                                const struct step *up)
{
    enum status st = check_anys(l, inside, m, up);

    if (st == ST_OK)
        st = check_words(l, inside, m, up);
    if (st == ST_OK)
        st = check_schedule_type(l, m, up);
    for (size_t i = 0; i < ARRAY_LEN(elements) && st == ST_OK; i++)
        if (elements[i].inside == inside)
            st = check_element(l, i, m, up);
    return st;
}

enum status edxl_check(const Eocbus__V1__Envelope *m, struct refusal *why)
{
    unsigned type = (unsigned)m->body_case;
    struct look l = {type - EDXL_FIRST, m, why};
    const ProtobufCFieldDescriptor *f;
    struct step at = {NULL, NULL, -1};

    if (!edxl_name(type) || m->schema / 1000 > SCHEMA_VERSION / 1000)
        return ST_OK;
    f = protobuf_c_message_descriptor_get_field(m->base.descriptor, type);
    at.field = f->name;
    return check_inside(&l, -1, (const ProtobufCMessage *)m->request_resource, &at);
}
