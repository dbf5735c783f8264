/* cap_words - see cap_words.h. */
#include "agents/console/cap/cap_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define SECOND_US INT64_C(1000000)

void cap_word(char out[CAP_WORD], const ProtobufCEnumDescriptor *d, const char *prefix, int value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    const char *name = v && value ? v->name + strlen(prefix) : "";
    const bool stays = strcmp(name, "CBRNE") == 0; /* the one that is an abbreviation */
    size_t n = 0;
    bool begins = true;

    for (; *name && n + 1 < CAP_WORD; name++) {
        if (*name == '_') {
            begins = true;
            continue;
        }
        out[n++] = begins || stays ? *name : (char)tolower((unsigned char)*name);
        begins = false;
    }
    out[n] = '\0';
}

int cap_value(const ProtobufCEnumDescriptor *d, const char *prefix, const char *word)
{
    char known[CAP_WORD];

    if (strcmp(prefix, "CERTAINTY_") == 0 && strcmp(word, "Very Likely") == 0)
        word = "Likely"; /* CAP 1.0; section 3.2.2 */
    for (unsigned i = 0; i < d->n_values; i++) {
        cap_word(known, d, prefix, d->values[i].value);
        if (*known && strcmp(known, word) == 0)
            return d->values[i].value;
    }
    return 0;
}

void cap_time(char out[CAP_TIME], int64_t utc_us, int offset_min)
{
    const int64_t local_us = utc_us + offset_min * INT64_C(60) * SECOND_US;
    const unsigned away = (unsigned)abs(offset_min) % 6000;
    time_t seconds = (time_t)(local_us / SECOND_US - (local_us % SECOND_US < 0));
    char zone[8];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, CAP_TIME - 8, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(zone, sizeof(zone), "%c%02u:%02u", offset_min > 0 ? '+' : '-', away / 60, away % 60);
    snprintf(out + strlen(out), 8, "%s", zone);
}

bool cap_read_time(int64_t *utc_us, int32_t *offset_min, const char *text)
{
    const size_t len = strlen(text);
    int hours = 0, minutes = 0;

    if (!time_parse(utc_us, text))
        return false;
    if (len > 6 && (text[len - 6] == '+' || text[len - 6] == '-') &&
        sscanf(text + len - 5, "%2d:%2d", &hours, &minutes) != 2)
        return false;
    if (offset_min)
        *offset_min = (hours * 60 + minutes) * (text[len - 6] == '-' ? -1 : 1);
    return true;
}

void cap_number(char out[CAP_NUMBER], int64_t value, int scale)
{
    const int64_t size = value < 0 ? -value : value;
    int64_t whole = 1;
    size_t len;

    for (int i = 0; i < scale; i++)
        whole *= 10;
    snprintf(out, CAP_NUMBER, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", size / whole, scale,
             size % whole);
    len = strlen(out);
    while (len && out[len - 1] == '0')
        out[--len] = '\0';
    if (len && out[len - 1] == '.')
        out[--len] = '\0';
}

bool cap_read_number(int64_t *value, int scale, const char *text, const char **end)
{
    const bool is_negative = *text == '-';
    int64_t n = 0;
    int after = -1; /* digits behind the point; -1: none seen */
    bool any = false, up = false;

    for (text += *text == '-' || *text == '+'; isdigit((unsigned char)*text) || *text == '.';
         text++) {
        if (*text == '.') {
            if (after >= 0)
                return false;
            after = 0;
            continue;
        }
        any = true;
        if (after == scale)
            up = *text >= '5';
        if (after <= scale && after >= 0)
            after++;
        if (after <= scale)
            n = n * 10 + (*text - '0');
        if (n > INT64_C(1000000000000000))
            return false;
    }
    for (int i = after < 0 ? 0 : after; i < scale; i++) {
        if (n > INT64_MAX / 10)
            return false;
        n *= 10;
    }
    *value = (n + up) * (is_negative ? -1 : 1);
    *end = text;
    return any;
}
