/* replay_again - a message of the log as an exercise says it again. */
#ifndef EOCBUS_CTL_REPLAY_AGAIN_H
#define EOCBUS_CTL_REPLAY_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/link/options.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/ids.h"
#include "proto/base/mem.h"

struct exercise {
    uint8_t run[ID_BYTES]; /* ids are made from it: each run is a world of its own */
    const struct option_words *to;
    double speed;
};

/* NULL if messages of this type are played; else why not. */
const char *replay_leaves_out(unsigned type);

/* The id that stands for this one in the exercise. */
void replay_id(const struct exercise *e, uint8_t id[ID_BYTES]);

/* Makes a message of the log one of the exercise, in place: its ids, the names of its sites and
 * items
 * ("EX-07~1f3a": the run's own), its status, whom it is for, by when it has to be there (as long as
 * it had, `speed` times faster, but a minute at least). ST_NOMEM: the arena, from which m came, is
 * full. Its time stays: exercises live in the time that their messages tell. `played` is lent to m,
 * and so are e's words; who says it and its place in an outbox are the outbox's to fill in. */
MUST_CHECK enum status replay_as_exercise(Eocbus__V1__Envelope *m, const struct exercise *e,
                                          uint64_t seq, int64_t now_us, Eocbus__V1__Played *played,
                                          struct arena *arena);

#endif
