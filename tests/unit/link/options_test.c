#include "agents/link/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/mem.h"

/* argv is writable by its old contract; nobody here writes into the words. */
static int copy_words(char **argv, const char *const *words)
{
    int n = 0;

    for (; words[n]; n++)
        argv[n] = (char *)(uintptr_t)words[n];
    argv[n] = NULL;
    return n;
}

static void options_are_taken_out_and_operands_stay(void **state)
{
    bool json = false;
    const char *sender = NULL;
    uint64_t last = 20;
    struct option_words patterns = {0};
    const struct option_row rows[] = {{"--json", OPTION_FLAG, &json},
                                      {"--sender", OPTION_TEXT, &sender},
                                      {"--last", OPTION_NUMBER, &last},
                                      {"--pattern", OPTION_WORDS, &patterns}};
    const char *words[] = {"list",     "--json",    "one", "--sender",    "coes.a",
                           "--last=5", "--pattern", "a",   "--pattern=b", "-",
                           "--",       "--json",    NULL};
    char *argv[13];
    int argc = copy_words(argv, words);
    char err[200];

    (void)state;
    assert_int_equal(options_take(rows, 4, &argc, argv, err, sizeof(err)), ST_OK);
    assert_true(json);
    assert_string_equal(sender, "coes.a");
    assert_int_equal(last, 5);
    assert_int_equal(patterns.count, 2);
    assert_string_equal(patterns.items[1], "b");
    assert_int_equal(argc, 4);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "-");
    assert_string_equal(argv[3], "--json");
    assert_null(argv[4]);
}

static void expect_error(const char *word, const char *value, const char *part)
{
    uint64_t last = 0;
    bool json = false;
    const struct option_row rows[] = {{"--last", OPTION_NUMBER, &last},
                                      {"--json", OPTION_FLAG, &json}};
    const char *words[] = {"list", word, value, NULL};
    char *argv[4];
    int argc = copy_words(argv, words);
    char err[200];

    assert_int_equal(options_take(rows, 2, &argc, argv, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, part));
}

static void a_wrong_option_is_told_with_the_nearest_right_one(void **state)
{
    (void)state;
    expect_error("--lsat", "5", "did you mean --last?");
    expect_error("--jsno", NULL, "did you mean --json?");
    expect_error("--colour", NULL, "--help");
    expect_error("--last", NULL, "wants a value");
    expect_error("--last", "-5", "whole number");
    expect_error("--last", "5x", "whole number");
    expect_error("--last", "99999999999999999999999", "whole number");
    expect_error("--json=1", NULL, "takes no value");
}

static void a_typo_finds_its_neighbour_and_nonsense_does_not(void **state)
{
    const char *const names[] = {"keygen", "migrate", "principal", "publish", "tail"};

    (void)state;
    assert_string_equal(options_nearest("pulbish", names, 5), "publish");
    assert_string_equal(options_nearest("principle", names, 5), "principal");
    assert_string_equal(options_nearest("tial", names, 5), "tail");
    assert_null(options_nearest("zzzzzz", names, 5));
    assert_null(options_nearest("x", names, 5));
    assert_null(options_nearest("", names, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken_out_and_operands_stay),
        cmocka_unit_test(a_wrong_option_is_told_with_the_nearest_right_one),
        cmocka_unit_test(a_typo_finds_its_neighbour_and_nonsense_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
