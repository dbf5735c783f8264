#include "agents/sensor/input/intake.h"
#include "agents/sensor/input/sample_line.h"
#include "tests/lib/gen_message.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "gusar.stage 1 stage metre -3",
    "gusar.rain 2 rain_acc millimetre -1 step=1m",
};

struct bench {
    struct desk desk;
    struct intake *intake;
    unsigned commits, concluded;
    int64_t flow_us; /* as of the last look */
    bool is_timeless;
    enum status commit_answer;
    char why[SAMPLE_ANSWER_BYTES];
};

static enum status commit(void *arg)
{
    struct bench *b = arg;

    b->commits++;
    return b->commit_answer;
}

/* The siren: asked before anything is put, and it sounds. */
static bool concluded(void *arg, const Eocbus__V1__Envelope *m, uint8_t message_id[16])
{
    struct bench *b = arg;

    assert_int_equal(m->body_case, EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION);
    memset(message_id, (int)++b->concluded, 16);
    return true;
}

static void looked(void *arg, const struct detect *d)
{
    ((struct bench *)arg)->flow_us = detect_flow_us(d);
}

static bool knows_time(void *arg)
{
    return !((struct bench *)arg)->is_timeless;
}

static void open_bench(struct bench *b, size_t samples)
{
    static char *detectors[] = {(char *)"stage.level 1 gusar.stage line=2 debounce=1/1"};
    struct conf_list list = {detectors, 1};
    struct intake_settings set;
    char err[400];

    memset(b, 0, sizeof(*b));
    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    set = (struct intake_settings){.station = &b->desk.station,
                                   .detectors = &list,
                                   .speaker = &b->desk.speaker,
                                   .batch_samples = samples,
                                   .batch_period_us = 60 * SECOND,
                                   .hold_us = 1800 * SECOND,
                                   .put = desk_put,
                                   .commit = commit,
                                   .concluded = concluded,
                                   .looked = looked,
                                   .knows_time = knows_time,
                                   .arg = b};
    assert_int_equal(intake_create(&b->intake, &set, err, sizeof(err)), ST_OK);
}

/* The intake's arg is the bench, whose first member is the desk: both callbacks find theirs. */

static void close_bench(struct bench *b)
{
    intake_destroy(b->intake);
    desk_close(&b->desk);
}

static enum sample_line take(struct bench *b, const char *line, size_t len, int64_t now_us)
{
    struct sample s;
    unsigned stream;
    enum sample_line answer =
        sample_line_read(&b->desk.station, line, len, now_us, &stream, &s, b->why);

    if (answer == LINE_SAMPLE)
        intake_sample(b->intake, stream, &s, now_us);
    return answer;
}

static enum sample_line say(struct bench *b, const char *line)
{
    return take(b, line, strlen(line), T0);
}

static void a_line_becomes_a_sample_when_it_is_committed(void **state)
{
    struct sample s[4];
    struct bench b;

    (void)state;
    open_bench(&b, 60);
    assert_int_equal(say(&b, "gusar.stage 2010-08-07T20:10:00+05:00 1.284 estimated low_power\r"),
                     LINE_SAMPLE);
    assert_int_equal(b.desk.count, 0);
    assert_false(intake_is_due(b.intake));
    assert_int_equal(say(&b, "flush"), LINE_FLUSH);
    assert_int_equal(intake_commit(b.intake, b.why), ST_OK);
    assert_int_equal(b.commits, 1);
    assert_int_equal(desk_samples(&b.desk, 0, 0, s, 4), 1);
    assert_int_equal(s[0].value, 1284);
    assert_int_equal(s[0].flags, FLAG(ESTIMATED) | FLAG(LOW_POWER));
    assert_int_equal(s[0].time_us, INT64_C(1281193800000000));
    assert_int_equal(intake_pending(b.intake), 0);
    close_bench(&b);
}

static void a_time_may_be_so_many_seconds_before_now(void **state)
{
    static const char *const wrong[] = {"now-", "now-x", "now-86401", "now-1.5", "now+1", "now--1"};
    char line[64];
    struct sample s[4];
    struct bench b;

    (void)state;
    open_bench(&b, 60);
    assert_int_equal(say(&b, "gusar.stage now-30 1.284"), LINE_SAMPLE);
    assert_int_equal(say(&b, "gusar.stage now 1.290"), LINE_SAMPLE);
    assert_int_equal(intake_commit(b.intake, b.why), ST_OK);
    assert_int_equal(desk_samples(&b.desk, 0, 0, s, 4), 2);
    assert_int_equal(s[1].time_us - s[0].time_us, 30 * INT64_C(1000000));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        snprintf(line, sizeof(line), "gusar.stage %s 1", wrong[i]);
        assert_int_equal(say(&b, line), LINE_BAD);
    }
    close_bench(&b);
}

/* Flags of the message that one line and a flush make; now_us: when it comes in. */
static uint32_t flags_of_line(const char *line, int64_t now_us, unsigned lane)
{
    struct bench b;
    uint32_t flags = UINT32_MAX;

    open_bench(&b, 60);
    assert_int_equal(take(&b, line, strlen(line), now_us), LINE_SAMPLE);
    assert_int_equal(intake_commit(b.intake, b.why), ST_OK);
    for (size_t i = 0; i < b.desk.count; i++) {
        Eocbus__V1__Envelope *m =
            eocbus__v1__envelope__unpack(NULL, b.desk.said[i].len, b.desk.said[i].data);

        if (m->lane == lane)
            flags = m->flags;
        eocbus__v1__envelope__free_unpacked(m, NULL);
    }
    close_bench(&b);
    return flags;
}

static void samples_from_the_loggers_memory_are_marked_and_alarms_are_not(void **state)
{
    static const char low[] = "gusar.stage 2010-08-07T20:10:00+05:00 1.284";
    static const char high[] = "gusar.stage 2010-08-07T20:10:00+05:00 2.5";
    const int64_t at = INT64_C(1281193800000000);

    (void)state;
    assert_int_equal(flags_of_line(low, at + 9 * MINUTE, EOCBUS__V1__LANE__LANE_BULK), 0);
    assert_int_equal(flags_of_line(low, at + 11 * MINUTE, EOCBUS__V1__LANE__LANE_BULK),
                     EOCBUS__V1__FLAG__FLAG_BACKFILL);
    /* Samples of an event are more urgent than others, and not thinned. */
    assert_int_equal(flags_of_line(high, at + 11 * MINUTE, EOCBUS__V1__LANE__LANE_ROUTINE),
                     EOCBUS__V1__FLAG__FLAG_BACKFILL);
    assert_int_equal(flags_of_line(high, at + 11 * MINUTE, EOCBUS__V1__LANE__LANE_IMMEDIATE), 0);
}

static void a_full_batch_asks_to_be_committed(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 2);
    assert_int_equal(say(&b, "gusar.rain now 0.2"), LINE_SAMPLE);
    assert_false(intake_is_due(b.intake));
    assert_int_equal(say(&b, "gusar.rain 2010-08-07T16:54:20Z -"), LINE_SAMPLE);
    assert_true(intake_is_due(b.intake));
    close_bench(&b);
}

static void a_bad_line_is_answered_with_what_would_be_legal(void **state)
{
    static const char *const bad[] = {
        "gusar.stage",
        "gusar.stage now",
        "gusar.nothing now 1",
        "gusar.stage yesterday 1",
        "gusar.stage 2010-08-07T20:10:00 1",
        "gusar.stage 1999-12-31T23:59:59Z 1",
        "gusar.stage 2010-02-30T00:00:00Z 1",
        "gusar.stage now one",
        "gusar.stage now 1e30",
        "gusar.stage now 1 good enough",
        "gusar.stage now 1 unspecified",
    };
    struct bench b;

    (void)state;
    open_bench(&b, 60);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(say(&b, bad[i]), LINE_BAD);
        assert_true(strlen(b.why) > 15);
    }
    assert_int_equal(say(&b, ""), LINE_NOTHING);
    assert_int_equal(say(&b, "  # a comment"), LINE_NOTHING);
    assert_int_equal(intake_pending(b.intake), 0);
    close_bench(&b);
}

static void a_stage_over_its_line_is_said_at_once_and_again_if_it_was_lost(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 60);
    assert_int_equal(say(&b, "gusar.stage now 3.1"), LINE_SAMPLE);
    assert_int_equal(b.desk.count, 2); /* and what it was concluded from */
    assert_int_equal(desk_said(&b.desk, 0)->body_case, EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION);
    assert_int_equal(desk_said(&b.desk, 0)->lane, EOCBUS__V1__LANE__LANE_IMMEDIATE);
    assert_true(intake_is_due(b.intake));
    /* The disk is full: whoever sent the line hears so, and the next line says the warning again.
     */
    b.commit_answer = ST_FULL;
    assert_int_equal(intake_commit(b.intake, b.why), ST_FULL);
    assert_non_null(strstr(b.why, "send it again"));
    b.commit_answer = ST_OK;
    desk_forget(&b.desk);
    assert_int_equal(say(&b, "gusar.stage 2010-08-07T16:53:21Z 3.1"), LINE_SAMPLE);
    assert_int_equal(b.desk.count, 1);
    assert_int_equal(desk_said(&b.desk, 0)->sensor_detection->level, LEVEL(WARNING));
    close_bench(&b);
}

static void a_put_that_fails_fails_the_lines_before_the_next_commit(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 2);
    assert_int_equal(say(&b, "gusar.rain now 0.2"), LINE_SAMPLE);
    b.desk.answer = ST_FULL;
    assert_int_equal(say(&b, "gusar.rain 2010-08-07T16:54:20Z 0.2"), LINE_SAMPLE);
    assert_true(intake_is_due(b.intake));
    b.desk.answer = ST_OK;
    assert_int_equal(intake_commit(b.intake, b.why), ST_FULL);
    assert_int_equal(b.commits, 0);
    /* And the gateway goes on. */
    assert_int_equal(say(&b, "gusar.rain 2010-08-07T16:55:20Z 0.2"), LINE_SAMPLE);
    assert_int_equal(intake_commit(b.intake, b.why), ST_OK);
    assert_int_equal(b.desk.count, 1);
    close_bench(&b);
}

static void a_conclusion_is_told_once_and_keeps_its_id_until_it_is_safe(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, 60);
    b.desk.answer = ST_FULL;
    assert_int_equal(say(&b, "gusar.stage now 3.1"), LINE_SAMPLE);
    assert_int_equal(b.concluded, 1); /* before the full disk is asked */
    assert_int_equal(say(&b, "gusar.stage 2010-08-07T16:53:21Z 3.1"), LINE_SAMPLE);
    b.desk.answer = ST_OK;
    assert_int_equal(say(&b, "gusar.stage 2010-08-07T16:53:22Z 3.1"), LINE_SAMPLE);
    b.commit_answer = ST_FULL;
    assert_int_equal(intake_commit(b.intake, b.why), ST_FULL);
    desk_forget(&b.desk);
    assert_int_equal(say(&b, "gusar.stage 2010-08-07T16:53:23Z 3.1"), LINE_SAMPLE);
    assert_int_equal(b.concluded, 1);
    assert_int_equal(b.desk.count, 1);
    assert_int_equal(desk_said(&b.desk, 0)->message_id.data[15], 1);
    assert_true(desk_said(&b.desk, 0)->sensor_detection->local_siren_sounded);
    close_bench(&b);
}

static void a_reading_stamped_ahead_blinds_its_channel_for_no_minute(void **state)
{
    static const char ahead[] = "gusar.stage 2010-08-07T16:54:19Z 0.1";
    static const char high[] = "gusar.stage 2010-08-07T16:53:23Z 3.1";
    struct bench b;

    (void)state;
    for (int is_timeless = 0; is_timeless < 2; is_timeless++) {
        open_bench(&b, 60);
        b.is_timeless = is_timeless;
        assert_int_equal(say(&b, "gusar.stage now 0.1"), LINE_SAMPLE);
        assert_int_equal(say(&b, ahead), LINE_SAMPLE);
        assert_int_equal(take(&b, high, strlen(high), T0 + 3 * SECOND), LINE_SAMPLE);
        assert_int_equal(b.concluded, 1);
        assert_int_equal(b.flow_us, T0 + 3 * SECOND);
        close_bench(&b);
    }
}

/* The devices are right, and time passes for their detectors all the same. */
static void a_gateway_whose_clock_is_wrong_and_unknown_sees_what_its_devices_see(void **state)
{
    static const int64_t off[] = {-400 * 24 * 60 * MINUTE, -15 * MINUTE, 15 * MINUTE, 60 * MINUTE};
    struct bench b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        open_bench(&b, 60);
        b.is_timeless = true;
        for (int64_t t = 0; t < 5 * SECOND; t += SECOND) {
            struct sample s = {T0 + t, 3100, 0};

            intake_sample(b.intake, 0, &s, T0 + t + off[i]);
            intake_tick(b.intake, T0 + t + off[i]);
            assert_int_equal(b.flow_us, T0 + t);
        }
        assert_int_equal(b.concluded, 1);
        for (int64_t t = 0; t < 1900 * SECOND; t += SECOND) {
            struct sample s = {T0 + 5 * SECOND + t, 100, 0};

            intake_sample(b.intake, 0, &s, s.time_us + off[i]);
            intake_tick(b.intake, s.time_us + off[i]);
        }
        assert_int_equal(b.concluded, 2); /* CLEAR after half an hour */
        close_bench(&b);
    }
}

static void no_spoiled_line_breaks_the_protocol(void **state)
{
    static const char *const good[] = {
        "gusar.stage 2010-08-07T20:10:00+05:00 1.284 estimated low_power",
        "gusar.rain now 0.2",
        "gusar.rain 2010-08-07T16:54:20Z - missing",
        "flush",
    };
    struct bench b;
    struct gen g;

    (void)state;
    open_bench(&b, 16);
    gen_seed(&g, 5520);
    for (int i = 0; i < 60000; i++) {
        uint8_t line[1024];
        const char *from = good[gen_below(&g, ARRAY_LEN(good))];
        size_t len = strlen(from);
        enum sample_line answer;
        char *exact;

        memcpy(line, from, len);
        for (uint64_t k = gen_below(&g, 4); k > 0; k--)
            len = gen_mutate(&g, line, len, sizeof(line));
        exact = malloc(len ? len : 1);
        memcpy(exact, line, len);
        answer = take(&b, exact, len, T0 + i * MINUTE);
        free(exact);
        assert_true((answer == LINE_BAD) == (b.why[0] != '\0'));
        if (intake_is_due(b.intake) || answer == LINE_FLUSH)
            assert_int_equal(intake_commit(b.intake, b.why), ST_OK);
        if (b.desk.count > 100)
            desk_forget(&b.desk);
    }
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_a_sample_when_it_is_committed),
        cmocka_unit_test(a_time_may_be_so_many_seconds_before_now),
        cmocka_unit_test(samples_from_the_loggers_memory_are_marked_and_alarms_are_not),
        cmocka_unit_test(a_full_batch_asks_to_be_committed),
        cmocka_unit_test(a_bad_line_is_answered_with_what_would_be_legal),
        cmocka_unit_test(a_stage_over_its_line_is_said_at_once_and_again_if_it_was_lost),
        cmocka_unit_test(a_put_that_fails_fails_the_lines_before_the_next_commit),
        cmocka_unit_test(a_conclusion_is_told_once_and_keeps_its_id_until_it_is_safe),
        cmocka_unit_test(a_reading_stamped_ahead_blinds_its_channel_for_no_minute),
        cmocka_unit_test(a_gateway_whose_clock_is_wrong_and_unknown_sees_what_its_devices_see),
        cmocka_unit_test(no_spoiled_line_breaks_the_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
