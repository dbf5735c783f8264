/* hxl - tables whose columns say what they hold (HXL 1.1): "#affected+f+children".
 *
 * The row of tags stands anywhere in the first 25 rows; what is above it is for people. Cells may
 * hold quotes and line ends; commas, tabs or semicolons split them; text is UTF-8, or else taken as
 * Latin-1. */
#ifndef EOCBUS_LINK_HXL_H
#define EOCBUS_LINK_HXL_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/mem.h"

enum { HXL_COLUMNS_MAX = 256, HXL_TAG_ROWS = 25 }; /* grid.h cuts no more */

struct hxl_column {
    const char *header; /* of the row above the tags; "" = none */
    const char *tag;    /* lower case, no blanks: "#adm2+code"; "" = untagged, never read */
    bool personal;
};

struct hxl {
    struct hxl_column *columns;
    size_t column_count;
    const char *const **rows; /* [row][column]; always column_count cells, "" for missing ones */
    unsigned *lines;          /* of the file, where the row begins */
    size_t row_count;
    bool shows_personal;
};

/* Everything lives in `arena`. ST_INVALID: `err` is a sentence. Blank rows are left out. Cells of
 * personal columns (hxl_is_personal) are emptied before anybody can see them. */
MUST_CHECK enum status hxl_parse(struct hxl *out, const char *text, size_t len, struct arena *arena,
                                 char *err, size_t err_size);
/* The same with those cells, for a registry that seals them. */
MUST_CHECK enum status hxl_parse_personal(struct hxl *out, const char *text, size_t len,
                                          struct arena *arena, char *err, size_t err_size);
/* A pattern matches a column with the same tag and at least its attributes: "#adm2+code" matches
 * "#adm2+code+v_pcode". */
bool hxl_matches(const char *pattern, const char *tag);
/* The first column that the pattern matches, else -1. */
long hxl_find(const struct hxl *t, const char *pattern);
/* True if an attribute of the tag is this word. */
bool hxl_has(const char *tag, const char *attribute);
/* Names, telephones, addresses, documents of people: #contact, #name, #household+name, +phone ...
 */
bool hxl_is_personal(const char *tag);

#endif
