/* stream - server-sent events (WHATWG HTML, 9.2). See http.h.
 *
 * A connection with nothing to send sleeps; an event wakes it. A browser that left is noticed only
 * by sending to it: hence a comment line now and then. */
#include <string.h>
#include <sys/socket.h>

#include "agents/web/http_parts.h"

#include "proto/base/banned.h"

enum { PIECE_BYTES = 4096 };

static ssize_t read_stream(void *arg, uint64_t at, char *out, size_t most)
{
    struct stream *s = arg;
    size_t n = s->waiting.len - s->sent;

    (void)at;
    if (s->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!n) {
        s->asleep = true;
        MHD_suspend_connection(s->x->connection);
        return 0;
    }
    if (n > most)
        n = most;
    memcpy(out, s->waiting.data + s->sent, n);
    s->sent += n;
    if (s->sent == s->waiting.len) {
        buf_clear(&s->waiting);
        s->sent = 0;
    }
    return (ssize_t)n;
}

static void wake(struct stream *s)
{
    if (s->asleep) {
        s->asleep = false;
        MHD_resume_connection(s->x->connection);
    }
    http_soon(s->http);
}

/* The exchange and the response each hold it; libmicrohttpd does not say which ends first. */
static void drop_stream(void *arg)
{
    struct stream *s = arg;

    if (--s->holders)
        return;
    buf_free(&s->waiting);
    mem_free(s);
}

struct stream *http_stream(struct exchange *x, void (*left)(void *arg, struct stream *s), void *arg)
{
    struct stream *s = mem_zalloc(sizeof(*s));

    x->state = X_ANSWERED;
    x->answer_status = MHD_HTTP_OK;
    if (s)
        x->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, read_stream,
                                                        s, drop_stream);
    if (x->asleep) {
        x->asleep = false;
        MHD_resume_connection(x->connection);
        http_soon(x->http);
    }
    if (!s || !x->response) {
        mem_free(s);
        return NULL;
    }
    *s = (struct stream){.http = x->http, .x = x, .left = left, .arg = arg, .holders = 2};
    add_house_headers(x->response, x);
    (void)MHD_add_response_header(x->response, "Content-Type", "text/event-stream");
    (void)MHD_add_response_header(x->response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(x->response, "X-Accel-Buffering", "no");
    x->stream = s;
    list_add_tail(&x->http->streams, &s->link);
    return s;
}

/* What was sent makes room first. */
static bool has_room(struct stream *s, size_t more)
{
    if (s->sent) {
        memmove(s->waiting.data, s->waiting.data + s->sent, s->waiting.len - s->sent);
        s->waiting.len -= s->sent;
        s->sent = 0;
    }
    return s->waiting.len + more <= s->http->set.stream_bytes;
}

/* The kernel holds what the browser did not read: without this its connection would never end. */
static void hang_up(struct stream *s)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(s->x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    s->over = true;
    if (info)
        shutdown(info->connect_fd, SHUT_RDWR);
}

enum status stream_send(struct stream *s, const char *event, const char *id, const char *data)
{
    size_t size = strlen(event) + (id ? strlen(id) : 0) + strlen(data) + 24;

    if (s->over)
        return ST_FULL;
    if (!has_room(s, size)) {
        hang_up(s);
    } else {
        if (id)
            buf_printf(&s->waiting, "id: %s\n", id);
        buf_printf(&s->waiting, "event: %s\ndata: %s\n\n", event, data);
        s->over = s->waiting.failed;
    }
    wake(s);
    return s->over ? ST_FULL : ST_OK;
}

void stream_comment_all(struct http *h)
{
    struct list *pos;

    list_each(pos, &h->streams) {
        struct stream *s = container_of(pos, struct stream, link);

        if (s->over || !has_room(s, 4))
            continue;
        buf_puts(&s->waiting, ":\n\n");
        wake(s);
    }
}

void http_sort_out(struct http *h, bool (*stays)(void *arg, const uint8_t owner[EXCHANGE_OWNER]),
                   void *arg)
{
    struct list *pos;

    list_each(pos, &h->streams) {
        struct stream *s = container_of(pos, struct stream, link);

        if (s->over || !s->x->is_owned || stays(arg, s->x->owner))
            continue;
        hang_up(s);
        wake(s);
    }
}

void stream_end(struct stream *s)
{
    s->left = NULL;
    hang_up(s);
    wake(s);
}

void stream_gone(struct stream *s)
{
    list_remove(&s->link);
    s->over = true;
    if (s->left && !s->http->ending)
        s->left(s->arg, s);
    drop_stream(s);
}
