#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/locked.h"

static const uint8_t secret[LOCKED_BYTES] = "thirty-two bytes that are a key";

static void make(char word[LOCKED_TEXT])
{
    assert_int_equal(locked_make(word, secret, "sel dar Gusar", "coes.nazarov"), ST_OK);
}

static void the_password_opens_what_it_locked(void **state)
{
    char word[LOCKED_TEXT], again[LOCKED_TEXT];
    uint8_t out[LOCKED_BYTES] = {0};

    (void)state;
    make(word);
    make(again);
    assert_string_not_equal(word, again);
    assert_null(strstr(word, "thirty"));
    assert_int_equal(strcspn(word, " \t\n"), strlen(word));
    assert_int_equal(locked_open(out, word, "sel dar Gusar", "coes.nazarov"), ST_OK);
    assert_memory_equal(out, secret, sizeof(secret));
}

static void no_other_password_and_no_other_name_does(void **state)
{
    char word[LOCKED_TEXT];
    uint8_t out[LOCKED_BYTES] = {0}, none[LOCKED_BYTES] = {0};

    (void)state;
    make(word);
    assert_int_equal(locked_open(out, word, "sel dar Gusar ", "coes.nazarov"), ST_DENIED);
    assert_int_equal(locked_open(out, word, "", "coes.nazarov"), ST_DENIED);
    assert_int_equal(locked_open(out, word, "sel dar Gusar", "coes.rahimov"), ST_DENIED);
    assert_memory_equal(out, none, sizeof(none));
}

/* One digit of the salt, of the nonce, of the box and of its end. */
static void what_was_damaged_opens_no_more(void **state)
{
    static const size_t at[] = {10, 45, 100, 180};
    uint8_t out[LOCKED_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        char word[LOCKED_TEXT];

        make(word);
        word[at[i]] = word[at[i]] == '0' ? '1' : '0';
        assert_int_equal(locked_open(out, word, "sel dar Gusar", "coes.nazarov"), ST_DENIED);
    }
}

static void what_is_no_such_word_is_told_apart(void **state)
{
    char word[LOCKED_TEXT];
    uint8_t out[LOCKED_BYTES];

    (void)state;
    make(word);
    word[strlen(word) - 1] = '\0';
    assert_int_equal(locked_open(out, word, "sel dar Gusar", "coes.nazarov"), ST_INVALID);
    assert_int_equal(locked_open(out, "", "sel dar Gusar", "coes.nazarov"), ST_INVALID);
    assert_int_equal(locked_open(out, "locked-2:00", "sel dar Gusar", "coes.nazarov"), ST_INVALID);
    assert_int_equal(locked_open(out, "locked-1:zz", "sel dar Gusar", "coes.nazarov"), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_opens_what_it_locked),
        cmocka_unit_test(no_other_password_and_no_other_name_does),
        cmocka_unit_test(what_was_damaged_opens_no_more),
        cmocka_unit_test(what_is_no_such_word_is_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
