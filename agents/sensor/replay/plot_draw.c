/* plot_draw - the picture itself, from top to bottom: title, events, levels, one panel a series,
 * the time, the key. See plot.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/replay/plot.h"
#include "agents/sensor/replay/plot_axis.h"
#include "agents/sensor/replay/svg.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

enum {
    TEXT_PX = 12,
    TITLE_PX = 16,
    ROW_PX = 18,
    STRIP_PX = 21,
    STRIPS_MOST = 12,
    EVENTS_LISTED = 24,
    MARKS_MOST = 400
};

#define INK       "fill=\"#222\" font-size=\"12\""
#define FAINT     "fill=\"#555\" font-size=\"11\""
#define BOLD      "fill=\"#111\" font-size=\"12\" font-weight=\"bold\""
#define CURVE     "fill=\"none\" stroke=\"#14507d\" stroke-width=\"1.4\" stroke-linejoin=\"round\""
#define BAR       "fill=\"#3b82b5\""
#define THRESHOLD "fill=\"none\" stroke=\"#b03a00\" stroke-width=\"1.6\" stroke-dasharray=\"7 4\""
#define GRID      "stroke=\"#e3e3e3\" stroke-width=\"1\""
#define FRAME     "fill=\"none\" stroke=\"#888\" stroke-width=\"1\""
#define MARK      "stroke=\"#8e0019\" stroke-width=\"1.2\" stroke-dasharray=\"2 2\""
#define EVENT     "fill=\"url(#event)\" stroke=\"#444\" stroke-width=\"0.6\""
#define SHADE     "fill=\"#777\" fill-opacity=\"0.16\""

struct sheet {
    struct buf *out;
    const struct evaluation *e;
    const struct evaluate_settings *set;
    const struct plot_settings *how;
    double left, right, y; /* of the panels; where the next thing goes */
    double top, bottom;    /* of everything that has the time axis */
    unsigned height;       /* of a panel */
};

static const char *word(const struct sheet *s, const char *name)
{
    const char *text = lang_text(s->how->lang, "plot", name);

    if (!text)
        text = lang_text(LANG_ENGLISH, "plot", name);
    return text ? text : name;
}

/* The sentence with {what} filled in. */
static void fill(char *out, size_t size, const char *sentence, const char *what, const char *by)
{
    const char *at = strstr(sentence, what);

    if (at)
        snprintf(out, size, "%.*s%s%s", (int)(at - sentence), sentence, by, at + strlen(what));
    else
        snprintf(out, size, "%s", sentence);
}

static double x_of(const struct sheet *s, int64_t time_us)
{
    const struct plot_data *p = s->e->plot;
    double share = (double)(time_us - p->from_us) / (double)(p->to_us - p->from_us);

    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return s->left + share * (s->right - s->left);
}

/* --- patterns and levels ------------------------------------------------------------------------
 */

static void put_patterns(struct buf *out)
{
    buf_puts(out,
             "<defs>\n"
             "<pattern id=\"watch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
             "<rect width=\"6\" height=\"6\" fill=\"#fff1b8\"/>"
             "<circle cx=\"3\" cy=\"3\" r=\"1.2\" fill=\"#8a6d00\"/></pattern>\n"
             "<pattern id=\"warning\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
             "<rect width=\"6\" height=\"6\" fill=\"#f7a84a\"/>"
             "<path d=\"M0 6L6 0\" stroke=\"#6b3600\" stroke-width=\"1.3\"/></pattern>\n"
             "<pattern id=\"alarm\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
             "<rect width=\"6\" height=\"6\" fill=\"#b3001b\"/></pattern>\n"
             "<pattern id=\"event\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
             "<rect width=\"5\" height=\"5\" fill=\"#fff\"/>"
             "<path d=\"M0 0L5 5M0 5L5 0\" stroke=\"#444\" stroke-width=\"0.9\"/></pattern>\n"
             "</defs>\n");
}

struct look {
    const char *name, *style;
    double share; /* of the strip's height: a level is told without its colour */
};

static struct look look_of(Eocbus__V1__DetectionLevel level)
{
    static const struct look looks[] = {
        {"clear", "fill=\"#fff\" stroke=\"#999\" stroke-width=\"0.8\"", 0.15},
        {"watch", "fill=\"url(#watch)\" stroke=\"#8a6d00\" stroke-width=\"0.8\"", 0.4},
        {"warning", "fill=\"url(#warning)\" stroke=\"#6b3600\" stroke-width=\"0.8\"", 0.7},
        {"alarm", "fill=\"url(#alarm)\" stroke=\"#5c000e\" stroke-width=\"0.8\"", 1},
    };

    switch (level) {
    case LEVEL(WATCH):
        return looks[1];
    case LEVEL(WARNING):
        return looks[2];
    case LEVEL(ALARM):
        return looks[3];
    default:
        return looks[0];
    }
}

/* Where there is room an alarm is named in its band. */
static void name_spell(struct sheet *s, const struct signal *g, double from, double to,
                       double middle)
{
    const char *name = word(s, "alarm");

    if (g->level == LEVEL(ALARM) && to - from > svg_text_width(name, 11) + 10)
        svg_text(s->out, to - 4, middle + 4, SVG_END, "fill=\"#fff\" font-size=\"11\"", name);
}

static void draw_spells(struct sheet *s, const struct signal *g, double y, double h)
{
    struct look look = look_of(g->detector < 0 ? g->level : LEVEL(WARNING));
    double high = h * (g->detector < 0 ? look.share : 0.7);

    for (size_t i = 0; i < g->spells.count; i++) {
        double from = x_of(s, g->spells.items[i].from_us), to = x_of(s, g->spells.items[i].to_us);

        svg_rect(s->out, from, y + h - high, to - from < 1.5 ? 1.5 : to - from, high, look.style);
        name_spell(s, g, from, to, y + h - high / 2);
    }
}

/* Of "agents/x.conf" and of a long detector line the end says more. */
static void draw_strip_name(struct sheet *s, const char *name, double y)
{
    double room = (s->right - s->left) / (TEXT_PX * 0.61);
    size_t len = strlen(name);

    if (room > 0 && (double)len > room)
        name += len - (size_t)room;
    svg_text(s->out, s->left, y, SVG_START, FAINT, name);
}

static void draw_strip(struct sheet *s, unsigned candidate)
{
    const struct candidate *c = &s->set->candidates[candidate];
    const char *name = c->one ? c->detectors.items[0] : c->name;
    double h = STRIP_PX;

    if (s->set->candidate_count > 1) {
        s->y += 12;
        draw_strip_name(s, name, s->y - 2);
    }
    for (unsigned i = 0; i < s->e->count; i++) {
        const struct signal *g = &s->e->signals[i];

        if (g->candidate == candidate && (g->detector < 0 || c->one))
            draw_spells(s, g, s->y, h);
    }
    svg_line(s->out, s->left, s->y + h, s->right, s->y + h, "stroke=\"#888\"");
    s->y += h + 5;
}

static void draw_strips(struct sheet *s)
{
    unsigned n = s->set->candidate_count < STRIPS_MOST ? s->set->candidate_count : STRIPS_MOST;

    svg_text(s->out, s->left, s->y + 10, SVG_START, BOLD, word(s, "level"));
    s->y += 14;
    for (unsigned c = 0; c < n; c++)
        draw_strip(s, c);
    s->y += 6;
}

/* --- events -------------------------------------------------------------------------------------
 */

static bool is_in_view(const struct sheet *s, const struct label *l)
{
    return l->to_us >= s->e->plot->from_us && l->from_us <= s->e->plot->to_us;
}

/* Numbers over the events; those too close to the one before stand under its number. */
static void draw_events(struct sheet *s)
{
    const struct labels *l = s->set->labels;
    double taken = -1e9;
    char number[16];

    if (!l->count)
        return;
    svg_text(s->out, s->left, s->y + 10, SVG_START, BOLD, word(s, "events"));
    s->y += 26;
    for (unsigned i = 0; i < l->count; i++) {
        double from = x_of(s, l->items[i].from_us), to = x_of(s, l->items[i].to_us), at;

        if (!is_in_view(s, &l->items[i]))
            continue;
        svg_rect(s->out, from, s->y, to - from < 2 ? 2 : to - from, 12, EVENT);
        snprintf(number, sizeof(number), "%u", i + 1);
        at = (from + to) / 2;
        if (at - taken < 9 + svg_text_width(number, TEXT_PX))
            continue;
        svg_text(s->out, at, s->y - 3, SVG_MIDDLE, INK, number);
        taken = at;
    }
    s->y += 18;
}

static void shade_events(struct sheet *s, double y, double h)
{
    const struct labels *l = s->set->labels;

    for (unsigned i = 0; i < l->count; i++) {
        double from = x_of(s, l->items[i].from_us), to = x_of(s, l->items[i].to_us);

        if (is_in_view(s, &l->items[i]))
            svg_rect(s->out, from, y, to - from < 1 ? 1 : to - from, h, SHADE);
    }
}

/* The gravest level that was ever reached by the first setting: its beginnings are marked. */
static const struct signal *gravest(const struct sheet *s)
{
    const struct signal *best = NULL;

    for (unsigned i = 0; i < s->e->count; i++) {
        const struct signal *g = &s->e->signals[i];

        if (g->candidate == 0 && g->spells.count && (!best || g->level > best->level))
            best = g;
    }
    return best;
}

static Eocbus__V1__DetectionLevel marked_level(const struct sheet *s)
{
    const struct signal *g = gravest(s);

    return g && g->detector < 0 ? g->level : LEVEL(ALARM);
}

static void draw_marks(struct sheet *s)
{
    const struct signal *g = gravest(s);

    for (size_t i = 0; g && i < g->spells.count && i < MARKS_MOST; i++) {
        double x = x_of(s, g->spells.items[i].from_us);

        svg_line(s->out, x, s->top, x, s->bottom, MARK);
        buf_printf(s->out, "<path d=\"M%.1f %.1fl-4 -7h8z\" fill=\"#8e0019\"/>\n", x, s->top);
    }
}

/* --- a panel ------------------------------------------------------------------------------------
 */

struct panel {
    double top, h, least, most, step;
};

static double y_of(const struct panel *p, double value)
{
    double share = (value - p->least) / (p->most - p->least);

    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return p->top + p->h * (1 - share);
}

static struct time_ticks ticks_of(const struct sheet *s)
{
    unsigned wanted = (unsigned)((s->right - s->left) / 74);

    return axis_times(s->e->plot->to_us - s->e->plot->from_us, wanted < 2 ? 2 : wanted);
}

static void draw_time_grid(struct sheet *s, const struct panel *p)
{
    const struct plot_data *d = s->e->plot;
    int64_t zone = s->how->zone_us;
    struct time_ticks t = ticks_of(s);

    for (int64_t at = axis_next(t, d->from_us + zone); at <= d->to_us + zone;
         at = axis_next(t, at + 1))
        svg_line(s->out, x_of(s, at - zone), p->top, x_of(s, at - zone), p->top + p->h, GRID);
}

static struct panel scale(const struct sheet *s, const struct plot_series *from)
{
    struct panel p = {.top = s->y, .h = s->height, .least = 0, .most = 1};
    double a, b;

    if (from->bar_us) {
        p.most = 0;
        for (size_t i = 0; i < TRACK_COLUMNS; i++)
            if (from->value.column[i].sum > p.most)
                p.most = from->value.column[i].sum;
    } else {
        (void)track_range(&from->value, &p.least, &p.most);
        if (track_range(&from->line, &a, &b)) {
            p.least = a < p.least ? a : p.least;
            p.most = b > p.most ? b : p.most;
        }
        /* Zero belongs to the picture unless the curve is far from it. */
        if (p.least > 0 && p.least < 0.6 * p.most)
            p.least = 0;
    }
    if (!(p.most > p.least))
        p.most = p.least + 1;
    p.step = axis_step(p.most - p.least, s->height > 110 ? 5 : 4);
    p.least = floor(p.least / p.step + 1e-9) * p.step;
    p.most = ceil(p.most / p.step * 1.02 - 1e-9) * p.step;
    return p;
}

static void draw_grid(struct sheet *s, const struct panel *p)
{
    int steps = (int)lround((p->most - p->least) / p->step);

    for (int i = 0; i <= steps; i++) {
        double v = p->least + i * p->step, y = y_of(p, v);
        char text[32];

        svg_line(s->out, s->left, y, s->right, y, GRID);
        axis_number(text, v, p->step, s->how->lang);
        svg_text(s->out, s->left - 5, y + 4, SVG_END, FAINT, text);
    }
}

/* The line's number at its right end, where it stands still. */
static void draw_line_number(struct sheet *s, const struct panel *p, const struct track *t)
{
    double least, most;
    char text[32];

    if (!track_range(t, &least, &most) || most - least > 1e-9 * fabs(most))
        return;
    snprintf(text, sizeof(text), "%.4g", most);
    if (strchr(text, '.') && s->how->lang != LANG_ENGLISH)
        *strchr(text, '.') = ',';
    svg_text(s->out, s->right - 4, y_of(p, most) - 4, SVG_END,
             "fill=\"#b03a00\" font-size=\"11\" stroke=\"#fff\" stroke-width=\"3\" "
             "paint-order=\"stroke\"",
             text);
}

static double column_x(const struct sheet *s, const struct track *t, size_t i)
{
    int64_t at =
        t->from_us + (int64_t)((double)(t->to_us - t->from_us) * ((double)i + 0.5) / TRACK_COLUMNS);

    return x_of(s, at);
}

static void draw_bars(struct sheet *s, const struct panel *p, const struct plot_series *from)
{
    for (size_t i = 0; i < TRACK_COLUMNS; i++) {
        int64_t at = from->value.from_us + (int64_t)i * from->bar_us;
        double x = x_of(s, at), w = x_of(s, at + from->bar_us) - x;
        double y = y_of(p, from->value.column[i].sum);

        if (from->value.column[i].sum > 0)
            svg_rect(s->out, x, y, w < 0.8 ? 0.8 : w, p->top + p->h - y, BAR);
    }
}

static void draw_curve(struct sheet *s, const struct panel *p, const struct track *t,
                       const char *style)
{
    bool draws = false;

    svg_path_begin(s->out);
    for (size_t i = 0; i < TRACK_COLUMNS; i++) {
        const struct track_column *c = &t->column[i];
        double x = column_x(s, t, i);

        if (!isnan(c->last)) {
            svg_path_to(s->out, draws, x, y_of(p, c->least));
            if (c->most > c->least) {
                svg_path_to(s->out, true, x, y_of(p, c->most));
                svg_path_to(s->out, true, x, y_of(p, c->last));
            }
            draws = true;
        }
        if (c->broken)
            draws = false;
    }
    svg_path_end(s->out, style);
}

static void panel_name(const struct sheet *s, const struct plot_series *from, char out[200])
{
    char type[64], name[72], span[64], number[24], tail[100];
    const char *unit;

    enum_word(type, &eocbus__v1__observation_type__descriptor, (int)from->type);
    if (from->is_ratio) {
        fill(out, 200, word(s, "to_line"), "{name}", word(s, type));
        return;
    }
    snprintf(name, sizeof(name), "unit_");
    enum_word(name + 5, &eocbus__v1__unit__descriptor, (int)from->unit);
    unit = from->unit == EOCBUS__V1__UNIT__UNIT_ONE ? "" : word(s, name);
    snprintf(out, 200, "%s%s%s", word(s, type), *unit ? ", " : "", unit);
    if (!from->bar_us)
        return;
    snprintf(number, sizeof(number), "%" PRId64,
             from->bar_us / (from->bar_us < INT64_C(7200000000)     ? 60000000
                             : from->bar_us < INT64_C(172800000000) ? INT64_C(3600000000)
                                                                    : INT64_C(86400000000)));
    fill(span, sizeof(span),
         word(s, from->bar_us < INT64_C(7200000000)     ? "span_minutes"
                 : from->bar_us < INT64_C(172800000000) ? "span_hours"
                                                        : "span_days"),
         "{n}", number);
    fill(tail, sizeof(tail), word(s, "sum_over"), "{span}", span);
    strncat(out, ", ", 199 - strlen(out));
    strncat(out, tail, 199 - strlen(out));
}

/* On two lines where one is too narrow. */
static void draw_panel_name(struct sheet *s, const struct plot_series *from)
{
    char name[200], who[160], what[400];

    panel_name(s, from, name);
    snprintf(who, sizeof(who), "%s%s%s", from->detector < 0 ? "" : from->profile,
             from->detector < 0 ? "" : ", ", s->set->station->streams[from->stream].name);
    snprintf(what, sizeof(what), "%s: %s", who, name);
    if (svg_text_width(what, TEXT_PX + 1) > s->right - s->left) {
        svg_text(s->out, s->left, s->y + 10, SVG_START, BOLD, who);
        svg_text(s->out, s->left, s->y + 25, SVG_START, INK, name);
        s->y += 31;
        return;
    }
    svg_text(s->out, s->left, s->y + 10, SVG_START, BOLD, what);
    s->y += 16;
}

static void draw_panel(struct sheet *s, const struct plot_series *from)
{
    struct panel p;

    draw_panel_name(s, from);
    p = scale(s, from);
    draw_grid(s, &p);
    draw_time_grid(s, &p);
    shade_events(s, p.top, p.h);
    if (from->bar_us)
        draw_bars(s, &p, from);
    else
        draw_curve(s, &p, &from->value, CURVE);
    if (!from->bar_us) {
        draw_curve(s, &p, &from->line, THRESHOLD);
        draw_line_number(s, &p, &from->line);
    }
    svg_rect(s->out, s->left, p.top, s->right - s->left, p.h, FRAME);
    s->y += p.h + 12;
}

static void draw_panels(struct sheet *s)
{
    const struct plot_data *p = s->e->plot;

    /* What detectors make of a datastream stands below it. */
    for (unsigned stream = 0; stream < STATION_STREAMS; stream++)
        for (int detector = -1; detector < DETECTORS; detector++)
            for (unsigned i = 0; i < p->count; i++)
                if (p->series[i].stream == stream && p->series[i].detector == detector)
                    draw_panel(s, &p->series[i]);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void draw_time(struct sheet *s)
{
    const struct plot_data *p = s->e->plot;
    int64_t zone = s->how->zone_us;
    struct time_ticks t = ticks_of(s);

    for (int64_t at = axis_next(t, p->from_us + zone); at <= p->to_us + zone;
         at = axis_next(t, at + 1)) {
        double x = x_of(s, at - zone);
        char text[48];

        axis_time(text, t, at, s->how->lang);
        svg_line(s->out, x, s->bottom, x, s->bottom + 5, "stroke=\"#555\"");
        svg_text(s->out, x, s->bottom + 17, x > s->right - 14 ? SVG_END : SVG_MIDDLE, FAINT, text);
    }
    s->y = s->bottom + 34;
}

/* --- the key ------------------------------------------------------------------------------------
 */

struct key {
    struct sheet *s;
    double x;
};

/* Room for a swatch of 24 px and the words; where it starts. */
static double key_item(struct key *k, const char *text)
{
    double w = 32 + svg_text_width(text, TEXT_PX) + 16, x;

    if (k->x > k->s->left && k->x + w > k->s->right + 10) {
        k->x = k->s->left;
        k->s->y += ROW_PX;
    }
    x = k->x;
    svg_text(k->s->out, x + 30, k->s->y + 10, SVG_START, INK, text);
    k->x += w;
    return x;
}

static void draw_key_levels(struct key *k)
{
    static const Eocbus__V1__DetectionLevel levels[] = {LEVEL(WATCH), LEVEL(WARNING), LEVEL(ALARM)};

    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct look look = look_of(levels[i]);
        double x = key_item(k, word(k->s, look.name));

        svg_rect(k->s->out, x, k->s->y + 12 - 14 * look.share, 24, 14 * look.share, look.style);
    }
}

static void draw_key(struct sheet *s)
{
    struct key k = {s, s->left};
    char begins[100];
    double x = key_item(&k, word(s, "series"));

    svg_line(s->out, x, s->y + 6, x + 24, s->y + 6, CURVE);
    x = key_item(&k, word(s, "threshold"));
    svg_line(s->out, x, s->y + 6, x + 24, s->y + 6, THRESHOLD);
    draw_key_levels(&k);
    fill(begins, sizeof(begins), word(s, "begins"), "{level}",
         word(s, look_of(marked_level(s)).name));
    x = key_item(&k, begins);
    svg_line(s->out, x + 12, s->y - 1, x + 12, s->y + 12, MARK);
    buf_printf(s->out, "<path d=\"M%.1f %.1fl-4 -7h8z\" fill=\"#8e0019\"/>\n", x + 12, s->y + 6);
    if (s->set->labels->count) {
        x = key_item(&k, word(s, "event"));
        svg_rect(s->out, x, s->y, 24, 11, EVENT);
    }
    s->y += ROW_PX + 8;
}

static void event_line(const struct sheet *s, unsigned i, char out[300])
{
    static const char *const names[] = {
        [OUTCOME_HIT] = "hit", [OUTCOME_MISS] = "miss", [OUTCOME_NO_DATA] = "no_data"};
    const struct label *l = &s->set->labels->items[i];
    const struct signal *g = gravest(s);
    char when[64];

    axis_moment(when, l->from_us + s->how->zone_us, s->how->lang);
    if (l->whole_day)
        *strrchr(when, ' ') = '\0';
    snprintf(out, 300, "%u  %s%s%s%s%s", i + 1, when, *l->name ? "  " : "", l->name, g ? ": " : "",
             g ? word(s, names[g->judged[i].outcome]) : "");
}

static void say_more(struct sheet *s, unsigned left)
{
    char count[16], text[100];

    snprintf(count, sizeof(count), "%u", left);
    fill(text, sizeof(text), word(s, "more"), "{count}", count);
    svg_text(s->out, s->left, s->y + 10, SVG_START, INK, text);
    s->y += ROW_PX;
}

/* In columns, as many as fit. */
static void list_events(struct sheet *s)
{
    const struct labels *l = s->set->labels;
    unsigned shown[EVENTS_LISTED], n = 0, seen = 0, columns, rows;
    double widest = 1;
    char text[300];

    for (unsigned i = 0; i < l->count; i++) {
        if (!is_in_view(s, &l->items[i]) || ++seen > EVENTS_LISTED)
            continue;
        shown[n++] = i;
        event_line(s, i, text);
        if (svg_text_width(text, TEXT_PX) > widest)
            widest = svg_text_width(text, TEXT_PX);
    }
    columns = (unsigned)((s->right - s->left) / (widest + 20));
    columns = columns < 1 ? 1 : columns > 4 ? 4 : columns;
    rows = (n + columns - 1) / columns;
    for (unsigned i = 0; i < n; i++) {
        event_line(s, shown[i], text);
        svg_text(s->out, s->left + i / rows * ((s->right - s->left) / columns),
                 s->y + 10 + i % rows * ROW_PX, SVG_START, INK, text);
    }
    s->y += rows * ROW_PX + 4;
    if (seen > n)
        say_more(s, seen - n);
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static const char *title_of(const struct sheet *s)
{
    return s->how->title ? s->how->title : word(s, "title");
}

static void draw_title(struct sheet *s)
{
    const struct plot_data *p = s->e->plot;
    int64_t zone_min = s->how->zone_us / 60000000, abs_min = zone_min < 0 ? -zone_min : zone_min;
    char from[64], to[64], text[200];

    svg_text(s->out, 10, 22, SVG_START, "fill=\"#111\" font-size=\"16\" font-weight=\"bold\"",
             title_of(s));
    axis_moment(from, p->from_us + s->how->zone_us, s->how->lang);
    axis_moment(to, p->to_us + s->how->zone_us, s->how->lang);
    snprintf(text, sizeof(text), "%s \xe2\x80\x93 %s (UTC%c%02d:%02d)", from, to,
             zone_min < 0 ? '-' : '+', (int)(abs_min / 60), (int)(abs_min % 60));
    svg_text(s->out, 10, 40, SVG_START, FAINT, text);
    s->y = 52;
}

static void draw_all(struct sheet *s)
{
    put_patterns(s->out);
    draw_title(s);
    draw_events(s);
    s->top = s->y + 14;
    draw_strips(s);
    draw_panels(s);
    s->bottom = s->y - 12;
    draw_marks(s);
    draw_time(s);
    draw_key(s);
    list_events(s);
    s->y += 8;
}

void plot_draw(struct buf *out, const struct evaluation *e, const struct evaluate_settings *set,
               const struct plot_settings *how)
{
    static const char *const codes[] = {
        [LANG_TAJIK] = "tg", [LANG_RUSSIAN] = "ru", [LANG_ENGLISH] = "en"};
    struct buf body = {.data = NULL};
    struct sheet s = {.out = &body, .e = e, .set = set, .how = how};
    const struct signal *g;
    char desc[200];

    s.left = how->width < 600 ? 46 : 60;
    s.right = how->width - (how->width < 600 ? 12 : 24);
    s.height = how->width < 600 ? 96 : 130;
    draw_all(&s);
    g = gravest(&s);
    snprintf(desc, sizeof(desc), "%s: %u, %s: %u, %s: %u", word(&s, "hit"), g ? g->score.hits : 0,
             word(&s, "miss"), g ? g->score.misses : 0, word(&s, "false_alarms"),
             g ? g->score.false_alarms : 0);
    svg_begin(out, how->width, (unsigned)s.y + 4, codes[how->lang], title_of(&s), desc);
    svg_rect(out, 0, 0, how->width, s.y + 4, "fill=\"#fff\"");
    buf_put(out, body.data, body.len);
    svg_end(out);
    out->failed |= body.failed;
    buf_free(&body);
}
