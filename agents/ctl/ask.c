/* ask - questions about what is going on, answered by the database.
 *
 * A question is a file, sql/queries/ask_NAME.sql: one statement over the views of schema eoc, with
 * the sentence it answers and what it takes in its first lines. A new one needs no line here. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/listing.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

#define PREFIX "queries/ask_"
enum { LINE = 200, MOST_DAYS = 36500 };

struct question {
    const struct sql_text *text;
    char sentence[LINE], takes[LINE]; /* "nothing", "PLACE", "[PLACE]", "INCIDENT", "[DAYS=3]" */
};

/* What stands behind "-- ask: " or "-- takes: " in the first lines. */
static void read_line(const char *sql, const char *mark, char out[LINE])
{
    const char *at = strstr(sql, mark);
    size_t len = at ? strcspn(at + strlen(mark), "\n") : 0;

    snprintf(out, LINE, "%.*s", (int)len, at ? at + strlen(mark) : "");
}

static struct question question_of(const struct sql_text *t)
{
    struct question q = {.text = t};

    read_line(t->text, "-- ask: ", q.sentence);
    read_line(t->text, "-- takes: ", q.takes);
    return q;
}

/* "households-at" is ask_households_at. */
static bool find_question(struct question *q, const char *word)
{
    const struct sql_text *t;
    char name[LINE];

    snprintf(name, sizeof(name), "%s", word);
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    t = sql_find(PREFIX, name);
    if (t)
        *q = question_of(t);
    return t != NULL;
}

static int list_questions(void)
{
    struct buf out = {0};

    for (const struct sql_text *t = sql_texts; t->name; t++) {
        struct question q;
        char name[2 * LINE];

        if (!sql_is_in(t, PREFIX))
            continue;
        q = question_of(t);
        snprintf(name, sizeof(name), "%s %s", t->name + strlen(PREFIX),
                 strcmp(q.takes, "nothing") == 0 ? "" : q.takes);
        buf_printf(&out, "  %-26s %s\n", name, q.sentence);
    }
    print_flush(&out);
    buf_free(&out);
    return EXIT_DONE;
}

/* --- what a question takes -------------------------------------------------------------------- */

static int fail(struct ctl *c, struct db *d, enum status st)
{
    return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED, "%s",
                        db_error(d));
}

/* The first cell of what one query answers onto `out`; -1: it is there. */
static int look_up(struct ctl *c, struct db *d, const char *sql, const char *word, char out[LINE],
                   const char *nothing)
{
    const char *params[] = {word};
    struct db_rows *r;
    enum status st = db_query(d, &r, sql, params, 1);
    int code = -1;

    if (st != ST_OK)
        return fail(c, d, st);
    if (db_count(r) > 0)
        snprintf(out, LINE, "%s", db_cell(r, 0, "found"));
    else
        code = program_fail(&c->program, EXIT_REFUSED, "%s \"%s\"", nothing, word);
    db_rows_free(r);
    return code;
}

/* A region is what its codes begin with. */
static int take_place(struct ctl *c, struct db *d, const char *word, char out[LINE])
{
    size_t digits = strspn(word, "0123456789");

    if (digits >= 4 && word[digits] == '\0') {
        snprintf(out, LINE, "%.*s", digits == 7 && !strcmp(word + 4, "000") ? 4 : (int)digits,
                 word);
        return -1;
    }
    return look_up(c, d,
                   "SELECT CASE WHEN level = 'REGION' THEN left(pcode, 4) ELSE pcode END AS found "
                   "FROM eoc.find_place($1) LIMIT 1",
                   word, out, "no place is called");
}

static bool is_uuid(const char *word)
{
    return strlen(word) == 36 && strspn(word, "0123456789abcdefABCDEF-") == 36;
}

/* By its id, or the newest one of a place. */
static int take_incident(struct ctl *c, struct db *d, const char *word, char out[LINE])
{
    char place[LINE];
    int code;

    if (is_uuid(word)) {
        snprintf(out, LINE, "%s", word);
        return -1;
    }
    code = take_place(c, d, word, place);
    if (code >= 0)
        return code;
    return look_up(c, d,
                   "SELECT incident_id AS found FROM bus.incident WHERE places LIKE $1 || '%' "
                   "ORDER BY began_at DESC LIMIT 1",
                   place, out, "no incident is known of");
}

static int take_days(struct ctl *c, const char *word, char out[LINE])
{
    char *end;
    long days = strtol(word, &end, 10);

    if (!isdigit((unsigned char)*word) || *end || days > MOST_DAYS)
        return program_fail(&c->program, EXIT_USAGE, "\"%s\" is no number of days", word);
    snprintf(out, LINE, "%ld", days);
    return -1;
}

/* The parameter, "" for none; -1 as exit code: it is there. */
static int take(struct ctl *c, struct db *d, const struct question *q, const char *word,
                char out[LINE])
{
    const char *fallback = strchr(q->takes, '=');

    out[0] = '\0';
    if (!word && fallback) {
        snprintf(out, LINE, "%.*s", (int)strcspn(fallback + 1, "]"), fallback + 1);
        return -1;
    }
    if (!word && (q->takes[0] == '[' || strcmp(q->takes, "nothing") == 0))
        return -1;
    if (!word || strcmp(q->takes, "nothing") == 0)
        return program_fail(&c->program, EXIT_USAGE, "this question takes %s", q->takes);
    if (strstr(q->takes, "PLACE"))
        return take_place(c, d, word, out);
    if (strstr(q->takes, "INCIDENT"))
        return take_incident(c, d, word, out);
    return take_days(c, word, out);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void put_answer(struct buf *out, const struct db_rows *r, bool json)
{
    const char *columns[COLUMNS_MAX];
    size_t n = 0;

    for (; n < db_width(r) && n < COLUMNS_MAX; n++)
        columns[n] = db_heading(r, (unsigned)n);
    listing_put(out, r, columns, n, json);
    if (!json && db_count(r) == 0)
        buf_puts(out, "nothing\n");
}

static int answer(struct ctl *c, struct db *d, const struct question *q, const char *word,
                  bool json)
{
    char param[LINE];
    const char *params[] = {param};
    bool has_param = strstr(q->text->text, "$1::") != NULL;
    struct buf out = {0};
    struct db_rows *r;
    enum status st;
    int code = take(c, d, q, word, param);

    if (code >= 0)
        return code;
    if (!*param)
        params[0] = NULL;
    st = db_query(d, &r, q->text->text, params, has_param ? 1 : 0);
    if (st != ST_OK)
        return fail(c, d, st);
    put_answer(&out, r, json);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

int ctl_ask(struct ctl *c)
{
    bool json = false;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json}};
    struct question q;
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc == 1)
        return list_questions();
    if (!find_question(&q, c->argv[1]))
        return program_fail(&c->program, EXIT_USAGE,
                            "there is no question \"%s\"; `eocctl ask` lists them", c->argv[1]);
    if (c->argc > 3)
        return program_fail(&c->program, EXIT_USAGE, "this question takes %s", q.takes);
    if (!c->set.database || !*c->set.database)
        return program_fail(&c->program, EXIT_USAGE, "ask needs the setting \"database\"");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = answer(c, d, &q, c->argc == 3 ? c->argv[2] : NULL, json);
    db_close(d);
    return code;
}
