/* owed - the sound that a level still owes: it was concluded from readings of an hour ago, or while
 * people worked there, or before anybody saw the flow. It is kept on disk until it sounds, or until
 * the level is over. */
#ifndef EOCBUS_SENSOR_SIREN_OWED_H
#define EOCBUS_SENSOR_SIREN_OWED_H

#include "agents/sensor/siren/siren.h"

struct owed {
    char *path; /* of the file */
    bool is;
    struct siren_sound sound;
};

/* What an earlier run owed. False: out of memory. */
bool owed_begin(struct owed *o, const char *path);
void owed_end(struct owed *o);
/* The newest is owed; NULL: nothing any more. */
void owed_set(struct owed *o, const struct siren_sound *sound);

#endif
