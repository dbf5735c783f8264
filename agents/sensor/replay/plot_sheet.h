/* plot_sheet - what plot_draw.c and plot_panel.c share: the picture as it grows. */
#ifndef EOCBUS_SENSOR_PLOT_SHEET_H
#define EOCBUS_SENSOR_PLOT_SHEET_H

#include "agents/sensor/replay/plot.h"
#include "agents/sensor/replay/plot_axis.h"
#include "agents/sensor/replay/svg.h"

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

/* In the language of the picture. */
const char *plot_word(const struct sheet *s, const char *name);
/* The sentence with {what} filled in. */
void plot_fill(char *out, size_t size, const char *sentence, const char *what, const char *by);
double plot_x(const struct sheet *s, int64_t time_us);
bool plot_is_in_view(const struct sheet *s, const struct label *l);
struct time_ticks plot_ticks(const struct sheet *s);
/* plot_panel.c: one a series. */
void plot_panels(struct sheet *s);

#endif
