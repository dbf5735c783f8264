/* world_process - the processes of a world: brokers, offices and listeners, each with its clock,
 * its network and its log. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/chaos/world.h"

#include "proto/base/banned.h"

enum { ARGS = 48, START_S = 30 };

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "chaos: %s: %s\n", what, why);
    exit(4);
}

static void use_clock(struct world *w, const char *whose)
{
    char path[PATH];

    if (!w->clocks)
        return;
    snprintf(path, sizeof(path), "%s/%s.clock", w->dir, whose);
    setenv("LD_PRELOAD", FAKETIME, 1);
    setenv("FAKETIME_TIMESTAMP_FILE", path, 1);
    setenv("FAKETIME_CACHE_DURATION", "1", 1);
    setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
}

void world_set_clock(struct world *w, const char *whose, long seconds)
{
    char path[PATH], next[PATH];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s.clock", w->dir, whose);
    snprintf(next, sizeof(next), "%s/%s.clock.next", w->dir, whose);
    f = fopen(next, "w");
    if (!f || fprintf(f, "%+ld\n", seconds) < 0 || fclose(f) != 0 || rename(next, path) != 0)
        die(path, strerror(errno));
}

/* True in the child, which then becomes something else. */
static bool fork_child(struct world *w, struct process *p, const char *log)
{
    pid_t parent = getpid();
    char path[PATH];
    int fd;

    fflush(NULL);
    p->pid = fork();
    if (p->pid < 0)
        die("fork", strerror(errno));
    if (p->pid)
        return false;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    if (getppid() != parent)
        _exit(126);
    snprintf(path, sizeof(path), "%s/%s", w->dir, log);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        dup2(fd, 2);
    return true;
}

void world_start_broker(struct world *w, unsigned i)
{
    char log[32], text[8][PATH], whose[16], program[PATH + 16];
    const char *argv[ARGS];
    size_t n = 0;

    snprintf(log, sizeof(log), "b%u/log", i);
    if (!fork_child(w, &w->broker[i], log))
        return;
    snprintf(whose, sizeof(whose), "b%u", i);
    if (i == CLOCK_BROKER)
        use_clock(w, whose);
    snprintf(program, sizeof(program), "%s/eocbus-broker", w->build);
    snprintf(text[0], PATH, "endpoint=tcp://127.0.0.1:%u", w->broker_port[i]);
    snprintf(text[1], PATH, "key.file=%s/broker.key", w->dir);
    snprintf(text[2], PATH, "database=host=%s/b%u dbname=eocbus user=bus_ingest", w->dir, i);
    snprintf(text[3], PATH, "control.socket=%s/b%u/broker.sock", w->dir, i);
    snprintf(text[4], PATH, "name=broker.b%u", i);
    /* What one principal may say is others' business; here few say as much as many. */
    snprintf(text[5], PATH, "ingress.quarantine_per_hour=1000000");
    snprintf(text[6], PATH, "ingress.messages_per_second=100000");
    snprintf(text[7], PATH, "access.cache_file=%s/b%u/rights", w->dir, i);
    argv[n++] = program;
    for (size_t k = 0; k < 8; k++) {
        argv[n++] = "-o";
        argv[n++] = text[k];
    }
    argv[n] = NULL;
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static _Noreturn void become_agent(struct world *w, const char *role, unsigned i,
                                   const char *address, const unsigned ports[BROKERS])
{
    char number[16], endpoint[BROKERS][64];
    const char *argv[ARGS] = {w->self, role, number, w->dir, w->broker_key};
    size_t n = 5;

    snprintf(number, sizeof(number), "%u", i);
    for (unsigned b = 0; b < BROKERS; b++) {
        /* Not all begin with the same one. */
        snprintf(endpoint[b], sizeof(endpoint[b]), "tcp://%s:%u", address,
                 ports[(b + i) % BROKERS]);
        argv[n++] = endpoint[b];
    }
    execv(w->self, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void world_start_office(struct world *w, unsigned i)
{
    char log[32], whose[16];
    bool far = i == TUN_OFFICE && w->relay;

    snprintf(log, sizeof(log), "p%u.log", i);
    if (!fork_child(w, &w->office[i], log))
        return;
    snprintf(whose, sizeof(whose), "p%u", i);
    if (far)
        relay_enter(w->relay, RELAY_B);
    if (i == CLOCK_OFFICE)
        use_clock(w, whose);
    become_agent(w, "office", i, far ? RELAY_ADDRESS_A : "127.0.0.1", w->office_port[i]);
}

void world_start_listener(struct world *w, unsigned i)
{
    char log[32];

    snprintf(log, sizeof(log), "l%u.log", i);
    if (fork_child(w, &w->listener[i], log))
        become_agent(w, "listener", i, "127.0.0.1", w->listener_port[i]);
}

void world_take_down(struct process *p, int signum)
{
    if (p->pid <= 0)
        return;
    kill(p->pid, signum);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

void world_start(struct world *w)
{
    uint64_t end_us = clock_us() + START_S * 1000000ull;

    if (w->clocks) {
        world_set_clock(w, "p2", 0);
        world_set_clock(w, "b2", 0);
    }
    for (unsigned i = 0; i < BROKERS; i++)
        world_start_broker(w, i);
    for (unsigned i = 0; i < LISTENERS; i++)
        world_start_listener(w, i);
    for (unsigned i = 0; i < OFFICES; i++)
        world_start_office(w, i);
    for (unsigned i = 0; i < OFFICES; i++)
        while (!atomic_load(&w->shared->office[i].stored)) {
            char who[160];

            if (clock_us() > end_us || !world_is_alive(w, who, sizeof(who)))
                die("the run does not begin; see the logs in", w->dir);
            rest_ms(20);
        }
}
