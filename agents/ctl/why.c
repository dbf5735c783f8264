/* why - may this principal say or hear this, and which rule says so. The database judges and writes
 * the paragraph (bus.why_text); brokers judge by the same rules. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/agreements.h"
#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

static int print_answer(struct ctl *c, struct db *d, const char *sql, const char *const *params,
                        unsigned count)
{
    struct buf out = {0};
    struct db_rows *r;
    const char *text;

    if (db_query(d, &r, sql, params, count) != ST_OK)
        return program_fail(&c->program, EXIT_REFUSED, "the rules cannot be asked: %s",
                            db_error(d));
    text = db_cell(r, 0, "why");
    print_escaped(&out, text ? text : "", strlen(text ? text : ""));
    buf_puts(&out, "\n");
    agreements_warn(c, d, text ? text : "", &out);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static void join(struct buf *out, const struct option_words *words)
{
    for (unsigned i = 0; i < words->count; i++)
        buf_printf(out, "%s%s", i ? " " : "", words->items[i]);
    buf_put(out, "", 1);
}

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool is_verb(const char *text)
{
    static const char *const verbs[] = {"say",  "hear",  "flash",   "carry",
                                        "open", "enrol", "operate", "approve"};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i], text) == 0)
            return true;
    return false;
}

static int answer(struct ctl *c, struct db *d, const struct option_words *places, const char *label,
                  const char *from, const char *to)
{
    const char *of_number[] = {c->argv[1], c->argv[2]};
    struct buf at = {0};
    int code;

    if (c->argc == 3)
        return print_answer(c, d, "SELECT bus.why_number($1, $2::int8) AS why", of_number, 2);
    join(&at, places);
    const char *params[] = {c->argv[1], c->argv[2], c->argv[3], (const char *)at.data,
                            label,      from,       to};
    code = at.failed ? program_fail(&c->program, EXIT_MACHINE, "out of memory")
                     : print_answer(c, d, "SELECT bus.why_text($1, $2, $3, $4, $5, $6, $7) AS why",
                                    params, 7);
    buf_free(&at);
    return code;
}

int ctl_why(struct ctl *c)
{
    struct option_words places = {0};
    const char *label = "INTERNAL", *from = "", *to = "";
    const struct option_row options[] = {{"--place", OPTION_WORDS, &places},
                                         {"--label", OPTION_TEXT, &label},
                                         {"--from", OPTION_TEXT, &from},
                                         {"--to", OPTION_TEXT, &to}};
    char err[800];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (!(c->argc == 3 && is_number(c->argv[2])) && !(c->argc == 4 && is_verb(c->argv[2])))
        return program_fail(
            &c->program, EXIT_USAGE,
            "say `why PRINCIPAL say|hear|flash|carry|open|approve TYPE` or `why PRINCIPAL "
            "NUMBER`; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = answer(c, d, &places, label, from, to);
    db_close(d);
    return code;
}
