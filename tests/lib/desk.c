/* desk - see desk.h. */
#include "tests/lib/desk.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char exercise[] = "exercise", place[] = "3505203", english[] = "en", empty[] = "",
            fiber[] = "fiber", info[] = "info";

void desk_open(struct desk *d, const char *name)
{
    *d = (struct desk){0};
    snprintf(d->folder, sizeof(d->folder), "/tmp/desk.XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    snprintf(d->outbox, sizeof(d->outbox), "%s/box.db", d->folder);
    d->office.program.name = "desk";
    d->office.set.agent.name = mem_strdup(name);
    d->office.set.agent.outbox_path = d->outbox;
    d->office.set.agent.outbox_budget = 8u << 20;
    d->office.set.agent.link_profile = fiber;
    d->office.set.agent.log_level = info;
    d->office.set.status = exercise;
    d->office.set.place = place;
    d->office.set.lang = english;
    d->office.set.inbox_path = empty;
    d->office.lang = LANG_ENGLISH;
    d->office.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
}

void desk_close(struct desk *d)
{
    DIR *dir = opendir(d->folder);
    struct dirent *e;
    char path[400];

    while (dir && (e = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", d->folder, e->d_name);
        if (unlink(path) != 0)
            rmdir(path);
    }
    if (dir)
        closedir(dir);
    rmdir(d->folder);
    mem_free(d->office.set.agent.name);
}

const char *desk_file(struct desk *d, const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", d->folder, name);
    return path;
}

const char *desk_write(struct desk *d, const char *name, const char *text)
{
    const char *path = desk_file(d, name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

static int turn_to(int fd, FILE *f)
{
    int old;

    fflush(NULL);
    old = dup(fd);
    dup2(fileno(f), fd);
    return old;
}

static void turn_back(int fd, int old)
{
    fflush(NULL);
    dup2(old, fd);
    close(old);
}

static void take(struct buf *said, FILE *f)
{
    char chunk[512];
    size_t n;

    rewind(f);
    while (said && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_put(said, chunk, n);
    fclose(f);
}

int desk_run(struct desk *d, int (*command)(struct office *o), struct buf *said, ...)
{
    FILE *out = tmpfile(), *errors = tmpfile();
    char *words[64] = {0};
    int old_out, old_errors, code;
    va_list ap;

    va_start(ap, said);
    d->office.argc = 0;
    while (d->office.argc < 63 &&
           (words[d->office.argc] = (char *)(uintptr_t)va_arg(ap, const char *)) != NULL)
        d->office.argc++;
    va_end(ap);
    d->office.argv = words;
    d->office.once_key = d->office.file = NULL;
    d->office.wait_s = 0;
    d->office.field_words.count = 0;
    assert_int_equal(arena_create(&d->office.arena, 16u << 20), ST_OK);
    old_out = turn_to(STDOUT_FILENO, out);
    old_errors = turn_to(STDERR_FILENO, errors);
    code = command(&d->office);
    turn_back(STDOUT_FILENO, old_out);
    turn_back(STDERR_FILENO, old_errors);
    arena_destroy(d->office.arena);
    if (said)
        buf_clear(said);
    take(said, out);
    take(said, errors);
    if (said)
        buf_put(said, "", 1);
    return code;
}

/* --- the outbox ------------------------------------------------------------------------------- */

static struct outbox *open_outbox(struct desk *d)
{
    const struct outbox_settings set = {.path = d->outbox,
                                        .sender = d->office.set.agent.name,
                                        .budget_bytes = d->office.set.agent.outbox_budget};
    struct outbox *o;
    char err[400];

    assert_int_equal(outbox_open(&o, &set, err, sizeof(err)), ST_OK);
    return o;
}

struct look {
    size_t at, wanted;
    uint64_t tag;
    Eocbus__V1__Envelope *found;
};

static bool each(void *arg, const struct outbox_row *row, int state,
                 const struct outbox_outcome *oc)
{
    struct look *l = arg;

    (void)state;
    (void)oc;
    if (l->at++ == l->wanted) {
        l->tag = row->tag;
        l->found = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);
    }
    return true;
}

static struct look look_at(struct desk *d, size_t n)
{
    struct look l = {.wanted = n};
    struct outbox *o = open_outbox(d);

    assert_int_equal(outbox_each(o, each, &l), ST_OK);
    outbox_close(o);
    return l;
}

size_t desk_count(struct desk *d)
{
    return look_at(d, SIZE_MAX).at;
}

Eocbus__V1__Envelope *desk_message(struct desk *d, size_t n)
{
    struct look l = look_at(d, n);

    assert_non_null(l.found);
    return l.found;
}

void desk_settle(struct desk *d, size_t n, const struct outbox_outcome *oc)
{
    struct look l = look_at(d, n);
    struct outbox *o = open_outbox(d);

    assert_int_equal(outbox_settle(o, l.tag, oc), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    eocbus__v1__envelope__free_unpacked(l.found, NULL);
}
