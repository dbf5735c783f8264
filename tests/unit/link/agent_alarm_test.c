/* An agent and alarms: heard before they have a number, once, and perhaps withdrawn. */
#include "tests/unit/link/agent_world.h"

static void make_alarm_of(const char *sender)
{
    Eocbus__V1__Envelope *m;
    char *own;

    /* As it would come: only what a listener looks at. The gate may say what it likes of the rest.
     */
    make_content(ROUTINE, 9);
    m = eocbus__v1__envelope__unpack(NULL, content_len, content);
    m->lane = EOCBUS__V1__LANE__LANE_FLASH;
    own = m->sender;
    m->sender = (char *)sender;
    content_len = eocbus__v1__envelope__pack(m, content);
    m->sender = own;
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void make_alarm(void)
{
    make_alarm_of("coes.dushanbe.duty");
}

static void an_alarm_is_handed_over_at_its_first_copy_and_only_then(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(0, 0); /* provisional */
    deliver(0, 0); /* over another broker */
    WAIT_FOR(saw.messages == 1);
    deliver(3, 0); /* stored */
    WAIT_FOR(broker.upto == 3);
    assert_int_equal(saw.messages, 1);
    assert_int_equal(saw.seqs[0], 0);
}

static void withdraw_of(const char *sender, uint8_t id_byte)
{
    uint8_t id[16];

    memset(id, id_byte, sizeof(id));
    id[6] = 0x70;
    id[8] = 0x80;
    fake_broker_withdraw(&broker, broker.subscription, sender, id);
}

static void withdraw(uint8_t id_byte)
{
    withdraw_of("coes.dushanbe.duty", id_byte);
}

/* Who may say FLASH and guesses, or has seen, the id of another's alarm says something under it
 * first, by another broker. */
static void two_senders_alarms_of_one_id_are_two_alarms(void **state)
{
    (void)state;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    make_alarm_of("rcst.ayni.team2");
    deliver(0, 0);
    WAIT_FOR(saw.messages == 1);
    make_alarm();
    deliver(0, 0);
    WAIT_FOR(saw.messages == 2);
    withdraw_of("", 9); /* a broker that does not say whose */
    withdraw_of("rcst.ayni.team2", 9);
    WAIT_FOR(saw.withdrawn == 1);
    deliver(0, 0); /* still known, also after a restart */
    WAIT_FOR(broker.warnings_taken == 3);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    assert_int_equal(saw.messages, 2);
    make_alarm_of("rcst.ayni.team2");
    deliver(4, 3); /* it is news: it was withdrawn */
    WAIT_FOR(saw.messages == 3);
    assert_int_equal(saw.withdrawn, 1);
}

static void a_warning_takes_no_credit_and_is_acknowledged(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(NULL, 4);
    WAIT_FOR(broker.subscribes == 1);
    for (unsigned i = 0; i < 5; i++)
        deliver(0, 0);
    WAIT_FOR(broker.warnings_taken == 5);
    assert_int_equal(broker.credit_given, 0);
    deliver(3, 0);
    deliver(5, 3);
    WAIT_FOR(broker.credit_given == 2);
    assert_int_equal(broker.warnings_taken, 5);
}

static void what_is_withdrawn_is_told_once_and_is_news_if_it_is_stored_after_all(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    withdraw(7);                          /* nobody heard of it */
    deliver(0, 0);                        /* without a number */
    WAIT_FOR(broker.warnings_taken == 1); /* it is on disk */
    assert_int_equal(saw.messages, 1);
    withdraw(8); /* another one */
    withdraw(9);
    withdraw(9);
    WAIT_FOR(saw.withdrawn == 1);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    assert_int_equal(saw.messages, 2);
    assert_int_equal(saw.withdrawn, 1);
}

static void what_came_with_its_number_cannot_be_withdrawn(void **state)
{
    (void)state;
    make_alarm();
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(0, 0);
    deliver(3, 0); /* stored */
    WAIT_FOR(broker.upto == 3);
    withdraw(9);   /* of another message that took its id */
    deliver(0, 0); /* behind it on the same line */
    WAIT_FOR(broker.warnings_taken == 2);
    assert_int_equal(saw.messages, 1);
    assert_int_equal(saw.withdrawn, 0);
}

/* What an older program remembered is the bare id. */
static void an_alarm_that_sounded_before_the_update_does_not_sound_again(void **state)
{
    struct inbox *in;
    uint8_t id[16];

    (void)state;
    memset(id, 9, sizeof(id));
    id[6] = 0x70;
    id[8] = 0x80;
    assert_int_equal(inbox_open(&in, inbox_path, "actual.**", err, sizeof(err)), ST_OK);
    inbox_remember(in, id);
    assert_int_equal(inbox_commit(in), ST_OK);
    inbox_close(in);
    make_alarm();
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(0, 0);
    WAIT_FOR(broker.warnings_taken == 1);
    assert_int_equal(saw.messages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_alarm_is_handed_over_at_its_first_copy_and_only_then),
        T(two_senders_alarms_of_one_id_are_two_alarms),
        T(a_warning_takes_no_credit_and_is_acknowledged),
        T(what_is_withdrawn_is_told_once_and_is_news_if_it_is_stored_after_all),
        T(what_came_with_its_number_cannot_be_withdrawn),
        T(an_alarm_that_sounded_before_the_update_does_not_sound_again),
    };

    log_set_sink(catch_line, NULL);
    return cmocka_run_group_tests_name("agent_alarm", tests, NULL, NULL);
}
