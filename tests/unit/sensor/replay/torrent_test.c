#include "agents/sensor/replay/torrent.h"
#include "agents/sensor/detect/detect.h"
#include "tests/unit/sensor/desk.h"

#define SPAN (120 * MINUTE)

static const char *const streams[] = {
    "upper.rain 1 rain_acc millimetre -3 step=1m sensor=1",
    "middle.shake 2 gv_imp per_second 0 step=1s sensor=2",
    "bridge.stage 3 stage metre -3 step=1s sensor=3",
    "middle.wire 4 tripwire one 0 step=10s sensor=2",
};
static const char *const things[] = {"3 39.3936 68.5528 1740 bridge",
                                     "1 39.4120 68.5328 2140 upper",
                                     "2 39.4000 68.5361 1985 middle"};
static const char *const sensors[] = {"1 1 bucket", "2 2 geophone", "3 3 radar"};
static char *detectors[] = {(char *)"rain.caine1980 1 upper.rain",
                            (char *)"stage.level 1 bridge.stage line=1.0",
                            (char *)"stage.rate 1 bridge.stage line=0.2 window=1m"};

struct bench {
    struct arena *arena;
    struct station station;
    struct torrent torrent;
    struct detect detect;
    uint64_t hash, samples, per_stream[4];
    int64_t last_us, alarm_us, crossed_us;
};

static void open_bench(struct bench *b, enum torrent_story story, uint64_t seed, unsigned failures)
{
    struct conf_list list[3] = {{(char **)things, 3}, {(char **)sensors, 3}, {(char **)streams, 4}};
    struct conf_list none = {NULL, 0}, lines = {detectors, ARRAY_LEN(detectors)};
    const struct station_lines from = {&list[0], &list[1], &none, &list[2], NULL};
    const struct torrent_settings set = {&b->station, seed, story, T0, SPAN, failures};
    char err[400] = "";

    memset(b, 0, sizeof(*b));
    assert_int_equal(arena_create(&b->arena, 4u << 20), ST_OK);
    if (station_read(&b->station, &from, b->arena, err, sizeof(err)) != ST_OK ||
        detect_read(&b->detect, &b->station, &lines, 30 * MINUTE, b->arena, err, sizeof(err)) !=
            ST_OK)
        fail_msg("%s", err);
    assert_int_equal(torrent_begin(&b->torrent, &set), ST_OK);
}

static bool on_sample(void *arg, unsigned stream, const struct sample *s)
{
    struct bench *b = arg;

    assert_true(s->time_us >= b->last_us);
    b->last_us = s->time_us;
    b->samples++;
    b->per_stream[stream]++;
    b->hash = text_hash(b->hash, s, sizeof(*s));
    if (stream == 2 && s->value >= 1000 && !b->crossed_us)
        b->crossed_us = s->time_us;
    detect_sample(&b->detect, stream, s);
    if (b->detect.level == LEVEL(ALARM) && !b->alarm_us)
        b->alarm_us = s->time_us;
    return true;
}

static void run(struct bench *b)
{
    torrent_run(&b->torrent, on_sample, b);
}

static void the_same_seed_makes_the_same_event_and_another_another(void **state)
{
    uint64_t hash[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct bench b;

        open_bench(&b, TORRENT_MUDFLOW, i == 2 ? 8 : 7, 2);
        run(&b);
        hash[i] = b.hash;
        arena_destroy(b.arena);
    }
    assert_true(hash[0] == hash[1]);
    assert_true(hash[0] != hash[2]);
}

static void every_mudflow_is_an_alarm_within_ten_seconds_of_its_front(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct label event;
        struct bench b;

        open_bench(&b, TORRENT_MUDFLOW, seed, 0);
        run(&b);
        assert_true(b.crossed_us > 0);
        assert_true(b.alarm_us >= b.crossed_us && b.alarm_us <= b.crossed_us + 10 * SECOND);
        assert_true(torrent_event(&b.torrent, &event));
        assert_true(b.alarm_us >= event.from_us && b.alarm_us <= event.from_us + MINUTE);
        arena_destroy(b.arena);
    }
}

static void rain_alone_and_an_earthquake_never_reach_warning(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct label event;
        struct bench b;

        open_bench(&b, seed % 2 ? TORRENT_RAIN : TORRENT_QUAKE, seed, 0);
        run(&b);
        assert_true(b.detect.level <= LEVEL(WATCH));
        assert_int_equal(b.alarm_us, 0);
        assert_false(torrent_event(&b.torrent, &event));
        arena_destroy(b.arena);
    }
}

static void fronts_reach_the_lower_station_later(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b, TORRENT_MUDFLOW, 3, 0);
    assert_true(b.torrent.along_m[0] == 0);
    assert_true(b.torrent.along_m[1] > 1000 && b.torrent.along_m[1] < b.torrent.along_m[2]);
    for (unsigned i = 0; i < b.torrent.surges; i++)
        assert_true(torrent_front_us(&b.torrent, &b.torrent.surge[i], 1) <
                    torrent_front_us(&b.torrent, &b.torrent.surge[i], 2));
    arena_destroy(b.arena);
}

static void a_channel_that_fails_says_less_than_it_should(void **state)
{
    bool silent = false;

    (void)state;
    for (uint64_t seed = 1; seed <= 40 && !silent; seed++) {
        struct bench b;

        open_bench(&b, TORRENT_MUDFLOW, seed, 4);
        assert_int_equal(b.torrent.failures, 4);
        run(&b);
        for (unsigned i = 0; i < 4; i++)
            silent |= b.torrent.failure[i].kind == FAILS_SILENT &&
                      b.torrent.failure[i].stream == 2 && b.per_stream[2] < 7201;
        arena_destroy(b.arena);
    }
    assert_true(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_makes_the_same_event_and_another_another),
        cmocka_unit_test(every_mudflow_is_an_alarm_within_ten_seconds_of_its_front),
        cmocka_unit_test(rain_alone_and_an_earthquake_never_reach_warning),
        cmocka_unit_test(fronts_reach_the_lower_station_later),
        cmocka_unit_test(a_channel_that_fails_says_less_than_it_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
