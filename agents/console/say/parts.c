/* parts - see parts.h. */
#include "agents/console/say/parts.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/ids.h"

#include "proto/base/banned.h"

bool draft_set_id(ProtobufCBinaryData *out, const uint8_t id[16], struct arena *arena)
{
    out->data = arena_alloc(arena, ID_BYTES);
    out->len = ID_BYTES;
    if (out->data)
        memcpy(out->data, id, ID_BYTES);
    return out->data != NULL;
}

enum status draft_refuse(char *err, size_t err_size, const char *text)
{
    snprintf(err, err_size, "%s", text);
    return ST_INVALID;
}
