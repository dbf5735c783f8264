/* A gateway against the real broker and a real PostgreSQL: two records of three thousand rows, the
 * gateway killed again and again, and every row arrives once. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/keys.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

#define NAME "coes.tj3505203.gw12"
#define PEAK "shift=2007-06-25T18:30:00Z=2010-08-07T21:40:00+05:00"

static struct bus *bus;
static char program[PATH_MAX], conf[PATH_MAX];

static void write_conf(void)
{
    char err[400], key_file[PATH_MAX];
    struct keys keys;
    FILE *f;

    bus_enrol(bus, NAME, &keys);
    snprintf(key_file, sizeof(key_file), "%s/gw12.key", bus_dir(bus));
    assert_int_equal(keys_save(&keys, key_file, NAME, err, sizeof(err)), ST_OK);
    snprintf(conf, sizeof(conf), "%s/gw12.conf", bus_dir(bus));
    f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f,
            "name = " NAME "\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
            "outbox.path = %s/gw12.db\nlink.profile = fiber\nplace = 3505203\nstatus = exercise\n"
            "replay.backlog = 300\nlog.level = warn\n"
            "datastream = bridge.stage 1 stage metre -3 step=15m\n"
            "datastream = bridge.flow 2 discharge cubic_metre_per_second -3 step=15m\n"
            "detector = stage.level 1 bridge.stage line=4.500 debounce=2/3\n"
            "detector = stage.rate 1 bridge.stage line=0.0030 window=30m debounce=2/3\n"
            "replay = ea-stage deploy/demo/data/sheffield-hadfields-stage.csv bridge.stage " PEAK
            " samples=1\n"
            "replay = ea-flow deploy/demo/data/sheffield-hadfields-flow.csv bridge.flow " PEAK
            " samples=1\n",
            key_file, bus_endpoint(bus), bus_broker_key(bus), bus_dir(bus));
    assert_int_equal(fclose(f), 0);
}

static pid_t start(const char *command)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(program, program, "-c", conf, command, (char *)NULL);
    _exit(127);
}

#define STORED "SELECT count(*) FROM bus.message WHERE type = 100"

/* Waits until a question has so large an answer; two minutes are more than it ever needs. */
static void wait_for(const char *question, int64_t wanted)
{
    for (int i = 0; i < PATIENCE * 12000 && pgserver_number(bus_server(bus), question) < wanted;
         i++) {
        struct timespec ten_ms = {0, 10000000};

        nanosleep(&ten_ms, NULL);
    }
    assert_true(pgserver_number(bus_server(bus), question) >= wanted);
}

static void a_gateway_killed_again_and_again_loses_nothing_and_doubles_nothing(void **state)
{
    struct pgserver *pg;
    int code;
    pid_t pid;

    (void)state;
    bus = bus_create();
    pg = bus_server(bus);
    find_beside(program, sizeof(program), "eocbus-sensor");
    write_conf();
    bus_start_broker(bus, NULL);
    for (int64_t wanted = 500; wanted <= 4500; wanted += 1000) {
        pid = start("run");
        wait_for(STORED, wanted);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &code, 0), pid);
    }
    /* The gateway runs, and the command waits until the record is played and stored. */
    pid = start("run");
    assert_int_equal(waitpid(start("replay"), &code, 0) > 0, 1);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &code, 0), pid);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);

    assert_int_equal(pgserver_number(pg, STORED), 2 * 2976);
    assert_int_equal(pgserver_number(pg, "SELECT count(DISTINCT content) FROM bus.message"
                                         " WHERE type = 100"),
                     2 * 2976);
    assert_int_equal(pgserver_number(pg, "SELECT count(DISTINCT event_at) FROM bus.message"
                                         " WHERE type = 100"),
                     2976);
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM bus.message WHERE type = 101"), 11);
    assert_int_equal(
        pgserver_number(pg, "SELECT count(*) FROM bus.message WHERE type = 101 AND lane = 1"), 1);
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM bus.message WHERE type = 105"), 1);
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM bus.quarantine"), 0);
    /* And a person can ask for them, in metres, at the night they were moved to. */
    wait_for("SELECT count(*) FROM eoc.observation", 2 * 2976);
    assert_string_equal(pgserver_text(pg, "SELECT max(value)::numeric(6,3) || ' ' || min(unit)"
                                          " FROM eoc.observation WHERE type = 'STAGE'"),
                        "4.675 m");
    assert_int_equal(pgserver_number(pg, "SELECT count(*) FROM eoc.observation WHERE type = 'STAGE'"
                                         " AND value::numeric(6,3) = 4.675"
                                         " AND time = '2010-08-07 21:40:00+05'"),
                     1);
    assert_string_equal(pgserver_text(pg, "SELECT max(value)::int || ' ' || min(unit)"
                                          " FROM eoc.observation WHERE type = 'DISCHARGE'"),
                        "259 m3/s");
    bus_destroy(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gateway_killed_again_and_again_loses_nothing_and_doubles_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
