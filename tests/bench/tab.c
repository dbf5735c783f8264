/* tab - see tab.h. */
#include "tests/bench/tab.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/banned.h"

/* As waiting.js has it. */
enum { AGAIN_FAST_US = 2000000, AGAIN_MOST_US = 5000000 };

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t pause_us(uint64_t took_us)
{
    uint64_t fast_us = least(20 * took_us, AGAIN_FAST_US),
             slow_us = least(3 * took_us, AGAIN_MOST_US);

    return fast_us > slow_us ? fast_us : slow_us;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %.400s\n", what, why);
    exit(1);
}

static int dial(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die("a page", "the console does not answer");
    return fd;
}

static void request(const struct tab *t, int fd, const char *path)
{
    char text[TAB_TEXT];
    int len = snprintf(text, sizeof(text),
                       "GET %s HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n", path, t->cookie);

    if (send(fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        die(path, "the console took no request");
}

void tab_open(struct tab *t, unsigned port, const char *cookie, struct samples *flash,
              struct samples *queue)
{
    memset(t, 0, sizeof(*t));
    snprintf(t->cookie, sizeof(t->cookie), "%s", cookie);
    t->port = port;
    t->flash = flash;
    t->queue = queue;
    t->news = dial(port);
    t->view = dial(port);
    request(t, t->news, "/api/news");
    if (fcntl(t->news, F_SETFL, O_NONBLOCK) != 0 || fcntl(t->view, F_SETFL, O_NONBLOCK) != 0)
        die("a page", "fcntl");
    t->again = true; /* its first view */
}

void tab_close(struct tab *t)
{
    close(t->news);
    close(t->view);
}

static void on_event(struct tab *t, const char *event, int64_t utc_us)
{
    const char *at;
    int64_t said_us;

    if (!strstr(event, "event: message"))
        return;
    t->again |= !strstr(event, "\"type\":\"observation_batch\"");
    at = strstr(event, "\"event_time_us\":");
    said_us = at ? strtoll(at + 16, NULL, 10) : 0;
    if (!at || !strstr(event, "\"lane\":1,") || said_us <= t->alarm_us)
        return; /* its numbered copy comes too */
    t->alarm_us = said_us;
    samples_add(t->flash, (double)(utc_us - said_us) / 1000);
}

static void hear(struct tab *t, int64_t utc_us)
{
    ssize_t n;
    char *end, *at = t->text;

    while ((n = recv(t->news, t->text + t->len, sizeof(t->text) - 1 - t->len, 0)) > 0) {
        t->len += (size_t)n;
        t->bytes += (uint64_t)n;
    }
    if (n == 0)
        die("a page", "the console ended its stream of news");
    t->text[t->len] = '\0';
    while ((end = strstr(at, "\n\n")) != NULL) {
        *end = '\0';
        on_event(t, at, utc_us);
        at = end + 2;
    }
    t->len -= (size_t)(at - t->text);
    memmove(t->text, at, t->len);
}

/* The head of an answer (maybe with the beginning of its body, `n` bytes in all are new): how much
 * body is still to come. */
static void take_head(struct tab *t, const char *text, size_t n)
{
    size_t had = t->head_len, room = sizeof(t->head) - 1 - had;
    const char *body, *length;

    memcpy(t->head + had, text, n < room ? n : room);
    t->head_len += n < room ? n : room;
    t->head[t->head_len] = '\0';
    body = strstr(t->head, "\r\n\r\n");
    if (!body)
        return;
    length = strstr(t->head, "Content-Length: ");
    if (strncmp(t->head, "HTTP/1.1 200", 12) != 0 || !length)
        die("the queue", t->head);
    t->answer_bytes = strtoul(length + 16, NULL, 10);
    t->want = t->answer_bytes - (n - ((size_t)(body + 4 - t->head) - had));
    t->asks = t->want > 0;
}

static void end_answer(struct tab *t, uint64_t now_us)
{
    uint64_t took_us = now_us - t->asked_us;

    samples_add(t->queue, (double)took_us / 1000);
    t->head_len = t->want = 0;
    t->not_before_us = now_us + pause_us(took_us);
}

static void take_answer(struct tab *t, uint64_t now_us)
{
    static char text[TAB_STREAM];
    ssize_t n;

    while (t->asks && (n = recv(t->view, text, sizeof(text), 0)) >= 0) {
        if (n == 0)
            die("the queue", "the console ended the connection");
        if (!t->want) {
            take_head(t, text, (size_t)n);
        } else {
            t->want -= (size_t)n;
            t->asks = t->want > 0;
        }
        if (!t->asks)
            end_answer(t, now_us);
    }
}

/* The console ends a connection that was idle for long; a browser takes another. */
static void dial_again_if_ended(struct tab *t)
{
    char byte;

    if (recv(t->view, &byte, 1, MSG_PEEK) != 0)
        return;
    close(t->view);
    t->view = dial(t->port);
    if (fcntl(t->view, F_SETFL, O_NONBLOCK) != 0)
        die("a page", "fcntl");
}

void tab_turn(struct tab *t, uint64_t now_us, int64_t utc_us)
{
    hear(t, utc_us);
    take_answer(t, now_us);
    if (t->asks || !t->again || now_us < t->not_before_us)
        return;
    t->again = false;
    t->asks = true;
    t->asked_us = now_us;
    dial_again_if_ended(t);
    request(t, t->view, "/api/view/queue?lang=ru&rows=60");
}
