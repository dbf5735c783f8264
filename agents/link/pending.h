/* pending - what was put and settled since the last commit, in memory, until one transaction takes
 * it all. Kept here and not in an open SQLite transaction, so that a commit that meets a full disk
 * can be done again from the start once the ballast is released. */
#ifndef EOCBUS_LINK_PENDING_H
#define EOCBUS_LINK_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/link/outbox.h"
#include "proto/base/mem.h"

struct pending_put {
    uint64_t tag;
    uint64_t once;        /* its count under the running key, 0 = none */
    size_t at, len;       /* content in `bytes` */
    size_t signature_len; /* behind it */
    size_t keys_len;      /* behind that: wrapped keys */
};

struct pending_settle {
    uint64_t tag;
    int64_t at_us;
    struct outbox_outcome oc; /* its texts are NULL here; see below */
    size_t code, path, text;  /* offsets in `texts`, each ends with NUL */
};

struct pending { /* zeroed = empty */
    struct buf puts, bytes, settles, texts;
};

/* Lends the bytes; `at` is not looked at. */
MUST_CHECK enum status pending_put(struct pending *p, const struct pending_put *put,
                                   const void *content, const void *signature, const void *keys);
MUST_CHECK enum status pending_settle(struct pending *p, uint64_t tag, int64_t at_us,
                                      const struct outbox_outcome *oc);

size_t pending_put_count(const struct pending *p);
const struct pending_put *pending_put_at(const struct pending *p, size_t i);
const uint8_t *pending_content(const struct pending *p, const struct pending_put *put);
const uint8_t *pending_signature(const struct pending *p, const struct pending_put *put);
const struct pending_put *pending_find_put(const struct pending *p, uint64_t tag);

size_t pending_settle_count(const struct pending *p);
const struct pending_settle *pending_settle_at(const struct pending *p, size_t i);
const struct pending_settle *pending_find_settle(const struct pending *p, uint64_t tag);
/* The outcome with its texts, borrowed until the next change. */
struct outbox_outcome pending_outcome(const struct pending *p, const struct pending_settle *s);

bool pending_is_empty(const struct pending *p);
void pending_drop_puts(struct pending *p);
void pending_clear(struct pending *p); /* keeps the memory */
void pending_free(struct pending *p);

#endif
