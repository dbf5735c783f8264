/* demo_setup - the folder, the private PostgreSQL, keys, principals and settings.
 *
 * Every step looks first whether it was done, and becomes visible by a rename or a commit: so a run
 * that was killed in the middle of setting up is simply started again. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/ctl/demo.h"
#include "agents/ctl/gazetteer.h"
#include "agents/ctl/migrate.h"
#include "proto/base/keys.h"

#include "proto/base/banned.h"

#define LISTENER_NAME "coes.dushanbe.screen"

const char *demo_path(struct demo *d, const char *fmt, ...)
{
    char text[4096];
    const char *out;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    out = arena_printf(d->arena, "%s/%s", d->dir, text);
    if (!out) {
        fprintf(stderr, "eocctl: out of memory\n");
        exit(EXIT_MACHINE);
    }
    return out;
}

const char *demo_read_file(struct demo *d, const char *path)
{
    FILE *f = fopen(path, "re");
    struct buf b = {0};
    char chunk[4096], *out = NULL;
    size_t n;

    if (!f)
        return NULL;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && b.len < (1u << 20))
        buf_put(&b, chunk, n);
    fclose(f);
    buf_put(&b, "", 1);
    if (!b.failed) {
        out = arena_alloc(d->arena, b.len);
        if (out)
            memcpy(out, b.data, b.len);
    }
    buf_free(&b);
    return out;
}

/* Renamed into place, so that nobody reads half a file. */
static int write_file(struct demo *d, const char *path, const struct buf *b)
{
    const char *tmp = arena_printf(d->arena, "%s.new", path);
    FILE *f = b->failed || !tmp ? NULL : fopen(tmp, "we");
    bool ok;

    if (f) {
        fchmod(fileno(f), 0600);
        ok = fwrite(b->data, 1, b->len, f) == b->len;
        ok = fclose(f) == 0 && ok;
        if (ok && rename(tmp, path) == 0)
            return -1;
    }
    return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be written: %s", path,
                        strerror(errno));
}

/* --- the folder ------------------------------------------------------------------------------- */

/* The path goes into settings files and connection strings, and 107 bytes is all a socket's may
 * have. */
static const char *path_fault(const char *path)
{
    if (strlen(path) > 80)
        return "is longer than 80 characters, and the path of a socket in it would not fit";
    if (path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-")] !=
        '\0')
        return "holds characters other than letters, digits and . _ / + -";
    return NULL;
}

static int make_dir(struct demo *d, const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be made: %s", path,
                            strerror(errno));
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return program_fail(&d->ctl->program, EXIT_MACHINE,
                            "%s is no folder of ours; name one that belongs to you", path);
    return -1;
}

static int lock_dir(struct demo *d)
{
    const char *path = demo_path(d, "lock");

    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be opened: %s", path,
                            strerror(errno));
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return program_fail(&d->ctl->program, EXIT_MACHINE,
                            "another run uses %s; stop it with ctrl-C, or name another folder",
                            d->dir);
    return -1;
}

static bool resolve_dir(struct demo *d)
{
    char *real = realpath(d->dir, NULL);

    if (!real)
        return false;
    d->dir = arena_printf(d->arena, "%s", real);
    free(real);
    return d->dir != NULL;
}

int demo_open_dir(struct demo *d)
{
    static const char *const parts[] = {"conf", "keys", "log", "outbox", "sock"};
    const char *fault;
    int code;

    if (geteuid() == 0)
        return program_fail(&d->ctl->program, EXIT_USAGE,
                            "PostgreSQL refuses to run as root: start this as an ordinary user "
                            "(`make run` does)");
    code = make_dir(d, d->dir);
    if (code >= 0)
        return code;
    fault = resolve_dir(d) ? path_fault(d->dir) : strerror(errno);
    if (fault)
        return program_fail(&d->ctl->program, EXIT_USAGE, "the run folder %s", fault);
    chmod(d->dir, 0700);
    for (size_t i = 0; i < ARRAY_LEN(parts) && code < 0; i++)
        code = make_dir(d, demo_path(d, "%s", parts[i]));
    return code < 0 ? lock_dir(d) : code;
}

/* --- PostgreSQL ------------------------------------------------------------------------------- */

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
    code = write_file(d, path, &b);
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

bool demo_port_is_free(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)*port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    bool ok;

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    ok = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
         getsockname(fd, (struct sockaddr *)&at, &len) == 0;
    *port = ntohs(at.sin_port);
    close(fd);
    return ok;
}

/* The port of the last run if nobody took it, else any free one. */
static int choose_endpoint(struct demo *d)
{
    const char *path = demo_path(d, "port"), *text = demo_read_file(d, path);
    unsigned port = text ? (unsigned)strtoul(text, NULL, 10) : 0;
    struct buf b = {0};
    int code;

    if (port == 0 || port > 65535 || !demo_port_is_free(&port)) {
        port = 0;
        if (!demo_port_is_free(&port))
            return program_fail(&d->ctl->program, EXIT_MACHINE, "no free port on 127.0.0.1");
    }
    snprintf(d->endpoint, sizeof(d->endpoint), "tcp://127.0.0.1:%u", port);
    buf_printf(&b, "%u\n", port);
    code = write_file(d, path, &b);
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
    code = write_file(d, demo_path(d, "conf/broker.conf"), &b);
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
    code = write_file(d, demo_path(d, "conf/%s.ctl.conf", a->short_name), &b);
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
        code = write_file(d, demo_path(d, "conf/%s.conf", a->short_name), &b);
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
    code = write_file(d, demo_path(d, "conf/eocctl.conf"), &b);
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
