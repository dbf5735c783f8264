/* Datagrams, serial lines and folders, with a real loop, socket, terminal and folder, up to the
 * intake. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "agents/sensor/input/folder.h"
#include "agents/sensor/input/serial.h"
#include "agents/sensor/input/udp.h"
#include "tests/lib/patience.h"
#include "tests/unit/sensor/desk.h"

static const char *const streams[] = {
    "gusar.stage 1 stage metre -3",
    "gusar.rain 2 rain_acc millimetre -1",
};
static const char *const devices[] = {
    "any lines",
    "radar json time=ts level:gusar.stage",
    "logger csv time=1 2:gusar.stage",
};

struct bench {
    struct desk desk;
    struct devices devices;
    struct loop *loop;
    struct journal *journal;
    struct intake *intake;
    struct feed feed;
    char dir[64];
    enum status answer; /* of the outbox */
};

static enum status commit(void *arg)
{
    (void)arg;
    return ST_OK;
}

static enum status once(void *arg, const char *key, uint64_t said)
{
    (void)arg;
    (void)key;
    (void)said;
    return ST_OK;
}

static void open_intake(struct bench *b)
{
    struct conf_list none = {NULL, 0};
    struct journal_settings shelf = {NULL, 8 << 20, 1 << 20, 3600 * SECOND, T0, false};
    struct intake_settings set;
    char path[80], err[400] = "";

    snprintf(path, sizeof(path), "%s/journal", b->dir);
    shelf.path = path;
    if (journal_open(&b->journal, &shelf, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    set = (struct intake_settings){.station = &b->desk.station,
                                   .detectors = &none,
                                   .speaker = &b->desk.speaker,
                                   .batch_samples = 60,
                                   .batch_period_us = 3600 * SECOND,
                                   .hold_us = 1800 * SECOND,
                                   .journal = b->journal,
                                   .now_us = T0,
                                   .put = desk_put,
                                   .commit = commit,
                                   .once = once,
                                   .arg = b};
    if (intake_create(&b->intake, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    b->feed = (struct feed){.intake = b->intake, .journal = b->journal};
}

static void close_intake(struct bench *b)
{
    intake_destroy(b->intake);
    journal_close(b->journal);
}

static void open_bench(struct bench *b)
{
    struct conf_list list = {(char **)devices, ARRAY_LEN(devices)};
    char err[400] = "";

    memset(b, 0, sizeof(*b));
    desk_open(&b->desk, streams, ARRAY_LEN(streams));
    if (devices_read(&b->devices, &b->desk.station, &list, b->desk.arena, err, sizeof(err)) !=
        ST_OK)
        fail_msg("%s", err);
    snprintf(b->dir, sizeof(b->dir), "/tmp/eocbus-doors-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    assert_int_equal(loop_create(&b->loop), ST_OK);
    open_intake(b);
}

static void close_bench(struct bench *b)
{
    char command[200];

    close_intake(b);
    loop_destroy(b->loop);
    desk_close(&b->desk);
    snprintf(command, sizeof(command), "rm -rf '%s'", b->dir);
    assert_int_equal(system(command), 0);
}

/* Turns the loop, with a commit a turn as the gateway has, until so many samples were taken and so
 * much was not understood. */
static void wait_for(struct bench *b, uint64_t samples, uint64_t unknown)
{
    uint64_t until = loop_exact_us(b->loop) + PATIENCE * UINT64_C(30000000);
    struct intake_counts counts;
    char why[INTAKE_ANSWER_BYTES];

    do {
        loop_turn(b->loop, 5);
        if (intake_pending(b->intake) || journal_has_news(b->journal))
            assert_int_equal(intake_commit(b->intake, why), ST_OK);
        intake_counts(b->intake, &counts);
    } while ((counts.samples < samples || b->feed.unknown < unknown) &&
             loop_exact_us(b->loop) < until);
    assert_int_equal(counts.samples, samples);
    assert_int_equal(b->feed.unknown, unknown);
}

/* --- datagrams -------------------------------------------------------------------------------- */

static void datagrams_are_read_in_their_devices_words(void **state)
{
    static const char *const said[] = {"{\"ts\":1281200000,\"level\":1.284}", "nonsense", ""};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct bench b;
    struct udp *u;
    char err[400];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void)state;
    open_bench(&b);
    if (udp_create(&u, b.loop, &b.feed, NULL, &b.devices, "127.0.0.1:0 radar", err, sizeof(err)) !=
        ST_OK)
        fail_msg("%s", err);
    to.sin_port = htons((uint16_t)udp_port(u));
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        assert_int_equal(
            sendto(fd, said[i], strlen(said[i]), 0, (struct sockaddr *)&to, sizeof(to)),
            (ssize_t)strlen(said[i]));
    wait_for(&b, 1, 2);
    udp_destroy(u);
    close(fd);
    close_bench(&b);
}

static void a_wrong_line_is_a_sentence(void **state)
{
    static const char *const udps[] = {"", "127.0.0.1:0", "x radar", "127.0.0.1:0 nobody"};
    static const char *const serials[] = {"/dev/null", "/dev/null 9600", "/dev/null 9601 radar",
                                          "/dev/null 9600 nobody"};
    struct bench b;
    struct serial *s;
    struct udp *u;
    char err[400];

    (void)state;
    open_bench(&b);
    for (size_t i = 0; i < ARRAY_LEN(udps); i++) {
        err[0] = '\0';
        assert_int_equal(
            udp_create(&u, b.loop, &b.feed, NULL, &b.devices, udps[i], err, sizeof(err)),
            ST_INVALID);
        assert_true(strlen(err) > 20);
    }
    for (size_t i = 0; i < ARRAY_LEN(serials); i++) {
        err[0] = '\0';
        assert_int_equal(
            serial_create(&s, b.loop, &b.feed, &b.devices, serials[i], err, sizeof(err)),
            ST_INVALID);
        assert_true(strlen(err) > 20);
    }
    close_bench(&b);
}

static void a_stranger_is_not_listened_to(void **state)
{
    static char *lines[] = {(char *)"127.0.0.9", (char *)"10.20.0.0/16"};
    static const char *const said = "{\"ts\":1281200000,\"level\":1.284}";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct conf_list list = {lines, 2};
    struct sources sources;
    struct bench b;
    struct udp *u;
    char err[400];
    int stranger = socket(AF_INET, SOCK_DGRAM, 0), device = socket(AF_INET, SOCK_DGRAM, 0);

    (void)state;
    open_bench(&b);
    assert_int_equal(sources_read(&sources, "udp.from", &list, err, sizeof(err)), ST_OK);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.9", &from.sin_addr), 1);
    assert_int_equal(bind(device, (struct sockaddr *)&from, sizeof(from)), 0);
    if (udp_create(&u, b.loop, &b.feed, &sources, &b.devices, "127.0.0.1:0 radar", err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    to.sin_port = htons((uint16_t)udp_port(u));
    assert_true(sendto(stranger, "nonsense", 8, 0, (struct sockaddr *)&to, sizeof(to)) == 8);
    assert_true(sendto(device, said, strlen(said), 0, (struct sockaddr *)&to, sizeof(to)) > 0);
    wait_for(&b, 1, 0); /* behind the stranger's */
    assert_int_equal(sources.refused, 1);
    udp_destroy(u);
    close(stranger);
    close(device);
    close_bench(&b);
}

/* A thousand addresses, and each says what nobody understands. */
static void a_flood_of_addresses_fills_no_journal(void **state)
{
    struct journal_counts before, after;
    struct bench b;
    char source[40], why[INTAKE_ANSWER_BYTES];

    (void)state;
    open_bench(&b);
    journal_counts(b.journal, &before);
    for (int i = 0; i < 1000; i++) {
        snprintf(source, sizeof(source), "udp 10.0.%d.%d", i / 250, i % 250);
        feed_unknown(&b.feed, source, "no JSON", "x", 1, T0 + i);
    }
    assert_int_equal(b.feed.unknown, 1000);
    assert_int_equal(intake_commit(b.intake, why), ST_OK);
    journal_counts(b.journal, &after);
    assert_in_range(after.bytes - before.bytes, 1, FEED_MINUTE * 100);
    /* The next minute is looked at again. */
    before = after;
    feed_unknown(&b.feed, "udp 10.9.9.9", "no JSON", "x", 1, T0 + MINUTE);
    assert_int_equal(intake_commit(b.intake, why), ST_OK);
    journal_counts(b.journal, &after);
    assert_true(after.bytes > before.bytes);
    close_bench(&b);
}

/* --- serial lines ----------------------------------------------------------------------------- */

static void type(int master, const char *text)
{
    assert_int_equal(write(master, text, strlen(text)), (ssize_t)strlen(text));
}

static void a_serial_device_is_heard_line_by_line(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct bench b;
    struct serial *s;
    char line[100], err[400];
    struct termios t;

    (void)state;
    open_bench(&b);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    snprintf(line, sizeof(line), "%s 9600 any", ptsname(master));
    if (serial_create(&s, b.loop, &b.feed, &b.devices, line, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    loop_turn(b.loop, 5);
    assert_int_equal(tcgetattr(master, &t), 0);
    assert_int_equal(cfgetospeed(&t), B9600);
    assert_int_equal(t.c_lflag & (ICANON | ECHO), 0);
    type(master, "gusar.stage 2010-08-07T16:53:20Z 1.284\r\ngusar.rain 2010-08-07T16");
    wait_for(&b, 1, 0);
    type(master, ":53:21Z 0.2\ngarbage\n");
    wait_for(&b, 2, 1);
    serial_destroy(s);
    close(master);
    close_bench(&b);
}

static void an_unplugged_device_is_no_error(void **state)
{
    struct bench b;
    struct serial *s;
    char err[400];

    (void)state;
    open_bench(&b);
    assert_int_equal(
        serial_create(&s, b.loop, &b.feed, &b.devices, "/nowhere/tty 9600 any", err, sizeof(err)),
        ST_OK);
    loop_turn(b.loop, 5);
    serial_destroy(s);
    close_bench(&b);
}

/* --- folders ---------------------------------------------------------------------------------- */

/* Written a while ago, as far as its folder says. */
static void put_file_of(struct bench *b, const char *name, const char *text, size_t len,
                        time_t changed)
{
    struct utimbuf old = {.actime = 1000, .modtime = changed};
    char path[200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", b->dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    assert_int_equal(utime(path, &old), 0);
}

static void put_file(struct bench *b, const char *name, const char *text, size_t len)
{
    put_file_of(b, name, text, len, 1000);
}

static bool is_there(struct bench *b, const char *name)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", b->dir, name);
    return access(path, F_OK) == 0;
}

static struct folder *open_folder(struct bench *b, const char *device)
{
    struct folder *f = NULL;
    char line[100], err[400];

    snprintf(line, sizeof(line), "%s %s", b->dir, device);
    if (folder_create(&f, b->loop, &b->feed, &b->devices, line, 10, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return f;
}

static void wait_for_file(struct bench *b, const char *name)
{
    uint64_t until = loop_exact_us(b->loop) + PATIENCE * UINT64_C(30000000);
    char why[INTAKE_ANSWER_BYTES];

    while (!is_there(b, name) && loop_exact_us(b->loop) < until) {
        loop_turn(b->loop, 5);
        if (intake_pending(b->intake) || journal_has_news(b->journal))
            assert_int_equal(intake_commit(b->intake, why), ST_OK);
    }
    assert_true(is_there(b, name));
}

static void a_file_is_put_away_when_it_is_safe(void **state)
{
    static const char text[] = "time,stage\n2010-08-07T16:53:20Z,1.284\n2010-08-07T16:53:21Z,1.3\n";
    struct intake_counts counts;
    struct bench b;
    struct folder *f;

    (void)state;
    open_bench(&b);
    put_file(&b, "b.csv", text, strlen(text));
    put_file(&b, "a.csv", "2010-08-07T16:53:10Z,1\nbroken,2\n", 31);
    put_file(&b, "c.tmp", text, strlen(text));
    put_file(&b, "empty", "", 0);
    f = open_folder(&b, "logger");
    for (int i = 0; i < 20; i++)
        loop_turn(b.loop, 5);
    /* Nothing is committed here: nothing may be put away. */
    assert_true(is_there(&b, "a.csv"));
    wait_for_file(&b, "done/b.csv");
    wait_for_file(&b, "done/empty");
    assert_true(is_there(&b, "done/a.csv"));
    assert_true(is_there(&b, "c.tmp"));
    intake_counts(b.intake, &counts);
    assert_int_equal(counts.samples, 4);
    assert_int_equal(b.feed.unknown, 1);
    /* The same name again: both stay. */
    put_file(&b, "a.csv", "2010-08-07T16:53:11Z,1\n", 23);
    wait_for_file(&b, "done/a.csv.1");
    folder_destroy(f);
    close_bench(&b);
}

static void a_file_of_the_future_is_read_when_it_has_lain_here_a_while(void **state)
{
    struct intake_counts counts;
    struct bench b;
    struct folder *f;

    (void)state;
    open_bench(&b);
    put_file_of(&b, "a.csv", "2010-08-07T16:53:10Z,1\n", 23, time(NULL) + 86400);
    f = open_folder(&b, "logger");
    wait_for_file(&b, "done/a.csv");
    intake_counts(b.intake, &counts);
    assert_int_equal(counts.samples, 1);
    folder_destroy(f);
    close_bench(&b);
}

static void a_file_interrupted_anywhere_is_gone_on_with(void **state)
{
    enum { ROWS = 6000 };
    struct buf text = {0};
    struct intake_counts counts;
    uint64_t total = 0;
    struct bench b;
    unsigned runs = 0;

    (void)state;
    open_bench(&b);
    for (int i = 0; i < ROWS; i++)
        buf_printf(&text, "%d.5,%d\n", 1281200000 + i, i);
    put_file(&b, "long.csv", (const char *)text.data, text.len);
    buf_free(&text);
    /* Every run ends after three commits, as if killed. */
    for (; is_there(&b, "long.csv") && runs < 100; runs++) {
        struct folder *f = open_folder(&b, "logger");

        for (int commits = 0; commits < 3 && is_there(&b, "long.csv");) {
            char why[INTAKE_ANSWER_BYTES];

            loop_turn(b.loop, 5);
            if (!intake_pending(b.intake) && !journal_has_news(b.journal))
                continue;
            assert_int_equal(intake_commit(b.intake, why), ST_OK);
            commits++;
        }
        intake_counts(b.intake, &counts);
        total += counts.samples;
        folder_destroy(f);
        close_intake(&b);
        open_intake(&b);
    }
    assert_true(runs > 1 && runs < 100);
    assert_int_equal(total, ROWS);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_read_in_their_devices_words),
        cmocka_unit_test(a_wrong_line_is_a_sentence),
        cmocka_unit_test(a_stranger_is_not_listened_to),
        cmocka_unit_test(a_flood_of_addresses_fills_no_journal),
        cmocka_unit_test(a_serial_device_is_heard_line_by_line),
        cmocka_unit_test(an_unplugged_device_is_no_error),
        cmocka_unit_test(a_file_is_put_away_when_it_is_safe),
        cmocka_unit_test(a_file_of_the_future_is_read_when_it_has_lain_here_a_while),
        cmocka_unit_test(a_file_interrupted_anywhere_is_gone_on_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
