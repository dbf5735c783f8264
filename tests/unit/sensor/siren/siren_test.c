#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/sensor/siren/siren.h"
#include "proto/base/mem.h"

#define RESULT(w) EOCBUS__V1__SIREN_RESULT__SIREN_RESULT_##w
#define UTC       INT64_C(1781200000000000)
#define SECOND    INT64_C(1000000)

enum { MOST = 40 };
static struct {
    struct siren siren;
    struct siren_time now;
    struct siren_wish wish[MOST];
    struct siren_note note[MOST];
    struct siren_sound kept;
    bool has_kept, was_kept_before_driven;
    unsigned wishes, notes;
} w;

static void on_drive(void *arg, const struct siren_wish *wish)
{
    (void)arg;
    assert_true(w.wishes < MOST);
    if (!w.wishes)
        w.was_kept_before_driven = w.has_kept;
    w.wish[w.wishes++] = *wish;
}

static void on_note(void *arg, const struct siren_note *n)
{
    (void)arg;
    assert_true(w.notes < MOST);
    w.note[w.notes++] = *n;
}

static void on_keep(void *arg, const struct siren_sound *s)
{
    (void)arg;
    w.has_kept = s != NULL;
    if (s)
        w.kept = *s;
}

static void begin_siren(void)
{
    static const struct siren_hands hands = {NULL, on_drive, on_note, on_keep};

    siren_begin(&w.siren, &hands);
}

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.now = (struct siren_time){.own_us = 5 * SECOND, .utc_us = UTC, .utc_known = true};
    begin_siren();
    return 0;
}

static void pass(int64_t seconds)
{
    w.now.own_us += (uint64_t)(seconds * SECOND);
    w.now.utc_us += seconds * SECOND;
    siren_tick(&w.siren, &w.now);
}

static void answer(bool done, const char *code)
{
    struct siren_answer a = {.done = done};

    snprintf(a.code, sizeof(a.code), "%s", code);
    siren_answered(&w.siren, &a, &w.now);
}

static struct siren_sound sound_of(uint8_t cause, bool by_order, uint32_t seconds)
{
    struct siren_sound s = {.by_order = by_order,
                            .pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE,
                            .duration_s = seconds,
                            .asked_us = w.now.utc_us,
                            .begin_by_us = by_order ? w.now.utc_us + 600 * SECOND : 0};

    memset(s.cause, cause, sizeof(s.cause));
    return s;
}

static void sound(uint8_t cause, bool by_order, uint32_t seconds)
{
    struct siren_sound s = sound_of(cause, by_order, seconds);

    siren_sound(&w.siren, &s, by_order ? 600000 : 900000, &w.now);
}

static void expect_note(unsigned at, uint8_t cause, Eocbus__V1__SirenResult result,
                        uint32_t seconds, const char *code)
{
    assert_true(at < w.notes);
    assert_int_equal(w.note[at].cause[0], cause);
    assert_int_equal(w.note[at].result, result);
    assert_int_equal(w.note[at].sounded_s, seconds);
    assert_string_equal(w.note[at].code, code);
}

/* --- the plain way ---------------------------------------------------------------------------- */

static void it_sounds_for_its_time_and_tells_when_it_began_and_ended(void **state)
{
    (void)state;
    sound(7, false, 60);
    assert_int_equal(w.wishes, 1);
    assert_int_equal(w.wish[0].verb, SIREN_ON);
    assert_int_equal(w.wish[0].duration_s, 60);
    answer(true, "");
    assert_int_equal(w.notes, 1);
    expect_note(0, 7, RESULT(SOUNDED), 0, "");
    assert_true(w.note[0].started_us == UTC);
    for (int i = 0; i < 59; i++)
        pass(1);
    assert_int_equal(w.wishes, 1);
    pass(1);
    assert_int_equal(w.wishes, 2);
    assert_int_equal(w.wish[1].verb, SIREN_OFF);
    answer(true, "");
    expect_note(1, 7, RESULT(SOUNDED), 60, "");
    assert_int_equal(w.notes, 2);
    assert_false(w.has_kept);
    assert_true(siren_due_us(&w.siren) == UINT64_MAX);
}

static void a_microphone_that_heard_it_makes_it_heard(void **state)
{
    struct siren_answer a = {.done = true, .mic_level_ddb = 1045, .battery_mv = 12400};

    (void)state;
    sound(7, false, 60);
    siren_answered(&w.siren, &a, &w.now);
    expect_note(0, 7, RESULT(HEARD), 0, "");
    assert_int_equal(w.note[0].mic_level_ddb, 1045);
    assert_int_equal(w.note[0].battery_mv, 12400);
}

static void its_own_decision_sounds_before_it_is_written_and_an_order_after(void **state)
{
    (void)state;
    sound(7, false, 60);
    assert_false(w.was_kept_before_driven);
    assert_true(w.has_kept);
    begin(state);
    sound(8, true, 60);
    assert_true(w.was_kept_before_driven);
}

static void the_newest_wish_wins_and_what_it_ended_is_told_first(void **state)
{
    (void)state;
    sound(7, true, 60);
    answer(true, "");
    pass(20);
    sound(8, false, 180);
    answer(true, "");
    assert_int_equal(w.notes, 3);
    expect_note(1, 7, RESULT(SOUNDED), 20, "");
    expect_note(2, 8, RESULT(SOUNDED), 0, "");
    pass(60);
    assert_int_equal(w.siren.state, SIREN_SOUNDING);
}

/* --- a driver that fails ---------------------------------------------------------------------- */

static void what_cannot_be_started_is_told_once_and_tried_again_ever_more_slowly(void **state)
{
    static const int tries[] = {1, 2, 4, 8, 10, 10};

    (void)state;
    sound(7, false, 60);
    answer(false, "timeout");
    expect_note(0, 7, RESULT(FAILED), 0, "timeout");
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        pass(tries[i] - 1);
        assert_int_equal(w.wishes, i + 1);
        pass(1);
        assert_int_equal(w.wishes, i + 2);
        if (i + 1 < ARRAY_LEN(tries))
            answer(false, "exit_1");
    }
    answer(true, "");
    assert_int_equal(w.notes, 2);
    expect_note(1, 7, RESULT(SOUNDED), 0, "");
    pass(59);
    assert_int_equal(w.siren.state, SIREN_SOUNDING); /* its whole time, from when it began */
}

static void what_never_starts_is_given_up_and_told_to_stop(void **state)
{
    (void)state;
    sound(7, false, 60);
    for (int i = 0; i < 1000 && w.siren.state != SIREN_ENDING; i++) {
        if (w.siren.state == SIREN_STARTING)
            answer(false, "exit_1");
        w.wishes = 1;
        pass(1);
    }
    expect_note(1, 7, RESULT(FAILED), 0, "gave_up");
    assert_int_equal(w.notes, 2);
    assert_int_equal(w.wish[1].verb, SIREN_OFF);
    assert_false(w.has_kept);
    answer(true, "");
    assert_int_equal(w.notes, 2);
}

static void an_order_is_not_begun_after_its_end_and_a_clock_set_back_revives_nothing(void **state)
{
    struct siren_sound s = sound_of(7, true, 60);

    (void)state;
    siren_sound(&w.siren, &s, 5000, &w.now);
    answer(false, "timeout");
    pass(1);
    answer(false, "timeout");
    pass(2);
    answer(false, "timeout");
    w.now.utc_us -= 3600 * SECOND;
    pass(4); /* seven seconds since it came, and it had five */
    assert_int_equal(w.siren.state, SIREN_ENDING);
    expect_note(1, 7, RESULT(FAILED), 0, "gave_up");
    /* And one whose end UTC says, whatever our own timer had. */
    begin(state);
    s = sound_of(7, true, 60);
    siren_sound(&w.siren, &s, 900000, &w.now);
    answer(false, "timeout");
    w.now.utc_us += 601 * SECOND;
    pass(1);
    assert_int_equal(w.siren.state, SIREN_ENDING);
}

static void a_siren_that_cannot_be_stopped_is_told_to_until_it_does(void **state)
{
    (void)state;
    sound(7, false, 60);
    answer(true, "");
    pass(60);
    answer(false, "timeout");
    expect_note(1, 7, RESULT(FAILED), 60, "cannot_stop");
    pass(1);
    assert_int_equal(w.wish[2].verb, SIREN_OFF);
    answer(false, "timeout");
    pass(2);
    answer(true, "");
    assert_int_equal(w.notes, 3);
    expect_note(2, 7, RESULT(SOUNDED), 63, "");
}

/* --- silence and self-test -------------------------------------------------------------------- */

static void silence_stops_it_and_both_are_told(void **state)
{
    static const uint8_t order[SIREN_ID] = {9};

    (void)state;
    sound(7, false, 60);
    answer(true, "");
    pass(11);
    siren_silence(&w.siren, order, &w.now);
    assert_int_equal(w.wish[1].verb, SIREN_OFF);
    answer(true, "");
    assert_int_equal(w.notes, 3);
    expect_note(1, 7, RESULT(SILENCED), 11, "");
    expect_note(2, 9, RESULT(SILENCED), 0, "");
    assert_false(w.has_kept);
    /* One that is silent is told all the same: somebody may have switched it on by hand. */
    siren_silence(&w.siren, order, &w.now);
    assert_int_equal(w.wish[2].verb, SIREN_OFF);
    answer(true, "");
    expect_note(3, 9, RESULT(SILENCED), 0, "");
}

static void silence_ends_what_could_not_be_started(void **state)
{
    static const uint8_t order[SIREN_ID] = {9};

    (void)state;
    sound(7, false, 60);
    answer(false, "timeout");
    siren_silence(&w.siren, order, &w.now);
    answer(true, "");
    pass(100);
    assert_int_equal(w.siren.state, SIREN_QUIET);
    assert_int_equal(w.wishes, 2);
}

static void a_self_test_makes_way_for_a_sound_and_never_breaks_one(void **state)
{
    static const uint8_t order[SIREN_ID] = {9};

    (void)state;
    siren_test(&w.siren, order, &w.now);
    assert_int_equal(w.wish[0].verb, SIREN_TEST);
    answer(true, "");
    expect_note(0, 9, RESULT(SOUNDED), 0, "");
    siren_test(&w.siren, order, &w.now);
    answer(false, "exit_2");
    expect_note(1, 9, RESULT(FAILED), 0, "exit_2");
    siren_test(&w.siren, order, &w.now);
    sound(7, false, 60);
    expect_note(2, 9, RESULT(FAILED), 0, "interrupted");
    answer(true, "");
    siren_test(&w.siren, order, &w.now);
    expect_note(4, 9, RESULT(REFUSED), 0, "sounding");
    assert_int_equal(w.siren.state, SIREN_SOUNDING);
}

/* --- power cuts ------------------------------------------------------------------------------- */

/* The machine is gone for so long; what was on its disk is there. */
static void cut_power(int64_t seconds)
{
    struct siren_sound kept = w.kept;

    assert_true(w.has_kept);
    begin_siren();
    w.notes = w.wishes = 0;
    w.now.own_us = 1 * SECOND;
    w.now.utc_us += seconds * SECOND;
    siren_resume(&w.siren, &kept, &w.now);
}

static void after_a_power_cut_it_sounds_for_what_is_left(void **state)
{
    (void)state;
    sound(7, false, 180);
    answer(true, "");
    for (int i = 0; i < 65; i++)
        pass(1);
    cut_power(40);
    assert_int_equal(w.notes, 1);
    expect_note(0, 7, RESULT(FAILED), 60, "power_cut");
    assert_true(w.note[0].started_us == UTC);
    assert_int_equal(w.wish[0].verb, SIREN_ON);
    assert_int_equal(w.wish[0].duration_s, 120);
    answer(true, "");
    expect_note(1, 7, RESULT(SOUNDED), 0, "");
    assert_true(w.note[1].started_us == UTC + 105 * SECOND);
    pass(119);
    assert_int_equal(w.siren.state, SIREN_SOUNDING);
    pass(1);
    assert_int_equal(w.siren.state, SIREN_ENDING);
}

static void an_alarm_of_an_hour_ago_does_not_sound_when_the_power_is_back(void **state)
{
    (void)state;
    sound(7, false, 180);
    answer(true, "");
    cut_power(3600);
    expect_note(0, 7, RESULT(FAILED), 0, "power_cut");
    assert_int_equal(w.wishes, 1);
    assert_int_equal(w.wish[0].verb, SIREN_OFF); /* whatever the relay does */
    assert_false(w.has_kept);
    answer(true, "");
    assert_int_equal(w.notes, 1);
}

static void with_a_clock_that_is_lost_an_alarm_goes_on_and_an_order_does_not(void **state)
{
    (void)state;
    sound(7, false, 180);
    answer(true, "");
    w.now.utc_known = false;
    cut_power(-86400);
    assert_int_equal(w.wish[0].verb, SIREN_ON);
    begin(state);
    sound(7, true, 180);
    answer(true, "");
    w.now.utc_known = false;
    cut_power(5);
    assert_int_equal(w.wish[0].verb, SIREN_OFF);
}

static void an_order_goes_on_while_it_may_begin_or_its_time_is_not_over(void **state)
{
    (void)state;
    sound(7, true, 1800); /* to be begun within ten minutes */
    answer(true, "");
    cut_power(1700);
    assert_int_equal(w.wish[0].verb, SIREN_ON);
    begin(state);
    sound(7, true, 60);
    answer(true, "");
    cut_power(601);
    assert_int_equal(w.wish[0].verb, SIREN_OFF);
}

static void what_was_silenced_stays_silent_though_the_power_goes_before_it_is(void **state)
{
    static const uint8_t order[SIREN_ID] = {9};

    (void)state;
    sound(7, false, 180);
    answer(true, "");
    pass(3);
    siren_silence(&w.siren, order, &w.now);
    cut_power(1);
    assert_int_equal(w.wishes, 1);
    assert_int_equal(w.wish[0].verb, SIREN_OFF);
    expect_note(0, 7, RESULT(FAILED), 3, "power_cut");
}

static void cut_again_and_again_it_sounds_no_longer_than_it_was_asked_to(void **state)
{
    uint32_t total = 0;

    (void)state;
    sound(7, false, 60);
    for (int i = 0; i < 10; i++) {
        answer(true, "");
        if (w.siren.state != SIREN_SOUNDING)
            break;
        for (int k = 0; k < 20 && w.siren.state == SIREN_SOUNDING; k++)
            pass(1);
        total += 20;
        if (!w.has_kept)
            break;
        cut_power(5);
    }
    assert_int_equal(total, 60);
    assert_int_equal(w.siren.state, SIREN_QUIET);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, begin)
    const struct CMUnitTest tests[] = {
        T(it_sounds_for_its_time_and_tells_when_it_began_and_ended),
        T(a_microphone_that_heard_it_makes_it_heard),
        T(its_own_decision_sounds_before_it_is_written_and_an_order_after),
        T(the_newest_wish_wins_and_what_it_ended_is_told_first),
        T(what_cannot_be_started_is_told_once_and_tried_again_ever_more_slowly),
        T(what_never_starts_is_given_up_and_told_to_stop),
        T(an_order_is_not_begun_after_its_end_and_a_clock_set_back_revives_nothing),
        T(a_siren_that_cannot_be_stopped_is_told_to_until_it_does),
        T(silence_stops_it_and_both_are_told),
        T(silence_ends_what_could_not_be_started),
        T(a_self_test_makes_way_for_a_sound_and_never_breaks_one),
        T(after_a_power_cut_it_sounds_for_what_is_left),
        T(an_alarm_of_an_hour_ago_does_not_sound_when_the_power_is_back),
        T(with_a_clock_that_is_lost_an_alarm_goes_on_and_an_order_does_not),
        T(an_order_goes_on_while_it_may_begin_or_its_time_is_not_over),
        T(what_was_silenced_stays_silent_though_the_power_goes_before_it_is),
        T(cut_again_and_again_it_sounds_no_longer_than_it_was_asked_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
