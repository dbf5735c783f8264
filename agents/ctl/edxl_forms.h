/* edxl_forms - EDXL-RM documents from and into Envelopes of the sixteen. Pure.
 *
 * Fields go to elements one by one (edxl_out.c), elements to fields (edxl_in.c). What a document
 * says beside that is not lost: the difference between it and the document that the fields alone
 * would make is kept with the message (edxl_kept.c, ForeignForm in resource.proto), and put back
 * when it is written. So a document comes back equal, and it is said what was kept. */
#ifndef EOCBUS_CTL_EDXL_FORMS_H
#define EOCBUS_CTL_EDXL_FORMS_H

#include "agents/ctl/edxl_tree.h"
#include "eocbus/v1/envelope.pb-c.h"

/* Value lists of our own: words of ours, and words as people have them. */
#define LIST_WORDS     "urn:eocbus:words"
#define LIST_UNITS     "urn:un:unece:uncefact:codelist:standard:UNECE:Recommendation20"
#define LIST_CURRENCY  "urn:iso:std:iso:4217"
#define LIST_READINESS "urn:eocbus:readiness"
#define LIST_REASONS   "urn:eocbus:decline-reason"

enum { FORM_ARENA_BYTES = 64 * 1024 * 1024 };

/* The document that the fields alone make; foreign counts for the offset of its times only. */
struct xml_node *form_write(struct xml *x, const Eocbus__V1__Envelope *m);

/* The fields that the document fills: body, thread, incidents, event time (SentDateTime),
 * message_id. ST_INVALID: none of the sixteen, or something that no field could hold; `err` is a
 * sentence. */
MUST_CHECK enum status form_read(Eocbus__V1__Envelope **out, const struct xml_node *root,
                                 struct xml *x, char *err, size_t err_size);

/* Minor digits of a currency: 2 for TJS, 0 for JPY, 3 for KWD; -1 if it is no currency code. */
int form_currency_digits(const char *code);
/* 1001..100000 for an id of a line that is no number, its number else. */
uint32_t form_line_number(const char *text);
/* "urn:uuid:..." and bare UUIDs are what they say; any other text has one UUIDv8 of its own. */
void form_id(uint8_t out[16], const char *text);

/* --- what is kept ----------------------------------------------------------------------------- */

/* The differences between the document and what the fields make, in order; ST_FULL: too many. */
MUST_CHECK enum status kept_find(Eocbus__V1__ForeignForm *out, const struct xml_node *document,
                                 const struct xml_node *made, struct xml *x);
/* Puts them into `made`. ST_INVALID: they do not fit. */
MUST_CHECK enum status kept_put(struct xml_node *made, const Eocbus__V1__ForeignForm *f,
                                struct xml *x);
/* "/ContactInformation[2]/Radio" for a part, in the document it was found in. */
void kept_name(struct buf *out, const struct xml_node *document, const Eocbus__V1__KeptPart *p);

/* --- whole ways ------------------------------------------------------------------------------- */

/* Document to Envelope, with whatever has to be kept; the writing of it is tried, and gives the
 * document back. `kept` gets one line each for what no field holds. */
MUST_CHECK enum status form_import(Eocbus__V1__Envelope **out, struct buf *kept, const void *bytes,
                                   size_t len, struct xml *x, char *err, size_t err_size);
/* Envelope to document; `lost` gets one line each for what EDXL-RM has no place for. */
MUST_CHECK enum status form_export(struct buf *out, struct buf *lost, const Eocbus__V1__Envelope *m,
                                   struct xml *x, char *err, size_t err_size);

/* The foreign field of any of the sixteen; set puts it there. */
Eocbus__V1__ForeignForm *form_foreign(const Eocbus__V1__Envelope *m);
void form_set_foreign(Eocbus__V1__Envelope *m, Eocbus__V1__ForeignForm *f);

#endif
