/* mosquitto - see mosquitto.h. */
#include "tests/lib/mosquitto.h"

#include <mosquitto.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/patience.h"
#include "tests/lib/port.h"

#include "proto/base/banned.h"

struct mosquitto_server {
    char dir[64], conf[96];
    int held;
    unsigned port;
    pid_t pid;
};

static void die(const char *what)
{
    fprintf(stderr, "mosquitto: %s\n", what);
    abort();
}

static void write_conf(struct mosquitto_server *s, const char *more)
{
    FILE *f;

    snprintf(s->conf, sizeof(s->conf), "%s/mosquitto.conf", s->dir);
    f = fopen(s->conf, "w");
    if (!f)
        die("no settings");
    fprintf(f,
            "user root\nper_listener_settings false\n%slistener %u 127.0.0.1\npersistence true\n"
            "persistence_location %s/\nautosave_on_changes true\nautosave_interval 1\n"
            "max_queued_messages 0\nlog_dest none\n%s\n",
            *more ? "" : "allow_anonymous true\n", s->port, s->dir, more);
    fclose(f);
}

static bool answers(unsigned port)
{
    struct mosquitto *m = mosquitto_new(NULL, true, NULL);
    bool does = mosquitto_connect(m, "127.0.0.1", (int)port, 10) == MOSQ_ERR_SUCCESS;

    mosquitto_destroy(m);
    return does;
}

static void run(struct mosquitto_server *s)
{
    static const struct timespec ten_ms = {0, 10000000};

    s->pid = fork();
    if (s->pid < 0)
        die("fork");
    if (!s->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", s->conf, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; !answers(s->port); i++) {
        if (i == PATIENCE * 3000 || waitpid(s->pid, NULL, WNOHANG) != 0)
            die("it does not start");
        nanosleep(&ten_ms, NULL);
    }
}

struct mosquitto_server *mosquitto_server_start(const char *more)
{
    struct mosquitto_server *s = calloc(1, sizeof(*s));
    char endpoint[64];

    if (!s)
        die("memory");
    mosquitto_lib_init();
    snprintf(s->dir, sizeof(s->dir), "/tmp/eocbus-mosquitto-XXXXXX");
    if (!mkdtemp(s->dir))
        die("mkdtemp");
    s->held = port_hold(endpoint, sizeof(endpoint));
    if (sscanf(strrchr(endpoint, ':') + 1, "%u", &s->port) != 1)
        die("port");
    write_conf(s, more);
    run(s);
    return s;
}

void mosquitto_server_kill(struct mosquitto_server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void mosquitto_server_restart(struct mosquitto_server *s)
{
    run(s);
}

void mosquitto_server_stop(struct mosquitto_server *s)
{
    char command[100];

    if (s->pid)
        mosquitto_server_kill(s);
    close(s->held);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
    if (system(command) != 0)
        die("rm");
    free(s);
    mosquitto_lib_cleanup();
}

unsigned mosquitto_server_port(const struct mosquitto_server *s)
{
    return s->port;
}

const char *mosquitto_server_dir(const struct mosquitto_server *s)
{
    return s->dir;
}

/* --- a device --------------------------------------------------------------------------------- */

struct device_client {
    struct mosquitto *session;
    unsigned port;
    int published; /* the message that arrived last */
    bool up;
};

static void on_connect(struct mosquitto *m, void *arg, int rc)
{
    (void)m;
    ((struct device_client *)arg)->up = rc == 0;
}

static void on_publish(struct mosquitto *m, void *arg, int mid)
{
    (void)m;
    ((struct device_client *)arg)->published = mid;
}

struct device_client *device_client_create(unsigned port)
{
    struct device_client *d = calloc(1, sizeof(*d));

    if (!d)
        die("memory");
    d->port = port;
    return d;
}

static void hang_up(struct device_client *d)
{
    if (d->session)
        mosquitto_destroy(d->session);
    d->session = NULL;
    d->up = false;
}

static bool dial(struct device_client *d)
{
    if (d->up)
        return true;
    hang_up(d);
    d->session = mosquitto_new(NULL, true, d);
    mosquitto_connect_callback_set(d->session, on_connect);
    mosquitto_publish_callback_set(d->session, on_publish);
    if (mosquitto_connect(d->session, "127.0.0.1", (int)d->port, 30) != MOSQ_ERR_SUCCESS)
        return false;
    for (int i = 0; i < 1000 && !d->up; i++)
        if (mosquitto_loop(d->session, 10, 1) != MOSQ_ERR_SUCCESS)
            return false;
    return d->up;
}

bool device_client_publish(struct device_client *d, const char *topic, const char *text,
                           unsigned qos)
{
    int mid = 0;

    d->published = 0;
    if (!dial(d) || mosquitto_publish(d->session, &mid, topic, (int)strlen(text), text, (int)qos,
                                      false) != MOSQ_ERR_SUCCESS) {
        hang_up(d);
        return false;
    }
    for (int i = 0; i < PATIENCE * 1000 && d->published != mid; i++)
        if (mosquitto_loop(d->session, 10, 1) != MOSQ_ERR_SUCCESS)
            break;
    if (d->published == mid)
        return true;
    hang_up(d);
    return false;
}

void device_client_destroy(struct device_client *d)
{
    hang_up(d);
    free(d);
}
