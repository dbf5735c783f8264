/* login - signing in and out. The password is tried in its turn (login_line.h); who has the right
 * one is let in unless the record knows that the name is revoked. While the database is away nobody
 * is kept out for that.
 *
 * Who approves an order is asked for the password again, in the same line and by the same counts;
 * what comes of it is that person's key for a moment, and no session. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/login.h"

#include "agents/console/api/answer.h"
#include "agents/console/api/doorman.h"
#include "agents/console/api/login_form.h"
#include "agents/console/api/login_line.h"
#include "agents/console/people/devices.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { DEVICE_LIFE_S = 180 * 86400 };

struct logins {
    struct login_line *line;
    struct devices devices;
    struct list asked; /* right, and the record is asked about them */
};

/* --- the answer ------------------------------------------------------------------------------- */

static void put_me(struct buf *json, const struct console *c, const struct session *s)
{
    buf_puts(json, "{\"person\":");
    put_json(json, s->person);
    buf_puts(json, ",\"sender\":");
    put_json(json, c->set.agent.name);
    buf_puts(json, ",\"place\":");
    put_json(json, c->set.place);
    buf_printf(json, ",\"status\":\"%s\",\"lang\":\"%s\",\"token\":\"%s\"}", c->set.status, s->lang,
               s->token);
}

static void write_cookie(char out[300], const struct exchange *x, const char *name,
                         const char *value, long life_s)
{
    size_t n =
        (size_t)snprintf(out, 300, "%s%s=%s; Path=/; HttpOnly; SameSite=Strict%s", cookie_prefix(x),
                         name, value, exchange_is_secure(x) ? "; Secure" : "");

    if (life_s >= 0)
        snprintf(out + n, 300 - n, "; Max-Age=%ld", life_s);
}

/* The browser's session of before ends: nobody signs in twice in one browser, and nobody goes on
 * with a session that was there before the password. */
static void end_former(struct console *c, const struct exchange *x)
{
    struct session *former = sessions_find(c->sessions, cookie_of(x, "eocbus"));

    if (former)
        sessions_end(c->sessions, former);
}

static void welcome(struct console *c, struct login *l)
{
    struct buf json = {0};
    char secret[SESSION_SECRET], device[DEVICE_TEXT], cookie[300], second[300];
    struct session *s;

    end_former(c, l->x);
    s = sessions_begin(c->sessions, &l->person, secret);
    if (!s) {
        answer_later(l->x, 503, "memory", "Nobody can be signed in now; try again.", 5);
        return;
    }
    put_me(&json, c, s);
    devices_make(&c->logins->devices, c->loop, l->name, device);
    write_cookie(cookie, l->x, "eocbus", secret, -1);
    write_cookie(second, l->x, "eocbus-device", device, DEVICE_LIFE_S);
    http_answer(l->x, &(struct answer){.status = 200,
                                       .type = "application/json",
                                       .body = json.data,
                                       .len = json.len,
                                       .set_cookie = {cookie, second}});
    buf_free(&json);
    password_wipe(secret, sizeof(secret));
    password_wipe(cookie, sizeof(cookie));
}

/* --- tried ------------------------------------------------------------------------------------ */

static void hand_key(struct login *l)
{
    if (l->unlocked == ST_OK && l->found == ST_OK)
        l->opened(l->x, &l->keys);
    else if (l->found == ST_NOTFOUND)
        login_refuse(l, 409, "no_key", "You have no key of your own here; see person key.", 0);
    else if (l->found != ST_OK)
        login_refuse(l, 503, "keys",
                     "The keys of this desk cannot be read; tell who looks after it.", 0);
    else if (l->unlocked == ST_NOMEM)
        login_refuse(l, 503, "memory", "There is no memory for it now.", 5);
    else
        login_refuse(l, 409, "key_locked", "Your key cannot be opened; have it made anew.", 0);
}

static void on_standing(void *arg, enum status st, const char *text, const char *why)
{
    struct login *l = arg;
    struct console *c = l->console;

    if (st != ST_OK)
        log_warn("console.view", "path=standing status=%s why=\"%s\"", status_name(st),
                 why ? why : "");
    list_remove(&l->link);
    if (st == ST_OK && strcmp(text, "*") == 0)
        login_refuse(l, 403, "desk_revoked",
                     "This desk is revoked, or its time is over; tell who looks after it.", 0);
    else if (st == ST_OK && *text)
        login_refuse(l, 403, "revoked", "Your name is revoked, or its time is over.", 0);
    else
        welcome(c, l);
    login_end(l);
}

static void ask_standing(struct console *c, struct login *l)
{
    const char *params[] = {l->name, c->set.agent.name};

    list_add_tail(&c->logins->asked, &l->link);
    if (reader_ask(c->reader, "", "standing", params, 2, on_standing, l) != ST_OK)
        on_standing(l, ST_CLOSED, NULL, "not asked");
}

static void on_tried(struct console *c, struct login *l)
{
    const bool is_right = l->is_known && l->is_right;

    if (is_right)
        log_info("console.login", "person=%s%s", l->name, l->opened ? " for=key" : "");
    if (is_right && l->x && !l->opened) {
        ask_standing(c, l);
        return;
    }
    if (is_right && l->x)
        hand_key(l);
    else if (!is_right)
        login_refuse(l, 403, "password", "The name or the password is wrong.", 0);
    login_end(l);
}

/* --- asked for -------------------------------------------------------------------------------- */

/* Of somebody who is signed in the name is known. */
static bool read_login(const struct logins *all, const struct exchange *x, struct login *l)
{
    size_t len;
    const char *form = exchange_body(x, &len), *device = cookie_of(x, "eocbus-device");

    snprintf(l->peer, sizeof(l->peer), "%s", exchange_peer(x));
    if ((!l->opened && !login_form_value(form, len, "name", l->name, sizeof(l->name))) ||
        !login_form_value(form, len, "password", l->password, sizeof(l->password)))
        return false;
    if (devices_know(&all->devices, l->name, device))
        snprintf(l->device, sizeof(l->device), "%s", device);
    return true;
}

static void begin(struct console *c, struct exchange *x, struct login *l)
{
    l->x = x;
    l->console = c;
    if (read_login(c->logins, x, l)) {
        login_line_stand(c->logins->line, l);
        return;
    }
    login_refuse(l, 400, "form", "A name and a password are wanted.", 0);
    login_end(l);
}

void login_begin(struct console *c, struct exchange *x)
{
    struct login *l = mem_zalloc(sizeof(*l));

    if (l)
        begin(c, x, l);
    else
        answer_later(x, 503, "memory", "There is no memory for it now.", 5);
}

void key_ask(struct console *c, struct exchange *x, const char *person, key_opened_fn done)
{
    struct login *l = mem_zalloc(sizeof(*l));

    if (!l) {
        answer_later(x, 503, "memory", "There is no memory for it now.", 5);
        done(x, NULL);
        return;
    }
    l->opened = done;
    snprintf(l->name, sizeof(l->name), "%s", person);
    begin(c, x, l);
}

void login_gone(struct console *c, struct exchange *x)
{
    struct list *pos, *next;

    login_line_gone(c->logins->line, x);
    list_each_safe(pos, next, &c->logins->asked) {
        struct login *l = container_of(pos, struct login, link);

        if (l->x != x)
            continue;
        reader_forget(c->reader, l);
        list_remove(&l->link);
        login_end(l);
    }
}

enum status logins_create(struct logins **out, struct console *c)
{
    struct logins *l = mem_zalloc(sizeof(*l));
    char path[1100];
    enum status st;

    if (!l)
        return ST_NOMEM;
    list_init(&l->asked);
    snprintf(path, sizeof(path), "%s.devices", c->set.people);
    if (devices_begin(&l->devices, c->loop, path) != ST_OK)
        log_warn(
            "console.devices.unsaved",
            "path=%s next=\"after a start browsers are strangers: who guesses a name keeps its "
            "person waiting too\"",
            path);
    st = login_line_create(&l->line, c, on_tried);
    if (st != ST_OK) {
        mem_free(l);
        return st;
    }
    *out = l;
    return ST_OK;
}

void logins_destroy(struct logins *l)
{
    if (!l)
        return;
    login_line_destroy(l->line);
    while (!list_empty(&l->asked))
        login_end(container_of(list_pop(&l->asked), struct login, link));
    mem_free(l);
}

/* --- who is in -------------------------------------------------------------------------------- */

void logout(struct console *c, struct exchange *x, struct session *who)
{
    char gone[300];

    sessions_end(c->sessions, who);
    doorman_look(c->doorman);
    write_cookie(gone, x, "eocbus", "", 0);
    http_answer(x, &(struct answer){.status = 200,
                                    .type = "application/json",
                                    .body = "{}",
                                    .len = 2,
                                    .set_cookie = {gone}});
}

void tell_me(struct console *c, struct exchange *x, const struct session *who)
{
    struct buf json = {0};

    if (who)
        put_me(&json, c, who);
    else
        buf_printf(&json, "{\"person\":null,\"status\":\"%s\"}", c->set.status);
    answer_json(x, 200, &json);
    buf_free(&json);
}
