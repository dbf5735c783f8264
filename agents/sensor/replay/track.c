/* track - see track.h. */
#include "agents/sensor/replay/track.h"

#include <math.h>

#include "proto/base/banned.h"

void track_begin(struct track *t, int64_t from_us, int64_t to_us)
{
    t->from_us = from_us;
    t->to_us = to_us > from_us ? to_us : from_us + 1;
    for (size_t i = 0; i < TRACK_COLUMNS; i++)
        t->column[i] = (struct track_column){(double)NAN, (double)NAN, (double)NAN, 0, false};
}

size_t track_place(const struct track *t, int64_t time_us)
{
    double at = (double)(time_us - t->from_us) / (double)(t->to_us - t->from_us);
    double column = at * TRACK_COLUMNS;

    return column < 0 ? 0 : column >= TRACK_COLUMNS ? TRACK_COLUMNS - 1 : (size_t)column;
}

void track_add(struct track *t, int64_t time_us, double value)
{
    struct track_column *c;

    if (time_us < t->from_us || time_us > t->to_us)
        return;
    c = &t->column[track_place(t, time_us)];
    if (isnan(c->last) || value < c->least)
        c->least = value;
    if (isnan(c->last) || value > c->most)
        c->most = value;
    c->last = value;
    c->sum += value;
}

void track_break(struct track *t, int64_t time_us)
{
    if (time_us >= t->from_us && time_us <= t->to_us)
        t->column[track_place(t, time_us)].broken = true;
}

bool track_range(const struct track *t, double *least, double *most)
{
    bool any = false;

    for (size_t i = 0; i < TRACK_COLUMNS; i++) {
        const struct track_column *c = &t->column[i];

        if (isnan(c->last))
            continue;
        *least = any && *least < c->least ? *least : c->least;
        *most = any && *most > c->most ? *most : c->most;
        any = true;
    }
    return any;
}
