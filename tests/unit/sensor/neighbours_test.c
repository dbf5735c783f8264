/* Whom a gateway believes, and for how long. */
#include "agents/sensor/neighbours.h"
#include "tests/unit/sensor/detect/watch.h"

#define STATUS(w) EOCBUS__V1__STATUS__STATUS_##w
#define HAZARD(w) EOCBUS__V1__HAZARD__HAZARD_##w

static const char *const streams[] = {
    "stage 1 stage metre -3",
    "upper 2 stage metre -3",
};
enum { STAGE, UPPER };

static char *names[] = {(char *)"gw07", (char *)"gw08"}, *quake_names[] = {(char *)"seismo"};
static const struct conf_list list = {names, 2}, quakes = {quake_names, 1};

static struct neighbours neighbours_of(struct watch *w)
{
    return (struct neighbours){
        .neighbours = &list, .quakes = &quakes, .status = STATUS(ACTUAL), .detect = w->detect};
}

static bool hear(struct neighbours *n, const char *sender, Eocbus__V1__Hazard hazard,
                 Eocbus__V1__DetectionLevel level, int64_t at_us, Eocbus__V1__Status status)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SensorDetection d = EOCBUS__V1__SENSOR_DETECTION__INIT;

    m.sender = (char *)(uintptr_t)sender;
    m.status = status;
    m.event_time_us = at_us;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    m.sensor_detection = &d;
    d.hazard = hazard;
    d.level = level;
    return neighbours_take(n, &m);
}

static void only_named_gateways_of_our_own_status_are_counted_with(void **state)
{
    struct neighbours n;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2");
    n = neighbours_of(&w);
    assert_false(hear(&n, "gw09", HAZARD(MUDFLOW), LEVEL(ALARM), T0, STATUS(ACTUAL)));
    assert_false(hear(&n, "gw07", HAZARD(MUDFLOW), LEVEL(ALARM), T0, STATUS(EXERCISE)));
    assert_false(hear(&n, "seismo", HAZARD(MUDFLOW), LEVEL(ALARM), T0, STATUS(ACTUAL)));
    assert_int_equal(w.detect->neighbour_until_us, 0);
    assert_true(hear(&n, "gw07", HAZARD(MUDFLOW), LEVEL(ALARM), T0, STATUS(ACTUAL)));
    assert_int_equal(w.detect->neighbour, LEVEL(ALARM));
    assert_int_equal(w.detect->neighbour_until_us, T0 + NEIGHBOURS_HOLD_US);
    watch_close(&w);
}

static void the_highest_of_several_holds_until_it_is_over(void **state)
{
    struct neighbours n;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2");
    n = neighbours_of(&w);
    assert_true(hear(&n, "gw07", HAZARD(MUDFLOW), LEVEL(WARNING), T0, STATUS(ACTUAL)));
    assert_true(hear(&n, "gw08", HAZARD(MUDFLOW), LEVEL(CLEAR), T0 + HOUR, STATUS(ACTUAL)));
    assert_int_equal(w.detect->neighbour, LEVEL(WARNING));
    /* Older than what it said last: it came late. */
    assert_false(hear(&n, "gw07", HAZARD(MUDFLOW), LEVEL(CLEAR), T0 - 1, STATUS(ACTUAL)));
    assert_int_equal(w.detect->neighbour, LEVEL(WARNING));
    assert_true(hear(&n, "gw07", HAZARD(MUDFLOW), LEVEL(CLEAR), T0 + 2 * HOUR, STATUS(ACTUAL)));
    assert_int_equal(w.detect->neighbour, LEVEL(CLEAR));
    watch_close(&w);
}

static void a_neighbours_warning_makes_a_silent_gauge_evidence(void **state)
{
    struct neighbours n;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2", "silence.upstream 1 upper after=30s for=1d");
    n = neighbours_of(&w);
    feed(&w, UPPER, T0, 300);
    assert_true(hear(&n, "gw07", HAZARD(MUDFLOW), LEVEL(WARNING), T0, STATUS(ACTUAL)));
    detect_tick(w.detect, T0 + 31 * SECOND);
    assert_int_equal(w.detect->level, LEVEL(WATCH));
    watch_close(&w);
}

static void vibration_of_an_earthquake_that_was_told_of_does_not_count(void **state)
{
    struct neighbours n;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2");
    n = neighbours_of(&w);
    assert_false(hear(&n, "gw07", HAZARD(EARTHQUAKE), LEVEL(ALARM), T0, STATUS(ACTUAL)));
    assert_int_equal(w.detect->veto[0].until_us, 0);
    assert_true(hear(&n, "seismo", HAZARD(EARTHQUAKE), LEVEL(ALARM), T0, STATUS(ACTUAL)));
    assert_int_equal(w.detect->veto[0].from_us, T0 - MINUTE);
    assert_int_equal(w.detect->veto[0].until_us, T0 + 6 * MINUTE);
    watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_named_gateways_of_our_own_status_are_counted_with),
        cmocka_unit_test(the_highest_of_several_holds_until_it_is_over),
        cmocka_unit_test(a_neighbours_warning_makes_a_silent_gauge_evidence),
        cmocka_unit_test(vibration_of_an_earthquake_that_was_told_of_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
