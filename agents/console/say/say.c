/* say - see say.h. */
#include "agents/console/say/say.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire/json.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

#define KIND(word) EOCBUS__V1__KIND__KIND_##word
#define LANE(word) EOCBUS__V1__LANE__LANE_##word

static const struct act {
    const char *type;
    Eocbus__V1__Kind kind;
    Eocbus__V1__Lane lane;
} acts[] = {
    {"receipt", KIND(ACK), LANE(IMMEDIATE)},
    {"incident_transition", KIND(UPDATE), LANE(PRIORITY)},
    {"incident", KIND(UPDATE), LANE(PRIORITY)},
    {"escalation_event", KIND(UPDATE), LANE(IMMEDIATE)},
    {"general_message", KIND(REPORT), LANE(ROUTINE)},
    {"activity_log_entry", KIND(REPORT), LANE(ROUTINE)},
    {"request_resource", KIND(REQUEST), LANE(PRIORITY)},
    {"requisition_resource", KIND(REQUEST), LANE(PRIORITY)},
    {"commit_resource", KIND(RESPONSE), LANE(PRIORITY)},
    {"release_resource", KIND(UPDATE), LANE(PRIORITY)},
    {"decision", KIND(UPDATE), LANE(PRIORITY)},
    {"public_alert", KIND(DISPATCH), LANE(IMMEDIATE)},
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
    m->kind = act->kind;
    m->lane = act->lane;
    if (!m->label)
        m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    if (!m->event_time_us)
        m->event_time_us = now_us;
    *out = m;
    return m->author ? ST_OK : ST_NOMEM;
}
