/* login_line - whoever has a password tried. Argon2id takes a tenth of a second and 64 MiB: one at
 * a time, on a thread beside the loop; who comes meanwhile waits in a short line. Wrong passwords
 * are counted (guesses.h). A browser that the person signed in from before (devices.h) is counted
 * for itself alone, and stands in a line that strangers filled too: before all who came earlier, so
 * that of several known ones the last to come is first. */
#ifndef EOCBUS_CONSOLE_LOGIN_LINE_H
#define EOCBUS_CONSOLE_LOGIN_LINE_H

#include "agents/console/api/login.h"
#include "agents/console/people/keyring.h"
#include "proto/base/list.h"

struct login {
    struct list link; /* in the line; then of those whom the record is asked about */
    struct console *console;
    struct exchange *x; /* NULL: the browser left */
    char name[PERSON_NAME], password[PASSWORD_MOST + 2], peer[64];
    struct person person;
    char device[33]; /* number of the browser, if the person signed in from it before */
    bool is_known, is_right;
    key_opened_fn opened; /* NULL: a sign-in */
    struct person_key key;
    enum status found, unlocked; /* of the key */
    struct keys keys;
};

struct login_line;
/* Its password was tried, right or not; `l` is the callee's now. */
typedef void (*login_tried_fn)(struct console *c, struct login *l);

MUST_CHECK enum status login_line_create(struct login_line **out, struct console *c,
                                         login_tried_fn tried);
void login_line_destroy(struct login_line *all); /* NULL is allowed */
/* Takes it: it is tried when its turn comes, or answered at once why not. */
void login_line_stand(struct login_line *all, struct login *l);
void login_line_gone(struct login_line *all, const struct exchange *x);

/* Answers, and tells who waits for a key that there is none. */
void login_refuse(struct login *l, unsigned status, const char *word, const char *text,
                  unsigned retry_s);
void login_end(struct login *l); /* wiped */

#endif
