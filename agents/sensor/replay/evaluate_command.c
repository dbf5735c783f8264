/* evaluate_command - eocbus-sensor evaluate: what stands on the command line, made into candidates
 * and records. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/options.h"
#include "agents/sensor/replay/alarms.h"
#include "agents/sensor/replay/evaluate.h"
#include "agents/sensor/replay/plot.h"
#include "agents/sensor/replay/storms.h"
#include "agents/sensor/settings.h"

#include "proto/base/banned.h"

struct asked {
    struct sensor *s;
    const char *labels, *zone, *before, *from, *to, *svg, *lang, *title, *alarms, *storms;
    struct option_words detectors, with;
    bool csv;
    uint64_t width;

    struct candidate candidates[EVALUATE_CANDIDATES];
    struct sensor_settings others[EVALUATE_CANDIDATES]; /* of --with, loaded */
    char *lines[EVALUATE_CANDIDATES];                   /* of --detector, one each */
    unsigned count, other_count, line_count;
    struct buf record; /* of the command line */
    struct labels label_list;
    struct evaluate_settings set;
    int64_t zone_us;
};

static int wrong(struct asked *a, const char *what, const char *legal)
{
    return program_fail(a->s->program, EXIT_USAGE, "%s: %s", what, legal);
}

/* --- candidates ------------------------------------------------------------------------------- */

static struct candidate *add_candidate(struct asked *a, const char *name)
{
    struct candidate *c;

    if (a->count == EVALUATE_CANDIDATES)
        return NULL;
    c = &a->candidates[a->count++];
    c->name = name;
    c->hold_us = a->s->set.detect_hold_ms * INT64_C(1000);
    return c;
}

static int add_line(struct asked *a, const char *text)
{
    struct candidate *c = add_candidate(a, "alone");
    char *copy = c ? mem_strdup(text) : NULL;

    if (!copy)
        return wrong(a, "--detector", "at most 32 settings are compared in one run");
    a->lines[a->line_count] = copy;
    c->detectors = (struct conf_list){&a->lines[a->line_count++], 1};
    c->one = true;
    return -1;
}

/* What stands around "key=A..B/STEP" in a detector line, to be tried from A to B. */
struct sweep {
    struct slice before, after;
    struct decimal from, to, step;
};

static bool find_sweep(struct sweep *out, const char *text)
{
    const char *dots = strstr(text, ".."), *start = dots, *slash, *end;

    if (!dots)
        return false;
    while (start > text && start[-1] != '=')
        start--;
    slash = strchr(dots, '/');
    if (start == text || !slash)
        return false;
    end = slash + 1 + strcspn(slash + 1, " \t");
    out->before = (struct slice){text, (size_t)(start - text)};
    out->after = slice_of(end);
    return decimal_read(&out->from, (struct slice){start, (size_t)(dots - start)}) &&
           decimal_read(&out->to, (struct slice){dots + 2, (size_t)(slash - dots - 2)}) &&
           decimal_read(&out->step, (struct slice){slash + 1, (size_t)(end - slash - 1)});
}

/* A number with as many decimals as its step has. */
static void put_number(struct buf *out, int64_t scaled, int exponent)
{
    struct decimal d = {scaled, exponent};

    buf_printf(out, "%.*f", exponent < 0 ? -exponent : 0, decimal_real(d));
}

static int add_sweep(struct asked *a, const char *text, const struct sweep *w)
{
    int e = w->from.e < w->step.e ? w->from.e : w->step.e, code = -1;
    int64_t from, to, step;

    e = w->to.e < e ? w->to.e : e;
    if (e > 0)
        e = 0;
    if (!decimal_scale(&from, w->from, e) || !decimal_scale(&to, w->to, e) ||
        !decimal_scale(&step, w->step, e) || step <= 0 || to < from)
        return wrong(a, text, "a sweep is FROM..TO/STEP, as in line=2.0..4.5/0.5");
    for (int64_t v = from; code < 0 && v <= to; v += step) {
        struct buf line = {.data = NULL};

        buf_put(&line, w->before.at, w->before.len);
        put_number(&line, v, e);
        buf_put(&line, w->after.at, w->after.len + 1);
        code = line.failed ? program_fail(a->s->program, EXIT_MACHINE, "out of memory")
                           : add_line(a, (const char *)line.data);
        buf_free(&line);
    }
    return code;
}

static int add_detectors(struct asked *a)
{
    int code = -1;

    for (unsigned i = 0; code < 0 && i < a->detectors.count; i++) {
        struct sweep w;

        if (find_sweep(&w, a->detectors.items[i]))
            code = add_sweep(a, a->detectors.items[i], &w);
        else
            code = add_line(a, a->detectors.items[i]);
    }
    return code;
}

/* Of another settings file only its detectors and its hold: the station is this one's. */
static int add_others(struct asked *a)
{
    for (unsigned i = 0; i < a->with.count; i++) {
        struct candidate *c = add_candidate(a, a->with.items[i]);
        struct sensor_settings *other;
        char err[600];

        if (!c)
            return wrong(a, "--with", "at most 32 settings are compared in one run");
        other = &a->others[a->other_count++];
        if (conf_load(sensor_rows, sensor_row_count, a->with.items[i], other, err, sizeof(err)) !=
            ST_OK)
            return program_fail(a->s->program, EXIT_USAGE, "%s", err);
        if (!other->detectors.count)
            return wrong(a, a->with.items[i], "has no detector lines");
        c->detectors = other->detectors;
        c->hold_us = other->detect_hold_ms * INT64_C(1000);
    }
    return -1;
}

static int make_candidates(struct asked *a)
{
    int code = -1;

    if (a->s->set.detectors.count)
        add_candidate(a, "settings")->detectors = a->s->set.detectors;
    code = add_others(a);
    if (code < 0)
        code = add_detectors(a);
    if (code < 0 && !a->count)
        return wrong(a, "evaluate",
                     "the settings have no detector lines; add some, or say --detector LINE");
    return code;
}

/* --- the rest of the command line ------------------------------------------------------------- */

static int read_time(struct asked *a, const char *option, const char *text, int64_t *out)
{
    bool zoned;
    char midnight[32];

    if (!text)
        return -1;
    snprintf(midnight, sizeof(midnight), "%.20s 00:00:00", text);
    if (!civil_any(out, &zoned, slice_of(text)) && !civil_any(out, &zoned, slice_of(midnight)))
        return wrong(a, option, "wants a time like 2007-06-25T18:30:00Z, or a day");
    *out -= zoned ? 0 : a->zone_us;
    return -1;
}

static int read_times(struct asked *a)
{
    int code;

    if (a->zone && !zone_read(&a->zone_us, slice_of(a->zone)))
        return wrong(a, "--zone", "wants an offset like +05:00");
    if (a->before && !span_read_us(&a->set.before_us, slice_of(a->before)))
        return wrong(a, "--before", "wants a time like 6h");
    code = read_time(a, "--from", a->from, &a->set.from_us);
    return code < 0 ? read_time(a, "--to", a->to, &a->set.to_us) : code;
}

/* FORMAT FILE DATASTREAM... as one line of the settings. */
static int read_record(struct asked *a, char **item, struct conf_list *list)
{
    if (a->s->argc == 1) {
        a->set.records = &a->s->set.replays;
        if (!a->s->set.replays.count)
            return wrong(a, "evaluate",
                         "the settings have no replay lines; say FORMAT FILE DATASTREAM...");
        return -1;
    }
    for (int i = 1; i < a->s->argc; i++)
        buf_printf(&a->record, strchr(a->s->argv[i], ' ') ? "\"%s\" " : "%s ", a->s->argv[i]);
    if (a->zone)
        buf_printf(&a->record, "zone=%s", a->zone);
    buf_put(&a->record, "", 1);
    if (a->record.failed)
        return program_fail(a->s->program, EXIT_MACHINE, "out of memory");
    *item = (char *)a->record.data;
    *list = (struct conf_list){item, 1};
    a->set.records = list;
    return -1;
}

static int read_labels(struct asked *a)
{
    char err[600];
    enum status st;

    if (!a->labels)
        return -1;
    st = labels_read(&a->label_list, a->labels, a->zone_us, err, sizeof(err));
    if (st == ST_OK)
        return -1;
    return program_fail(a->s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

/* --- what comes out --------------------------------------------------------------------------- */

static int write_plot(struct asked *a, const struct evaluation *e)
{
    struct plot_settings how = {.lang = lang_of_environment(LANG_RUSSIAN),
                                .width = (unsigned)a->width,
                                .zone_us = a->zone_us,
                                .title = a->title};
    struct buf svg = {.data = NULL};
    FILE *f;
    bool ok;

    if (a->lang && lang_parse(a->lang, &how.lang) != ST_OK)
        return wrong(a, "--lang", "legal are tg, ru and en");
    plot_draw(&svg, e, &a->set, &how);
    f = svg.failed ? NULL : fopen(a->svg, "we");
    ok = f && fwrite(svg.data, 1, svg.len, f) == svg.len;
    if (f)
        ok = fclose(f) == 0 && ok;
    buf_free(&svg);
    if (!ok)
        return program_fail(a->s->program, EXIT_MACHINE, "%s: %s", a->svg, strerror(errno));
    return EXIT_DONE;
}

static int judge(struct asked *a)
{
    struct evaluation e;
    char err[600];
    enum status st = evaluate(&e, &a->set, err, sizeof(err));
    int code = EXIT_DONE;

    if (st != ST_OK) {
        code = program_fail(a->s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
    } else {
        if (a->csv)
            evaluation_print_csv(&e, &a->set, stdout);
        else
            evaluation_print(&e, &a->set, stdout);
        if (a->svg)
            code = write_plot(a, &e);
    }
    evaluation_free(&e);
    return code;
}

/* A list of another system's alarms, without a record. */
static int judge_alarms(struct asked *a)
{
    struct alarm_list *list = mem_alloc(sizeof(*list));
    char err[600] = "out of memory";
    enum status st = list ? alarms_read(list, a->alarms, err, sizeof(err)) : ST_NOMEM;

    if (st == ST_OK && a->csv)
        alarms_print_csv(list, stdout);
    else if (st == ST_OK)
        alarms_print(list, stdout);
    mem_free(list);
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(a->s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

static int list_storms(struct asked *a)
{
    struct storms_settings storms;
    char err[600] = "out of memory";
    enum status st;

    if (!storms_read(&storms, a->storms))
        return wrong(a, "--storms", "wants GAP[,MILLIMETRES[,SPAN]], as in 6h or 16596s,0.2,12m");
    st = storms_print(&storms, &a->s->station, a->set.records, a->zone_us, a->csv, stdout, err,
                      sizeof(err));
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(a->s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

static int run(struct asked *a)
{
    struct conf_list list;
    char *item;
    int code = a->alarms ? judge_alarms(a) : read_times(a);

    if (code >= 0)
        return code;
    if (a->width < PLOT_WIDTH_LEAST || a->width > PLOT_WIDTH_MOST)
        code = wrong(a, "--width", "legal are 320 to 4000 pixels");
    if (code < 0)
        code = read_record(a, &item, &list);
    if (code < 0 && a->storms)
        return list_storms(a);
    if (code < 0)
        code = make_candidates(a);
    if (code < 0)
        code = read_labels(a);
    if (code >= 0)
        return code;
    a->set.zone_us = a->zone_us;
    a->set.station = &a->s->station;
    a->set.quality = &a->s->set.quality;
    a->set.candidates = a->candidates;
    a->set.candidate_count = a->count;
    a->set.labels = &a->label_list;
    a->set.wants_plot = a->svg != NULL;
    return judge(a);
}

static void forget(struct asked *a)
{
    for (unsigned i = 0; i < a->other_count; i++)
        conf_free(sensor_rows, sensor_row_count, &a->others[i]);
    for (unsigned i = 0; i < a->line_count; i++)
        mem_free(a->lines[i]);
    labels_free(&a->label_list);
    buf_free(&a->record);
    mem_free(a);
}

int sensor_evaluate(struct sensor *s)
{
    struct asked *a = mem_zalloc(sizeof(*a));
    char err[400];
    int code;

    if (!a)
        return program_fail(s->program, EXIT_MACHINE, "out of memory");
    *a = (struct asked){.s = s, .width = 1000};
    {
        const struct option_row rows[] = {
            {"--labels", OPTION_TEXT, &a->labels},
            {"--zone", OPTION_TEXT, &a->zone},
            {"--before", OPTION_TEXT, &a->before},
            {"--from", OPTION_TEXT, &a->from},
            {"--to", OPTION_TEXT, &a->to},
            {"--svg", OPTION_TEXT, &a->svg},
            {"--lang", OPTION_TEXT, &a->lang},
            {"--title", OPTION_TEXT, &a->title},
            {"--width", OPTION_NUMBER, &a->width},
            {"--csv", OPTION_FLAG, &a->csv},
            {"--alarms", OPTION_TEXT, &a->alarms},
            {"--detector", OPTION_WORDS, &a->detectors},
            {"--with", OPTION_WORDS, &a->with},
            {"--storms", OPTION_TEXT, &a->storms},
            {"--brief", OPTION_FLAG, &a->set.is_brief},
        };

        if (options_take(rows, ARRAY_LEN(rows), &s->argc, s->argv, err, sizeof(err)) != ST_OK)
            code = program_fail(s->program, EXIT_USAGE, "%s", err);
        else
            code = run(a);
    }
    forget(a);
    return code;
}
