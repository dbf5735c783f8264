#include "agents/sensor/report/supervise.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "stage 1 stage metre -3 step=1s", "batt 2 batt_v volt -2 step=5m",
    "panel 3 panel_v volt -1",        "signal 4 rssi dbm 0",
    "wire 5 tripwire one 0",
};
enum { STAGE, BATT, PANEL, SIGNAL, WIRE };

struct bench {
    struct desk desk;
    struct quality quality;
    struct supervise v;
    Eocbus__V1__SensorStatus status;
    int doubted;
};

static void open_bench(struct bench *b)
{
    const struct supervise_limits limits = {11500, 100, 2000, 65536};
    char err[200];

    b->doubted = 0;
    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    assert_int_equal(
        quality_read(&b->quality, &b->desk.station, NULL, MINUTE, MINUTE, err, sizeof(err)), ST_OK);
    supervise_begin(&b->v, &b->desk.station, &b->quality, &limits, T0);
    eocbus__v1__sensor_status__init(&b->status);
    b->status.disk_free_kib = 65536;
}

static void take(struct bench *b, unsigned stream, int64_t t, int64_t value, uint32_t flags)
{
    struct sample s = {t, value, flags};

    quality_judge(&b->quality, stream, &s, t);
    b->doubted += supervise_sample(&b->v, stream, &s);
}

static void a_channel_whose_times_are_not_believed_is_silent_and_it_is_told_once(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b);
    for (int i = 0; i < 2 * SUPERVISE_DOUBTS; i++) {
        take(&b, WIRE, T0 + i * SECOND, 1, FLAG(CLOCK_SUSPECT));
        assert_int_equal(b.doubted, i >= SUPERVISE_DOUBTS - 1);
        assert_int_equal(supervise_look(&b.v, T0, &b.status), b.doubted ? TROUBLE_SILENT : 0);
    }
    assert_int_equal(b.status.silent_datastreams[0], 5);
    take(&b, WIRE, T0 + MINUTE / 2, 1, 0);
    assert_int_equal(supervise_look(&b.v, T0, &b.status), 0);
    desk_close(&b.desk);
}

static void power_and_signal_come_out_of_the_gateways_own_channels(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b);
    take(&b, BATT, T0, 1150, 0);
    take(&b, PANEL, T0, 182, 0);
    take(&b, SIGNAL, T0, -100, 0);
    assert_int_equal(supervise_look(&b.v, T0, &b.status), 0);
    assert_int_equal(b.status.battery_mv, 11500);
    assert_int_equal(b.status.panel_mv, 18200);
    assert_int_equal(b.status.rssi_dbm, -100);
    take(&b, BATT, T0 + SECOND, 1149, 0);
    take(&b, SIGNAL, T0 + SECOND, -101, 0);
    assert_int_equal(supervise_look(&b.v, T0, &b.status), TROUBLE_POWER | TROUBLE_SIGNAL);
    /* What is no word of now changes nothing. */
    take(&b, BATT, T0 + 2 * SECOND, 1300, FLAG(BAD));
    take(&b, BATT, T0 - 3600 * SECOND, 1300, 0);
    assert_int_equal(supervise_look(&b.v, T0, &b.status), TROUBLE_POWER | TROUBLE_SIGNAL);
    desk_close(&b.desk);
}

static void what_was_never_measured_is_no_trouble(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b);
    assert_int_equal(supervise_look(&b.v, T0, &b.status), 0);
    assert_int_equal(b.status.battery_mv, 0);
    desk_close(&b.desk);
}

static void a_clock_that_is_off_and_a_disk_that_fills_are_seen(void **state)
{
    char words[64];
    struct bench b;

    (void)state;
    open_bench(&b);
    b.status.clock_offset_ms = -2000;
    assert_int_equal(supervise_look(&b.v, T0, &b.status), 0);
    b.status.clock_offset_ms = -2001;
    b.status.disk_free_kib = 65535;
    assert_int_equal(supervise_look(&b.v, T0, &b.status), TROUBLE_CLOCK | TROUBLE_DISK);
    assert_string_equal(supervise_words(words, TROUBLE_CLOCK | TROUBLE_DISK), "clock disk");
    assert_string_equal(supervise_words(words, 0), "");
    assert_string_equal(supervise_words(words, 31), "power signal clock disk silent");
    desk_close(&b.desk);
}

static void a_channel_that_stops_is_named_and_one_that_speaks_on_change_is_not(void **state)
{
    struct sample ahead = {T0 + 86400 * SECOND, 400, 0};
    struct bench b;

    (void)state;
    open_bench(&b);
    take(&b, WIRE, T0, 1, 0);
    take(&b, STAGE, T0 + MINUTE, 400, 0);
    assert_int_equal(supervise_look(&b.v, T0 + 2 * MINUTE, &b.status), 0);
    assert_int_equal(supervise_look(&b.v, T0 + 2 * MINUTE + 1, &b.status), TROUBLE_SILENT);
    assert_int_equal(b.status.n_silent_datastreams, 1);
    assert_int_equal(b.status.silent_datastreams[0], 1);
    /* Never a word since the start: three steps of the battery are a quarter of an hour. */
    assert_int_equal(supervise_look(&b.v, T0 + 15 * MINUTE + 1, &b.status), TROUBLE_SILENT);
    assert_int_equal(b.status.n_silent_datastreams, 2);
    /* A clock that nobody believes is no word. */
    take(&b, BATT, T0 + 16 * MINUTE, 1200, 0);
    quality_judge(&b.quality, STAGE, &ahead, T0 + 16 * MINUTE);
    assert_int_equal(supervise_look(&b.v, T0 + 16 * MINUTE, &b.status), TROUBLE_SILENT);
    assert_int_equal(b.status.silent_datastreams[0], 1);
    take(&b, STAGE, T0 + 16 * MINUTE, 400, 0);
    assert_int_equal(supervise_look(&b.v, T0 + 16 * MINUTE, &b.status), 0);
    desk_close(&b.desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_whose_times_are_not_believed_is_silent_and_it_is_told_once),
        cmocka_unit_test(power_and_signal_come_out_of_the_gateways_own_channels),
        cmocka_unit_test(what_was_never_measured_is_no_trouble),
        cmocka_unit_test(a_clock_that_is_off_and_a_disk_that_fills_are_seen),
        cmocka_unit_test(a_channel_that_stops_is_named_and_one_that_speaks_on_change_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
