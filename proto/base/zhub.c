/* zhub - the hub: ZeroMQ sockets on the loop; see zport.h.
 *
 * The descriptor of a ZeroMQ socket is edge-triggered and says only "look at ZMQ_EVENTS"; every
 * send, receive and option may swallow the edge. So nothing is read when the descriptor fires: it
 * marks the socket dirty, and so does every use of it. Before each wait the hub re-reads ZMQ_EVENTS
 * of the dirty sockets and forbids the wait when one of them has work; after the wait it calls the
 * owners, each with a budget, and marks them dirty again. A socket is therefore never left alone
 * before it said "nothing" after its last use. */
#include "proto/base/zport_parts.h"

#include <assert.h>
#include <errno.h>

#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/banned.h"

void zhub_look(struct zhub_entry *e)
{
    int events = 0;
    size_t size = sizeof(events);

    e->is_dirty = false;
    while (zmq_getsockopt(e->socket, ZMQ_EVENTS, &events, &size) != 0)
        if (errno != EINTR) {
            events = 0;
            break;
        }
    e->can_read = events & ZMQ_POLLIN;
    e->can_write = events & ZMQ_POLLOUT;
}

static bool has_work(const struct zhub_entry *e)
{
    return (e->can_read && !e->is_muted) || (e->can_write && e->wants_room);
}

static int look_before_wait(void *arg)
{
    struct zctx *z = arg;
    struct list *pos;
    int any = 0;

    list_each(pos, &z->entries) {
        struct zhub_entry *e = container_of(pos, struct zhub_entry, link);

        if (e->socket && e->is_dirty)
            zhub_look(e);
        if (e->socket && has_work(e))
            any = 1;
    }
    return any;
}

static void free_unwatched(struct zctx *z)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &z->entries) {
        struct zhub_entry *e = container_of(pos, struct zhub_entry, link);

        if (e->socket)
            continue;
        list_remove(&e->link);
        mem_free(e);
    }
}

static void serve(struct zhub_entry *e)
{
    if (e->is_dirty)
        zhub_look(e); /* spares a turn when the descriptor fired during this wait */
    if (!has_work(e))
        return;
    e->is_dirty = true;
    if (e->can_write && e->wants_room) {
        e->wants_room = false;
        e->room(e->arg);
    }
    if (e->socket && e->can_read && !e->is_muted)
        e->ready(e->arg);
}

static void serve_after_wait(void *arg)
{
    struct zctx *z = arg;
    struct list *pos;

    z->is_calling = true;
    list_each(pos, &z->entries) {
        struct zhub_entry *e = container_of(pos, struct zhub_entry, link);

        if (e->socket)
            serve(e);
    }
    z->is_calling = false;
    free_unwatched(z);
}

enum status zctx_create(struct zctx **out, struct loop *l)
{
    struct zctx *z = mem_zalloc(sizeof(*z));
    enum status st;

    if (!z)
        return ST_NOMEM;
    z->loop = l;
    list_init(&z->entries);
    z->context = zmq_ctx_new();
    if (!z->context) {
        st = ST_IO;
        goto fail_ctx;
    }
    zmq_ctx_set(z->context, ZMQ_BLOCKY, 0); /* sockets linger 0 unless they say otherwise */
    st = loop_hook_create(&z->hook, l, look_before_wait, serve_after_wait, z);
    if (st != ST_OK)
        goto fail_context;
    *out = z;
    return ST_OK;

fail_context:
    zmq_ctx_term(z->context);
fail_ctx:
    mem_free(z);
    return st;
}

void zctx_destroy(struct zctx *z)
{
    if (!z)
        return;
    assert(!z->is_calling);
    assert(list_empty(&z->entries));
    loop_hook_destroy(z->hook);
    while (zmq_ctx_term(z->context) != 0 && errno == EINTR)
        ;
    mem_free(z);
}

void *zctx_context(struct zctx *z)
{
    return z->context;
}

static void on_descriptor(void *arg, int events)
{
    struct zhub_entry *e = arg;

    (void)events;
    e->is_dirty = true;
}

enum status zctx_watch(struct zhub_entry **out, struct zctx *z, void *socket,
                       void (*ready)(void *arg), void *arg)
{
    struct zhub_entry *e;
    int fd = -1;
    size_t size = sizeof(fd);
    enum status st;

    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) != 0)
        return zport_status(errno);
    e = mem_zalloc(sizeof(*e));
    if (!e)
        return ST_NOMEM;
    e->ctx = z;
    e->socket = socket;
    e->ready = ready;
    e->arg = arg;
    e->is_dirty = true;
    st = loop_poll_create(&e->poll, z->loop, fd, on_descriptor, e);
    if (st != ST_OK) {
        mem_free(e);
        return st;
    }
    loop_poll_set(e->poll, LOOP_READ);
    list_add_tail(&z->entries, &e->link);
    *out = e;
    return ST_OK;
}

void zctx_touch(struct zhub_entry *e)
{
    e->is_dirty = true;
}

void zctx_unwatch(struct zhub_entry *e)
{
    struct zctx *z;

    if (!e)
        return;
    z = e->ctx;
    loop_poll_destroy(e->poll);
    e->socket = NULL;
    if (!z->is_calling)
        free_unwatched(z);
}
