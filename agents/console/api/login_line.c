/* login_line - see login_line.h. */
#include "agents/console/api/login_line.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/api/answer.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { LINE_MOST = 32, LINE_EACH = 8, TAG_BYTES = PERSON_NAME + 80 };

struct login_line {
    struct console *console;
    login_tried_fn tried;
    struct loop_work *work;
    struct guesses guesses;
    struct list line;
    size_t count;
    struct login *busy;
};

void login_end(struct login *l)
{
    password_wipe(l->password, sizeof(l->password));
    keys_wipe(&l->keys);
    mem_free(l);
}

void login_refuse(struct login *l, unsigned status, const char *word, const char *text,
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

/* --- wrong ones ------------------------------------------------------------------------------- */

struct count {
    enum guess_kind kind;
    char tag[TAG_BYTES];
};

/* What is counted for this login; the number of them. */
static unsigned counts_of(const struct login *l, struct count out[3])
{
    char network[64];

    if (*l->device) {
        out[0].kind = OF_DEVICE;
        snprintf(out[0].tag, TAG_BYTES, "%s", l->device);
        return 1;
    }
    network_of(network, l->peer);
    out[0].kind = NAME_AT_ADDRESS;
    snprintf(out[0].tag, TAG_BYTES, "%s at %s", l->name, network);
    out[1].kind = OF_ADDRESS;
    snprintf(out[1].tag, TAG_BYTES, "%s", network);
    out[2].kind = OF_NAME;
    snprintf(out[2].tag, TAG_BYTES, "%s", l->name);
    return 3;
}

static unsigned must_wait_s(const struct login_line *all, const struct login *l)
{
    uint64_t now = loop_now_us(all->console->loop);
    unsigned longest = 0;
    struct count counts[3];

    for (unsigned i = 0, n = counts_of(l, counts); i < n; i++) {
        unsigned s = guesses_wait_s(&all->guesses, counts[i].kind, counts[i].tag, now);

        longest = s > longest ? s : longest;
    }
    return longest;
}

static void refuse_wait(struct login *l, unsigned wait_s)
{
    char text[80];

    snprintf(text, sizeof(text), "Too many wrong passwords; try again in %u s.", wait_s);
    login_refuse(l, 429, "guesses", text, wait_s);
}

static void count(struct login_line *all, struct login *l)
{
    uint64_t now = loop_now_us(all->console->loop);
    struct count counts[3];
    unsigned n = counts_of(l, counts);

    if (l->is_known && l->is_right) {
        guesses_right(&all->guesses, counts[0].kind, counts[0].tag);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        guesses_wrong(&all->guesses, counts[i].kind, counts[i].tag, now);
    log_warn("console.login.refused", "name=\"%s\" address=%s", l->name, l->peer);
}

/* --- one at a time ---------------------------------------------------------------------------- */

static void work(void *arg)
{
    struct login *l = ((struct login_line *)arg)->busy;

    l->is_right = password_is(l->is_known ? l->person.hash : password_nobody(), l->password);
    if (l->is_known && l->is_right && l->opened && l->found == ST_OK)
        l->unlocked = keyring_open(&l->keys, &l->key, l->password);
}

static void start_next(struct login_line *all);

static void on_worked(void *arg)
{
    struct login_line *all = arg;
    struct login *l = all->busy;

    all->busy = NULL;
    count(all, l);
    all->tried(all->console, l);
    start_next(all);
}

static void find_key(struct login_line *all, struct login *l)
{
    char path[1100], err[400] = "";

    keyring_path(path, sizeof(path), all->console->set.people);
    l->unlocked = ST_DENIED;
    l->found = keyring_find(path, l->name, &l->key, err, sizeof(err));
    if (l->found != ST_OK && l->found != ST_NOTFOUND)
        log_error("console.keys", "why=\"%s\" next=\"nobody approves before it is mended\"", err);
}

static struct login *leave_line(struct login_line *all)
{
    struct login *l = container_of(list_first(&all->line), struct login, link);

    list_remove(&l->link);
    all->count--;
    return l;
}

/* False: this one was answered at once. */
static bool start(struct login_line *all, struct login *l)
{
    char err[400] = "";
    enum status st = people_find(all->console->set.people, l->name, &l->person, err, sizeof(err));

    if (st != ST_OK && st != ST_NOTFOUND)
        log_error("console.people", "why=\"%s\" next=\"nobody can sign in before it is mended\"",
                  err);
    l->is_known = st == ST_OK;
    if (l->opened)
        find_key(all, l);
    all->busy = l;
    if (loop_work_start(all->work) == ST_OK)
        return true;
    all->busy = NULL;
    login_refuse(l, 503, "memory", "Nobody can be signed in now; try again.", 5);
    return false;
}

static void start_next(struct login_line *all)
{
    while (!all->busy && !list_empty(&all->line)) {
        struct login *l = leave_line(all);
        const unsigned wait_s = must_wait_s(all, l);

        if (wait_s) /* others guessed while this one stood in the line */
            refuse_wait(l, wait_s);
        if (wait_s || !start(all, l))
            login_end(l);
    }
}

static unsigned in_line_of(const struct login_line *all, const char *peer)
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
static bool has_room(const struct login_line *all, const struct login *l)
{
    if (*l->device)
        return all->count < 2 * LINE_MOST;
    return all->count < LINE_MOST && in_line_of(all, l->peer) < LINE_EACH;
}

static void stand_in_line(struct login_line *all, struct login *l)
{
    if (*l->device)
        list_add_tail(all->line.next, &l->link);
    else
        list_add_tail(&all->line, &l->link);
    all->count++;
}

void login_line_stand(struct login_line *all, struct login *l)
{
    unsigned wait_s = 0;

    if (!has_room(all, l)) {
        login_refuse(l, 503, "busy", "Too many people sign in at once; try again.", 5);
    } else if ((wait_s = must_wait_s(all, l)) != 0) {
        refuse_wait(l, wait_s);
    } else {
        stand_in_line(all, l);
        start_next(all);
        return;
    }
    login_end(l);
}

void login_line_gone(struct login_line *all, const struct exchange *x)
{
    struct list *pos;

    if (all->busy && all->busy->x == x)
        all->busy->x = NULL;
    list_each(pos, &all->line) {
        struct login *l = container_of(pos, struct login, link);

        if (l->x == x)
            l->x = NULL;
    }
}

enum status login_line_create(struct login_line **out, struct console *c, login_tried_fn tried)
{
    struct login_line *l = mem_zalloc(sizeof(*l));
    uint64_t salt;
    enum status st;

    if (!l)
        return ST_NOMEM;
    l->console = c;
    l->tried = tried;
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

void login_line_destroy(struct login_line *l)
{
    if (!l)
        return;
    loop_work_destroy(l->work);
    if (l->busy)
        login_end(l->busy);
    while (!list_empty(&l->line))
        login_end(container_of(list_pop(&l->line), struct login, link));
    mem_free(l);
}
