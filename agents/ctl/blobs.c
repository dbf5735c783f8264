/* blobs - a listener that puts files together from their pieces.
 *
 * A piece is on disk before it is acknowledged, and the place of the listener is kept beside the
 * files: so a kill anywhere costs nothing but the piece that was on its way. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/link/blob_box.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "proto/wire/topic.h"

#include "proto/base/banned.h"

/* What is to end ends without a session too. */
enum { WAIT_S = 30, WAIT_MOST_S = 4000000 };
#define WAIT_UNSET UINT64_MAX

struct blobs {
    struct ctl *c;
    struct loop *loop;
    struct loop_timer *wait_timer;
    struct blob_box *box;
    struct option_words patterns;
    const char *into;
    uint64_t from, most_bytes, count, wait_s;
    bool until_idle;

    uint64_t whole;
    bool done;
    int code;
};

static void stop(struct blobs *b, int code)
{
    b->done = true;
    b->code = code;
    loop_stop(b->loop);
}

static void print_line(struct blobs *b, const char *word, const struct blob_news *news,
                       const char *name)
{
    struct buf line = {0};

    buf_printf(&line, "%s %s %" PRIu64 " bytes", word, news->hash, news->total);
    if (*name) {
        buf_puts(&line, "  ");
        print_escaped(&line, name, strlen(name));
    }
    if (news->why)
        buf_printf(&line, "  %s", news->why);
    buf_puts(&line, "\n");
    if (!print_flush(&line))
        stop(b, EXIT_DONE);
    buf_free(&line);
}

static bool fail_disk(struct blobs *b)
{
    stop(b, program_fail(&b->c->program, EXIT_MACHINE,
                         "%s cannot be written: %s; started again it goes on", b->into,
                         strerror(errno)));
    return false;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct blobs *b = arg;
    struct blob_news news;

    (void)d;
    if (b->done)
        return false; /* it is delivered again to whoever goes on */
    if (!m || m->body_case != EOCBUS__V1__ENVELOPE__BODY_BLOB_CHUNK)
        return true;
    if (blob_box_take(b->box, m->sender, m->blob_chunk, &news) != ST_OK)
        return fail_disk(b);
    if (news.event == BLOB_WHOLE)
        print_line(b, "whole", &news, m->blob_chunk->name);
    else if (news.event == BLOB_WRONG)
        print_line(b, "wrong", &news, m->blob_chunk->name);
    else if (news.event == BLOB_REFUSED)
        print_line(b, "refused", &news, m->blob_chunk->name);
    b->whole += news.event == BLOB_WHOLE;
    if (b->count && b->whole >= b->count && !b->done)
        stop(b, EXIT_DONE);
    return true;
}

static void on_horizon(void *arg, uint64_t horizon)
{
    struct blobs *b = arg;

    (void)horizon;
    if (b->until_idle && !b->done)
        stop(b, EXIT_DONE);
}

static void wait_for_session(struct blobs *b)
{
    if (b->wait_s && !b->done)
        loop_timer_start(b->wait_timer, b->wait_s * 1000, 0);
}

static void on_waited(void *arg)
{
    struct blobs *b = arg;

    stop(b, program_fail(&b->c->program, EXIT_UNREACHABLE,
                         "no session with a broker for %" PRIu64 " seconds (--wait)", b->wait_s));
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct blobs *b = arg;

    (void)why;
    if (up)
        loop_timer_stop(b->wait_timer);
    else
        wait_for_session(b);
}

static void on_fault(void *arg, const Eocbus__V1__Fault *f)
{
    struct blobs *b = arg;

    if (f->retry_ms == 0 && !b->done)
        stop(b, program_fail(&b->c->program, EXIT_REFUSED, "the broker says %s: %s", f->code,
                             f->text));
}

static void on_signal(void *arg, int signum)
{
    (void)signum;
    stop(arg, EXIT_DONE);
}

static int listen_until_done(struct blobs *b, struct agent *agent)
{
    static const char *const pieces[] = {"*.transfer.blob_chunk.**"};
    struct loop_signal *interrupted = NULL, *terminated = NULL;
    char inbox[4400], err[600];
    const struct agent_subscription sub = {
        .patterns = b->patterns.count ? b->patterns.items : pieces,
        .pattern_count = b->patterns.count ? b->patterns.count : 1,
        .after = b->from > 0 ? b->from - 1 : 0,
        .inbox_path = inbox,
        .arg = b,
        .message = on_message,
        .horizon = on_horizon,
    };

    snprintf(inbox, sizeof(inbox), "%s/inbox", b->into);
    if (agent_subscribe(agent, &sub, err, sizeof(err)) != ST_OK)
        return program_fail(&b->c->program, EXIT_USAGE, "%s", err);
    if (loop_signal_create(&interrupted, b->loop, SIGINT, on_signal, b) != ST_OK ||
        loop_signal_create(&terminated, b->loop, SIGTERM, on_signal, b) != ST_OK) {
        loop_signal_destroy(interrupted);
        return program_fail(&b->c->program, EXIT_MACHINE, "signals cannot be caught");
    }
    wait_for_session(b);
    loop_run(b->loop);
    loop_signal_destroy(terminated);
    loop_signal_destroy(interrupted);
    if (b->code == EXIT_DONE && blob_box_waiting(b->box))
        printf("%u not whole yet\n", blob_box_waiting(b->box));
    return b->code;
}

static int run_agent(struct blobs *b)
{
    const struct agent_events events = {.arg = b, .linked = on_linked, .fault = on_fault};
    struct agent_settings set = b->c->set.agent; /* borrowed texts */
    struct agent *agent;
    char nothing[] = "", err[600];
    int code;

    set.outbox_path = nothing; /* a listener leaves the outbox to whoever speaks */
    if (agent_create(&agent, b->loop, &set, "eocctl " EOCBUS_VERSION, &events, err, sizeof(err)) !=
        ST_OK)
        return program_fail(&b->c->program, EXIT_MACHINE, "%s", err);
    code = listen_until_done(b, agent);
    agent_destroy(agent);
    return code;
}

static int run_box(struct blobs *b)
{
    const struct blob_box_settings set = {.folder = b->into, .most_bytes = b->most_bytes};
    char err[600];
    int code;

    if (blob_box_open(&b->box, &set, err, sizeof(err)) != ST_OK)
        return program_fail(&b->c->program, EXIT_MACHINE, "%s", err);
    if (loop_create(&b->loop) == ST_OK &&
        loop_timer_create(&b->wait_timer, b->loop, on_waited, b) == ST_OK)
        code = run_agent(b);
    else
        code = program_fail(&b->c->program, EXIT_MACHINE, "no event loop could be made");
    loop_timer_destroy(b->wait_timer);
    loop_destroy(b->loop);
    blob_box_close(b->box);
    return code;
}

int ctl_blobs(struct ctl *c)
{
    struct blobs b = {.c = c, .wait_s = WAIT_UNSET};
    const struct option_row options[] = {
        {"--into", OPTION_TEXT, &b.into},     {"--pattern", OPTION_WORDS, &b.patterns},
        {"--from", OPTION_NUMBER, &b.from},   {"--most-bytes", OPTION_NUMBER, &b.most_bytes},
        {"--count", OPTION_NUMBER, &b.count}, {"--until-idle", OPTION_FLAG, &b.until_idle},
        {"--wait", OPTION_NUMBER, &b.wait_s},
    };
    char err[400];

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1 || !b.into)
        return program_fail(&c->program, EXIT_USAGE, "blobs --into DIR; see --help");
    for (unsigned i = 0; i < b.patterns.count; i++)
        if (pattern_fault(b.patterns.items[i]))
            return program_fail(&c->program, EXIT_USAGE, "\"%s\": %s", b.patterns.items[i],
                                pattern_fault(b.patterns.items[i]));
    if (b.wait_s == WAIT_UNSET)
        b.wait_s = b.until_idle || b.count ? WAIT_S : 0;
    else if (b.wait_s > WAIT_MOST_S)
        return program_fail(&c->program, EXIT_USAGE, "--wait takes at most %d seconds",
                            WAIT_MOST_S);
    signal(SIGPIPE, SIG_IGN);
    return run_box(&b);
}
