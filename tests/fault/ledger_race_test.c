/* Sixty-four writers on two brokers fight for ten plots and five excavators, while brokers are
 * killed.
 *
 * What was won is judged from the log alone: the applied promises and their ends, added up in the
 * order of the log, are never more than there is, at any number. And each writer knows what the log
 * knows: what it won, and why it lost. RACE_SECONDS=60 fights longer than the usual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "tests/lib/bus.h"
#include "tests/lib/crew.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum { WRITERS = 64, PLOTS = 10, ITEMS = 5, KILLS = 4, FIGHT_SECONDS = 12, TEXT = 4000 };

/* What a writer says next; it says one thing at a time. */
enum step { ASK, TAKE, GIVE_BACK };

struct writer {
    struct agent *agent;
    char name[24];
    unsigned number;
    enum step step;
    bool waits; /* for a receipt */
    char request[ID_TEXT],
        taken[ID_TEXT]; /* ids of its newest request, and of its newest promise */
    unsigned won, lost, given_back, asked;
};

static struct {
    struct bus *bus[2];
    struct loop *loop;
    struct arena *arena;
    struct writer writers[WRITERS];
    bool is_over; /* nobody takes any more */
    uint64_t random;
} world;

#define WAIT_FOR(condition) WAIT_UNTIL(condition, 180, turn(), "in vain")

static unsigned pick(unsigned below)
{
    world.random = world.random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(world.random >> 33) % below;
}

static bool wants_plot(const struct writer *w)
{
    return w->number % 2 == 0;
}

/* --- saying ----------------------------------------------------------------------------------- */

static void new_id(char out[ID_TEXT])
{
    uint8_t random[10], id[ID_BYTES];

    for (unsigned i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)pick(256);
    id_make(id, loop_utc_us(world.loop), random);
    id_format(out, id);
}

static void household_of(char out[ID_TEXT], const struct writer *w)
{
    snprintf(out, ID_TEXT, "00000000-0000-7000-8000-%012u", w->number + 1);
}

/* `more` are the fields of the envelope that this message has beside what all have. */
static void put(struct writer *w, const char *body, const char *more)
{
    char text[TEXT];

    snprintf(text, sizeof(text),
             "{\"lane\": \"LANE_PRIORITY\", \"status\": \"STATUS_ACTUAL\", \"kind\": "
             "\"KIND_REPORT\", \"label\": \"LABEL_HOUSEHOLD_PERSONAL\", \"event_time_us\": "
             "\"%lld\", \"area\": {\"pcodes\": [\"3505203\"]}, %s%s}",
             (long long)loop_utc_us(world.loop), more, body);
    crew_tell(w->agent, world.arena, text);
    assert_int_equal(agent_flush(w->agent), ST_OK);
    w->waits = true;
}

static void put_offer(struct writer *w, const char *action)
{
    char body[TEXT / 2], home[ID_TEXT];

    household_of(home, w);
    snprintf(body, sizeof(body),
             "\"plot_offer\": {\"offer_id\": \"%s\", \"household_id\": \"%s\", \"action\": "
             "\"OFFER_ACTION_%s\", \"site_id\": \"zafarobod.4\", \"valid_until_us\": "
             "\"2099-01-01T00:00Z\", \"actor\": \"coes.test.registry\", \"authority\": \"order "
             "12\", \"reason\": \"the race\"}",
             w->taken, home, action);
    put(w, body, "");
}

#define CONTACT "\"contacts\": [{\"role\": \"Sender\", \"name\": \"duty\"}]"
#define DIGGER                                                                                     \
    "\"resource\": {\"kind\": \"excavator\"%s%s%s}, \"assignment\": {\"quantity\": {\"value\": "   \
    "\"1\", \"unit\": \"H87\"}}"

static void put_request(struct writer *w)
{
    char body[TEXT / 2], more[200];

    new_id(w->request);
    snprintf(body, sizeof(body),
             "\"request_resource\": {" CONTACT ", \"lines\": [{\"line_id\": 1, " DIGGER "}]}", "",
             "", "");
    snprintf(more, sizeof(more), "\"message_id\": \"%s\", ", w->request);
    put(w, body, more);
}

/* It promises an excavator of its agency for the same hours as everybody; or takes that back. */
static void put_commit(struct writer *w, bool takes_back)
{
    char body[TEXT / 2], more[300], id[ID_TEXT], recall[200] = "", item[16] = "";

    new_id(id);
    if (takes_back)
        snprintf(recall, sizeof(recall),
                 ", \"recall\": {\"recalled_id\": \"%s\", \"type\": \"RECALL_TYPE_CANCEL\"}",
                 w->taken);
    else
        snprintf(item, sizeof(item), "EX-%u", 1 + pick(ITEMS));
    snprintf(body, sizeof(body),
             "\"commit_resource\": {" CONTACT "%s, \"lines\": [{\"line_id\": 1, \"response\": "
             "{\"type\": \"RESPONSE_TYPE_ACCEPT\"}, " DIGGER ", \"schedules\": [{\"type\": "
             "\"SCHEDULE_TYPE_ESTIMATED_DEPARTURE\", \"time_us\": \"2098-06-01T06:00Z\"}, "
             "{\"type\": \"SCHEDULE_TYPE_END_AVAILABLE\", \"time_us\": \"2098-06-08T06:00Z\"}]}]}",
             recall, *item ? ", \"resource_id\": \"" : "", item, *item ? "\"" : "");
    snprintf(more, sizeof(more),
             "\"message_id\": \"%s\", \"originating_id\": \"%s\", \"preceding_id\": \"%s\", ", id,
             w->request, w->request);
    put(w, body, more);
    if (!takes_back)
        memcpy(w->taken, id, ID_TEXT);
}

static void say_next(struct writer *w)
{
    switch (w->step) {
    case ASK:
        put_request(w);
        break;
    case TAKE:
        if (wants_plot(w))
            new_id(w->taken);
        if (wants_plot(w))
            put_offer(w, "MAKE");
        else
            put_commit(w, false);
        break;
    case GIVE_BACK:
        if (wants_plot(w))
            put_offer(w, "REVOKE");
        else
            put_commit(w, true);
        break;
    }
}

/* --- hearing ---------------------------------------------------------------------------------- */

static bool is_why_one_loses(const struct writer *w, const char *code)
{
    return strcmp(code, wants_plot(w) ? "site_full" : "already_committed") == 0;
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    struct writer *w = arg;

    (void)tag;
    w->waits = false;
    if (w->step == TAKE && !oc->stored) {
        if (!is_why_one_loses(w, oc->code) || strlen(oc->text) < 20)
            fail_msg("%s: refused %s %s", w->name, oc->code, oc->text);
        w->lost++;
        return; /* and tries again */
    }
    if (!oc->stored || (oc->verdict && oc->verdict != EOCBUS__V1__VERDICT__VERDICT_APPLIED))
        fail_msg("%s, step %d: stored %d verdict %u %s %s", w->name, (int)w->step, oc->stored,
                 oc->verdict, oc->code ? oc->code : "", oc->text ? oc->text : "");
    w->won += w->step == TAKE;
    w->given_back += w->step == GIVE_BACK;
    w->asked += w->step == ASK;
    w->step = w->step == ASK ? TAKE : w->step == TAKE ? GIVE_BACK : (wants_plot(w) ? TAKE : ASK);
}

static void turn(void)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        struct writer *w = &world.writers[i];

        if (w->agent && !w->waits && (!world.is_over || w->step == GIVE_BACK))
            say_next(w);
    }
    loop_turn(world.loop, 20);
}

static bool is_quiet(void)
{
    for (unsigned i = 0; i < WRITERS; i++)
        if (world.writers[i].waits || world.writers[i].step == GIVE_BACK)
            return false;
    return true;
}

/* --- the stage -------------------------------------------------------------------------------- */

static void enter(struct writer *w, unsigned number)
{
    struct bus *const *bus = world.bus;
    unsigned first = number / 2 % 2; /* of those who want the same, half prefer the one broker */
    const struct crew crew = {.bus = bus[first],
                              .beside = bus[1 - first],
                              .loop = world.loop,
                              .dir = bus_dir(bus[0]),
                              .settled = on_settled,
                              .arg = w};

    w->number = number;
    w->step = wants_plot(w) ? TAKE : ASK;
    snprintf(w->name, sizeof(w->name), "coes.test.writer%02u", number);
    w->agent = crew_start(&crew, w->name, NULL, ".db");
}

static void tell_the_prologue(void)
{
    static char text[TEXT];
    FILE *f = fopen("tests/fault/ledger_race.sql", "r");
    size_t len;

    assert_non_null(f);
    len = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    assert_in_range(len, 1, sizeof(text) - 2);
    pgserver_exec(bus_server(world.bus[0]), text);
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    world.random = 20190601;
    world.bus[0] = bus_create();
    world.bus[1] = bus_beside(world.bus[0]);
    assert_int_equal(loop_create(&world.loop), ST_OK);
    assert_int_equal(arena_create(&world.arena, LIMIT_ARENA_BYTES), ST_OK);
    for (unsigned i = 0; i < WRITERS; i++)
        enter(&world.writers[i], i);
    tell_the_prologue();
    bus_start_broker(world.bus[0], NULL);
    bus_start_broker(world.bus[1], NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WRITERS; i++)
        agent_destroy(world.writers[i].agent);
    loop_destroy(world.loop);
    arena_destroy(world.arena);
    bus_destroy(world.bus[1]);
    bus_destroy(world.bus[0]);
    return 0;
}

/* --- the fight -------------------------------------------------------------------------------- */

static unsigned fight_seconds(void)
{
    const char *wanted = getenv("RACE_SECONDS");

    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : FIGHT_SECONDS;
}

static void fight(void)
{
    uint64_t part_us = fight_seconds() * UINT64_C(1000000) / (KILLS + 1);

    for (unsigned i = 0; i <= KILLS; i++) {
        uint64_t end_us = loop_exact_us(world.loop) + part_us;

        while (loop_exact_us(world.loop) < end_us)
            turn();
        if (i == KILLS)
            break;
        bus_kill_broker(world.bus[i % 2]);
        bus_start_broker(world.bus[i % 2], NULL);
    }
}

static int64_t number(const char *sql)
{
    return pgserver_number(bus_server(world.bus[0]), sql);
}

/* Of the applied messages `takes` adds one and the others of `from` take one away, each for its
 * `thing`; the most that it came to at any number of the log. */
#define MOST(thing, takes, from)                                                                   \
    "SELECT max(held) FROM (SELECT sum(CASE WHEN " takes                                           \
    " THEN 1 ELSE -1 END) OVER (PARTITION BY " thing                                               \
    " ORDER BY d.seq) AS held FROM bus.document d JOIN bus.message m USING (seq) " from            \
    " AND m.verdict = 1) AS x"

static void nothing_was_had_twice(void)
{
    static const char plots[] = MOST(
        "d.type", "d.doc->'plot_offer'->>'action' = 'OFFER_ACTION_MAKE'", "WHERE d.type = 225");
    /* What is taken back says of which message; that one says which item it was. */
    static const char items[] =
        MOST("coalesce(b.doc, d.doc)->'commit_resource'->'lines'->0->'resource'->>'resource_id'",
             "b.doc IS NULL",
             "LEFT JOIN bus.document b ON b.type = 163 AND b.message_id = "
             "(d.doc->'commit_resource'->'recall'->>'recalled_id')::uuid WHERE d.type = 163");

    assert_in_range(number(plots), 1, PLOTS);
    assert_int_equal(number(items), 1);
}

static void each_knows_what_the_log_knows(void)
{
    unsigned won[2] = {0}, lost[2] = {0}, asked = 0;

    for (unsigned i = 0; i < WRITERS; i++) {
        const struct writer *w = &world.writers[i];

        won[wants_plot(w)] += w->won;
        lost[wants_plot(w)] += w->lost;
        asked += w->asked;
        assert_int_equal(w->won, w->given_back);
    }
    print_message("measured: 64 writers, 2 brokers, %u kills: plots %u won %u lost, excavators %u "
                  "won %u lost\n",
                  KILLS, won[1], lost[1], won[0], lost[0]);
    assert_true(won[0] && won[1] && lost[0] && lost[1]); /* or it was no fight */
    assert_int_equal(number("SELECT count(*) FROM bus.document WHERE type = 225"), 2 * won[1]);
    assert_int_equal(number("SELECT count(*) FROM bus.document WHERE type = 163"), 2 * won[0]);
    assert_int_equal(number("SELECT count(*) FROM bus.document WHERE type = 160"), asked);
    assert_int_equal(number("SELECT count(*) FROM bus.message WHERE verdict > 1"), 0);
}

static void nothing_is_had_twice_whoever_dies(void **state)
{
    (void)state;
    fight();
    world.is_over = true;
    WAIT_FOR(is_quiet());
    nothing_was_had_twice();
    each_knows_what_the_log_knows();
    assert_int_equal(number("SELECT reserved + allocated + occupied FROM bus.site"), 0);
    assert_int_equal(number("SELECT count(*) FROM bus.offer WHERE holds IS NOT NULL"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_had_twice_whoever_dies, set_up, tear_down)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
