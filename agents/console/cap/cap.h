/* cap - public alerts as CAP 1.2 documents: written, read, signed.
 *
 *   PublicAlert ─▶ cap_write ─▶ XML ─▶ cap_sign ─▶ XML with an enveloped signature
 *   XML of CAP 1.1 or 1.2 ─▶ cap_read ─▶ PublicAlert, and a line for each thing it has no field for
 *
 * Reading takes at most 1 MiB, no DOCTYPE (so no entities to grow or to fetch), nothing from the
 * network or from files. Only the files that read (cap_parts.h) and cap_sign.c know libxml2, and
 * only the latter xmlsec. All of it is pure but for xmlsec's own tables (cap_signer_create). */
#ifndef EOCBUS_CONSOLE_CAP_H
#define EOCBUS_CONSOLE_CAP_H

#include "eocbus/v1/alert.pb-c.h"
#include "proto/base/mem.h"

#define CAP_NS_12 "urn:oasis:names:tc:emergency:cap:1.2"
#define CAP_NS_11 "urn:oasis:names:tc:emergency:cap:1.1"

enum { CAP_BYTES_MAX = 1048576, CAP_ARENA_BYTES = 16 * 1024 * 1024 };

/* The whole document, UTF-8; out of memory sticks in out->failed. Fields of ours that CAP has no
 * element for (hazard, message_id of a reference, blob_hash) are not in it. */
void cap_write(struct buf *out, const Eocbus__V1__PublicAlert *a);

/* *out lives in `arena`. `dropped` gets a line for each element without a field, "info: audience".
 * ST_INVALID: no CAP, or none that we take; `err` is a sentence. ST_NOMEM. */
MUST_CHECK enum status cap_read(Eocbus__V1__PublicAlert **out, struct buf *dropped,
                                const void *bytes, size_t len, struct arena *arena, char *err,
                                size_t err_size);

/* A line for each area that P-codes alone do not say. Rights are judged, and people are asked, by
 * area.pcodes of the envelope, which no document has: whoever brings one in says there where it is,
 * and looks at these himself, since nothing here compares a shape with a district. */
void cap_where(struct buf *out, const Eocbus__V1__PublicAlert *a);

struct cap_signer;
/* PEM texts; an RSA or an elliptic key, signed with SHA-256. ST_INVALID: no such key or
 * certificate, or they are not of one another; `err` is a sentence. */
MUST_CHECK enum status cap_signer_create(struct cap_signer **out, const struct buf *key,
                                         const struct buf *cert, char *err, size_t err_size);
void cap_signer_destroy(struct cap_signer *s); /* NULL is allowed */
/* Replaces the document by itself with a signature in it, as CAP 1.2 (3.3.4.1) has it. */
MUST_CHECK enum status cap_sign(const struct cap_signer *s, struct buf *xml);

#endif
