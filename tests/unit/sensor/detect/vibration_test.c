#include "agents/sensor/detect/stations.h"
#include "agents/sensor/detect/vibration.h"
#include "tests/unit/sensor/detect/watch.h"

#include <math.h>

static const char *const streams[] = {
    "imp 1 gv_imp per_second 0",
    "gv 2 gv_rms metre_per_second -7",
    "upper 3 gv_rms metre_per_second -7",
    "stage 4 stage metre -3",
    "wire 5 tripwire one 0",
    "pga 6 seis_pga metre_per_second_squared -6",
    "infra 7 infra_rms_lf pascal -3",
};
enum { IMP, GV, UPPER, STAGE, WIRE, PGA, INFRA };

/* --- one sensor ------------------------------------------------------------------------------- */

static void impulses_warn_in_their_third_second_in_a_row(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3");
    for (int i = 0; i < 100; i++, t += SECOND)
        feed(&w, IMP, t, i % 3 ? 200 : 14);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, IMP, t, 15); /* the third: 200, 200 was 98 and 99, so that 99 was under */
    feed(&w, IMP, t + SECOND, 15);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, IMP, t + 2 * SECOND, 15);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    assert_int_equal(detect_verdict(w.detect, 0)->since_us, t);
    feed(&w, IMP, t + 3 * SECOND, 14);
    assert_false(detect_verdict(w.detect, 0)->over);
    watch_close(&w);
}

static void a_hole_in_the_record_breaks_a_run_of_impulses(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3");
    feed(&w, IMP, T0, 20);
    feed(&w, IMP, T0 + SECOND, 20);
    feed(&w, IMP, T0 + 4 * SECOND, 20);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    watch_close(&w);
}

/* Quiet at 1 um/s, give or take a tenth. */
static int64_t quiet(int64_t second)
{
    return 10 + (second * 7919 % 3 - 1);
}

static int64_t be_quiet(struct watch *w, unsigned stream, int64_t t, int seconds)
{
    for (int i = 0; i < seconds; i++, t += SECOND)
        feed(w, stream, t, quiet(i));
    return t;
}

static void energy_ten_times_the_noise_for_more_than_two_seconds_warns(void **state)
{
    struct watch w;
    int64_t t;

    (void)state;
    WATCH(&w, streams, "geo.energy 1 gv growth_per_s=0");
    t = be_quiet(&w, GV, T0, 120);
    feed(&w, GV, t, 35);
    feed(&w, GV, t += SECOND, 35);
    feed(&w, GV, t += SECOND, quiet(0)); /* two seconds are not more than two */
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, GV, t += SECOND, 30); /* nine times */
    feed(&w, GV, t += SECOND, 30);
    feed(&w, GV, t += SECOND, 30);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, GV, t += SECOND, quiet(0));
    t = be_quiet(&w, GV, t + SECOND, 300);
    feed(&w, GV, t, 35);
    feed(&w, GV, t += SECOND, 35);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, GV, t += SECOND, 35);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

static void energy_that_grows_too_slowly_is_no_front(void **state)
{
    static const char *const lines[] = {"geo.energy 1 gv growth_per_s=0.2 noise=1m",
                                        "geo.energy 1 gv growth_per_s=0.02 noise=1m"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct watch w;
        int64_t t;

        watch_open(&w, streams, ARRAY_LEN(streams), &lines[i], 1);
        t = be_quiet(&w, GV, T0, 120);
        /* Two powers of ten of energy in thirty seconds. */
        for (int k = 1; k <= 30; k++, t += SECOND)
            feed(&w, GV, t, llround(10 * pow(10, k / 30.0)));
        for (int k = 0; k < 60; k++, t += SECOND)
            feed(&w, GV, t, 100);
        assert_int_equal(w.detect->level, i ? LEVEL(WARNING) : LEVEL(CLEAR));
        watch_close(&w);
    }
}

/* The noise is not learned from the event, and after half an hour a new road is the noise. */
static void noise_rests_during_an_event_and_follows_a_lasting_change(void **state)
{
    struct watch w;
    int64_t t;

    (void)state;
    WATCH(&w, streams, "geo.energy 1 gv growth_per_s=0");
    t = be_quiet(&w, GV, T0, 120);
    for (int i = 0; i < 1800; i++, t += SECOND)
        feed(&w, GV, t, 200);
    assert_true(detect_verdict(w.detect, 0)->over);
    for (int i = 0; i < 600; i++, t += SECOND)
        feed(&w, GV, t, 200);
    assert_false(detect_verdict(w.detect, 0)->over);
    watch_close(&w);
}

static void short_over_long_triggers_and_lets_go_lower(void **state)
{
    const struct verdict *v;
    struct watch w;
    int64_t t;

    (void)state;
    WATCH(&w, streams, "geo.sta_lta 1 gv sta=2s lta=60s on=4 off=2");
    v = detect_verdict(w.detect, 0);
    t = be_quiet(&w, GV, T0, 30);
    feed(&w, GV, t, 1000); /* the long mean is not known yet */
    assert_false(v->over);
    t = be_quiet(&w, GV, t + SECOND, 600);
    assert_false(v->over);
    for (int i = 0; i < 10; i++, t += SECOND)
        feed(&w, GV, t, 60);
    assert_true(v->over);
    for (int i = 0; i < 10; i++, t += SECOND)
        feed(&w, GV, t, 30); /* three: under on, over off */
    assert_true(v->over);
    t = be_quiet(&w, GV, t, 20);
    assert_false(v->over);
    watch_close(&w);
}

/* --- two stations ----------------------------------------------------------------------------- */

/* Surges of a flow at t seconds after its front passed; um/s. */
static double flow(double t)
{
    return t < 0 ? 0 : (1 - exp(-t / 4)) * (60 + 20 * sin(t / 3) + 15 * sin(t / 11)) * exp(-t / 80);
}

/* The same flow passes both stations, `lag` seconds apart (negative: the lower one first). */
static void pass_both(struct watch *w, double lag, int seconds)
{
    for (int i = 0; i < 600 + seconds; i++) {
        int64_t t = T0 + i * SECOND;

        feed(w, UPPER, t, quiet(i) + llround(10 * flow(i - 600)));
        feed(w, GV, t, quiet(i + 1) + llround(10 * flow(i - 600 - lag)));
    }
}

static void a_front_that_comes_down_is_confirmed_with_its_speed(void **state)
{
    static const double lags[] = {20, 37.5, 60};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
        const Eocbus__V1__SensorDetection *m;
        struct watch w;

        WATCH(&w, streams, "geo.stations 1 upper gv distance=300 clock_error_s=0.5");
        pass_both(&w, lags[i], 150);
        assert_int_equal(w.detect->level, LEVEL(WARNING));
        m = conclude(&w);
        assert_string_equal(m->profile, "geo.stations");
        assert_int_equal(m->evidence[0]->datastream_id, 2);
        assert_true(fabs(m->front_speed_mm_s / 1000.0 - 300 / lags[i]) < 0.05 * 300 / lags[i]);
        watch_close(&w);
    }
}

static void what_shakes_both_at_once_or_the_lower_one_first_is_no_front(void **state)
{
    static const double lags[] = {0, 3, -30, 200};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lags); i++) {
        struct watch w;

        WATCH(&w, streams, "geo.stations 1 upper gv distance=300 clock_error_s=0.5");
        pass_both(&w, lags[i], 300);
        assert_int_equal(w.detect->level, LEVEL(CLEAR));
        watch_close(&w);
    }
}

/* e > 0.1 d / v: with a travel time of 30 s, three seconds are the limit. */
static void a_speed_is_refused_where_the_clocks_are_too_far_apart(void **state)
{
    (void)state;
    assert_int_equal(front_speed_mm_s(300, 30, 0), 10000);
    assert_int_equal(front_speed_mm_s(300, 30, 2.99), 10000);
    assert_int_equal(front_speed_mm_s(300, 30, 3.01), 0);
    for (int bad = 0; bad < 2; bad++) {
        struct watch w;

        if (bad)
            WATCH(&w, streams, "geo.stations 1 upper gv distance=300 clock_error_s=4");
        else
            WATCH(&w, streams, "geo.stations 1 upper gv distance=300 clock_error_s=2");
        pass_both(&w, 30, 150);
        assert_int_equal(w.detect->level, LEVEL(WARNING)); /* confirmed all the same */
        assert_int_equal(detect_verdict(w.detect, 0)->speed_mm_s == 0, bad);
        watch_close(&w);
    }
}

static void the_lag_of_a_series_behind_itself_is_found(void **state)
{
    double x[512], y[512], lag;

    (void)state;
    for (unsigned shift = 1; shift <= 200; shift += 13) {
        for (int i = 0; i < 512; i++) {
            x[i] = flow(i - 200);
            y[i] = flow(i - 200 - (double)shift);
        }
        assert_true(correlation_lag(x, y, 256, 256, 0.9, &lag));
        assert_true(fabs(lag - shift) < 0.25);
    }
    memset(y, 0, sizeof(y));
    assert_false(correlation_lag(x, y, 256, 256, 0.1, &lag));
}

/* --- together --------------------------------------------------------------------------------- */

static int64_t shake(struct watch *w, int64_t t)
{
    for (int i = 0; i < 5; i++, t += SECOND)
        feed(w, IMP, t, 100);
    return t;
}

static void two_principles_within_a_minute_are_an_alarm(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct watch w;
        int64_t t;

        WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3",
              "stage.rate 1 stage line=0.1 window=10s debounce=1/1", "fusion 1 warning_confirms=0");
        t = shake(&w, T0);
        assert_int_equal(w.detect->level, LEVEL(WARNING));
        feed(&w, IMP, t, 0);
        feed(&w, STAGE, t, 500);
        t += (late ? 61 : 58) * SECOND;
        feed(&w, STAGE, t, 500);
        feed(&w, STAGE, t + SECOND, 600);
        assert_int_equal(w.detect->level, late ? LEVEL(WARNING) : LEVEL(ALARM));
        watch_close(&w);
    }
}

static void a_second_principle_is_an_alarm_as_long_as_the_firsts_warning_holds(void **state)
{
    (void)state;
    for (int cleared = 0; cleared < 2; cleared++) {
        struct watch w;
        int64_t t;

        WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3",
              "stage.rate 1 stage line=0.1 window=10s debounce=1/1");
        t = shake(&w, T0);
        feed(&w, IMP, t, 0);
        detect_tick(w.detect, t + (cleared ? 31 : 29) * MINUTE);
        assert_int_equal(w.detect->level, cleared ? LEVEL(CLEAR) : LEVEL(WARNING));
        t += 31 * MINUTE - (cleared ? 0 : 2 * MINUTE);
        feed(&w, STAGE, t, 500);
        feed(&w, STAGE, t + SECOND, 600);
        assert_int_equal(w.detect->level, cleared ? LEVEL(WARNING) : LEVEL(ALARM));
        watch_close(&w);
    }
}

static void every_geophone_together_is_one_principle_and_infrasound_is_another(void **state)
{
    struct watch w;
    int64_t t;

    (void)state;
    WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3",
          "geo.energy 1 gv growth_per_s=0", "geo.sta_lta 1 upper sta=2s lta=60s on=4 off=2",
          "infra.energy 1 infra growth_per_s=0");
    be_quiet(&w, GV, T0, 120);
    be_quiet(&w, INFRA, T0, 120);
    t = be_quiet(&w, UPPER, T0, 120);
    for (int i = 0; i < 60; i++, t += SECOND) {
        feed(&w, IMP, t, 200);
        feed(&w, GV, t, 2000);
        feed(&w, UPPER, t, 2000);
        feed(&w, INFRA, t, quiet(i));
    }
    for (unsigned i = 0; i < 3; i++)
        assert_true(detect_verdict(w.detect, i)->over);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    for (int i = 0; i < 3; i++, t += SECOND)
        feed(&w, INFRA, t, 2000);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
}

static void an_earthquake_stops_vibration_and_never_wire_or_stage(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3", "wire.any 1 wire",
          "stage.level 1 stage line=2 debounce=1/1",
          "stage.rate 1 stage line=0.1 window=10s debounce=1/1");
    feed(&w, WIRE, t, 1);
    feed(&w, STAGE, t, 500);
    detect_veto(w.detect, t - MINUTE, t + 6 * MINUTE);
    t = shake(&w, t);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, STAGE, t, 2100);
    assert_int_equal(w.detect->level,
                     LEVEL(ALARM)); /* it stands high and rose: vibration was not asked */
    detect_reset(w.detect);
    detect_veto(w.detect, t - MINUTE, t + 6 * MINUTE);
    feed(&w, WIRE, t, 1);
    feed(&w, WIRE, t + SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
}

static void vibration_of_an_earthquake_told_later_confirms_nothing(void **state)
{
    struct watch w;
    int64_t t;

    (void)state;
    WATCH(&w, streams, "geo.impulses 1 imp impulses_per_s=15 seconds=3",
          "stage.rate 1 stage line=0.1 window=10s debounce=1/1");
    t = shake(&w, T0);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    detect_veto(w.detect, T0 - MINUTE, T0 + 6 * MINUTE);
    assert_int_equal(w.detect->level, LEVEL(WARNING)); /* a level does not fall */
    feed(&w, STAGE, t, 500);
    feed(&w, STAGE, t + SECOND, 600);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    /* After the earthquake vibration counts again. */
    t = shake(&w, T0 + 7 * MINUTE);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
}

static void a_station_outside_the_torrent_vetoes_by_itself(void **state)
{
    struct watch w;
    int64_t t;

    (void)state;
    WATCH(&w, streams, "quake.outside 1 pga line=0.05",
          "geo.impulses 1 imp impulses_per_s=15 seconds=3");
    feed(&w, PGA, T0, 49999);
    feed(&w, PGA, T0 + SECOND, 50000);
    t = shake(&w, T0 + 2 * SECOND);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, IMP, t, 0);
    feed(&w, PGA, t, 0);
    (void)shake(&w, T0 + 362 * SECOND);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impulses_warn_in_their_third_second_in_a_row),
        cmocka_unit_test(a_hole_in_the_record_breaks_a_run_of_impulses),
        cmocka_unit_test(energy_ten_times_the_noise_for_more_than_two_seconds_warns),
        cmocka_unit_test(energy_that_grows_too_slowly_is_no_front),
        cmocka_unit_test(noise_rests_during_an_event_and_follows_a_lasting_change),
        cmocka_unit_test(short_over_long_triggers_and_lets_go_lower),
        cmocka_unit_test(a_front_that_comes_down_is_confirmed_with_its_speed),
        cmocka_unit_test(what_shakes_both_at_once_or_the_lower_one_first_is_no_front),
        cmocka_unit_test(a_speed_is_refused_where_the_clocks_are_too_far_apart),
        cmocka_unit_test(the_lag_of_a_series_behind_itself_is_found),
        cmocka_unit_test(two_principles_within_a_minute_are_an_alarm),
        cmocka_unit_test(a_second_principle_is_an_alarm_as_long_as_the_firsts_warning_holds),
        cmocka_unit_test(every_geophone_together_is_one_principle_and_infrasound_is_another),
        cmocka_unit_test(an_earthquake_stops_vibration_and_never_wire_or_stage),
        cmocka_unit_test(vibration_of_an_earthquake_told_later_confirms_nothing),
        cmocka_unit_test(a_station_outside_the_torrent_vetoes_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
