/* wrap - see wrap.h. */
#include "agents/ctl/wrap.h"

#include <stdbool.h>
#include <string.h>

#include "agents/link/print.h"

#include "proto/base/banned.h"

#define BLANKS " \t\r\n"

struct line {
    struct buf *out;
    size_t at, indent;
    bool is_begun; /* a word stands in it */
};

void wrap_pad(struct buf *out, size_t from, size_t to)
{
    for (; from < to; from++)
        buf_puts(out, " ");
}

static void begin_line(struct line *l)
{
    buf_puts(l->out, "\n");
    wrap_pad(l->out, 0, l->indent);
    l->at = l->indent;
    l->is_begun = false;
}

/* Letter by letter over as many lines as it takes. */
static void break_word(struct line *l, const char *word, size_t len)
{
    while (len) {
        size_t n = 1, wide;

        while (n < len && ((unsigned char)word[n] & 0xC0) == 0x80)
            n++;
        wide = print_width(word, n);
        if (l->at + wide > WRAP_COLUMNS)
            begin_line(l);
        buf_put(l->out, word, n);
        l->at += wide;
        word += n;
        len -= n;
    }
}

static void put_word(struct line *l, const char *word, size_t len)
{
    size_t wide = print_width(word, len);

    if (l->is_begun && l->at + 1 + wide > WRAP_COLUMNS) {
        begin_line(l);
    } else if (l->is_begun) {
        buf_puts(l->out, " ");
        l->at++;
    }
    break_word(l, word, len);
    l->is_begun = true;
}

void wrap_put(struct buf *out, size_t at, size_t indent, const char *text)
{
    struct line l = {out, at, indent, false};
    struct buf safe = {0};

    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
        size_t len = strcspn(text, BLANKS);

        buf_clear(&safe);
        print_escaped(&safe, text, len);
        if (!safe.failed)
            put_word(&l, (const char *)safe.data, safe.len);
        out->failed |= safe.failed;
        text += len;
    }
    buf_free(&safe);
    buf_puts(out, "\n");
}
