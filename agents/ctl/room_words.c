/* room_words - see room_words.h. room_words.awk made room_words.inc of the tables. */
#include "agents/ctl/room_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/banned.h"

enum { KEY_MAX = 80, FIGURE_MAX = 64, DUSHANBE_S = 5 * 3600 }; /* no summer time */

struct room_word {
    const char *key, *text[LANG_COUNT];
};

#include "room_words.inc"

static const char *find(enum lang lang, const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i].key, key) == 0)
            return words[i].text[lang];
    return NULL;
}

/* Keys are small letters: "state.verifying". */
const char *room_text(enum lang lang, const char *group, const char *name)
{
    char key[KEY_MAX];
    int len = snprintf(key, sizeof(key), "%s.%s", group, name);

    if (len < 0 || len >= KEY_MAX)
        return NULL;
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return find(lang, key);
}

void room_say(struct buf *out, enum lang lang, const char *key,
              const struct translate_value *values, size_t n)
{
    const char *text = find(lang, key);

    translate_fill(out, text ? text : key, values, n);
}

void room_say_of(struct buf *out, enum lang lang, const char *key, const char *name,
                 const char *value)
{
    room_say(out, lang, key, &(struct translate_value){name, value}, 1);
}

void room_word(struct buf *out, enum lang lang, const char *group, const char *value)
{
    const char *text = room_text(lang, group, value);

    if (text) {
        buf_puts(out, text);
        return;
    }
    for (; *value; value++) {
        char c = *value == '_' ? ' ' : (char)tolower((unsigned char)*value);

        buf_put(out, &c, 1);
    }
}

/* CLDR: Russian one, few, many; Tajik and English one, other. */
static const char *form_of(enum lang lang, uint64_t n)
{
    uint64_t ten = n % 10, hundred = n % 100;

    if (lang != LANG_RUSSIAN)
        return n == 1 ? "one" : "other";
    if (ten == 1 && hundred != 11)
        return "one";
    return ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14) ? "few" : "many";
}

void room_count(struct buf *out, enum lang lang, const char *key, uint64_t n)
{
    char form[KEY_MAX], number[FIGURE_MAX];

    snprintf(form, sizeof(form), "%s.%s", key, form_of(lang, n));
    snprintf(number, sizeof(number), "%" PRIu64, n);
    room_say_of(out, lang, form, "n", number);
}

void room_figure(struct buf *out, enum lang lang, double value, int digits)
{
    char text[FIGURE_MAX], *point, *at = text;
    int len = snprintf(text, sizeof(text), "%.*f", digits, value);
    size_t whole;

    if (len < 0 || len >= FIGURE_MAX)
        return;
    point = strchr(text, '.');
    while (point && (text[len - 1] == '0' || text[len - 1] == '.') && text + len > point)
        text[--len] = '\0';
    if (*at == '-') {
        buf_puts(out, "\u2212");
        at++;
    }
    for (whole = strcspn(at, "."); whole; whole--, at++) {
        buf_put(out, at, 1);
        if (whole % 3 == 1 && whole > 1)
            buf_puts(out, "\u202f");
    }
    if (*at)
        buf_printf(out, "%s%s", lang == LANG_ENGLISH ? "." : ",", at + 1);
}

int64_t room_instant(const char *iso)
{
    struct tm t = {0};
    int used = 0, hours = 0, minutes = 0;
    char sign = '+';

    if (sscanf(iso, "%d-%d-%dT%d:%d:%d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
               &t.tm_sec, &used) != 6)
        return 0;
    t.tm_year -= 1900;
    t.tm_mon--;
    iso += used;
    iso += strspn(iso, ".0123456789");
    (void)sscanf(iso, "%c%2d:%2d", &sign, &hours, &minutes);
    return timegm(&t) - (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

static struct tm parts_of(int64_t at_s)
{
    time_t at = at_s + DUSHANBE_S;
    struct tm t = {0};

    gmtime_r(&at, &t);
    return t;
}

void room_time(struct buf *out, enum lang lang, const char *iso, int64_t now_s)
{
    struct tm t = parts_of(room_instant(iso)), now = parts_of(now_s);
    char month[24];

    snprintf(month, sizeof(month), "month.%d", t.tm_mon + 1);
    if (t.tm_year != now.tm_year || t.tm_yday != now.tm_yday) {
        buf_printf(out, "%d\u00a0", t.tm_mday);
        room_say(out, lang, month, NULL, 0);
        buf_puts(out, "\u00a0");
    }
    if (t.tm_year != now.tm_year)
        buf_printf(out, "%d\u00a0", t.tm_year + 1900);
    buf_printf(out, "%02d:%02d", t.tm_hour, t.tm_min);
}
