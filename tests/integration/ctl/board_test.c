/* The dispatchers' room in a terminal: the queue of the page, from a database that it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/eocctl.h"

#include "proto/base/banned.h"

static void expect_none(const char *part)
{
    if (strstr(eocctl_said, part))
        fail_msg("there is \"%s\" in:\n%s", part, eocctl_said);
}

/* Ayni asks for four excavators; a depot promises six. */
static const char wanted[] =
    "DO $$ DECLARE me int4; n int4 := 0; BEGIN"
    " INSERT INTO bus.principal (name, agency, roles) VALUES ('coes.ayni.office', 'coes', 'all')"
    "  RETURNING principal_id INTO me;"
    " PERFORM bus.append_one(me, 1, 4::int2, d.n, d.id::uuid, d.type::int2, 1::int2, '3505203',"
    "   now(), now(), NULL, NULL, (2 << 4)::int2, '\\x00', NULL, NULL, NULL, d.doc,"
    "   (SELECT log_epoch FROM bus.log_head), 0)"
    "  FROM (VALUES (1, 160, '01890000-0000-7000-8000-000000000001', '{\"request_resource\":"
    "     {\"lines\": [{\"line_id\": 1, \"resource\": {\"kind\": \"excavator\"}, \"assignment\":"
    "     {\"quantity\": {\"value\": \"4\", \"unit\": \"H87\"}}}]}}'::jsonb),"
    "   (2, 163, '01890000-0000-7000-8000-000000000002', '{\"preceding_id\":"
    "     \"01890000-0000-7000-8000-000000000001\", \"commit_resource\": {\"lines\": [{"
    "     \"line_id\": 1, \"response\": {\"type\": \"RESPONSE_TYPE_ACCEPT\"}, \"assignment\":"
    "     {\"quantity\": {\"value\": \"6\", \"unit\": \"H87\"}}}]}}'::jsonb))"
    "  AS d(n, type, id, doc); END $$";

/* A word to a person, an exercise of yesterday, and what somebody types to talk to a terminal. */
static const char spoken[] =
    "DO $$ DECLARE me int4; he int4; BEGIN"
    " INSERT INTO bus.principal (name, agency, roles) VALUES ('coes.ayni.gusar', 'coes', 'all')"
    "  RETURNING principal_id INTO me;"
    " INSERT INTO bus.principal (name, agency, roles) VALUES ('coes.sughd.duty', 'coes', 'all')"
    "  RETURNING principal_id INTO he;"
    " PERFORM bus.append_one(me, 1, d.lane::int2, d.n, d.id::uuid, d.type::int2, d.status::int2,"
    "   '3505203', d.at, d.at, NULL, NULL, (2 << 4)::int2, '\\x00', NULL, NULL, NULL, d.doc,"
    "   (SELECT log_epoch FROM bus.log_head), 0)"
    "  FROM (VALUES"
    "   (1, 1, 120, 2, now() - interval '30 hours', '01890000-0000-7000-8000-000000000021',"
    "     '{\"flash_report\": {\"hazard\": \"HAZARD_MUDFLOW\", \"village\": "
    "\"Yesterday\"}}'::jsonb),"
    "   (2, 1, 120, 1, now(), '01890000-0000-7000-8000-000000000022',"
    "     jsonb_build_object('flash_report', jsonb_build_object('hazard', 'HAZARD_MUDFLOW',"
    "     'village', 'Gusar', 'houses', 3, 'text', E'gone \\x1b[2J\\nFLASH all is well')))"
    "  ) AS d(n, lane, type, status, at, id, doc); END $$";

static void what_is_wanted_stands_below_the_queue_and_who_has_promised_it(void **state)
{
    eocctl_expect(*state, "board", 0, "Nothing needs a decision.");
    assert_non_null(strstr(eocctl_said, "Nothing is wanted, promised or away."));
    pgserver_exec(*state, wanted);
    eocctl_expect(*state, "board", 0, "excavator");
    assert_non_null(strstr(eocctl_said, "promised more than wanted"));
    assert_non_null(strstr(eocctl_said, "Wanted 4"));
    assert_non_null(strstr(eocctl_said, ": promised 6"));
    eocctl_expect(*state, "board 35 --json", 0, "\"list\":\"resources\"");
    assert_non_null(strstr(eocctl_said, "\"promised\":6"));
    eocctl_expect(*state, "board 3601", 0, "Nothing is wanted, promised or away.");
    eocctl_expect(*state, "board 35 36", 2, "at most one place");
}

static void the_queue_folds_what_an_exercise_has_left_and_lets_nobody_write_into_it(void **state)
{
    pgserver_exec(*state, spoken);
    eocctl_expect(*state, "board", 0, "1 thing needs a decision");
    assert_non_null(
        strstr(eocctl_said, "1 thing is left by an exercise of another day · shown by --past"));
    assert_non_null(strstr(eocctl_said, "Gusar — houses: 3 — «gone \\x1b[2J FLASH all is well»"));
    expect_none("Yesterday");
    expect_none("\033");
    eocctl_expect(*state, "board --past", 0, "Yesterday");
    eocctl_expect(*state, "board 3601", 0, "Nothing needs a decision.");
}

static void it_speaks_three_languages_as_the_environment_says_or_the_option(void **state)
{
    eocctl_expect(*state, "board --lang ru", 0, "1 дело ждёт решения");
    assert_non_null(strstr(eocctl_said, "МОЛНИЯ"));
    assert_non_null(strstr(eocctl_said, "экскаватор"));
    eocctl_expect(*state, "board --lang tg", 0, "1 кор интизори қарор");
    eocctl_expect(*state, "board --lang de", 2, "tg, ru or en");
    setenv("LC_ALL", "ru_RU.UTF-8", 1);
    eocctl_expect(*state, "board", 0, "1 дело ждёт решения");
    setenv("LC_ALL", "C.UTF-8", 1);
    eocctl_expect(*state, "board", 0, "1 thing needs a decision");
}

static void what_does_not_fit_is_counted(void **state)
{
    eocctl_expect(*state, "board --most 0", 0, "and 1 more: --most shows them");
    expect_none("Gusar");
}

static void a_board_that_nobody_can_read_is_no_success(void **state)
{
    assert_int_equal(eocctl(*state, "board >/dev/full"), 4);
    assert_int_equal(eocctl(*state, "board --every 1 >/dev/full"), 4);
}

static void a_database_that_is_away_is_said(void **state)
{
    pgserver_stop(*state);
    assert_int_equal(eocctl(*state, "board"), 3);
    pgserver_start_again(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wanted_stands_below_the_queue_and_who_has_promised_it),
        cmocka_unit_test(the_queue_folds_what_an_exercise_has_left_and_lets_nobody_write_into_it),
        cmocka_unit_test(it_speaks_three_languages_as_the_environment_says_or_the_option),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(a_board_that_nobody_can_read_is_no_success),
        cmocka_unit_test(a_database_that_is_away_is_said),
    };

    return cmocka_run_group_tests_name("board", tests, eocctl_begin, eocctl_end);
}
