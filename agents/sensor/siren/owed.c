/* owed - see owed.h. */
#include "agents/sensor/siren/owed.h"

#include <errno.h>
#include <string.h>

#include "agents/sensor/siren/kept.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

bool owed_begin(struct owed *o, const char *path)
{
    enum status st;

    *o = (struct owed){.path = mem_strdup(path)};
    if (!o->path)
        return false;
    st = siren_kept_read(o->path, &o->sound);
    o->is = st == ST_OK;
    if (o->is && !o->sound.level)
        o->sound.level = EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM;
    if (st != ST_OK && st != ST_NOTFOUND)
        log_error("siren.unread", "path=%s status=%s next=\"silent until it is asked\"", path,
                  status_name(st));
    return true;
}

void owed_end(struct owed *o)
{
    mem_free(o->path);
}

void owed_set(struct owed *o, const struct siren_sound *sound)
{
    if (!sound && !o->is)
        return;
    o->is = sound != NULL;
    if (sound)
        o->sound = *sound;
    if (siren_kept_write(o->path, sound) != ST_OK)
        log_error("siren.unkept", "path=%s why=%s next=\"a power cut would end it\"", o->path,
                  strerror(errno));
}
