/* counts - how many households, for those who are to know no household: counted in the database as
 * far as this login may read, small numbers held back (cells.h), said as a message of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/cells.h"
#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/link/options.h"
#include "agents/link/speak.h"
#include "proto/base/ids.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

/* Columns of the table: PlaceCounts.affected .. declined, then the fourteen reasons. */
enum { CELLS = 6 + 14, PLACES_MAX = 199, REASONS = 14 };

/* $1 from, $2 to, $3 place or empty. A row per place and cell, and one without a place per cell.
 * Exercises count nowhere. */
#define COUNTS_SQL                                                                                 \
    "WITH said AS ("                                                                               \
    " SELECT pcode, household_id, CASE event WHEN 'affected' THEN 0 ELSE 1 END AS cell, event_at," \
    "        status FROM eoc.household_event WHERE event IN ('affected', 'assessed')"              \
    " UNION ALL SELECT pcode, household_id, 2, event_at, status FROM eoc.assistance"               \
    "  WHERE kind = 'DELIVERY'"                                                                    \
    " UNION ALL SELECT pcode, household_id, 3, event_at, status FROM eoc.plot_offer"               \
    "  WHERE action IN ('MAKE', 'IMPROVE')"                                                        \
    " UNION ALL SELECT pcode, household_id, CASE answer WHEN 'ACCEPT' THEN 4 ELSE 5 END, "         \
    "event_at,"                                                                                    \
    "        status FROM eoc.offer_response"                                                       \
    " UNION ALL SELECT r.pcode, r.household_id, 5 + array_position(ARRAY['NO_MEANS_TO_MOVE',"      \
    "  'FOOD_INSECURE_NOW', 'NO_LIVELIHOOD_THERE', 'AGE_OR_DISABILITY', 'ADULTS_ABROAD',"          \
    "  'LAND_OR_WATER_QUALITY', 'NO_SERVICES_THERE', 'SOCIAL_TIES', 'LIVESTOCK', 'DEBT',"          \
    "  'DISTRUST_OF_OFFER', 'UNSAFE_DESTINATION', 'TEMPORARY_WAIT', 'OTHER'], w), r.event_at,"     \
    "        r.status FROM eoc.offer_response r, unnest(r.reasons) AS w WHERE r.answer <> "        \
    "'ACCEPT'"                                                                                     \
    "), placed AS ("                                                                               \
    " SELECT CASE WHEN pcode ~ '^[0-9]' THEN left(pcode, 7) ELSE pcode END AS place, cell,"        \
    "        household_id FROM said"                                                               \
    "  WHERE status = 'ACTUAL' AND event_at >= $1::timestamptz AND event_at < $2::timestamptz"     \
    "    AND pcode <> '' AND cell IS NOT NULL"                                                     \
    "    AND starts_with(pcode, CASE WHEN $3 ~ '^[0-9]{4}000$' THEN left($3, 4) ELSE $3 END))"     \
    "SELECT coalesce(place, '') AS place, cell, count(DISTINCT household_id) AS households"        \
    "  FROM placed GROUP BY GROUPING SETS ((place, cell), (cell)) ORDER BY place, cell"

struct counting {
    struct ctl *c;
    const char *from, *to, *place;
    uint64_t least, wait_s;
    bool is_dry;
    char pcode[PLACES_MAX][16];
    size_t places;
    uint32_t count[PLACES_MAX][CELLS], total[CELLS];
    char err[600];
};

static uint32_t *row_of(struct counting *k, const char *place)
{
    if (!*place)
        return k->total;
    for (size_t i = 0; i < k->places; i++)
        if (strcmp(k->pcode[i], place) == 0)
            return k->count[i];
    if (k->places == PLACES_MAX)
        return NULL;
    snprintf(k->pcode[k->places], sizeof(k->pcode[0]), "%s", place);
    return k->count[k->places++];
}

static int count(struct counting *k)
{
    const char *const params[] = {k->from, k->to, k->place ? k->place : ""};
    struct db_rows *r;
    struct db *d;
    int code = EXIT_DONE;

    if (db_open(&d, k->c->set.database, k->err, sizeof(k->err)) != ST_OK)
        return program_fail(&k->c->program, EXIT_UNREACHABLE, "%s", k->err);
    if (db_query(d, &r, COUNTS_SQL, params, 3) != ST_OK) {
        code = program_fail(&k->c->program, EXIT_REFUSED, "%s", db_error(d));
        db_close(d);
        return code;
    }
    for (unsigned i = 0; i < db_count(r) && code == EXIT_DONE; i++) {
        uint32_t *row = row_of(k, db_cell(r, i, "place"));
        uint64_t cell = db_number(r, i, "cell");

        if (!row || cell >= CELLS)
            code = program_fail(&k->c->program, EXIT_REFUSED,
                                "more than %d places; count region by region, with --place",
                                PLACES_MAX);
        else
            row[cell] = (uint32_t)db_number(r, i, "households");
    }
    db_rows_free(r);
    db_close(d);
    return code;
}

/* --- the message ------------------------------------------------------------------------------ */

static Eocbus__V1__PlaceCounts *place_counts(struct arena *arena, char *pcode, const uint32_t *cell)
{
    Eocbus__V1__PlaceCounts *p = arena_alloc(arena, sizeof(*p));
    Eocbus__V1__ReasonCount **reasons = arena_alloc(arena, REASONS * sizeof(*reasons));

    if (!p || !reasons)
        return NULL;
    eocbus__v1__place_counts__init(p);
    p->pcode = pcode;
    p->affected = cell[0], p->assessed = cell[1], p->assisted = cell[2];
    p->offered = cell[3], p->accepted = cell[4], p->declined = cell[5];
    p->reasons = reasons;
    for (unsigned i = 0; i < REASONS; i++) {
        Eocbus__V1__ReasonCount *r = cell[6 + i] ? arena_alloc(arena, sizeof(*r)) : NULL;

        if (!r)
            continue;
        eocbus__v1__reason_count__init(r);
        r->reason = (Eocbus__V1__OfferDeclineReason)(i + 1);
        r->households = cell[6 + i];
        reasons[p->n_reasons++] = r;
    }
    return p;
}

static Eocbus__V1__Envelope *make_message(struct counting *k, struct arena *arena)
{
    Eocbus__V1__Envelope *m = arena_alloc(arena, sizeof(*m));
    Eocbus__V1__HouseholdCounts *h = arena_alloc(arena, sizeof(*h));
    Eocbus__V1__Period *period = arena_alloc(arena, sizeof(*period));
    Eocbus__V1__Area *area = arena_alloc(arena, sizeof(*area));

    if (!m || !h || !period || !area)
        return NULL;
    eocbus__v1__envelope__init(m);
    eocbus__v1__household_counts__init(h);
    eocbus__v1__period__init(period);
    eocbus__v1__area__init(area);
    if (!time_parse(&period->from_us, k->from) || !time_parse(&period->to_us, k->to))
        return NULL;
    h->period = period;
    h->suppress_below = (uint32_t)k->least;
    h->places = arena_alloc(arena, (k->places + 1) * sizeof(*h->places));
    for (size_t i = 0; h->places && i < k->places; i++)
        if (!(h->places[h->n_places++] = place_counts(arena, k->pcode[i], k->count[i])))
            return NULL;
    if (!h->places ||
        !(h->places[h->n_places++] = place_counts(arena, (char *)(uintptr_t) "", k->total)))
        return NULL;
    if (k->place) {
        area->pcodes = (char **)(uintptr_t)&k->place;
        area->n_pcodes = 1;
        m->area = area;
    }
    m->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_COUNTS;
    m->household_counts = h;
    return m;
}

static int say(struct counting *k, Eocbus__V1__Envelope *m)
{
    const struct speak_settings settings = {.agent = &k->c->set.agent,
                                            .program = "eocctl " EOCBUS_VERSION,
                                            .wait_s = (unsigned)k->wait_s};
    struct speak_result result;
    struct refusal why = {.code = ""};
    struct speak *s;
    int code = EXIT_DONE;

    if (speak_create(&s, &settings, k->err, sizeof(k->err)) != ST_OK)
        return program_fail(&k->c->program, EXIT_MACHINE, "%s", k->err);
    if (speak_put(s, m, &why) != ST_OK || speak_commit(s) != ST_OK)
        code =
            program_fail(&k->c->program, EXIT_REFUSED, "%s %s: %s", why.code, why.path, why.text);
    else if (k->wait_s && speak_wait(s, false) != ST_OK)
        code = program_fail(&k->c->program, EXIT_UNREACHABLE,
                            "no receipt yet; it is safe in %s, and the next run sends it first",
                            k->c->set.agent.outbox_path);
    speak_result(s, &result);
    if (code == EXIT_DONE && result.refused)
        code = program_fail(&k->c->program, EXIT_REFUSED, "refused; see eocctl quarantine list");
    speak_destroy(s);
    return code;
}

static void print_cells(const char *place, const uint32_t *cell)
{
    printf("%-10s", place);
    for (unsigned i = 0; i < 6; i++)
        if (cell[i])
            printf(" %9" PRIu32, cell[i]);
        else
            printf(" %9s", "-");
    puts("");
}

static void print_counts(const struct counting *k)
{
    puts("place       affected  assessed  assisted   offered  accepted  declined   (- = not told)");
    for (size_t i = 0; i < k->places; i++)
        print_cells(k->pcode[i], k->count[i]);
    print_cells("together", k->total);
}

static int draw(struct counting *k)
{
    struct arena *arena;
    Eocbus__V1__Envelope *m;
    int code = count(k);

    if (code != EXIT_DONE)
        return code;
    if (!k->places)
        return program_fail(&k->c->program, EXIT_REFUSED,
                            "nothing is known of households in that time, or this login may not "
                            "read it; nothing was said; messages marked EXERCISE or TEST are not "
                            "counted");
    cells_suppress(k->count[0], k->places, CELLS, k->total, (uint32_t)k->least);
    print_counts(k);
    if (k->is_dry)
        return EXIT_DONE;
    if (arena_create(&arena, LIMIT_ARENA_BYTES) != ST_OK)
        return program_fail(&k->c->program, EXIT_MACHINE, "out of memory");
    m = make_message(k, arena);
    code = m ? say(k, m)
             : program_fail(&k->c->program, EXIT_USAGE,
                            "--from and --to want times like 2026-03-01T00:00:00Z");
    arena_destroy(arena);
    return code;
}

int ctl_counts(struct ctl *c)
{
    static struct counting k;
    const struct option_row options[] = {
        {"--from", OPTION_TEXT, &k.from},     {"--to", OPTION_TEXT, &k.to},
        {"--place", OPTION_TEXT, &k.place},   {"--least", OPTION_NUMBER, &k.least},
        {"--wait", OPTION_NUMBER, &k.wait_s}, {"--dry-run", OPTION_FLAG, &k.is_dry},
    };
    int64_t from, to;

    k = (struct counting){.c = c, .least = 5, .wait_s = 30};
    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, k.err, sizeof(k.err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", k.err);
    if (c->argc != 1 || !k.from || !k.to || !time_parse(&from, k.from) || !time_parse(&to, k.to) ||
        from >= to || k.least < 5 || k.least > 1000)
        return program_fail(&c->program, EXIT_USAGE,
                            "counts wants --from TIME and a later --to TIME (as "
                            "2026-03-01T00:00:00Z), and --least from 5 to 1000");
    return draw(&k);
}
