/* Ten years of history, and every question of `eocctl ask`: each finds what it wants by indexes,
 * and soon. The plan is asserted; the time is measured, and bounded by what no machine should need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agents/ctl/db.h"
#include "proto/base/file.h"
#include "sql/sql_text.h"
#include "tests/lib/patience.h"
#include "tests/lib/pgserver.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

#define PREFIX  "queries/ask_"
#define SAMPLES 3
enum {
    BAR_MS = 50,
    QUEUE_MS = 500,
    TIMES_SLOWER = 10,
    SCRIPT_BYTES = 1 << 20,
    TEXT = 200,
    BIG_ROWS = 1000
};

struct world {
    struct pgserver *pg;
    struct db *db;
    char incident[TEXT];
};

static void run_script(struct world *w, const char *path)
{
    struct buf script = {0};

    assert_int_equal(file_read(path, &script, SCRIPT_BYTES), ST_OK);
    buf_put(&script, "", 1);
    pgserver_exec(w->pg, (const char *)script.data);
    buf_free(&script);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char err[600];
    time_t before;

    assert_non_null(w);
    w->pg = pgserver_start();
    before = time(NULL);
    run_script(w, "sql/tests/ten_years.sql");
    printf("measured: ten years of history in %ld s\n", (long)(time(NULL) - before));
    snprintf(w->incident, sizeof(w->incident), "%s",
             pgserver_text(w->pg, "SELECT incident_id FROM bus.incident ORDER BY began_at DESC "
                                  "OFFSET 100 LIMIT 1"));
    assert_int_equal(db_open(&w->db, pgserver_conninfo(w->pg, "bus_admin"), err, sizeof(err)),
                     ST_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    db_close(w->db);
    pgserver_end(w->pg);
    free(w);
    return 0;
}

static bool is_big(struct world *w, const char *table)
{
    const char *params[] = {table};
    struct db_rows *r;
    bool big;

    assert_int_equal(db_query(w->db, &r,
                              "SELECT coalesce(max(reltuples), 0)::int8 AS rows FROM pg_class "
                              "WHERE relname = $1 AND relnamespace = 'bus'::regnamespace",
                              params, 1),
                     ST_OK);
    big = db_number(r, 0, "rows") > BIG_ROWS;
    db_rows_free(r);
    return big;
}

/* The big table that a line of a plan reads whole, onto `table`. */
static bool reads_whole(struct world *w, const char *line, char table[TEXT])
{
    const char *at = strstr(line, "Seq Scan on ");

    if (!at)
        return false;
    at += strlen("Seq Scan on ");
    snprintf(table, TEXT, "%.*s", (int)strcspn(at, " "), at);
    return is_big(w, table);
}

/* One look; `table` is "" if none is read whole. */
static double look(struct world *w, const char *sql, const char *param, char table[TEXT])
{
    /* The third is who asks, where a page wants to know. */
    const char *params[] = {param, NULL, "coes.reader.dispatcher"}, *line;
    unsigned n = strstr(sql, "$3::") ? 3 : strstr(sql, "$2::") ? 2 : strstr(sql, "$1::") ? 1 : 0;
    struct buf text = {0};
    struct db_rows *r;
    double ms = -1;
    char whole[TEXT];

    buf_printf(&text, "EXPLAIN (ANALYZE, TIMING OFF) %s", sql);
    buf_put(&text, "", 1);
    if (db_query(w->db, &r, (const char *)text.data, params, n) != ST_OK)
        fail_msg("%s\nof %s", db_error(w->db), sql);
    for (unsigned i = 0; i < db_count(r); i++) {
        line = db_cell(r, i, "\"QUERY PLAN\"");
        sscanf(line, "Execution Time: %lf", &ms);
        if (reads_whole(w, line, whole))
            memcpy(table, whole, TEXT);
    }
    db_rows_free(r);
    buf_free(&text);
    assert_true(ms >= 0);
    return ms;
}

/* What a question is asked with here; NULL: with nothing. */
static const char *param_of(const struct world *w, const char *sql)
{
    const char *takes = strstr(sql, "-- takes: ");

    assert_non_null(takes);
    takes += strlen("-- takes: ");
    if (strncmp(takes, "INCIDENT", 8) == 0)
        return w->incident;
    if (strncmp(takes, "PLACE", 5) == 0)
        return "3505203";
    return strncmp(takes, "[DAYS=3]", 8) == 0      ? "3"
           : strncmp(takes, "[DAYS=365]", 10) == 0 ? "365"
                                                   : NULL;
}

static void ask(struct world *w, const struct sql_text *t, const char *param)
{
    char table[TEXT] = "";
    double best = 1e9;

    for (int i = 0; i < SAMPLES; i++) {
        double ms = look(w, t->text, param, table);

        best = ms < best ? ms : best;
    }
    printf("measured: %-14s %-36s %6.1f ms\n", t->name + strlen(PREFIX), param ? param : "", best);
    if (*table)
        fail_msg("%s reads the whole of %s", t->name, table);
    if (best > BAR_MS * TIMES_SLOWER * PATIENCE)
        fail_msg("%s takes %.0f ms", t->name, best);
}

static unsigned ask_all(struct world *w)
{
    unsigned asked = 0;

    for (const struct sql_text *t = sql_texts; t->name; t++) {
        if (!sql_is_in(t, PREFIX))
            continue;
        ask(w, t, param_of(w, t->text));
        if (strstr(t->text, "-- takes: [PLACE]"))
            ask(w, t, "3505203");
        asked++;
    }
    return asked;
}

static void every_question_finds_what_it_wants_by_indexes(void **state)
{
    assert_true(ask_all(*state) >= 10);
}

/* Whoever reads by his rights: rows are filtered by rules then, and not every condition comes
 * before that. */
static void readers_find_it_by_indexes_too(void **state)
{
    static const char *const readers[][3] = {{"centre", "eoc", ""},
                                             {"dispatcher", "dispatcher", "3505000"},
                                             {"registry", "registry", "3505203"}};
    struct world *w = *state;
    struct db *whole = w->db;
    char sql[600], err[600];

    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        const char *login = readers[i][0];

        snprintf(sql, sizeof(sql),
                 "INSERT INTO bus.principal (name, agency, roles, places)"
                 " VALUES ('coes.reader.%s', 'coes', '%s', '%s');"
                 "CREATE ROLE %s LOGIN IN ROLE bus_reader;"
                 "SELECT bus.reader_set('%s', 'coes.reader.%s')",
                 login, readers[i][1], readers[i][2], login, login, login);
        pgserver_exec(w->pg, sql);
        assert_int_equal(db_open(&w->db, pgserver_conninfo(w->pg, login), err, sizeof(err)), ST_OK);
        printf("measured: as %s\n", login);
        assert_true(ask_all(w) >= 10);
        db_close(w->db);
    }
    w->db = whole;
}

/* The first view of a dispatcher on the worst night. */
static void ten_thousand_open_things_are_shown_soon(void **state)
{
    struct world *w = *state;
    struct db *whole = w->db;
    char table[TEXT] = "", err[600];
    double best = 1e9;

    run_script(w, "sql/tests/busy_hub.sql");
    assert_int_equal(db_open(&w->db, pgserver_conninfo(w->pg, "dispatcher"), err, sizeof(err)),
                     ST_OK);
    for (const struct sql_text *t = sql_texts; t->name; t++)
        for (int i = 0; i < SAMPLES && strcmp(t->name, "queries/page_queue") == 0; i++) {
            double ms = look(w, t->text, "ru", table);

            best = ms < best ? ms : best;
        }
    db_close(w->db);
    w->db = whole;
    printf("measured: %-51s %6.1f ms\n", "the queue with 10,000 open things", best);
    assert_string_equal(table, "");
    assert_true(best < QUEUE_MS * TIMES_SLOWER * PATIENCE);
}

/* The page that asks most: everything of one incident. */
static void the_page_of_an_incident_is_there_soon(void **state)
{
    struct world *w = *state;
    char table[TEXT] = "";
    double best = 1e9;

    for (const struct sql_text *t = sql_texts; t->name; t++)
        for (int i = 0; strcmp(t->name, "queries/page_incident") == 0 && i < SAMPLES; i++) {
            double ms = look(w, t->text, w->incident, table);

            best = ms < best ? ms : best;
        }
    printf("measured: the page of an incident                      %6.1f ms\n", best);
    assert_string_equal(table, "");
    assert_true(best < BAR_MS * TIMES_SLOWER * PATIENCE);
}

static void an_index_that_is_missing_is_seen(void **state)
{
    struct world *w = *state;
    char table[TEXT] = "";

    pgserver_exec(w->pg, "DROP INDEX bus.household_incident");
    for (const struct sql_text *t = sql_texts; t->name; t++)
        if (strcmp(t->name, PREFIX "households") == 0)
            look(w, t->text, w->incident, table);
    assert_string_equal(table, "household");
}

/* As people ask: by words, through the program. */
static void people_ask_by_words(void **state)
{
    static const struct {
        const char *question, *word, *answer;
        int code;
    } asks[] = {
        {"requests", NULL, "tents", 0},
        {"requests", "Sughd", "tents", 0},
        {"households-at", "3505203", "DECLINED", 0},
        {"households", "3505203", "AFFECTED", 0},
        {"households", NULL, "this question takes INCIDENT", 2},
        {"rations", NULL, "DAYS LEFT", 0},
        {"rations", "soon", "no number of days", 2},
        {"declines", NULL, "NO_WORK", 0},
        {"declines", "0", "nothing", 0},
        {"incidents", NULL, "torrent 3200", 0},
        {"incidents", "3505203", "this question takes nothing", 2},
        {"timeline", "3505203", "incident", 0},
        {"timeline", "Nowhere", "no place is called", 1},
        {"households", "3599999", "no incident is known of", 1},
        {"nonsense", NULL, "there is no question", 2},
    };
    struct world *w = *state;
    static struct ran r;
    char set[300];

    snprintf(set, sizeof(set), "database=%s", pgserver_conninfo(w->pg, "bus_admin"));
    run_program(&r, "eocctl", "ask", (char *)NULL);
    run_expect(&r, 0, "who runs out of rations in the next days");
    run_program(&r, "eocctl", "-o", set, "gazetteer", "import", (char *)NULL);
    run_expect(&r, 0, "81 changed");
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        run_program(&r, "eocctl", "-o", set, "ask", asks[i].question, asks[i].word, (char *)NULL);
        run_expect(&r, asks[i].code, asks[i].answer);
    }
    run_program(&r, "eocctl", "-o", set, "ask", "rations", "--json", (char *)NULL);
    run_expect(&r, 0, "\"days_left\":\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_finds_what_it_wants_by_indexes),
        cmocka_unit_test(readers_find_it_by_indexes_too),
        cmocka_unit_test(people_ask_by_words),
        cmocka_unit_test(ten_thousand_open_things_are_shown_soon),
        cmocka_unit_test(the_page_of_an_incident_is_there_soon),
        cmocka_unit_test(an_index_that_is_missing_is_seen),
    };

    return cmocka_run_group_tests_name("questions", tests, set_up, tear_down);
}
