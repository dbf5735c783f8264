/* svg - see svg.h. */
#include "agents/sensor/replay/svg.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&')
            buf_puts(out, "&amp;");
        else if (c == '<')
            buf_puts(out, "&lt;");
        else if (c == '>')
            buf_puts(out, "&gt;");
        else if (c == '"')
            buf_puts(out, "&quot;");
        else if (c >= ' ') /* control characters are not XML */
            buf_put(out, text, 1);
    }
}

void svg_begin(struct buf *out, unsigned width, unsigned height, const char *lang,
               const char *title, const char *desc)
{
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" xml:lang=\"%s\" "
               "width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"'DejaVu Sans', "
               "'Noto Sans', Arial, sans-serif\">\n<title>",
               lang, width, height, width, height);
    put_escaped(out, title);
    buf_puts(out, "</title>\n<desc>");
    put_escaped(out, desc);
    buf_puts(out, "</desc>\n");
}

void svg_end(struct buf *out)
{
    buf_puts(out, "</svg>\n");
}

void svg_rect(struct buf *out, double x, double y, double w, double h, const char *style)
{
    buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" %s/>\n", x, y, w, h,
               style);
}

void svg_line(struct buf *out, double x1, double y1, double x2, double y2, const char *style)
{
    buf_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
               style);
}

void svg_text(struct buf *out, double x, double y, enum svg_anchor anchor, const char *style,
              const char *text)
{
    static const char *const words[] = {"start", "middle", "end"};

    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>", x, y, words[anchor],
               style);
    put_escaped(out, text);
    buf_puts(out, "</text>\n");
}

void svg_path_begin(struct buf *out)
{
    buf_puts(out, "<path d=\"");
}

void svg_path_to(struct buf *out, bool draws, double x, double y)
{
    buf_printf(out, "%c%.1f %.1f", draws ? 'L' : 'M', x, y);
}

void svg_path_end(struct buf *out, const char *style)
{
    buf_printf(out, "\" %s/>\n", style);
}

double svg_text_width(const char *text, double size)
{
    size_t letters = 0;

    for (; *text; text++)
        letters += ((unsigned char)*text & 0xc0) != 0x80;
    return (double)letters * size * 0.61;
}
