/* enrol - the paper work of enrolment: requests and records as files that people carry, officers'
 * keys, and what the database is told. For the commands and for the demonstration.
 *
 * A file is text, so that it survives a messenger, a USB stick and a printer:
 *
 *   # what it is and of whom, for people
 *   eocbus-request            (or eocbus-enrolment)
 *   0a12636f65732e61796e...   hexadecimal, in lines */
#ifndef EOCBUS_CTL_ENROL_H
#define EOCBUS_CTL_ENROL_H

#include <stdio.h>

#include "agents/ctl/db.h"
#include "proto/wire/record.h"

#define PAPER_REQUEST   "eocbus-request"
#define PAPER_ENROLMENT "eocbus-enrolment"

/* `path` "-" = standard output; a file that is there is an error. */
MUST_CHECK enum status paper_write(const char *path, const char *kind, const char *about,
                                   const struct buf *bytes, char *err, size_t err_size);
/* Appends the bytes to `out`; *is_request tells which of the two it is. */
MUST_CHECK enum status paper_read(struct buf *out, bool *is_request, const char *path, char *err,
                                  size_t err_size);

/* A pinned officer at work: the name comes from the pins, so that nobody signs as somebody else. */
struct officer_hand {
    struct officers pinned;
    const struct officer *who; /* in `pinned` */
    struct signer *signer;
};
/* ST_DENIED: the key is none of the pinned ones. Close it also then. */
MUST_CHECK enum status officer_open(struct officer_hand *h, const char *pins, const char *key_file,
                                    char *err, size_t err_size);
void officer_close(struct officer_hand *h);

/* Eight groups of four hexadecimal digits over both public keys, to be read aloud. */
enum { FINGERPRINT = 40 };
void keys_fingerprint(char out[FINGERPRINT], const uint8_t key[KEY_BYTES], const uint8_t *sign_key);
/* What a record says, in words, several lines. */
void record_print(struct buf *out, const struct record *r);

/* The serial that the next record of this name has. */
MUST_CHECK enum status enrol_next_serial(struct db *d, const char *name, uint64_t *serial);
/* A name that was revoked is never given again. */
MUST_CHECK enum status enrol_was_revoked(struct db *d, const char *name, bool *revoked);
/* Roles are split by blanks. One that nobody has defined gives no right, so a slip of the pen would
 * be obeyed in silence: ST_DENIED. `err` is a sentence also for what db_query answers. */
MUST_CHECK enum status enrol_check_roles(struct db *d, const char *roles, char *err,
                                         size_t err_size);
/* Tells the database. *fresh false: it had this very record. ST_INVALID and others: db_error. */
MUST_CHECK enum status enrol_submit(struct db *d, const struct record *r,
                                    const struct buf *enrolment, bool *fresh);

#endif
