/* control_codes - why a machine did not obey, in stable words (deploy/runbook.md, "An order to a
 * siren or a sensor"). Pure. */
#ifndef EOCBUS_SENSOR_CONTROL_CODES_H
#define EOCBUS_SENSOR_CONTROL_CODES_H

#include <stdbool.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/wire/gate.h"

/* Of what agent_take_order refused: "one_approver", "said_before". Never NULL. */
const char *control_code(const Eocbus__V1__Envelope *m, const struct refusal *why);
/* What is not ACTUAL may test a siren and nothing else: it sounds none, and what sounds may be
 * real. NULL: m, a siren_command, may go on; who may order it, and as what, is asked by
 * agent_take_order. */
const char *control_unreal(const Eocbus__V1__Envelope *m);
/* It came too late, and was nothing worse. */
bool control_is_over(const struct refusal *why);

#endif
