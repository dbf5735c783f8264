/* draft - what the record has of an alert or an order that waits for others: the answers of
 * page_approve.sql and page_order_draft.sql, a line with what it is, then itself. */
#ifndef EOCBUS_CONSOLE_DRAFT_H
#define EOCBUS_CONSOLE_DRAFT_H

#include <stdbool.h>

#include "agents/console/people/people.h"
#include "eocbus/v1/envelope.pb-c.h"

struct draft {
    char state[16], author[PERSON_NAME];
    const char *rest, *message; /* of the line; itself as JSON. Borrowed from the answer */
};

/* False: there is no such draft. */
bool draft_read(struct draft *d, const char *text);
/* Itself; ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status draft_message(Eocbus__V1__Envelope **out, const struct draft *d,
                                     struct arena *arena, char *err, size_t err_size);

/* An order's line says more. */
struct order_draft {
    struct draft d;
    char desk[PERSON_NAME], meant[16], may[8];
    char keys[264]; /* that who asks is enrolled with now: four, as hexadecimal digits */
    unsigned needed;
    unsigned long long seq;
    /* Whose approvals the record has, ",one,other,", and the keys with which those may sign that
     * count now, "one=KEY,KEY other=KEY"; to the end of the line. */
    const char *givers, *giver_keys;
};

bool order_draft_read(struct order_draft *f, const char *text);
/* It is meant for a room of this status. */
bool order_draft_is_meant(const struct order_draft *f, Eocbus__V1__Status room);
/* The order that it becomes, with the approvals that the record has and that are true: one that
 * another desk made up is left out, and spoils nothing. ST_INVALID: `err`; ST_NOMEM. */
MUST_CHECK enum status order_draft_become(Eocbus__V1__Envelope **out, const struct order_draft *f,
                                          Eocbus__V1__Status room, const uint8_t id[16],
                                          int64_t now_us, struct arena *arena, char *err,
                                          size_t err_size);

#endif
