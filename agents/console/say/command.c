/* command - see command.h. */
#include "agents/console/say/command.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/say/parts.h"
#include "proto/base/ids.h"
#include "proto/base/sign.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

#define MINUTE_US INT64_C(60000000)
#define SIREN_US  (15 * MINUTE_US) /* as long as an order to a siren may live */
#define OTHER_US  (24 * 60 * MINUTE_US)

static Eocbus__V1__Status draft_status(Eocbus__V1__Status room)
{
    return room == EOCBUS__V1__STATUS__STATUS_ACTUAL ? EOCBUS__V1__STATUS__STATUS_SYSTEM
                                                     : EOCBUS__V1__STATUS__STATUS_TEST;
}

static bool is_siren(const Eocbus__V1__Envelope *m)
{
    return m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
}

static const char *reason_of(const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND:
        return m->siren_command->reason;
    case EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL:
        return m->sensor_control->reason;
    default:
        return m->sensor_configuration->reason;
    }
}

bool command_is_id_kept(const uint8_t id[16])
{
    return id[ID_BYTES - 1] & 1;
}

/* --- what nobody would see -------------------------------------------------------------------- */

static uint32_t next_sign(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    unsigned more = *at < 0xc0 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
    uint32_t sign = more ? *at & (0x3fU >> more) : *at;

    for (at++; more && (*at & 0xc0) == 0x80; more--)
        sign = sign << 6 | (*at++ & 0x3f);
    *text = (const char *)at;
    return sign;
}

/* Controls, line breaks, what turns the direction, what has no width. */
static bool is_plain(const char *text)
{
    static const uint32_t hidden[][2] = {{0, 0x1f},        {0x7f, 0x9f},      {0xad, 0xad},
                                         {0x61c, 0x61c},   {0x180e, 0x180e},  {0x200b, 0x200f},
                                         {0x2028, 0x202e}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
                                         {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}};

    while (*text) {
        uint32_t sign = next_sign(&text);

        for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
            if (sign >= hidden[i][0] && sign <= hidden[i][1])
                return false;
    }
    return true;
}

static const char *siren_misfit(const Eocbus__V1__SirenCommand *c)
{
    const bool sounds = c->action == EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;

    if (sounds && (!c->pattern || !c->duration_s))
        return "pattern, duration_s: a siren that sounds is told what, and for how long";
    if (!sounds && (c->pattern || c->duration_s))
        return "pattern, duration_s: only of a siren that sounds";
    if (c->recording && c->pattern != EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_VOICE)
        return "recording: only of the pattern VOICE";
    return NULL;
}

static const char *control_misfit(const Eocbus__V1__SensorControl *c)
{
    const bool sets = c->action == EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SET_MODE;
    const bool sends = c->action == EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SEND_HISTORY;

    if (sets != (c->mode != EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_UNSPECIFIED))
        return "mode: SET_MODE needs one, and nothing else has one";
    if (!sets && c->duration_s)
        return "duration_s: only of SET_MODE";
    if (sends != (c->span != NULL))
        return "span: SEND_HISTORY needs one, and nothing else has one";
    return NULL;
}

static const char *numbers_misfit(const Eocbus__V1__SensorConfiguration *c, int64_t not_after_us)
{
    bool plain = is_plain(c->profile);

    for (size_t i = 0; i < c->n_parameters; i++)
        plain = plain && is_plain(c->parameters[i]->name);
    if (!plain)
        return "profile, parameters.name: signs that show nothing, or turn others round";
    if (c->effective_us > not_after_us)
        return "effective_us: after not_after_us, when the order is over";
    return NULL;
}

const char *command_misfit(const Eocbus__V1__Envelope *m, Eocbus__V1__Status room)
{
    if (!is_plain(reason_of(m)))
        return "reason: signs that show nothing, or turn others round";
    if (order_misfit(m, room))
        return order_misfit(m, room);
    switch (m->body_case) {
    case EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND:
        return siren_misfit(m->siren_command);
    case EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL:
        return control_misfit(m->sensor_control);
    default:
        return numbers_misfit(m->sensor_configuration, m->not_after_us);
    }
}

/* --- written, approved ------------------------------------------------------------------------ */

enum status command_draft(Eocbus__V1__Envelope *m, Eocbus__V1__Status room, int64_t now_us,
                          char *err, size_t err_size)
{
    int64_t life_us = m->not_after_us - m->event_time_us;
    Eocbus__V1__Approval **rows;
    const char *misfit;

    if (order_approvals(m, &rows))
        return draft_refuse(err, err_size, "approvals: nobody approved it before it was written");
    if (!order_target(m)[0])
        return draft_refuse(err, err_size, "it names no machine");
    if (!reason_of(m)[0])
        return draft_refuse(err, err_size, "reason: those who approve it want to know why");
    if (life_us < MINUTE_US || life_us > (is_siren(m) ? SIREN_US : OTHER_US))
        return draft_refuse(
            err, err_size,
            "not_after_us: an order lives for a minute at least, one to a siren for "
            "fifteen at most, one to a gateway for a day");
    m->event_time_us = now_us;
    m->not_after_us = now_us + life_us;
    misfit = command_misfit(m, room);
    if (misfit)
        return draft_refuse(err, err_size, misfit);
    if (is_siren(m))
        m->siren_command->remaining_ms = (uint32_t)(life_us / 1000);
    m->status = draft_status(room);
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->preceding_id = (ProtobufCBinaryData){0, NULL};
    m->originating_id = (ProtobufCBinaryData){0, NULL};
    return ST_OK;
}

void command_at_once(Eocbus__V1__Envelope *m, Eocbus__V1__Status room)
{
    m->status = room;
}

enum status command_set_place(Eocbus__V1__Envelope *m, const char *pcode, struct arena *arena)
{
    Eocbus__V1__Area *area = arena_alloc(arena, sizeof(*area));
    char **pcodes = arena_alloc(arena, sizeof(*pcodes));

    if (!area || !pcodes)
        return ST_NOMEM;
    pcodes[0] = arena_printf(arena, "%s", pcode);
    eocbus__v1__area__init(area);
    area->pcodes = pcodes;
    area->n_pcodes = 1;
    m->area = area;
    return pcodes[0] ? ST_OK : ST_NOMEM;
}

enum status command_of_draft(Eocbus__V1__Envelope *m, Eocbus__V1__Status room, const char *desk,
                             const uint8_t draft_id[16], struct arena *arena)
{
    m->sender = arena_printf(arena, "%s", desk);
    if (!m->sender || !draft_set_id(&m->message_id, draft_id, arena) ||
        !draft_set_id(&m->preceding_id, draft_id, arena) ||
        !draft_set_id(&m->originating_id, draft_id, arena))
        return ST_NOMEM;
    m->message_id.data[ID_BYTES - 1] ^= 1;
    m->status = room;
    return ST_OK;
}

bool command_is_approved_by(const Eocbus__V1__Envelope *m, const char *person)
{
    Eocbus__V1__Approval **rows = NULL;
    size_t count = order_approvals(m, &rows);

    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i]->principal, person) == 0)
            return true;
    return false;
}

static Eocbus__V1__Approval *copy_approval(const Eocbus__V1__Approval *a, struct arena *arena)
{
    Eocbus__V1__Approval *out = arena_alloc(arena, sizeof(*out));

    if (!out)
        return NULL;
    *out = *a;
    out->principal = arena_printf(arena, "%s", a->principal);
    out->signature.data = arena_alloc(arena, SIGN_BYTES);
    if (!out->principal || !out->signature.data)
        return NULL;
    memcpy(out->signature.data, a->signature.data, SIGN_BYTES);
    return out;
}

enum status command_add(Eocbus__V1__Envelope *m, const Eocbus__V1__Approval *a, struct arena *arena)
{
    Eocbus__V1__Approval **rows = NULL, **all, *copy;
    size_t count = order_approvals(m, &rows);

    if (count >= APPROVALS_MOST)
        return ST_FULL;
    all = arena_alloc(arena, (count + 1) * sizeof(*all));
    copy = copy_approval(a, arena);
    if (!all || !copy)
        return ST_NOMEM;
    for (size_t i = 0; i < count; i++)
        all[i] = rows[i];
    all[count] = copy;
    return order_set_approvals(m, all, count + 1);
}

static enum status sign(Eocbus__V1__Envelope *m, Eocbus__V1__Approval *a, const struct keys *k)
{
    struct signer *signer = NULL;
    struct buf bytes = {0};
    enum status st = signer_create(&signer, k);

    if (st == ST_OK)
        st = order_put_approved(&bytes, m, a->principal, a->approved_us);
    if (st == ST_OK)
        signer_sign(signer, a->signature.data, DOMAIN_APPROVAL, bytes.data, bytes.len);
    signer_destroy(signer);
    buf_free(&bytes);
    return st;
}

static Eocbus__V1__Approval *newest(const Eocbus__V1__Envelope *m)
{
    Eocbus__V1__Approval **rows = NULL;
    size_t count = order_approvals(m, &rows);

    return count ? rows[count - 1] : NULL;
}

enum status command_sign(Eocbus__V1__Envelope *m, const char *person, int64_t now_us,
                         const struct keys *k, struct arena *arena, Eocbus__V1__Approval **out)
{
    Eocbus__V1__Approval mine = EOCBUS__V1__APPROVAL__INIT;
    uint8_t signature[SIGN_BYTES] = {0};
    enum status st;

    mine.principal = (char *)(uintptr_t)person;
    mine.approved_us = now_us;
    mine.version = APPROVAL_VERSION;
    mine.signature = (ProtobufCBinaryData){SIGN_BYTES, signature};
    st = sign(m, &mine, k);
    if (st == ST_OK)
        st = command_add(m, &mine, arena);
    if (st == ST_OK)
        *out = newest(m);
    return st;
}

enum status command_keep(Eocbus__V1__Envelope *m, Eocbus__V1__Status room, const uint8_t id[16],
                         struct arena *arena)
{
    if (!draft_set_id(&m->message_id, id, arena))
        return ST_NOMEM;
    m->status = draft_status(room);
    m->author = (char *)(uintptr_t) "";
    return ST_OK;
}
