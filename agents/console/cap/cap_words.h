/* cap_words - the words, times and numbers of CAP. Pure. */
#ifndef EOCBUS_CONSOLE_CAP_WORDS_H
#define EOCBUS_CONSOLE_CAP_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

enum { CAP_WORD = 32, CAP_TIME = 32, CAP_NUMBER = 32 };

/* "AllClear" for CAP_RESPONSE_TYPE_ALL_CLEAR: the enum's own name behind `prefix`; "" if it has no
 * such value. */
void cap_word(char out[CAP_WORD], const ProtobufCEnumDescriptor *d, const char *prefix, int value);
/* Back; 0 (UNSPECIFIED) if it is no such word. */
int cap_value(const ProtobufCEnumDescriptor *d, const char *prefix, const char *word);

/* "2010-08-07T22:30:00+05:00"; UTC is "-00:00", as CAP wants it. */
void cap_time(char out[CAP_TIME], int64_t utc_us, int offset_min);
/* `offset_min` may be NULL. */
bool cap_read_time(int64_t *utc_us, int32_t *offset_min, const char *text);

/* value / 10^scale without trailing zeros: "39.3921". */
void cap_number(char out[CAP_NUMBER], int64_t value, int scale);
/* A decimal number times 10^scale, rounded; *end is behind it. False: none, or too great. */
bool cap_read_number(int64_t *value, int scale, const char *text, const char **end);

#endif
