/* summary_bodies - the families behind summary.h, and the small words they share. Private to
 * summary*.c. */
#ifndef EOCBUS_LINK_SUMMARY_BODIES_H
#define EOCBUS_LINK_SUMMARY_BODIES_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* False if the body is of another family. */
bool say_field_body(struct buf *b, const Eocbus__V1__Envelope *m);  /* sensor, report, incident */
bool say_office_body(struct buf *b, const Eocbus__V1__Envelope *m); /* alert, office, the rest */
bool say_resource_body(struct buf *b, const Eocbus__V1__Envelope *m);
bool say_relocation_body(struct buf *b, const Eocbus__V1__Envelope *m);

void say_text(struct buf *b, const char *before, const char *text); /* nothing if empty */
void say_long(struct buf *b, const char *before, const char *text, size_t most);
void say_count(struct buf *b, uint64_t n, const char *one,
               const char *many);                            /* ", 2 injured"; nothing if 0 */
void say_scaled(struct buf *b, int64_t value, int exponent); /* value * 10^exponent */
void say_quantity(struct buf *b, const Eocbus__V1__Quantity *q);
void say_money(struct buf *b, const Eocbus__V1__Money *m);
void say_id(struct buf *b, ProtobufCBinaryData id);
void say_time(struct buf *b, const char *before, int64_t utc_us);
void say_date(struct buf *b, const char *before, int64_t utc_us);
/* Its name in words, or that of its code and the code; nothing if it has none. */
void say_place(struct buf *b, const char *before, const Eocbus__V1__Envelope *m);

#define SAY(b, enum_name, value)                                                                   \
    summary_word(b, &eocbus__v1__##enum_name##__descriptor, (int)(value))

#endif
