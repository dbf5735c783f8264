/* hxl - see hxl.h. First the table is cut into cells (grid.h), then the row of tags is looked for;
 * if none is there, the next splitting character is tried. */
#include "agents/link/hxl.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/grid.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

/* --- tags ------------------------------------------------------------------------------------- */

/* "#Adm1 + Code" as "#adm1+code"; NULL if it is no tag. */
static const char *read_tag(struct arena *arena, const char *cell)
{
    size_t len = strlen(cell), n = 0;
    char *tag = arena_alloc(arena, len + 1);

    if (!tag || cell[0] != '#' || !isalpha((unsigned char)cell[1]))
        return NULL;
    for (; *cell; cell++) {
        if (isspace((unsigned char)*cell))
            continue;
        if (!isalnum((unsigned char)*cell) && !strchr("#+_", *cell))
            return NULL;
        if (*cell == '#' && n > 0)
            return NULL;
        tag[n++] = (char)tolower((unsigned char)*cell);
    }
    tag[n] = '\0';
    return tag;
}

static bool is_tag_row(struct arena *arena, const char *const *cells, size_t n)
{
    size_t tags = 0;

    for (size_t i = 0; i < n; i++) {
        if (!*cells[i])
            continue;
        if (!read_tag(arena, cells[i]))
            return false;
        tags++;
    }
    return tags > 0;
}

static long find_tags(struct arena *arena, const struct grid *g)
{
    for (size_t i = 0; i < g->count && i < HXL_TAG_ROWS; i++)
        if (is_tag_row(arena, g->rows[i], g->widths[i]))
            return (long)i;
    return -1;
}

bool hxl_has(const char *tag, const char *attribute)
{
    size_t len = strlen(attribute);

    for (const char *at = strchr(tag, '+'); at; at = strchr(at + 1, '+'))
        if (strncmp(at + 1, attribute, len) == 0 && (at[1 + len] == '\0' || at[1 + len] == '+'))
            return true;
    return false;
}

bool hxl_matches(const char *pattern, const char *tag)
{
    size_t len = strcspn(pattern, "+");
    char word[64];

    if (strcspn(tag, "+") != len || strncmp(pattern, tag, len) != 0)
        return false;
    for (pattern += len; *pattern == '+'; pattern += len) {
        len = strcspn(++pattern, "+");
        if (len >= sizeof(word))
            return false;
        memcpy(word, pattern, len);
        word[len] = '\0';
        if (!hxl_has(tag, word))
            return false;
    }
    return true;
}

bool hxl_is_personal(const char *tag)
{
    static const char *const always[] = {"#contact", "#name", "#phone", "#email", "#passport"};
    static const char *const people[] = {"#household", "#beneficiary", "#respondent", "#person",
                                         "#head",      "#affected",    "#population"};
    static const char *const attributes[] = {"phone", "email",   "passport", "document",
                                             "birth", "surname", "address",  "birthdate"};

    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        if (hxl_matches(always[i], tag))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (hxl_has(tag, attributes[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        if (hxl_matches(people[i], tag) && hxl_has(tag, "name"))
            return true;
    return false;
}

long hxl_find(const struct hxl *t, const char *pattern)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (hxl_matches(pattern, t->columns[i].tag))
            return (long)i;
    return -1;
}

/* --- the table -------------------------------------------------------------------------------- */

static enum status take_columns(struct hxl *t, const struct grid *g, size_t tags,
                                struct arena *arena)
{
    t->column_count = g->widths[tags];
    t->columns = arena_alloc(arena, (t->column_count + 1) * sizeof(*t->columns));
    if (!t->columns)
        return ST_NOMEM;
    for (size_t i = 0; i < t->column_count; i++) {
        const char *tag = read_tag(arena, g->rows[tags][i]);

        t->columns[i] = (struct hxl_column){.header = "", .tag = tag ? tag : ""};
        t->columns[i].personal = hxl_is_personal(t->columns[i].tag);
        if (tags > 0 && i < g->widths[tags - 1])
            t->columns[i].header = g->rows[tags - 1][i];
    }
    return ST_OK;
}

static enum status take_rows(struct hxl *t, const struct grid *g, size_t first, struct arena *arena)
{
    t->row_count = g->count - first;
    t->rows = arena_alloc(arena, (t->row_count + 1) * sizeof(*t->rows));
    t->lines = arena_alloc(arena, (t->row_count + 1) * sizeof(*t->lines));
    if (!t->rows || !t->lines)
        return ST_NOMEM;
    for (size_t r = 0; r < t->row_count; r++) {
        const char **cells = arena_alloc(arena, (t->column_count + 1) * sizeof(*cells));

        if (!cells)
            return ST_NOMEM;
        for (size_t i = 0; i < t->column_count; i++)
            cells[i] = i < g->widths[first + r] && (t->shows_personal || !t->columns[i].personal)
                           ? g->rows[first + r][i]
                           : "";
        t->rows[r] = cells;
        t->lines[r] = g->lines[first + r];
    }
    return ST_OK;
}

static enum status parse_text(struct hxl *out, const char *text, size_t len, struct arena *arena,
                              char *err, size_t err_size)
{
    static const char splits[] = ",\t;";
    struct grid g = {0};
    enum status st = ST_OK;
    long tags = -1;

    for (size_t i = 0; splits[i] && tags < 0 && st == ST_OK; i++) {
        st = grid_cut(&g, arena, text, len, splits[i]);
        if (st == ST_OK)
            tags = find_tags(arena, &g);
    }
    if (st == ST_FULL)
        snprintf(err, err_size, "line %u has more than %d columns", g.last_line, HXL_COLUMNS_MAX);
    else if (st != ST_OK)
        snprintf(err, err_size, "the table is larger than its memory");
    else if (tags < 0)
        snprintf(err, err_size,
                 "none of the first %d rows holds HXL tags alone, such as #adm2+code; see "
                 "hxlstandard.org",
                 HXL_TAG_ROWS);
    if (st == ST_OK && tags >= 0)
        st = take_columns(out, &g, (size_t)tags, arena);
    if (st == ST_OK && tags >= 0)
        st = take_rows(out, &g, (size_t)tags + 1, arena);
    grid_free(&g);
    if (st == ST_OK && tags >= 0)
        return ST_OK;
    return st == ST_NOMEM ? ST_NOMEM : ST_INVALID;
}

static void put_latin1(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};

        if (c < 0x80)
            buf_put(out, text + i, 1);
        else
            buf_put(out, two, 2);
    }
}

static enum status parse(struct hxl *out, const char *text, size_t len, struct arena *arena,
                         char *err, size_t err_size)
{
    struct buf utf8 = {0};
    enum status st;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (memchr(text, '\0', len)) {
        snprintf(err, err_size, "the table holds NUL bytes; is it a spreadsheet? save it as CSV");
        return ST_INVALID;
    }
    if (gate_utf8_is_valid(text, len))
        return parse_text(out, text, len, arena, err, err_size);
    put_latin1(&utf8, text, len);
    st = utf8.failed ? ST_NOMEM
                     : parse_text(out, (const char *)utf8.data, utf8.len, arena, err, err_size);
    buf_free(&utf8);
    return st;
}

enum status hxl_parse(struct hxl *out, const char *text, size_t len, struct arena *arena, char *err,
                      size_t err_size)
{
    *out = (struct hxl){0};
    return parse(out, text, len, arena, err, err_size);
}

enum status hxl_parse_personal(struct hxl *out, const char *text, size_t len, struct arena *arena,
                               char *err, size_t err_size)
{
    *out = (struct hxl){.shows_personal = true};
    return parse(out, text, len, arena, err, err_size);
}
