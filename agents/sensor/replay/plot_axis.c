/* plot_axis - see plot_axis.h. */
#include "agents/sensor/replay/plot_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/base/banned.h"

#define MINUTE_US INT64_C(60000000)
#define DAY_US    (1440 * MINUTE_US)

double axis_step(double range, unsigned wanted)
{
    double rough = range / wanted, ten, rest;

    if (!(rough > 0))
        return 1;
    ten = pow(10, floor(log10(rough)));
    rest = rough / ten;
    return ten * (rest > 5 ? 10 : rest > 2 ? 5 : rest > 1 ? 2 : 1);
}

void axis_number(char out[32], double value, double step, enum lang lang)
{
    int decimals = step >= 1 || !(step > 0) ? 0 : (int)ceil(-log10(step) - 1e-9);
    char *point;

    if (fabs(value) < step / 1000)
        value = 0; /* no -0 */
    snprintf(out, 32, "%.*f", decimals > 9 ? 9 : decimals, value);
    point = strchr(out, '.');
    if (point && lang != LANG_ENGLISH)
        *point = ',';
}

/* --- time ------------------------------------------------------------------------------------- */

static const struct time_ticks ladder[] = {
    {TICK_MINUTES, 1},  {TICK_MINUTES, 2},  {TICK_MINUTES, 5}, {TICK_MINUTES, 10},
    {TICK_MINUTES, 15}, {TICK_MINUTES, 30}, {TICK_HOURS, 1},   {TICK_HOURS, 2},
    {TICK_HOURS, 3},    {TICK_HOURS, 6},    {TICK_HOURS, 12},  {TICK_DAYS, 1},
    {TICK_DAYS, 2},     {TICK_DAYS, 5},     {TICK_DAYS, 10},   {TICK_MONTHS, 1},
    {TICK_MONTHS, 2},   {TICK_MONTHS, 3},   {TICK_MONTHS, 6},  {TICK_MONTHS, 12},
};

static int64_t unit_us(enum time_unit unit)
{
    static const int64_t minutes[] = {1, 60, 1440, 43800};

    return minutes[unit] * MINUTE_US;
}

struct time_ticks axis_times(int64_t span_us, unsigned wanted)
{
    const size_t n = sizeof(ladder) / sizeof(ladder[0]);

    for (size_t i = 0; i < n; i++)
        if (span_us / (ladder[i].step * unit_us(ladder[i].unit)) < wanted)
            return ladder[i];
    return (struct time_ticks){TICK_MONTHS,
                               12 * (span_us / unit_us(TICK_MONTHS) / 12 / wanted + 1)};
}

static struct tm civil(int64_t time_us)
{
    time_t t = (time_t)(time_us / 1000000);
    struct tm tm = {.tm_year = 70};

    (void)!gmtime_r(&t, &tm);
    return tm;
}

/* The first of a month that is a whole number of steps from a January. */
static int64_t next_month(int64_t step, int64_t after_us)
{
    struct tm tm = civil(after_us), first = {.tm_mday = 1};
    int64_t months = (tm.tm_year * INT64_C(12) + tm.tm_mon) / step * step, at;

    do {
        first =
            (struct tm){.tm_mday = 1, .tm_mon = (int)(months % 12), .tm_year = (int)(months / 12)};
        at = (int64_t)timegm(&first) * 1000000;
        months += step;
    } while (at < after_us);
    return at;
}

/* Days are counted from the first of their month: 1, 6, 11 ...; what is left at its end is cut. */
static int64_t next_day(int64_t step, int64_t after_us)
{
    int64_t at = (after_us + DAY_US - 1) / DAY_US * DAY_US;

    for (;; at += DAY_US) {
        struct tm tm = civil(at);

        if ((tm.tm_mday - 1) % step == 0 && (step == 1 || tm.tm_mday + step / 2 <= 31))
            return at;
    }
}

int64_t axis_next(struct time_ticks t, int64_t after_us)
{
    int64_t step = t.step * unit_us(t.unit);

    if (t.unit == TICK_MONTHS)
        return next_month(t.step, after_us);
    if (t.unit == TICK_DAYS)
        return next_day(t.step, after_us);
    return (after_us + step - 1) / step * step;
}

static const char *month(enum lang lang, int tm_mon)
{
    char name[24];
    const char *word;

    snprintf(name, sizeof(name), "month_%d", tm_mon + 1);
    word = lang_text(lang, "plot", name);
    return word ? word : "";
}

void axis_time(char out[48], struct time_ticks t, int64_t time_us, enum lang lang)
{
    struct tm tm = civil(time_us);

    if (t.unit == TICK_MONTHS)
        snprintf(out, 48, "%s %d", month(lang, tm.tm_mon), tm.tm_year + 1900);
    else if (t.unit == TICK_DAYS || (tm.tm_hour == 0 && tm.tm_min == 0))
        snprintf(out, 48, "%d %s", tm.tm_mday, month(lang, tm.tm_mon));
    else
        snprintf(out, 48, "%02d:%02d", tm.tm_hour, tm.tm_min);
}

void axis_moment(char out[64], int64_t time_us, enum lang lang)
{
    struct tm tm = civil(time_us);

    snprintf(out, 64, "%d %s %d %02d:%02d", tm.tm_mday, month(lang, tm.tm_mon), tm.tm_year + 1900,
             tm.tm_hour, tm.tm_min);
}
