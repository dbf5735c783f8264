/* A simulated torrent into the real broker: everything it says is an exercise, the alarm is heard
 * as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/keys.h"
#include "tests/lib/bus.h"
#include "tests/lib/run.h"

#define NAME "coes.tj3505203.gw31"

static struct bus *bus;
static char conf[256];
static struct ran r;

static void write_conf(void)
{
    char err[400], path[256], text[2000];
    struct keys keys;

    bus_enrol(bus, NAME, &keys);
    snprintf(path, sizeof(path), "%s/gw.key", bus_dir(bus));
    assert_int_equal(keys_save(&keys, path, NAME, err, sizeof(err)), ST_OK);
    snprintf(conf, sizeof(conf), "%s/gw.conf", bus_dir(bus));
    snprintf(text, sizeof(text),
             "name = " NAME "\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/gw.db\nlink.profile = fiber\nplace = 3505203\nlog.level = warn\n"
             "thing = 1 39.4120 68.5328 2140 upper\nthing = 2 39.3936 68.5528 1740 bridge\n"
             "sensor = 1 1 bucket\nsensor = 2 2 radar\n"
             "datastream = upper.rain 1 rain_acc millimetre -3 sensor=1 step=1m\n"
             "datastream = bridge.stage 2 stage metre -3 sensor=2 step=5s\n"
             "detector = rain.caine1980 1 upper.rain\n"
             "detector = stage.level 1 bridge.stage line=1.0\n"
             "detector = stage.rate 1 bridge.stage line=0.2 window=1m\n",
             path, bus_endpoint(bus), bus_broker_key(bus), bus_dir(bus));
    write_text_file(conf, text);
}

static int64_t count(const char *which)
{
    char question[300];

    snprintf(question, sizeof(question), "SELECT count(*) FROM eoc.message WHERE %s", which);
    return pgserver_number(bus_server(bus), question);
}

static void a_simulated_mudflow_is_an_exercise_to_everybody(void **state)
{
    (void)state;
    run_program(&r, "eocbus-sensor", "-c", conf, "torrent", "--say", NULL);
    run_expect(&r, 2, "a simulated event is never actual");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "status=exercise", "torrent", "--say",
                "--seed", "7", "--span", "2h", "--fail", "0", NULL);
    run_expect(&r, 0, "refused 0, waiting 0");
    run_expect(&r, 0, "# surge of ");
    assert_true(count("type = 'observation_batch'") > 0);
    assert_int_equal(count("status <> 'EXERCISE'"), 0);
    assert_int_equal(count("type = 'sensor_detection' AND lane = 'FLASH'"), 1);
}

static int open_world(void **state)
{
    (void)state;
    bus = bus_create();
    write_conf();
    bus_start_broker(bus, NULL);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    bus_destroy(bus);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_simulated_mudflow_is_an_exercise_to_everybody),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
