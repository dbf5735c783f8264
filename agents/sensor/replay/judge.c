/* judge - see judge.h. */
#include "agents/sensor/replay/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* --- when it was on --------------------------------------------------------------------------- */

static enum status begin_spell(struct spells *s, int64_t time_us)
{
    if (!s->items || s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct spell *items = mem_realloc(s->items, cap * sizeof(*items));

        if (!items)
            return ST_NOMEM;
        s->items = items;
        s->cap = cap;
    }
    s->items[s->count++] = (struct spell){time_us, time_us, false};
    return ST_OK;
}

enum status spells_add(struct spells *s, int64_t time_us, bool on)
{
    struct spell *last = s->count ? &s->items[s->count - 1] : NULL;
    bool goes_on = last && (s->on || time_us - last->to_us < s->hold_us);

    s->on = on;
    if (on && !goes_on)
        return begin_spell(s, time_us);
    if (on)
        last->to_us = time_us;
    return ST_OK;
}

void spells_free(struct spells *s)
{
    mem_free(s->items);
    *s = (struct spells){.hold_us = s->hold_us};
}

bool spells_on_at(const struct spells *s, int64_t time_us)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].from_us <= time_us && time_us <= s->items[i].to_us)
            return true;
    return false;
}

/* --- against what happened -------------------------------------------------------------------- */

static bool warns(const struct spell *a, const struct label *e, int64_t before_us)
{
    return a->from_us <= e->to_us && a->to_us >= e->from_us - before_us;
}

static struct judged judge_event(struct spells *s, const struct label *e, bool has_data,
                                 int64_t before_us)
{
    struct judged out = {.outcome = has_data ? OUTCOME_MISS : OUTCOME_NO_DATA};

    for (size_t i = 0; i < s->count; i++) {
        struct spell *a = &s->items[i];

        if (!warns(a, e, before_us))
            continue;
        a->is_false = false;
        if (out.outcome != OUTCOME_HIT)
            out = (struct judged){OUTCOME_HIT, a->from_us, e->from_us - a->from_us};
    }
    return out;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static enum status add_leads(struct score *out, const struct judged *judged, unsigned count)
{
    int64_t *leads;
    unsigned n = 0;

    if (!out->hits)
        return ST_OK;
    leads = mem_alloc(out->hits * sizeof(*leads));
    if (!leads)
        return ST_NOMEM;
    for (unsigned i = 0; i < count; i++)
        if (judged[i].outcome == OUTCOME_HIT)
            leads[n++] = judged[i].lead_us;
    qsort(leads, n, sizeof(*leads), by_size);
    out->lead_least_us = leads[0];
    out->lead_most_us = leads[n - 1];
    out->lead_median_us = (leads[(n - 1) / 2] + leads[n / 2]) / 2;
    mem_free(leads);
    return ST_OK;
}

enum status score_make(struct score *out, struct spells *s, const struct labels *labels,
                       const bool *has_data, int64_t before_us, struct judged *judged)
{
    *out = (struct score){.alarms = (unsigned)s->count};
    for (size_t i = 0; i < s->count; i++)
        s->items[i].is_false = true;
    for (unsigned i = 0; i < labels->count; i++) {
        judged[i] = judge_event(s, &labels->items[i], has_data[i], before_us);
        out->hits += judged[i].outcome == OUTCOME_HIT;
        out->misses += judged[i].outcome == OUTCOME_MISS;
        out->no_data += judged[i].outcome == OUTCOME_NO_DATA;
    }
    for (size_t i = 0; i < s->count; i++) {
        out->false_alarms += s->items[i].is_false;
        out->on_us += s->items[i].to_us - s->items[i].from_us;
    }
    return add_leads(out, judged, labels->count);
}

static double ratio(unsigned part, unsigned whole)
{
    return whole ? (double)part / whole : (double)NAN;
}

double score_pod(const struct score *s)
{
    return ratio(s->hits, s->hits + s->misses);
}

double score_far(const struct score *s)
{
    return ratio(s->false_alarms, s->alarms);
}

double score_csi(const struct score *s)
{
    return ratio(s->hits, s->hits + s->misses + s->false_alarms);
}

/* --- seasons ---------------------------------------------------------------------------------- */

int season_of(int64_t time_us)
{
    time_t t = (time_t)(time_us / 1000000);
    struct tm tm;

    if (!gmtime_r(&t, &tm))
        return 0;
    if (tm.tm_mon < 3) /* January to March belong to the winter that began the year before */
        return (tm.tm_year + 1899) * 2 + 1;
    return (tm.tm_year + 1900) * 2 + (tm.tm_mon >= 10);
}

void season_name(char out[32], int season)
{
    int year = season / 2;

    if (season % 2)
        snprintf(out, 32, "%d/%02d Nov-Mar", year, (year + 1) % 100);
    else
        snprintf(out, 32, "%d Apr-Oct", year);
}
