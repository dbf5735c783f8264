/* border - what is looked at before a request counts for anything. See http.h.
 *
 *   connection ─▶ of this address not too many ─▶ target as it came ─▶ headers ─▶ whose it is
 *
 * A request that a proxy before us cuts in another place than we do would smuggle a second one in
 * (RFC 9112, 11.2): one Content-Length, one Host, no Transfer-Encoding; no page of ours sends one.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agents/web/http_parts.h"

#include "proto/base/banned.h"

/* A body that is a little too long is read and answered, so that the browser hears why; of one that
 * is far too long nothing is read. */
enum { FAR_TOO_LONG = 16 };

#define REFUSE(name, code, word, words)                                                            \
    static const struct answer name = {                                                            \
        .status = (code),                                                                          \
        .type = "application/json",                                                                \
        .body = "{\"error\":\"" word "\",\"text\":\"" words "\"}",                                 \
        .len = sizeof("{\"error\":\"" word "\",\"text\":\"" words "\"}") - 1,                      \
        .lasting = true,                                                                           \
    }

REFUSE(no_path, 404, "path", "There is no such path.");
REFUSE(two_ways, 400, "request", "This request can be read in two ways.");
REFUSE(no_length, 411, "length", "A request says its Content-Length.");
REFUSE(far_too_long, 413, "too_long", "The request is far too long.");
REFUSE(too_many, 429, "busy", "Too many requests of one address are open.");

/* --- who connects -------------------------------------------------------------------------------
 */

/* On a socket for both families IPv4 comes as ::ffff:192.0.2.7. */
static void peer_text6(char out[64], const struct in6_addr *at)
{
    if (IN6_IS_ADDR_V4MAPPED(at))
        (void)inet_ntop(AF_INET, at->s6_addr + 12, out, 64);
    else
        (void)inet_ntop(AF_INET6, at, out, 64);
}

void peer_text(char out[64], const struct sockaddr *at)
{
    *out = '\0';
    if (at && at->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)at)->sin_addr, out, 64);
    else if (at && at->sa_family == AF_INET6)
        peer_text6(out, &((const struct sockaddr_in6 *)at)->sin6_addr);
}

void network_of(char out[64], const char *peer)
{
    struct in6_addr at;

    if (inet_pton(AF_INET6, peer, &at) == 1) {
        memset(at.s6_addr + 8, 0, 8);
        (void)inet_ntop(AF_INET6, &at, out, 64);
    } else {
        snprintf(out, 64, "%s", peer);
    }
}

static bool is_proxy(const struct http *h, const char *peer)
{
    return h->set.proxy && *h->set.proxy && strcmp(h->set.proxy, peer) == 0;
}

enum MHD_Result border_accept(void *arg, const struct sockaddr *at, socklen_t len)
{
    struct http *h = arg;
    char peer[64], network[64];

    (void)len;
    peer_text(peer, at);
    network_of(network, peer);
    if (!is_proxy(h, peer) && h->set.proxy_is_secure && h->set.proxy && *h->set.proxy)
        return MHD_NO; /* past the proxy a password would come in the clear */
    return crowd_lets_in(h, network, is_proxy(h, peer)) ? MHD_YES : MHD_NO;
}

/* --- what it asks for ---------------------------------------------------------------------------
 */

static int hex_of(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Only what is not ASCII is written with a percent sign in a path of ours: no dot, slash,
 * backslash, NUL or percent sign hides behind one. */
static bool is_plain_escape(const char *at)
{
    return hex_of(at[1]) >= 8 && hex_of(at[2]) >= 0;
}

bool border_target_is_plain(const char *raw)
{
    if (*raw != '/' || strncmp(raw, "//", 2) == 0)
        return false; /* http://other/, *, //other/ */
    for (const char *at = raw; *at && *at != '?'; at++) {
        unsigned char c = (unsigned char)*at;

        if (c <= 0x20 || c == 0x7f || c == '\\' || c == '#' || (c == '%' && !is_plain_escape(at)))
            return false;
        if (c == '/' &&
            (at[1] == '/' || strncmp(at + 1, "./", 2) == 0 || strncmp(at + 1, "../", 3) == 0))
            return false;
    }
    return true;
}

/* --- its headers --------------------------------------------------------------------------------
 */

struct counted {
    unsigned lengths, encodings, hosts, strange;
    const char *length, *forwarded;
};

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct counted *n = arg;

    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        n->lengths++;
        n->length = value ? value : "";
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        n->encodings++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        n->hosts++;
    } else if (strcasecmp(name, "X-Forwarded-For") == 0) {
        n->forwarded = value;
    } else if (strpbrk(name, " \t\r\n")) {
        n->strange++; /* "Content-Length : 5" is another header to somebody else */
    }
    return MHD_YES;
}

/* "192.0.2.1, 198.51.100.7": the last one is whom the proxy saw, what stands before it anybody may
 * have written. */
static void believe_proxy(char peer[64], const char *forwarded)
{
    unsigned char bytes[16];
    const char *last = strrchr(forwarded, ',');
    char text[64];
    size_t len;

    last = last ? last + 1 : forwarded;
    last += strspn(last, " \t");
    len = strcspn(last, " \t");
    if (len >= sizeof(text) || last[len + strspn(last + len, " \t")])
        return;
    memcpy(text, last, len);
    text[len] = '\0';
    if (inet_pton(AF_INET, text, bytes) == 1)
        (void)inet_ntop(AF_INET, bytes, peer, 64);
    else if (inet_pton(AF_INET6, text, bytes) == 1)
        peer_text6(peer, (const struct in6_addr *)(const void *)bytes);
}

static bool is_far_too_long(const struct exchange *x, const char *length)
{
    return strlen(length) > 12 ||
           strtoull(length, NULL, 10) > (uint64_t)x->http->set.body_bytes * FAR_TOO_LONG;
}

/* Only behind a proxy: else connections are counted. */
static bool has_too_many(const struct exchange *x)
{
    unsigned has = 0;
    struct list *pos;

    list_each(pos, &x->http->exchanges) {
        const struct exchange *one = container_of(pos, struct exchange, link);

        has += strcmp(one->network, x->network) == 0;
    }
    return has > x->http->set.connections_each;
}

static const struct answer *refuse_headers(const struct exchange *x, const struct counted *n)
{
    if (n->encodings && !n->lengths)
        return &no_length;
    if (n->encodings || n->lengths > 1 || n->hosts != 1 || n->strange ||
        (n->lengths && (!*n->length || n->length[strspn(n->length, "0123456789")])))
        return &two_ways;
    if (n->lengths && is_far_too_long(x, n->length))
        return &far_too_long;
    return NULL;
}

const struct answer *border_refusal(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct counted n = {.length = NULL};
    const struct answer *wrong;

    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &n);
    peer_text(x->peer, info ? info->client_addr : NULL);
    wrong = refuse_headers(x, &n);
    if (wrong || x->is_strange)
        return wrong ? wrong : &no_path;
    if (!is_proxy(x->http, x->peer))
        return NULL;
    if (n.forwarded)
        believe_proxy(x->peer, n.forwarded);
    network_of(x->network, x->peer);
    return has_too_many(x) ? &too_many : NULL;
}
