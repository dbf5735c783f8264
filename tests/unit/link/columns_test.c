/* Cells stand under their headings, in letters of any alphabet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/link/columns.h"

#include "proto/base/banned.h"

static void cells_stand_under_their_headings(void **state)
{
    static const char *const headings[] = {"КОМУ", "BY", "WHY"};
    struct columns c;
    struct buf out = {0};

    (void)state;
    columns_begin(&c, headings, 3);
    columns_put(&c, "rcst");
    columns_put(&c, "bus\n");
    columns_put(&c, "");
    columns_put(&c, "я");
    columns_put(&c, NULL);
    columns_put(&c, "x");
    columns_end(&c, &out);
    buf_put(&out, "", 1);
    assert_string_equal((char *)out.data, "КОМУ  BY       WHY\n"
                                          "rcst  bus\\x0a  -\n"
                                          "я     -        x\n");
    buf_free(&out);
}

static void without_rows_there_is_nothing_to_show(void **state)
{
    static const char *const headings[] = {"A", "B"};
    struct columns c;
    struct buf out = {0};

    (void)state;
    columns_begin(&c, headings, 2);
    columns_end(&c, &out);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_stand_under_their_headings),
        cmocka_unit_test(without_rows_there_is_nothing_to_show),
    };

    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
