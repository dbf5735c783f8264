/* plot - what an evaluation looks like: series, lines, levels, alarms and events over one time
 * axis, as SVG. Level and kind are told by pattern and word, not by colour alone; it prints in
 * grey. */
#ifndef EOCBUS_SENSOR_PLOT_H
#define EOCBUS_SENSOR_PLOT_H

#include "agents/link/lang.h"
#include "agents/sensor/replay/evaluate.h"

enum { PLOT_SERIES = 16, PLOT_WIDTH_LEAST = 320, PLOT_WIDTH_MOST = 4000 };

/* One panel: a datastream with the lines that stand in its unit, or what a detector makes of it. */
struct plot_series {
    unsigned stream;
    int detector;        /* -1: the datastream itself */
    const char *profile; /* of the detector; a constant */
    struct track value;  /* in the unit itself, not scaled */
    struct track line;   /* NAN where there is none */
    int64_t bar_us;      /* rain: sums over so long; 0 = a curve */
    int64_t last_us;     /* of the last sample */
    bool is_ratio;       /* value over line; the line is 1 */
    Eocbus__V1__Unit unit;
    Eocbus__V1__ObservationType type;
};

struct plot_data {
    int64_t from_us, to_us;
    struct plot_series series[PLOT_SERIES];
    unsigned count;
};

struct plot_settings {
    enum lang lang;
    unsigned width;  /* of the picture, px: text keeps its size, so that 400 is for a phone */
    int64_t zone_us; /* of the time axis */
    const char *title;
};

/* What a sample and the detectors after it add; `plot` may be NULL. */
void plot_sample(struct plot_data *p, const struct detect *d, unsigned stream,
                 const struct sample *s);

struct buf;
void plot_draw(struct buf *out, const struct evaluation *e, const struct evaluate_settings *set,
               const struct plot_settings *how);

#endif
