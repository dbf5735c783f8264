/* pick - what of the log a person wants, in words of people: places, types, lanes, times. Pure. */
#ifndef EOCBUS_CTL_PICK_H
#define EOCBUS_CTL_PICK_H

#include <stdint.h>

#include "agents/link/options.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/status.h"
#include "proto/wire/limits.h"

enum { PICK_LANES = 5, PICK_PATTERN_BYTES = 96 };

struct pick {
    /* As given; NULL = not. */
    struct option_words patterns, places, types, lanes;
    const char *since, *until;

    /* What comes of it. */
    const char *items[LIMIT_PATTERNS]; /* patterns, borrowed from the words or from `made` */
    unsigned count;
    Eocbus__V1__Lane lane[PICK_LANES];
    unsigned lane_count;
    int64_t since_us, until_us; /* 0 = none */
    uint64_t upto;              /* --until as a number; 0 = none */
    char made[LIMIT_PATTERNS][PICK_PATTERN_BYTES];
};

/* The rows of these options, for a table of options. */
#define PICK_ROWS(pick)                                                                            \
    {"--pattern", OPTION_WORDS, &(pick)->patterns}, {"--place", OPTION_WORDS, &(pick)->places},    \
        {"--type", OPTION_WORDS, &(pick)->types}, {"--lane", OPTION_WORDS, &(pick)->lanes},        \
        {"--since", OPTION_TEXT, &(pick)->since},                                                  \
    {                                                                                              \
        "--until", OPTION_TEXT, &(pick)->until                                                     \
    }

/* now_us: UTC. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status pick_read(struct pick *p, int64_t now_us, char *err, size_t err_size);

#endif
