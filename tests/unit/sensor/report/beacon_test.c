#include "agents/sensor/report/beacon.h"
#include "agents/sensor/report/modem.h"
#include "tests/lib/patience.h"
#include "tests/unit/sensor/desk.h"

#include <fcntl.h>
#include <unistd.h>

struct alarm {
    Eocbus__V1__Envelope m;
    Eocbus__V1__SensorDetection d;
    uint8_t id[16];
};

static void make_alarm(struct alarm *a, uint8_t id)
{
    eocbus__v1__envelope__init(&a->m);
    eocbus__v1__sensor_detection__init(&a->d);
    memset(a->id, id, sizeof(a->id));
    a->d.hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    a->d.level = LEVEL(ALARM);
    a->m.message_id = (ProtobufCBinaryData){16, a->id};
    a->m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    a->m.event_time_us = T0;
    a->m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    a->m.sensor_detection = &a->d;
}

static void begin(struct beacon *b)
{
    const struct beacon_settings set = {{7, {1, 2, 3}}, 30, 20 * SECOND, LEVEL(ALARM)};

    beacon_begin(b, &set);
}

static void an_alarm_that_is_stored_in_time_flies_nowhere(void **state)
{
    struct beacon b;
    struct alarm a;

    (void)state;
    begin(&b);
    make_alarm(&a, 1);
    beacon_concluded(&b, &a.m, true, T0);
    beacon_put(&b, a.id, 77);
    assert_null(beacon_next(&b, T0 + 20 * SECOND - 1));
    beacon_stored(&b, 78);
    beacon_stored(&b, 77);
    assert_null(beacon_next(&b, T0 + 20 * SECOND));
    assert_int_equal(b.count, 0);
}

static void an_alarm_that_nobody_confirms_flies_and_without_a_link_at_once(void **state)
{
    const struct beacon_item *one;
    struct beacon b;
    struct alarm a, c;

    (void)state;
    begin(&b);
    make_alarm(&a, 1);
    make_alarm(&c, 2);
    beacon_concluded(&b, &a.m, true, T0);
    beacon_concluded(&b, &a.m, false, T0); /* put again */
    assert_int_equal(b.count, 1);
    one = beacon_next(&b, T0 + 20 * SECOND);
    assert_non_null(one);
    assert_memory_equal(one->id, a.id, 16);
    assert_true(one->len <= 70);
    beacon_concluded(&b, &c.m, false, T0 + 21 * SECOND);
    assert_null(beacon_next(&b, T0 + 21 * SECOND)); /* one at a time */
    beacon_answered(&b, true, T0 + 22 * SECOND);
    one = beacon_next(&b, T0 + 22 * SECOND);
    assert_non_null(one);
    assert_memory_equal(one->id, c.id, 16);
}

static void what_failed_is_tried_again_until_its_time_is_over(void **state)
{
    struct beacon b;
    struct alarm a;
    int64_t t = T0;
    unsigned tries = 0;

    (void)state;
    begin(&b);
    make_alarm(&a, 1);
    beacon_concluded(&b, &a.m, false, T0);
    for (; t < T0 + 3600 * SECOND; t += SECOND)
        if (beacon_next(&b, t)) {
            tries++;
            beacon_answered(&b, false, t);
        }
    assert_int_equal(tries, 30);
    assert_int_equal(b.count, 0);
    assert_int_equal(b.given_up, 1);
}

static void exercises_warnings_and_other_words_fly_never(void **state)
{
    struct beacon b;
    struct alarm a;

    (void)state;
    begin(&b);
    make_alarm(&a, 1);
    a.m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    beacon_concluded(&b, &a.m, false, T0);
    make_alarm(&a, 1);
    a.d.level = LEVEL(WARNING);
    beacon_concluded(&b, &a.m, false, T0);
    make_alarm(&a, 1);
    a.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_STATUS;
    beacon_concluded(&b, &a.m, false, T0);
    assert_int_equal(b.count, 0);
}

static void newer_alarms_take_the_place_of_the_oldest(void **state)
{
    const struct beacon_item *one;
    struct beacon b;

    (void)state;
    begin(&b);
    for (uint8_t i = 1; i <= BEACON_WAITING + 3; i++) {
        struct alarm a;

        make_alarm(&a, i);
        beacon_concluded(&b, &a.m, false, T0 + i);
        if (i == 1)
            assert_non_null(beacon_next(&b, T0 + i));
    }
    assert_int_equal(b.count, BEACON_WAITING);
    assert_int_equal(b.given_up, 3);
    assert_int_equal(b.item[0].id[0], 1); /* on its way */
    beacon_stored(&b, 0);
    beacon_answered(&b, true, T0 + SECOND);
    one = beacon_next(&b, T0 + SECOND);
    assert_int_equal(one->id[0], BEACON_WAITING + 3); /* the newest first */
}

/* --- the program ------------------------------------------------------------------------------ */

struct hears {
    int answers, ok;
};

static void on_answered(void *arg, bool ok)
{
    struct hears *h = arg;

    h->answers++;
    h->ok = ok;
}

static bool send_by(const char *command, unsigned timeout_ms)
{
    struct hears h = {0, 0};
    struct modem_settings set = {
        .command = command, .timeout_ms = timeout_ms, .answered = on_answered, .arg = &h};
    struct modem *m;
    char err[200];
    uint64_t end;

    assert_int_equal(loop_create(&set.loop), ST_OK);
    assert_int_equal(modem_create(&m, &set, err, sizeof(err)), ST_OK);
    modem_send(m, "\x0a\xff\x00", 3);
    end = loop_exact_us(set.loop) + PATIENCE * 60 * UINT64_C(1000000);
    while (!h.answers && loop_exact_us(set.loop) < end)
        loop_turn(set.loop, 100);
    assert_int_equal(h.answers, 1);
    modem_destroy(m);
    loop_destroy(set.loop);
    return h.ok;
}

static void a_program_carries_the_bytes_and_its_code_is_the_answer(void **state)
{
    char path[] = "/tmp/eocbus-modem-XXXXXX", command[128], text[64] = "";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    snprintf(command, sizeof(command), "sh -c \"printf %%s $0 > %s\"", path);
    assert_true(send_by(command, 60000));
    assert_int_equal(read(fd, text, sizeof(text) - 1), 6);
    assert_string_equal(text, "0aff00");
    close(fd);
    unlink(path);
    assert_false(send_by("false", 60000));
    assert_false(send_by("/no/such/program", 60000));
    assert_false(send_by("sh -c \"sleep 1000\"", 1)); /* killed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alarm_that_is_stored_in_time_flies_nowhere),
        cmocka_unit_test(an_alarm_that_nobody_confirms_flies_and_without_a_link_at_once),
        cmocka_unit_test(what_failed_is_tried_again_until_its_time_is_over),
        cmocka_unit_test(exercises_warnings_and_other_words_fly_never),
        cmocka_unit_test(newer_alarms_take_the_place_of_the_oldest),
        cmocka_unit_test(a_program_carries_the_bytes_and_its_code_is_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
