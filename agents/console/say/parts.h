/* parts - what alerts (warn.h) and orders (command.h) share while people still read them. Pure. */
#ifndef EOCBUS_CONSOLE_SAY_PARTS_H
#define EOCBUS_CONSOLE_SAY_PARTS_H

#include <stdbool.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* A copy of the id, in the arena; false: no memory. */
MUST_CHECK bool draft_set_id(ProtobufCBinaryData *out, const uint8_t id[16], struct arena *arena);
/* ST_INVALID, with the sentence in `err`. */
enum status draft_refuse(char *err, size_t err_size, const char *text);

#endif
