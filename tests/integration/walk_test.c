/* Random messages of offices about families, plots and bread, and about what they ask and promise
 * each other, said to the log as brokers say them: after every batch no plot is held twice and
 * nothing is promised twice, what a household is and what its offer is agree, and all adds up; in
 * the end the log judged again gives the same. tests/walk makes and checks them.
 *
 * WALK_MESSAGES=n says n of them, however long it takes; without, 200,000, or as many as there is
 * time for. WALK_SEED=n walks that way again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

#define PSQL "/usr/lib/postgresql/15/bin/psql"
/* A batch is one commit; brokers have them smaller, and this one has to come to an end. */
enum { BATCH = 250, MESSAGES = 200000, SECONDS = 50, SQL = 200, TELL = 20 * 1000 };

static bool load(struct pgserver *s, const char *file)
{
    char command[300];

    snprintf(command, sizeof(command),
             PSQL " -X -q -v ON_ERROR_STOP=1 -h %s -U postgres -d eocbus -f %s", pgserver_socket(s),
             file);
    return system(command) == 0;
}

/* Whatever else there is in tests/walk takes part. */
static int set_up(void **state)
{
    struct pgserver *s = pgserver_start();
    glob_t parts;
    bool is_loaded = load(s, "tests/walk/walk.sql");

    *state = s;
    assert_int_equal(glob("tests/walk/[!w]*.sql", 0, NULL, &parts), 0);
    for (size_t i = 0; i < parts.gl_pathc; i++)
        is_loaded = is_loaded && load(s, parts.gl_pathv[i]);
    globfree(&parts);
    return is_loaded ? 0 : -1;
}

static int tear_down(void **state)
{
    pgserver_end(*state);
    return 0;
}

static int64_t setting(const char *name, int64_t otherwise)
{
    const char *s = getenv(name);

    return s && *s ? strtoll(s, NULL, 10) : otherwise;
}

/* "" or what is wrong, in a few lines. */
static const char *wrong(struct pgserver *s)
{
    return pgserver_text(s, "SELECT coalesce(string_agg(w, E'\\n'), '') FROM"
                            " (SELECT * FROM walk.wrong() AS w LIMIT 20) AS x");
}

static void walk(struct pgserver *s, int64_t seed, int64_t messages, time_t until)
{
    char sql[SQL];
    int64_t said = 0;
    time_t began = time(NULL);

    snprintf(sql, sizeof(sql), "SELECT walk.begin(%lld)", (long long)seed);
    pgserver_exec(s, sql);
    while (said < messages && (!until || time(NULL) < until)) {
        const char *found;

        snprintf(sql, sizeof(sql), "SELECT walk.turn(%d)", BATCH);
        pgserver_number(s, sql);
        said += BATCH;
        found = wrong(s);
        if (*found)
            fail_msg("seed %lld, after %lld messages:\n%s", (long long)seed, (long long)said,
                     found);
        if (said % TELL == 0) {
            printf("said %lld in %lld s\n", (long long)said, (long long)(time(NULL) - began));
            fflush(stdout);
        }
    }
    printf("measured: seed %lld, said %lld, %s\n", (long long)seed, (long long)said,
           pgserver_text(s, "SELECT walk.summary()"));
}

static void judge_again(struct pgserver *s)
{
    pgserver_exec(s, "CREATE TABLE walk.was AS SELECT * FROM walk.tables()");
    pgserver_number(s, "SELECT bus.rejudge()");
    assert_string_equal(
        "", pgserver_text(s, "SELECT coalesce(string_agg(name, ' '), '') FROM walk.was w"
                             " JOIN walk.tables() t USING (name)"
                             " WHERE w.digest IS DISTINCT FROM t.digest"));
    assert_string_equal("", wrong(s));
}

static void whatever_is_said_all_of_it_adds_up(void **state)
{
    int64_t messages = setting("WALK_MESSAGES", 0);
    int64_t seed = setting("WALK_SEED", 1);

    printf("seed %lld\n", (long long)seed);
    fflush(stdout);
    walk(*state, seed, messages ? messages : MESSAGES, messages ? 0 : time(NULL) + SECONDS);
    judge_again(*state);
}

/* One rule that leads elsewhere is found within a few batches. */
static void a_wrong_rule_is_found(void **state)
{
    struct pgserver *s = *state;
    char sql[SQL];

    pgserver_exec(s, "SELECT walk.begin(1)");
    pgserver_exec(s, "UPDATE bus.transition SET to_state = 'ELIGIBLE'"
                     " WHERE (cycle, from_state, event) = ('household', 'OFFERED', 'ACCEPT')");
    snprintf(sql, sizeof(sql), "SELECT walk.turn(%d)", BATCH);
    for (unsigned turn = 0; turn < 40; turn++) {
        pgserver_number(s, sql);
        if (*wrong(s))
            return;
    }
    fail_msg("nobody saw it");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(whatever_is_said_all_of_it_adds_up),
        T(a_wrong_rule_is_found),
    };

    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
