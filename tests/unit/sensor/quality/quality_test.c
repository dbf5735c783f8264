#include "agents/sensor/quality/quality.h"
#include "tests/unit/sensor/desk.h"

#define HOUR (60 * MINUTE)
#define DAY  (24 * HOUR)

static const char *const streams[] = {
    "stage 1 stage metre -3 step=1s",
    "rain 2 rain_acc millimetre -1 step=1m",
    "geo 3 gv_imp per_second 0 step=1s",
    "air 4 air_t degree_celsius -1 step=10m",
    "rms 5 gv_rms metre_per_second -6",
    "wire 6 tripwire one 0",
    "pressure 7 stage_rate metre_per_minute -3",
};
enum { STAGE, RAIN, GEO, AIR, RMS, WIRE, OTHER };

struct bench {
    struct desk desk;
    struct quality q;
};

static void open_bench(struct bench *b, const char *line)
{
    char *one[] = {(char *)line};
    struct conf_list lines = {one, line ? 1 : 0};
    char err[400] = "";

    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    if (quality_read(&b->q, &b->desk.station, &lines, MINUTE, 10 * MINUTE, err, sizeof(err)) !=
        ST_OK)
        fail_msg("%s", err);
}

/* Of a sample that comes in when it was taken. */
static uint32_t judge(struct bench *b, unsigned stream, int64_t t, int64_t value)
{
    struct sample s = {t, value, 0};

    quality_judge(&b->q, stream, &s, t);
    assert_int_equal(s.time_us, t);
    assert_int_equal(s.value, value);
    return s.flags;
}

static uint32_t judge_at(struct bench *b, unsigned stream, int64_t t, int64_t now)
{
    struct sample s = {t, 7, 0};

    quality_judge(&b->q, stream, &s, now);
    return s.flags;
}

static void values_outside_the_range_of_the_type_are_flagged(void **state)
{
    static const struct {
        unsigned stream;
        int64_t value;
        uint32_t flags;
    } rows[] = {
        {STAGE, -1000, 0},
        {STAGE, -1001, FLAG(OUT_OF_RANGE)},
        {STAGE, 20001, FLAG(OUT_OF_RANGE)},
        {RAIN, 0, 0},
        {RAIN, -1, FLAG(OUT_OF_RANGE)},
        {RAIN, 500, 0},
        {RAIN, 501, FLAG(OUT_OF_RANGE)},
        {WIRE, 2, FLAG(OUT_OF_RANGE)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;

        open_bench(&b, NULL);
        assert_int_equal(judge(&b, rows[i].stream, T0, rows[i].value), rows[i].flags);
        desk_close(&b.desk);
    }
}

static void the_same_time_twice_is_suspect_and_an_earlier_one_was_filled_in(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, NULL);
    assert_int_equal(judge(&b, STAGE, T0, 400), 0);
    assert_int_equal(judge(&b, STAGE, T0, 400), FLAG(SUSPECT));
    assert_int_equal(judge(&b, STAGE, T0 - 2 * SECOND, 400), FLAG(BACKFILLED));
    assert_int_equal(judge(&b, STAGE, T0 - SECOND, 400), FLAG(BACKFILLED));
    assert_int_equal(judge(&b, STAGE, T0 + SECOND, 400), 0);
    assert_int_equal(quality_last_us(&b.q, STAGE), T0 + SECOND);
    assert_int_equal(quality_last_us(&b.q, RAIN), INT64_MIN);
    desk_close(&b.desk);
}

static void what_comes_in_late_in_its_order_was_filled_in(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, NULL);
    assert_int_equal(judge_at(&b, GEO, T0, T0 + 10 * MINUTE), 0);
    assert_int_equal(judge_at(&b, GEO, T0 + 1000, T0 + 10 * MINUTE + 2000), FLAG(BACKFILLED));
    assert_int_equal(judge_at(&b, GEO, T0 + HOUR, T0 + HOUR), 0);
    desk_close(&b.desk);
}

static void a_clock_that_is_ahead_or_a_month_behind_is_not_believed(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, NULL);
    assert_int_equal(judge_at(&b, GEO, T0 + MINUTE, T0), 0);
    assert_int_equal(judge_at(&b, GEO, T0 + MINUTE + 1000, T0), FLAG(CLOCK_SUSPECT));
    assert_int_equal(judge_at(&b, GEO, T0 - 32 * DAY, T0), FLAG(CLOCK_SUSPECT));
    /* Neither makes what follows late. */
    assert_int_equal(judge_at(&b, GEO, T0 + MINUTE + 2000, T0 + MINUTE), 0);
    /* A record that is played again has its own time. */
    assert_int_equal(judge_at(&b, AIR, T0 - 900 * DAY, 0), 0);
    desk_close(&b.desk);
}

static void a_single_value_away_from_its_neighbours_is_a_spike(void **state)
{
    static const int64_t values[] = {400, 402, 401, 403, 1900, 402, 400};
    struct bench b;

    (void)state;
    open_bench(&b, NULL);
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_int_equal(judge(&b, STAGE, T0 + (int64_t)i * SECOND, values[i]),
                         values[i] == 1900 ? FLAG(SPIKE) | FLAG(SUSPECT) : 0);
    desk_close(&b.desk);
}

static void a_change_that_is_too_fast_is_suspect(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, "stage rise=0.5 spike=0");
    assert_int_equal(judge(&b, STAGE, T0, 400), 0);
    assert_int_equal(judge(&b, STAGE, T0 + SECOND, 901), 0);
    assert_int_equal(judge(&b, STAGE, T0 + 2 * SECOND, 1403), FLAG(SUSPECT));
    assert_int_equal(judge(&b, STAGE, T0 + 3 * SECOND, 900), FLAG(SUSPECT));
    assert_int_equal(judge(&b, STAGE, T0 + 5 * SECOND, 1900), 0);
    desk_close(&b.desk);
}

static void a_channel_that_never_moves_is_stuck_if_its_kind_does(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, "air stuck=1h");
    for (int64_t t = 0; t < HOUR; t += 10 * MINUTE) {
        assert_int_equal(judge(&b, AIR, T0 + t, 215), 0);
        assert_int_equal(judge(&b, STAGE, T0 + t, 215), 0);
        assert_int_equal(judge(&b, WIRE, T0 + t, 1), 0);
    }
    assert_int_equal(judge(&b, AIR, T0 + HOUR, 215), FLAG(STUCK) | FLAG(SUSPECT));
    assert_int_equal(judge(&b, AIR, T0 + HOUR + 1000, 216), 0);
    assert_int_equal(judge(&b, AIR, T0 + 2 * HOUR, 216), 0);
    for (int64_t t = HOUR; t < 90 * DAY; t += DAY) {
        assert_int_equal(judge(&b, STAGE, T0 + t, 215), 0);
        assert_int_equal(judge(&b, WIRE, T0 + t, 1), 0);
        assert_int_equal(judge(&b, RAIN, T0 + t, 0), 0);
    }
    desk_close(&b.desk);
}

static void what_is_missing_or_wrong_by_its_own_word_compares_with_nothing(void **state)
{
    struct sample gone = {T0 + 3 * SECOND, 0, FLAG(MISSING)};
    struct sample wrong = {T0 + 4 * SECOND, 9000, FLAG(BAD)};
    struct bench b;

    (void)state;
    open_bench(&b, NULL);
    for (int64_t t = 0; t < 3; t++)
        assert_int_equal(judge(&b, STAGE, T0 + t * SECOND, 400), 0);
    quality_judge(&b.q, STAGE, &gone, gone.time_us);
    assert_int_equal(gone.flags, FLAG(MISSING));
    quality_judge(&b.q, STAGE, &wrong, wrong.time_us);
    assert_int_equal(wrong.flags, FLAG(BAD));
    assert_int_equal(judge(&b, STAGE, T0 + 5 * SECOND, 401), 0);
    desk_close(&b.desk);
}

/* The front of a mudflow: metres in a second, stones against the geophone, a wire that is cut. */
static void a_mudflow_is_seen_by_its_detector_whatever_it_looks_like(void **state)
{
    char *lines[] = {(char *)"stage.level 1 stage line=1.500",
                     (char *)"stage.rate 1 stage line=0.5"};
    struct conf_list detectors = {lines, 2};
    struct detect detect;
    struct bench b;
    char err[400];
    uint32_t seen = 0;

    (void)state;
    open_bench(&b, NULL);
    assert_int_equal(detect_read(&detect, &b.desk.station, &detectors, 1800 * SECOND, b.desk.arena,
                                 err, sizeof(err)),
                     ST_OK);
    for (int64_t t = 0; t < 70; t++) {
        struct sample s = {T0 + t * SECOND, t < 60 ? 400 : t % 2 ? 12000 : 3000, 0};

        quality_judge(&b.q, STAGE, &s, s.time_us);
        seen |= s.flags;
        detect_sample(&detect, STAGE, &s);
    }
    assert_int_equal(seen, FLAG(SPIKE) | FLAG(SUSPECT));
    assert_int_equal(detect.level, LEVEL(ALARM));
    for (int64_t t = 0; t < 300; t++)
        assert_int_equal(judge(&b, GEO, T0 + t * SECOND, t % 7 == 0 ? 250 : 0), 0);
    assert_int_equal(judge(&b, RMS, T0, 3), 0);
    assert_int_equal(judge(&b, RMS, T0 + SECOND, 99000), 0);
    desk_close(&b.desk);
}

static void no_flag_is_ever_taken_away_and_nothing_is_called_bad(void **state)
{
    uint64_t random = 42;
    struct bench b;

    (void)state;
    open_bench(&b, NULL);
    for (int i = 0; i < 20000; i++) {
        struct sample s;
        uint32_t own;

        random = random * 6364136223846793005u + 1442695040888963407u;
        s = (struct sample){T0 + (int64_t)(random >> 40) * 1000, (int64_t)(random >> 20) % 30000,
                            i % 9 == 0 ? FLAG(LOW_POWER) : 0};
        own = s.flags;
        quality_judge(&b.q, (unsigned)(random >> 33) % ARRAY_LEN(streams), &s,
                      T0 + (int64_t)(random >> 38) * 100);
        assert_int_equal(s.flags & own, own);
        assert_false(s.flags & (FLAG(BAD) | FLAG(MISSING) | FLAG(GOOD)));
    }
    desk_close(&b.desk);
}

static void a_line_that_is_wrong_is_told_what_is_legal(void **state)
{
    static const char *const wrong[] = {
        "",
        "nowhere rise=1",
        "stage rise=-1",
        "stage rise=fast",
        "stage stuck=never",
        "stage spikes=2",
    };
    struct desk desk;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *one[] = {(char *)wrong[i]}, err[400] = "";
        struct conf_list lines = {one, 1};
        struct quality q;

        assert_int_equal(quality_read(&q, &desk.station, &lines, 0, 0, err, sizeof(err)),
                         ST_INVALID);
        assert_non_null(strstr(err, "quality = "));
    }
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_outside_the_range_of_the_type_are_flagged),
        cmocka_unit_test(the_same_time_twice_is_suspect_and_an_earlier_one_was_filled_in),
        cmocka_unit_test(what_comes_in_late_in_its_order_was_filled_in),
        cmocka_unit_test(a_clock_that_is_ahead_or_a_month_behind_is_not_believed),
        cmocka_unit_test(a_single_value_away_from_its_neighbours_is_a_spike),
        cmocka_unit_test(a_change_that_is_too_fast_is_suspect),
        cmocka_unit_test(a_channel_that_never_moves_is_stuck_if_its_kind_does),
        cmocka_unit_test(what_is_missing_or_wrong_by_its_own_word_compares_with_nothing),
        cmocka_unit_test(a_mudflow_is_seen_by_its_detector_whatever_it_looks_like),
        cmocka_unit_test(no_flag_is_ever_taken_away_and_nothing_is_called_bad),
        cmocka_unit_test(a_line_that_is_wrong_is_told_what_is_legal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
