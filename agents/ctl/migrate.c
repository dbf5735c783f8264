/* migrate - forward only, one transaction each, one run at a time.
 *
 * An advisory lock keeps two runs apart. For every migration: if the database has it, its text must
 * have the digest it had then; if not, it runs, and its row (version, name, digest) is written in
 * the same transaction, so a run that was killed has either done a step or not begun it. A text
 * that was shortened after its release names the digests it had before ("-- was: ..."), and a
 * database that ran one of those has it. Functions and views hold nothing: when the database is at
 * the last migration and their text is not the one it runs, all of sql/functions is made anew. */
#include "agents/ctl/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

#define PREFIX "migrations/"
/* "eocb" and "migr": any number, as long as nobody else in this database uses it. */
#define LOCK_KEY "7305790160834456946"

/* 0 if the text is no migration. */
static unsigned version_of(const struct sql_text *t)
{
    if (!sql_is_in(t, PREFIX))
        return 0;
    return (unsigned)strtoul(t->name + strlen(PREFIX), NULL, 10);
}

unsigned migrate_latest(void)
{
    return (unsigned)sql_version();
}

static enum status has_table(struct db *d, bool *there)
{
    struct db_rows *r;
    enum status st =
        db_query(d, &r, "SELECT to_regclass('bus.migration') IS NOT NULL AS there", NULL, 0);

    if (st != ST_OK)
        return st;
    *there = strcmp(db_cell(r, 0, "there"), "t") == 0;
    db_rows_free(r);
    return ST_OK;
}

enum status migrate_version(struct db *d, unsigned *version)
{
    struct db_rows *r;
    bool there;
    enum status st = has_table(d, &there);

    *version = 0;
    if (st != ST_OK || !there)
        return st;
    st = db_query(d, &r, "SELECT coalesce(max(version), 0) AS version FROM bus.migration", NULL, 0);
    if (st != ST_OK)
        return st;
    *version = (unsigned)db_number(r, 0, "version");
    db_rows_free(r);
    return ST_OK;
}

/* Whether the database has this migration, and if so, whether with this text. */
static enum status find_applied(struct db *d, const struct sql_text *t, bool *applied, bool *same)
{
    char version[16];
    const char *params[] = {version, t->text};
    struct db_rows *r;
    enum status st = has_table(d, applied);

    if (st != ST_OK || !*applied)
        return st;
    snprintf(version, sizeof(version), "%u", version_of(t));
    st = db_query(d, &r,
                  "SELECT sha256 = sha256(convert_to($2, 'UTF8'))"
                  "       OR position('-- was: ' || encode(sha256, 'hex') IN $2) > 0 AS same"
                  "  FROM bus.migration WHERE version = $1::int4",
                  params, 2);
    if (st != ST_OK)
        return st;
    *applied = db_count(r) == 1;
    *same = *applied && strcmp(db_cell(r, 0, "same"), "t") == 0;
    db_rows_free(r);
    return ST_OK;
}

/* The first migration makes the table itself. */
static enum status record_applied(struct db *d, const struct sql_text *t)
{
    char version[16];
    const char *params[] = {version, t->name + strlen(PREFIX), t->text};

    snprintf(version, sizeof(version), "%u", version_of(t));
    return db_query(d, NULL,
                    "INSERT INTO bus.migration (version, name, sha256)"
                    " VALUES ($1::int4, $2, sha256(convert_to($3, 'UTF8')))",
                    params, 3);
}

/* Ends the transaction of one step as `st` says. */
static enum status finish_step(struct db *d, enum status st, const char *name, char *err,
                               size_t err_size)
{
    if (st == ST_OK)
        st = db_script(d, "COMMIT");
    if (st == ST_OK)
        return ST_OK;
    snprintf(err, err_size, "%s failed and left no trace (%s %s); the steps before it stand", name,
             db_sqlstate(d), db_error(d));
    if (db_script(d, "ROLLBACK") != ST_OK)
        return ST_CLOSED;
    return st;
}

static enum status apply_one(struct db *d, const struct sql_text *t, char *err, size_t err_size)
{
    enum status st = db_script(d, "BEGIN");

    if (st == ST_OK)
        st = db_script(d, t->text);
    if (st == ST_OK)
        st = db_script(d, "RESET ROLE");
    if (st == ST_OK)
        st = record_applied(d, t);
    return finish_step(d, st, t->name, err, err_size);
}

/* --- functions and views ---------------------------------------------------------------------- */

static const char *digest_text(char out[24])
{
    snprintf(out, 24, "%lld", (long long)sql_digest("functions/"));
    return out;
}

static enum status functions_are_current(struct db *d, bool *current)
{
    char digest[24];
    const char *params[] = {digest_text(digest)};
    struct db_rows *r;
    enum status st =
        db_query(d, &r, "SELECT FROM bus.function_text WHERE digest = $1::int8", params, 1);

    if (st != ST_OK)
        return st;
    *current = db_count(r) == 1;
    db_rows_free(r);
    return ST_OK;
}

static enum status write_functions(struct db *d)
{
    char digest[24];
    const char *params[] = {digest_text(digest)};
    enum status st = db_script(d, "BEGIN; SET LOCAL ROLE bus_owner");

    for (const struct sql_text *t = sql_texts; t->name && st == ST_OK; t++)
        if (sql_is_in(t, "functions/"))
            st = db_script(d, t->text);
    if (st == ST_OK)
        st = db_query(d, NULL,
                      "INSERT INTO bus.function_text (digest) VALUES ($1::int8) ON CONFLICT (one)"
                      " DO UPDATE SET digest = excluded.digest, applied_at = clock_timestamp()",
                      params, 1);
    return st;
}

static enum status make_functions(struct db *d, void (*tell)(const char *line), unsigned *done,
                                  char *err, size_t err_size)
{
    bool current = false;
    enum status st = functions_are_current(d, &current);

    if (st != ST_OK || current) {
        snprintf(err, err_size, "the functions' digest cannot be read: %s", db_error(d));
        return st;
    }
    tell("making functions and views anew");
    st = finish_step(d, write_functions(d), "making functions and views", err, err_size);
    *done += st == ST_OK;
    return st;
}

/* --- the whole run ---------------------------------------------------------------------------- */

/* Runs it, unless the database has it. */
static enum status bring(struct db *d, const struct sql_text *t, void (*tell)(const char *line),
                         unsigned *done, char *err, size_t err_size)
{
    bool applied = false, same = false;
    char line[160];
    enum status st = find_applied(d, t, &applied, &same);

    if (st != ST_OK) {
        snprintf(err, err_size, "the list of migrations cannot be read: %s", db_error(d));
        return st;
    }
    if (applied && !same) {
        snprintf(err, err_size,
                 "migration %s was changed after this database ran it; install the version of "
                 "eocctl that fits, and put the change into a new migration",
                 t->name + strlen(PREFIX));
        return ST_CONFLICT;
    }
    if (applied)
        return ST_OK;
    snprintf(line, sizeof(line), "running %s", t->name + strlen(PREFIX));
    tell(line);
    st = apply_one(d, t, err, err_size);
    *done += st == ST_OK;
    return st;
}

static enum status run_locked(struct db *d, unsigned to, void (*tell)(const char *line),
                              unsigned *done, char *err, size_t err_size)
{
    for (const struct sql_text *t = sql_texts; t->name; t++) {
        enum status st = ST_OK;

        if (version_of(t) && (!to || version_of(t) <= to))
            st = bring(d, t, tell, done, err, err_size);
        if (st != ST_OK)
            return st;
    }
    return to && to < migrate_latest() ? ST_OK : make_functions(d, tell, done, err, err_size);
}

enum status migrate_run(struct db *d, unsigned to, void (*tell)(const char *line), unsigned *done,
                        char *err, size_t err_size)
{
    enum status st = db_script(d, "SELECT pg_advisory_lock(" LOCK_KEY ")");

    *done = 0;
    if (st != ST_OK) {
        snprintf(err, err_size, "the migration lock cannot be taken: %s", db_error(d));
        return st;
    }
    db_quiet(d);
    st = run_locked(d, to, tell, done, err, err_size);
    /* The lock ends with the session at the latest. */
    if (db_script(d, "SELECT pg_advisory_unlock(" LOCK_KEY ")") != ST_OK && st == ST_OK)
        st = ST_CLOSED;
    return st;
}

static void tell_stdout(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

static int report(struct ctl *c, struct db *d, unsigned done)
{
    unsigned version;

    if (migrate_version(d, &version) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", db_error(d));
    if (done)
        printf("the schema is at version %u; %u step%s ran\n", version, done, done == 1 ? "" : "s");
    else
        printf("the schema is at version %u; nothing to do\n", version);
    return EXIT_DONE;
}

/* An event of the record. */
static enum status record_run(struct db *d, char *err, size_t err_size)
{
    enum status st =
        db_query(d, NULL, "SELECT bus.say_audit('migrated', max(version)::text) FROM bus.migration",
                 NULL, 0);

    if (st != ST_OK)
        snprintf(err, err_size, "the migration is done and could not be recorded: %s", db_error(d));
    return st;
}

int ctl_migrate(struct ctl *c)
{
    uint64_t to = 0;
    const struct option_row options[] = {{"--to", OPTION_NUMBER, &to}};
    char err[800] = "";
    struct db *d;
    unsigned done;
    enum status st;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1 || to > migrate_latest())
        return program_fail(&c->program, EXIT_USAGE,
                            "migrate takes only --to N, and the last migration here is %u",
                            migrate_latest());
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    st = migrate_run(d, (unsigned)to, tell_stdout, &done, err, sizeof(err));
    if (st == ST_OK && done && (!to || to == migrate_latest()))
        st = record_run(d, err, sizeof(err));
    if (st == ST_OK)
        code = report(c, d, done);
    else
        code =
            program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED, "%s", err);
    db_close(d);
    return code;
}
