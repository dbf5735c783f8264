/* taking - one message of somebody at a page, on its way to the outbox: shared by take.c (what the
 * page wrote), approve.c and order.c (what somebody wrote before). */
#ifndef EOCBUS_CONSOLE_TAKING_H
#define EOCBUS_CONSOLE_TAKING_H

#include "agents/console/api/answer.h"
#include "agents/console/console.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/wire/refuse.h"

void say_take(struct console *c, struct exchange *x, struct session *who);
void approve_take(struct console *c, struct exchange *x, struct session *who);
void approve_order_take(struct console *c, struct exchange *x, struct session *who);
void say_gone(struct exchange *x);

/* Approvals of orders that the record may not have yet. */
MUST_CHECK enum status orders_create(struct orders **out);
void orders_destroy(struct orders *o); /* NULL is allowed */

struct taking { /* kept by its exchange; gone with it */
    struct console *console;
    struct exchange *x;
    struct arena *arena;
    Eocbus__V1__Envelope *m; /* lives in the arena; NULL until it is known */
    char person[PERSON_NAME];
    uint8_t id[16];   /* of what is to be said */
    uint8_t said[32]; /* digest of who says it and of the request */
    /* Of an order to a machine: */
    unsigned needed;      /* approvals */
    const char *own_keys; /* that the person is enrolled with now; lives in the arena */
    const char *givers;   /* ",one,other,": whose approvals the record has, good or not; as above */
    const Eocbus__V1__Approval *signed_now; /* in t->m; NULL: this person's was there before */
};

/* NULL: no memory, and that was answered. */
struct taking *taking_begin(struct console *c, struct exchange *x, const struct session *who);
/* What is asked for, for knowing it again when it comes twice. */
void taking_digest(struct taking *t, const char *request, size_t len);
/* Into the outbox, and answered: the person may. True: it is there, now or since before. */
bool taking_put(struct taking *t);
/* The same, and nobody is answered: durable when it is ST_OK. ST_EXISTS: it was there before;
 * ST_INVALID: `why`. */
MUST_CHECK enum status say_put(struct console *c, Eocbus__V1__Envelope *m, uint64_t *tag,
                               struct refusal *why);
/* The same of what has no id yet: once for this key. */
MUST_CHECK enum status say_once(struct console *c, Eocbus__V1__Envelope *m, const char *key,
                                uint64_t *tag, struct refusal *why);
/* What an approved draft of an order became. */
bool is_approved_order(const Eocbus__V1__Envelope *m);
/* After the answer. */
void taking_end(struct taking *t);
/* Answers an error, and ends the taking. */
void taking_refuse(struct taking *t, unsigned status, const char *word, const char *text);
/* Asks whether the person may say t->m; then it is said, or not, and answered. Ends the taking. */
void taking_ask_rights(struct taking *t);

/* An order to a machine, as command_draft left it: at once if it takes nobody else, else as a
 * draft. Ends the taking. */
void order_ask_need(struct taking *t);

Eocbus__V1__Status room_status(const struct console *c);

#endif
