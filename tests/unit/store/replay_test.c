/* Who reads next on the one reading connection, which the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/pg.h"
#include "broker/store/replay.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* --- the connection: every answer is empty ---------------------------------------------------- */

static struct {
    struct pg_exits exits;
    bool is_down;
    char query[32];
    uint64_t after; /* of the page that was asked for */
    pg_done_fn done;
    void *done_arg;
} fake;

enum status pg_create(struct pg **out, const struct pg_settings *set, const struct pg_exits *exits)
{
    (void)set;
    fake.exits = *exits;
    *out = NULL;
    return ST_OK;
}

enum status pg_query(struct pg *pg, const char *name, const struct pg_param *params, unsigned n,
                     unsigned deadline_ms, pg_done_fn done, void *arg)
{
    (void)pg;
    (void)deadline_ms;
    assert_null(fake.done);
    snprintf(fake.query, sizeof(fake.query), "%s", name);
    fake.after = 0;
    if (n) {
        memcpy(&fake.after, params[0].data, sizeof(fake.after));
        fake.after = be64toh(fake.after);
    }
    fake.done = done;
    fake.done_arg = arg;
    return ST_OK;
}

bool pg_is_idle(const struct pg *pg)
{
    (void)pg;
    return !fake.is_down && !fake.done;
}

bool pg_is_ready(const struct pg *pg)
{
    (void)pg;
    return !fake.is_down;
}

void pg_destroy(struct pg *pg)
{
    (void)pg;
}

void pg_redial(struct pg *pg, const char *why)
{
    (void)pg;
    (void)why;
}

size_t pg_row_count(const struct pg_rows *r)
{
    (void)r;
    return 0;
}

bool pg_is_null(const struct pg_rows *r, size_t row, int col)
{
    (void)r, (void)row, (void)col;
    return true;
}

int64_t pg_int(const struct pg_rows *r, size_t row, int col)
{
    (void)r, (void)row, (void)col;
    return 0;
}

int64_t pg_time_us(const struct pg_rows *r, size_t row, int col)
{
    (void)r, (void)row, (void)col;
    return 0;
}

const void *pg_bytes(const struct pg_rows *r, size_t row, int col, size_t *len)
{
    (void)r, (void)row, (void)col;
    *len = 0;
    return "";
}

const char *pg_text(const struct pg_rows *r, size_t row, int col)
{
    (void)r, (void)row, (void)col;
    return "";
}

static void answer(enum pg_answer how)
{
    const struct pg_reply reply = {.answer = how, .sqlstate = "", .message = ""};
    pg_done_fn done = fake.done;

    assert_non_null(done);
    fake.done = NULL;
    done(fake.done_arg, &reply);
}

/* --- who asks --------------------------------------------------------------------------------- */

static struct replay *replay;

struct reader {
    bool is_urgent, asks_on;
    unsigned pages, closed;
    uint64_t after;
};

static void ask(struct reader *r);

static void on_page(void *arg, enum status st, struct parcel **take, uint64_t looked_at)
{
    struct reader *r = arg;

    assert_null(*take);
    if (st == ST_CLOSED) {
        r->closed++;
        return;
    }
    r->pages++;
    r->after = looked_at;
    if (r->asks_on)
        ask(r);
}

static void ask(struct reader *r)
{
    assert_int_equal(
        replay_page(replay, r->after, UINT64_MAX, 10, LANES_ALL, NULL, r->is_urgent, on_page, r),
        ST_OK);
}

static int set_up(void **state)
{
    const struct pg_settings set = {0};
    const struct pg_exits exits = {0};

    (void)state;
    memset(&fake, 0, sizeof(fake));
    return replay_create(&replay, &set, &exits) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    replay_destroy(replay);
    return 0;
}

static void those_who_are_behind_read_on_however_fast_the_log_grows(void **state)
{
    struct reader follower = {.is_urgent = true, .asks_on = true},
                  behind[3] = {{.asks_on = true}, {.asks_on = true}, {.asks_on = true}};

    (void)state;
    ask(&follower);
    for (unsigned i = 0; i < 3; i++)
        ask(&behind[i]);
    for (unsigned i = 0; i < 60; i++)
        answer(PG_ROWS);
    assert_int_equal(follower.pages, 30);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(behind[i].pages, 10);
}

static void the_follower_waits_for_one_page_of_others_at_most(void **state)
{
    struct reader follower = {.is_urgent = true}, behind[8] = {{0}};

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        ask(&behind[i]);
    ask(&follower);
    answer(PG_ROWS);
    answer(PG_ROWS);
    assert_int_equal(follower.pages, 1);
    assert_int_equal(behind[0].pages, 1);
    for (unsigned i = 1; i < 8; i++)
        answer(PG_ROWS);
    assert_int_equal(behind[7].pages, 1);
}

static void alone_it_has_every_turn(void **state)
{
    struct reader follower = {.is_urgent = true, .asks_on = true};

    (void)state;
    ask(&follower);
    for (unsigned i = 0; i < 5; i++)
        answer(PG_ROWS);
    assert_int_equal(follower.pages, 5);
    assert_int_equal(follower.after, 50);
}

static void who_was_cancelled_is_never_called_and_costs_no_question(void **state)
{
    struct reader gone = {.is_urgent = true}, waits = {0}, first = {0};

    (void)state;
    ask(&first);
    ask(&gone);
    ask(&waits);
    replay_cancel(replay, &gone);
    replay_cancel(replay, &first);
    answer(PG_ROWS);
    answer(PG_ROWS);
    assert_null(fake.done);
    assert_int_equal(waits.pages, 1);
    assert_int_equal(gone.pages + gone.closed + first.pages + first.closed, 0);
}

static void all_are_told_when_the_connection_goes(void **state)
{
    struct reader readers[4] = {{.is_urgent = true}, {.is_urgent = true}, {0}, {0}};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        ask(&readers[i]);
    fake.is_down = true;
    answer(PG_LOST);
    fake.exits.gone(fake.exits.arg);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(readers[i].closed, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(those_who_are_behind_read_on_however_fast_the_log_grows),
        T(the_follower_waits_for_one_page_of_others_at_most),
        T(alone_it_has_every_turn),
        T(who_was_cancelled_is_never_called_and_costs_no_question),
        T(all_are_told_when_the_connection_goes),
    };

    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
