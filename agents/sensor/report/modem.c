/* modem - see modem.h. */
#include "agents/sensor/report/modem.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agents/sensor/station/station.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* A satellite takes half a minute; whether it is done is looked at now and then. */
#define LOOK_MS 250

enum { OWN_ARGS = 16, BYTES_MOST = 512, DEAD_MOST = 8 };

struct modem {
    struct modem_settings set;
    char *own[OWN_ARGS + 2]; /* words of the command, then HEX and NULL */
    int own_count;
    char hex[2 * BYTES_MOST + 1];
    struct loop_timer *timer;
    pid_t pid; /* 0 = none */
    pid_t
        dead[DEAD_MOST]; /* killed, not waited for yet: one that hangs in a driver may take long */
    bool failed_to_start;
    uint64_t until_us;
};

static void answer(struct modem *m, bool ok)
{
    loop_timer_stop(m->timer);
    m->pid = 0;
    m->set.answered(m->set.arg, ok);
}

static void bury(struct modem *m)
{
    for (size_t i = 0; i < DEAD_MOST; i++)
        if (m->dead[i] && waitpid(m->dead[i], NULL, WNOHANG) != 0)
            m->dead[i] = 0;
}

static void kill_child(struct modem *m)
{
    pid_t pid = m->pid;

    if (!pid)
        return;
    (void)kill(-pid, SIGKILL);
    m->pid = 0;
    bury(m);
    for (size_t i = 0; i < DEAD_MOST; i++) {
        if (m->dead[i])
            continue;
        m->dead[i] = pid;
        return;
    }
    log_warn("sensor.modem.children", "pid=%d next=\"not waited for\"", (int)pid);
}

static void on_look(void *arg)
{
    struct modem *m = arg;
    int code = 0;
    pid_t ended;

    bury(m);
    if (m->failed_to_start) {
        m->failed_to_start = false;
        answer(m, false);
        return;
    }
    ended = waitpid(m->pid, &code, WNOHANG);
    if (ended == m->pid) {
        answer(m, WIFEXITED(code) && WEXITSTATUS(code) == 0);
    } else if (ended < 0 || loop_now_us(m->set.loop) >= m->until_us) {
        log_warn("sensor.modem.slow", "command=%s timeout_ms=%u next=\"killed, tried again\"",
                 m->own[0], m->set.timeout_ms);
        kill_child(m);
        answer(m, false);
    }
}

static void spawn(struct modem *m)
{
    posix_spawnattr_t how;
    int error;

    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&how, 0);
    error = posix_spawnp(&m->pid, m->own[0], NULL, &how, m->own, environ);
    posix_spawnattr_destroy(&how);
    m->failed_to_start = error != 0;
    if (!error)
        return;
    m->pid = 0;
    log_error("sensor.modem.none", "command=%s why=%s", m->own[0], strerror(error));
}

void modem_send(struct modem *m, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;

    m->hex[0] = '\0';
    for (size_t i = 0; i < len && i < BYTES_MOST; i++)
        snprintf(m->hex + 2 * i, 3, "%02x", b[i]);
    m->own[m->own_count] = m->hex;
    bury(m);
    m->until_us = loop_now_us(m->set.loop) + m->set.timeout_ms * UINT64_C(1000);
    spawn(m);
    loop_timer_start(m->timer, m->failed_to_start ? 0 : LOOK_MS, LOOK_MS);
}

static enum status read_words(struct modem *m, const char *command, char *err, size_t err_size)
{
    struct slice words[OWN_ARGS];
    int count = words_split(words, OWN_ARGS, command);

    if (count < 1) {
        snprintf(err, err_size, "compact.command = %s: legal is PROGRAM [ARG...], at most 16 words",
                 command);
        return ST_INVALID;
    }
    for (; m->own_count < count; m->own_count++) {
        struct slice w = words[m->own_count];
        char *copy = mem_alloc(w.len + 1);

        if (!copy)
            return ST_NOMEM;
        memcpy(copy, w.at, w.len);
        copy[w.len] = '\0';
        m->own[m->own_count] = copy;
    }
    return ST_OK;
}

enum status modem_create(struct modem **out, const struct modem_settings *set, char *err,
                         size_t err_size)
{
    struct modem *m = mem_zalloc(sizeof(*m));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!m)
        return ST_NOMEM;
    m->set = *set;
    st = read_words(m, set->command, err, err_size);
    m->set.command = NULL;
    if (st == ST_OK)
        st = loop_timer_create(&m->timer, set->loop, on_look, m);
    if (st == ST_OK)
        *out = m;
    else
        modem_destroy(m);
    return st;
}

void modem_destroy(struct modem *m)
{
    if (!m)
        return;
    kill_child(m);
    bury(m);
    for (int i = 0; i < m->own_count; i++)
        mem_free(m->own[i]);
    loop_timer_destroy(m->timer);
    mem_free(m);
}
