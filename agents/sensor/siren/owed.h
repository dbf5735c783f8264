/* owed - the sound that a level still owes: it was concluded from readings of an hour ago, or while
 * people worked there, or before anybody saw the flow. It is kept on disk, with its level and when
 * it was owed, until it sounds or is owed no more (site.h). */
#ifndef EOCBUS_SENSOR_SIREN_OWED_H
#define EOCBUS_SENSOR_SIREN_OWED_H

#include "agents/sensor/siren/siren.h"

struct owed {
    char *path; /* of the file */
    bool is;
    struct siren_sound sound; /* level: which owes it; asked_us: since when, 0 = nobody knew */
};

/* What an earlier run owed. A file of an older program has no level: it is taken for the highest,
 * which sounds least. False: out of memory. */
bool owed_begin(struct owed *o, const char *path);
void owed_end(struct owed *o);
/* The newest is owed; NULL: nothing any more. */
void owed_set(struct owed *o, const struct siren_sound *sound);

#endif
