/* Nobody reads half a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
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
    for (const struct lang_word *w = lang_words(LANG_TAJIK); w->key; w++) {
        for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
            if (strstr(w->text, foreign[i]))
                fail_msg("%s: %s is no letter of Tajik", w->key, foreign[i]);
        for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
            used |= strstr(w->text, own[i]) ? 1u << i : 0;
    }
    assert_int_equal(used, 0x3f);
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

/* The part of a key after its point, of what has an English text of its own in the programs. */
static bool is_listed_in_english(const char *key)
{
    return strncmp(key, "option.", 7) && strncmp(key, "command.", 8) && strncmp(key, "send.", 5) &&
           strncmp(key, "type.", 5) && strncmp(key, "word.", 5);
}

static const char *text_of(enum lang lang, const char *key)
{
    for (const struct lang_word *w = lang_words(lang); w->key; w++)
        if (strcmp(w->key, key) == 0)
            return w->text;
    return NULL;
}

static void every_language_has_the_same_keys(void **state)
{
    (void)state;
    for (int l = 0; l < LANG_COUNT; l++)
        for (const struct lang_word *w = lang_words((enum lang)l); w->key; w++)
            for (int other = 0; other < LANG_COUNT; other++)
                if (!text_of((enum lang)other, w->key) &&
                    (other != LANG_ENGLISH || is_listed_in_english(w->key)))
                    fail_msg("%s stands in one language and not in another", w->key);
}

/* A name that is lost in translation is a number that nobody is told. */
static void translations_have_the_names_of_the_english_sentence(void **state)
{
    (void)state;
    for (const struct lang_word *w = lang_words(LANG_ENGLISH); w->key; w++)
        for (const char *at = w->text; (at = strchr(at, '{')); at++) {
            char name[40];
            size_t len = strcspn(at, "}") + 1;

            assert_true(len < sizeof(name));
            memcpy(name, at, len);
            name[len] = '\0';
            for (int l = 0; l < LANG_ENGLISH; l++)
                if (strcmp(w->key, "sentence.no_time") &&
                    !strstr(text_of((enum lang)l, w->key), name))
                    fail_msg("%s: %s is missing", w->key, name);
        }
}

static void the_environment_names_a_language(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("LC_ALL") | unsetenv("LC_MESSAGES") | unsetenv("LANG"), 0);
    assert_int_equal(lang_of_environment(LANG_RUSSIAN), LANG_RUSSIAN);
    assert_int_equal(setenv("LANG", "tg_TJ.UTF-8", 1), 0);
    assert_int_equal(lang_of_environment(LANG_RUSSIAN), LANG_TAJIK);
    assert_int_equal(setenv("LC_ALL", "en", 1), 0);
    assert_int_equal(lang_of_environment(LANG_RUSSIAN), LANG_ENGLISH);
    assert_int_equal(setenv("LC_ALL", "enormous", 1), 0);
    assert_int_equal(lang_of_environment(LANG_RUSSIAN), LANG_RUSSIAN);
    assert_int_equal(setenv("LC_ALL", "C.UTF-8", 1), 0);
    assert_int_equal(lang_of_environment(LANG_RUSSIAN), LANG_RUSSIAN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sentence_exists_in_three_languages),
        cmocka_unit_test(tajik_and_russian_are_cyrillic_and_differ),
        cmocka_unit_test(tajik_has_its_own_letters_and_no_foreign_ones),
        cmocka_unit_test(languages_are_known_by_their_codes),
        cmocka_unit_test(every_language_has_the_same_keys),
        cmocka_unit_test(translations_have_the_names_of_the_english_sentence),
        cmocka_unit_test(the_environment_names_a_language),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
