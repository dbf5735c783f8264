/* command - a siren that a program drives (driver.h).
 *
 * One child at a time counts, in a process group of its own; what is given up is killed with its
 * group and only waited for. A program that went away with a child of its own holding the pipe does
 * not keep us: the exit decides, and what stands in the pipe then is read. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents/sensor/siren/driver.h"
#include "agents/sensor/station/text.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { OWN_ARGS = 16, ARGS = OWN_ARGS + 5, DEAD_MOST = 16, SAID = 512 };
/* The signal of a child's end may be lost among others; nobody waits longer than this for it. */
#define LOOK_MS 100

struct command {
    struct siren_driver driver;
    struct loop *loop;
    void *arg;
    void (*answered)(void *arg, const struct siren_answer *a);
    char *own[OWN_ARGS];
    int own_count;
    unsigned timeout_ms;
    struct loop_timer *timer;
    struct loop_signal *child_ended;
    pid_t pid; /* 0 = none */
    int said_fd;
    uint64_t until_us;
    pid_t dead[DEAD_MOST]; /* killed, not waited for yet */
};

/* --- ending ----------------------------------------------------------------------------------- */

static void bury(struct command *c)
{
    for (size_t i = 0; i < DEAD_MOST; i++)
        if (c->dead[i] && waitpid(c->dead[i], NULL, WNOHANG) != 0)
            c->dead[i] = 0;
}

static void let_go(struct command *c)
{
    if (c->said_fd >= 0)
        close(c->said_fd);
    c->said_fd = -1;
    c->pid = 0;
    loop_timer_stop(c->timer);
}

static void kill_child(struct command *c)
{
    pid_t pid = c->pid;

    if (!pid)
        return;
    (void)kill(-pid, SIGKILL);
    let_go(c);
    bury(c);
    for (size_t i = 0; i < DEAD_MOST; i++) {
        if (c->dead[i])
            continue;
        c->dead[i] = pid;
        return;
    }
    log_warn("siren.children", "pid=%d next=\"not waited for\"", (int)pid);
}

static void fail(struct command *c, const char *code)
{
    struct siren_answer a = {.done = false};

    snprintf(a.code, sizeof(a.code), "%s", code);
    c->answered(c->arg, &a);
}

/* "mic 104.5", "battery 12.4" */
static void read_said(struct command *c, struct siren_answer *a)
{
    char text[SAID];
    ssize_t n = read(c->said_fd, text, sizeof(text));
    struct slice rest = {text, n > 0 ? (size_t)n : 0}, line, word;

    while (slice_next(&rest, '\n', &line)) {
        struct decimal d;
        int64_t v;
        bool mic;

        if (!slice_word(&line, &word))
            continue;
        mic = slice_is(word, "mic");
        if ((!mic && !slice_is(word, "battery")) || !slice_word(&line, &word) ||
            !decimal_read(&d, word) || !decimal_scale(&v, d, mic ? -1 : -3) || v < 0 ||
            v > (mic ? 2000 : 100000))
            continue;
        *(mic ? &a->mic_level_ddb : &a->battery_mv) = (uint32_t)v;
    }
}

static void on_exit_of(struct command *c, int how)
{
    struct siren_answer a = {.done = WIFEXITED(how) && WEXITSTATUS(how) == 0};

    if (!a.done)
        snprintf(a.code, sizeof(a.code), "%s_%d", WIFEXITED(how) ? "exit" : "signal",
                 WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how));
    read_said(c, &a);
    let_go(c);
    c->answered(c->arg, &a);
}

static void look(struct command *c)
{
    int how;

    bury(c);
    if (!c->pid)
        return;
    if (waitpid(c->pid, &how, WNOHANG) == c->pid) {
        on_exit_of(c, how);
    } else if (loop_exact_us(c->loop) >= c->until_us) {
        kill_child(c);
        fail(c, "timeout");
    }
}

static void on_child(void *arg, int signum)
{
    (void)signum;
    look(arg);
}

static void on_timer(void *arg)
{
    look(arg);
}

/* --- starting --------------------------------------------------------------------------------- */

static enum status describe(posix_spawnattr_t *attr, posix_spawn_file_actions_t *files, int said)
{
    sigset_t none, defaults;
    int bad;

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    bad = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
    bad |= posix_spawnattr_setpgroup(attr, 0);
    bad |= posix_spawnattr_setsigmask(attr, &none);
    bad |= posix_spawnattr_setsigdefault(attr, &defaults);
    bad |= posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    bad |= posix_spawn_file_actions_adddup2(files, said, 1);
    bad |= posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0);
    bad |= posix_spawn_file_actions_addclosefrom_np(files, 3);
    return bad ? ST_NOMEM : ST_OK;
}

static enum status start(struct command *c, char **argv, int said)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    enum status st;

    if (posix_spawnattr_init(&attr) != 0)
        return ST_NOMEM;
    if (posix_spawn_file_actions_init(&files) != 0) {
        posix_spawnattr_destroy(&attr);
        return ST_NOMEM;
    }
    st = describe(&attr, &files, said);
    if (st == ST_OK && posix_spawn(&c->pid, argv[0], &files, &attr, argv, environ) != 0)
        st = ST_IO;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (st != ST_OK)
        c->pid = 0;
    return st;
}

static void drive(struct siren_driver *d, const struct siren_wish *w)
{
    struct command *c = container_of(d, struct command, driver);
    char seconds[16], recording[16], *argv[ARGS];
    int n = 0, ends[2];
    enum status st;

    kill_child(c);
    for (; n < c->own_count; n++)
        argv[n] = c->own[n];
    argv[n++] = (char *)(uintptr_t)siren_verb_word(w->verb);
    if (w->verb == SIREN_ON) {
        snprintf(seconds, sizeof(seconds), "%u", w->duration_s);
        snprintf(recording, sizeof(recording), "%u", w->recording);
        argv[n++] = (char *)(uintptr_t)siren_pattern_word(w->pattern);
        argv[n++] = seconds;
        argv[n++] = recording;
    }
    argv[n] = NULL;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        fail(c, "no_descriptor");
        return;
    }
    st = start(c, argv, ends[1]);
    close(ends[1]);
    c->said_fd = ends[0];
    if (st != ST_OK) {
        let_go(c);
        fail(c, "no_program");
        return;
    }
    c->until_us = loop_exact_us(c->loop) + c->timeout_ms * UINT64_C(1000);
    loop_timer_start(c->timer, LOOK_MS, LOOK_MS);
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(struct siren_driver *d)
{
    struct command *c = container_of(d, struct command, driver);

    kill_child(c);
    for (size_t i = 0; i < DEAD_MOST; i++)
        if (c->dead[i])
            (void)waitpid(c->dead[i], NULL, 0); /* killed: it ends at once */
    loop_timer_destroy(c->timer);
    loop_signal_destroy(c->child_ended);
    for (int i = 0; i < c->own_count; i++)
        mem_free(c->own[i]);
    mem_free(c);
}

static enum status take_args(struct command *c, const struct slice *words, int count)
{
    for (int i = 0; i < count && i < OWN_ARGS; i++) {
        char *copy = mem_zalloc(words[i].len + 1);

        if (!copy)
            return ST_NOMEM;
        memcpy(copy, words[i].at, words[i].len);
        c->own[c->own_count++] = copy;
    }
    return ST_OK;
}

enum status siren_command_create(struct siren_driver **out, const struct siren_driver_settings *set,
                                 const struct slice *words, int count, char *err, size_t err_size)
{
    struct command *c;
    enum status st;

    if (count < 1 || words[0].len < 2 || words[0].at[0] != '/') {
        snprintf(err, err_size, "siren = %s: the program is named with its whole path", set->line);
        return ST_INVALID;
    }
    c = mem_zalloc(sizeof(*c));
    snprintf(err, err_size, "out of memory");
    if (!c)
        return ST_NOMEM;
    *c = (struct command){.driver = {drive, destroy},
                          .loop = set->loop,
                          .arg = set->arg,
                          .answered = set->answered,
                          .timeout_ms = set->timeout_ms,
                          .said_fd = -1};
    st = take_args(c, words, count);
    if (st == ST_OK)
        st = loop_timer_create(&c->timer, set->loop, on_timer, c);
    if (st == ST_OK)
        st = loop_signal_create(&c->child_ended, set->loop, SIGCHLD, on_child, c);
    if (st == ST_OK && access(c->own[0], X_OK) != 0) {
        snprintf(err, err_size, "siren: %s: %s", c->own[0], strerror(errno));
        st = ST_INVALID;
    }
    if (st != ST_OK) {
        destroy(&c->driver);
        return st;
    }
    *out = &c->driver;
    return ST_OK;
}
