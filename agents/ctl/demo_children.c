/* demo_children - what runs is supervised while anything else is done, and DIR/pids says who it is.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/demo.h"

#include "proto/base/banned.h"

static void put_pid(struct demo *d, struct buf *b, const char *name, int child)
{
    if (child >= 0)
        buf_printf(b, "%s %d\n", name, (int)supervise_pid(d->sup, child));
}

static void write_pids(struct demo *d)
{
    char path[256], tmp[256];
    struct buf b = {0};
    FILE *f = NULL;

    put_pid(d, &b, "postgres", d->postgres);
    put_pid(d, &b, "broker", d->broker);
    put_pid(d, &b, "screen", d->listener);
    for (unsigned i = 0, n = 0; i < d->plan.agent_count && n < d->daemon_count; i++)
        if (d->plan.agents[i].daemon)
            put_pid(d, &b, d->plan.agents[i].short_name, d->daemons[n++]);
    buf_put(&b, "", 1);
    snprintf(path, sizeof(path), "%s/pids", d->dir);
    snprintf(tmp, sizeof(tmp), "%s/pids.new", d->dir);
    if (!b.failed && strcmp((const char *)b.data, d->pids) != 0)
        f = fopen(tmp, "we");
    if (f) {
        snprintf(d->pids, sizeof(d->pids), "%s", (const char *)b.data);
        fputs(d->pids, f);
        if (fclose(f) == 0 && rename(tmp, path) != 0)
            unlink(tmp);
    }
    buf_free(&b);
}

bool demo_turn(struct demo *d, unsigned wait_ms)
{
    bool go_on;

    write_pids(d); /* what was started since; a turn may last a minute */
    go_on = supervise_turn(d->sup, wait_ms);
    write_pids(d);
    return go_on;
}

bool demo_pause(struct demo *d, unsigned ms)
{
    uint64_t end = supervise_now_ms() + ms, now;

    while ((now = supervise_now_ms()) < end)
        if (!demo_turn(d, (unsigned)(end - now)))
            return false;
    return true;
}

int demo_run(struct demo *d, const char *name, const char *const *argv, const char *log)
{
    struct supervise_spec spec = {.name = name, .argv = argv, .log_path = log};
    int child, code;

    if (supervise_start(d->sup, &spec, &child) != ST_OK)
        return 127;
    while (!supervise_ended(d->sup, child, &code))
        if (!demo_turn(d, 1000)) {
            supervise_stop(d->sup, child, 2000);
            return -1;
        }
    return code;
}
