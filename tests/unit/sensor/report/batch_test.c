#include "agents/sensor/report/batch.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "stage 1 stage metre -3 step=1m",
    "rain 2 rain_acc millimetre -1 step=1m",
};

struct bench {
    struct desk desk;
    struct batch *batch;
};

static void open_bench(struct bench *b, size_t samples, int64_t period_us)
{
    static const unsigned both[] = {0, 1};

    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    assert_int_equal(batch_create(&b->batch, &b->desk.station, both, 2, samples, period_us), ST_OK);
}

static void close_bench(struct bench *b)
{
    batch_destroy(b->batch);
    desk_close(&b->desk);
}

static enum status add(struct bench *b, unsigned channel, int64_t t, int64_t value)
{
    struct sample row[2] = {{t, value, 0}, {t, value, 0}};
    bool given[2] = {channel == 0, channel == 1};

    return batch_row(b->batch, row, given, 0, &b->desk.speaker);
}

static void a_full_channel_makes_a_message_with_all_of_them(void **state)
{
    struct sample s[8];
    struct bench b;

    (void)state;
    open_bench(&b, 3, 3600 * SECOND);
    assert_int_equal(add(&b, 1, T0, 5), ST_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(add(&b, 0, T0 + i * MINUTE, 100 + i), ST_OK);
    assert_int_equal(b.desk.count, 0); /* the other one may still come to this minute */
    assert_int_equal(add(&b, 0, T0 + 3 * MINUTE, 103), ST_OK);
    assert_int_equal(b.desk.count, 1);
    assert_int_equal(desk_said(&b.desk, 0)->observation_batch->n_series, 2);
    assert_int_equal(desk_samples(&b.desk, 0, 0, s, 8), 3);
    assert_int_equal(s[2].value, 102);
    assert_int_equal(s[2].time_us, T0 + 2 * MINUTE);
    assert_int_equal(desk_said(&b.desk, 0)->lane, EOCBUS__V1__LANE__LANE_BULK);
    assert_int_equal(batch_flush(b.batch, &b.desk.speaker), ST_OK);
    assert_true(batch_is_empty(b.batch));
    close_bench(&b);
}

static void channels_that_are_full_together_wait_for_nothing(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 3, 3600 * SECOND);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add(&b, 0, T0 + i * MINUTE, 100 + i), ST_OK);
        assert_int_equal(add(&b, 1, T0 + i * MINUTE, 0), ST_OK);
    }
    assert_int_equal(b.desk.count, 1);
    assert_true(batch_is_empty(b.batch));
    close_bench(&b);
}

static void a_period_that_is_over_makes_a_message(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 100, 5 * MINUTE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(add(&b, 0, T0 + i * MINUTE, i), ST_OK);
    assert_int_equal(b.desk.count, 0);
    assert_int_equal(add(&b, 0, T0 + 5 * MINUTE, 5), ST_OK);
    assert_int_equal(b.desk.count, 1);
    close_bench(&b);
}

static void a_hole_becomes_samples_that_are_missing(void **state)
{
    struct sample s[8];
    struct bench b;

    (void)state;
    open_bench(&b, 1, 3600 * SECOND);
    assert_int_equal(add(&b, 0, T0, 1), ST_OK);
    assert_int_equal(add(&b, 0, T0 + 4 * MINUTE, 2), ST_OK);
    assert_int_equal(b.desk.count, 3);
    assert_int_equal(desk_samples(&b.desk, 1, 0, s, 8), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s[i].flags, FLAG(MISSING));
        assert_int_equal(s[i].time_us, T0 + (i + 1) * MINUTE);
    }
    /* A sample that is a little late is no hole. */
    assert_int_equal(add(&b, 0, T0 + 5 * MINUTE + 29 * SECOND, 2), ST_OK);
    assert_int_equal(b.desk.count, 4);
    close_bench(&b);
}

static void a_hole_of_a_year_costs_one_sample(void **state)
{
    struct sample s[8];
    struct bench b;

    (void)state;
    open_bench(&b, 1, 3600 * SECOND);
    assert_int_equal(add(&b, 0, T0, 1), ST_OK);
    assert_int_equal(add(&b, 0, T0 + 365 * 86400 * SECOND, 2), ST_OK);
    assert_int_equal(b.desk.count, 3);
    assert_int_equal(desk_samples(&b.desk, 1, 0, s, 8), 1);
    assert_int_equal(desk_samples(&b.desk, 2, 0, s, 8), 1);
    assert_int_equal(s[0].flags, 0);
    close_bench(&b);
}

static void a_time_that_nobody_believes_makes_no_hole(void **state)
{
    struct sample wrong[2] = {{T0 + 86400 * SECOND, 2, FLAG(CLOCK_SUSPECT)}};
    bool given[2] = {true, false};
    struct sample s[8];
    struct bench b;

    (void)state;
    open_bench(&b, 100, 86400 * 9 * SECOND);
    assert_int_equal(add(&b, 0, T0, 1), ST_OK);
    assert_int_equal(batch_row(b.batch, wrong, given, 0, &b.desk.speaker), ST_OK);
    assert_int_equal(add(&b, 0, T0 + MINUTE, 3), ST_OK);
    assert_int_equal(batch_flush(b.batch, &b.desk.speaker), ST_OK);
    assert_int_equal(b.desk.count, 2);
    assert_int_equal(desk_samples(&b.desk, 0, 0, s, 8), 2);
    assert_int_equal(s[1].flags, FLAG(CLOCK_SUSPECT));
    assert_int_equal(desk_samples(&b.desk, 1, 0, s, 8), 1);
    assert_int_equal(s[0].value, 3);
    close_bench(&b);
}

static void doubles_and_times_that_go_back_are_kept(void **state)
{
    struct sample s[8];
    struct bench b;

    (void)state;
    open_bench(&b, 100, 3600 * SECOND);
    assert_int_equal(add(&b, 0, T0, 1), ST_OK);
    assert_int_equal(add(&b, 0, T0, 2), ST_OK);
    assert_int_equal(add(&b, 0, T0 - 3 * MINUTE, 3), ST_OK);
    assert_int_equal(add(&b, 0, T0 - 2 * MINUTE, 4), ST_OK);
    assert_int_equal(add(&b, 0, T0 + MINUTE, 5), ST_OK);
    assert_int_equal(batch_flush(b.batch, &b.desk.speaker), ST_OK);
    assert_int_equal(b.desk.count, 2);
    assert_int_equal(desk_samples(&b.desk, 0, 0, s, 8), 2);
    assert_int_equal(s[1].value, 2);
    assert_int_equal(desk_samples(&b.desk, 1, 0, s, 8), 3);
    assert_int_equal(s[0].value, 3);
    assert_int_equal(s[1].value, 4);
    assert_int_equal(s[2].value, 5);
    close_bench(&b);
}

static void what_is_too_large_for_one_message_goes_out_in_several(void **state)
{
    static char text[STATION_STREAMS][64];
    const char *lines[STATION_STREAMS];
    unsigned all[STATION_STREAMS];
    struct sample row[STATION_STREAMS], s[BATCH_SAMPLES];
    bool given[STATION_STREAMS];
    struct batch *batch;
    struct desk desk;
    size_t series = 0;

    (void)state;
    for (unsigned i = 0; i < STATION_STREAMS; i++) {
        snprintf(text[i], sizeof(text[i]), "c%u %u air_t degree_celsius -1", i, i + 1);
        lines[i] = text[i];
        all[i] = i;
        given[i] = true;
    }
    desk_open(&desk, lines, STATION_STREAMS);
    assert_int_equal(
        batch_create(&batch, &desk.station, all, STATION_STREAMS, BATCH_SAMPLES, 3600 * SECOND),
        ST_OK);
    for (int64_t k = 0; k < BATCH_SAMPLES; k++) {
        for (unsigned i = 0; i < STATION_STREAMS; i++)
            row[i] = (struct sample){T0 + k * k * 1000, (k % 2 ? 1 : -1) * INT64_C(400000000000),
                                     k % 2 ? FLAG(SUSPECT) : 0};
        assert_int_equal(batch_row(batch, row, given, 0, &desk.speaker), ST_OK);
    }
    assert_true(desk.count > 1);
    for (size_t i = 0; i < desk.count; i++) {
        assert_true(desk.said[i].len <= LIMIT_CONTENT_BYTES);
        series += desk_said(&desk, i)->observation_batch->n_series;
        assert_int_equal(desk_samples(&desk, i, 0, s, BATCH_SAMPLES), BATCH_SAMPLES);
    }
    assert_int_equal(series, STATION_STREAMS);
    batch_destroy(batch);
    desk_close(&desk);
}

/* A gateway of 64 channels was away for an hour of seconds: all of it is missing, in few bytes. */
static void many_samples_of_few_bytes_go_out_in_several(void **state)
{
    static struct sample gap[OBSERVATIONS_SAMPLES_MAX];
    struct channel channels[STATION_STREAMS];
    size_t said = 0, samples = 0;
    struct desk desk;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    for (int i = 0; i < OBSERVATIONS_SAMPLES_MAX; i++)
        gap[i] = (struct sample){T0 + i * SECOND, 0, FLAG(MISSING)};
    for (unsigned i = 0; i < STATION_STREAMS; i++)
        channels[i] = (struct channel){i + 1,
                                       EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE,
                                       EOCBUS__V1__UNIT__UNIT_METRE,
                                       -3,
                                       gap,
                                       OBSERVATIONS_SAMPLES_MAX};
    assert_int_equal(say_observations(&desk.speaker, channels, STATION_STREAMS, &said), ST_OK);
    assert_int_equal(said, STATION_STREAMS);
    for (size_t i = 0; i < desk.count; i++) {
        const Eocbus__V1__ObservationBatch *b = desk_said(&desk, i)->observation_batch;

        assert_true(b->n_series * OBSERVATIONS_SAMPLES_MAX <= LIMIT_SAMPLES);
        samples += b->n_series * OBSERVATIONS_SAMPLES_MAX;
    }
    assert_int_equal(samples, STATION_STREAMS * OBSERVATIONS_SAMPLES_MAX);
    desk_close(&desk);
}

static void the_maker_meets_the_sweep(void **state)
{
    static const unsigned both[] = {0, 1};
    struct batch *b = NULL;
    struct desk desk;
    enum status st = ST_NOMEM;

    (void)state;
    desk_open(&desk, streams, ARRAY_LEN(streams));
    for (unsigned long n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = batch_create(&b, &desk.station, both, 2, 10, SECOND);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(n < 20);
    }
    batch_destroy(b);
    desk_close(&desk);
}

static void what_the_gateway_is_told_of_its_clock_goes_with_its_messages(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 1, 3600 * SECOND);
    assert_int_equal(add(&b, 0, T0, 5), ST_OK);
    b.desk.speaker.clock = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS;
    assert_int_equal(add(&b, 0, T0 + MINUTE, 5), ST_OK);
    assert_int_equal(b.desk.count, 2);
    assert_int_equal(desk_said(&b.desk, 0)->clock_source, 0); /* left to the outbox */
    assert_int_equal(desk_said(&b.desk, 1)->clock_source,
                     EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_channel_makes_a_message_with_all_of_them),
        cmocka_unit_test(channels_that_are_full_together_wait_for_nothing),
        cmocka_unit_test(a_period_that_is_over_makes_a_message),
        cmocka_unit_test(a_hole_becomes_samples_that_are_missing),
        cmocka_unit_test(a_hole_of_a_year_costs_one_sample),
        cmocka_unit_test(a_time_that_nobody_believes_makes_no_hole),
        cmocka_unit_test(doubles_and_times_that_go_back_are_kept),
        cmocka_unit_test(what_is_too_large_for_one_message_goes_out_in_several),
        cmocka_unit_test(many_samples_of_few_bytes_go_out_in_several),
        cmocka_unit_test(what_the_gateway_is_told_of_its_clock_goes_with_its_messages),
        cmocka_unit_test(the_maker_meets_the_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
