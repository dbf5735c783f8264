/* guesses - how often somebody may try a password: so many wrong ones are free, then one a minute.
 * Of names and addresses only a hash is kept, for each kind in a table of fixed size: who fills it
 * makes others wait, never the table grow. Pure.
 *
 * What is counted, each kind for itself:
 *   name at an address   5 free: who guesses waits, the person at another machine does not
 *   address              20 free: one machine that tries many names
 *   name                 60 free: many machines that try one name
 *   device               5 free: a browser that the name signed in from before is counted for
 * itself alone, so that guessing elsewhere never keeps the dispatcher out */
#ifndef EOCBUS_CONSOLE_GUESSES_H
#define EOCBUS_CONSOLE_GUESSES_H

#include <stdint.h>

enum guess_kind { NAME_AT_ADDRESS, OF_ADDRESS, OF_NAME, OF_DEVICE, GUESS_KINDS };
enum { GUESS_SLOTS = 4096 };

struct guesses {
    struct guess_slot {
        uint64_t key, at_us; /* at: since when the minute runs that forgets the next one */
        uint32_t wrong;
    } slot[GUESS_KINDS][GUESS_SLOTS];
    uint64_t salt;
};

void guesses_begin(struct guesses *g, uint64_t salt); /* any random number */
unsigned guesses_free(enum guess_kind kind);
/* Seconds until `what` may try again; 0 = now. */
unsigned guesses_wait_s(const struct guesses *g, enum guess_kind kind, const char *what,
                        uint64_t now_us);
void guesses_wrong(struct guesses *g, enum guess_kind kind, const char *what, uint64_t now_us);
void guesses_right(struct guesses *g, enum guess_kind kind, const char *what);

#endif
