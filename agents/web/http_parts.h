/* http_parts - what the files of http share, and their door to libmicrohttpd; nobody else includes
 * this. http.c has the server and its turns, border.c what is refused unseen, crowd.c who makes
 * room, exchange.c requests and answers, stream.c the news. */
#ifndef EOCBUS_WEB_HTTP_PARTS_H
#define EOCBUS_WEB_HTTP_PARTS_H

#include <microhttpd.h>

#include "agents/web/http.h"
#include "proto/base/list.h"

struct http {
    struct http_settings set;
    struct MHD_Daemon *daemon;
    struct loop_poll *poll;
    struct loop_timer *due, *watch; /* what libmicrohttpd asks for; slow requests and comments */
    struct list exchanges, streams, callers;
    unsigned port, watches;
    bool ending;
};

/* One connection, for as long as it stands; a request that drips is cut by it. */
struct caller {
    struct list link;
    int fd;
    char network[64];     /* network_of its address */
    uint64_t since_us;    /* first byte of the request that is not there whole; 0 = none */
    uint64_t answered_us; /* an answer that ends is on its way since then; 0 = none */
    uint64_t received;    /* bytes, when its last answer was through */
    uint64_t idle_us;     /* since when; 0 = it was never answered */
    bool busy;            /* its request is there whole, and is being answered */
    bool leaves;          /* it was put out, and counts no more */
};

enum exchange_state { X_COMING, X_WAITING, X_ANSWERED };
struct exchange {
    struct list link;
    struct http *http;
    struct MHD_Connection *connection;
    enum exchange_state state;
    const char *method;
    char *path;
    char peer[64], network[64]; /* network_of the peer */
    uint8_t owner[EXCHANGE_OWNER];
    struct buf body;
    bool too_long, asleep, is_owned, is_strange;
    unsigned answer_status;
    struct MHD_Response *response; /* made, not given to libmicrohttpd yet */
    struct stream *stream;
    void *mine;
};

struct stream {
    struct list link;
    struct http *http;
    struct exchange *x;
    struct buf waiting; /* [sent, len) is what the browser has not taken */
    size_t sent;
    bool asleep, over;
    unsigned holders;
    void (*left)(void *arg, struct stream *s);
    void *arg;
};

/* --- http.c --- */
void http_soon(struct http *h); /* libmicrohttpd has something to do: with the next turn */

/* The kernel's count of what a connection received. */
uint64_t caller_received(const struct caller *c);

/* --- crowd.c --- */

/* Whether one more of this network comes in; others may have to go for it. */
bool crowd_lets_in(const struct http *h, const char *network, bool is_proxy);

/* --- border.c --- */

/* The other end as text: "192.0.2.7", "2001:db8::7". */
void peer_text(char out[64], const struct sockaddr *at);
/* A connection from there, before its first byte. */
enum MHD_Result border_accept(void *arg, const struct sockaddr *at, socklen_t len);
/* Whether a path as it came ("/a%20b?c") can be read in one way only. */
bool border_target_is_plain(const char *raw);
/* Notes the peer; NULL: it may come in, else the answer that keeps it out. */
const struct answer *border_refusal(struct exchange *x);

/* --- exchange.c --- */
void *exchange_begun(void *arg, const char *raw, struct MHD_Connection *c);
enum MHD_Result exchange_step(void *arg, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *len, void **mine);
void exchange_ended(void *arg, struct MHD_Connection *c, void **mine,
                    enum MHD_RequestTerminationCode how);
void exchange_free(struct exchange *x);
/* The headers of every answer. */
void add_house_headers(struct MHD_Response *r, const struct exchange *x);

/* --- stream.c --- */
void stream_comment_all(struct http *h);
void stream_gone(struct stream *s);

#endif
