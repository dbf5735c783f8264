/* topic - where a message goes, derived from what it says; a sender never chooses it.
 *
 * status.family.type.region.district, one topic per P-code of the area, at most eight, "-" where the
 * message names no place: "actual.report.flash_report.3505000.3505203".
 * A pattern has the same five levels; "*" is any one level, "**" at the end is any rest (one level
 * or more): "actual.resource.**", "*.*.*.3505000.*". Case matters; levels hold letters, digits, "_" and "-". */
#ifndef EOCBUS_WIRE_TOPIC_H
#define EOCBUS_WIRE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/status.h"
#include "proto/wire/limits.h"

/* Eight codes of two letters and 13 digits, with the blanks and the NUL. */
enum { TOPIC_LEVELS = 5, PLACES_TEXT = 128 };

struct topics {
    unsigned count;
    char text[LIMIT_TOPICS][LIMIT_TOPIC_BYTES];
};

/* Of a message that passed the gate. Equal topics (two jamoats of a district) are given once. */
void topics_of(struct topics *out, const Eocbus__V1__Envelope *m);
/* The same from what the log keeps: status number, type number, and P-codes split by spaces (at most
 * eight; "" = no place). */
void topics_of_row(struct topics *out, unsigned status, unsigned type, const char *places);
/* P-codes of the area joined by spaces, as the log keeps them. */
void places_of(char out[PLACES_TEXT], const Eocbus__V1__Envelope *m);

/* Region and district of a P-code. Digits: first four + "000", first seven ("-" if that is a region
 * itself). Letters: first four characters, whole code ("-" if that is no longer than the region). */
void pcode_region(char out[16], const char *pcode);
void pcode_district(char out[16], const char *pcode);
/* The P-code is the place or lies below it. */
bool pcode_is_within(const char *pcode, size_t pcode_len, const char *place, size_t place_len);

/* NULL if legal, else a sentence. */
const char *pattern_fault(const char *pattern);
bool pattern_matches(const char *pattern, const char *topic);
bool pattern_matches_any(const char *pattern, const struct topics *t);

#endif
