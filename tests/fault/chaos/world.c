/* world - see world.h. */
#include "tests/fault/chaos/world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/keys.h"
#include "tests/fault/chaos/disk.h"
#include "tests/lib/beside.h"
#include "tests/lib/port.h"

#include "proto/base/banned.h"

enum {
    SMALL_MIB = 40, /* the small outbox's disk; its budget is a third of it */
    IMAGE_MIB = 6144,
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "chaos: %s: %s\n", what, why);
    exit(4);
}

uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void rest_ms(unsigned ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

struct shared *shared_map(const char *dir, bool create)
{
    char path[PATH];
    struct shared *s;
    int fd;

    snprintf(path, sizeof(path), "%s/shared", dir);
    fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0 || (create && ftruncate(fd, sizeof(*s)) != 0))
        die(path, strerror(errno));
    s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (s == MAP_FAILED)
        die(path, strerror(errno));
    close(fd);
    return s;
}

/* --- what this machine can do ----------------------------------------------------------------- */

static void cannot(struct world *w, enum fault_kind kind, const char *why)
{
    snprintf(w->why_not[kind], sizeof(w->why_not[kind]), "%s", why);
}

static void make_disks(struct world *w)
{
    bool own = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;

    if (!own || !disk_make(w->dir, "small", SMALL_MIB)) {
        cannot(w, OFFICE_FULL, "needs root, mkfs.ext4 and a loop device");
        cannot(w, OFFICE_POWER, "needs root, mkfs.ext4 and a loop device");
    }
    if (!own || !disk_make(w->dir, "pg", IMAGE_MIB)) {
        cannot(w, DATABASE_FULL, "needs root, mkfs.ext4 and a loop device");
        cannot(w, DATABASE_POWER, "needs root, mkfs.ext4 and a loop device");
    }
}

static void find_clocks(struct world *w)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    w->clocks = access(FAKETIME, R_OK) == 0; /* sanitizers want to be loaded first */
#endif
    if (w->clocks)
        return;
    cannot(w, OFFICE_CLOCK, "needs Debian's faketime, and no sanitizers");
    cannot(w, BROKER_CLOCK, "needs Debian's faketime, and no sanitizers");
}

static void make_relay(struct world *w, uint64_t seed)
{
    const struct relay_settings clear = {.seed = seed};
    char why[128];

    w->relay = relay_start(&clear, why, sizeof(why));
    if (w->relay)
        return;
    cannot(w, OFFICE_LOSSY, why);
    cannot(w, OFFICE_DARK, why);
}

uint32_t world_possible(const struct world *w)
{
    uint32_t possible = 0;

    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        if (!w->why_not[kind][0])
            possible |= 1u << kind;
    return possible;
}

/* --- making ----------------------------------------------------------------------------------- */

static void find_programs(struct world *w)
{
    find_beside(w->build, sizeof(w->build), "");
    find_beside(w->self, sizeof(w->self), "tests/fault/chaos/chaos");
}

/* Held until this program ends. */
static unsigned choose_port(void)
{
    char endpoint[64];

    (void)port_hold(endpoint, sizeof(endpoint));
    return (unsigned)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
}

static void make_routes(struct world *w)
{
    char from[PATH], to[PATH];

    w->routes = routes_create();
    snprintf(to, sizeof(to), "%s/.s.PGSQL.5432", pgserver_socket(w->server));
    for (unsigned b = 0; b < BROKERS; b++) {
        snprintf(from, sizeof(from), "%s/b%u", w->dir, b);
        mkdir(from, 0700);
        snprintf(from, sizeof(from), "%s/b%u/.s.PGSQL.5432", w->dir, b);
        w->database_route[b] = routes_add_unix(w->routes, from, to);
        w->broker_port[b] = choose_port();
    }
    for (unsigned b = 0; b < BROKERS; b++) {
        for (unsigned i = 0; i < LISTENERS; i++)
            w->listener_route[i][b] =
                routes_add_tcp(w->routes, "127.0.0.1", &w->listener_port[i][b], w->broker_port[b]);
        for (unsigned i = 0; i < OFFICES; i++) {
            bool far = i == TUN_OFFICE && w->relay;

            if (far)
                relay_enter(w->relay, RELAY_A);
            w->office_route[i][b] = routes_add_tcp(w->routes, far ? RELAY_ADDRESS_A : "127.0.0.1",
                                                   &w->office_port[i][b], w->broker_port[b]);
            if (far)
                relay_enter(w->relay, RELAY_HOME);
        }
    }
    routes_start(w->routes);
}

static void enrol(struct world *w, const char *name, const char *file)
{
    struct keys keys;
    uint8_t key[KEY_BYTES];
    char path[PATH], err[256], sql[512], hex[2 * KEY_BYTES + 1];

    snprintf(path, sizeof(path), "%s/%s.key", w->dir, file);
    if (keys_generate(&keys) != ST_OK || keys_z85_decode(key, keys.public_z85) != ST_OK ||
        keys_save(&keys, path, name, err, sizeof(err)) != ST_OK)
        die("keys", name);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql), "SELECT bus.principal_add('%s', 'test', 'all', '', '\\x%s')", name,
             hex);
    pgserver_exec(w->server, sql);
}

static void make_principals(struct world *w)
{
    char name[32], file[16], path[PATH], err[256];
    struct keys keys;

    for (unsigned i = 0; i < OFFICES; i++) {
        snprintf(file, sizeof(file), "p%u", i);
        enrol(w, office_name(i, name), file);
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
        snprintf(file, sizeof(file), "l%u", i);
        enrol(w, listener_name(i, name), file);
    }
    /* One key for all brokers: agents pin it, whichever they reach. */
    snprintf(path, sizeof(path), "%s/broker.key", w->dir);
    if (keys_generate(&keys) != ST_OK ||
        keys_save(&keys, path, "broker", err, sizeof(err)) != ST_OK)
        die("keys", "broker");
    memcpy(w->broker_key, keys.public_z85, sizeof(w->broker_key));
}

struct world *world_create(uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));
    char path[PATH];

    if (!w)
        die("memory", "");
    snprintf(w->dir, sizeof(w->dir), "/tmp/eocbus-chaos-XXXXXX");
    if (!mkdtemp(w->dir) || chmod(w->dir, 0711) != 0) /* PostgreSQL's user passes through it */
        die(w->dir, strerror(errno));
    find_programs(w);
    w->shared = shared_map(w->dir, true);
    make_relay(w, seed);
    make_disks(w);
    find_clocks(w);
    snprintf(path, sizeof(path), "%s/pg", w->dir);
    w->server = pgserver_start_in(path);
    make_principals(w);
    disk_sync(w->dir, "pg"); /* initdb of tests does not, and a copy was made of it */
    make_routes(w);
    return w;
}

/* --- looking at it ---------------------------------------------------------------------------- */

static bool is_alive(struct process *p, const char *what, unsigned i, char *who, size_t size)
{
    int status;

    if (p->pid <= 0 || p->leaving || waitpid(p->pid, &status, WNOHANG) == 0)
        return true;
    snprintf(who, size, "%s %u ended by itself: %s %d", what, i,
             WIFSIGNALED(status) ? "signal" : "code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    p->pid = 0;
    return false;
}

bool world_is_alive(struct world *w, char *who, size_t size)
{
    for (unsigned i = 0; i < BROKERS; i++)
        if (!is_alive(&w->broker[i], "broker", i, who, size))
            return false;
    for (unsigned i = 0; i < OFFICES; i++)
        if (!is_alive(&w->office[i], "office", i, who, size))
            return false;
    for (unsigned i = 0; i < LISTENERS; i++)
        if (!is_alive(&w->listener[i], "listener", i, who, size))
            return false;
    return true;
}

void world_look_at_memory(struct world *w)
{
    char path[64];
    unsigned long size, resident;

    for (unsigned i = 0; i < BROKERS; i++) {
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/statm", (int)w->broker[i].pid);
        f = w->broker[i].pid > 0 ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%lu %lu", &size, &resident) == 2) {
            resident *= (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
            if (w->most_broker_kib < resident)
                w->most_broker_kib = resident;
        }
        if (f)
            fclose(f);
    }
}

void world_end(struct world *w, bool keep)
{
    for (unsigned i = 0; i < LISTENERS; i++)
        world_take_down(&w->listener[i], SIGKILL);
    for (unsigned i = 0; i < OFFICES; i++)
        world_take_down(&w->office[i], SIGKILL);
    for (unsigned i = 0; i < BROKERS; i++)
        world_take_down(&w->broker[i], SIGKILL);
    routes_end(w->routes);
    relay_end(w->relay);
    pgserver_end(w->server);
    disk_end(w->dir, "pg", keep);
    disk_end(w->dir, "small", keep);
    munmap(w->shared, sizeof(*w->shared));
    if (!keep)
        remove_tree(w->dir);
    free(w);
}
