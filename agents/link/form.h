/* form - fields of any message, set by their path in words that a person types.
 *
 * A path is as in the .proto: "flash_report.injured", "request_resource.lines[0].resource.kind";
 * messages on the way are made as needed. Values by the kind of field:
 *
 *   number      whole; times as ISO 8601 ("2010-08-08T02:10+05:00")
 *   word        of an enum, in any case, blanks, '-' and '_' alike, without the name of the enum:
 *               "flash flood" is HAZARD_FLASH_FLOOD; nothing but the whole word
 *   yes, no     for bool and for Answer
 *   id          UUID; other bytes as hexadecimal
 *   Quantity    "2.5", "2.5 KGM";   Money "1200.50 TJS";   Position "39.394,68.539"
 *   others      their most used fields in a row, split by '/': a loss "house/destroyed/14", a need
 *               "food/rations/14 day/24 h", a contact "Requester/duty officer/CoES Ayni", a span
 *               "FROM/TO"; empty parts stay unset
 *
 * A repeated field without [n] takes one more; words, numbers, ids and P-codes several at once,
 * split by commas. */
#ifndef EOCBUS_LINK_FORM_H
#define EOCBUS_LINK_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "agents/link/lang.h"
#include "agents/link/options.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* One option of a command line, or one column of a table. */
struct form_row {
    const char *name; /* "--injured"; of a table "#affected+injured" */
    const char *path; /* from the Envelope; NULL = the caller's own affair */
    const char *help;
};

/* Everything is made in `arena`; m itself is the caller's. ST_INVALID: `err` says what would be
 * legal. */
MUST_CHECK enum status form_set(ProtobufCMessage *m, const char *path, const char *text,
                                struct arena *arena, char *err, size_t err_size);
/* "PATH=VALUE". */
MUST_CHECK enum status form_assign(ProtobufCMessage *m, const char *assignment, struct arena *arena,
                                   char *err, size_t err_size);
/* True if the path leads to something that is set. */
bool form_is_set(const ProtobufCMessage *m, const char *path);

/* The enum value that a word names; ST_INVALID: `err` lists the legal words. */
MUST_CHECK enum status form_word(const ProtobufCEnumDescriptor *d, const char *word, int *value,
                                 char *err, size_t err_size);
/* The legal words, "mudflow, flash flood, ...". */
void form_words(struct buf *out, const ProtobufCEnumDescriptor *d);
/* The enum at the end of a path from the Envelope; NULL if the field is none. */
const ProtobufCEnumDescriptor *form_enum_of(const char *path);

/* Takes the options of `rows` and the caller's `own` out of argv, and sets the fields. The name of
 * the option stands in front of every complaint. */
MUST_CHECK enum status form_take(ProtobufCMessage *m, const struct form_row *rows, size_t n,
                                 const struct option_row *own, size_t own_count, int *argc,
                                 char **argv, struct arena *arena, char *err, size_t err_size);
/* One line per row for --help, with the legal words. What a row says of itself in other languages
 * is in the catalogue under the last part of its path ("option.injured", "option.message.lane");
 * else it is said in English. */
void form_help(struct buf *out, enum lang lang, const struct form_row *rows, size_t n);

/* A shallow message of this type, initialised, in the arena; NULL past its cap. */
void *form_new(const ProtobufCMessageDescriptor *d, struct arena *arena);

#endif
