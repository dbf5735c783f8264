/* command - an order to a machine as one person writes it and others approve it. Pure.
 *
 *   page ─▶ command_draft: SYSTEM (TEST in an exercise), no approvals ─▶ the record
 *   record ─▶ command_of_draft: the order as it will be said ─▶ command_sign ─┬▶ said, or
 *                                                  command_keep: a draft with one approval more ◀┘
 *
 * What is approved is made from the record alone, each time the same to the byte: its id is the
 * draft's with the last bit turned, its times are the draft's. */
#ifndef EOCBUS_CONSOLE_COMMAND_H
#define EOCBUS_CONSOLE_COMMAND_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/keys.h"
#include "proto/base/mem.h"

/* The last bit of an id is kept for what approved drafts become: no page gives such an id to an
 * order, to its draft or to an approval. */
bool command_is_id_kept(const uint8_t id[16]);
/* What is wrong with the body, a sentence: what no machine does in an exercise; a field that does
 * not go with the action, and that nobody who reads the order would see; one that the action needs;
 * a text with signs that show nothing or turn others round. NULL: nothing. */
const char *command_misfit(const Eocbus__V1__Envelope *m, Eocbus__V1__Status room);

/* `room`: ACTUAL or EXERCISE. How long it lives is from event_time_us to not_after_us, as the page
 * has the time; both become ours. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status command_draft(Eocbus__V1__Envelope *m, Eocbus__V1__Status room,
                                     int64_t now_us, char *err, size_t err_size);
/* It is meant for where its machine is, whatever place its writer names. ST_NOMEM. */
MUST_CHECK enum status command_set_place(Eocbus__V1__Envelope *m, const char *pcode,
                                         struct arena *arena);
/* It takes nobody else. */
void command_at_once(Eocbus__V1__Envelope *m, Eocbus__V1__Status room);

/* Makes the draft `m`, as the record has it, what `desk` says in the end. ST_NOMEM. */
MUST_CHECK enum status command_of_draft(Eocbus__V1__Envelope *m, Eocbus__V1__Status room,
                                        const char *desk, const uint8_t draft_id[16],
                                        struct arena *arena);
bool command_is_approved_by(const Eocbus__V1__Envelope *m, const char *person);
/* Adds an approval; ST_FULL: four have it, and no order has more. The texts are copied. */
MUST_CHECK enum status command_add(Eocbus__V1__Envelope *m, const Eocbus__V1__Approval *a,
                                   struct arena *arena);
/* Adds this person's, with his own key, and lends it in *out. ST_FULL, ST_NOMEM. */
MUST_CHECK enum status command_sign(Eocbus__V1__Envelope *m, const char *person, int64_t now_us,
                                    const struct keys *k, struct arena *arena,
                                    Eocbus__V1__Approval **out);
/* Too few have it yet, or another desk says it: it is a draft again, under an id of its own, and
 * word of this desk. ST_NOMEM. */
MUST_CHECK enum status command_keep(Eocbus__V1__Envelope *m, Eocbus__V1__Status room,
                                    const uint8_t id[16], struct arena *arena);

#endif
