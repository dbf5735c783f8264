/* agreement - what one agency gives another to hear, and whose signatures stand under it. Pure: a
 * broker checks it before it lets anything pass by it, eocctl when it tells why; neither has to
 * believe the database that the agreement lies in.
 *
 * Each party says the same SharingAgreement. It holds if both say the same words, and if of each
 * party an official of its own signed them; each of the two messages may bring any of the
 * signatures. What is signed is the agreement with the one signature in it, whose bytes are left
 * out: so nobody can put another name or time beside a signature. */
#ifndef EOCBUS_WIRE_AGREEMENT_H
#define EOCBUS_WIRE_AGREEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/trust.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"

#define DOMAIN_AGREEMENT "eocbus sharing agreement 1\n"

enum { AGREEMENT_SIGNATURES = 4 };

/* Appends what this official signs behind DOMAIN_AGREEMENT at that time. The agreement is as it was
 * afterwards. ST_NOMEM. */
MUST_CHECK enum status agreement_put_signed(struct buf *out, Eocbus__V1__SharingAgreement *a,
                                            const char *principal, int64_t signed_us);

/* As a party said it: a SharingAgreement, byte for byte. */
struct agreement_said {
    const uint8_t *bytes;
    size_t len;
};

enum agreement_key {
    AGREEMENT_KEY_UNKNOWN,  /* nobody of that name is enrolled with a signing key */
    AGREEMENT_KEY_FORGED,   /* no key of that name made it */
    AGREEMENT_KEY_OVER,     /* the key was revoked, or its time was over, before that */
    AGREEMENT_KEY_FOREIGN,  /* of another agency */
    AGREEMENT_KEY_NO_RIGHT, /* may not say sharing agreements */
    AGREEMENT_KEY_GOOD
};

struct agreement_book {
    void *arg;
    /* What is this signature worth, over these bytes, for this agency? */
    enum agreement_key (*find)(void *arg, const char *agency, const Eocbus__V1__PartySignature *s,
                               const void *bytes, size_t len);
};

/* *out is the agreement, in `arena`. Without a book nobody's signature is looked at. ST_INVALID:
 * one of them is none, or they are not the same; ST_DENIED: a party did not sign; `why` is a
 * sentence. ST_NOMEM. About 60 us for each signature. */
MUST_CHECK enum status agreement_check(Eocbus__V1__SharingAgreement **out,
                                       const struct agreement_said *giver,
                                       const struct agreement_said *taker,
                                       const struct agreement_book *book, struct arena *arena,
                                       struct refusal *why);

/* Appends the rules (rule_line.h) that follow from it, as bus.rule_text has them: a line for each
 * type that is given whole; none for one with a mask, or of which only counts are given. */
enum status agreement_put_rules(struct buf *out, const Eocbus__V1__SharingAgreement *a);

#endif
