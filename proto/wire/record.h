/* record - who a principal is, in the words that enrolment officers signed. Pure.
 *
 * A device asks (SignedRequest), officers answer with a PrincipalRecord, which counts once enough
 * of those that are pinned here have signed it (Enrolment). A broker, an agent and eocctl all check
 * it with the same function, so that none of them has to believe another, nor a database. */
#ifndef EOCBUS_WIRE_RECORD_H
#define EOCBUS_WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/trust.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/officers.h"
#include "proto/base/sign.h"
#include "proto/wire/gate.h"

/* What is signed begins with one of these (sign.h). */
#define DOMAIN_REQUEST   "eocbus enrolment request 1\n"
#define DOMAIN_ENROLMENT "eocbus enrolment 1\n"
#define DOMAIN_ACT       "eocbus officer act 1\n"

enum {
    RECORD_NAME = 65,
    RECORD_AGENCY = 33,
    RECORD_ROLES = 8 * 33,
    RECORD_PLACES = 16 * 14,
    RECORD_SIGNATURES = 8,
    ENROLMENT_BYTES = 4000, /* the largest one is below 3,500 */
};

/* A PrincipalRecord as plain values. */
struct record {
    char name[RECORD_NAME], agency[RECORD_AGENCY];
    char roles[RECORD_ROLES], places[RECORD_PLACES]; /* split by blanks */
    uint8_t key[KEY_BYTES], sign_key[KEY_BYTES];
    bool has_sign_key;
    int64_t valid_from_us, not_after_us;
    uint64_t serial;
};

/* What a device asks to be enrolled with. */
struct request {
    char name[RECORD_NAME];
    uint8_t key[KEY_BYTES], sign_key[KEY_BYTES];
    bool has_sign_key;
    int64_t made_us;
};

/* Appends a SignedRequest to `out`; signer NULL = the device cannot sign. */
MUST_CHECK enum status request_put(struct buf *out, const struct request *r,
                                   const struct signer *signer, struct refusal *why);
/* ST_DENIED: the device's own signature is missing or bad. */
MUST_CHECK enum status request_read(struct request *out, const uint8_t *bytes, size_t len,
                                    struct refusal *why);

/* Appends an Enrolment of this record to `out`, with its first signature. */
MUST_CHECK enum status enrolment_begin(struct buf *out, const struct record *r, const char *officer,
                                       const struct signer *signer, int64_t now_us,
                                       struct refusal *why);
/* Appends the same Enrolment with one signature more. ST_EXISTS: this officer has signed it. */
MUST_CHECK enum status enrolment_sign(struct buf *out, const uint8_t *enrolment, size_t len,
                                      const char *officer, const struct signer *signer,
                                      int64_t now_us, struct refusal *why);

/* What an Enrolment says, whoever signed it. */
MUST_CHECK enum status enrolment_read(struct record *out, const uint8_t *enrolment, size_t len,
                                      struct refusal *why);
/* What it says, if as many different officers of `o` as are needed have signed exactly that.
 * ST_DENIED: they have not, *out is filled in all the same; ST_INVALID: it is none; `why` is a
 * sentence. About 50 us for each signature that is looked at; time is not judged here. */
MUST_CHECK enum status enrolment_check(struct record *out, const uint8_t *enrolment, size_t len,
                                       const struct officers *o, struct refusal *why);
/* Names of those who signed well, in the order of `o`; answers how many. `names` may be NULL. */
unsigned enrolment_signers(const uint8_t *enrolment, size_t len, const struct officers *o,
                           const char *names[OFFICERS_MOST]);

/* An officer's decision that a principal (key NULL) or one key of it is over. */
MUST_CHECK enum status revocation_put(struct buf *out, const char *name, const uint8_t *key,
                                      Eocbus__V1__RevocationReason reason, const char *officer,
                                      const struct signer *signer, int64_t now_us,
                                      struct refusal *why);
struct revocation {
    char name[RECORD_NAME];
    uint8_t key[KEY_BYTES];
    bool has_key; /* false: all its keys, and the name for good */
    int64_t revoked_us;
};
/* What an OfficerAct revokes, if an officer of `o` signed it. ST_DENIED: nobody did, or it is none.
 * ST_NOMEM. */
MUST_CHECK enum status revocation_check(struct revocation *out, const uint8_t *act, size_t len,
                                        const struct officers *o);
/* NULL: not a good signature of a pinned officer over a revocation of this name. */
const struct officer *revocation_officer(const uint8_t *act, size_t len, const char *name,
                                         const struct officers *o);

#endif
