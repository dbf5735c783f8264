/* faults_database - what happens to PostgreSQL. Where it ended by itself (a full disk), whoever
 * looks after the machine starts it again once there is room; the bus needs nobody. */
#include <stdio.h>

#include "tests/fault/chaos/disk.h"
#include "tests/fault/chaos/faults.h"

#include "proto/base/banned.h"

enum { START_S = 60 };

static void stop_it(struct world *w, const struct fault *f)
{
    if (f->kind == DATABASE_STOPPED)
        pgserver_stop_immediate(w->server);
    else
        pgserver_kill(w->server);
}

static bool start_it(struct world *w, const struct fault *f, char *why, size_t size)
{
    uint64_t end_us = clock_us() + START_S * 1000000ull;

    (void)f;
    while (!pgserver_is_alive(w->server) && !pgserver_try_start(w->server, START_S))
        if (clock_us() > end_us) {
            snprintf(why, size, "PostgreSQL does not start again");
            return false;
        }
    return true;
}

static void freeze_it(struct world *w, const struct fault *f)
{
    (void)f;
    pgserver_freeze(w->server);
}

static bool thaw_it(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)f;
    (void)why;
    (void)size;
    pgserver_thaw(w->server);
    return true;
}

/* What PostgreSQL frees meanwhile (segments of its log) it may use again: so it is in life. */
static void fill_disk(struct world *w, const struct fault *f)
{
    (void)f;
    disk_fill(w->dir, "pg");
}

static bool free_disk(struct world *w, const struct fault *f, char *why, size_t size)
{
    disk_free(w->dir, "pg");
    return start_it(w, f, why, size);
}

static void cut_power(struct world *w, const struct fault *f)
{
    (void)f;
    disk_cut_power(w->dir, "pg");
    pgserver_kill(w->server);
}

static bool restore_power(struct world *w, const struct fault *f, char *why, size_t size)
{
    disk_restore_power(w->dir, "pg");
    return start_it(w, f, why, size);
}

static void end_backends(struct world *w, const struct fault *f)
{
    world_ask(w, f->number % 2 ? "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                 "WHERE usename = 'bus_ingest'"
                               : "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                 "WHERE application_name = 'eocbus append'");
}

const struct fault_acts database_faults[FAULT_KINDS] = {
    [DATABASE_STOPPED] = {stop_it, start_it},      [DATABASE_KILLED] = {stop_it, start_it},
    [DATABASE_FROZEN] = {freeze_it, thaw_it},      [DATABASE_FULL] = {fill_disk, free_disk},
    [DATABASE_POWER] = {cut_power, restore_power}, [BACKENDS_ENDED] = {end_backends, NULL},
};
