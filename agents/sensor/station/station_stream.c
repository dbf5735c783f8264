/* station_stream - see station_stream.h. */
#include "agents/sensor/station/station_stream.h"

#include <string.h>

#include "proto/base/banned.h"

/* --- the range a reader believes -------------------------------------------------------------- */

/* ObservationType in sensor.proto has the ranges; only in the unit named there. */
struct believed {
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    struct decimal low, high;
};

#define TYPE(word) EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define UNIT(word) EOCBUS__V1__UNIT__UNIT_##word
static const struct believed believed[] = {
    {TYPE(RAIN_ACC), UNIT(MILLIMETRE), {0, 0}, {50, 0}}, /* per 10 min; see stretch_rain */
    {TYPE(RAIN_INT), UNIT(MILLIMETRE_PER_HOUR), {0, 0}, {400, 0}},
    {TYPE(STAGE), UNIT(METRE), {-1, 0}, {20, 0}},
    {TYPE(STAGE_RATE), UNIT(METRE_PER_MINUTE), {-5, 0}, {20, 0}},
    {TYPE(GV_RMS), UNIT(METRE_PER_SECOND), {0, 0}, {1, -1}},
    {TYPE(GV_PEAK), UNIT(METRE_PER_SECOND), {0, 0}, {1, -1}},
    {TYPE(GV_IMP), UNIT(PER_SECOND), {0, 0}, {250, 0}},
    {TYPE(INFRA_RMS_LF), UNIT(PASCAL), {0, 0}, {20, 0}},
    {TYPE(INFRA_RMS_HF), UNIT(PASCAL), {0, 0}, {20, 0}},
    {TYPE(SPEC_DOM), UNIT(HERTZ), {0, 0}, {125, 0}},
    {TYPE(TRIPWIRE), UNIT(ONE), {0, 0}, {1, 0}},
    {TYPE(SURF_VEL), UNIT(METRE_PER_SECOND), {0, 0}, {25, 0}},
    {TYPE(SOIL_VWC), UNIT(CUBIC_METRE_PER_CUBIC_METRE), {0, 0}, {7, -1}},
    {TYPE(PORE_P), UNIT(PASCAL), {-100, 3}, {500, 3}},
    {TYPE(TILT), UNIT(MILLIRADIAN), {-1500, 0}, {1500, 0}},
    {TYPE(DISCHARGE), UNIT(CUBIC_METRE_PER_SECOND), {0, 0}, {20000, 0}},
};

/* A gauge that counts for a quarter of an hour may hold more than one that counts ten minutes. */
static void stretch_rain(struct datastream *d)
{
    const int64_t ten_minutes_us = INT64_C(600000000);

    if (d->type == TYPE(RAIN_ACC) && d->step_us > ten_minutes_us && d->high < INT64_C(100000000))
        d->high = d->high * (d->step_us / 1000) / (ten_minutes_us / 1000);
}

static void believe(struct datastream *d)
{
    for (size_t i = 0; i < ARRAY_LEN(believed); i++) {
        const struct believed *b = &believed[i];

        if (d->raw || b->type != d->type || b->unit != d->unit)
            continue;
        d->bounded = decimal_scale(&d->low, b->low, d->exponent) &&
                     decimal_scale(&d->high, b->high, d->exponent);
        stretch_rain(d);
    }
}

uint32_t station_judge(const struct datastream *d, int64_t value)
{
    if (!d->bounded || (value >= d->low && value <= d->high))
        return 0;
    return EOCBUS__V1__QUALITY__QUALITY_OUT_OF_RANGE;
}

/* --- the line --------------------------------------------------------------------------------- */

/* "-0.5..4" in the stream's unit */
static bool read_range(struct datastream *d, struct slice text)
{
    struct decimal low, high;

    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.at[i] != '.' || text.at[i + 1] != '.')
            continue;
        d->bounded = decimal_read(&low, (struct slice){text.at, i}) &&
                     decimal_read(&high, (struct slice){text.at + i + 2, text.len - i - 2}) &&
                     decimal_scale(&d->low, low, d->exponent) &&
                     decimal_scale(&d->high, high, d->exponent) && d->low < d->high;
        return d->bounded;
    }
    return false;
}

/* A number with up to so many decimals, from 0 on. */
static bool read_amount(uint32_t *out, struct slice v, int exponent, int64_t most)
{
    struct decimal d;
    int64_t n;

    if (!decimal_read(&d, v) || !decimal_scale(&n, d, exponent) || n < 0 || n > most)
        return false;
    *out = (uint32_t)n;
    return true;
}

/* An offset or a gain with more digits than the registry has would be applied here and not there.
 */
static bool is_exact(struct slice v, int64_t scaled, int exponent)
{
    struct decimal d;

    return decimal_read(&d, v) && decimal_compare(d, (struct decimal){scaled, exponent}) == 0;
}

static enum status read_calibration(struct datastream *d, struct setting *l)
{
    struct decimal n;
    struct slice v;

    if (words_option(l->words, l->count, "offset", &v) &&
        (!decimal_read(&n, v) || !decimal_scale(&d->offset, n, d->exponent) ||
         !is_exact(v, d->offset, d->exponent)))
        return setting_complain(
            l, "offset= wants a number in the unit given, with no more decimals than "
               "the exponent has");
    if (words_option(l->words, l->count, "gain", &v) &&
        (!read_amount(&d->gain_ppm, v, -6, 1000000000) || !d->gain_ppm ||
         !is_exact(v, d->gain_ppm, -6)))
        return setting_complain(l, "gain= wants a number like 1.0025, with at most six decimals");
    return ST_OK;
}

/* "5..10" Hz */
static bool read_band(struct datastream *d, struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.at[i] == '.' && text.at[i + 1] == '.')
            return read_amount(&d->band_low_dhz, (struct slice){text.at, i}, -1, 10000) &&
                   read_amount(&d->band_high_dhz, (struct slice){text.at + i + 2, text.len - i - 2},
                               -1, 10000) &&
                   d->band_low_dhz < d->band_high_dhz;
    return false;
}

static enum status read_mounting(struct datastream *d, struct setting *l)
{
    struct decimal n;
    struct slice v;
    int64_t mm;

    if (words_option(l->words, l->count, "height", &v)) {
        if (!decimal_read(&n, v) || !decimal_scale(&mm, n, -3) || mm < -1000000 || mm > 9000000)
            return setting_complain(l, "height= wants metres, -1000 to 9000");
        d->height_mm = (int32_t)mm;
    }
    if (words_option(l->words, l->count, "wire", &v) && !read_amount(&d->wire, v, 0, 64))
        return setting_complain(l, "wire= wants a number from the bed up, 1 to 64");
    if (words_option(l->words, l->count, "threshold", &v) &&
        !read_amount(&d->threshold_um_s, v, 0, 100000))
        return setting_complain(l, "threshold= wants micrometres a second, at most 100000");
    if (words_option(l->words, l->count, "band", &v) && !read_band(d, v))
        return setting_complain(l, "band= wants LOW..HIGH in hertz, as in band=5..10");
    return ST_OK;
}

/* What was read is empty by now. */
static enum status check_all_read(struct setting *l)
{
    for (int i = 5; i < l->count; i++)
        if (l->words[i].len)
            return setting_complain(
                l, "behind the exponent stand sensor=, step=, normal=, range=, "
                   "torrent=, offset=, gain=, height=, wire=, threshold=, band= and "
                   "raw");
    return ST_OK;
}

static enum status read_stream_options(struct datastream *d, struct setting *l)
{
    struct slice *words = l->words, v;
    enum status st;
    uint64_t n;

    d->sensor_id = 1;
    if (words_option(words, l->count, "sensor", &v)) {
        if (!count_read(&n, v, 65535) || !n)
            return setting_complain(l, "sensor= wants the number of a sensor line");
        d->sensor_id = (uint32_t)n;
    }
    if (words_option(words, l->count, "torrent", &v)) {
        if (!count_read(&n, v, 1000000))
            return setting_complain(l, "torrent= wants the number of a torrent line");
        d->torrent_id = (uint32_t)n;
    }
    if (words_option(words, l->count, "step", &v) &&
        (!span_read_us(&d->step_us, v) || d->step_us > INT64_C(86400000000)))
        return setting_complain(l, "step= wants a time like 15m, at most 1d");
    if (words_option(words, l->count, "normal", &v) &&
        (!span_read_us(&d->normal_us, v) || d->normal_us > INT64_C(3600000000)))
        return setting_complain(l, "normal= wants a time like 10m, at most 1h");
    for (int i = 5; i < l->count; i++)
        if (slice_is(words[i], "raw")) {
            d->raw = true;
            words[i].len = 0;
        }
    believe(d);
    if (words_option(words, l->count, "range", &v) && !read_range(d, v))
        return setting_complain(l, "range= wants MIN..MAX in the unit given, as in range=-0.5..4");
    st = read_calibration(d, l);
    if (st == ST_OK)
        st = read_mounting(d, l);
    return st == ST_OK ? check_all_read(l) : st;
}

enum status station_read_stream(struct station *s, struct setting *l)
{
    struct datastream *d = &s->streams[s->stream_count];
    int type, unit;
    int32_t exponent;

    if (l->count < 5 || !setting_number(l, 1, 1, 65535, &d->id) ||
        !setting_scaled(l, 4, 0, 12, &exponent))
        return setting_complain(l, "legal is NAME ID TYPE UNIT EXPONENT, as in "
                                   "gusar.stage 3 stage metre -3");
    if (!enum_read(&type, &eocbus__v1__observation_type__descriptor, l->words[2]))
        return setting_complain(
            l, "the third word is a type of sensor.proto: stage, rain_acc, soil_vwc, "
               "batt_v ...");
    if (!enum_read(&unit, &eocbus__v1__unit__descriptor, l->words[3]))
        return setting_complain(
            l, "the fourth word is a unit of sensor.proto: metre, millimetre, volt, "
               "one ...");
    d->type = (Eocbus__V1__ObservationType)type;
    d->unit = (Eocbus__V1__Unit)unit;
    d->exponent = exponent;
    for (unsigned i = 0; i < s->stream_count; i++)
        if (s->streams[i].id == d->id || slice_is(l->words[0], s->streams[i].name))
            return setting_complain(l, "another datastream has this name or number already");
    d->name = setting_keep(l, l->words[0]);
    s->stream_count++;
    return d->name ? read_stream_options(d, l) : ST_NOMEM;
}
