/* pending - see pending.h */
#include "agents/link/pending.h"

#include <string.h>

/* Appends or leaves the buffer as it was. */
static enum status append(struct buf *b, const void *data, size_t len)
{
    size_t before = b->len;

    buf_put(b, data, len);
    if (!b->failed)
        return ST_OK;
    b->failed = 0;
    b->len = before;
    return ST_NOMEM;
}

enum status pending_put(struct pending *p, const struct pending_put *put, const void *content,
                        const void *signature, const void *keys)
{
    struct pending_put kept = *put;
    enum status st;

    kept.at = p->bytes.len;
    st = append(&p->bytes, content, put->len);
    if (st == ST_OK && put->signature_len)
        st = append(&p->bytes, signature, put->signature_len);
    if (st == ST_OK && put->keys_len)
        st = append(&p->bytes, keys, put->keys_len);
    if (st == ST_OK)
        st = append(&p->puts, &kept, sizeof(kept));
    if (st != ST_OK)
        p->bytes.len = kept.at;
    return st;
}

static enum status append_text(struct buf *texts, const char *text, size_t *at)
{
    if (!text)
        text = "";
    *at = texts->len;
    return append(texts, text, strlen(text) + 1);
}

enum status pending_settle(struct pending *p, uint64_t tag, int64_t at_us,
                           const struct outbox_outcome *oc)
{
    struct pending_settle s = {.tag = tag, .at_us = at_us, .oc = *oc};
    size_t before = p->texts.len;

    s.oc.code = s.oc.path = s.oc.text = NULL;
    if (append_text(&p->texts, oc->code, &s.code) != ST_OK ||
        append_text(&p->texts, oc->path, &s.path) != ST_OK ||
        append_text(&p->texts, oc->text, &s.text) != ST_OK ||
        append(&p->settles, &s, sizeof(s)) != ST_OK) {
        p->texts.len = before;
        return ST_NOMEM;
    }
    return ST_OK;
}

size_t pending_put_count(const struct pending *p)
{
    return p->puts.len / sizeof(struct pending_put);
}

const struct pending_put *pending_put_at(const struct pending *p, size_t i)
{
    return (const struct pending_put *)(const void *)p->puts.data + i;
}

const uint8_t *pending_content(const struct pending *p, const struct pending_put *put)
{
    return p->bytes.data + put->at;
}

const uint8_t *pending_signature(const struct pending *p, const struct pending_put *put)
{
    return pending_content(p, put) + put->len;
}

const struct pending_put *pending_find_put(const struct pending *p, uint64_t tag)
{
    for (size_t i = pending_put_count(p); i > 0; i--)
        if (pending_put_at(p, i - 1)->tag == tag)
            return pending_put_at(p, i - 1);
    return NULL;
}

size_t pending_settle_count(const struct pending *p)
{
    return p->settles.len / sizeof(struct pending_settle);
}

const struct pending_settle *pending_settle_at(const struct pending *p, size_t i)
{
    return (const struct pending_settle *)(const void *)p->settles.data + i;
}

const struct pending_settle *pending_find_settle(const struct pending *p, uint64_t tag)
{
    for (size_t i = pending_settle_count(p); i > 0; i--)
        if (pending_settle_at(p, i - 1)->tag == tag)
            return pending_settle_at(p, i - 1);
    return NULL;
}

struct outbox_outcome pending_outcome(const struct pending *p, const struct pending_settle *s)
{
    struct outbox_outcome oc = s->oc;
    const char *texts = (const char *)p->texts.data;

    oc.code = texts + s->code;
    oc.path = texts + s->path;
    oc.text = texts + s->text;
    return oc;
}

bool pending_is_empty(const struct pending *p)
{
    return !p->puts.len && !p->settles.len;
}

void pending_drop_puts(struct pending *p)
{
    buf_clear(&p->puts);
    buf_clear(&p->bytes);
}

void pending_clear(struct pending *p)
{
    pending_drop_puts(p);
    buf_clear(&p->settles);
    buf_clear(&p->texts);
}

void pending_free(struct pending *p)
{
    buf_free(&p->puts);
    buf_free(&p->bytes);
    buf_free(&p->settles);
    buf_free(&p->texts);
}
