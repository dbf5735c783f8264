/* Counts in which nobody can be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agents/ctl/cells.h"
#include "tests/lib/gen_message.h"

#include "proto/base/banned.h"

static void what_is_large_enough_is_told(void **state)
{
    uint32_t count[] = {5, 12, 400}, total[] = {417};

    (void)state;
    cells_suppress(count, 3, 1, total, 5);
    assert_int_equal(count[0], 5);
    assert_int_equal(count[2], 400);
    assert_int_equal(total[0], 417);
}

static void one_small_number_takes_the_next_with_it(void **state)
{
    uint32_t count[] = {4, 12, 7, 400}, total[] = {423};

    (void)state;
    cells_suppress(count, 4, 1, total, 5);
    assert_int_equal(count[0], 0);
    assert_int_equal(count[2], 0); /* or 423 - 412 - 7 would tell */
    assert_int_equal(count[1], 12);
    assert_int_equal(total[0], 423);
}

static void where_all_are_small_the_total_is_not_told(void **state)
{
    uint32_t count[] = {4, 0}, total[] = {4}, one[] = {3}, of_one[] = {3};

    (void)state;
    cells_suppress(count, 2, 1, total, 5);
    assert_int_equal(total[0], 0);
    cells_suppress(one, 1, 1, of_one, 5);
    assert_int_equal(of_one[0], 0);
}

static void two_places_of_which_one_is_small_tell_only_their_total(void **state)
{
    uint32_t count[] = {2, 90}, total[] = {92};

    (void)state;
    cells_suppress(count, 2, 1, total, 5);
    assert_int_equal(count[1], 0);
    assert_int_equal(total[0], 92);
}

/* Whoever has the told numbers and the total: what is missing is of two places at least and no less
 * than five together. */
static void no_table_gives_a_small_number_away(void **state)
{
    enum { TABLES = 20000, ROWS = 8, COLUMNS = 3 };
    struct gen g;

    (void)state;
    gen_seed(&g, 5);
    for (unsigned t = 0; t < TABLES; t++) {
        uint32_t count[ROWS * COLUMNS], total[COLUMNS] = {0};
        size_t rows = 1 + gen_below(&g, ROWS);

        for (size_t i = 0; i < rows * COLUMNS; i++) {
            count[i] = (uint32_t)gen_below(&g, gen_below(&g, 2) ? 8 : 60);
            total[i % COLUMNS] += count[i];
        }
        cells_suppress(count, rows, COLUMNS, total, 5);
        for (size_t c = 0; c < COLUMNS; c++) {
            uint32_t told = 0;
            size_t missing = 0;

            for (size_t i = 0; i < rows; i++) {
                uint32_t n = count[i * COLUMNS + c];

                assert_true(n == 0 || n >= 5);
                told += n;
                missing += n == 0;
            }
            assert_true(total[c] == 0 || total[c] >= 5);
            if (total[c] && missing)
                assert_true(missing >= 2 && total[c] - told >= 5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_large_enough_is_told),
        cmocka_unit_test(one_small_number_takes_the_next_with_it),
        cmocka_unit_test(where_all_are_small_the_total_is_not_told),
        cmocka_unit_test(two_places_of_which_one_is_small_tell_only_their_total),
        cmocka_unit_test(no_table_gives_a_small_number_away),
    };

    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
