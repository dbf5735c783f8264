/* rulebook - the rules as they were read, for rights.c; nobody else includes this. */
#ifndef EOCBUS_BROKER_ACCESS_RULEBOOK_H
#define EOCBUS_BROKER_ACCESS_RULEBOOK_H

#include "broker/access/rights.h"

enum { RULE_TYPES = 320 }; /* numbers of bodies lie below; a multiple of 64 */

enum scope { SCOPE_ANY, SCOPE_OWN, SCOPE_TO_ME, SCOPE_PLACES };

struct rule {
    int32_t number;     /* bus.rule; 0 = of an agreement */
    const char *role;   /* in the book, as the texts below */
    const char *giver;  /* "" = everybody */
    const char *places; /* P-codes split by blanks, of SCOPE_PLACES */
    enum verb verb;
    enum scope scope;
    bool is_deny;
    uint8_t label;                   /* 1..4 */
    int64_t from_us, until_us;       /* of one with a giver */
    uint64_t types[RULE_TYPES / 64]; /* a set of numbers */
};

/* An agreement between agencies: each party's word as the database has it, in hexadecimal. Nothing
 * follows from it until sharing.c has looked at it. */
struct rule_share {
    const char *id, *giver_said, *taker_said; /* in the book */
};

/* A text cut into words, which the rules point into. */
struct rule_words {
    struct rule_words *next;
    char text[];
};

struct rulebook {
    char *text; /* as it was read */
    struct rule_words *words;
    struct rule *rules;
    size_t count, room;
    struct rule_share *shares;
    size_t share_count, share_room;
};

/* Rules that follow from what stands in the book; the same answers as rulebook_read. Not after
 * something was compiled: the rules move. */
MUST_CHECK enum status rulebook_more(struct rulebook *b, const char *text, char *err,
                                     size_t err_size);

#endif
