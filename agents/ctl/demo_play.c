/* demo_play - the bus runs, the plan is played, and everything said is brought to its end.
 *
 * Nothing here trusts a process to live: a line of the plan that was killed runs again (its
 * once-key keeps it from speaking twice), and the end waits for outboxes and listener, not for the
 * clock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/control.h"
#include "agents/ctl/demo.h"
#include "agents/ctl/feed.h"
#include "agents/link/outbox.h"

#include "proto/base/banned.h"

enum {
    LINE_TRIES = 200,     /* of one line of the plan, with pauses up to 2 s */
    BUS_START_MS = 60000, /* broker up and its database found */
    NO_PROGRESS_MS =
        120000 /* a kill costs seconds; two minutes without a step are a fault of ours */
};

/* --- the bus ---------------------------------------------------------------------------------- */

static int start_kept(struct demo *d, const char *name, const char *const *argv, bool feed,
                      int *child)
{
    struct supervise_spec spec = {.name = name,
                                  .argv = argv,
                                  .keep = true,
                                  .inherit_stdout = feed,
                                  .log_path = demo_path(d, "log/%s.log", name)};

    if (!argv[0] || supervise_start(d->sup, &spec, child) != ST_OK)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be started", name);
    return -1;
}

static const char *program_path(struct demo *d, const char *program)
{
    return arena_printf(d->arena, "%s/%s", d->bin, program);
}

static int wait_for_broker(struct demo *d)
{
    const char *path = demo_path(d, "sock/control");
    uint64_t end = supervise_now_ms() + BUS_START_MS;

    while (supervise_now_ms() < end) {
        struct buf answer = {0};
        char err[600], here[16] = "";

        if (control_ask(&answer, path, "status", err, sizeof(err)) == ST_OK)
            control_value(here, sizeof(here), &answer, "store_here");
        buf_free(&answer);
        if (strcmp(here, "yes") == 0)
            return -1;
        if (!demo_pause(d, 50))
            return EXIT_UNREACHABLE;
    }
    return program_fail(&d->ctl->program, EXIT_UNREACHABLE, "the broker did not come up; see %s",
                        demo_path(d, "log/broker.log"));
}

static int start_daemon(struct demo *d, const struct plan_agent *a)
{
    const char **argv = arena_alloc(d->arena, (a->arg_count + 4) * sizeof(*argv));

    if (!argv || d->daemon_count == ARRAY_LEN(d->daemons))
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be started", a->short_name);
    argv[0] = program_path(d, a->program);
    argv[1] = "-c";
    argv[2] = demo_path(d, "conf/%s.conf", a->short_name);
    for (unsigned i = 0; i < a->arg_count; i++)
        argv[3 + i] = a->args[i];
    argv[3 + a->arg_count] = NULL;
    return start_kept(d, a->short_name, argv, false, &d->daemons[d->daemon_count++]);
}

int demo_start_bus(struct demo *d)
{
    const char *broker[] = {program_path(d, "eocbus-broker"), "-c",
                            demo_path(d, "conf/broker.conf"), NULL};
    const char *screen[] = {program_path(d, "eocctl"),
                            "-c",
                            demo_path(d, "conf/screen.ctl.conf"),
                            "tail",
                            "--brief",
                            "--from",
                            "1",
                            "--record",
                            demo_path(d, "listener.record"),
                            NULL};
    int code = start_kept(d, "broker", broker, false, &d->broker);

    if (code < 0)
        code = wait_for_broker(d);
    if (code < 0)
        code = start_kept(d, "screen", screen, d->once, &d->listener);
    for (unsigned i = 0; i < d->plan.agent_count && code < 0; i++)
        if (d->plan.agents[i].daemon)
            code = start_daemon(d, &d->plan.agents[i]);
    return code;
}

/* --- waiting for what was said ---------------------------------------------------------------- */

static bool outbox_path_of(struct demo *d, const struct plan_agent *a, char *path, size_t size)
{
    snprintf(path, size, "%s/outbox/%s.db", d->dir, a->short_name);
    return access(path, F_OK) == 0;
}

/* Messages of one agent without a receipt; UINT64_MAX when its file cannot be asked just now. */
static uint64_t count_waiting(struct demo *d, const struct plan_agent *a)
{
    char path[256], err[400];
    struct outbox_settings set = {.path = path, .sender = a->name};
    struct outbox_counts counts;
    struct outbox *o;
    uint64_t waiting = UINT64_MAX;

    if (!outbox_path_of(d, a, path, sizeof(path)))
        return 0;
    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        return waiting;
    if (outbox_counts(o, &counts) == ST_OK) {
        waiting = 0;
        for (size_t lane = 0; lane < ARRAY_LEN(counts.waiting); lane++)
            waiting += counts.waiting[lane];
    }
    outbox_close(o);
    return waiting;
}

/* Sends what an agent left that does not run: eocctl speaks in its name, from its outbox. */
static int drain_for(struct demo *d, const struct plan_agent *a)
{
    const char *argv[] = {program_path(d, "eocctl"),
                          "-c",
                          demo_path(d, "conf/%s.ctl.conf", a->short_name),
                          "publish",
                          "--drain",
                          "--wait",
                          "30",
                          NULL};

    return demo_run(d, "drain", argv, demo_path(d, "log/plan.log"));
}

/* Until every outbox is empty. `running`: daemons send their own. */
static int wait_for_outboxes(struct demo *d, bool running)
{
    uint64_t last = UINT64_MAX, changed = supervise_now_ms();

    while (supervise_now_ms() - changed < NO_PROGRESS_MS) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < d->plan.agent_count; i++) {
            const struct plan_agent *a = &d->plan.agents[i];
            uint64_t waiting = count_waiting(d, a);

            if (waiting > 0 && waiting != UINT64_MAX && !(a->daemon && running) &&
                drain_for(d, a) < 0)
                return EXIT_UNREACHABLE;
            sum = waiting == UINT64_MAX ? sum + 1 : sum + waiting;
        }
        if (sum == 0)
            return -1;
        if (sum != last)
            changed = supervise_now_ms();
        last = sum;
        if (!demo_pause(d, 50))
            return EXIT_UNREACHABLE;
    }
    return program_fail(&d->ctl->program, EXIT_UNREACHABLE,
                        "outboxes did not empty: %" PRIu64 " messages wait; see the logs in %s",
                        last, demo_path(d, "log"));
}

static enum status ask_head(struct db *db, void *arg, char *err, size_t err_size)
{
    struct db_rows *r;
    enum status st = db_query(db, &r, "SELECT seq FROM bus.log_head", NULL, 0);

    if (st != ST_OK) {
        snprintf(err, err_size, "the head of the log cannot be read: %s", db_error(db));
        return st;
    }
    *(uint64_t *)arg = db_number(r, 0, "seq");
    db_rows_free(r);
    return ST_OK;
}

/* Last number on the listener's record. */
static uint64_t read_record_end(struct demo *d)
{
    struct feed_record last = {0};
    char path[256], text[160];
    const char *line;
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/listener.record", d->dir);
    f = fopen(path, "re");
    if (!f)
        return 0;
    if (fseek(f, -(long)(sizeof(text) - 1), SEEK_END) != 0)
        rewind(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    while (n > 0 && text[n - 1] != '\n')
        n--;
    if (n == 0)
        return 0;
    text[n - 1] = '\0';
    line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    text[n - 1] = '\n';
    return feed_record_parse(&last, line, (size_t)(text + n - line)) ? last.seq : 0;
}

static int wait_for_listener(struct demo *d)
{
    uint64_t head = 0, last = 0, changed = supervise_now_ms();
    char err[600];

    if (demo_ask(d, ask_head, &head, err, sizeof(err)) != ST_OK)
        return program_fail(&d->ctl->program, EXIT_UNREACHABLE, "%s", err);
    while (supervise_now_ms() - changed < NO_PROGRESS_MS) {
        uint64_t heard = read_record_end(d);

        if (heard >= head)
            return -1;
        if (heard != last)
            changed = supervise_now_ms();
        last = heard;
        if (!demo_pause(d, 50))
            return EXIT_UNREACHABLE;
    }
    demo_tell("the listener did not hear everything; counting what it did hear");
    return -1;
}

/* --- the plan --------------------------------------------------------------------------------- */

/* How often an earlier start, or this one, brought it to its end. */
static unsigned count_done(const char *done, const char *key)
{
    unsigned n = 0;

    for (const char *at = done; at && (at = strstr(at, key)); at += strlen(key))
        n += at[strlen(key)] == '\n';
    return n;
}

static int remember_done(struct demo *d, const struct plan_line *l)
{
    const char *path = demo_path(d, "plan.done");
    FILE *f = fopen(path, "ae");

    if (!f || fprintf(f, "%s\n", l->key) < 0 || fclose(f) != 0)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be written: %s", path,
                            strerror(errno));
    return -1;
}

/* A line that is said once more has a key of its own for each start: however often its command is
 * killed meanwhile, it says nothing twice. */
static const char **line_argv(struct demo *d, const struct plan_line *l, unsigned times)
{
    const char **argv = arena_alloc(d->arena, (l->arg_count + 4) * sizeof(*argv));

    if (!argv)
        return NULL;
    argv[0] = program_path(d, l->agent->program);
    argv[1] = "-c";
    argv[2] = demo_path(d, "conf/%s.conf", l->agent->short_name);
    memcpy(argv + 3, l->args, (l->arg_count + 1) * sizeof(*argv));
    for (unsigned i = 0; times && i < l->arg_count; i++)
        if (strcmp(l->args[i], l->key) == 0)
            argv[3 + i] = arena_printf(d->arena, "%s.%u", l->key, times);
    return argv;
}

/* Runs one line until it ends with 0 or 1. -1: go on; else our exit code. */
static int play_line(struct demo *d, const struct plan_line *l, unsigned times)
{
    const char **argv = l->agent ? line_argv(d, l, times) : NULL;
    unsigned tries = 0, pause = 100;
    int code;

    if (!l->agent)
        return wait_for_outboxes(d, true);
    while (argv && tries++ < LINE_TRIES) {
        code = demo_run(d, l->agent->short_name, argv, demo_path(d, "log/plan.log"));
        if (code == EXIT_DONE || code == EXIT_REFUSED)
            return -1;
        if (code < 0)
            return EXIT_UNREACHABLE;
        if (code == EXIT_USAGE || code == 127)
            break;
        if (!demo_pause(d, pause))
            return EXIT_UNREACHABLE;
        pause = pause * 2 > 2000 ? 2000 : pause * 2;
    }
    return program_fail(
        &d->ctl->program, EXIT_MACHINE, "plan.txt line %u does not work (%s %s); see %s", l->number,
        l->agent->program, l->arg_count ? l->args[0] : "", demo_path(d, "log/plan.log"));
}

/* True if interrupted. `origin` is where the clock of the plan stood when we began. */
static bool wait_for_time(struct demo *d, const struct plan_line *l, uint64_t start,
                          unsigned origin)
{
    uint64_t due = start + (l->at_ms > origin ? l->at_ms - origin : 0), now;

    while (!d->once && (now = supervise_now_ms()) < due)
        if (!demo_turn(d, (unsigned)(due - now)))
            return true;
    return false;
}

/* How many lines this start said for the first time, and how many once more. */
struct played {
    unsigned first, anew;
};

static int play_lines(struct demo *d, struct played *played)
{
    const char *done = demo_read_file(d, demo_path(d, "plan.done"));
    uint64_t start = supervise_now_ms();
    unsigned origin = 0;
    int code = -1;

    for (unsigned i = 0; i < d->plan.line_count && code < 0; i++) {
        const struct plan_line *l = &d->plan.lines[i];
        unsigned times = count_done(done, l->key);

        if (times && (d->once || !l->anew)) {
            origin = l->at_ms;
            continue;
        }
        if (wait_for_time(d, l, start, origin))
            return EXIT_DONE;
        /* What is said once more is this start's, also if that ends before it is said. */
        code = times ? remember_done(d, l) : -1;
        if (code < 0)
            code = play_line(d, l, times);
        if (code < 0 && !times)
            code = remember_done(d, l);
        played->first += times == 0;
        played->anew += times > 0;
    }
    return code;
}

static void stop_daemons(struct demo *d)
{
    for (unsigned i = d->daemon_count; i-- > 0;)
        supervise_stop(d->sup, d->daemons[i], 10000);
    d->daemon_count = 0;
}

static void tell_played(const struct demo *d, const struct played *played)
{
    if (played->first || d->plan.line_count == 0)
        demo_tell("the plan is played; the bus stays until ctrl-C");
    else if (played->anew)
        demo_tell("an earlier run played the plan, and what it said is kept; the alarm of now is a "
                  "new one; the bus stays until ctrl-C");
    else
        demo_tell("an earlier run played the plan, and what it said is kept; the bus stays until "
                  "ctrl-C");
}

int demo_play(struct demo *d)
{
    struct played played = {0};
    int code = play_lines(d, &played);

    if (code >= 0)
        return code;
    if (!d->once) {
        tell_played(d, &played);
        demo_tell_page(d); /* its first words have scrolled away */
        while (demo_turn(d, 60000))
            ;
        return EXIT_DONE;
    }
    code = wait_for_outboxes(d, true);
    if (code >= 0)
        return code;
    /* Agents may have said something of their own meanwhile; now nobody adds to it any more. */
    stop_daemons(d);
    code = wait_for_outboxes(d, false);
    if (code < 0)
        code = wait_for_listener(d);
    if (code >= 0)
        return code;
    supervise_stop(d->sup, d->listener, 10000);
    d->listener = -1;
    return -1;
}
