/* edxl_parts - what the files between documents and fields share, from the ground up:
 *
 *   edxl_values.c    one value: a text that fits, a number, a word, an id, a time
 *   edxl_contact.c   places and people of a document
 *   edxl_in.c        the fields that a document fills      edxl_out.c   and the way back */
#ifndef EOCBUS_CTL_EDXL_PARTS_H
#define EOCBUS_CTL_EDXL_PARTS_H

#include "agents/ctl/edxl_forms.h"

#define NEW(x, type) edxl_new(x, &eocbus__v1__##type##__descriptor)

void *edxl_new(struct xml *x, const ProtobufCMessageDescriptor *d);
/* Room for as many as there are, at most `most`. */
void *edxl_list(struct xml *x, size_t *n, size_t most);
/* At most `most` bytes, cut at a whole character with "..." where it is longer. */
char *edxl_fitting(struct xml *x, const char *text, size_t most);
char *edxl_text_of(struct xml *x, const struct xml_node *parent, const char *name, size_t most);
ProtobufCBinaryData edxl_id_of(struct xml *x, const char *text);
/* "-1.50" -> -150 and 2; false if it has more digits than a field, an exponent, or is none. */
bool edxl_decimal(const char *text, int64_t *value, uint32_t *scale);
/* 0: there is no such word. */
int edxl_enum(const ProtobufCEnumDescriptor *d, const char *prefix, const char *word);
int edxl_word_number(const char *word, const char *const *words, int count);
int64_t edxl_time_of(const char *text); /* 0: it is no time */
/* Minutes east of UTC that a time is written in. */
int edxl_offset_of(const char *text);

Eocbus__V1__Area *edxl_location(struct xml *x, const struct xml_node *from);
Eocbus__V1__Contact *edxl_contact(struct xml *x, const struct xml_node *from);

#endif
