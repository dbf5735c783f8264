#include "agents/sensor/detect/stage.h"
#include "tests/unit/sensor/detect/watch.h"

static const char *const streams[] = {
    "stage 1 stage metre -3 torrent=7",
    "lake 2 lake_level metre -3",
};

static void two_of_five_spikes_say_nothing_and_three_do(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2.000 debounce=3/5");
    for (int i = 0; i < 100; i++)
        feed(&w, 0, T0 + i * SECOND, i % 5 < 2 ? 9000 : 300);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, 0, T0 + 100 * SECOND, 9000);
    feed(&w, 0, T0 + 101 * SECOND, 9000);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    feed(&w, 0, T0 + 102 * SECOND, 9000);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    watch_close(&w);
}

static void the_line_itself_is_over_and_a_millimetre_less_is_not(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 lake line=2.000 need=1 of=1");
    feed(&w, 1, T0, 1999);
    assert_false(detect_verdict(w.detect, 0)->over);
    feed(&w, 1, T0 + SECOND, 2000);
    assert_true(detect_verdict(w.detect, 0)->over);
    assert_int_equal(detect_verdict(w.detect, 0)->since_us, T0 + SECOND);
    watch_close(&w);
}

/* 3.82 m in ten minutes; the first seconds of a window count from its oldest sample. */
static void the_rise_of_malekhu_is_seen_within_ten_seconds_of_its_line(void **state)
{
    int64_t t = T0, crossed = 0;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.rate 1 stage line=0.200 window=1m");
    for (int i = 0; i < 600; i++, t += SECOND)
        feed(&w, 0, t, 1000);
    for (int i = 1; i <= 600 && w.detect->level == LEVEL(CLEAR); i++, t += SECOND) {
        /* The rise over the window's minute is over 0.2 m/min once it is over 0.2 m. */
        if (!crossed && 3820 * i / 600 >= 200)
            crossed = t;
        feed(&w, 0, t, 1000 + 3820 * i / 600);
    }
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    assert_true(crossed && t - crossed <= 10 * SECOND);
    watch_close(&w);
}

/* Points are thinned to sixty a window: samples every second of an hour's window still give the
 * rise from its beginning. */
static void the_rise_is_from_the_oldest_sample_of_the_window(void **state)
{
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.rate 1 stage line=50 window=1h");
    for (int i = 0; i <= 7200; i++)
        feed(&w, 0, T0 + i * SECOND, i); /* a millimetre a second: 0.06 m/min */
    assert_int_equal(detect_verdict(w.detect, 0)->value, 60000);
    watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_of_five_spikes_say_nothing_and_three_do),
        cmocka_unit_test(the_line_itself_is_over_and_a_millimetre_less_is_not),
        cmocka_unit_test(the_rise_of_malekhu_is_seen_within_ten_seconds_of_its_line),
        cmocka_unit_test(the_rise_is_from_the_oldest_sample_of_the_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
