/* trust - is a message its sender's word? Checked by the reader, so that neither a broker nor
 * whoever may write into its database can put words into somebody's mouth.
 *
 * The anchor is a file of enrolment officers that people carried here (trust.officers). Senders'
 * keys come from enrolment records that brokers pass on (Who, Known) and that enough of these
 * officers signed; they are kept in memory and, with a path, on disk, and the signatures of a kept
 * record are verified again when it is read. Without pinned officers nothing is checked, and that
 * is said once.
 *
 * Time: what a key signed while it was good stays good. A message counts as signed in that time if
 * its own sent_time_us or the time a broker received it lies between valid_from_us and
 * not_after_us: of the first a wrong clock, of the second a week in the dark may be the cause. Of a
 * revoked key only what was received before counts, since whoever stole it can write any time into
 * a message. */
#ifndef EOCBUS_LINK_TRUST_H
#define EOCBUS_LINK_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/status.h"
#include "proto/wire/gate.h"

enum proof {
    PROOF_OFF,      /* no officers are pinned here */
    PROOF_GOOD,     /* signed by its sender, with a key that officers vouch for */
    PROOF_UNSIGNED, /* of one who does not sign, or from before it did, or a note of the bus */
    PROOF_UNKNOWN,  /* no record of its sender could be had */
    PROOF_BAD       /* it is not its sender's; never handed on */
};
const char *
proof_word(enum proof p); /* "good", "unsigned", "unknown", "forged"; "" for PROOF_OFF */

enum { TRUST_QUESTION = 64 };

struct trust;

struct trust_settings {
    const char *officers_file; /* NULL, "" = nobody is pinned: everything is PROOF_OFF */
    const char *known_file;    /* NULL = memory only */
    const char *orders_file; /* rules of orders that hold here whatever a broker says (approval.h);
                                NULL, "" = approval_built_in */
    bool exercises;     /* what takes orders here is in an exercise: it obeys EXERCISE as well */
    bool lets_unsigned; /* unsigned words of one who signs are PROOF_UNSIGNED, not PROOF_BAD */
};

/* ST_NOTFOUND, ST_DENIED, ST_INVALID: the officers' or the orders' file; `err` is a sentence. What
 * is kept of records and cannot be read is asked for again. */
MUST_CHECK enum status trust_create(struct trust **out, const struct trust_settings *set, char *err,
                                    size_t err_size);
void trust_destroy(struct trust *t);     /* NULL is allowed */
bool trust_is_on(const struct trust *t); /* NULL is off */

struct trust_said {          /* borrowed */
    Eocbus__V1__Envelope *m; /* unpacked from `content`; looked into, and as it was afterwards */
    const uint8_t *content, *signature;
    size_t len, signature_len;
    int64_t received_us; /* when a broker got it, UTC */
};
struct trust_verdict {
    enum proof proof;
    bool waits; /* a record may come within seconds that decides it otherwise: judge again then */
    const char *why; /* of PROOF_BAD, a sentence */
};
struct trust_verdict trust_judge(struct trust *t, const struct trust_said *said, uint64_t now_us);

/* May the machine `own` carry out this order, which trust_judge found good? Stricter than
 * trust_judge, and it believes no broker, not even its time: every key is good now, by our clock;
 * it is meant for `own`, ACTUAL (or EXERCISE where that is so), and not over; and by the rules that
 * are pinned here, and by those that a broker told of as well, its sender may order it at the place
 * of `own`, and enough others who may have approved it. ST_DENIED fills `why` with a sentence for
 * people. */
MUST_CHECK enum status trust_may_obey(struct trust *t, const struct trust_said *said,
                                      const char *own, int64_t utc_us, struct refusal *why);
/* The records of this sender are here, or waiting for them is over; else it becomes a question. */
bool trust_knows(struct trust *t, const char *sender, uint64_t now_us);

/* Names that brokers are to be asked for now; borrowed until the next call. Each is given once. */
size_t trust_questions(struct trust *t, char *names[TRUST_QUESTION]);
/* The same question asks for the rules of orders. */
bool trust_asks_rules(const struct trust *t);
/* They could not be sent: they are questions again. */
void trust_unasked(struct trust *t);
void trust_learn(struct trust *t, const Eocbus__V1__Known *m, uint64_t now_us);
/* A session begins: what was asked before has no answer any more. */
void trust_begin(struct trust *t);
/* Writes the records down if there are new ones. ST_IO: errno tells. */
MUST_CHECK enum status trust_save(struct trust *t);

#endif
