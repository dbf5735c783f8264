/* record - the chain over the log, held against the messages. Pure: rows in, findings out.
 *
 * A page is some links of the chain (one a commit) and the messages they cover, in any order. Then
 * it is judged, in the order of the numbers: is every message there, once, with the digest its link
 * has for it; do its columns say what its content says; does every link follow from the one before.
 * The digest of a message stands in two places, in the link and (its beginning) beside the message,
 * so that whoever changed one of them with the message is found to the number. Who changed both is
 * found to the commit; who changed everything behind it too is found by a signed head (PROTOCOL.md,
 * "The record"). */
#ifndef EOCBUS_CTL_RECORD_H
#define EOCBUS_CTL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/digest.h"
#include "proto/base/status.h"

enum { RECORD_SHORT = 8 }; /* bytes of its digest that stand beside a message */

/* A row of bus.message. Borrowed for the call. */
struct record_row {
    uint64_t seq;
    uint32_t log_epoch;
    const char *sender; /* name of the principal it is kept under */
    size_t sender_len;
    /* As PostgreSQL has them: microseconds since 2000, big-endian; not_after NULL = none. */
    const uint8_t *received_at, *not_after;
    int32_t clock_offset_ms;
    int16_t marks;
    const uint8_t *content, *signature, *short_digest; /* signature, short_digest: NULL = none */
    size_t content_len, signature_len;
    /* Columns that say again what the content says. */
    uint64_t epoch, lane_seq;
    unsigned lane, type, status;
    const uint8_t *message_id, *event_at; /* 16 bytes; as received_at */
    const char *places;
    size_t places_len;
};

/* A row of bus.chain. Borrowed for the call. */
struct record_link {
    uint64_t first, last;
    uint32_t log_epoch;
    const uint8_t *digest; /* DIGEST_BYTES */
    const uint8_t *rows;   /* DIGEST_BYTES for each message */
    size_t rows_len;
};

struct record_finding {
    uint64_t seq;  /* the first bad number; 0 = none */
    uint64_t upto; /* == seq, or it is one of seq..upto */
    char what[320];
};

struct record;

/* Messages up to `retired` may be gone. `found` is called in the order of the numbers. */
MUST_CHECK enum status record_create(struct record **out, uint64_t retired,
                                     void (*found)(void *arg, const struct record_finding *f),
                                     void *arg);
void record_destroy(struct record *r); /* NULL is allowed */
/* The chain begins behind this link, which is believed; NULL: with its first one. */
void record_begin(struct record *r, const struct record_link *before);
/* One page: links in order, then messages in any order, then the judgement. ST_NOMEM; ST_FULL: the
 * link, or a message, does not belong to a page that can be judged (a finding says so). */
MUST_CHECK enum status record_link(struct record *r, const struct record_link *l);
void record_row(struct record *r, const struct record_row *m);
void record_judge(struct record *r);
/* Where the chain stands after the last page: number and digest, as computed. */
uint64_t record_upto(const struct record *r);
const uint8_t *record_digest(const struct record *r);
uint32_t record_epoch(const struct record *r);
/* True when the next link ends at `seq` with what was judged so far: for signed heads. */
uint64_t record_messages(const struct record *r);

/* The digest of one message, and what a column says that the content does not: its name, or NULL.
 */
void record_row_digest(uint8_t out[DIGEST_BYTES], const struct record_row *m);
const char *record_column_fault(const struct record_row *m);

#endif
