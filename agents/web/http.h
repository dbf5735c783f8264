/* http - a small web server on our loop, for the pages of the house: requests in, answers out, and
 * streams of news (server-sent events) that stay open.
 *
 * A request reaches `handle` when all of it is there. It is answered with http_answer, in `handle`
 * or at any later time; or it becomes a stream with http_stream. Until then it is an exchange,
 * owned by the server; `gone` tells when its browser left, after which nobody may touch it.
 *
 *   browser ──▶ headers ──▶ body (bounded) ──▶ handle ──▶ http_answer ──▶ done
 *                                                  └────▶ http_stream ──▶ stream_send … ──▶ left
 *
 * What is bounded: connections altogether and of one address, 32 KiB of headers, the body, the time
 * a request may take to come in whole (however slowly its bytes drip) and an answer to be taken,
 * what a stream may hold back for a browser that does not read. Who comes when all is taken takes
 * the place of an idle connection (crowd.c). Requests that two readers could cut in different
 * places, or whose path could be read in two ways, are refused before anybody sees them (border.c).
 * Every answer carries the headers that keep a page to itself (content security policy, no framing,
 * no sniffing, no referrer; with TLS: never again without).
 *
 * Behind a proxy all connections have its address. Of the header X-Forwarded-For only the last
 * address is believed (the one that the proxy itself saw), and only from the proxy; bounds "of one
 * address" then count requests instead of connections. All of an IPv6 /64 is one address there.
 *
 * The only folder that knows libmicrohttpd is this one; it runs in our thread, on an epoll
 * descriptor that the loop watches. */
#ifndef EOCBUS_WEB_HTTP_H
#define EOCBUS_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/loop.h"
#include "proto/base/mem.h"

struct http;
struct exchange; /* one request, from its headers to the end of its answer */
struct stream;   /* an answer that does not end: server-sent events */

struct http_settings { /* borrowed for the call, what `arg` points to for the server's life */
    struct loop *loop;
    const char *address;                    /* "127.0.0.1:8480", "[::1]:8480"; port 0 = any */
    const char *cert_pem, *key_pem;         /* texts, both or none: TLS 1.2 or newer */
    const char *proxy;                      /* its address, "127.0.0.1"; NULL or "" = none */
    bool proxy_is_secure;                   /* speaks TLS to browsers; nobody else may connect */
    unsigned connections, connections_each; /* altogether, of one address */
    size_t body_bytes, stream_bytes;        /* most of a request; most that waits for one browser */
    unsigned request_ms;                    /* until a request is there whole */
    unsigned answer_ms;                     /* until an answer that ends is taken whole */
    void *arg;
    void (*handle)(void *arg, struct exchange *x);
    /* The browser left before it was answered, its answer is through, or the server ends; may be
     * NULL. */
    void (*gone)(void *arg, struct exchange *x);
};

/* ST_INVALID: address or certificate; ST_EXISTS: somebody listens there; ST_IO. `err` is a
 * sentence. */
MUST_CHECK enum status http_create(struct http **out, const struct http_settings *set, char *err,
                                   size_t err_size);
void http_destroy(struct http *h); /* NULL is allowed; streams end without `left` */
unsigned http_port(const struct http *h);

/* --- a request; everything is borrowed until it is answered --------------------------------------
 */

const char *exchange_method(const struct exchange *x); /* "GET" */
const char *exchange_path(const struct exchange *x);   /* decoded, without the question mark */
/* NULL if it is not there. Values are decoded; one with a NUL or no UTF-8 in it is not there. */
const char *exchange_query(const struct exchange *x, const char *name);
const char *exchange_header(const struct exchange *x, const char *name);
const char *exchange_cookie(const struct exchange *x, const char *name);
const void *exchange_body(const struct exchange *x, size_t *len);
/* Whom limits are counted for: the browser's address as text, also behind the proxy. */
const char *exchange_peer(const struct exchange *x);
/* Whose address it is, to count by: an IPv4 address alone, of IPv6 the /64 that one subscriber has
 * ("2001:db8:0:7::"). What is no address stays as it is. */
void network_of(char out[64], const char *peer);
bool exchange_is_secure(const struct exchange *x);  /* the browser speaks TLS, to us or the proxy */
void exchange_keep(struct exchange *x, void *mine); /* a pointer of the caller's, for later */
void *exchange_kept(const struct exchange *x);

/* --- answers -------------------------------------------------------------------------------------
 */

struct answer {
    unsigned status;  /* 200 */
    const char *type; /* "application/json"; NULL = text/plain */
    const void *body; /* copied, unless it is `lasting` */
    size_t len;
    bool lasting;    /* body outlives the server: a page that was compiled in */
    const char *tag; /* ETag without quotes; answered with 304 when the browser has it; or NULL */
    bool for_good;   /* its address names its content: a browser that has it need not ask again */
    const char *modified;      /* Last-Modified, "Sun, 22 Nov 2026 15:00:00 GMT"; or NULL */
    const char *encoding;      /* "gzip": of the body, which exists without it too; or NULL */
    const char *location;      /* of a redirect; or NULL */
    const char *set_cookie[2]; /* whole Set-Cookie values; or NULL */
    const char *disposition;   /* "attachment; filename=..."; or NULL */
    unsigned retry_s;          /* Retry-After; 0 = none */
};
/* Once for each exchange. Without memory the connection is closed. */
void http_answer(struct exchange *x, const struct answer *a);

/* Answers 200 with a stream, which gets a comment line every 15 s, so that a browser that left is
 * noticed. `left` is called once when the browser is gone or too far behind; the
 * stream must not be touched after it returned. NULL: no memory, and the connection is closed. */
struct stream *http_stream(struct exchange *x, void (*left)(void *arg, struct stream *s),
                           void *arg);
/* One event: `id` (NULL = none) is what the browser says in Last-Event-ID when it comes back;
 * `data` is one line. ST_FULL: the browser does not read; the stream ends and `left` follows on a
 * later turn. */
enum status stream_send(struct stream *s, const char *event, const char *id, const char *data);
void stream_end(struct stream *s); /* no `left` after that */

/* --- whose streams they are ----------------------------------------------------------------------
 */

enum { EXCHANGE_OWNER = 32 };
/* Whom a stream belongs to, in bytes that only the caller understands; before http_stream. */
void exchange_own(struct exchange *x, const uint8_t owner[EXCHANGE_OWNER]);
/* Ends every owned stream whose owner may not `stay`; `left` follows on a later turn. */
void http_sort_out(struct http *h, bool (*stays)(void *arg, const uint8_t owner[EXCHANGE_OWNER]),
                   void *arg);

#endif
