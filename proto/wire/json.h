/* json - proto3 JSON (the standard mapping, field names as in the .proto) from and to any message,
 * by walking protobuf-c's descriptors.
 *
 * Differences from the standard mapping, on purpose: names stay snake_case; 16-byte @id fields print
 * as UUIDs; other bytes as base64; enums print as words; 64-bit integers as strings, accepted as
 * numbers too; fields named *_time_us or ending in _us with @time print as numbers in a string and are
 * also accepted as ISO 8601. */
#ifndef EOCBUS_WIRE_JSON_H
#define EOCBUS_WIRE_JSON_H

#include "proto/base/mem.h"

/* Appends to `out`. Unset fields (proto3 defaults) are left out. */
void json_print(struct buf *out, const ProtobufCMessage *m);
/* Indented, for people. */
void json_print_pretty(struct buf *out, const ProtobufCMessage *m);
/* *out lives in `arena`. ST_INVALID: `err` names the path and what would be legal; unknown field names
 * are errors. */
MUST_CHECK enum status json_parse(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
                                  const char *text, size_t len, struct arena *arena, char *err,
                                  size_t err_size);

#endif
