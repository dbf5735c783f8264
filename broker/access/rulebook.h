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

struct rulebook {
    char *text;  /* as it was read */
    char *words; /* the same, cut into words */
    struct rule *rules;
    size_t count;
};

#endif
