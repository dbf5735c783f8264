/* gateway - see gateway.h. */
#include "tests/lib/gateway.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/outbox.h"
#include "proto/base/keys.h"
#include "proto/wire/observations.h"
#include "tests/lib/beside.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

#define NAME "coes.tj3505203.gw07"
enum { LOG_BYTES = 1 << 20 };

struct gateway {
    char dir[64], conf[96], program[PATH_MAX], log[96];
    char text[LOG_BYTES];
    pid_t pid;
};

static void die(const char *what)
{
    fprintf(stderr, "gateway: %s\n", what);
    abort();
}

static void write_conf(struct gateway *g, const char *more)
{
    char key_file[96], public_key[64], err[400];
    struct keys keys;
    FILE *f;

    if (keys_generate(&keys) != ST_OK)
        die("keys");
    snprintf(key_file, sizeof(key_file), "%s/gw.key", g->dir);
    if (keys_save(&keys, key_file, NAME, err, sizeof(err)) != ST_OK)
        die(err);
    snprintf(public_key, sizeof(public_key), "%s", keys.public_z85);
    snprintf(g->conf, sizeof(g->conf), "%s/gw.conf", g->dir);
    f = fopen(g->conf, "w");
    if (!f)
        die("settings");
    fprintf(f,
            "name = " NAME "\nkey.file = %s\nbroker.endpoint = tcp://127.0.0.1:9\n"
            "broker.key = %s\noutbox.path = %s/gw.db\nlink.profile = fiber\nplace = 3505203\n"
            "status = exercise\nlog.level = info\nbatch.period = 200ms\n"
            "datastream = gusar.stage 1 stage metre -3 range=-1000..1000000\n"
            "datastream = gusar.rain 2 rain_acc millimetre -1\n%s",
            key_file, public_key, g->dir, more);
    fclose(f);
}

struct gateway *gateway_create(const char *more)
{
    struct gateway *g = calloc(1, sizeof(*g));

    if (!g)
        die("memory");
    snprintf(g->dir, sizeof(g->dir), "/tmp/eocbus-gateway-XXXXXX");
    if (!mkdtemp(g->dir))
        die("mkdtemp");
    snprintf(g->log, sizeof(g->log), "%s/log", g->dir);
    find_beside(g->program, sizeof(g->program), "eocbus-sensor");
    write_conf(g, more);
    return g;
}

const char *gateway_conf(const struct gateway *g)
{
    return g->conf;
}

const char *gateway_dir(const struct gateway *g)
{
    return g->dir;
}

void gateway_start(struct gateway *g)
{
    g->pid = fork();
    if (g->pid < 0)
        die("fork");
    if (!g->pid) {
        int fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd, 2);
        execl(g->program, g->program, "-c", g->conf, "run", (char *)NULL);
        _exit(127);
    }
}

void gateway_kill(struct gateway *g)
{
    kill(g->pid, SIGKILL);
    waitpid(g->pid, NULL, 0);
    g->pid = 0;
}

void gateway_end(struct gateway *g)
{
    int code = 0;

    kill(g->pid, SIGTERM);
    if (waitpid(g->pid, &code, 0) != g->pid || !WIFEXITED(code) || WEXITSTATUS(code) != 0) {
        fprintf(stderr, "%s", gateway_log(g));
        die("it did not end well");
    }
    g->pid = 0;
}

bool gateway_runs(struct gateway *g)
{
    if (g->pid && waitpid(g->pid, NULL, WNOHANG) == g->pid)
        g->pid = 0;
    return g->pid != 0;
}

int gateway_pid(const struct gateway *g)
{
    return g->pid;
}

void gateway_destroy(struct gateway *g)
{
    char command[100];

    if (g->pid)
        gateway_kill(g);
    snprintf(command, sizeof(command), "rm -rf '%s'", g->dir);
    if (system(command) != 0)
        die("rm");
    free(g);
}

/* --- what it made of it ----------------------------------------------------------------------- */

struct counting {
    unsigned *times;
    size_t count;
};

static void count_series(struct counting *c, const Eocbus__V1__ObservationBatch *b)
{
    for (size_t i = 0; i < b->n_series; i++) {
        struct series_cursor at;
        struct sample s;

        series_begin(&at, b, b->series[i]);
        while (b->series[i]->datastream_id == 1 && series_next(&at, &s))
            if (!(s.flags & EOCBUS__V1__QUALITY__QUALITY_MISSING) && s.value >= 0 &&
                (uint64_t)s.value < c->count)
                c->times[s.value]++;
    }
}

static bool on_row(void *arg, const struct outbox_row *row, int state,
                   const struct outbox_outcome *oc)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);

    (void)state;
    (void)oc;
    if (!m)
        die("a message that cannot be read");
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH)
        count_series(arg, m->observation_batch);
    eocbus__v1__envelope__free_unpacked(m, NULL);
    return true;
}

void gateway_values(struct gateway *g, unsigned *times, size_t count)
{
    struct counting c = {times, count};
    struct outbox *o = NULL;
    char path[96], err[400];
    struct outbox_settings set = {.path = path, .sender = NAME};

    memset(times, 0, count * sizeof(*times));
    snprintf(path, sizeof(path), "%s/gw.db", g->dir);
    if (access(path, F_OK) != 0)
        return;
    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        die(err);
    if (outbox_each(o, on_row, &c) != ST_OK)
        die(outbox_trouble(o));
    outbox_close(o);
}

static void sleep_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

size_t gateway_wait(struct gateway *g, unsigned first, size_t count)
{
    size_t there = 0;
    unsigned *times = calloc(first + count, sizeof(*times));

    for (int i = 0; i < PATIENCE * 1200 && there < count; i++) {
        if (i)
            sleep_ms(100);
        gateway_values(g, times, first + count);
        there = 0;
        for (size_t k = first; k < first + count; k++)
            there += times[k] > 0;
    }
    free(times);
    return there;
}

const char *gateway_log(struct gateway *g)
{
    FILE *f = fopen(g->log, "r");
    size_t n = f ? fread(g->text, 1, sizeof(g->text) - 1, f) : 0;

    g->text[n] = '\0';
    if (f)
        fclose(f);
    return g->text;
}

bool gateway_said(struct gateway *g, const char *words)
{
    for (int i = 0; i < PATIENCE * 2400; i++) {
        if (strstr(gateway_log(g), words))
            return true;
        sleep_ms(25);
    }
    return false;
}
