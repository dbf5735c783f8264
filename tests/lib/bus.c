/* bus - see bus.h. The program is found beside the test: BUILD/tests/…/x_test and
 * BUILD/eocbus-broker. */
#include "tests/lib/bus.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/banned.h"
#include "tests/lib/beside.h"
#include "tests/lib/patience.h"
#include "tests/lib/port.h"

enum { PATH_SIZE = 512, START_S = 60, ARGS_MAX = 64 };
enum { REPORTED = 99 }; /* exit code after a sanitizer's report, see tests/run.sh */

struct bus {
    struct pgserver *server;
    bool is_beside; /* the server is another's */
    struct keys keys;
    char dir[64], endpoint[64], program[PATH_SIZE], database[PATH_SIZE];
    pid_t pid; /* 0 = not running */
    int port;  /* held, see port.h */
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bus: %s: %s\n", what, why);
    abort();
}

static void rest_ms(unsigned ms)
{
    struct timespec t = {0, (long)ms * 1000000};

    nanosleep(&t, NULL);
}

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* keys NULL: new ones. */
static struct bus *make_place(const struct keys *keys)
{
    struct bus *b = calloc(1, sizeof(*b));
    char path[128], err[256];

    if (!b)
        die("memory", "");
    find_beside(b->program, sizeof(b->program), "eocbus-broker");
    b->port = port_hold(b->endpoint, sizeof(b->endpoint));
    snprintf(b->dir, sizeof(b->dir), "/tmp/eocbus-bus-XXXXXX");
    if (!mkdtemp(b->dir))
        die("mkdtemp", b->dir);
    snprintf(path, sizeof(path), "%s/broker.key", b->dir);
    if (keys)
        b->keys = *keys;
    if ((!keys && keys_generate(&b->keys) != ST_OK) ||
        keys_save(&b->keys, path, "broker", err, sizeof(err)) != ST_OK)
        die("keys", err);
    return b;
}

struct bus *bus_create(void)
{
    struct bus *b = make_place(NULL);

    b->server = pgserver_start();
    snprintf(b->database, sizeof(b->database), "%s", pgserver_conninfo(b->server, "bus_ingest"));
    return b;
}

struct bus *bus_beside(struct bus *first)
{
    struct bus *b = make_place(&first->keys);

    b->is_beside = true;
    b->server = first->server;
    snprintf(b->database, sizeof(b->database), "%s", first->database);
    return b;
}

/* Not killed: the leak sanitizer looks when a program ends. */
static void end_politely(struct bus *b)
{
    int code;

    if (!b->pid)
        return;
    kill(b->pid, SIGCONT);
    code = bus_end_broker(b, NULL);
    if (code != 0) {
        fprintf(stderr, "bus: in the end the broker left with %d\n", code);
        abort();
    }
}

/* Also what a test put beside the broker's files. */
static void empty_directory(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;

    while (d && (entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0); /* "." and ".." are refused */
    if (d)
        closedir(d);
    rmdir(dir);
}

void bus_destroy(struct bus *b)
{
    end_politely(b);
    close(b->port);
    empty_directory(b->dir);
    if (!b->is_beside)
        pgserver_end(b->server);
    free(b);
}

bool bus_use_build(struct bus *b, const char *build)
{
    snprintf(b->program, sizeof(b->program), "%s/eocbus-broker", build);
    return access(b->program, X_OK) == 0;
}

void bus_listen_at(struct bus *b, const char *address)
{
    char port[16];

    snprintf(port, sizeof(port), "%s", strrchr(b->endpoint, ':'));
    snprintf(b->endpoint, sizeof(b->endpoint), "tcp://%s%s", address, port);
}

struct pgserver *bus_server(struct bus *b)
{
    return b->server;
}

const char *bus_endpoint(const struct bus *b)
{
    return b->endpoint;
}

const char *bus_broker_key(const struct bus *b)
{
    return b->keys.public_z85;
}

const char *bus_dir(const struct bus *b)
{
    return b->dir;
}

void bus_enrol(struct bus *b, const char *name, struct keys *out)
{
    uint8_t key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1], sql[512];

    if (keys_generate(out) != ST_OK || keys_z85_decode(key, out->public_z85) != ST_OK)
        die("keys", name);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql), "SELECT bus.principal_add('%s', 'test', 'all', '', '\\x%s')", name,
             hex);
    pgserver_exec(b->server, sql);
}

/* --- the process ------------------------------------------------------------------------------ */

static void exec_broker(struct bus *b, const char *const *settings)
{
    char text[6][PATH_SIZE + 32], config[128];
    const char *argv[ARGS_MAX] = {b->program};
    size_t n = 1;

    snprintf(text[0], sizeof(text[0]), "endpoint=%s", b->endpoint);
    snprintf(text[1], sizeof(text[1]), "key.file=%s/broker.key", b->dir);
    snprintf(text[2], sizeof(text[2]), "database=%s", b->database);
    snprintf(text[3], sizeof(text[3]), "control.socket=%s/broker.sock", b->dir);
    snprintf(text[4], sizeof(text[4]), "name=%s", b->is_beside ? "broker.beside" : "broker.test");
    snprintf(text[5], sizeof(text[5]), "access.cache_file=%s/broker.rights", b->dir);
    for (size_t i = 0; i < 6; i++) {
        argv[n++] = "-o";
        argv[n++] = text[i];
    }
    snprintf(config, sizeof(config), "%s/broker.conf", b->dir);
    if (access(config, R_OK) == 0) {
        argv[n++] = "-c";
        argv[n++] = config;
    }
    for (; settings && *settings && n < ARGS_MAX - 3; settings++) {
        argv[n++] = "-o";
        argv[n++] = *settings;
    }
    execv(b->program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static pid_t spawn(struct bus *b, const char *const *settings)
{
    pid_t parent = getpid(), pid = fork();
    char path[128];
    int fd;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    snprintf(path, sizeof(path), "%s/broker.log", b->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (fd >= 0)
        dup2(fd, 2);
    exec_broker(b, settings);
    return 0;
}

void bus_read_log(const struct bus *b, char *text, size_t size)
{
    char path[128];
    FILE *f;
    size_t n;

    text[0] = 0;
    snprintf(path, sizeof(path), "%s/broker.log", b->dir);
    f = fopen(path, "r");
    if (!f)
        return;
    n = fread(text, 1, size - 1, f);
    text[n] = 0;
    fclose(f);
}

unsigned bus_log_lines(const struct bus *b, const char *words)
{
    char path[128], line[4096];
    unsigned n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/broker.log", b->dir);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        n += strstr(line, words) != NULL;
    if (f)
        fclose(f);
    return n;
}

void bus_start_broker(struct bus *b, const char *const *settings)
{
    uint64_t end = clock_ms() + PATIENCE * START_S * 1000;
    char text[4096];
    int status;

    b->pid = spawn(b, settings);
    do {
        rest_ms(5);
        if (bus_log_lines(b, "broker.ready"))
            return;
    } while (clock_ms() < end && waitpid(b->pid, &status, WNOHANG) == 0);
    bus_read_log(b, text, sizeof(text));
    die("the broker does not start", text);
}

/* One that had ended by itself before was not killed by us: a sanitizer's report, as a rule. */
void bus_kill_broker(struct bus *b)
{
    char text[8192];
    int status;

    if (!b->pid)
        return;
    kill(b->pid, SIGKILL);
    waitpid(b->pid, &status, 0);
    b->pid = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return;
    bus_read_log(b, text, sizeof(text));
    die("the broker ended before it was killed", text);
}

static int wait_code(struct bus *b, unsigned seconds)
{
    uint64_t end = clock_ms() + seconds * 1000;
    char text[8192];
    int status;

    while (waitpid(b->pid, &status, WNOHANG) == 0) {
        if (clock_ms() > end) {
            bus_read_log(b, text, sizeof(text));
            die("the broker does not end", text);
        }
        rest_ms(2);
    }
    b->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 1 && WEXITSTATUS(status) != REPORTED)
        return WEXITSTATUS(status);
    bus_read_log(b, text, sizeof(text));
    fprintf(stderr, "bus: the broker ended with status %d:\n%s", status, text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bus_end_broker(struct bus *b, unsigned *took_ms)
{
    uint64_t begin = clock_ms();
    int code;

    kill(b->pid, SIGTERM);
    code = wait_code(b, PATIENCE * 30);
    if (took_ms)
        *took_ms = (unsigned)(clock_ms() - begin);
    return code;
}

pid_t bus_broker_pid(const struct bus *b)
{
    return b->pid;
}

unsigned long bus_broker_resident_kib(const struct bus *b)
{
    char path[64];
    unsigned long size = 0, resident = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)b->pid);
    f = fopen(path, "r");
    if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
        die("statm", path);
    fclose(f);
    return resident * (unsigned long)(sysconf(_SC_PAGESIZE) / 1024);
}

int bus_run_broker(struct bus *b, const char *const *settings, char *text, size_t size)
{
    pid_t running = b->pid;
    int code;

    b->pid = spawn(b, settings);
    code = wait_code(b, PATIENCE * START_S);
    bus_read_log(b, text, size);
    b->pid = running;
    return code;
}

/* --- the control socket ----------------------------------------------------------------------- */

/* One that has just been started listens to agents a moment earlier. */
static int reach_control(const struct bus *b, uint64_t deadline_ms)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/broker.sock", b->dir);
    while (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        if (clock_ms() > deadline_ms)
            die("control socket", at.sun_path);
        rest_ms(5);
    }
    return fd;
}

void bus_ask(const struct bus *b, const char *question, char *text, size_t size)
{
    uint64_t deadline_ms = clock_ms() + PATIENCE * START_S * 1000;
    size_t len = 0;
    ssize_t n;

    /* A broker that ends between the connection and its answer has said nothing: the next one will.
     */
    while (len == 0 && clock_ms() < deadline_ms) {
        int fd = reach_control(b, deadline_ms);

        if (dprintf(fd, "%s\n", question) > 0)
            while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
                len += (size_t)n;
        close(fd);
    }
    text[len] = 0;
}

unsigned long long bus_status(const struct bus *b, const char *key)
{
    char text[8192], line[64];
    const char *found;

    bus_ask(b, "status", text, sizeof(text));
    snprintf(line, sizeof(line), "\n%s=", key);
    found = strstr(text, line);
    if (!found)
        die("no such line in status", key);
    found += strlen(line);
    return *found == 'y' ? 1 : strtoull(found, NULL, 10);
}
