/* paper - what the feed hands out: the list of alerts, or one alert, as the database had it last,
 * written and signed once for all who ask. */
#ifndef EOCBUS_CONSOLE_PAPER_H
#define EOCBUS_CONSOLE_PAPER_H

#include "agents/console/cap/cap.h"
#include "agents/web/http.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/base/list.h"

struct feed;

struct paper {
    struct list link;
    struct feed *feed;
    char id[ID_TEXT];    /* "" = the list */
    struct list waiting; /* for the answer of the database; feed.c's */
    struct buf xml;      /* empty: there is no such alert */
    char tag[DIGEST_HEX], changed[40];
    uint64_t read_us; /* 0 = not yet, or it could not be read */
};

/* Takes what page_feed.sql or page_cap.sql said. `signer` NULL: nothing is signed. ST_INVALID,
 * ST_NOMEM (it cannot be signed either): the paper is not to be handed out. */
MUST_CHECK enum status paper_keep(struct paper *p, struct cap_signer *signer, const char *text);
void paper_answer(const struct paper *p, struct exchange *x);

#endif
