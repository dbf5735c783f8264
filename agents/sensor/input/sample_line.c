/* sample_line - see sample_line.h. */
#include "agents/sensor/input/sample_line.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

#define FLAG(word)  EOCBUS__V1__QUALITY__QUALITY_##word
#define TIME_MIN_US INT64_C(946684800000000)
#define TIME_MAX_US INT64_C(4102444800000000)

static enum sample_line bad(char why[SAMPLE_ANSWER_BYTES], const char *legal)
{
    snprintf(why, SAMPLE_ANSWER_BYTES, "%s", legal);
    return LINE_BAD;
}

bool sample_time_is_sane(int64_t time_us)
{
    return time_us >= TIME_MIN_US && time_us <= TIME_MAX_US;
}

/* "now", or "now-30": whole seconds before it, at most a day. */
static bool read_now(int64_t *out, struct slice word, int64_t now_us)
{
    struct slice head = {word.at, word.len < 4 ? word.len : 4};
    int64_t before = 0;

    if (slice_is(word, "now")) {
        *out = now_us;
        return true;
    }
    if (!slice_is(head, "now-") || word.len == 4 || word.len > 9)
        return false;
    for (size_t i = 4; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        before = before * 10 + (word.at[i] - '0');
    }
    *out = now_us - before * 1000000;
    return before <= 86400;
}

bool sample_time_read(int64_t *out, struct slice word, int64_t now_us)
{
    bool zoned = true;

    if (!read_now(out, word, now_us) && (!civil_any(out, &zoned, word) || !zoned))
        return false;
    *out -= *out % 1000; /* as batches count */
    return sample_time_is_sane(*out);
}

static bool read_flags(uint32_t *out, struct slice rest)
{
    struct slice word;
    int flag;

    while (slice_word(&rest, &word)) {
        if (!enum_read(&flag, &eocbus__v1__quality__descriptor, word))
            return false;
        *out |= (uint32_t)flag;
    }
    return true;
}

static enum sample_line read_line(const struct station *station, struct slice rest, int64_t now_us,
                                  unsigned *stream, struct sample *out,
                                  char why[SAMPLE_ANSWER_BYTES])
{
    struct slice name, time, value;
    struct decimal d;
    int found;

    if (!slice_word(&rest, &name) || !slice_word(&rest, &time) || !slice_word(&rest, &value))
        return bad(why, "legal is DATASTREAM TIME VALUE [FLAG...], as in gusar.stage now 1.284");
    found = station_find(station, name);
    if (found < 0)
        return bad(why, "no datastream of this name; the settings of the gateway list them");
    *stream = (unsigned)found;
    if (!sample_time_read(&out->time_us, time, now_us))
        return bad(why, "the time is now, or like 2010-08-07T20:10:00+05:00, from 2000 to 2100");
    if (slice_is(value, "-"))
        out->flags = FLAG(MISSING);
    else if (!decimal_read(&d, value))
        return bad(why, "the value is a number like 1.284, or - for none");
    else if (!decimal_scale(&out->value, d, station->streams[found].exponent))
        return bad(why, "the value is too large for this datastream's exponent");
    if (!read_flags(&out->flags, rest))
        return bad(why, "flags are words like suspect, bad, missing, estimated, low_power");
    return LINE_SAMPLE;
}

enum sample_line sample_line_read(const struct station *station, const char *line, size_t len,
                                  int64_t now_us, unsigned *stream, struct sample *out,
                                  char why[SAMPLE_ANSWER_BYTES])
{
    struct slice text = slice_trim((struct slice){line, len});

    why[0] = '\0';
    *out = (struct sample){0};
    if (!text.len || text.at[0] == '#')
        return LINE_NOTHING;
    if (slice_is(text, "flush"))
        return LINE_FLUSH;
    if (text.len > SAMPLE_LINE_BYTES)
        return bad(why, "a line has at most 256 bytes");
    return read_line(station, text, now_us, stream, out, why);
}
