/* Small pure parts of the link: profiles, and the set of tags in flight. */
#include "agents/link/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/link/tagset.h"

static void every_profile_of_the_settings_is_known(void **state)
{
    static const char *const names[] = {"fiber", "4g", "2g", "vsat", "radio"};

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_non_null(link_profile_by_name(names[i]));
    assert_null(link_profile_by_name("pigeon"));
    assert_null(link_profile_by_name(NULL));
}

static void backing_off_doubles_up_to_a_limit_with_jitter(void **state)
{
    const struct link_profile *p = link_profile_by_name("fiber");

    (void)state;
    assert_int_equal(link_profile_backoff_ms(p, 0, 0), 100);
    assert_int_equal(link_profile_backoff_ms(p, 1, 0), 200);
    assert_int_equal(link_profile_backoff_ms(p, 1000, 0), p->backoff_max_ms);
    assert_in_range(link_profile_backoff_ms(p, 1, 50), 150, 150);
    assert_in_range(link_profile_backoff_ms(p, 4, UINT32_MAX), 800, 1600);
}

static void a_set_of_tags_holds_each_once_in_any_order(void **state)
{
    struct tagset s = {0};

    (void)state;
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(tagset_add(&s, i * 37 % 101), ST_OK);
    assert_int_equal(s.count, 101);
    for (uint64_t i = 0; i < 101; i += 2)
        tagset_remove(&s, i);
    tagset_remove(&s, 5000);
    assert_int_equal(s.count, 50);
    assert_true(tagset_has(&s, 1));
    assert_false(tagset_has(&s, 2));
    tagset_clear(&s);
    assert_false(tagset_has(&s, 1));
    tagset_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_of_the_settings_is_known),
        cmocka_unit_test(backing_off_doubles_up_to_a_limit_with_jitter),
        cmocka_unit_test(a_set_of_tags_holds_each_once_in_any_order),
    };

    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
