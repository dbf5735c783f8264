/* evaluate_print - what evaluate found, as tables: for people, and for a spreadsheet. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "agents/sensor/replay/evaluate.h"

#include "proto/base/banned.h"

enum { TIME_WORD = 32, SPAN_WORD = 32 };

static const char *time_word(char out[TIME_WORD], int64_t time_us)
{
    time_t t = (time_t)(time_us / 1000000);
    struct tm tm;

    if (!gmtime_r(&t, &tm) || !strftime(out, TIME_WORD, "%Y-%m-%d %H:%M:%S", &tm))
        out[0] = '\0';
    return out;
}

/* "2 h 05 min", "-12 s" */
static const char *span_word(char out[SPAN_WORD], int64_t us)
{
    const char *sign = us < 0 ? "-" : "";
    int64_t s = (us < 0 ? -us : us) / 1000000;

    if (s < 120)
        snprintf(out, SPAN_WORD, "%s%" PRId64 " s", sign, s);
    else if (s < 7200)
        snprintf(out, SPAN_WORD, "%s%" PRId64 " min", sign, s / 60);
    else if (s < 172800)
        snprintf(out, SPAN_WORD, "%s%" PRId64 " h %02d min", sign, s / 3600, (int)(s / 60 % 60));
    else
        snprintf(out, SPAN_WORD, "%s%" PRId64 " d %d h", sign, s / 86400, (int)(s / 3600 % 24));
    return out;
}

static const char *share_word(char out[8], double share)
{
    if (isnan(share))
        snprintf(out, 8, "-");
    else
        snprintf(out, 8, "%.2f", share);
    return out;
}

static const char *const outcome_words[] = {
    [OUTCOME_HIT] = "hit", [OUTCOME_MISS] = "miss", [OUTCOME_NO_DATA] = "no data"};

/* --- for people ------------------------------------------------------------------------------- */

static const char *local_word(char out[TIME_WORD], const struct evaluate_settings *set,
                              int64_t time_us)
{
    return time_word(out, time_us + set->zone_us);
}

static void print_head(const struct evaluation *e, const struct evaluate_settings *set, FILE *out)
{
    char from[TIME_WORD], to[TIME_WORD], before[SPAN_WORD];
    int zone_min = (int)(set->zone_us / 60000000), abs_min = zone_min < 0 ? -zone_min : zone_min;

    fprintf(out, "record   %s to %s UTC%c%02d:%02d, %" PRIu64 " lines, %" PRIu64 " unreadable\n",
            local_word(from, set, e->first_us), local_word(to, set, e->last_us),
            zone_min < 0 ? '-' : '+', abs_min / 60, abs_min % 60, e->records, e->bad_lines);
    fprintf(out, "events   %u", set->labels->count);
    if (set->before_us)
        fprintf(out, "; an alarm that ended up to %s before one counts for it",
                span_word(before, set->before_us));
    fprintf(out, "\n");
}

/* Columns are as wide as the longest name that stands in any table. */
static int name_width(const struct evaluation *e)
{
    size_t widest = 24;

    for (unsigned i = 0; i < e->count; i++)
        widest = strlen(e->signals[i].name) > widest ? strlen(e->signals[i].name) : widest;
    return (int)widest;
}

static void print_score_head(const struct evaluation *e, FILE *out)
{
    fprintf(out, "  %-*s %6s %5s %6s %7s %5s  %5s %5s %5s  %-12s %s\n", name_width(e), "", "alarms",
            "hits", "misses", "no data", "false", "POD", "FAR", "CSI", "median lead", "time on");
}

static void print_score(const struct evaluation *e, const struct signal *s, FILE *out)
{
    char pod[8], far[8], csi[8], lead[SPAN_WORD] = "-", on[SPAN_WORD];

    if (s->score.hits)
        span_word(lead, s->score.lead_median_us);
    fprintf(out, "  %-*s %6u %5u %6u %7u %5u  %5s %5s %5s  %-12s %s\n", name_width(e), s->name,
            s->score.alarms, s->score.hits, s->score.misses, s->score.no_data,
            s->score.false_alarms, share_word(pod, score_pod(&s->score)),
            share_word(far, score_far(&s->score)), share_word(csi, score_csi(&s->score)), lead,
            span_word(on, s->score.on_us));
}

/* One table for each set of detectors, and one for all detectors that were asked for by themselves:
 * there a threshold is chosen. */
static void print_scores(const struct evaluation *e, const struct evaluate_settings *set, FILE *out)
{
    const char *name = NULL;

    for (unsigned i = 0; i < e->count; i++) {
        const struct candidate *c = &set->candidates[e->signals[i].candidate];
        char hold[SPAN_WORD];

        if (name != c->name) {
            fprintf(out, "\n%s (hold %s)\n", c->name,
                    span_word(hold, e->signals[i].spells.hold_us));
            print_score_head(e, out);
        }
        name = c->name;
        print_score(e, &e->signals[i], out);
    }
}

static void print_events(const struct evaluate_settings *set, const struct signal *s, FILE *out)
{
    const struct labels *l = set->labels;

    for (unsigned i = 0; i < l->count; i++) {
        const struct label *label = &l->items[i];
        const struct judged *j = &s->judged[i];
        char from[TIME_WORD], alarm[TIME_WORD], lead[SPAN_WORD];

        local_word(from, set, label->from_us);
        if (label->whole_day)
            from[10] = '\0';
        fprintf(out, "    %-7s  %-19s", outcome_words[j->outcome], from);
        if (j->outcome == OUTCOME_HIT)
            fprintf(out, "  on since %s, lead %s", local_word(alarm, set, j->alarm_us),
                    span_word(lead, j->lead_us));
        fprintf(out, "%s%s\n", *label->name ? "  " : "", label->name);
    }
}

/* A season's share of what a signal said. */
struct share {
    unsigned alarms, false_alarms, hits, misses;
};

static struct share share_of(const struct signal *s, const struct labels *l, int season)
{
    struct share out = {.alarms = 0};

    for (size_t i = 0; i < s->spells.count; i++) {
        if (season_of(s->spells.items[i].from_us) != season)
            continue;
        out.alarms++;
        out.false_alarms += s->spells.items[i].is_false;
    }
    for (unsigned i = 0; i < l->count; i++) {
        if (season_of(l->items[i].from_us) != season)
            continue;
        out.hits += s->judged[i].outcome == OUTCOME_HIT;
        out.misses += s->judged[i].outcome == OUTCOME_MISS;
    }
    return out;
}

static void print_seasons(const struct evaluation *e, const struct signal *s,
                          const struct labels *l, FILE *out)
{
    for (unsigned i = 0; i < e->season_count; i++) {
        struct share sh = share_of(s, l, e->seasons[i].season);
        char name[32];

        season_name(name, e->seasons[i].season);
        fprintf(out,
                "    season   %-16s %4u days measured: %u alarms, %u false, %u hits, %u misses\n",
                name, e->seasons[i].days, sh.alarms, sh.false_alarms, sh.hits, sh.misses);
    }
}

static void print_false(const struct evaluate_settings *set, const struct signal *s, FILE *out)
{
    for (size_t i = 0; i < s->spells.count; i++) {
        const struct spell *a = &s->spells.items[i];
        char from[TIME_WORD], on[SPAN_WORD];

        if (a->is_false)
            fprintf(out, "    false    %s  for %s\n", local_word(from, set, a->from_us),
                    span_word(on, a->to_us - a->from_us));
    }
}

static void print_signal(const struct evaluation *e, const struct evaluate_settings *set,
                         const struct signal *s, FILE *out)
{
    fprintf(out, "\n  %s: %s\n", set->candidates[s->candidate].name, s->name);
    print_events(set, s, out);
    print_false(set, s, out);
    print_seasons(e, s, set->labels, out);
}

void evaluation_print(const struct evaluation *e, const struct evaluate_settings *set, FILE *out)
{
    print_head(e, set, out);
    print_scores(e, set, out);
    for (unsigned i = 0; i < e->count && !set->is_brief; i++)
        if (e->signals[i].score.alarms) /* of the others the table above says all */
            print_signal(e, set, &e->signals[i], out);
    fprintf(out, "\nPOD: events warned of. FAR: alarms that were false. CSI: hits among events and "
                 "false alarms.\nLead: from the alarm to the beginning of the event; negative: "
                 "the alarm came after it.\n");
}

/* --- for a spreadsheet ------------------------------------------------------------------------ */

/* RFC 4180; what a spreadsheet would take for a formula gets a quote before it. */
static void csv_text(FILE *out, const char *text)
{
    fputc('"', out);
    if (*text && strchr("=+-@", *text))
        fputc('\'', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void csv_begin(FILE *out, const char *row, const struct evaluate_settings *set,
                      const struct signal *s)
{
    fprintf(out, "%s,", row);
    csv_text(out, set->candidates[s->candidate].name);
    fputc(',', out);
    csv_text(out, s->name);
    fputc(',', out);
}

static void csv_number(FILE *out, double v)
{
    if (!isnan(v))
        fprintf(out, "%.4f", v);
    fputc(',', out);
}

static void csv_score(FILE *out, const struct evaluate_settings *set, const struct signal *s)
{
    const struct score *sc = &s->score;

    csv_begin(out, "score", set, s);
    fprintf(out, ",,,,");
    if (sc->hits)
        fprintf(out, "%" PRId64, sc->lead_median_us / 1000000);
    fprintf(out, ",%u,%u,%u,%u,%u,", sc->alarms, sc->hits, sc->misses, sc->no_data,
            sc->false_alarms);
    csv_number(out, score_pod(sc));
    csv_number(out, score_far(sc));
    csv_number(out, score_csi(sc));
    fprintf(out, "%" PRId64 "\r\n", sc->on_us / 1000000);
}

static void csv_events(FILE *out, const struct evaluate_settings *set, const struct signal *s)
{
    for (unsigned i = 0; i < set->labels->count; i++) {
        const struct label *l = &set->labels->items[i];
        char from[TIME_WORD], to[TIME_WORD];

        csv_begin(out, "event", set, s);
        csv_text(out, l->name);
        fprintf(out, ",%s,%s,%s,", time_word(from, l->from_us), time_word(to, l->to_us),
                outcome_words[s->judged[i].outcome]);
        if (s->judged[i].outcome == OUTCOME_HIT)
            fprintf(out, "%" PRId64, s->judged[i].lead_us / 1000000);
        fprintf(out, ",,,,,,,,,\r\n");
    }
}

static void csv_alarms(FILE *out, const struct evaluate_settings *set, const struct signal *s)
{
    for (size_t i = 0; i < s->spells.count; i++) {
        const struct spell *a = &s->spells.items[i];
        char from[TIME_WORD], to[TIME_WORD];

        csv_begin(out, "alarm", set, s);
        fprintf(out, ",%s,%s,%s,,,,,,,,,,%" PRId64 "\r\n", time_word(from, a->from_us),
                time_word(to, a->to_us), a->is_false ? "false" : "hit",
                (a->to_us - a->from_us) / 1000000);
    }
}

static void csv_seasons(FILE *out, const struct evaluation *e, const struct evaluate_settings *set,
                        const struct signal *s)
{
    for (unsigned i = 0; i < e->season_count; i++) {
        struct share sh = share_of(s, set->labels, e->seasons[i].season);
        char name[32];

        season_name(name, e->seasons[i].season);
        csv_begin(out, "season", set, s);
        csv_text(out, name);
        fprintf(out, ",,,,,%u,%u,%u,,%u,,,,\r\n", sh.alarms, sh.hits, sh.misses, sh.false_alarms);
    }
}

void evaluation_print_csv(const struct evaluation *e, const struct evaluate_settings *set,
                          FILE *out)
{
    fprintf(out, "row,setting,signal,name,from_utc,to_utc,result,lead_s,alarms,hits,misses,no_data,"
                 "false_alarms,pod,far,csi,on_s\r\n");
    for (unsigned i = 0; i < e->count; i++) {
        csv_score(out, set, &e->signals[i]);
        csv_events(out, set, &e->signals[i]);
        csv_alarms(out, set, &e->signals[i]);
        csv_seasons(out, e, set, &e->signals[i]);
    }
}
