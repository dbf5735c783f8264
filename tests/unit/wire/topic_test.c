#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/wire/topic.h"

static Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;

static Eocbus__V1__Envelope report_from(char **pcodes, size_t n)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT;
    area.n_pcodes = n;
    area.pcodes = pcodes;
    m.area = &area;
    return m;
}

static void a_report_from_ayni_has_one_topic(void **state)
{
    char *codes[] = {(char[]){"3505203"}};
    Eocbus__V1__Envelope m = report_from(codes, 1);
    struct topics t;

    (void)state;
    topics_of(&t, &m);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.text[0], "actual.report.flash_report.3505000.3505203");
}

static void jamoats_of_one_district_share_a_topic(void **state)
{
    char *codes[] = {(char[]){"3505203001"}, (char[]){"3505203002"}, (char[]){"3505217"}};
    Eocbus__V1__Envelope m = report_from(codes, 3);
    struct topics t;

    (void)state;
    topics_of(&t, &m);
    assert_int_equal(t.count, 2);
    assert_string_equal(t.text[0], "actual.report.flash_report.3505000.3505203");
    assert_string_equal(t.text[1], "actual.report.flash_report.3505000.3505217");
}

static void a_message_without_a_place_has_dashes(void **state)
{
    Eocbus__V1__Envelope m = report_from(NULL, 0);
    struct topics t;

    (void)state;
    topics_of(&t, &m);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.text[0], "actual.report.flash_report.-.-");
    m.area = NULL;
    topics_of(&t, &m);
    assert_string_equal(t.text[0], "actual.report.flash_report.-.-");
}

static void a_region_and_a_neighbour_have_their_levels(void **state)
{
    char *codes[] = {(char[]){"3505000"}, (char[]){"KG02203"}, (char[]){"AF01"}};
    Eocbus__V1__Envelope m = report_from(codes, 3);
    struct topics t;

    (void)state;
    topics_of(&t, &m);
    assert_int_equal(t.count, 3);
    assert_string_equal(t.text[0], "actual.report.flash_report.3505000.-");
    assert_string_equal(t.text[1], "actual.report.flash_report.KG02.KG02203");
    assert_string_equal(t.text[2], "actual.report.flash_report.AF01.-");
}

static void eight_of_the_longest_places_survive_the_log(void **state)
{
    char code[8][16], *codes[8], places[PLACES_TEXT];
    Eocbus__V1__Envelope m;
    struct topics live, row;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        memcpy(code[i], "UZ1234567890123", 16);
        code[i][2] = (char)('1' + i);
        codes[i] = code[i];
    }
    m = report_from(codes, 8);
    topics_of(&live, &m);
    places_of(places, &m);
    assert_int_equal(strlen(places), 8 * 15 + 7);
    topics_of_row(&row, 1, 120, places);
    assert_int_equal(live.count, 8);
    assert_int_equal(row.count, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_string_equal(live.text[i], row.text[i]);
}

static void a_row_without_places_or_of_an_unknown_type_still_has_a_topic(void **state)
{
    struct topics t;

    (void)state;
    topics_of_row(&t, 4, 102, "");
    assert_string_equal(t.text[0], "test.sensor.sensor_status.-.-");
    topics_of_row(&t, 9, 999, "3505203");
    assert_string_equal(t.text[0], "unknown.unknown.unknown.3505000.3505203");
}

static void the_longest_topic_fits(void **state)
{
    struct topics t;

    (void)state;
    topics_of_row(&t, 2, 175, "UZ1234567890123");
    assert_string_equal(t.text[0], "exercise.resource."
                                   "response_to_request_extended_deployment_duration."
                                   "UZ12.UZ1234567890123");
    assert_null(pattern_fault(t.text[0])); /* a topic is a pattern that matches itself */
    assert_true(pattern_matches(t.text[0], t.text[0]));
}

static void legal_patterns_have_no_fault(void **state)
{
    static const char *const legal[] = {
        "**",
        "*.**",
        "actual.**",
        "actual.resource.**",
        "*.*.*.*.*",
        "*.*.*.3505000.*",
        "actual.report.flash_report.3505000.**",
        "actual.report.flash_report.-.-",
        "a.b.c.d.e",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
        assert_null(pattern_fault(legal[i]));
}

static void illegal_patterns_are_told_why(void **state)
{
    static const char *const illegal[] = {
        "",
        ".",
        "actual",
        "actual.report",
        "a.b.c.d",
        "a.b.c.d.e.f",
        "a.b.c.d.e.**",
        "**.a",
        "a.**.c",
        "a.b.**.d.e",
        "act*.b.c.d.e",
        "***",
        "*.***",
        "a..c.d.e",
        ".b.c.d.e",
        "a.b.c.d.",
        "a.b c.d.e.f",
        "a.b.c.d.\xd0\xb9",
        "a.b.c.d.e\n",
        "a.b.c.d.#",
        "**.",
    };
    char text[LIMIT_PATTERN_BYTES + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++)
        if (!pattern_fault(illegal[i]))
            fail_msg("'%s' was taken", illegal[i]);
    memset(text, 'a', sizeof(text));
    memcpy(text, "*.*.*.*.", 8);
    text[LIMIT_PATTERN_BYTES] = '\0';
    assert_null(pattern_fault(text));
    text[LIMIT_PATTERN_BYTES] = 'a';
    text[LIMIT_PATTERN_BYTES + 1] = '\0';
    assert_non_null(pattern_fault(text));
}

static void patterns_match_level_by_level(void **state)
{
    const char *topic = "actual.report.flash_report.3505000.3505203";

    (void)state;
    assert_true(pattern_matches("**", topic));
    assert_true(pattern_matches("actual.**", topic));
    assert_true(pattern_matches("actual.report.flash_report.3505000.**", topic));
    assert_true(pattern_matches("*.*.*.*.*", topic));
    assert_true(pattern_matches("*.*.*.3505000.*", topic));
    assert_true(pattern_matches(topic, topic));
    assert_false(pattern_matches("exercise.**", topic));
    assert_false(pattern_matches("*.*.*.3504000.*", topic));
    assert_false(pattern_matches("actual.report.flash.3505000.3505203", topic)); /* a prefix */
    assert_false(pattern_matches("actual.report.flash_report_2.*.*", topic));
    assert_false(pattern_matches("Actual.**", topic)); /* case matters */
    assert_false(pattern_matches("*.*.*.*", topic));
    assert_false(pattern_matches("*.*.*.*.*.*", topic));
}

static void one_of_several_places_is_enough(void **state)
{
    struct topics t;

    (void)state;
    topics_of_row(&t, 1, 120, "3505203 3505217");
    assert_true(pattern_matches_any("*.*.*.*.3505217", &t));
    assert_false(pattern_matches_any("*.*.*.*.3505242", &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_from_ayni_has_one_topic),
        cmocka_unit_test(jamoats_of_one_district_share_a_topic),
        cmocka_unit_test(a_message_without_a_place_has_dashes),
        cmocka_unit_test(a_region_and_a_neighbour_have_their_levels),
        cmocka_unit_test(eight_of_the_longest_places_survive_the_log),
        cmocka_unit_test(a_row_without_places_or_of_an_unknown_type_still_has_a_topic),
        cmocka_unit_test(the_longest_topic_fits),
        cmocka_unit_test(legal_patterns_have_no_fault),
        cmocka_unit_test(illegal_patterns_are_told_why),
        cmocka_unit_test(patterns_match_level_by_level),
        cmocka_unit_test(one_of_several_places_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
