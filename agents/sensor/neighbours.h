/* neighbours - what others conclude and this gateway counts with (detect.h):
 *
 *   neighbour = coes.tj3505203.gw07     a gateway beside it: while that one warns, a gauge of ours
 *                                       that fell silent is evidence
 *   quake.from = seismo.dushanbe        who tells of earthquakes, as sensor_detection with the
 *                                       hazard EARTHQUAKE: vibration of that time does not count
 *
 * Nobody else is believed, and those only in messages of our own status whose signature is good,
 * where officers are pinned. A level holds until it is said to be over, at most NEIGHBOURS_HOLD_US;
 * what was said within that time is heard again after a start. Nothing of it is a flow that
 * somebody saw: alone it raises no alarm and sounds no siren. */
#ifndef EOCBUS_SENSOR_NEIGHBOURS_H
#define EOCBUS_SENSOR_NEIGHBOURS_H

#include "agents/link/agent.h"
#include "agents/sensor/detect/detect.h"
#include "proto/base/conf.h"

#define NEIGHBOURS_HOLD_US INT64_C(10800000000)

enum { NEIGHBOURS = 16 };

struct neighbours {
    const struct conf_list *neighbours, *quakes; /* borrowed */
    Eocbus__V1__Status status;                   /* of what this gateway says */
    struct detect *detect;                       /* borrowed */
    struct agent *agent;                         /* borrowed */
    struct {
        Eocbus__V1__DetectionLevel level;
        int64_t said_us;
    } of[NEIGHBOURS];
};

/* ST_INVALID: too many lines. Subscribes if there is a line. */
MUST_CHECK enum status neighbours_begin(struct neighbours *n, int64_t now_us, char *err,
                                        size_t err_size);
/* One message, whose sender is who it says. True if it is counted with. */
bool neighbours_take(struct neighbours *n, const Eocbus__V1__Envelope *m);

#endif
