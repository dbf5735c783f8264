/* What the gate and a broker refuse in English is read in Tajik and Russian, with its numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agents/link/translate.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/wire/types.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

static struct buf out;

static int tear_down(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

static const char *translated(enum lang lang, const char *english)
{
    buf_clear(&out);
    if (!translate_sentence(&out, lang, english))
        return NULL;
    buf_put(&out, "", 1);
    return (const char *)out.data;
}

static const char *refused(enum lang lang, const char *code, const char *path, const char *text)
{
    buf_clear(&out);
    translate_refusal(&out, lang, code, path, text);
    buf_put(&out, "", 1);
    return (const char *)out.data;
}

static void names_are_filled_in_wherever_the_sentence_wants_them(void **state)
{
    const struct translate_value values[] = {{"a", "1"}, {"bee", "two"}};

    (void)state;
    translate_fill(&out, "{bee} {a} {bee} {none} { }", values, 2);
    buf_put(&out, "", 1);
    assert_string_equal((char *)out.data, "two 1 two {none} { }");
}

static void a_sentence_is_known_by_its_words_and_keeps_its_numbers(void **state)
{
    (void)state;
    assert_string_equal(translated(LANG_RUSSIAN, "300 bytes; legal are 0 to 240"),
                        "300 байт; допустимо от 0 до 240 (русская буква — 2 байта)");
    assert_non_null(strstr(translated(LANG_TAJIK, "300 bytes; legal are 0 to 240"), "то 240"));
    assert_null(translated(LANG_RUSSIAN, "300 bytes; legal are 0"));
    assert_null(translated(LANG_RUSSIAN, "nobody wrote this"));
    assert_null(translated(LANG_RUSSIAN, ""));
}

/* Words in the place of a name may look like those behind it. */
static void the_last_words_of_a_sentence_are_its_end(void **state)
{
    (void)state;
    assert_non_null(
        strstr(translated(LANG_RUSSIAN, "'a' is not UTF-8' is not UTF-8"), "a' is not UTF-8"));
}

static void what_the_gate_says_is_translated(void **state)
{
    static const enum lang langs[] = {LANG_TAJIK, LANG_RUSSIAN};
    Eocbus__V1__FlashReport r = EOCBUS__V1__FLASH_REPORT__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    char *pcode = (char[]){"nowhere"}, text[400];
    struct refusal why[2];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    r.hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    r.reporter_role = EOCBUS__V1__REPORTER_ROLE__REPORTER_ROLE_DISTRICT_DUTY;
    r.confidence = EOCBUS__V1__CONFIDENCE__CONFIDENCE_HIGH;
    r.text = text;
    area.pcodes = &pcode;
    area.n_pcodes = 1;
    assert_int_equal(gate_check(&r.base, &why[0]), ST_INVALID);
    assert_int_equal(gate_check(&area.base, &why[1]), ST_INVALID);
    for (int i = 0; i < 2; i++)
        for (int l = 0; l < 2; l++)
            if (!translated(langs[l], why[i].text))
                fail_msg("no words for: %s", why[i].text);
}

static void a_refusal_keeps_its_code_and_path(void **state)
{
    (void)state;
    assert_string_equal(
        refused(LANG_RUSSIAN, "length", "flash_report.text", "300 bytes; it has to be 16"),
        "length flash_report.text: 300 байт; должно быть 16");
    assert_string_equal(refused(LANG_ENGLISH, "length", "", "some sentence"),
                        "length -: some sentence");
    assert_string_equal(refused(LANG_RUSSIAN, NULL, NULL, NULL), "- -: ");
}

static void without_words_for_the_sentence_the_code_is_explained(void **state)
{
    const char *text = refused(LANG_TAJIK, "expiry", "x", "a sentence of a newer broker");

    (void)state;
    assert_non_null(strstr(text, "--until"));
    assert_non_null(strstr(text, "(a sentence of a newer broker)"));
    assert_string_equal(refused(LANG_TAJIK, "newer", "x", "a sentence of a newer broker"),
                        "newer x: a sentence of a newer broker");
}

static void verdicts_that_a_person_should_know_of_have_words(void **state)
{
    (void)state;
    assert_string_equal(translate_verdict(LANG_TAJIK, EOCBUS__V1__VERDICT__VERDICT_NONE), "");
    assert_string_equal(translate_verdict(LANG_RUSSIAN, EOCBUS__V1__VERDICT__VERDICT_APPLIED), "");
    for (uint32_t v = EOCBUS__V1__VERDICT__VERDICT_HELD;
         v <= EOCBUS__V1__VERDICT__VERDICT_DISMISSED; v++)
        for (int lang = 0; lang < LANG_COUNT; lang++)
            assert_true(*translate_verdict((enum lang)lang, v));
    assert_memory_equal(translate_verdict(LANG_ENGLISH, EOCBUS__V1__VERDICT__VERDICT_CONTESTED),
                        "contested:", 10);
}

static const char *decision(enum lang lang, const char *summary)
{
    buf_clear(&out);
    translate_decision(&out, lang, summary);
    buf_put(&out, "", 1);
    return (const char *)out.data;
}

static void a_decision_says_its_ruling_in_the_language_of_the_office(void **state)
{
    (void)state;
    assert_string_equal(decision(LANG_RUSSIAN, "decision: dismissed message 01 by bus: late"),
                        "решение: отклонено message 01 by bus: late");
    assert_string_equal(decision(LANG_TAJIK, "decision: contested message 01"),
                        "қарор: баҳснок аст message 01");
    assert_string_equal(decision(LANG_RUSSIAN, "no such thing"), "no such thing");
}

static void every_kind_of_message_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        for (int lang = 0; lang < LANG_ENGLISH; lang++)
            if (translate_type((enum lang)lang, type_at(i)->name) == type_at(i)->name)
                fail_msg("%s has no name in one language", type_at(i)->name);
    assert_string_equal(translate_type(LANG_ENGLISH, "flash_report"), "flash_report");
    assert_string_equal(translate_type(LANG_TAJIK, "newer"), "newer");
}

static const char *summary(enum lang lang, const char *english)
{
    buf_clear(&out);
    translate_summary(&out, lang, english, strlen(english));
    buf_put(&out, "", 1);
    return (const char *)out.data;
}

static void a_summary_is_said_piece_by_piece_and_what_was_typed_is_left(void **state)
{
    static const char said[] =
        "flash flood reported at Ayni: 2 dead, 3 houses, road cut; 5 dead, says Ali";

    (void)state;
    assert_string_equal(summary(LANG_RUSSIAN, said), "внезапный паводок, Ayni: погибших: 2, "
                                                     "домов: 3, дорога перерезана; 5 dead, says "
                                                     "Ali");
    assert_string_equal(summary(LANG_TAJIK, "mudflow reported at Даштиҷум: losses not known yet"),
                        "сел, Даштиҷум: талафот ҳанӯз маълум нест");
    assert_string_equal(summary(LANG_ENGLISH, said), said);
    assert_string_equal(summary(LANG_TAJIK, "no such thing, at all"), "no such thing, at all");
    assert_string_equal(summary(LANG_TAJIK, ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(names_are_filled_in_wherever_the_sentence_wants_them, tear_down),
        cmocka_unit_test_teardown(a_sentence_is_known_by_its_words_and_keeps_its_numbers,
                                  tear_down),
        cmocka_unit_test_teardown(the_last_words_of_a_sentence_are_its_end, tear_down),
        cmocka_unit_test_teardown(what_the_gate_says_is_translated, tear_down),
        cmocka_unit_test_teardown(a_refusal_keeps_its_code_and_path, tear_down),
        cmocka_unit_test(verdicts_that_a_person_should_know_of_have_words),
        cmocka_unit_test_teardown(a_decision_says_its_ruling_in_the_language_of_the_office,
                                  tear_down),
        cmocka_unit_test(every_kind_of_message_has_a_name),
        cmocka_unit_test_teardown(a_summary_is_said_piece_by_piece_and_what_was_typed_is_left,
                                  tear_down),
        cmocka_unit_test_teardown(without_words_for_the_sentence_the_code_is_explained, tear_down),
    };

    return cmocka_run_group_tests_name("translate", tests, NULL, NULL);
}
