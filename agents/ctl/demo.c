/* demo - one command, a whole bus: set up, started, played, counted, stopped. */
#include "agents/ctl/demo.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/options.h"

#include "proto/base/banned.h"

enum { DEMO_ARENA_BYTES = 64 << 20 };

/* The folder that our own program lies in. */
static const char *own_folder(struct demo *d)
{
    char path[1024];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (n < 0)
        return ".";
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return arena_printf(d->arena, "%s", path);
}

static const char *read_scenario(struct demo *d, const char *file)
{
    const char *path = d->data ? arena_printf(d->arena, "%s/%s", d->data, file) : NULL;

    return path ? demo_read_file(d, path) : NULL;
}

static int read_plan(struct demo *d)
{
    const struct plan_places places = {d->dir, d->bin, d->data ? d->data : d->dir};
    const char *text = read_scenario(d, "plan.txt");
    char err[400];

    if (d->data && !text)
        return program_fail(&d->ctl->program, EXIT_USAGE,
                            "%s holds no plan.txt; --data names a scenario", d->data);
    if (plan_read(&d->plan, d->arena, read_scenario(d, "agents.txt"), text, &places, err,
                  sizeof(err)) != ST_OK)
        return program_fail(&d->ctl->program, EXIT_USAGE, "%s", err);
    return -1;
}

static int set_up(struct demo *d)
{
    static int (*const steps[])(struct demo * d) = {
        demo_start_postgres,
        demo_prepare_database,
        demo_write_settings,
        demo_start_bus,
    };
    int code = -1;

    for (size_t i = 0; i < ARRAY_LEN(steps) && code < 0; i++)
        code = steps[i](d);
    return code;
}

static int run(struct demo *d)
{
    int code = demo_open_dir(d);

    if (code < 0)
        code = read_plan(d);
    if (code >= 0)
        return code;
    if (supervise_create(&d->sup, demo_tell) != ST_OK)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "processes cannot be supervised here");
    code = set_up(d);
    if (code < 0) {
        demo_tell(d->once ? "the bus runs; playing the plan to its end"
                          : "the bus runs; ctrl-C stops it");
        if (!d->once)
            demo_tell(arena_printf(d->arena, "everything that is said: tail -f %s",
                                   demo_path(d, "log/screen.log")));
        demo_tell_page(d);
        code = demo_play(d);
    }
    if (code < 0)
        code = demo_count(d);
    supervise_destroy(d->sup);
    unlink(demo_path(d, "pids"));
    if (code == EXIT_DONE && !d->once)
        demo_tell("everything is stopped; what was stored is kept");
    return code;
}

int ctl_demo(struct ctl *c)
{
    struct demo d = {.ctl = c, .lock_fd = -1, .postgres = -1, .broker = -1, .listener = -1};
    const struct option_row options[] = {
        {"--dir", OPTION_TEXT, &d.dir},
        {"--bin", OPTION_TEXT, &d.bin},
        {"--data", OPTION_TEXT, &d.data},
        {"--once", OPTION_FLAG, &d.once},
    };
    char err[400];
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1 || !d.dir)
        return program_fail(&c->program, EXIT_USAGE,
                            "demo wants --dir DIR, a folder to run in; see --help");
    if (arena_create(&d.arena, DEMO_ARENA_BYTES) != ST_OK)
        return program_fail(&c->program, EXIT_MACHINE, "out of memory");
    if (!d.bin)
        d.bin = own_folder(&d);
    code = run(&d);
    if (d.lock_fd >= 0)
        close(d.lock_fd);
    arena_destroy(d.arena);
    return code;
}
