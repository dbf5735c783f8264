/* parcel - see parcel.h. */
#include "broker/parcel.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct parcel *parcel_create(const void *content, size_t content_len, const void *signature,
                             size_t signature_len)
{
    struct parcel *p = mem_alloc(sizeof(*p) + content_len + signature_len);

    if (!p)
        return NULL;
    memset(p, 0, sizeof(*p));
    list_init(&p->link);
    p->content = (uint8_t *)(p + 1);
    p->content_len = content_len;
    p->signature = p->content + content_len;
    p->signature_len = signature_len;
    if (content_len)
        memcpy(p->content, content, content_len);
    if (signature_len)
        memcpy(p->signature, signature, signature_len);
    return p;
}

void parcel_drop(struct parcel **held)
{
    struct parcel *p = *held;

    *held = NULL;
    if (!p)
        return;
    mem_free(p->doc);
    mem_free(p->refused);
    mem_free(p);
}

size_t parcel_size_bytes(const struct parcel *p)
{
    return sizeof(*p) + p->content_len + p->signature_len + (p->doc ? strlen(p->doc) + 1 : 0) +
           (p->refused ? sizeof(*p->refused) : 0);
}

void parcel_topics(struct topics *out, const struct parcel *p)
{
    topics_of_row(out, p->status, p->type, p->places);
}
