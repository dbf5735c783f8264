/* numbers - what detectors go by, after people changed it over the bus.
 *
 * An order that was signed and approved is kept on disk as it came, with its signature and its
 * approvals, then its numbers come into force: all of them or none, now or at effective_us. After a
 * start they do so again, if their version is still higher than that of the settings. What is in
 * force is told to the bus, once for each version, with who ordered and who approved it.
 *
 * What an exercise ordered ends with it: a start with another status drops it, and what was ordered
 * in reality, which it never replaces, comes into force again. */
#ifndef EOCBUS_SENSOR_NUMBERS_H
#define EOCBUS_SENSOR_NUMBERS_H

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/report/say.h"

enum { NUMBERS_MOST = 32, NUMBERS_WHY = 400 };

struct numbers;

struct numbers_settings { /* borrowed for its life, the path for the call */
    const char *path;
    struct detect *detect;
    const struct speaker *speaker; /* copied; with put */
    /* outbox_once_from: NULL ends the key's work. */
    enum status (*once)(void *once_arg, const char *key, uint64_t said);
    void *once_arg;
    /* An order came into force (why NULL), or could not when its time had come; of one that was
     * kept for later. */
    void (*settled)(void *arg, const Eocbus__V1__Envelope *order, const char *why);
    void *arg;
};

/* Drops an exercise's orders unless speaker->status is EXERCISE. A file that cannot be read is
 * said, and left alone until new numbers come. ST_NOMEM. */
MUST_CHECK enum status numbers_create(struct numbers **out, const struct numbers_settings *set);
void numbers_destroy(struct numbers *n); /* NULL is allowed */

/* An order as it came, which was taken. ST_OK: in force. ST_AGAIN: kept, in force later.
 * ST_INVALID, ST_FULL, ST_IO: nothing changed; `why` is a sentence. */
MUST_CHECK enum status numbers_take(struct numbers *n, const Eocbus__V1__Delivery *d,
                                    int64_t now_us, char why[NUMBERS_WHY]);
/* What is due comes into force. Call it once at the start, then at numbers_due_us. */
void numbers_tick(struct numbers *n, int64_t now_us);
int64_t numbers_due_us(const struct numbers *n); /* UTC; INT64_MAX = nothing waits */
/* Tells the bus what is in force and was not told yet. */
MUST_CHECK enum status numbers_tell(struct numbers *n, int64_t now_us);

#endif
