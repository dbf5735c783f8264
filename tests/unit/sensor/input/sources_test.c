#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "agents/sensor/input/sources.h"

static struct sources sources;
static char err[200];

static enum status name(const char *line)
{
    char *lines[] = {(char *)(uintptr_t)line};
    const struct conf_list list = {lines, *line ? 1 : 0};

    return sources_read(&sources, "udp.from", &list, err, sizeof(err));
}

static bool allow(const char *address)
{
    struct sockaddr_storage at = {0};
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&at;
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&at;

    at.ss_family = AF_INET6;
    if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1)
        return sources_allow(&sources, &at, 1);
    at.ss_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, address, &four->sin_addr), 1);
    return sources_allow(&sources, &at, 1);
}

static void an_address_or_a_network_may_speak_and_others_may_not(void **state)
{
    (void)state;
    assert_int_equal(name("10.20.0.0/15"), ST_OK);
    assert_true(allow("10.20.0.1") && allow("10.21.255.255") && allow("::ffff:10.20.0.1"));
    assert_false(allow("10.22.0.0") || allow("10.19.255.255") || allow("::1"));
    assert_int_equal(name("10.20.0.7"), ST_OK);
    assert_true(allow("10.20.0.7"));
    assert_false(allow("10.20.0.6"));
    assert_int_equal(name("fd00:20::/33"), ST_OK);
    assert_true(allow("fd00:20:7fff::1"));
    assert_false(allow("fd00:20:8000::1") || allow("10.20.0.7"));
    assert_int_equal(sources.refused, 2);
    assert_int_equal(name("0.0.0.0/0"), ST_OK);
    assert_true(allow("203.0.113.9"));
    assert_false(allow("2001:db8::1"));
}

static void without_a_list_everybody_may(void **state)
{
    (void)state;
    assert_int_equal(name(""), ST_OK);
    assert_true(allow("203.0.113.9") && allow("::1"));
}

static void a_wrong_line_is_a_sentence(void **state)
{
    static const char *const bad[] = {"gusar", "10.20.0.0/33", "10.20/16",  "10.20.0.0/",
                                      "/16",   "::/129",       "10.0.0.1/x"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(name(bad[i]), ST_INVALID);
        assert_non_null(strstr(err, "as in 10.20.0.0/16"));
    }
}

static void only_loopback_is_closed_to_others(void **state)
{
    (void)state;
    assert_false(sources_are_others("127.0.0.1:5520") || sources_are_others("[::1]:5520"));
    assert_true(sources_are_others("0.0.0.0:5520") && sources_are_others("[::]:5520") &&
                sources_are_others("10.20.0.1:5520"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_or_a_network_may_speak_and_others_may_not),
        cmocka_unit_test(without_a_list_everybody_may),
        cmocka_unit_test(a_wrong_line_is_a_sentence),
        cmocka_unit_test(only_loopback_is_closed_to_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
