/* plot_panel - one panel of the picture a series: its values, its lines, its scale. See plot.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/replay/plot_sheet.h"

#include "proto/base/banned.h"

static void shade_events(struct sheet *s, double y, double h)
{
    const struct labels *l = s->set->labels;

    for (unsigned i = 0; i < l->count; i++) {
        double from = plot_x(s, l->items[i].from_us), to = plot_x(s, l->items[i].to_us);

        if (plot_is_in_view(s, &l->items[i]))
            svg_rect(s->out, from, y, to - from < 1 ? 1 : to - from, h, SHADE);
    }
}

struct panel {
    double top, h, least, most, step;
};

static double y_of(const struct panel *p, double value)
{
    double share = (value - p->least) / (p->most - p->least);

    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return p->top + p->h * (1 - share);
}

static void draw_time_grid(struct sheet *s, const struct panel *p)
{
    const struct plot_data *d = s->e->plot;
    int64_t zone = s->how->zone_us;
    struct time_ticks t = plot_ticks(s);

    for (int64_t at = axis_next(t, d->from_us + zone); at <= d->to_us + zone;
         at = axis_next(t, at + 1))
        svg_line(s->out, plot_x(s, at - zone), p->top, plot_x(s, at - zone), p->top + p->h, GRID);
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

    return plot_x(s, at);
}

static void draw_bars(struct sheet *s, const struct panel *p, const struct plot_series *from)
{
    for (size_t i = 0; i < TRACK_COLUMNS; i++) {
        int64_t at = from->value.from_us + (int64_t)i * from->bar_us;
        double x = plot_x(s, at), w = plot_x(s, at + from->bar_us) - x;
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
        plot_fill(out, 200, plot_word(s, "to_line"), "{name}", plot_word(s, type));
        return;
    }
    snprintf(name, sizeof(name), "unit_");
    enum_word(name + 5, &eocbus__v1__unit__descriptor, (int)from->unit);
    unit = from->unit == EOCBUS__V1__UNIT__UNIT_ONE ? "" : plot_word(s, name);
    snprintf(out, 200, "%s%s%s", plot_word(s, type), *unit ? ", " : "", unit);
    if (!from->bar_us)
        return;
    snprintf(number, sizeof(number), "%" PRId64,
             from->bar_us / (from->bar_us < INT64_C(7200000000)     ? 60000000
                             : from->bar_us < INT64_C(172800000000) ? INT64_C(3600000000)
                                                                    : INT64_C(86400000000)));
    plot_fill(span, sizeof(span),
              plot_word(s, from->bar_us < INT64_C(7200000000)     ? "span_minutes"
                           : from->bar_us < INT64_C(172800000000) ? "span_hours"
                                                                  : "span_days"),
              "{n}", number);
    plot_fill(tail, sizeof(tail), plot_word(s, "sum_over"), "{span}", span);
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

void plot_panels(struct sheet *s)
{
    const struct plot_data *p = s->e->plot;

    /* What detectors make of a datastream stands below it. */
    for (unsigned stream = 0; stream < STATION_STREAMS; stream++)
        for (int detector = -1; detector < DETECTORS; detector++)
            for (unsigned i = 0; i < p->count; i++)
                if (p->series[i].stream == stream && p->series[i].detector == detector)
                    draw_panel(s, &p->series[i]);
}
