/* What becomes of the bytes that wait for a peer whose connection is ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/guard.h"

#include "proto/base/banned.h"

static struct {
    struct guard *guard;
    int ours, peer;
} t;

/* A peer that reads little: 4 KiB fit into its buffer. */
static int open_pair(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(door, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(door, 1), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&at, &len), 0);
    t.peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(t.peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(t.peer, (struct sockaddr *)&at, sizeof(at)), 0);
    t.ours = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(t.ours >= 0);
    close(door);
    assert_int_equal(guard_create(&t.guard, 1 << 20, 0), ST_OK);
    guard_add(t.guard, t.ours, 1);
    return 0;
}

static int close_pair(void **state)
{
    (void)state;
    guard_destroy(t.guard);
    close(t.ours);
    close(t.peer);
    return 0;
}

static size_t fill(void)
{
    static char bytes[65536];
    size_t sent = 0;
    ssize_t n;

    while ((n = send(t.ours, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
        sent += (size_t)n;
    assert_int_equal(errno, EAGAIN);
    return sent;
}

/* Until the end of the connection; *was_reset tells how that was. */
static size_t read_all(bool *was_reset)
{
    static char bytes[65536];
    size_t got = 0;
    ssize_t n;

    while ((n = read(t.peer, bytes, sizeof(bytes))) > 0)
        got += (size_t)n;
    *was_reset = n < 0 && errno == ECONNRESET;
    return got;
}

static void what_waits_for_a_peer_is_thrown_away_with_its_connection(void **state)
{
    size_t sent = fill(), got;
    bool was_reset;

    (void)state;
    assert_true(sent > 100000);
    assert_true(guard_hang_up(t.guard, t.ours, guard_name(t.guard, t.ours), false));
    got = read_all(&was_reset);
    assert_true(was_reset);
    assert_true(got < 16384); /* what had reached it */
    assert_false(guard_hang_up(t.guard, t.ours, guard_name(t.guard, t.ours), false));
}

static void one_that_has_read_all_is_spared_when_only_the_others_are_meant(void **state)
{
    uint64_t name = guard_name(t.guard, t.ours);
    bool was_reset;

    (void)state;
    assert_false(guard_hang_up(t.guard, t.ours, name, true));
    fill();
    assert_true(guard_hang_up(t.guard, t.ours, name, true));
    read_all(&was_reset);
    assert_true(was_reset);
}

static void another_connection_under_the_same_descriptor_is_left_alone(void **state)
{
    uint64_t name = guard_name(t.guard, t.ours);

    (void)state;
    assert_false(guard_hang_up(t.guard, t.ours, name + 1, false));
    assert_false(guard_hang_up(t.guard, t.ours, 0, false));
    assert_false(guard_hang_up(t.guard, t.peer, name, false));
    assert_int_equal(send(t.ours, "x", 1, MSG_NOSIGNAL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_for_a_peer_is_thrown_away_with_its_connection,
                                        open_pair, close_pair),
        cmocka_unit_test_setup_teardown(
            one_that_has_read_all_is_spared_when_only_the_others_are_meant, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(another_connection_under_the_same_descriptor_is_left_alone,
                                        open_pair, close_pair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
