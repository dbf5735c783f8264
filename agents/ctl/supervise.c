/* supervise - fork, exec, waitpid; and nobody is forgotten. */
#include "agents/ctl/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MOST_MS = 2000, CALM_MS = 10000 };

struct child {
    char *name;
    char **argv;
    char *log_path;
    bool used, keep, stopping, ended, inherit_stdout;
    int stop_signal, death_signal, code;
    void (*before)(void *arg);
    void *arg;
    pid_t pid; /* 0 = not running */
    unsigned backoff_ms, restarts;
    uint64_t started_ms, due_ms;
};

struct supervise {
    struct child children[SUPERVISE_CHILDREN_MAX];
    void (*tell)(const char *sentence);
    int signals;
    bool asked_to_end;
    sigset_t before; /* the mask we found; children get it back */
};

uint64_t supervise_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

enum status supervise_create(struct supervise **out, void (*tell)(const char *sentence))
{
    struct supervise *s = mem_zalloc(sizeof(*s));
    sigset_t ours;

    if (!s)
        return ST_NOMEM;
    s->tell = tell;
    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, &s->before);
    s->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0) {
        sigprocmask(SIG_SETMASK, &s->before, NULL);
        mem_free(s);
        return ST_IO;
    }
    *out = s;
    return ST_OK;
}

static void free_child(struct child *c)
{
    for (char **arg = c->argv; arg && *arg; arg++)
        mem_free(*arg);
    mem_free(c->argv);
    mem_free(c->name);
    mem_free(c->log_path);
    *c = (struct child){0};
}

static enum status copy_spec(struct child *c, const struct supervise_spec *spec)
{
    size_t n = 0;

    while (spec->argv[n])
        n++;
    c->argv = mem_zalloc((n + 1) * sizeof(*c->argv));
    c->name = mem_strdup(spec->name);
    c->log_path = spec->log_path ? mem_strdup(spec->log_path) : NULL;
    if (!c->argv || !c->name || (spec->log_path && !c->log_path))
        return ST_NOMEM;
    for (size_t i = 0; i < n; i++) {
        c->argv[i] = mem_strdup(spec->argv[i]);
        if (!c->argv[i])
            return ST_NOMEM;
    }
    c->keep = spec->keep;
    c->inherit_stdout = spec->inherit_stdout;
    c->stop_signal = spec->stop_signal ? spec->stop_signal : SIGTERM;
    c->death_signal = spec->death_signal ? spec->death_signal : SIGKILL;
    c->before = spec->before;
    c->arg = spec->arg;
    c->used = true;
    return ST_OK;
}

/* In the child, between fork and exec. A terminal's ctrl-C must reach only us, because we stop the
 * others in order: hence a process group of its own. */
static void become(const struct supervise *s, const struct child *c, pid_t parent)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC), log = -1;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, c->death_signal);
    if (getppid() != parent)
        _exit(127); /* we died between fork and prctl */
    if (c->log_path)
        log = open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (in >= 0)
        dup2(in, STDIN_FILENO);
    if (log >= 0) {
        dup2(log, STDERR_FILENO);
        if (!c->inherit_stdout)
            dup2(log, STDOUT_FILENO);
    }
    sigprocmask(SIG_SETMASK, &s->before, NULL);
    execv(c->argv[0], c->argv);
    fprintf(stderr, "%s cannot be started: %s\n", c->argv[0], strerror(errno));
    _exit(127);
}

static enum status launch(struct supervise *s, struct child *c)
{
    pid_t parent = getpid(), pid;

    if (c->before)
        c->before(c->arg);
    fflush(stdout);
    fflush(stderr);
    pid = fork();
    if (pid < 0)
        return ST_IO;
    if (pid == 0)
        become(s, c, parent);
    c->pid = pid;
    c->started_ms = supervise_now_ms();
    c->due_ms = 0;
    return ST_OK;
}

enum status supervise_start(struct supervise *s, const struct supervise_spec *spec, int *child)
{
    enum status st;
    int at = 0;

    while (at < SUPERVISE_CHILDREN_MAX && s->children[at].used)
        at++;
    if (at == SUPERVISE_CHILDREN_MAX)
        return ST_FULL;
    st = copy_spec(&s->children[at], spec);
    if (st == ST_OK)
        st = launch(s, &s->children[at]);
    if (st != ST_OK) {
        free_child(&s->children[at]);
        return st;
    }
    *child = at;
    return ST_OK;
}

static void tell_death(struct supervise *s, const struct child *c, int status)
{
    char line[256];

    if (WIFSIGNALED(status))
        snprintf(line, sizeof(line), "%s was killed by signal %d (%s); it starts again in %u ms",
                 c->name, WTERMSIG(status), strsignal(WTERMSIG(status)), c->backoff_ms);
    else
        snprintf(line, sizeof(line), "%s ended with exit status %d; it starts again in %u ms",
                 c->name, WEXITSTATUS(status), c->backoff_ms);
    s->tell(line);
}

static void bury(struct supervise *s, struct child *c, int status)
{
    uint64_t now = supervise_now_ms();

    c->pid = 0;
    c->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (!c->keep || c->stopping) {
        c->ended = true;
        return;
    }
    if (c->backoff_ms == 0 || now - c->started_ms >= CALM_MS)
        c->backoff_ms = BACKOFF_FIRST_MS;
    else
        c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : c->backoff_ms * 2;
    c->due_ms = now + c->backoff_ms;
    c->restarts++;
    tell_death(s, c, status);
}

static void reap(struct supervise *s)
{
    int status;

    for (int i = 0; i < SUPERVISE_CHILDREN_MAX; i++) {
        struct child *c = &s->children[i];

        if (c->used && c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid)
            bury(s, c, status);
    }
}

static void start_due(struct supervise *s, uint64_t now)
{
    for (int i = 0; i < SUPERVISE_CHILDREN_MAX; i++) {
        struct child *c = &s->children[i];

        if (!c->used || c->pid > 0 || c->ended || c->due_ms > now)
            continue;
        if (launch(s, c) != ST_OK)
            c->due_ms = now + BACKOFF_MOST_MS;
    }
}

static unsigned until_next_due(const struct supervise *s, uint64_t now, unsigned wait_ms)
{
    for (int i = 0; i < SUPERVISE_CHILDREN_MAX; i++) {
        const struct child *c = &s->children[i];

        if (!c->used || c->pid > 0 || c->ended)
            continue;
        if (c->due_ms <= now)
            return 0;
        if (c->due_ms - now < wait_ms)
            wait_ms = (unsigned)(c->due_ms - now);
    }
    return wait_ms;
}

static void read_signals(struct supervise *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGCHLD)
            s->asked_to_end = true;
}

bool supervise_turn(struct supervise *s, unsigned wait_ms)
{
    struct pollfd pfd = {.fd = s->signals, .events = POLLIN};

    reap(s); /* before waiting: a death may have been signalled before the child was known */
    poll(&pfd, 1, (int)until_next_due(s, supervise_now_ms(), wait_ms));
    read_signals(s);
    reap(s);
    if (!s->asked_to_end)
        start_due(s, supervise_now_ms());
    return !s->asked_to_end;
}

void supervise_ignore_signals(struct supervise *s)
{
    s->asked_to_end = false;
}

bool supervise_ended(struct supervise *s, int child, int *code)
{
    struct child *c = &s->children[child];

    if (!c->used || !c->ended)
        return false;
    *code = c->code;
    free_child(c);
    return true;
}

pid_t supervise_pid(const struct supervise *s, int child)
{
    return s->children[child].pid;
}

unsigned supervise_restarts(const struct supervise *s, int child)
{
    return s->children[child].restarts;
}

void supervise_stop(struct supervise *s, int child, unsigned limit_ms)
{
    struct child *c = &s->children[child];
    uint64_t end = supervise_now_ms() + limit_ms;
    struct pollfd pfd = {.fd = s->signals, .events = POLLIN};

    if (!c->used)
        return;
    c->stopping = true;
    if (c->pid > 0)
        kill(c->pid, c->stop_signal);
    while (c->pid > 0 && supervise_now_ms() < end) {
        poll(&pfd, 1, 20);
        read_signals(s);
        reap(s);
    }
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    free_child(c);
}

void supervise_destroy(struct supervise *s)
{
    if (!s)
        return;
    for (int i = SUPERVISE_CHILDREN_MAX - 1; i >= 0; i--)
        supervise_stop(s, i, 5000);
    close(s->signals);
    sigprocmask(SIG_SETMASK, &s->before, NULL);
    mem_free(s);
}
