/* demo_page - the dispatchers' page of the night: its login at the database, who may sign in, and
 * the words that tell people where it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/demo.h"
#include "proto/base/file.h"
#include "proto/base/password.h"

#include "proto/base/banned.h"

enum { PAGE_PORT = 8480, OTHERS = 2 };

bool demo_is_page(const struct plan_agent *a)
{
    return strcmp(a->program, "eocbus-console") == 0;
}

static const struct plan_agent *page_of(const struct demo *d)
{
    for (unsigned i = 0; i < d->plan.agent_count; i++)
        if (demo_is_page(&d->plan.agents[i]))
            return &d->plan.agents[i];
    return NULL;
}

/* A login of its own, which reads what its principal hears. */
static enum status make_login(struct db *db, void *arg, char *err, size_t err_size)
{
    const struct plan_agent *a = arg;
    const char *params[] = {a->name};
    enum status st = db_script(
        db, "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'console') THEN "
            "CREATE ROLE console LOGIN IN ROLE bus_console, bus_reader; END IF; END $$");

    if (st == ST_OK)
        st = db_query(db, NULL, "SELECT bus.reader_set('console', $1)", params, 1);
    if (st != ST_OK)
        snprintf(err, err_size, "the page's login cannot be made: %s", db_error(db));
    return st;
}

/* Four short words are easier to type at three in the morning than twelve signs. */
static bool make_password(char out[64])
{
    static const char *const words[] = {"panj", "vakhsh", "pamir", "tut", "nav", "koh",
                                        "zar",  "sang",   "dar",   "bog", "rud", "barf",
                                        "sel",  "olma",   "lol",   "shab"};
    uint8_t random[6];
    FILE *f = fopen("/dev/urandom", "re");
    bool ok = f && fread(random, sizeof(random), 1, f) == 1;

    if (f)
        fclose(f);
    if (ok)
        snprintf(out, 64, "%s-%s-%s-%02x%02x", words[random[0] % 16], words[random[1] % 16],
                 words[random[2] % 16], random[3], random[4]);
    return ok;
}

/* A public alert takes a second person, an order to a machine two others, and an evacuation two who
 * take it besides: the dispatchers of the plan who have no page of their own, 0 the first. */
static const struct plan_agent *other_of(const struct demo *d, unsigned nth)
{
    for (unsigned i = 0; i < d->plan.agent_count; i++)
        if (strcmp(d->plan.agents[i].program, "eocctl") == 0 &&
            strcmp(d->plan.agents[i].role, "dispatcher") == 0 && nth-- == 0)
            return &d->plan.agents[i];
    return NULL;
}

static const char *const secrets[OTHERS] = {"conf/page.second", "conf/page.third"};

/* Is there a line of this name in the text? A run that was killed halfway, or of before there was a
 * third person, has fewer. */
static bool has_line(const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0)
        if (strncmp(line, name, len) == 0 && line[len] == ' ')
            return true;
    return false;
}

/* Adds a person to `people`, who is not among those of `before`; no plan, nothing is added. */
static enum status add_person(struct demo *d, const struct plan_agent *a, const char *secret,
                              const char *before, struct buf *people)
{
    char password[64], hash[PASSWORD_HASH];
    enum status st = ST_IO;

    if (!a || has_line(before, a->name))
        return ST_OK;
    if (make_password(password) && password_hash(hash, password) == ST_OK) {
        st = file_replace(demo_path(d, "%s", secret), password, strlen(password));
        buf_printf(people, "%s ru %s\n", a->name, hash);
    }
    return st;
}

/* conf/people, and files with the passwords for whoever starts the night. */
static int write_people(struct demo *d, const struct plan_agent *a)
{
    const char *people = demo_path(d, "conf/people"), *before = demo_read_file(d, people);
    struct buf text = {0};
    enum status st;

    before = before ? before : "";
    buf_puts(&text, before);
    st = add_person(d, a, "conf/page.password", before, &text);
    for (unsigned i = 0; i < OTHERS && st == ST_OK; i++)
        st = add_person(d, other_of(d, i), secrets[i], before, &text);
    if (st == ST_OK && !text.failed && text.len > strlen(before))
        st = file_replace(people, text.data, text.len);
    buf_free(&text);
    return st == ST_OK ? -1
                       : program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be written: %s",
                                      people, strerror(errno));
}

/* A key of this night's own, so that its alerts are signed as real ones are. */
static int make_cap_key(struct demo *d)
{
    const char *key = demo_path(d, "keys/cap.pem"), *cert = demo_path(d, "conf/cap.cert.pem");
    const char *argv[] = {"/usr/bin/openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:P-256",
                          "-nodes",
                          "-days",
                          "3650",
                          "-subj",
                          "/CN=eoc.example.tj",
                          "-keyout",
                          key,
                          "-out",
                          cert,
                          NULL};

    if (access(key, F_OK) == 0 && access(cert, F_OK) == 0)
        return -1;
    return demo_run(d, "openssl", argv, demo_path(d, "log/openssl.log")) == 0
               ? -1
               : program_fail(&d->ctl->program, EXIT_MACHINE,
                              "the key of public alerts was not made; see %s/log/openssl.log",
                              d->dir);
}

int demo_open_page(struct demo *d)
{
    const struct plan_agent *a = page_of(d);
    char err[400] = "";
    int code;

    if (!a)
        return -1;
    d->page_port = PAGE_PORT;
    if (!demo_take_port(&d->page_port))
        return program_fail(&d->ctl->program, EXIT_MACHINE, "no free port on 127.0.0.1");
    if (demo_ask(d, make_login, (void *)(uintptr_t)a, err, sizeof(err)) != ST_OK)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s", err);
    return (code = make_cap_key(d)) >= 0 ? code : write_people(d, a);
}

/* What they approve orders with is the key that they are enrolled with, locked with their password
 * by the program that opens it. */
static int give_key(struct demo *d, const struct plan_agent *page, const struct plan_agent *a,
                    const char *secret)
{
    static const char script[] = "exec \"$0\" -c \"$1\" person key \"$2\" \"$3\" < \"$4\"";
    const char *argv[] = {"/bin/sh",
                          "-c",
                          script,
                          arena_printf(d->arena, "%s/%s", d->bin, page->program),
                          demo_path(d, "conf/%s.conf", page->short_name),
                          a->name,
                          demo_path(d, "keys/%s.key", a->short_name),
                          demo_path(d, "%s", secret),
                          NULL};

    return demo_run(d, "person", argv, demo_path(d, "log/person.log")) == 0
               ? -1
               : program_fail(&d->ctl->program, EXIT_MACHINE,
                              "%s got no key for orders; see %s/log/person.log", a->name, d->dir);
}

int demo_give_keys(struct demo *d)
{
    const struct plan_agent *page = page_of(d), *a;
    const char *keys = demo_read_file(d, demo_path(d, "conf/people.keys"));
    int code = -1;

    for (unsigned i = 0; i < OTHERS && code < 0 && page; i++)
        if ((a = other_of(d, i)) != NULL && !has_line(keys ? keys : "", a->name))
            code = give_key(d, page, a, secrets[i]);
    return code;
}

void demo_put_page(struct demo *d, struct buf *b)
{
    buf_printf(
        b,
        "database = host=%s/sock user=console dbname=eocbus\npeople = %s/conf/people\n"
        "listen = 127.0.0.1:%u\ncap.key = %s/keys/cap.pem\ncap.cert = %s/conf/cap.cert.pem\n",
        d->dir, d->dir, d->page_port, d->dir, d->dir);
}

static void tell_person(struct demo *d, const char *what, const struct plan_agent *a,
                        const char *secret)
{
    const char *found = a ? demo_read_file(d, demo_path(d, "%s", secret)) : NULL;

    if (found)
        demo_tell(arena_printf(d->arena, "%s: name %s  password %s", what, a->name, found));
}

void demo_tell_page(struct demo *d)
{
    const struct plan_agent *a = page_of(d);
    const char *secret = a ? demo_read_file(d, demo_path(d, "conf/page.password")) : NULL;

    if (!secret)
        return;
    printf("\n");
    demo_tell(arena_printf(d->arena, "the page: http://127.0.0.1:%u  name %s  password %s",
                           d->page_port, a->name, secret));
    tell_person(d, "a second person, who approves alerts and orders", other_of(d, 0), secrets[0]);
    tell_person(d, "a third, on duty for the region", other_of(d, 1), secrets[1]);
    printf("\n");
    fflush(stdout);
}
