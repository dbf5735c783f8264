/* status - is everything well, and if not, what to do next.
 *
 * Two witnesses are asked, the broker on this machine and the database; what they say is held
 * against each other. Every fault is a sentence that ends with what to do. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/control.h"
#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/migrate.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

enum { FAULTS_MAX = 16, FAULT_BYTES = 700 };

/* Further behind than a poll every half second explains at any load measured. */
#define HEAD_LAG_ROWS 20000u

struct status_report {
    char faults[FAULTS_MAX][FAULT_BYTES];
    unsigned fault_count;
    struct buf facts;  /* lines for people */
    struct buf notes;  /* lines too: what is no fault, but somebody should look */
    struct buf agents; /* answer of the control socket, one line an agent */
    struct buf broker; /* answer of the control socket */
    struct buf json;   /* the members about the database */
    bool broker_answers, database_answers;
    uint64_t database_head;
};

static void add_fault(struct status_report *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add_fault(struct status_report *s, const char *fmt, ...)
{
    va_list args;

    if (s->fault_count == FAULTS_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(s->faults[s->fault_count++], FAULT_BYTES, fmt, args);
    va_end(args);
}

static uint64_t broker_number(const struct status_report *s, const char *key)
{
    char text[64];

    control_value(text, sizeof(text), &s->broker, key);
    return strtoull(text, NULL, 10);
}

static bool broker_says(const struct status_report *s, const char *key, const char *value)
{
    char text[64];

    control_value(text, sizeof(text), &s->broker, key);
    return strcmp(text, value) == 0;
}

static void look_at_record(struct status_report *s)
{
    char name[64];

    control_value(name, sizeof(name), &s->broker, "broker");
    buf_printf(&s->facts,
               "broker %s: %" PRIu64 " sessions, %" PRIu64 " listeners (%" PRIu64
               " behind), head %" PRIu64 ", %" PRIu64 " waiting for a commit\n",
               name, broker_number(s, "sessions"), broker_number(s, "listeners"),
               broker_number(s, "behind"), broker_number(s, "head"),
               broker_number(s, "queued_rows"));
    if (broker_says(s, "store_here", "no"))
        add_fault(
            s, "the broker has no database: nothing is stored, agents keep what they say; look at "
               "PostgreSQL and at the broker's log");
    if (broker_says(s, "heads_mute", "yes"))
        buf_puts(&s->facts, "this broker says no heads of the record (runbook, \"The record\")\n");
    if (broker_says(s, "degraded", "yes"))
        add_fault(s, "commits are not protected by a standby: look at the standby");
}

/* What it knows of who may do what, and since when. */
static void look_at_rights(struct status_report *s)
{
    if (broker_says(s, "rights_closed", "yes"))
        add_fault(s,
                  "its rights were not confirmed for %" PRIu64
                  " h, longer than access.cache_age: listeners get nothing but alarms until the "
                  "database answers",
                  broker_number(s, "rights_age_seconds") / 3600);
    else if (broker_says(s, "rights_kept", "yes"))
        add_fault(s,
                  "the broker was started without its database and lets in whom it knew %" PRIu64
                  " min ago (access.cache_file)",
                  broker_number(s, "rights_age_seconds") / 60);
    if (broker_number(s, "cache_failed") && !broker_number(s, "cache_written"))
        add_fault(s, "the broker cannot write access.cache_file: after a restart without its "
                     "database nobody would come in; look at the broker's log");
    if (broker_number(s, "agreements_unsigned"))
        add_fault(s,
                  "%" PRIu64
                  " sharing agreement(s) in the database have no good signature of one of "
                  "their parties: brokers let nothing pass by them (`eocctl audit agreements`; "
                  "runbook: access.agreement.unsigned)",
                  broker_number(s, "agreements_unsigned"));
}

static void look_at_admitted(struct status_report *s)
{
    if (broker_number(s, "principals") == 0)
        add_fault(s, "no principal may connect: enrol them with `eocctl enrol`");
    if (broker_number(s, "officers") == 0)
        buf_puts(&s->notes, "LOOK: no enrolment officers are pinned (trust.officers): whoever may "
                            "write into the database can invent principals\n");
    else if (broker_number(s, "unvouched"))
        buf_printf(&s->notes,
                   "LOOK: %" PRIu64 " keys are admitted that no two officers signed for\n",
                   broker_number(s, "unvouched"));
    if (broker_number(s, "distrusted"))
        buf_printf(&s->notes,
                   "LOOK: %" PRIu64 " keys are in the database and not admitted: no two officers "
                   "signed for them (`eocctl principal list`)\n",
                   broker_number(s, "distrusted"));
    if (broker_number(s, "unknown_keys"))
        buf_printf(&s->facts,
                   "%" PRIu64 " handshakes since the broker's start with keys that are unknown, "
                   "revoked or expired: somebody knocks who is not let in; `eocctl principal list` "
                   "shows who is, and the device's own log names its key\n",
                   broker_number(s, "unknown_keys"));
}

/* What somebody wrote into the database by hand. */
static void look_at_tampering(struct status_report *s)
{
    if (broker_number(s, "beside"))
        add_fault(s,
                  "%" PRIu64 " key(s) that no officer signed for stand under names of enrolled "
                  "principals: they have the role unvouched and no more; find out who added them "
                  "(`eocctl principal list`, runbook: access.beside)",
                  broker_number(s, "beside"));
    if (broker_number(s, "revocations_undone"))
        add_fault(s,
                  "%" PRIu64 " key(s) are good again in the database that an officer revoked: "
                  "brokers keep them shut; somebody wrote into the database by hand (runbook: "
                  "access.revocation.undone)",
                  broker_number(s, "revocations_undone"));
    if (broker_number(s, "revocations_unsigned"))
        buf_printf(&s->notes,
                   "LOOK: %" PRIu64 " key(s) are revoked in the database and no officer signed for "
                   "that (runbook: access.revocation.unsigned)\n",
                   broker_number(s, "revocations_unsigned"));
}

static void ask_broker(struct ctl *c, struct status_report *s)
{
    char err[FAULT_BYTES];

    if (!c->set.control_socket || !*c->set.control_socket)
        return;
    if (control_ask(&s->broker, c->set.control_socket, "status", err, sizeof(err)) != ST_OK) {
        add_fault(s, "%s", err);
        return;
    }
    s->broker_answers = true;
    look_at_record(s);
    look_at_rights(s);
    look_at_admitted(s);
    look_at_tampering(s);
}

/* --- agents ----------------------------------------------------------------------------------- */

static uint64_t number_in(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void look_at_agent(struct status_report *s, const char *line)
{
    const char *name = strchr(line, '=') ? strchr(line, '=') + 1 : line;
    int len = (int)strcspn(name, " ");
    const char *offset = strstr(line, " offset_ms=");

    if (strstr(line, " state=dead "))
        buf_printf(&s->notes,
                   "LOOK: %.*s said nothing for %" PRIu64 " s, longer than its link explains\n",
                   len, name, number_in(line, " silent_s="));
    if (strstr(line, " clock=doubtful ") && offset)
        buf_printf(&s->notes, "LOOK: the clock of %.*s is %.*s ms off\n", len, name,
                   (int)strcspn(offset + 11, " "), offset + 11);
    if (number_in(line, " over_messages=") || number_in(line, " over_alarms="))
        buf_printf(&s->notes,
                   "LOOK: %.*s is over its quota: %" PRIu64 " messages turned away, %" PRIu64
                   " alarms not sounded before they were stored, in the last minute or more\n",
                   len, name, number_in(line, " over_messages="), number_in(line, " over_alarms="));
}

/* A dead agent or a wrong clock is no fault of the bus, and somebody has to see it all the same. */
static void ask_agents(struct ctl *c, struct status_report *s)
{
    char err[FAULT_BYTES];
    char *line, *end;

    if (!s->broker_answers ||
        control_ask(&s->agents, c->set.control_socket, "agents", err, sizeof(err)) != ST_OK)
        return;
    for (line = (char *)s->agents.data; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        look_at_agent(s, line);
        *end = '\n';
    }
}

static void check_schema(struct status_report *s, struct db *d)
{
    unsigned version, latest = migrate_latest();

    if (migrate_version(d, &version) != ST_OK) {
        add_fault(s, "the schema version cannot be read: %s", db_error(d));
        return;
    }
    buf_printf(&s->facts, "database: schema version %u", version);
    buf_printf(&s->json, ",\"schema_version\":%u", version);
    if (version < latest)
        add_fault(s, "the schema is at version %u and this eocctl brings %u: run `eocctl migrate`",
                  version, latest);
    if (version > latest)
        add_fault(
            s, "the schema is at version %u, newer than this eocctl (%u): install the newer eocctl",
            version, latest);
}

static void check_log(struct status_report *s, struct db *d)
{
    struct db_rows *r;
    enum status st = db_query(
        d, &r,
        "SELECT h.log_epoch, h.seq AS head, (SELECT count(*) FROM bus.quarantine q"
        " WHERE q.received_at > now() - interval '24 hours') AS quarantined FROM bus.log_head h",
        NULL, 0);

    if (st != ST_OK) {
        buf_puts(&s->facts, "\n");
        add_fault(s, "the log cannot be looked at: %s", db_error(d));
        return;
    }
    s->database_head = db_number(r, 0, "head");
    buf_printf(&s->facts, ", head %" PRIu64 " of log epoch %s, %s refused in 24 hours\n",
               s->database_head, db_cell(r, 0, "log_epoch"), db_cell(r, 0, "quarantined"));
    buf_printf(&s->json, ",\"head\":%" PRIu64 ",\"log_epoch\":%s,\"quarantined_24h\":%s",
               s->database_head, db_cell(r, 0, "log_epoch"), db_cell(r, 0, "quarantined"));
    db_rows_free(r);
}

/* Who has every right, or a role that nobody has defined. */
static void check_roles(struct status_report *s, struct db *d)
{
    struct db_rows *r;

    if (db_query(
            d, &r,
            "SELECT t.why, count(*) AS n, string_agg(t.name || coalesce(' (' || t.role || ')', "
            "''), ', ' ORDER BY t.name) FILTER (WHERE t.place <= 5) AS first "
            "FROM (SELECT x.*, row_number() OVER (PARTITION BY x.why ORDER BY x.name) AS place "
            "FROM bus.role_trouble x) AS t GROUP BY t.why ORDER BY t.why",
            NULL, 0) != ST_OK)
        return; /* check_schema says what is wrong */
    for (unsigned i = 0; i < db_count(r); i++)
        buf_printf(&s->notes, "LOOK: %s principal(s), %s: %s (eocctl rights roles)\n",
                   db_cell(r, i, "n"), db_cell(r, i, "why"), db_cell(r, i, "first"));
    db_rows_free(r);
}

static void ask_database(struct ctl *c, struct status_report *s)
{
    char err[FAULT_BYTES];
    struct db *d;

    if (!c->set.database || !*c->set.database) {
        buf_puts(&s->facts, "database: not asked, since the setting \"database\" is empty\n");
        return;
    }
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK) {
        add_fault(s, "%s", err);
        return;
    }
    s->database_answers = true;
    check_schema(s, d);
    check_log(s, d);
    check_roles(s, d);
    db_close(d);
}

static void compare(struct status_report *s)
{
    uint64_t head = broker_number(s, "head");

    if (s->broker_answers && s->database_answers && head + HEAD_LAG_ROWS < s->database_head)
        add_fault(s,
                  "the broker is %" PRIu64
                  " messages behind the log: listeners get them late; look at "
                  "its processor and at the database",
                  s->database_head - head);
}

/* Line by line: names come from the broker, and it has them from a database. */
static void print_escaped_lines(struct buf *out, const struct buf *lines)
{
    const char *line = (const char *)lines->data, *end = line ? line + lines->len : NULL;

    while (line && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((stop ? stop : end) - line);

        print_escaped(out, line, len);
        buf_puts(out, "\n");
        line += len + 1;
    }
}

static void print_people(struct status_report *s, bool all)
{
    struct buf out = {0};

    buf_put(&out, s->facts.data, s->facts.len);
    if (all)
        print_escaped_lines(&out, &s->agents);
    print_escaped_lines(&out, &s->notes);
    for (unsigned i = 0; i < s->fault_count; i++) {
        buf_puts(&out, "WRONG: ");
        print_escaped(&out, s->faults[i], strlen(s->faults[i]));
        buf_puts(&out, "\n");
    }
    if (s->fault_count == 0)
        buf_puts(&out, "all is well\n");
    print_flush(&out);
    buf_free(&out);
}

/* The broker's lines as members of an object; all values as texts. */
static void put_broker(struct buf *out, struct status_report *s)
{
    char *line = s->broker_answers ? (char *)s->broker.data : NULL;
    bool first = true;

    buf_puts(out, ",\"broker\":{");
    while (line && *line) {
        char *end = strchr(line, '\n'), *equals = strchr(line, '=');

        if (end)
            *end = '\0';
        if (equals && (!end || equals < end)) {
            *equals = '\0';
            buf_puts(out, first ? "" : ",");
            print_json_text(out, line);
            buf_puts(out, ":");
            print_json_text(out, equals + 1);
            first = false;
        }
        line = end ? end + 1 : NULL;
    }
    buf_puts(out, "}");
}

static void print_json(struct status_report *s)
{
    struct buf out = {0};

    buf_printf(&out, "{\"healthy\":%s,\"broker_answers\":%s,\"database_answers\":%s",
               s->fault_count ? "false" : "true", s->broker_answers ? "true" : "false",
               s->database_answers ? "true" : "false");
    buf_put(&out, s->json.data, s->json.len);
    put_broker(&out, s);
    buf_puts(&out, ",\"faults\":[");
    for (unsigned i = 0; i < s->fault_count; i++) {
        buf_puts(&out, i ? "," : "");
        print_json_text(&out, s->faults[i]);
    }
    buf_puts(&out, "]}\n");
    print_flush(&out);
    buf_free(&out);
}

int ctl_status(struct ctl *c)
{
    bool json = false, all = false;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json},
                                         {"--agents", OPTION_FLAG, &all}};
    struct status_report *s;
    char err[400];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1)
        return program_fail(&c->program, EXIT_USAGE, "status takes only --json and --agents");
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return program_fail(&c->program, EXIT_MACHINE, "out of memory");
    ask_broker(c, s);
    ask_agents(c, s);
    ask_database(c, s);
    compare(s);
    code = s->fault_count ? EXIT_UNREACHABLE : EXIT_DONE;
    if (json)
        print_json(s);
    else
        print_people(s, all);
    buf_free(&s->facts);
    buf_free(&s->notes);
    buf_free(&s->agents);
    buf_free(&s->broker);
    buf_free(&s->json);
    mem_free(s);
    return code;
}
