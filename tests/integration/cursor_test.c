/* Places of durable names, in the real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

struct name {
    struct cursor *cursor;
    unsigned news;
    enum status st;
    uint32_t log_epoch;
    uint64_t after[LANES_END];
};

static int set_up(void **state)
{
    struct world *w = world_open();

    pgserver_exec(w->pg, "SELECT bus.principal_add('coes.desk', '', '', '', sha256('key'))");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void on_news(void *arg, enum status st, uint32_t log_epoch, const uint64_t after[LANES_END])
{
    struct name *n = arg;

    n->news++;
    n->st = st;
    n->log_epoch = log_epoch;
    memcpy(n->after, after, sizeof(n->after));
    if (st != ST_OK)
        store_cursor_close(&n->cursor);
}

static void ask(struct store *s, struct name *n, const char *name, unsigned lanes)
{
    const struct durable_name what = {
        .principal_id = 1, .name = name, .patterns = "actual.** test.**", .lanes = lanes};

    memset(n, 0, sizeof(*n));
    n->cursor = store_cursor_open(s, &what, on_news, n);
    assert_non_null(n->cursor);
}

static void open_name(struct world *w, struct name *n, const char *name, unsigned lanes)
{
    ask(w->store, n, name, lanes);
    TURN_UNTIL(w, n->news == 1);
    assert_int_equal(n->st, ST_OK);
}

static void store_messages(struct world *w, unsigned n)
{
    uint64_t all = w->settled + n;

    for (unsigned i = 0; i < n; i++)
        world_submit(w, world_parcel(w, 0, ++w->lane_seq[0], "text"));
    TURN_UNTIL(w, w->settled == all);
}

static long place(struct world *w, const char *name, unsigned lane)
{
    char sql[200];

    snprintf(sql, sizeof(sql), "SELECT seq FROM bus.cursor WHERE name = '%s' AND lane = %u", name,
             lane);
    return (long)pgserver_number(w->pg, sql);
}

static void a_new_name_begins_at_the_head_and_an_old_one_where_it_was(void **state)
{
    struct world *w = *state;
    struct name a;

    store_messages(w, 10);
    open_name(w, &a, "desk", LANES_ALL);
    assert_int_equal(a.after[1], 10);
    assert_int_equal(a.after[5], 10);
    assert_int_equal(a.log_epoch, 1);
    store_messages(w, 10);
    store_cursor_move(a.cursor, 1, 17);
    TURN_UNTIL(w, place(w, "desk", 5) == 17);
    store_cursor_move(a.cursor, 1, 19);
    store_cursor_close(&a.cursor); /* the last place comes before the one who asks next */
    open_name(w, &a, "desk", LANES_ALL);
    assert_int_equal(a.after[3], 19);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.cursor WHERE broker = 'hub'"
                                            " AND patterns = 'actual.** test.**'"
                                            " AND leased_until > now()"),
                     5);
    store_cursor_close(&a.cursor);
    TURN_UNTIL(w, pgserver_number(w->pg, "SELECT count(*) FROM bus.cursor"
                                         " WHERE leased_until > now()") == 0);
}

static void lanes_of_a_name_have_places_of_their_own(void **state)
{
    struct world *w = *state;
    struct name urgent, bulk, both;

    store_messages(w, 10);
    open_name(w, &urgent, "desk", 1u << 1 | 1u << 2);
    open_name(w, &bulk, "desk", 1u << 5);
    store_messages(w, 10);
    store_cursor_move(urgent.cursor, 1, 20);
    TURN_UNTIL(w, place(w, "desk", 1) == 20 && place(w, "desk", 2) == 20);
    assert_int_equal(place(w, "desk", 5), 10);
    assert_int_equal(bulk.news, 1); /* nobody took it */
    open_name(w, &both, "desk", 1u << 2 | 1u << 5);
    assert_int_equal(both.after[2], 20);
    assert_int_equal(both.after[5], 10);
    TURN_UNTIL(w, urgent.news == 2 && bulk.news == 2);
    assert_int_equal(urgent.st, ST_EXISTS);
    assert_int_equal(bulk.st, ST_EXISTS);
    store_cursor_close(&both.cursor);
}

static void a_name_that_another_broker_took_moves_no_more(void **state)
{
    struct world *w = *state;
    struct store *other = world_store(w, PATIENT_MS);
    struct name mine, theirs;

    TURN_UNTIL(w, store_is_here(other));
    store_messages(w, 10);
    open_name(w, &mine, "desk", LANES_ALL);
    ask(other, &theirs, "desk", LANES_ALL);
    TURN_UNTIL(w, theirs.news == 1);
    store_messages(w, 10);
    store_cursor_move(theirs.cursor, 1, 15);
    store_cursor_move(mine.cursor, 1, 20);
    TURN_UNTIL(w, mine.news == 2 && place(w, "desk", 1) == 15);
    assert_int_equal(mine.st, ST_EXISTS);
    assert_null(mine.cursor);
    store_cursor_close(&theirs.cursor);
    store_destroy(other);
}

static void a_place_never_goes_back_or_beyond_the_log_or_by_another_epoch(void **state)
{
    struct world *w = *state;
    struct name a;

    store_messages(w, 10);
    open_name(w, &a, "desk", 1u << 4);
    store_messages(w, 10);
    store_cursor_move(a.cursor, 2, 20);
    store_cursor_move(a.cursor, 1, 14);
    TURN_UNTIL(w, place(w, "desk", 4) == 14);
    store_cursor_move(a.cursor, 1, 12);
    store_cursor_move(a.cursor, 1, 99);
    TURN_UNTIL(w, place(w, "desk", 4) == 20);
    store_cursor_close(&a.cursor);
    pgserver_exec(w->pg, "UPDATE bus.cursor SET seq = 400, log_epoch = 0");
    open_name(w, &a, "desk", 1u << 4); /* of an older epoch: never beyond the head */
    assert_int_equal(a.after[4], 20);
    assert_int_equal(a.log_epoch, 1);
    store_cursor_close(&a.cursor);
}

/* A broker asked for the name with the place of a log that was restored meanwhile, and comes to a
 * head that has grown beyond it. */
static void a_place_in_an_older_log_says_nothing_about_a_restored_one(void **state)
{
    struct world *w = *state;
    struct durable_name what = {.principal_id = 1,
                                .name = "desk",
                                .patterns = "actual.**",
                                .lanes = 1u << 4,
                                .has_after = true,
                                .after = 18,
                                .after_epoch = 1};
    struct name a = {0}, b = {0};

    store_messages(w, 10);
    open_name(w, &a, "desk", 1u << 4);
    store_cursor_close(&a.cursor);
    store_messages(w, 10);
    pgserver_exec(w->pg, "UPDATE bus.log_head SET log_epoch = 2");
    memset(&a, 0, sizeof(a));
    a.cursor = store_cursor_open(w->store, &what, on_news, &a);
    TURN_UNTIL(w, a.news == 1);
    assert_int_equal(a.log_epoch, 2);
    assert_int_equal(a.after[4], 10); /* what is kept came back with the log */
    what.name = "wall";               /* born after the backup */
    b.cursor = store_cursor_open(w->store, &what, on_news, &b);
    TURN_UNTIL(w, b.news == 1);
    assert_int_equal(b.after[4], 0);
    store_cursor_close(&a.cursor);
    store_cursor_close(&b.cursor);
}

static void places_wait_while_the_database_is_away(void **state)
{
    struct world *w = *state;
    struct name a, b, c;

    store_messages(w, 10);
    open_name(w, &a, "desk", 1u << 4);
    open_name(w, &b, "wall", 1u << 4);
    store_messages(w, 10);
    pgserver_stop(w->pg);
    TURN_UNTIL(w, !w->here);
    store_cursor_move(a.cursor, 1, 18);
    store_cursor_move(b.cursor, 1, 13);
    store_cursor_close(&b.cursor);
    ask(w->store, &c, "wall", 1u << 4);
    assert_int_equal(c.news, 0);
    pgserver_start_again(w->pg);
    TURN_UNTIL(w, c.news == 1 && place(w, "desk", 4) == 18);
    assert_int_equal(c.after[4], 13);
    store_cursor_close(&a.cursor);
    store_cursor_close(&c.cursor);
}

static void a_principal_has_sixty_four_names_and_may_have_one_forgotten(void **state)
{
    struct world *w = *state;
    struct name names[66];
    char name[16];

    for (unsigned i = 0; i < 66; i++) {
        snprintf(name, sizeof(name), "n%02u", i);
        ask(w->store, &names[i], name, LANES_ALL);
    }
    for (unsigned i = 0; i < 66; i++)
        TURN_UNTIL(w, names[i].news == 1);
    for (unsigned i = 0; i < 66; i++) {
        assert_int_equal(names[i].st, i < 64 ? ST_OK : ST_FULL);
        store_cursor_close(&names[i].cursor);
    }
    TURN_UNTIL(w, pgserver_number(w->pg, "SELECT count(*) FROM bus.cursor"
                                         " WHERE leased_until > now()") == 0);
    pgserver_exec(w->pg, "SELECT bus.cursor_forget(name, 'n03') FROM bus.principal"
                         " WHERE principal_id = 1");
    open_name(w, &names[0], "another", LANES_ALL);
    store_cursor_close(&names[0].cursor);
}

static void many_names_move_in_one_statement(void **state)
{
    struct world *w = *state;
    struct name names[64];
    struct store_counters n;
    char name[16];

    for (unsigned i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "n%02u", i);
        ask(w->store, &names[i], name, LANES_ALL);
    }
    for (unsigned i = 0; i < 64; i++)
        TURN_UNTIL(w, names[i].news == 1);
    store_messages(w, 100);
    for (unsigned i = 0; i < 64; i++)
        store_cursor_move(names[i].cursor, 1, i + 1);
    store_counters(w->store, &n);
    assert_int_equal(n.cursors, 64);
    assert_int_equal(n.cursors_dirty, 64);
    TURN_UNTIL(w, place(w, "n63", 1) == 64);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(DISTINCT moved_at) FROM bus.cursor"), 1);
    assert_int_equal(pgserver_number(w->pg, "SELECT sum(behind) FROM eoc.listener WHERE lane ="
                                            " 'FLASH' AND served_by = 'hub'"),
                     64 * 100 - 64 * 65 / 2);
    do { /* the database has them before its answer is read here */
        loop_turn(w->loop, 20);
        store_counters(w->store, &n);
    } while (n.cursors_dirty);
    assert_int_equal(n.cursor_moves, 64);
    for (unsigned i = 0; i < 64; i++)
        store_cursor_close(&names[i].cursor);
}

/* Another broker moves desk.a first and then desk.b: who opens both waits for the one without
 * having the other. */
static void names_are_opened_in_the_order_in_which_they_move(void **state)
{
    struct world *w = *state;
    struct name a, b;

    open_name(w, &a, "desk.a", LANES_ALL);
    open_name(w, &b, "desk.b", LANES_ALL);
    store_cursor_close(&a.cursor);
    store_cursor_close(&b.cursor);
    TURN_UNTIL(w, pgserver_number(w->pg, "SELECT count(*) FROM bus.cursor"
                                         " WHERE leased_until > now()") == 0);
    pgserver_exec(w->pg, "BEGIN; SELECT FROM bus.cursor WHERE name = 'desk.a' FOR UPDATE");
    ask(w->store, &b, "desk.b", LANES_ALL);
    ask(w->store, &a, "desk.a", LANES_ALL);
    TURN_UNTIL(w, pgserver_number(w->pg, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 1);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM (SELECT FROM bus.cursor"
                                            " WHERE name = 'desk.b' FOR UPDATE SKIP LOCKED) AS x"),
                     LANES_END - 1);
    pgserver_exec(w->pg, "COMMIT");
    TURN_UNTIL(w, a.news == 1 && b.news == 1);
    assert_int_equal(a.st, ST_OK);
    assert_int_equal(b.st, ST_OK);
    store_cursor_close(&a.cursor);
    store_cursor_close(&b.cursor);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_new_name_begins_at_the_head_and_an_old_one_where_it_was),
        T(lanes_of_a_name_have_places_of_their_own),
        T(a_name_that_another_broker_took_moves_no_more),
        T(a_place_never_goes_back_or_beyond_the_log_or_by_another_epoch),
        T(a_place_in_an_older_log_says_nothing_about_a_restored_one),
        T(places_wait_while_the_database_is_away),
        T(a_principal_has_sixty_four_names_and_may_have_one_forgotten),
        T(many_names_move_in_one_statement),
        T(names_are_opened_in_the_order_in_which_they_move),
    };

    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
