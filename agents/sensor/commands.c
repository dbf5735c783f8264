/* commands - what eocbus-sensor does besides running: send, replay, status, formats.
 *
 * send and replay put into the outbox and wait for receipts; a gateway that runs on the same outbox
 * sends it for them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agents/link/options.h"
#include "agents/link/speak.h"
#include "agents/sensor/detect/profiles.h"
#include "agents/sensor/input/intake.h"
#include "agents/sensor/input/sample_line.h"
#include "agents/link/compact.h"
#include "agents/sensor/settings.h"

#include "proto/base/banned.h"

#define PROGRAM_WORDS "eocbus-sensor " EOCBUS_VERSION
/* Messages between two commits of a replay. */
#define STEP_MESSAGES 256
/* A disk that is full or an outbox that is held may be free again soon. */
#define TRIES 5

struct command {
    struct sensor *s;
    const char *file, *once_key, *speed, *shift, *zone;
    uint64_t wait_s;
    bool no_wait;
    struct speak *speak;
    uint64_t lines, bad, repeated;
};

static enum status put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct command *c = arg;
    uint64_t tag;
    enum status st = outbox_put(speak_outbox(c->speak), m, &tag, why);
    enum status noted = st == ST_OK || st == ST_EXISTS ? speak_note(c->speak, tag) : ST_OK;

    return noted == ST_OK ? st : noted;
}

static enum status commit(void *arg)
{
    return speak_commit(((struct command *)arg)->speak);
}

static int fail_put(struct command *c, enum status st, const char *text)
{
    int code = st == ST_INVALID ? EXIT_REFUSED : st == ST_AGAIN ? EXIT_UNREACHABLE : EXIT_MACHINE;

    return program_fail(c->s->program, code, "%s",
                        *text ? text : outbox_trouble(speak_outbox(c->speak)));
}

static int wait_and_judge(struct command *c)
{
    struct speak_result r;
    enum status st = ST_OK;

    if (!c->no_wait)
        st = speak_wait(c->speak, false);
    speak_result(c->speak, &r);
    printf("said %zu, stored %zu, refused %zu, waiting %zu\n", r.said, r.stored, r.refused,
           r.waiting);
    if (c->no_wait)
        return c->bad ? EXIT_REFUSED : EXIT_DONE;
    if (st != ST_OK)
        return program_fail(c->s->program, EXIT_UNREACHABLE,
                            "%zu messages have no receipt yet; they are safe in %s and go out with "
                            "the next link%s%s",
                            r.waiting, c->s->set.agent.outbox_path, *r.trouble ? ": " : "",
                            r.trouble);
    return r.refused || c->bad ? EXIT_REFUSED : EXIT_DONE;
}

static int open_speak(struct command *c)
{
    const struct speak_settings set = {.agent = &c->s->set.agent,
                                       .program = PROGRAM_WORDS,
                                       .wait_s = c->no_wait ? 0 : (unsigned)c->wait_s};
    char err[600];
    enum status st = speak_create(&c->speak, &set, err, sizeof(err));

    if (st == ST_OK)
        st = sensor_registry_version(c->s, err, sizeof(err));
    if (st == ST_OK)
        return -1;
    return program_fail(c->s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

static enum status use_key(struct command *c, const char *key)
{
    return key ? outbox_once(speak_outbox(c->speak), key) : ST_OK;
}

static int64_t utc_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- send ------------------------------------------------------------------------------------- */

static void take_line(struct command *c, struct intake *in, const char *line, size_t len)
{
    char why[SAMPLE_ANSWER_BYTES];
    int64_t now_us = utc_us();
    struct sample sample;
    unsigned stream;

    c->lines++;
    switch (sample_line_read(&c->s->station, line, len, now_us, &stream, &sample, why)) {
    case LINE_SAMPLE:
        intake_sample(in, stream, &sample, now_us);
        break;
    case LINE_BAD:
        c->bad++;
        fprintf(stderr, "line %" PRIu64 ": %s\n", c->lines, why);
        break;
    default:
        break;
    }
}

/* Bounded: of a longer line only so much is kept that it is refused as too long. */
static enum status read_lines(struct command *c, struct intake *in, FILE *f, char *why)
{
    char line[SAMPLE_LINE_BYTES + 2];
    size_t len = 0;
    int ch;

    while ((ch = getc(f)) != EOF) {
        if (ch != '\n') {
            if (len < sizeof(line))
                line[len++] = (char)ch;
            continue;
        }
        take_line(c, in, line, len);
        len = 0;
        if (intake_is_due(in)) {
            enum status st = intake_commit(in, why);

            if (st != ST_OK)
                return st;
        }
    }
    if (len)
        take_line(c, in, line, len);
    return intake_commit(in, why);
}

static int send_lines(struct command *c, FILE *f)
{
    const struct sensor_settings *set = &c->s->set;
    const struct intake_settings intake = {
        .station = &c->s->station,
        .detectors = &set->detectors,
        .speaker = &c->s->speaker,
        .batch_samples = set->batch_samples,
        .batch_period_us = set->batch_period_ms * INT64_C(1000),
        .hold_us = set->detect_hold_ms * INT64_C(1000),
        .put = put,
        .commit = commit,
        .arg = c,
    };
    char why[600] = "";
    struct intake *in = NULL;
    enum status st = intake_create(&in, &intake, why, sizeof(why));

    if (st == ST_OK)
        st = use_key(c, c->once_key);
    if (st == ST_OK)
        st = read_lines(c, in, f, why);
    intake_destroy(in);
    return st == ST_OK ? wait_and_judge(c) : fail_put(c, st, why);
}

static int take_options(struct command *c, const struct option_row *rows, size_t n)
{
    char err[400];

    if (options_take(rows, n, &c->s->argc, c->s->argv, err, sizeof(err)) != ST_OK)
        return program_fail(c->s->program, EXIT_USAGE, "%s", err);
    if (c->wait_s > 86400)
        c->wait_s = 86400;
    c->no_wait = c->no_wait || c->wait_s == 0;
    return -1;
}

int sensor_send(struct sensor *s)
{
    struct command c = {.s = s, .wait_s = 30};
    const struct option_row rows[] = {
        {"--once-key", OPTION_TEXT, &c.once_key},
        {"--wait", OPTION_NUMBER, &c.wait_s},
        {"--no-wait", OPTION_FLAG, &c.no_wait},
    };
    int code = take_options(&c, rows, ARRAY_LEN(rows));
    FILE *f = stdin;

    if (code >= 0)
        return code;
    if (s->argc > 2)
        return program_fail(s->program, EXIT_USAGE, "send takes one file at most");
    if (s->argc == 2 && strcmp(s->argv[1], "-") != 0)
        f = fopen(s->argv[1], "re");
    if (!f)
        return program_fail(s->program, EXIT_MACHINE, "%s: %s", s->argv[1], strerror(errno));
    code = open_speak(&c);
    if (code < 0)
        code = send_lines(&c, f);
    speak_destroy(c.speak);
    if (f != stdin)
        fclose(f);
    return code;
}

/* --- replay ----------------------------------------------------------------------------------- */

static void pause_ms(struct command *c, unsigned ms)
{
    uint64_t until = loop_exact_us(speak_loop(c->speak)) + ms * UINT64_C(1000), now;

    /* The link goes on meanwhile. */
    while ((now = loop_exact_us(speak_loop(c->speak))) < until)
        loop_turn(speak_loop(c->speak), (unsigned)((until - now) / 1000) + 1);
}

static enum status play(struct command *c, struct replay *r, const char *key)
{
    struct loop *loop = speak_loop(c->speak);
    unsigned wait_ms = 0;
    enum status st = use_key(c, key), kept;

    while (st == ST_OK) {
        if (wait_ms)
            pause_ms(c, wait_ms);
        else
            loop_turn(loop, 0);
        st = replay_play(r, STEP_MESSAGES, loop_exact_us(loop), &wait_ms);
        kept = speak_commit(c->speak);
        if (kept != ST_OK)
            st = kept;
    }
    return st;
}

static int play_all(struct command *c, struct replay *r, const char *key)
{
    struct replay_counts counts;
    enum status st = ST_OK;

    for (int tries = 0; tries < TRIES; tries++) {
        st = play(c, r, key);
        if (st == ST_NOTFOUND || st == ST_INVALID)
            break;
        /* Without a key a second run would say things twice. */
        if (!key || replay_rewind(r) != ST_OK)
            break;
        pause_ms(c, 1000);
    }
    if (st != ST_NOTFOUND)
        return fail_put(c, st, replay_trouble(r));
    replay_counts(r, &counts);
    printf("records %" PRIu64 ", messages %" PRIu64 ", said before %" PRIu64 ", bad lines %" PRIu64
           "\n",
           counts.records, counts.said, counts.repeated, counts.bad_lines);
    fflush(stdout);
    return wait_and_judge(c);
}

/* FORMAT FILE DATASTREAM... from the command line as one line of the settings. */
static enum status line_of(struct command *c, struct buf *line)
{
    for (int i = 1; i < c->s->argc; i++)
        buf_printf(line, strchr(c->s->argv[i], ' ') ? "\"%s\" " : "%s ", c->s->argv[i]);
    if (c->shift)
        buf_printf(line, "shift=%s ", c->shift);
    if (c->zone)
        buf_printf(line, "zone=%s ", c->zone);
    buf_put(line, "", 1);
    return line->failed ? ST_NOMEM : ST_OK;
}

static int replay_with(struct command *c, const struct conf_list *lines)
{
    struct replay_settings set;
    struct replay *r = NULL;
    char err[600];
    int code;
    enum status st;

    sensor_replay_settings(c->s, &set);
    set.replays = lines;
    set.put = put;
    set.arg = c;
    if (c->speed && !speed_read(&set.speed, c->speed))
        return program_fail(c->s->program, EXIT_USAGE,
                            "--speed %s: legal are max, and numbers like 60x", c->speed);
    st = replay_create(&r, &set, err, sizeof(err));
    if (st != ST_OK)
        return program_fail(c->s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
    /* Lines of the settings have the daemon's key: both may play them, each message is said once.
     */
    code = play_all(c, r, c->s->argc > 1 ? c->once_key : replay_key(r));
    replay_destroy(r);
    return code;
}

static int replay_lines(struct command *c)
{
    struct buf line = {0};
    char *items[1];
    struct conf_list one = {items, 1};
    int code;

    if (c->s->argc == 1 && !c->s->set.replays.count)
        return program_fail(c->s->program, EXIT_USAGE,
                            "the settings have no replay lines; say FORMAT FILE DATASTREAM...");
    if (c->s->speaker.status == EOCBUS__V1__STATUS__STATUS_ACTUAL)
        return program_fail(c->s->program, EXIT_USAGE,
                            "a replay is never actual: add -o status=exercise or -o status=test");
    code = open_speak(c);
    if (code >= 0)
        return code;
    if (c->s->argc == 1)
        return replay_with(c, &c->s->set.replays);
    if (line_of(c, &line) != ST_OK) {
        buf_free(&line);
        return program_fail(c->s->program, EXIT_MACHINE, "out of memory");
    }
    items[0] = (char *)line.data;
    code = replay_with(c, &one);
    buf_free(&line);
    return code;
}

int sensor_replay(struct sensor *s)
{
    struct command c = {.s = s, .wait_s = 600};
    const struct option_row rows[] = {
        {"--once-key", OPTION_TEXT, &c.once_key}, {"--wait", OPTION_NUMBER, &c.wait_s},
        {"--no-wait", OPTION_FLAG, &c.no_wait},   {"--speed", OPTION_TEXT, &c.speed},
        {"--shift", OPTION_TEXT, &c.shift},       {"--zone", OPTION_TEXT, &c.zone},
    };
    int code = take_options(&c, rows, ARRAY_LEN(rows));

    if (code < 0)
        code = replay_lines(&c);
    speak_destroy(c.speak);
    return code;
}

/* --- status and formats ----------------------------------------------------------------------- */

int sensor_status(struct sensor *s)
{
    const struct outbox_settings set = {.path = s->set.agent.outbox_path,
                                        .sender = s->set.agent.name,
                                        .budget_bytes = s->set.agent.outbox_budget};
    static const char *const lanes[] = {"", "flash", "immediate", "priority", "routine", "bulk"};
    struct outbox_counts counts;
    struct outbox *o = NULL;
    char err[600];

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        return program_fail(s->program, EXIT_MACHINE, "%s", err);
    if (outbox_counts(o, &counts) != ST_OK) {
        int code = program_fail(s->program, EXIT_MACHINE, "%s", outbox_trouble(o));

        outbox_close(o);
        return code;
    }
    printf("outbox=%s\nput=%" PRIu64 "\n", s->set.agent.outbox_path, counts.put);
    for (unsigned lane = 1; lane <= 5; lane++)
        printf("waiting.%s=%" PRIu64 "\n", lanes[lane], counts.waiting[lane]);
    printf("stored=%" PRIu64 "\nrefused=%" PRIu64 "\nbytes=%" PRIu64 "\n", counts.stored,
           counts.refused, counts.bytes);
    printf("running=%s\n", outbox_lock(o) == ST_EXISTS ? "yes" : "no");
    outbox_close(o);
    sensor_print_journal(s);
    return EXIT_DONE;
}

int sensor_compact_key(struct sensor *s)
{
    uint64_t id = 0;
    char err[400];
    enum status st;

    if (s->argc != 3 || !count_read(&id, slice_of(s->argv[2]), 65535))
        return program_fail(s->program, EXIT_USAGE,
                            "compact-key wants FILE and ID, a number from 1 to 65535");
    st = compact_key_make(s->argv[1], (uint32_t)id, err, sizeof(err));
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

int sensor_formats(struct sensor *s)
{
    (void)s;
    for (size_t i = 0; format_at(i); i++)
        printf("%-11s %s (column %u)\n", format_at(i)->name, format_at(i)->help,
               format_at(i)->value_column);
    return EXIT_DONE;
}

int sensor_profiles(struct sensor *s)
{
    (void)s;
    profiles_print(stdout);
    return EXIT_DONE;
}
