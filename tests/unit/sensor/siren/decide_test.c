#include "agents/sensor/siren/decide.h"
#include "tests/unit/sensor/desk.h"

#define TYPE(w)    EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##w
#define PATTERN(w) EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_##w

static enum status read_rules(struct siren_rules *out, char **lines, size_t count)
{
    const struct conf_list list = {lines, count};
    char err[300] = "";
    enum status st = siren_rules_read(out, &list, err, sizeof(err));

    assert_true((st == ST_OK) == !*err);
    return st;
}

struct seen {
    Eocbus__V1__DetectionLevel from, to;
    int types[3]; /* of the evidence; ends with 0 */
};

static const struct siren_rule *decide(const struct siren_rules *r, struct seen seen,
                                       Eocbus__V1__Status status, bool maintenance)
{
    Eocbus__V1__SensorDetection d = EOCBUS__V1__SENSOR_DETECTION__INIT;
    Eocbus__V1__Evidence e[3], *rows[3];
    const struct siren_case c = {status, maintenance, &d};

    d.previous_level = seen.from;
    d.level = seen.to;
    d.evidence = rows;
    for (; seen.types[d.n_evidence]; d.n_evidence++) {
        eocbus__v1__evidence__init(&e[d.n_evidence]);
        e[d.n_evidence].type = (Eocbus__V1__ObservationType)seen.types[d.n_evidence];
        rows[d.n_evidence] = &e[d.n_evidence];
    }
    return siren_decide(r, &c);
}

#define ACTUAL EOCBUS__V1__STATUS__STATUS_ACTUAL

static void without_a_line_an_alarm_is_three_minutes_of_evacuate(void **state)
{
    const struct seen alarm = {LEVEL(WARNING), LEVEL(ALARM), {TYPE(STAGE), TYPE(GV_IMP)}};
    const struct siren_rule *rule;
    struct siren_rules r;

    (void)state;
    assert_int_equal(read_rules(&r, NULL, 0), ST_OK);
    rule = decide(&r, alarm, ACTUAL, false);
    assert_non_null(rule);
    assert_int_equal(rule->pattern, PATTERN(EVACUATE));
    assert_int_equal(rule->duration_s, 180);
    assert_null(
        decide(&r, (struct seen){LEVEL(WATCH), LEVEL(WARNING), {TYPE(STAGE)}}, ACTUAL, false));
}

static void exercises_tests_and_maintenance_sound_nothing(void **state)
{
    const struct seen alarm = {LEVEL(CLEAR), LEVEL(ALARM), {TYPE(TRIPWIRE)}};
    struct siren_rules r;

    (void)state;
    assert_int_equal(read_rules(&r, NULL, 0), ST_OK);
    assert_non_null(decide(&r, alarm, ACTUAL, false));
    assert_null(decide(&r, alarm, ACTUAL, true));
    for (int status = 0; status <= 8; status++)
        if (status != ACTUAL)
            assert_null(decide(&r, alarm, (Eocbus__V1__Status)status, false));
}

static void rain_alone_never_sounds_whatever_the_lines_say(void **state)
{
    char *lines[] = {(char *)"warning attention 60s", (char *)"alarm evacuate 3m"};
    struct siren_rules r;

    (void)state;
    assert_int_equal(read_rules(&r, lines, 2), ST_OK);
    for (int level = LEVEL(WARNING); level <= LEVEL(ALARM); level++) {
        struct seen s = {LEVEL(WATCH), (Eocbus__V1__DetectionLevel)level, {TYPE(RAIN_ACC)}};

        assert_null(decide(&r, s, ACTUAL, false));
        s.types[1] = TYPE(SOIL_VWC);
        assert_null(decide(&r, s, ACTUAL, false));
        s.types[1] = TYPE(STAGE);
        assert_non_null(decide(&r, s, ACTUAL, false));
    }
    assert_null(decide(&r, (struct seen){LEVEL(WATCH), LEVEL(WARNING), {0}}, ACTUAL, false));
}

static void only_what_gets_worse_sounds(void **state)
{
    char *lines[] = {(char *)"warning attention 60s", (char *)"alarm evacuate 3m"};
    struct siren_rules r;

    (void)state;
    assert_int_equal(read_rules(&r, lines, 2), ST_OK);
    assert_null(
        decide(&r, (struct seen){LEVEL(ALARM), LEVEL(WARNING), {TYPE(STAGE)}}, ACTUAL, false));
    assert_null(
        decide(&r, (struct seen){LEVEL(ALARM), LEVEL(CLEAR), {TYPE(STAGE)}}, ACTUAL, false));
}

static void a_line_says_what_is_legal(void **state)
{
    static const char *const bad[] = {
        "",
        "alarm",
        "alarm evacuate",
        "watch attention 1m",
        "clear all_clear 1m",
        "alarm all_clear 1m",
        "alarm unspecified 1m",
        "alarm evacuate 31m",
        "alarm evacuate 0s",
        "alarm evacuate 1m loud",
    };
    char *twice[] = {(char *)"alarm evacuate 1m", (char *)"alarm attention 1m"};
    struct siren_rules r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *line = (char *)(uintptr_t)bad[i];

        assert_int_equal(read_rules(&r, &line, 1), ST_INVALID);
    }
    assert_int_equal(read_rules(&r, twice, 2), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_line_an_alarm_is_three_minutes_of_evacuate),
        cmocka_unit_test(exercises_tests_and_maintenance_sound_nothing),
        cmocka_unit_test(rain_alone_never_sounds_whatever_the_lines_say),
        cmocka_unit_test(only_what_gets_worse_sounds),
        cmocka_unit_test(a_line_says_what_is_legal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
