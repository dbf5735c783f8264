/* cap_parts - what the files that read CAP share:
 *
 *   cap_read.c   which element of an alert goes into which field
 *   cap_area.c   areas and resources: points, feet, base64
 *   cap_tree.c   the document as libxml2 has it: parsed with care, asked for texts and children
 *
 * The first trouble stays in `st` and `err`; whoever reads on after it reads nothing of worth. */
#ifndef EOCBUS_CONSOLE_CAP_PARTS_H
#define EOCBUS_CONSOLE_CAP_PARTS_H

#include <libxml/tree.h>

#include "agents/console/cap/cap.h"
#include "agents/console/cap/cap_words.h"

struct cap_reading {
    struct arena *arena;
    struct buf *dropped; /* a line for each element without a field */
    char *err;
    size_t err_size;
    enum status st;
};

/* NULL: no XML that we take; xmlFreeDoc frees it. */
xmlDoc *cap_parse(struct cap_reading *r, const void *bytes, size_t len);

void cap_wrong(struct cap_reading *r, const char *element, const char *why);
void cap_drop(struct cap_reading *r, const char *where, const char *what);
/* Children that have no field. */
void cap_drop_others(struct cap_reading *r, xmlNode *parent, const char *const *known, size_t n);
/* Zeroed, in the arena; NULL without memory. */
void *cap_room(struct cap_reading *r, size_t bytes);

/* All text below the element, without blanks at its ends; "" without memory. */
char *cap_text(struct cap_reading *r, xmlNode *n);
/* Text of the first child called so; "" if there is none. Others of that name are dropped. */
char *cap_child_text(struct cap_reading *r, xmlNode *parent, const char *name);
/* The same; none, an empty one, or more than one is wrong. */
char *cap_wanted(struct cap_reading *r, xmlNode *parent, const char *name);
/* 0: it is not there. */
int64_t cap_time_of(struct cap_reading *r, xmlNode *parent, const char *name);
int cap_word_of(struct cap_reading *r, const char *element, const char *text,
                const ProtobufCEnumDescriptor *d, const char *prefix);

/* Children called so: how many, and the first of them from `n` on (NULL: none). */
size_t cap_count(xmlNode *parent, const char *name);
xmlNode *cap_first(xmlNode *n, const char *name);
/* A list of pointers to what `read` makes of each child called so. */
typedef void *(*cap_read_fn)(struct cap_reading *r, xmlNode *n);
void *cap_each(struct cap_reading *r, xmlNode *parent, const char *name, size_t *n,
               cap_read_fn read);

void *cap_read_area(struct cap_reading *r, xmlNode *n);     /* an AlertArea */
void *cap_read_resource(struct cap_reading *r, xmlNode *n); /* an AlertResource */
void *cap_read_value(struct cap_reading *r, xmlNode *n);    /* a NamedValue */

#endif
