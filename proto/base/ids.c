/* ids - UUIDv7 and times as text, without locale and without the machine's time zone. */
#include "proto/base/ids.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (INT64_C(86400) * US_PER_SECOND)

/* RFC 9562, 5.7: 48 bits of milliseconds, version 7, 12 random bits, variant 10, 62 random bits. */
void id_make(uint8_t out[ID_BYTES], int64_t utc_us, const uint8_t random[10])
{
    uint64_t ms = utc_us > 0 ? (uint64_t)utc_us / 1000 : 0;

    for (int i = 0; i < 6; i++)
        out[i] = (uint8_t)(ms >> (40 - 8 * i));
    memcpy(out + 6, random, 10);
    out[6] = (uint8_t)(0x70 | (out[6] & 0x0f));
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}

void id_format(char out[ID_TEXT], const uint8_t id[ID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (int i = 0; i < ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[id[i] >> 4];
        *p++ = digits[id[i] & 15];
    }
    *p = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool id_parse(uint8_t out[ID_BYTES], const char *text)
{
    uint8_t id[ID_BYTES];

    for (int i = 0; i < ID_BYTES; i++) {
        int high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return false;
        high = hex_value(text[0]);
        low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0)
            return false;
        id[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text)
        return false;
    memcpy(out, id, ID_BYTES);
    return true;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar; years begin in March, so that the leap
 * day is the last of the year (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

void time_format(char out[TIME_TEXT], int64_t utc_us)
{
    const int64_t first = days_of(0, 1, 1) * US_PER_DAY;
    const int64_t last = days_of(10000, 1, 1) * US_PER_DAY - 1;
    int64_t days, rest;
    int year, month, day;
    unsigned ms;

    if (utc_us < first)
        utc_us = first;
    if (utc_us > last)
        utc_us = last;
    days = utc_us / US_PER_DAY - (utc_us % US_PER_DAY < 0);
    rest = utc_us - days * US_PER_DAY;
    date_of(days, &year, &month, &day);
    ms = (unsigned)(rest / 1000);
    snprintf(out, TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000,
             (unsigned)month % 100, (unsigned)day % 100, ms / 3600000 % 100, ms / 60000 % 60,
             ms / 1000 % 60, ms % 1000);
}

/* Reads exactly `digits` digits and moves on; -1 if there are fewer. */
static int take_number(const char **text, int digits)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];

        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *text += digits;
    return value;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool take_date(const char **text, int64_t *days)
{
    int year, month, day;

    year = take_number(text, 4);
    if (year < 0 || !take_char(text, '-'))
        return false;
    month = take_number(text, 2);
    if (month < 1 || month > 12 || !take_char(text, '-'))
        return false;
    day = take_number(text, 2);
    if (day < 1 || day > days_in(year, month))
        return false;
    *days = days_of(year, month, day);
    return true;
}

/* ".482193": one to nine digits, what is finer than a microsecond is cut off. */
static bool take_fraction(const char **text, int64_t *us)
{
    int64_t unit = US_PER_SECOND / 10;
    int digits = 0;

    while (**text >= '0' && **text <= '9' && digits < 9) {
        *us += (**text - '0') * unit;
        unit /= 10;
        digits++;
        (*text)++;
    }
    return digits > 0;
}

static bool take_clock(const char **text, int64_t *us)
{
    int hour, minute, second = 0;

    hour = take_number(text, 2);
    if (hour < 0 || hour > 23 || !take_char(text, ':'))
        return false;
    minute = take_number(text, 2);
    if (minute < 0 || minute > 59)
        return false;
    *us = 0;
    if (take_char(text, ':')) {
        second = take_number(text, 2);
        if (second < 0 || second > 59)
            return false;
        if (take_char(text, '.') && !take_fraction(text, us))
            return false;
    }
    *us += ((hour * 60 + minute) * 60 + second) * US_PER_SECOND;
    return true;
}

static bool take_zone(const char **text, int64_t *us_east)
{
    int sign, hour, minute;

    *us_east = 0;
    if (take_char(text, 'Z'))
        return true;
    sign = take_char(text, '+') ? 1 : take_char(text, '-') ? -1 : 0;
    hour = sign ? take_number(text, 2) : -1;
    if (hour < 0 || hour > 23 || !take_char(text, ':'))
        return false;
    minute = take_number(text, 2);
    if (minute < 0 || minute > 59)
        return false;
    *us_east = sign * (hour * 60 + minute) * 60 * US_PER_SECOND;
    return true;
}

bool time_parse(int64_t *utc_us, const char *text)
{
    int64_t days, of_day, east;

    if (!take_date(&text, &days) || !take_char(&text, 'T') || !take_clock(&text, &of_day) ||
        !take_zone(&text, &east) || *text)
        return false;
    *utc_us = days * US_PER_DAY + of_day - east;
    return true;
}
