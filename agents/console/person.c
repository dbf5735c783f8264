/* person - eocbus-console person: who may sign in at the pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agents/console/person.h"
#include "agents/link/lang.h"

#include "proto/base/banned.h"

bool person_read_secret(char out[PASSWORD_MOST + 2], const char *prompt)
{
    struct termios seen, unseen;
    const bool asks = tcgetattr(STDIN_FILENO, &seen) == 0;
    bool read;

    if (asks) {
        unseen = seen;
        unseen.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "%s", prompt);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
    }
    read = fgets(out, PASSWORD_MOST + 2, stdin) != NULL;
    if (asks) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
        fprintf(stderr, "\n");
    }
    if (read)
        out[strcspn(out, "\r\n")] = '\0';
    return read;
}

/* A terminal is asked twice, a pipe once. */
static int take_password(struct console *c, struct person *p, char password[PASSWORD_MOST + 2])
{
    char again[PASSWORD_MOST + 2] = "";
    const bool asks = isatty(STDIN_FILENO);
    enum status st = ST_INVALID;
    int code = -1;

    if (!person_read_secret(password, "password: ") ||
        (asks && !person_read_secret(again, "once more: ")))
        code = program_fail(c->program, EXIT_USAGE, "no password came in; give it on one line");
    else if (asks && strcmp(password, again) != 0)
        code =
            program_fail(c->program, EXIT_USAGE, "the two are not the same; nothing was changed");
    else
        st = password_hash(p->hash, password);
    if (code < 0 && st != ST_OK)
        code = program_fail(c->program, EXIT_USAGE, "a password has %d to %d bytes", PASSWORD_LEAST,
                            PASSWORD_MOST);
    password_wipe(again, sizeof(again));
    return code;
}

int person_report(struct console *c, enum status st, const char *err)
{
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(c->program, st == ST_NOTFOUND ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

/* Who is to be added, or has a new password: as the file and the command line have them. */
static int find_person(struct console *c, bool is_new, struct person *p)
{
    char err[400] = "";
    enum lang known;
    enum status st = people_find(c->set.people, c->argv[2], p, err, sizeof(err));

    if (st != ST_OK && st != ST_NOTFOUND)
        return person_report(c, st, err);
    if (is_new == (st == ST_OK))
        return program_fail(c->program, EXIT_USAGE,
                            is_new ? "%s is there already; say person password"
                                   : "there is no %s; say person add",
                            c->argv[2]);
    snprintf(p->name, sizeof(p->name), "%s", c->argv[2]);
    if (c->argc <= 3)
        return -1;
    if (lang_parse(c->argv[3], &known) != ST_OK)
        return program_fail(c->program, EXIT_USAGE, "%s is no language; legal are tg, ru, en",
                            c->argv[3]);
    snprintf(p->lang, sizeof(p->lang), "%s", c->argv[3]);
    return -1;
}

static int add(struct console *c, bool is_new)
{
    struct person p = {.lang = "ru"};
    struct keys kept = {.public_z85 = ""};
    char password[PASSWORD_MOST + 2] = "";
    bool lost = false;
    char err[400] = "";
    int code = find_person(c, is_new, &p);

    if (code < 0 && !is_new)
        code = person_unlock(c, p.name, &kept, &lost);
    if (code < 0)
        code = take_password(c, &p, password);
    if (code < 0)
        code = person_report(c, people_put(c->set.people, &p, err, sizeof(err)), err);
    if (code == EXIT_DONE && lost)
        code = person_drop_key(c, p.name);
    if (code == EXIT_DONE)
        code = person_lock(c, p.name, &kept, password);
    if (code < 0)
        code = EXIT_DONE;
    keys_wipe(&kept);
    password_wipe(password, sizeof(password));
    password_wipe(p.hash, sizeof(p.hash));
    return code;
}

static int drop(struct console *c)
{
    char err[400] = "";
    int code = person_report(c, people_remove(c->set.people, c->argv[2], err, sizeof(err)), err);

    return code == EXIT_DONE ? person_drop_key(c, c->argv[2]) : code;
}

static void print_person(void *arg, const struct person *p)
{
    (void)arg;
    printf("%s %s\n", p->name, p->lang);
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < PERSON_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

int console_person(struct console *c)
{
    static const char usage[] = "legal are: person list, person add NAME [tg|ru|en], person "
                                "password NAME, person key NAME [FILE], person remove NAME";
    const char *what = c->argc > 1 ? c->argv[1] : "";
    char err[400] = "";

    if (strcmp(what, "list") == 0 && c->argc == 2)
        return person_report(c, people_each(c->set.people, print_person, NULL, err, sizeof(err)),
                             err);
    if (c->argc < 3 || c->argc > 4)
        return program_fail(c->program, EXIT_USAGE, "%s", usage);
    if (!is_name(c->argv[2]))
        return program_fail(c->program, EXIT_USAGE,
                            "%s is no principal's name; one is like coes.dushanbe.nazarov",
                            c->argv[2]);
    if (strcmp(what, "add") == 0)
        return add(c, true);
    if (strcmp(what, "password") == 0 && c->argc == 3)
        return add(c, false);
    if (strcmp(what, "remove") == 0 && c->argc == 3)
        return drop(c);
    if (strcmp(what, "key") == 0)
        return person_key(c, c->argv[2], c->argc > 3 ? c->argv[3] : NULL);
    return program_fail(c->program, EXIT_USAGE, "%s", usage);
}
