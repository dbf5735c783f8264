/* cap_tree - a CAP document of others as libxml2 reads it. See cap_parts.h. */
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/cap/cap_parts.h"

#include "proto/base/banned.h"

void cap_wrong(struct cap_reading *r, const char *element, const char *why)
{
    if (r->st != ST_OK)
        return;
    snprintf(r->err, r->err_size, "%.60s: %s", element, why);
    r->st = ST_INVALID;
}

void *cap_room(struct cap_reading *r, size_t bytes)
{
    void *p = arena_alloc(r->arena, bytes ? bytes : 1);

    if (p)
        memset(p, 0, bytes);
    else
        r->st = ST_NOMEM;
    return p;
}

static const char *name_of(const xmlNode *n)
{
    return (const char *)n->name;
}

void cap_drop(struct cap_reading *r, const char *where, const char *what)
{
    buf_printf(r->dropped, "%s: %s\n", where, what);
}

char *cap_text(struct cap_reading *r, xmlNode *n)
{
    xmlChar *all = xmlNodeGetContent(n);
    const char *from = all ? (const char *)all : "";
    size_t len;
    char *out;

    from += strspn(from, " \t\r\n");
    len = strlen(from);
    while (len && strchr(" \t\r\n", from[len - 1]))
        len--;
    out = cap_room(r, len + 1);
    if (out)
        memcpy(out, from, len);
    xmlFree(all);
    return out ? out : (char *)(uintptr_t) "";
}

char *cap_child_text(struct cap_reading *r, xmlNode *parent, const char *name)
{
    char *found = NULL;

    for (xmlNode *n = parent->children; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && strcmp(name_of(n), name) == 0) {
            if (!found)
                found = cap_text(r, n);
            else
                cap_drop(r, name_of(parent), name);
        }
    return found ? found : (char *)(uintptr_t) "";
}

size_t cap_count(xmlNode *parent, const char *name)
{
    size_t n = 0;

    for (const xmlNode *c = parent->children; c; c = c->next)
        n += c->type == XML_ELEMENT_NODE && strcmp(name_of(c), name) == 0;
    return n;
}

char *cap_wanted(struct cap_reading *r, xmlNode *parent, const char *name)
{
    char *text = cap_child_text(r, parent, name);

    if (!*text)
        cap_wrong(r, name, "it is missing or empty");
    else if (cap_count(parent, name) > 1)
        cap_wrong(r, name,
                  "it stands there more than once; which one counts, readers differ about");
    return text;
}

xmlNode *cap_first(xmlNode *n, const char *name)
{
    while (n && (n->type != XML_ELEMENT_NODE || strcmp(name_of(n), name) != 0))
        n = n->next;
    return n;
}

void *cap_each(struct cap_reading *r, xmlNode *parent, const char *name, size_t *n,
               cap_read_fn read)
{
    xmlNode *c = cap_first(parent->children, name);
    void **out;

    *n = cap_count(parent, name);
    out = cap_room(r, *n * sizeof(*out));
    for (size_t i = 0; r->st == ST_OK && i < *n; i++, c = cap_first(c->next, name))
        out[i] = read(r, c);
    return out;
}

int cap_word_of(struct cap_reading *r, const char *element, const char *text,
                const ProtobufCEnumDescriptor *d, const char *prefix)
{
    int value = cap_value(d, prefix, text);

    if (!value)
        cap_wrong(r, element, "there is no such word in CAP 1.2");
    return value;
}

int64_t cap_time_of(struct cap_reading *r, xmlNode *parent, const char *name)
{
    const char *text = cap_child_text(r, parent, name);
    int64_t us = 0;

    if (*text && !cap_read_time(&us, NULL, text))
        cap_wrong(r, name, "it is no time with an offset");
    return us;
}

void cap_drop_others(struct cap_reading *r, xmlNode *parent, const char *const *known, size_t n)
{
    for (xmlNode *c = parent->children; c; c = c->next) {
        bool is_known = false;

        if (c->type != XML_ELEMENT_NODE)
            continue;
        for (size_t i = 0; i < n && !is_known; i++)
            is_known = strcmp(name_of(c), known[i]) == 0;
        if (!is_known)
            cap_drop(r, name_of(parent), name_of(c));
    }
}

/* --- the document ----------------------------------------------------------------------------- */

/* With a DOCTYPE come entities, which grow or fetch: reading ends before the first of them. */
static void on_doctype(void *arg, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    xmlParserCtxt *parser = arg;

    (void)name;
    (void)external;
    (void)system;
    *(bool *)parser->_private = true;
    xmlStopParser(parser);
}

xmlDoc *cap_parse(struct cap_reading *r, const void *bytes, size_t len)
{
    xmlParserCtxt *parser = xmlNewParserCtxt();
    bool has_doctype = false;
    xmlDoc *doc;

    if (!parser) {
        r->st = ST_NOMEM;
        return NULL;
    }
    parser->_private = &has_doctype;
    parser->sax->internalSubset = on_doctype;
    doc = xmlCtxtReadMemory(parser, bytes, (int)len, "cap.xml", NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    if (has_doctype)
        cap_wrong(r, "document", "it has a DOCTYPE, which CAP has no use for");
    else if (!doc)
        cap_wrong(r, "document", "it is no XML");
    xmlFreeParserCtxt(parser);
    return doc;
}
