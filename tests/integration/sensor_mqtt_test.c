/* A gateway and devices at a real mosquitto: every quality of service, both versions, TLS, and both
 * killed in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "tests/lib/gateway.h"
#include "tests/lib/mosquitto.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#define T0 1281200000u

static const char device_lines[] = "device = radar json time=ts level:gusar.stage*0.001\n"
                                   "mqtt.topic = gusar/+/up radar\nmqtt.retry = 50ms\n";

/* Sample number n of the device, in its own words. */
static bool say(struct device_client *d, unsigned n, unsigned qos)
{
    char text[80];

    snprintf(text, sizeof(text), "{\"ts\":%u,\"level\":%u}", T0 + n, n);
    return device_client_publish(d, "gusar/radar/up", text, qos);
}

/* What is said with QoS 0 before anybody listens is nobody's. */
static void say_until_heard(struct gateway *g, struct device_client *d, unsigned n)
{
    static const struct timespec pause = {0, 50000000};
    unsigned *times = calloc(n + 1, sizeof(*times));

    for (int i = 0; i < PATIENCE * 1200 && !times[n]; i++) {
        assert_true(say(d, n, 1));
        nanosleep(&pause, NULL);
        gateway_values(g, times, n + 1);
    }
    assert_true(times[n]);
    free(times);
}

static void expect_each_once(struct gateway *g, unsigned count)
{
    unsigned *times = calloc(count, sizeof(*times));

    gateway_values(g, times, count);
    for (unsigned n = 0; n < count; n++)
        if (times[n] != 1)
            fail_msg("value %u is there %u times\n%s", n, times[n], gateway_log(g));
    free(times);
}

static void talk(const char *protocol)
{
    enum { COUNT = 31 };
    struct mosquitto_server *server = mosquitto_server_start("");
    struct device_client *d = device_client_create(mosquitto_server_port(server));
    struct gateway *g;
    char more[400];

    snprintf(more, sizeof(more), "mqtt.broker = mqtt://127.0.0.1:%u\nmqtt.protocol = %s\n%s",
             mosquitto_server_port(server), protocol, device_lines);
    g = gateway_create(more);
    gateway_start(g);
    say_until_heard(g, d, 0);
    for (unsigned n = 1; n < COUNT; n++)
        assert_true(say(d, n, n % 3));
    assert_int_equal(gateway_wait(g, 0, COUNT), COUNT);
    gateway_end(g);
    /* Nobody listens; the session keeps it. */
    assert_true(say(d, COUNT, 1));
    assert_true(say(d, COUNT + 1, 2));
    gateway_start(g);
    assert_int_equal(gateway_wait(g, COUNT, 2), 2);
    gateway_end(g);
    expect_each_once(g, COUNT + 2);
    gateway_destroy(g);
    device_client_destroy(d);
    mosquitto_server_stop(server);
}

static void every_quality_of_service_arrives_once(void **state)
{
    (void)state;
    talk("3.1.1");
    talk("5");
}

/* --- TLS and passwords ------------------------------------------------------------------------ */

static void make_authority(const char *dir, const char *name)
{
    char command[600];

    snprintf(command, sizeof(command),
             "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
             "-keyout %s.key -out %s.crt -days 2 -subj /CN=%s 2>/dev/null",
             dir, name, name, name);
    assert_int_equal(system(command), 0);
}

static void make_certificates(const char *dir)
{
    char command[900];

    make_authority(dir, "ours");
    make_authority(dir, "theirs");
    snprintf(command, sizeof(command),
             "cd '%s' && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
             "-keyout server.key -out server.csr -subj /CN=127.0.0.1 2>/dev/null && "
             "printf 'subjectAltName=IP:127.0.0.1' > ext && openssl x509 -req -in server.csr "
             "-CA ours.crt -CAkey ours.key -CAcreateserial -out server.crt -days 2 -extfile ext "
             "2>/dev/null && printf 'gateway:secret words\\n' > passwords && "
             "mosquitto_passwd -U passwords 2>/dev/null && chmod 644 *",
             dir);
    assert_int_equal(system(command), 0);
}

static struct gateway *tls_gateway(const struct mosquitto_server *s, const char *dir,
                                   const char *authority, const char *password)
{
    char more[900], path[200], text[100];

    snprintf(path, sizeof(path), "%s/%s.password", dir, authority);
    snprintf(text, sizeof(text), "gateway\n%s\n", password);
    write_text_file(path, text);
    assert_int_equal(chmod(path, 0600), 0);
    snprintf(more, sizeof(more),
             "mqtt.broker = mqtts://127.0.0.1:%u\nmqtt.ca = %s/%s.crt\nmqtt.password = %s\n%s",
             mosquitto_server_port(s), dir, authority, path, device_lines);
    return gateway_create(more);
}

/* Neither its command line nor its environment says the password. */
static void expect_no_secret(struct gateway *g)
{
    static const char *const files[] = {"cmdline", "environ"};

    for (size_t i = 0; i < 2; i++) {
        char path[64], text[65536];
        FILE *f;
        size_t n;

        snprintf(path, sizeof(path), "/proc/%d/%s", gateway_pid(g), files[i]);
        f = fopen(path, "r");
        assert_non_null(f);
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        assert_true(n > 0);
        assert_null(memmem(text, n, "secret words", 12));
    }
}

/* What a run would die of, and what it would believe. */
static void check_settings(const char *conf)
{
    struct ran r;

    run_program(&r, "eocbus-sensor", "-c", conf, "--check-config", NULL);
    run_expect(&r, 0, "the settings are fine");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "siren=command /nowhere/siren",
                "--check-config", NULL);
    run_expect(&r, 2, "siren: /nowhere/siren: No such file");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "siren.sound=alarm softly 3m",
                "--check-config", NULL);
    run_expect(&r, 2, "the pattern is evacuate");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "key.file=/nowhere/key", "--check-config",
                NULL);
    run_expect(&r, 4, "no such key file");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "udp.from=Gusar", "--check-config", NULL);
    run_expect(&r, 2, "as in 10.20.0.0/16");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "listen=0.0.0.0:5520", "--check-config",
                NULL);
    run_expect(&r, 0, "name those that may: listen.from =");
    run_program(&r, "eocbus-sensor", "-c", conf, "-o", "listen=0.0.0.0:5520", "-o",
                "listen.from=10.20.0.0/16", "--check-config", NULL);
    run_expect(&r, 0, "the settings are fine");
    assert_null(strstr(r.err, "warning"));
}

static void tls_lets_in_who_is_trusted_and_says_why_not(void **state)
{
    char dir[] = "/tmp/eocbus-tls-XXXXXX", more[700], path[200], command[100];
    struct mosquitto_server *server;
    struct gateway *right, *wrong, *stranger;
    static struct ran r;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    make_certificates(dir);
    /* Devices of the test come in by another door, without TLS. */
    snprintf(more, sizeof(more),
             "allow_anonymous false\npassword_file %s/passwords\ncafile %s/ours.crt\n"
             "certfile %s/server.crt\nkeyfile %s/server.key\n",
             dir, dir, dir, dir);
    server = mosquitto_server_start(more);
    right = tls_gateway(server, dir, "ours", "secret words");
    gateway_start(right);
    assert_true(gateway_said(right, "sensor.mqtt.up"));
    expect_no_secret(right);
    gateway_end(right);

    wrong = tls_gateway(server, dir, "theirs", "secret words");
    gateway_start(wrong);
    assert_true(
        gateway_said(wrong, "no trust in the broker's certificate: it has to be signed by"));
    assert_null(strstr(gateway_log(wrong), "sensor.mqtt.up"));
    gateway_end(wrong);

    stranger = tls_gateway(server, dir, "ours", "guessed");
    gateway_start(stranger);
    assert_true(gateway_said(stranger, "the broker refuses us"));
    assert_null(strstr(gateway_log(stranger), "guessed"));
    gateway_end(stranger);
    snprintf(path, sizeof(path), "%s/ours.password", dir);
    assert_int_equal(chmod(path, 0644), 0);
    run_program(&r, "eocbus-sensor", "-c", gateway_conf(stranger), "--check-config", NULL);
    run_expect(&r, 2, "others can read it; chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    check_settings(gateway_conf(stranger));
    gateway_destroy(right);
    gateway_destroy(wrong);
    gateway_destroy(stranger);
    mosquitto_server_stop(server);
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

/* --- killed in the middle --------------------------------------------------------------------- */

/* A device that keeps what its broker did not confirm, and, knowing what a crash of the broker can
 * cost, the forty before that. */
static void say_surely(struct device_client **d, struct mosquitto_server *server, unsigned n)
{
    if (say(*d, n, 1 + n % 2))
        return;
    for (unsigned k = n < 40 ? 0 : n - 40; k <= n; k++)
        for (int tries = 0; !say(*d, k, 1 + k % 2); tries++)
            assert_true(tries < 100);
    (void)server;
}

static void both_killed_in_the_middle_nothing_is_lost_or_doubled(void **state)
{
    enum { COUNT = 240 };
    struct mosquitto_server *server = mosquitto_server_start("");
    struct device_client *d = device_client_create(mosquitto_server_port(server));
    struct gateway *g;
    char more[400];

    (void)state;
    snprintf(more, sizeof(more), "mqtt.broker = mqtt://127.0.0.1:%u\n%s",
             mosquitto_server_port(server), device_lines);
    g = gateway_create(more);
    gateway_start(g);
    say_until_heard(g, d, 0);
    for (unsigned n = 1; n < COUNT; n++) {
        if (n % 40 == 10) {
            gateway_kill(g);
            gateway_start(g);
        }
        if (n % 80 == 60) {
            /* What the gateway has acknowledged is not asked for again; what it has not, the broker
             * may have forgotten. */
            assert_int_equal(gateway_wait(g, n - 20, 15), 15);
            mosquitto_server_kill(server);
            mosquitto_server_restart(server);
        }
        say_surely(&d, server, n);
    }
    assert_int_equal(gateway_wait(g, 0, COUNT), COUNT);
    gateway_end(g);
    expect_each_once(g, COUNT);
    gateway_destroy(g);
    device_client_destroy(d);
    mosquitto_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_quality_of_service_arrives_once),
        cmocka_unit_test(tls_lets_in_who_is_trusted_and_says_why_not),
        cmocka_unit_test(both_killed_in_the_middle_nothing_is_lost_or_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
