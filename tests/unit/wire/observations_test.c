/* Samples become a batch and the same samples again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "proto/wire/observations.h"

#include "proto/base/banned.h"

#define BASE_US INT64_C(1778788800000000)
enum { N = 60, MISSING = EOCBUS__V1__QUALITY__QUALITY_MISSING };

static struct arena *arena;

static int make_arena(void **state)
{
    (void)state;
    return arena_create(&arena, 1048576) == ST_OK ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static struct observation_channel stage(const int64_t *values, size_t count)
{
    return (struct observation_channel){
        .datastream_id = 1,
        .type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE,
        .unit = EOCBUS__V1__UNIT__UNIT_METRE,
        .exponent = -3,
        .count = count,
        .values = values,
    };
}

static Eocbus__V1__ObservationBatch *encode(const struct observation_channel *c, size_t n)
{
    Eocbus__V1__ObservationBatch *b = NULL;

    assert_int_equal(observations_encode(&b, arena, 3, BASE_US, 1000, c, n), ST_OK);
    return b;
}

/* Through bytes, as it travels. */
static Eocbus__V1__ObservationBatch *travel(const Eocbus__V1__ObservationBatch *b, size_t *bytes)
{
    uint8_t *wire = arena_alloc(arena, 65536);

    *bytes = eocbus__v1__observation_batch__pack(b, wire);
    return eocbus__v1__observation_batch__unpack(arena_allocator(arena), *bytes, wire);
}

static void assert_comes_back(const struct observation_channel *c)
{
    size_t bytes, i = 0;
    Eocbus__V1__ObservationBatch *b = travel(encode(c, 1), &bytes);
    struct observation_walk w;
    struct observation_sample s;

    assert_int_equal(observations_walk(&w, b, 0), ST_OK);
    for (; observations_next(&w, &s); i++) {
        assert_int_equal(s.quality, c->quality ? c->quality[i] : 0);
        if (!(s.quality & MISSING))
            assert_int_equal(s.value, c->values[i]);
    }
    assert_int_equal(i, c->count);
}

static void every_shape_of_a_series_comes_back(void **state)
{
    uint32_t seed = 7;
    int64_t values[N];
    uint32_t quality[N];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct observation_channel c = stage(values, 1 + (seed >> 8) % N);

        for (size_t i = 0; i < c.count; i++) {
            seed = seed * 1664525 + 1013904223;
            values[i] = i && seed >> 28 > (unsigned)round % 16
                            ? values[i - 1]
                            : (int64_t)(int32_t)seed * (round % 3 ? 1 : 200);
            quality[i] = seed >> 20 & 7 ? 0 : seed >> 10 & 15;
        }
        c.quality = round % 2 ? quality : NULL;
        assert_comes_back(&c);
        arena_reset(arena);
    }
}

static void the_examples_of_the_contract_read_as_written(void **state)
{
    int64_t deltas[] = {1, -1}, plain[] = {5, 0, 30}, got[8];
    uint32_t holds[] = {3, 2};
    static const int64_t first[] = {412, 412, 412, 413, 413, 412, 412, 412};
    static const int64_t second[] = {412, 417, 417, 447};
    Eocbus__V1__Series s = EOCBUS__V1__SERIES__INIT, *list[] = {&s};
    Eocbus__V1__ObservationBatch b = EOCBUS__V1__OBSERVATION_BATCH__INIT;
    struct observation_walk w;
    struct observation_sample one;

    (void)state;
    b.n_series = 1, b.series = list, b.sample_count = 8;
    s.first = 412, s.n_deltas = 2, s.deltas = deltas, s.n_holds = 2, s.holds = holds;
    assert_int_equal(observations_walk(&w, &b, 0), ST_OK);
    for (int i = 0; observations_next(&w, &one); i++)
        got[i] = one.value;
    assert_memory_equal(got, first, sizeof(first));

    s.sample_count = 4, s.n_deltas = 3, s.deltas = plain, s.n_holds = 0;
    assert_int_equal(observations_walk(&w, &b, 0), ST_OK);
    for (int i = 0; observations_next(&w, &one); i++)
        got[i] = one.value;
    assert_memory_equal(got, second, sizeof(second));
}

static void times_are_regular_or_explicit(void **state)
{
    static const int64_t values[] = {1, 1, 0};
    static const uint32_t deltas_ms[] = {5, 70, 900};
    struct observation_channel c = stage(values, 3);
    struct observation_walk w;
    struct observation_sample s;

    (void)state;
    c.start_ms = 250;
    assert_int_equal(observations_walk(&w, encode(&c, 1), 0), ST_OK);
    assert_true(observations_next(&w, &s));
    assert_int_equal(s.time_us, BASE_US + 250000);
    assert_true(observations_next(&w, &s));
    assert_int_equal(s.time_us, BASE_US + 1250000);
    c.time_deltas_ms = deltas_ms;
    assert_int_equal(observations_walk(&w, encode(&c, 1), 0), ST_OK);
    assert_true(observations_next(&w, &s) && observations_next(&w, &s));
    assert_int_equal(s.time_us, BASE_US + 325000);
    assert_true(observations_next(&w, &s));
    assert_int_equal(s.time_us, BASE_US + 1225000);
    assert_false(observations_next(&w, &s));
}

static void a_minute_of_five_quiet_channels_is_short(void **state)
{
    int64_t values[N] = {0};
    struct observation_channel c[5];
    size_t bytes;

    (void)state;
    for (int i = 0; i < 5; i++)
        c[i] = stage(values, N), c[i].datastream_id = (uint32_t)i + 1;
    travel(encode(c, 5), &bytes);
    assert_in_range(bytes, 1, 100);
    for (int i = 0; i < N; i++)
        values[i] = 412 + (i / 7) % 3;
    travel(encode(c, 5), &bytes);
    assert_in_range(bytes, 1, 220);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const int64_t huge[] = {INT64_C(1000000000001)};
    static const int64_t leap[] = {-INT64_C(1000000000000), INT64_C(1000000000000)};
    static const int64_t fine[] = {1};
    struct observation_channel c = stage(huge, 1);
    Eocbus__V1__ObservationBatch *b = NULL;

    (void)state;
    assert_int_equal(observations_encode(&b, arena, 1, BASE_US, 0, &c, 1), ST_INVALID);
    c = stage(leap, 2);
    assert_int_equal(observations_encode(&b, arena, 1, BASE_US, 0, &c, 1), ST_INVALID);
    c = stage(fine, 0);
    assert_int_equal(observations_encode(&b, arena, 1, BASE_US, 0, &c, 1), ST_INVALID);
    assert_int_equal(observations_encode(&b, arena, 1, BASE_US, 0, &c, 0), ST_INVALID);
    assert_null(b);
}

static void lists_that_do_not_fit_are_refused(void **state)
{
    int64_t deltas[] = {1, 2, 3};
    uint32_t holds[] = {2, 1, 1}, times[] = {1, 2};
    Eocbus__V1__QualityRun run = EOCBUS__V1__QUALITY_RUN__INIT, *runs[] = {&run};
    Eocbus__V1__Series s = EOCBUS__V1__SERIES__INIT, *list[] = {&s};
    Eocbus__V1__ObservationBatch b = EOCBUS__V1__OBSERVATION_BATCH__INIT;
    struct observation_walk w;

    (void)state;
    b.n_series = 1, b.series = list, b.sample_count = 4;
    s.n_deltas = 3, s.deltas = deltas, s.holds = holds;
    assert_int_equal(observations_walk(&w, &b, 0), ST_OK);
    s.n_holds = 2; /* not as many as deltas */
    assert_int_equal(observations_walk(&w, &b, 0), ST_INVALID);
    s.n_holds = 3; /* 4 > 4 - 1 samples */
    assert_int_equal(observations_walk(&w, &b, 0), ST_INVALID);
    s.n_holds = 0, s.n_time_deltas_ms = 2, s.time_deltas_ms = times;
    assert_int_equal(observations_walk(&w, &b, 0), ST_INVALID);
    s.n_time_deltas_ms = 0, s.n_quality = 1, s.quality = runs;
    run.offset = 3, run.length = 1;
    assert_int_equal(observations_walk(&w, &b, 0), ST_OK);
    run.length = 2;
    assert_int_equal(observations_walk(&w, &b, 0), ST_INVALID);
    s.n_quality = 0, b.sample_count = 0;
    assert_int_equal(observations_walk(&w, &b, 0), ST_INVALID);
}

static void a_full_arena_is_an_answer(void **state)
{
    int64_t values[N];
    struct observation_channel c = stage(values, N);
    Eocbus__V1__ObservationBatch *b = NULL;
    struct arena *small;

    (void)state;
    for (int i = 0; i < N; i++)
        values[i] = i * i;
    assert_int_equal(arena_create(&small, 512), ST_OK);
    assert_int_equal(observations_encode(&b, small, 1, BASE_US, 1000, &c, 1), ST_NOMEM);
    assert_null(b);
    arena_destroy(small);
}

static void numbers_are_the_nearest_doubles(void **state)
{
    (void)state;
    assert_true(observation_number(123, -1) == 12.3);
    assert_true(observation_number(-412, -3) == -0.412);
    assert_true(observation_number(5, 1) == 50.0);
    assert_string_equal(observation_unit(EOCBUS__V1__UNIT__UNIT_PERCENT), "%");
    assert_string_equal(observation_unit(EOCBUS__V1__UNIT__UNIT_METRE_PER_SECOND_SQUARED), "m/s2");
    assert_string_equal(observation_unit((Eocbus__V1__Unit)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_a_series_comes_back),
        cmocka_unit_test(the_examples_of_the_contract_read_as_written),
        cmocka_unit_test(times_are_regular_or_explicit),
        cmocka_unit_test(a_minute_of_five_quiet_channels_is_short),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(lists_that_do_not_fit_are_refused),
        cmocka_unit_test(a_full_arena_is_an_answer),
        cmocka_unit_test(numbers_are_the_nearest_doubles),
    };

    return cmocka_run_group_tests_name("observations", tests, make_arena, free_arena);
}
