/* print - what a stranger wrote must not talk to the terminal. */
#include "agents/link/print.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

/* One code point of well-formed UTF-8; its length, or 0. Overlong forms and surrogates do not
 * count. */
static size_t decode(const unsigned char *p, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC0 ? 2 : 0;

    if (n == 0 || n > len || p[0] > 0xF4)
        return 0;
    *code = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3Fu);
    }
    if (n > 1 && (*code < least[n] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)))
        return 0;
    return n;
}

/* What acts, and what nobody sees: a name with a blank of no width in it is another name. The
 * joiners U+200C and U+200D stay, Persian needs them. */
static bool is_dangerous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || code == 0x200B ||
           code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
           (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE007F);
}

/* JSON knows code points beyond 16 bits as two surrogates. */
static void put_json_escape(struct buf *out, uint32_t code)
{
    if (code > 0xFFFF) {
        buf_printf(out, "\\u%04x", 0xD7C0 + (code >> 10));
        code = 0xDC00 | (code & 0x3FF);
    }
    buf_printf(out, "\\u%04x", code);
}

void print_escaped(struct buf *out, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t plain = 0; /* bytes before p that need nothing */

    while (len > 0) {
        uint32_t code = 0;
        size_t n = decode(p, len, &code);

        if (n > 0 && !is_dangerous(code)) {
            plain += n;
        } else {
            buf_put(out, p - plain, plain);
            plain = 0;
            if (n == 0 || code < 0x80)
                buf_printf(out, "\\x%02x", p[0]);
            else
                buf_printf(out, "\\u{%04x}", code);
            n = n ? n : 1;
        }
        p += n;
        len -= n;
    }
    buf_put(out, p - plain, plain);
}

struct range {
    uint32_t from, to;
};

static bool is_among(uint32_t code, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (code >= ranges[i].from && code <= ranges[i].to)
            return true;
    return false;
}

/* The blocks of Unicode that matter here, not its tables: no letter of the country is among them, but
 * ӣ may come as two characters. */
static size_t width_of(uint32_t code)
{
    static const struct range none[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x064B, 0x065F},
                                        {0x1AB0, 0x1AFF}, {0x200C, 0x200D}, {0x20D0, 0x20FF},
                                        {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const struct range two[] = {{0x1100, 0x115F},   {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                                       {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};

    return is_among(code, none, ARRAY_LEN(none)) ? 0 : is_among(code, two, ARRAY_LEN(two)) ? 2 : 1;
}

size_t print_width(const char *text, size_t len)
{
    size_t wide = 0;

    while (len > 0) {
        uint32_t code = 0;
        size_t n = decode((const unsigned char *)text, len, &code);

        wide += n ? width_of(code) : 1;
        n = n ? n : 1;
        text += n;
        len -= n;
    }
    return wide;
}

void print_escaped_json(struct buf *out, const char *text, size_t len)
{
    while (len > 0) {
        uint32_t code = 0;
        size_t n = decode((const unsigned char *)text, len, &code);

        if (n == 0)
            buf_puts(out, "\\ufffd");
        else if (code != '\n' && is_dangerous(code))
            put_json_escape(out, code);
        else
            buf_put(out, text, n);
        n = n ? n : 1;
        text += n;
        len -= n;
    }
}

void print_json_text(struct buf *out, const char *text)
{
    if (!text) {
        buf_puts(out, "null");
        return;
    }
    buf_puts(out, "\"");
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code = 0;
        size_t n = decode((const unsigned char *)text, left, &code);

        if (n == 0)
            buf_puts(out, "\\ufffd");
        else if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (char)code);
        else if (is_dangerous(code))
            put_json_escape(out, code);
        else
            buf_put(out, text, n);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    buf_puts(out, "\"");
}

bool print_flush(struct buf *b)
{
    bool ok = !b->failed;

    if (ok && b->len)
        ok = fwrite(b->data, 1, b->len, stdout) == b->len;
    ok = fflush(stdout) == 0 && ok;
    buf_clear(b);
    return ok;
}

void print_paint(struct buf *out, bool colour, enum print_paint paint)
{
    static const char *const codes[] = {
        [PAINT_NONE] = "\033[0m",   [PAINT_RED] = "\033[1;31m", [PAINT_YELLOW] = "\033[33m",
        [PAINT_GREEN] = "\033[32m", [PAINT_DIM] = "\033[2m",    [PAINT_BOLD] = "\033[1m",
    };

    if (colour)
        buf_puts(out, codes[paint]);
}
