/* answer - what every path of api/ answers with, and the names of our cookies. */
#ifndef EOCBUS_CONSOLE_ANSWER_H
#define EOCBUS_CONSOLE_ANSWER_H

#include "agents/web/http.h"
#include "proto/base/mem.h"

void answer_json(struct exchange *x, unsigned status, const struct buf *json);
/* {"error":word,"text":text}; see api.h. */
void answer_error(struct exchange *x, unsigned status, const char *word, const char *text);
/* The same with Retry-After. */
void answer_later(struct exchange *x, unsigned status, const char *word, const char *text,
                  unsigned retry_s);
/* A text as a JSON string, with its quotes. */
void put_json(struct buf *out, const char *text);

/* The cookie's value; its name begins with __Host- wherever browsers speak TLS. */
const char *cookie_of(const struct exchange *x, const char *name);
const char *cookie_prefix(const struct exchange *x);

#endif
