/* guesses - how often somebody may try a password: five wrong ones of a name or of an address, then
 * one a minute. Of names and addresses only a hash is kept, in a table of fixed size: who fills it
 * makes others wait, never the table grow. Pure. */
#ifndef EOCBUS_CONSOLE_GUESSES_H
#define EOCBUS_CONSOLE_GUESSES_H

#include <stdint.h>

enum { GUESS_SLOTS = 4096, GUESSES_FREE = 5 };

struct guesses {
    struct guess_slot {
        uint64_t key, at_us; /* at: when the last wrong one was */
        uint32_t wrong;
    } slot[GUESS_SLOTS];
    uint64_t salt;
};

void guesses_begin(struct guesses *g, uint64_t salt); /* any random number */
/* Seconds until `what` ("name ...", "address ...") may try again; 0 = now. */
unsigned guesses_wait_s(const struct guesses *g, const char *what, uint64_t now_us);
void guesses_wrong(struct guesses *g, const char *what, uint64_t now_us);
void guesses_right(struct guesses *g, const char *what);

#endif
