#include "agents/sensor/report/reporter.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "stage 1 stage metre -3 step=1s",
    "rain 2 rain_acc millimetre -1 step=10s normal=1m",
    "geo 3 gv_imp per_second 0 step=1s normal=1m",
    "wire 4 tripwire one 0 step=1s normal=10m",
    "air 5 air_t degree_celsius -1 step=1s normal=1m",
};
enum { STAGE, RAIN, GEO, WIRE, AIR, CHANNELS };

#define T1 (T0 - T0 % MINUTE + MINUTE) /* a whole minute */

struct bench {
    struct desk desk;
    struct reporter *r;
};

static void open_bench(struct bench *b)
{
    struct reporter_settings set;

    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    set = (struct reporter_settings){.station = &b->desk.station,
                                     .batch_samples = 60,
                                     .batch_period_us = 5 * MINUTE,
                                     .event_period_us = SECOND,
                                     .before_us = 2 * MINUTE,
                                     .after_us = 10 * MINUTE};
    assert_int_equal(reporter_create(&b->r, &set), ST_OK);
}

static void close_bench(struct bench *b)
{
    reporter_destroy(b->r);
    desk_close(&b->desk);
}

static void take(struct bench *b, unsigned stream, int64_t t, int64_t value, uint32_t flags)
{
    struct sample s = {t, value, flags};

    assert_int_equal(reporter_sample(b->r, stream, &s, t, &b->desk.speaker), ST_OK);
}

static void flush(struct bench *b)
{
    assert_int_equal(reporter_flush(b->r, &b->desk.speaker), ST_OK);
}

static void conclude(struct bench *b, Eocbus__V1__DetectionLevel level, int64_t now)
{
    assert_int_equal(reporter_level(b->r, level, now, &b->desk.speaker), ST_OK);
}

/* All samples of a datastream that were said, in the order of messages; lane 0 = any. */
static size_t said_of(struct bench *b, uint32_t datastream, unsigned lane, struct sample *out,
                      size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < b->desk.count; i++) {
        const Eocbus__V1__Envelope *m = desk_said(&b->desk, i);

        if (lane && m->lane != lane)
            continue;
        for (size_t k = 0; k < m->observation_batch->n_series; k++) {
            struct series_cursor c;

            if (m->observation_batch->series[k]->datastream_id != datastream)
                continue;
            series_begin(&c, m->observation_batch, m->observation_batch->series[k]);
            while (n < most && series_next(&c, &out[n]))
                n++;
        }
    }
    return n;
}

static void in_normal_times_a_channel_is_thinned_as_its_kind_wants(void **state)
{
    struct sample s[64];
    struct bench b;

    (void)state;
    open_bench(&b);
    for (int64_t t = 0; t < 121; t++) {
        take(&b, STAGE, T1 + t * SECOND, 400 + t % 2, 0);
        take(&b, GEO, T1 + t * SECOND, t == 30 ? 99 : 1, t == 31 ? FLAG(SUSPECT) : 0);
        take(&b, AIR, T1 + t * SECOND, 200 + t, 0);
        if (t % 10 == 0)
            take(&b, RAIN, T1 + t * SECOND, 2, 0);
    }
    flush(&b);
    assert_int_equal(said_of(&b, 2, EOCBUS__V1__LANE__LANE_BULK, s, 64), 2);
    assert_int_equal(s[0].value, 12); /* a sum */
    assert_int_equal(s[0].time_us, T1 + 50 * SECOND);
    assert_int_equal(s[1].value, 12);
    assert_int_equal(said_of(&b, 3, 0, s, 64), 2);
    assert_int_equal(s[0].value, 99); /* the largest, with all flags */
    assert_int_equal(s[0].flags, FLAG(SUSPECT));
    assert_int_equal(s[1].value, 1);
    assert_int_equal(s[1].flags, 0);
    assert_int_equal(said_of(&b, 5, 0, s, 64), 2);
    assert_int_equal(s[1].value, 319); /* the last */
    assert_int_equal(s[1].time_us, T1 + 119 * SECOND);
    close_bench(&b);
}

static void a_channel_without_normal_is_said_whole(void **state)
{
    struct sample s[200];
    struct bench b;

    (void)state;
    open_bench(&b);
    for (int64_t t = 0; t < 150; t++)
        take(&b, STAGE, T1 + t * SECOND, t, 0);
    flush(&b);
    assert_int_equal(said_of(&b, 1, EOCBUS__V1__LANE__LANE_BULK, s, 200), 150);
    for (int64_t t = 0; t < 150; t++)
        assert_int_equal(s[t].value, t);
    close_bench(&b);
}

static void a_wire_is_said_when_it_is_cut_not_minutes_later(void **state)
{
    struct sample s[8];
    struct bench b;

    (void)state;
    open_bench(&b);
    for (int64_t t = 0; t < 100; t++)
        take(&b, WIRE, T1 + t * SECOND, t < 90, 0);
    flush(&b);
    assert_int_equal(said_of(&b, 4, 0, s, 8), 2);
    assert_int_equal(s[0].value, 1);
    assert_int_equal(s[1].value, 0);
    assert_int_equal(s[1].time_us, T1 + 90 * SECOND);
    close_bench(&b);
}

static void an_event_sends_every_sample_and_the_minutes_before(void **state)
{
    static struct sample s[1000];
    struct bench b;
    size_t n;

    (void)state;
    open_bench(&b);
    for (int64_t t = 0; t < 300; t++)
        take(&b, GEO, T1 + t * SECOND, t, 0);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_NORMAL);
    conclude(&b, LEVEL(WATCH), T1 + 299 * SECOND);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT);
    for (int64_t t = 300; t < 320; t++)
        take(&b, GEO, T1 + t * SECOND, t, 0);
    /* Nothing of it waits longer than the event's period. */
    n = said_of(&b, 3, EOCBUS__V1__LANE__LANE_ROUTINE, s, 1000);
    assert_true(n >= 121 + 19);
    flush(&b);
    n = said_of(&b, 3, EOCBUS__V1__LANE__LANE_ROUTINE, s, 1000);
    for (int64_t want = 299 - 120; want < 320; want++) {
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
            found += s[i].time_us == T1 + want * SECOND && s[i].value == want &&
                     s[i].flags == (want < 300 ? FLAG(BACKFILLED) : 0);
        assert_int_equal(found, 1);
    }
    close_bench(&b);
}

static void an_event_ends_a_while_after_clear(void **state)
{
    struct bench b;
    int64_t t = T1;

    (void)state;
    open_bench(&b);
    conclude(&b, LEVEL(ALARM), t);
    conclude(&b, LEVEL(CLEAR), t += MINUTE);
    assert_int_equal(reporter_tick(b.r, t += 10 * MINUTE - 1, &b.desk.speaker), ST_OK);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT);
    assert_int_equal(reporter_tick(b.r, t += 1, &b.desk.speaker), ST_OK);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_NORMAL);
    close_bench(&b);
}

static void an_order_holds_for_its_time_and_maintenance_marks_what_is_said(void **state)
{
    struct sample s[8];
    struct bench b;
    int64_t t = T1;

    (void)state;
    open_bench(&b);
    assert_int_equal(reporter_order(b.r, EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_MAINTENANCE, 60, t,
                                    &b.desk.speaker),
                     ST_OK);
    conclude(&b, LEVEL(ALARM), t);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_MAINTENANCE);
    take(&b, STAGE, t, 1, 0);
    take(&b, STAGE, t += MINUTE, 2, 0);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT);
    flush(&b);
    assert_int_equal(said_of(&b, 1, 0, s, 1), 1);
    assert_int_equal(s[0].flags, FLAG(MAINTENANCE));
    conclude(&b, LEVEL(CLEAR), t);
    assert_int_equal(
        reporter_order(b.r, EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_NORMAL, 0, t, &b.desk.speaker),
        ST_OK);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_NORMAL);
    assert_int_equal(
        reporter_order(b.r, EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT, 0, t, &b.desk.speaker),
        ST_OK);
    assert_int_equal(reporter_mode(b.r), EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT);
    close_bench(&b);
}

static void late_samples_cut_no_message_of_new_ones_in_two(void **state)
{
    static struct sample s[1000];
    struct bench b;

    (void)state;
    open_bench(&b);
    for (int64_t t = 0; t < 59; t++) {
        take(&b, STAGE, T1 + t * SECOND, t, 0);
        take(&b, STAGE, T1 - 3600 * SECOND + t * SECOND, t, FLAG(BACKFILLED));
    }
    flush(&b);
    assert_int_equal(b.desk.count, 2);
    assert_int_equal(said_of(&b, 1, 0, s, 1000), 118);
    close_bench(&b);
}

/* Sixty seconds of five channels, as bytes on their way: the name of the gateway and its place,
 * both long, with the signature beside it. */
static void a_quiet_minute_of_five_channels_is_small(void **state)
{
    static const char *const quiet[] = {
        "gusar.stage 1 stage metre -3 step=1s",    "gusar.rain 2 rain_acc millimetre -1 step=1s",
        "gusar.geo 3 gv_imp per_second 0 step=1s", "gusar.wire 4 tripwire one 0 step=1s",
        "gusar.batt 5 batt_v volt -2 step=1s",
    };
    const struct reporter_settings set = {
        .batch_samples = 60, .batch_period_us = 3600 * SECOND, .after_us = SECOND};
    struct reporter_settings mine = set;
    struct bench b;

    (void)state;
    desk_open(&b.desk, quiet, ARRAY_LEN(quiet));
    mine.station = &b.desk.station;
    assert_int_equal(reporter_create(&b.r, &mine), ST_OK);
    /* Millimetres and centivolts that move by one now and then, a stone, a drop of rain. */
    for (int64_t t = 0; t < 60; t++) {
        take(&b, 0, T1 + t * SECOND, 412 + (t / 7) % 2, 0);
        take(&b, 1, T1 + t * SECOND, t == 40, 0);
        take(&b, 2, T1 + t * SECOND, t % 19 == 5, 0);
        take(&b, 3, T1 + t * SECOND, 1, 0);
        take(&b, 4, T1 + t * SECOND, 1260 + (t > 25), 0);
    }
    flush(&b);
    assert_int_equal(b.desk.count, 1);
    printf("measured: a quiet minute of five channels is %zu bytes, with its signature %zu (bar "
           "300)\n",
           b.desk.said[0].len, b.desk.said[0].len + 64);
    assert_true(b.desk.said[0].len + 64 <= 300);
    close_bench(&b);
}

/* --- what is taken again after a crash -------------------------------------------------------- */

struct came {
    unsigned stream;
    struct sample sample;
};

/* The newest `held` of each datastream, in the order they came: what a journal gives back. */
static void take_again(struct bench *b, const struct came *came, size_t count, int64_t now)
{
    size_t held[CHANNELS], of[CHANNELS] = {0};

    for (unsigned k = 0; k < CHANNELS; k++)
        held[k] = reporter_held(b->r, k);
    reporter_reset(b->r);
    for (size_t i = 0; i < count; i++)
        of[came[i].stream]++;
    for (size_t i = 0; i < count; i++) {
        unsigned k = came[i].stream;

        if (of[k]-- <= held[k])
            assert_int_equal(reporter_sample(b->r, k, &came[i].sample, now, &b->desk.speaker),
                             ST_OK);
    }
    for (unsigned k = 0; k < CHANNELS; k++)
        assert_int_equal(reporter_held(b->r, k), held[k]);
}

static void whatever_is_lost_and_taken_again_every_sample_is_said_once(void **state)
{
    enum { SECONDS = 4000 };
    static struct came came[SECONDS * CHANNELS * 2];
    static struct sample s[SECONDS * 2];
    uint64_t random = 7;
    struct bench b;
    size_t count = 0, rain = 0, sum = 0, n;

    (void)state;
    open_bench(&b);
    for (int64_t t = 0; t < SECONDS; t++) {
        int64_t now = T1 + t * SECOND;

        for (unsigned k = 0; k < CHANNELS; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            came[count++] = (struct came){k, {now, (int64_t)(random >> 33) % 50, 0}};
            rain += k == RAIN ? (size_t)(random >> 33) % 50 : 0;
            if (random >> 60 == 3) /* late, and before anything else */
                came[count++] = (struct came){STAGE, {now - 86400 * SECOND, 7, FLAG(BACKFILLED)}};
        }
        for (size_t i = count - CHANNELS * 2 < count ? count - CHANNELS * 2 : 0; i < count; i++)
            if (came[i].sample.time_us == now ||
                (came[i].sample.flags && came[i].sample.time_us == now - 86400 * SECOND))
                assert_int_equal(
                    reporter_sample(b.r, came[i].stream, &came[i].sample, now, &b.desk.speaker),
                    ST_OK);
        if (random >> 58 == 1)
            take_again(&b, came, count, now);
        if (t == 1500)
            conclude(&b, LEVEL(WATCH), now);
        if (t == 1600)
            conclude(&b, LEVEL(CLEAR), now);
    }
    assert_int_equal(reporter_order(b.r, EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_MAINTENANCE, 0,
                                    T1 + SECONDS * SECOND, &b.desk.speaker),
                     ST_OK);
    n = said_of(&b, 1, 0, s, ARRAY_LEN(s));
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;

        if (came[i].stream != STAGE || came[i].sample.flags)
            continue;
        for (size_t k = 0; k < n; k++)
            found += s[k].time_us == came[i].sample.time_us && !(s[k].flags & FLAG(MISSING));
        assert_int_equal(found, 1);
    }
    n = said_of(&b, 2, 0, s, ARRAY_LEN(s));
    for (size_t k = 0; k < n; k++)
        sum += (size_t)s[k].value;
    assert_int_equal(sum, rain);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_normal_times_a_channel_is_thinned_as_its_kind_wants),
        cmocka_unit_test(a_channel_without_normal_is_said_whole),
        cmocka_unit_test(a_wire_is_said_when_it_is_cut_not_minutes_later),
        cmocka_unit_test(an_event_sends_every_sample_and_the_minutes_before),
        cmocka_unit_test(an_event_ends_a_while_after_clear),
        cmocka_unit_test(an_order_holds_for_its_time_and_maintenance_marks_what_is_said),
        cmocka_unit_test(late_samples_cut_no_message_of_new_ones_in_two),
        cmocka_unit_test(a_quiet_minute_of_five_channels_is_small),
        cmocka_unit_test(whatever_is_lost_and_taken_again_every_sample_is_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
