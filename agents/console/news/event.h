/* event - what happens, as the JSON of one event (news.h has its fields). Pure. */
#ifndef EOCBUS_CONSOLE_EVENT_H
#define EOCBUS_CONSOLE_EVENT_H

#include "agents/link/agent.h"
#include "agents/link/outbox.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"

void event_message(struct buf *out, const Eocbus__V1__Stamp *s, const Eocbus__V1__Envelope *m);
void event_withdrawn(struct buf *out, const Eocbus__V1__Withdrawn *w);
/* What this person said here, and what became of it. */
void event_settled(struct buf *out, const uint8_t id[16], const char *person,
                   const struct outbox_outcome *oc);

#endif
