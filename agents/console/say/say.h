/* say - what a page may cause: an Envelope as JSON with the body and what it is about; who says it,
 * when, how urgent and of which kind is ours. The person's name goes in as `author`.
 *
 * One table has all of it (say.c): what is not there no page can say, whatever its rights. Whether
 * the person may is asked of the bus's rules by who calls. */
#ifndef EOCBUS_CONSOLE_SAY_H
#define EOCBUS_CONSOLE_SAY_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* What one request of a page becomes; it lives in `arena`. ST_INVALID: `err` is a sentence with the
 * path; ST_DENIED: no page says this type. */
MUST_CHECK enum status say_read(Eocbus__V1__Envelope **out, const char *json, size_t len,
                                const char *person, int64_t now_us, struct arena *arena, char *err,
                                size_t err_size);
/* Types, for asking what a person may; NULL past the last. */
const char *say_type(size_t i);

#endif
