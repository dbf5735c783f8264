/* sessions - who is signed in. A browser holds a secret of 32 random bytes in a cookie; here is
 * only its SHA-256, in a file too, so that a start of the program signs nobody out. Beside it
 * stands a token that every request that changes something has to bring (a page of somebody else
 * cannot read it).
 *
 * How old a session is, is measured on the clock that only goes forward: whoever sets the machine's
 * clock lengthens none and ends none. Only between two runs of the program UTC has to do; a session
 * of the future is over then. */
#ifndef EOCBUS_CONSOLE_SESSIONS_H
#define EOCBUS_CONSOLE_SESSIONS_H

#include "agents/console/people/people.h"
#include "proto/base/list.h"
#include "proto/base/loop.h"

enum { SESSION_SECRET = 44, SESSION_SHA = 32 }; /* base64url of 32 bytes, with the NUL */

struct session {
    struct list link;
    uint8_t sha[SESSION_SHA]; /* of the cookie's text */
    char token[SESSION_SECRET];
    char person[PERSON_NAME];
    uint64_t password; /* tells whether the person's password is still that of the sign-in */
    char lang[3];
    int64_t began_us, seen_us; /* on the clock that only goes forward; below 0: before this start */
};

struct sessions;

/* Reads the file if there is one; a damaged one signs everybody out. `idle_us`: how long after the
 * last request, `life_us`: how long after the sign-in a session ends. */
MUST_CHECK enum status sessions_create(struct sessions **out, struct loop *loop, const char *path,
                                       int64_t idle_us, int64_t life_us);
void sessions_destroy(struct sessions *s); /* the file stays */
/* Signs in: `secret` is for the cookie. NULL: no memory. Of one person at most 8; the oldest goes.
 */
struct session *sessions_begin(struct sessions *s, const struct person *p,
                               char secret[SESSION_SECRET]);
/* NULL: none, or over. Borrowed until the next call of this header. */
struct session *sessions_find(struct sessions *s, const char *secret);
/* What stands in session.password for this person now. */
uint64_t sessions_password(const struct person *p);
/* The session with this hash, if it is not over; asking does not lengthen it. Borrowed likewise. */
const struct session *sessions_of(const struct sessions *s, const uint8_t sha[SESSION_SHA]);
void sessions_end(struct sessions *s, struct session *one);
void sessions_end_person(struct sessions *s, const char *person); /* NULL: everybody's */
/* Persons of the sessions from the `from`th on, blanks between, as many as out[size] holds; how
 * many they are. */
size_t sessions_persons(const struct sessions *s, size_t from, char *out, size_t size);
size_t sessions_count(const struct sessions *s);

#endif
