/* quarantine - what was refused, by whom it was sent, and why. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/listing.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "agents/ctl/show.h"

#include "proto/base/banned.h"

#define QUARANTINE_SQL                                                                             \
    "SELECT q.quarantine_id, to_char(q.received_at AT TIME ZONE 'UTC', "                           \
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS received, coalesce(p.name, '?') AS sender, q.code, "     \
    "q.path, q.text, octet_length(q.content) AS bytes, q.content "                                 \
    "FROM bus.quarantine q LEFT JOIN bus.principal p ON p.principal_id = q.sender_id "
#define LIST_SQL                                                                                   \
    "SELECT * FROM (" QUARANTINE_SQL "WHERE $1::text IS NULL OR p.name = $1 "                      \
    "ORDER BY q.received_at DESC, q.quarantine_id DESC LIMIT $2::int8) AS x "                      \
    "ORDER BY received, quarantine_id"
#define SHOW_SQL QUARANTINE_SQL "WHERE q.quarantine_id::text LIKE $1 || '%' LIMIT 2"

static const char *const columns[] = {"quarantine_id", "received", "sender", "code",
                                      "path",          "text",     "bytes"};

static void put_json(struct buf *out, const struct db_rows *r)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        buf_printf(out, "%s\"%s\":", i ? "," : "{", columns[i]);
        print_json_text(out, db_cell(r, 0, columns[i]));
    }
}

static int fail_db(struct ctl *c, struct db *d, enum status st)
{
    return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                        "the quarantine cannot be read: %s", db_error(d));
}

static int list(struct ctl *c, struct db *d, bool json, const char *sender, uint64_t last)
{
    char limit[24];
    const char *params[] = {sender, limit};
    struct buf out = {0};
    struct db_rows *r;
    enum status st;

    snprintf(limit, sizeof(limit), "%llu", (unsigned long long)(last > 1000000 ? 1000000 : last));
    st = db_query(d, &r, LIST_SQL, params, 2);
    if (st != ST_OK)
        return fail_db(c, d, st);
    listing_put(&out, r, columns, ARRAY_LEN(columns) - !json, json); /* nobody reads bytes */
    if (!json && db_count(r) == 0)
        buf_puts(&out, "the quarantine is empty\n");
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static void put_whole(struct buf *out, const struct db_rows *r, bool json)
{
    struct buf content = {0};

    if (!db_bytes(r, 0, "content", &content))
        content.len = 0;
    if (json) {
        put_json(out, r);
        buf_puts(out, ",\"message\":");
        if (!show_content(out, content.data, content.len, false))
            buf_puts(out, "null");
        buf_puts(out, "}\n");
    } else {
        for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
            const char *cell = db_cell(r, 0, columns[i]);

            buf_printf(out, "%-14s", columns[i]);
            print_escaped(out, cell ? cell : "", cell ? strlen(cell) : 0);
            buf_puts(out, "\n");
        }
        buf_puts(out, "\n");
        if (show_content(out, content.data, content.len, true))
            buf_puts(out, "\n");
        show_hex(out, content.data, content.len);
    }
    buf_free(&content);
}

static int show(struct ctl *c, struct db *d, bool json)
{
    const char *params[] = {c->argv[2]};
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, SHOW_SQL, params, 1);
    unsigned found;

    if (st != ST_OK)
        return fail_db(c, d, st);
    found = db_count(r);
    if (found == 1) /* who looks leaves a trace, or does not look */
        st = db_query(d, NULL, "SELECT bus.say_audit('quarantine_read', $1)", params, 1);
    if (st != ST_OK) {
        db_rows_free(r);
        return fail_db(c, d, st);
    }
    if (found == 1)
        put_whole(&out, r, json);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    if (found == 1)
        return EXIT_DONE;
    return program_fail(
        &c->program, EXIT_REFUSED,
        found ? "several refused messages begin with %s; give more of the ID"
              : "no refused message has the ID %s; `eocctl quarantine list` shows them",
        c->argv[2]);
}

int ctl_quarantine(struct ctl *c)
{
    bool json = false;
    const char *sender = NULL;
    uint64_t last = 20;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json},
                                         {"--sender", OPTION_TEXT, &sender},
                                         {"--last", OPTION_NUMBER, &last}};
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (!(c->argc == 2 && !strcmp(c->argv[1], "list")) &&
        !(c->argc == 3 && !strcmp(c->argv[1], "show") &&
          c->argv[2][strspn(c->argv[2], "0123456789abcdefABCDEF-")] == '\0'))
        return program_fail(&c->program, EXIT_USAGE,
                            "say `quarantine list` or `quarantine show ID`; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = strcmp(c->argv[1], "list") == 0 ? list(c, d, json, sender, last) : show(c, d, json);
    db_close(d);
    return code;
}
