/* stations - see stations.h. */
#include "agents/sensor/detect/stations.h"

#include <math.h>
#include <string.h>

#include "agents/sensor/detect/vibration.h"
#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word
#define US_PER_S    INT64_C(1000000)

/* Of the 512 seconds kept, so many are compared, shifted by up to the rest. */
enum { COMPARED_SECONDS = 256, LAG_MOST = SERIES_SECONDS - COMPARED_SECONDS };

/* How often the speed is looked at while a front is confirmed. */
#define MEASURE_EVERY_US (10 * US_PER_S)

/* --- the speed -------------------------------------------------------------------------------- */

static double correlate(const double *x, const double *y, unsigned count)
{
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, under;

    for (unsigned i = 0; i < count; i++) {
        sx += x[i];
        sy += y[i];
    }
    for (unsigned i = 0; i < count; i++) {
        double a = x[i] - sx / count, b = y[i] - sy / count;

        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    under = sqrt(xx) * sqrt(yy);
    return under > 0 ? xy / under : 0;
}

/* Top of the parabola through three neighbours, as an offset from the middle one. */
static double refine(double before, double top, double after)
{
    double bend = before - 2 * top + after;

    return bend < 0 ? 0.5 * (before - after) / bend : 0;
}

bool correlation_lag(const double *x, const double *y, unsigned count, unsigned most,
                     double likeness, double *lag_s)
{
    double best = -2, before = -2, left = -2, right = -2;
    unsigned lag = 0;

    for (unsigned k = 0; k <= most; k++) {
        double now = correlate(x + most - k, y + most, count);

        if (lag && k == lag + 1)
            right = now;
        if (k && now > best) {
            best = now;
            lag = k;
            left = before;
            right = -2;
        }
        before = now;
    }
    if (!lag || best < likeness)
        return false;
    *lag_s = lag + (left > -2 && right > -2 ? refine(left, best, right) : 0);
    return *lag_s > 0;
}

uint32_t front_speed_mm_s(double distance_m, double lag_s, double clock_error_s)
{
    double speed = distance_m / lag_s;

    if (clock_error_s > 0.1 * distance_m / speed || speed > 100)
        return 0;
    return (uint32_t)llround(speed * 1000);
}

static void unroll(const struct station_series *s, int64_t last, double out[SERIES_SECONDS])
{
    for (int64_t i = 0; i < SERIES_SECONDS; i++) {
        int64_t second = last - SERIES_SECONDS + 1 + i;

        /* What a slower station has not told yet is like its newest. */
        if (second > s->second)
            second = s->second;
        out[i] = (double)s->rms[(uint64_t)second % SERIES_SECONDS];
    }
}

static void measure(struct detector *d, int64_t time_us)
{
    struct stations *s = d->state;
    const double *n = d->number;
    double x[SERIES_SECONDS], y[SERIES_SECONDS], lag_s;
    int64_t last = s->at[STATION_LOWER].second;

    if (s->measured_us != INT64_MIN && time_us - s->measured_us < MEASURE_EVERY_US)
        return;
    s->measured_us = time_us;
    unroll(&s->at[STATION_UPPER], last, x);
    unroll(&s->at[STATION_LOWER], last, y);
    s->speed_mm_s = 0;
    if (correlation_lag(x, y, COMPARED_SECONDS, LAG_MOST, n[STATIONS_LIKENESS], &lag_s))
        s->speed_mm_s = front_speed_mm_s(n[STATIONS_DISTANCE], lag_s, n[STATIONS_CLOCK_ERROR]);
}

/* --- one station ------------------------------------------------------------------------------ */

static void keep(struct station_series *s, int64_t second, double value)
{
    float last = s->begun ? s->rms[(uint64_t)s->second % SERIES_SECONDS] : (float)value;

    if (!s->begun || second - s->second >= SERIES_SECONDS) {
        for (unsigned i = 0; i < SERIES_SECONDS; i++)
            s->rms[i] = last;
        s->second = second;
        s->begun = true;
    }
    while (s->second < second)
        s->rms[(uint64_t)++s->second % SERIES_SECONDS] = last;
    s->rms[(uint64_t)second % SERIES_SECONDS] = (float)value;
}

static double window_rms(const struct station_series *s, unsigned seconds)
{
    double sum = 0;

    for (unsigned i = 0; i < seconds; i++) {
        double v = (double)s->rms[(uint64_t)(s->second - i) % SERIES_SECONDS];

        sum += v * v;
    }
    return sqrt(sum / seconds);
}

/* True when it leaves the noise now, having been quiet. */
static void listen(struct detector *d, struct station_series *s, double step, int64_t time_us)
{
    const double *n = d->number;
    int64_t fade_us = detector_span_us(d, STATIONS_NOISE);
    double rms = window_rms(s, (unsigned)n[STATIONS_WINDOW]);
    double mean = fmax(s->noise.mean, step), spread = fmax(sqrt(s->noise.variance), step);
    bool over = noise_is_known(&s->noise, time_us, fade_us) &&
                rms >= mean + n[STATIONS_Z] * spread && rms >= mean * n[STATIONS_RATIO];
    bool locked = s->triggered_us != INT64_MIN &&
                  time_us - s->triggered_us < detector_span_us(d, STATIONS_LOCKOUT);

    if (over && !s->over && !locked)
        s->triggered_us = time_us;
    s->over = over;
    noise_learn(&s->noise, rms, time_us, fade_us, over, detector_span_us(d, STATIONS_FREEZE));
}

/* --- both ------------------------------------------------------------------------------------- */

static bool is_front(const struct detector *d, const struct stations *s)
{
    const double *n = d->number;
    int64_t up = s->at[STATION_UPPER].triggered_us, down = s->at[STATION_LOWER].triggered_us;
    double behind_s = (double)(down - up) / 1e6;

    if (up == INT64_MIN || down == INT64_MIN)
        return false;
    return behind_s <= n[STATIONS_WITHIN] + n[STATIONS_CLOCK_ERROR] &&
           behind_s <= n[STATIONS_DISTANCE] / n[STATIONS_SLOWEST] + n[STATIONS_CLOCK_ERROR] &&
           behind_s >= n[STATIONS_DISTANCE] / n[STATIONS_FASTEST] - n[STATIONS_CLOCK_ERROR];
}

static void judge(struct detector *d, int64_t now_us)
{
    struct stations *s = d->state;
    int64_t down = s->at[STATION_LOWER].triggered_us;
    bool over = is_front(d, s) && (s->at[STATION_LOWER].over ||
                                   now_us - down < detector_span_us(d, STATIONS_LOCKOUT));

    if (over)
        measure(d, now_us);
    else
        s->measured_us = INT64_MIN;
    verdict_set(&d->verdict, over, LEVEL(WARNING), s->at[STATION_UPPER].triggered_us, now_us);
    d->verdict.speed_mm_s = over ? s->speed_mm_s : 0;
}

void stations_look(struct detector *d, unsigned place, const struct datastream *from,
                   int64_t time_us, int64_t value)
{
    struct stations *s = d->state;
    struct station_series *at = &s->at[place];
    double mean, spread, step = channel_step(d, place, from);

    if (!s->begun) {
        s->at[STATION_UPPER].triggered_us = s->at[STATION_LOWER].triggered_us = INT64_MIN;
        s->measured_us = INT64_MIN;
        s->begun = true;
    }
    keep(at, time_us / US_PER_S, (double)value);
    listen(d, at, step, time_us);
    judge(d, time_us);
    if (place != STATION_LOWER)
        return;
    mean = fmax(at->noise.mean, step);
    spread = fmax(sqrt(at->noise.variance), step);
    d->verdict.value = llround(window_rms(at, (unsigned)d->number[STATIONS_WINDOW]));
    d->verdict.threshold = llround(
        fmin(1e12, fmax(mean + d->number[STATIONS_Z] * spread, mean * d->number[STATIONS_RATIO])));
    d->verdict.place = place;
    d->verdict.exponent = d->input[place]->scale;
    d->verdict.type = from->type;
    d->verdict.unit = from->unit;
}

void stations_pass(struct detector *d, int64_t now_us)
{
    const struct stations *s = d->state;

    if (s->begun && detector_is_late(d, now_us))
        judge(d, now_us);
}

const char *stations_check(const double *number)
{
    return number[STATIONS_SLOWEST] >= number[STATIONS_FASTEST] ? "slowest is slower than fastest"
                                                                : NULL;
}
