#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire/observations.h"
#include "tests/lib/gen_message.h"

#define BASE_US INT64_C(1281215400000000) /* 2010-08-07T21:10:00Z */
#define STAGE   EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE
#define METRE   EOCBUS__V1__UNIT__UNIT_METRE
#define MISSING EOCBUS__V1__QUALITY__QUALITY_MISSING

typedef Eocbus__V1__ObservationBatch Batch;

static struct channel channel_of(uint32_t id, const struct sample *s, size_t n)
{
    return (struct channel){id, STAGE, METRE, -3, s, n};
}

/* Encodes, packs, unpacks, reads back and compares. */
static size_t round_trip(const struct channel *channels, size_t count)
{
    struct arena *a = NULL;
    struct refusal why = {.code = ""};
    Batch b, *again;
    uint8_t *bytes;
    size_t len;

    assert_int_equal(arena_create(&a, 8u << 20), ST_OK);
    assert_int_equal(observations_encode(&b, 7, channels, count, a, &why), ST_OK);
    assert_int_equal(gate_check(&b.base, &why), ST_OK);
    len = eocbus__v1__observation_batch__get_packed_size(&b);
    bytes = malloc(len + 1);
    eocbus__v1__observation_batch__pack(&b, bytes);
    again = eocbus__v1__observation_batch__unpack(arena_allocator(a), len, bytes);
    assert_non_null(again);
    assert_int_equal(observations_check(again, &why), ST_OK);
    assert_int_equal(again->n_series, count);
    for (size_t i = 0; i < count; i++) {
        struct series_cursor c;
        struct sample s;
        int64_t last = 0;
        size_t n = 0;

        series_begin(&c, again, again->series[i]);
        for (; series_next(&c, &s); n++) {
            const struct sample *want = &channels[i].samples[n];

            if (!(want->flags & MISSING))
                last = want->value;
            assert_int_equal(s.time_us, want->time_us);
            assert_int_equal(s.value, last);
            assert_int_equal(s.flags, want->flags == 1 ? 0 : want->flags);
        }
        assert_int_equal(n, channels[i].count);
    }
    free(bytes);
    arena_destroy(a);
    return len;
}

static void a_dry_hour_of_five_channels_is_small(void **state)
{
    struct sample s[60];
    struct channel c[5];

    (void)state;
    for (size_t i = 0; i < 60; i++)
        s[i] = (struct sample){BASE_US + (int64_t)i * 60000000, 412, 0};
    for (uint32_t i = 0; i < 5; i++)
        c[i] = channel_of(i + 1, s, 60);
    assert_in_range(round_trip(c, 5), 1, 120);
}

static void the_examples_of_the_contract_read_as_written(void **state)
{
    static const int64_t want[] = {412, 412, 412, 413, 413, 412, 412, 412};
    int64_t deltas[] = {1, -1};
    uint32_t holds[] = {3, 2};
    Eocbus__V1__Series s = EOCBUS__V1__SERIES__INIT, *list[] = {&s};
    Batch b = EOCBUS__V1__OBSERVATION_BATCH__INIT;
    struct refusal why = {.code = ""};
    struct series_cursor c;
    struct sample got;

    (void)state;
    b.base_time_us = BASE_US;
    b.dt_ms = 1000;
    b.sample_count = 8;
    b.n_series = 1;
    b.series = list;
    s.first = 412;
    s.n_deltas = s.n_holds = 2;
    s.deltas = deltas;
    s.holds = holds;
    assert_int_equal(observations_check(&b, &why), ST_OK);
    series_begin(&c, &b, &s);
    for (size_t i = 0; i < 8; i++) {
        assert_true(series_next(&c, &got));
        assert_int_equal(got.value, want[i]);
        assert_int_equal(got.time_us, BASE_US + (int64_t)i * 1000000);
    }
    assert_false(series_next(&c, &got));
}

static void a_gap_keeps_its_place_and_costs_no_value(void **state)
{
    struct sample s[] = {{BASE_US, 5, 0},
                         {BASE_US + 900000000, 999999, MISSING},
                         {BASE_US + 1800000000, 6, 1},
                         {BASE_US + 2700000000, 7, 32}};
    struct channel c = channel_of(3, s, 4);

    (void)state;
    round_trip(&c, 1);
}

static void times_that_jump_are_kept_to_the_millisecond(void **state)
{
    struct sample s[] = {
        {BASE_US, 1, 0}, {BASE_US, 2, 0}, {BASE_US + 1000, 3, 0}, {BASE_US + 86400000000, 4, 0}};
    struct sample t[] = {{BASE_US + 17000, 1, 0}};
    struct channel c[] = {channel_of(1, s, 4), channel_of(2, t, 1)};

    (void)state;
    round_trip(c, 2);
}

static void random_channels_come_back_exactly(void **state)
{
    struct gen g;

    (void)state;
    gen_seed(&g, 11);
    for (int round = 0; round < 400; round++) {
        size_t count = 1 + gen_below(&g, 6);
        struct channel c[6];
        struct sample *s[6];

        for (size_t i = 0; i < count; i++) {
            size_t n = 1 + gen_below(&g, gen_below(&g, 8) ? 40 : 250);
            uint64_t even = gen_below(&g, 2), quiet = 1 + gen_below(&g, 6);
            int64_t t = BASE_US + (int64_t)gen_below(&g, 3) * 60000000, v = 0;

            s[i] = calloc(n, sizeof(*s[i]));
            for (size_t k = 0; k < n; k++) {
                t += (int64_t)(even ? 1000 : gen_below(&g, 5000)) * 1000;
                if (!gen_below(&g, quiet))
                    v = (int64_t)gen_below(&g, gen_below(&g, 9) ? 50 : 1000000000000u) - 20;
                s[i][k] =
                    (struct sample){t, v, gen_below(&g, 4) ? 0 : (uint32_t)gen_below(&g, 16384)};
            }
            c[i] = channel_of((uint32_t)i + 1, s[i], n);
        }
        round_trip(c, count);
        for (size_t i = 0; i < count; i++)
            free(s[i]);
    }
}

static void what_cannot_be_said_is_refused(void **state)
{
    struct sample back[] = {{BASE_US, 1, 0}, {BASE_US - 1000, 2, 0}};
    struct sample odd[] = {{BASE_US, 1, 0}, {BASE_US + 1, 2, 0}};
    struct sample big[] = {{BASE_US, INT64_C(1000000000001), 0}};
    struct sample late[] = {{BASE_US, 1, 0}, {BASE_US + 86400001000, 2, 0}};
    const struct channel bad[] = {channel_of(1, back, 2), channel_of(1, odd, 2),
                                  channel_of(1, big, 1), channel_of(1, late, 2),
                                  channel_of(1, big, 0)};
    struct arena *a = NULL;
    struct refusal why;
    Batch b;

    (void)state;
    assert_int_equal(arena_create(&a, 1u << 20), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(observations_encode(&b, 1, &bad[i], 1, a, &why), ST_INVALID);
        assert_true(strlen(why.text) > 10);
    }
    assert_int_equal(observations_encode(&b, 1, bad, 0, a, &why), ST_INVALID);
    arena_destroy(a);
}

/* A batch of one series of ten samples that a test spoils. */
struct spoil {
    Batch b;
    Eocbus__V1__Series s, *list[2];
    Eocbus__V1__QualityRun run[2], *runs[2];
    int64_t deltas[10];
    uint32_t numbers[12];
};

static void make_spoil(struct spoil *p)
{
    memset(p, 0, sizeof(*p));
    eocbus__v1__observation_batch__init(&p->b);
    eocbus__v1__series__init(&p->s);
    p->b.sample_count = 10;
    p->b.series = p->list;
    p->b.n_series = 1;
    p->list[0] = p->list[1] = &p->s;
    p->s.deltas = p->deltas;
    for (size_t i = 0; i < 2; i++) {
        eocbus__v1__quality_run__init(&p->run[i]);
        p->runs[i] = &p->run[i];
        p->run[i].length = 1;
        p->run[i].flags = 2;
    }
    p->s.quality = p->runs;
}

static void expect(struct spoil *p, enum status st, const char *path)
{
    struct refusal why = {.code = ""};

    assert_int_equal(observations_check(&p->b, &why), st);
    if (st != ST_OK)
        assert_string_equal(why.path, path);
}

static void lists_that_do_not_fit_are_refused_with_their_path(void **state)
{
    struct spoil p;

    (void)state;
    make_spoil(&p);
    p.s.n_deltas = 9;
    expect(&p, ST_OK, "");
    p.s.n_deltas = 10;
    expect(&p, ST_INVALID, "observation_batch.series[0].deltas");

    make_spoil(&p);
    p.s.holds = p.numbers;
    p.s.n_holds = 1;
    expect(&p, ST_INVALID, "observation_batch.series[0].holds");
    p.s.n_deltas = 1;
    p.numbers[0] = 9;
    expect(&p, ST_OK, "");
    p.numbers[0] = 10;
    expect(&p, ST_INVALID, "observation_batch.series[0].holds");

    make_spoil(&p);
    p.s.time_deltas_ms = p.numbers;
    p.s.n_time_deltas_ms = 9;
    expect(&p, ST_INVALID, "observation_batch.series[0].time_deltas_ms");
    p.s.n_time_deltas_ms = 10;
    expect(&p, ST_OK, "");

    make_spoil(&p);
    p.s.n_quality = 2;
    p.run[1].offset = 9;
    expect(&p, ST_OK, "");
    p.run[1].length = 2;
    expect(&p, ST_INVALID, "observation_batch.series[0].quality[1]");
    p.run[1].offset = 0;
    p.run[1].length = 1;
    expect(&p, ST_INVALID, "observation_batch.series[0].quality[1]");
    p.run[1].offset = UINT32_MAX;
    p.run[1].length = UINT32_MAX;
    expect(&p, ST_INVALID, "observation_batch.series[0].quality[1]");

    make_spoil(&p);
    p.b.n_series = 2;
    expect(&p, ST_INVALID, "observation_batch.series[1]");
}

static void an_arena_that_is_full_says_so_at_every_size(void **state)
{
    struct sample s[50];
    struct channel c = channel_of(1, s, 50);
    enum status st = ST_NOMEM;

    (void)state;
    for (size_t i = 0; i < 50; i++)
        s[i] = (struct sample){BASE_US + (int64_t)(i * i) * 1000, (int64_t)(i / 3), i % 2 * 2};
    for (size_t cap = 64; st == ST_NOMEM; cap += 64) {
        struct arena *a = NULL;
        struct refusal why;
        Batch b;

        assert_int_equal(arena_create(&a, cap), ST_OK);
        st = observations_encode(&b, 1, &c, 1, a, &why);
        arena_destroy(a);
        assert_true(cap < 100000);
    }
    assert_int_equal(st, ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_hour_of_five_channels_is_small),
        cmocka_unit_test(the_examples_of_the_contract_read_as_written),
        cmocka_unit_test(a_gap_keeps_its_place_and_costs_no_value),
        cmocka_unit_test(times_that_jump_are_kept_to_the_millisecond),
        cmocka_unit_test(random_channels_come_back_exactly),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(lists_that_do_not_fit_are_refused_with_their_path),
        cmocka_unit_test(an_arena_that_is_full_says_so_at_every_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
