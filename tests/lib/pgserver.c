/* pgserver - see pgserver.h. */
#include "tests/lib/pgserver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sql/sql_text.h"

#include "proto/base/banned.h"

#ifndef PG_BIN
#define PG_BIN "/usr/lib/postgresql/15/bin"
#endif
enum { PATH_BYTES = 256, WAIT_S = 60, FAMILY_MAX = 64 };

struct pgserver {
    char dir[80]; /* data and socket live in it; a socket's name has at most 107 bytes */
    bool keep_dir;
    pid_t pid;        /* 0 = stopped */
    PGconn *conn;     /* as superuser, lazily */
    char address[40]; /* "" = the socket alone */
    char conninfo[PATH_BYTES];
    char text[16384];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "pgserver: %s: %s\n", what, why);
    abort();
}

/* --- processes -------------------------------------------------------------------------------- */

static void become_postgres(void)
{
    const struct passwd *who;

    if (geteuid() != 0)
        return;
    who = getpwnam("postgres");
    if (!who || setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0)
        _exit(126);
}

static pid_t spawn(const char *const argv[], const char *log)
{
    pid_t parent = getpid(), pid = fork();

    if (pid != 0)
        return pid;
    become_postgres();
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* an immediate shutdown when the test is gone */
    if (getppid() != parent)
        _exit(126);
    if (log) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        if (fd >= 0) {
            dup2(fd, 1);
            dup2(fd, 2);
        }
    }
    if (chdir("/") != 0)
        _exit(126);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void run(const char *const argv[], const char *log)
{
    int how;
    pid_t pid = spawn(argv, log);

    if (pid < 0 || waitpid(pid, &how, 0) != pid || !WIFEXITED(how) || WEXITSTATUS(how) != 0)
        die(argv[0], "failed; is Debian's postgresql-15 installed?");
}

static pid_t parent_of(const char *pid)
{
    char path[PATH_BYTES + 64], line[512];
    const char *after_name;
    FILE *f;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    if (fgets(line, sizeof(line), f) && (after_name = strrchr(line, ')')))
        if (sscanf(after_name + 1, " %*c %d", &parent) != 1)
            parent = 0;
    fclose(f);
    return parent;
}

/* As in proc(5): R S D T Z; X = there is none. */
static char state_of(pid_t pid)
{
    char path[64], line[512], state = 'X';
    const char *after_name;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return 'X';
    if (fgets(line, sizeof(line), f) && (after_name = strrchr(line, ')')))
        state = after_name[2];
    fclose(f);
    return state;
}

/* True while it holds memory: who waits for somebody to ask for its exit code does not. */
static bool is_about(pid_t pid)
{
    char state = state_of(pid);

    return state != 'Z' && state != 'X';
}

/* A signal is on its way for a while: until it stands, a postmaster still has children. */
static void wait_until_stopped(pid_t pid)
{
    const struct timespec pause = {0, 1000000};
    time_t until = time(NULL) + WAIT_S;

    while (is_about(pid) && state_of(pid) != 'T') {
        if (time(NULL) > until)
            die("kill -STOP", "it goes on");
        nanosleep(&pause, NULL);
    }
}

/* Nobody else's children: a server that starts while one of them is on its way out refuses, since
 * somebody still holds the shared memory of the one before. */
static void wait_until_gone(const pid_t *family, unsigned n)
{
    const struct timespec pause = {0, 1000000};
    time_t until = time(NULL) + WAIT_S;

    for (unsigned i = 0; i < n; i++)
        while (is_about(family[i])) {
            if (time(NULL) > until)
                die("kill -9", "it is still there");
            nanosleep(&pause, NULL);
        }
}

/* The postmaster and its children. */
static void signal_family(pid_t postmaster, int signum)
{
    pid_t family[FAMILY_MAX];
    unsigned n = 0;
    DIR *proc = opendir("/proc");
    const struct dirent *entry;

    kill(postmaster, signum == SIGKILL ? SIGSTOP : signum); /* no new children meanwhile */
    if (signum != SIGCONT)
        wait_until_stopped(postmaster);
    while (proc && (entry = readdir(proc)) && n < FAMILY_MAX)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == postmaster)
            family[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
    if (proc)
        closedir(proc);
    for (unsigned i = 0; i < n; i++)
        kill(family[i], signum);
    if (signum != SIGKILL)
        return;
    kill(postmaster, SIGKILL);
    wait_until_gone(family, n);
}

static void reap(struct pgserver *s)
{
    int how;

    if (s->conn)
        PQfinish(s->conn);
    s->conn = NULL;
    if (waitpid(s->pid, &how, 0) != s->pid)
        die("waitpid", strerror(errno));
    s->pid = 0;
}

static bool launch_within(struct pgserver *s, unsigned seconds)
{
    char data[PATH_BYTES], log[PATH_BYTES];
    /* kill -9 and SIGSTOP take nothing from a disk: where nobody measures, none is waited for. */
    const char *const argv[] = {PG_BIN "/postgres",
                                "-D",
                                data,
                                "-k",
                                s->dir,
                                "-h",
                                s->address,
                                "-c",
                                s->address[0] ? "ssl=on" : "ssl=off",
                                "-c",
                                "ssl_ca_file=clients.crt",
                                getenv("TEST_SERVERS") ? "-F" : NULL,
                                NULL};
    time_t until = time(NULL) + seconds;

    snprintf(data, sizeof(data), "%s/data", s->dir);
    snprintf(log, sizeof(log), "%s/log", s->dir);
    s->pid = spawn(argv, log);
    if (s->pid < 0)
        die("fork", strerror(errno));
    while (PQping(pgserver_conninfo(s, "postgres")) != PQPING_OK) {
        const struct timespec pause = {0, 20000000};

        if (time(NULL) > until || !pgserver_is_alive(s))
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static void launch(struct pgserver *s)
{
    if (!launch_within(s, WAIT_S))
        die("postgres did not start, see the log in", s->dir);
}

bool pgserver_is_alive(struct pgserver *s)
{
    if (s->pid && waitpid(s->pid, NULL, WNOHANG) == s->pid)
        s->pid = 0;
    return s->pid != 0;
}

bool pgserver_try_start(struct pgserver *s, unsigned seconds)
{
    return launch_within(s, seconds);
}

void pgserver_stop(struct pgserver *s)
{
    kill(s->pid, SIGINT);
    reap(s);
}

void pgserver_stop_immediate(struct pgserver *s)
{
    kill(s->pid, SIGQUIT);
    reap(s);
}

void pgserver_kill(struct pgserver *s)
{
    signal_family(s->pid, SIGKILL);
    reap(s);
}

void pgserver_start_again(struct pgserver *s)
{
    launch(s);
}

void pgserver_data(const struct pgserver *s, char *path, size_t size)
{
    snprintf(path, size, "%s/data", s->dir);
}

void pgserver_listen_at(struct pgserver *s, const char *address)
{
    static const char *const files[] = {"server.crt", "server.key", "clients.crt"};
    const struct passwd *who = getpwnam("postgres");
    char path[PATH_BYTES];
    FILE *f;

    snprintf(s->address, sizeof(s->address), "%s", address);
    snprintf(path, sizeof(path), "%s/data/pg_hba.conf", s->dir);
    f = fopen(path, "we");
    if (!f || fputs("local all all trust\nhostssl all all 127.0.0.0/8 cert\n", f) < 0 ||
        fclose(f) != 0)
        die("pg_hba.conf", strerror(errno));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && geteuid() == 0; i++) {
        snprintf(path, sizeof(path), "%s/data/%s", s->dir, files[i]);
        if (!who || chown(path, who->pw_uid, who->pw_gid) != 0)
            die(path, strerror(errno));
    }
}

void pgserver_freeze(struct pgserver *s)
{
    signal_family(s->pid, SIGSTOP);
}

void pgserver_thaw(struct pgserver *s)
{
    signal_family(s->pid, SIGCONT);
}

/* --- questions -------------------------------------------------------------------------------- */

const char *pgserver_conninfo(struct pgserver *s, const char *role)
{
    /* postgres itself asks in its own database while eocbus does not exist yet. */
    snprintf(s->conninfo, sizeof(s->conninfo), "host=%s dbname=%s user=%s", s->dir,
             strcmp(role, "postgres") == 0 ? "postgres" : "eocbus", role);
    return s->conninfo;
}

const char *pgserver_socket(const struct pgserver *s)
{
    return s->dir;
}

static void ignore_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static PGconn *connect_to(const struct pgserver *s, const char *dbname, const char *role)
{
    char conninfo[PATH_BYTES];
    PGconn *conn;

    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=%s user=%s", s->dir, dbname, role);
    conn = PQconnectdb(conninfo);
    if (PQstatus(conn) != CONNECTION_OK)
        die("connect", PQerrorMessage(conn));
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    return conn;
}

static PGresult *ask(struct pgserver *s, const char *sql)
{
    PGresult *r;

    if (!s->conn)
        s->conn = connect_to(s, "eocbus", "postgres");
    r = PQexec(s->conn, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
        die(sql, PQerrorMessage(s->conn));
    return r;
}

void pgserver_use(struct pgserver *s, const char *dbname)
{
    PQfinish(s->conn);
    s->conn = connect_to(s, dbname, "postgres");
}

void pgserver_exec(struct pgserver *s, const char *sql)
{
    PQclear(ask(s, sql));
}

const char *pgserver_text(struct pgserver *s, const char *sql)
{
    PGresult *r = ask(s, sql);
    bool null = PQntuples(r) != 1 || PQgetisnull(r, 0, 0);

    snprintf(s->text, sizeof(s->text), "%s", null ? "" : PQgetvalue(r, 0, 0));
    PQclear(r);
    return null ? NULL : s->text;
}

int64_t pgserver_number(struct pgserver *s, const char *sql)
{
    const char *text = pgserver_text(s, sql);

    return text ? strtoll(text, NULL, 10) : 0;
}

const char *pgserver_try(struct pgserver *s, const char *role, const char *sql)
{
    PGconn *conn = connect_to(s, "eocbus", role);
    PGresult *r = PQexec(conn, sql);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    snprintf(s->text, sizeof(s->text), "%s", state ? state : "");
    PQclear(r);
    PQfinish(conn);
    return s->text;
}

/* --- the template ----------------------------------------------------------------------------- */

/* Another schema is another template. */
static uint64_t schema_digest(void)
{
    return (uint64_t)sql_digest("migrations/") * 31 + (uint64_t)sql_digest("functions/");
}

static void make_functions(struct pgserver *s)
{
    char sql[128];

    pgserver_exec(s, "BEGIN");
    pgserver_exec(s, "SET LOCAL ROLE bus_owner");
    for (const struct sql_text *t = sql_texts; t->name; t++)
        if (sql_is_in(t, "functions/"))
            pgserver_exec(s, t->text);
    snprintf(sql, sizeof(sql), "INSERT INTO bus.function_text (digest) VALUES (%lld)",
             (long long)sql_digest("functions/"));
    pgserver_exec(s, sql);
    pgserver_exec(s, "COMMIT");
}

static void record_events(struct pgserver *s, bool on)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgrelid::regclass AS of, tgname FROM "
             "pg_trigger"
             " WHERE tgname LIKE 'audit%%' AND NOT tgisinternal LOOP"
             " EXECUTE format('ALTER TABLE %%s %s TRIGGER %%I', t.of, t.tgname); END LOOP; END $$",
             on ? "ENABLE" : "DISABLE");
    pgserver_exec(s, sql);
}

void pgserver_record_events(struct pgserver *s)
{
    record_events(s, true);
}

static void migrate(struct pgserver *s)
{
    PGconn *conn = connect_to(s, "postgres", "postgres");

    PQclear(PQexec(conn, "CREATE DATABASE eocbus"));
    PQfinish(conn);
    for (const struct sql_text *t = sql_texts; t->name; t++) {
        char sql[512];

        if (!sql_is_in(t, "migrations/"))
            continue;
        pgserver_exec(s, "BEGIN");
        pgserver_exec(s, t->text);
        snprintf(
            sql, sizeof(sql),
            "INSERT INTO bus.migration (version, name, sha256) VALUES (%ld, '%s', sha256('x'))",
            strtol(t->name + 11, NULL, 10), t->name + 11);
        pgserver_exec(s, sql);
        pgserver_exec(s, "COMMIT");
    }
    make_functions(s);
    /* Tests count messages; those that are about events switch this on (pgserver_record_events). */
    record_events(s, false);
}

static void make_template(const char *dir)
{
    struct pgserver s = {0};
    char data[PATH_BYTES], log[PATH_BYTES];
    const char *const remove[] = {"rm", "-rf", dir, NULL};
    const char *const make[] = {"mkdir", "-m", "700", dir, NULL};
    const char *const initdb[] = {PG_BIN "/initdb", "-D", data,   "-U",         "postgres",  "-A",
                                  "trust",          "-E", "UTF8", "--locale=C", "--no-sync", NULL};

    snprintf(s.dir, sizeof(s.dir), "%s", dir);
    snprintf(data, sizeof(data), "%s/data", dir);
    snprintf(log, sizeof(log), "%s/log", dir);
    run(remove, NULL);
    run(make, NULL);
    run(initdb, log);
    launch(&s);
    migrate(&s);
    pgserver_stop(&s);
}

static void take_lock(int fd, int how, const char *name)
{
    while (flock(fd, how) != 0)
        if (errno != EINTR)
            die(name, strerror(errno));
}

/* The template is finished when its name holds the digest. Whoever makes it has the lock alone;
 * those who copy share it. */
static void copy_template(const char *to)
{
    char dir[64], lock[96], mark[96], from[96];
    const char *const copy[] = {"cp", "-a", from, to, NULL};
    const char *const done[] = {"touch", mark, NULL};
    int fd;

    /* Eight places, so that two checkouts with different schemas do not take turns. */
    snprintf(dir, sizeof(dir), "/tmp/eocbus-pgtemplate-%u-%u", (unsigned)geteuid(),
             (unsigned)(schema_digest() & 7));
    snprintf(lock, sizeof(lock), "%s.lock", dir);
    snprintf(mark, sizeof(mark), "%s/%016llx", dir, (unsigned long long)schema_digest());
    snprintf(from, sizeof(from), "%s/data", dir);
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die(lock, strerror(errno));
    take_lock(fd, LOCK_SH, lock);
    while (access(mark, F_OK) != 0) { /* again: between two locks somebody else may have had it */
        take_lock(fd, LOCK_EX, lock);
        if (access(mark, F_OK) != 0) {
            make_template(dir);
            run(done, NULL);
        }
        take_lock(fd, LOCK_SH, lock);
    }
    run(copy, NULL);
    close(fd);
}

static void give_to_postgres(const struct pgserver *s)
{
    const struct passwd *who = getpwnam("postgres");

    if (geteuid() == 0 && (!who || chown(s->dir, who->pw_uid, who->pw_gid) != 0))
        die("chown to user postgres", strerror(errno));
}

static struct pgserver *start_in_own(struct pgserver *s)
{
    give_to_postgres(s);
    copy_template(s->dir);
    launch(s);
    return s;
}

static struct pgserver *make_place(void)
{
    struct pgserver *s = calloc(1, sizeof(*s));
    const char *in = getenv("TEST_SERVERS");

    if (!s)
        die("calloc", strerror(errno));
    if ((size_t)snprintf(s->dir, sizeof(s->dir), "%s/eocbus-pg-XXXXXX", in ? in : "/tmp") >=
        sizeof(s->dir))
        die("a long name", in);
    if (!mkdtemp(s->dir))
        die("mkdtemp", strerror(errno));
    give_to_postgres(s);
    return s;
}

struct pgserver *pgserver_start(void)
{
    return start_in_own(make_place());
}

struct pgserver *pgserver_start_in(const char *dir)
{
    struct pgserver *s = calloc(1, sizeof(*s));

    if (!s || (size_t)snprintf(s->dir, sizeof(s->dir), "%s", dir) >= sizeof(s->dir))
        die("memory, or a long name", dir);
    s->keep_dir = true;
    return start_in_own(s);
}

struct pgserver *pgserver_follow(struct pgserver *lost, const struct pgserver *primary)
{
    struct pgserver *s = lost ? lost : make_place();
    char data[PATH_BYTES], from[PATH_BYTES];
    const char *const remove[] = {"rm", "-rf", data, NULL};
    const char *const backup[] = {
        PG_BIN "/pg_basebackup", "--pgdata",          data,        "--dbname", from,
        "--write-recovery-conf", "--checkpoint=fast", "--no-sync", NULL};

    snprintf(data, sizeof(data), "%s/data", s->dir);
    snprintf(from, sizeof(from), "host=%s user=postgres application_name=pair", primary->dir);
    run(remove, NULL);
    run(backup, NULL);
    launch(s);
    return s;
}

void pgserver_end(struct pgserver *s)
{
    const char *const remove[] = {"rm", "-rf", s->dir, NULL};

    if (s->pid) {
        pgserver_thaw(s);
        pgserver_stop_immediate(s);
    }
    if (s->conn)
        PQfinish(s->conn);
    if (!s->keep_dir)
        run(remove, NULL);
    free(s);
}
