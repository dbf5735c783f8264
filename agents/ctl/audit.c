/* eocctl audit - the record: does it hold, who can check it elsewhere, and notes for it. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/agreements.h"
#include "agents/ctl/audit.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

static int note(struct ctl *c, struct db *d, const char *what, const char *text)
{
    const char *params[] = {what, text};

    if (db_query(d, NULL, "SELECT bus.say_audit($1, '', because => $2)", params, 2) != ST_OK)
        return program_fail(&c->program, EXIT_REFUSED, "the database refuses: %s", db_error(d));
    return EXIT_DONE;
}

static int print_heads(struct ctl *c, struct db *d, uint64_t last)
{
    struct buf out = {0};
    enum status st = audit_heads_text(&out, d, last);
    bool none = out.len == 0;

    print_flush(&out);
    buf_free(&out);
    if (st != ST_OK)
        return program_fail(&c->program, EXIT_REFUSED, "the database refuses: %s", db_error(d));
    if (none && last)
        return program_fail(&c->program, EXIT_REFUSED,
                            "no broker has said a head yet: see the runbook, \"The record\"");
    return EXIT_DONE;
}

struct asked {
    struct audit_wish wish;
    uint64_t to, last;
    const char *check;
};

static int run(struct ctl *c, struct db *d, struct asked *a)
{
    const char *word = c->argc > 1 ? c->argv[1] : "";

    a->wish.from = a->wish.from ? a->wish.from : 1;
    a->wish.officers = c->set.agent.officers_file;
    if (!strcmp(word, "verify") && c->argc == 2)
        return audit_verify(c, d, &a->wish);
    if (!strcmp(word, "export") && c->argc == 3)
        return audit_export(c, d, a->wish.from, a->to, c->argv[2]);
    if (!strcmp(word, "heads") && c->argc == 2 && !a->check)
        return print_heads(c, d, a->last);
    if (!strcmp(word, "heads") && c->argc == 2) {
        a->wish.heads = a->check;
        return audit_check_heads(c, d, &a->wish);
    }
    if (!strcmp(word, "agreements") && c->argc == 2)
        return agreements_print(c, d);
    if (!strcmp(word, "note") && c->argc == 4)
        return note(c, d, c->argv[2], c->argv[3]);
    return program_fail(&c->program, EXIT_USAGE,
                        "say `audit verify`, `audit export DIR`, `audit heads`, `audit agreements` "
                        "or `audit note WORD TEXT`; see --help");
}

int ctl_audit(struct ctl *c)
{
    struct asked a = {.last = 1000, .to = INT64_MAX};
    const struct option_row options[] = {{"--signatures", OPTION_FLAG, &a.wish.signatures},
                                         {"--deep", OPTION_FLAG, &a.wish.deep},
                                         {"--from", OPTION_NUMBER, &a.wish.from},
                                         {"--to", OPTION_NUMBER, &a.to},
                                         {"--last", OPTION_NUMBER, &a.last},
                                         {"--heads", OPTION_TEXT, &a.wish.heads},
                                         {"--check", OPTION_TEXT, &a.check}};
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = run(c, d, &a);
    db_close(d);
    return code;
}
