/* order - see order.h */
#include "proto/wire/order.h"

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

size_t order_approvals(const Eocbus__V1__Envelope *m, Eocbus__V1__Approval ***out)
{
    struct approved a = find_approvals(m);

    if (!a.body)
        return 0;
    *out = *a.rows;
    return *a.count;
}

enum status order_put_approved(struct buf *out, Eocbus__V1__Envelope *m)
{
    struct approved a = find_approvals(m);
    size_t kept, len;
    uint8_t *bytes;

    if (!a.body)
        return ST_INVALID;
    kept = *a.count;
    *a.count = 0;
    len = protobuf_c_message_get_packed_size(a.body);
    bytes = mem_alloc(len + 1);
    if (bytes)
        protobuf_c_message_pack(a.body, bytes);
    *a.count = kept;
    if (!bytes)
        return ST_NOMEM;
    buf_put(out, m->message_id.data, m->message_id.len);
    buf_put(out, bytes, len);
    mem_free(bytes);
    return out->failed ? ST_NOMEM : ST_OK;
}
