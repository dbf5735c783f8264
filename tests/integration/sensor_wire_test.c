/* A gateway and a broker of devices that the test plays by hand, packet by packet: what the gateway
 * acknowledged it has kept, whatever is killed; and nothing a broker says breaks it. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "tests/lib/gateway.h"
#include "tests/lib/patience.h"

#define T0 1281200000u
enum { PACKET_BYTES = 65536 };

struct stage {
    int listens, fd; /* fd: the gateway's connection, -1 = none */
    unsigned port;
    uint8_t in[PACKET_BYTES];
    size_t len;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void open_stage(struct stage *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    s->fd = -1;
    s->listens = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listens >= 0);
    assert_int_equal(bind(s->listens, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s->listens, 16), 0);
    assert_int_equal(getsockname(s->listens, (struct sockaddr *)&at, &len), 0);
    s->port = ntohs(at.sin_port);
}

static void hang_up(struct stage *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->len = 0;
}

static void close_stage(struct stage *s)
{
    hang_up(s);
    close(s->listens);
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A whole packet at the beginning of what came in? Its length, or 0. *body: where its body begins.
 */
static size_t whole_packet(const struct stage *s, size_t *body)
{
    size_t length = 0, at = 1;

    for (unsigned shift = 0; at < s->len && at < 5; shift += 7) {
        uint8_t byte = s->in[at++];

        length |= (size_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        *body = at;
        return s->len >= at + length ? at + length : 0;
    }
    return 0;
}

/* The next packet's first byte within wait_ms; 0 = none, -1 = the connection ended. */
static int next_packet(struct stage *s, unsigned *id, int wait_ms)
{
    int64_t until = now_ms() + wait_ms;

    *id = 0;
    for (;;) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        size_t body = 0, whole = whole_packet(s, &body);
        int64_t left = until - now_ms();
        ssize_t n;

        if (whole) {
            int kind = s->in[0];

            if (whole >= body + 2)
                *id = (unsigned)s->in[body] << 8 | s->in[body + 1];
            memmove(s->in, s->in + whole, s->len - whole);
            s->len -= whole;
            return kind;
        }
        if (poll(&p, 1, left > 0 ? (int)left : 0) != 1)
            return 0;
        n = recv(s->fd, s->in + s->len, sizeof(s->in) - s->len, 0);
        if (n <= 0)
            return -1;
        s->len += (size_t)n;
    }
}

static bool send_bytes(struct stage *s, const void *bytes, size_t len)
{
    return send(s->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Takes the gateway's connection up to its subscription; it looks first whether anybody is there,
 * and hangs up again. False: nobody comes in time. */
static bool welcome(struct stage *s, bool knows_it, bool is_five, int wait_ms)
{
    const uint8_t known[] = {0x20, 2, knows_it, 0}, five[] = {0x20, 3, knows_it, 0, 0};
    int64_t until = now_ms() + wait_ms;
    unsigned id;

    while (now_ms() < until) {
        struct pollfd p = {.fd = s->listens, .events = POLLIN};
        uint8_t granted[] = {0x90, 3, 0, 0, 1, 0};

        hang_up(s);
        if (poll(&p, 1, 1000) != 1)
            continue;
        s->fd = accept(s->listens, NULL, NULL);
        if (next_packet(s, &id, 5000) != 0x10)
            continue;
        if (!send_bytes(s, is_five ? five : known, is_five ? sizeof(five) : sizeof(known)))
            continue;
        if (next_packet(s, &id, 5000) != 0x82)
            continue;
        granted[2] = (uint8_t)(id >> 8);
        granted[3] = (uint8_t)id;
        if (is_five) {
            const uint8_t granted_five[] = {0x90, 4, granted[2], granted[3], 0, 1};

            if (send_bytes(s, granted_five, sizeof(granted_five)))
                return true;
        } else if (send_bytes(s, granted, 5)) {
            return true;
        }
    }
    return false;
}

static bool publish(struct stage *s, unsigned id, const char *text, bool again)
{
    static const char topic[] = "gusar/radar/up";
    size_t length = 2 + strlen(topic) + 2 + strlen(text);
    uint8_t packet[300] = {again ? 0x3a : 0x32, (uint8_t)length, 0, sizeof(topic) - 1};

    assert_true(length < 128);
    memcpy(packet + 4, topic, strlen(topic));
    packet[4 + strlen(topic)] = (uint8_t)(id >> 8);
    packet[5 + strlen(topic)] = (uint8_t)id;
    memcpy(packet + 6 + strlen(topic), text, strlen(text));
    return send_bytes(s, packet, length + 2);
}

static struct gateway *make_gateway(const struct stage *s, const char *more)
{
    char lines[600];

    snprintf(lines, sizeof(lines),
             "device = radar json level:gusar.stage*0.001\nmqtt.topic = gusar/+/up radar\n"
             "device = clocked json time=ts level:gusar.stage*0.001\nmqtt.topic = clocked clocked\n"
             "mqtt.retry = 1ms\nmqtt.broker = mqtt://127.0.0.1:%u\n%s",
             s->port, more);
    return gateway_create(lines);
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

/* --- acknowledged is kept --------------------------------------------------------------------- */

enum { MESSAGES = 200, UNDER_WAY = 10 };

struct delivery {
    bool acked[MESSAGES], sent[MESSAGES];
};

static unsigned first_open(const struct delivery *d)
{
    unsigned n = 0;

    while (n < MESSAGES && d->acked[n])
        n++;
    return n;
}

/* What a broker does: up to ten under way, and after a new connection those again that were. */
static void send_open(struct stage *s, struct delivery *d, bool again)
{
    unsigned first = first_open(d);

    for (unsigned n = first; n < MESSAGES && n < first + UNDER_WAY; n++) {
        char text[40];

        if (d->acked[n] || (d->sent[n] && !again))
            continue;
        snprintf(text, sizeof(text), "{\"level\":%u}", n);
        if (!publish(s, n + 1, text, d->sent[n]))
            return;
        d->sent[n] = true;
    }
}

/* Until so many are acknowledged in all, or the connection ends. */
static void deliver(struct stage *s, struct delivery *d, unsigned wanted)
{
    int64_t until = now_ms() + PATIENCE * 60000;

    send_open(s, d, true);
    while (first_open(d) < wanted && now_ms() < until) {
        unsigned id;
        int kind = next_packet(s, &id, 1000);

        if (kind < 0)
            return;
        if (kind == 0x40 && id >= 1 && id <= MESSAGES)
            d->acked[id - 1] = true;
        else if (kind == 0xc0)
            assert_true(send_bytes(s, "\xd0\x00", 2));
        send_open(s, d, false);
    }
}

static void what_it_acknowledged_it_has_kept_once_however_often_it_is_killed(void **state)
{
    static struct delivery d;
    static struct stage s;
    struct gateway *g;

    (void)state;
    open_stage(&s);
    g = make_gateway(&s, "");
    gateway_start(g);
    /* The readings say no time: only their packets tell what comes again. */
    for (unsigned round = 0; first_open(&d) < MESSAGES; round++) {
        assert_true(welcome(&s, round > 0, false, PATIENCE * 30000));
        deliver(&s, &d, first_open(&d) + 17 < MESSAGES ? first_open(&d) + 17 : MESSAGES);
        if (first_open(&d) == MESSAGES)
            break;
        /* Some are on their way when it dies. */
        send_open(&s, &d, false);
        gateway_kill(g);
        gateway_start(g);
        assert_true(round < 100);
    }
    assert_int_equal(gateway_wait(g, 0, MESSAGES), MESSAGES);
    gateway_end(g);
    expect_each_once(g, MESSAGES);
    gateway_destroy(g);
    close_stage(&s);
}

static void a_full_disk_acknowledges_nothing_and_takes_it_when_there_is_room(void **state)
{
    static struct delivery d;
    static struct stage s;
    struct gateway *g;
    unsigned id;
    char path[200], command[400];

    (void)state;
    open_stage(&s);
    snprintf(command, sizeof(command),
             "mkdir /tmp/eocbus-small-%d && "
             "mount -t tmpfs -o size=64k tmpfs /tmp/eocbus-small-%d",
             (int)getpid(), (int)getpid());
    if (geteuid() != 0 || system(command) != 0) {
        close_stage(&s);
        skip();
    }
    snprintf(path, sizeof(path), "journal.path = /tmp/eocbus-small-%d/j\n", (int)getpid());
    g = make_gateway(&s, path);
    snprintf(command, sizeof(command),
             "dd if=/dev/zero of=/tmp/eocbus-small-%d/fill bs=1k count=60 2>/dev/null",
             (int)getpid());
    assert_int_equal(system(command), 0);
    gateway_start(g);
    assert_true(welcome(&s, false, false, PATIENCE * 30000));
    send_open(&s, &d, false);
    /* Whatever fits is acknowledged; then it hangs up rather than say what is not so. */
    for (int kind = 1; kind >= 0;) {
        kind = next_packet(&s, &id, PATIENCE * 30000);
        assert_true(kind != 0);
        if (kind == 0x40)
            d.acked[id - 1] = true;
        if (kind >= 0)
            send_open(&s, &d, false);
    }
    assert_true(gateway_said(g, "sensor.lines.lost"));
    snprintf(command, sizeof(command), "rm /tmp/eocbus-small-%d/fill", (int)getpid());
    assert_int_equal(system(command), 0);
    for (unsigned round = 0; first_open(&d) < MESSAGES; round++) {
        assert_true(round < 1000);
        assert_true(welcome(&s, true, false, PATIENCE * 30000));
        deliver(&s, &d, MESSAGES);
    }
    assert_int_equal(gateway_wait(g, 0, MESSAGES), MESSAGES);
    gateway_end(g);
    expect_each_once(g, MESSAGES);
    gateway_destroy(g);
    close_stage(&s);
    snprintf(command, sizeof(command), "umount /tmp/eocbus-small-%d && rmdir /tmp/eocbus-small-%d",
             (int)getpid(), (int)getpid());
    assert_int_equal(system(command), 0);
}

/* --- hostile packets -------------------------------------------------------------------------- */

static size_t unhex(uint8_t *out, size_t size, const char *text)
{
    size_t n = 0;
    unsigned byte;

    for (; *text && n < size; text++) {
        if (*text == ' ')
            continue;
        if (sscanf(text, "%2x", &byte) != 1)
            break;
        out[n++] = (uint8_t)byte;
        if (text[1] && text[1] != ' ')
            text++;
    }
    return n;
}

/* Plays one vector: everything that its test would send to a broker. */
/* False: it does not come back. */
static bool play(struct stage *s, json_t *test, bool is_five)
{
    static uint8_t bytes[PACKET_BYTES];
    json_t *m;
    size_t i;
    unsigned id;

    if (!welcome(s, true, is_five, PATIENCE * 30000))
        return false;
    json_array_foreach(json_object_get(test, "msgs"), i, m)
    {
        const char *type = json_string_value(json_object_get(m, "type"));
        const char *payload = json_string_value(json_object_get(m, "payload"));

        if (type && payload && strcmp(type, "send") == 0 &&
            !send_bytes(s, bytes, unhex(bytes, sizeof(bytes), payload)))
            break;
    }
    /* It has read all of it when it ends, or waits for more. */
    shutdown(s->fd, SHUT_WR);
    for (int kind = 1; kind > 0;)
        kind = next_packet(s, &id, 2000);
    return true;
}

static unsigned play_file(struct stage *s, struct gateway *g, const char *path, bool is_five)
{
    json_t *groups = json_load_file(path, 0, NULL), *group, *test;
    unsigned played = 0;
    size_t i, k;

    assert_true(json_is_array(groups));
    json_array_foreach(groups, i, group)
        json_array_foreach(json_object_get(group, "tests"), k, test)
    {
        bool five = json_integer_value(json_object_get(test, "ver")) == 5;

        if (five != is_five)
            continue;
        played++;
        if (!play(s, test, is_five) || !gateway_runs(g))
            fail_msg("%s, before or at %s the gateway ended:\n%s", path,
                     json_string_value(json_object_get(test, "name")), gateway_log(g));
    }
    json_decref(groups);
    return played;
}

static unsigned play_all(const char *protocol)
{
    static struct stage s;
    struct gateway *g;
    char more[60], path[300];
    unsigned played = 0;
    DIR *d = opendir("tests/data/mqtt-packets");
    struct dirent *e;

    assert_non_null(d);
    open_stage(&s);
    snprintf(more, sizeof(more), "mqtt.protocol = %s\n", protocol);
    g = make_gateway(&s, more);
    gateway_start(g);
    while ((e = readdir(d))) {
        if (!strstr(e->d_name, ".json"))
            continue;
        snprintf(path, sizeof(path), "tests/data/mqtt-packets/%s", e->d_name);
        played += play_file(&s, g, path, protocol[0] == '5');
    }
    closedir(d);
    /* And it still does its work. */
    assert_true(welcome(&s, true, protocol[0] == '5', PATIENCE * 30000));
    if (protocol[0] != '5') {
        assert_true(publish(&s, 9999, "{\"level\":7}", false));
        assert_int_equal(gateway_wait(g, 7, 1), 1);
    }
    /* The library loses a few bytes of such packets, which is no fault of ours: it is not asked. */
    gateway_kill(g);
    gateway_destroy(g);
    close_stage(&s);
    return played;
}

static void no_packet_of_a_broker_breaks_the_gateway(void **state)
{
    unsigned three = play_all("3.1.1"), five = play_all("5");

    (void)state;
    print_message("%u packets of version 3, %u of version 5\n", three, five);
    assert_int_equal(three + five, 1483);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_acknowledged_it_has_kept_once_however_often_it_is_killed),
        cmocka_unit_test(a_full_disk_acknowledges_nothing_and_takes_it_when_there_is_room),
        cmocka_unit_test(no_packet_of_a_broker_breaks_the_gateway),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
