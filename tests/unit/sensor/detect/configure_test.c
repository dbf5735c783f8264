#include "agents/sensor/detect/profiles.h"
#include "tests/unit/sensor/detect/watch.h"

static const char *const streams[] = {
    "stage 1 stage metre -3",
    "upper 2 stage metre -3",
    "rain 3 rain_acc millimetre -3 step=10m",
};

static Eocbus__V1__SensorConfiguration *tell(struct watch *w, unsigned i)
{
    Eocbus__V1__SensorConfiguration *c = NULL;

    assert_int_equal(detect_parameters(w->detect, i, w->desk.message, &c), ST_OK);
    return c;
}

static Eocbus__V1__ProfileParameter *number(Eocbus__V1__SensorConfiguration *c, const char *name)
{
    for (size_t i = 0; i < c->n_parameters; i++)
        if (strcmp(c->parameters[i]->name, name) == 0)
            return c->parameters[i];
    fail_msg("there is no %s", name);
    return NULL;
}

static void assert_refused(struct watch *w, const Eocbus__V1__SensorConfiguration *c,
                           const char *word)
{
    struct detect before = *w->detect;

    w->err[0] = '\0';
    assert_int_equal(detect_configure(w->detect, c, w->err, sizeof(w->err)), ST_INVALID);
    if (!strstr(w->err, word))
        fail_msg("\"%s\" has no \"%s\"", w->err, word);
    assert_memory_equal(&before, w->detect, sizeof(before));
}

static void a_gateway_tells_every_number_and_takes_them_back(void **state)
{
    Eocbus__V1__SensorConfiguration *c;
    struct refusal why;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.rate 3 stage line=0.125 window=90s", "rain.caine1980 7 rain",
          "fusion 2 confirm=90s");
    c = tell(&w, 0);
    assert_string_equal(c->profile, "stage.rate");
    assert_int_equal(c->profile_version, 3);
    assert_int_equal(c->n_parameters, 4);
    assert_true(decimal_real((struct decimal){number(c, "line")->value,
                                              number(c, "line")->exponent}) == 0.125);
    assert_int_equal(number(c, "window_s")->value, 90);
    assert_string_equal(tell(&w, 2)->profile, "fusion");
    assert_int_equal(number(tell(&w, 2), "confirm_s")->value, 90);
    assert_int_equal(detect_parameters(w.detect, 3, w.desk.message, &c), ST_NOTFOUND);
    for (unsigned i = 0; i < 3; i++) {
        c = tell(&w, i);
        c->target = (char *)"coes.tj3505203.gw07";
        c->reason = (char *)"told";
        if (gate_check(&c->base, &why) != ST_OK)
            fail_msg("%s: %s", why.path, why.text);
        c->profile_version++;
        assert_int_equal(detect_configure(w.detect, c, w.err, sizeof(w.err)), ST_OK);
        assert_int_equal(tell(&w, i)->profile_version, c->profile_version);
    }
    watch_close(&w);
}

static void a_new_line_holds_from_the_next_sample(void **state)
{
    Eocbus__V1__SensorConfiguration *c;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2 debounce=1/1");
    feed(&w, 0, T0, 1500);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    c = tell(&w, 0);
    c->profile_version = 2;
    *number(c, "line") = (Eocbus__V1__ProfileParameter){
        .base = PROTOBUF_C_MESSAGE_INIT(&eocbus__v1__profile_parameter__descriptor),
        .name = (char *)"line",
        .value = 14,
        .exponent = -1,
        .unit = EOCBUS__V1__UNIT__UNIT_METRE};
    assert_int_equal(detect_configure(w.detect, c, w.err, sizeof(w.err)), ST_OK);
    feed(&w, 0, T0 + SECOND, 1500);
    assert_int_equal(w.detect->level, LEVEL(WARNING));
    assert_int_equal(conclude(&w)->profile_version, 2);
    watch_close(&w);
}

/* Three days of rain are not forgotten because a line moved. */
static void what_a_detector_has_seen_stays_when_its_numbers_change(void **state)
{
    Eocbus__V1__SensorConfiguration *c;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.caine1980 1 rain");
    for (int i = 0; i < 6; i++)
        feed(&w, 2, T0 + i * 10 * MINUTE, 2400);
    assert_int_equal(w.detect->level, LEVEL(CLEAR));
    c = tell(&w, 0);
    c->profile_version = 2;
    number(c, "alpha")->value = 10;
    number(c, "alpha")->exponent = 0;
    assert_int_equal(detect_configure(w.detect, c, w.err, sizeof(w.err)), ST_OK);
    feed(&w, 2, T0 + 60 * MINUTE, 2400);
    assert_int_equal(w.detect->level, LEVEL(WATCH));
    watch_close(&w);
}

static void what_does_not_fit_changes_nothing(void **state)
{
    Eocbus__V1__SensorConfiguration *c;
    Eocbus__V1__ProfileParameter twice;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 5 stage line=2");
    c = tell(&w, 0);
    assert_refused(&w, c, "version 5 is in force");
    c->profile_version = 4;
    assert_refused(&w, c, "version 5 is in force");
    c->profile_version = 6;
    number(c, "line")->value = -2;
    assert_refused(&w, c, "line of stage.level is -2");
    number(c, "line")->value = 3;
    number(c, "need")->value = 6;
    assert_refused(&w, c, "need is more than of");
    number(c, "need")->exponent = -1;
    number(c, "need")->value = 25;
    assert_refused(&w, c, "whole number");
    number(c, "need")->value = 30;
    number(c, "line")->unit = EOCBUS__V1__UNIT__UNIT_MILLIMETRE;
    assert_refused(&w, c, "another unit");
    number(c, "line")->unit = EOCBUS__V1__UNIT__UNIT_METRE;
    c->n_parameters--;
    assert_refused(&w, c, "of is missing");
    twice = *number(c, "line");
    c->parameters[c->n_parameters++] = &twice;
    assert_refused(&w, c, "given twice");
    twice.name = (char *)"colour";
    assert_refused(&w, c, "no parameter");
    c->profile = (char *)"wire.any";
    assert_refused(&w, c, "no detector");
    watch_close(&w);
}

static void two_detectors_of_a_profile_are_told_apart_by_their_datastream(void **state)
{
    Eocbus__V1__SensorConfiguration *c;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "stage.level 1 stage line=2", "stage.level 1 upper line=3");
    c = tell(&w, 1);
    assert_string_equal(c->profile, "stage.level@upper");
    c->profile_version = 2;
    number(c, "line")->value = 4;
    assert_int_equal(detect_configure(w.detect, c, w.err, sizeof(w.err)), ST_OK);
    assert_int_equal(w.detect->detector[0].version, 1);
    assert_int_equal(w.detect->detector[1].version, 2);
    assert_true(w.detect->detector[1].number[0] == 4);
    c->profile_version = 3;
    c->profile = (char *)"stage.level";
    assert_refused(&w, c, "several detectors");
    c->profile = (char *)"stage.level@rain";
    assert_refused(&w, c, "no detector");
    watch_close(&w);
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
        "stage.level 1 stage upper line=2",
        "stage.level 1 stage",
        "stage.level 1 stage line=-1",
        "stage.level 1 stage line=2 line=3",
        "stage.level 1 stage line=2 debounce=4/3",
        "stage.level 1 stage line=2 debounce=3/33",
        "stage.level 1 stage line=2 need=4 of=3",
        "stage.level 1 stage line=2 window=10m",
        "stage.rate 1 stage line=2 window=0",
        "rain.caine1980 1 rain line=3",
        "rain.caine1980 1 rain shortest=1h longest=10m",
        "rain.caine1980 1 rain map=420", /* its line is no share of a year's rain */
        "rain.aleotti2004.ni33 1 rain",
        "rain.power 1 rain alpha=9",
        "wire.any 1 stage",
        "silence.upstream 1 upper",
        "fusion 1 stage",
        "fusion 1 confirm=0",
        "no.such 1 stage",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct watch w;

        if (watch_try(&w, streams, ARRAY_LEN(streams), &bad[i], 1) != ST_INVALID)
            fail_msg("%s is taken", bad[i]);
        assert_true(strlen(w.err) > 20);
        watch_close(&w);
    }
}

/* The table people read: every profile has words, a source, and an example that is legal. */
static void every_profile_tells_where_its_numbers_come_from(void **state)
{
    static const char *const all[] = {
        "gusar.rain 1 rain_acc millimetre -3 step=10m",
        "gusar.stage 2 stage metre -3",
        "gusar.wire1 3 tripwire one 0",
        "gusar.wire2 4 tripwire one 0",
        "upper.stage 5 stage metre -3",
        "rock.pga 6 seis_pga metre_per_second_squared -6",
        "gusar.impulses 7 gv_imp per_second 0",
        "gusar.gv 8 gv_rms metre_per_second -9",
        "upper.gv 9 gv_rms metre_per_second -9",
        "gusar.infra 10 infra_rms_lf pascal -6",
    };

    (void)state;
    for (unsigned i = 0; i < profile_count; i++) {
        const struct profile *p = profiles[i];
        struct watch w;

        assert_non_null(p->about);
        assert_non_null(p->source);
        assert_non_null(p->evidence);
        watch_open(&w, all, ARRAY_LEN(all), &p->example, 1);
        for (unsigned k = 0; k < profile_parameters(p); k++) {
            const struct parameter *row = &p->parameters[k];
            struct decimal number;

            assert_true(row->unit && row->about && row->most > row->least);
            if (!row->deflt)
                continue;
            assert_true(decimal_read(&number, slice_of(row->deflt)));
            assert_int_equal(profile_accepts(p, k, number, w.err, sizeof(w.err)), ST_OK);
        }
        watch_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_tells_every_number_and_takes_them_back),
        cmocka_unit_test(a_new_line_holds_from_the_next_sample),
        cmocka_unit_test(what_a_detector_has_seen_stays_when_its_numbers_change),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(two_detectors_of_a_profile_are_told_apart_by_their_datastream),
        cmocka_unit_test(wrong_lines_are_refused_with_what_would_be_legal),
        cmocka_unit_test(every_profile_tells_where_its_numbers_come_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
