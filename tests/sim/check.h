/* check - what must hold, after every step and at the end.
 *
 * - What a sender was told is stored is in the log, under that number, with those bytes; what it
 * was told is refused is in quarantine.
 * - The log holds only what was durably said, each place at most once, in the order of its lane.
 * - A listener hears what matches its pattern ascending, without a hole, and nothing again behind
 *   the place that it made durable.
 * - When the faults are over everything that was durably said is stored or refused, its sender
 * knows, and every listener has heard it. */
#ifndef EOCBUS_TESTS_SIM_CHECK_H
#define EOCBUS_TESTS_SIM_CHECK_H

#include "tests/sim/model.h"
#include "tests/sim/sim.h"

#define CHECK_POISON "rot13:poison"
#define CHECK_ILLEGAL "no legal move" /* the ledger refuses it */

struct outbox;

uint64_t check_hash(const void *data, size_t len);
void check_key(uint8_t out[32], const char *name); /* the public key of a simulated principal */

void check_reset(void);
/* Put, not yet durable. `may_be_refused`: it is meant to be. */
void check_put(struct node *n, uint64_t epoch, uint64_t tag, const void *content, size_t len,
               bool may_be_refused);
void check_committed(struct node *n, bool is_kept); /* what was put is durable, or gone */
void check_outbox_lost(struct node *n);             /* the disk died: nothing of it is promised */
void check_stored(const struct model_row *row);     /* at its commit */
/* The agent's program hears what became of a message. */
struct outbox_outcome;
void check_settled(struct node *n, uint64_t epoch, uint64_t tag, const struct outbox_outcome *oc);
void check_receipts(const char *user, const uint8_t *frame, size_t len); /* leaves a broker */
/* The broker has said from where, and of which epoch, it reads for this listener. */
void check_subscribed(struct heard *h, uint32_t log_epoch, uint64_t after);
void check_delivered(struct heard *h, uint64_t seq, const void *content, size_t len);
/* The log ends at `upto` now, and ended at `head`: what was behind is to be offered again by those
 * who still have it. Until the epoch is raised none of those numbers may be given again. */
void check_lost(uint64_t upto, uint64_t head);
/* The log has another epoch, and the whole of it is to be heard again. */
void check_raised(uint32_t from, uint32_t to);
/* A raise was lost with a promotion: the log has the earlier epoch, and ends at `upto`. */
void check_lowered(uint32_t from, uint32_t to, uint64_t upto);
/* The standby took over with the log up to here: nothing that was acknowledged is behind that, if
 * commits waited for it. */
void check_promoted(uint64_t upto);
/* Shown as something that happens now: it must have come before its time was over. */
void check_live(const struct heard *h, int64_t received_us, int64_t not_after_us);
/* What the uplink asks of the outbox: nothing is offered while a FLASH waits that could be. */
struct outbox_row;
enum status check_next(struct outbox *o, unsigned lanes, unsigned max_rows, size_t max_bytes,
                       bool (*each)(void *arg, const struct outbox_row *row), void *arg);
void check_in_flight(struct node *n, uint64_t tag, bool in_flight); /* tag 0: nothing is */
void check_broker(struct node *n);                                  /* its queues */
/* After a crash: what its outbox knows already, its program hears no more. */
void check_restarted(struct node *n, struct outbox *o);
/* Everything said is stored or refused, known and heard. False: `why` says what is missing. */
bool check_is_done(char *why, size_t size);

#endif
