/* plot_draw - the picture itself, from top to bottom: title, events, levels, one panel a series,
 * the time, the key. See plot.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/replay/plot_sheet.h"

#include "proto/base/banned.h"

const char *plot_word(const struct sheet *s, const char *name)
{
    const char *text = lang_text(s->how->lang, "plot", name);

    if (!text)
        text = lang_text(LANG_ENGLISH, "plot", name);
    return text ? text : name;
}

void plot_fill(char *out, size_t size, const char *sentence, const char *what, const char *by)
{
    const char *at = strstr(sentence, what);

    if (at)
        snprintf(out, size, "%.*s%s%s", (int)(at - sentence), sentence, by, at + strlen(what));
    else
        snprintf(out, size, "%s", sentence);
}

double plot_x(const struct sheet *s, int64_t time_us)
{
    const struct plot_data *p = s->e->plot;
    double share = (double)(time_us - p->from_us) / (double)(p->to_us - p->from_us);

    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return s->left + share * (s->right - s->left);
}

struct time_ticks plot_ticks(const struct sheet *s)
{
    unsigned wanted = (unsigned)((s->right - s->left) / 74);

    return axis_times(s->e->plot->to_us - s->e->plot->from_us, wanted < 2 ? 2 : wanted);
}

/* --- patterns and levels ---------------------------------------------------------------------- */

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
    const char *name = plot_word(s, "alarm");

    if (g->level == LEVEL(ALARM) && to - from > svg_text_width(name, 11) + 10)
        svg_text(s->out, to - 4, middle + 4, SVG_END, "fill=\"#fff\" font-size=\"11\"", name);
}

static void draw_spells(struct sheet *s, const struct signal *g, double y, double h)
{
    struct look look = look_of(g->detector < 0 ? g->level : LEVEL(WARNING));
    double high = h * (g->detector < 0 ? look.share : 0.7);

    for (size_t i = 0; i < g->spells.count; i++) {
        double from = plot_x(s, g->spells.items[i].from_us),
               to = plot_x(s, g->spells.items[i].to_us);

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

    svg_text(s->out, s->left, s->y + 10, SVG_START, BOLD, plot_word(s, "level"));
    s->y += 14;
    for (unsigned c = 0; c < n; c++)
        draw_strip(s, c);
    s->y += 6;
}

/* --- events ----------------------------------------------------------------------------------- */

bool plot_is_in_view(const struct sheet *s, const struct label *l)
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
    svg_text(s->out, s->left, s->y + 10, SVG_START, BOLD, plot_word(s, "events"));
    s->y += 26;
    for (unsigned i = 0; i < l->count; i++) {
        double from = plot_x(s, l->items[i].from_us), to = plot_x(s, l->items[i].to_us), at;

        if (!plot_is_in_view(s, &l->items[i]))
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
        double x = plot_x(s, g->spells.items[i].from_us);

        svg_line(s->out, x, s->top, x, s->bottom, MARK);
        buf_printf(s->out, "<path d=\"M%.1f %.1fl-4 -7h8z\" fill=\"#8e0019\"/>\n", x, s->top);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void draw_time(struct sheet *s)
{
    const struct plot_data *p = s->e->plot;
    int64_t zone = s->how->zone_us;
    struct time_ticks t = plot_ticks(s);

    for (int64_t at = axis_next(t, p->from_us + zone); at <= p->to_us + zone;
         at = axis_next(t, at + 1)) {
        double x = plot_x(s, at - zone);
        char text[48];

        axis_time(text, t, at, s->how->lang);
        svg_line(s->out, x, s->bottom, x, s->bottom + 5, "stroke=\"#555\"");
        svg_text(s->out, x, s->bottom + 17, x > s->right - 14 ? SVG_END : SVG_MIDDLE, FAINT, text);
    }
    s->y = s->bottom + 34;
}

/* --- the key ---------------------------------------------------------------------------------- */

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
        double x = key_item(k, plot_word(k->s, look.name));

        svg_rect(k->s->out, x, k->s->y + 12 - 14 * look.share, 24, 14 * look.share, look.style);
    }
}

static void draw_key(struct sheet *s)
{
    struct key k = {s, s->left};
    char begins[100];
    double x = key_item(&k, plot_word(s, "series"));

    svg_line(s->out, x, s->y + 6, x + 24, s->y + 6, CURVE);
    x = key_item(&k, plot_word(s, "threshold"));
    svg_line(s->out, x, s->y + 6, x + 24, s->y + 6, THRESHOLD);
    draw_key_levels(&k);
    plot_fill(begins, sizeof(begins), plot_word(s, "begins"), "{level}",
              plot_word(s, look_of(marked_level(s)).name));
    x = key_item(&k, begins);
    svg_line(s->out, x + 12, s->y - 1, x + 12, s->y + 12, MARK);
    buf_printf(s->out, "<path d=\"M%.1f %.1fl-4 -7h8z\" fill=\"#8e0019\"/>\n", x + 12, s->y + 6);
    if (s->set->labels->count) {
        x = key_item(&k, plot_word(s, "event"));
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
             g ? plot_word(s, names[g->judged[i].outcome]) : "");
}

static void say_more(struct sheet *s, unsigned left)
{
    char count[16], text[100];

    snprintf(count, sizeof(count), "%u", left);
    plot_fill(text, sizeof(text), plot_word(s, "more"), "{count}", count);
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
        if (!plot_is_in_view(s, &l->items[i]) || ++seen > EVENTS_LISTED)
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
        const unsigned column = i / rows;

        event_line(s, shown[i], text);
        svg_text(s->out, s->left + column * ((s->right - s->left) / columns),
                 s->y + 10 + i % rows * ROW_PX, SVG_START, INK, text);
    }
    s->y += rows * ROW_PX + 4;
    if (seen > n)
        say_more(s, seen - n);
}

/* --- all of it -------------------------------------------------------------------------------- */

static const char *title_of(const struct sheet *s)
{
    return s->how->title ? s->how->title : plot_word(s, "title");
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
    plot_panels(s);
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
    snprintf(desc, sizeof(desc), "%s: %u, %s: %u, %s: %u", plot_word(&s, "hit"),
             g ? g->score.hits : 0, plot_word(&s, "miss"), g ? g->score.misses : 0,
             plot_word(&s, "false_alarms"), g ? g->score.false_alarms : 0);
    svg_begin(out, how->width, (unsigned)s.y + 4, codes[how->lang], title_of(&s), desc);
    svg_rect(out, 0, 0, how->width, s.y + 4, "fill=\"#fff\"");
    buf_put(out, body.data, body.len);
    svg_end(out);
    out->failed |= body.failed;
    buf_free(&body);
}
