/* demo_port - the ports of two nights that begin together. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/ctl/demo.h"

/* As the page and the broker do, also after they were killed. */
static int listen_at(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* Neither has begun to listen when both choose. */
static void test_two_nights_do_not_take_one_port(void **state)
{
    unsigned one = 0, other;

    (void)state;
    assert_true(demo_take_port(&one));
    assert_int_not_equal(one, 0);
    other = one;
    assert_true(demo_take_port(&other));
    assert_int_not_equal(other, one);
    close(listen_at(one));
    close(listen_at(other));
}

static void test_a_port_where_somebody_listens_is_left_to_them(void **state)
{
    unsigned port = 0, wanted;
    int fd;

    (void)state;
    assert_true(demo_take_port(&port));
    fd = listen_at(port);
    wanted = port;
    assert_true(demo_take_port(&wanted));
    assert_int_not_equal(wanted, port);
    close(fd);
}

/* What a file of the last run says may be anything. */
static void test_a_number_that_is_no_port_becomes_one(void **state)
{
    unsigned port = 4000000000;

    (void)state;
    assert_true(demo_take_port(&port));
    assert_in_range(port, 1, 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_nights_do_not_take_one_port),
        cmocka_unit_test(test_a_port_where_somebody_listens_is_left_to_them),
        cmocka_unit_test(test_a_number_that_is_no_port_becomes_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
