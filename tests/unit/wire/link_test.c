/* What a broker knows of links, by their names. */
#include "proto/wire/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/link/profile.h"
#include "proto/wire/limits.h"

static const char *const names[] = {"fiber", "4g", "2g", "vsat", "radio"};

static void a_link_that_nobody_knows_is_wide_and_patient(void **state)
{
    const struct link_limits *unknown = link_limits_by_name("pigeon");

    (void)state;
    assert_ptr_equal(link_limits_by_name(NULL), unknown);
    assert_int_equal(unknown->frame_bytes, 0);
    assert_int_equal(unknown->window_bytes, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_true(link_limits_by_name(names[i])->silent_ms <= unknown->silent_ms);
}

/* One table is the agent's, one the broker's: they must not drift apart. */
static void three_missed_pings_are_a_death_and_fewer_are_not(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        const struct link_profile *agent = link_profile_by_name(names[i]);
        const struct link_limits *broker = link_limits_by_name(names[i]);

        assert_string_equal(broker->name, names[i]);
        assert_true(broker->silent_ms > 3 * agent->ping_ms);
        assert_true(broker->silent_ms <= 7 * agent->ping_ms);
    }
    assert_int_equal(link_limits_by_name("fiber")->silent_ms, 20000);
    assert_int_equal(link_limits_by_name("4g")->silent_ms, 20000);
    assert_int_equal(link_limits_by_name("2g")->silent_ms, 200000);
}

static void a_thin_link_has_a_window_of_several_frames(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        const struct link_limits *l = link_limits_by_name(names[i]);

        assert_true(l->window_bytes >= 2 * l->frame_bytes);
        assert_true(l->frame_bytes < LIMIT_FRAME_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_nobody_knows_is_wide_and_patient),
        cmocka_unit_test(three_missed_pings_are_a_death_and_fewer_are_not),
        cmocka_unit_test(a_thin_link_has_a_window_of_several_frames),
    };

    return cmocka_run_group_tests_name("link limits", tests, NULL, NULL);
}
