#include "agents/ctl/edxl_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

/* The prefixes of every document that we write; "" is the default. */
static const struct {
    const char *prefix, *ns;
} known[] = {
    {"", NS_MSG},    {"rm", NS_RM},         {"xpil", NS_XPIL}, {"xnl", NS_XNL}, {"xal", NS_XAL},
    {"gml", NS_GML}, {"geo-oasis", NS_GEO}, {"xsi", NS_XSI},   {"eb", NS_OURS},
};

void xml_begin(struct xml *x, struct arena *arena)
{
    memset(x, 0, sizeof(*x));
    x->arena = arena;
}

void *xml_room(struct xml *x, size_t size)
{
    void *p = x->full ? NULL : arena_alloc(x->arena, size);

    if (!p) {
        x->full = true;
        p = x->spare.bytes;
        size = size < sizeof(x->spare) ? size : sizeof(x->spare);
    }
    memset(p, 0, size);
    return p;
}

char *xml_copy(struct xml *x, const char *text, size_t len)
{
    char *p = x->full ? NULL : arena_alloc(x->arena, len + 1);

    if (!p) {
        x->full = true;
        return xml_room(x, 1);
    }
    memcpy(p, text, len);
    p[len] = '\0';
    return p;
}

char *xml_say(struct xml *x, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return xml_copy(x, text, strlen(text));
}

struct xml_node *xml_add(struct xml *x, struct xml_node *parent, const char *ns, const char *name,
                         const char *text)
{
    struct xml_node *n = xml_room(x, sizeof(*n));
    struct xml_node **end;

    n->ns = ns;
    n->name = name;
    n->text = text ? text : "";
    if (!parent || x->full)
        return n;
    for (end = &parent->first; *end; end = &(*end)->next)
        ;
    *end = n;
    return n;
}

void xml_add_text(struct xml *x, struct xml_node *parent, const char *ns, const char *name,
                  const char *text)
{
    if (text && *text)
        (void)xml_add(x, parent, ns, name, text);
}

void xml_set(struct xml *x, struct xml_node *node, const char *ns, const char *name,
             const char *value)
{
    struct xml_attr *a = xml_room(x, sizeof(*a)), **end;

    a->ns = ns;
    a->name = name;
    a->value = value;
    if (x->full)
        return;
    for (end = &node->attrs; *end; end = &(*end)->next)
        ;
    *end = a;
}

const struct xml_node *xml_child(const struct xml_node *parent, const char *name)
{
    for (const struct xml_node *n = parent ? parent->first : NULL; n; n = n->next)
        if (strcmp(n->name, name) == 0)
            return n;
    return NULL;
}

const struct xml_node *xml_next(const struct xml_node *node)
{
    for (const struct xml_node *n = node->next; n; n = n->next)
        if (strcmp(n->name, node->name) == 0)
            return n;
    return NULL;
}

const char *xml_text(const struct xml_node *parent, const char *name)
{
    const struct xml_node *n = xml_child(parent, name);

    return n ? n->text : "";
}

const struct xml_attr *xml_attr(const struct xml_node *node, const char *ns, const char *name)
{
    for (const struct xml_attr *a = node->attrs; a; a = a->next)
        if (strcmp(a->ns, ns) == 0 && strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

size_t xml_count(const struct xml_node *parent, const char *name)
{
    size_t count = 0;

    for (const struct xml_node *n = xml_child(parent, name); n; n = xml_next(n))
        count++;
    return count;
}

/* Whether every attribute of a is one of b. */
static bool attrs_are_in(const struct xml_node *a, const struct xml_node *b)
{
    for (const struct xml_attr *i = a->attrs; i; i = i->next) {
        const struct xml_attr *k = xml_attr(b, i->ns, i->name);

        if (!k || strcmp(i->value, k->value) != 0)
            return false;
    }
    return true;
}

bool xml_same(const struct xml_node *a, const struct xml_node *b)
{
    const struct xml_node *i = a->first, *k = b->first;

    if (strcmp(a->ns, b->ns) != 0 || strcmp(a->name, b->name) != 0 ||
        strcmp(a->text, b->text) != 0 || !attrs_are_in(a, b) || !attrs_are_in(b, a))
        return false;
    for (; i && k; i = i->next, k = k->next)
        if (!xml_same(i, k))
            return false;
    return !i && !k;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Characters that XML 1.0 does not have become U+FFFD. */
static void put_escaped(struct buf *out, const char *text, bool is_attribute)
{
    for (const char *s = text; *s; s++) {
        if (*s == '&')
            buf_puts(out, "&amp;");
        else if (*s == '<')
            buf_puts(out, "&lt;");
        else if (*s == '>')
            buf_puts(out, "&gt;");
        else if (*s == '"' && is_attribute)
            buf_puts(out, "&quot;");
        else if (*s == '\r' || (is_attribute && (*s == '\n' || *s == '\t')))
            buf_printf(out, "&#%d;", *s);
        else if ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t')
            buf_puts(out, "\xef\xbf\xbd");
        else if (strncmp(s, "\xef\xbf\xbe", 3) == 0 || strncmp(s, "\xef\xbf\xbf", 3) == 0) {
            buf_puts(out, "\xef\xbf\xbd");
            s += 2;
        } else
            buf_put(out, s, 1);
    }
}

const char *xml_prefix(const char *ns)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(known[i].ns, ns) == 0)
            return known[i].prefix;
    return NULL;
}

const char *xml_namespace(const char *prefix)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(known[i].prefix, prefix) == 0)
            return known[i].ns;
    return NULL;
}

static void put_tag_name(struct buf *out, const struct xml_node *n)
{
    const char *prefix = *n->ns ? xml_prefix(n->ns) : NULL;

    buf_printf(out, "%s%s%s",
               !prefix && *n->ns ? "x:"
               : prefix          ? prefix
                                 : "",
               prefix && *prefix ? ":" : "", n->name);
}

static void put_attrs(struct buf *out, const struct xml_node *n)
{
    unsigned foreign = 0;

    if (!*n->ns)
        buf_puts(out, " xmlns=\"\"");
    else if (!xml_prefix(n->ns)) {
        buf_puts(out, " xmlns:x=\"");
        put_escaped(out, n->ns, true);
        buf_puts(out, "\"");
    }
    for (const struct xml_attr *a = n->attrs; a; a = a->next) {
        const char *prefix = xml_prefix(a->ns);

        if (strcmp(a->ns, "http://www.w3.org/XML/1998/namespace") == 0)
            prefix = "xml";
        if (*a->ns && (!prefix || !*prefix)) {
            buf_printf(out, " xmlns:y%u=\"", ++foreign);
            put_escaped(out, a->ns, true);
            buf_printf(out, "\" y%u:%s=\"", foreign, a->name);
        } else {
            buf_printf(out, " %s%s%s=\"", *a->ns ? prefix : "", *a->ns ? ":" : "", a->name);
        }
        put_escaped(out, a->value, true);
        buf_puts(out, "\"");
    }
}

static void put_known(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        buf_printf(out, "%s xmlns%s%s=\"%s\"", i ? "\n   " : "", *known[i].prefix ? ":" : "",
                   known[i].prefix, known[i].ns);
}

/* depth < 0: everything on one line */
static void put_node(struct buf *out, const struct xml_node *n, int depth, bool is_root)
{
    buf_puts(out, "<");
    put_tag_name(out, n);
    if (is_root)
        put_known(out);
    put_attrs(out, n);
    if (!n->first && !*n->text) {
        buf_puts(out, "/>");
        return;
    }
    buf_puts(out, ">");
    put_escaped(out, n->text, false);
    for (const struct xml_node *c = n->first; c; c = c->next) {
        if (depth >= 0)
            buf_printf(out, "\n%*s", 2 * (depth + 1), "");
        put_node(out, c, depth < 0 ? depth : depth + 1, false);
    }
    if (n->first && depth >= 0)
        buf_printf(out, "\n%*s", 2 * depth, "");
    buf_puts(out, "</");
    put_tag_name(out, n);
    buf_puts(out, ">");
}

void xml_write(struct buf *out, const struct xml_node *root)
{
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put_node(out, root, 0, true);
    buf_puts(out, "\n");
}

void xml_write_part(struct buf *out, const struct xml_node *node)
{
    put_node(out, node, -1, false);
}

void xml_write_wrap(struct buf *out, const char *part)
{
    buf_puts(out, "<part");
    put_known(out);
    buf_printf(out, ">%s</part>", part);
}

void xml_name_step(struct buf *out, const struct xml_node *parent, const struct xml_node *child)
{
    unsigned before = 1;

    for (const struct xml_node *n = parent->first; n && n != child; n = n->next)
        before += strcmp(n->name, child->name) == 0;
    buf_printf(out, "/%s", child->name);
    if (before > 1 || xml_next(child))
        buf_printf(out, "[%u]", before);
}
