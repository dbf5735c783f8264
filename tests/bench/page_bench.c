/* page_bench - how long an alarm takes from a sender's hands to twenty dispatchers' pages.
 *
 * A real broker, PostgreSQL and console; PAGES streams of news are open, and each asks for the
 * queue again after every message, as queue.js does; one sender says RATE messages a second and
 * another a FLASH every 250 ms. Measured is from the offer of each FLASH until it stands in each
 * stream (all on one clock), and how long an answer of the queue takes. With a last word `busy` the
 * database holds ten years and 10,000 open things (sql/tests). usage: page_bench [SECONDS [PAGES
 * [RATE]]] [busy] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/file.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/page.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { PAGES_MAX = 100, TEXT = 4096, STREAM = 1 << 18, SAMPLES = 200000, AGAIN_US = 300000 };
#define DESK "coes.bench.desk"

/* One page: its stream of news, and the connection it asks for the queue on. */
struct tab {
    int news, view;
    size_t len, want; /* bytes in `text`; what is left of an answer's body */
    char text[STREAM], head[TEXT];
    size_t head_len;
    bool asks, again;
    uint64_t asked_us, not_before_us;
    int64_t alarm_us; /* the newest that stood here */
};

struct samples {
    double ms[SAMPLES];
    size_t n;
};

static struct {
    struct bus *bus;
    struct page *page;
    struct loop *loop;
    struct client news, alarms;
    struct tab tabs[PAGES_MAX];
    unsigned pages;
    uint64_t bytes;
    struct samples flash, queue;
} bench;

static void add_sample(struct samples *s, double ms)
{
    if (s->n < SAMPLES)
        s->ms[s->n++] = ms;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double part_of(struct samples *s, double part)
{
    qsort(s->ms, s->n, sizeof(*s->ms), by_value);
    return s->n ? s->ms[(size_t)((double)(s->n - 1) * part)] : -1;
}

static void print(const char *what, struct samples *s)
{
    printf("%-28s n=%zu p50=%.1f p95=%.1f p99=%.1f max=%.1f ms\n", what, s->n, part_of(s, 0.5),
           part_of(s, 0.95), part_of(s, 0.99), part_of(s, 1));
}

/* --- pages --------------------------------------------------------------------------------------
 */

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)page_port(bench.page))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void request(int fd, const char *path)
{
    char text[TEXT];
    int len =
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n",
                 path, page_cookie(bench.page));

    assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

static void open_tab(struct tab *t)
{
    t->news = dial();
    t->view = dial();
    request(t->news, "/api/news");
    assert_true(fcntl(t->news, F_SETFL, O_NONBLOCK) == 0);
    assert_true(fcntl(t->view, F_SETFL, O_NONBLOCK) == 0);
}

static void on_event(struct tab *t, const char *event)
{
    const char *at;
    int64_t said_us;

    if (!strstr(event, "event: message"))
        return;
    t->again = true;
    at = strstr(event, "\"event_time_us\":");
    said_us = at ? strtoll(at + 16, NULL, 10) : 0;
    if (!at || !strstr(event, "\"lane\":1,") || said_us <= t->alarm_us)
        return; /* its numbered copy comes too */
    t->alarm_us = said_us;
    add_sample(&bench.flash, (double)(loop_utc_us(bench.loop) - said_us) / 1000);
}

static void hear(struct tab *t)
{
    ssize_t n;
    char *end, *at = t->text;

    while ((n = recv(t->news, t->text + t->len, sizeof(t->text) - 1 - t->len, 0)) > 0) {
        t->len += (size_t)n;
        bench.bytes += (uint64_t)n;
    }
    if (n == 0)
        fail_msg("the console ended a stream");
    t->text[t->len] = '\0';
    while ((end = strstr(at, "\n\n")) != NULL) {
        *end = '\0';
        on_event(t, at);
        at = end + 2;
    }
    t->len -= (size_t)(at - t->text);
    memmove(t->text, at, t->len);
}

/* The head of an answer, then `want` bytes of its body. */
static void take_answer(struct tab *t)
{
    static char text[STREAM];
    ssize_t n;

    while (t->asks && (n = recv(t->view, text, sizeof(text), 0)) > 0) {
        char *body;
        size_t room = sizeof(t->head) - 1 - t->head_len, had = t->head_len;

        if (t->want) {
            t->want -= (size_t)n;
        } else {
            memcpy(t->head + had, text, (size_t)n < room ? (size_t)n : room);
            t->head_len += (size_t)n < room ? (size_t)n : room;
            t->head[t->head_len] = '\0';
            body = strstr(t->head, "\r\n\r\n");
            if (!body)
                continue;
            if (strncmp(t->head, "HTTP/1.1 200", 12) != 0)
                fail_msg("%.400s", t->head);
            t->want = strtoul(strstr(t->head, "Content-Length: ") + 16, NULL, 10) -
                      ((size_t)n - ((size_t)(body + 4 - t->head) - had));
        }
        if (t->want)
            continue;
        add_sample(&bench.queue, (double)(loop_exact_us(bench.loop) - t->asked_us) / 1000);
        t->asks = false;
        t->head_len = 0;
        t->not_before_us = loop_exact_us(bench.loop) + AGAIN_US;
    }
}

static void turn_tab(struct tab *t)
{
    hear(t);
    take_answer(t);
    if (t->asks || !t->again || loop_exact_us(bench.loop) < t->not_before_us)
        return;
    t->again = false;
    t->asks = true;
    t->asked_us = loop_exact_us(bench.loop);
    request(t->view, "/api/view/queue?lang=ru");
}

/* --- the run ------------------------------------------------------------------------------------
 */

static void run_script(const char *path)
{
    struct buf script = {0};

    assert_int_equal(file_read(path, &script, 1 << 20), ST_OK);
    buf_put(&script, "", 1);
    pgserver_exec(bus_server(bench.bus), (const char *)script.data);
    buf_free(&script);
}

static void start_page(void)
{
    static const char *const settings[] = {"ingress.flash_per_minute=60000", NULL};
    char conf[200], dir[200];

    snprintf(dir, sizeof(dir), "%s/page", bus_dir(bench.bus));
    assert_int_equal(mkdir(dir, 0700), 0);
    page_enrol(bench.bus, DESK, conf, sizeof(conf));
    bus_start_broker(bench.bus, settings);
    bench.page = page_start_with(bench.bus, conf, DESK, dir, "connections.each = 300\n");
    page_sign_in(bench.page, DESK);
}

static void start_sender(struct client *c, struct zctx *z, const char *name)
{
    struct keys keys;

    bus_enrol(bench.bus, name, &keys);
    client_create(c, bench.loop, z, name, &keys, bus_endpoint(bench.bus),
                  bus_broker_key(bench.bus));
}

static void turn(unsigned wait_ms)
{
    loop_turn(bench.loop, wait_ms);
    for (unsigned i = 0; i < bench.pages; i++)
        turn_tab(&bench.tabs[i]);
}

static void measure(unsigned seconds, unsigned rate)
{
    uint64_t begin = loop_exact_us(bench.loop), now, said = 0, alarms = 0;

    while ((now = loop_exact_us(bench.loop) - begin) < seconds * UINT64_C(1000000)) {
        uint64_t due = now * rate / 1000000;

        if (due > said && said < CLIENT_MESSAGES - 1000) {
            client_publish(&bench.news, due - said);
            said = due;
        }
        if (now / 250000 > alarms) {
            client_publish(&bench.alarms, 1);
            alarms++;
        }
        turn(1);
    }
    for (unsigned i = 0; i < 2000 && bench.flash.n < alarms * bench.pages; i++)
        turn(1);
    printf("%llu of %llu messages were stored meanwhile\n", (unsigned long long)bench.news.settled,
           (unsigned long long)said);
    printf("%u pages, %u messages/s, %llu FLASH, %.1f MB/s of news\n", bench.pages, rate,
           (unsigned long long)alarms, (double)bench.bytes / 1e6 / seconds);
    print("FLASH to a page", &bench.flash);
    print("answer of the queue", &bench.queue);
    if (bench.flash.n < alarms * bench.pages)
        printf("MISSING: %zu of %llu\n", alarms * bench.pages - bench.flash.n,
               (unsigned long long)alarms * bench.pages);
}

static unsigned number(int argc, char **argv, int i, unsigned otherwise)
{
    return i < argc ? (unsigned)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    const bool busy = argc > 1 && strcmp(argv[argc - 1], "busy") == 0;
    const int numbers = argc - busy;
    unsigned seconds = number(numbers, argv, 1, 20), rate = number(numbers, argv, 3, 300);
    struct zctx *z = NULL;

    bench.pages = number(numbers, argv, 2, 20);
    if (bench.pages > PAGES_MAX || !seconds)
        return 2;
    bench.bus = bus_create();
    if (busy) {
        run_script("sql/tests/ten_years.sql");
        run_script("sql/tests/busy_hub.sql");
        pgserver_exec(bus_server(bench.bus), "UPDATE bus.log_head SET seq = 1000000");
    }
    start_page();
    assert_int_equal(loop_create(&bench.loop), ST_OK);
    assert_int_equal(zctx_create(&z, bench.loop), ST_OK);
    start_sender(&bench.news, z, "coes.bench.s1");
    start_sender(&bench.alarms, z, "coes.bench.a1");
    bench.alarms.is_alarm = true;
    for (unsigned i = 0; i < bench.pages; i++)
        open_tab(&bench.tabs[i]);
    while (!bench.news.is_welcome || !bench.alarms.is_welcome)
        turn(1);
    for (unsigned i = 0; i < 1000; i++)
        turn(1);
    measure(seconds, rate);
    client_destroy(&bench.news);
    client_destroy(&bench.alarms);
    zctx_destroy(z);
    loop_destroy(bench.loop);
    page_end(bench.page);
    bus_destroy(bench.bus);
    return 0;
}
