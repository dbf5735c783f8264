/* exchange - one request and its answer. See http.h.
 *
 * libmicrohttpd calls exchange_step when the headers are there, for each piece of the body, and
 * once more when all of it is there; if nobody has answered by then the connection sleeps, and the
 * step comes again after it was woken. */
#include <stdio.h>
#include <string.h>

#include "agents/web/http_parts.h"
#include "proto/base/log.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                             "'self' data:; font-src 'self'; "
                             "connect-src 'self'; media-src 'self'; manifest-src 'self'; "
                             "form-action 'self'; base-uri 'none'; "
                             "frame-ancestors 'none'";

void add_house_headers(struct MHD_Response *r, const struct exchange *x)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy", policy},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
    };

    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        (void)MHD_add_response_header(r, headers[i][0], headers[i][1]);
    if (exchange_is_secure(x))
        (void)MHD_add_response_header(r, "Strict-Transport-Security", "max-age=31536000");
}

/* --- a request comes in -------------------------------------------------------------------------
 */

/* As soon as the first line is there. */
void *exchange_begun(void *arg, const char *raw, struct MHD_Connection *c)
{
    struct http *h = arg;
    struct exchange *x = mem_zalloc(sizeof(*x));

    if (!x)
        return NULL;
    x->http = h;
    x->connection = c;
    x->is_strange = !border_target_is_plain(raw);
    list_add_tail(&h->exchanges, &x->link);
    return x;
}

static void take_body(struct exchange *x, const char *data, size_t len)
{
    if (x->too_long || x->body.len + len > x->http->set.body_bytes)
        x->too_long = true;
    else
        buf_put(&x->body, data, len);
}

static struct caller *caller_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* The request is there whole: no clock runs until the next one begins. */
static void note_whole(struct caller *c)
{
    if (!c)
        return;
    c->busy = true;
    c->since_us = 0;
}

static void note_answered(const struct http *h, struct caller *c)
{
    if (!c)
        return;
    c->busy = false;
    c->since_us = c->answered_us = 0;
    c->received = caller_received(c);
    c->idle_us = loop_now_us(h->set.loop);
}

static void answer_too_long(struct exchange *x)
{
    char text[160];
    int len = snprintf(text, sizeof(text),
                       "{\"error\":\"too_long\",\"text\":\"A request has at most %zu bytes.\"}",
                       x->http->set.body_bytes);

    http_answer(x, &(struct answer){.status = MHD_HTTP_CONTENT_TOO_LARGE,
                                    .type = "application/json",
                                    .body = text,
                                    .len = (size_t)len});
}

static enum MHD_Result give(struct exchange *x)
{
    struct MHD_Response *r = x->response;
    enum MHD_Result done;

    x->response = NULL;
    if (caller_of(x->connection) && !x->stream)
        caller_of(x->connection)->answered_us = loop_now_us(x->http->set.loop);
    done = MHD_queue_response(x->connection, x->answer_status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result finish(struct exchange *x)
{
    if (x->state == X_COMING) {
        x->state = X_WAITING;
        if (x->too_long)
            answer_too_long(x);
        else if (x->body.failed)
            return MHD_NO;
        else
            x->http->set.handle(x->http->set.arg, x);
    }
    if (x->response)
        return give(x);
    if (x->state == X_ANSWERED)
        return MHD_NO; /* no memory for the answer */
    x->asleep = true;
    MHD_suspend_connection(x->connection);
    return MHD_YES;
}

/* All headers are there, nothing of the body. An answer now also closes the connection if a body
 * would follow. */
static enum MHD_Result come_in(struct exchange *x, const char *url, const char *method)
{
    const struct answer *refusal = border_refusal(x);

    x->method = method;
    x->path = mem_strdup(url);
    if (!x->path)
        return MHD_NO;
    if (!refusal)
        return MHD_YES;
    http_answer(x, refusal);
    return x->response ? give(x) : MHD_NO;
}

enum MHD_Result exchange_step(void *arg, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *len, void **mine)
{
    struct http *h = arg;
    struct exchange *x = *mine;

    (void)version;
    if (!x)
        return MHD_NO; /* no memory */
    if (!x->path)
        return come_in(x, url, method);
    if (*len) {
        take_body(x, data, *len);
        *len = 0;
        return MHD_YES;
    }
    note_whole(caller_of(c));
    return h->ending ? MHD_NO : finish(x);
}

void exchange_free(struct exchange *x)
{
    if (x->response)
        MHD_destroy_response(x->response);
    list_remove(&x->link);
    buf_free(&x->body);
    mem_free(x->path);
    mem_free(x);
}

void exchange_ended(void *arg, struct MHD_Connection *c, void **mine,
                    enum MHD_RequestTerminationCode how)
{
    struct http *h = arg;
    struct exchange *x = *mine;

    (void)how;
    *mine = NULL;
    if (!x)
        return;
    note_answered(h, caller_of(c));
    if (x->stream)
        stream_gone(x->stream);
    if (h->set.gone)
        h->set.gone(h->set.arg, x);
    exchange_free(x);
}

/* --- what it says -------------------------------------------------------------------------------
 */

const char *exchange_method(const struct exchange *x)
{
    return x->method;
}

const char *exchange_path(const struct exchange *x)
{
    return x->path;
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    if (MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                      &value, &len) != MHD_YES ||
        !value || strlen(value) != len || !gate_utf8_is_valid(value, len))
        return NULL;
    return value;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_cookie(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_COOKIE_KIND, name);
}

const void *exchange_body(const struct exchange *x, size_t *len)
{
    *len = x->body.len;
    return x->body.data;
}

const char *exchange_peer(const struct exchange *x)
{
    return x->peer;
}

bool exchange_is_secure(const struct exchange *x)
{
    return x->http->set.cert_pem != NULL || x->http->set.proxy_is_secure;
}

void exchange_own(struct exchange *x, const uint8_t owner[EXCHANGE_OWNER])
{
    memcpy(x->owner, owner, EXCHANGE_OWNER);
    x->is_owned = true;
}

void exchange_keep(struct exchange *x, void *mine)
{
    x->mine = mine;
}

void *exchange_kept(const struct exchange *x)
{
    return x->mine;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static bool is_known_to_browser(const struct exchange *x, const char *tag)
{
    const char *has = tag ? exchange_header(x, "If-None-Match") : NULL;

    return has && strstr(has, tag) != NULL;
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
    if (value)
        (void)MHD_add_response_header(r, name, value);
}

static void add_tag(struct MHD_Response *r, const char *tag, bool for_good)
{
    char text[80];

    if (!tag) {
        add(r, "Cache-Control", "no-store");
        return;
    }
    snprintf(text, sizeof(text), "\"%s\"", tag);
    add(r, "ETag", text);
    /* Else it may be kept and is asked for each time. */
    add(r, "Cache-Control", for_good ? "max-age=31536000, immutable" : "no-cache");
}

static struct MHD_Response *make(const struct exchange *x, const struct answer *a)
{
    const enum MHD_ResponseMemoryMode mode =
        a->lasting ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY;
    const bool known = is_known_to_browser(x, a->tag);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(known ? 0 : a->len, (void *)(uintptr_t)a->body, mode);
    char seconds[16];

    if (!r)
        return NULL;
    add_house_headers(r, x);
    add(r, "Content-Type", a->type ? a->type : "text/plain; charset=utf-8");
    add(r, "Last-Modified", a->modified);
    add(r, "Content-Encoding", known ? NULL : a->encoding);
    add(r, "Vary", a->encoding ? "Accept-Encoding" : NULL);
    add(r, "Location", a->location);
    for (size_t i = 0; i < ARRAY_LEN(a->set_cookie); i++)
        add(r, "Set-Cookie", a->set_cookie[i]);
    add(r, "Content-Disposition", a->disposition);
    snprintf(seconds, sizeof(seconds), "%u", a->retry_s);
    add(r, "Retry-After", a->retry_s ? seconds : NULL);
    add_tag(r, a->tag, a->for_good);
    return r;
}

void http_answer(struct exchange *x, const struct answer *a)
{
    x->response = make(x, a);
    x->answer_status = is_known_to_browser(x, a->tag) ? MHD_HTTP_NOT_MODIFIED : a->status;
    x->state = X_ANSWERED;
    if (!x->response)
        log_warn("web.memory", "path=%s next=\"the connection is closed; the browser asks again\"",
                 x->path);
    if (!x->asleep)
        return;
    x->asleep = false;
    MHD_resume_connection(x->connection);
    http_soon(x->http);
}
