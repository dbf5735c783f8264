#include "agents/sensor/station/calibrate.h"
#include "proto/wire/gate.h"
#include "tests/unit/sensor/desk.h"

static int64_t calibrated(const struct datastream *d, int64_t value, uint32_t *flags)
{
    struct sample s = {T0, value, *flags};

    calibrate(d, &s);
    *flags = s.flags;
    return s.value;
}

static void the_numbers_are_those_of_the_registry_exactly(void **state)
{
    static const struct {
        int64_t offset;
        uint32_t gain_ppm;
        int64_t value, wanted;
    } rows[] = {
        {0, 0, 1284, 1284},
        {0, 1000000, 1284, 1284},
        {-84, 0, 1284, 1200},
        {0, 1002500, 1000, 1003}, /* 1002.5: half goes away from zero */
        {0, 1002500, -1000, -1003},
        {0, 1002499, 1000, 1002},
        {100, 500000, 1, 51}, /* 50.5 */
        {100, 500000, -201, -51},
        {100, 1, -100, 0},
        {0, 3, 333333, 1},
        {0, 1, 499999, 0},
        {0, 1, 500000, 1},
        {0, 1000000000, 1000000000, INT64_C(1000000000000)},
        {INT64_C(1000000000000), 500000, INT64_C(1000000000000), INT64_C(1000000000000)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct datastream d = {.offset = rows[i].offset, .gain_ppm = rows[i].gain_ppm};
        uint32_t flags = 0;

        assert_int_equal(calibrated(&d, rows[i].value, &flags), rows[i].wanted);
        assert_int_equal(flags, 0);
    }
}

static void what_is_beyond_any_value_is_bad(void **state)
{
    const struct datastream d = {.gain_ppm = 1000000000};
    uint32_t flags = 0;

    (void)state;
    assert_int_equal(calibrated(&d, INT64_C(1000000000000), &flags), INT64_C(1000000000000));
    assert_int_equal(flags, FLAG(BAD));
    flags = 0;
    assert_int_equal(calibrated(&d, -INT64_C(1000000001), &flags), -INT64_C(1000000000000));
    assert_int_equal(flags, FLAG(BAD));
}

static void raw_and_missing_stay_as_they_are(void **state)
{
    const struct datastream raw = {.raw = true, .offset = 5}, other = {.offset = 5};
    uint32_t none = 0, missing = FLAG(MISSING);

    (void)state;
    assert_int_equal(calibrated(&raw, 7, &none), 7);
    assert_int_equal(calibrated(&other, 0, &missing), 0);
    assert_int_equal(missing, FLAG(MISSING));
}

/* Settings that say everything, as the registry says it. */
static void the_registry_says_how_readings_are_made_quantities(void **state)
{
    static char *things[] = {(char *)"1 39.39 68.55 1740 \"Gusar bridge\""},
                *sensors[] = {(
                    char *)"1 1 Vegapuls serial=77 calibrated=2010-04-01 certificate=K-9"},
                *torrents[] = {(char *)"17 Shurmashk-soy"},
                *exposed[] = {(char *)"17 1 39.38 68.54 1400 120 \"first house\"",
                              (char *)"17 2 39.37 68.53 2100 0 school"},
                *streams[] = {(char *)"gusar.stage 3 stage metre -3 torrent=17 "
                                      "offset=-0.084 gain=1.0025 height=1732.5",
                              (char *)"gusar.wire 4 tripwire one 0 wire=2 height=0.8",
                              (char *)"gusar.imp 5 gv_imp per_second 0 threshold=50 band=5..10.5"};
    struct conf_list list[] = {
        {things, 1}, {sensors, 1}, {torrents, 1}, {streams, 3}, {exposed, 2}};
    const struct station_lines lines = {&list[0], &list[1], &list[2], &list[3], &list[4]};
    static struct station station;
    const Eocbus__V1__SensorRegistry *r;
    struct arena *a;
    char err[400] = "";

    (void)state;
    assert_int_equal(arena_create(&a, 1 << 20), ST_OK);
    if (station_read(&station, &lines, a, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    r = station_registry(&station, "coes.tj3505203.gw07", 2, NULL, a);
    assert_non_null(r);
    assert_int_equal(r->datastreams[0]->offset, -84);
    assert_int_equal(r->datastreams[0]->gain_ppm, 1002500);
    assert_int_equal(r->datastreams[0]->height_mm, 1732500);
    assert_int_equal(r->datastreams[1]->wire_index, 2);
    assert_int_equal(r->datastreams[2]->threshold_um_s, 50);
    assert_int_equal(r->datastreams[2]->band_low_dhz, 50);
    assert_int_equal(r->datastreams[2]->band_high_dhz, 105);
    assert_int_equal(r->sensors[0]->calibrated_us, INT64_C(1270080000000000));
    assert_string_equal(r->sensors[0]->calibration_ref, "K-9");
    assert_int_equal(r->torrents[0]->n_exposed, 2);
    assert_string_equal(r->torrents[0]->exposed[1]->name, "school");
    assert_int_equal(r->torrents[0]->exposed[0]->distance_m, 1400);
    arena_destroy(a);
}

static void a_calibration_that_the_registry_cannot_say_is_refused(void **state)
{
    static const char *const bad[] = {
        "s 1 stage metre -3 offset=0.0005",   "s 1 stage metre -3 offset=x",
        "s 1 stage metre -3 gain=1.00000001", "s 1 stage metre -3 gain=0",
        "s 1 stage metre -3 gain=-1",         "s 1 stage metre -3 gain=1001",
        "s 1 stage metre -3 height=10000",    "s 1 stage metre -3 wire=65",
        "s 1 gv_imp per_second 0 band=10..5", "s 1 gv_imp per_second 0 threshold=-1",
    };
    static struct station station;
    struct arena *a;
    char err[400];

    (void)state;
    assert_int_equal(arena_create(&a, 1 << 20), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct conf_list none = {NULL, 0}, one = {(char **)&bad[i], 1};
        const struct station_lines lines = {&none, &none, &none, &one, NULL};

        assert_int_equal(station_read(&station, &lines, a, err, sizeof(err)), ST_INVALID);
        assert_non_null(strstr(err, bad[i]));
    }
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_those_of_the_registry_exactly),
        cmocka_unit_test(what_is_beyond_any_value_is_bad),
        cmocka_unit_test(raw_and_missing_stay_as_they_are),
        cmocka_unit_test(the_registry_says_how_readings_are_made_quantities),
        cmocka_unit_test(a_calibration_that_the_registry_cannot_say_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
