/* demo_setup - database, principals and settings of the bus.
 *
 * Every step looks first whether it was done, and becomes visible by a rename or a commit: so a run
 * that was killed in the middle of setting up is simply started again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/demo.h"
#include "agents/ctl/gazetteer.h"
#include "agents/ctl/migrate.h"
#include "proto/base/keys.h"

#include "proto/base/banned.h"

#define LISTENER_NAME "coes.dushanbe.screen"

/* --- schema, keys, principals ----------------------------------------------------------------- */

static enum status create_database(struct demo *d, char *err, size_t err_size)
{
    const char *conninfo = arena_printf(
        d->arena, "host=%s/sock user=eocbus dbname=postgres connect_timeout=5", d->dir);
    uint64_t end = supervise_now_ms() + DEMO_PATIENCE_MS;
    enum status st = ST_NOMEM;

    while (conninfo && supervise_now_ms() < end) {
        struct db *db;

        st = db_open(&db, conninfo, err, err_size);
        if (st == ST_OK) {
            st = db_script(db, "CREATE DATABASE eocbus");
            if (st != ST_OK)
                snprintf(err, err_size, "the database cannot be made: %s", db_error(db));
            db_close(db);
        }
        if (st == ST_EXISTS)
            return ST_OK;
        if (st != ST_CLOSED || !supervise_turn(d->sup, 100))
            return st;
    }
    return st;
}

static enum status migrate_all(struct db *db, void *arg, char *err, size_t err_size)
{
    unsigned done;

    (void)arg;
    return migrate_run(db, 0, demo_tell, &done, err, err_size);
}

/* Places have names from the start; what the tables contradict each other in is for
 * `eocctl gazetteer conflicts`. */
static enum status import_places(struct db *db, void *arg, char *err, size_t err_size)
{
    struct buf report = {0};
    enum status st = gazetteer_import(db, NULL, 0, false, &report, err, err_size);

    (void)arg;
    buf_free(&report);
    return st;
}

static const struct plan_agent listener = {.short_name = "screen",
                                           .program = "eocctl",
                                           .name = LISTENER_NAME,
                                           .agency = "coes",
                                           .role = "witness dispatcher",
                                           .place = ""};
/* Enrolled like everybody, since it says signed heads of the record in its own name. */
static const struct plan_agent broker = {.short_name = "broker",
                                         .program = "eocbus-broker",
                                         .name = "coes.dushanbe.broker",
                                         .agency = "coes",
                                         .role = "broker",
                                         .place = ""};

int demo_prepare_database(struct demo *d)
{
    char err[1000] = "";
    struct keys k;
    enum status st = create_database(d, err, sizeof(err));
    int code;

    if (st == ST_OK)
        st = demo_ask(d, migrate_all, NULL, err, sizeof(err));
    if (st == ST_OK)
        st = demo_ask(d, import_places, NULL, err, sizeof(err));
    if (st != ST_OK)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s; see %s", err,
                            demo_path(d, "log/postgres.log"));
    code = demo_key(d, broker.short_name, broker.name, &k);
    if (code >= 0)
        return code;
    snprintf(d->broker_key, sizeof(d->broker_key), "%s", k.public_z85);
    keys_wipe(&k);
    code = demo_enrol(d, &broker, 1);
    if (code < 0)
        code = demo_enrol(d, &listener, 1);
    return code < 0 ? demo_enrol(d, d->plan.agents, d->plan.agent_count) : code;
}

/* --- settings --------------------------------------------------------------------------------- */

/* The port of the last run if nobody took it, else any free one. */
static int choose_endpoint(struct demo *d)
{
    const char *path = demo_path(d, "port"), *text = demo_read_file(d, path);
    unsigned port = text ? (unsigned)strtoul(text, NULL, 10) : 0;
    struct buf b = {0};
    int code;

    if (!demo_take_port(&port))
        return program_fail(&d->ctl->program, EXIT_MACHINE, "no free port on 127.0.0.1");
    snprintf(d->endpoint, sizeof(d->endpoint), "tcp://127.0.0.1:%u", port);
    buf_printf(&b, "%u\n", port);
    code = demo_write_file(d, path, &b);
    buf_free(&b);
    return code;
}

static int write_broker_settings(struct demo *d)
{
    struct buf b = {0};
    int code;

    buf_printf(
        &b,
        "name = demo\nhub = 3501000\nendpoint = %s\nkey.file = %s/keys/broker.key\n"
        "database = host=%s/sock user=bus_ingest dbname=eocbus\ncontrol.socket = %s/sock/control\n"
        "access.cache_file = %s/broker.rights\ntrust.officers = %s/conf/officers\n"
        "audit.head = 20s\n",
        d->endpoint, d->dir, d->dir, d->dir, d->dir, d->dir);
    code = demo_write_file(d, demo_path(d, "conf/broker.conf"), &b);
    buf_free(&b);
    return code;
}

static void put_link(struct demo *d, struct buf *b, const struct plan_agent *a,
                     const char *log_level)
{
    buf_printf(b,
               "name = %s\nkey.file = %s/keys/%s.key\nbroker.endpoint = %s\nbroker.key = %s\n"
               "outbox.path = %s/outbox/%s.db\nlink.profile = fiber\nlog.level = %s\n"
               "trust.officers = %s/conf/officers\n",
               a->name, d->dir, a->short_name, d->endpoint, d->broker_key, d->dir, a->short_name,
               log_level, d->dir);
}

static void put_operator(struct demo *d, struct buf *b)
{
    buf_printf(b, "database = %s\ncontrol.socket = %s/sock/control\n", d->database, d->dir);
}

/* conf/SHORT.conf for its program, and conf/SHORT.ctl.conf for eocctl in its name. */
static int write_agent_settings(struct demo *d, const struct plan_agent *a)
{
    const struct plan_places places = {d->dir, d->bin, d->data};
    const char *extra =
        d->data ? demo_read_file(d, arena_printf(d->arena, "%s/%s.conf", d->data, a->short_name))
                : NULL;
    struct buf b = {0};
    int code;

    put_link(d, &b, a, "info");
    put_operator(d, &b);
    code = demo_write_file(d, demo_path(d, "conf/%s.ctl.conf", a->short_name), &b);
    buf_clear(&b);
    put_link(d, &b, a, "info");
    if (strcmp(a->program, "eocctl") == 0)
        put_operator(d, &b);
    if (demo_is_page(a))
        demo_put_page(d, &b);
    if (extra)
        extra = plan_fill(d->arena, &places, NULL, extra);
    buf_puts(&b, extra ? extra : "");
    if (code < 0)
        code = demo_write_file(d, demo_path(d, "conf/%s.conf", a->short_name), &b);
    buf_free(&b);
    return code;
}

/* conf/eocctl.conf, for whoever looks on from another terminal. */
static int write_operator_settings(struct demo *d)
{
    struct buf b = {0};
    int code;

    put_link(d, &b, &listener, "warn");
    put_operator(d, &b);
    code = demo_write_file(d, demo_path(d, "conf/eocctl.conf"), &b);
    buf_free(&b);
    return code;
}

int demo_write_settings(struct demo *d)
{
    int code = choose_endpoint(d);

    if (code < 0)
        code = write_broker_settings(d);
    if (code < 0)
        code = write_agent_settings(d, &listener);
    if (code < 0)
        code = write_operator_settings(d);
    if (code < 0)
        code = demo_write_readers(d);
    if (code < 0)
        code = demo_open_page(d);
    for (unsigned i = 0; i < d->plan.agent_count && code < 0; i++)
        code = write_agent_settings(d, &d->plan.agents[i]);
    return code < 0 ? demo_give_keys(d) : code;
}
