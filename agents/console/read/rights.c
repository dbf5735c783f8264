/* rights - see rights.h. */
#include "agents/console/read/rights.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

/* --- reading ---------------------------------------------------------------------------------- */

static bool take_line(char *out, size_t size, const char *text, const char *word)
{
    size_t len = strlen(word), n;

    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        if (strncmp(text, word, len) != 0 || text[len] != ' ')
            continue;
        text += len + 1;
        n = strcspn(text, "\n");
        if (n >= size)
            return false;
        snprintf(out, size, "%.*s", (int)n, text);
        return true;
    }
    return false;
}

enum status rights_read(struct rights *out, const char *name, const char *text)
{
    memset(out, 0, sizeof(*out));
    if (strlen(name) >= sizeof(out->name))
        return ST_INVALID;
    snprintf(out->name, sizeof(out->name), "%s", name);
    if (!*text)
        return ST_OK;
    if (take_line(out->hear, sizeof(out->hear), text, "hear") &&
        take_line(out->say, sizeof(out->say), text, "say") &&
        take_line(out->places, sizeof(out->places), text, "places") &&
        take_line(out->agency, sizeof(out->agency), text, "agency") &&
        take_line(out->duties, sizeof(out->duties), text, "duties"))
        return ST_OK;
    memset(out, 0, sizeof(*out));
    return ST_INVALID;
}

/* --- judging ---------------------------------------------------------------------------------- */

/* Below a place is what begins with its code; of a region of digits ("3505000"), with its first
 * four: bus.is_within. */
static bool is_within(const char *pcode, const char *place, size_t len)
{
    if (len == 7 && memcmp(place + 4, "000", 3) == 0 && strspn(place, "0123456789") >= 7)
        len = 4;
    return len && strncmp(pcode, place, len) == 0;
}

static bool is_own(const struct rights *r, const char *pcode)
{
    for (const char *at = r->places; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");

        if (is_within(pcode, at, len))
            return true;
        at += len;
    }
    return false;
}

static unsigned count_own(const struct rights *r, const Eocbus__V1__Envelope *m)
{
    unsigned n = 0;

    for (size_t i = 0; m->area && i < m->area->n_pcodes; i++)
        n += is_own(r, m->area->pcodes[i]);
    return n;
}

static bool has_duty(const struct rights *r, const char *named)
{
    size_t len = strlen(named);

    for (const char *at = r->duties; (at = strstr(at, named)) != NULL; at += len)
        if ((at == r->duties || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}

static bool is_for(const struct rights *r, const Eocbus__V1__Envelope *m)
{
    for (size_t i = 0; i < m->n_to; i++) {
        const char *to = m->to[i];
        size_t len = strlen(to);

        if (strcmp(to, r->name) == 0 || strcmp(to, r->agency) == 0 ||
            (strncmp(r->name, to, len) == 0 && r->name[len] == '.' && !strchr(to, '.')) ||
            (strchr(to, '@') && has_duty(r, to)))
            return true;
    }
    return false;
}

static char digit_of(const char *map, const Eocbus__V1__Envelope *m)
{
    const unsigned label =
        m->label ? (unsigned)m->label : EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    const size_t at = (size_t)m->body_case * 4 + label - 1;

    return at < strlen(map) ? map[at] : '0';
}

enum may rights_hear(const struct rights *r, const Eocbus__V1__Envelope *m)
{
    switch (digit_of(r->hear, m)) {
    case '1':
        return MAY;
    case '2':
        return count_own(r, m) ? MAY : MAY_NOT;
    case '3':
        return count_own(r, m) || is_for(r, m) ? MAY : MAY_NOT;
    case '4':
        return is_for(r, m) ? MAY : MAY_NOT;
    case '5':
        return MAY_BE;
    default:
        return MAY_NOT;
    }
}

/* What is said has every place within. */
enum may rights_say(const struct rights *r, const Eocbus__V1__Envelope *m)
{
    switch (digit_of(r->say, m)) {
    case '1':
        return MAY;
    case '2':
        return m->area && m->area->n_pcodes && count_own(r, m) == m->area->n_pcodes ? MAY : MAY_NOT;
    case '5':
        return MAY_BE;
    default:
        return MAY_NOT;
    }
}
