#include "agents/sensor/replay/judge.h"
#include "tests/unit/sensor/desk.h"

#include <math.h>
#include <unistd.h>

#define HOUR (60 * MINUTE)

static void on(struct spells *s, int64_t from_us, int64_t to_us)
{
    for (int64_t at = from_us; at <= to_us; at += MINUTE)
        assert_int_equal(spells_add(s, at, true), ST_OK);
    assert_int_equal(spells_add(s, to_us + MINUTE, false), ST_OK);
}

static void an_alarm_that_flickers_is_one_until_it_is_off_for_the_hold(void **state)
{
    struct spells s = {.hold_us = 10 * MINUTE};

    (void)state;
    on(&s, T0, T0 + 5 * MINUTE);
    on(&s, T0 + 14 * MINUTE, T0 + 20 * MINUTE);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.items[0].to_us, T0 + 20 * MINUTE);
    on(&s, T0 + 30 * MINUTE, T0 + 31 * MINUTE);
    assert_int_equal(s.count, 2);
    assert_true(spells_on_at(&s, T0 + 30 * MINUTE));
    assert_false(spells_on_at(&s, T0 + 32 * MINUTE));
    spells_free(&s);
}

static void hits_misses_false_alarms_and_leads_are_counted(void **state)
{
    struct label items[] = {{.from_us = T0 + 2 * HOUR, .to_us = T0 + 3 * HOUR},
                            {.from_us = T0 + 10 * HOUR, .to_us = T0 + 11 * HOUR},
                            {.from_us = T0 + 20 * HOUR, .to_us = T0 + 21 * HOUR},
                            {.from_us = T0 + 30 * HOUR, .to_us = T0 + 31 * HOUR}};
    const struct labels labels = {items, 4};
    const bool has_data[] = {true, true, true, false};
    struct spells s = {.hold_us = MINUTE};
    struct judged judged[4];
    struct score score;

    (void)state;
    on(&s, T0 + HOUR, T0 + 2 * HOUR + MINUTE);            /* an hour ahead */
    on(&s, T0 + 5 * HOUR, T0 + 5 * HOUR + MINUTE);        /* false */
    on(&s, T0 + 10 * HOUR + 30 * MINUTE, T0 + 12 * HOUR); /* half an hour late */
    assert_int_equal(score_make(&score, &s, &labels, has_data, 0, judged), ST_OK);
    assert_int_equal(score.alarms, 3);
    assert_int_equal(score.hits, 2);
    assert_int_equal(score.misses, 1);
    assert_int_equal(score.no_data, 1);
    assert_int_equal(score.false_alarms, 1);
    assert_true(s.items[1].is_false && !s.items[0].is_false && !s.items[2].is_false);
    assert_int_equal(judged[0].lead_us, HOUR);
    assert_int_equal(judged[1].lead_us, -30 * MINUTE);
    assert_int_equal(score.lead_median_us, 15 * MINUTE);
    assert_int_equal(judged[3].outcome, OUTCOME_NO_DATA);
    assert_true(fabs(score_pod(&score) - 2.0 / 3) < 1e-9);
    assert_true(fabs(score_far(&score) - 1.0 / 3) < 1e-9);
    assert_true(fabs(score_csi(&score) - 0.5) < 1e-9);
    spells_free(&s);
}

static void an_alarm_that_ended_before_counts_only_as_long_as_was_asked_for(void **state)
{
    struct label items[] = {{.from_us = T0 + 2 * HOUR, .to_us = T0 + 3 * HOUR}};
    const struct labels labels = {items, 1};
    const bool has_data[] = {true};
    struct spells s = {.hold_us = MINUTE};
    struct judged judged[1];
    struct score score;

    (void)state;
    on(&s, T0, T0 + HOUR);
    assert_int_equal(score_make(&score, &s, &labels, has_data, HOUR - 1, judged), ST_OK);
    assert_int_equal(score.hits, 0);
    assert_int_equal(score.false_alarms, 1);
    assert_int_equal(score_make(&score, &s, &labels, has_data, HOUR, judged), ST_OK);
    assert_int_equal(score.hits, 1);
    assert_int_equal(score.false_alarms, 0);
    spells_free(&s);
}

static void a_season_that_was_not_warned_has_no_shares(void **state)
{
    const struct labels none = {NULL, 0};
    struct spells s = {.hold_us = MINUTE};
    struct score score;

    (void)state;
    assert_int_equal(score_make(&score, &s, &none, NULL, 0, NULL), ST_OK);
    assert_true(isnan(score_pod(&score)) && isnan(score_far(&score)) && isnan(score_csi(&score)));
    spells_free(&s);
}

static int64_t at(const char *text)
{
    int64_t us;
    bool zoned;

    assert_true(civil_any(&us, &zoned, slice_of(text)));
    return us;
}

static void a_winter_has_the_name_of_both_its_years(void **state)
{
    char name[32];

    (void)state;
    season_name(name, season_of(at("2010-10-31 23:59:59")));
    assert_string_equal(name, "2010 Apr-Oct");
    season_name(name, season_of(at("2010-11-01 00:00:00")));
    assert_string_equal(name, "2010/11 Nov-Mar");
    season_name(name, season_of(at("2011-03-31 23:59:59")));
    assert_string_equal(name, "2010/11 Nov-Mar");
    assert_true(season_of(at("2011-04-01 00:00:00")) > season_of(at("2011-03-31 00:00:00")));
}

static enum status read_text(struct labels *out, const char *prefix, const char *text,
                             char err[400])
{
    char path[] = "/tmp/labels_test.XXXXXX", named[64];
    int fd = mkstemp(path);
    enum status st;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    snprintf(named, sizeof(named), "%s%s", prefix, path);
    st = labels_read(out, named, -8 * HOUR, err, 400);
    unlink(path);
    return st;
}

static void labels_are_read_in_the_zone_and_put_in_order(void **state)
{
    struct labels l;
    char err[400] = "";

    (void)state;
    assert_int_equal(read_text(&l, "",
                               "from,to,name\n# a remark\n\n2010-12-12,slide\r\n"
                               "2010-12-09 01:00:00,2010-12-09T10:00:00Z,\"front, first\"\n",
                               err),
                     ST_OK);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.items[0].from_us, at("2010-12-09 09:00:00"));
    assert_int_equal(l.items[0].to_us, at("2010-12-09 10:00:00"));
    assert_string_equal(l.items[0].name, "front, first");
    assert_true(l.items[1].whole_day);
    assert_int_equal(l.items[1].from_us, at("2010-12-12 08:00:00"));
    assert_int_equal(l.items[1].to_us, at("2010-12-13 08:00:00") - 1);
    labels_free(&l);
    assert_int_equal(read_text(&l, "mdy:", "12/09/2010\n", err), ST_OK);
    assert_int_equal(l.items[0].from_us, at("2010-12-09 08:00:00"));
    labels_free(&l);
}

static void a_label_nobody_can_read_is_named_by_its_line(void **state)
{
    const char *const bad[] = {"name\n2010-13-09,x\n", "2010-12-09 10:00:00\n",
                               "2010-12-09 10:00:00,soon\n",
                               "2010-12-09 10:00:00,2010-12-09 09:00:00\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct labels l;
        char err[400] = "";

        assert_int_equal(read_text(&l, "", bad[i], err), ST_INVALID);
        assert_non_null(strstr(err, " line "));
        labels_free(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alarm_that_flickers_is_one_until_it_is_off_for_the_hold),
        cmocka_unit_test(hits_misses_false_alarms_and_leads_are_counted),
        cmocka_unit_test(an_alarm_that_ended_before_counts_only_as_long_as_was_asked_for),
        cmocka_unit_test(a_season_that_was_not_warned_has_no_shares),
        cmocka_unit_test(a_winter_has_the_name_of_both_its_years),
        cmocka_unit_test(labels_are_read_in_the_zone_and_put_in_order),
        cmocka_unit_test(a_label_nobody_can_read_is_named_by_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
