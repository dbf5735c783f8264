/* faults_database - what happens to PostgreSQL. Where it ended by itself (a full disk), whoever
 * looks after the machine starts it again once there is room; the bus needs nobody. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

static void ballast_path(const struct world *w, char out[PATH])
{
    snprintf(out, PATH, "%s/pg/ballast", w->dir);
}

/* What PostgreSQL frees meanwhile (segments of its log) it may use again: so it is in life. */
static void fill_disk(struct world *w, const struct fault *f)
{
    char path[PATH];
    struct statvfs fs;
    int fd;

    (void)f;
    ballast_path(w, path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstatvfs(fd, &fs) != 0) {
        fprintf(stderr, "chaos: %s: %s\n", path, strerror(errno));
        abort();
    }
    /* In halves: the last blocks go to the file's own bookkeeping. */
    for (off_t step = (off_t)(fs.f_bavail * fs.f_frsize), end = 0; step >= 4096; step /= 2)
        while (posix_fallocate(fd, end, step) == 0)
            end += step;
    close(fd);
}

static bool free_disk(struct world *w, const struct fault *f, char *why, size_t size)
{
    char path[PATH];

    ballast_path(w, path);
    unlink(path);
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
    [DATABASE_STOPPED] = {stop_it, start_it}, [DATABASE_KILLED] = {stop_it, start_it},
    [DATABASE_FROZEN] = {freeze_it, thaw_it}, [DATABASE_FULL] = {fill_disk, free_disk},
    [BACKENDS_ENDED] = {end_backends, NULL},
};
