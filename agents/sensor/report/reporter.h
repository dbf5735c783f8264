/* reporter - which samples go to the bus, when, and how urgent. Pure; what is ready goes to the
 * speaker.
 *
 * NORMAL: what came in goes out every batch period, in lane BULK. A datastream with normal= is
 * thinned to one sample in that time: the sum of rain, the largest of vibration, infrasound and
 * velocity, a wire when it changes, else the last one. Its flags are those of all it stands for.
 *
 * EVENT: every sample goes out as it is, every event period, in lane ROUTINE, which no full disk
 * thins. What the minutes before had brought and was thinned follows at once, marked BACKFILLED;
 * rain does not, since its sums are out already.
 *
 * MAINTENANCE: as NORMAL, every sample marked.
 *
 * Samples that come in late (BACKFILLED) are gathered apart, so that they cut no message of what is
 * new in two. A clock that is not believed thins nothing: such a sample goes out as it is. */
#ifndef EOCBUS_SENSOR_REPORTER_H
#define EOCBUS_SENSOR_REPORTER_H

#include "agents/sensor/report/batch.h"
#include "agents/sensor/report/mode.h"

struct reporter;

struct reporter_settings {
    const struct station *station; /* borrowed for its life */
    size_t batch_samples;
    int64_t batch_period_us;
    int64_t event_period_us; /* 0 = as the other */
    int64_t before_us;       /* of an event: so much of what was thinned follows */
    int64_t after_us;        /* an event lasts so long after CLEAR */
};

MUST_CHECK enum status reporter_create(struct reporter **out, const struct reporter_settings *set);
void reporter_destroy(struct reporter *r);
/* What was taken and not flushed is forgotten; the mode stays. */
void reporter_reset(struct reporter *r);

/* A sample with its flags, as it came in at now_us. On any but ST_OK what was gathered may have
 * gone out in part: reset. */
MUST_CHECK enum status reporter_sample(struct reporter *r, unsigned stream,
                                       const struct sample *sample, int64_t now_us,
                                       struct speaker *s);
/* Everything that was gathered goes out; a while that has begun goes on. */
MUST_CHECK enum status reporter_flush(struct reporter *r, struct speaker *s);

/* The newest so many samples that came in of this datastream are in no message yet: taken again in
 * their order after a reset, they make the same ones. */
size_t reporter_held(const struct reporter *r, unsigned stream);
/* Something waits for the end of its period. */
bool reporter_holds(const struct reporter *r);
int64_t reporter_period_us(const struct reporter *r);

/* What was concluded, what was ordered, and that time passed. */
MUST_CHECK enum status reporter_level(struct reporter *r, Eocbus__V1__DetectionLevel level,
                                      int64_t now_us, struct speaker *s);
MUST_CHECK enum status reporter_order(struct reporter *r, Eocbus__V1__SensorMode wanted,
                                      uint32_t duration_s, int64_t now_us, struct speaker *s);
MUST_CHECK enum status reporter_tick(struct reporter *r, int64_t now_us, struct speaker *s);
/* Whether somebody would hear it now; true at the beginning. Without a link the messages of an
 * event are as long as others: seconds apart they are nothing but envelopes. */
void reporter_linked(struct reporter *r, bool up);
Eocbus__V1__SensorMode reporter_mode(const struct reporter *r);

#endif
