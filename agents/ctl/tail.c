/* tail - a listener that prints what it hears.
 *
 * With --record each message is one line in a file before it is acknowledged, and the next start
 * goes on behind the last whole line: so the file has every message once, however often we are
 * killed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/feed.h"
#include "agents/ctl/pick.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* With --brief, bulk messages are counted and told this often. */
enum { BRIEF_MS = 2000, RECORD_LINE_MAX = 80 };
/* Without a session after this time somebody wonders. */
enum { WONDER_MS = 5000 };
/* What is to end ends without a session too: after this time, unless --wait says another. */
enum { LONG_BEHIND_US = 60000000 };
enum { WAIT_S = 30, WAIT_MOST_S = 4000000 };
/* --from was not given; --wait was not given. */
#define FROM_NOW   UINT64_MAX
#define WAIT_UNSET UINT64_MAX

struct tail {
    struct ctl *c;
    struct loop *loop;
    struct agent *agent;
    struct pick pick;
    const char *inbox, *record, *name;
    char made_name[65];
    uint64_t from, count, wait_s;
    bool json, brief, until_idle, last_values, colour;

    int record_fd;
    struct feed_record last; /* on the record */
    uint64_t seen, bulk;
    bool done, linked_once;
    int code;
    struct buf line;
    struct loop_timer *brief_timer, *wonder_timer, *wait_timer;
};

static void stop(struct tail *t, int code)
{
    t->done = true;
    t->code = code;
    loop_stop(t->loop);
}

/* --- the record ------------------------------------------------------------------------------- */

/* Cuts off a torn last line and reads the last whole one. */
static enum status find_place(struct tail *t)
{
    char text[2 * RECORD_LINE_MAX];
    off_t size = lseek(t->record_fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
    ssize_t n = pread(t->record_fd, text, sizeof(text), from), whole, start;

    if (size < 0 || n < 0)
        return ST_IO;
    for (whole = n; whole > 0 && text[whole - 1] != '\n'; whole--)
        ;
    if (whole < n && ftruncate(t->record_fd, from + whole) != 0)
        return ST_IO;
    if (whole == 0)
        return ST_OK;
    for (start = whole - 1; start > 0 && text[start - 1] != '\n'; start--)
        ;
    return feed_record_parse(&t->last, text + start, (size_t)(whole - start)) ? ST_OK : ST_INVALID;
}

static int open_record(struct tail *t)
{
    enum status st;

    t->record_fd = open(t->record, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (t->record_fd < 0)
        return program_fail(&t->c->program, EXIT_MACHINE, "%s cannot be opened: %s", t->record,
                            strerror(errno));
    st = find_place(t);
    if (st == ST_INVALID)
        return program_fail(&t->c->program, EXIT_MACHINE,
                            "%s is no record of eocctl tail; name another file", t->record);
    if (st != ST_OK)
        return program_fail(&t->c->program, EXIT_MACHINE, "%s cannot be read: %s", t->record,
                            strerror(errno));
    return EXIT_DONE;
}

static bool write_record(struct tail *t, const Eocbus__V1__Delivery *d)
{
    buf_clear(&t->line);
    feed_record(&t->line, d);
    if (t->line.failed || write(t->record_fd, t->line.data, t->line.len) != (ssize_t)t->line.len) {
        stop(t, program_fail(&t->c->program, EXIT_MACHINE, "%s cannot be written: %s", t->record,
                             strerror(errno)));
        return false;
    }
    t->last.seq = d->stamp->seq;
    t->last.log_epoch = d->stamp->log_epoch;
    return true;
}

/* --- printing --------------------------------------------------------------------------------- */

static void tell_bulk(void *arg)
{
    struct tail *t = arg;

    if (t->bulk == 0)
        return;
    buf_clear(&t->line);
    print_paint(&t->line, t->colour, PAINT_DIM);
    buf_printf(&t->line, "... %" PRIu64 " bulk message%s (observations, status)", t->bulk,
               t->bulk == 1 ? "" : "s");
    print_paint(&t->line, t->colour, PAINT_NONE);
    buf_puts(&t->line, "\n");
    t->bulk = 0;
    if (!print_flush(&t->line))
        stop(t, EXIT_DONE);
}

static bool is_bulk(const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = m ? type_by_number((unsigned)m->body_case) : NULL;

    return type && (type->flags & TYPE_BULK);
}

static void print_one(struct tail *t, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    if (t->brief && is_bulk(m)) {
        t->bulk++;
        return;
    }
    tell_bulk(t);
    buf_clear(&t->line);
    if (t->json)
        feed_json(&t->line, d, m, agent_proof(t->agent));
    else
        feed_human(&t->line, d, m, agent_proof(t->agent), t->colour);
    if (!print_flush(&t->line))
        stop(t, EXIT_DONE); /* nobody reads any more: head(1) has enough */
}

/* Of --until with a time. Numbers do not follow the brokers' clocks to the second: what comes a
 * little behind it is left out, and only what comes long behind it says that there is no more. */
static bool is_behind_the_end(struct tail *t, const Eocbus__V1__Stamp *stamp)
{
    if (!t->pick.until_us || stamp->received_time_us <= t->pick.until_us)
        return false;
    if (stamp->received_time_us > t->pick.until_us + LONG_BEHIND_US)
        stop(t, EXIT_DONE);
    return true;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct tail *t = arg;
    bool numbered = !d->stamp->provisional;

    if (t->done)
        return false; /* not acted on: it is delivered again to whoever goes on */
    if (numbered && is_behind_the_end(t, d->stamp))
        return true;
    if (t->record && numbered) {
        if (d->stamp->log_epoch == t->last.log_epoch && d->stamp->seq <= t->last.seq)
            return true;
        if (!write_record(t, d))
            return false;
    }
    print_one(t, d, m);
    if (numbered && ++t->seen == t->count)
        stop(t, EXIT_DONE);
    return true;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    struct tail *t = arg;

    if (t->done)
        return;
    tell_bulk(t);
    buf_clear(&t->line);
    if (t->json)
        feed_json_withdrawn(&t->line, w);
    else
        feed_human_withdrawn(&t->line, w, loop_utc_us(t->loop), t->colour);
    if (!print_flush(&t->line))
        stop(t, EXIT_DONE);
}

static void on_horizon(void *arg, uint64_t horizon)
{
    struct tail *t = arg;

    if (!t->done && (t->until_idle || (t->pick.upto && horizon >= t->pick.upto) ||
                     (t->pick.until_us && loop_utc_us(t->loop) > t->pick.until_us)))
        stop(t, EXIT_DONE);
}

/* --- the link --------------------------------------------------------------------------------- */

static void wait_for_session(struct tail *t)
{
    if (t->wait_s && !t->done)
        loop_timer_start(t->wait_timer, t->wait_s * 1000, 0);
}

static void on_waited(void *arg)
{
    struct tail *t = arg;

    stop(t, program_fail(&t->c->program, EXIT_UNREACHABLE,
                         "no session with a broker at %s for %" PRIu64 " seconds (--wait)",
                         t->c->set.agent.endpoints.items[0], t->wait_s));
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct tail *t = arg;
    struct buf b = {0};

    if (up) {
        t->linked_once = true;
        loop_timer_stop(t->wait_timer);
        return;
    }
    wait_for_session(t);
    print_escaped(&b, why ? why : "", why ? strlen(why) : 0);
    buf_put(&b, "", 1);
    fprintf(stderr, "eocctl: no link to a broker (%s); it comes back by itself\n",
            b.failed ? "" : (const char *)b.data);
    buf_free(&b);
}

static void on_wonder(void *arg)
{
    const struct tail *t = arg;

    if (!t->linked_once)
        fprintf(stderr,
                "eocctl: no session with a broker yet; does one run at %s, and is the key of %s "
                "enrolled? "
                "Trying on\n",
                t->c->set.agent.endpoints.items[0], t->c->set.agent.name);
}

static void on_fault(void *arg, const Eocbus__V1__Fault *f)
{
    struct tail *t = arg;

    if (f->retry_ms == 0 && !t->done)
        stop(t, program_fail(&t->c->program, EXIT_REFUSED, "the broker says %s: %s", f->code,
                             f->text));
}

static void on_signal(void *arg, int signum)
{
    (void)signum;
    stop(arg, EXIT_DONE);
}

static enum status subscribe(struct tail *t, struct agent *agent, char *err, size_t err_size)
{
    struct agent_subscription sub = {
        .patterns = t->pick.items,
        .pattern_count = t->pick.count,
        .lane_count = t->pick.lane_count,
        .from_now = t->from == FROM_NOW && t->last.seq == 0,
        .after_time_us = t->last.seq ? 0 : t->pick.since_us,
        .upto = t->pick.upto,
        .last_values = t->last_values,
        .durable_name = t->name,
        .after = t->last.seq                          ? t->last.seq
                 : t->from > 0 && t->from != FROM_NOW ? t->from - 1
                                                      : 0,
        .inbox_path = t->inbox,
        .numbered_copies = true, /* the record and --count want the number */
        .arg = t,
        .message = on_message,
        .horizon = on_horizon,
        .withdrawn = on_withdrawn,
    };

    memcpy(sub.lanes, t->pick.lane, sizeof(sub.lanes));
    return agent_subscribe(agent, &sub, err, err_size);
}

static int listen_until_done(struct tail *t, struct agent *agent)
{
    struct loop_signal *interrupted = NULL, *terminated = NULL;
    char err[600];

    if (subscribe(t, agent, err, sizeof(err)) != ST_OK)
        return program_fail(&t->c->program, EXIT_USAGE, "%s", err);
    if (loop_signal_create(&interrupted, t->loop, SIGINT, on_signal, t) != ST_OK ||
        loop_signal_create(&terminated, t->loop, SIGTERM, on_signal, t) != ST_OK) {
        loop_signal_destroy(interrupted);
        return program_fail(&t->c->program, EXIT_MACHINE, "signals cannot be caught");
    }
    if (t->brief)
        loop_timer_start(t->brief_timer, BRIEF_MS, BRIEF_MS);
    loop_timer_start(t->wonder_timer, WONDER_MS, 0);
    wait_for_session(t);
    loop_run(t->loop);
    tell_bulk(t);
    loop_signal_destroy(terminated);
    loop_signal_destroy(interrupted);
    return t->code;
}

static int run_agent(struct tail *t)
{
    const struct agent_events events = {.arg = t, .linked = on_linked, .fault = on_fault};
    struct agent_settings set = t->c->set.agent; /* borrowed texts */
    struct agent *agent;
    char nothing[] = "", err[600];
    int code;

    set.outbox_path = nothing; /* a listener leaves the outbox to whoever speaks */
    if (agent_create(&agent, t->loop, &set, "eocctl " EOCBUS_VERSION, &events, err, sizeof(err)) !=
        ST_OK)
        return program_fail(&t->c->program, EXIT_MACHINE, "%s", err);
    t->agent = agent;
    code = listen_until_done(t, agent);
    agent_destroy(agent);
    return code;
}

static int run_loop(struct tail *t)
{
    int code = EXIT_MACHINE;

    if (loop_create(&t->loop) != ST_OK)
        return program_fail(&t->c->program, EXIT_MACHINE, "no event loop could be made");
    if (loop_timer_create(&t->brief_timer, t->loop, tell_bulk, t) == ST_OK &&
        loop_timer_create(&t->wonder_timer, t->loop, on_wonder, t) == ST_OK &&
        loop_timer_create(&t->wait_timer, t->loop, on_waited, t) == ST_OK)
        code = run_agent(t);
    loop_timer_destroy(t->wait_timer);
    loop_timer_destroy(t->wonder_timer);
    loop_timer_destroy(t->brief_timer);
    loop_destroy(t->loop);
    return code;
}

/* Where it is, is kept at the centre too, so that people see how far behind it is and a lost file
 * loses nothing. Another file, or one on another machine, is another listener. */
static void name_inbox(struct tail *t)
{
    char host[65] = "", whole[PATH_MAX + 80], path[PATH_MAX];
    const char *slash = strrchr(t->inbox, '/'), *base = slash ? slash + 1 : t->inbox;

    if (t->name)
        return;
    (void)!gethostname(host, sizeof(host) - 1);
    snprintf(whole, sizeof(whole), "%s %s", host, realpath(t->inbox, path) ? path : t->inbox);
    snprintf(t->made_name, sizeof(t->made_name), "tail %.40s %08" PRIx32, base,
             (uint32_t)feed_digest(whole, strlen(whole)));
    t->name = t->made_name;
}

static int64_t utc_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Which of them go together, and what is meant where nothing is said. */
static int check_options(struct tail *t)
{
    const struct program *program = &t->c->program;
    char err[400];

    if (t->c->argc != 1)
        return program_fail(program, EXIT_USAGE, "tail takes only options; see --help");
    if (t->pick.since && t->from != FROM_NOW)
        return program_fail(program, EXIT_USAGE, "--from and --since both say where to begin");
    if (pick_read(&t->pick, utc_us(), err, sizeof(err)) != ST_OK)
        return program_fail(program, EXIT_USAGE, "%s", err);
    if (t->inbox && t->record)
        return program_fail(program, EXIT_USAGE,
                            "--inbox and --record both keep the place; take one");
    if (t->wait_s == WAIT_UNSET)
        t->wait_s = t->until_idle || t->count || t->pick.until ? WAIT_S : 0;
    else if (t->wait_s > WAIT_MOST_S)
        return program_fail(program, EXIT_USAGE, "--wait takes at most %d seconds", WAIT_MOST_S);
    return EXIT_DONE;
}

int ctl_tail(struct ctl *c)
{
    struct tail t = {.c = c, .record_fd = -1, .from = FROM_NOW, .wait_s = WAIT_UNSET};
    const struct option_row options[] = {
        {"--json", OPTION_FLAG, &t.json},
        {"--from", OPTION_NUMBER, &t.from},
        PICK_ROWS(&t.pick),
        {"--count", OPTION_NUMBER, &t.count},
        {"--inbox", OPTION_TEXT, &t.inbox},
        {"--record", OPTION_TEXT, &t.record},
        {"--brief", OPTION_FLAG, &t.brief},
        {"--until-idle", OPTION_FLAG, &t.until_idle},
        {"--wait", OPTION_NUMBER, &t.wait_s},
        {"--name", OPTION_TEXT, &t.name},
        {"--last-values", OPTION_FLAG, &t.last_values},
    };
    char err[400];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    code = check_options(&t);
    if (code != EXIT_DONE)
        return code;
    if (t.inbox)
        name_inbox(&t);
    signal(SIGPIPE, SIG_IGN);
    t.colour = !t.json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    if (t.record)
        code = open_record(&t);
    if (code == EXIT_DONE)
        code = run_loop(&t);
    if (t.record_fd >= 0)
        close(t.record_fd);
    buf_free(&t.line);
    return code;
}
