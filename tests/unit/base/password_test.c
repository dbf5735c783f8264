#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/password.h"

static void test_only_the_password_itself_is_it(void **state)
{
    char hash[PASSWORD_HASH], again[PASSWORD_HASH];

    (void)state;
    assert_int_equal(password_hash(hash, "села дар Гусар"), ST_OK);
    assert_int_equal(password_hash(again, "села дар Гусар"), ST_OK);
    assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
    assert_string_not_equal(hash, again);
    assert_true(password_is(hash, "села дар Гусар"));
    assert_false(password_is(hash, "села дар Гусар "));
    assert_false(password_is(hash, ""));
    assert_false(password_is("", "села дар Гусар"));
    assert_false(password_is("$argon2id$nonsense", "села дар Гусар"));
}

static void test_short_and_endless_ones_are_refused(void **state)
{
    char hash[PASSWORD_HASH], much[PASSWORD_MOST + 2];

    (void)state;
    memset(much, 'x', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    assert_int_equal(password_hash(hash, "123456789"), ST_INVALID);
    assert_int_equal(password_hash(hash, much), ST_INVALID);
}

/* An unknown name costs as much as a known one, and nobody's password opens it. */
static void test_nobody_has_a_hash_like_everybody(void **state)
{
    char hash[PASSWORD_HASH];
    size_t costs = strlen("$argon2id$v=19$m=65536,t=2,p=1$");

    (void)state;
    assert_int_equal(password_hash(hash, "0123456789"), ST_OK);
    assert_int_equal(strncmp(hash, password_nobody(), costs), 0);
    assert_false(password_is(password_nobody(), ""));
    assert_false(password_is(password_nobody(), "0123456789"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_password_itself_is_it),
        cmocka_unit_test(test_short_and_endless_ones_are_refused),
        cmocka_unit_test(test_nobody_has_a_hash_like_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
