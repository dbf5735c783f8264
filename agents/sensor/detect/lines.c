/* lines - detectors as settings have them. See detect.h and profiles.h. */
#include <stdio.h>
#include <string.h>

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/detect/profiles.h"
#include "agents/sensor/detect/stage.h"

#include "proto/base/banned.h"

enum { WORDS = 40 };

/* --- numbers ---------------------------------------------------------------------------------- */

static void put_number(struct detector *d, unsigned i, struct decimal number)
{
    d->exact[i] = number;
    d->number[i] = decimal_real(number);
}

/* "0.1" as it stands; "10m" where the name in the table ends in _s and the line's does not. */
static bool read_number(struct decimal *out, struct slice text, bool is_span)
{
    int64_t us;

    if (!is_span)
        return decimal_read(out, text);
    if (!span_read_us(&us, text))
        return false;
    *out = us % 1000000 ? (struct decimal){us, -6} : (struct decimal){us / 1000000, 0};
    return true;
}

static enum status read_one(struct detector *d, struct setting *l, unsigned i)
{
    const struct parameter *row = &d->profile->parameters[i];
    size_t len = strlen(row->name);
    char shorter[48], why[300];
    struct decimal number;
    struct slice text;
    bool given = words_option(l->words, l->count, row->name, &text), is_span = false;

    if (!given && len > 2 && strcmp(row->name + len - 2, "_s") == 0) {
        snprintf(shorter, sizeof(shorter), "%.*s", (int)(len - 2), row->name);
        given = is_span = words_option(l->words, l->count, shorter, &text);
    }
    if (!given && !row->deflt) {
        snprintf(why, sizeof(why), "%s= is missing: %s", row->name, row->about);
        return setting_complain(l, why);
    }
    if (!given)
        text = slice_of(row->deflt);
    if (!read_number(&number, text, is_span)) {
        snprintf(why, sizeof(why), "%s= wants a number%s: %s", row->name,
                 is_span ? " with a unit of time, as in 10m" : "", row->about);
        return setting_complain(l, why);
    }
    if (profile_accepts(d->profile, i, number, why, sizeof(why)) != ST_OK)
        return setting_complain(l, why);
    put_number(d, i, number);
    return ST_OK;
}

/* "debounce=3/5" is need=3 of=5. */
static enum status read_debounce(struct detector *d, struct setting *l)
{
    struct slice text, need;
    uint64_t m, n;

    if (d->profile->ready != stage_level_ready && d->profile->ready != stage_rate_ready)
        return ST_OK;
    if (!words_option(l->words, l->count, "debounce", &text))
        return ST_OK;
    if (!slice_next(&text, '/', &need) || !text.at || !count_read(&m, need, DEBOUNCE_MOST) ||
        !count_read(&n, text, DEBOUNCE_MOST) || m < 1 || m > n)
        return setting_complain(
            l, "debounce= wants M/N, M of the last N samples, as in 3/5; N at most 32");
    put_number(d, STAGE_NEED, (struct decimal){(int64_t)m, 0});
    put_number(d, STAGE_OF, (struct decimal){(int64_t)n, 0});
    return ST_OK;
}

static enum status read_numbers(struct detector *d, struct setting *l)
{
    enum status st = ST_OK;
    const char *why;

    for (unsigned i = 0; st == ST_OK && i < profile_parameters(d->profile); i++)
        st = read_one(d, l, i);
    if (st == ST_OK)
        st = read_debounce(d, l);
    if (st != ST_OK)
        return st;
    why = d->profile->check ? d->profile->check(d->number) : NULL;
    return why ? setting_complain(l, why) : ST_OK;
}

/* --- datastreams ------------------------------------------------------------------------------ */

static const struct detector_input *find_input(const struct profile *p, unsigned place,
                                               const struct datastream *s)
{
    for (unsigned i = 0; i < ARRAY_LEN(p->inputs) && p->inputs[i].type; i++)
        if ((!p->placed || i == place) && p->inputs[i].type == s->type &&
            p->inputs[i].unit == s->unit)
            return &p->inputs[i];
    return NULL;
}

static enum status read_stream(struct detect *out, struct detector *d, struct setting *l, int word)
{
    int stream = station_find(out->station, l->words[word]);
    const struct datastream *s = stream < 0 ? NULL : &out->station->streams[stream];

    if (!s)
        return setting_complain(l, "there is no datastream of this name");
    if (d->stream_count == d->profile->most_streams)
        return setting_complain(l, "more datastreams than this profile looks at");
    d->input[d->stream_count] = s->raw ? NULL : find_input(d->profile, d->stream_count, s);
    if (!d->input[d->stream_count])
        return setting_complain(
            l, "this datastream measures something else, or in another unit, or raw; "
               "eocbus-sensor profiles tells what the profile takes");
    if (!d->stream_count)
        d->torrent_id = s->torrent_id;
    if (s->step_us > d->step_us)
        d->step_us = s->step_us;
    d->stream[d->stream_count++] = (unsigned)stream;
    l->words[word].len = 0;
    return ST_OK;
}

/* Names stand before the first word with an equals sign. */
static enum status read_streams(struct detect *out, struct detector *d, struct setting *l)
{
    enum status st = ST_OK;

    for (int i = 2; st == ST_OK && i < l->count; i++) {
        if (!l->words[i].len || memchr(l->words[i].at, '=', l->words[i].len))
            break;
        st = read_stream(out, d, l, i);
    }
    if (st == ST_OK && d->stream_count < d->profile->least_streams)
        return setting_complain(l, "legal is PROFILE VERSION DATASTREAM... [NAME=NUMBER]...");
    return st;
}

/* --- lines ------------------------------------------------------------------------------------ */

static enum status no_profile(const struct setting *l)
{
    struct buf names = {.data = NULL};
    enum status st;

    for (unsigned i = 0; i < profile_count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "the first word is one of ", profiles[i]->name);
    st = setting_complain(l, names.failed ? "there is no such profile" : (const char *)names.data);
    buf_free(&names);
    return st;
}

static enum status read_detector(struct detect *out, struct setting *l, struct arena *arena)
{
    const struct profile *p = l->count > 0 ? profile_find(l->words[0]) : NULL;
    struct detector one = {.profile = p}, *d = &one;
    uint64_t version;
    enum status st;

    if (!p)
        return no_profile(l);
    if (l->count < 2 || !count_read(&version, l->words[1], UINT32_MAX) || !version)
        return setting_complain(l, "legal is PROFILE VERSION DATASTREAM... [NAME=NUMBER]...");
    d->version = (uint32_t)version;
    st = read_streams(out, d, l);
    if (st == ST_OK)
        st = read_numbers(d, l);
    if (st != ST_OK)
        return st;
    for (int i = 2; i < l->count; i++)
        if (l->words[i].len)
            return setting_complain(l,
                                    "a word behind the datastream is not known to this profile, or "
                                    "stands there twice");
    if (p == &profile_fusion) {
        out->fusion = one;
        return ST_OK;
    }
    if (out->count == DETECTORS)
        return setting_complain(l, "a gateway has at most 16 detectors");
    d->state = arena_alloc(arena, p->state_bytes);
    if (!d->state)
        return ST_NOMEM;
    out->detector[out->count++] = one;
    return ST_OK;
}

/* What stands when no line says otherwise. */
static void default_fusion(struct detector *d, int64_t hold_us)
{
    *d = (struct detector){.profile = &profile_fusion, .version = 1};
    for (unsigned i = 0; i < profile_parameters(d->profile); i++) {
        struct decimal number = {0, 0};

        (void)decimal_read(&number, slice_of(d->profile->parameters[i].deflt));
        put_number(d, i, number);
    }
    put_number(d, FUSION_HOLD, (struct decimal){hold_us, -6});
}

enum status detect_read(struct detect *out, const struct station *station,
                        const struct conf_list *lines, int64_t hold_us, struct arena *arena,
                        char *err, size_t err_size)
{
    enum status st = ST_OK;

    memset(out, 0, sizeof(*out));
    out->station = station;
    default_fusion(&out->fusion, hold_us);
    for (size_t i = 0; st == ST_OK && i < lines->count; i++) {
        struct setting l = {
            .row = "detector", .text = lines->items[i], .err = err, .err_size = err_size};

        l.count = words_split(l.words, WORDS, l.text);
        st = read_detector(out, &l, arena);
    }
    if (st == ST_OK)
        detect_reset(out);
    return st;
}
