/* edxl_xml - XML from outside into a tree. The only file of ours that knows libxml2 is edxl_xml.c.
 *
 * UTF-8 only, at most 1 MiB, no DOCTYPE (so there are no entities to grow or to fetch), nothing
 * from the network or from other files, at most 32 levels, 20,000 elements and 64 attributes an
 * element. Blank text between elements is layout; in text, a line break and the indentation behind
 * it are one blank, and both ends are trimmed of line breaks; blanks in attributes are one blank.
 * Text beside elements is an error. Comments and processing instructions are counted. */
#ifndef EOCBUS_CTL_EDXL_XML_H
#define EOCBUS_CTL_EDXL_XML_H

#include "agents/ctl/edxl_tree.h"

enum { XML_BYTES_MAX = 1048576, XML_DEPTH_MAX = 32, XML_NODES_MAX = 20000, XML_ATTRS_MAX = 64 };

/* ST_INVALID: no XML, or none that we take; ST_NOMEM. `err` is a sentence. */
MUST_CHECK enum status xml_read(struct xml_node **out, unsigned *left_out, const void *bytes,
                                size_t len, struct xml *x, char *err, size_t err_size);

#endif
