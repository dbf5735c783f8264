#include "agents/sensor/detect/detect.h"
#include "tests/unit/sensor/desk.h"

#include <math.h>

static const char *const streams[] = {
    "rain 1 rain_acc millimetre -3 step=10m",
    "stage 2 stage metre -3 torrent=7",
    "other 3 stage metre -3",
};

static struct detect *open_detect(struct desk *d, char **lines, size_t n)
{
    struct conf_list list = {lines, n};
    struct detect *out = malloc(sizeof(*out));
    char err[400] = "";

    if (detect_read(out, &d->station, &list, 30 * MINUTE, d->arena, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return out;
}

static void feed(struct detect *d, unsigned stream, int64_t time_us, int64_t value, uint32_t flags)
{
    detect_sample(d, stream, &(struct sample){time_us, value, flags});
}

/* I = 14.82 D^-0.39, computed outside this program. */
static const struct {
    double hours, mm_h, mm;
} golden[] = {
    {10.0 / 60, 29.81, 4.97}, {0.25, 25.45, 6.36}, {0.5, 19.42, 9.71},
    {1, 14.82, 14.82},        {3, 9.66, 28.97},    {6, 7.37, 44.21},
    {12, 5.62, 67.48},        {24, 4.29, 102.99},  {72, 2.80, 201.29},
};

static void caine_gives_the_golden_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
        assert_true(fabs(caine_mm_h(golden[i].hours) - golden[i].mm_h) < 0.006);
        assert_true(fabs(caine_mm_h(golden[i].hours) * golden[i].hours - golden[i].mm) < 0.006);
    }
}

/* The depth of each golden duration, spread evenly in ten-minute steps, is over its line; a
 * hundredth less is not over any. */
static void even_rain_is_over_the_line_exactly_at_the_golden_depth(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
        int steps = (int)(golden[i].hours * 6 + 0.5);

        if (golden[i].hours == 0.25)
            continue; /* no whole number of steps */
        for (int less = 0; less < 2; less++) {
            double depth = caine_mm_h(golden[i].hours) * golden[i].hours * (less ? 0.99 : 1.001);
            struct rain *r = calloc(1, sizeof(*r));
            struct verdict v;

            for (int k = 0; k < steps; k++)
                rain_add(r, T0 + k * 10 * MINUTE, 10 * MINUTE, llround(depth * 1000 / steps), &v);
            assert_int_equal(v.over, !less);
            if (!less) {
                assert_int_equal(v.threshold, llround(golden[i].mm_h * 10));
                assert_int_equal(v.duration_s, steps * 600);
            }
            free(r);
        }
    }
}

static void rain_older_than_three_days_is_forgotten(void **state)
{
    struct rain *r = calloc(1, sizeof(*r));
    struct verdict v;

    (void)state;
    for (int i = 0; i < 10; i++)
        rain_add(r, T0 + i * 10 * MINUTE, 10 * MINUTE, 20000, &v);
    assert_true(v.over);
    rain_add(r, T0 + 72 * 60 * MINUTE + 100 * MINUTE, 10 * MINUTE, 0, &v);
    assert_false(v.over);
    assert_int_equal(v.value, 0);
    free(r);
}

static void rain_alone_never_exceeds_watch_however_hard_it_rains(void **state)
{
    char *lines[] = {(char *)"rain.caine1980 1 rain", (char *)"stage.level 1 stage line=2",
                     (char *)"stage.rate 1 stage line=0.1"};
    struct desk desk;
    struct detect *d;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    d = open_detect(&desk, lines, 3);
    for (int i = 0; i < 1000; i++) {
        feed(d, 0, T0 + i * 10 * MINUTE, 49000, 0);
        feed(d, 1, T0 + i * 10 * MINUTE, 300, 0);
        assert_int_equal(d->level, LEVEL(WATCH));
    }
    free(d);
    desk_close(&desk);
}

static void a_flow_sensor_warns_two_agree_on_an_alarm_and_half_an_hour_clears(void **state)
{
    char *lines[] = {(char *)"stage.level 3 stage line=2.000",
                     (char *)"stage.rate 4 stage line=0.100"};
    Eocbus__V1__SensorDetection *m;
    struct desk desk;
    struct detect *d;
    enum status st;
    int64_t t = T0;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    d = open_detect(&desk, lines, 2);
    for (int i = 0; i < 60; i++, t += SECOND)
        feed(d, 1, t, 500, 0);
    assert_int_equal(d->level, LEVEL(CLEAR));
    assert_null(detect_conclusion(d, EOCBUS__V1__HAZARD__HAZARD_MUDFLOW, desk.message, &st));
    for (int mm = 500; mm < 1900; mm += 20, t += SECOND)
        feed(d, 1, t, mm, 0);
    assert_int_equal(d->level, LEVEL(WARNING));
    m = detect_conclusion(d, EOCBUS__V1__HAZARD__HAZARD_MUDFLOW, desk.message, &st);
    assert_non_null(m);
    assert_string_equal(m->profile, "stage.rate");
    assert_int_equal(m->profile_version, 4);
    assert_int_equal(m->torrent_id, 7);
    assert_int_equal(m->n_evidence, 1);
    detect_said(d);
    for (int mm = 1900; mm < 2400; mm += 20, t += SECOND)
        feed(d, 1, t, mm, 0);
    assert_int_equal(d->level, LEVEL(ALARM));
    m = detect_conclusion(d, EOCBUS__V1__HAZARD__HAZARD_MUDFLOW, desk.message, &st);
    assert_string_equal(m->profile, "stage.level");
    assert_int_equal(m->previous_level, LEVEL(WARNING));
    assert_int_equal(m->n_evidence, 2);
    assert_true(m->onset_us > T0 && m->onset_us < t);
    detect_said(d);
    /* It stands still, high: the level holds. Then it falls. */
    for (int i = 0; i < 3600; i++, t += SECOND)
        feed(d, 1, t, 2400, 0);
    assert_int_equal(d->level, LEVEL(ALARM));
    for (int i = 0; i < 30 * 60; i++, t += SECOND)
        feed(d, 1, t, 500, 0);
    assert_int_equal(d->level, LEVEL(ALARM));
    for (int i = 0; i < 10; i++, t += SECOND)
        feed(d, 1, t, 500, 0);
    assert_int_equal(d->level, LEVEL(CLEAR));
    free(d);
    desk_close(&desk);
}

static void two_of_five_spikes_say_nothing_and_three_do(void **state)
{
    char *lines[] = {(char *)"stage.level 1 stage line=2.000 debounce=3/5"};
    struct desk desk;
    struct detect *d;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    d = open_detect(&desk, lines, 1);
    for (int i = 0; i < 100; i++)
        feed(d, 1, T0 + i * SECOND, i % 5 < 2 ? 9000 : 300, 0);
    assert_int_equal(d->level, LEVEL(CLEAR));
    feed(d, 1, T0 + 100 * SECOND, 9000, 0);
    feed(d, 1, T0 + 101 * SECOND, 9000, 0);
    assert_int_equal(d->level, LEVEL(CLEAR));
    feed(d, 1, T0 + 102 * SECOND, 9000, 0);
    assert_int_equal(d->level, LEVEL(WARNING));
    free(d);
    desk_close(&desk);
}

static void samples_nobody_believes_are_not_looked_at(void **state)
{
    static const uint32_t bad[] = {FLAG(MISSING), FLAG(BAD), FLAG(OUT_OF_RANGE),
                                   FLAG(CLOCK_SUSPECT), FLAG(MAINTENANCE)};
    char *lines[] = {(char *)"stage.level 1 stage line=2.000 debounce=1/1"};
    struct desk desk;
    struct detect *d;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    d = open_detect(&desk, lines, 1);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        feed(d, 1, T0 + (int64_t)i * SECOND, 9000, bad[i]);
    assert_int_equal(d->level, LEVEL(CLEAR));
    feed(d, 1, T0 + 100 * SECOND, 9000, 0);
    assert_int_equal(d->level, LEVEL(WARNING));
    free(d);
    desk_close(&desk);
}

static void the_rise_of_malekhu_is_seen_within_ten_seconds(void **state)
{
    char *lines[] = {(char *)"stage.rate 1 stage line=0.200"};
    struct desk desk;
    struct detect *d;
    int64_t t = T0, began;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    d = open_detect(&desk, lines, 1);
    for (int i = 0; i < 20; i++, t += SECOND)
        feed(d, 1, t, 1000, 0);
    began = t;
    /* 3.82 m in ten minutes; the first seconds of a window count from its oldest sample. */
    for (int i = 1; i <= 600 && d->level == LEVEL(CLEAR); i++, t += SECOND)
        feed(d, 1, t, 1000 + 3820 * i / 600, 0);
    assert_int_equal(d->level, LEVEL(WARNING));
    assert_true(t - began <= 30 * SECOND);
    free(d);
    desk_close(&desk);
}

static void wrong_lines_are_refused_with_what_would_be_legal(void **state)
{
    static const char *const bad[] = {
        "",
        "stage.level",
        "stage.level 1",
        "stage.level 0 stage line=2",
        "stage.level 1 nowhere line=2",
        "stage.level 1 rain line=2",
        "stage.level 1 stage",
        "stage.level 1 stage line=-1",
        "stage.level 1 stage line=2 debounce=4/3",
        "stage.level 1 stage line=2 debounce=3/33",
        "stage.level 1 stage line=2 window=10m",
        "stage.rate 1 stage line=2 window=0",
        "rain.caine1980 1 rain line=3",
        "geo.impulses 1 stage",
    };
    struct desk desk;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *line = (char *)bad[i], err[400] = "";
        struct conf_list list = {&line, 1};
        struct detect *d = malloc(sizeof(*d));

        assert_int_equal(detect_read(d, &desk.station, &list, 1, desk.arena, err, sizeof(err)),
                         ST_INVALID);
        assert_true(strlen(err) > 20);
        free(d);
    }
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caine_gives_the_golden_vectors),
        cmocka_unit_test(even_rain_is_over_the_line_exactly_at_the_golden_depth),
        cmocka_unit_test(rain_older_than_three_days_is_forgotten),
        cmocka_unit_test(rain_alone_never_exceeds_watch_however_hard_it_rains),
        cmocka_unit_test(a_flow_sensor_warns_two_agree_on_an_alarm_and_half_an_hour_clears),
        cmocka_unit_test(two_of_five_spikes_say_nothing_and_three_do),
        cmocka_unit_test(samples_nobody_believes_are_not_looked_at),
        cmocka_unit_test(the_rise_of_malekhu_is_seen_within_ten_seconds),
        cmocka_unit_test(wrong_lines_are_refused_with_what_would_be_legal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
