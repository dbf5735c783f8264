/* What a browser writes into the form is what was typed, and nothing else gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agents/console/api/login_form.h"

static bool value_of(const char *form, const char *name, char out[16])
{
    return login_form_value(form, strlen(form), name, out, 16);
}

static void a_value_is_decoded_up_to_the_next_name(void **state)
{
    char out[16];

    (void)state;
    assert_true(value_of("name=Zarina+N.&password=a%26b%3D%D0%B6", "name", out));
    assert_string_equal(out, "Zarina N.");
    assert_true(value_of("name=Zarina+N.&password=a%26b%3D%D0%B6", "password", out));
    assert_string_equal(out, "a&b=\xd0\xb6");
    assert_true(value_of("name=100%&password=%zz", "password", out));
    assert_string_equal(out, "%zz");
}

static void a_name_within_another_or_within_a_value_is_not_it(void **state)
{
    char out[16];

    (void)state;
    assert_false(value_of("username=a&x=name=b", "name", out));
    assert_true(value_of("rename=a&name=b", "name", out));
    assert_string_equal(out, "b");
}

static void nothing_too_much_and_a_nul_are_no_value(void **state)
{
    char out[16];

    (void)state;
    assert_false(value_of("", "name", out));
    assert_false(value_of("name", "name", out));
    assert_false(value_of("name=&password=b", "name", out));
    assert_true(value_of("name=123456789012345", "name", out));
    assert_false(value_of("name=1234567890123456", "name", out));
    assert_false(value_of("name=a%00b", "name", out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_decoded_up_to_the_next_name),
        cmocka_unit_test(a_name_within_another_or_within_a_value_is_not_it),
        cmocka_unit_test(nothing_too_much_and_a_nul_are_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
