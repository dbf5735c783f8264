#include "agents/sensor/detect/rain.h"
#include "tests/unit/sensor/detect/watch.h"

#include <math.h>

static const char *const streams[] = {
    "rain 1 rain_acc millimetre -3 step=10m",
    "quarters 2 rain_acc millimetre -3 step=15m",
    "tips 3 rain_acc millimetre -3",
};

/* Computed outside this program from I = 14.82 D^-0.39 and I = 19 D^-0.50. */
static const struct {
    double hours, caine_mm_h, caine_mm, aleotti_mm_h;
} golden[] = {
    {10.0 / 60, 29.81, 4.97, 46.54}, {0.25, 25.45, 6.36, 38.00}, {0.5, 19.42, 9.71, 26.87},
    {1, 14.82, 14.82, 19.00},        {3, 9.66, 28.97, 10.97},    {6, 7.37, 44.21, 7.76},
    {12, 5.62, 67.48, 5.48},         {24, 4.29, 102.99, 3.88},   {72, 2.80, 201.29, 2.24},
};

static void assert_printed(double value, double golden_value)
{
    assert_int_equal(llround(value * 100), llround(golden_value * 100));
}

static void caine_and_aleotti_give_the_golden_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
        double h = golden[i].hours;

        assert_printed(rain_line_mm_h(14.82, 0.39, h), golden[i].caine_mm_h);
        assert_printed(rain_line_mm_h(14.82, 0.39, h) * h, golden[i].caine_mm);
        assert_printed(rain_line_mm_h(19, 0.50, h), golden[i].aleotti_mm_h);
    }
}

/* The depth of each golden duration, spread evenly in the gauge's steps, is over its line; a
 * hundredth less is not over any. */
static void try_depth(const char *line, unsigned stream, int64_t step_us, double hours, double mm_h)
{
    for (int less = 0; less < 2; less++) {
        int steps = (int)llround(hours * 3.6e9 / (double)step_us);
        double depth = mm_h * hours * (less ? 0.99 : 1.002);
        const struct verdict *v;
        struct watch w;

        watch_open(&w, streams, ARRAY_LEN(streams), &line, 1);
        for (int k = 0; k < steps; k++)
            feed(&w, stream, T0 + k * step_us, llround(depth * 1000 / steps));
        v = detect_verdict(w.detect, 0);
        assert_int_equal(v->over, !less);
        assert_int_equal(w.detect->level, less ? LEVEL(CLEAR) : LEVEL(WATCH));
        if (!less) {
            assert_int_equal(v->threshold, llround(mm_h * 10));
            assert_int_equal(v->duration_s, llround(hours * 3600));
        }
        watch_close(&w);
    }
}

static void even_rain_is_over_the_line_exactly_at_the_golden_depth(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
        double h = golden[i].hours;
        bool quarter = h == 0.25; /* no whole number of ten minutes */

        try_depth(quarter ? "rain.caine1980 1 quarters" : "rain.caine1980 1 rain", quarter,
                  quarter ? 15 * MINUTE : 10 * MINUTE, h, rain_line_mm_h(14.82, 0.39, h));
        try_depth(quarter ? "rain.aleotti2004 1 quarters" : "rain.aleotti2004 1 rain", quarter,
                  quarter ? 15 * MINUTE : 10 * MINUTE, h, rain_line_mm_h(19, 0.50, h));
    }
}

/* NI in per cent of the mean annual precipitation: with 500 mm, 0.76 % in an hour are 3.8 mm. */
static void normalised_lines_scale_with_the_annual_precipitation(void **state)
{
    (void)state;
    try_depth("rain.aleotti2004.ni33 1 rain map=500", 0, 10 * MINUTE, 1, 3.80);
    try_depth("rain.aleotti2004.ni33 1 rain map=1000", 0, 10 * MINUTE, 1, 7.60);
    try_depth("rain.aleotti2004.ni79 1 rain map=500 shortest=1h longest=1h", 0, 10 * MINUTE, 1,
              23.10);
}

static void rain_older_than_three_days_is_forgotten(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.caine1980 1 rain");
    for (int i = 0; i < 10; i++)
        feed(&w, 0, T0 + i * 10 * MINUTE, 20000);
    assert_true(detect_verdict(w.detect, 0)->over);
    feed(&w, 0, T0 + 72 * HOUR + 100 * MINUTE, 0);
    assert_false(detect_verdict(w.detect, 0)->over);
    assert_int_equal(detect_verdict(w.detect, 0)->value, 0);
    watch_close(&w);
}

/* The running sums against sums made anew, over irregular minutes. */
static void running_sums_are_the_sums_of_the_minutes(void **state)
{
    struct detector d = {.step_us = 0};
    struct rain *r;
    struct watch w;
    uint64_t x = 88172645463325252u;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "rain.power 1 tips alpha=10000 beta=0");
    d = w.detect->detector[0];
    r = d.state;
    for (int i = 0; i < 3000; i++) {
        uint64_t day = 0;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        t += (int64_t)(x % 97) * MINUTE / 7 + (x % 501 == 0 ? 30 * HOUR : 0) + 1;
        feed(&w, 2, t, (int64_t)(x >> 20) % 5000);
        for (int64_t m = r->minute - 1439; m <= r->minute; m++)
            day += r->um[(uint64_t)m % RAIN_MINUTES];
        assert_int_equal(r->sum[7], day);
    }
    watch_close(&w);
}

/* A bucket tells nothing while it is dry: its rain ends with the clock. */
static void a_bucket_that_tips_no_more_falls_under_its_line(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.caine1980 1 tips longest=1h");
    for (int i = 0; i < 60; i++)
        feed(&w, 2, T0 + i * 10 * SECOND, 200);
    assert_true(detect_verdict(w.detect, 0)->over);
    detect_tick(w.detect, T0 + 2 * HOUR);
    assert_false(detect_verdict(w.detect, 0)->over);
    assert_int_equal(w.detect->level, LEVEL(WATCH));
    detect_tick(w.detect, T0 + 2 * HOUR + 30 * MINUTE);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caine_and_aleotti_give_the_golden_vectors),
        cmocka_unit_test(even_rain_is_over_the_line_exactly_at_the_golden_depth),
        cmocka_unit_test(normalised_lines_scale_with_the_annual_precipitation),
        cmocka_unit_test(rain_older_than_three_days_is_forgotten),
        cmocka_unit_test(running_sums_are_the_sums_of_the_minutes),
        cmocka_unit_test(a_bucket_that_tips_no_more_falls_under_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
