/* doorman - who may not stay hears nothing more. See doorman.h.
 *
 * A request asks for its session itself; a stream of news was let in once and stays open for hours.
 * Each second the sessions of all streams are looked at, and the people file too if it changed. */
#include <sys/stat.h>

#include "agents/console/api/doorman.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { LOOK_MS = 1000 };

struct doorman {
    struct console *console;
    struct loop_timer *timer;
    struct stat people; /* the file when it was last read */
    bool people_changed;
};

bool person_may_stay(const struct console *c, const struct session *who)
{
    char err[400] = "";
    struct person p;
    enum status st = people_find(c->set.people, who->person, &p, err, sizeof(err));

    if (st == ST_OK)
        return sessions_password(&p) == who->password;
    if (st == ST_NOTFOUND)
        return false;
    log_error("console.people", "why=\"%s\" next=\"nobody can sign in before it is mended\"", err);
    return true;
}

static bool may_stay(void *arg, const uint8_t owner[EXCHANGE_OWNER])
{
    const struct doorman *d = arg;
    const struct session *who = sessions_of(d->console->sessions, owner);

    return who && (!d->people_changed || person_may_stay(d->console, who));
}

static bool has_changed(struct doorman *d)
{
    struct stat now = {.st_ino = 0};
    bool same;

    (void)stat(d->console->set.people, &now);
    same = now.st_ino == d->people.st_ino && now.st_size == d->people.st_size &&
           now.st_mtim.tv_sec == d->people.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == d->people.st_mtim.tv_nsec;
    d->people = now;
    return !same;
}

void doorman_look(struct doorman *d)
{
    d->people_changed = has_changed(d);
    http_sort_out(d->console->http, may_stay, d);
}

static void on_look(void *arg)
{
    doorman_look(arg);
}

enum status doorman_create(struct doorman **out, struct console *c)
{
    struct doorman *d = mem_zalloc(sizeof(*d));
    enum status st;

    if (!d)
        return ST_NOMEM;
    d->console = c;
    st = loop_timer_create(&d->timer, c->loop, on_look, d);
    if (st != ST_OK) {
        mem_free(d);
        return st;
    }
    loop_timer_start(d->timer, LOOK_MS, LOOK_MS);
    *out = d;
    return ST_OK;
}

void doorman_destroy(struct doorman *d)
{
    if (!d)
        return;
    loop_timer_destroy(d->timer);
    mem_free(d);
}
