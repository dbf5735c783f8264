/* letters - messages on their way from the journal into the outbox: numbered, kept as bytes until
 * the outbox has them on disk. Memory only; what makes them safe is the journal. */
#ifndef EOCBUS_SENSOR_LETTERS_H
#define EOCBUS_SENSOR_LETTERS_H

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"
#include "proto/wire/gate.h"

struct letter {
    struct list link;
    uint64_t number; /* in the journal */
    uint64_t after;  /* sample that was taken last when it was made */
    unsigned level;  /* of a conclusion; 0 = none */
    bool is_kept;    /* in the journal, on disk */
    bool is_put;     /* in the outbox, not committed yet */
    size_t len;
    uint8_t bytes[];
};

struct letters {
    struct list list;
    size_t bytes;
    uint64_t last; /* number given last */
    uint64_t refused;
};

/* How letters reach the outbox. `once`: outbox_once_from. */
struct letters_door {
    enum status (*put)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
    enum status (*once)(void *arg, const char *key, uint64_t said);
    enum status (*commit)(void *arg);
    void *arg;
    const char *key;
    struct arena *arena; /* for one message */
};

void letters_init(struct letters *l);
void letters_free(struct letters *l);
/* NULL: out of memory. */
struct letter *letters_add(struct letters *l, const Eocbus__V1__Envelope *m, uint64_t after);
struct letter *letters_add_bytes(struct letters *l, uint64_t number, const uint8_t *bytes,
                                 size_t len, uint64_t after);
void letters_drop(struct letters *l, struct letter *one);
void letters_done(struct letters *l, uint64_t number); /* drops those up to it */
/* Puts all of them, conclusions first, then oldest first, and commits. ST_OK: the outbox has them,
 * none is left, *done is the number of the last one (0 = there was none). Otherwise all stay and
 * are put again next time; the once-key makes that harmless. What the gate refuses is dropped and
 * counted: a fault of ours.
 */
MUST_CHECK enum status letters_put(struct letters *l, const struct letters_door *door,
                                   uint64_t *done);

#endif
