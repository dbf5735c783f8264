#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agents/sensor/input/formats.h"
#include "proto/base/mem.h"
#include "tests/lib/gen_message.h"

#define DEMO    "deploy/demo/data/"
#define SENSORS "tests/data/sensors/"
#define FLAG(w) EOCBUS__V1__QUALITY__QUALITY_##w
#define RAIN    EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_ACC

static int64_t at(const char *text)
{
    int64_t t;
    bool zoned;

    assert_true(civil_any(&t, &zoned, slice_of(text)));
    return t;
}

struct seen {
    unsigned records, bad, nothing, holes, back;
    int64_t first_us, last_us, peak_us;
    int64_t peak, sum; /* scaled to 10^-3 */
    uint32_t flags;
};

static void look_at(struct seen *seen, const struct reader *r, const struct record *rec,
                    unsigned column)
{
    struct decimal d = rec->field[column].value;
    int64_t v = 0;

    assert_true(format_value(r->format, RAIN, &d));
    assert_true(decimal_scale(&v, d, -3));
    if (!seen->records)
        seen->first_us = rec->time_us;
    else if (rec->time_us < seen->last_us)
        seen->back++;
    else if (r->format->step_s && rec->time_us - seen->last_us > r->format->step_s * 1000000ll)
        seen->holes++;
    if (v > seen->peak) {
        seen->peak = v;
        seen->peak_us = rec->time_us;
    }
    seen->sum += v;
    seen->flags |= rec->field[column].flags;
    seen->last_us = rec->time_us;
    seen->records++;
}

static struct seen read_file(const char *format, const char *path, unsigned column)
{
    struct seen seen = {0};
    struct reader r;
    struct record rec;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    reader_begin(&r, format_find(slice_of(format)));
    while ((n = getline(&line, &cap, f)) > 0) {
        enum status st = reader_line(&r, line, (size_t)n, &rec);

        if (st == ST_OK)
            look_at(&seen, &r, &rec, column);
        seen.nothing += st == ST_NOTFOUND;
        seen.bad += st == ST_INVALID;
    }
    free(line);
    fclose(f);
    return seen;
}

static void the_stage_of_sheffield_peaks_where_the_agency_says(void **state)
{
    struct seen s = read_file("ea-stage", DEMO "sheffield-hadfields-stage.csv", 1);

    (void)state;
    assert_int_equal(s.records, 2976);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.peak, 4675);
    assert_int_equal(s.peak_us, at("2007-06-25 18:30:00"));
    assert_int_equal(s.first_us, at("2007-06-10 00:00:00"));
    assert_int_equal(s.holes, 0);
    assert_int_equal(s.flags, 0);
}

static void
the_flow_file_is_read_over_its_damaged_header_and_says_what_was_extrapolated(void **state)
{
    struct seen s = read_file("ea-flow", DEMO "sheffield-hadfields-flow.csv", 1);

    (void)state;
    assert_int_equal(s.records, 2976);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.peak, 259000);
    assert_int_equal(s.peak_us, at("2007-06-25 18:30:00")); /* and stays there until 19:15 */
    assert_int_equal(s.flags, FLAG(ESTIMATED) | FLAG(SUSPECT));
}

static void the_rain_of_mukilteo_keeps_its_hole_and_its_jump_back(void **state)
{
    struct seen s = read_file("usgs-rain", DEMO "waMVD116_rain.txt", 5);

    (void)state;
    assert_int_equal(s.records, 13082);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.holes, 1);
    assert_int_equal(s.back, 1);
    assert_int_equal(s.peak, 4826); /* 0.19 inch */
    assert_int_equal(s.peak_us, at("2015-11-17 14:15:00"));
}

static void the_two_week_tables_have_their_columns(void **state)
{
    struct seen a = read_file("usgs-14d", DEMO "waMVD116_14d.txt", 5);
    struct seen b = read_file("usgs-14d", DEMO "waWatertonA_14d.txt", 6);

    (void)state;
    assert_int_equal(a.records, 1344);
    assert_int_equal(b.records, 1344);
    assert_int_equal(a.bad + b.bad + a.holes + b.holes, 0);
    assert_int_equal(a.first_us, at("2015-12-18 00:00:00"));
    assert_int_equal(a.sum % 254, 0); /* whole tips of 0.254 mm */
    assert_true(a.sum > 0 && b.sum > 0);
}

static void a_plain_table_with_a_header_is_read(void **state)
{
    struct seen s = read_file("csv", SENSORS "brague-biot-2015-10-03-discharge.csv", 1);

    (void)state;
    assert_int_equal(s.records, 39);
    assert_int_equal(s.nothing, 1);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.first_us, at("2015-10-03 18:45:20"));
    assert_int_equal(s.peak, 240000);
}

static void tips_add_up_to_what_the_bucket_counted(void **state)
{
    struct seen s = read_file("tips", SENSORS "tips.csv", 1);

    (void)state;
    assert_int_equal(s.records, 513);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.sum, 512 * 200);
    assert_int_equal(s.first_us, at("2024-06-26 13:59:36"));
}

static enum status one(const char *format, const char *const *lines, size_t n, struct record *out)
{
    enum status st = ST_NOTFOUND;
    struct reader r;

    reader_begin(&r, format_find(slice_of(format)));
    for (size_t i = 0; i < n; i++)
        st = reader_line(&r, lines[i], strlen(lines[i]), out);
    return st;
}

static void nonsense_is_kept_in_its_place_with_a_flag(void **state)
{
    const char *nan[] = {"2015 08 17 18 15 NaN"}, *empty[] = {"2015 08 17 18 15"};
    const char *ea[] = {"Time stamp,Value", "25/06/2007 18:30:00,---,S"};
    const char *time[] = {"2015 13 17 18 15 0"},
               *tips[] = {"06/26/24 13:59:36,7", "06/26/24 14:00:00,2"};
    struct record rec;

    (void)state;
    assert_int_equal(one("usgs-rain", nan, 1, &rec), ST_OK);
    assert_int_equal(rec.field[5].flags, FLAG(MISSING) | FLAG(BAD));
    assert_int_equal(one("usgs-rain", empty, 1, &rec), ST_OK);
    assert_int_equal(rec.field[5].flags, FLAG(MISSING));
    assert_int_equal(one("ea-stage", ea, 2, &rec), ST_OK);
    assert_int_equal(rec.field[1].flags, FLAG(MISSING) | FLAG(BAD) | FLAG(SUSPECT));
    assert_int_equal(one("usgs-rain", time, 1, &rec), ST_INVALID);
    assert_int_equal(one("tips", tips, 2, &rec), ST_OK);
    assert_int_equal(rec.field[1].flags, FLAG(SUSPECT));
    assert_int_equal(rec.field[1].value.m, 2);
}

static void numbers_are_read_without_losing_a_digit(void **state)
{
    static const struct {
        const char *text;
        int exponent;
        int64_t want;
        bool fits;
    } rows[] = {
        {"1.284", -3, 1284, true},
        {"-0.0005", -3, -1, true},
        {"0.0004", -3, 0, true},
        {"4.15841584158416", -3, 4158, true},
        {"999999999999999999999", -3, 0, false},
        {"1e9", -3, 1000000000000, true},
        {"1e10", -3, 0, false},
        {"1E-999", 0, 0, true},
        {"0e999", 0, 0, true},
        {"00000000000000000000000000000000000001", 0, 1, true},
        {".5", -1, 5, true},
    };
    static const char *const none[] = {"",     "-",   ".",  "1.2.3", "1e",      "1e+",
                                       "0x10", "nan", "1 ", "--1",   "1e99999", "1,5"};
    struct decimal d;
    int64_t v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(decimal_read(&d, slice_of(rows[i].text)));
        assert_int_equal(decimal_scale(&v, d, rows[i].exponent), rows[i].fits);
        if (rows[i].fits)
            assert_int_equal(v, rows[i].want);
    }
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_false(decimal_read(&d, slice_of(none[i])));
}

static void no_spoiled_line_breaks_a_reader(void **state)
{
    static const char *const good[] = {
        "2015-12-18 00:00:00\t11738\t12.89\t4.279\t0.568\t1\t0.213\t0.248",
        "2015 \t 08 \t 17 \t 18 \t 15 \t 0.01",
        "25/06/2007 18:30:00,4.675,G;Ed,102,34.883,G,102,,\"x\"",
        "2015-10-03 18:45:20,4.15841584158416",
        "06/26/24 14:04:20,1,",
    };
    uint8_t line[4096];
    struct gen g;

    (void)state;
    gen_seed(&g, 20100807);
    for (size_t f = 0; format_at(f); f++) {
        struct reader r;

        reader_begin(&r, format_at(f));
        r.in_body = true;
        for (int i = 0; i < 20000; i++) {
            const char *from = good[gen_below(&g, ARRAY_LEN(good))];
            size_t len = strlen(from);
            struct record rec;
            uint8_t *exact;

            memcpy(line, from, len);
            for (uint64_t k = gen_below(&g, 4); k > 0; k--)
                len = gen_mutate(&g, line, len, sizeof(line));
            /* On the heap and no byte longer, so that reading past it is seen. */
            exact = malloc(len ? len : 1);
            memcpy(exact, line, len);
            enum status st = reader_line(&r, (const char *)exact, len, &rec);
            assert_true(st == ST_OK || st == ST_NOTFOUND || (st == ST_INVALID && *r.err));
            for (unsigned c = 0; st == ST_OK && c < RECORD_FIELDS; c++) {
                struct decimal d = rec.field[c].value;
                int64_t v;

                if (format_value(r.format, RAIN, &d))
                    (void)!decimal_scale(&v, d, -3);
            }
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stage_of_sheffield_peaks_where_the_agency_says),
        cmocka_unit_test(
            the_flow_file_is_read_over_its_damaged_header_and_says_what_was_extrapolated),
        cmocka_unit_test(the_rain_of_mukilteo_keeps_its_hole_and_its_jump_back),
        cmocka_unit_test(the_two_week_tables_have_their_columns),
        cmocka_unit_test(a_plain_table_with_a_header_is_read),
        cmocka_unit_test(tips_add_up_to_what_the_bucket_counted),
        cmocka_unit_test(nonsense_is_kept_in_its_place_with_a_flag),
        cmocka_unit_test(numbers_are_read_without_losing_a_digit),
        cmocka_unit_test(no_spoiled_line_breaks_a_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
