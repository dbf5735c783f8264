/* approval - how many persons it takes before a machine obeys, and who may be one. Pure: a broker
 * asks before it stores an order, and the machine asks again before it obeys, each of its own list
 * of rules and its own book of keys, so that none has to believe the other.
 *
 * Rules are lines of ten words as in rights.h, of which these count here:
 *
 *   12 dispatcher allow say siren_command own RESTRICTED - 0 0       may order it
 *   13 dispatcher allow approve siren_command own RESTRICTED - 0 0   may approve it
 *   0 2 allow need siren_command:* any RESTRICTED - 0 0              two approve it
 *
 * `need` names a type and an action, or * for the others; of a type that it does not name two are
 * needed. All of a person's rules are judged at the place of the machine, not of the message. */
#ifndef EOCBUS_WIRE_APPROVAL_H
#define EOCBUS_WIRE_APPROVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/status.h"
#include "proto/wire/gate.h"

enum { APPROVERS_DEFAULT = 2 };

struct approval_policy;

/* Lines of other verbs are passed over. ST_INVALID: a line that cannot be read; `err` is a
 * sentence. ST_NOMEM. */
MUST_CHECK enum status approval_policy_read(struct approval_policy **out, const char *text,
                                            char *err, size_t err_size);
void approval_policy_destroy(struct approval_policy *p); /* NULL is allowed */
/* What holds on a machine that was given no list of its own. */
extern const char approval_built_in[];
/* Appends the lines of `rules` that count here. */
enum status approval_pick_rules(struct buf *out, const char *rules);

/* How many approve this order beside its sender; 0: none, or it is no order. */
unsigned approval_needed(const struct approval_policy *p, const Eocbus__V1__Envelope *m);
/* "dispatcher, eoc": roles with an allow to approve it; "nobody". */
void approval_say_roles(const struct approval_policy *p, const Eocbus__V1__Envelope *m, char *out,
                        size_t size);

/* Somebody as officers vouch for; texts split by blanks, "" = none. */
struct approval_party {
    const char *name, *roles, *places; /* places "" = the whole country */
};

enum approval_key {
    APPROVAL_KEY_GOOD,
    APPROVAL_KEY_UNKNOWN, /* nobody of that name is enrolled with a signing key */
    APPROVAL_KEY_FORGED,  /* no key of that name made it */
    APPROVAL_KEY_REVOKED,
    APPROVAL_KEY_EXPIRED
};

struct approval_question { /* borrowed for the call */
    Eocbus__V1__Envelope *m;
    /* NULL = their rights are not asked about: only whether the approvals are true ones. */
    const struct approval_policy *policy;
    struct approval_party sender, target; /* name NULL = not enrolled */
    int64_t now_us;                       /* UTC */
    void *arg;
    /* Whose signature is it, over these bytes, and what is the key worth? Fills in the person if
     * good. */
    enum approval_key (*find)(void *arg, const Eocbus__V1__Approval *a, const void *bytes,
                              size_t len, struct approval_party *person);
};

/* ST_OK: it is no order to a machine, or what it takes is there. ST_DENIED fills `why`: what is
 * missing, and what would be legal. */
MUST_CHECK enum status approval_judge(const struct approval_question *q, struct refusal *why);

#endif
