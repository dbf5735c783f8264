/* flood - see flood.h. */
#include "tests/lib/flood.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { ROWS = 4000 };

struct series {
    double s[ROWS], m[ROWS]; /* seconds and metres */
    unsigned count;
};

/* "2015-10-03 18:45:20,0.370" or "25/06/2007 18:30:00,4.675,..." */
static void read_row(struct series *out, const char *line)
{
    struct tm tm = {.tm_mday = 0};
    double m;

    if (out->count == ROWS)
        return;
    if (sscanf(line, "%d-%d-%d %d:%d:%d,%lf", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &m) != 7 &&
        sscanf(line, "%d/%d/%d %d:%d:%d,%lf", &tm.tm_mday, &tm.tm_mon, &tm.tm_year, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &m) != 7)
        return;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    out->s[out->count] = (double)timegm(&tm);
    out->m[out->count++] = m;
}

static void read_series(struct series *out, const char *path)
{
    FILE *f = fopen(path, "re");
    char line[1024];

    assert_non_null(f);
    out->count = 0;
    while (fgets(line, sizeof(line), f))
        read_row(out, line);
    fclose(f);
    assert_true(out->count > 30);
}

/* Before its first row a series stands still. */
static double at(const struct series *from, double s)
{
    unsigned i = 0;

    if (s <= from->s[0])
        return from->m[0];
    while (i + 2 < from->count && from->s[i + 1] < s)
        i++;
    return from->m[i] + (from->m[i + 1] - from->m[i]) *
                            fmin(1, (s - from->s[i]) / (from->s[i + 1] - from->s[i]));
}

static double malekhu(double s)
{
    const double begin_s = 3600, rise_s = 600;

    if (s < begin_s)
        return 1.10;
    if (s < begin_s + rise_s)
        return 1.10 + 3.82 * (s - begin_s) / rise_s;
    return 1.10 + 3.82 * exp(-(s - begin_s - rise_s) / 3000);
}

static void fill(struct flood *out, const struct series *from, double begin_s)
{
    for (unsigned i = 0; i < FLOOD_SECONDS; i++)
        out->mm[i] = (int32_t)lround(1000 * (from ? at(from, begin_s + i) : malekhu(i)));
}

static void find_crossing(struct flood *f)
{
    for (unsigned i = f->window_s; i < FLOOD_SECONDS; i++) {
        double rise = (f->mm[i] - f->mm[i - f->window_s]) / 1000.0 / (f->window_s / 60.0);

        if (f->mm[i] < f->level_m * 1000 || rise < f->rise_m_min)
            continue;
        f->crossing = i;
        return;
    }
    fail_msg("%s never crosses its lines", f->name);
}

static double moment(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute};

    return (double)timegm(&tm);
}

void flood_make(struct flood *out, unsigned i)
{
    static struct series series;

    memset(out, 0, sizeof(*out));
    switch (i) {
    case 0:
        out->name = "malekhu";
        out->about = "Malekhu: 3.82 m in ten minutes, as told; a straight line";
        out->window_s = 600;
        out->level_m = 2;
        out->rise_m_min = 0.1;
        fill(out, NULL, 0);
        break;
    case 1:
        out->name = "brague";
        out->about = "the Brague at Biot, 3 October 2015; stage by its rating";
        out->window_s = 1200;
        out->level_m = 2;
        out->rise_m_min = 0.02;
        read_series(&series, "tests/data/sensors/brague-biot-stage-derived.csv");
        fill(out, &series, moment(2015, 10, 3, 18, 0));
        break;
    default:
        out->name = "sheffield";
        out->about = "the Don at Sheffield, 25 June 2007";
        out->window_s = 1800;
        out->level_m = 3;
        out->rise_m_min = 0.003;
        read_series(&series, "deploy/demo/data/sheffield-hadfields-stage.csv");
        fill(out, &series, moment(2007, 6, 25, 11, 0));
    }
    find_crossing(out);
}
