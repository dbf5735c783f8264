/* approval_policy - the rules of approval.h, read and asked; approval.c alone includes it. */
#ifndef EOCBUS_WIRE_APPROVAL_POLICY_H
#define EOCBUS_WIRE_APPROVAL_POLICY_H

#include "proto/wire/approval.h"

enum approval_verb { APPROVAL_SAY, APPROVAL_APPROVE };

/* May this person do that with the order, at the place of this machine? */
bool approval_may(const struct approval_policy *p, enum approval_verb verb,
                  const struct approval_party *who, const Eocbus__V1__Envelope *m,
                  const struct approval_party *target);

#endif
