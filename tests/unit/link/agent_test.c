/* The life of an agent: settings, hello, restarts, brokers that come and go. */
#include "tests/unit/link/agent_world.h"

static void a_broker_that_forgot_us_is_greeted_again(void **state)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    (void)state;
    broker.no_receipts = true;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    fault.code = (char *)"hello";
    fault.text = (char *)"say hello first";
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    broker.no_receipts = false;
    fake_broker_send(&broker, &f);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(broker.hellos, 2);
    assert_int_equal(broker.items, 2);
    assert_int_equal(saw.faults, 1);
}

/* It ends each session as soon as it stands, for two seconds. */
static void a_broker_that_forgets_at_once_is_not_stormed(void **state)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    unsigned answered = 0;
    uint64_t end;

    (void)state;
    start();
    fault.code = (char *)"hello";
    fault.text = (char *)"say hello first";
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    end = loop_exact_us(loop) + 2000000;
    while (loop_exact_us(loop) < end ||
           (answered < 3 && loop_exact_us(loop) < end + PATIENCE * UINT64_C(60000000))) {
        loop_turn(loop, 10);
        if (broker.hellos == answered)
            continue;
        answered = broker.hellos;
        fake_broker_send(&broker, &f);
    }
    assert_in_range(answered, 3, 10);
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
}

static void after_a_restart_hello_says_what_its_receipts_said(void **state)
{
    (void)state;
    broker.log_epoch = 3;
    broker.seq = 40;
    start();
    WAIT_FOR(broker.hellos == 1);
    assert_int_equal(broker.known_seq, 0); /* nothing was ever said to it */
    put(ROUTINE, "one");
    put(BULK, "two");
    WAIT_FOR(saw.settled == 2);
    agent_destroy(agent);
    start();
    WAIT_FOR(broker.hellos == 2);
    assert_int_equal(broker.known_log_epoch, 3);
    assert_int_equal(broker.known_seq, 42);
}

static void a_command_beside_the_daemon_puts_and_the_daemon_sends(void **state)
{
    struct outbox_settings set = {.path = outbox_path, .sender = "rcst.ayni.team2"};
    struct outbox *command;
    uint64_t tag;

    (void)state;
    start();
    WAIT_FOR(saw.ups == 1);
    assert_int_equal(outbox_open(&command, &set, err, sizeof(err)), ST_OK);
    assert_int_equal(outbox_put_raw(command, 4, "from the command line", 21, &tag), ST_OK);
    assert_int_equal(outbox_commit(command), ST_OK);
    WAIT_FOR(broker.items == 1);
    assert_int_equal(broker.tags[0], tag);
    outbox_close(command);
}

/* Junk over the page with `text`, in a file that nobody has open. */
static void spoil_page_of(const char *text)
{
    char page[4096];
    int fd = open(outbox_path, O_RDWR);
    off_t at = 0;

    assert_true(fd >= 0);
    while (pread(fd, page, sizeof(page), at) == sizeof(page) &&
           !memmem(page, sizeof(page), text, strlen(text)))
        at += (off_t)sizeof(page);
    assert_true(at > 0);
    memset(page, 0xa5, sizeof(page));
    assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
    close(fd);
}

static void a_daemon_whose_outbox_is_damaged_goes_on_by_itself(void **state)
{
    struct agent_settings away = settings("fiber");
    struct agent_state st;
    char text[40];
    uint64_t epoch;

    (void)state;
    broker.is_silent = true;
    start_with(&away);
    epoch = outbox_epoch(agent_outbox(agent));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "the row number %u of the lane", i);
        put(ROUTINE, text);
    }
    assert_int_equal(agent_flush(agent), ST_OK);
    agent_destroy(agent);
    agent = NULL;
    spoil_page_of("the row number 100 of the lane");
    broker.is_silent = false;
    start();
    put(BULK, "said after the damage");
    WAIT_FOR(saw.drained > 0);
    assert_true(outbox_epoch(agent_outbox(agent)) > epoch);
    assert_in_range(broker.items, 150, 400); /* some perhaps before and after */
    assert_non_null(strstr(log_text, "outbox.mended"));
    agent_state(agent, &st);
    assert_int_equal(st.waiting, 0);
    assert_int_equal(st.refused, 0);
}

static void a_second_daemon_on_the_same_outbox_is_refused_at_once(void **state)
{
    struct agent_settings set = settings("fiber");
    struct agent *second_one = NULL;

    (void)state;
    set.stays = true;
    start_with(&set);
    assert_int_equal(
        agent_create(&second_one, loop, &set, "eocbus-district 0.1.0", NULL, err, sizeof(err)),
        ST_EXISTS);
    assert_non_null(strstr(err, "another eocbus-district already runs with this outbox ("));
    assert_non_null(strstr(err, outbox_path));
    set.stays = false; /* a command may */
    assert_int_equal(agent_create(&second_one, loop, &set, "t", NULL, err, sizeof(err)), ST_OK);
    agent_destroy(agent);
    set.stays = true; /* and a daemon beside the command too */
    start_with(&set);
    agent_destroy(second_one);
}

static unsigned sessions_now(void)
{
    struct agent_state st;

    agent_state(agent, &st);
    return st.sessions;
}

static void the_next_endpoint_is_tried_when_one_is_gone(void **state)
{
    struct agent_settings set;

    (void)state;
    set = settings("fiber");
    second.keys = broker.keys;
    fake_broker_open(&second, loop, "tcp://127.0.0.1:*");
    endpoints[1] = second.endpoint;
    set.endpoints.count = 2;
    start_with(&set);
    WAIT_FOR(sessions_now() == 2);
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(broker.items, 1);
    fake_broker_close(&broker);
    put(ROUTINE, "two");
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(second.items, 1);
    assert_int_equal(saw.ups, 1); /* a broker does our work all the time */
    assert_int_equal(saw.downs, 0);
}

static void an_unknown_key_says_what_to_do_and_comes_back_by_itself(void **state)
{
    (void)state;
    broker.verdict = "400";
    start();
    put(ROUTINE, "one");
    WAIT_FOR(strstr(log_text, "agent.key.unknown"));
    assert_null(strstr(log_text, "agent.link.lost")); /* one line says it */
    assert_non_null(strstr(log_text, keys.public_z85));
    assert_non_null(strstr(log_text, "eocctl enrol"));
    broker.verdict = "200"; /* enrolled */
    WAIT_FOR(saw.settled == 1);
}

static void a_bad_setting_is_told_in_a_sentence(void **state)
{
    struct agent_settings set = settings("carrier pigeon");

    (void)state;
    assert_int_equal(agent_create(&agent, loop, &set, "t", NULL, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "fiber, 4g"));
    set = settings("fiber");
    chmod(key_file, 0644);
    assert_int_equal(agent_create(&agent, loop, &set, "t", NULL, err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, key_file));
    agent = NULL;
}

static void making_an_agent_survives_every_failed_allocation(void **state)
{
    struct agent_settings set = settings("fiber");
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = agent_create(&agent, loop, &set, "t", &events, err, sizeof(err));
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(n < 200);
        loop_turn(loop, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_broker_that_forgot_us_is_greeted_again),
        T(a_broker_that_forgets_at_once_is_not_stormed),
        T(after_a_restart_hello_says_what_its_receipts_said),
        T(a_command_beside_the_daemon_puts_and_the_daemon_sends),
        T(a_daemon_whose_outbox_is_damaged_goes_on_by_itself),
        T(a_second_daemon_on_the_same_outbox_is_refused_at_once),
        T(the_next_endpoint_is_tried_when_one_is_gone),
        T(an_unknown_key_says_what_to_do_and_comes_back_by_itself),
        T(a_bad_setting_is_told_in_a_sentence),
        T(making_an_agent_survives_every_failed_allocation),
    };

    log_set_sink(catch_line, NULL);
    return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
