/* Nobody reads half a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agents/link/lang.h"
#include "proto/wire/gate.h"

static void every_sentence_exists_in_three_languages(void **state)
{
    (void)state;
    for (int s = 0; s < SAY_COUNT; s++)
        for (int l = 0; l < LANG_COUNT; l++) {
            const char *text = lang_say((enum lang)l, (enum say)s);

            assert_non_null(text);
            assert_true(*text != '\0');
            assert_true(gate_utf8_is_valid(text, strlen(text)));
        }
}

static bool has_cyrillic(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0xd0 && (unsigned char)*text <= 0xd3)
            return true;
    return false;
}

static void tajik_and_russian_are_cyrillic_and_differ(void **state)
{
    (void)state;
    for (int s = 0; s < SAY_COUNT; s++) {
        const char *tg = lang_say(LANG_TAJIK, (enum say)s),
                   *ru = lang_say(LANG_RUSSIAN, (enum say)s),
                   *en = lang_say(LANG_ENGLISH, (enum say)s);

        assert_true(has_cyrillic(tg));
        assert_true(has_cyrillic(ru));
        assert_false(has_cyrillic(en));
        assert_string_not_equal(tg, ru);
    }
}

/* Letters that Tajik does not have, and the Russian look-alikes of those it has. */
static void tajik_has_its_own_letters_and_no_foreign_ones(void **state)
{
    static const char *const foreign[] = {"ы", "щ", "ц", "ь", "ў", "ѓ"};
    static const char *const own[] = {"ғ", "ӣ", "қ", "ӯ", "ҳ", "ҷ"};
    unsigned used = 0;

    (void)state;
    for (int s = 0; s < SAY_COUNT; s++) {
        const char *tg = lang_say(LANG_TAJIK, (enum say)s);

        for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
            assert_null(strstr(tg, foreign[i]));
        for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
            used |= strstr(tg, own[i]) ? 1u << i : 0;
    }
    assert_int_equal(used & 0x36, 0x36); /* at least ӣ, қ, ҳ, ҷ */
}

static void languages_are_known_by_their_codes(void **state)
{
    enum lang l;

    (void)state;
    assert_int_equal(lang_parse("tg", &l), ST_OK);
    assert_int_equal(l, LANG_TAJIK);
    assert_int_equal(lang_parse("ru", &l), ST_OK);
    assert_int_equal(l, LANG_RUSSIAN);
    assert_int_equal(lang_parse("en", &l), ST_OK);
    assert_int_equal(l, LANG_ENGLISH);
    assert_int_equal(lang_parse("de", &l), ST_INVALID);
    assert_int_equal(lang_parse("", &l), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sentence_exists_in_three_languages),
        cmocka_unit_test(tajik_and_russian_are_cyrillic_and_differ),
        cmocka_unit_test(tajik_has_its_own_letters_and_no_foreign_ones),
        cmocka_unit_test(languages_are_known_by_their_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
