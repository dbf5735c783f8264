/* order - see order.h */
#include "proto/wire/order.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/digest.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

#define BODY(NAME) EOCBUS__V1__ENVELOPE__BODY_##NAME

/* Where a body keeps its approvals. */
struct approved {
    ProtobufCMessage *body; /* NULL: nothing that is approved */
    size_t *count;
    Eocbus__V1__Approval ***rows;
};

static struct approved find_approvals(const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case BODY(SIREN_COMMAND):
        return (struct approved){&m->siren_command->base, &m->siren_command->n_approvals,
                                 &m->siren_command->approvals};
    case BODY(SENSOR_CONTROL):
        return (struct approved){&m->sensor_control->base, &m->sensor_control->n_approvals,
                                 &m->sensor_control->approvals};
    case BODY(SENSOR_CONFIGURATION):
        return (struct approved){&m->sensor_configuration->base,
                                 &m->sensor_configuration->n_approvals,
                                 &m->sensor_configuration->approvals};
    default:
        return (struct approved){.body = NULL};
    }
}

bool order_is_for_a_machine(const Eocbus__V1__Envelope *m)
{
    return find_approvals(m).body;
}

bool order_is_draft(const Eocbus__V1__Envelope *m)
{
    return order_is_for_a_machine(m) && (m->status == EOCBUS__V1__STATUS__STATUS_SYSTEM ||
                                         m->status == EOCBUS__V1__STATUS__STATUS_TEST);
}

bool order_is_command(const Eocbus__V1__Envelope *m)
{
    return m->body_case == BODY(PUBLIC_ALERT) || order_is_for_a_machine(m);
}

bool order_is(const Eocbus__V1__Envelope *m)
{
    if (m->body_case == BODY(RECEIPT))
        return m->receipt->level == EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED ||
               m->receipt->level == EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED;
    return order_is_command(m);
}

const char *order_target(const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case BODY(SIREN_COMMAND):
        return m->siren_command->site;
    case BODY(SENSOR_CONTROL):
        return m->sensor_control->target;
    case BODY(SENSOR_CONFIGURATION):
        return m->sensor_configuration->target;
    default:
        return NULL;
    }
}

static void put_word(char *out, size_t size, const ProtobufCEnumDescriptor *d, int value,
                     const char *prefix)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    size_t skip = strlen(prefix);

    snprintf(out, size, "%s", v && strlen(v->name) > skip ? v->name + skip : "");
    for (char *c = out; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

void order_action(char *out, size_t size, const Eocbus__V1__Envelope *m)
{
    out[0] = '\0';
    if (m->body_case == BODY(SIREN_COMMAND))
        put_word(out, size, &eocbus__v1__siren_action__descriptor, (int)m->siren_command->action,
                 "SIREN_ACTION_");
    if (m->body_case == BODY(SENSOR_CONTROL))
        put_word(out, size, &eocbus__v1__sensor_action__descriptor, (int)m->sensor_control->action,
                 "SENSOR_ACTION_");
}

void order_words(char *out, size_t size, const Eocbus__V1__Envelope *m)
{
    const struct type_info *t = type_by_number((unsigned)m->body_case);
    char action[40];

    order_action(action, sizeof(action), m);
    snprintf(out, size, "%s%s%s", t ? t->name : "order", action[0] ? " " : "", action);
}

const char *order_misfit(const Eocbus__V1__Envelope *m, Eocbus__V1__Status status)
{
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND &&
        status != EOCBUS__V1__STATUS__STATUS_ACTUAL &&
        m->siren_command->action != EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SELF_TEST)
        return "action: in an exercise no siren sounds or falls silent, people would believe it; "
               "legal is SELF_TEST";
    return NULL;
}

size_t order_approvals(const Eocbus__V1__Envelope *m, Eocbus__V1__Approval ***out)
{
    struct approved a = find_approvals(m);

    if (!a.body)
        return 0;
    *out = *a.rows;
    return *a.count;
}

enum status order_set_approvals(Eocbus__V1__Envelope *m, Eocbus__V1__Approval **rows, size_t count)
{
    struct approved a = find_approvals(m);

    if (!a.body)
        return ST_INVALID;
    *a.rows = rows;
    *a.count = count;
    return ST_OK;
}

static enum status digest_body(uint8_t out[DIGEST_BYTES], const struct approved *a)
{
    size_t kept = *a->count, len;
    struct sha256 hash;
    uint8_t *bytes;

    *a->count = 0;
    len = protobuf_c_message_get_packed_size(a->body);
    bytes = mem_alloc(len + 1);
    if (bytes)
        protobuf_c_message_pack(a->body, bytes);
    *a->count = kept;
    if (!bytes)
        return ST_NOMEM;
    sha256_begin(&hash);
    sha256_add(&hash, bytes, len);
    sha256_end(&hash, out);
    mem_free(bytes);
    return ST_OK;
}

enum status order_put_approved(struct buf *out, Eocbus__V1__Envelope *m, const char *approver,
                               int64_t approved_us)
{
    Eocbus__V1__ApprovedOrder o = EOCBUS__V1__APPROVED_ORDER__INIT;
    struct approved a = find_approvals(m);
    uint8_t digest[DIGEST_BYTES], *bytes;
    size_t len;

    if (!a.body)
        return ST_INVALID;
    if (digest_body(digest, &a) != ST_OK)
        return ST_NOMEM;
    o.sender = m->sender;
    o.message_id = m->message_id;
    o.sent_time_us = m->sent_time_us;
    o.not_after_us = m->not_after_us;
    o.status = m->status;
    o.type = (uint32_t)m->body_case;
    o.target = (char *)(uintptr_t)order_target(m);
    o.body_digest.data = digest;
    o.body_digest.len = sizeof(digest);
    o.approver = (char *)(uintptr_t)approver;
    o.approved_us = approved_us;
    len = eocbus__v1__approved_order__get_packed_size(&o);
    bytes = mem_alloc(len);
    if (!bytes)
        return ST_NOMEM;
    eocbus__v1__approved_order__pack(&o, bytes);
    buf_put(out, bytes, len);
    mem_free(bytes);
    return out->failed ? ST_NOMEM : ST_OK;
}
