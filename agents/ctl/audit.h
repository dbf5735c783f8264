/* audit - what the files of `eocctl audit` share. */
#ifndef EOCBUS_CTL_AUDIT_H
#define EOCBUS_CTL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/record.h"

/* --- audit_heads.c: signed heads, where somebody heard the chain to stand ----------------------
 */

struct audit_head {
    uint32_t log_epoch;
    uint64_t seq;
    uint8_t digest[DIGEST_BYTES];
    char broker[65], time[32];
};
struct audit_heads {
    struct audit_head *item; /* by number */
    size_t count;
};
/* Lines `LOG_EPOCH SEQ DIGEST TIME BROKER`, as `eocctl audit heads` prints them; what stands behind
 * them on a line is not looked at. On failure `err` is a sentence. */
MUST_CHECK enum status audit_heads_load(struct audit_heads *out, const char *path, char *err,
                                        size_t err_size);
void audit_heads_free(struct audit_heads *h);
/* The last heads that stand in the log, such lines, with the bytes and the signature of each. */
MUST_CHECK enum status audit_heads_text(struct buf *out, struct db *d, uint64_t last);

/* --- audit_walk.c: the record in pages ----------------------------------------------------------
 */

struct audit_walk {
    struct db *d;
    struct record *r; /* judges each page; NULL: only handed on */
    /* May be NULL. Links in order; behind those of a page its messages, in any order. */
    void (*link)(void *arg, const struct record_link *l);
    void (*row)(void *arg, const struct record_row *m);
    void *arg;
    bool in_order; /* the messages too */
    /* of the page */
    uint64_t after, low, high;
    enum status st;
};
/* From behind `after` up to `upto`. ST_FULL: the chain is damaged and cannot be followed (told as a
 * finding); ST_CLOSED, ST_DENIED: as db_copy. */
MUST_CHECK enum status audit_walk(struct audit_walk *w, uint64_t after, uint64_t upto);
/* Digest and end of the last link that ends before `from`, into record_begin; *after = its end. */
MUST_CHECK enum status audit_begin(struct db *d, struct record *r, uint64_t from, uint64_t *after);

/* --- the commands -------------------------------------------------------------------------------
 */

struct audit_result {
    struct buf text;      /* findings and the last line, for people; the caller's to free */
    uint64_t found;       /* 0: the record holds */
    uint64_t first, upto; /* the first bad number, or a span that it is in */
    char what[320];       /* what is wrong there */
};
/* `heads` may be NULL. On failure `err` is a sentence. */
MUST_CHECK enum status audit_check(struct audit_result *out, struct db *d, uint64_t from,
                                   const char *heads, bool signatures, char *err, size_t err_size);
int audit_verify(struct ctl *c, struct db *d, uint64_t from, const char *heads, bool signatures);
/* Whole commits, from the one that holds `from` to the one that holds `to`, into `dir`, a new
 * folder. EXIT_REFUSED: there is nothing in between. */
int audit_export(struct ctl *c, struct db *d, uint64_t from, uint64_t to, const char *dir);

#endif
