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

#include "agents/link/agent.h"
#include "agents/link/outbox.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum {
    WRITERS = 64,
    PLOTS = 10,
    ITEMS = 5,
    KILLS = 4,
    FIGHT_SECONDS = 12,
    DEADLINE_MS = 180000, /* of one condition */
    TEXT = 4000
};

/* What a writer says next; it says one thing at a time. */
enum step { ASK, TAKE, GIVE_BACK };

struct writer {
    struct agent *agent;
    char name[40], outbox[128], key_file[128];
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

static char err[600];

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        uint64_t end_ = loop_exact_us(world.loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);       \
        while (!(condition) && loop_exact_us(world.loop) < end_)                                   \
            turn();                                                                                \
        if (!(condition))                                                                          \
            fail_msg("waited in vain for: %s", #condition);                                        \
    } while (0)

static unsigned pick(unsigned below)
{
    world.random = world.random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(world.random >> 33) % below;
}

static bool wants_plot(const struct writer *w)
{
    return w->number % 2 == 0;
}

/* --- saying -------------------------------------------------------------------------------------
 */

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
    ProtobufCMessage *m = NULL;
    struct refusal why = {0};

    snprintf(text, sizeof(text),
             "{\"lane\": \"LANE_PRIORITY\", \"status\": \"STATUS_ACTUAL\", \"kind\": "
             "\"KIND_REPORT\", \"label\": \"LABEL_HOUSEHOLD_PERSONAL\", \"event_time_us\": "
             "\"%lld\", \"area\": {\"pcodes\": [\"3505203\"]}, %s%s}",
             (long long)loop_utc_us(world.loop), more, body);
    arena_reset(world.arena);
    if (json_parse(&m, &eocbus__v1__envelope__descriptor, text, strlen(text), world.arena, err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s: %s", err, text);
    if (agent_put(w->agent, (Eocbus__V1__Envelope *)m, NULL, &why) != ST_OK)
        fail_msg("%s: %s: %s", why.path, why.text, text);
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

/* --- hearing ------------------------------------------------------------------------------------
 */

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

/* --- the stage ----------------------------------------------------------------------------------
 */

static void enter(struct writer *w, unsigned number)
{
    char *endpoints[2];
    struct agent_settings set = {0};
    const struct agent_events events = {.arg = w, .settled = on_settled};
    struct keys keys;

    w->number = number;
    w->step = wants_plot(w) ? TAKE : ASK;
    for (unsigned b = 0; b < 2; b++) /* half of them prefer the one, half the other */
        endpoints[b] = (char *)(uintptr_t)bus_endpoint(world.bus[(b + number / 2) % 2]);
    snprintf(w->name, sizeof(w->name), "coes.test.writer%02u", number);
    snprintf(w->outbox, sizeof(w->outbox), "%s/%s.db", bus_dir(world.bus[0]), w->name);
    snprintf(w->key_file, sizeof(w->key_file), "%s/%s.key", bus_dir(world.bus[0]), w->name);
    bus_enrol(world.bus[0], w->name, &keys);
    assert_int_equal(keys_save(&keys, w->key_file, w->name, err, sizeof(err)), ST_OK);
    set.name = w->name;
    set.key_file = w->key_file;
    set.endpoints.items = endpoints;
    set.endpoints.count = 2;
    set.broker_key = (char *)(uintptr_t)bus_broker_key(world.bus[0]);
    set.outbox_path = w->outbox;
    set.outbox_budget = 16 * 1024 * 1024;
    set.link_profile = (char[]){"fiber"};
    set.log_level = (char[]){"error"};
    if (agent_create(&w->agent, world.loop, &set, "race 1", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

#define SAID(type, number, body)                                                                   \
    "PERFORM bus.append_one((SELECT principal_id FROM bus.principal WHERE name = "                 \
    "'coes.test.writer00'), 1, 4::int2, n, gen_random_uuid(), " number "::int2, 1::int2, "         \
    "'3505203', now(), clock_timestamp(), NULL, NULL, (4 << 4)::int2, '\\x00', NULL, NULL, NULL, " \
    "jsonb_build_object('kind', 'KIND_REPORT', '" type "', " body "), 1, 0); n := n + 1; "

/* Each household is eligible, and the site has ten plots; said in the name of the first writer,
 * from an outbox that it does not have any more. */
static const char prologue[] = "DO $$ DECLARE n int8 := 1; home uuid; BEGIN " SAID(
    "plot_site", "224",
    "'{\"site_id\": \"zafarobod.4\", \"pcode\": \"3505203\", \"name\": \"Zafarobod 4\", "
    "\"capacity_total\": 10, \"hazard_checked\": \"ANSWER_YES\"}'::jsonb") "FOR i IN 1..64 LOOP "
                                                                           "home := "
                                                                           "('00000000-0000-7000-"
                                                                           "8000-' || "
                                                                           "lpad(i::text, 12, "
                                                                           "'0'))::uuid; " SAID("ho"
                                                                                                "us"
                                                                                                "eh"
                                                                                                "ol"
                                                                                                "d_"
                                                                                                "ev"
                                                                                                "en"
                                                                                                "t",
                                                                                                "22"
                                                                                                "0",
                                                                                                "js"
                                                                                                "on"
                                                                                                "b_"
                                                                                                "bu"
                                                                                                "il"
                                                                                                "d_"
                                                                                                "ob"
                                                                                                "je"
                                                                                                "ct"
                                                                                                "('"
                                                                                                "ho"
                                                                                                "us"
                                                                                                "eh"
                                                                                                "ol"
                                                                                                "d_"
                                                                                                "id"
                                                                                                "',"
                                                                                                " h"
                                                                                                "om"
                                                                                                "e,"
                                                                                                " '"
                                                                                                "ac"
                                                                                                "to"
                                                                                                "r'"
                                                                                                ", "
                                                                                                "'c"
                                                                                                "oe"
                                                                                                "s."
                                                                                                "te"
                                                                                                "st"
                                                                                                ".r"
                                                                                                "eg"
                                                                                                "is"
                                                                                                "tr"
                                                                                                "y'"
                                                                                                ", "
                                                                                                "'t"
                                                                                                "o_"
                                                                                                "st"
                                                                                                "at"
                                                                                                "e'"
                                                                                                ", "
                                                                                                "'H"
                                                                                                "OU"
                                                                                                "SE"
                                                                                                "HO"
                                                                                                "LD"
                                                                                                "_S"
                                                                                                "TA"
                                                                                                "TE"
                                                                                                "_A"
                                                                                                "FF"
                                                                                                "EC"
                                                                                                "TE"
                                                                                                "D'"
                                                                                                ", "
                                                                                                "'a"
                                                                                                "ff"
                                                                                                "ec"
                                                                                                "te"
                                                                                                "d'"
                                                                                                ", "
                                                                                                "'{"
                                                                                                "\""
                                                                                                "me"
                                                                                                "mb"
                                                                                                "er"
                                                                                                "s"
                                                                                                "\""
                                                                                                ": "
                                                                                                "7}"
                                                                                                "':"
                                                                                                ":j"
                                                                                                "so"
                                                                                                "nb"
                                                                                                ")")
                                                                               SAID(
                                                                                   "household_"
                                                                                   "event",
                                                                                   "220",
                                                                                   "jsonb_build_"
                                                                                   "object('"
                                                                                   "household_id', "
                                                                                   "home, 'actor', "
                                                                                   "'coes.test."
                                                                                   "registry', "
                                                                                   "'to_state', "
                                                                                   "'HOUSEHOLD_"
                                                                                   "STATE_ASSESSED'"
                                                                                   ", 'assessed', "
                                                                                   "'{\"house\": "
                                                                                   "\"DAMAGE_CLASS_"
                                                                                   "DESTROYED\", "
                                                                                   "\"verdict\": "
                                                                                   "\"ZONE_VERDICT_"
                                                                                   "RELOCATE\", "
                                                                                   "\"eligible\": "
                                                                                   "\"ANSWER_YES\","
                                                                                   " \"act_no\": "
                                                                                   "\"14\", "
                                                                                   "\"signatories\""
                                                                                   ": [\"head of "
                                                                                   "jamoat\", "
                                                                                   "\"commission\"]"
                                                                                   "}'::jsonb)")
                                                                                   SAID(
                                                                                       "household_"
                                                                                       "event",
                                                                                       "220",
                                                                                       "jsonb_"
                                                                                       "build_"
                                                                                       "object('"
                                                                                       "household_"
                                                                                       "id', home, "
                                                                                       "'actor', "
                                                                                       "'coes.test."
                                                                                       "registry', "
                                                                                       "'to_state',"
                                                                                       " "
                                                                                       "'HOUSEHOLD_"
                                                                                       "STATE_"
                                                                                       "ELIGIBLE', "
                                                                                       "'preference"
                                                                                       "s', "
                                                                                       "'{"
                                                                                       "\"movers\":"
                                                                                       " 7}'::"
                                                                                       "jsonb)") "E"
                                                                                                 "N"
                                                                                                 "D"
                                                                                                 " "
                                                                                                 "L"
                                                                                                 "O"
                                                                                                 "O"
                                                                                                 "P"
                                                                                                 ";"
                                                                                                 " "
                                                                                                 "E"
                                                                                                 "N"
                                                                                                 "D"
                                                                                                 " "
                                                                                                 "$"
                                                                                                 "$";

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
    pgserver_exec(bus_server(world.bus[0]), prologue);
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

/* --- the fight ----------------------------------------------------------------------------------
 */

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
