#include "agents/sensor/settings.h"
#include "tests/unit/sensor/desk.h"

#include <unistd.h>

static struct conf_list list_of(char **items, size_t n)
{
    return (struct conf_list){items, n};
}

static void a_station_is_said_whole(void **state)
{
    char *things[] = {(char *)"3 39.3936 68.5328 2140.5 \"Gusar bridge, left pier\""};
    char *sensors[] = {(char *)"9 3 \"radar stage\" serial=A-17"},
         *torrents[] = {(char *)"7 Gusar-soy"};
    char *streams[] = {
        (char *)"gusar.stage 2 stage metre -3 sensor=9 step=1s torrent=7 range=-0.5..8",
        (char *)"gusar.rain 4 rain_acc millimetre -1 sensor=9 step=20m",
        (char *)"gusar.pore 5 pore_p one 0 sensor=9 raw"};
    struct conf_list t = list_of(things, 1), s = list_of(sensors, 1), o = list_of(torrents, 1),
                     d = list_of(streams, 3);
    const struct station_lines lines = {&t, &s, &o, &d, NULL};
    const Eocbus__V1__SensorRegistry *r;
    struct station station;
    struct desk desk;
    char err[400] = "";

    (void)state;
    desk_open(&desk, NULL, 0);
    assert_int_equal(station_read(&station, &lines, desk.arena, err, sizeof(err)), ST_OK);
    desk.speaker.registry_version = 12;
    assert_int_equal(say_registry(&desk.speaker, &station, T0), ST_OK);
    r = desk_said(&desk, 0)->sensor_registry;
    assert_int_equal(r->version, 12);
    assert_string_equal(r->gateway, "coes.tj3505203.gw07");
    assert_string_equal(r->things[0]->name, "Gusar bridge, left pier");
    assert_int_equal(r->things[0]->position->lat_e7, 393936000);
    assert_int_equal(r->things[0]->altitude_cm, 214050);
    assert_string_equal(r->things[0]->pcode, "3505203");
    assert_string_equal(r->sensors[0]->serial, "A-17");
    assert_int_equal(r->n_datastreams, 3);
    assert_int_equal(r->datastreams[0]->valid_min, -500);
    assert_int_equal(r->datastreams[0]->valid_max, 8000);
    assert_int_equal(r->datastreams[0]->dt_ms, 1000);
    assert_int_equal(r->datastreams[1]->valid_max, 1000); /* 50 mm in 10 min, 100 in 20 */
    assert_true(r->datastreams[2]->raw);
    assert_int_equal(r->torrents[0]->torrent_id, 7);
    desk_close(&desk);
}

static void a_gateway_says_how_it_is(void **state)
{
    Eocbus__V1__SensorStatus body = EOCBUS__V1__SENSOR_STATUS__INIT;
    struct desk desk;

    (void)state;
    desk_open(&desk, NULL, 0);
    body.uptime_s = 61;
    body.mode = EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_NORMAL;
    assert_int_equal(say_status(&desk.speaker, &body, T0), ST_OK);
    assert_int_equal(desk_said(&desk, 0)->sensor_status->uptime_s, 61);
    assert_int_equal(desk_said(&desk, 0)->kind, EOCBUS__V1__KIND__KIND_SENSOR_STATUS);
    desk_close(&desk);
}

static void wrong_datastreams_are_refused_with_what_would_be_legal(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "a 1 stage metre",
        "a 0 stage metre -3",
        "a 65536 stage metre -3",
        "a 1 depth metre -3",
        "a 1 stage meter -3",
        "a 1 unspecified metre -3",
        "a 1 stage metre -13",
        "a 1 stage metre -3 step=2d",
        "a 1 stage metre -3 range=1",
        "a 1 stage metre -3 range=4..1",
        "a 1 stage metre -3 sensor=2",
        "a 1 stage metre -3 nonsense",
        "a 1 stage metre -3 \"open",
    };
    struct conf_list none = {NULL, 0};
    struct desk desk;

    (void)state;
    desk_open(&desk, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *line = (char *)bad[i], err[400] = "";
        struct conf_list one = {&line, 1};
        const struct station_lines lines = {&none, &none, &none, &one, NULL};
        struct station s;

        assert_int_equal(station_read(&s, &lines, desk.arena, err, sizeof(err)), ST_INVALID);
        assert_true(strlen(err) > 20);
    }
    desk_close(&desk);
}

static void a_name_or_number_is_given_once(void **state)
{
    char *same_name[] = {(char *)"a 1 stage metre -3", (char *)"a 2 stage metre -3"};
    char *same_id[] = {(char *)"a 1 stage metre -3", (char *)"b 1 stage metre -3"};
    struct conf_list none = {NULL, 0}, lists[] = {{same_name, 2}, {same_id, 2}};
    struct desk desk;

    (void)state;
    desk_open(&desk, NULL, 0);
    for (size_t i = 0; i < 2; i++) {
        const struct station_lines lines = {&none, &none, &none, &lists[i], NULL};
        struct station s;
        char err[400];

        assert_int_equal(station_read(&s, &lines, desk.arena, err, sizeof(err)), ST_INVALID);
    }
    desk_close(&desk);
}

static void the_registry_gets_a_new_version_when_it_changes(void **state)
{
    char dir[] = "/tmp/eocbus-registry-XXXXXX", path[64], file[80], err[400];
    struct sensor s = {.station = {.hash = 1}};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/gw.db", dir);
    s.set.agent.outbox_path = path;
    s.set.place = (char *)"3505203";
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sensor_registry_version(&s, err, sizeof(err)), ST_OK);
        assert_int_equal(s.speaker.registry_version, 1);
    }
    s.station.hash = 2;
    assert_int_equal(sensor_registry_version(&s, err, sizeof(err)), ST_OK);
    assert_int_equal(s.speaker.registry_version, 2);
    s.set.place = (char *)"3505217";
    assert_int_equal(sensor_registry_version(&s, err, sizeof(err)), ST_OK);
    assert_int_equal(s.speaker.registry_version, 3);
    snprintf(file, sizeof(file), "%s.registry", path);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(sensor_registry_version(&s, err, sizeof(err)), ST_IO);
}

static void speeds_are_max_or_a_number(void **state)
{
    static const char *const bad[] = {"", "fast", "0", "-1", "x", "1e-9", "1e12"};
    double v;

    (void)state;
    assert_true(speed_read(&v, "max") && v == 0);
    assert_true(speed_read(&v, "60x") && v == 60);
    assert_true(speed_read(&v, "0.5") && v == 0.5);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(speed_read(&v, bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_station_is_said_whole),
        cmocka_unit_test(a_gateway_says_how_it_is),
        cmocka_unit_test(wrong_datastreams_are_refused_with_what_would_be_legal),
        cmocka_unit_test(a_name_or_number_is_given_once),
        cmocka_unit_test(the_registry_gets_a_new_version_when_it_changes),
        cmocka_unit_test(speeds_are_max_or_a_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
