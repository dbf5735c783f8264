/* ids - UUIDv7 (RFC 9562): a millisecond clock, then randomness; sorts by time of birth. */
#ifndef EOCBUS_BASE_IDS_H
#define EOCBUS_BASE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_BYTES = 16, ID_TEXT = 37 };

/* random: 10 bytes. */
void id_make(uint8_t out[ID_BYTES], int64_t utc_us, const uint8_t random[10]);
void id_format(char out[ID_TEXT], const uint8_t id[ID_BYTES]); /* 8-4-4-4-12 */
bool id_parse(uint8_t out[ID_BYTES], const char *text);
/* "2026-05-14T20:03:11.482Z" */
enum { TIME_TEXT = 32 };
void time_format(char out[TIME_TEXT], int64_t utc_us);
/* ISO 8601 with Z or +05:00, seconds and fraction optional; false if it is none. */
bool time_parse(int64_t *utc_us, const char *text);

#endif
