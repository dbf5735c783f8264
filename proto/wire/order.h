/* order - messages that others act on because somebody said them: commands to machines, alerts to
 * the public, and the answers that settle a request. Nobody acts on one without its sender's word
 * for it, and those who approved it gave theirs. Pure. */
#ifndef EOCBUS_WIRE_ORDER_H
#define EOCBUS_WIRE_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

/* siren_command, sensor_control, sensor_configuration: a machine carries it out, nobody looks at it
 * first. */
bool order_is_for_a_machine(const Eocbus__V1__Envelope *m);
/* The same, and public_alert. */
bool order_is_command(const Eocbus__V1__Envelope *m);
/* A command, or a receipt that says ACCEPTED or REJECTED. */
bool order_is(const Eocbus__V1__Envelope *m);

/* Who approved it; *out is borrowed from the message. Answers how many. */
size_t order_approvals(const Eocbus__V1__Envelope *m, Eocbus__V1__Approval ***out);
/* Appends what an approval signs: the message's id, then the body without its approvals. The
 * message is as it was afterwards. ST_INVALID: it is nothing that is approved; ST_NOMEM. */
MUST_CHECK enum status order_put_approved(struct buf *out, Eocbus__V1__Envelope *m);

#endif
