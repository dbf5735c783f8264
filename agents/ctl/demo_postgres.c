/* demo_postgres - the private PostgreSQL: found, made, started and asked.
 *
 * Making it becomes visible by a rename: a run that was killed meanwhile makes it again. */
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/demo.h"

#include "proto/base/banned.h"

static bool has_initdb(struct demo *d, const char *bin)
{
    const char *path = arena_printf(d->arena, "%s/initdb", bin);

    return path && access(path, X_OK) == 0;
}

/* What `pg_config --bindir` says, where it is installed; "" elsewhere. */
static const char *ask_pg_config(struct demo *d)
{
    const char *log = demo_path(d, "log/pg_config.log"), *answer;
    const char *argv[] = {"/usr/bin/env", "pg_config", "--bindir", NULL};
    char *line;

    unlink(log);
    if (demo_run(d, "pg_config", argv, log) != 0)
        return "";
    answer = demo_read_file(d, log);
    line = arena_printf(d->arena, "%s", answer ? answer : "");
    if (line)
        line[strcspn(line, "\n")] = '\0';
    return line ? line : "";
}

/* Debian keeps versions side by side; the newest comes last. */
static const char *find_pg_bin(struct demo *d)
{
    const char *found = ask_pg_config(d);
    glob_t g;

    if (*found && has_initdb(d, found))
        return found;
    found = NULL;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &g) != 0)
        return NULL;
    for (size_t i = 0; i < g.gl_pathc; i++)
        if (has_initdb(d, g.gl_pathv[i]))
            found = arena_printf(d->arena, "%s", g.gl_pathv[i]);
    globfree(&g);
    return found;
}

static const char pg_settings[] =
    "# Written by eocctl demo: a private server, reached by its socket alone.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    "shared_buffers = 64MB\n"
    "max_connections = 40\n"
    "max_wal_size = 512MB\n"
    "jit = off\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "lc_messages = 'C'\n";

static int append_settings(struct demo *d, const char *data_dir)
{
    struct buf b = {0};
    const char *path = arena_printf(d->arena, "%s/eocbus.conf", data_dir);
    const char *main_conf = arena_printf(d->arena, "%s/postgresql.conf", data_dir);
    FILE *f;
    int code;

    buf_printf(&b, "%sunix_socket_directories = '%s/sock'\n", pg_settings, d->dir);
    code = demo_write_file(d, path, &b);
    buf_free(&b);
    f = code < 0 ? fopen(main_conf, "ae") : NULL;
    if (code < 0 && (!f || fputs("include 'eocbus.conf'\n", f) < 0 || fclose(f) != 0))
        code = program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be written: %s", main_conf,
                            strerror(errno));
    return code;
}

static int init_database(struct demo *d)
{
    const char *final = demo_path(d, "pg"), *fresh = demo_path(d, "pg.new"),
               *log = demo_path(d, "log/initdb.log");
    const char *clean[] = {"/bin/rm", "-rf", fresh, NULL};
    const char *initdb = arena_printf(d->arena, "%s/initdb", d->pg_bin);
    const char *argv[] = {initdb,
                          "-D",
                          fresh,
                          "-U",
                          "eocbus",
                          "-A",
                          "trust",
                          "-E",
                          "UTF8",
                          "--locale=C.UTF-8",
                          "--data-checksums",
                          "--no-instructions",
                          NULL};
    int code;

    if (access(final, F_OK) == 0)
        return -1;
    demo_tell("making a private PostgreSQL");
    code = demo_run(d, "rm", clean, log);
    if (code == 0)
        code = demo_run(d, "initdb", argv, log);
    if (code != 0)
        return code < 0
                   ? EXIT_UNREACHABLE
                   : program_fail(&d->ctl->program, EXIT_MACHINE, "initdb failed; see %s", log);
    code = append_settings(d, fresh);
    if (code >= 0)
        return code;
    if (rename(fresh, final) != 0)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be renamed: %s", fresh,
                            strerror(errno));
    return -1;
}

/* After kill -9 a stale postmaster.pid may name a process of ours that is no postmaster (numbers
 * come round again), and PostgreSQL would wait for it for ever. */
static void clear_stale_pid(void *arg)
{
    struct demo *d = arg;
    char path[256], exe[64], target[512];
    FILE *f;
    long pid = 0;
    ssize_t n;

    snprintf(path, sizeof(path), "%s/pg/postmaster.pid", d->dir);
    f = fopen(path, "re");
    if (!f)
        return;
    if (fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    fclose(f);
    snprintf(exe, sizeof(exe), "/proc/%ld/exe", pid);
    n = pid > 0 ? readlink(exe, target, sizeof(target) - 1) : -1;
    if (n < 0 && errno != EACCES)
        return;                   /* dead: PostgreSQL sees that itself */
    target[n > 0 ? n : 0] = '\0'; /* one of ours lets nobody look */
    if (!strstr(target, "/postgres"))
        unlink(path);
}

int demo_start_postgres(struct demo *d)
{
    const char *argv[] = {NULL, "-D", demo_path(d, "pg"), NULL};
    struct supervise_spec spec = {
        .name = "postgres",
        .argv = argv,
        .log_path = demo_path(d, "log/postgres.log"),
        .keep = true,
        .stop_signal = SIGINT,
        .death_signal = SIGQUIT,
        .before = clear_stale_pid,
        .arg = d,
    };
    int code;

    d->pg_bin = find_pg_bin(d);
    if (!d->pg_bin)
        return program_fail(&d->ctl->program, EXIT_MACHINE,
                            "no PostgreSQL server was found; install the package postgresql");
    code = init_database(d);
    if (code >= 0)
        return code;
    argv[0] = arena_printf(d->arena, "%s/postgres", d->pg_bin);
    d->database =
        arena_printf(d->arena, "host=%s/sock user=eocbus dbname=eocbus connect_timeout=5", d->dir);
    if (!argv[0] || !d->database || supervise_start(d->sup, &spec, &d->postgres) != ST_OK)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "postgres cannot be started");
    return -1;
}

enum status demo_ask(struct demo *d,
                     enum status (*ask)(struct db *db, void *arg, char *err, size_t err_size),
                     void *arg, char *err, size_t err_size)
{
    uint64_t end = supervise_now_ms() + DEMO_PATIENCE_MS;
    enum status st;

    do {
        struct db *db;

        st = db_open(&db, d->database, err, err_size);
        if (st == ST_OK) {
            st = ask(db, arg, err, err_size);
            db_close(db);
        }
        if (st != ST_CLOSED)
            return st;
        if (!demo_turn(d, 100))
            return ST_CLOSED;
    } while (supervise_now_ms() < end);
    return st;
}
