/* What is remembered survives, whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/link/memory.h"
#include "proto/base/mem.h"

static char folder[64], path[96], next[128], lock[128], err[400];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/memory.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/m", folder);
    snprintf(next, sizeof(next), "%s.next", path);
    snprintf(lock, sizeof(lock), "%s.lock", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(next);
    unlink(lock);
    return rmdir(folder);
}

static struct memory *open_it(void)
{
    struct memory *m;

    assert_int_equal(memory_open(&m, path, err, sizeof(err)), ST_OK);
    return m;
}

static void what_was_saved_is_there_again(void **state)
{
    struct memory *m = open_it();

    (void)state;
    assert_null(memory_get(m, "b"));
    assert_int_equal(memory_set(m, "b", "two words"), ST_OK);
    assert_int_equal(memory_set(m, "a", "1"), ST_OK);
    assert_int_equal(memory_set(m, "b", "3"), ST_OK);
    assert_int_equal(memory_save(m, err, sizeof(err)), ST_OK);
    memory_close(m);
    m = open_it();
    assert_string_equal(memory_get(m, "a"), "1");
    assert_string_equal(memory_get(m, "b"), "3");
    memory_close(m);
}

static void what_was_not_saved_is_gone(void **state)
{
    struct memory *m = open_it();

    (void)state;
    assert_int_equal(memory_set(m, "a", "1"), ST_OK);
    memory_close(m);
    m = open_it();
    assert_null(memory_get(m, "a"));
    memory_close(m);
}

static void of_a_promise_only_what_was_said_is_kept(void **state)
{
    static const uint8_t one[ID_BYTES] = {1}, two[ID_BYTES] = {2};
    struct memory *m = open_it();

    (void)state;
    assert_int_equal(memory_intend(m, "a", "1", one), ST_OK);
    assert_int_equal(memory_intend(m, "b", "2", two), ST_OK);
    assert_int_equal(memory_promise(m, err, sizeof(err)), ST_OK);
    memory_close(m);
    m = open_it();
    assert_true(memory_has_promise(m));
    assert_null(memory_get(m, "a"));
    memory_was_said(m, two);
    assert_int_equal(memory_keep(m, err, sizeof(err)), ST_OK);
    assert_false(memory_has_promise(m));
    memory_close(m);
    m = open_it();
    assert_false(memory_has_promise(m));
    assert_null(memory_get(m, "a"));
    assert_string_equal(memory_get(m, "b"), "2");
    memory_close(m);
}

static void keys_are_one_word_and_values_one_line(void **state)
{
    struct memory *m = open_it();

    (void)state;
    assert_int_equal(memory_set(m, "a b", "1"), ST_INVALID);
    assert_int_equal(memory_set(m, "", "1"), ST_INVALID);
    assert_int_equal(memory_set(m, "a", "1\n2"), ST_INVALID);
    memory_close(m);
}

static void a_damaged_file_is_not_taken_for_an_empty_one(void **state)
{
    static const char *const texts[] = {"nonsense", "eocbus memory 1\na 1",
                                        "eocbus memory 1\nword\n"};
    struct memory *m;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        fputs(texts[i], f);
        fclose(f);
        assert_int_equal(memory_open(&m, path, err, sizeof(err)), ST_INVALID);
        assert_non_null(strstr(err, "move it away"));
    }
}

static void it_survives_every_failed_allocation(void **state)
{
    enum status st = ST_NOMEM;
    struct memory *m = open_it();

    (void)state;
    assert_int_equal(memory_set(m, "a", "1"), ST_OK);
    assert_int_equal(memory_save(m, err, sizeof(err)), ST_OK);
    memory_close(m);
    for (unsigned long n = 1; st != ST_OK && n < 200; n++) {
        mem_fail_at(n);
        st = memory_open(&m, path, err, sizeof(err));
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    assert_int_equal(st, ST_OK);
    memory_close(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_saved_is_there_again),
        TEST(what_was_not_saved_is_gone),
        TEST(of_a_promise_only_what_was_said_is_kept),
        TEST(keys_are_one_word_and_values_one_line),
        TEST(a_damaged_file_is_not_taken_for_an_empty_one),
        TEST(it_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
