#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/sensor/quality/outvote.h"

static bool hear(struct outvote *v, bool is_ahead, unsigned times)
{
    bool changed = false;

    while (times--)
        changed = outvote_hear(v, is_ahead);
    return changed;
}

static void one_device_that_is_ahead_among_others_is_wrong(void **state)
{
    struct outvote v = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_false(hear(&v, true, OUTVOTE_SAMPLES - 1));
        assert_false(hear(&v, false, 1));
    }
    assert_false(v.is);
}

static void when_everything_is_ahead_we_are_wrong_until_nothing_is(void **state)
{
    struct outvote v = {0};

    (void)state;
    assert_true(hear(&v, true, OUTVOTE_SAMPLES));
    assert_true(v.is);
    assert_false(hear(&v, true, 1000));
    assert_false(hear(&v, false, OUTVOTE_SAMPLES - 1));
    assert_false(hear(&v, true, 1));
    assert_true(v.is);
    assert_true(hear(&v, false, OUTVOTE_SAMPLES));
    assert_false(v.is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_device_that_is_ahead_among_others_is_wrong),
        cmocka_unit_test(when_everything_is_ahead_we_are_wrong_until_nothing_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
