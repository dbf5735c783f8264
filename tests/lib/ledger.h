/* ledger - a sender's or a listener's book on disk, and what the checker makes of it.
 *
 * Lines gather in memory and are written in one go, so that a kill -9 leaves whole lines; what was
 * written survives every death but the machine's. A sender's book, in the order of events:
 *
 *   e EPOCH                       its outbox has this epoch
 *   b                             it was started; what was open is undecided
 *   i LANE LANE_SEQ DIGEST        it is about to make this durable
 *   w DIGEST                      the same, without a place, to be refused
 *   c [N] | x                     what is open (the first N of it) is safe | was given up
 *   s LANE LANE_SEQ SEQ           receipt: stored
 *   r LANE LANE_SEQ CODE          receipt: refused (LANE_SEQ 0: without a place)
 *
 * and a listener's:
 *
 *   b                             it was started
 *   d SEQ SENDER EPOCH LANE LANE_SEQ DIGEST l|h     handed over: live, history; SEQ 0: provisional
 *   t                             places are durable up to here */
#ifndef EOCBUS_TESTS_LIB_LEDGER_H
#define EOCBUS_TESTS_LIB_LEDGER_H

#include <stdbool.h>

#include "tests/lib/checker.h"

struct ledger;

struct ledger *ledger_open(const char *path); /* goes on behind what is there; NULL: errno */
void ledger_close(struct ledger *l);          /* writes */
void ledger_line(struct ledger *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ledger_write(struct ledger *l); /* a failing write ends the process */

/* Reads a whole book into the checker. False: there is none. A line that is none ends the process.
 */
bool ledger_read_sender(const char *path, struct checker *c, unsigned sender);
bool ledger_read_listener(const char *path, struct checker *c, unsigned listener);

#endif
