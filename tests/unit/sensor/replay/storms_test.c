#include "agents/sensor/replay/storms.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {"bucket.rain 1 rain_acc millimetre -3",
                                      "bucket.stage 2 stage metre -3"};
#define TIPS "tips tests/data/sensors/tips.csv "

static enum status print(const char *line, bool csv, char **text, char err[400])
{
    char *items[] = {(char *)line};
    const struct conf_list records = {items, 1};
    struct storms_settings set;
    struct desk d;
    size_t size;
    FILE *f = open_memstream(text, &size);
    enum status st;

    assert_non_null(f);
    assert_true(storms_read(&set, "16596s,0.2,12m"));
    desk_open(&d, streams, ARRAY_LEN(streams));
    st = storms_print(&set, &d.station, &records, 0, csv, f, err, 400);
    assert_int_equal(fclose(f), 0);
    desk_close(&d);
    return st;
}

/* One cell of theirs beside one of ours: the same number, or the same text. */
static void assert_same(struct slice theirs, struct slice ours)
{
    struct decimal a, b;

    if (decimal_read(&a, theirs) && decimal_read(&b, ours))
        assert_true(decimal_real(a) == decimal_real(b));
    else
        assert_true(theirs.len == ours.len && memcmp(theirs.at, ours.at, ours.len) == 0);
}

/* Theirs: name, begin, end, hours, depth, mean, five peaks, five times; ours has each peak beside
 * its time. */
static void compare_row(const char *theirs, const char *ours)
{
    struct slice their[16], our[15], rest = slice_trim(slice_of(theirs));
    static const unsigned place[] = {0, 1, 2, 3, 4, 5, 7, 9, 11, 13, 6, 8, 10, 12, 14};

    for (size_t i = 0; i < ARRAY_LEN(their); i++)
        assert_true(slice_next(&rest, ',', &their[i]));
    rest = (struct slice){ours, strcspn(ours, "\r")};
    for (size_t i = 0; i < ARRAY_LEN(our); i++)
        assert_true(slice_next(&rest, ',', &our[i]));
    for (size_t i = 0; i < ARRAY_LEN(place); i++)
        assert_same(their[i + 1], our[place[i]]);
}

static void the_storm_table_of_others_is_printed_again(void **state)
{
    FILE *f = fopen("tests/data/sensors/tips-storms-expected.csv", "re");
    char err[400] = "", line[600], *text = NULL, *ours;
    unsigned rows = 0;

    (void)state;
    assert_non_null(f);
    assert_int_equal(print(TIPS "bucket.rain", true, &text, err), ST_OK);
    ours = text;
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, "Ex_Tips_", 8) != 0)
            continue;
        ours = strchr(ours, '\n');
        assert_non_null(ours);
        compare_row(line, ++ours);
        rows++;
    }
    assert_int_equal(rows, 11);
    assert_int_equal(fclose(f), 0);
    free(text);
    assert_int_equal(print(TIPS "bucket.rain", false, &text, err), ST_OK);
    assert_non_null(strstr(text, "11 storms, 4 left out"));
    free(text);
}

static void what_is_no_rain_has_no_storms(void **state)
{
    char err[400] = "", *text = NULL;

    (void)state;
    assert_int_equal(print(TIPS "bucket.stage", false, &text, err), ST_INVALID);
    assert_string_equal(err, "bucket.stage is no rain_acc");
    free(text);
    assert_int_equal(print("tips /nowhere bucket.rain", false, &text, err), ST_IO);
    free(text);
}

static void a_gap_is_read_with_what_is_left_out(void **state)
{
    struct storms_settings set;

    (void)state;
    assert_true(storms_read(&set, "6h"));
    assert_true(set.gap_us == 360 * MINUTE && set.more_than_um == 0 && set.longer_than_us == 0);
    assert_true(storms_read(&set, "6h,0.2,12m"));
    assert_true(set.more_than_um == 200 && set.longer_than_us == 12 * MINUTE);
    assert_false(storms_read(&set, ""));
    assert_false(storms_read(&set, "6h,much"));
    assert_false(storms_read(&set, "6h,1,soon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_storm_table_of_others_is_printed_again),
        cmocka_unit_test(what_is_no_rain_has_no_storms),
        cmocka_unit_test(a_gap_is_read_with_what_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
