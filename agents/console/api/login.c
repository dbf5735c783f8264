/* login - signing in and out. Argon2id takes a tenth of a second and 64 MiB: one at a time, on a
 * thread beside the loop; who comes meanwhile waits in a short line. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/api.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { LINE_MOST = 32 };

struct login {
    struct list link;
    struct exchange *x; /* NULL: the browser left */
    char name[PERSON_NAME], password[PASSWORD_MOST + 2], peer[64];
    struct person person;
    bool is_known, is_right;
};

struct logins {
    struct console *console;
    struct loop_work *work;
    struct guesses guesses;
    struct list line;
    size_t count;
    struct login *busy;
};

/* --- the form: name=...&password=... ------------------------------------------------------------
 */

static int hex_of(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

    return c && at ? (int)(at - digits) : -1;
}

/* One value of the form, decoded; false if it is not there, too long, or holds a NUL. */
static bool form_value(const char *form, size_t len, const char *name, char *out, size_t size)
{
    size_t key = strlen(name), n = 0;

    for (size_t i = 0; i < len; i++) {
        if ((i && form[i - 1] != '&') || i + key >= len || memcmp(form + i, name, key) != 0 ||
            form[i + key] != '=')
            continue;
        for (i += key + 1; i < len && form[i] != '&'; i++) {
            char c = form[i] == '+' ? ' ' : form[i];

            if (c == '%' && i + 2 < len && hex_of(form[i + 1]) >= 0 && hex_of(form[i + 2]) >= 0) {
                c = (char)(hex_of(form[i + 1]) * 16 + hex_of(form[i + 2]));
                i += 2;
            }
            if (!c || n + 1 >= size)
                return false;
            out[n++] = c;
        }
        out[n] = '\0';
        return n > 0;
    }
    return false;
}

/* --- the answer ---------------------------------------------------------------------------------
 */

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

static void welcome(struct console *c, struct login *l)
{
    struct buf json = {0};
    char secret[SESSION_SECRET], cookie[200];
    struct session *s = sessions_begin(c->sessions, &l->person, secret);

    if (!s) {
        answer_later(l->x, 503, "memory", "Nobody can be signed in now; try again.", 5);
        return;
    }
    put_me(&json, c, s);
    snprintf(cookie, sizeof(cookie), "eocbus=%s; Path=/; HttpOnly; SameSite=Strict%s", secret,
             c->set.secure || exchange_is_secure(l->x) ? "; Secure" : "");
    http_answer(l->x, &(struct answer){.status = 200,
                                       .type = "application/json",
                                       .body = json.data,
                                       .len = json.len,
                                       .set_cookie = cookie});
    buf_free(&json);
    password_wipe(secret, sizeof(secret));
    password_wipe(cookie, sizeof(cookie));
}

static const char *tag_of(char out[PERSON_NAME + 16], const char *kind, const char *what)
{
    snprintf(out, PERSON_NAME + 16, "%s %s", kind, what);
    return out;
}

static void judge(struct logins *all, struct login *l)
{
    char name[PERSON_NAME + 16], peer[PERSON_NAME + 16];
    uint64_t now = loop_now_us(all->console->loop);

    tag_of(name, "name", l->name);
    tag_of(peer, "address", l->peer);
    if (l->is_known && l->is_right) {
        guesses_right(&all->guesses, name);
        log_info("console.login", "person=%s", l->name);
        if (l->x)
            welcome(all->console, l);
        return;
    }
    guesses_wrong(&all->guesses, name, now);
    guesses_wrong(&all->guesses, peer, now);
    log_warn("console.login.refused", "name=\"%s\" address=%s", l->name, l->peer);
    if (l->x)
        answer_error(l->x, 403, "password", "The name or the password is wrong.");
}

/* --- one at a time ------------------------------------------------------------------------------
 */

static void end_login(struct login *l)
{
    password_wipe(l->password, sizeof(l->password));
    mem_free(l);
}

static void work(void *arg)
{
    struct login *l = ((struct logins *)arg)->busy;

    l->is_right = password_is(l->is_known ? l->person.hash : password_nobody(), l->password);
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

static unsigned must_wait_s(const struct logins *all, const struct login *l)
{
    char tag[PERSON_NAME + 16];
    uint64_t now = loop_now_us(all->console->loop);
    unsigned name = guesses_wait_s(&all->guesses, tag_of(tag, "name", l->name), now),
             peer = guesses_wait_s(&all->guesses, tag_of(tag, "address", l->peer), now);

    return name > peer ? name : peer;
}

static void start_next(struct logins *all)
{
    char err[400] = "";
    struct login *l;
    enum status st;

    if (all->busy || list_empty(&all->line))
        return;
    l = container_of(list_first(&all->line), struct login, link);
    list_remove(&l->link);
    all->count--;
    if (must_wait_s(all, l)) { /* others guessed while this one stood in the line */
        if (l->x)
            answer_later(l->x, 429, "guesses", "Too many wrong passwords; wait a minute.", 60);
        end_login(l);
        start_next(all);
        return;
    }
    st = people_find(all->console->set.people, l->name, &l->person, err, sizeof(err));
    if (st != ST_OK && st != ST_NOTFOUND)
        log_error("console.people", "why=\"%s\" next=\"nobody can sign in before it is mended\"",
                  err);
    l->is_known = st == ST_OK;
    all->busy = l;
    if (loop_work_start(all->work) != ST_OK) {
        all->busy = NULL;
        if (l->x)
            answer_later(l->x, 503, "memory", "Nobody can be signed in now; try again.", 5);
        end_login(l);
    }
}

void login_begin(struct console *c, struct exchange *x)
{
    struct login *l = mem_zalloc(sizeof(*l));
    size_t len;
    const char *form = exchange_body(x, &len);
    unsigned wait_s;

    if (!l || c->logins->count >= LINE_MOST) {
        mem_free(l);
        answer_later(x, 503, "busy", "Too many people sign in at once; try again.", 5);
        return;
    }
    snprintf(l->peer, sizeof(l->peer), "%s", exchange_peer(x));
    if (!form_value(form, len, "name", l->name, sizeof(l->name)) ||
        !form_value(form, len, "password", l->password, sizeof(l->password))) {
        answer_error(x, 400, "form", "A name and a password are wanted.");
        end_login(l);
        return;
    }
    wait_s = must_wait_s(c->logins, l);
    if (wait_s) {
        answer_later(x, 429, "guesses", "Too many wrong passwords; wait a minute.", wait_s);
        end_login(l);
        return;
    }
    l->x = x;
    list_add_tail(&c->logins->line, &l->link);
    c->logins->count++;
    start_next(c->logins);
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
    uint64_t salt;
    enum status st;

    if (!l)
        return ST_NOMEM;
    l->console = c;
    list_init(&l->line);
    loop_random(c->loop, &salt, sizeof(salt));
    guesses_begin(&l->guesses, salt);
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

/* --- who is in ----------------------------------------------------------------------------------
 */

void logout(struct console *c, struct exchange *x, struct session *who)
{
    static const char gone[] = "eocbus=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";

    sessions_end(c->sessions, who);
    http_answer(
        x,
        &(struct answer){
            .status = 200, .type = "application/json", .body = "{}", .len = 2, .set_cookie = gone});
}

void tell_me(struct console *c, struct exchange *x, struct session *who)
{
    struct buf json = {0};

    put_me(&json, c, who);
    answer_json(x, 200, &json);
    buf_free(&json);
}
