/* checker - compares the books of a run that was disturbed: what senders were told is safe, which
 * receipts they got, what the log holds, what every listener was handed.
 *
 * Feed it in this order, each book in the order in which it was written: the senders' books, the
 * log by number, the quarantine, the listeners' books; then ask for the verdict. It knows nothing
 * of files, sockets or databases (tests/lib/ledger.h reads the files).
 *
 * A sender's intents become safe with checker_safe, are given up with checker_gave_up, and are
 * undecided when it was killed in between (checker_sender_born): those may be in the log or not.
 * A listener that was killed may be handed again what it got in its last turns, because its place
 * is made durable at the end of a turn; everything else once. */
#ifndef EOCBUS_TESTS_LIB_CHECKER_H
#define EOCBUS_TESTS_LIB_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHECKER_SENDERS = 64,
    CHECKER_LISTENERS = 8,
    CHECKER_LANES = 6,
    /* A place becomes durable with its turn; the line that says so may be a turn behind. */
    CHECKER_TURNS_AGAIN = 2,
    CHECKER_WORDS = 4096,
};

struct checker;

struct verdict { /* all but the first block must be 0 */
    uint64_t put, safe, acknowledged, refused, stored, handed, provisional, again;

    uint64_t lost;       /* safe and not stored; or a receipt names a number that holds other */
    uint64_t duplicated; /* stored twice, or handed over twice */
    uint64_t reordered;  /* in the log or for a listener, within (sender, lane) or by number */
    uint64_t gaps;       /* numbers missing in the log, or messages a listener did not get */
    uint64_t foreign;    /* stored or handed over, and nobody put it so; conflicts */
    uint64_t late;       /* expired when it was stored, and handed over as live */
    uint64_t unkept;     /* refused and not in quarantine */
    char words[CHECKER_WORDS]; /* the first offending places, one a line; "" = none */
};

struct checker *checker_create(unsigned senders, unsigned listeners);
void checker_destroy(struct checker *c);

uint64_t checker_digest(const void *bytes, size_t len);

/* --- a sender's book */
void checker_sender(struct checker *c, unsigned sender, uint64_t epoch);
void checker_sender_born(struct checker *c, unsigned sender);
void checker_put(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq,
                 uint64_t digest);
/* Without a place: bytes that the bus is to refuse and keep. */
void checker_put_raw(struct checker *c, unsigned sender, uint64_t digest);
/* Of what is open, the first so many; UINT64_MAX: all. */
void checker_safe(struct checker *c, unsigned sender, uint64_t first);
void checker_gave_up(struct checker *c, unsigned sender);
void checker_acknowledged(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq,
                          uint64_t seq);
void checker_refused(struct checker *c, unsigned sender, unsigned lane, uint64_t lane_seq);

/* --- the log, by number, and the quarantine */
struct checker_row {
    uint64_t seq, epoch, lane_seq, digest;
    unsigned sender, lane;
    unsigned wanted_by; /* listeners whose patterns match, as bits */
    bool expires;       /* has an end: a listener may miss it */
    bool expired;       /* that was over when it was stored: nobody may get it as live */
};
void checker_stored(struct checker *c, const struct checker_row *row);
void checker_head(struct checker *c, uint64_t seq); /* last number given */
void checker_quarantined(struct checker *c, uint64_t digest, bool conflict);

/* --- a listener's book */
/* numbered_copies: FLASH comes again with its number, and only that copy counts. */
void checker_listener(struct checker *c, unsigned listener, bool numbered_copies);
void checker_listener_born(struct checker *c, unsigned listener);
void checker_turn(struct checker *c, unsigned listener); /* places are durable */
struct checker_copy {
    uint64_t seq; /* 0: provisional */
    uint64_t epoch, lane_seq, digest;
    unsigned sender, lane;
    bool history;
};
void checker_handed(struct checker *c, unsigned listener, const struct checker_copy *copy);

void checker_judge(struct checker *c, struct verdict *out);
bool verdict_is_clean(const struct verdict *v);

#endif
