/* summary - one sentence in plain words for any message, for feeds, logs and pages.
 *
 * Only what the message says, in the order a dispatcher asks: what, where, how many. Text that a
 * sender typed is copied as it is: whoever prints it to a terminal or a page escapes it there. */
#ifndef EOCBUS_LINK_SUMMARY_H
#define EOCBUS_LINK_SUMMARY_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* Appends it, without a line end. NULL m: a message of a newer major that this program cannot read.
 */
void summary_put(struct buf *out, const Eocbus__V1__Envelope *m);

/* "HAZARD_FLASH_FLOOD" as "flash flood": the word without the name of its enum; a number if
 * unknown. */
void summary_word(struct buf *out, const ProtobufCEnumDescriptor *d, int value);

#endif
