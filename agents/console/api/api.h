/* clang-format off */
/* api - the paths of the pages' server:
 *
 *   GET  /  /app.js ...      the pages themselves (page/)
 *   POST /api/login          name=...&password=...; a cookie, and the token for what changes something
 *   POST /api/logout
 *   GET  /feed/...           public alerts for everybody (feed.h)
 *   GET  /api/me             who is signed in, the token; {"person":null} = nobody
 *   GET  /api/view/NAME?...  sql/queries/page_NAME.sql
 *   GET  /api/csv/NAME?...   sql/queries/page_csv_NAME.sql as a file, with a row of HXL tags
 *   POST /api/say            an Envelope as JSON; its message_id makes it one thing however often it is sent
 *   POST /api/approve?draft=ID&id=ID  a public alert that another person wrote, under a new id
 *   POST /api/approve-order?draft=ID&seq=N&id=ID  password=...: one more approval, with the own key, of an
 *                            order to a machine that another person wrote, as number N of the log has it; the
 *                            last bit of the ids of orders and approvals is 0, of the order in the end 1
 *   GET  /api/news           server-sent events (news/)
 *
 * An error is {"error":"word","text":"a sentence"} with the status that fits; with "retry_s" it may be
 * tried again so many seconds later. Beneath /api/ only our own page is answered: nobody else's Origin
 * or Sec-Fetch-Site. */
/* clang-format on */
#ifndef EOCBUS_CONSOLE_API_H
#define EOCBUS_CONSOLE_API_H

#include "agents/console/console.h"

void api_request(void *arg, struct exchange *x); /* arg: struct console */
void api_gone(void *arg, struct exchange *x);

#endif
