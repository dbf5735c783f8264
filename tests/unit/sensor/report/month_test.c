/* Thirty days without a link, on simulated time, into a real outbox that is too small for them:
 * what is kept, and in which order it goes out when somebody comes.
 *
 * A sample every ten seconds of five channels, and one a second while something happens;
 * MONTH_STEP_S=1 is every second of all thirty days. */
#include "agents/link/outbox.h"
#include "agents/sensor/input/intake.h"
#include "agents/sensor/report/room.h"
#include "tests/unit/sensor/desk.h"

#include <sys/stat.h>
#include <unistd.h>

enum { DAYS = 30, CHANNELS = 5, BUDGET = 1 << 20, EVENTS = 3, EVENT_S = 3600 };
/* Until it is concluded that there is one: three seconds of five. */
enum { UNSEEN_S = 5 };
#define DAY (86400 * SECOND)

static const char *const streams[] = {
    "stage 1 stage metre -3", "rain 2 rain_acc millimetre -1", "geo 3 gv_imp per_second 0",
    "wire 4 tripwire one 0",  "batt 5 batt_v volt -2",
};
static const int event_day[EVENTS] = {2, 13, 27};

struct month {
    struct desk desk;
    struct outbox *outbox;
    struct intake *intake;
    char path[96];
    int64_t now_us;
    unsigned step_s;
    uint64_t event_samples; /* that came while an event was reported */
    uint64_t largest;       /* bytes of the outbox's files at the end of a day */
};

static int64_t month_utc_us(void *arg)
{
    return ((struct month *)arg)->now_us;
}

static enum status put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct month *w = arg;
    uint64_t tag;
    enum status st = outbox_put(w->outbox, m, &tag, why);

    for (int tries = 0; st == ST_FULL && tries < 8; tries++) {
        assert_int_equal(room_make(w->outbox, &w->desk.speaker, (unsigned)m->lane, w->now_us),
                         ST_OK);
        st = outbox_put(w->outbox, m, &tag, why);
    }
    if (st != ST_OK)
        fail_msg("%s: %s %s", status_name(st), why->path, why->text);
    return st;
}

static enum status commit(void *arg)
{
    (void)arg; /* once a day: here nothing can be lost in between */
    return ST_OK;
}

static void open_month(struct month *w)
{
    static char *detectors[] = {(char *)"stage.level 1 stage line=1.5", (char *)"wire.any 1 wire"};
    struct conf_list list = {detectors, 2};
    struct intake_settings set;
    char err[400];
    struct outbox_settings out = {.path = w->path,
                                  .sender = "coes.tj3505203.gw07",
                                  .budget_bytes = BUDGET,
                                  .utc_us = month_utc_us,
                                  .arg = w};

    /* In memory, if there is such a place: nothing here is about a disk that is slow. */
    snprintf(w->path, sizeof(w->path), "%s/eocbus-month-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(w->path));
    snprintf(w->path + strlen(w->path), 8, "/out");
    w->now_us = T0 - T0 % DAY;
    desk_open(&w->desk, streams, ARRAY_LEN(streams));
    set = (struct intake_settings){.station = &w->desk.station,
                                   .detectors = &list,
                                   .speaker = &w->desk.speaker,
                                   .batch_samples = 256,
                                   .batch_period_us = 10 * MINUTE,
                                   .event_period_us = SECOND,
                                   .event_before_us = 10 * MINUTE,
                                   .event_after_us = 10 * MINUTE,
                                   .hold_us = 30 * MINUTE,
                                   .put = put,
                                   .commit = commit,
                                   .arg = w};
    if (outbox_open(&w->outbox, &out, err, sizeof(err)) != ST_OK ||
        intake_create(&w->intake, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    intake_linked(w->intake, false);
}

static void close_month(struct month *w)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".ballast", ".mend"};
    char file[128];

    intake_destroy(w->intake);
    outbox_close(w->outbox);
    desk_close(&w->desk);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(file, sizeof(file), "%s%s", w->path, ends[i]);
        unlink(file);
    }
    *strrchr(w->path, '/') = '\0';
    assert_int_equal(rmdir(w->path), 0);
}

/* --- the month -------------------------------------------------------------------------------- */

static bool is_event(int64_t second)
{
    for (int e = 0; e < EVENTS; e++)
        if (second >= event_day[e] * 86400 + 43200 &&
            second < event_day[e] * 86400 + 43200 + EVENT_S)
            return true;
    return false;
}

/* A front, an hour of surges; the wire is cut once and mended at night. */
static void live_a_second(struct month *w, int64_t second)
{
    bool event = is_event(second);
    const int64_t value[CHANNELS] = {event ? 1800 + second % 97 * 10 : 400 + second / 700 % 3,
                                     second % 9000 < 60, event ? second % 200 : second % 300 == 7,
                                     !(event && second / 86400 == event_day[1]),
                                     1260 - second / 43200 % 5};

    for (unsigned k = 0; k < CHANNELS; k++) {
        struct sample s = {w->now_us, value[k], 0};

        intake_sample(w->intake, k, &s, w->now_us);
        w->event_samples += intake_mode(w->intake) == EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT;
    }
}

static void weigh(struct month *w)
{
    static const char *const ends[] = {"", "-wal", ".ballast"};
    uint64_t bytes = 0;
    char file[128];
    struct stat at;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(file, sizeof(file), "%s%s", w->path, ends[i]);
        bytes += stat(file, &at) == 0 ? (uint64_t)at.st_size : 0;
    }
    w->largest = bytes > w->largest ? bytes : w->largest;
    assert_true(bytes <= BUDGET);
}

static void live(struct month *w)
{
    int64_t began = w->now_us;
    char why[INTAKE_ANSWER_BYTES];

    for (int64_t second = 0; second < DAYS * 86400; second++) {
        w->now_us = began + second * SECOND;
        if (second % w->step_s == 0 || is_event(second) || is_event(second - 3000))
            live_a_second(w, second);
        if (second % 10 == 0)
            intake_tick(w->intake, w->now_us);
        if (second % 86400 == 0) {
            assert_int_equal(outbox_commit(w->outbox), ST_OK);
            weigh(w);
        }
    }
    assert_int_equal(intake_commit(w->intake, why), ST_OK);
    assert_int_equal(outbox_commit(w->outbox), ST_OK);
}

/* --- somebody comes --------------------------------------------------------------------------- */

struct heard {
    struct month *month;
    unsigned lane; /* of the row before */
    uint64_t rows[6], bulk_last, bulk_said, dropped;
    uint64_t alarms, warnings, clears, event_samples, event_bytes;
    struct {
        uint64_t from, to;
    } gone[4096];
    size_t gone_count;
    uint8_t (*seen)[CHANNELS]; /* by second */
};

static void hear_batch(struct heard *h, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__ObservationBatch *b = m->observation_batch;
    int64_t began = T0 - T0 % DAY;

    for (size_t k = 0; m->lane == EOCBUS__V1__LANE__LANE_ROUTINE && k < b->n_series; k++) {
        struct series_cursor c;
        struct sample s;

        series_begin(&c, b, b->series[k]);
        while (series_next(&c, &s)) {
            if (s.flags & FLAG(MISSING))
                continue;
            h->event_samples++;
            h->seen[(s.time_us - began) / SECOND][b->series[k]->datastream_id - 1]++;
        }
    }
}

static bool hear(void *arg, const struct outbox_row *row)
{
    struct heard *h = arg;
    struct desk *d = &h->month->desk;
    const Eocbus__V1__Envelope *m;

    arena_reset(d->read);
    m = eocbus__v1__envelope__unpack(arena_allocator(d->read), row->content_len, row->content);
    assert_non_null(m);
    assert_true(row->lane >= h->lane); /* urgent first */
    h->lane = row->lane;
    h->rows[row->lane]++;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION) {
        h->alarms += m->sensor_detection->level == LEVEL(ALARM);
        h->warnings += m->sensor_detection->level == LEVEL(WARNING);
        h->clears += m->sensor_detection->level == LEVEL(CLEAR);
    } else if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_THINNED) {
        assert_true(h->gone_count < ARRAY_LEN(h->gone));
        h->gone[h->gone_count].from = m->thinned->runs[0]->from_seq;
        h->gone[h->gone_count++].to = m->thinned->runs[0]->to_seq;
        h->dropped += m->thinned->runs[0]->dropped;
    } else {
        hear_batch(h, m);
    }
    if (row->lane == EOCBUS__V1__LANE__LANE_BULK) {
        /* A number that does not come was named. */
        for (uint64_t seq = h->bulk_last + 1; seq < row->lane_seq; seq++) {
            bool named = false;

            for (size_t i = 0; i < h->gone_count && !named; i++)
                named = seq >= h->gone[i].from && seq <= h->gone[i].to;
            assert_true(named);
        }
        h->bulk_last = row->lane_seq;
    }
    return true;
}

static void a_month_without_a_link_keeps_what_matters_within_its_budget(void **state)
{
    const char *step = getenv("MONTH_STEP_S");
    static struct month w;
    static struct heard h;
    struct outbox_counts counts;

    (void)state;
    w.step_s = step && atoi(step) > 0 ? (unsigned)atoi(step) : 10;
    open_month(&w);
    live(&w);
    h.month = &w;
    h.seen = calloc((size_t)DAYS * 86400, sizeof(*h.seen));
    assert_non_null(h.seen);
    assert_int_equal(outbox_next(w.outbox, OUTBOX_ALL_LANES, UINT32_MAX, SIZE_MAX, hear, &h),
                     ST_OK);
    assert_int_equal(outbox_counts(w.outbox, &counts), ST_OK);
    printf("measured: thirty days in %.2f MiB of %d: kept %llu FLASH, %llu IMMEDIATE, %llu "
           "ROUTINE, %llu BULK of %llu; %llu samples of events\n",
           (double)w.largest / 1048576, BUDGET >> 20, (unsigned long long)h.rows[1],
           (unsigned long long)h.rows[2], (unsigned long long)h.rows[4],
           (unsigned long long)h.rows[5], (unsigned long long)(h.rows[5] + h.dropped),
           (unsigned long long)h.event_samples);
    assert_true(h.dropped > 0); /* else it was no test */
    assert_true(h.rows[5] > 300);
    assert_int_equal(h.warnings, EVENTS - 1); /* the other one was an alarm at once */
    assert_int_equal(h.alarms, 1);
    assert_int_equal(h.clears, EVENTS);
    assert_true(h.event_samples >= w.event_samples);
    for (int e = 0; e < EVENTS; e++)
        for (int s = UNSEEN_S; s < EVENT_S; s++)
            for (int k = 0; k < CHANNELS; k++)
                assert_int_equal(h.seen[event_day[e] * 86400 + 43200 + s][k], 1);
    free(h.seen);
    close_month(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_without_a_link_keeps_what_matters_within_its_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
