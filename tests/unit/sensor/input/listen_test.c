#include "agents/sensor/input/listen.h"
#include "proto/base/loop.h"
#include "tests/lib/patience.h"
#include "tests/unit/sensor/desk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const streams[] = {
    "gusar.stage 1 stage metre -3",
    "gusar.rain 2 rain_acc millimetre -1",
};

struct bench {
    struct desk desk;
    struct loop *loop;
    struct intake *intake;
    struct listener *listener;
    unsigned commits;
    enum status commit_answer;
    struct sources sources;
};

static enum status commit(void *arg)
{
    struct bench *b = arg;

    b->commits++;
    return b->commit_answer;
}

static void open_bench(struct bench *b, size_t samples, unsigned connections, unsigned period_ms)
{
    struct conf_list none = {NULL, 0};
    struct intake_settings set;
    struct listener_settings door;
    char err[400] = "";

    memset(b, 0, sizeof(*b));
    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    set = (struct intake_settings){.station = &b->desk.station,
                                   .detectors = &none,
                                   .speaker = &b->desk.speaker,
                                   .batch_samples = samples,
                                   .batch_period_us = 3600 * SECOND,
                                   .hold_us = 1800 * SECOND,
                                   .put = desk_put,
                                   .commit = commit,
                                   .arg = b};
    assert_int_equal(loop_create(&b->loop), ST_OK);
    assert_int_equal(intake_create(&b->intake, &set, err, sizeof(err)), ST_OK);
    door = (struct listener_settings){b->loop,     b->intake, "127.0.0.1:0",
                                      connections, period_ms, &b->sources};
    if (listener_create(&b->listener, &door, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void close_bench(struct bench *b)
{
    listener_destroy(b->listener);
    intake_destroy(b->intake);
    loop_destroy(b->loop);
    desk_close(&b->desk);
}

/* With small buffers, so that a test which fills them is short. */
static int dial(struct bench *b)
{
    const int small = 8192;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    to.sin_port = htons((uint16_t)listener_port(b->listener));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Never blocks: who would read is the loop in this same process. */
static void tell(struct bench *b, int fd, const char *text)
{
    uint64_t until = loop_exact_us(b->loop) + PATIENCE * UINT64_C(30000000);
    size_t len = strlen(text), sent = 0;

    while (sent < len && loop_exact_us(b->loop) < until) {
        ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        sent += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            loop_turn(b->loop, 5);
    }
    assert_int_equal(sent, len);
}

/* Turns the loop until `text` was heard, or half a minute has passed; "" = the end of the talk. */
static void hear(struct bench *b, int fd, const char *text)
{
    uint64_t until = loop_exact_us(b->loop) + PATIENCE * UINT64_C(30000000);
    char got[8192] = "";
    size_t len = 0;

    while (loop_exact_us(b->loop) < until) {
        ssize_t n = recv(fd, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);

        if (n > 0)
            len += (size_t)n;
        got[len] = '\0';
        if (*text ? strstr(got, text) != NULL : n == 0 || (n < 0 && errno == ECONNRESET))
            return;
        loop_turn(b->loop, 5);
    }
    fail_msg("waited for '%s', got '%s'", text, got);
}

static void lines_are_answered_in_one_go_when_they_are_safe(void **state)
{
    struct bench b;
    int fd;

    (void)state;
    open_bench(&b, 60, 4, 60000);
    fd = dial(&b);
    tell(&b, fd, "gusar.stage now 1.284\ngusar.rain now 0.2\nnonsense\n");
    hear(&b, fd, "error 3: legal is DATASTREAM TIME VALUE");
    assert_int_equal(b.commits, 0);
    assert_int_equal(b.desk.count, 0);
    tell(&b, fd, "flush\n");
    hear(&b, fd, "ok 1\nok 2\n");
    assert_int_equal(b.commits, 1);
    assert_int_equal(b.desk.count, 1);
    close(fd);
    close_bench(&b);
}

static void a_period_that_ends_answers_without_being_asked(void **state)
{
    struct bench b;
    int fd;

    (void)state;
    open_bench(&b, 60, 4, 20);
    fd = dial(&b);
    tell(&b, fd, "gusar.stage now 1.284\n");
    hear(&b, fd, "ok 1\n");
    close(fd);
    close_bench(&b);
}

static void what_is_not_kept_is_said_so(void **state)
{
    struct bench b;
    int fd;

    (void)state;
    open_bench(&b, 60, 4, 60000);
    b.commit_answer = ST_FULL;
    fd = dial(&b);
    tell(&b, fd, "gusar.stage now 1.284\nflush\n");
    hear(&b, fd, "error 1: not kept (full), send it again later");
    b.commit_answer = ST_OK;
    tell(&b, fd, "gusar.stage now 1.284\nflush\n");
    hear(&b, fd, "ok 3\n");
    close(fd);
    close_bench(&b);
}

static void one_flush_answers_every_connection(void **state)
{
    struct bench b;
    int one, two;

    (void)state;
    open_bench(&b, 60, 4, 60000);
    one = dial(&b);
    two = dial(&b);
    tell(&b, one, "gusar.stage now 1\nx\n");
    hear(&b, one, "error 2");
    tell(&b, two, "gusar.rain now 1\nflush\n");
    hear(&b, two, "ok 1\n");
    hear(&b, one, "ok 1\n");
    assert_int_equal(b.commits, 1);
    close(one);
    close(two);
    close_bench(&b);
}

static void an_end_of_the_connection_is_a_flush_and_half_a_line_is_nothing(void **state)
{
    struct bench b;
    int fd;

    (void)state;
    open_bench(&b, 60, 4, 60000);
    fd = dial(&b);
    tell(&b, fd, "gusar.stage now 1\ngusar.stage now 12");
    shutdown(fd, SHUT_WR);
    hear(&b, fd, "ok 1\n");
    hear(&b, fd, "");
    assert_int_equal(b.desk.count, 1);
    close(fd);
    close_bench(&b);
}

static void a_line_that_is_too_long_is_refused_and_the_next_one_is_read(void **state)
{
    char text[9000];
    struct bench b;
    int fd;

    (void)state;
    open_bench(&b, 60, 4, 60000);
    fd = dial(&b);
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    tell(&b, fd, text);
    tell(&b, fd, "\ngusar.stage now 1\nflush\n");
    hear(&b, fd, "error 1: a line has at most 256 bytes\nok 2\n");
    close(fd);
    close_bench(&b);
}

static void one_connection_too_many_is_told_so(void **state)
{
    struct bench b;
    int fd[3];

    (void)state;
    open_bench(&b, 60, 2, 60000);
    for (int i = 0; i < 2; i++) {
        fd[i] = dial(&b);
        tell(&b, fd[i], "x\n");
        hear(&b, fd[i], "error 1");
    }
    fd[2] = dial(&b);
    hear(&b, fd[2], "error 0: too many connections");
    hear(&b, fd[2], "");
    close(fd[0]);
    close(fd[2]);
    /* The place is free again once the loop has seen the end. */
    for (int i = 0; i < 20; i++)
        loop_turn(b.loop, 5);
    fd[0] = dial(&b);
    tell(&b, fd[0], "x\n");
    hear(&b, fd[0], "error 1");
    close(fd[0]);
    close(fd[1]);
    close_bench(&b);
}

static void a_stranger_is_told_so_and_not_listened_to(void **state)
{
    static char *lines[] = {(char *)"10.20.0.0/16"};
    struct conf_list list = {lines, 1};
    struct bench b;
    char err[400];
    int fd;

    (void)state;
    open_bench(&b, 60, 2, 60000);
    assert_int_equal(sources_read(&b.sources, "listen.from", &list, err, sizeof(err)), ST_OK);
    fd = dial(&b);
    hear(&b, fd, "error 0: the setting listen.from does not name your address\n");
    assert_int_equal(b.sources.refused, 1);
    close(fd);
    close_bench(&b);
}

static void who_does_not_read_its_answers_is_not_read_from(void **state)
{
    static char lines[4096];
    unsigned stuck = 0;
    bool again = false;
    uint64_t until;
    struct bench b;
    size_t sent = 0;
    int fd, other;

    (void)state;
    open_bench(&b, 60, 2, 60000);
    fd = dial(&b);
    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % 2 ? '\n' : 'x';
    /* Until the buffers of both ends are full and nothing moves any more. */
    while (stuck < 200) {
        ssize_t n = send(fd, lines, sizeof(lines), MSG_NOSIGNAL | MSG_DONTWAIT);

        stuck = n > 0 ? 0 : stuck + 1;
        sent += n > 0 ? (size_t)n : 0;
        assert_true(sent < 64u << 20);
        loop_turn(b.loop, 1);
    }
    other = dial(&b);
    tell(&b, other, "gusar.stage now 1\nflush\n");
    hear(&b, other, "ok 1\n");
    /* It reads at last, and more is answered than the buffers held. */
    until = loop_exact_us(b.loop) + PATIENCE * UINT64_C(60000000);
    for (size_t heard = 0; heard <= (1u << 20) && loop_exact_us(b.loop) < until;) {
        static char got[65536];
        ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

        heard += n > 0 ? (size_t)n : 0;
        again = heard > (1u << 20);
        loop_turn(b.loop, 1);
    }
    assert_true(again);
    close(fd);
    close(other);
    close_bench(&b);
}

static void an_address_that_cannot_be_used_is_a_sentence(void **state)
{
    static const char *const bad[] = {
        "", "5520", "127.0.0.1", "localhost:5520", "127.0.0.1:x", "127.0.0.1:999999", ":5520"};
    struct bench b;
    char err[400], taken[40];
    struct listener *l;

    (void)state;
    open_bench(&b, 60, 2, 60000);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct listener_settings door = {b.loop, b.intake, bad[i], 1, 1000, NULL};

        assert_int_equal(listener_create(&l, &door, err, sizeof(err)), ST_INVALID);
        assert_non_null(strstr(err, "127.0.0.1:5520"));
    }
    snprintf(taken, sizeof(taken), "127.0.0.1:%u", listener_port(b.listener));
    assert_int_equal(
        listener_create(&l, &(struct listener_settings){b.loop, b.intake, taken, 1, 1000, NULL},
                        err, sizeof(err)),
        ST_IO);
    assert_non_null(strstr(err, "Address already in use"));
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_answered_in_one_go_when_they_are_safe),
        cmocka_unit_test(a_period_that_ends_answers_without_being_asked),
        cmocka_unit_test(what_is_not_kept_is_said_so),
        cmocka_unit_test(one_flush_answers_every_connection),
        cmocka_unit_test(an_end_of_the_connection_is_a_flush_and_half_a_line_is_nothing),
        cmocka_unit_test(a_line_that_is_too_long_is_refused_and_the_next_one_is_read),
        cmocka_unit_test(one_connection_too_many_is_told_so),
        cmocka_unit_test(a_stranger_is_told_so_and_not_listened_to),
        cmocka_unit_test(who_does_not_read_its_answers_is_not_read_from),
        cmocka_unit_test(an_address_that_cannot_be_used_is_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
