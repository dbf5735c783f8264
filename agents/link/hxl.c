/* hxl - see hxl.h. First the table is cut into cells, then the row of tags is looked for; if none
 * is there, the next splitting character is tried. */
#include "agents/link/hxl.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/wire/gate.h"

#include "proto/base/banned.h"

struct cutter {
    struct arena *arena;
    const char *at, *end;
    char split;
    unsigned line;
    struct buf cell;
    const char *cells[HXL_COLUMNS_MAX];
    size_t count;
    unsigned first_line; /* of the row that was cut last */
};

struct grid {
    const char *const **rows;
    size_t *widths;
    unsigned *lines;
    size_t count, cap;
};

/* --- cutting ------------------------------------------------------------------------------------
 */

/* From the opening quote to behind the closing one; "" inside is one quote. */
static void take_quoted(struct cutter *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"' && (c->at + 1 == c->end || c->at[1] != '"')) {
            c->at++;
            return;
        }
        if (*c->at == '"')
            c->at++;
        c->line += *c->at == '\n';
        buf_put(&c->cell, c->at, 1);
    }
}

static bool at_end_of_cell(const struct cutter *c)
{
    return c->at == c->end || *c->at == c->split || *c->at == '\n' || *c->at == '\r';
}

static const char *keep_cell(struct cutter *c)
{
    size_t from = 0, to = c->cell.len;
    const char *text = (const char *)c->cell.data;

    while (from < to && isspace((unsigned char)text[from]))
        from++;
    while (to > from && isspace((unsigned char)text[to - 1]))
        to--;
    return to == from ? "" : arena_printf(c->arena, "%.*s", (int)(to - from), text + from);
}

static enum status take_cell(struct cutter *c)
{
    buf_clear(&c->cell);
    while (c->at < c->end && *c->at == ' ')
        c->at++;
    if (c->at < c->end && *c->at == '"')
        take_quoted(c);
    while (!at_end_of_cell(c))
        buf_put(&c->cell, c->at++, 1);
    if (c->cell.failed)
        return ST_NOMEM;
    if (c->count == HXL_COLUMNS_MAX)
        return ST_FULL;
    c->cells[c->count] = keep_cell(c);
    return c->cells[c->count++] ? ST_OK : ST_NOMEM;
}

/* ST_NOTFOUND at the end of the text. */
static enum status take_row(struct cutter *c)
{
    c->count = 0;
    c->first_line = c->line;
    if (c->at == c->end)
        return ST_NOTFOUND;
    for (;;) {
        enum status st = take_cell(c);

        if (st != ST_OK)
            return st;
        if (c->at == c->end || *c->at != c->split)
            break;
        c->at++;
    }
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end && *c->at == '\n')
        c->at++;
    c->line++;
    return ST_OK;
}

static bool is_blank_row(const struct cutter *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (*c->cells[i])
            return false;
    return true;
}

static enum status grow(struct grid *g)
{
    size_t cap = g->cap ? g->cap * 2 : 64;
    const char *const **rows = mem_realloc(g->rows, cap * sizeof(*rows));
    size_t *widths;
    unsigned *lines;

    if (!rows)
        return ST_NOMEM;
    g->rows = rows;
    widths = mem_realloc(g->widths, cap * sizeof(*widths));
    if (!widths)
        return ST_NOMEM;
    g->widths = widths;
    lines = mem_realloc(g->lines, cap * sizeof(*lines));
    if (!lines)
        return ST_NOMEM;
    g->lines = lines;
    g->cap = cap;
    return ST_OK;
}

static enum status keep_row(struct grid *g, const struct cutter *c)
{
    const char **cells = arena_alloc(c->arena, (c->count + 1) * sizeof(*cells));

    if (!cells || (g->count == g->cap && grow(g) != ST_OK))
        return ST_NOMEM;
    memcpy(cells, c->cells, c->count * sizeof(*cells));
    g->rows[g->count] = cells;
    g->widths[g->count] = c->count;
    g->lines[g->count++] = c->first_line;
    return ST_OK;
}

static enum status cut(struct grid *g, struct cutter *c, const char *text, size_t len, char split)
{
    enum status st;

    c->at = text;
    c->end = text + len;
    c->split = split;
    c->line = 1;
    g->count = 0;
    do {
        st = take_row(c);
        if (st == ST_OK && !is_blank_row(c))
            st = keep_row(g, c);
    } while (st == ST_OK);
    return st == ST_NOTFOUND ? ST_OK : st;
}

static void free_grid(struct grid *g)
{
    mem_free((void *)g->rows);
    mem_free(g->widths);
    mem_free(g->lines);
}

/* --- tags ---------------------------------------------------------------------------------------
 */

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

/* --- the table ----------------------------------------------------------------------------------
 */

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
    struct cutter c = {.arena = arena};
    struct grid g = {0};
    enum status st = ST_OK;
    long tags = -1;

    for (size_t i = 0; splits[i] && tags < 0 && st == ST_OK; i++) {
        st = cut(&g, &c, text, len, splits[i]);
        if (st == ST_OK)
            tags = find_tags(arena, &g);
    }
    if (st == ST_FULL)
        snprintf(err, err_size, "line %u has more than %d columns", c.line, HXL_COLUMNS_MAX);
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
    free_grid(&g);
    buf_free(&c.cell);
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
