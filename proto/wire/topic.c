#include "proto/wire/topic.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/types.h"

enum { CODE_BYTES = 16 }; /* two letters, 13 digits, NUL */

static bool starts_with_letters(const char *pcode)
{
    return pcode[0] >= 'A' && pcode[0] <= 'Z';
}

void pcode_region(char out[16], const char *pcode)
{
    snprintf(out, CODE_BYTES, starts_with_letters(pcode) ? "%.4s" : "%.4s000", pcode);
}

void pcode_district(char out[16], const char *pcode)
{
    bool letters = starts_with_letters(pcode);
    char region[CODE_BYTES];

    snprintf(out, CODE_BYTES, letters ? "%.15s" : "%.7s", pcode);
    pcode_region(region, pcode);
    if (strcmp(out, region) == 0)
        snprintf(out, CODE_BYTES, "-");
}

/* A status of a newer sender has no word here yet; it must match "*", not vanish. */
static const char *status_word(unsigned status)
{
    static const char *const word[] = {"unknown", "actual", "exercise", "system", "test"};

    return word[status < 5 ? status : 0];
}

static void add_topic(struct topics *out, unsigned status, unsigned type, const char *region,
                      const char *district)
{
    const struct type_info *t = type_by_number(type);
    char *text;

    if (out->count == LIMIT_TOPICS)
        return;
    text = out->text[out->count];
    snprintf(text, LIMIT_TOPIC_BYTES, "%s.%s.%s.%s.%s", status_word(status),
             t ? t->family : "unknown", t ? t->name : "unknown", region, district);
    for (unsigned i = 0; i < out->count; i++)
        if (strcmp(out->text[i], text) == 0)
            return;
    out->count++;
}

static void add_place(struct topics *out, unsigned status, unsigned type, const char *pcode)
{
    char region[CODE_BYTES], district[CODE_BYTES];

    pcode_region(region, pcode);
    pcode_district(district, pcode);
    add_topic(out, status, type, region, district);
}

void topics_of(struct topics *out, const Eocbus__V1__Envelope *m)
{
    out->count = 0;
    for (size_t i = 0; m->area && i < m->area->n_pcodes; i++)
        add_place(out, (unsigned)m->status, (unsigned)m->body_case, m->area->pcodes[i]);
    if (out->count == 0)
        add_topic(out, (unsigned)m->status, (unsigned)m->body_case, "-", "-");
}

void topics_of_row(struct topics *out, unsigned status, unsigned type, const char *places)
{
    out->count = 0;
    while (*places) {
        size_t len = strcspn(places, " ");
        char pcode[CODE_BYTES];

        snprintf(pcode, sizeof(pcode), "%.*s", (int)(len < 15 ? len : 15), places);
        if (len)
            add_place(out, status, type, pcode);
        places += len;
        places += strspn(places, " ");
    }
    if (out->count == 0)
        add_topic(out, status, type, "-", "-");
}

void places_of(char out[PLACES_TEXT], const Eocbus__V1__Envelope *m)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; m->area && i < m->area->n_pcodes && i < LIMIT_TOPICS; i++) {
        if (len + 1 + strlen(m->area->pcodes[i]) >= PLACES_TEXT)
            return;
        len += (size_t)snprintf(out + len, PLACES_TEXT - len, "%s%s", len ? " " : "",
                                m->area->pcodes[i]);
    }
}

/* Of digits a region is four and three zeros; what begins with the four lies in it. */
static size_t region_len(const char *place, size_t len)
{
    if (len != 7 || memcmp(place + 4, "000", 3) != 0 || place[0] < '0' || place[0] > '9')
        return len;
    return 4;
}

bool pcode_is_within(const char *pcode, size_t pcode_len, const char *place, size_t place_len)
{
    size_t prefix = region_len(place, place_len);

    return prefix <= pcode_len && memcmp(pcode, place, prefix) == 0;
}

/* Not isalnum(): a locale must not decide what a topic is. */
static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool level_is_word(const char *level, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_word_byte(level[i]))
            return false;
    return len > 0;
}

_Static_assert(LIMIT_PATTERN_BYTES == 200, "the sentence below says 200");

const char *pattern_fault(const char *pattern)
{
    const char *p = pattern;

    if (strlen(pattern) > LIMIT_PATTERN_BYTES)
        return "a pattern has at most 200 bytes";
    for (unsigned level = 1; level <= TOPIC_LEVELS; level++) {
        size_t len = strcspn(p, ".");
        bool last = p[len] == '\0';

        if (len == 2 && memcmp(p, "**", 2) == 0)
            return last ? NULL : "'**' stands only at the end";
        if (!(len == 1 && *p == '*') && !level_is_word(p, len))
            return "a level is '*', or letters, digits, '_' and '-'";
        if (last)
            return level == TOPIC_LEVELS ? NULL
                                         : "fewer than five levels: end with '.**' for any rest";
        p += len + 1;
    }
    return "more than five levels: status.family.type.region.district";
}

bool pattern_matches(const char *pattern, const char *topic)
{
    for (;;) {
        size_t want = strcspn(pattern, "."), have = strcspn(topic, ".");

        if (want == 2 && memcmp(pattern, "**", 2) == 0)
            return true;
        if (!(want == 1 && *pattern == '*') && (want != have || memcmp(pattern, topic, want) != 0))
            return false;
        if (pattern[want] == '\0' || topic[have] == '\0')
            return pattern[want] == topic[have];
        pattern += want + 1;
        topic += have + 1;
    }
}

bool pattern_matches_any(const char *pattern, const struct topics *t)
{
    for (unsigned i = 0; i < t->count; i++)
        if (pattern_matches(pattern, t->text[i]))
            return true;
    return false;
}
