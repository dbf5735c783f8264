/* A gateway's intake with a real journal and a real outbox, killed at every step between them: what
 * was said to be safe is in the outbox once, whatever was killed when. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents/link/outbox.h"
#include "agents/sensor/input/intake.h"
#include "tests/unit/sensor/desk.h"

enum { SAMPLES = 40, BATCH = 7, COMMIT_EVERY = 3 };

static const char *const streams[] = {
    "gusar.stage 1 stage metre -3",
    "gusar.rain 2 rain_acc millimetre -1",
};

struct run {
    struct desk desk;
    char dir[64];
    struct outbox *outbox;
    struct journal *journal;
    struct intake *intake;
    unsigned step, dies_at; /* 0 = never */
    int told_fd;            /* one byte for each sample that is safe */
};

/* As kill -9 would: what is not written is gone. */
static void step(struct run *r)
{
    if (++r->step == r->dies_at)
        _exit(9);
}

static enum status put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct run *r = arg;
    uint64_t tag;
    enum status st;

    step(r);
    st = outbox_put(r->outbox, m, &tag, why);
    step(r);
    return st;
}

static enum status commit(void *arg)
{
    struct run *r = arg;
    enum status st;

    step(r);
    st = outbox_commit(r->outbox);
    step(r);
    return st;
}

static enum status once(void *arg, const char *key, uint64_t said)
{
    struct run *r = arg;
    enum status st;

    step(r);
    st = outbox_once_from(r->outbox, key, said);
    step(r);
    return st;
}

static bool concluded(void *arg, const Eocbus__V1__Envelope *m, uint8_t id[16])
{
    (void)arg;
    memset(id, m->sensor_detection->level, 16);
    return true;
}

static void open_run(struct run *r)
{
    static char *detectors[] = {(char *)"stage.level 1 gusar.stage line=0.020 debounce=1/1"};
    struct conf_list list = {detectors, 1};
    struct outbox_settings box = {.sender = "coes.tj3505203.gw07"};
    struct journal_settings shelf = {NULL, 1 << 20, 1 << 10, 3600 * SECOND, T0, false};
    struct intake_settings set;
    char path[100], err[400] = "";

    desk_open(&r->desk, streams, ARRAY_LEN(streams));
    snprintf(path, sizeof(path), "%s/outbox.db", r->dir);
    box.path = path;
    if (outbox_open(&r->outbox, &box, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    snprintf(path, sizeof(path), "%s/journal", r->dir);
    shelf.path = path;
    if (journal_open(&r->journal, &shelf, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    set = (struct intake_settings){.station = &r->desk.station,
                                   .detectors = &list,
                                   .speaker = &r->desk.speaker,
                                   .batch_samples = BATCH,
                                   .batch_period_us = 3600 * SECOND,
                                   .hold_us = 1800 * SECOND,
                                   .journal = r->journal,
                                   .now_us = T0,
                                   .put = put,
                                   .commit = commit,
                                   .once = once,
                                   .concluded = concluded,
                                   .arg = r};
    if (intake_create(&r->intake, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void close_run(struct run *r)
{
    intake_destroy(r->intake);
    journal_close(r->journal);
    outbox_close(r->outbox);
    desk_close(&r->desk);
}

/* A sender: what it was not told is safe it sends again. */
static void send_from(struct run *r, unsigned first)
{
    char why[INTAKE_ANSWER_BYTES];
    unsigned waiting = 0;

    for (unsigned n = first; n < SAMPLES; n++) {
        const struct sample s = {T0 + n * SECOND, n, 0};

        intake_sample(r->intake, n % 2, &s, T0 + n * SECOND);
        step(r);
        waiting++;
        if (waiting < COMMIT_EVERY && n + 1 < SAMPLES)
            continue;
        assert_int_equal(intake_commit(r->intake, why), ST_OK);
        step(r);
        for (; waiting; waiting--)
            assert_int_equal(write(r->told_fd, "+", 1), 1);
    }
    intake_flush(r->intake, T0 + SAMPLES * SECOND);
}

static unsigned told(const struct run *r)
{
    return (unsigned)lseek(r->told_fd, 0, SEEK_END);
}

/* True: it was killed. */
static bool run_once(struct run *r, unsigned dies_at)
{
    pid_t pid = fork();
    int code;

    assert_true(pid >= 0);
    if (!pid) {
        r->dies_at = dies_at;
        r->step = 0;
        open_run(r);
        send_from(r, told(r));
        close_run(r);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &code, 0), pid);
    assert_true(WIFEXITED(code) && (WEXITSTATUS(code) == 0 || WEXITSTATUS(code) == 9));
    return WEXITSTATUS(code) == 9;
}

struct found {
    unsigned samples[SAMPLES], detections;
};

static bool look(void *arg, const struct outbox_row *row, int state,
                 const struct outbox_outcome *oc)
{
    struct found *f = arg;
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);

    (void)state;
    (void)oc;
    assert_non_null(m);
    f->detections += m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    for (size_t i = 0; m->body_case == EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH &&
                       i < m->observation_batch->n_series;
         i++) {
        struct series_cursor c;
        struct sample s;

        series_begin(&c, m->observation_batch, m->observation_batch->series[i]);
        while (series_next(&c, &s)) {
            assert_in_range(s.value, 0, SAMPLES - 1);
            assert_int_equal(s.time_us, T0 + s.value * SECOND);
            f->samples[s.value]++;
        }
    }
    eocbus__v1__envelope__free_unpacked(m, NULL);
    return true;
}

static void compare(struct run *r, unsigned dies_at)
{
    struct found f = {.detections = 0};

    open_run(r);
    assert_int_equal(outbox_each(r->outbox, look, &f), ST_OK);
    close_run(r);
    for (unsigned n = 0; n < SAMPLES; n++)
        if (f.samples[n] != 1)
            fail_msg("killed at step %u: sample %u is there %u times", dies_at, n, f.samples[n]);
    if (f.detections != 1)
        fail_msg("killed at step %u: %u detections", dies_at, f.detections);
}

static void begin(struct run *r)
{
    char path[100];

    memset(r, 0, sizeof(*r));
    snprintf(r->dir, sizeof(r->dir), "/tmp/eocbus-crash-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(path, sizeof(path), "%s/told", r->dir);
    r->told_fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    assert_true(r->told_fd >= 0);
}

static void end(struct run *r)
{
    char command[200];

    close(r->told_fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", r->dir);
    assert_int_equal(system(command), 0);
}

static void killed_at_any_step_nothing_told_is_lost_or_doubled(void **state)
{
    const char *every = getenv("CRASH_EVERY"); /* 1 = each step there is */
    bool killed = true;

    (void)state;
    for (unsigned at = 1; killed; at += every ? (unsigned)strtoul(every, NULL, 10) : 7) {
        struct run r;

        begin(&r);
        killed = run_once(&r, at);
        /* Once more on the way, then to the end. */
        (void)run_once(&r, at / 2 + 3);
        assert_false(run_once(&r, 0));
        assert_int_equal(told(&r), SAMPLES);
        compare(&r, at);
        end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_step_nothing_told_is_lost_or_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
