/* rights - what one person may hear and say, as bus.rights_text (sql/functions/z_readers.sql) lays
 * it out: by type and label a digit,
 *
 *   0 nowhere   1 everywhere   2 in the person's places   3 there, or what is for the person
 *   4 what is for the person   5 only the database knows: a rule names places, or an agreement
 *
 * Pure; the database judges alike (bus.may), and brokers judge what is said once more. */
#ifndef EOCBUS_CONSOLE_RIGHTS_H
#define EOCBUS_CONSOLE_RIGHTS_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/status.h"

enum { RIGHTS_MAP = 2048, RIGHTS_WORDS = 1024 };

struct rights {
    char name[128], agency[64];
    char hear[RIGHTS_MAP], say[RIGHTS_MAP];          /* digit number type * 4 + label - 1 */
    char places[RIGHTS_WORDS], duties[RIGHTS_WORDS]; /* split by blanks; "duty@3505203" */
};

enum may { MAY_NOT, MAY, MAY_BE };

/* An empty text is nobody: may nothing. ST_INVALID: it is none of these texts, or too long. */
MUST_CHECK enum status rights_read(struct rights *out, const char *name, const char *text);
enum may rights_hear(const struct rights *r, const Eocbus__V1__Envelope *m);
enum may rights_say(const struct rights *r, const Eocbus__V1__Envelope *m);

#endif
