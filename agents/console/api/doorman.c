/* doorman - who may not stay hears nothing more. See doorman.h.
 *
 * A request asks for its session itself; a stream of news was let in once and stays open for hours.
 * Each second the sessions of all streams are looked at, and the people file too if it changed; and
 * the record is asked about those who are signed in, as many at a time as a question holds. While
 * it is away nobody is signed out for that. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/console/api/doorman.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { LOOK_MS = 1000, NAMES = 500 };

struct doorman {
    struct console *console;
    struct loop_timer *timer;
    struct stat people; /* the file when it was last read */
    bool people_changed;
    size_t at; /* of the sessions: whom the next question begins with */
    bool asks;
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

/* --- who is revoked --------------------------------------------------------------------------- */

static void on_standing(void *arg, enum status st, const char *revoked, const char *why)
{
    struct doorman *d = arg;
    char person[PERSON_NAME];
    int len = 0;

    (void)why;
    d->asks = false;
    if (st != ST_OK || !*revoked)
        return;
    log_warn("console.revoked", "persons=\"%s\" next=\"they are signed out\"", revoked);
    if (strcmp(revoked, "*") == 0)
        sessions_end_person(d->console->sessions, NULL);
    for (; sscanf(revoked, "%127s%n", person, &len) == 1; revoked += len)
        sessions_end_person(d->console->sessions, person);
    doorman_look(d);
}

static void ask_standing(struct doorman *d)
{
    struct console *c = d->console;
    char names[NAMES];
    const char *const params[] = {names, c->set.agent.name};
    size_t n = sessions_persons(c->sessions, d->at, names, sizeof(names));

    d->at = n ? d->at + n : 0; /* behind the last: once more from the first */
    d->asks = n > 0;
    if (n && reader_ask(c->reader, "", "standing", params, 2, on_standing, d) != ST_OK)
        d->asks = false;
}

static void on_look(void *arg)
{
    struct doorman *d = arg;

    doorman_look(d);
    if (!d->asks)
        ask_standing(d);
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
    reader_forget(d->console->reader, d);
    loop_timer_destroy(d->timer);
    mem_free(d);
}
