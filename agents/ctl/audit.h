/* audit - what the files of `eocctl audit` share. */
#ifndef EOCBUS_CTL_AUDIT_H
#define EOCBUS_CTL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/record.h"
#include "proto/base/sign.h"

/* --- audit_heads.c: signed heads, where somebody heard the chain to stand --------------------- */

enum { AUDIT_SHOWN = 20, AUDIT_HEAD_BYTES = 600 };

struct audit_head {
    uint32_t log_epoch;
    uint64_t seq;
    uint8_t digest[DIGEST_BYTES];
    char broker[65], time[32];
    unsigned line; /* of its file */
    /* The message that said it; content_len 0: the line ends before it. */
    uint8_t content[AUDIT_HEAD_BYTES], signature[SIGN_BYTES];
    size_t content_len;
    bool is_said; /* the content says what stands before it */
};
struct audit_heads {
    struct audit_head *item; /* by number */
    size_t count;
};
/* Lines `LOG_EPOCH SEQ DIGEST TIME BROKER [CONTENT SIGNATURE]`, as `eocctl audit heads` prints
 * them. On failure `err` is a sentence. */
MUST_CHECK enum status audit_heads_load(struct audit_heads *out, const char *path, char *err,
                                        size_t err_size);
void audit_heads_free(struct audit_heads *h);
/* The last heads that stand in the log, such lines, with the bytes and the signature of each. */
MUST_CHECK enum status audit_heads_text(struct buf *out, struct db *d, uint64_t last);

/* --- audit_compare.c: such heads, held against the chain -------------------------------------- */

struct audit_compare {
    void (*found)(void *arg, const struct record_finding *f); /* the caller's */
    void *arg;
    struct audit_heads heads; /* that are believed */
    size_t next;
    uint64_t good; /* number of the last one that fitted */
    uint64_t proved, plain, unbelieved;
    struct buf doubts; /* why, for people */
};
/* Reads the file and looks at the signatures: by the database's keys, or, where officers are
 * pinned, by those that they vouched for (audit_keys.h). Findings of lost epochs come from inside.
 * On failure `err` is a sentence. Free it in any case. */
MUST_CHECK enum status audit_compare_begin(struct audit_compare *c, struct db *d, const char *path,
                                           const char *officers_file, char *err, size_t err_size);
void audit_compare_skip(struct audit_compare *c, uint64_t after); /* begin behind that number */
void audit_compare_link(struct audit_compare *c, const struct record_link *l); /* in order */
void audit_compare_end(struct audit_compare *c, uint64_t upto); /* the chain ends there */
/* All of it without the messages: the links that the heads name. */
MUST_CHECK enum status audit_compare_run(struct audit_compare *c, struct db *d);
void audit_compare_report(const struct audit_compare *c, struct buf *out); /* nothing: no heads */
void audit_compare_free(struct audit_compare *c);

/* --- audit_walk.c: the record in pages -------------------------------------------------------- */

struct audit_walk {
    struct db *d;
    struct record *r; /* judges each page; NULL: only handed on */
    /* May be NULL. Links in order; behind those of a page its messages, in any order. */
    void (*link)(void *arg, const struct record_link *l);
    void (*row)(void *arg, const struct record_row *m);
    /* May be NULL. All of a page was handed on; what it answers ends the walk unless it is ST_OK.
     */
    enum status (*page)(void *arg, uint64_t low, uint64_t high);
    void *arg;
    unsigned page_rows; /* numbers of a page, whole links; 0 = as suits */
    bool in_order;      /* the messages too */
    /* of the page */
    uint64_t after, low, high;
    enum status st;
};
/* From behind `after` up to `upto`. ST_FULL: the chain is damaged and cannot be followed (told as a
 * finding); ST_CLOSED, ST_DENIED: as db_copy. */
MUST_CHECK enum status audit_walk(struct audit_walk *w, uint64_t after, uint64_t upto);
/* Digest and end of the last link that ends before `from`, into record_begin; *after = its end. */
MUST_CHECK enum status audit_begin(struct db *d, struct record *r, uint64_t from, uint64_t *after);
/* The first link that ends at `seq` or behind it, if there is one; *upto = its end. */
MUST_CHECK enum status audit_link_at(struct db *d, uint64_t seq,
                                     void (*link)(void *arg, const struct record_link *l),
                                     void *arg, uint64_t *upto);
MUST_CHECK enum status audit_chain_end(struct db *d, uint64_t *upto); /* 0: there is no chain */

/* --- the commands ----------------------------------------------------------------------------- */

struct audit_result {
    struct buf text;      /* findings and the last line, for people; the caller's to free */
    uint64_t found;       /* 0: the record holds */
    uint64_t unbelieved;  /* heads of the file that their broker did not sign */
    uint64_t first, upto; /* the first bad number, or a span that it is in */
    char what[320];       /* what is wrong there */
};
struct audit_wish {
    uint64_t from;        /* the commit that holds it is the first */
    const char *heads;    /* file; NULL = none */
    const char *officers; /* file; NULL, "" = none: the database's keys are believed */
    bool signatures;      /* of every message */
    bool deep;            /* documents too (audit_deep.h) */
};
/* On failure `err` is a sentence. */
MUST_CHECK enum status audit_check(struct audit_result *out, struct db *d,
                                   const struct audit_wish *wish, char *err, size_t err_size);
int audit_verify(struct ctl *c, struct db *d, const struct audit_wish *wish);
/* The heads of wish->heads alone. */
int audit_check_heads(struct ctl *c, struct db *d, const struct audit_wish *wish);
/* Whole commits, from the one that holds `from` to the one that holds `to`, into `dir`, a new
 * folder. EXIT_REFUSED: there is nothing in between. */
int audit_export(struct ctl *c, struct db *d, uint64_t from, uint64_t to, const char *dir);

#endif
