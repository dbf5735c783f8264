/* daemon - eocbus-console run: the pages, until it is told to end. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/api/api.h"
#include "agents/console/api/doorman.h"
#include "agents/console/api/feed.h"
#include "agents/console/api/login.h"
#include "agents/console/api/order_desk.h"
#include "agents/console/api/shared.h"
#include "agents/console/api/taking.h"
#include "agents/console/news/news.h"
#include "agents/console/page/page.h"
#include "agents/console/read/book.h"
#include "agents/console/say/said.h"
#include "proto/base/conninfo.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { BODY_BYTES = 1 << 18, STREAM_BYTES = 1 << 20, REQUEST_MS = 30000, PEM_BYTES = 1 << 16 };
/* 300 KB, the longest of our answers, take two minutes at the 20 kbit/s of a 2G link. */
enum { ANSWER_MS = 300000 };
#define LIFE_US INT64_C(604800000000) /* a week, then everybody signs in again */

struct daemon {
    struct console *c;
    struct loop_signal *signals[3];
    struct buf cert, key;
};

static void on_signal(void *arg, int signum)
{
    struct daemon *d = arg;
    char err[600];

    if (signum != SIGHUP) {
        log_info("console.stop", "signal=%d", signum);
        loop_stop(d->c->loop);
    } else if (agent_rekey(d->c->agent, d->c->set.agent.key_file, err, sizeof(err)) != ST_OK) {
        log_error("agent.rekey.failed", "why=\"%s\" next=\"the old key stays\"", err);
    }
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct console *c = arg;

    if (up)
        log_info("console.link.up", "%s", why ? why : "");
    else
        log_warn("console.link.down", "why=%s", why ? why : "");
    if (c->news)
        news_truth(c->news);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    struct console *c = arg;

    if (!oc->stored)
        log_warn("console.refused", "tag=%llu code=%s path=%s", (unsigned long long)tag,
                 oc->code ? oc->code : "", oc->path ? oc->path : "");
    if (c->news)
        news_settled(c->news, tag, oc);
    if (!oc->stored)
        order_desk_refused(c->order_desk);
}

static void on_reader(void *arg, bool up)
{
    struct console *c = arg;

    if (up)
        log_info("console.database.up", "%s", "");
    else
        log_warn("console.database.down", "next=\"pages show what they have, and say so\"");
    if (c->news)
        news_truth(c->news);
    if (up && c->agent)
        order_desk_look(c->order_desk);
}

/* --- starting --------------------------------------------------------------------------------- */

static enum status start_signals(struct daemon *d)
{
    static const int signums[] = {SIGTERM, SIGINT, SIGHUP};
    enum status st = ST_OK;

    for (size_t i = 0; st == ST_OK && i < ARRAY_LEN(signums); i++)
        st = loop_signal_create(&d->signals[i], d->c->loop, signums[i], on_signal, d);
    return st;
}

static enum status start_bus(struct console *c, char *err, size_t err_size)
{
    const struct agent_events events = {.arg = c, .linked = on_linked, .settled = on_settled};
    struct agent_settings set = c->set.agent; /* borrowed texts */
    enum status st;

    set.stays = true;
    st = agent_create(&c->agent, c->loop, &set, "eocbus-console " EOCBUS_VERSION, &events, err,
                      err_size);
    if (st == ST_OK)
        st = news_create(&c->news, c);
    return st == ST_OK ? news_subscribe(c->news, err, err_size) : st;
}

static enum status start_said(struct console *c)
{
    char path[1100];
    enum status st;

    snprintf(path, sizeof(path), "%s.said", c->set.people);
    st = said_create(&c->said, path, SAID_MOST);
    if (st == ST_IO)
        log_warn("console.said", "path=%s next=\"the digests of this run still count\"", path);
    return st == ST_IO ? ST_OK : st;
}

static enum status start_people(struct console *c, char *err, size_t err_size)
{
    char path[1100];
    enum status st;

    snprintf(path, sizeof(path), "%s.sessions", c->set.people);
    snprintf(err, err_size, "out of memory");
    st = sessions_create(&c->sessions, c->loop, path, c->set.idle_ms * INT64_C(1000), LIFE_US);
    if (st == ST_OK)
        st = shared_create(&c->shared, c);
    if (st == ST_OK)
        st = orders_create(&c->orders);
    if (st == ST_OK)
        st = order_desk_create(&c->order_desk, c);
    if (st == ST_OK)
        st = logins_create(&c->logins, c);
    return st == ST_OK ? start_said(c) : st;
}

static enum status start_reader(struct console *c, char *err, size_t err_size)
{
    const struct reader_settings set = {.loop = c->loop,
                                        .conninfo = c->set.database,
                                        .connections = 3,
                                        .waiting_most = 400,
                                        .deadline_ms = 10000,
                                        .arg = c,
                                        .changed = on_reader};
    enum status st;

    snprintf(err, err_size, "out of memory");
    st = reader_create(&c->reader, &set);
    return st == ST_OK ? book_create(&c->book, c->loop, c->reader) : st;
}

static enum status read_pem(const char *path, struct buf *out, char *err, size_t err_size)
{
    enum status st = file_read(path, out, PEM_BYTES);

    if (st == ST_OK)
        buf_put(out, "", 1);
    if (st == ST_OK && !out->failed)
        return ST_OK;
    snprintf(err, err_size, "%s cannot be read: tls.cert and tls.key are PEM files of this machine",
             path);
    return st == ST_OK ? ST_NOMEM : st;
}

static enum status start_pages(struct daemon *d, char *err, size_t err_size)
{
    struct console *c = d->c;
    const bool tls = *c->set.cert || *c->set.key;
    struct http_settings set = {.loop = c->loop,
                                .address = c->set.listen,
                                .connections = c->set.connections,
                                .connections_each = c->set.connections_each,
                                .body_bytes = BODY_BYTES,
                                .stream_bytes = STREAM_BYTES,
                                .request_ms = REQUEST_MS,
                                .answer_ms = ANSWER_MS,
                                .proxy = c->set.proxy,
                                .proxy_is_secure = c->set.secure,
                                .arg = c,
                                .handle = api_request,
                                .gone = api_gone};
    enum status st;

    st = console_check(&c->set, err, err_size);
    if (st == ST_OK && tls)
        st = read_pem(c->set.cert, &d->cert, err, err_size);
    if (st == ST_OK && tls)
        st = read_pem(c->set.key, &d->key, err, err_size);
    set.cert_pem = (const char *)d->cert.data;
    set.key_pem = (const char *)d->key.data;
    if (st == ST_OK)
        st = http_create(&c->http, &set, err, err_size);
    if (st == ST_OK)
        st = doorman_create(&c->doorman, c);
    if (st == ST_OK)
        log_info("console.listen", "url=%s://%.*s:%u", tls ? "https" : "http",
                 (int)(strrchr(c->set.listen, ':') - c->set.listen), c->set.listen,
                 http_port(c->http));
    return st;
}

static enum status start(struct daemon *d, char *err, size_t err_size)
{
    struct console *c = d->c;
    enum status st;

    snprintf(err, err_size, "out of memory");
    st = loop_create(&c->loop);
    if (st == ST_OK)
        st = start_signals(d);
    if (st == ST_OK)
        st = shelf_create(&c->shelf, c->set.leaflet);
    if (st == ST_OK)
        st = start_people(c, err, err_size);
    if (st == ST_OK)
        st = start_reader(c, err, err_size);
    if (st == ST_OK)
        st = start_bus(c, err, err_size);
    if (st == ST_OK)
        st = feed_create(&c->feed, c, err, err_size);
    return st == ST_OK ? start_pages(d, err, err_size) : st;
}

static void end(struct daemon *d)
{
    struct console *c = d->c;

    doorman_destroy(c->doorman);
    http_destroy(c->http);
    reader_destroy(c->reader);
    shared_destroy(c->shared);
    feed_destroy(c->feed);
    book_destroy(c->book);
    news_destroy(c->news);
    c->news = NULL;
    agent_destroy(c->agent);
    logins_destroy(c->logins);
    orders_destroy(c->orders);
    order_desk_destroy(c->order_desk);
    sessions_destroy(c->sessions);
    said_destroy(c->said);
    shelf_destroy(c->shelf);
    for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
        loop_signal_destroy(d->signals[i]);
    loop_destroy(c->loop);
    password_wipe((char *)d->key.data, d->key.len);
    buf_free(&d->cert);
    buf_free(&d->key);
}

int console_run(struct console *c)
{
    struct daemon d = {.c = c};
    char err[600];
    enum status st;

    if (c->argc > 1)
        return program_fail(c->program, EXIT_USAGE, "run takes no arguments; see --help");
    if (strcmp(c->set.status, "actual") != 0 && strcmp(c->set.status, "exercise") != 0)
        return program_fail(c->program, EXIT_USAGE, "status = %s: legal are actual and exercise",
                            c->set.status);
    st = start(&d, err, sizeof(err));
    if (st == ST_OK)
        loop_run(c->loop);
    end(&d);
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(c->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}
