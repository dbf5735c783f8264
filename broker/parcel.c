/* parcel - see parcel.h. */
#include "broker/parcel.h"

#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/peek.h"

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
    mem_free(p->to);
    mem_free(p->reach);
    mem_free(p->keys);
    mem_free(p->doc);
    mem_free(p->refused);
    mem_free(p);
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

size_t parcel_size_bytes(const struct parcel *p)
{
    return sizeof(*p) + p->content_len + p->signature_len + p->keys_len + text_bytes(p->doc) +
           text_bytes(p->to) + text_bytes(p->reach) + (p->refused ? sizeof(*p->refused) : 0);
}

bool parcel_is_addressed(const struct parcel *p)
{
    /* A receipt goes to the sender of what it speaks of, whatever it says itself. */
    return p->to || p->type == EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
}

bool parcel_is_for(const struct parcel *p, const char *principal)
{
    size_t len = strlen(principal);
    const char *at = p->reach ? p->reach : p->to;

    while (at && *at) {
        size_t n = strcspn(at, " ");

        if (n == len && memcmp(at, principal, len) == 0)
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

void parcel_peek(struct parcel *p)
{
    struct peek head;
    size_t len;

    if (!peek_content(&head, p->content, p->content_len) || !head.sender)
        return;
    /* What a newer sender calls by a word that is not known here is shown to the fewest. */
    p->label = head.label >= EOCBUS__V1__LABEL__LABEL_PUBLIC &&
                       head.label <= EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL
                   ? (uint8_t)head.label
                   : EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    for (len = 0; len < head.sender_len && head.sender[len] != '.'; len++)
        ;
    if (len < AGENCY_TEXT)
        memcpy(p->agency, head.sender, len);
}

void parcel_topics(struct topics *out, const struct parcel *p)
{
    topics_of_row(out, p->status, p->type, p->places);
}
