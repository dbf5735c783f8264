#include "agents/link/outbox.h"
#include "agents/sensor/replay/replay.h"
#include "tests/lib/gen_message.h"
#include "tests/unit/sensor/desk.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA "deploy/demo/data/"
#define PEAK "shift=2007-06-25T18:30:00Z=2010-08-07T21:40:00+05:00"

static const char *const streams[] = {
    "bridge.stage 1 stage metre -3 step=15m torrent=1",
    "bridge.flow 2 discharge cubic_metre_per_second -3 step=15m torrent=1",
    "upper.rain 3 rain_acc millimetre -3 step=15m",
};
static char *detectors[] = {
    (char *)"stage.level 1 bridge.stage line=4.500 debounce=2/3",
    (char *)"stage.rate 1 bridge.stage line=0.0030 window=30m debounce=2/3"};
static char *sheffield[] = {
    (char *)"ea-stage " DATA "sheffield-hadfields-stage.csv bridge.stage " PEAK,
    (char *)"ea-flow " DATA "sheffield-hadfields-flow.csv bridge.flow " PEAK};

static struct replay *
open_replay(struct desk *d, char **lines, size_t n, size_t samples, double speed,
            enum status (*put)(void *, Eocbus__V1__Envelope *, struct refusal *), void *arg)
{
    struct conf_list replays = {lines, n}, list = {detectors, ARRAY_LEN(detectors)};
    struct replay_settings set = {.station = &d->station,
                                  .replays = &replays,
                                  .detectors = &list,
                                  .speaker = &d->speaker,
                                  .batch_samples = samples,
                                  .batch_period_us = 12 * 3600 * SECOND,
                                  .hold_us = 30 * MINUTE,
                                  .speed = speed,
                                  .put = put,
                                  .arg = arg};
    struct replay *r = NULL;
    char err[600] = "";

    if (replay_create(&r, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return r;
}

static void play_out(struct replay *r)
{
    unsigned wait_ms;
    enum status st;

    do
        st = replay_play(r, 100, 1, &wait_ms);
    while (st == ST_OK);
    assert_int_equal(st, ST_NOTFOUND);
}

static void the_alarm_comes_out_of_the_record_an_hour_before_its_peak(void **state)
{
    unsigned alarms = 0;
    struct replay *r;
    struct desk d;

    (void)state;
    desk_open(&d, streams, ARRAY_LEN(streams));
    r = open_replay(&d, sheffield, 2, 8, 0, desk_put, &d);
    play_out(r);
    for (size_t i = 0; i < d.count; i++) {
        const Eocbus__V1__Envelope *m = desk_said(&d, i);

        assert_int_equal(m->status, EOCBUS__V1__STATUS__STATUS_EXERCISE);
        assert_int_equal(m->flags, EOCBUS__V1__FLAG__FLAG_SIMULATED);
        if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION ||
            m->sensor_detection->level != LEVEL(ALARM))
            continue;
        alarms++;
        assert_int_equal(m->lane, EOCBUS__V1__LANE__LANE_FLASH);
        assert_int_equal(m->event_time_us, INT64_C(1281195600000000)); /* 20:40 +05:00 */
        assert_int_equal(m->sensor_detection->n_evidence, 2);
    }
    assert_int_equal(alarms, 1);
    replay_destroy(r);
    desk_close(&d);
}

/* Every sample of a datastream that was said, in order of saying. */
static size_t all_samples(struct desk *d, uint32_t id, struct sample *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < d->count; i++) {
        size_t series = desk_said(d, i)->body_case == EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH
                            ? desk_said(d, i)->observation_batch->n_series
                            : 0;

        for (size_t k = 0; k < series; k++)
            if (desk_said(d, i)->observation_batch->series[k]->datastream_id == id)
                n += desk_samples(d, i, k, out + n, max - n);
    }
    return n;
}

static void every_row_of_the_record_arrives_with_its_hole_and_its_jump(void **state)
{
    static struct sample s[14000];
    char *lines[] = {(char *)"usgs-rain " DATA "waMVD116_rain.txt upper.rain zone=-08:00"};
    unsigned missing = 0, backward = 0, wet = 0;
    struct replay *r;
    struct desk d;
    size_t n;

    (void)state;
    desk_open(&d, streams, ARRAY_LEN(streams));
    r = open_replay(&d, lines, 1, 48, 0, desk_put, &d);
    play_out(r);
    n = all_samples(&d, 3, s, ARRAY_LEN(s));
    assert_int_equal(n, 13082 + 1);
    for (size_t i = 0; i < n; i++) {
        missing += (s[i].flags & FLAG(MISSING)) != 0;
        backward += (s[i].flags & FLAG(BACKFILLED)) != 0;
        wet += !(s[i].flags & FLAG(MISSING)) && s[i].value > 0;
    }
    assert_int_equal(missing, 1);
    assert_int_equal(backward, 3);
    assert_int_equal(wet, 13082 - 12174);
    assert_int_equal(s[0].time_us, INT64_C(1439864100000000)); /* 2015-08-17T18:15-08:00 */
    replay_destroy(r);
    desk_close(&d);
}

static void a_record_waits_until_it_is_due(void **state)
{
    unsigned wait_ms = 0;
    struct replay *r;
    struct desk d;

    (void)state;
    desk_open(&d, streams, ARRAY_LEN(streams));
    r = open_replay(&d, sheffield, 2, 1, 900, desk_put, &d); /* a quarter of an hour in a second */
    assert_int_equal(replay_play(r, 100, 1000000, &wait_ms), ST_OK);
    assert_int_equal(d.count, 2);
    assert_int_equal(wait_ms, 1000);
    assert_int_equal(replay_play(r, 100, 1999000, &wait_ms), ST_OK);
    assert_int_equal(d.count, 2);
    assert_int_equal(replay_play(r, 100, 2000000, &wait_ms), ST_OK);
    assert_int_equal(d.count, 4);
    assert_int_equal(replay_play(r, 100, 12000000, &wait_ms), ST_OK);
    assert_int_equal(d.count, 24);
    replay_destroy(r);
    desk_close(&d);
}

/* --- killed anywhere -------------------------------------------------------------------------- */

struct victim {
    struct outbox *outbox;
    long left; /* puts until it is killed; negative = never */
};

static enum status put_or_die(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct victim *v = arg;
    uint64_t tag;
    enum status st = outbox_put(v->outbox, m, &tag, why);

    if (st == ST_OK && v->left-- == 0)
        raise(SIGKILL);
    return st;
}

static struct outbox *open_outbox(const char *path)
{
    const struct outbox_settings set = {.path = path, .sender = "coes.tj3505203.gw12"};
    struct outbox *o = NULL;
    char err[400] = "";

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return o;
}

/* As the daemon does it: so many messages under the key, other puts in between. `left`: new
 * messages until it kills itself, in the middle of a step or, if `between`, behind a commit. */
static void play_into(const char *path, long left, bool between, unsigned step)
{
    struct victim v = {open_outbox(path), between ? -1 : left};
    struct replay_counts c;
    unsigned wait_ms;
    enum status st = ST_OK;
    struct replay *r;
    struct desk d;

    desk_open(&d, streams, ARRAY_LEN(streams));
    r = open_replay(&d, sheffield, 2, 4, 0, put_or_die, &v);
    while (st == ST_OK) {
        replay_counts(r, &c);
        if (between && left >= 0 && c.said - c.repeated >= (uint64_t)left)
            raise(SIGKILL);
        assert_int_equal(outbox_once_from(v.outbox, replay_key(r), c.said), ST_OK);
        st = replay_play(r, step, 1, &wait_ms);
        assert_int_equal(outbox_commit(v.outbox), ST_OK);
        assert_int_equal(outbox_once(v.outbox, NULL), ST_OK);
    }
    assert_int_equal(st, ST_NOTFOUND);
    replay_destroy(r);
    desk_close(&d);
    outbox_close(v.outbox);
}

static bool add_hash(void *arg, const struct outbox_row *row, int state,
                     const struct outbox_outcome *oc)
{
    struct buf *hashes = arg;
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);
    uint8_t body[65536];
    uint64_t h;
    size_t len;

    (void)state;
    (void)oc;
    assert_non_null(m);
    /* What is said, without what each file makes its own: ids, epoch, time of putting. */
    m->message_id.len = m->originating_id.len = 0;
    m->epoch = 0;
    m->sent_time_us = 0;
    len = eocbus__v1__envelope__pack(m, body);
    h = text_hash(0, body, len);
    buf_put(hashes, &h, sizeof(h));
    m->message_id.len = m->originating_id.len = 16;
    eocbus__v1__envelope__free_unpacked(m, NULL);
    return true;
}

static void read_hashes(const char *path, struct buf *out)
{
    struct outbox *o = open_outbox(path);

    assert_int_equal(outbox_each(o, add_hash, out), ST_OK);
    outbox_close(o);
}

static void killed_anywhere_a_replay_loses_nothing_and_doubles_nothing(void **state)
{
    char dir[] = "/tmp/eocbus-replay-XXXXXX", whole[64], broken[64], command[128];
    struct buf want = {0}, got = {0};
    unsigned kills = 0;
    int how = SIGKILL;
    struct gen g;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(whole, sizeof(whole), "%s/whole.db", dir);
    snprintf(broken, sizeof(broken), "%s/broken.db", dir);
    play_into(whole, -1, false, 64);
    gen_seed(&g, 9);
    for (; how == SIGKILL; kills++) {
        long left = (long)gen_below(&g, 260);
        bool between = gen_below(&g, 3) == 0;
        unsigned step = 1 + (unsigned)gen_below(&g, 100);
        int code;
        pid_t pid = fork();

        if (pid == 0) {
            play_into(broken, kills < 12 ? left : -1, between, step);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &code, 0), pid);
        how = WIFSIGNALED(code) ? WTERMSIG(code) : 0;
        assert_true(how == SIGKILL || (WIFEXITED(code) && WEXITSTATUS(code) == 0));
        assert_true(kills < 20);
    }
    assert_true(kills > 8);
    read_hashes(whole, &want);
    read_hashes(broken, &got);
    assert_int_equal(want.len, got.len);
    assert_memory_equal(want.data, got.data, want.len);
    assert_true(want.len / 8 > 1480); /* 2 x 744 batches and the detections */
    buf_free(&want);
    buf_free(&got);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void a_rewind_says_the_same_again(void **state)
{
    struct replay_counts a, b;
    struct replay *r;
    struct desk d;

    (void)state;
    desk_open(&d, streams, ARRAY_LEN(streams));
    r = open_replay(&d, sheffield, 2, 16, 0, desk_put, &d);
    play_out(r);
    replay_counts(r, &a);
    assert_int_equal(replay_rewind(r), ST_OK);
    play_out(r);
    replay_counts(r, &b);
    assert_int_equal(a.said, b.said);
    assert_int_equal(d.count, 2 * a.said);
    for (size_t i = 0; i < a.said; i++) {
        assert_int_equal(d.said[i].len, d.said[i + a.said].len);
        assert_memory_equal(d.said[i].data, d.said[i + a.said].data, d.said[i].len);
    }
    replay_destroy(r);
    desk_close(&d);
}

static void wrong_lines_are_refused_with_what_would_be_legal(void **state)
{
    static const char *const bad[] = {
        "ea-stage",
        "ea-stage x",
        "what x bridge.stage",
        "ea-stage x bridge.stage shift=2007",
        "ea-stage x bridge.stage shift=2007-06-25T18:30:00=2010-08-07T21:40:00",
        "ea-stage x bridge.stage zone=5",
        "ea-stage x bridge.stage samples=0",
        "ea-stage x bridge.stage samples=257",
        "ea-stage x 99:bridge.stage",
        "ea-stage x bridge.nothing",
        "ea-stage x bridge.stage bridge.stage",
        "ea-stage /nowhere/at/all bridge.stage",
        "ea-stage \"x bridge.stage",
    };
    struct desk d;

    (void)state;
    desk_open(&d, streams, ARRAY_LEN(streams));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *line = (char *)bad[i], err[600] = "";
        struct conf_list one = {&line, 1}, none = {NULL, 0};
        struct replay_settings set = {.station = &d.station,
                                      .replays = &one,
                                      .detectors = &none,
                                      .speaker = &d.speaker,
                                      .batch_samples = 1};
        struct replay *r = NULL;

        assert_int_not_equal(replay_create(&r, &set, err, sizeof(err)), ST_OK);
        assert_true(strlen(err) > 20);
    }
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_alarm_comes_out_of_the_record_an_hour_before_its_peak),
        cmocka_unit_test(every_row_of_the_record_arrives_with_its_hole_and_its_jump),
        cmocka_unit_test(a_record_waits_until_it_is_due),
        cmocka_unit_test(killed_anywhere_a_replay_loses_nothing_and_doubles_nothing),
        cmocka_unit_test(a_rewind_says_the_same_again),
        cmocka_unit_test(wrong_lines_are_refused_with_what_would_be_legal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
