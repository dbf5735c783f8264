/* text - numbers and times as loggers write them, read exactly: no double, no locale. Pure. */
#ifndef EOCBUS_SENSOR_TEXT_H
#define EOCBUS_SENSOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of a line; not NUL-terminated. */
struct slice {
    const char *at;
    size_t len;
};

struct slice slice_of(const char *text);
struct slice slice_trim(struct slice s); /* blanks and one pair of "double quotes" */
bool slice_is(struct slice s, const char *word);
/* Takes what stands before the next separator (or all) from *rest; false when nothing is left. */
bool slice_next(struct slice *rest, char separator, struct slice *out);
/* The same with one or more blanks or tabs as the separator. */
bool slice_word(struct slice *rest, struct slice *out);

/* m * 10^e */
struct decimal {
    int64_t m;
    int e;
};
/* "-1.284", "4.15841584158416", "1e-3"; up to 18 digits count, the rest is cut off. */
bool decimal_read(struct decimal *out, struct slice text);
bool decimal_times(struct decimal *d, struct decimal by); /* false: too large */
/* Rounded half away from zero; false when beyond +-10^12. */
bool decimal_scale(int64_t *out, struct decimal d, int exponent);
/* -1, 0, 1 */
int decimal_compare(struct decimal a, struct decimal b);
double decimal_real(struct decimal d);

/* Microseconds since 1970 of a civil time, as if UTC; false if there is no such time. */
bool civil_us(int64_t *out, int year, int month, int day, int hour, int minute, int second);
/* By a pattern: Y four digits, y two (20yy), M D h m s two each, anything else stands for itself.
 * "D/M/Y h:m:s". The whole text must fit. */
bool civil_read(int64_t *out, const char *pattern, struct slice text);
/* ISO 8601 with Z or an offset, or without ("2015-12-18 00:00:00", also with T), then as if UTC and
 * *zoned is false. */
bool civil_any(int64_t *out, bool *zoned, struct slice text);
/* "250ms", "30s", "15m", "6h", "14d"; a bare number is seconds. At most 400 days. */
bool span_read_us(int64_t *out, struct slice text);
/* 0..max, digits only. */
bool count_read(uint64_t *out, struct slice text, uint64_t max);

/* FNV-1a, 64 bit; start with 0. For telling settings apart that nobody forged. */
uint64_t text_hash(uint64_t h, const void *bytes, size_t len);

#endif
