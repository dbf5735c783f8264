/* browser - one connection to a page's server on this machine, as bytes: for what no browser would
 * send. Every failure here fails the test; what the other end does is only told. */
#ifndef EOCBUS_TESTS_LIB_BROWSER_H
#define EOCBUS_TESTS_LIB_BROWSER_H

#include <stdbool.h>
#include <stddef.h>

enum { BROWSER_TEXT = 1 << 20 };

struct browser {
    int fd; /* -1: closed */
    bool is_over;
    size_t len;
    char said[BROWSER_TEXT]; /* what came, with a NUL behind it */
};

void browser_open(struct browser *b, unsigned port);
void browser_close(struct browser *b);
/* What the other end does not take any more is dropped. */
void browser_send(struct browser *b, const void *bytes, size_t len);
void browser_say(struct browser *b, const char *form, ...) __attribute__((format(printf, 2, 3)));
/* Reads until `text` is there or the other end closed; whether it is there. Half a minute at most:
 * then the test fails. */
bool browser_hears(struct browser *b, const char *text);
/* Reads until the other end closed. */
void browser_wait_for_end(struct browser *b);
/* Status of the first answer in `said`; 0: there is none. */
int browser_status(const struct browser *b);

/* One request on a connection of its own, to the end; the status, 0: closed without an answer. */
int browser_ask(struct browser *b, unsigned port, const char *form, ...)
    __attribute__((format(printf, 3, 4)));

#endif
