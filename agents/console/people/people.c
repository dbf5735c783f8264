/* people - see people.h. */
#include "agents/console/people/people.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/people/private.h"
#include "agents/link/lang.h"
#include "proto/base/file.h"

#include "proto/base/banned.h"

enum { FILE_BYTES = PEOPLE_MOST * 300 };

static const char head[] = "# eocbus people - who may sign in; written by eocbus-console person\n";

/* "NAME LANG HASH"; empty lines and comments are nobody. */
static bool read_line(char *line, struct person *out, bool *is_person)
{
    enum lang known;

    *is_person = false;
    if (!*line || *line == '#')
        return true;
    *is_person = sscanf(line, "%127s %2s %127s", out->name, out->lang, out->hash) == 3 &&
                 lang_parse(out->lang, &known) == ST_OK;
    return *is_person;
}

static enum status walk(const char *path, void (*each)(void *arg, const struct person *p),
                        void *arg, char *err, size_t err_size)
{
    struct buf text = {0};
    enum status st = private_read(path, &text, FILE_BYTES, err, err_size);
    char *line = (char *)text.data, *rest;
    unsigned number = 0;
    bool is_person;

    for (; st == ST_OK && line && *line; line = rest) {
        struct person p;

        rest = line + strcspn(line, "\n");
        if (*rest)
            *rest++ = '\0';
        number++;
        if (!read_line(line, &p, &is_person)) {
            snprintf(err, err_size,
                     "%s line %u: legal is NAME LANG HASH; write it with "
                     "eocbus-console person",
                     path, number);
            st = ST_INVALID;
        } else if (is_person) {
            each(arg, &p);
        }
    }
    password_wipe((char *)text.data, text.len);
    buf_free(&text);
    return st;
}

enum status people_each(const char *path, void (*each)(void *arg, const struct person *p),
                        void *arg, char *err, size_t err_size)
{
    enum status st = walk(path, each, arg, err, err_size);

    return st == ST_NOTFOUND ? ST_OK : st;
}

struct search {
    const char *name;
    struct person *out;
    bool found;
};

static void on_search(void *arg, const struct person *p)
{
    struct search *s = arg;

    if (strcmp(p->name, s->name) != 0)
        return;
    *s->out = *p;
    s->found = true;
}

enum status people_find(const char *path, const char *name, struct person *out, char *err,
                        size_t err_size)
{
    struct search s = {name, out, false};
    enum status st = people_each(path, on_search, &s, err, err_size);

    if (st != ST_OK || s.found)
        return st;
    snprintf(err, err_size, "nobody called %s may sign in here", name);
    return ST_NOTFOUND;
}

/* --- changes ---------------------------------------------------------------------------------- */

struct copy {
    const char *without;
    struct buf text;
    unsigned count;
    bool left_out;
};

static void write_person(struct copy *c, const struct person *p)
{
    buf_printf(&c->text, "%s %s %s\n", p->name, p->lang, p->hash);
    c->count++;
}

static void on_copy(void *arg, const struct person *p)
{
    struct copy *c = arg;

    if (strcmp(p->name, c->without) == 0)
        c->left_out = true;
    else
        write_person(c, p);
}

static enum status store(const char *path, struct copy *c, char *err, size_t err_size)
{
    enum status st = c->text.failed ? ST_NOMEM : file_replace(path, c->text.data, c->text.len);

    return st == ST_OK ? st : private_fail(err, err_size, st, path, strerror(errno));
}

static enum status change(const char *path, const char *name, const struct person *put, char *err,
                          size_t err_size)
{
    struct copy c = {.without = name};
    enum status st;

    buf_puts(&c.text, head);
    st = people_each(path, on_copy, &c, err, err_size);
    if (st == ST_OK && put && c.count >= PEOPLE_MOST)
        st = private_fail(err, err_size, ST_FULL, path, "holds as many people as it can");
    if (st == ST_OK && !put && !c.left_out) {
        snprintf(err, err_size, "nobody called %s may sign in here", name);
        st = ST_NOTFOUND;
    }
    if (st == ST_OK && put)
        write_person(&c, put);
    if (st == ST_OK)
        st = store(path, &c, err, err_size);
    password_wipe((char *)c.text.data, c.text.len);
    buf_free(&c.text);
    return st;
}

enum status people_put(const char *path, const struct person *p, char *err, size_t err_size)
{
    return change(path, p->name, p, err, err_size);
}

enum status people_remove(const char *path, const char *name, char *err, size_t err_size)
{
    return change(path, name, NULL, err, err_size);
}
