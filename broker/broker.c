/* The rooms are made in the order in which they depend on the outside: loop, sockets' context,
 * access (ZAP has to be bound before any other socket, else the first peers come in unseen), port,
 * store, then the rooms without an outside, then the control socket, which is the sign that
 * everything else stands.
 *
 * What goes through here is one call long. The only thing remembered is the parcel that the router
 * is naming listeners for, and whether the principals are being read. */
#include "broker/broker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "broker/hall.h"
#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/program.h"

#include "proto/base/banned.h"

enum {
    /* An agent on 2G needs up to 7.6 s for the handshake (measured at 20 kbit/s). */
    HANDSHAKE_MS = 30000,
    /* For agents whose line was dark; every link profile answers within two seconds. */
    RTO_MOST_MS = 6000,
    SILENT_TIMEOUTS = 4, /* heartbeat.timeout times this: forgotten, whatever its link */
    /* Whole messages that one peer may have waiting with us: unread, 16 of 256 KiB are four times
     * what a window lets a well-behaved one send; unsent, 64 of 64 KiB are 4 MiB. Who does not read
     * but acknowledges has more of them made, and with 1,000 eight such connections took 450 MiB.
     * Beyond it a receipt waits in its session and a delivery in the log. */
    RECEIVE_HIGH_WATER = 16,
    SEND_HIGH_WATER = 64,
    /* Ending: the queue gets this long to commit, then the last receipts get this long to leave the
     * sockets' threads. Together below two seconds. */
    DRAIN_MS = 1500,
    GOODBYE_MS = 150,
    SUBSCRIPTIONS_PER_SESSION = 4, /* on average; LIMIT_SUBSCRIPTIONS is the most for one */
    FILES_BESIDE_SESSIONS = 128,
};

/* --- from the port ------------------------------------------------------------------------------
 */

static void on_message(void *arg, const struct zport_message *m)
{
    struct broker *b = arg;

    ingress_on_message(b->ingress, m);
}

static void on_broken(void *arg, const struct zport_message *m)
{
    struct broker *b = arg;

    ingress_on_broken(b->ingress, m);
}

static void on_writable(void *arg)
{
    struct broker *b = arg;

    ingress_writable(b->ingress);
    egress_writable(b->egress);
}

/* --- from ingress -------------------------------------------------------------------------------
 */

static enum status send_to(void *arg, const struct zport_id *to, const void *data, size_t len)
{
    struct broker *b = arg;

    return zport_send(b->port, to, data, len);
}

static enum status submit(void *arg, struct parcel **take)
{
    struct broker *b = arg;

    return store_submit(b->store, take);
}

static bool is_store_here(void *arg)
{
    struct broker *b = arg;

    return store_is_here(b->store);
}

static void tell_log_place(void *arg, uint32_t *log_epoch, uint64_t *head)
{
    struct broker *b = arg;

    *log_epoch = store_log_epoch(b->store);
    *head = store_head(b->store);
}

static void listen(void *arg, uint64_t session, const char *principal,
                   const Eocbus__V1__Frame *frame)
{
    struct broker *b = arg;

    egress_on_frame(b->egress, session, principal, frame);
}

static void on_session_gone(void *arg, uint64_t session)
{
    struct broker *b = arg;

    egress_session_gone(b->egress, session);
}

static void warn_one(void *arg, void *listener)
{
    struct broker *b = arg;

    egress_warn_one(b->egress, listener, b->warning);
}

static void withdraw_one(void *arg, void *listener)
{
    struct broker *b = arg;

    egress_withdraw_one(b->egress, listener, b->warning);
}

static void route_warning(struct broker *b, const struct parcel *p,
                          void (*each)(void *arg, void *listener))
{
    struct topics topics;

    if (!router_patterns(b->router))
        return;
    b->warning = p;
    parcel_topics(&topics, p);
    router_route(b->router, &topics, each, b);
    b->warning = NULL;
}

static void warn(void *arg, const struct parcel *p)
{
    struct broker *b = arg;

    route_warning(b, p, warn_one);
    egress_warned(b->egress);
}

static void withdraw(void *arg, const struct parcel *p)
{
    route_warning(arg, p, withdraw_one);
}

/* --- from the store -----------------------------------------------------------------------------
 */

static void on_settled(void *arg, struct parcel *p)
{
    struct broker *b = arg;

    ingress_settled(b->ingress, p);
}

static void on_settled_all(void *arg)
{
    struct broker *b = arg;

    ingress_settled_all(b->ingress);
}

static void hand_over(void *arg, void *listener)
{
    struct broker *b = arg;

    egress_routed_one(b->egress, listener, b->routing);
}

static void on_next(void *arg, struct parcel **take)
{
    struct broker *b = arg;
    struct topics topics;

    b->routing = *take;
    *take = NULL;
    if (router_patterns(b->router)) {
        parcel_topics(&topics, b->routing);
        router_route(b->router, &topics, hand_over, b);
    }
    egress_routed(b->egress, b->routing);
    parcel_drop(&b->routing);
}

static void on_here(void *arg, bool here, uint32_t log_epoch, uint64_t head)
{
    struct broker *b = arg;

    (void)head; /* egress asks for it itself */
    if (!here)
        return;
    ingress_log_epoch(b->ingress, log_epoch);
    egress_store_here(b->egress);
}

/* --- principals ---------------------------------------------------------------------------------
 */

static void ask_principals(void *arg);

static void finish_principals(struct broker *b, enum status st)
{
    b->asking = false;
    if (st == ST_OK) {
        access_commit(b->access);
        ingress_recheck(b->ingress);
        log_info("broker.principals", "count=%zu", access_count(b->access));
    } else {
        store_principals_unread(b->store); /* a revocation may be among them */
    }
    if (b->ask_again)
        ask_principals(b);
}

static void on_principal(void *arg, enum status st, const struct store_principal *row)
{
    struct broker *b = arg;
    struct principal p = {0};

    if (st != ST_OK || !row || !row->name) {
        finish_principals(b, st);
        return;
    }
    p.principal_id = row->principal_id;
    p.name = (char *)row->name; /* access copies */
    p.agency = (char *)row->agency;
    p.role = (char *)row->role;
    p.place = (char *)row->place;
    memcpy(p.public_key, row->public_key, sizeof(p.public_key));
    p.not_after_us = row->not_after_us;
    if (access_add(b->access, &p) != ST_OK)
        log_error("broker.principal", "name=%s next=\"not admitted\"", row->name);
}

/* One list at a time: access builds one new list, and two answers must not mix in it. */
static void ask_principals(void *arg)
{
    struct broker *b = arg;

    b->ask_again = b->asking;
    if (b->asking)
        return;
    b->asking = true;
    access_begin(b->access);
    if (store_principals(b->store, on_principal, b) != ST_OK)
        b->asking = false; /* the store says `principals` again when it can be asked */
}

/* --- from egress --------------------------------------------------------------------------------
 */

static enum status send_to_session(void *arg, uint64_t session, const void *data, size_t len)
{
    struct broker *b = arg;
    struct zport_id to;

    if (!ingress_address(b->ingress, session, &to))
        return ST_NOTFOUND;
    return zport_send(b->port, &to, data, len);
}

static void on_session_lost(void *arg, uint64_t session)
{
    struct broker *b = arg;

    ingress_session_lost(b->ingress, session);
}

static enum status may_listen(void *arg, const char *name, const char *pattern, struct refusal *why)
{
    struct broker *b = arg;
    const struct principal *p = access_find(b->access, name);

    return p ? access_may_listen(b->access, p, pattern, why) : ST_DENIED;
}

static void limit_session(void *arg, uint64_t session, size_t *frame_bytes, size_t *window_bytes)
{
    struct broker *b = arg;
    const struct link_limits *link = ingress_link(b->ingress, session);

    if (link->frame_bytes && link->frame_bytes < *frame_bytes)
        *frame_bytes = link->frame_bytes;
    if (link->window_bytes && link->window_bytes < *window_bytes)
        *window_bytes = link->window_bytes;
}

static enum status read_page(void *arg, uint64_t after, uint64_t upto, unsigned rows,
                             store_page_fn page, void *page_arg)
{
    struct broker *b = arg;

    return store_read(b->store, after, upto, rows, page, page_arg);
}

static void cancel_page(void *arg, void *page_arg)
{
    struct broker *b = arg;

    store_read_cancel(b->store, page_arg);
}

static enum status want(void *arg, const char *pattern, void *listener)
{
    struct broker *b = arg;

    return router_add(b->router, pattern, listener);
}

static void unwant(void *arg, void *listener)
{
    struct broker *b = arg;

    router_remove_listener(b->router, listener);
}

/* --- settings -----------------------------------------------------------------------------------
 */

static struct ingress_settings ingress_settings_of(const struct broker *b)
{
    const struct config *c = b->config;

    return (struct ingress_settings){
        .loop = b->loop,
        .access = b->access,
        .name = c->name,
        .window_items = c->ingress_window_items,
        .sessions_max = c->sessions_max,
        .sessions_per_principal = c->sessions_per_principal,
        .window_bytes = c->ingress_window_bytes,
        .quarantine_per_hour = c->quarantine_per_hour,
        .idle_ms = SILENT_TIMEOUTS * c->heartbeat_timeout_ms,
    };
}

static struct egress_settings egress_settings_of(const struct broker *b)
{
    const struct config *c = b->config;

    return (struct egress_settings){
        .loop = b->loop,
        .window_bytes = c->egress_window_bytes,
        .page_rows = c->page_rows,
        .horizon_ms = c->horizon_ms,
        .listeners_max = c->sessions_max * SUBSCRIPTIONS_PER_SESSION,
    };
}

static void apply_settings(struct broker *b)
{
    struct ingress_settings in = ingress_settings_of(b);
    struct egress_settings out = egress_settings_of(b);
    enum log_level level;

    if (log_level_parse(b->config->log_level, &level) == ST_OK)
        log_set_level(level);
    ingress_set(b->ingress, &in);
    egress_set(b->egress, &out);
}

/* One sentence on what came of it. */
static void reload(struct broker *b, char *text, size_t size)
{
    struct config next = {0};
    size_t n;
    const struct conf_row *rows = config_rows(&n);
    char waiting[512] = "", err[512] = "";
    enum status st = b->set.reread(&next, err, sizeof(err));

    if (st == ST_OK)
        st = config_adopt(b->config, &next, waiting, sizeof(waiting));
    conf_free(rows, n, &next);
    if (st != ST_OK) {
        snprintf(text, size, "nothing changed: %s", err[0] ? err : waiting);
        log_error("broker.reload.refused", "why=\"%s\"", text);
        return;
    }
    apply_settings(b);
    snprintf(text, size, "settings are in force%s%s",
             waiting[0] ? "; these wait for a restart: " : "", waiting);
    log_info("broker.reload", "waiting=\"%s\"", waiting);
}

static void admin_reload(void *arg, FILE *out)
{
    char text[640];

    reload(arg, text, sizeof(text));
    fprintf(out, "%s\n", text);
}

static void admin_settings(void *arg, FILE *out)
{
    struct broker *b = arg;
    size_t n;
    const struct conf_row *rows = config_rows(&n);

    conf_print(rows, n, b->config, out);
}

/* --- signals and the end ------------------------------------------------------------------------
 */

static void on_hangup(void *arg, int signum)
{
    char text[640];

    (void)signum;
    reload(arg, text, sizeof(text));
}

static void on_goodbye(void *arg)
{
    struct broker *b = arg;

    loop_stop(b->loop);
}

static void on_drained(void *arg)
{
    struct broker *b = arg;

    loop_timer_start(b->goodbye, GOODBYE_MS, 0);
}

static void on_terminate(void *arg, int signum)
{
    struct broker *b = arg;

    if (b->is_ending) { /* asked twice: at once */
        loop_stop(b->loop);
        return;
    }
    b->is_ending = true;
    log_info("broker.ending", "signal=%d", signum);
    zport_pause(b->port, true);
    ingress_stop(b->ingress);
    store_drain(b->store, DRAIN_MS, on_drained, b);
}

static enum status watch_signals(struct broker *b)
{
    enum status st = loop_signal_create(&b->term, b->loop, SIGTERM, on_terminate, b);

    if (st == ST_OK)
        st = loop_signal_create(&b->interrupt, b->loop, SIGINT, on_terminate, b);
    if (st == ST_OK)
        st = loop_signal_create(&b->hangup, b->loop, SIGHUP, on_hangup, b);
    if (st == ST_OK)
        st = loop_timer_create(&b->goodbye, b->loop, on_goodbye, b);
    return st;
}

/* --- the start ----------------------------------------------------------------------------------
 */

/* A connection is a descriptor; out of them, ZeroMQ's thread spins (measured). */
static void raise_file_limit(const struct broker *b)
{
    struct rlimit limit;
    rlim_t need = b->config->sessions_max + FILES_BESIDE_SESSIONS;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < need)
        log_warn("broker.files",
                 "limit=%llu needed=%llu next=\"raise LimitNOFILE, or lower ingress.sessions\"",
                 (unsigned long long)limit.rlim_cur, (unsigned long long)need);
}

/* Half of the files beside the sessions is for connections that have none yet, the other half stays
 * for the database, the control socket and the log. */
static unsigned connections_most(const struct broker *b)
{
    struct rlimit limit;
    rlim_t spare = FILES_BESIDE_SESSIONS / 2, most = b->config->sessions_max + spare;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most + spare)
        most = limit.rlim_cur > 2 * spare ? limit.rlim_cur - spare : spare;
    return (unsigned)most;
}

static int64_t utc_us(void *arg)
{
    struct broker *b = arg;

    return loop_utc_us(b->loop);
}

static int explain(int code, char *err, size_t err_size, const char *what, enum status st)
{
    snprintf(err, err_size, "%s: %s", what, status_name(st));
    return code;
}

static int explain_port(const struct broker *b, enum status st, char *err, size_t err_size)
{
    const char *endpoint = b->config->endpoint;

    switch (st) {
    case ST_EXISTS:
        snprintf(err, err_size, "%s is in use; is another broker running? See: eocctl status",
                 endpoint);
        return EXIT_MACHINE;
    case ST_DENIED:
        snprintf(err, err_size, "not allowed to listen on %s; ports below 1024 need a privilege",
                 endpoint);
        return EXIT_MACHINE;
    case ST_INVALID:
        snprintf(err, err_size,
                 "cannot listen on endpoint %s: not an address of this machine, or the key is "
                 "damaged; legal is for example tcp://127.0.0.1:5511 or tcp://*:5511",
                 endpoint);
        return EXIT_USAGE;
    default:
        return explain(EXIT_MACHINE, err, err_size, "cannot listen", st);
    }
}

static int open_port(struct broker *b, char *err, size_t err_size)
{
    const struct zport_events events = {
        .arg = b, .message = on_message, .broken = on_broken, .writable = on_writable};
    struct zport_settings set = {
        .bind = true,
        .endpoint = b->config->endpoint,
        .max_frame_bytes = LIMIT_FRAME_BYTES,
        .send_high_water = SEND_HIGH_WATER,
        .receive_high_water = RECEIVE_HIGH_WATER,
        .connections_most = connections_most(b),
        .heartbeat_ms = b->config->heartbeat_ms,
        .heartbeat_timeout_ms = b->config->heartbeat_timeout_ms,
        .rto_most_ms = RTO_MOST_MS,
        .handshake_ms = HANDSHAKE_MS,
    };
    struct keys keys;
    enum status st;

    if (keys_load(&keys, b->config->key_file, err, err_size) != ST_OK)
        return EXIT_MACHINE;
    set.public_z85 = keys.public_z85;
    set.secret_z85 = keys.secret_z85;
    st = zport_create(&b->port, b->zctx, &set, &events);
    keys_wipe(&keys);
    return st == ST_OK ? EXIT_DONE : explain_port(b, st, err, err_size);
}

static enum status create_store(struct broker *b)
{
    const struct store_settings set = {
        .loop = b->loop,
        .conninfo = b->config->database,
        .batch_rows = b->config->batch_rows,
        .queue_rows = b->config->queue_rows,
        .queue_bytes = b->config->queue_bytes,
        .commit_ms = b->config->commit_ms,
        .follow_ms = b->config->follow_ms,
    };
    const struct store_exits exits = {
        .arg = b,
        .settled = on_settled,
        .settled_all = on_settled_all,
        .next = on_next,
        .here = on_here,
        .principals = ask_principals,
    };

    return store_create(&b->store, &set, &exits);
}

static enum status create_ingress(struct broker *b)
{
    const struct ingress_settings set = ingress_settings_of(b);
    const struct ingress_exits exits = {
        .arg = b,
        .send = send_to,
        .submit = submit,
        .store_is_here = is_store_here,
        .log_place = tell_log_place,
        .listen = listen,
        .session_gone = on_session_gone,
        .warn = warn,
        .withdraw = withdraw,
    };

    return ingress_create(&b->ingress, &set, &exits);
}

static enum status create_egress(struct broker *b)
{
    const struct egress_settings set = egress_settings_of(b);
    const struct egress_exits exits = {
        .arg = b,
        .send = send_to_session,
        .lost = on_session_lost,
        .log_place = tell_log_place,
        .may_listen = may_listen,
        .limit = limit_session,
        .read = read_page,
        .read_cancel = cancel_page,
        .want = want,
        .unwant = unwant,
    };

    return egress_create(&b->egress, &set, &exits);
}

static enum status create_rooms(struct broker *b)
{
    enum status st = create_store(b);

    if (st == ST_OK)
        st = create_ingress(b);
    if (st == ST_OK)
        st = router_create(&b->router);
    if (st == ST_OK)
        st = create_egress(b);
    if (st == ST_OK)
        st = watch_signals(b);
    return st;
}

static int open_door(struct broker *b, char *err, size_t err_size)
{
    enum status st = loop_create(&b->loop);

    if (st == ST_OK)
        st = zctx_create(&b->zctx, b->loop);
    if (st != ST_OK)
        return explain(EXIT_MACHINE, err, err_size, "cannot make an event loop", st);
    st = access_create(&b->access, b->zctx, utc_us, b);
    if (st != ST_OK)
        return explain(EXIT_MACHINE, err, err_size,
                       "cannot bind the authentication handler, and without it nobody is let in",
                       st);
    return open_port(b, err, err_size);
}

static int start(struct broker *b, char *err, size_t err_size)
{
    const struct admin_exits exits = {
        .arg = b, .collect = report_collect, .settings = admin_settings, .reload = admin_reload};
    int code = open_door(b, err, err_size);
    enum status st;

    if (code != EXIT_DONE)
        return code;
    b->started_us = loop_now_us(b->loop);
    raise_file_limit(b);
    st = create_rooms(b);
    if (st != ST_OK)
        return explain(EXIT_MACHINE, err, err_size, "cannot start", st);
    if (admin_create(&b->admin, b->loop, b->config->control_socket, &exits, err, err_size) != ST_OK)
        return EXIT_MACHINE;
    apply_settings(b);
    log_info("broker.ready", "endpoint=%s name=%s", zport_endpoint(b->port), b->config->name);
    return EXIT_DONE;
}

int broker_start(struct broker **out, const struct broker_setup *set, char *err, size_t err_size)
{
    struct broker *b;
    int code;

    if (!set->config->database || !set->config->database[0]) {
        snprintf(err, err_size,
                 "database is empty; set it to a connection string, for example "
                 "\"dbname=eocbus user=bus_ingest\"");
        return EXIT_USAGE;
    }
    if (config_check(set->config, err, err_size) != ST_OK)
        return EXIT_USAGE;
    b = mem_zalloc(sizeof(*b));
    if (!b)
        return explain(EXIT_MACHINE, err, err_size, "cannot start", ST_NOMEM);
    b->set = *set;
    b->config = set->config;
    code = start(b, err, err_size);
    if (code == EXIT_DONE)
        *out = b;
    else
        broker_end(b);
    return code;
}

void broker_run(struct broker *b)
{
    loop_run(b->loop);
    log_info("broker.ended", "head=%llu", (unsigned long long)store_head(b->store));
}

void broker_end(struct broker *b)
{
    if (!b)
        return;
    loop_timer_destroy(b->goodbye);
    loop_signal_destroy(b->hangup);
    loop_signal_destroy(b->interrupt);
    loop_signal_destroy(b->term);
    if (b->admin)
        admin_destroy(b->admin);
    egress_destroy(b->egress); /* before those it takes its leave of */
    if (b->router)
        router_destroy(b->router);
    if (b->store)
        store_destroy(b->store);
    ingress_destroy(b->ingress);
    if (b->port)
        zport_destroy(b->port);
    if (b->access)
        access_destroy(b->access);
    if (b->zctx)
        zctx_destroy(b->zctx);
    if (b->loop)
        loop_destroy(b->loop);
    mem_free(b);
}
