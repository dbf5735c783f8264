/* Which mode a gateway was told, by reality and by an exercise, and what is left of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/sensor/modes.h"
#include "proto/base/file.h"

#define MODE(w)   EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_##w
#define STATUS(w) EOCBUS__V1__STATUS__STATUS_##w

enum { T0 = 1000 };

static char path[64];
static struct modes m;

static int begin(void **state)
{
    (void)state;
    m = (struct modes){0};
    snprintf(path, sizeof(path), "/tmp/eocbus-modes-%d", (int)getpid());
    (void)unlink(path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void tell(Eocbus__V1__Status status, Eocbus__V1__SensorMode mode, int64_t until_us)
{
    modes_tell(&m, status, (struct told_mode){mode, until_us});
}

static void start_again(void)
{
    assert_int_equal(modes_write(&m, path), ST_OK);
    memset(&m, 0xff, sizeof(m));
    assert_int_equal(modes_read(&m, path), ST_OK);
}

static void expect(Eocbus__V1__SensorMode mode, int64_t until_us)
{
    assert_int_equal(modes_now(&m).mode, mode);
    assert_true(modes_now(&m).until_us == until_us);
}

static enum status read_text(const char *text)
{
    assert_int_equal(file_replace(path, text, strlen(text)), ST_OK);
    return modes_read(&m, path);
}

static void who_was_told_nothing_is_in_normal(void **state)
{
    (void)state;
    assert_int_equal(modes_read(&m, path), ST_NOTFOUND);
    expect(MODE(NORMAL), 0);
    assert_false(modes_end(&m, T0));
    assert_false(modes_end_exercise(&m));
    assert_true(modes_due_us(&m) == INT64_MAX);
    start_again();
    expect(MODE(NORMAL), 0);
}

static void what_an_exercise_told_ends_with_it_and_shows_what_reality_told(void **state)
{
    (void)state;
    tell(STATUS(ACTUAL), MODE(MAINTENANCE), 0);
    tell(STATUS(EXERCISE), MODE(NORMAL), T0);
    start_again();
    expect(MODE(NORMAL), T0);
    assert_true(modes_end_exercise(&m));
    assert_false(modes_end_exercise(&m));
    start_again();
    expect(MODE(MAINTENANCE), 0);
}

static void an_exercise_alone_leaves_normal_behind(void **state)
{
    (void)state;
    tell(STATUS(EXERCISE), MODE(MAINTENANCE), 0);
    start_again();
    expect(MODE(MAINTENANCE), 0);
    assert_true(modes_end_exercise(&m));
    expect(MODE(NORMAL), 0);
}

static void a_newer_order_of_reality_ends_the_one_of_an_exercise(void **state)
{
    (void)state;
    tell(STATUS(EXERCISE), MODE(MAINTENANCE), 0);
    tell(STATUS(ACTUAL), MODE(EVENT), 0);
    expect(MODE(EVENT), 0);
    assert_false(modes_end_exercise(&m));
}

static void each_ends_in_its_own_time(void **state)
{
    (void)state;
    tell(STATUS(ACTUAL), MODE(MAINTENANCE), T0 + 2);
    tell(STATUS(EXERCISE), MODE(EVENT), T0 + 1);
    assert_true(modes_due_us(&m) == T0 + 1);
    assert_false(modes_end(&m, T0));
    assert_true(modes_end(&m, T0 + 1));
    expect(MODE(MAINTENANCE), T0 + 2);
    assert_true(modes_due_us(&m) == T0 + 2);
    assert_true(modes_end(&m, T0 + 2));
    expect(MODE(NORMAL), 0);
}

static void a_file_of_before_is_of_reality(void **state)
{
    (void)state;
    assert_int_equal(read_text("3 1234\n"), ST_OK);
    assert_false(modes_end_exercise(&m));
    expect(MODE(MAINTENANCE), 1234);
}

static void a_damaged_file_tells_nothing(void **state)
{
    static const char *const texts[] = {"", "x", "3\n", "9 0 1\n", "-1 0 1\n", "3 0 1\nx\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(read_text(texts[i]), ST_INVALID);
        expect(MODE(NORMAL), 0);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(who_was_told_nothing_is_in_normal),
        T(what_an_exercise_told_ends_with_it_and_shows_what_reality_told),
        T(an_exercise_alone_leaves_normal_behind),
        T(a_newer_order_of_reality_ends_the_one_of_an_exercise),
        T(each_ends_in_its_own_time),
        T(a_file_of_before_is_of_reality),
        T(a_damaged_file_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
