/* answer - see answer.h. */
#include "agents/console/api/answer.h"

#include <stdio.h>

#include "proto/base/banned.h"

void put_json(struct buf *out, const char *text)
{
    buf_puts(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_put(out, text, 1);
    }
    buf_puts(out, "\"");
}

void answer_json(struct exchange *x, unsigned status, const struct buf *json)
{
    http_answer(x, &(struct answer){.status = json->failed ? 503 : status,
                                    .type = "application/json",
                                    .body = json->data,
                                    .len = json->failed ? 0 : json->len});
}

void answer_later(struct exchange *x, unsigned status, const char *word, const char *text,
                  unsigned retry_s)
{
    struct buf json = {0};

    buf_printf(&json, "{\"error\":\"%s\",\"text\":", word);
    put_json(&json, text);
    if (retry_s)
        buf_printf(&json, ",\"retry_s\":%u", retry_s);
    buf_puts(&json, "}");
    http_answer(x, &(struct answer){.status = status,
                                    .type = "application/json",
                                    .body = json.data,
                                    .len = json.len,
                                    .retry_s = retry_s});
    buf_free(&json);
}

void answer_error(struct exchange *x, unsigned status, const char *word, const char *text)
{
    answer_later(x, status, word, text, 0);
}

const char *cookie_prefix(const struct exchange *x)
{
    return exchange_is_secure(x) ? "__Host-" : "";
}

const char *cookie_of(const struct exchange *x, const char *name)
{
    char full[40];

    snprintf(full, sizeof(full), "%s%s", cookie_prefix(x), name);
    return exchange_cookie(x, full);
}
