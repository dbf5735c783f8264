/* refuse - fills in a refusal: the path from the steps a walk took, the sentence from a format.
 * Inside proto/wire only. */
#ifndef EOCBUS_WIRE_REFUSE_H
#define EOCBUS_WIRE_REFUSE_H

#include "proto/wire/gate.h"

/* One step of a walk: a chain on the walker's own stack, read only when something is refused. */
struct step {
    const struct step *up; /* NULL at the top */
    const char *field;     /* NULL: the message itself */
    long index;            /* element of a repeated field, or -1 */
};

enum { SHOWN_BYTES = 44 };

/* Always ST_INVALID. The text is cut at a whole character when it does not fit. */
enum status refuse(struct refusal *why, const char *code, const struct step *at, const char *fmt,
                   ...) PRINTF_LIKE(4, 5);
/* "area.pcodes[2]" */
void step_path(char *out, size_t size, const struct step *at);
/* A value from outside, fit for a log line: printable ASCII, the rest as '?', cut with "...". */
const char *show_bytes(char out[SHOWN_BYTES], const char *bytes, size_t len);

#endif
