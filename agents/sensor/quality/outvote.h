/* outvote - whose clock is wrong, when ours says that it is kept? One device that is ahead of us is
 * wrong. When all that comes in is ahead of us, and OUTVOTE_SAMPLES in a row were, we are; until as
 * many in a row are not. Better to believe a device that is wrong than to be blind. Pure. */
#ifndef EOCBUS_SENSOR_OUTVOTE_H
#define EOCBUS_SENSOR_OUTVOTE_H

#include <stdbool.h>

enum { OUTVOTE_SAMPLES = 10 };

struct outvote {      /* zeroed = our clock is right */
    unsigned against; /* in a row, of what is held now */
    bool is;
};

/* A sample came in, ahead of our clock by more than it may be or not. True if that changed our
 * mind. */
static inline bool outvote_hear(struct outvote *v, bool is_ahead)
{
    v->against = is_ahead == v->is ? 0 : v->against + 1;
    if (v->against < OUTVOTE_SAMPLES)
        return false;
    v->against = 0;
    v->is = !v->is;
    return true;
}

#endif
