/* svg - the few shapes a plot needs, written as SVG 1.1. Pure: text in, bytes out; everything that
 * comes from a file is escaped. */
#ifndef EOCBUS_SENSOR_SVG_H
#define EOCBUS_SENSOR_SVG_H

#include <stdbool.h>

#include "proto/base/mem.h"

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* `style` is attributes as they stand in the element: "fill=\"none\" stroke=\"#333\"". */
void svg_begin(struct buf *out, unsigned width, unsigned height, const char *lang,
               const char *title, const char *desc);
void svg_end(struct buf *out);
void svg_rect(struct buf *out, double x, double y, double w, double h, const char *style);
void svg_line(struct buf *out, double x1, double y1, double x2, double y2, const char *style);
void svg_text(struct buf *out, double x, double y, enum svg_anchor anchor, const char *style,
              const char *text);
/* A path: begin, points, end. The first point after begin or a break moves, the others draw. */
void svg_path_begin(struct buf *out);
void svg_path_to(struct buf *out, bool draws, double x, double y);
void svg_path_end(struct buf *out, const char *style);

/* How wide a text of this size will be, about: viewers differ in fonts. */
double svg_text_width(const char *text, double size);

#endif
