/* A client goes through ASKING (reads until a newline or the end), ANSWERING (writes what was
 * prepared) and is gone. One timer per client, set when it comes, ends both phases: what is slow is
 * cut, be it in asking or in reading. */
#include "broker/admin/admin.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/admin/metrics.h"
#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    CLIENTS_MAX = 16, /* a handful of people and a scraper; each costs an answer of about 6 KiB */
    CLIENT_MS = 5000,
    LINE_BYTES = 128, /* the longest command has 8 */
    BACKLOG = 32,
    ACCEPT_REST_MS = 1000, /* out of file descriptors: asking again at once would only spin */
};

struct client {
    struct list link;
    struct admin *admin; /* borrowed, outlives us */
    int fd;
    struct loop_poll *poll;
    struct loop_timer *timer;
    char line[LINE_BYTES];
    size_t line_len;
    struct buf answer; /* empty while the client is asking */
    size_t sent;
};

struct admin {
    struct loop *loop; /* borrowed, outlives us */
    struct admin_exits exits;
    int fd;
    struct loop_poll *poll;
    struct loop_timer *rest; /* until new clients are taken again after accept failed */
    struct list clients;
    unsigned client_count;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    dev_t device; /* of the socket's file, to remove only our own */
    ino_t inode;
};

/* --- commands --------------------------------------------------------------------------------- */

static void say_status(struct admin *a, struct buf *out, bool prometheus)
{
    struct admin_report r = {0};

    a->exits.collect(a->exits.arg, &r);
    r.resident_bytes = metrics_resident_bytes();
    (prometheus ? metrics_print_prometheus : metrics_print_status)(out, &r);
}

static void do_status(struct admin *a, struct buf *out)
{
    say_status(a, out, false);
}

static void do_metrics(struct admin *a, struct buf *out)
{
    say_status(a, out, true);
}

/* Lets an exit write to a FILE and appends what it wrote. */
static void put_written(struct admin *a, struct buf *out, void (*write_to)(void *arg, FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (!f) {
        buf_puts(out, "error: out of memory\n");
        return;
    }
    write_to(a->exits.arg, f);
    if (fclose(f) == 0)
        buf_put(out, text, len);
    free(text);
}

static void do_settings(struct admin *a, struct buf *out)
{
    put_written(a, out, a->exits.settings);
}

static void do_agents(struct admin *a, struct buf *out)
{
    put_written(a, out, a->exits.agents);
}

static void do_reload(struct admin *a, struct buf *out)
{
    put_written(a, out, a->exits.reload);
}

static void do_help(struct admin *a, struct buf *out);

static const struct command {
    const char *name, *help;
    void (*run)(struct admin *a, struct buf *out);
} commands[] = {
    {"status", "how the broker is, as key=value lines", do_status},
    {"metrics", "the same for Prometheus, text format", do_metrics},
    {"settings", "the settings in force, secrets hidden", do_settings},
    {"agents", "one line for each agent: is it there, its clock, its quota", do_agents},
    {"reload", "read the settings file again", do_reload},
    {"help", "this list", do_help},
};

static void do_help(struct admin *a, struct buf *out)
{
    (void)a;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        buf_printf(out, "%-9s %s\n", commands[i].name, commands[i].help);
}

static void run_command(struct client *c)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (!strcmp(c->line, commands[i].name)) {
            commands[i].run(c->admin, &c->answer);
            return;
        }
    buf_puts(&c->answer, "error: no such command; these are known:\n");
    do_help(c->admin, &c->answer);
}

/* --- clients ---------------------------------------------------------------------------------- */

static void client_destroy(struct client *c)
{
    struct admin *a = c->admin;

    list_remove(&c->link);
    loop_timer_destroy(c->timer);
    loop_poll_destroy(c->poll);
    close(c->fd);
    buf_free(&c->answer);
    mem_free(c);
    if (a->client_count-- == CLIENTS_MAX)
        loop_poll_set(a->poll, LOOP_READ);
}

static void on_client_late(void *arg)
{
    struct client *c = arg;

    log_warn("admin.client.late", "phase=%s sent=%zu", c->answer.len ? "reading" : "asking",
             c->sent);
    client_destroy(c);
}

/* Writes what fits; the client is gone when all is written or it left. */
static void write_answer(struct client *c)
{
    while (c->sent < c->answer.len) {
        ssize_t n = send(c->fd, c->answer.data + c->sent, c->answer.len - c->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            loop_poll_set(c->poll, LOOP_WRITE);
            return;
        }
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    client_destroy(c);
}

/* A UNIX socket that closes with input unread tells the peer ECONNRESET instead of our answer. */
static void drain_input(struct client *c)
{
    char unread[4096];
    ssize_t n = recv(c->fd, unread, sizeof(unread), 0);

    (void)n;
}

static void answer_line(struct client *c)
{
    char *end = c->line + c->line_len;

    drain_input(c);
    while (end > c->line && (end[-1] == '\r' || end[-1] == ' '))
        end--;
    *end = 0;
    run_command(c);
    if (c->answer.failed) {
        log_error("admin.answer.nomem", "bytes=%zu", c->answer.len);
        client_destroy(c);
        return;
    }
    write_answer(c);
}

/* Reads one line; its end, the end of the input or a full buffer close the question. */
static void read_line(struct client *c)
{
    char *room = c->line + c->line_len;
    ssize_t n = recv(c->fd, room, sizeof(c->line) - 1 - c->line_len, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0 || (n == 0 && c->line_len == 0)) {
        client_destroy(c); /* left without a word */
        return;
    }
    char *newline = memchr(room, '\n', (size_t)n);
    c->line_len += newline ? (size_t)(newline - room) : (size_t)n;
    if (newline || n == 0 || c->line_len == sizeof(c->line) - 1)
        answer_line(c);
}

static void on_client(void *arg, int events)
{
    struct client *c = arg;

    (void)events;
    if (c->answer.len)
        write_answer(c);
    else
        read_line(c);
}

static void on_rested(void *arg)
{
    struct admin *a = arg;

    if (a->client_count < CLIENTS_MAX)
        loop_poll_set(a->poll, LOOP_READ);
}

static enum status client_create(struct admin *a, int fd)
{
    struct client *c = mem_zalloc(sizeof(*c));

    if (!c)
        return ST_NOMEM;
    c->admin = a;
    c->fd = fd;
    if (loop_timer_create(&c->timer, a->loop, on_client_late, c))
        goto fail_client;
    if (loop_poll_create(&c->poll, a->loop, fd, on_client, c))
        goto fail_timer;
    loop_timer_start(c->timer, CLIENT_MS, 0);
    loop_poll_set(c->poll, LOOP_READ);
    list_add_tail(&a->clients, &c->link);
    if (++a->client_count == CLIENTS_MAX)
        loop_poll_set(a->poll, 0);
    return ST_OK;

fail_timer:
    loop_timer_destroy(c->timer);
fail_client:
    mem_free(c);
    return ST_NOMEM;
}

static void on_listener(void *arg, int events)
{
    struct admin *a = arg;
    int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        log_warn("admin.accept", "error=%s retry_ms=%d", strerror(errno), ACCEPT_REST_MS);
        loop_poll_set(a->poll, 0);
        loop_timer_start(a->rest, ACCEPT_REST_MS, 0);
        return;
    }
    if (client_create(a, fd)) {
        log_error("admin.client.nomem", "clients=%u", a->client_count);
        close(fd);
    }
}

/* --- the socket's file ------------------------------------------------------------------------ */

/* ST_OK: the path is free now. */
static enum status clear_path(const struct sockaddr_un *at, char *err, size_t err_size)
{
    struct stat seen;

    if (lstat(at->sun_path, &seen) < 0)
        return ST_OK; /* if it is something else than "not there", bind will say so */
    if (!S_ISSOCK(seen.st_mode)) {
        snprintf(err, err_size, "%s exists and is not a socket; remove it or set control.socket",
                 at->sun_path);
        return ST_INVALID;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(err, err_size, "cannot make a socket: %s", strerror(errno));
        return ST_IO;
    }
    int answered = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN;
    close(fd);
    if (answered) {
        snprintf(err, err_size, "another broker is running on %s; stop it or set control.socket",
                 at->sun_path);
        return ST_EXISTS;
    }
    unlink(at->sun_path);
    return ST_OK;
}

/* The mode is set on the socket before it gets its file, so that the file is never wider than 0600.
 */
static enum status open_socket(struct admin *a, char *err, size_t err_size)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat made;

    memcpy(at.sun_path, a->path, sizeof(at.sun_path));
    enum status st = clear_path(&at, err, err_size);
    if (st)
        return st;
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd >= 0 && fchmod(a->fd, 0600) == 0 &&
        bind(a->fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(a->fd, BACKLOG) == 0 &&
        lstat(a->path, &made) == 0) {
        a->device = made.st_dev;
        a->inode = made.st_ino;
        return ST_OK;
    }
    snprintf(err, err_size, "cannot open the control socket %s: %s", a->path, strerror(errno));
    if (a->fd >= 0)
        close(a->fd);
    return ST_IO;
}

static void close_socket(struct admin *a)
{
    struct stat seen;

    close(a->fd);
    if (lstat(a->path, &seen) == 0 && seen.st_dev == a->device && seen.st_ino == a->inode)
        unlink(a->path);
}

enum status admin_create(struct admin **out, struct loop *l, const char *path,
                         const struct admin_exits *exits, char *err, size_t err_size)
{
    struct admin *a;
    enum status st = ST_NOMEM;

    if (strlen(path) >= sizeof(a->path)) {
        snprintf(err, err_size, "control.socket is %zu characters long; a UNIX socket takes %zu",
                 strlen(path), sizeof(a->path) - 1);
        return ST_INVALID;
    }
    snprintf(err, err_size, "out of memory");
    a = mem_zalloc(sizeof(*a));
    if (!a)
        return ST_NOMEM;
    a->loop = l;
    a->exits = *exits;
    list_init(&a->clients);
    memcpy(a->path, path, strlen(path));
    st = open_socket(a, err, err_size);
    if (st)
        goto fail_admin;
    st = loop_poll_create(&a->poll, l, a->fd, on_listener, a);
    if (st)
        goto fail_socket;
    st = loop_timer_create(&a->rest, l, on_rested, a);
    if (st)
        goto fail_poll;
    loop_poll_set(a->poll, LOOP_READ);
    *out = a;
    return ST_OK;

fail_poll:
    loop_poll_destroy(a->poll);
fail_socket:
    close_socket(a);
fail_admin:
    mem_free(a);
    return st;
}

void admin_destroy(struct admin *a)
{
    struct list *link;

    if (!a)
        return;
    while ((link = list_first(&a->clients)))
        client_destroy(container_of(link, struct client, link));
    loop_timer_destroy(a->rest);
    loop_poll_destroy(a->poll);
    close_socket(a);
    mem_free(a);
}
