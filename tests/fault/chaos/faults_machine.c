/* faults_machine - disks and clocks of single processes. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/fault/chaos/faults.h"

#include "proto/base/banned.h"

static void ballast_path(const struct world *w, char out[PATH])
{
    snprintf(out, PATH, "%s/small/ballast", w->dir);
}

static void fill_disk(struct world *w, const struct fault *f)
{
    static const char nothing[65536];
    char path[PATH];
    int fd;

    (void)f;
    ballast_path(w, path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && write(fd, nothing, sizeof(nothing)) > 0)
        ;
    if (fd >= 0)
        close(fd);
}

static bool free_disk(struct world *w, const struct fault *f, char *why, size_t size)
{
    char path[PATH];

    (void)f;
    (void)why;
    (void)size;
    ballast_path(w, path);
    unlink(path);
    return true;
}

static void name_clock(const struct fault *f, char whose[8])
{
    snprintf(whose, 8, "%c%u", f->kind == BROKER_CLOCK ? 'b' : 'p', f->victim % 100);
}

static void set_clock_wrong(struct world *w, const struct fault *f)
{
    static const long steps_s[] = {2, -5, 3600, -3600, 400L * 86400, -365L * 86400};
    char whose[8];

    name_clock(f, whose);
    world_set_clock(w, whose, steps_s[f->number % 6]);
}

static bool set_clock_right(struct world *w, const struct fault *f, char *why, size_t size)
{
    char whose[8];

    (void)why;
    (void)size;
    name_clock(f, whose);
    world_set_clock(w, whose, 0);
    return true;
}

const struct fault_acts machine_faults[FAULT_KINDS] = {
    [OFFICE_FULL] = {fill_disk, free_disk},
    [OFFICE_CLOCK] = {set_clock_wrong, set_clock_right},
    [BROKER_CLOCK] = {set_clock_wrong, set_clock_right},
};
