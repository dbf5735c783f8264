/* order_desk - what this desk says of its own orders to machines without anybody's hand.
 *
 *   enough approved it, here or at another desk of the record ─▶ the order, which this desk signs
 *   a broker refused the order                                ─▶ a receipt that says so: what is
 *                                                               refused is in nobody's log
 *
 * Approvals are asked of the record whenever one is heard, and when the database is there (again);
 * a person's own page does not wait for that (order.c). */
#ifndef EOCBUS_CONSOLE_ORDER_DESK_H
#define EOCBUS_CONSOLE_ORDER_DESK_H

#include "agents/console/console.h"
#include "eocbus/v1/envelope.pb-c.h"

MUST_CHECK enum status order_desk_create(struct order_desk **out, struct console *c);
void order_desk_destroy(struct order_desk *d); /* NULL is allowed; after the reader */
void order_desk_look(struct order_desk *d);
void order_desk_hear(struct order_desk *d, const Eocbus__V1__Envelope *m);
/* A row of the outbox was refused: those of orders are told, and tried until they are. */
void order_desk_refused(struct order_desk *d);

#endif
