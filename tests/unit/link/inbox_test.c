/* The inbox: a place that outlives a crash, and a bounded memory of alarms. */
#include "agents/link/inbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/base/mem.h"

static char dir[64], path[96], err[512];

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-inbox-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/in", dir);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char file[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(file, sizeof(file), "%s%s", path, ends[i]);
        unlink(file);
    }
    return rmdir(dir);
}

static struct inbox *open_named(const char *file, const char *name)
{
    struct inbox *in = NULL;

    if (inbox_open(&in, file, name, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return in;
}

static void a_committed_place_is_there_after_reopening(void **state)
{
    struct inbox *in = open_named(path, "alarms");
    uint32_t epoch;
    uint64_t seq;

    (void)state;
    assert_false(inbox_place(in, &epoch, &seq));
    inbox_move(in, 2, 41);
    assert_true(inbox_is_dirty(in));
    assert_int_equal(inbox_commit(in), ST_OK);
    assert_false(inbox_is_dirty(in));
    inbox_move(in, 2, 42); /* the power fails here */
    inbox_close(in);
    in = open_named(path, "alarms");
    assert_true(inbox_place(in, &epoch, &seq));
    assert_int_equal(epoch, 2);
    assert_int_equal(seq, 41);
    inbox_close(in);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

/* Farther on than it was, messages would be passed over for ever. */
static void a_place_that_the_disk_changed_counts_as_the_beginning(void **state)
{
    struct inbox *in = open_named(path, "alarms");
    const uint8_t id[16] = {7}, other[16] = {9};
    uint32_t epoch;
    uint64_t seq;

    (void)state;
    inbox_move(in, 2, 41);
    inbox_remember(in, id);
    inbox_remember(in, other);
    assert_int_equal(inbox_commit(in), ST_OK);
    inbox_close(in);
    run_sql("UPDATE place SET seq = seq + 64");
    run_sql("UPDATE seen SET id = x'08000000000000000000000000000000' WHERE slot = 0");
    log_set_sink(drop_line, NULL);
    in = open_named(path, "alarms");
    assert_true(inbox_place(in, &epoch, &seq));
    assert_int_equal(epoch, 0);
    assert_int_equal(seq, 0);
    assert_true(inbox_is_new(in, 2, 1));
    assert_false(inbox_knows(in, id));
    assert_true(inbox_knows(in, other));
    inbox_close(in);
}

static void a_file_of_the_first_schema_goes_on(void **state)
{
    struct inbox *in = open_named(path, "alarms");
    const uint8_t id[16] = {7};
    uint32_t epoch;
    uint64_t seq;

    (void)state;
    inbox_move(in, 2, 41);
    inbox_remember(in, id);
    assert_int_equal(inbox_commit(in), ST_OK);
    inbox_close(in);
    run_sql("ALTER TABLE place DROP COLUMN sum; ALTER TABLE seen DROP COLUMN sum;"
            "PRAGMA user_version = 1");
    in = open_named(path, "alarms");
    assert_true(inbox_place(in, &epoch, &seq));
    assert_int_equal(seq, 41);
    assert_true(inbox_knows(in, id));
    inbox_move(in, 2, 42);
    assert_int_equal(inbox_commit(in), ST_OK);
    inbox_close(in);
}

static void names_in_one_file_have_places_of_their_own(void **state)
{
    struct inbox *a = open_named(path, "a"), *b = open_named(path, "b");
    uint32_t epoch;
    uint64_t seq;

    (void)state;
    inbox_move(a, 1, 7);
    assert_int_equal(inbox_commit(a), ST_OK);
    inbox_move(b, 1, 9);
    assert_int_equal(inbox_commit(b), ST_OK);
    inbox_close(a);
    inbox_close(b);
    a = open_named(path, "a");
    assert_true(inbox_place(a, &epoch, &seq));
    assert_int_equal(seq, 7);
    inbox_close(a);
}

static void only_what_lies_behind_the_place_is_new(void **state)
{
    struct inbox *in = open_named(NULL, "x");

    (void)state;
    assert_true(inbox_is_new(in, 1, 1));
    inbox_move(in, 2, 10);
    assert_false(inbox_is_new(in, 2, 10));
    assert_true(inbox_is_new(in, 2, 11));
    assert_true(inbox_is_new(in, 3, 1)); /* a restored log counts anew */
    assert_false(inbox_is_new(in, 1, 99));
    inbox_close(in);
}

static void the_memory_of_alarms_is_kept_and_bounded(void **state)
{
    struct inbox *in = open_named(path, "alarms");
    uint8_t id[16] = {0}, first[16] = {0};

    (void)state;
    for (unsigned i = 0; i < INBOX_IDS + 10; i++) {
        memcpy(id, &i, sizeof(i));
        inbox_remember(in, id);
    }
    assert_int_equal(inbox_commit(in), ST_OK);
    inbox_close(in);
    in = open_named(path, "alarms");
    assert_true(inbox_knows(in, id));
    assert_false(inbox_knows(in, first)); /* pushed out by newer ones */
    inbox_close(in);
}

static void an_alarm_is_known_by_who_said_it_and_its_id(void **state)
{
    const uint8_t id[16] = {1, 2, 3}, other[16] = {1, 2, 4};
    uint8_t key[INBOX_KEY], another[INBOX_KEY], again[INBOX_KEY];

    (void)state;
    inbox_key(key, "coes.ayni", id);
    inbox_key(again, "coes.ayni", id);
    assert_memory_equal(key, again, sizeof(key));
    inbox_key(another, "coes.ayni", other);
    assert_memory_not_equal(key, another, sizeof(key));
    inbox_key(another, "coes.ayn", id);
    assert_memory_not_equal(key, another, sizeof(key));
    inbox_key(another, "", id);
    assert_memory_not_equal(key, another, sizeof(key));
    assert_memory_not_equal(another, id, sizeof(id));
}

static void a_file_that_is_no_inbox_says_what_to_do(void **state)
{
    struct inbox *in = NULL;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    assert_int_equal(write(fd, "this is no database, but long enough to be looked at", 52), 52);
    close(fd);
    assert_int_equal(inbox_open(&in, path, "a", err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "aside"));
}

static void a_file_of_a_newer_program_says_so(void **state)
{
    struct inbox *in = open_named(path, "a");
    sqlite3 *db;

    (void)state;
    inbox_close(in);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(inbox_open(&in, path, "a", err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "newer version: update this program"));
}

static void opening_survives_every_failed_allocation(void **state)
{
    struct inbox *in = NULL;
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = inbox_open(&in, path, "a", err, sizeof(err));
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(n < 20);
    }
    inbox_close(in);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_committed_place_is_there_after_reopening),
        T(a_place_that_the_disk_changed_counts_as_the_beginning),
        T(a_file_of_the_first_schema_goes_on),
        T(names_in_one_file_have_places_of_their_own),
        T(only_what_lies_behind_the_place_is_new),
        T(the_memory_of_alarms_is_kept_and_bounded),
        T(an_alarm_is_known_by_who_said_it_and_its_id),
        T(a_file_that_is_no_inbox_says_what_to_do),
        T(a_file_of_a_newer_program_says_so),
        T(opening_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
