/* Alarms go out before they are stored, once, and are taken back if they are refused. */
#include "tests/unit/ingress/world.h"

/* --- warn first ------------------------------------------------------------------------------- */

static void refuse_queued(const char *code)
{
    for (size_t i = 0; i < world.queued; i++) {
        world.queue[i]->refused = mem_zalloc(sizeof(struct refusal));
        world.queue[i]->refused->code = code;
    }
}

static void an_alarm_goes_out_before_the_store_has_it(void **state)
{
    const struct offer offers[] = {{.tag = 1}, {.tag = 2, .alarm = "mudflow"}, {.tag = 3}};

    (void)state;
    hello(1);
    publish(1, offers, 3);
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.warned[0].lane_seq, 2);
    assert_int_equal(world.warned[0].queued, 1); /* not yet, only the one before it */
    assert_int_equal(world.queued, 3);
    commit();
    assert_int_equal(world.agents[1].settled_count, 3);
    assert_int_equal(world.withdrawn_count, 0);
}

static void while_the_store_is_away_an_alarm_goes_out_once_and_stays_in_the_outbox(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    world.store_away = true;
    for (unsigned i = 0; i < 5; i++) {
        alarm_from(1, 1, "mudflow");
        assert_int_equal(world.agents[1].busies, 2 * i + 1);
        alarm_from(1, 2, "and again"); /* behind one that was not taken */
        assert_int_equal(world.agents[1].busies, 2 * i + 2);
    }
    assert_int_equal(world.warned_count, 2);
    hello(1); /* a new session offers everything again */
    alarm_from(1, 1, "mudflow");
    hello(2);
    alarm_from(2, 1, "mudflow"); /* somebody else's place */
    assert_int_equal(world.warned_count, 3);
    world.submit_answer = ST_OK;
    world.store_away = false;
    alarm_from(1, 1, "mudflow");
    alarm_from(1, 2, "and again");
    commit();
    alarm_from(1, 2, "and again"); /* its receipt got lost */
    assert_int_equal(world.warned_count, 3);
    assert_int_equal(world.withdrawn_count, 0);
}

/* The outbox holds the next alarm back until then. */
static void who_was_turned_away_with_an_alarm_may_come_again_soon(void **state)
{
    (void)state;
    hello_on(1, "fiber");
    hello_on(2, "2g"); /* it would be busy with offering the same again */
    world.submit_answer = ST_CLOSED;
    alarm_from(1, 1, "mudflow");
    for (unsigned i = 0; i < 5; i++) {
        fake_advance(world.loop, 4000);
        ping(1, FAKE_UTC_US);
        ping(2, FAKE_UTC_US);
    }
    alarm_from(1, 1, "mudflow");
    assert_int_equal(world.agents[1].retry_ms, 1000);
    alarm_from(2, 1, "mudflow");
    assert_int_equal(world.agents[2].retry_ms, 3000);
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 3000);
}

/* It is the other's alarm, by whomever it comes. */
static void an_alarm_that_is_carried_for_another_goes_out_once(void **state)
{
    const struct offer carried = {.tag = 1, .alarm = "mudflow", .sender = "coes.far"};

    (void)state;
    world.carries = true;
    hello(1);
    hello(2);
    world.submit_answer = ST_CLOSED;
    for (unsigned i = 0; i < 3; i++)
        publish(1, &carried, 1);
    publish(2, &carried, 1);
    assert_int_equal(world.warned_count, 1);
    alarm_from(1, 1, "mudflow"); /* the carrier's own of the same place */
    assert_int_equal(world.warned_count, 2);
}

static void an_alarm_beyond_the_window_goes_out_all_the_same(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    alarm_from(1, 65, "mudflow");
    assert_int_equal(world.agents[1].busies, 1);
    assert_int_equal(world.warned_count, 1);
}

static void what_may_not_be_said_or_is_too_late_warns_nobody(void **state)
{
    const struct offer foreign = {.tag = 1, .alarm = "mudflow", .sender = "office.n2"};
    const struct offer late = {.tag = 2, .alarm = "mudflow", .not_after_us = FAKE_UTC_US - 1};
    const struct offer torn = {.tag = 3, .alarm = "mudflow", .unreadable = true};
    const struct offer never = {.tag = 4, .lane = EOCBUS__V1__LANE__LANE_FLASH};
    const struct offer forged = {.tag = 5, .alarm = "mudflow", .forged = true};

    (void)state;
    hello(1);
    publish(1, &foreign, 1);
    publish(1, &late, 1);
    publish(1, &torn, 1);
    publish(1, &never, 1); /* an entry of a diary is no alarm */
    publish(1, &forged, 1);
    assert_int_equal(world.warned_count, 0);
    commit();
    assert_int_equal(world.agents[1].settled_count, 5);
    assert_string_equal(world.agents[1].settled[4].code, CODE_SIGNATURE);
    assert_int_equal(world.withdrawn_count, 0); /* nobody heard of them */
}

static void what_the_store_refuses_is_withdrawn_once(void **state)
{
    (void)state;
    hello(1);
    alarm_from(1, 7, "mudflow");
    refuse_queued(CODE_DATABASE);
    hello(1); /* its session is gone: listeners are told all the same */
    commit();
    assert_int_equal(world.withdrawn_count, 1);
    assert_int_equal(world.withdrawn_id, 7);
    assert_string_equal(world.withdrawn_code, CODE_DATABASE);
    assert_string_equal(world.withdrawn_places, "3505203");
    alarm_from(1, 7, "mudflow");
    refuse_queued(CODE_DATABASE);
    commit();
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.withdrawn_count, 1);
}

static bool count_standing(void *arg, const struct parcel *p)
{
    assert_true(p->warning && p->content_len);
    ++*(unsigned *)arg;
    return true;
}

static unsigned standing(void)
{
    unsigned n = 0;

    ingress_warnings(world.in, 0, count_standing, &n);
    return n;
}

static void an_alarm_stands_for_newcomers_until_its_fate_is_known(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (uint64_t seq = 1; seq <= 3; seq++)
        alarm_from(1, seq, "mudflow");
    alarm_from(1, 1, "mudflow");
    assert_int_equal(standing(), 3);
    world.submit_answer = ST_OK;
    alarm_from(1, 1, "mudflow");
    assert_int_equal(standing(), 3); /* on its way to the log */
    commit();
    assert_int_equal(standing(), 2);
    alarm_from(1, 2, "mudflow");
    refuse_queued(CODE_DATABASE);
    commit();
    assert_int_equal(standing(), 1);
    alarm_from(1, 3, "mudflow");
    ingress_logged(world.in, world.queue[0]); /* another broker was faster */
    assert_int_equal(standing(), 0);
    assert_int_equal(world.withdrawn_count, 1);
}

static void another_content_under_its_place_withdraws_no_alarm(void **state)
{
    (void)state;
    hello(1);
    alarm_from(1, 1, "mudflow");
    commit();
    alarm_from(1, 1, "no mudflow");
    refuse_queued("conflict");
    commit();
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.withdrawn_count, 0);
    assert_string_equal(world.agents[1].settled[1].code, "conflict");
    world.submit_answer = ST_CLOSED;
    alarm_from(1, 2, "mudflow");
    world.submit_answer = ST_OK;
    alarm_from(1, 2, "no mudflow"); /* while the fate of the first is open */
    refuse_queued("conflict");
    commit();
    assert_int_equal(world.withdrawn_count, 0);
    alarm_from(1, 2, "mudflow");
    refuse_queued("conflict");
    commit();
    assert_int_equal(world.withdrawn_count, 1);
}

static void an_alarm_whose_sender_lost_the_right_meanwhile_is_withdrawn(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (uint64_t seq = 1; seq <= 12; seq++)
        alarm_from(1, seq, "mudflow");
    assert_int_equal(world.warned_count, 12);
    world.submit_answer = ST_OK;
    world.denies = true;
    for (uint64_t seq = 1; seq <= 12; seq++)
        alarm_from(1, seq, "mudflow");
    assert_int_equal(world.withdrawn_count, 2); /* past the quota of ten: at once */
    commit();
    assert_int_equal(world.withdrawn_count, 12);
    assert_string_equal(world.withdrawn_code, CODE_SENDER);
}

static void note_denied(void *arg, enum log_level level, const char *line)
{
    (void)level;
    *(unsigned *)arg += strstr(line, " ingress.denied principal=office.n1 code=sender") != NULL;
}

/* A line a minute at most; the counter has all. */
static void who_speaks_under_anothers_name_is_counted_and_named(void **state)
{
    struct ingress_counters c;
    unsigned named = 0;

    (void)state;
    log_set_sink(note_denied, &named);
    hello(1);
    world.denies = true;
    for (uint64_t seq = 1; seq <= 100; seq++) {
        publish_run(1, seq, seq);
        commit();
    }
    log_set_sink(NULL, NULL);
    ingress_counters(world.in, &c);
    assert_int_equal(c.refused_sender, 100);
    assert_int_equal(c.refused_rights, 0);
    assert_int_equal(named, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(an_alarm_goes_out_before_the_store_has_it),
        IN_WORLD(while_the_store_is_away_an_alarm_goes_out_once_and_stays_in_the_outbox),
        IN_WORLD(who_was_turned_away_with_an_alarm_may_come_again_soon),
        IN_WORLD(an_alarm_that_is_carried_for_another_goes_out_once),
        IN_WORLD(an_alarm_beyond_the_window_goes_out_all_the_same),
        IN_WORLD(what_may_not_be_said_or_is_too_late_warns_nobody),
        IN_WORLD(what_the_store_refuses_is_withdrawn_once),
        IN_WORLD(an_alarm_stands_for_newcomers_until_its_fate_is_known),
        IN_WORLD(another_content_under_its_place_withdraws_no_alarm),
        IN_WORLD(an_alarm_whose_sender_lost_the_right_meanwhile_is_withdrawn),
        IN_WORLD(who_speaks_under_anothers_name_is_counted_and_named),
    };

    return cmocka_run_group_tests_name("alarms", tests, NULL, NULL);
}
