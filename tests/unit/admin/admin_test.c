/* The control socket with a real loop and real clients in the same thread. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/admin/admin.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static struct {
    struct loop *loop;
    struct admin *admin;
    char folder[64], path[80], err[300];
    unsigned reloads;
    size_t settings_bytes; /* how long `settings` answers */
} t;

static void on_collect(void *arg, struct admin_report *out)
{
    (void)arg;
    out->broker = "duty";
    out->version = "0.1.0";
    out->stored = 41;
}

static void on_settings(void *arg, FILE *out)
{
    (void)arg;
    for (size_t i = 0; i < t.settings_bytes; i++)
        fputc('x', out);
}

static void on_reload(void *arg, FILE *out)
{
    (void)arg;
    t.reloads++;
    fprintf(out, "reloaded\n");
}

static const struct admin_exits exits = {
    .collect = on_collect, .settings = on_settings, .agents = on_settings, .reload = on_reload};

static void no_log(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static enum status open_admin(struct admin **out)
{
    return admin_create(out, t.loop, t.path, &exits, t.err, sizeof(t.err));
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    log_set_sink(no_log, NULL);
    snprintf(t.folder, sizeof(t.folder), "/tmp/eocbus-admin-XXXXXX");
    assert_non_null(mkdtemp(t.folder));
    snprintf(t.path, sizeof(t.path), "%s/sock", t.folder);
    assert_int_equal(loop_create(&t.loop), ST_OK);
    assert_int_equal(open_admin(&t.admin), ST_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    admin_destroy(t.admin);
    loop_destroy(t.loop);
    unlink(t.path);
    rmdir(t.folder);
    log_set_sink(NULL, NULL);
    return 0;
}

static int call_in(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", t.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Turns the loop until the broker closes; how many bytes it said, the first of them in `heard`. -1:
 * nothing ended within limit_ms. */
static char heard[16384];

static long hear(int fd, unsigned limit_ms)
{
    uint64_t end_us = loop_exact_us(t.loop) + limit_ms * 1000ull;
    size_t used = 0, total = 0;
    char piece[4096];

    while (loop_exact_us(t.loop) < end_us) {
        ssize_t n = recv(fd, piece, sizeof(piece), 0);

        if (n < 0 && errno == EAGAIN) {
            loop_turn(t.loop, 10);
            continue;
        }
        if (n <= 0)
            return n < 0 ? -1 : (long)total;
        total += (size_t)n;
        size_t kept = (size_t)n < sizeof(heard) - 1 - used ? (size_t)n : sizeof(heard) - 1 - used;
        memcpy(heard + used, piece, kept);
        heard[used += kept] = 0;
    }
    return -1;
}

static const char *ask(const char *line)
{
    int fd = call_in();

    heard[0] = 0;
    say(fd, line);
    assert_true(hear(fd, 2000) >= 0);
    close(fd);
    return heard;
}

static void status_and_metrics_carry_the_collected_numbers(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("status\n"), "\nstored=41\n"));
    assert_non_null(strstr(ask("metrics\n"), "eocbus_stored_total{broker=\"duty\"} 41\n"));
    assert_non_null(strstr(ask("status\r\n"), "broker=duty\n"));
    assert_non_null(strstr(heard, "resident_bytes="));
    assert_null(strstr(heard, "resident_bytes=0\n"));
}

static void reload_is_passed_on_once(void **state)
{
    (void)state;
    assert_string_equal(ask("reload\n"), "reloaded\n");
    assert_int_equal(t.reloads, 1);
}

static void an_unknown_command_is_told_the_known_ones(void **state)
{
    char longer[1001];

    (void)state;
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_memory_equal(ask("stats\n"), "error: no such command", 22);
    assert_non_null(strstr(heard, "\nmetrics "));
    assert_memory_equal(ask(longer), "error: no such command", 22);
    assert_memory_equal(ask("\n"), "error: no such command", 22);
    assert_non_null(strstr(ask("help\n"), "reload"));
}

static void a_command_may_come_in_pieces_or_end_with_the_input(void **state)
{
    int fd = call_in();

    (void)state;
    say(fd, "he");
    loop_turn(t.loop, 10);
    loop_turn(t.loop, 10);
    say(fd, "lp");
    shutdown(fd, SHUT_WR);
    assert_true(hear(fd, 2000) > 0);
    assert_non_null(strstr(heard, "status"));
    close(fd);
}

static void a_long_answer_arrives_whole(void **state)
{
    int fd = call_in();

    (void)state;
    t.settings_bytes = 3000000;
    say(fd, "settings\n");
    assert_int_equal(hear(fd, 5000), 3000000);
    close(fd);
}

static void only_the_owner_may_open_it(void **state)
{
    struct stat seen;

    (void)state;
    assert_int_equal(stat(t.path, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
}

static void a_second_broker_on_the_path_is_told_so(void **state)
{
    struct admin *second = NULL;

    (void)state;
    assert_int_equal(open_admin(&second), ST_EXISTS);
    assert_non_null(strstr(t.err, "another broker is running on"));
    assert_non_null(strstr(t.err, t.path));
    assert_non_null(strstr(ask("status\n"), "stored=41")); /* and the first goes on */
}

static void a_socket_that_nobody_answers_on_is_replaced(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    admin_destroy(t.admin);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", t.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd); /* as after kill -9: the file stays */
    assert_int_equal(access(t.path, F_OK), 0);
    assert_int_equal(open_admin(&t.admin), ST_OK);
    assert_non_null(strstr(ask("status\n"), "stored=41"));
}

static void another_kind_of_file_is_left_alone(void **state)
{
    (void)state;
    admin_destroy(t.admin);
    t.admin = NULL;
    FILE *f = fopen(t.path, "w");
    fputs("precious", f);
    fclose(f);
    assert_int_equal(open_admin(&t.admin), ST_INVALID);
    assert_non_null(strstr(t.err, "is not a socket"));
    assert_int_equal(access(t.path, F_OK), 0);
}

static void a_missing_folder_and_a_long_path_are_said(void **state)
{
    struct admin *a = NULL;
    char longer[200];

    (void)state;
    snprintf(longer, sizeof(longer), "%s/none/sock", t.folder);
    assert_int_equal(admin_create(&a, t.loop, longer, &exits, t.err, sizeof(t.err)), ST_IO);
    assert_non_null(strstr(t.err, "No such file"));
    memset(longer, 'p', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_int_equal(admin_create(&a, t.loop, longer, &exits, t.err, sizeof(t.err)), ST_INVALID);
    assert_non_null(strstr(t.err, "199"));
}

static void the_file_goes_with_the_broker_unless_it_is_anothers(void **state)
{
    struct admin *next = NULL;

    (void)state;
    unlink(t.path); /* somebody cleaned up, and another broker came */
    assert_int_equal(open_admin(&next), ST_OK);
    admin_destroy(t.admin);
    t.admin = next;
    assert_int_equal(access(t.path, F_OK), 0);
    admin_destroy(t.admin);
    t.admin = NULL;
    assert_int_equal(access(t.path, F_OK), -1);
}

/* Sixteen silent clients and one that asks: it has to wait until they are dropped, which is after
 * five seconds; a client that asked but does not read goes at the same time. */
static void who_dawdles_is_dropped_and_the_next_is_served(void **state)
{
    int idle[15], deaf, asker;
    uint64_t start_us = loop_exact_us(t.loop);

    (void)state;
    t.settings_bytes = 3000000;
    deaf = call_in();
    say(deaf, "settings\n");
    for (size_t i = 0; i < ARRAY_LEN(idle); i++)
        idle[i] = call_in();
    for (int i = 0; i < 40; i++)
        loop_turn(t.loop, 5);
    asker = call_in();
    say(asker, "help\n");
    assert_true(hear(asker, 30000) > 0);
    assert_in_range(loop_exact_us(t.loop) - start_us, 4900000, 30000000);
    for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
        assert_int_equal(hear(idle[i], 30000), 0);
        close(idle[i]);
    }
    assert_true(hear(deaf, 30000) < 3000000);
    close(deaf);
    close(asker);
}

static void clients_in_hand_go_with_the_broker(void **state)
{
    int fd = call_in();

    (void)state;
    for (int i = 0; i < 4; i++)
        loop_turn(t.loop, 5);
    admin_destroy(t.admin);
    t.admin = NULL;
    assert_int_equal(hear(fd, 1000), 0);
    close(fd);
}

static void every_failed_allocation_leaves_no_file_behind(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned long n = 1; st; n++) {
        admin_destroy(t.admin);
        t.admin = NULL;
        mem_fail_at(n);
        st = open_admin(&t.admin);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_int_equal(access(t.path, F_OK), st ? -1 : 0);
    }
}

/* A client that finds no memory is closed; the broker goes on. */
static void every_failed_allocation_costs_only_that_client(void **state)
{
    (void)state;
    for (unsigned long n = 1; n <= 8; n++) {
        int fd = call_in();

        say(fd, "status\n");
        mem_fail_at(n);
        hear(fd, 2000); /* cut or whole */
        mem_fail_at(0);
        close(fd);
        assert_non_null(strstr(ask("status\n"), "stored=41"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(status_and_metrics_carry_the_collected_numbers),
        TEST(reload_is_passed_on_once),
        TEST(an_unknown_command_is_told_the_known_ones),
        TEST(a_command_may_come_in_pieces_or_end_with_the_input),
        TEST(a_long_answer_arrives_whole),
        TEST(only_the_owner_may_open_it),
        TEST(a_second_broker_on_the_path_is_told_so),
        TEST(a_socket_that_nobody_answers_on_is_replaced),
        TEST(another_kind_of_file_is_left_alone),
        TEST(a_missing_folder_and_a_long_path_are_said),
        TEST(the_file_goes_with_the_broker_unless_it_is_anothers),
        TEST(who_dawdles_is_dropped_and_the_next_is_served),
        TEST(clients_in_hand_go_with_the_broker),
        TEST(every_failed_allocation_leaves_no_file_behind),
        TEST(every_failed_allocation_costs_only_that_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
