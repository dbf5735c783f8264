/* office_pick - which message somebody means: by its ID, by the beginning of it, or by its end as
 * summaries show it ("c0ffee.."). */
#ifndef EOCBUS_LINK_OFFICE_PICK_H
#define EOCBUS_LINK_OFFICE_PICK_H

#include <stdbool.h>

#include "agents/link/office.h"

enum { PICK_SHOWN = 3, PICK_LEAST = 4 /* digits; fewer say nothing */ };

struct pick {
    char digits[33]; /* of the word, without hyphens and points */
    bool is_whole;   /* a whole ID */
    unsigned count;  /* messages it fits; the first PICK_SHOWN are in ids */
    char ids[PICK_SHOWN][ID_TEXT];
};

/* False: the word can be no part of an ID. */
bool pick_begin(struct pick *p, const char *word);
/* One that stands twice counts once. */
void pick_look_at(struct pick *p, const char id[ID_TEXT]);
/* What is wrong with the word, for people: an exit code. -1: it is exactly one. */
int pick_explain(struct office *o, const struct pick *p, const char *word);

#endif
