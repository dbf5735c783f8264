/* storms - see storms.h. */
#include "agents/sensor/replay/storms.h"

#include <string.h>
#include <time.h>

#include "agents/sensor/replay/source.h"

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
#define NO_RAIN    (FLAG(MISSING) | FLAG(BAD) | FLAG(OUT_OF_RANGE))

static const unsigned windows_min[] = {5, 10, 15, 30, 60};

bool storms_read(struct storms_settings *out, const char *text)
{
    struct slice rest = slice_of(text), word;
    struct decimal mm;

    *out = (struct storms_settings){.gap_us = 0};
    if (!slice_next(&rest, ',', &word) || !span_read_us(&out->gap_us, word) || out->gap_us <= 0)
        return false;
    if (slice_next(&rest, ',', &word) &&
        (!decimal_read(&mm, word) || !decimal_scale(&out->more_than_um, mm, -3)))
        return false;
    return !slice_next(&rest, ',', &word) || span_read_us(&out->longer_than_us, word);
}

/* --- tips ------------------------------------------------------------------------------------- */

struct tips {
    struct rain_tip *items;
    size_t count, cap;
};

static enum status add_tip(struct tips *t, int64_t time_us, int64_t um)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 1024;
        struct rain_tip *items = mem_realloc(t->items, cap * sizeof(*items));

        if (!items)
            return ST_NOMEM;
        t->items = items;
        t->cap = cap;
    }
    t->items[t->count++] = (struct rain_tip){time_us, um};
    return ST_OK;
}

/* A counting logger writes a line at each tip; its first says no difference, and is one as well. */
static int64_t first_tip_um(const struct source *s)
{
    int64_t um;

    return !s->format->step_s && decimal_scale(&um, s->format->rain_unit, -3) ? um : 0;
}

static enum status read_tips(struct source *s, struct tips *out)
{
    const struct datastream *d = &s->station->streams[s->stream[0]];
    enum status st = ST_OK;

    for (bool first = true; st == ST_OK && s->more; source_next(s), first = false) {
        struct decimal value = {s->row[0].value, d->exponent};
        int64_t um;

        if (!s->given[0] || s->row[0].flags & NO_RAIN || !decimal_scale(&um, value, -3))
            continue;
        um = first && um == 0 ? first_tip_um(s) : um;
        if (um > 0)
            st = add_tip(out, s->time_us, um);
    }
    return st;
}

/* --- the table -------------------------------------------------------------------------------- */

struct table {
    const struct tips *tips;
    int64_t zone_us;
    bool csv;
    FILE *out;
};

static void put_time(const struct table *t, int64_t time_us)
{
    time_t s = (time_t)((time_us + t->zone_us) / 1000000);
    struct tm tm;
    char text[32] = "";

    if (gmtime_r(&s, &tm))
        (void)!strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    fputs(text, t->out);
}

static void put_peaks(const struct table *t, const struct rain_storm *s)
{
    for (size_t i = 0; i < ARRAY_LEN(windows_min); i++) {
        double mm_h;
        int64_t at_us;
        bool has = rain_storm_peak(t->tips->items, s, windows_min[i], &mm_h, &at_us);

        if (!t->csv && !has)
            fprintf(t->out, "  %6s", "-");
        if (!t->csv && has)
            fprintf(t->out, "  %6.2f", mm_h);
        if (!t->csv)
            continue;
        if (has) {
            fprintf(t->out, ",%.2f,", mm_h);
            put_time(t, at_us);
        } else {
            fputs(",,", t->out);
        }
    }
    fputs(t->csv ? "\r\n" : "\n", t->out);
}

static void put_storm(const struct table *t, const struct rain_storm *s)
{
    double hours = (double)(s->end_us - s->begin_us) / 3.6e9, mm = (double)s->um / 1000;

    put_time(t, s->begin_us);
    fputs(t->csv ? "," : "  ", t->out);
    put_time(t, s->end_us);
    if (t->csv)
        fprintf(t->out, ",%.2f,%.1f,%.2f", hours, mm, mm / hours);
    else
        fprintf(t->out, "  %7.2f  %6.1f  %6.2f", hours, mm, mm / hours);
    put_peaks(t, s);
}

static enum status put_table(const struct table *t, const struct storms_settings *set)
{
    struct rain_storm *storms = mem_alloc((t->tips->count + 1) * sizeof(*storms));
    size_t suppressed, n;

    if (!storms)
        return ST_NOMEM;
    n = rain_storms(t->tips->items, t->tips->count, set->gap_us, set->more_than_um,
                    set->longer_than_us, storms, t->tips->count, &suppressed);
    if (t->csv) {
        fputs("begin,end,hours,mm,mm_h,peak_5,at_5,peak_10,at_10,peak_15,at_15,peak_30,at_30,"
              "peak_60,at_60\r\n",
              t->out);
    } else {
        fprintf(t->out, "%zu storms, %zu left out; dry for more than %.2f h between them\n", n,
                suppressed, (double)set->gap_us / 3.6e9);
        fprintf(t->out,
                "%-19s  %-19s  %7s  %6s  %6s  %6s  %6s  %6s  %6s  %6s   mm/h over minutes\n",
                "begin", "end", "hours", "mm", "mm/h", "5", "10", "15", "30", "60");
    }
    for (size_t i = 0; i < n; i++)
        put_storm(t, &storms[i]);
    mem_free(storms);
    return ST_OK;
}

enum status storms_print(const struct storms_settings *set, const struct station *station,
                         const struct conf_list *records, int64_t zone_us, bool csv, FILE *out,
                         char *err, size_t err_size)
{
    struct source *s = mem_zalloc(sizeof(*s));
    struct tips tips = {.items = NULL};
    const struct table t = {&tips, zone_us, csv, out};
    enum status st = s ? source_read(s, records->items[0], station, err, err_size) : ST_NOMEM;

    if (st == ST_OK && station->streams[s->stream[0]].type !=
                           EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_ACC) {
        snprintf(err, err_size, "%s is no rain_acc", station->streams[s->stream[0]].name);
        st = ST_INVALID;
    }
    if (st == ST_OK)
        st = source_open(s, err, err_size);
    if (st == ST_OK)
        st = read_tips(s, &tips);
    if (st == ST_OK)
        st = put_table(&t, set);
    if (s)
        source_close(s);
    mem_free(s);
    mem_free(tips.items);
    return st;
}
