/* log - the log as a whole: how far it is, who takes it, and a new epoch when it lost something. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

#define STATUS_SQL                                                                                 \
    "SELECT h.log_epoch, h.seq, current_setting('synchronous_standby_names') AS waits_for,"        \
    " CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8)"   \
    " END AS timeline, (SELECT count(*) FROM pg_stat_get_wal_senders()) AS standbys"               \
    " FROM bus.log_head h"
#define EPOCHS_SQL                                                                                 \
    "SELECT log_epoch, to_char(raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"    \
    " AS raised, head_then, because FROM bus.epoch ORDER BY log_epoch"
#define RAISE_SQL                                                                                  \
    "SELECT e.log_epoch, e.raised FROM bus.log_head h,"                                            \
    " bus.raise_epoch(h.log_epoch, greatest(h.log_epoch, $1::int4), $2) e"

static int fail_db(struct ctl *c, struct db *d, enum status st)
{
    return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                        "the database refuses: %s", db_error(d));
}

static void put_place(struct buf *out, const struct db_rows *r)
{
    const char *waits_for = db_cell(r, 0, "waits_for"), *timeline = db_cell(r, 0, "timeline");

    buf_printf(out, "log epoch %s, head %s, timeline %s\n", db_cell(r, 0, "log_epoch"),
               db_cell(r, 0, "seq"), *timeline ? timeline : "none: this is a standby");
    buf_puts(out, "commits wait for ");
    print_escaped(out, *waits_for ? waits_for : "no standby",
                  strlen(*waits_for ? waits_for : "no standby"));
    buf_printf(out, "; %s connected\n", db_cell(r, 0, "standbys"));
}

static void put_epochs(struct buf *out, const struct db_rows *r)
{
    for (unsigned i = 0; i < db_count(r); i++) {
        const char *because = db_cell(r, i, "because");

        buf_printf(out, "epoch %s since %s, behind number %s: ", db_cell(r, i, "log_epoch"),
                   db_cell(r, i, "raised"), db_cell(r, i, "head_then"));
        print_escaped(out, because, strlen(because));
        buf_puts(out, "\n");
    }
}

static int show_status(struct ctl *c, struct db *d)
{
    struct db_rows *r;
    struct buf out = {0};
    enum status st = db_query(d, &r, STATUS_SQL, NULL, 0);

    if (st != ST_OK)
        return fail_db(c, d, st);
    put_place(&out, r);
    db_rows_free(r);
    st = db_query(d, &r, EPOCHS_SQL, NULL, 0);
    if (st == ST_OK) {
        put_epochs(&out, r);
        db_rows_free(r);
    }
    print_flush(&out);
    buf_free(&out);
    return st == ST_OK ? EXIT_DONE : fail_db(c, d, st);
}

static int raise_epoch(struct ctl *c, struct db *d, const char *because, uint64_t above)
{
    char number[24];
    const char *params[] = {number, because};
    struct buf out = {0};
    struct db_rows *r;
    enum status st;

    snprintf(number, sizeof(number), "%llu", (unsigned long long)above);
    st = db_query(d, &r, RAISE_SQL, params, 2);
    if (st != ST_OK)
        return fail_db(c, d, st);
    buf_printf(&out, "the log has epoch %s now\n", db_cell(r, 0, "log_epoch"));
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

int ctl_log(struct ctl *c)
{
    const char *because = NULL;
    uint64_t above = 0;
    const struct option_row options[] = {{"--because", OPTION_TEXT, &because},
                                         {"--above", OPTION_NUMBER, &above}};
    bool raises;
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    raises = c->argc == 2 && strcmp(c->argv[1], "raise-epoch") == 0;
    if (!raises && !(c->argc == 2 && strcmp(c->argv[1], "status") == 0))
        return program_fail(&c->program, EXIT_USAGE,
                            "say `log status` or `log raise-epoch --because TEXT`; see --help");
    if (raises && (!because || !*because || above > INT32_MAX - 1))
        return program_fail(
            &c->program, EXIT_USAGE,
            "--because TEXT is missing: every agent will offer again what it kept of "
            "seven days, and whoever asks why finds your words");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = raises ? raise_epoch(c, d, because, above) : show_status(c, d);
    db_close(d);
    return code;
}
