/* A code has its name beside it, in the language of whoever reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/link/places.h"

#include "proto/base/banned.h"

static void a_district_has_a_name_in_each_language(void **state)
{
    (void)state;
    assert_string_equal(place_name(LANG_TAJIK, "3505203"), "Айнӣ");
    assert_string_equal(place_name(LANG_RUSSIAN, "3505203"), "Айнинский район");
    assert_string_equal(place_name(LANG_ENGLISH, "3505203"), "Ayni");
    assert_string_equal(place_name(LANG_TAJIK, "3505242"), "Панҷакент");
    assert_string_equal(place_name(LANG_RUSSIAN, "3505228"),
                        "Кухистони Мастчохский район"); /* one blank */
}

static void a_place_within_a_district_is_named_after_it(void **state)
{
    (void)state;
    assert_string_equal(place_name(LANG_ENGLISH, "350520301"), "Ayni");
}

static void the_first_and_the_last_are_found_and_others_are_not(void **state)
{
    (void)state;
    assert_string_equal(place_name(LANG_ENGLISH, "3501000"), "Dushanbe");
    assert_non_null(place_name(LANG_ENGLISH, "3590226"));
    assert_string_equal(place_name(LANG_TAJIK, "3505000"), "Суғд");
    assert_string_equal(place_name(LANG_TAJIK, "3505401"), "Хуҷанд");
    assert_string_equal(place_name(LANG_RUSSIAN, "3505401"), "Худжанд");
    assert_string_equal(place_name(LANG_ENGLISH, "3505401"), "Khujand");
    assert_null(place_name(LANG_TAJIK, "3505999"));
    assert_null(place_name(LANG_TAJIK, "350520"));
    assert_null(place_name(LANG_TAJIK, "AF0101"));
    assert_null(place_name(LANG_TAJIK, ""));
    assert_null(place_name(LANG_TAJIK, "9999999"));
}

static void an_unknown_code_is_shown_as_it_is(void **state)
{
    struct buf out = {0};

    (void)state;
    place_put(&out, LANG_TAJIK, "3505203");
    buf_puts(&out, ", ");
    place_put(&out, LANG_TAJIK, "AF0101");
    buf_put(&out, "", 1);
    assert_string_equal((char *)out.data, "Айнӣ 3505203, AF0101");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_district_has_a_name_in_each_language),
        cmocka_unit_test(a_place_within_a_district_is_named_after_it),
        cmocka_unit_test(the_first_and_the_last_are_found_and_others_are_not),
        cmocka_unit_test(an_unknown_code_is_shown_as_it_is),
    };

    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
