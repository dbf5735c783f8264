#include "proto/wire/refuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"

/* A cut in the middle of a character would make the receipt itself unreadable: protobuf strings are
 * UTF-8. */
static void trim_to_utf8(char *text)
{
    size_t len = strlen(text);

    while (len && !gate_utf8_is_valid(text, len))
        text[--len] = '\0';
}

void step_path(char *out, size_t size, const struct step *at)
{
    const struct step *chain[LIMIT_DEPTH + 2] = {NULL};
    size_t depth = 0, len = 0;

    out[0] = '\0';
    for (; at && depth < LIMIT_DEPTH + 2; at = at->up)
        if (at->field)
            chain[depth++] = at;
    while (depth-- && len < size) {
        const struct step *s = chain[depth];

        len += (size_t)snprintf(out + len, size - len, "%s%s", len ? "." : "", s->field);
        if (s->index >= 0 && len < size)
            len += (size_t)snprintf(out + len, size - len, "[%ld]", s->index);
    }
}

enum status refuse(struct refusal *why, const char *code, const struct step *at, const char *fmt,
                   ...)
{
    va_list ap;

    why->code = code;
    step_path(why->path, sizeof(why->path), at);
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, ap);
    va_end(ap);
    trim_to_utf8(why->text);
    return ST_INVALID;
}

const char *show_bytes(char out[SHOWN_BYTES], const char *bytes, size_t len)
{
    size_t shown = len < SHOWN_BYTES - 4 ? len : SHOWN_BYTES - 4;

    for (size_t i = 0; i < shown; i++)
        out[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '?';
    memcpy(out + shown, shown < len ? "..." : "", shown < len ? 4 : 1);
    return out;
}
