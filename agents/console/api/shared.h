/* shared - one question to the database for all pages that ask it. */
#ifndef EOCBUS_CONSOLE_SHARED_H
#define EOCBUS_CONSOLE_SHARED_H

#include "agents/console/console.h"

/* Asks the reader for x, once for all pages of a person who ask the same: whoever asks while an
 * answer is on its way waits for the next one, which then is of after their question. `done` gets
 * x; results as reader_ask's. */
MUST_CHECK enum status shared_create(struct shared **out, struct console *c);
void shared_destroy(struct shared *s); /* NULL is allowed; after the reader */
MUST_CHECK enum status shared_ask(struct shared *s, const char *person, const char *name,
                                  const char *const *params, unsigned n, reader_done_fn done,
                                  struct exchange *x);
void shared_gone(struct shared *s, struct exchange *x);

#endif
