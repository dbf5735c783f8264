/* thin - many samples of one datastream become one in a while, and what they were is remembered for
 * some minutes. Pure. See reporter.h for which one. */
#ifndef EOCBUS_SENSOR_THIN_H
#define EOCBUS_SENSOR_THIN_H

#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

struct thin;

/* One sample every from->normal_us; before_us of what came in is remembered (at most an hour of
 * seconds). */
MUST_CHECK enum status thin_create(struct thin **out, const struct datastream *from,
                                   int64_t before_us);
void thin_destroy(struct thin *t); /* NULL is allowed */
void thin_reset(struct thin *t);

/* Takes one, in the order of time. True: *out is one to report. */
bool thin_add(struct thin *t, const struct sample *s, struct sample *out);
/* The while ends now; true: it had begun, and *out stands for it. */
bool thin_end(struct thin *t, struct sample *out);
/* Samples of the while that has begun; of the one that ended last. */
size_t thin_open(const struct thin *t);
size_t thin_ended(const struct thin *t);
/* What is remembered, oldest first; taken once. Never of rain: its sums are all there is. */
const struct sample *thin_before(const struct thin *t); /* NULL: nothing more */
void thin_take_before(struct thin *t);

#endif
