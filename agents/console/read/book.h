/* book - the rights of everybody who has a page open, so that an event waits for no question: asked
 * of the database when the page opens and once a minute from then on. While the database is away
 * the last ones count. */
#ifndef EOCBUS_CONSOLE_BOOK_H
#define EOCBUS_CONSOLE_BOOK_H

#include "agents/console/read/reader.h"
#include "agents/console/read/rights.h"

struct book;

MUST_CHECK enum status book_create(struct book **out, struct loop *loop, struct reader *reader);
void book_destroy(struct book *b); /* NULL is allowed; after the reader */
/* This person has a page open: asks if what is known is a minute old. Cheap. */
void book_keep(struct book *b, const char *person);
/* MAY_BE: nothing is known yet, or only the database knows. */
enum may book_hear(const struct book *b, const char *person, const Eocbus__V1__Envelope *m);
enum may book_say(const struct book *b, const char *person, const Eocbus__V1__Envelope *m);

#endif
