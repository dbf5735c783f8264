/* What the journal has, once more: as it came in, marked, and no more than was asked for. */
#include <stdlib.h>
#include <unistd.h>

#include "agents/sensor/input/intake.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "gusar.stage 1 stage metre -3 step=1s",
    "gusar.rain 2 rain_acc millimetre -1",
};

static struct {
    struct desk desk;
    struct journal *journal;
    struct intake *intake;
    char dir[64];
} w;

static enum status put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    (void)arg;
    return desk_put(&w.desk, m, why);
}

static enum status commit(void *arg)
{
    (void)arg;
    return ST_OK;
}

static enum status once(void *arg, const char *key, uint64_t said)
{
    (void)arg;
    (void)key;
    (void)said;
    return ST_OK;
}

static int begin(void **state)
{
    struct conf_list none = {NULL, 0};
    struct journal_settings shelf = {NULL, 64 << 20, 1 << 20, 3600 * SECOND, T0, false};
    struct intake_settings set;
    char err[400] = "", path[80];

    (void)state;
    memset(&w, 0, sizeof(w));
    desk_open(&w.desk, streams, ARRAY_LEN(streams));
    snprintf(w.dir, sizeof(w.dir), "/tmp/eocbus-history-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    snprintf(path, sizeof(path), "%s/journal", w.dir);
    shelf.path = path;
    assert_int_equal(journal_open(&w.journal, &shelf, err, sizeof(err)), ST_OK);
    set = (struct intake_settings){.station = &w.desk.station,
                                   .detectors = &none,
                                   .speaker = &w.desk.speaker,
                                   .batch_samples = 60,
                                   .batch_period_us = 60 * SECOND,
                                   .hold_us = 1800 * SECOND,
                                   .journal = w.journal,
                                   .now_us = T0,
                                   .put = put,
                                   .commit = commit,
                                   .once = once};
    assert_int_equal(intake_create(&w.intake, &set, err, sizeof(err)), ST_OK);
    return 0;
}

static int end(void **state)
{
    char command[100];

    (void)state;
    intake_destroy(w.intake);
    journal_close(w.journal);
    desk_close(&w.desk);
    snprintf(command, sizeof(command), "rm -rf %s", w.dir);
    return system(command);
}

static void take(unsigned stream, int64_t time_us, int64_t value, uint32_t flags)
{
    intake_sample(w.intake, stream, &(struct sample){time_us, value, flags}, T0);
}

static void keep(void)
{
    char why[INTAKE_ANSWER_BYTES];

    intake_flush(w.intake, T0);
    assert_int_equal(intake_commit(w.intake, why), ST_OK);
    desk_forget(&w.desk);
}

/* Of this datastream, in all that was said. */
static size_t read_samples(uint32_t datastream, struct sample *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < w.desk.count; i++)
        for (size_t k = 0; k < desk_said(&w.desk, i)->observation_batch->n_series; k++)
            if (desk_said(&w.desk, i)->observation_batch->series[k]->datastream_id == datastream)
                n += desk_samples(&w.desk, i, k, out + n, max - n);
    return n;
}

static void what_was_asked_for_comes_again_marked_and_nothing_else(void **state)
{
    struct sample s[400];
    size_t count;

    (void)state;
    for (int i = 0; i < 300; i++) {
        take(0, T0 - 300 * SECOND + i * SECOND, 1000 + i, i == 7 ? FLAG(SPIKE) : 0);
        if (i % 60 == 0)
            take(1, T0 - 300 * SECOND + i * SECOND, 2, 0);
    }
    take(0, T0 - 600 * SECOND, 900, 0); /* late, and out of order in the journal */
    keep();
    assert_int_equal(intake_history(w.intake, T0 - 600 * SECOND, T0 - 10 * SECOND, T0, &count),
                     ST_OK);
    assert_int_equal(count, 1 + 290 + 5);
    for (size_t i = 0; i < w.desk.count; i++) {
        assert_int_equal(desk_said(&w.desk, i)->lane, EOCBUS__V1__LANE__LANE_BULK);
        assert_true(desk_said(&w.desk, i)->flags & EOCBUS__V1__FLAG__FLAG_BACKFILL);
    }
    assert_true(w.desk.count <= 4);
    assert_int_equal(read_samples(1, s, 400), 291);
    assert_int_equal(s[0].value, 900);
    for (int i = 0; i < 290; i++) {
        assert_int_equal(s[i + 1].value, 1000 + i);
        assert_int_equal(s[i + 1].flags, FLAG(BACKFILLED) | (i == 7 ? FLAG(SPIKE) : 0));
    }
    assert_int_equal(read_samples(2, s, 400), 5);
}

static void what_cannot_be_said_is_said_so(void **state)
{
    size_t count;

    (void)state;
    take(0, T0, 1, 0);
    keep();
    assert_int_equal(intake_history(w.intake, T0, T0, T0, &count), ST_INVALID);
    assert_int_equal(intake_history(w.intake, T0 + 1, T0 + SECOND, T0, &count), ST_NOTFOUND);
    for (int i = 1; i <= INTAKE_HISTORY; i++) {
        take(0, T0 + i * SECOND, i, 0);
        if (i % 10000 == 0)
            keep();
    }
    assert_int_equal(intake_history(w.intake, T0, INT64_MAX, T0, &count), ST_FULL);
    assert_int_equal(w.desk.count, 0);
    assert_int_equal(intake_history(w.intake, T0 + 1, T0 + 5 * SECOND, T0, &count), ST_OK);
    w.desk.answer = ST_FULL;
    assert_int_equal(intake_history(w.intake, T0, T0 + SECOND, T0, &count), ST_IO);
    w.desk.answer = ST_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_asked_for_comes_again_marked_and_nothing_else,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_said_is_said_so, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
