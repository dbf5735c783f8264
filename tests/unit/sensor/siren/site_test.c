/* A level that should sound and may not yet is owed: old readings and people at work keep the siren
 * silent, and what is seen of the flow now sounds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/sensor/siren/kept.h"
#include "agents/sensor/siren/site.h"

#define LEVEL(w) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##w
#define TYPE(w)  EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##w
#define MINUTE   INT64_C(60000000)

static struct {
    struct loop *loop;
    struct site *site;
    char dir[64], kept[96];
    unsigned on;
    size_t lines;                     /* of the two that say what sounds */
    Eocbus__V1__DetectionLevel holds; /* what was concluded last */
    bool clock_is_known;
    Eocbus__V1__Status status; /* the gateway's, and of what it concludes */
} w;

static enum status publish(void *arg, const char *topic, const void *bytes, size_t len)
{
    (void)arg;
    (void)topic;
    if (memmem(bytes, len, "\"on\"", 4))
        w.on++;
    return ST_OK;
}

static enum status put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    (void)arg;
    (void)m;
    (void)why;
    return ST_OK;
}

static enum status commit(void *arg)
{
    (void)arg;
    return ST_OK;
}

static bool clock_is_known(void *arg)
{
    (void)arg;
    return w.clock_is_known;
}

static bool is_linked(void *arg)
{
    (void)arg;
    return true;
}

static void open_site(void)
{
    static char *lines[] = {(char *)"alarm evacuate 3m", (char *)"warning attention 1m"};
    const struct conf_list sounds = {lines, w.lines};
    const struct speaker speaker = {.gateway = "coes.siren1", .status = w.status};
    const struct site_settings set = {.loop = w.loop,
                                      .driver = "mqtt gusar/siren",
                                      .sounds = &sounds,
                                      .timeout_ms = 1000,
                                      .kept_path = w.kept,
                                      .speaker = &speaker,
                                      .late_us = 10 * MINUTE,
                                      .publish = publish,
                                      .put = put,
                                      .commit = commit,
                                      .clock_is_known = clock_is_known,
                                      .is_linked = is_linked};
    char err[200];

    if (site_create(&w.site, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.clock_is_known = true;
    w.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    w.lines = 2;
    snprintf(w.dir, sizeof(w.dir), "/tmp/eocbus-site-XXXXXX");
    if (!mkdtemp(w.dir) || loop_create(&w.loop) != ST_OK)
        return -1;
    snprintf(w.kept, sizeof(w.kept), "%s/siren", w.dir);
    open_site();
    return 0;
}

static int end(void **state)
{
    char command[100];

    (void)state;
    site_destroy(w.site);
    loop_destroy(w.loop);
    snprintf(command, sizeof(command), "rm -rf %s", w.dir);
    return system(command);
}

static int64_t ago(int64_t us)
{
    return loop_utc_us(w.loop) - us;
}

static bool conclude_from(Eocbus__V1__ObservationType type, Eocbus__V1__DetectionLevel from,
                          Eocbus__V1__DetectionLevel to, int64_t at_us)
{
    static const uint8_t id[16] = {7};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SensorDetection d = EOCBUS__V1__SENSOR_DETECTION__INIT;
    Eocbus__V1__Evidence seen = EOCBUS__V1__EVIDENCE__INIT, *evidence[1] = {&seen};

    seen.type = type;
    d.evidence = evidence;
    d.n_evidence = 1;
    d.previous_level = from;
    d.level = to;
    m.status = w.status;
    m.event_time_us = at_us;
    m.sensor_detection = &d;
    w.holds = to;
    return site_concluded(w.site, &m, id);
}

static bool conclude(Eocbus__V1__DetectionLevel from, Eocbus__V1__DetectionLevel to, int64_t at_us)
{
    return conclude_from(TYPE(STAGE), from, to, at_us);
}

static void look(int64_t flow_us)
{
    site_look(w.site, w.holds, flow_us);
}

static void an_alarm_of_old_readings_sounds_when_the_flow_is_seen_now_and_once(void **state)
{
    (void)state;
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    look(INT64_MIN); /* nobody sees it */
    look(ago(11 * MINUTE));
    assert_int_equal(w.on, 0);
    look(ago(0));
    look(ago(0));
    assert_int_equal(w.on, 1);
}

static void an_alarm_while_people_work_there_sounds_when_they_are_done_if_the_flow_goes_on(void **s)
{
    (void)s;
    site_maintenance(w.site, true);
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(0)));
    look(ago(0));
    site_maintenance(w.site, false);
    look(INT64_MIN);
    assert_int_equal(w.on, 0);
    look(ago(0));
    assert_int_equal(w.on, 1);
}

static void start_again(void)
{
    site_destroy(w.site);
    open_site();
}

static void what_is_owed_is_over_with_the_level(void **state)
{
    (void)state;
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    assert_false(conclude(LEVEL(ALARM), LEVEL(CLEAR), ago(0)));
    look(ago(0));
    start_again();
    look(ago(0));
    assert_int_equal(w.on, 0);
}

static void what_is_owed_is_not_forgotten_by_a_restart(void **state)
{
    (void)state;
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    start_again();
    assert_int_equal(w.on, 0);
    look(ago(0));
    assert_int_equal(w.on, 1);
}

static void a_warning_of_rain_sounds_nothing_until_somebody_sees_the_flow(void **state)
{
    (void)state;
    assert_false(conclude_from(TYPE(RAIN_ACC), LEVEL(CLEAR), LEVEL(WARNING), ago(0)));
    look(INT64_MIN);
    assert_int_equal(w.on, 0);
    look(ago(0));
    assert_int_equal(w.on, 1);
    /* And an alarm after it sounds by itself. */
    assert_true(conclude(LEVEL(WARNING), LEVEL(ALARM), ago(0)));
    assert_int_equal(w.on, 2);
}

static void what_is_owed_is_over_with_a_lower_level_and_a_warning_after_it_sounds_nothing(void **s)
{
    (void)s;
    w.lines = 1; /* of an alarm alone */
    start_again();
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    assert_false(conclude(LEVEL(ALARM), LEVEL(WATCH), ago(0)));
    start_again();
    assert_false(conclude(LEVEL(WATCH), LEVEL(WARNING), ago(0)));
    assert_int_equal(w.on, 0);
    look(ago(0));
    site_look(w.site, LEVEL(ALARM), ago(0)); /* gone, not hidden */
    assert_int_equal(w.on, 0);
}

static void a_level_below_the_owed_one_sounds_nothing_until_it_holds_again(void **state)
{
    (void)state;
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    start_again();
    site_look(w.site, LEVEL(WARNING), ago(0));
    assert_int_equal(w.on, 0);
    site_look(w.site, LEVEL(ALARM), ago(0));
    assert_int_equal(w.on, 1);
}

/* As if an earlier run had left it; level 0: one that kept none. */
static void owe_since(int64_t asked_us, Eocbus__V1__DetectionLevel level)
{
    const struct siren_sound sound = {.cause = {7},
                                      .pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE,
                                      .duration_s = 180,
                                      .asked_us = asked_us,
                                      .level = level};
    char path[112];

    snprintf(path, sizeof(path), "%s.owed", w.kept);
    assert_int_equal(siren_kept_write(path, &sound), ST_OK);
    start_again();
}

static void what_an_older_program_owed_without_a_level_sounds_at_alarm_alone(void **state)
{
    (void)state;
    owe_since(ago(MINUTE), 0);
    site_look(w.site, LEVEL(WARNING), ago(0));
    assert_int_equal(w.on, 0);
    site_look(w.site, LEVEL(ALARM), ago(0));
    assert_int_equal(w.on, 1);
}

static void what_is_owed_too_long_is_dropped_also_while_nobody_sees_the_flow(void **state)
{
    (void)state;
    owe_since(ago(SITE_OWED_H * 60 * MINUTE), LEVEL(ALARM));
    site_look(w.site, LEVEL(ALARM), INT64_MIN);
    start_again();
    w.clock_is_known = false; /* by which nothing would be too old */
    site_look(w.site, LEVEL(ALARM), ago(0));
    assert_int_equal(w.on, 0);
    w.clock_is_known = true;
    owe_since(ago(SITE_OWED_H * 60 * MINUTE - 30 * MINUTE), LEVEL(ALARM));
    site_look(w.site, LEVEL(ALARM), ago(0));
    assert_int_equal(w.on, 1);
}

static void what_is_owed_by_a_clock_that_nobody_keeps_ages_once_it_is_kept(void **state)
{
    (void)state;
    w.clock_is_known = false;
    site_maintenance(w.site, true);
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(0)));
    w.clock_is_known = true;
    look(INT64_MIN);
    site_maintenance(w.site, false);
    look(ago(0));
    assert_int_equal(w.on, 1);
}

static void silence_ends_what_is_owed_too(void **state)
{
    uint8_t id[16] = {9};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SirenCommand order = EOCBUS__V1__SIREN_COMMAND__INIT;

    (void)state;
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    order.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE;
    m.sender = (char *)"coes.asma";
    m.message_id = (ProtobufCBinaryData){sizeof(id), id};
    m.siren_command = &order;
    site_obey(w.site, &m);
    look(ago(0));
    assert_int_equal(w.on, 0);
}

static void start_again_as(Eocbus__V1__Status status)
{
    site_destroy(w.site);
    w.status = status;
    open_site();
}

static void what_an_exercise_concludes_neither_sounds_nor_ends_what_is_owed(void **state)
{
    (void)state;
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(11 * MINUTE)));
    start_again_as(EOCBUS__V1__STATUS__STATUS_EXERCISE);
    assert_false(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(0)));
    look(ago(0));
    assert_int_equal(w.on, 0);
    assert_false(conclude(LEVEL(ALARM), LEVEL(CLEAR), ago(0)));
    start_again_as(EOCBUS__V1__STATUS__STATUS_ACTUAL);
    w.holds = LEVEL(ALARM);
    look(ago(0));
    assert_int_equal(w.on, 1);
}

static void by_a_clock_that_nobody_keeps_nothing_is_late(void **state)
{
    (void)state;
    w.clock_is_known = false;
    assert_true(conclude(LEVEL(CLEAR), LEVEL(ALARM), ago(15 * MINUTE)));
    assert_int_equal(w.on, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(an_alarm_of_old_readings_sounds_when_the_flow_is_seen_now_and_once),
        T(an_alarm_while_people_work_there_sounds_when_they_are_done_if_the_flow_goes_on),
        T(what_is_owed_is_over_with_the_level),
        T(what_is_owed_is_not_forgotten_by_a_restart),
        T(a_warning_of_rain_sounds_nothing_until_somebody_sees_the_flow),
        T(what_is_owed_is_over_with_a_lower_level_and_a_warning_after_it_sounds_nothing),
        T(a_level_below_the_owed_one_sounds_nothing_until_it_holds_again),
        T(what_an_older_program_owed_without_a_level_sounds_at_alarm_alone),
        T(what_is_owed_too_long_is_dropped_also_while_nobody_sees_the_flow),
        T(what_is_owed_by_a_clock_that_nobody_keeps_ages_once_it_is_kept),
        T(silence_ends_what_is_owed_too),
        T(what_an_exercise_concludes_neither_sounds_nor_ends_what_is_owed),
        T(by_a_clock_that_nobody_keeps_nothing_is_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
