/* Tables as they come: real ones, and those of the HXL project's own tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/link/hxl.h"
#include "agents/link/json_input.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    return arena_create(&arena, 16u << 20) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static enum status parse(struct hxl *t, const char *text, char *err, size_t err_size)
{
    return hxl_parse(t, text, strlen(text), arena, err, err_size);
}

static enum status parse_file(struct hxl *t, const char *name, char *err, size_t err_size)
{
    struct buf b = {0};
    char path[200];
    enum status st;

    snprintf(path, sizeof(path), "tests/data/hxl/%s", name);
    assert_int_equal(input_read(&b, path, err, err_size), ST_OK);
    st = hxl_parse(t, (const char *)b.data, b.len, arena, err, err_size);
    buf_free(&b);
    return st;
}

static void check_unhcr(const struct hxl *t)
{
    assert_int_equal(t->row_count, 4);
    assert_string_equal(t->rows[0][hxl_find(t, "#org")], "ACNUR");
    assert_string_equal(t->rows[0][hxl_find(t, "#country")], "Panamá");
    assert_string_equal(t->rows[2][hxl_find(t, "#adm1")], "Chocó");
    assert_string_equal(t->rows[3][hxl_find(t, "#targeted+m")], "95");
}

static void commas_tabs_and_latin1_give_the_same_table(void **state)
{
    static const char *const files[] = {"input-valid.csv", "input-valid.tsv",
                                        "input-valid-latin1.csv"};
    struct hxl t;
    char err[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_int_equal(parse_file(&t, files[i], err, sizeof(err)), ST_OK);
        check_unhcr(&t);
    }
}

static void a_cell_may_hold_line_ends_and_quotes(void **state)
{
    struct hxl t;
    char err[400];

    (void)state;
    assert_int_equal(parse_file(&t, "input-multiline.csv", err, sizeof(err)), ST_OK);
    assert_int_equal(t.row_count, 1);
    assert_string_equal(t.rows[0][0], "Line 1\nLine 2\nLine 3");
    assert_int_equal(parse(&t, "#loc,#org\n\"a \"\"b\"\", c\",d\r\n\n,e\r\n", err, sizeof(err)),
                     ST_OK);
    assert_int_equal(t.row_count, 2);
    assert_string_equal(t.rows[0][0], "a \"b\", c");
    assert_string_equal(t.rows[1][1], "e");
    assert_int_equal(t.lines[0], 2);
    assert_int_equal(t.lines[1], 4);
}

static void tags_stand_below_any_headings_and_name_them(void **state)
{
    struct hxl t;
    char err[400];

    (void)state;
    assert_int_equal(parse_file(&t, "input-multiple-headers.csv", err, sizeof(err)), ST_OK);
    assert_int_equal(t.row_count, 2);
    assert_string_equal(t.columns[3].header, "Number affected");
    assert_string_equal(t.columns[1].tag, "");
    assert_string_equal(t.rows[1][3], "200");
}

static void a_table_without_a_row_of_tags_is_refused(void **state)
{
    static const char *const files[] = {"input-untagged.csv", "input-invalid.csv",
                                        "input-fuzzy.csv"};
    struct hxl t;
    char err[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_int_equal(parse_file(&t, files[i], err, sizeof(err)), ST_INVALID);
        assert_non_null(strstr(err, "HXL tags"));
    }
    assert_int_equal(parse(&t, "", err, sizeof(err)), ST_INVALID);
    assert_int_equal(hxl_parse(&t, "#a\0,", 4, arena, err, sizeof(err)), ST_INVALID);
}

static void tags_are_looked_for_in_25_rows_and_no_further(void **state)
{
    char text[400] = "", err[400];
    struct hxl t;

    (void)state;
    for (int i = 0; i < 24; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "x%d\n", i);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "#loc\nAyni\n");
    assert_int_equal(parse(&t, text, err, sizeof(err)), ST_OK);
    assert_int_equal(t.row_count, 1);
    memmove(text + 2, text, strlen(text) + 1);
    memcpy(text, "y\n", 2);
    assert_int_equal(parse(&t, text, err, sizeof(err)), ST_INVALID);
}

static void the_camps_of_haiti_are_352_and_nobody_is_named(void **state)
{
    struct hxl t;
    char err[400];

    (void)state;
    assert_int_equal(parse_file(&t, "iom_haiti_dtm_camps.hxl.csv", err, sizeof(err)), ST_OK);
    assert_int_equal(t.row_count, 352);
    assert_string_equal(t.rows[0][hxl_find(&t, "#households_num")], "52");
    assert_string_equal(t.rows[0][hxl_find(&t, "#adm5")], "Rue Chareron, Bicentenaire");
    assert_true(t.columns[hxl_find(&t, "#name")].personal);
    assert_true(t.columns[hxl_find(&t, "#phone")].personal);
    assert_true(t.columns[hxl_find(&t, "#email")].personal);
    assert_false(t.columns[hxl_find(&t, "#loc")].personal);
}

static void a_pattern_asks_for_its_attributes_in_any_order(void **state)
{
    (void)state;
    assert_true(hxl_matches("#adm2+code", "#adm2+code"));
    assert_true(hxl_matches("#adm2+code", "#adm2+v_pcode+code"));
    assert_false(hxl_matches("#adm2+code", "#adm2"));
    assert_false(hxl_matches("#adm2+code", "#adm2+codes"));
    assert_false(hxl_matches("#adm", "#adm2"));
    assert_true(hxl_matches("#affected", "#affected+f"));
}

static void cells_of_people_are_emptied_and_places_keep_their_names(void **state)
{
    struct hxl t;
    char err[400];

    (void)state;
    assert_int_equal(
        parse(&t,
              "#contact+name,#household+name,#adm2+name,#org+contact+phone,#loc +Name\n"
              "A,B,Ayni,+992,Gusar\n",
              err, sizeof(err)),
        ST_OK);
    assert_string_equal(t.rows[0][0], "");
    assert_string_equal(t.rows[0][1], "");
    assert_string_equal(t.rows[0][2], "Ayni");
    assert_string_equal(t.rows[0][3], "");
    assert_string_equal(t.rows[0][4], "Gusar");
}

static void short_rows_are_filled_and_too_many_columns_refused(void **state)
{
    static char wide[4000];
    struct hxl t;
    char err[400];

    (void)state;
    assert_int_equal(parse(&t, "#loc,#org,#adm1\nAyni\n", err, sizeof(err)), ST_OK);
    assert_string_equal(t.rows[0][2], "");
    memset(wide, ',', HXL_COLUMNS_MAX);
    assert_int_equal(parse(&t, wide, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "columns"));
}

static void it_survives_every_failed_allocation(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned long n = 1; st != ST_OK && n < 1000; n++) {
        struct hxl t;
        char err[400];

        arena_reset(arena);
        mem_fail_at(n);
        st = parse(&t, "#loc,#org\n\"a\",b\nc,d\n", err, sizeof(err));
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    assert_int_equal(st, ST_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(commas_tabs_and_latin1_give_the_same_table),
        TEST(a_cell_may_hold_line_ends_and_quotes),
        TEST(tags_stand_below_any_headings_and_name_them),
        TEST(a_table_without_a_row_of_tags_is_refused),
        TEST(tags_are_looked_for_in_25_rows_and_no_further),
        TEST(the_camps_of_haiti_are_352_and_nobody_is_named),
        TEST(a_pattern_asks_for_its_attributes_in_any_order),
        TEST(cells_of_people_are_emptied_and_places_keep_their_names),
        TEST(short_rows_are_filled_and_too_many_columns_refused),
        TEST(it_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
