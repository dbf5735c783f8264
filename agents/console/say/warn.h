/* warn - a public alert as one person writes it and another approves it. Pure.
 *
 *   page ─▶ warn_draft: STATUS_SYSTEM, CAP Draft, "eocbus:exercise" among its codes ─▶ the record
 *   record ─▶ warn_approve: the same texts, Exercise or Actual as the room is, sent now
 *
 * Who sends, when, under which name, and what it is meant as is ours; an exercise says so in its
 * headlines, in every language. */
#ifndef EOCBUS_CONSOLE_WARN_H
#define EOCBUS_CONSOLE_WARN_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* `room`: ACTUAL or EXERCISE. What it adds lives in `arena`. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status warn_draft(Eocbus__V1__Envelope *m, Eocbus__V1__Status room,
                                  const char *cap_sender, int64_t now_us, struct arena *arena,
                                  char *err, size_t err_size);
/* Makes the draft `m`, as the record has it, what `person` says now. ST_INVALID: it is meant for
 * another room, or its time is over. */
MUST_CHECK enum status warn_approve(Eocbus__V1__Envelope *m, Eocbus__V1__Status room,
                                    const char *person, const uint8_t draft_id[16],
                                    const uint8_t id[16], int64_t now_us, struct arena *arena,
                                    char *err, size_t err_size);

#endif
