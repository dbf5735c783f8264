/* torrent_command - eocbus-sensor torrent: a simulated event into a file of lines, or played into
 * the bus as a replay of such a file. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/options.h"
#include "agents/sensor/replay/torrent.h"
#include "agents/sensor/settings.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define MINUTE_US INT64_C(60000000)

struct asked {
    struct sensor *s;
    uint64_t seed, failures;
    const char *story, *begin, *span, *labels, *speed;
    bool says;
    struct torrent_settings set;
    double data_seconds; /* in one second; 0 = as fast as it goes */
    FILE *out;
};

static int wrong(struct asked *a, const char *option, const char *legal)
{
    return program_fail(a->s->program, EXIT_USAGE, "%s: %s", option, legal);
}

static int cannot_write(struct asked *a, const char *path)
{
    return program_fail(a->s->program, EXIT_MACHINE, "%s: %s", path, strerror(errno));
}

/* --- the file --------------------------------------------------------------------------------- */

static void put_value(FILE *out, const struct datastream *d, int64_t value)
{
    struct decimal v = {value, d->exponent};

    fprintf(out, "%.*f", d->exponent < 0 ? -d->exponent : 0, decimal_real(v));
}

static bool put_line(void *arg, unsigned stream, const struct sample *s)
{
    struct asked *a = arg;
    const struct datastream *d = &a->s->station.streams[stream];
    char at[TIME_TEXT];

    time_format(at, s->time_us);
    fprintf(a->out, "%s %s ", d->name, at);
    put_value(a->out, d, s->value);
    return fputc('\n', a->out) != EOF;
}

/* An exercise of the torrent's own event, for evaluate. */
static int write_labels(struct asked *a, const struct torrent *t)
{
    struct label event;
    char from[TIME_TEXT], to[TIME_TEXT];
    FILE *f;

    if (!a->labels)
        return -1;
    f = fopen(a->labels, "we");
    if (!f)
        return cannot_write(a, a->labels);
    fprintf(f, "from,to,name\n");
    if (torrent_event(t, &event)) {
        time_format(from, event.from_us);
        time_format(to, event.to_us);
        fprintf(f, "%s,%s,%s\n", from, to, event.name);
    }
    return fclose(f) == 0 ? -1 : cannot_write(a, a->labels);
}

static int write_lines(struct asked *a, const struct torrent *t, const char *path)
{
    bool ok;

    torrent_tell(t, a->out);
    torrent_run(t, put_line, a);
    ok = fflush(a->out) == 0 && !ferror(a->out);
    if (a->out != stdout)
        ok = fclose(a->out) == 0 && ok;
    return ok ? -1 : cannot_write(a, path);
}

/* --- into the bus ----------------------------------------------------------------------------- */

static int replay_file(struct asked *a, char *path)
{
    char replay[] = "replay", lines[] = "lines", option[] = "--speed", max[] = "max";
    char *speed = a->speed ? (char *)a->speed : max;
    char *argv[] = {replay, lines, path, option, speed, NULL};

    a->s->argc = 5;
    a->s->argv = argv;
    return sensor_replay(a->s);
}

static int say(struct asked *a, const struct torrent *t)
{
    char path[] = "/tmp/eocbus-torrent.XXXXXX", err[600];
    int fd, code;

    if (conf_check(sensor_rows, sensor_row_count, NULL, &a->s->set, err, sizeof(err)) != ST_OK)
        return program_fail(a->s->program, EXIT_USAGE, "%s", err);
    if (!*a->s->set.agent.outbox_path)
        return program_fail(a->s->program, EXIT_USAGE, "outbox.path is empty");
    if (a->s->speaker.status == EOCBUS__V1__STATUS__STATUS_ACTUAL)
        return wrong(a, "--say", "a simulated event is never actual: add -o status=exercise");
    fd = mkstemp(path);
    a->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!a->out)
        return cannot_write(a, path);
    torrent_tell(t, stdout);
    fflush(stdout);
    code = write_lines(a, t, path);
    if (code < 0)
        code = replay_file(a, path);
    unlink(path);
    return code;
}

/* --- the command line ------------------------------------------------------------------------- */

/* What is played shall end now, or go on with the clock if it is played as slowly as that. */
static int64_t begin_for(const struct asked *a)
{
    struct timespec now;
    int64_t now_us;

    clock_gettime(CLOCK_REALTIME, &now);
    now_us = (int64_t)now.tv_sec * 1000000 / MINUTE_US * MINUTE_US;
    if (!a->says || a->data_seconds <= 0)
        return now_us - a->set.span_us;
    return now_us - (int64_t)((double)a->set.span_us * (1 - fmin(1, 1 / a->data_seconds)));
}

static int read_options(struct asked *a)
{
    bool zoned = true;

    a->set.span_us = 180 * MINUTE_US;
    if (a->story && !torrent_story_read(&a->set.story, a->story))
        return wrong(a, "--story", "legal are mudflow, flood, rain and quake");
    if (a->span &&
        (!span_read_us(&a->set.span_us, slice_of(a->span)) || a->set.span_us < 30 * MINUTE_US))
        return wrong(a, "--span", "wants a time like 3h, at least 30m");
    if (a->speed && !speed_read(&a->data_seconds, a->speed))
        return wrong(a, "--speed", "legal are max, and numbers like 60x");
    if (a->failures > TORRENT_FAILURES)
        return wrong(a, "--fail", "at most 8 channels fail");
    a->set.begin_us = begin_for(a);
    if (a->begin && (!civil_any(&a->set.begin_us, &zoned, slice_of(a->begin)) || !zoned))
        return wrong(a, "--begin", "wants a time like 2010-08-07T20:00:00+05:00");
    a->set.station = &a->s->station;
    a->set.seed = a->seed;
    a->set.failures = (unsigned)a->failures;
    return -1;
}

static int run(struct asked *a)
{
    struct torrent t;
    const char *path = a->s->argc > 1 ? a->s->argv[1] : "-";
    int code = read_options(a);

    if (code < 0 && a->s->argc > 2)
        code = wrong(a, "torrent", "takes one file at most");
    if (code >= 0)
        return code;
    if (torrent_begin(&t, &a->set) != ST_OK)
        return wrong(a, "torrent", "the settings describe no datastream");
    code = write_labels(a, &t);
    if (code < 0 && a->says)
        return say(a, &t);
    if (code >= 0)
        return code;
    a->out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    code = a->out ? write_lines(a, &t, path) : cannot_write(a, path);
    return code < 0 ? EXIT_DONE : code;
}

int sensor_torrent(struct sensor *s)
{
    struct asked a = {.s = s, .seed = 1, .failures = 1};
    const struct option_row rows[] = {
        {"--seed", OPTION_NUMBER, &a.seed}, {"--fail", OPTION_NUMBER, &a.failures},
        {"--story", OPTION_TEXT, &a.story}, {"--begin", OPTION_TEXT, &a.begin},
        {"--span", OPTION_TEXT, &a.span},   {"--labels", OPTION_TEXT, &a.labels},
        {"--speed", OPTION_TEXT, &a.speed}, {"--say", OPTION_FLAG, &a.says},
    };
    char err[400];

    if (options_take(rows, ARRAY_LEN(rows), &s->argc, s->argv, err, sizeof(err)) != ST_OK)
        return program_fail(s->program, EXIT_USAGE, "%s", err);
    return run(&a);
}
