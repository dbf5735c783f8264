/* The first week of June 2019 (ten mudflows, eleven districts, 1,350 households), played as fast as
 * it goes through a broker as it ships: all of it is decided, and nothing is left that waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "tests/lib/bus.h"
#include "tests/lib/crew.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum { TELLERS = 16, LONGEST = 8000 };

static struct {
    struct bus *bus;
    struct loop *loop;
    struct arena *arena;
    struct agent *tellers[TELLERS];
    char names[TELLERS][24];
    unsigned said, stored;
} world;

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 280, loop_turn(world.loop, 20), "%u of %u", world.stored, world.said)

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    const char *name = arg;

    (void)tag;
    if (!oc->stored)
        fail_msg("%s: refused %s %s %s", name, oc->code, oc->path, oc->text);
    world.stored++;
}

static int set_up(void **state)
{
    const char *build = getenv("BUILD");

    (void)state;
    log_set_level(LOG_ERROR);
    world.bus = bus_create();
    if (!bus_use_build(world.bus, build ? build : "build"))
        print_message("there is no build as it ships: the broker has sanitizers\n");
    bus_start_broker(world.bus, NULL);
    assert_int_equal(loop_create(&world.loop), ST_OK);
    assert_int_equal(arena_create(&world.arena, LIMIT_ARENA_BYTES), ST_OK);
    for (unsigned i = 0; i < TELLERS; i++) {
        const struct crew crew = {.bus = world.bus,
                                  .loop = world.loop,
                                  .dir = bus_dir(world.bus),
                                  .settled = on_settled,
                                  .arg = world.names[i]};

        snprintf(world.names[i], sizeof(world.names[i]), "coes.test.office%02u", i);
        world.tellers[i] = crew_start(&crew, world.names[i], NULL, ".db");
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TELLERS; i++)
        agent_destroy(world.tellers[i]);
    loop_destroy(world.loop);
    arena_destroy(world.arena);
    bus_destroy(world.bus);
    return 0;
}

/* Lines of "who JSON", made by the database that will hear them. */
static FILE *open_story(void)
{
    char command[400];
    FILE *story;

    snprintf(command, sizeof(command),
             "/usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -h %s -U postgres -d "
             "eocbus -f tests/fault/week.sql",
             pgserver_socket(bus_server(world.bus)));
    story = popen(command, "r");
    assert_non_null(story);
    return story;
}

/* Nobody offers land before he has heard that the family is eligible: offers and their answers are
 * a second part. */
static void write_it_down(bool offers)
{
    static char line[LONGEST];
    FILE *story = open_story();

    while (fgets(line, sizeof(line), story)) {
        char *json;
        unsigned long who = strtoul(line, &json, 10);

        assert_true(who < TELLERS && *json == ' ');
        if (offers != (strstr(json, "\"offer_id\"") != NULL))
            continue;
        crew_tell(world.tellers[who], world.arena, json + 1);
        world.said++;
    }
    assert_int_equal(pclose(story), 0);
    for (unsigned i = 0; i < TELLERS; i++)
        assert_int_equal(agent_flush(world.tellers[i]), ST_OK);
}

static const char *text(const char *sql)
{
    return pgserver_text(bus_server(world.bus), sql);
}

static uint64_t play(bool offers)
{
    uint64_t began_us;

    write_it_down(offers);
    began_us = loop_exact_us(world.loop);
    WAIT_FOR(world.stored == world.said);
    WAIT_FOR(strcmp(text("SELECT count(*) FROM bus.held WHERE settled_as IS NULL"), "0") == 0);
    return loop_exact_us(world.loop) - began_us;
}

static void a_bad_week_is_decided(void **state)
{
    uint64_t took_us;

    (void)state;
    took_us = play(false);
    took_us += play(true);
    assert_int_equal(world.said, 1 + 10 * 4 + 1350 * 10 + 10 * 20 * 9);
    print_message("measured: a week like June 2019, %u messages, in %.1f s (bar 60)\n", world.said,
                  (double)took_us / 1e6);
    assert_string_equal(text("SELECT coalesce(string_agg(DISTINCT concat_ws(' ', type, code, "
                             "text), '; '), 'none') FROM bus.contested"),
                        "none");
    assert_string_equal(
        text("SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT "
             "state, count(*) AS n FROM bus.household GROUP BY 1) AS x"),
        "ACCEPTED 450, DECLINED 900");
    assert_string_equal(text("SELECT concat_ws(' ', reserved, allocated, occupied) FROM bus.site"),
                        "0 450 0");
    assert_string_equal(
        text("SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT "
             "state, count(*) AS n FROM bus.line GROUP BY 1) AS x"),
        "RETURNED 200");
    assert_string_equal(
        text("SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT "
             "state, count(*) AS n FROM bus.request GROUP BY 1) AS x"),
        "CLOSED 200");
    assert_string_equal(text("SELECT sum(ration_days) FROM bus.delivery"), "12150");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bad_week_is_decided, set_up, tear_down)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
