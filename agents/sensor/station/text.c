/* text - see text.h. */
#include "agents/sensor/station/text.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define VALUE_MAX   INT64_C(1000000000000)
#define DIGITS_MAX  18
#define US_PER_DAY  (INT64_C(86400) * 1000000)
#define SPAN_MAX_US (400 * US_PER_DAY)

struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    if (s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"') {
        s.at++;
        s.len -= 2;
    }
    return s;
}

bool slice_is(struct slice s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

bool slice_next(struct slice *rest, char separator, struct slice *out)
{
    const char *end;

    if (!rest->at)
        return false;
    end = rest->len ? memchr(rest->at, separator, rest->len) : NULL;
    if (!end) {
        *out = *rest;
        *rest = (struct slice){NULL, 0};
        return true;
    }
    *out = (struct slice){rest->at, (size_t)(end - rest->at)};
    rest->len -= out->len + 1;
    rest->at = end + 1;
    return true;
}

bool slice_word(struct slice *rest, struct slice *out)
{
    size_t n = 0;

    while (rest->len && is_blank(rest->at[0])) {
        rest->at++;
        rest->len--;
    }
    while (n < rest->len && !is_blank(rest->at[n]))
        n++;
    *out = (struct slice){rest->at, n};
    rest->at += n;
    rest->len -= n;
    return n > 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the e of "1e-3": at most three digits. */
static bool read_exponent(int *out, const char *at, const char *end)
{
    int sign = 1, value = 0;

    if (at < end && (*at == '-' || *at == '+'))
        sign = *at++ == '-' ? -1 : 1;
    if (at == end || end - at > 3)
        return false;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return false;
        value = value * 10 + (*at - '0');
    }
    *out = sign * value;
    return true;
}

bool decimal_read(struct decimal *out, struct slice text)
{
    const char *at = text.at, *end = text.at + text.len;
    int digits = 0, kept = 0, point = 0, exponent = 0;
    bool negative = false, fraction = false;
    int64_t m = 0;

    if (!text.len || text.len > 64)
        return false;
    if (*at == '-' || *at == '+')
        negative = *at++ == '-';
    for (; at < end && (is_digit(*at) || (*at == '.' && !fraction)); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        digits++;
        if (kept == DIGITS_MAX) {
            point +=
                !fraction; /* a digit of the whole part that is cut off still counts its place */
            continue;
        }
        m = m * 10 + (*at - '0');
        kept += m != 0;
        point -= fraction;
    }
    if (!digits || (at < end && *at != 'e' && *at != 'E'))
        return false;
    if (at < end && !read_exponent(&exponent, at + 1, end))
        return false;
    *out = (struct decimal){negative ? -m : m, m ? point + exponent : 0};
    return true;
}

bool decimal_times(struct decimal *d, struct decimal by)
{
    /* Digits below 10^-9 of a reading mean nothing; dropping them leaves room for the product. */
    while (d->e < -9 && (d->m > 1000000000 || d->m < -1000000000)) {
        d->m /= 10;
        d->e++;
    }
    if (__builtin_mul_overflow(d->m, by.m, &d->m))
        return false;
    d->e += by.e;
    return true;
}

bool decimal_scale(int64_t *out, struct decimal d, int exponent)
{
    int up = d.e - exponent, last = 0;

    for (; up > 0 && d.m; up--)
        if (d.m > VALUE_MAX || d.m < -VALUE_MAX || __builtin_mul_overflow(d.m, 10, &d.m))
            return false;
    for (; up < 0 && (d.m || last); up++) {
        last = (int)(d.m % 10);
        d.m /= 10;
    }
    if (last >= 5)
        d.m++;
    else if (last <= -5)
        d.m--;
    *out = d.m;
    return d.m <= VALUE_MAX && d.m >= -VALUE_MAX;
}

double decimal_real(struct decimal d)
{
    double v = (double)d.m, ten = 1;
    int e = d.e < 0 ? -d.e : d.e;

    for (; e > 0 && ten < 1e300; e--)
        ten *= 10;
    return d.e < 0 ? v / ten : v * ten;
}

int decimal_compare(struct decimal a, struct decimal b)
{
    double x = decimal_real(a), y = decimal_real(b);

    if (a.e == b.e)
        return a.m < b.m ? -1 : a.m > b.m;
    return x < y ? -1 : x > y;
}

bool count_read(uint64_t *out, struct slice text, uint64_t max)
{
    uint64_t v = 0;

    if (!text.len || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.at[i]))
            return false;
        v = v * 10 + (uint64_t)(text.at[i] - '0');
    }
    *out = v;
    return v <= max;
}

/* --- times ------------------------------------------------------------------------------------ */

bool civil_us(int64_t *out, int year, int month, int day, int hour, int minute, int second)
{
    char text[32];

    if (year < 1000 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute,
             second);
    return time_parse(out, text);
}

static bool take_digits(struct slice *s, size_t n, int *out)
{
    int v = 0;

    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s->at[i]))
            return false;
        v = v * 10 + (s->at[i] - '0');
    }
    s->at += n;
    s->len -= n;
    *out = v;
    return true;
}

struct civil {
    int year, month, day, hour, minute, second;
};

static int *civil_field(struct civil *c, char letter)
{
    switch (letter) {
    case 'Y':
    case 'y':
        return &c->year;
    case 'M':
        return &c->month;
    case 'D':
        return &c->day;
    case 'h':
        return &c->hour;
    case 'm':
        return &c->minute;
    case 's':
        return &c->second;
    default:
        return NULL;
    }
}

bool civil_read(int64_t *out, const char *pattern, struct slice text)
{
    struct civil c = {.second = 0};

    for (; *pattern; pattern++) {
        int *field = civil_field(&c, *pattern);

        if (!field) {
            if (!text.len || text.at[0] != *pattern)
                return false;
            text.at++;
            text.len--;
            continue;
        }
        if (!take_digits(&text, *pattern == 'Y' ? 4 : 2, field))
            return false;
        if (*pattern == 'y')
            c.year += 2000;
    }
    return text.len == 0 && civil_us(out, c.year, c.month, c.day, c.hour, c.minute, c.second);
}

bool civil_any(int64_t *out, bool *zoned, struct slice text)
{
    static const char *const patterns[] = {"Y-M-D h:m:s", "Y-M-DTh:m:s", "Y-M-D h:m", "Y-M-DTh:m",
                                           "D/M/Y h:m:s"};
    char copy[48];

    *zoned = false;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        if (civil_read(out, patterns[i], text))
            return true;
    if (text.len >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.at);
    *zoned = true;
    return time_parse(out, copy);
}

bool span_read_us(int64_t *out, struct slice text)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"ms", 1000},      {"s", 1000000}, {"m", 60000000}, {"h", INT64_C(3600000000)},
                 {"d", US_PER_DAY}, {"", 1000000}};
    size_t digits = 0;
    uint64_t n;

    while (digits < text.len && is_digit(text.at[digits]))
        digits++;
    if (!count_read(&n, (struct slice){text.at, digits}, 1000000000))
        return false;
    text.at += digits;
    text.len -= digits;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!slice_is(text, units[i].unit))
            continue;
        *out = (int64_t)n * units[i].us;
        return *out / units[i].us == (int64_t)n && *out <= SPAN_MAX_US;
    }
    return false;
}

uint64_t text_hash(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    h = h ? h : UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        h = (h ^ at[i]) * UINT64_C(1099511628211);
    return h;
}
