#include "agents/sensor/detect/soil.h"
#include "tests/unit/sensor/detect/watch.h"

#include <math.h>

static const char *const streams[] = {
    "rain 1 rain_acc millimetre -3 step=10m",
    "air 2 air_t degree_celsius -1 step=10m",
    "snow 3 snow_d metre -2 step=10m",
};

#define TANKS                                                                                      \
    "height1=15 height2=60 height3=15 height4=15 runoff1_per_h=0.10 runoff2_per_h=0.15 "           \
    "runoff3_per_h=0.05 runoff4_per_h=0.01 infiltration1_per_h=0.12 infiltration2_per_h=0.05 "     \
    "infiltration3_per_h=0.01"
#define KURE "soil.swi 1 rain threshold=124 rain60=25 " TANKS

static double index_now(const struct watch *w)
{
    return (double)detect_verdict(w->detect, 0)->value / 100;
}

/* Steady rain of so many mm/h for so many ten-minute steps after step `from`, in whole micrometres
 * that add up. */
static void rain(struct watch *w, int from, int to, double mm_h)
{
    for (int k = from + 1; k <= to; k++)
        feed(w, 0, T0 - T0 % HOUR + k * 10 * MINUTE,
             llround(mm_h * 1000 * k / 6) - llround(mm_h * 1000 * (k - 1) / 6));
}

static void steady_rain_gives_the_golden_index(void **state)
{
    static const struct {
        int steps;
        double mm;
    } golden[] = {{6, 10.0}, {36, 54.29}, {72, 93.26}, {144, 146.16}};
    struct watch w;
    int at = 0;

    (void)state;
    WATCH(&w, streams, KURE);
    for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
        rain(&w, at, golden[i].steps, 10);
        at = golden[i].steps;
        assert_int_equal(llround(index_now(&w) * 100), llround(golden[i].mm * 100));
    }
    watch_close(&w);
}

/* The arithmetic itself, to the printed digits. */
static void tanks_give_the_golden_vectors(void **state)
{
    const struct soil_tanks t = {{15, 60, 15, 15}, {0.10, 0.15, 0.05, 0.01}, {0.12, 0.05, 0.01}};
    double water[3] = {0}, storm[3] = {0}, v = 0;

    (void)state;
    for (int k = 1; k <= 144; k++) {
        v = soil_step(water, &t, 10.0 / 6, 1.0 / 6);
        if (k == 6)
            assert_int_equal(llround(v * 10), 100);
        if (k == 36)
            assert_int_equal(llround(v * 100), 5429);
        if (k == 72)
            assert_int_equal(llround(v * 100), 9326);
    }
    assert_int_equal(llround(v * 100), 14616);
    for (int k = 1; k <= 144; k++) {
        v = soil_step(storm, &t, k <= 36 ? 5 : 0, 1.0 / 6);
        if (k == 30 || k == 31)
            assert_int_equal(v > 124, k == 31);
        if (k == 36)
            assert_int_equal(llround(v * 100), 13901);
        if (k == 72)
            assert_int_equal(llround(v * 100), 9904);
    }
    assert_int_equal(llround(v * 100), 7498);
}

static void a_storm_warns_in_its_thirty_first_step_and_dries_as_computed(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, KURE);
    rain(&w, 0, 24, 30);
    assert_true(index_now(&w) >= 99.2);
    assert_int_equal(w.detect->level, LEVEL(WATCH)); /* 0.8 x 124 */
    rain(&w, 24, 30, 30);
    assert_int_equal(w.detect->level, LEVEL(WATCH));
    rain(&w, 30, 31, 30);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    rain(&w, 31, 36, 30);
    assert_int_equal(llround(index_now(&w) * 100), 13901);
    rain(&w, 36, 72, 0);
    assert_int_equal(llround(index_now(&w) * 100), 9904);
    rain(&w, 72, 144, 0);
    assert_int_equal(llround(index_now(&w) * 100), 7498);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    watch_close(&w);
}

static void a_wet_soil_warns_only_with_an_hours_rain_over_its_line(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, KURE);
    rain(&w, 0, 288, 15);
    assert_true(index_now(&w) > 124);
    assert_int_equal(w.detect->level, LEVEL(WATCH));
    rain(&w, 288, 289, 45);
    assert_int_equal(w.detect->level, LEVEL(WATCH)); /* 20 mm in the hour */
    rain(&w, 289, 290, 45);
    assert_int_equal(w.detect->level, LEVEL(WARNING)); /* 25 mm */
    watch_close(&w);
}

/* 4 mm a degree and day, 12 degrees, a day: 48 mm into the ground; none without snow. */
static void snow_that_melts_is_rain(void **state)
{
    double index[2];

    (void)state;
    for (int snow = 0; snow < 2; snow++) {
        struct watch w;

        WATCH(&w, streams, "soil.swi 1 rain air snow threshold=124 rain60=25 melt_mm_c_d=4 " TANKS);
        for (int k = 1; k <= 144; k++) {
            int64_t t = T0 - T0 % HOUR + k * 10 * MINUTE;

            feed(&w, 1, t, 120);
            feed(&w, 2, t, snow * 80);
            feed(&w, 0, t, 0);
        }
        index[snow] = index_now(&w);
        watch_close(&w);
    }
    assert_true(index[0] == 0);
    assert_true(index[1] > 30 && index[1] < 48);
}

static void tanks_without_numbers_are_refused(void **state)
{
    static const char *const lines[] = {
        "soil.swi 1 rain threshold=124 rain60=25",
        "soil.swi 1 rain " TANKS,
        "soil.swi 1 rain threshold=124 rain60=25 step=7m " TANKS,
        "soil.swi 1 rain snow air threshold=124 rain60=25 " TANKS,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct watch w;

        assert_int_equal(watch_try(&w, streams, ARRAY_LEN(streams), &lines[i], 1), ST_INVALID);
        assert_true(strlen(w.err) > 20);
        watch_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tanks_give_the_golden_vectors),
        cmocka_unit_test(steady_rain_gives_the_golden_index),
        cmocka_unit_test(a_storm_warns_in_its_thirty_first_step_and_dries_as_computed),
        cmocka_unit_test(a_wet_soil_warns_only_with_an_hours_rain_over_its_line),
        cmocka_unit_test(snow_that_melts_is_rain),
        cmocka_unit_test(tanks_without_numbers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
