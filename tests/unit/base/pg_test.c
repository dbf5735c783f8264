/* The connection machine where it needs no server: its table, its pauses, and servers that are not
 * there or do not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/pg.h"
#include "proto/base/pg_parts.h"
#include "broker/store/store.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"
#include "tests/lib/patience.h"

static unsigned lines;
static char last_line[1200];

static void keep_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    lines++;
    snprintf(last_line, sizeof(last_line), "%s", line);
}

static void never(void *arg)
{
    (void)arg;
    fail();
}

static const char *const no_names[] = {NULL};

static struct pg *dial(struct loop *l, const char *conninfo, unsigned setup_ms)
{
    const struct pg_settings set = {.loop = l,
                                    .conninfo = conninfo,
                                    .name = "test",
                                    .prepare = no_names,
                                    .setup = no_names,
                                    .setup_ms = setup_ms};
    const struct pg_exits exits = {.ready = never, .gone = never};
    struct pg *pg;

    lines = 0;
    log_set_sink(keep_line, NULL);
    assert_int_equal(pg_create(&pg, &set, &exits), ST_OK);
    return pg;
}

static void turn_until_lines(struct loop *l, unsigned n)
{
    uint64_t until = loop_exact_us(l) + PATIENCE * UINT64_C(20000000);

    while (lines < n && loop_exact_us(l) < until)
        loop_turn(l, 20);
    assert_true(lines >= n);
}

static void the_table_allows_the_picture_and_nothing_else(void **state)
{
    static const enum pg_state legal[][2] = {
        {PG_DOWN, PG_DIALLING}, {PG_DIALLING, PG_SETUP}, {PG_DIALLING, PG_DOWN},
        {PG_SETUP, PG_IDLE},    {PG_SETUP, PG_DOWN},     {PG_IDLE, PG_BUSY},
        {PG_IDLE, PG_DOWN},     {PG_BUSY, PG_IDLE},      {PG_BUSY, PG_DOWN},
    };
    unsigned count = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(legal); i++)
        assert_true(pg_may_follow(legal[i][0], legal[i][1]));
    for (unsigned a = 0; a < PG_STATES; a++)
        for (unsigned b = 0; b < PG_STATES; b++)
            count += pg_may_follow(a, b);
    assert_int_equal(count, ARRAY_LEN(legal));
}

static void pauses_double_from_100_ms_to_1_s_with_jitter(void **state)
{
    (void)state;
    for (uint32_t r = 0; r < 10000; r += 37) {
        assert_in_range(pg_pause_ms(0, r), 50, 100);
        assert_in_range(pg_pause_ms(3, r), 400, 800);
        assert_in_range(pg_pause_ms(4, r), 500, 1000);
        assert_in_range(pg_pause_ms(60, r), 500, 1000);
    }
    assert_int_not_equal(pg_pause_ms(5, 1), pg_pause_ms(5, 2));
}

static void a_server_that_is_not_there_is_dialled_again_and_again(void **state)
{
    struct loop *l;
    struct pg *pg;

    (void)state;
    assert_int_equal(loop_create(&l), ST_OK);
    pg = dial(l, "host=/nonexistent dbname=x user=x", 1000);
    turn_until_lines(l, 3);
    assert_non_null(strstr(last_line, "store.pg.lost"));
    assert_non_null(strstr(last_line, "/nonexistent"));
    assert_int_equal(pg_query(pg, "head", NULL, 0, 1, NULL, NULL), ST_CLOSED);
    pg_destroy(pg);
    loop_destroy(l);
    log_set_sink(NULL, NULL);
}

/* Something that accepts and says nothing: libpq alone would wait for ever. */
static void a_server_that_says_nothing_is_given_up(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char conninfo[120];
    struct loop *l;
    struct pg *pg;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(conninfo, sizeof(conninfo),
             "hostaddr=127.0.0.1 port=%d dbname=x user=x sslmode=disable", ntohs(at.sin_port));
    assert_int_equal(loop_create(&l), ST_OK);
    pg = dial(l, conninfo, 100);
    turn_until_lines(l, 2);
    assert_non_null(strstr(last_line, "no answer to the dial in time"));
    pg_destroy(pg);
    loop_destroy(l);
    close(fd);
    log_set_sink(NULL, NULL);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* The sweep: every allocation of store_create fails once. */
static void a_store_without_memory_leaves_nothing_behind(void **state)
{
    struct store_settings set = {.conninfo = "host=/nonexistent",
                                 .batch_rows = 16,
                                 .queue_rows = 16,
                                 .queue_bytes = 65536,
                                 .commit_ms = 100,
                                 .follow_ms = 100};
    const struct store_exits exits = {.settled_all = nothing};
    struct store *s = NULL;
    enum status st = ST_NOMEM;

    (void)state;
    assert_int_equal(loop_create(&set.loop), ST_OK);
    for (unsigned long n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = store_create(&s, &set, &exits);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    assert_false(store_is_here(s));
    store_destroy(s);
    loop_destroy(set.loop);
}

static void what_somebody_wrote_is_not_quoted(void **state)
{
    static const struct {
        const char *sqlstate, *message, *shown;
    } cases[] = {
        {"22P02", "invalid input syntax for type integer: \"Rahimov\"",
         "invalid input syntax for type integer"},
        {"22003", "value \"992900112233\" is out of range for type integer", "value "},
        {"22021", "invalid byte sequence for encoding \"UTF8\": 0xff",
         "invalid byte sequence for encoding "},
        {"23505", "duplicate key value violates unique constraint \"message_pkey\"",
         "duplicate key value violates unique constraint \"message_pkey\""},
        {"", "server closed the connection: why", "server closed the connection: why"},
    };
    char text[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(text, sizeof(text), "%s", cases[i].message);
        pg_hide_datum(text, cases[i].sqlstate);
        assert_string_equal(text, cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_allows_the_picture_and_nothing_else),
        cmocka_unit_test(pauses_double_from_100_ms_to_1_s_with_jitter),
        cmocka_unit_test(a_server_that_is_not_there_is_dialled_again_and_again),
        cmocka_unit_test(a_server_that_says_nothing_is_given_up),
        cmocka_unit_test(a_store_without_memory_leaves_nothing_behind),
        cmocka_unit_test(what_somebody_wrote_is_not_quoted),
    };

    return cmocka_run_group_tests_name("pg", tests, NULL, NULL);
}
