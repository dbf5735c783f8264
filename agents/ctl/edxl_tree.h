/* edxl_tree - an XML document as a plain tree in an arena: what is read, made, compared and
 * written.
 *
 * Elements hold either elements or text, as in EDXL-RM. Running out of memory sticks in `full`;
 * what is asked for then is a spare that nobody reads, so that callers look once, at the end. */
#ifndef EOCBUS_CTL_EDXL_TREE_H
#define EOCBUS_CTL_EDXL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/mem.h"

#define NS_MSG  "urn:oasis:names:tc:emergency:EDXL:RM:1.0:msg"
#define NS_RM   "urn:oasis:names:tc:emergency:EDXL:RM:1.0"
#define NS_XPIL "urn:oasis:names:tc:ciq:xpil:3"
#define NS_XNL  "urn:oasis:names:tc:ciq:xnl:3"
#define NS_XAL  "urn:oasis:names:tc:ciq:xal:3"
#define NS_GEO  "urn:oasis:names:tc:emergency:EDXL:HAVE:1.0:geo-oasis"
#define NS_GML  "http://www.opengis.net/gml"
#define NS_XSI  "http://www.w3.org/2001/XMLSchema-instance"
#define NS_OURS "urn:eocbus:edxl-rm"

struct xml_attr {
    const char *ns, *name, *value; /* ns "": none */
    struct xml_attr *next;
};

struct xml_node {
    const char *ns, *name;
    const char *text; /* "" where there are children */
    struct xml_attr *attrs;
    struct xml_node *first, *next;
};

struct xml {
    struct arena *arena;
    bool full;
    union {
        max_align_t align;
        char bytes[1024];
    } spare;
};

void xml_begin(struct xml *x, struct arena *arena);
void *xml_room(struct xml *x, size_t size); /* zeroed; at most 1024 bytes */
char *xml_copy(struct xml *x, const char *text, size_t len);
char *xml_say(struct xml *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* At the end of the parent's children; parent NULL: a root. Text NULL counts as "". Strings are
 * borrowed. */
struct xml_node *xml_add(struct xml *x, struct xml_node *parent, const char *ns, const char *name,
                         const char *text);
/* Only if there is text. */
void xml_add_text(struct xml *x, struct xml_node *parent, const char *ns, const char *name,
                  const char *text);
/* At the end of the attributes. */
void xml_set(struct xml *x, struct xml_node *node, const char *ns, const char *name,
             const char *value);
/* The first child of this name, in any namespace; NULL if there is none, or no parent. */
const struct xml_node *xml_child(const struct xml_node *parent, const char *name);
const struct xml_node *xml_next(const struct xml_node *node); /* sister of the same name */
/* Text of that child, "" if there is none. */
const char *xml_text(const struct xml_node *parent, const char *name);
const struct xml_attr *xml_attr(const struct xml_node *node, const char *ns, const char *name);
size_t xml_count(const struct xml_node *parent, const char *name);
bool xml_same(const struct xml_node *a, const struct xml_node *b);

/* A whole document, indented, with its declaration. */
void xml_write(struct buf *out, const struct xml_node *root);
/* One element as a fragment on one line, its prefixes as in every document we write. */
void xml_write_part(struct buf *out, const struct xml_node *node);
/* The element around such a fragment that makes it a document. */
void xml_write_wrap(struct buf *out, const char *part);
/* The prefix that every document of ours has for it, NULL if none; and back. */
const char *xml_prefix(const char *ns);
const char *xml_namespace(const char *prefix);
/* Where a step leads, for people: "/ResourceInformation[2]/Resource". */
void xml_name_step(struct buf *out, const struct xml_node *parent, const struct xml_node *child);

#endif
