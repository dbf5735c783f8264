/* demo_dir - the folder of a run, and the files in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/ctl/demo.h"

#include "proto/base/banned.h"

void demo_tell(const char *sentence)
{
    printf("-- %s\n", sentence);
    fflush(stdout);
}

const char *demo_path(struct demo *d, const char *fmt, ...)
{
    char text[4096];
    const char *out;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    out = arena_printf(d->arena, "%s/%s", d->dir, text);
    if (!out) {
        fprintf(stderr, "eocctl: out of memory\n");
        exit(EXIT_MACHINE);
    }
    return out;
}

const char *demo_read_file(struct demo *d, const char *path)
{
    FILE *f = fopen(path, "re");
    struct buf b = {0};
    char chunk[4096], *out = NULL;
    size_t n;

    if (!f)
        return NULL;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && b.len < (1u << 20))
        buf_put(&b, chunk, n);
    fclose(f);
    buf_put(&b, "", 1);
    if (!b.failed) {
        out = arena_alloc(d->arena, b.len);
        if (out)
            memcpy(out, b.data, b.len);
    }
    buf_free(&b);
    return out;
}

int demo_write_file(struct demo *d, const char *path, const struct buf *b)
{
    const char *tmp = arena_printf(d->arena, "%s.new", path);
    FILE *f = b->failed || !tmp ? NULL : fopen(tmp, "we");
    bool ok;

    if (f) {
        fchmod(fileno(f), 0600);
        ok = fwrite(b->data, 1, b->len, f) == b->len;
        ok = fclose(f) == 0 && ok;
        if (ok && rename(tmp, path) == 0)
            return -1;
    }
    return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be written: %s", path,
                        strerror(errno));
}

/* The path goes into settings files and connection strings, and 107 bytes is all a socket's may
 * have. */
static const char *path_fault(const char *path)
{
    if (strlen(path) > 80)
        return "is longer than 80 characters, and the path of a socket in it would not fit";
    if (path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+-")] !=
        '\0')
        return "holds characters other than letters, digits and . _ / + -";
    return NULL;
}

static int make_dir(struct demo *d, const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be made: %s", path,
                            strerror(errno));
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return program_fail(&d->ctl->program, EXIT_MACHINE,
                            "%s is no folder of ours; name one that belongs to you", path);
    return -1;
}

static int lock_dir(struct demo *d)
{
    const char *path = demo_path(d, "lock");

    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return program_fail(&d->ctl->program, EXIT_MACHINE, "%s cannot be opened: %s", path,
                            strerror(errno));
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return program_fail(&d->ctl->program, EXIT_MACHINE,
                            "another run uses %s; stop it with ctrl-C, or name another folder",
                            d->dir);
    return -1;
}

static bool resolve_dir(struct demo *d)
{
    char *real = realpath(d->dir, NULL);

    if (!real)
        return false;
    d->dir = arena_printf(d->arena, "%s", real);
    free(real);
    return d->dir != NULL;
}

int demo_open_dir(struct demo *d)
{
    static const char *const parts[] = {"conf", "keys", "log", "outbox", "sock"};
    const char *fault;
    int code;

    if (geteuid() == 0)
        return program_fail(&d->ctl->program, EXIT_USAGE,
                            "PostgreSQL refuses to run as root: start this as an ordinary user "
                            "(`make run` does)");
    code = make_dir(d, d->dir);
    if (code >= 0)
        return code;
    fault = resolve_dir(d) ? path_fault(d->dir) : strerror(errno);
    if (fault)
        return program_fail(&d->ctl->program, EXIT_USAGE, "the run folder %s", fault);
    chmod(d->dir, 0700);
    for (size_t i = 0; i < ARRAY_LEN(parts) && code < 0; i++)
        code = make_dir(d, demo_path(d, "%s", parts[i]));
    return code < 0 ? lock_dir(d) : code;
}
