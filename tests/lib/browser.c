/* browser - see browser.h. */
#include "tests/lib/browser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum { PATIENCE_S = 60, REQUEST = 1 << 17 };

void browser_open(struct browser *b, unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    b->is_over = false;
    b->len = 0;
    *b->said = '\0';
    assert_true(b->fd >= 0);
    assert_int_equal(connect(b->fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

void browser_close(struct browser *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

void browser_send(struct browser *b, const void *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(b->fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

static void say(struct browser *b, const char *form, va_list args)
{
    static char text[REQUEST];
    int len = vsnprintf(text, sizeof(text), form, args);

    assert_in_range(len, 0, REQUEST - 1);
    browser_send(b, text, (size_t)len);
}

void browser_say(struct browser *b, const char *form, ...)
{
    va_list args;

    va_start(args, form);
    say(b, form, args);
    va_end(args);
}

static void read_more(struct browser *b)
{
    struct pollfd wait = {.fd = b->fd, .events = POLLIN};
    ssize_t n;

    if (poll(&wait, 1, 1000) <= 0)
        return;
    assert_true(b->len + 1 < sizeof(b->said));
    n = recv(b->fd, b->said + b->len, sizeof(b->said) - 1 - b->len, 0);
    if (n > 0)
        b->len += (size_t)n;
    else if (n == 0 || errno != EINTR)
        b->is_over = true;
    b->said[b->len] = '\0';
}

bool browser_hears(struct browser *b, const char *text)
{
    const time_t end = time(NULL) + PATIENCE_S * PATIENCE;

    while (!strstr(b->said, text)) {
        if (b->is_over)
            return false;
        if (time(NULL) > end)
            fail_msg("waited in vain for %s, heard: %.300s", text, b->said);
        read_more(b);
    }
    return true;
}

void browser_wait_for_end(struct browser *b)
{
    const time_t end = time(NULL) + PATIENCE_S * PATIENCE;

    while (!b->is_over) {
        if (time(NULL) > end)
            fail_msg("the connection stays open after: %.300s", b->said);
        read_more(b);
    }
}

int browser_status(const struct browser *b)
{
    int status = 0;

    return sscanf(b->said, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

int browser_ask(struct browser *b, unsigned port, const char *form, ...)
{
    va_list args;

    browser_open(b, port);
    va_start(args, form);
    say(b, form, args);
    va_end(args);
    browser_wait_for_end(b);
    browser_close(b);
    return browser_status(b);
}
