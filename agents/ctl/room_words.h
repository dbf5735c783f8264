/* room_words - the words of the dispatchers' page (agents/console/page/words), as its words.js says
 * them, for who looks at the same room in a terminal; board.tsv has what only a terminal says. */
#ifndef EOCBUS_CTL_ROOM_WORDS_H
#define EOCBUS_CTL_ROOM_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/link/translate.h"

/* NULL: there are none. */
const char *room_text(enum lang lang, const char *group, const char *name);
/* Appends "queue.empty" with its {names} filled in; a key without words shows itself. */
void room_say(struct buf *out, enum lang lang, const char *key,
              const struct translate_value *values, size_t n);
/* With one {name}. */
void room_say_of(struct buf *out, enum lang lang, const char *key, const char *name,
                 const char *value);
/* A word of the contract ("VERIFYING") in people's language, as it is if there is none. */
void room_word(struct buf *out, enum lang lang, const char *group, const char *value);
/* "3 things": the key's form for this number. */
void room_count(struct buf *out, enum lang lang, const char *key, uint64_t n);
/* "1 234,5", as an office writes it, with at most so many digits behind the comma. */
void room_figure(struct buf *out, enum lang lang, double value, int digits);
/* What PostgreSQL's JSON has for a time, in seconds since 1970; 0: it is none. */
int64_t room_instant(const char *iso);
/* "14:05" today, "7 Aug 14:05" else, in the country's time. */
void room_time(struct buf *out, enum lang lang, const char *iso, int64_t now_s);

#endif
