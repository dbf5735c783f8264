/* eocctl gazetteer on a real database: the tables that came with the program, and ones that are
 * broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/gazetteer.h"
#include "agents/link/places.h"
#include "proto/base/file.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

struct world {
    struct pgserver *pg;
    struct db *db;
    char dir[64], err[1600];
    struct buf report;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->pg = pgserver_start();
    snprintf(w->dir, sizeof(w->dir), "/tmp/gazetteer-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    /* As the operator, who owns nothing. */
    assert_int_equal(db_open(&w->db, pgserver_conninfo(w->pg, "bus_admin"), w->err, sizeof(w->err)),
                     ST_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char path[100];

    snprintf(path, sizeof(path), "%s/table.csv", w->dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/table.json", w->dir);
    unlink(path);
    assert_int_equal(rmdir(w->dir), 0);
    db_close(w->db);
    buf_free(&w->report);
    pgserver_end(w->pg);
    free(w);
    return 0;
}

static enum status import(struct world *w, const char *path, bool check)
{
    char *paths[] = {(char *)(uintptr_t)path};
    enum status st;

    buf_clear(&w->report);
    w->err[0] = '\0';
    st = gazetteer_import(w->db, paths, path ? 1 : 0, check, &w->report, w->err, sizeof(w->err));
    buf_put(&w->report, "", 1);
    return st;
}

/* A file of these bytes is imported, or not. */
static enum status import_bytes(struct world *w, const char *name, const char *bytes, size_t len)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    assert_int_equal(file_replace(path, bytes, len), ST_OK);
    return import(w, path, false);
}

static enum status import_text(struct world *w, const char *text)
{
    return import_bytes(w, "table.csv", text, strlen(text));
}

static void expect_in(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in: %s", words, text);
}

static int64_t places(struct world *w)
{
    return pgserver_number(w->pg, "SELECT count(*) FROM eoc.place");
}

static void what_came_with_the_program_is_81_places_and_says_what_is_wrong_with_them(void **state)
{
    struct world *w = *state;
    const char *report;

    assert_int_equal(import(w, NULL, true), ST_OK);
    expect_in((const char *)w->report.data, "nothing was imported");
    assert_int_equal(places(w), 0);

    assert_int_equal(import(w, NULL, false), ST_OK);
    report = (const char *)w->report.data;
    expect_in(report, "81 places, of which 81 changed: version ");
    expect_in(report, "73 conflicts are open");
    expect_in(report, "has the code 3505256 2 times");
    expect_in(report, "\"Ghonchi, Ғончӣ, Ганчи\" in wof_tj_places.csv is the name of no code; "
                      "nearest: 3505213 Devashtich");
    assert_int_equal(places(w), 81);

    assert_int_equal(import(w, NULL, false), ST_OK);
    expect_in((const char *)w->report.data, "nothing changed");
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.gazetteer_version"), 1);
}

/* names.csv is what an office without a link, and `eocctl tail`, show. */
static void offices_and_the_database_call_a_place_the_same(void **state)
{
    struct world *w = *state;
    struct db_rows *r;

    assert_int_equal(import(w, NULL, false), ST_OK);
    assert_int_equal(db_query(w->db, &r,
                              "SELECT pcode, eoc.place_name(pcode, 'tg') AS tg, "
                              "eoc.place_name(pcode, 'ru') AS ru, eoc.place_name(pcode) AS en "
                              "FROM eoc.place",
                              NULL, 0),
                     ST_OK);
    assert_int_equal(db_count(r), 81);
    for (unsigned i = 0; i < db_count(r); i++) {
        const char *code = db_cell(r, i, "pcode");

        assert_string_equal(place_name(LANG_ENGLISH, code), db_cell(r, i, "en"));
        assert_string_equal(place_name(LANG_TAJIK, code), db_cell(r, i, "tg"));
        assert_string_equal(place_name(LANG_RUSSIAN, code), db_cell(r, i, "ru"));
    }
    db_rows_free(r);
}

static void a_table_that_is_broken_changes_nothing_and_says_where(void **state)
{
    static const char long_quote[] = "pcode,level,name_en\n3505203,3,\"";
    struct world *w = *state;
    char *huge = calloc(1, GAZETTEER_LINE_BYTES + 200);
    int64_t before;

    assert_non_null(huge);
    assert_int_equal(import(w, NULL, false), ST_OK);
    before = pgserver_number(w->pg, "SELECT sum(hashtext(p::text)::int8) FROM bus.place p");

    assert_int_equal(import_text(w, "pcode,level,name_en\n3505203,3,Ain\xff\n"), ST_INVALID);
    expect_in(w->err, "line 2 is no UTF-8");
    assert_int_equal(import_bytes(w, "table.csv", "pcode,level\n350\0", 16), ST_INVALID);
    expect_in(w->err, "line 2 is no UTF-8 or holds a NUL");
    assert_int_equal(import_text(w, ""), ST_INVALID);
    expect_in(w->err, "it is empty");
    assert_int_equal(import_text(w, "pcode,level,name_en\n3505203,3,Aini,Sughd\n"), ST_INVALID);
    expect_in(w->err, "line 2 has 4 cells, and the heading has 3");
    assert_int_equal(import_text(w, "town,people\nAini,7\n"), ST_INVALID);
    expect_in(w->err, "none of the tables of places that are known here");

    memset(huge, 'x', GAZETTEER_LINE_BYTES + 100);
    memcpy(huge, long_quote, sizeof(long_quote) - 1);
    assert_int_equal(import_text(w, huge), ST_INVALID);
    expect_in(w->err, "line 2 is longer than 65536 bytes");
    for (size_t i = 100; i < GAZETTEER_LINE_BYTES; i += 100)
        huge[i] = '\n';
    assert_int_equal(import_text(w, huge), ST_INVALID);
    expect_in(w->err, "was a quote left open?");

    assert_int_equal(import_bytes(w, "table.json", "{\"features\": [", 14), ST_INVALID);
    expect_in(w->err, "json");
    assert_int_equal(import_bytes(w, "table.json", "[[[1]]]", 7), ST_INVALID);
    assert_int_equal(import(w, "/nowhere/at/all.csv", false), ST_INVALID);
    expect_in(w->err, "No such file");

    assert_int_equal(pgserver_number(w->pg, "SELECT sum(hashtext(p::text)::int8) FROM bus.place p"),
                     before);
    free(huge);
}

static void rows_that_cannot_be_are_told_and_the_others_are_taken(void **state)
{
    struct world *w = *state;
    const char *report;

    assert_int_equal(import(w, NULL, false), ST_OK);
    assert_int_equal(import_text(w, "pcode,level,parent,name_en,valid_from\n"
                                    "350520301,4,3505203,Anzob,\n"
                                    "350520301,4,3505203,Anzob,\n"
                                    "350520302,4,350520303,Gusar,\n"
                                    "350520303,4,350520302,Rarz,\n"
                                    "350520304,4,3505299,Zerabad,\n"
                                    "nothing,4,3505203,Nothing,\n"
                                    "350520305,4,3505203,Day,32.1.2020\n"),
                     ST_OK);
    report = (const char *)w->report.data;
    expect_in(report, "table.csv: own, 5 rows, 2 left out");
    expect_in(report, "table.csv has the code 350520301 2 times, as Anzob (rows 2, 3).");
    expect_in(report, "350520302 lies in itself: 350520302 in 350520303 in 350520302.");
    expect_in(report, "350520304 Zerabad lies in 3505299, which no table has.");
    expect_in(report, "table.csv, row 7: \"nothing\" is no P-code");
    expect_in(report, "table.csv, row 8: a day is not written as YYYY-MM-DD");
    assert_int_equal(places(w), 81 + 4);
    assert_string_equal(
        pgserver_text(w->pg, "SELECT path_tg FROM eoc.place WHERE pcode = '350520301'"),
        "Anzob, Айнӣ, Суғд");
}

static void geojson_is_read_by_its_properties(void **state)
{
    static const char json[] =
        "{\"type\": \"FeatureCollection\", \"features\": [{\"type\": \"Feature\", \"properties\": "
        "{\"admin2_pcode\": \"3505203\", \"admin2Name_en\": \"Ayni\", \"admin2Name_ru\": "
        "\"Айнинский\", \"admin2Name_tg\": \"Айнӣ\", \"admin1Pcode\": 3505000}, \"geometry\": "
        "null}]}";
    struct world *w = *state;

    assert_int_equal(import_bytes(w, "table.json", json, sizeof(json) - 1), ST_OK);
    expect_in((const char *)w->report.data, "table.json: polygons, 1 rows, 0 left out");
    expect_in((const char *)w->report.data, "3505203 Ayni lies in 3505000, which no table has.");
    assert_int_equal(places(w), 1);
}

/* A folder may hold other things beside; they are named. */
static void of_a_folder_the_tables_that_are_known_are_taken(void **state)
{
    struct world *w = *state;

    assert_int_equal(import_bytes(w, "table.json", "{\"a\": 1}", 8), ST_INVALID);
    assert_int_equal(import_text(w, "pcode,level,parent,name_en\n3505203,3,3505000,Aini\n"), ST_OK);
    assert_int_equal(import(w, w->dir, false), ST_OK);
    expect_in((const char *)w->report.data,
              "table.json: left out, no table of places that is known here");
    expect_in((const char *)w->report.data, "1 places; nothing changed");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_came_with_the_program_is_81_places_and_says_what_is_wrong_with_them),
        T(offices_and_the_database_call_a_place_the_same),
        T(a_table_that_is_broken_changes_nothing_and_says_where),
        T(rows_that_cannot_be_are_told_and_the_others_are_taken),
        T(geojson_is_read_by_its_properties),
        T(of_a_folder_the_tables_that_are_known_are_taken),
    };

    return cmocka_run_group_tests_name("eocctl gazetteer", tests, NULL, NULL);
}
