/* faults_machine - disks and clocks of single processes. */
#include <signal.h>
#include <stdio.h>

#include "tests/fault/chaos/disk.h"
#include "tests/fault/chaos/faults.h"

#include "proto/base/banned.h"

static void fill_disk(struct world *w, const struct fault *f)
{
    (void)f;
    disk_fill(w->dir, "small");
}

static bool free_disk(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)f;
    (void)why;
    (void)size;
    disk_free(w->dir, "small");
    return true;
}

/* Its book stands on another disk and remembers more than the machine does. */
static void cut_power(struct world *w, const struct fault *f)
{
    disk_cut_power(w->dir, "small");
    world_take_down(&w->office[f->victim], SIGKILL);
}

static bool restore_power(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)why;
    (void)size;
    disk_restore_power(w->dir, "small");
    world_start_office(w, f->victim);
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
    [OFFICE_POWER] = {cut_power, restore_power},
    [OFFICE_CLOCK] = {set_clock_wrong, set_clock_right},
    [BROKER_CLOCK] = {set_clock_wrong, set_clock_right},
};
