#include "agents/sensor/input/mapping.h"
#include "proto/base/file.h"
#include "tests/lib/gen_message.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "gusar.stage 1 stage metre -3",      "gusar.rain 2 rain_acc millimetre -1",
    "gusar.battery 3 batt_v volt -2",    "gusar.signal 4 rssi dbm 0",
    "gusar.count 5 gv_imp per_second 0",
};

struct bench {
    struct desk desk;
    struct devices devices;
    const struct device *all[DEVICES];
    struct mapping m;
    struct sample sample[32];
    unsigned stream[32], count, unknown;
    char why[MAPPING_WHY];
};

static void on_sample(void *arg, unsigned stream, const struct sample *s)
{
    struct bench *b = arg;

    assert_true(stream < b->desk.station.stream_count);
    if (b->count < 32) {
        b->sample[b->count] = *s;
        b->stream[b->count] = stream;
    }
    b->count++;
}

static void on_unknown(void *arg, const char *why)
{
    struct bench *b = arg;

    b->unknown++;
    snprintf(b->why, sizeof(b->why), "%s", why);
    assert_true(strlen(why) > 10);
}

static void open_bench(struct bench *b, const char *const *lines, size_t n)
{
    struct conf_list list = {(char **)lines, n};
    char err[400];

    memset(b, 0, sizeof(*b));
    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    if (devices_read(&b->devices, &b->desk.station, &list, b->desk.arena, err, sizeof(err)) !=
        ST_OK)
        fail_msg("%s", err);
    for (unsigned i = 0; i < b->devices.count; i++)
        b->all[i] = &b->devices.device[i];
    b->m = (struct mapping){.station = &b->desk.station,
                            .devices = b->all,
                            .count = b->devices.count,
                            .now_us = T0 + 5 * SECOND,
                            .topic = "",
                            .sample = on_sample,
                            .unknown = on_unknown,
                            .arg = b};
}

static void read_text(struct bench *b, const char *text)
{
    b->count = b->unknown = 0;
    b->why[0] = '\0';
    mapping_read(&b->m, text, strlen(text));
}

static void expect(const struct bench *b, unsigned i, unsigned stream, int64_t time_us,
                   int64_t value, uint32_t flags)
{
    assert_true(i < b->count);
    assert_int_equal(b->stream[i], stream);
    assert_int_equal(b->sample[i].time_us, time_us);
    assert_int_equal(b->sample[i].value, value);
    assert_int_equal(b->sample[i].flags, flags);
}

static void a_devices_json_is_read_exactly(void **state)
{
    static const char *const lines[] = {
        "radar json time=ts level:gusar.stage*0.001 battery.v:gusar.battery list.1:gusar.count"};
    struct bench b;

    (void)state;
    open_bench(&b, lines, 1);
    read_text(&b,
              "{\"ts\":1281200000,\"level\":1284,\"battery\":{\"v\":12.345},\"list\":[1,true]}");
    assert_int_equal(b.unknown, 0);
    assert_int_equal(b.count, 3);
    expect(&b, 0, 0, T0, 1284, 0);
    expect(&b, 1, 2, T0, 1235, 0);
    expect(&b, 2, 4, T0, 1, 0);
    /* Times as people write them; readings as words; several messages in one. */
    read_text(&b, "[{\"ts\":\"2010-08-07T21:53:20.500+05:00\",\"level\":\" 17 \"},"
                  "{\"ts\":1281200001250,\"level\":1e1},{\"ts\":1281200002000000,\"level\":null}]");
    assert_int_equal(b.unknown, 0);
    expect(&b, 0, 0, T0 + SECOND / 2, 17, 0);
    expect(&b, 1, 0, T0 + SECOND + SECOND / 4, 10, 0);
    expect(&b, 2, 0, T0 + 2 * SECOND, 0, FLAG(MISSING));
    desk_close(&b.desk);
}

static void nonsense_is_kept_and_flagged_and_told(void **state)
{
    static const char *const lines[] = {"radar json time=ts level:gusar.stage"};
    static const char *const told[] = {
        "", "x", "{", "[1,2", "3", "\"a\"", "{\"a\":1}", "{\"level\":", "\xff", "[]x", "{\"ts\":1}",
    };
    struct bench b;

    (void)state;
    open_bench(&b, lines, 1);
    read_text(&b, "{\"ts\":1281200000,\"level\":\"broken\"}");
    expect(&b, 0, 0, T0, 0, FLAG(MISSING) | FLAG(BAD));
    assert_int_equal(b.unknown, 1);
    read_text(&b, "{\"ts\":1281200000,\"level\":{\"deep\":1}}");
    expect(&b, 0, 0, T0, 0, FLAG(MISSING) | FLAG(BAD));
    read_text(&b, "{\"ts\":1281200000,\"level\":1e300}");
    expect(&b, 0, 0, T0, 0, FLAG(MISSING) | FLAG(BAD));
    read_text(&b, "{\"ts\":\"yesterday\",\"level\":1}");
    expect(&b, 0, 0, T0 + 5 * SECOND, 1000, FLAG(CLOCK_SUSPECT));
    assert_int_equal(b.unknown, 1);
    read_text(&b, "{\"ts\":99,\"level\":1}");
    expect(&b, 0, 0, T0 + 5 * SECOND, 1000, FLAG(CLOCK_SUSPECT));
    read_text(&b, "{\"level\":1}");
    expect(&b, 0, 0, T0 + 5 * SECOND, 1000, FLAG(CLOCK_SUSPECT));
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        read_text(&b, told[i]);
        assert_int_equal(b.count, 0);
        assert_int_equal(b.unknown, 1);
    }
    b.count = b.unknown = 0;
    mapping_read(&b.m, b.why, MAPPING_BYTES + 1);
    assert_int_equal(b.unknown, 1);
    desk_close(&b.desk);
}

static void csv_has_columns_a_header_and_zones(void **state)
{
    static const char *const lines[] = {
        "logger csv time=1 zone=+05:00 separator=; 2:gusar.stage 4:gusar.rain"};
    struct bench b;

    (void)state;
    open_bench(&b, lines, 1);
    read_text(&b, "time;stage;x;rain\r\n2010-08-07 21:53:20;1.284;9;0.2\r\n"
                  "2010-08-07 21:53:30;oops;9;\n\n2010-08-07T16:53:40Z;2\n");
    assert_int_equal(b.count, 5);
    expect(&b, 0, 0, T0, 1284, 0);
    expect(&b, 1, 1, T0, 2, 0);
    expect(&b, 2, 0, T0 + 10 * SECOND, 0, FLAG(MISSING) | FLAG(BAD));
    expect(&b, 3, 1, T0 + 10 * SECOND, 0, FLAG(MISSING));
    expect(&b, 4, 0, T0 + 20 * SECOND, 2000, 0);
    assert_int_equal(b.unknown, 1);
    desk_close(&b.desk);
}

static void read_file(struct bench *b, const char *path)
{
    struct buf text = {0}, filled = {0};

    assert_int_equal(file_read(path, &text, 65536), ST_OK);
    /* Placeholders of the conformance suite: datastream 7 for all of them. */
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '$') {
            buf_put(&filled, text.data + i, 1);
            continue;
        }
        buf_put(&filled, "7", 1);
        while (i + 1 < text.len && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ-_$", text.data[i + 1]))
            i++;
    }
    b->count = b->unknown = 0;
    mapping_read(&b->m, filled.data, filled.len);
    buf_free(&text);
    buf_free(&filled);
}

static void lorawan_servers_are_understood(void **state)
{
    static const char *const lines[] = {
        "hut chirpstack eui=a84041000181c061 rain_mm:gusar.rain battery.v:gusar.battery "
        "@rssi:gusar.signal tipped:gusar.count",
        "mast ttn eui=0004a30b001c0530 rain_mm:gusar.rain battery.v:gusar.battery "
        "@rssi:gusar.signal",
        "other chirpstack eui=a84041000181c062 rain_mm:gusar.stage",
    };
    struct bench b;

    (void)state;
    open_bench(&b, lines, 3);
    read_file(&b, "tests/data/lorawan/chirpstack4-up.json");
    assert_int_equal(b.unknown, 0);
    assert_int_equal(b.count, 4);
    expect(&b, 0, 1, T0 + 775000, 2, 0);
    expect(&b, 1, 2, T0 + 775000, 360, 0);
    expect(&b, 2, 3, T0 + 775000, -48, 0);
    expect(&b, 3, 4, T0 + 775000, 1, 0);
    read_file(&b, "tests/data/lorawan/chirpstack3-up.json");
    assert_int_equal(b.unknown, 0);
    assert_int_equal(b.count, 3);
    expect(&b, 0, 1, T0, 2, 0);
    expect(&b, 2, 3, T0, -48, 0);
    /* A join is no reading, and no fault. */
    read_file(&b, "tests/data/lorawan/chirpstack4-join.json");
    assert_int_equal(b.count + b.unknown, 0);
    b.m.devices = b.all + 1;
    read_file(&b, "tests/data/lorawan/ttn3-up.json");
    assert_int_equal(b.unknown, 0);
    assert_int_equal(b.count, 3);
    expect(&b, 0, 1, T0 + 408000, 4, 0);
    expect(&b, 2, 3, T0 + 408000, -35, 0);
    desk_close(&b.desk);
}

static void a_lorawan_device_nobody_named_is_told(void **state)
{
    static const char *const lines[] = {"hut chirpstack eui=a84041000181c0ff rain_mm:gusar.rain"};
    struct bench b;

    (void)state;
    open_bench(&b, lines, 1);
    read_file(&b, "tests/data/lorawan/chirpstack4-up.json");
    assert_int_equal(b.count, 0);
    assert_int_equal(b.unknown, 1);
    assert_non_null(strstr(b.why, "a84041000181c061"));
    read_text(&b,
              "{\"deviceInfo\":{\"devEui\":\"a84041000181c0ff\"},\"fCnt\":1,\"data\":\"AA==\"}");
    assert_non_null(strstr(b.why, "codec"));
    desk_close(&b.desk);
}

static void sensorthings_of_the_conformance_suite_is_read(void **state)
{
    static const struct {
        const char *file;
        int64_t seconds, value; /* since 2015-03-01T00:00:00Z; of the last sample */
        unsigned samples;
    } rows[] = {
        {"1", 0, 92122, 1},
        {"2", 600, 3, 1},
        {"3", 1200, 5, 1},
        {"4", 2400, 8, 1},
        {"5", 2400, 8, 1},
        {"6", 0, 92122, 1},
        {"7", 0, 92122, 1},
        {"8", 600, 3, 1},
        {"9", 1200, 5, 1},
        {"10", 2400, 8, 1},
        {"11", 0, 92122, 1},
        {"12", 600, 3, 1},
        {"13", 1200, 5, 1},
        {"14", 2400, 8, 1},
        {"embeddedFeatureOfInterestValid", 0, 100, 1},
        {"intervalPhenomenonTime", 86399, 92122, 1},
        {"linkedDataStream", 0, 55, 1},
        {"linkedDataStreamWithFOI", 0, 55, 1},
        {"observation", 0, 100, 1},
        {"observationWithoutPTime", 10, 92122, 1},
        {"observationWithoutPTimeValid", 10, 92122, 1},
    };
    static const char *const lines[] = {"gauge sensorthings 7:gusar.count"};
    const int64_t from = INT64_C(1425168000000000);
    struct bench b;
    char path[200];

    (void)state;
    open_bench(&b, lines, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(path, sizeof(path), "tests/data/sensorthings/%s.json", rows[i].file);
        read_file(&b, path);
        if (b.unknown || b.count != rows[i].samples)
            fail_msg("%s: %u samples, %s", path, b.count, b.why);
        expect(&b, b.count - 1, 4, from + rows[i].seconds * SECOND, rows[i].value, 0);
    }
    /* Its times are no ISO 8601 ("-0700Z"): the readings are kept, flagged. */
    read_file(&b, "tests/data/sensorthings/dataArray.json");
    assert_int_equal(b.count, 2);
    expect(&b, 0, 4, T0 + 5 * SECOND, 65, FLAG(CLOCK_SUSPECT));
    expect(&b, 1, 4, T0 + 5 * SECOND, 60, FLAG(CLOCK_SUSPECT));
    read_text(&b, "{\"result\":1,\"Datastream\":{\"@iot.id\":8}}");
    assert_int_equal(b.count, 0);
    assert_non_null(strstr(b.why, "no datastream 8"));
    b.m.topic = "v1.1/Datastreams(7)/Observations";
    read_text(&b, "{\"result\":1}");
    expect(&b, 0, 4, T0 + 5 * SECOND, 1, 0);
    b.m.topic = "v1.1/Datastreams(9)/Observations";
    read_text(&b, "{\"result\":1}");
    assert_int_equal(b.count, 0);
    desk_close(&b.desk);
}

static void a_wrong_device_line_is_a_sentence(void **state)
{
    static const char *const bad[] = {
        "radar",
        "radar xml a:gusar.stage",
        "radar json",
        "radar json level",
        "radar json level:",
        "radar json :gusar.stage",
        "radar json level:gusar.nothing",
        "radar json level:gusar.stage*x",
        "radar json level:gusar.stage*0",
        "hut ttn eui=12 a:gusar.stage",
        "log csv x:gusar.stage",
        "log csv 0:gusar.stage",
        "log csv time=ts 1:gusar.stage",
        "log csv separator=ab 1:gusar.stage",
        "log csv zone=5 1:gusar.stage",
    };
    struct bench b;
    char err[400];

    (void)state;
    open_bench(&b, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct conf_list list = {(char **)&bad[i], 1};

        assert_int_equal(
            devices_read(&b.devices, &b.desk.station, &list, b.desk.arena, err, sizeof(err)),
            ST_INVALID);
        assert_non_null(strstr(err, bad[i]));
    }
    desk_close(&b.desk);
}

/* MAPPING_PAYLOADS=1000000 for the long form. */
static void no_spoiled_payload_breaks_the_mapping(void **state)
{
    static const char *const lines[] = {
        "radar json time=ts level:gusar.stage*0.001 battery.v:gusar.battery list.1:gusar.count",
        "hut chirpstack eui=a84041000181c061 rain_mm:gusar.rain @rssi:gusar.signal",
        "mast ttn eui=0004a30b001c0530 rain_mm:gusar.rain @rssi:gusar.signal",
        "gauge sensorthings 7:gusar.count",
        "logger csv time=1 zone=+05:00 separator=; 2:gusar.stage 4:gusar.rain",
        "any lines",
    };
    static const char *const seeds[][3] = {
        {"{\"ts\":1281200000.25,\"level\":1284,\"battery\":{\"v\":12.345},\"list\":[1,true]}",
         "[{\"ts\":\"2010-08-07T21:53:20.500+05:00\",\"level\":\" 17 \"}]",
         "{\"ts\":null,\"level\":-1e-7}"},
        {"{\"deviceInfo\":{\"devEui\":\"a84041000181c061\"},\"time\":\"2010-08-07T16:53:20Z\","
         "\"object\":{\"rain_mm\":0.2},\"rxInfo\":[{\"rssi\":-48}]}",
         "{\"devEUI\":\"qEBBAAGBwGE=\",\"fCnt\":1,\"objectJSON\":\"{\\\"rain_mm\\\":0.2}\"}",
         "{\"devEUI\":\"a84041000181c061\",\"data\":\"AA==\"}"},
        {"{\"end_device_ids\":{\"dev_eui\":\"0004A30B001C0530\"},\"uplink_message\":{"
         "\"decoded_payload\":{\"rain_mm\":1},\"rx_metadata\":[{\"rssi\":-5}]}}",
         "{\"uplink_message\":[]}", "{}"},
        {"{\"result\":1,\"phenomenonTime\":\"2015-03-01T00:00:00Z/2015-03-01T01:00:00Z\","
         "\"Datastream\":{\"id\":7}}",
         "[{\"Datastream\":{\"@iot.id\":7},\"components\":[\"phenomenonTime\",\"result\"],"
         "\"dataArray\":[[\"2010-12-23T10:20:00Z\",65],[null,null]]}]",
         "[[],{\"dataArray\":7}]"},
        {"2010-08-07 21:53:20;1.284;9;0.2\n2010-08-07T16:53:40Z;2\n", "a;b\n;;;;", "1281200000;5"},
        {"gusar.stage 2010-08-07T20:10:00+05:00 1.284 estimated\n", "gusar.rain now -\n", "flush"},
    };
    const char *wanted = getenv("MAPPING_PAYLOADS");
    unsigned long payloads = wanted ? strtoul(wanted, NULL, 10) : 20000;
    struct bench b;
    struct gen g;

    (void)state;
    open_bench(&b, lines, ARRAY_LEN(lines));
    gen_seed(&g, 1883);
    for (unsigned long i = 0; i < payloads; i++) {
        unsigned which = (unsigned)gen_below(&g, ARRAY_LEN(lines));
        const char *from = seeds[which][gen_below(&g, 3)];
        size_t len = strlen(from);
        uint8_t bytes[2048], *exact;

        memcpy(bytes, from, len);
        for (uint64_t k = gen_below(&g, 6); k > 0; k--)
            len = gen_mutate(&g, bytes, len, sizeof(bytes));
        exact = malloc(len ? len : 1);
        memcpy(exact, bytes, len);
        b.count = b.unknown = 0;
        b.m.devices = b.all + which;
        b.m.count = b.devices.count - which;
        mapping_read(&b.m, exact, len);
        free(exact);
        for (unsigned k = 0; k < b.count && k < 32; k++) {
            assert_in_range(b.sample[k].time_us, INT64_C(946684800000000),
                            INT64_C(4102444800000000));
            assert_int_equal(b.sample[k].time_us % 1000, 0);
            assert_true(b.sample[k].value <= INT64_C(1000000000000) &&
                        b.sample[k].value >= -INT64_C(1000000000000));
        }
    }
    desk_close(&b.desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_devices_json_is_read_exactly),
        cmocka_unit_test(nonsense_is_kept_and_flagged_and_told),
        cmocka_unit_test(csv_has_columns_a_header_and_zones),
        cmocka_unit_test(lorawan_servers_are_understood),
        cmocka_unit_test(a_lorawan_device_nobody_named_is_told),
        cmocka_unit_test(sensorthings_of_the_conformance_suite_is_read),
        cmocka_unit_test(a_wrong_device_line_is_a_sentence),
        cmocka_unit_test(no_spoiled_payload_breaks_the_mapping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
