#include "agents/ctl/edxl_xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/gate.h"

struct reading {
    struct xml *x;
    unsigned nodes, left_out;
    char *err;
    size_t err_size;
};

/* Sentences about bytes from outside stay short and on one line. */
static enum status wrong(const struct reading *r, const char *what, long line)
{
    snprintf(r->err, r->err_size, "line %ld: %s", line, what);
    return ST_INVALID;
}

/* --- text ------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_all_blank(const char *s)
{
    while (is_blank(*s))
        s++;
    return !*s;
}

/* A run of blanks with a line break in it is layout at both ends, and where something is indented.
 */
static const char *without_layout(struct xml *x, const char *text)
{
    size_t len = strlen(text), at = 0, to = 0;
    char *out = xml_copy(x, text, len);

    if (x->full)
        return "";
    while (at < len) {
        size_t end = at;
        const char *line = NULL;

        while (end < len && is_blank(text[end]))
            line = text[end] == '\n' ? text + end : line, end++;
        if (end == at) {
            out[to++] = text[at++];
        } else if (line && (at == 0 || end == len)) {
            at = end;
        } else if (line && line + 1 < text + end) {
            out[to++] = ' ';
            at = end;
        } else {
            while (at < end)
                out[to++] = text[at++];
        }
    }
    out[to] = '\0';
    return out;
}

/* Values of attributes are single words or lists of words here. */
static const char *one_blank(struct xml *x, const char *text)
{
    char *out = xml_copy(x, text, strlen(text)), *to = out;

    if (x->full)
        return "";
    for (const char *at = text; *at; at++)
        if (!is_blank(*at))
            *to++ = *at;
        else if (to > out && !is_all_blank(at) && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
    return out;
}

/* All text of an element, CDATA too, in one piece. */
static const char *own_text(struct reading *r, const xmlNode *from)
{
    struct buf all = {0};
    const char *text;

    for (const xmlNode *n = from->children; n; n = n->next)
        if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) && n->content)
            buf_puts(&all, (const char *)n->content);
    buf_put(&all, "", 1);
    if (all.failed)
        r->x->full = true;
    text = all.failed ? "" : xml_copy(r->x, (const char *)all.data, all.len - 1);
    buf_free(&all);
    return text;
}

/* --- the tree --------------------------------------------------------------------------------- */

static const char *copy_name(struct xml *x, const xmlChar *name)
{
    return name ? xml_copy(x, (const char *)name, strlen((const char *)name)) : "";
}

static enum status take_attrs(struct reading *r, const xmlNode *from, struct xml_node *to)
{
    unsigned count = 0;

    for (const xmlAttr *a = from->properties; a; a = a->next) {
        const xmlNode *text = a->children;

        if (++count > XML_ATTRS_MAX)
            return wrong(r, "more than 64 attributes", xmlGetLineNo(from));
        if (text && (text->type != XML_TEXT_NODE || text->next))
            return wrong(r, "an attribute that is no plain text", xmlGetLineNo(from));
        xml_set(r->x, to, copy_name(r->x, a->ns ? a->ns->href : NULL), copy_name(r->x, a->name),
                one_blank(r->x, text && text->content ? (const char *)text->content : ""));
    }
    return ST_OK;
}

/* Recursion is bounded by XML_DEPTH_MAX. */
static enum status take_node(struct reading *r, const xmlNode *from, struct xml_node **out,
                             unsigned depth)
{
    struct xml_node *to, **end;
    const char *text;
    enum status st;

    if (depth > XML_DEPTH_MAX)
        return wrong(r, "more than 32 levels", xmlGetLineNo(from));
    if (++r->nodes > XML_NODES_MAX)
        return wrong(r, "more than 20000 elements", xmlGetLineNo(from));
    to = xml_add(r->x, NULL, copy_name(r->x, from->ns ? from->ns->href : NULL),
                 copy_name(r->x, from->name), NULL);
    st = take_attrs(r, from, to);
    end = &to->first;
    for (const xmlNode *n = from->children; n && st == ST_OK; n = n->next) {
        if (n->type == XML_ELEMENT_NODE) {
            st = take_node(r, n, end, depth + 1);
            if (st == ST_OK)
                end = &(*end)->next;
        } else if (n->type == XML_COMMENT_NODE || n->type == XML_PI_NODE) {
            r->left_out++;
        } else if (n->type != XML_TEXT_NODE && n->type != XML_CDATA_SECTION_NODE) {
            return wrong(r, "neither element nor text", xmlGetLineNo(n));
        }
    }
    if (st != ST_OK)
        return st;
    text = own_text(r, from);
    if (to->first && !is_all_blank(text))
        return wrong(r, "text beside elements", xmlGetLineNo(from));
    if (!to->first)
        to->text = without_layout(r->x, text);
    *out = to;
    return r->x->full ? ST_NOMEM : ST_OK;
}

/* --- the door --------------------------------------------------------------------------------- */

/* Before libxml2 sees a byte: whatever begins with "<!" and is neither comment nor CDATA is a
 * DOCTYPE or belongs into one. */
static enum status look_at_bytes(const struct reading *r, const char *bytes, size_t len)
{
    long line = 1;

    if (len > XML_BYTES_MAX)
        return wrong(r, "more than 1 MiB", 1);
    if (memchr(bytes, 0, len) || !gate_utf8_is_valid(bytes, len))
        return wrong(r, "not UTF-8", 1);
    for (size_t i = 0; i + 2 < len; i++) {
        line += bytes[i] == '\n';
        if (bytes[i] == '<' && bytes[i + 1] == '!' && bytes[i + 2] != '-' && bytes[i + 2] != '[')
            return wrong(r, "a DOCTYPE; no document type is taken", line);
    }
    return ST_OK;
}

static void stop_at_subset(void *ctx, const xmlChar *name, const xmlChar *id, const xmlChar *uri)
{
    (void)name;
    (void)id;
    (void)uri;
    xmlStopParser(ctx);
}

static xmlParserInputPtr fetch_nothing(void *ctx, const xmlChar *id, const xmlChar *uri)
{
    (void)ctx;
    (void)id;
    (void)uri;
    return NULL;
}

static enum status parse(struct reading *r, const char *bytes, size_t len, xmlDoc **doc)
{
    enum {
        OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOXINCNODE
    };
    xmlParserCtxt *ctxt = xmlNewParserCtxt();

    *doc = NULL;
    if (!ctxt)
        return ST_NOMEM;
    ctxt->sax->internalSubset = stop_at_subset;
    ctxt->sax->externalSubset = stop_at_subset;
    ctxt->sax->resolveEntity = fetch_nothing;
    *doc = xmlCtxtReadMemory(ctxt, bytes, (int)len, NULL, "UTF-8", OPTIONS);
    if (!*doc) {
        const xmlError *e = xmlCtxtGetLastError(ctxt);
        char what[160] = "no XML";

        if (e && e->message) {
            snprintf(what, sizeof(what), "no XML: %s", e->message);
            what[strcspn(what, "\r\n")] = '\0';
        }
        (void)wrong(r, what, e ? e->line : 1);
    }
    xmlFreeParserCtxt(ctxt);
    return *doc ? ST_OK : ST_INVALID;
}

enum status xml_read(struct xml_node **out, unsigned *left_out, const void *bytes, size_t len,
                     struct xml *x, char *err, size_t err_size)
{
    struct reading r = {x, 0, 0, err, err_size};
    const char *from = bytes;
    xmlDoc *doc;
    enum status st;

    *out = NULL;
    if (len >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0)
        from += 3, len -= 3;
    st = look_at_bytes(&r, from, len);
    if (st == ST_OK)
        st = parse(&r, from, len, &doc);
    if (st != ST_OK)
        return st;
    for (const xmlNode *n = doc->children; n; n = n->next)
        r.left_out += n->type == XML_COMMENT_NODE || n->type == XML_PI_NODE;
    if (doc->intSubset || doc->extSubset || !xmlDocGetRootElement(doc))
        st = wrong(&r, "a DOCTYPE, or no element", 1);
    else
        st = take_node(&r, xmlDocGetRootElement(doc), out, 1);
    xmlFreeDoc(doc);
    if (st == ST_NOMEM)
        snprintf(err, err_size, "out of memory");
    if (left_out)
        *left_out = r.left_out;
    return st;
}
