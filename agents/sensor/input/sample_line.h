/* sample_line - readings that come in as lines, one sample each. Pure:
 *
 *   DATASTREAM TIME VALUE [FLAG...]
 *   gusar.stage 2010-08-07T20:10:00+05:00 1.284
 *   gusar.rain now 0.2 suspect low_power
 *   gusar.stage now - missing
 *
 * TIME is ISO 8601 with Z or an offset, or the word now; VALUE is in the datastream's unit, "-"
 * says that there is none; FLAGs are words of Quality in small letters. Empty lines and lines that
 * begin with # are nothing. "flush" asks for an answer to everything so far. */
#ifndef EOCBUS_SENSOR_SAMPLE_LINE_H
#define EOCBUS_SENSOR_SAMPLE_LINE_H

#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

enum { SAMPLE_LINE_BYTES = 256, SAMPLE_ANSWER_BYTES = 200 };

enum sample_line {
    LINE_NOTHING, /* no answer is due */
    LINE_SAMPLE,  /* *stream and *out are set */
    LINE_FLUSH,   /* whoever sent it wants to know now */
    LINE_BAD,     /* answer at once: `why` */
};

/* One line without its end; not NUL-terminated, any bytes. */
enum sample_line sample_line_read(const struct station *station, const char *line, size_t len,
                                  int64_t now_us, unsigned *stream, struct sample *out,
                                  char why[SAMPLE_ANSWER_BYTES]);
/* "now", "now-30" (seconds before it), or ISO 8601 with a zone, from 2000 to 2100; whole milliseconds. */
bool sample_time_read(int64_t *out, struct slice word, int64_t now_us);
/* 2000 to 2100: what is outside is no time of ours. */
bool sample_time_is_sane(int64_t time_us);

#endif
