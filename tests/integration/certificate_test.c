/* The way to PostgreSQL over the network: TLS with verify-full, and a certificate in place of a
 * password; a CA, names and times that are wrong are refused with what to do next. The certificates
 * are made here, by openssl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/loop.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/run.h"

#define HOST "db.eocbus.test"

static struct world {
    struct bus *bus;
    struct loop *loop;
    char dir[64], data[128], address[32];
    struct ran ran;
} world;

/* --- certificates ----------------------------------------------------------------------------- */

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *fmt, ...)
{
    char command[1600], whole[1800];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    snprintf(whole, sizeof(whole), "cd %s && { %s; } >shell.log 2>&1", world.dir, command);
    if (system(whole) != 0) {
        (void)!system("cat /tmp/eocbus-cert-*/shell.log >&2");
        fail_msg("%s", command);
    }
}

static void make_ca(const char *name)
{
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
          "-keyout %s.key -out %s.crt -subj '/CN=CA of %s'",
          name, name, name);
}

/* `days` may be below 0: then it is over. */
static void make_certificate(const char *file, const char *ca, const char *name, int days)
{
    shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout %s.key -out "
          "%s.csr -subj '/CN=%s' -addext 'subjectAltName=DNS:%s' && openssl x509 -req -in %s.csr "
          "-CA %s.crt -CAkey %s.key -CAcreateserial -copy_extensions copy -days %d -out %s.crt && "
          "chmod 0600 %s.key",
          file, file, name, name, file, ca, ca, days, file, file);
}

static void give_server(const char *certificate)
{
    shell("cp %s.crt %s/server.crt && cp %s.key %s/server.key && cp ca.crt %s/clients.crt",
          certificate, world.data, certificate, world.data, world.data);
    pgserver_listen_at(bus_server(world.bus), world.address);
}

static int begin(void **state)
{
    unsigned of_us = (unsigned)getpid();

    (void)state;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-cert-XXXXXX");
    if (!mkdtemp(world.dir) || loop_create(&world.loop) != ST_OK)
        return -1;
    snprintf(world.address, sizeof(world.address), "127.%u.%u.%u", 1 + (of_us >> 14) % 250,
             (of_us >> 7) % 128, 1 + of_us % 128);
    world.bus = bus_create();
    pgserver_data(bus_server(world.bus), world.data, sizeof(world.data));
    make_ca("ca");
    make_ca("stranger");
    make_certificate("server", "ca", HOST, 2);
    make_certificate("server_over", "ca", HOST, -1);
    make_certificate("server_foreign", "stranger", HOST, 2);
    make_certificate("bus_ingest", "ca", "bus_ingest", 2);
    make_certificate("bus_admin", "ca", "bus_admin", 2);
    make_certificate("over", "ca", "bus_admin", -1);
    make_certificate("foreign", "stranger", "bus_admin", 2);
    pgserver_stop(bus_server(world.bus));
    give_server("server");
    pgserver_start_again(bus_server(world.bus));
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static const char *way(const char *user, const char *host, const char *ca, const char *certificate)
{
    static char text[900];
    int n = snprintf(text, sizeof(text),
                     "database=host=%s hostaddr=%s dbname=eocbus user=%s sslmode=verify-full "
                     "sslrootcert=%s/%s.crt connect_timeout=20",
                     host, world.address, user, world.dir, ca);

    if (certificate)
        snprintf(text + n, sizeof(text) - (size_t)n, " sslcert=%s/%s.crt sslkey=%s/%s.key",
                 world.dir, certificate, world.dir, certificate);
    return text;
}

/* --- a broker --------------------------------------------------------------------------------- */

static bool has_read_principals(void *arg)
{
    (void)arg;
    return bus_status(world.bus, "principals") == 1;
}

static bool holds(const char *path, const char *words)
{
    char text[65536];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

    if (f)
        fclose(f);
    return memmem(text, n, words, strlen(words)) != NULL;
}

static void a_broker_comes_in_by_its_certificate_and_by_nothing_else(void **state)
{
    char database[900], path[64];
    const char *settings[] = {database, NULL};
    struct keys k;

    (void)state;
    bus_enrol(world.bus, "coes.office", &k);
    snprintf(database, sizeof(database), "%s", way("bus_ingest", HOST, "ca", "bus_ingest"));
    bus_start_broker(world.bus, settings);
    client_wait(world.loop, has_read_principals, NULL, "the principals over TLS");
    assert_int_equal(
        pgserver_number(bus_server(world.bus),
                        "SELECT count(*) FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING "
                        "(pid) WHERE a.usename = 'bus_ingest' AND (NOT s.ssl OR s.client_dn IS "
                        "DISTINCT FROM '/CN=bus_ingest')"),
        0);
    assert_true(
        pgserver_number(bus_server(world.bus), "SELECT count(*) FROM pg_stat_ssl WHERE ssl") > 0);
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)bus_broker_pid(world.bus));
    assert_false(holds(path, "PGPASS"));
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)bus_broker_pid(world.bus));
    assert_true(holds(path, "sslcert="));
    assert_false(holds(path, "password"));
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
}

static bool was_told(void *arg)
{
    return bus_log_lines(world.bus, arg) > 0;
}

static void a_broker_that_is_refused_says_what_to_do(void **state)
{
    char database[900];
    const char *settings[] = {database, NULL};

    (void)state;
    snprintf(database, sizeof(database), "%s", way("bus_ingest", HOST, "ca", "foreign"));
    bus_start_broker(world.bus, settings);
    client_wait(world.loop, was_told, (void *)(uintptr_t) "have it signed by the CA",
                "the broker's advice");
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
}

/* --- a person --------------------------------------------------------------------------------- */

static void expect(const char *database, int code, const char *words)
{
    run_program(&world.ran, "eocctl", "-o", database, "principal", "list", NULL);
    run_expect(&world.ran, code, words);
    if (code)
        run_expect(&world.ran, code, "no connection to the database");
}

static void each_refusal_says_what_to_do_next(void **state)
{
    enum { DONE = 0, UNREACHABLE = 3 };

    (void)state;
    expect(way("bus_admin", HOST, "ca", "bus_admin"), DONE, NULL);
    /* Ours: of a stranger's CA, over, another user's, none, and a key that others can read. */
    expect(way("bus_admin", HOST, "ca", "foreign"), UNREACHABLE, "have it signed by the CA");
    expect(way("bus_admin", HOST, "ca", "over"), UNREACHABLE, "have a new one signed");
    expect(way("bus_admin", HOST, "ca", "bus_ingest"), UNREACHABLE, "its CN has to be the user");
    expect(way("bus_admin", HOST, "ca", NULL), UNREACHABLE, "put sslcert and sslkey");
    shell("cp bus_admin.crt loose.crt && cp bus_admin.key loose.key && chmod 0644 loose.key");
    expect(way("bus_admin", HOST, "ca", "loose"), UNREACHABLE, "chmod 0600");
    /* Theirs: the CA is another, or is not here, or the name is. */
    expect(way("bus_admin", HOST, "stranger", "bus_admin"), UNREACHABLE,
           "not of the CA in sslrootcert");
    expect(way("bus_admin", HOST, "absent", "bus_admin"), UNREACHABLE, "bring that file here");
    expect(way("bus_admin", "other.eocbus.test", "ca", "bus_admin"), UNREACHABLE,
           "put the name in the certificate as host");
    pgserver_stop(bus_server(world.bus));
    give_server("server_over");
    pgserver_start_again(bus_server(world.bus));
    expect(way("bus_admin", HOST, "ca", "bus_admin"), UNREACHABLE,
           "the server's certificate is over");
    pgserver_stop(bus_server(world.bus));
    give_server("server_foreign");
    pgserver_start_again(bus_server(world.bus));
    expect(way("bus_admin", HOST, "ca", "bus_admin"), UNREACHABLE, "trust neither until you know");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_comes_in_by_its_certificate_and_by_nothing_else),
        cmocka_unit_test(a_broker_that_is_refused_says_what_to_do),
        cmocka_unit_test(each_refusal_says_what_to_do_next),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
