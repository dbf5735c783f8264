/* login - signing in and out. Argon2id takes a tenth of a second and 64 MiB: one at a time, on a
 * thread beside the loop; who comes meanwhile waits in a short line. Wrong passwords are counted
 * (guesses.h). A browser that the person signed in from before (devices.h) is counted for itself
 * alone, and stands in a line that strangers filled too: before all who came earlier, so that of
 * several known ones the last to come is first.
 *
 * Who approves an order is asked for the password again, in the same line and by the same counts;
 * what comes of it is that person's key for a moment, and no session. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/login.h"

#include "agents/console/api/answer.h"
#include "agents/console/api/doorman.h"
#include "agents/console/api/login_form.h"
#include "agents/console/people/devices.h"
#include "agents/console/people/keyring.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { LINE_MOST = 32, LINE_EACH = 8, TAG_BYTES = PERSON_NAME + 80, DEVICE_LIFE_S = 180 * 86400 };

struct login {
    struct list link;
    struct exchange *x; /* NULL: the browser left */
    char name[PERSON_NAME], password[PASSWORD_MOST + 2], peer[64];
    struct person person;
    char device[33]; /* number of the browser, if the person signed in from it before */
    bool is_known, is_right;
    key_opened_fn opened; /* NULL: a sign-in */
    struct person_key key;
    enum status found, unlocked; /* of the key */
    struct keys keys;
};

struct logins {
    struct console *console;
    struct loop_work *work;
    struct guesses guesses;
    struct devices devices;
    struct list line;
    size_t count;
    struct login *busy;
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

/* --- wrong ones ------------------------------------------------------------------------------- */

struct count {
    char tag[TAG_BYTES];
    unsigned free;
};

/* What is counted for this login; the number of them. */
static unsigned counts_of(const struct login *l, struct count out[3])
{
    char network[64];

    if (*l->device) {
        snprintf(out[0].tag, TAG_BYTES, "device %s", l->device);
        out[0].free = FREE_OF_DEVICE;
        return 1;
    }
    network_of(network, l->peer);
    snprintf(out[0].tag, TAG_BYTES, "name %s at %s", l->name, network);
    out[0].free = FREE_AT_ADDRESS;
    snprintf(out[1].tag, TAG_BYTES, "address %s", network);
    out[1].free = FREE_OF_ADDRESS;
    snprintf(out[2].tag, TAG_BYTES, "name %s", l->name);
    out[2].free = FREE_OF_NAME;
    return 3;
}

static unsigned must_wait_s(const struct logins *all, const struct login *l)
{
    uint64_t now = loop_now_us(all->console->loop);
    unsigned longest = 0;
    struct count counts[3];

    for (unsigned i = 0, n = counts_of(l, counts); i < n; i++) {
        unsigned s = guesses_wait_s(&all->guesses, counts[i].tag, counts[i].free, now);

        longest = s > longest ? s : longest;
    }
    return longest;
}

/* Answers, and tells who waits for a key that there is none. */
static void refuse(struct login *l, unsigned status, const char *word, const char *text,
                   unsigned retry_s)
{
    if (!l->x)
        return;
    if (retry_s)
        answer_later(l->x, status, word, text, retry_s);
    else
        answer_error(l->x, status, word, text);
    if (l->opened)
        l->opened(l->x, NULL);
}

static void refuse_wait(struct login *l, unsigned wait_s)
{
    char text[80];

    snprintf(text, sizeof(text), "Too many wrong passwords; try again in %u s.", wait_s);
    refuse(l, 429, "guesses", text, wait_s);
}

static void hand_key(struct login *l)
{
    if (l->unlocked == ST_OK && l->found == ST_OK)
        l->opened(l->x, &l->keys);
    else if (l->found == ST_NOTFOUND)
        refuse(l, 409, "no_key", "You have no key of your own here; see person key.", 0);
    else if (l->found != ST_OK)
        refuse(l, 503, "keys", "The keys of this desk cannot be read; tell who looks after it.", 0);
    else if (l->unlocked == ST_NOMEM)
        refuse(l, 503, "memory", "There is no memory for it now.", 5);
    else
        refuse(l, 409, "key_locked", "Your key cannot be opened; have it made anew.", 0);
}

static void judge(struct logins *all, struct login *l)
{
    uint64_t now = loop_now_us(all->console->loop);
    struct count counts[3];
    unsigned n = counts_of(l, counts);

    if (l->is_known && l->is_right) {
        guesses_right(&all->guesses, counts[0].tag);
        log_info("console.login", "person=%s%s", l->name, l->opened ? " for=key" : "");
        if (l->x && l->opened)
            hand_key(l);
        else if (l->x)
            welcome(all->console, l);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        guesses_wrong(&all->guesses, counts[i].tag, counts[i].free, now);
    log_warn("console.login.refused", "name=\"%s\" address=%s", l->name, l->peer);
    refuse(l, 403, "password", "The name or the password is wrong.", 0);
}

/* --- one at a time ---------------------------------------------------------------------------- */

static void end_login(struct login *l)
{
    password_wipe(l->password, sizeof(l->password));
    keys_wipe(&l->keys);
    mem_free(l);
}

static void work(void *arg)
{
    struct login *l = ((struct logins *)arg)->busy;

    l->is_right = password_is(l->is_known ? l->person.hash : password_nobody(), l->password);
    if (l->is_known && l->is_right && l->opened && l->found == ST_OK)
        l->unlocked = keyring_open(&l->keys, &l->key, l->password);
}

static void start_next(struct logins *all);

static void on_worked(void *arg)
{
    struct logins *all = arg;
    struct login *l = all->busy;

    all->busy = NULL;
    judge(all, l);
    end_login(l);
    start_next(all);
}

static void find_key(struct logins *all, struct login *l)
{
    char path[1100], err[400] = "";

    keyring_path(path, sizeof(path), all->console->set.people);
    l->unlocked = ST_DENIED;
    l->found = keyring_find(path, l->name, &l->key, err, sizeof(err));
    if (l->found != ST_OK && l->found != ST_NOTFOUND)
        log_error("console.keys", "why=\"%s\" next=\"nobody approves before it is mended\"", err);
}

static void start_next(struct logins *all)
{
    char err[400] = "";
    struct login *l;
    unsigned wait_s;
    enum status st;

    if (all->busy || list_empty(&all->line))
        return;
    l = container_of(list_first(&all->line), struct login, link);
    list_remove(&l->link);
    all->count--;
    wait_s = must_wait_s(all, l);
    if (wait_s) { /* others guessed while this one stood in the line */
        refuse_wait(l, wait_s);
        end_login(l);
        start_next(all);
        return;
    }
    st = people_find(all->console->set.people, l->name, &l->person, err, sizeof(err));
    if (st != ST_OK && st != ST_NOTFOUND)
        log_error("console.people", "why=\"%s\" next=\"nobody can sign in before it is mended\"",
                  err);
    l->is_known = st == ST_OK;
    if (l->opened)
        find_key(all, l);
    all->busy = l;
    if (loop_work_start(all->work) != ST_OK) {
        all->busy = NULL;
        refuse(l, 503, "memory", "Nobody can be signed in now; try again.", 5);
        end_login(l);
    }
}

static unsigned in_line_of(const struct logins *all, const char *peer)
{
    char network[64], other[64];
    unsigned has = 0;
    const struct list *pos;

    network_of(network, peer);
    list_each(pos, &all->line) {
        network_of(other, container_of(pos, struct login, link)->peer);
        has += strcmp(other, network) == 0;
    }
    return has;
}

/* The line is short, and one subscriber (an address, of IPv6 a /64) never fills it; who is known
 * here stands before them all. */
static bool has_room(const struct logins *all, const struct login *l)
{
    if (*l->device)
        return all->count < 2 * LINE_MOST;
    return all->count < LINE_MOST && in_line_of(all, l->peer) < LINE_EACH;
}

static void stand_in_line(struct logins *all, struct login *l)
{
    if (*l->device)
        list_add_tail(all->line.next, &l->link);
    else
        list_add_tail(&all->line, &l->link);
    all->count++;
}

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
    unsigned wait_s = 0;

    l->x = x;
    if (!read_login(c->logins, x, l)) {
        refuse(l, 400, "form", "A name and a password are wanted.", 0);
    } else if (!has_room(c->logins, l)) {
        refuse(l, 503, "busy", "Too many people sign in at once; try again.", 5);
    } else if ((wait_s = must_wait_s(c->logins, l)) != 0) {
        refuse_wait(l, wait_s);
    } else {
        stand_in_line(c->logins, l);
        start_next(c->logins);
        return;
    }
    end_login(l);
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
    struct list *pos;

    if (c->logins->busy && c->logins->busy->x == x)
        c->logins->busy->x = NULL;
    list_each(pos, &c->logins->line) {
        struct login *l = container_of(pos, struct login, link);

        if (l->x == x)
            l->x = NULL;
    }
}

enum status logins_create(struct logins **out, struct console *c)
{
    struct logins *l = mem_zalloc(sizeof(*l));
    char path[1100];
    uint64_t salt;
    enum status st;

    if (!l)
        return ST_NOMEM;
    l->console = c;
    list_init(&l->line);
    loop_random(c->loop, &salt, sizeof(salt));
    guesses_begin(&l->guesses, salt);
    snprintf(path, sizeof(path), "%s.devices", c->set.people);
    if (devices_begin(&l->devices, c->loop, path) != ST_OK)
        log_warn(
            "console.devices.unsaved",
            "path=%s next=\"after a start browsers are strangers: who guesses a name keeps its "
            "person waiting too\"",
            path);
    st = loop_work_create(&l->work, c->loop, work, on_worked, l);
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
    loop_work_destroy(l->work);
    if (l->busy)
        end_login(l->busy);
    while (!list_empty(&l->line))
        end_login(container_of(list_pop(&l->line), struct login, link));
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
