/* Who does not come in at all: keys that nobody enrolled or whose time is over, another broker's
 * key, and connections without CURVE, by the real broker's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/bus.h"
#include "tests/lib/client.h"

static struct bus *bus;
static struct loop *loop;
static struct zctx *zctx;

static bool is_welcome(void *arg)
{
    return ((struct client *)arg)->is_welcome;
}

static bool was_refused(void *arg)
{
    return ((struct client *)arg)->was_refused;
}

static void expect_refused(const struct keys *keys, const char *what)
{
    struct client c;

    client_create(&c, loop, zctx, "coes.nobody", keys, bus_endpoint(bus), bus_broker_key(bus));
    client_wait(loop, was_refused, &c, what);
    assert_int_equal(c.welcomes, 0);
    client_destroy(&c);
}

static void keys_that_are_unknown_expired_or_revoked_do_not_open_the_door(void **state)
{
    struct keys good, expired, revoked;
    struct client c;

    (void)state;
    bus_enrol(bus, "coes.good", &good);
    bus_enrol(bus, "coes.expired", &expired);
    bus_enrol(bus, "coes.revoked", &revoked);
    pgserver_exec(bus_server(bus),
                  "UPDATE bus.principal SET not_after = now() - interval '1 second'"
                  " WHERE name = 'coes.expired'");
    pgserver_exec(bus_server(bus), "SELECT bus.principal_revoke('coes.revoked')");
    bus_start_broker(bus, NULL);
    client_create(&c, loop, zctx, "coes.good", &good, bus_endpoint(bus), bus_broker_key(bus));
    client_wait(loop, is_welcome, &c, "the good one");
    expect_refused(NULL, "an unknown key is refused");
    expect_refused(&expired, "an expired key is refused");
    expect_refused(&revoked, "a revoked key is refused");
    client_destroy(&c);
}

static void another_brokers_key_leads_to_no_session(void **state)
{
    struct keys mine, others;
    struct client astray, c;

    (void)state;
    bus_enrol(bus, "coes.mine", &mine);
    assert_int_equal(keys_generate(&others), ST_OK);
    bus_start_broker(bus, NULL);
    client_create(&astray, loop, zctx, "coes.mine", &mine, bus_endpoint(bus), others.public_z85);
    client_create(&c, loop, zctx, "coes.mine", &mine, bus_endpoint(bus), bus_broker_key(bus));
    client_wait(loop, is_welcome, &c, "the one that knows the broker");
    for (unsigned i = 0; i < 100; i++)
        loop_turn(loop, 20);
    assert_int_equal(astray.welcomes, 0);
    client_destroy(&astray);
    client_destroy(&c);
}

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    const char *port = strrchr(bus_endpoint(bus), ':') + 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)atoi(port));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* A greeting of ZMTP 3.0 (rfc.zeromq.org/spec/23) and the first command of the mechanism. The
 * broker may answer with its own greeting of 64 bytes and an ERROR; never with READY or WELCOME,
 * and then it hangs up. */
static void expect_hang_up(const char *mechanism, const void *command, size_t len)
{
    uint8_t greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0}, heard[4096];
    struct pollfd poller = {.fd = dial(), .events = POLLIN};
    size_t got = 0;
    ssize_t n = 1;

    memcpy(greeting + 12, mechanism, strlen(mechanism));
    assert_int_equal(send(poller.fd, greeting, sizeof(greeting), MSG_NOSIGNAL), 64);
    (void)!send(poller.fd, command, len, MSG_NOSIGNAL);
    while (n > 0 && got < sizeof(heard)) {
        assert_int_equal(poll(&poller, 1, 60000), 1);
        n = recv(poller.fd, heard + got, sizeof(heard) - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_true(n <= 0); /* it hung up */
    for (size_t i = 64; i + 6 < got; i++)
        assert_false(!memcmp(heard + i, "READY", 5) || !memcmp(heard + i, "WELCOME", 7));
    close(poller.fd);
}

static void without_curve_nobody_comes_in(void **state)
{
    static const uint8_t ready[] = "\x04\x29\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                   "DEALER\x08Identity\x00\x00\x00\x00";
    static const uint8_t hello[] = "\x04\x12\x05HELLO\x05"
                                   "admin\x06secret";

    (void)state;
    bus_start_broker(bus, NULL);
    expect_hang_up("NULL", ready, sizeof(ready) - 1);
    expect_hang_up("PLAIN", hello, sizeof(hello) - 1);
    expect_hang_up("CURVEX", hello, sizeof(hello) - 1);
    assert_int_equal(bus_status(bus, "sessions"), 0);
}

static int world_begin(void **state)
{
    (void)state;
    bus = bus_create();
    assert_int_equal(loop_create(&loop), ST_OK);
    assert_int_equal(zctx_create(&zctx, loop), ST_OK);
    return 0;
}

static int world_end(void **state)
{
    (void)state;
    zctx_destroy(zctx);
    loop_destroy(loop);
    bus_destroy(bus);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_that_are_unknown_expired_or_revoked_do_not_open_the_door),
        TEST(another_brokers_key_leads_to_no_session),
        TEST(without_curve_nobody_comes_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
