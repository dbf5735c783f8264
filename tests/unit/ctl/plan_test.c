#include "agents/ctl/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct plan_places places = {"/run/x", "/bin/x", "/demo"};

static int make_arena(void **state)
{
    return arena_create((struct arena **)state, 1 << 20) == ST_OK ? 0 : -1;
}

static int drop_arena(void **state)
{
    arena_destroy(*state);
    return 0;
}

static void without_a_file_four_agents_take_part(void **state)
{
    struct plan p;
    char err[200];

    assert_int_equal(plan_read(&p, *state, NULL, NULL, &places, err, sizeof(err)), ST_OK);
    assert_int_equal(p.agent_count, 4);
    assert_true(plan_find(&p, "sensor")->daemon);
    assert_int_equal(plan_find(&p, "sensor")->arg_count, 0);
    assert_false(plan_find(&p, "duty")->daemon);
    assert_string_equal(plan_find(&p, "duty")->place, "");
    assert_null(plan_find(&p, "nobody"));
}

static void a_line_becomes_a_command_with_its_places_filled_in(void **state)
{
    struct plan p;
    char err[200];
    const char *text =
        "# night\n\n100 district send flash --file %s/a.json --once-key %k \"two words\"\r\n"
        "200 wait\nrefused 3\n";

    assert_int_equal(plan_read(&p, *state, NULL, text, &places, err, sizeof(err)), ST_OK);
    assert_int_equal(p.line_count, 2);
    assert_int_equal(p.refused, 3);
    assert_int_equal(p.lines[0].at_ms, 100);
    assert_int_equal(p.lines[0].number, 3);
    assert_string_equal(p.lines[0].agent->short_name, "district");
    assert_int_equal(p.lines[0].arg_count, 7);
    assert_string_equal(p.lines[0].args[3], "/demo/a.json");
    assert_string_equal(p.lines[0].args[5], p.lines[0].key);
    assert_string_equal(p.lines[0].args[6], "two words");
    assert_null(p.lines[0].args[7]);
    assert_null(p.lines[1].agent);
}

static void a_line_for_every_start_is_a_line_as_any_other_but_for_that(void **state)
{
    struct plan p;
    char err[200];

    assert_int_equal(plan_read(&p, *state, NULL,
                               "1 anew district send --once-key %k\n2 district x\n", &places, err,
                               sizeof(err)),
                     ST_OK);
    assert_true(p.lines[0].anew);
    assert_string_equal(p.lines[0].args[0], "send");
    assert_string_equal(p.lines[0].args[2], p.lines[0].key);
    assert_false(p.lines[1].anew);
}

static void equal_lines_have_keys_of_their_own_that_survive_new_lines_before(void **state)
{
    struct plan p, q;
    char err[200], key[64];

    assert_int_equal(plan_read(&p, *state, NULL, "1 duty x\n1 duty x\n", &places, err, sizeof(err)),
                     ST_OK);
    assert_string_not_equal(p.lines[0].key, p.lines[1].key);
    snprintf(key, sizeof(key), "%s", p.lines[1].key);
    assert_int_equal(
        plan_read(&q, *state, NULL, "0 duty y\n1 duty x\n1 duty x\n", &places, err, sizeof(err)),
        ST_OK);
    assert_string_equal(q.lines[2].key, key);
}

static void expect_fault(struct arena *a, const char *agents, const char *plan, const char *part)
{
    struct plan p;
    char err[200];

    assert_int_equal(plan_read(&p, a, agents, plan, &places, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, part));
}

static void a_fault_names_file_and_line(void **state)
{
    expect_fault(*state, "a b c\n", NULL, "agents.txt line 1");
    expect_fault(*state, "a ../b c d e f\n", NULL, "names, not paths");
    expect_fault(*state, "a b c d e -\na b c d e -\n", NULL, "line 2");
    expect_fault(*state, NULL, "\n5 nobody x\n", "plan.txt line 2");
    expect_fault(*state, NULL, "x duty\n", "AT_MS");
    expect_fault(*state, NULL, "1 duty \"open\n", "not closed");
}

static void a_small_arena_is_an_answer_and_no_crash(void **state)
{
    struct arena *a;
    struct plan p;
    char err[200];

    (void)state;
    assert_int_equal(arena_create(&a, 4096), ST_OK);
    assert_int_equal(plan_read(&p, a, NULL, "1 duty x\n", &places, err, sizeof(err)), ST_NOMEM);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_file_four_agents_take_part, make_arena,
                                        drop_arena),
        cmocka_unit_test_setup_teardown(a_line_becomes_a_command_with_its_places_filled_in,
                                        make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(a_line_for_every_start_is_a_line_as_any_other_but_for_that,
                                        make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(
            equal_lines_have_keys_of_their_own_that_survive_new_lines_before, make_arena,
            drop_arena),
        cmocka_unit_test_setup_teardown(a_fault_names_file_and_line, make_arena, drop_arena),
        cmocka_unit_test(a_small_arena_is_an_answer_and_no_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
