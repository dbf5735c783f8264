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
/* An order to a machine that people still read: SYSTEM, or TEST if it is meant for an exercise. It
 * moves nothing; what it becomes is another message, ACTUAL or EXERCISE, and that one is approved.
 */
bool order_is_draft(const Eocbus__V1__Envelope *m);
/* A command, or a receipt that says ACCEPTED or REJECTED. */
bool order_is(const Eocbus__V1__Envelope *m);

/* The machine it is meant for: its site or target. NULL: it is no order to one. */
const char *order_target(const Eocbus__V1__Envelope *m);
/* "siren_command sound", for people. */
void order_words(char *out, size_t size, const Eocbus__V1__Envelope *m);
/* Its action in small letters, "set_mode"; "" = it has none. */
void order_action(char *out, size_t size, const Eocbus__V1__Envelope *m);

/* Why nobody orders this with that status, a sentence: in an exercise or a test a siren only tests
 * itself. NULL: it may be ordered. */
const char *order_misfit(const Eocbus__V1__Envelope *m, Eocbus__V1__Status status);

/* What an approval of ours says (Approval.version); 1 was before there was the field. */
enum { APPROVAL_VERSION = 2, APPROVALS_MOST = 4 };
#define DOMAIN_APPROVAL "eocbus approval 2\n"

/* Who approved it; *out is borrowed from the message. Answers how many. */
size_t order_approvals(const Eocbus__V1__Envelope *m, Eocbus__V1__Approval ***out);
/* Gives it these instead, borrowed; ST_INVALID: it is nothing that is approved. */
MUST_CHECK enum status order_set_approvals(Eocbus__V1__Envelope *m, Eocbus__V1__Approval **rows,
                                           size_t count);
/* Appends what this person signs, behind DOMAIN_APPROVAL, who agrees to the order at that time: an
 * ApprovedOrder. It holds for this very order and no other. The message is as it was afterwards.
 * ST_INVALID: it is nothing that is approved; ST_NOMEM. */
MUST_CHECK enum status order_put_approved(struct buf *out, Eocbus__V1__Envelope *m,
                                          const char *approver, int64_t approved_us);

#endif
