/* The door to the outside: the event loop, who is let in (ZAP has to be bound before any other
 * socket, else the first peers come in unseen), and the port. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "broker/hall.h"
#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/officers.h"
#include "proto/base/program.h"
#include "proto/base/sign.h"

#include "proto/base/banned.h"

enum {
    /* An agent on 2G needs up to 7.6 s for the handshake (measured at 20 kbit/s). */
    HANDSHAKE_MS = 30000,
    /* For agents whose line was dark; every link profile answers within two seconds. */
    RTO_MOST_MS = 6000,
    /* Whole messages that one peer may have waiting with us: unread, 16 of 256 KiB are four times
     * what a window lets a well-behaved one send; unsent, 24 of 64 KiB are 1.5 MiB. Who does not
     * read has as many made; with 64, four principals of 16 connections each took 263 MiB.
     * Beyond it a receipt waits in its session and a delivery in the log. */
    RECEIVE_HIGH_WATER = 16,
    SEND_HIGH_WATER = 24,
    FILES_BESIDE_SESSIONS = 128,
};

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

int hall_explain(int code, char *err, size_t err_size, const char *what, enum status st)
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
        return hall_explain(EXIT_MACHINE, err, err_size, "cannot listen", st);
    }
}

static int open_port(struct broker *b, const struct keys *keys, char *err, size_t err_size)
{
    const struct zport_events events = hall_port_events(b);
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
    enum status st;

    set.public_z85 = keys->public_z85;
    set.secret_z85 = keys->secret_z85;
    st = zport_create(&b->port, b->zctx, &set, &events);
    return st == ST_OK ? EXIT_DONE : explain_port(b, st, err, err_size);
}

/* The secret halves are where they are used from here on: in ZeroMQ and in the signer. */
static int open_with_key(struct broker *b, char *err, size_t err_size)
{
    struct keys keys;
    enum status st;
    int code;

    if (keys_load(&keys, b->config->key_file, err, err_size) != ST_OK)
        return EXIT_MACHINE;
    st = signer_create(&b->signer, &keys);
    if (keys_z85_decode(b->own_key, keys.public_z85) != ST_OK)
        st = ST_INVALID;
    if (st == ST_OK || st == ST_NOTFOUND)
        code = open_port(b, &keys, err, err_size);
    else
        code = hall_explain(EXIT_MACHINE, err, err_size, "cannot take the signing key", st);
    keys_wipe(&keys);
    return code;
}

enum status hall_listen_also(struct broker *b, char *err, size_t err_size)
{
    const char *endpoint = b->config->endpoint_next;
    struct keys keys;
    enum status st;

    if (!endpoint || !endpoint[0] || strcmp(endpoint, b->listens_also) == 0)
        return ST_OK;
    if (b->listens_also[0]) {
        snprintf(err, err_size, "%s is in use until the broker is restarted", b->listens_also);
        return ST_EXISTS;
    }
    st = keys_load(&keys, b->config->key_next, err, err_size);
    if (st != ST_OK)
        return st;
    st = zport_listen_also(b->port, endpoint, keys.secret_z85);
    if (st == ST_OK)
        log_info("broker.listens_also", "endpoint=%s key=%s", endpoint, keys.public_z85);
    keys_wipe(&keys);
    if (st == ST_OK)
        snprintf(b->listens_also, sizeof(b->listens_also), "%s", endpoint);
    else
        snprintf(err, err_size, "cannot listen on endpoint.next %s: %s", endpoint, status_name(st));
    return st;
}

enum status hall_pin_officers(struct broker *b, char *err, size_t err_size)
{
    struct officers o;
    const char *path = b->config->officers_file;
    enum status st;

    if (!path || !path[0]) {
        access_pin(b->access, NULL, true);
        log_warn("broker.officers.none",
                 "next=\"whoever may write into the database can invent principals; set "
                 "trust.officers\"");
        return ST_OK;
    }
    st = officers_load(&o, path, err, err_size);
    if (st != ST_OK)
        return st;
    access_pin(b->access, &o, b->config->takes_unsigned);
    log_info("broker.officers", "pinned=%u needed=%u unsigned=%s", o.count, o.needed,
             b->config->takes_unsigned ? "admitted" : "refused");
    return ST_OK;
}

int hall_open_door(struct broker *b, char *err, size_t err_size)
{
    enum status st = loop_create(&b->loop);

    if (st == ST_OK)
        st = zctx_create(&b->zctx, b->loop);
    if (st != ST_OK)
        return hall_explain(EXIT_MACHINE, err, err_size, "cannot make an event loop", st);
    st = access_create(&b->access, b->zctx, utc_us, b);
    if (st == ST_OK)
        access_let_unsigned(b->access, b->config->lets_unsigned);
    if (st != ST_OK)
        return hall_explain(
            EXIT_MACHINE, err, err_size,
            "cannot bind the authentication handler, and without it nobody is let in", st);
    st = hall_pin_officers(b, err, err_size);
    if (st != ST_OK)
        return EXIT_MACHINE;
    raise_file_limit(b); /* before the port counts how many connections it can hold */
    int code = open_with_key(b, err, err_size);
    if (code == EXIT_DONE && hall_listen_also(b, err, err_size) != ST_OK)
        code = EXIT_MACHINE;
    return code;
}
