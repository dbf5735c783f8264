/* say - see say.h. */
#include "agents/console/say/say.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire/json.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

#define KIND(word) EOCBUS__V1__KIND__KIND_##word
#define LANE(word) EOCBUS__V1__LANE__LANE_##word

/* A page may choose the second kind, and how urgent it is where `lanes` says so: of a request the
 * lane is its priority (ICS 213RR). FLASH is never its to choose. */
static const struct act {
    const char *type;
    Eocbus__V1__Kind kind, or_kind;
    Eocbus__V1__Lane lane;
    bool lanes;
} acts[] = {
    {"receipt", KIND(ACK), 0, LANE(IMMEDIATE), false},
    {"incident_transition", KIND(UPDATE), 0, LANE(PRIORITY), false},
    {"incident", KIND(UPDATE), KIND(REPORT), LANE(PRIORITY), false}, /* REPORT opens one */
    {"escalation_event", KIND(REQUEST), 0, LANE(IMMEDIATE), false},
    {"general_message", KIND(REPORT), KIND(REQUEST), LANE(ROUTINE), true},
    {"activity_log_entry", KIND(REPORT), 0, LANE(ROUTINE), false},
    {"flash_report", KIND(REPORT), 0, LANE(IMMEDIATE), false}, /* taken down from the telephone */
    {"request_resource", KIND(REQUEST), KIND(CANCEL), LANE(PRIORITY), true},
    {"response_to_request_resource", KIND(RESPONSE), 0, LANE(PRIORITY), false},
    {"requisition_resource", KIND(REQUEST), KIND(CANCEL), LANE(PRIORITY), true},
    {"commit_resource", KIND(RESPONSE), KIND(CANCEL), LANE(PRIORITY), false},
    {"request_information", KIND(REQUEST), 0, LANE(PRIORITY), false},
    {"response_to_request_information", KIND(RESPONSE), 0, LANE(PRIORITY), false},
    {"offer_unsolicited_resource", KIND(REPORT), 0, LANE(PRIORITY), false},
    {"release_resource", KIND(UPDATE), 0, LANE(PRIORITY), false},
    {"request_return", KIND(REQUEST), 0, LANE(PRIORITY), false},
    {"response_to_request_return", KIND(RESPONSE), 0, LANE(PRIORITY), false},
    {"request_quote", KIND(REQUEST), 0, LANE(PRIORITY), false},
    {"response_to_request_quote", KIND(RESPONSE), 0, LANE(PRIORITY), false},
    {"request_resource_deployment_status", KIND(REQUEST), 0, LANE(PRIORITY), false},
    {"report_resource_deployment_status", KIND(REPORT), 0, LANE(PRIORITY), false},
    {"request_extended_deployment_duration", KIND(REQUEST), 0, LANE(PRIORITY), false},
    {"response_to_request_extended_deployment_duration", KIND(RESPONSE), 0, LANE(PRIORITY), false},
    {"decision", KIND(UPDATE), 0, LANE(PRIORITY), false},
    {"public_alert", KIND(DISPATCH), 0, LANE(IMMEDIATE), false},
    {"siren_command", KIND(REQUEST), 0, LANE(IMMEDIATE), false},
    {"sensor_control", KIND(SENSOR_CONTROL), 0, LANE(IMMEDIATE), false},
    {"sensor_configuration", KIND(SENSOR_CONFIGURATION), 0, LANE(PRIORITY), false},
};

const char *say_type(size_t i)
{
    return i < ARRAY_LEN(acts) ? acts[i].type : NULL;
}

static const struct act *act_of(const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = type_by_number((unsigned)m->body_case);

    for (size_t i = 0; type && i < ARRAY_LEN(acts); i++)
        if (strcmp(acts[i].type, type->name) == 0)
            return &acts[i];
    return NULL;
}

/* A page does not say who it is, where it stands in a lane, or what it plays. */
static const char *forbidden_field(const Eocbus__V1__Envelope *m)
{
    if (*m->sender || m->epoch || m->lane_seq)
        return "sender, epoch and lane_seq are the console's";
    if (*m->author)
        return "author is who is signed in";
    if (m->played || m->sent_time_us)
        return "played and sent_time_us are not a page's to say";
    return NULL;
}

/* How far something got is said in the name of who is signed in; a page names nobody else. */
static const char *sign_receipt(Eocbus__V1__Envelope *m)
{
    Eocbus__V1__Receipt *r = m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT ? m->receipt : NULL;

    if (r && *r->by && strcmp(r->by, m->author) != 0)
        return "receipt.by is who is signed in";
    if (r)
        r->by = m->author;
    return NULL;
}

/* What the page has left to us, or may not choose. */
static void complete(Eocbus__V1__Envelope *m, const struct act *act, int64_t now_us)
{
    if (!act->or_kind || m->kind != act->or_kind)
        m->kind = act->kind;
    if (!act->lanes || m->lane < EOCBUS__V1__LANE__LANE_IMMEDIATE)
        m->lane = act->lane;
    if (!m->label)
        m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    if (!m->event_time_us)
        m->event_time_us = now_us;
}

enum status say_read(Eocbus__V1__Envelope **out, const char *json, size_t len, const char *person,
                     int64_t now_us, struct arena *arena, char *err, size_t err_size)
{
    ProtobufCMessage *parsed = NULL;
    Eocbus__V1__Envelope *m;
    const struct act *act;
    const char *wrong;
    enum status st =
        json_parse(&parsed, &eocbus__v1__envelope__descriptor, json, len, arena, err, err_size);

    if (st != ST_OK)
        return st;
    m = (Eocbus__V1__Envelope *)parsed;
    wrong = forbidden_field(m);
    act = act_of(m);
    if (wrong || !act) {
        snprintf(err, err_size, "%s", wrong ? wrong : "no page says a message of this type");
        return wrong ? ST_INVALID : ST_DENIED;
    }
    m->author = arena_printf(arena, "%s", person);
    if (!m->author)
        return ST_NOMEM;
    wrong = sign_receipt(m);
    if (wrong) {
        snprintf(err, err_size, "%s", wrong);
        return ST_INVALID;
    }
    complete(m, act, now_us);
    *out = m;
    return ST_OK;
}
