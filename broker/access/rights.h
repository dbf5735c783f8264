/* rights - who may say, hear and do what: the rules of the database (bus.rule) compiled for one set
 * of roles, so that the question for one message and one listener costs some ten nanoseconds. Pure.
 *
 * Allowed is what some rule allows and none denies. An allow holds up to its label, a deny from its
 * label on. Said or flashed may be what has every place within the rule's places; heard, what has
 * any of them; a deny holds if any place is within. A message without a place is within "any" only,
 * and within what somebody is who stands for the whole country.
 *
 * bus.may (sql/functions/may.sql) judges alike; tests/integration/rights_test.c holds both against
 * each other. */
#ifndef EOCBUS_BROKER_ACCESS_RIGHTS_H
#define EOCBUS_BROKER_ACCESS_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum verb {
    VERB_SAY,
    VERB_HEAR,
    VERB_FLASH,   /* to say it as FLASH, besides the right to say it */
    VERB_CARRY,   /* to hand in what others said and signed */
    VERB_OPEN,    /* to read identities */
    VERB_ENROL,   /* to enrol principals */
    VERB_OPERATE, /* to run the bus */
    VERB_APPROVE, /* to approve an order to a machine (proto/wire/approval.h judges it) */
    VERBS
};

/* Every rule there is, as bus.rules_text() says them: one a line, ten words each,
 *
 *   12 gateway allow say observation_batch,sensor_status own INTERNAL - 0 0
 *   0 @rcst allow hear report.* 3505203 INTERNAL coes 1786400000000000 1817936000000000
 *
 * number, role (or @ and an agency that takes by an agreement), effect, verb, types, places, label,
 * agency that gives, from when, until when (UTC microseconds; 0 = always). Lines of the second kind
 * stand in no database: they follow from an agreement, of which it tells both parties' words in
 * place of types and places,
 *
 *   0 018f... allow share 0a10... 0a10... RESTRICTED - 0 0
 *
 * once sharing.h has looked at the signatures under them. */
struct rulebook;

/* A rule of a database newer than this program: an allow of an unknown verb is left out. ST_INVALID
 * for whatever else cannot be read, since what cannot be denied must not be allowed; `err` is a
 * sentence. ST_NOMEM. */
MUST_CHECK enum status rulebook_read(struct rulebook **out, const char *text, char *err,
                                     size_t err_size);
void rulebook_destroy(struct rulebook *b);           /* NULL is allowed */
const char *rulebook_text(const struct rulebook *b); /* as it was read */

struct rights;
/* Of one who has these roles (split by blanks), besides the role `everyone`, and is of this agency.
 * Borrows the book. */
MUST_CHECK enum status rights_compile(struct rights **out, const struct rulebook *b,
                                      const char *roles, const char *agency);
void rights_destroy(struct rights *r); /* NULL is allowed */

/* Of a message, and who asks. Texts are not NULL; "" = none. */
struct rights_question {
    const char *name;   /* of who asks */
    const char *own;    /* P-codes it stands for, split by blanks; "" = the whole country */
    unsigned type;      /* number of the body */
    unsigned label;     /* 1 PUBLIC to 4 HOUSEHOLD_PERSONAL; whatever else counts as 4 */
    const char *places; /* of the message, split by blanks */
    const char *agency; /* of its sender */
    const char *reach;  /* names of the principals it is for, split by blanks */
    int64_t utc_us;
};
bool rights_may(const struct rights *r, enum verb verb, const struct rights_question *q);
/* The same where place, sender, recipients and time do not matter: true is a yes, false says
 * nothing yet. */
bool rights_may_anywhere(const struct rights *r, enum verb verb, unsigned type, unsigned label);

/* Some message that matches the pattern could be heard, for all that rules say of types. */
bool rights_could_hear(const struct rights *r, const char *pattern);
/* Has any rule for it, or any at all with type 0. */
bool rights_has(const struct rights *r, enum verb verb, unsigned type);

/* "rules 12 and 14 (gateway) allow to say it ..." of one type, for a refusal: what would be legal.
 */
void rights_say_legal(const struct rights *r, enum verb verb, unsigned type, char *text,
                      size_t size);

const char *rights_label_word(unsigned label); /* "INTERNAL" */

#endif
