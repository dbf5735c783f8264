/* The rule of fusion, line by line; detect.h has it as a table. */
#include "tests/unit/sensor/detect/watch.h"

static const char *const streams[] = {
    "rain 1 rain_acc millimetre -3 step=10m",
    "stage 2 stage metre -3 torrent=7",
    "wire 3 tripwire one 0",
    "upper 4 stage metre -3",
    "other.rain 5 rain_acc millimetre -3 step=10m",
    "wire2 6 tripwire one 0",
};
enum { RAIN, STAGE, WIRE, UPPER, OTHER_RAIN, WIRE2 };

#define WET_SOIL                                                                                   \
    "soil.swi 1 rain threshold=10 rain60=1 height1=15 height2=60 height3=15 height4=15 "           \
    "runoff1_per_h=0.10 runoff2_per_h=0.15 runoff3_per_h=0.05 runoff4_per_h=0.01 "                 \
    "infiltration1_per_h=0.12 infiltration2_per_h=0.05 infiltration3_per_h=0.01"

static void rain_alone_never_exceeds_watch_however_hard_it_rains(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.caine1980 1 rain", "rain.aleotti2004 1 other.rain",
          "rain.events.ctrlt 1 rain", "rain.power 1 rain alpha=1 beta=0",
          "stage.level 1 stage line=2", "stage.rate 1 stage line=0.1", "wire.any 1 wire");
    for (int i = 0; i < 1000; i++) {
        int64_t t = T0 + i * 10 * MINUTE;

        feed(&w, RAIN, t, 49000);
        feed(&w, OTHER_RAIN, t, 49000);
        feed(&w, STAGE, t, 300);
        feed(&w, WIRE, t, 1);
        assert_int_equal(w.detect->level, LEVEL(WATCH));
    }
    watch_close(&w);
}

static void
soil_and_rain_over_everything_are_a_warning_and_silence_makes_no_alarm_of_it(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.caine1980 1 rain", WET_SOIL,
          "silence.upstream 1 upper after=30s for=1d", "stage.rate 1 stage line=0.1");
    feed(&w, UPPER, T0, 300);
    detect_neighbour(w.detect, LEVEL(ALARM), T0 + 7 * 24 * HOUR);
    for (int i = 0; i < 1000; i++) {
        feed(&w, RAIN, T0 + i * 10 * MINUTE, 49000);
        feed(&w, STAGE, T0 + i * 10 * MINUTE, 300);
        assert_true(w.detect->level <= LEVEL(WARNING));
    }
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

static void a_flow_sensor_warns_two_agree_on_an_alarm_and_half_an_hour_clears(void **state)
{
    const Eocbus__V1__SensorDetection *m;
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "stage.level 3 stage line=2.000", "stage.rate 4 stage line=0.100");
    for (int i = 0; i < 60; i++, t += SECOND)
        feed(&w, STAGE, t, 500);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    assert_null(conclude(&w));
    for (int mm = 500; mm < 1900; mm += 20, t += SECOND)
        feed(&w, STAGE, t, mm);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    m = conclude(&w);
    assert_non_null(m);
    assert_string_equal(m->profile, "stage.rate");
    assert_int_equal(m->profile_version, 4);
    assert_int_equal(m->torrent_id, 7);
    assert_int_equal(m->n_evidence, 1);
    for (int mm = 1900; mm < 2400; mm += 20, t += SECOND)
        feed(&w, STAGE, t, mm);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    m = conclude(&w);
    assert_string_equal(m->profile, "stage.level");
    assert_int_equal(m->previous_level, LEVEL(WARNING));
    assert_int_equal(m->n_evidence, 2);
    assert_true(m->onset_us > T0 && m->onset_us < t);
    /* It stands still, high: the level holds. Then it falls. */
    for (int i = 0; i < 3600; i++, t += SECOND)
        feed(&w, STAGE, t, 2400);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    for (int i = 0; i < 30 * 60; i++, t += SECOND)
        feed(&w, STAGE, t, 500);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    for (int i = 0; i < 10; i++, t += SECOND)
        feed(&w, STAGE, t, 500);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    m = conclude(&w);
    assert_string_equal(m->profile, "fusion");
    assert_string_equal(m->text, "every detector under its line for 30 minutes");
    watch_close(&w);
}

/* A level of soil that fell again still holds its WARNING: one flow sensor is enough then. */
static void one_flow_sensor_is_an_alarm_while_another_grounds_warning_holds(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, WET_SOIL, "stage.rate 1 stage line=0.1 window=1m debounce=1/1");
    for (int i = 0; i < 6; i++, t += 10 * MINUTE)
        feed(&w, RAIN, t, 5000);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    for (int i = 0; i < 12; i++, t += 10 * MINUTE)
        feed(&w, RAIN, t, 0);
    assert_int_equal(w.detect->level, LEVEL(WARNING)); /* the soil is still near its line */
    feed(&w, STAGE, t, 500);
    feed(&w, STAGE, t + 10 * SECOND, 1500);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
}

/* One principle does not confirm itself, however often it is over and with however many sensors. */
static void a_principle_is_no_witness_of_itself(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "stage.rate 1 stage line=0.1 window=1m debounce=1/1",
          "stage.rate 1 upper line=0.1 window=1m debounce=1/1");
    for (int i = 0; i < 2000; i++, t += SECOND) {
        feed(&w, STAGE, t, i % 120 * 30);
        feed(&w, UPPER, t, i % 90 * 30);
        assert_true(w.detect->level <= LEVEL(WARNING));
    }
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

static void what_two_torrents_do_confirms_nothing(void **state)
{
    static const char *const two[] = {"a 1 stage metre -3 torrent=1",
                                      "b 2 stage metre -3 torrent=2", "c 3 stage metre -3"};

    (void)state;
    for (unsigned other = 1; other < 3; other++) {
        struct watch w;

        WATCH(&w, two, "stage.rate 1 a line=0.1 window=1m debounce=1/1",
              "stage.level 1 b line=2 debounce=1/1", "stage.level 1 c line=2 debounce=1/1");
        feed(&w, other, T0, 2500);
        feed(&w, 0, T0, 500);
        feed(&w, 0, T0 + SECOND, 600);
        /* What has no torrent may be of any. */
        assert_int_equal(w.detect->level, other == 1 ? LEVEL(WARNING) : LEVEL(ALARM));
        watch_close(&w);
    }
}

static void a_cut_wire_is_an_alarm_at_once(void **state)
{
    const Eocbus__V1__SensorDetection *m;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "wire.any 2 wire wire2");
    feed(&w, WIRE, T0, 1);
    feed(&w, WIRE2, T0, 1);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, WIRE2, T0 + SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    m = conclude(&w);
    assert_string_equal(m->profile, "wire.any");
    assert_int_equal(m->evidence[0]->datastream_id, 6);
    assert_string_equal(m->text, "wire2: the wire is cut");
    watch_close(&w);
}

static void a_wire_cut_while_people_work_there_is_no_alarm_and_says_nothing_later(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "wire.any 1 wire", "stage.level 1 stage line=2 debounce=1/1");
    feed(&w, WIRE, T0, 1);
    detect_maintenance(w.detect, true);
    feed(&w, WIRE, T0 + SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    detect_maintenance(w.detect, false);
    feed(&w, WIRE, T0 + 2 * SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    /* Mended, it watches again. */
    feed(&w, WIRE, T0 + 3 * SECOND, 1);
    feed(&w, WIRE, T0 + 4 * SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
}

/* Maintenance is no excuse for a flood: people stand in the channel. */
static void the_flow_itself_is_concluded_in_maintenance_too_and_marked(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1");
    detect_maintenance(w.detect, true);
    feed(&w, STAGE, T0, 2500);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    assert_non_null(strstr(conclude(&w)->text, "maintenance"));
    watch_close(&w);
}

static void a_wire_that_has_spoken_lets_the_level_end_and_the_message_says_it_is_cut(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "wire.any 1 wire", "stage.level 1 stage line=2 debounce=1/1",
          "stage.rate 1 stage line=0.1 window=1m debounce=1/1");
    feed(&w, WIRE, t, 1);
    feed(&w, STAGE, t, 500);
    feed(&w, WIRE, t += SECOND, 0);
    assert_non_null(conclude(&w));
    for (int i = 0; i < 30 * 60 - 1; i++)
        feed(&w, STAGE, t += SECOND, 500);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    feed(&w, STAGE, t += SECOND, 500);
    feed(&w, STAGE, t += SECOND, 500);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    assert_string_equal(conclude(&w)->text, "every detector under its line for 30 minutes; wire "
                                            "wire is still cut and does not watch");
    feed(&w, WIRE, t += SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    /* What is left watches on. */
    feed(&w, STAGE, t += SECOND, 2600);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
}

static void
a_wire_first_heard_of_as_cut_is_an_alarm_unless_the_settings_say_it_was_cut_before(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "wire.any 1 wire");
    feed(&w, WIRE, T0, 0);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    watch_close(&w);
    WATCH(&w, streams, "wire.any 1 wire at_start=0");
    feed(&w, WIRE, T0, 0);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    watch_close(&w);
}

static void samples_nobody_believes_are_not_looked_at_and_spikes_are(void **state)
{
    static const uint32_t bad[] = {FLAG(MISSING), FLAG(BAD), FLAG(OUT_OF_RANGE),
                                   FLAG(CLOCK_SUSPECT), FLAG(MAINTENANCE)};
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2.000 debounce=1/1");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        detect_sample(w.detect, STAGE, &(struct sample){T0 + (int64_t)i * SECOND, 9000, bad[i]});
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    detect_sample(w.detect, STAGE,
                  &(struct sample){T0 + 100 * SECOND, 9000, FLAG(SPIKE) | FLAG(SUSPECT)});
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

static void a_silent_gauge_raises_a_flow_sensors_warning_once(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1",
          "silence.upstream 1 upper after=30s");
    for (int i = 0; i < 60; i++, t += SECOND) {
        feed(&w, STAGE, t, 500);
        feed(&w, UPPER, t, 500);
    }
    for (int i = 0; i < 60; i++, t += SECOND)
        feed(&w, STAGE, t, 500);
    assert_int_equal(w.detect->level, LEVEL(CLEAR)); /* silence alone is a fault of a gauge */
    feed(&w, STAGE, t, 2500);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    assert_string_equal(conclude(&w)->profile, "silence.upstream");
    watch_close(&w);
}

static void a_warning_neighbour_and_a_silent_gauge_are_one_level_more_and_not_two(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1",
          "silence.upstream 1 upper after=30s");
    feed(&w, UPPER, t, 500);
    feed(&w, STAGE, t, 500);
    detect_neighbour(w.detect, LEVEL(WATCH), t + HOUR);
    for (int i = 0; i < 60; i++)
        feed(&w, STAGE, t += SECOND, 500);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    detect_neighbour(w.detect, LEVEL(WARNING), t + HOUR);
    for (int i = 0; i < 600; i++)
        feed(&w, STAGE, t += SECOND, 500);
    assert_int_equal(w.detect->level, LEVEL(WATCH));
    watch_close(&w);
}

/* A gauge that was washed away at its height: what it saw lapses, then the level ends. */
static void a_detector_that_hears_nothing_more_lapses(void **state)
{
    struct watch w;
    int64_t t = T0;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1",
          "stage.level 1 upper line=2 debounce=1/1");
    feed(&w, STAGE, t, 2500);
    for (; t < T0 + 59 * MINUTE; t += SECOND)
        feed(&w, UPPER, t, 300);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    for (; t < T0 + 61 * MINUTE; t += SECOND)
        feed(&w, UPPER, t, 300);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    watch_close(&w);
}

static void a_level_cleared_by_hand_rises_again_only_after_its_cause_was_under(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1", "wire.any 1 wire");
    feed(&w, WIRE, T0, 1);
    feed(&w, WIRE, T0 + 1, 0);
    feed(&w, STAGE, T0, 2500);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    assert_non_null(conclude(&w));
    detect_clear(w.detect);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    assert_non_null(strstr(conclude(&w)->text, "cleared by hand"));
    feed(&w, STAGE, T0 + SECOND, 2600);
    feed(&w, WIRE, T0 + SECOND, 0);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, STAGE, T0 + 2 * SECOND, 1000);
    feed(&w, STAGE, T0 + 3 * SECOND, 2600);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

/* A box that wakes up in the year 2031 and hears the time an hour later. */
static void a_clock_that_is_set_back_makes_nobody_blind_and_ends_no_level(void **state)
{
    const int64_t ahead = 5 * 365 * 24 * HOUR;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1",
          "stage.rate 1 stage line=0.1 window=1m debounce=1/1", "wire.any 1 wire at_start=0");
    feed(&w, WIRE, T0 + ahead, 1);
    feed(&w, STAGE, T0 + ahead, 2500);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    detect_tick(w.detect, T0 + ahead - 59 * MINUTE); /* late samples, and nothing more */
    assert_true(detect_verdict(w.detect, 0)->over);
    detect_tick(w.detect, T0);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    for (int i = 1; i <= 100; i++)
        feed(&w, STAGE, T0 + i * SECOND, 1000 + 20 * i);
    assert_true(detect_verdict(w.detect, 0)->over && detect_verdict(w.detect, 1)->over);
    assert_int_equal(w.detect->level, LEVEL(ALARM));
    feed(&w, WIRE, T0 + 101 * SECOND, 0);
    assert_true(detect_verdict(w.detect, 2)->over); /* it was known to be intact */
    watch_close(&w);
}

static void the_flow_is_seen_by_who_warns_of_it_and_never_by_rain_or_silence(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.caine1980 1 rain", WET_SOIL, "stage.level 1 stage line=2 debounce=1/1",
          "silence.upstream 1 upper after=30s for=1d", "wire.any 1 wire");
    for (int i = 0; i < 50; i++)
        feed(&w, RAIN, T0 + i * 10 * MINUTE, 49000);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    assert_true(detect_flow_us(w.detect) == INT64_MIN);
    feed(&w, STAGE, T0 + 10 * HOUR, 3100);
    assert_int_equal(detect_flow_us(w.detect), T0 + 10 * HOUR);
    feed(&w, STAGE, T0 + 10 * HOUR + SECOND, 100);
    assert_true(detect_flow_us(w.detect) == INT64_MIN);
    feed(&w, WIRE, T0 + 10 * HOUR + MINUTE, 0);
    assert_int_equal(detect_flow_us(w.detect), T0 + 10 * HOUR + MINUTE);
    detect_clear(w.detect);
    assert_true(detect_flow_us(w.detect) == INT64_MIN);
    watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rain_alone_never_exceeds_watch_however_hard_it_rains),
        cmocka_unit_test(
            soil_and_rain_over_everything_are_a_warning_and_silence_makes_no_alarm_of_it),
        cmocka_unit_test(a_flow_sensor_warns_two_agree_on_an_alarm_and_half_an_hour_clears),
        cmocka_unit_test(one_flow_sensor_is_an_alarm_while_another_grounds_warning_holds),
        cmocka_unit_test(a_principle_is_no_witness_of_itself),
        cmocka_unit_test(what_two_torrents_do_confirms_nothing),
        cmocka_unit_test(a_cut_wire_is_an_alarm_at_once),
        cmocka_unit_test(a_wire_cut_while_people_work_there_is_no_alarm_and_says_nothing_later),
        cmocka_unit_test(the_flow_itself_is_concluded_in_maintenance_too_and_marked),
        cmocka_unit_test(a_wire_that_has_spoken_lets_the_level_end_and_the_message_says_it_is_cut),
        cmocka_unit_test(
            a_wire_first_heard_of_as_cut_is_an_alarm_unless_the_settings_say_it_was_cut_before),
        cmocka_unit_test(samples_nobody_believes_are_not_looked_at_and_spikes_are),
        cmocka_unit_test(a_silent_gauge_raises_a_flow_sensors_warning_once),
        cmocka_unit_test(a_warning_neighbour_and_a_silent_gauge_are_one_level_more_and_not_two),
        cmocka_unit_test(a_detector_that_hears_nothing_more_lapses),
        cmocka_unit_test(a_clock_that_is_set_back_makes_nobody_blind_and_ends_no_level),
        cmocka_unit_test(the_flow_is_seen_by_who_warns_of_it_and_never_by_rain_or_silence),
        cmocka_unit_test(a_level_cleared_by_hand_rises_again_only_after_its_cause_was_under),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
