/* edxl - what the sixteen messages of EDXL-RM 1.0 must, may and must not hold.
 *
 * The rules are data: proto/edxl_rm.tsv, proven against the schemas of OASIS. The gate asks
 * edxl_check of every message of the family resource, at agents and broker alike; whoever reads or
 * writes the XML asks for single cells. Pure. */
#ifndef EOCBUS_WIRE_EDXL_H
#define EOCBUS_WIRE_EDXL_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/wire/gate.h"

enum { EDXL_FIRST = 160, EDXL_MESSAGES = 16, EDXL_SCHEDULES = 18 };

/* Holds a message against the rules. Types that are no EDXL-RM, and bodies of a newer major, pass.
 * ST_INVALID: `why` says element, place, and what would be legal. */
MUST_CHECK enum status edxl_check(const Eocbus__V1__Envelope *m, struct refusal *why);

/* The body of any of the sixteen as if it were the first: they have the same fields, but an offer
 * has no funding. What it points to stays the message's. */
void edxl_body(Eocbus__V1__RequestResource *out, const Eocbus__V1__Envelope *m);

/* "CommitResource" for 163; NULL if the type is none of the sixteen. */
const char *edxl_name(unsigned type);
/* 163 for "CommitResource"; 0 if no message is called so. */
unsigned edxl_type(const char *name);

/* 'R' required where its parent is, 'O' optional, '-' forbidden; '-' for what is not known. */
char edxl_letter(unsigned type, const char *element);

/* "RequestedArrival" for SCHEDULE_TYPE_REQUESTED_ARRIVAL; NULL if there is no such type. */
const char *edxl_schedule_name(int schedule);
/* 'O' allowed, '-' forbidden, '~' taken from others and never said by us. */
char edxl_schedule_letter(unsigned type, int schedule);

#endif
