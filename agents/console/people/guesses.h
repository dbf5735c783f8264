/* guesses - how often somebody may try a password: so many wrong ones are free, then one a minute.
 * Of names and addresses only a hash is kept, in a table of fixed size: who fills it makes others
 * wait, never the table grow. Pure.
 *
 * What is counted:
 *   name at an address   5 free: who guesses waits, the person at another machine does not
 *   address              20 free: one machine that tries many names
 *   name                 60 free: many machines that try one name
 *   device               5 free: a browser that the name signed in from before is counted for
 * itself alone, so that guessing elsewhere never keeps the dispatcher out */
#ifndef EOCBUS_CONSOLE_GUESSES_H
#define EOCBUS_CONSOLE_GUESSES_H

#include <stdint.h>

enum { GUESS_SLOTS = 4096 };
enum { FREE_AT_ADDRESS = 5, FREE_OF_ADDRESS = 20, FREE_OF_NAME = 60, FREE_OF_DEVICE = 5 };

struct guesses {
    struct guess_slot {
        uint64_t key, at_us; /* at: since when the minute runs that forgets the next one */
        uint32_t wrong;
    } slot[GUESS_SLOTS];
    uint64_t salt;
};

void guesses_begin(struct guesses *g, uint64_t salt); /* any random number */
/* Seconds until `what` ("name ...", "address ...") may try again when `free` are free; 0 = now. */
unsigned guesses_wait_s(const struct guesses *g, const char *what, unsigned free, uint64_t now_us);
void guesses_wrong(struct guesses *g, const char *what, unsigned free, uint64_t now_us);
void guesses_right(struct guesses *g, const char *what);

#endif
