/* devices - browsers that somebody signed in from before. Such a browser holds a cookie with a
 * number of its own and a keyed mark of (name, number); it opens nothing, it only tells that
 * guesses from there are the person's own (see guesses.h). The key is made once and kept in a file
 * beside the people; nothing is kept of the browsers. */
#ifndef EOCBUS_CONSOLE_DEVICES_H
#define EOCBUS_CONSOLE_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/loop.h"

enum { DEVICE_KEY = 32, DEVICE_TEXT = 98 }; /* 32 digits of the number, a dot, 64 of the mark */

struct devices {
    uint8_t key[DEVICE_KEY];
};

/* Reads the key, or makes one. ST_IO, ST_INVALID: the file cannot be written or is none; the key of
 * this run holds until the program ends. */
MUST_CHECK enum status devices_begin(struct devices *d, struct loop *loop, const char *path);
/* A cookie for a browser that `name` signed in from. */
void devices_make(const struct devices *d, struct loop *loop, const char *name,
                  char out[DEVICE_TEXT]);
/* Whether `cookie` (NULL = none) was made for this name. */
bool devices_know(const struct devices *d, const char *name, const char *cookie);

#endif
