/* parcel - one accepted (or refused) message on its way through the house.
 *
 * A parcel is owned by one room at a time; taking one is visible as `struct parcel **take` (NULL
 * after ST_OK). At the fan-out it is lent to egress, which copies what it sends. */
#ifndef EOCBUS_BROKER_PARCEL_H
#define EOCBUS_BROKER_PARCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/ids.h"
#include "proto/base/list.h"
#include "proto/base/status.h"
#include "proto/wire/gate.h"
#include "proto/wire/topic.h"

/* A set of lanes: bit n stands for lane n. */
enum { LANES_ALL = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 };
static inline bool lanes_hold(unsigned lanes, unsigned lane)
{
    return lane < 6 && lanes >> lane & 1;
}

/* What a listener with a durable name asks for, on its way from egress to the store. Borrowed. */
struct durable_name {
    int32_t principal_id;
    const char *name;
    const char *patterns; /* split by blanks; for people */
    unsigned lanes;       /* a set */
    bool has_after, from_first;
    uint64_t after;       /* its own word for where it is, when has_after */
    uint32_t after_epoch; /* in the log of this epoch: it says nothing about another one */
};
/* ST_OK: it is ours from now on, and goes on behind after[lane] of log_epoch (LANES_END places; 0
 * for lanes that were not asked for). ST_EXISTS: somebody else has taken it. ST_FULL: the principal
 * has too many names. Behind the latter two nothing comes. */
enum { LANES_END = 6 };
typedef void (*durable_fn)(void *arg, enum status st, uint32_t log_epoch,
                           const uint64_t after[LANES_END]);

struct parcel_identity {
    uint64_t epoch;
    uint32_t lane;
    uint64_t lane_seq;
};

/* What the broker has to say of a message's time; bus.message.marks. */
enum {
    PARCEL_CLOCK_SUSPECT = 1, /* the sender's clock is further off than the sender says */
    PARCEL_LATE = 2,          /* from a backlog: it is no news */
    PARCEL_LABEL_SHIFT = 4,   /* from this bit on the log keeps the label */
};

enum { AGENCY_TEXT = 33 }; /* a longer one is cut, and nobody's */

struct parcel {
    struct list link; /* in the queue of the room that owns it */

    /* From ingress. session and tag say whom to answer; session 0 = nobody here. */
    uint64_t session;
    uint64_t tag;
    int32_t principal_id; /* of the authenticated sender, bus.principal */
    int32_t carrier_id;   /* of whose session it came by, if that is another; 0 = is not */
    struct parcel_identity id;
    uint8_t message_id[ID_BYTES];
    uint16_t type;            /* number in Envelope.body */
    uint8_t status;           /* enum Status */
    char places[PLACES_TEXT]; /* P-codes split by spaces */
    char agency[AGENCY_TEXT]; /* of the sender: the first word of its name */
    int64_t event_time_us;
    int64_t sent_time_us;
    int64_t not_after_us; /* 0 = never; by our clock where the sender's is known to be wrong */
    int64_t received_time_us;
    int32_t clock_offset_ms;
    uint64_t warning; /* a FLASH that listeners are warned of: the later the higher; 0 = none */
    uint8_t marks;    /* PARCEL_... */
    uint8_t label; /* enum Label: 1 PUBLIC .. 4 HOUSEHOLD_PERSONAL; 0 = stored before it was kept */
    char *to;      /* Envelope.to joined by blanks; NULL = whoever subscribes */
    char *doc;     /* JSON of a ledger type's Envelope, NUL-terminated; else NULL */
    struct refusal *refused; /* the gate said no: goes to quarantine, not into the log; else NULL */
    bool judged;             /* it was PostgreSQL that refused: conflict, constraint, ledger */
    bool unkept;             /* refused beyond its sender's quota: counted, not in quarantine */
    /* Of a sealed box: its wrapped keys one behind the other, as proto/wire/sealed.h has
     * them. They travel beside the content and may be gone when it is read again. */
    uint8_t *keys;
    size_t keys_len;
    /* to, keys, doc, refused and reach come from mem_alloc and are the parcel's. */

    /* From the store. */
    uint32_t log_epoch;
    uint64_t seq;
    uint32_t verdict; /* enum Verdict */
    bool repeated;    /* was stored before; seq is its first number */
    bool expired;
    bool history;                    /* read from the log for a listener that is behind */
    char *reach;                     /* read from the log: names of the principals it is for */
    uint8_t quarantine_id[ID_BYTES]; /* its row there, the same however often the batch is sent */

    size_t content_len, signature_len;
    uint8_t *content; /* inside the parcel's own block */
    uint8_t *signature;
};

/* One block: header, content, signature. NULL when out of memory. */
struct parcel *parcel_create(const void *content, size_t content_len, const void *signature,
                             size_t signature_len);
void parcel_drop(struct parcel **p);              /* sets *p to NULL */
size_t parcel_size_bytes(const struct parcel *p); /* for budgets: everything it holds */
/* It is for somebody: whom, is known when it is read from the log. */
bool parcel_is_addressed(const struct parcel *p);
/* One that was not read from the log is for those it names; agencies and duties are not known. */
bool parcel_is_for(const struct parcel *p, const char *principal);
/* Reads label and agency from its content, which passed a gate once. */
void parcel_peek(struct parcel *p);
void parcel_topics(struct topics *out, const struct parcel *p);

#endif
