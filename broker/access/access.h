/* access - who may come in and who may say what: the principals as the broker has them cached, the
 * ZAP handler that answers ZeroMQ's question "who is this key", and quotas.
 *
 * ZAP answers 200 with "name key" as User-Id and 400 for keys that are unknown or revoked; a libzmq
 * client that hears 400 gives up. While the principals have never been read the question is held,
 * and answered when they are (zap.h tells why not 300, "not now"). Every message is authorised
 * again by the key its connection came with, so a key that was revoked is silent from the next
 * message on, and the principal's other key is not. */
#ifndef EOCBUS_BROKER_ACCESS_ACCESS_H
#define EOCBUS_BROKER_ACCESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/access/rights.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/status.h"
#include "proto/wire/gate.h"

struct zctx;
struct access;

struct principal {
    int32_t principal_id;
    char *name, *agency, *roles, *places; /* the latter two split by blanks; NULL = "" */
    uint8_t public_key[32];
    uint8_t sign_key[32]; /* Ed25519; when has_sign_key */
    bool has_sign_key;    /* what it says has to be signed */
    int64_t not_after_us; /* 0 = none */
    uint64_t serial;      /* of its record; 0 = has none */
    /* Enrolment (trust.proto), byte for byte as officers signed it; NULL = there is none. */
    uint8_t *enrolment;
    size_t enrolment_len;
    bool is_vouched;    /* enough pinned officers signed the record, and what stands here is what it
                           says; access finds out itself */
    bool is_beside;     /* nobody vouches for this key, and officers did for another of its name: it
                           has the role `unvouched` and nothing of theirs; access finds out itself */
    bool is_shut;       /* the key opens no door any more, the record still tells of the others */
    int64_t revoked_us; /* 0 = it is not */
    const uint8_t *revocation; /* access_add only: OfficerAct of who decided it; NULL = none */
    size_t revocation_len;
    const struct rights *rights; /* access compiles them */
};

/* Binds inproc://zeromq.zap.01 on the context; must come before any other socket. ST_EXISTS: the
 * context has a ZAP handler already. z NULL: no door, only the questions below (tests, simulation).
 * utc_us: microseconds since 1970, for not_after_us. */
MUST_CHECK enum status access_create(struct access **out, struct zctx *z,
                                     int64_t (*utc_us)(void *arg), void *arg);
void access_destroy(struct access *a);

/* Who has to vouch for a principal; copied; NULL = nobody is pinned, and every row is believed.
 * Else a row is admitted by what its record says, never by what stands beside it, and one without a
 * good record not at all, unless takes_unsigned (old installations). In force with the next list.
 */
struct officers;
void access_pin(struct access *a, const struct officers *o, bool takes_unsigned);

/* A new list replaces the old one whole: begin, add each, commit (or begin again to give up). When
 * an add answered ST_NOMEM, commit keeps the old list and answers ST_NOMEM: half a list would lock
 * people out. */
void access_begin(struct access *a);
MUST_CHECK enum status access_add(struct access *a, const struct principal *p); /* copies */
/* Where officers are pinned, a revocation that one of them signed is remembered for good, and ends
 * the key whatever later lists say. One that nobody signed for ends it as well, while it is said.
 * Takes an OfficerAct that was kept; ST_DENIED: no pinned officer signed it. ST_NOMEM. */
MUST_CHECK enum status access_remember(struct access *a, const uint8_t *act, size_t len);
/* Those that are remembered. */
struct acts;
const struct acts *access_acts(const struct access *a);
/* Every rule there is (rights.h), to be in force with the list; once before the commit. Agreements
 * in it hold as sharing.h says. Without it
 * nobody may do anything. One that cannot be read keeps the old list, and is said in the log. */
MUST_CHECK enum status access_rules(struct access *a, const char *text);
MUST_CHECK enum status access_commit(struct access *a);
/* The same for a list that this broker had kept: the database has not said yet whether it still
 * holds. A key that is not on it may be new, so the question waits as before the first list. */
MUST_CHECK enum status access_commit_kept(struct access *a);
bool access_is_kept(const struct access *a);
/* Of the list in force; "" before the first. Borrowed until the next commit. */
const char *access_rules_text(const struct access *a);
size_t access_count(const struct access *a);
size_t access_open(const struct access *a); /* those that are not shut */
/* All of the list in force, in the order of names. */
void access_each(const struct access *a, void (*each)(void *arg, const struct principal *p),
                 void *arg);

/* NULL if unknown, revoked or expired. Borrowed until the next commit. A principal that changes its
 * keys stands there once for each; by its name it is the one with the highest serial. */
const struct principal *access_find(const struct access *a, const char *name);
const struct principal *access_find_key(const struct access *a, const uint8_t key[32]);
/* Who a User-Id stands for: "name key", the key in Z85; a bare name (simulation) is any of its
 * keys. */
const struct principal *access_find_user(const struct access *a, const char *user_id);
/* Does this key still open the door, and for this very principal? */
bool access_holds(const struct access *a, int32_t principal_id, const char *name,
                  const uint8_t key[32]);
/* The one of that name that holds this key; NULL as access_find. */
const struct principal *access_find_both(const struct access *a, const char *name,
                                         const uint8_t key[32]);
/* UTC microseconds when the next key runs out after `utc_us`; INT64_MAX: none does. */
int64_t access_next_end(const struct access *a, int64_t utc_us);

/* Every key the name has or had, for who checks what it signed; answers how many were given to
 * `each`.
 */
size_t access_each_named(const struct access *a, const char *name,
                         void (*each)(void *arg, const struct principal *p), void *arg);

/* Whose word a message is that comes by p's session and names `sender`: p's own, or, if p may carry
 * anything, of the principal of that name. NULL: nobody's. */
const struct principal *access_author(const struct access *a, const struct principal *p,
                                      const char *sender);
/* May this principal say this message, or hand it in for its sender? What names another author is
 * that person's word: by his rights, if the sender may carry it. ST_DENIED fills `why` (CODE_SENDER
 * for a foreign name, CODE_RIGHTS with the rule that is missing). */
MUST_CHECK enum status access_may_publish(const struct access *a, const struct principal *p,
                                          const Eocbus__V1__Envelope *m, struct refusal *why);
/* What was said, as it came: `m` unpacked from `content`; signature_len 0 or 64. Borrowed. */
struct access_said {
    Eocbus__V1__Envelope *m;
    const uint8_t *content, *signature;
    size_t len, signature_len;
};
/* Is it its sender's word, as far as the broker has to know (word.h), and, of an order to a
 * machine, that of those who have to approve it (approve.h)? ST_DENIED fills `why` (CODE_SIGNATURE,
 * CODE_APPROVAL). */
MUST_CHECK enum status access_check_word(struct access *a, const struct principal *p,
                                         const struct access_said *said, struct refusal *why);
/* Principals that have a signing key may speak without it; no, unless told. */
void access_let_unsigned(struct access *a, bool yes);

/* May it listen to this pattern at all: is there a type of message in it that it could hear? */
MUST_CHECK enum status access_may_listen(const struct access *a, const struct principal *p,
                                         const char *pattern, struct refusal *why);
/* May it hear this message? Fills in q's name and own. */
static inline bool access_may_hear(const struct principal *p, struct rights_question *q)
{
    q->name = p->is_beside ? "" : p->name; /* what is for that name is for those who have it */
    q->own = p->places;
    return p->rights && rights_may(p->rights, VERB_HEAR, q);
}

/* And open what is sealed in it? */
static inline bool access_may_open(const struct principal *p, struct rights_question *q)
{
    q->name = p->name;
    q->own = p->places;
    return p->rights && rights_may(p->rights, VERB_OPEN, q);
}

struct access_counters {
    uint64_t admitted, unknown_keys, undecided;
    uint64_t officers;             /* pinned */
    uint64_t unvouched;            /* of the list in force: keys admitted without a good record */
    uint64_t beside;               /* of these: is_beside */
    uint64_t distrusted;           /* of the last list: keys not admitted for want of one */
    uint64_t remembered;           /* revocations that officers signed */
    uint64_t unsigned_revocations; /* of the list in force: nobody signed for them */
    uint64_t undone;               /* revoked by an officer, and in force for the database */
    uint64_t agreements;           /* between agencies, that hold */
    uint64_t agreements_unsigned;  /* in the database, and a party's signature is missing or bad */
    uint64_t verified, bad_signatures, missing_signatures, let_unsigned; /* of messages */
    uint64_t unapproved; /* orders to machines without the persons it takes */
};
void access_counters(const struct access *a, struct access_counters *out);

#endif
