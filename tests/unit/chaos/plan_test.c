#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/fault/chaos/plan.h"

enum { FAULTS = 120, SPAN_MS = 450000, ALL = (1 << FAULT_KINDS) - 1 };

static struct plan_settings settings(uint64_t seed)
{
    return (struct plan_settings){.seed = seed,
                                  .faults = FAULTS,
                                  .span_ms = SPAN_MS,
                                  .brokers = 3,
                                  .offices = 6,
                                  .listeners = 3,
                                  .tun_office = 0,
                                  .small_disk_office = 1,
                                  .clock_office = 2,
                                  .clock_broker = 2,
                                  .possible = ALL};
}

static void the_same_seed_gives_the_same_plan(void **state)
{
    struct plan_settings set = settings(5);
    struct fault a[FAULTS], b[FAULTS];

    (void)state;
    memset(a, 0, sizeof(a));
    memset(b, 0, sizeof(b));
    plan_make(&set, a);
    plan_make(&set, b);
    assert_memory_equal(a, b, sizeof(a));
    set.seed = 6;
    plan_make(&set, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void every_kind_comes_about_equally_often(void **state)
{
    const struct plan_settings set = settings(1);
    unsigned times[FAULT_KINDS] = {0};
    struct fault f[FAULTS];

    (void)state;
    plan_make(&set, f);
    for (unsigned i = 0; i < FAULTS; i++)
        times[f[i].kind]++;
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        assert_in_range(times[kind], FAULTS / FAULT_KINDS, FAULTS / FAULT_KINDS + 1);
}

static void what_is_not_possible_does_not_come(void **state)
{
    struct plan_settings set = settings(1);
    struct fault f[FAULTS];

    (void)state;
    set.possible = ALL & ~(1u << DATABASE_FULL | 1u << OFFICE_LOSSY);
    plan_make(&set, f);
    for (unsigned i = 0; i < FAULTS; i++)
        assert_true(set.possible & 1u << f[i].kind);
}

static void nothing_suffers_two_faults_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct plan_settings set = settings(seed);
        struct fault f[FAULTS];

        plan_make(&set, f);
        for (unsigned i = 0; i < FAULTS; i++)
            for (unsigned k = i + 1; k < FAULTS; k++)
                if (fault_kind_info(f[i].kind)->whom == fault_kind_info(f[k].kind)->whom &&
                    f[i].victim == f[k].victim)
                    assert_true(f[k].at_ms > f[i].at_ms + f[i].for_ms);
    }
}

static void faults_come_in_time_last_as_long_as_they_may_and_overlap(void **state)
{
    struct plan_settings set = settings(9);
    struct fault f[FAULTS];
    unsigned overlaps = 0;

    (void)state;
    set.longest_ms = 4000;
    plan_make(&set, f);
    for (unsigned i = 0; i < FAULTS; i++) {
        const struct kind_info *info = fault_kind_info(f[i].kind);

        assert_true(!i || f[i].at_ms >= f[i - 1].at_ms);
        assert_true(f[i].at_ms < SPAN_MS + 30000);
        assert_true(f[i].for_ms >= info->least_ms && f[i].for_ms <= info->most_ms);
        assert_true(f[i].for_ms <= 4000);
        overlaps += i && f[i - 1].at_ms + f[i - 1].for_ms > f[i].at_ms;
    }
    assert_true(overlaps > 0);
}

static void special_victims_are_those_that_are_made_for_it(void **state)
{
    const struct plan_settings set = settings(3);
    struct fault f[FAULTS];

    (void)state;
    plan_make(&set, f);
    for (unsigned i = 0; i < FAULTS; i++) {
        if (f[i].kind == OFFICE_DARK || f[i].kind == OFFICE_LOSSY)
            assert_int_equal(f[i].victim, set.tun_office);
        if (f[i].kind == OFFICE_FULL || f[i].kind == OFFICE_POWER)
            assert_int_equal(f[i].victim, set.small_disk_office);
        if (f[i].kind == BROKER_CLOCK)
            assert_int_equal(f[i].victim, set.clock_broker);
        if (f[i].kind == LISTENER_KILLED)
            assert_in_range(f[i].victim, 0, set.listeners - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_plan),
        cmocka_unit_test(every_kind_comes_about_equally_often),
        cmocka_unit_test(what_is_not_possible_does_not_come),
        cmocka_unit_test(nothing_suffers_two_faults_at_once),
        cmocka_unit_test(faults_come_in_time_last_as_long_as_they_may_and_overlap),
        cmocka_unit_test(special_victims_are_those_that_are_made_for_it),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
