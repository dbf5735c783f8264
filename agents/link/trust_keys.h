/* trust_keys - whose keys are which, as pinned officers signed it: the book behind trust.h, which
 * alone includes it. */
#ifndef EOCBUS_LINK_TRUST_KEYS_H
#define EOCBUS_LINK_TRUST_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/mem.h"
#include "proto/wire/record.h"

struct trust_key {
    uint8_t key[KEY_BYTES]; /* CURVE: the record's name among those of one principal */
    uint8_t sign_key[KEY_BYTES];
    bool has_sign_key;
    int64_t valid_from_us, not_after_us, revoked_us; /* 0 = is not */
    uint64_t serial;
    uint8_t *enrolment; /* as its officers signed it */
    size_t enrolment_len;
};

struct trust_name {
    struct trust_key *keys;
    size_t key_count;
    uint64_t asked_us, told_us; /* when a broker was asked last, and answered; 0 = never */
    uint64_t doubt_us;          /* when a signature fitted none of its keys, and it was waited */
    unsigned doubts;            /* how often in a row, in vain; */
    size_t doubt_keys;          /* its keys were so many then */
    bool is_due, was_given;
    char name[];
};

struct trust_book {
    struct officers officers;
    struct trust_name **names; /* sorted */
    size_t count, room;
    char *path;        /* NULL = memory only */
    char *order_rules; /* as a broker said them last; NULL = none did */
    bool is_dirty;
};

/* Reads the officers, and what is kept at `path` (may be NULL). */
MUST_CHECK enum status trust_book_open(struct trust_book *b, const char *officers_file,
                                       const char *path, char *err, size_t err_size);
void trust_book_close(struct trust_book *b);
MUST_CHECK enum status trust_book_save(struct trust_book *b);

struct trust_name *trust_book_find(const struct trust_book *b, const char *name);
/* The same, made if it is not there; NULL without memory, or when the book is full. */
struct trust_name *trust_book_name(struct trust_book *b, const char *name);
/* One record, if enough pinned officers signed it; told_us 0: it was kept, no broker said it now.
 */
void trust_book_add(struct trust_book *b, const uint8_t *enrolment, size_t len, int64_t revoked_us,
                    uint64_t told_us);
/* Keeps a copy; "" changes nothing. */
void trust_book_rules(struct trust_book *b, const char *order_rules);
/* The one of its keys that made this signature (sign.h); NULL: none did. 50 us for each key. */
const struct trust_key *trust_find_key(const struct trust_name *n, const char *domain,
                                       const void *bytes, size_t len,
                                       const uint8_t signature[SIGN_BYTES]);
/* Who that is now, by the record that tells: the one with the highest serial whose time has begun.
 * ST_NOTFOUND: there is none. */
MUST_CHECK enum status trust_find_record(struct record *out, const struct trust_name *n,
                                         int64_t utc_us);

#endif
