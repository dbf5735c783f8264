/* places - the names of districts beside their P-codes, for people, also where there is no link. */
#ifndef EOCBUS_LINK_PLACES_H
#define EOCBUS_LINK_PLACES_H

#include "agents/link/lang.h"

/* Of the district that a code lies in, or of a region, as the database says it (eoc.place_name).
 * NULL: the code is of no place that is known here. */
const char *place_name(enum lang lang, const char *pcode);
/* Appends "Айнӣ 3505203", or only the code. */
void place_put(struct buf *out, enum lang lang, const char *pcode);

#endif
