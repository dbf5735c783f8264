#include "agents/sensor/detect/rain_events.h"
#include "tests/unit/sensor/detect/watch.h"

#include <math.h>

/* --- fixed gap: the storm table of a tipping bucket's own project ----------------------------- */

static size_t read_tips(struct rain_tip *out, size_t max)
{
    FILE *f = fopen("tests/data/sensors/tips.csv", "re");
    char line[200];
    size_t n = 0;

    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f)); /* names of the columns */
    while (n < max && fgets(line, sizeof(line), f)) {
        struct slice rest = slice_of(line), time;

        assert_true(slice_next(&rest, ',', &time));
        assert_true(civil_read(&out[n].time_us, "M/D/y h:m:s", time));
        out[n++].um = 200;
    }
    (void)fclose(f);
    return n;
}

static void assert_cell(struct slice *row, double value, double scale)
{
    struct slice cell;
    struct decimal d;

    assert_true(slice_next(row, ',', &cell));
    assert_true(decimal_read(&d, slice_trim(cell)));
    /* The table rounds halves to even in binary, and prints a digit more or less. */
    if (fabs(decimal_real(d) * scale - value * scale) > 0.501)
        fail_msg("%.*s in the table, %f here", (int)cell.len, cell.at, value);
}

static void assert_time(struct slice *row, int64_t time_us)
{
    struct slice cell;
    int64_t t;

    assert_true(slice_next(row, ',', &cell));
    assert_true(civil_read(&t, "Y-M-D h:m:s", slice_trim(cell)));
    assert_int_equal(t, time_us);
}

/* Peak intensities, then their times; empty where the storm is too short for them. */
static void assert_peaks(struct slice *row, const struct rain_tip *tips, const struct rain_storm *s)
{
    static const unsigned minutes[] = {5, 10, 15, 30, 60};
    bool has[5];
    double mm_h[5];
    int64_t time_us[5];
    struct slice cell;

    for (size_t i = 0; i < 5; i++) {
        has[i] = rain_storm_peak(tips, s, minutes[i], &mm_h[i], &time_us[i]);
        if (has[i])
            assert_cell(row, mm_h[i], 100);
        else
            assert_true(slice_next(row, ',', &cell) && slice_trim(cell).len == 0);
    }
    for (size_t i = 0; i < 5; i++) {
        if (has[i])
            assert_time(row, time_us[i]);
        else
            assert_true(slice_next(row, ',', &cell) && slice_trim(cell).len == 0);
    }
}

static void a_buckets_own_storm_table_is_reproduced(void **state)
{
    struct rain_tip *tips = malloc(1000 * sizeof(*tips));
    size_t count = read_tips(tips, 1000), suppressed, storms, seen = 0;
    struct rain_storm storm[32];
    FILE *f = fopen("tests/data/sensors/tips-storms-expected.csv", "re");
    char line[600];

    (void)state;
    storms = rain_storms(tips, count, llround(4.61 * 3.6e9), 200, llround(0.2 * 3.6e9), storm,
                         ARRAY_LEN(storm), &suppressed);
    assert_int_equal(count, 513);
    assert_int_equal(storms + suppressed, 15);
    assert_int_equal(suppressed, 4);
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        struct slice row = slice_of(line), name;
        const struct rain_storm *s = &storm[seen];
        double hours;

        if (strncmp(line, "Ex_Tips_", 8) != 0)
            continue;
        assert_true(seen++ < storms);
        hours = (double)(s->end_us - s->begin_us) / 3.6e9;
        assert_true(slice_next(&row, ',', &name));
        assert_time(&row, s->begin_us);
        assert_time(&row, s->end_us);
        assert_cell(&row, hours, 100);
        assert_cell(&row, (double)s->um / 1000, 10);
        assert_cell(&row, (double)s->um / 1000 / hours, 100);
        assert_peaks(&row, tips, s);
    }
    (void)fclose(f);
    assert_int_equal(seen, storms);
    free(tips);
}

/* --- CTRL-T style ----------------------------------------------------------------------------- */

struct heard {
    struct rain_event event[16];
    unsigned count;
};

static void on_event(void *arg, const struct rain_event *e)
{
    struct heard *h = arg;

    assert_true(h->count < ARRAY_LEN(h->event));
    h->event[h->count++] = *e;
}

struct wet {
    int hour;
    double mm;
};

/* Hours after the first of the month of the year 2024. */
static struct heard separate(int month, const struct wet *wet, size_t n)
{
    struct rain_events e = {.rules = rain_rules_ctrlt};
    struct heard h = {.count = 0};
    int64_t begin_us;

    assert_true(civil_us(&begin_us, 2024, month, 1, 0, 0, 0));
    for (size_t i = 0; i < n; i++)
        rain_events_hour(&e, begin_us / HOUR + wet[i].hour, llround(wet[i].mm * 1000), on_event,
                         &h);
    rain_events_end(&e, on_event, &h);
    for (unsigned i = 0; i < h.count; i++) {
        h.event[i].first -= begin_us / HOUR;
        h.event[i].last -= begin_us / HOUR;
    }
    return h;
}
#define SEPARATE(month, ...)                                                                       \
    separate(month, (const struct wet[]){__VA_ARGS__},                                             \
             ARRAY_LEN(((const struct wet[]){__VA_ARGS__})))

static void an_hour_alone_with_little_rain_is_dropped(void **state)
{
    struct heard h;

    (void)state;
    /* 0.2 mm alone; 0.2 mm beside others, with three dry hours between; 0.3 mm alone. */
    h = SEPARATE(6, {0, 0.2}, {10, 2.0}, {14, 0.2});
    assert_int_equal(h.count, 1);
    assert_int_equal(h.event[0].first, 10);
    assert_int_equal(h.event[0].last, 14);
    assert_int_equal(h.event[0].um, 2200);
    h = SEPARATE(6, {10, 2.0}, {15, 0.2}); /* four dry hours: alone in summer ... */
    assert_int_equal(h.event[0].last, 10);
    h = SEPARATE(1, {10, 2.0}, {15, 0.2}); /* ... and not in winter, up to six */
    assert_int_equal(h.event[0].last, 15);
    h = SEPARATE(1, {10, 2.0}, {18, 0.2});
    assert_int_equal(h.event[0].last, 10);
    h = SEPARATE(6, {10, 2.0}, {15, 0.3});
    assert_int_equal(h.event[0].last, 15);
}

static void a_sub_event_of_a_millimetre_is_dropped(void **state)
{
    struct heard h;

    (void)state;
    h = SEPARATE(6, {0, 0.5}, {1, 0.5}, {30, 0.6}, {31, 0.6});
    assert_int_equal(h.count, 1);
    assert_int_equal(h.event[0].first, 30);
    /* Within six dry hours it is one sub-event, and over a millimetre. */
    h = SEPARATE(6, {0, 0.5}, {1, 0.5}, {8, 0.3});
    assert_int_equal(h.count, 1);
    assert_int_equal(h.event[0].um, 1300);
    h = SEPARATE(6, {0, 0.5}, {1, 0.5}, {9, 0.3});
    assert_int_equal(h.count, 0);
}

static void two_dry_days_end_an_event_in_summer_and_four_in_winter(void **state)
{
    struct heard h;

    (void)state;
    h = SEPARATE(4, {0, 3}, {49, 3});
    assert_int_equal(h.count, 1);
    assert_int_equal(h.event[0].wet, 2);
    h = SEPARATE(10, {0, 3}, {50, 3});
    assert_int_equal(h.count, 2);
    h = SEPARATE(11, {0, 3}, {97, 3});
    assert_int_equal(h.count, 1);
    h = SEPARATE(3, {0, 3}, {98, 3});
    assert_int_equal(h.count, 2);
    assert_int_equal(h.event[1].first, 98);
}

static void the_event_that_runs_is_over_caines_line(void **state)
{
    static const char *const streams[] = {"rain 1 rain_acc millimetre -3 step=10m"};
    int64_t t = T0 - T0 % HOUR;
    const struct verdict *v;
    struct watch w;

    (void)state;
    WATCH(&w, streams, "rain.events.ctrlt 1 rain");
    v = detect_verdict(w.detect, 0);
    for (int k = 1; k <= 12; k++)
        feed(&w, 0, t + k * 10 * MINUTE, 2000); /* 12 mm/h; the line is 14.8 and then 11.3 */
    assert_true(v->over);
    assert_int_equal(v->duration_s, 7200);
    assert_int_equal(v->value, 120);
    assert_int_equal(v->threshold, 113);
    for (int k = 13; k <= 18; k++)
        feed(&w, 0, t + k * 10 * MINUTE, 0);
    assert_false(v->over); /* 8 mm/h over three hours */
    watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buckets_own_storm_table_is_reproduced),
        cmocka_unit_test(an_hour_alone_with_little_rain_is_dropped),
        cmocka_unit_test(a_sub_event_of_a_millimetre_is_dropped),
        cmocka_unit_test(two_dry_days_end_an_event_in_summer_and_four_in_winter),
        cmocka_unit_test(the_event_that_runs_is_over_caines_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
