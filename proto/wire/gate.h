/* gate - the one place where bytes from outside become a message, or a refusal with a reason.
 *
 * First the raw bytes are scanned, without unpacking: size, depth, number of fields, repeats, no
 * groups, no field number 0, lengths inside their parent. Then they are unpacked into a capped arena.
 * Then every field is held against the rules written in the .proto comments (generated into
 * rules.inc): UTF-8 without NUL, known enum values (an unknown one passes when the sender speaks a
 * newer minor), ranges, finite numbers, P-codes, times, ids, required fields; then the rules that
 * need two fields: expiry for commands, preceding_id where EDXL-RM wants it, FLASH only for kinds
 * that may be said before they are stored; what EDXL-RM wants in its sixteen (edxl.h). Behind the
 * gate nobody checks again. */
#ifndef EOCBUS_WIRE_GATE_H
#define EOCBUS_WIRE_GATE_H

#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

/* Stable words, PROTOCOL.md "Codes". The gate says those up to `flash`, the rooms behind the rest. */
#define CODE_SIZE       "size"       /* larger than the limit, or empty */
#define CODE_MALFORMED  "malformed"  /* not protobuf, or groups, or field number 0 */
#define CODE_DEPTH      "depth"
#define CODE_REPEATS    "repeats"    /* too many fields or elements */
#define CODE_MEMORY     "memory"     /* would unpack beyond the cap */
#define CODE_REQUIRED   "required"
#define CODE_UTF8       "utf8"       /* not UTF-8, or holds a NUL */
#define CODE_ENUM       "enum"
#define CODE_RANGE      "range"
#define CODE_LENGTH     "length"
#define CODE_PCODE      "pcode"
#define CODE_TIME       "time"
#define CODE_ID         "id"
#define CODE_NAME       "name"       /* not a principal's name or a recipient */
#define CODE_NUMBER     "number"     /* NaN or infinite */
#define CODE_EXPIRY     "expiry"     /* a command or alert without not_after_us */
#define CODE_THREAD     "thread"     /* preceding_id missing where EDXL-RM wants it */
#define CODE_EDXL       "edxl"       /* EDXL-RM does not know this element, schedule or word here */
#define CODE_STATUS     "status"     /* plays an old message and is no exercise */
#define CODE_FLASH      "flash"      /* this type may not travel as FLASH */
#define CODE_SENDER     "sender"     /* foreign sender name */
#define CODE_RIGHTS     "rights"     /* this principal may not say this */
#define CODE_SEALED     "sealed"     /* wrapped keys that are none; a household placed too exactly */
#define CODE_SIGNATURE  "signature"  /* missing, or not the sender's */
#define CODE_APPROVAL  "approval"   /* an order to a machine without the persons it takes */
#define CODE_CONFLICT   "conflict"   /* other content under a known identity */
#define CODE_DATABASE   "database"   /* PostgreSQL refuses this row whatever we do */

enum { CODE_TEXT = 41 };

struct refusal {
    const char *code;    /* one of the words above, or `word` */
    char word[CODE_TEXT]; /* a code of the ledger, whose words stand in the database; else empty */
    char path[160];      /* "flash_report.deaths", "area.pcodes[2]"; empty = the whole message */
    char text[320];      /* one sentence: what, why, what would be legal */
};

/* Unpacks and checks one content. On ST_OK *out lives in `arena`. On ST_INVALID `why` is filled in;
 * *out is then the message if it could at least be unpacked (its identity may help), else NULL. */
MUST_CHECK enum status gate_content(Eocbus__V1__Envelope **out, const uint8_t *content, size_t len,
                                    struct arena *arena, struct refusal *why);

/* The same for a Frame: sizes, depth, counts and the @ rules of session.proto; the contents inside
 * Publish are not looked into. */
MUST_CHECK enum status gate_frame(Eocbus__V1__Frame **out, const uint8_t *frame, size_t len,
                                  struct arena *arena, struct refusal *why);

/* The same for any other message of ours that lies somewhere as bytes. */
MUST_CHECK enum status gate_message(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
                                    const uint8_t *bytes, size_t len, size_t len_max,
                                    struct arena *arena, struct refusal *why);

/* The raw scan alone; fields_max is LIMIT_FIELDS or LIMIT_FRAME_FIELDS. Fields that `descriptor` does
 * not name are counted, not descended into. */
MUST_CHECK enum status gate_scan(const uint8_t *bytes, size_t len,
                                 const ProtobufCMessageDescriptor *descriptor, size_t fields_max,
                                 struct refusal *why);

/* Checks an unpacked message of any type against the @ rules; for tests and for forms. */
MUST_CHECK enum status gate_check(const ProtobufCMessage *m, struct refusal *why);

/* Grammar on its own, for settings and command lines. */
int gate_pcode_is_valid(const char *pcode);
int gate_name_is_valid(const char *name);
/* A principal or agency by name, or role@place; the place is a P-code or one word. */
int gate_recipient_is_valid(const char *text);
int gate_utf8_is_valid(const char *bytes, size_t len);

/* What the .proto says of a field, rules included, for people; NULL if there is no such field. The
 * text lives as long as the program. */
const char *gate_rule_text(const ProtobufCMessageDescriptor *d, const char *field);

#endif
