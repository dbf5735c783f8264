/* grammar - the small languages inside strings: UTF-8, P-codes, names. Declared in gate.h. */
#include <stdbool.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

/* Lengths and least values of RFC 3629, so that overlong forms, surrogates and anything past
 * U+10FFFF are refused. 0: not a character. */
static size_t utf8_char(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < 2 || (p[1] & 0xc0) != 0x80)
        return 0;
    if (p[0] < 0xe0)
        return 2;
    if (left < 3 || (p[2] & 0xc0) != 0x80)
        return 0;
    if (p[0] < 0xf0) {
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0;
        return 3;
    }
    if (left < 4 || (p[3] & 0xc0) != 0x80)
        return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return 4;
}

int gate_utf8_is_valid(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t i = 0;

    while (i < len) {
        uint64_t eight;
        size_t step;

        /* Most text is ASCII: eight bytes at a time. */
        if (len - i >= 8) {
            memcpy(&eight, p + i, 8);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                i += 8;
                continue;
            }
        }
        step = utf8_char(p + i, len - i);
        if (!step)
            return 0;
        i += step;
    }
    return 1;
}

static size_t count_digits(const char *s)
{
    size_t n = 0;

    while (s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

int gate_pcode_is_valid(const char *pcode)
{
    size_t least = 7, digits;

    if (is_capital(pcode[0]) && is_capital(pcode[1])) {
        pcode += 2;
        least = 2;
    }
    digits = count_digits(pcode);
    return digits >= least && digits <= 13 && pcode[digits] == '\0';
}

static size_t name_part(const char *s)
{
    size_t n = 0;

    while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9') || s[n] == '-' ||
           s[n] == '_')
        n++;
    return n;
}

int gate_name_is_valid(const char *name)
{
    const char *p = name;

    for (unsigned parts = 1; parts <= 4; parts++) {
        size_t n = name_part(p);

        if (n == 0)
            return 0;
        p += n;
        if (*p == '\0')
            return p - name <= LIMIT_NAME_BYTES;
        if (*p++ != '.')
            return 0;
    }
    return 0;
}

int gate_recipient_is_valid(const char *text)
{
    size_t role = name_part(text);
    const char *place = text + role + 1;

    if (text[role] != '@')
        return gate_name_is_valid(text);
    if (role == 0 || strlen(text) > LIMIT_NAME_BYTES)
        return 0;
    if (gate_pcode_is_valid(place))
        return 1;
    return *place != '\0' && place[name_part(place)] == '\0';
}
