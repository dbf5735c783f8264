/* The rooms are made in the order in which they depend on the outside: the door (door.c), the
 * store, then the rooms without an outside, then the control socket, which is the sign that
 * everything else stands. They end in reverse. Who hands what to whom is in hallway.c. */
#include "broker/broker.h"

#include <signal.h>
#include <stdio.h>

#include "broker/hall.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/program.h"
#include "proto/base/sign.h"

#include "proto/base/banned.h"

/* Ending: the queue gets this long to commit, then the last receipts get this long to leave the
 * sockets' threads. Together below two seconds. */
enum { DRAIN_MS = 1500, GOODBYE_MS = 150 };

/* --- signals and the end ---------------------------------------------------------------------- */

static void on_hangup(void *arg, int signum)
{
    char text[640];

    (void)signum;
    hall_reload(arg, text, sizeof(text));
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

/* --- the start -------------------------------------------------------------------------------- */

static enum status create_store(struct broker *b)
{
    const struct store_settings set = hall_store_settings(b);
    const struct store_exits exits = hall_store(b);

    return store_create(&b->store, &set, &exits);
}

static enum status create_ingress(struct broker *b)
{
    const struct ingress_settings set = hall_ingress_settings(b);
    const struct ingress_exits exits = hall_ingress(b);

    return ingress_create(&b->ingress, &set, &exits);
}

static enum status create_egress(struct broker *b)
{
    const struct egress_settings set = hall_egress_settings(b);
    const struct egress_exits exits = hall_egress(b);

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
        st = keep_create(&b->keep, b);
    if (st == ST_OK)
        st = heads_create(&b->heads, b);
    if (st == ST_OK)
        st = watch_signals(b);
    return st;
}

static int start(struct broker *b, char *err, size_t err_size)
{
    const struct admin_exits exits = {.arg = b,
                                      .collect = report_collect,
                                      .settings = hall_admin_settings,
                                      .agents = report_agents,
                                      .reload = hall_admin_reload};
    int code = hall_open_door(b, err, err_size);
    enum status st;

    if (code != EXIT_DONE)
        return code;
    b->started_us = loop_now_us(b->loop);
    st = create_rooms(b);
    if (st != ST_OK)
        return hall_explain(EXIT_MACHINE, err, err_size, "cannot start", st);
    if (admin_create(&b->admin, b->loop, b->config->control_socket, &exits, err, err_size) != ST_OK)
        return EXIT_MACHINE;
    hall_apply_settings(b);
    hall_say_settings(b);
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
        return hall_explain(EXIT_MACHINE, err, err_size, "cannot start", ST_NOMEM);
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
    heads_destroy(b->heads);
    keep_destroy(b->keep);
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
    signer_destroy(b->signer);
    if (b->loop)
        loop_destroy(b->loop);
    mem_free(b);
}
