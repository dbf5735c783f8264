/* Sessions: who may have one, what ends it, and what cannot be read in it. */
#include "tests/unit/ingress/world.h"

/* --- sessions --------------------------------------------------------------------------------- */

static void hello_is_answered_welcome(void **state)
{
    (void)state;
    hello(3);
    assert_int_equal(world.agents[3].welcomes, 1);
    assert_int_equal(world.agents[3].session, 1);
}

static void anything_before_hello_is_answered_say_hello_first(void **state)
{
    (void)state;
    publish_run(3, 1, 2);
    assert_string_equal(world.agents[3].fault, "hello");
    ping(3, FAKE_UTC_US);
    assert_int_equal(world.agents[3].faults, 2);
    assert_int_equal(world.queued, 0);
    hello(3);
    publish_run(3, 1, 2);
    commit();
    assert_int_equal(world.agents[3].settled_count, 2);
}

static void hello_again_begins_a_new_session(void **state)
{
    (void)state;
    hello(3);
    publish_run(3, 1, 2);
    hello(3);
    assert_int_equal(world.agents[3].session, 2);
    assert_int_equal(world.last_gone, 1);
    commit();
    assert_int_equal(world.agents[3].settled_count, 0); /* of the old session: offered again */
}

static void one_principal_with_many_connections_keeps_the_newest(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(400); /* somebody else, the longest silent of all */
    one_principal = 7;
    for (unsigned n = 1; n <= 16; n++)
        hello(n);
    ping(1, FAKE_UTC_US); /* not the first any more */
    for (unsigned n = 17; n <= 20; n++)
        hello(n);
    one_principal = 0;
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 17);
    for (unsigned n = 1; n <= 20; n++) {
        assert_int_equal(world.agents[n].welcomes, 1);
        assert_int_equal(world.agents[n].faults, n >= 2 && n <= 5);
    }
    assert_string_equal(world.agents[2].fault, "sessions");
    assert_int_equal(world.agents[400].faults, 0);
}

static void hello_again_and_again_makes_no_room_in_the_store(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        hello(3);
        publish_run(3, 1 + round * 64, 64 + round * 64);
    }
    assert_int_equal(world.queued, 128); /* two windows of 64 */
    assert_string_equal(world.agents[3].busy_text, "your window is full: wait for receipts");
    commit();
    hello(3);
    publish_run(3, 129, 192);
    commit();
    assert_int_equal(world.agents[3].settled_count, 64);
    hello(4); /* and somebody else was never in need */
    publish_run(4, 1, 64);
    commit();
    assert_int_equal(world.agents[4].settled_count, 64);
}

static void an_unknown_protocol_version_is_refused(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    (void)state;
    h.protocol_min = 2;
    h.protocol_max = 3;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    say(1, &f);
    assert_string_equal(world.agents[1].fault, "protocol");
}

static void a_message_without_a_name_is_dropped_and_counted(void **state)
{
    struct zport_message m = {.from = address_of(1), .data = (const uint8_t *)"x", .len = 1};
    struct ingress_counters n;

    (void)state;
    ingress_on_message(world.in, &m);
    ingress_counters(world.in, &n);
    assert_int_equal(n.unauthenticated, 1);
    assert_int_equal(world.agents[1].frames, 0);
}

static void three_hundred_sessions_each_get_their_own_receipts(void **state)
{
    struct ingress_counters c;

    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        hello(n);
        publish_run(n, n + 1, n + 3);
    }
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 300);
    commit();
    for (unsigned n = 0; n < 300; n++) {
        assert_int_equal(world.agents[n].frames_of_receipts, 1);
        assert_int_equal(world.agents[n].settled_count, 3);
        assert_int_equal(world.agents[n].settled[0].tag, n + 1);
        assert_int_equal(world.agents[n].settled[2].seq, 3 * n + 3);
    }
}

static void a_full_table_refuses_strangers_but_lets_a_principal_replace_itself(void **state)
{
    struct zport_message m = {.from = address_of(450), .user_id = "office.n0"};
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;
    uint8_t bytes[64];

    (void)state;
    for (unsigned n = 0; n < 400; n++)
        hello(n);
    hello(401);
    assert_string_equal(world.agents[401].fault, "sessions");
    h.protocol_min = h.protocol_max = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    m.len = eocbus__v1__frame__pack(&f, bytes);
    m.data = bytes;
    ingress_on_message(world.in, &m); /* office.n0 comes back on another connection */
    assert_int_equal(world.agents[450].welcomes, 1);
    assert_int_equal(world.last_gone, 1);
}

static void ask_who(unsigned n, char **names, size_t count)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Who who = EOCBUS__V1__WHO__INIT;

    who.names = names;
    who.n_names = count;
    f.what_case = EOCBUS__V1__FRAME__WHAT_WHO;
    f.who = &who;
    say(n, &f);
}

static void who_is_answered_with_every_record_in_frames_that_fit_the_link(void **state)
{
    char *names[] = {(char *)"coes.k2", (char *)"coes.k0", (char *)"coes.none", (char *)"coes.k3"};

    (void)state;
    hello(1);
    ask_who(1, names, 4);
    assert_int_equal(world.agents[1].knowns, 1);
    assert_int_equal(world.agents[1].records, 5);
    assert_int_equal(world.agents[1].record_bytes, 5000);
    assert_int_equal(world.agents[1].nobodies, 2);
    hello_on(2, "2g");
    ask_who(2, names, 4);
    assert_int_equal(world.agents[2].records, 5);
    assert_int_equal(world.agents[2].nobodies, 2);
    assert_int_equal(world.agents[2].knowns, 5); /* the two names fit beside a record */
    assert_true(world.agents[2].largest_frame <= 1300);
    ask_who(1, names, 0);
    assert_string_equal(world.agents[1].fault, CODE_REQUIRED);
}

static void who_asks_for_very_many_records_gets_them_all(void **state)
{
    char *names[] = {(char *)"coes.k300", (char *)"coes.k0300"};

    (void)state;
    hello(1);
    ask_who(1, names, 2);
    assert_int_equal(world.agents[1].records, 600);
    assert_true(world.agents[1].largest_frame <= 33000);
    world.agents[1].is_gone = true;
    ask_who(1, names, 2);
    assert_int_equal(world.gone, 1);
}

static void a_name_that_stands_in_who_many_times_is_answered_once(void **state)
{
    char *names[64];

    (void)state;
    for (size_t i = 0; i < 64; i++)
        names[i] = (char *)(uintptr_t)(i % 2 ? "coes.k3" : "coes.k0");
    hello(1);
    ask_who(1, names, 64);
    assert_int_equal(world.agents[1].records, 3);
    assert_int_equal(world.agents[1].nobodies, 1);
}

static void a_silent_session_is_forgotten_and_one_that_pings_is_not(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(1);
    hello(2);
    fake_advance(world.loop, 20000);
    ping(2, FAKE_UTC_US);
    assert_int_equal(world.agents[2].pongs, 1);
    fake_advance(world.loop, 15000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 1);
    assert_int_equal(world.gone, 1);
    ping(1, FAKE_UTC_US);
    assert_string_equal(world.agents[1].fault, "hello");
}

static void each_link_has_its_own_patience(void **state)
{
    const struct ingress_settings set = {
        .window_items = 64, .window_bytes = 1 << 20, .quarantine_per_hour = 10, .idle_ms = 1000000};
    struct ingress_counters c;

    (void)state;
    ingress_set(world.in, &set);
    hello_on(1, "2g");
    hello_on(2, "fiber");
    ping_both_for(610, 10);
    fake_advance(world.loop, 19000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 2);
    fake_advance(world.loop, 2000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 1);
    assert_int_equal(c.silent, 1);
    fake_advance(world.loop, 178000); /* a stall of three minutes is no death on 2G */
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 1);
    fake_advance(world.loop, 2000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 0);
    assert_int_equal(c.silent, 2);
}

static void who_vanished_is_dead_only_if_he_does_not_come_back(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello_on(1, "fiber");
    hello_on(2, "fiber");
    hello_on(3, "fiber"); /* a command: it comes, speaks and goes */
    ping_both_for(61, 1);
    fake_advance(world.loop, 1000);
    world.agents[1].is_gone = world.agents[2].is_gone = true;
    ping(1, FAKE_UTC_US);
    ping(2, FAKE_UTC_US);
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 0);
    fake_advance(world.loop, 5000);
    world.agents[2].is_gone = false;
    hello_on(2, "fiber");
    for (unsigned s = 0; s < 14; s++) {
        fake_advance(world.loop, 1000);
        ping(2, FAKE_UTC_US);
    }
    ingress_counters(world.in, &c);
    assert_int_equal(c.silent, 0);
    fake_advance(world.loop, 2000);
    loop_turn(world.loop, 0);
    ingress_counters(world.in, &c);
    assert_int_equal(c.silent, 1);
    assert_int_equal(c.sessions, 1);
}

static void a_revoked_principal_is_silent_from_its_next_message_on(void **state)
{
    (void)state;
    hello(1);
    world.revoked[1] = true;
    publish_run(1, 1, 1);
    assert_string_equal(world.agents[1].fault, "principal");
    assert_int_equal(world.queued, 0);
    assert_int_equal(world.gone, 1);
}

static void a_recheck_ends_sessions_of_principals_that_are_gone(void **state)
{
    (void)state;
    hello(1);
    hello(2);
    world.revoked[1] = true;
    ingress_recheck(world.in);
    assert_string_equal(world.agents[1].fault, "principal");
    assert_int_equal(world.agents[2].faults, 0);
    assert_int_equal(world.gone, 1);
}

static void a_revoked_key_is_cut_off_with_all_that_waits_for_it(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(1);
    hello(2);
    world.revoked[1] = true;
    ingress_recheck(world.in);
    fake_advance(world.loop, 150);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 0); /* it may read why */
    fake_advance(world.loop, 150);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 1); /* though it has read everything */
    assert_int_equal(world.last_hung_up, 2);
    ping(1, FAKE_UTC_US); /* was on its way */
    fake_advance(world.loop, 300);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 2);
    ingress_counters(world.in, &c);
    assert_int_equal(c.revoked, 1);
    assert_int_equal(c.sessions, 1);
}

static void a_revoked_key_whose_socket_is_full_is_cut_off_at_once(void **state)
{
    (void)state;
    hello(1);
    world.agents[1].is_full = true;
    world.revoked[1] = true;
    ingress_recheck(world.in);
    assert_int_equal(world.hung_up, 1);
}

/* The session came with the key that is gone; the principal has another one. */
static void of_two_keys_only_the_revoked_one_is_put_out(void **state)
{
    (void)state;
    found.public_key[0] = 1;
    hello(1);
    found.public_key[0] = 2; /* all that access knows by now */
    ingress_recheck(world.in);
    assert_string_equal(world.agents[1].fault, "principal");
    hello(2);
    ingress_recheck(world.in);
    assert_int_equal(world.agents[2].faults, 0);
}

static void a_key_that_runs_out_ends_its_session_by_itself(void **state)
{
    (void)state;
    hello(1);
    world.next_end_us = loop_utc_us(world.loop) + 5300000;
    fake_advance(world.loop, 5250);
    loop_turn(world.loop, 0);
    assert_int_equal(world.agents[1].faults, 0);
    world.revoked[1] = true;
    fake_advance(world.loop, 100);
    loop_turn(world.loop, 0);
    assert_string_equal(world.agents[1].fault, "principal");
}

/* What it has receipts for may be missing in the restored log; only a Welcome makes it offer that.
 */
static void who_was_told_another_log_epoch_is_asked_for_a_new_hello(void **state)
{
    (void)state;
    world.log_epoch = 0; /* the log was not seen yet */
    hello(1);
    world.log_epoch = 1;
    hello(2);
    ingress_log_epoch(world.in, 1);
    assert_string_equal(world.agents[1].fault, "hello");
    assert_int_equal(world.agents[2].faults, 0);
    assert_int_equal(world.last_gone, world.agents[1].session);
    hello(1);
    world.log_epoch = 2; /* a backup was restored */
    ingress_log_epoch(world.in, 2);
    assert_int_equal(world.agents[1].faults, 2);
    assert_int_equal(world.agents[2].faults, 1);
    assert_int_equal(world.gone, 3);
}

static void a_connection_that_is_gone_ends_its_session(void **state)
{
    struct ingress_counters c;

    (void)state;
    hello(1);
    publish_run(1, 1, 10);
    world.agents[1].is_gone = true;
    commit();
    ingress_counters(world.in, &c);
    assert_int_equal(c.sessions, 0);
    assert_int_equal(world.gone, 1);
}

static void a_multipart_message_ends_the_session(void **state)
{
    struct zport_message m = {.from = address_of(1), .user_id = "office.n1"};

    (void)state;
    hello(1);
    ingress_on_broken(world.in, &m);
    assert_int_equal(world.gone, 1);
    assert_string_equal(world.agents[1].fault, "malformed");
}

static void listening_frames_go_to_the_exit(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribe s = EOCBUS__V1__SUBSCRIBE__INIT;
    char all[] = "**", *patterns[] = {all};

    (void)state;
    s.subscription = 1;
    s.patterns = patterns;
    s.n_patterns = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &s;
    say(1, &f);
    assert_int_equal(world.listens, 0);
    hello(1);
    say(1, &f);
    assert_int_equal(world.listens, 1);
}

/* --- frames that cannot be read --------------------------------------------------------------- */

static void an_unreadable_frame_goes_to_quarantine_with_tag_0(void **state)
{
    (void)state;
    hello(1);
    say_bytes(1, "\xff\xff\xff\xff", 4);
    assert_int_equal(world.queued, 1);
    assert_int_equal(world.queue[0]->tag, 0);
    assert_int_equal(world.queue[0]->principal_id, 2);
    assert_int_equal(world.queue[0]->content_len, 4);
    assert_non_null(world.queue[0]->refused);
    assert_int_equal(world.agents[1].faults, 1);
    commit();
    assert_int_equal(world.agents[1].settled_count, 0);
}

static void what_quarantine_keeps_of_a_large_frame_is_cut(void **state)
{
    uint8_t *bytes = mem_zalloc(200000);

    (void)state;
    memset(bytes, 0xff, 200000);
    hello(1);
    say_bytes(1, bytes, 200000);
    mem_free(bytes);
    assert_int_equal(world.queued, 1);
    assert_int_equal(world.queue[0]->content_len, LIMIT_CONTENT_BYTES);
}

static void a_frame_that_only_a_broker_says_is_a_fault(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Welcome w = EOCBUS__V1__WELCOME__INIT;

    (void)state;
    hello(1);
    f.what_case = EOCBUS__V1__FRAME__WHAT_WELCOME;
    f.welcome = &w;
    say(1, &f);
    assert_string_equal(world.agents[1].fault, "malformed");
}

/* --- connections without a session ------------------------------------------------------------ */

static void who_lost_its_session_and_reads_nothing_loses_its_connection(void **state)
{
    (void)state;
    one_principal = 7;
    for (unsigned n = 1; n <= 17; n++)
        hello(n); /* the first gives way to the seventeenth */
    fake_advance(world.loop, 1900);
    loop_turn(world.loop, 0);
    world.reads_nothing = true;
    assert_int_equal(world.hung_up, 0);
    fake_advance(world.loop, 1000);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 1);
    assert_int_equal(world.last_hung_up, 2);
}

static void who_read_it_may_stay_and_say_hello_again(void **state)
{
    (void)state;
    one_principal = 7;
    for (unsigned n = 1; n <= 17; n++)
        hello(n);
    fake_advance(world.loop, 5000);
    loop_turn(world.loop, 0);
    assert_int_equal(world.hung_up, 0);
    hello(1);
    assert_int_equal(world.agents[1].welcomes, 2);
}

static void more_than_a_few_without_a_session_are_too_many(void **state)
{
    (void)state;
    one_principal = 7;
    for (unsigned n = 1; n <= 16 + 8; n++)
        hello(n);
    assert_int_equal(world.hung_up, 0);
    hello(16 + 9);
    assert_int_equal(world.hung_up, 1);
    assert_int_equal(world.last_hung_up, 2);
}

/* --- clocks and memory ------------------------------------------------------------------------ */

static void parcels_carry_the_senders_clock_offset(void **state)
{
    (void)state;
    hello(1); /* 90 s ahead of the epoch of the fake clock, which shows 1 s */
    ping(1, FAKE_UTC_US + 80000000); /* was under way for longer: not believed */
    publish_run(1, 1, 1);
    assert_int_equal(world.queue[0]->clock_offset_ms, 89000);
}

static void a_clock_that_is_far_off_marks_its_messages(void **state)
{
    struct offer of_a_clock_ahead = {.tag = 1, .not_after_us = FAKE_UTC_US + 89500000};

    (void)state;
    hello(1); /* 89 s ahead */
    publish(1, &of_a_clock_ahead, 1);
    assert_int_equal(world.queue[0]->marks, PARCEL_CLOCK_SUSPECT);
    assert_int_equal(world.queue[0]->not_after_us, FAKE_UTC_US + 500000); /* by our clock */
    assert_true(world.queue[0]->expired);
    ping(1, FAKE_UTC_US - 200000000); /* set back too far: no frame is under way so long */
    publish_run(1, 2, 2);
    assert_int_equal(world.queue[1]->marks, PARCEL_CLOCK_SUSPECT);
}

static void a_clock_that_may_be_behind_is_asked_for(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Pong pong = EOCBUS__V1__PONG__INIT;

    (void)state;
    hello(2);
    assert_int_equal(world.agents[2].pings, 0);
    ping(2, FAKE_UTC_US - 3000000);
    assert_int_equal(world.agents[2].pings, 1);
    ping(2, FAKE_UTC_US - 3000000); /* once is enough for a while */
    assert_int_equal(world.agents[2].pings, 1);
    publish_run(2, 1, 1);
    assert_int_equal(world.queue[0]->marks, 0);
    pong.time_us = FAKE_UTC_US - 3000000;
    pong.ping_time_us = world.agents[2].ping_time_us;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PONG;
    f.pong = &pong;
    say(2, &f);
    publish_run(2, 2, 2);
    assert_int_equal(world.queue[1]->marks, PARCEL_CLOCK_SUSPECT);
    assert_int_equal(world.queue[1]->clock_offset_ms, -4000);
}

static void what_comes_long_after_it_was_sent_is_late(void **state)
{
    (void)state;
    fake_advance(world.loop, 299000);
    hello(1); /* says that it is 91 s behind: then what it sent at the begin is news */
    publish_run(1, 1, 1);
    fake_advance(world.loop, 1000000);
    publish_run(1, 2, 2);
    assert_false(world.queue[0]->marks & PARCEL_LATE);
    assert_true(world.queue[1]->marks & PARCEL_LATE);
}

static void creation_survives_any_allocation_that_fails(void **state)
{
    struct ingress_settings set = {.loop = world.loop, .name = "b", .sessions_max = 8};
    struct ingress *in = NULL;

    (void)state;
    for (unsigned long n = 1; !in; n++) {
        enum status st;

        assert_true(n < 100);
        mem_fail_at(n);
        st = ingress_create(&in, &set, &exits);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    ingress_destroy(in);
}

static void a_publish_survives_any_allocation_that_fails(void **state)
{
    (void)state;
    for (unsigned long n = 1; n < 60; n++) {
        mem_fail_at(n);
        hello(1);
        publish_run(1, 1, 3);
        commit();
        mem_fail_at(0);
    }
    world.agents[1].settled_count = 0;
    hello(1);
    publish_run(1, 1, 3);
    commit();
    assert_int_equal(world.agents[1].settled_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(hello_is_answered_welcome),
        IN_WORLD(anything_before_hello_is_answered_say_hello_first),
        IN_WORLD(hello_again_begins_a_new_session),
        IN_WORLD(one_principal_with_many_connections_keeps_the_newest),
        IN_WORLD(hello_again_and_again_makes_no_room_in_the_store),
        IN_WORLD(an_unknown_protocol_version_is_refused),
        IN_WORLD(a_message_without_a_name_is_dropped_and_counted),
        IN_WORLD(three_hundred_sessions_each_get_their_own_receipts),
        IN_WORLD(a_full_table_refuses_strangers_but_lets_a_principal_replace_itself),
        IN_WORLD(who_is_answered_with_every_record_in_frames_that_fit_the_link),
        IN_WORLD(a_name_that_stands_in_who_many_times_is_answered_once),
        IN_WORLD(who_asks_for_very_many_records_gets_them_all),
        IN_WORLD(a_silent_session_is_forgotten_and_one_that_pings_is_not),
        IN_WORLD(each_link_has_its_own_patience),
        IN_WORLD(who_vanished_is_dead_only_if_he_does_not_come_back),
        IN_WORLD(a_revoked_principal_is_silent_from_its_next_message_on),
        IN_WORLD(a_recheck_ends_sessions_of_principals_that_are_gone),
        IN_WORLD(a_revoked_key_is_cut_off_with_all_that_waits_for_it),
        IN_WORLD(a_revoked_key_whose_socket_is_full_is_cut_off_at_once),
        IN_WORLD(of_two_keys_only_the_revoked_one_is_put_out),
        IN_WORLD(a_key_that_runs_out_ends_its_session_by_itself),
        IN_WORLD(who_was_told_another_log_epoch_is_asked_for_a_new_hello),
        IN_WORLD(a_connection_that_is_gone_ends_its_session),
        IN_WORLD(a_multipart_message_ends_the_session),
        IN_WORLD(listening_frames_go_to_the_exit),
        IN_WORLD(an_unreadable_frame_goes_to_quarantine_with_tag_0),
        IN_WORLD(what_quarantine_keeps_of_a_large_frame_is_cut),
        IN_WORLD(a_frame_that_only_a_broker_says_is_a_fault),
        IN_WORLD(parcels_carry_the_senders_clock_offset),
        IN_WORLD(a_clock_that_is_far_off_marks_its_messages),
        IN_WORLD(a_clock_that_may_be_behind_is_asked_for),
        IN_WORLD(what_comes_long_after_it_was_sent_is_late),
        IN_WORLD(creation_survives_any_allocation_that_fails),
        IN_WORLD(a_publish_survives_any_allocation_that_fails),
        IN_WORLD(who_lost_its_session_and_reads_nothing_loses_its_connection),
        IN_WORLD(who_read_it_may_stay_and_say_hello_again),
        IN_WORLD(more_than_a_few_without_a_session_are_too_many),
    };

    return cmocka_run_group_tests_name("ingress", tests, NULL, NULL);
}
