/* paper - see paper.h. */
#include "agents/console/api/paper.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/api/answer.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/log.h"
#include "proto/wire/json.h"

#include "proto/base/banned.h"

enum { MESSAGE_BYTES = 1 << 18 };

static void tag_of(char tag[DIGEST_HEX], const void *bytes, size_t len)
{
    uint8_t digest[DIGEST_BYTES];

    digest_of(digest, bytes, len);
    digest_hex(tag, digest);
    tag[32] = '\0';
}

/* A line with when it changed last, and the list. */
static enum status keep_list(struct paper *p, const char *text)
{
    const char *xml = strchr(text, '\n');

    if (!xml || xml - text >= (long)sizeof(p->changed))
        return ST_INVALID;
    snprintf(p->changed, sizeof(p->changed), "%.*s", (int)(xml - text), text);
    xml++;
    buf_clear(&p->xml);
    buf_puts(&p->xml, xml);
    tag_of(p->tag, xml, strlen(xml));
    return p->xml.failed ? ST_NOMEM : ST_OK;
}

/* The tag is of what is signed, since an elliptic signature is another one each time: while the
 * alert is the same, the signed text stays. */
static enum status keep_alert(struct paper *p, struct cap_signer *signer,
                              const Eocbus__V1__PublicAlert *a)
{
    struct buf xml = {0};
    char tag[DIGEST_HEX];
    enum status st;

    cap_write(&xml, a);
    st = xml.failed ? ST_NOMEM : ST_OK;
    if (st == ST_OK)
        tag_of(tag, xml.data, xml.len);
    if (st == ST_OK && p->xml.len && strcmp(tag, p->tag) == 0) {
        buf_free(&xml);
        return ST_OK;
    }
    if (st == ST_OK && signer)
        st = cap_sign(signer, &xml);
    if (st != ST_OK || xml.failed) {
        log_error("console.cap.sign", "identifier=%s next=\"asked again, it is tried again\"",
                  a->identifier);
        buf_free(&xml);
        return ST_NOMEM;
    }
    buf_free(&p->xml);
    p->xml = xml;
    snprintf(p->tag, sizeof(p->tag), "%s", tag);
    return ST_OK;
}

static enum status keep_json(struct paper *p, struct cap_signer *signer, const char *json)
{
    ProtobufCMessage *m = NULL;
    struct arena *arena = NULL;
    char err[400] = "";
    enum status st = ST_OK;

    if (!*json) {
        buf_free(&p->xml);
        return ST_OK;
    }
    st = arena_create(&arena, MESSAGE_BYTES);
    if (st == ST_OK)
        st = json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), arena, err,
                        sizeof(err));
    if (st == ST_OK)
        st = keep_alert(p, signer, ((Eocbus__V1__Envelope *)m)->public_alert);
    arena_destroy(arena);
    return st;
}

enum status paper_keep(struct paper *p, struct cap_signer *signer, const char *text)
{
    return *p->id ? keep_json(p, signer, text) : keep_list(p, text);
}

void paper_answer(const struct paper *p, struct exchange *x)
{
    if (p->xml.len == 0)
        answer_error(x, 404, "alert", "There is no such alert in force.");
    else
        http_answer(x, &(struct answer){.status = 200,
                                        .type = *p->id ? "application/cap+xml; charset=utf-8"
                                                       : "application/atom+xml; charset=utf-8",
                                        .body = p->xml.data,
                                        .len = p->xml.len,
                                        .tag = p->tag,
                                        .modified = *p->changed ? p->changed : NULL});
}
