/* vault - see vault.h */
#include "agents/registry/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/wire/sealed.h"

#include "proto/base/banned.h"

#define FOLDER ".sealed"
#define ERASED ".erased"
#define CLOSED ".closed"

enum { NAME_BYTES = 2 * ID_TEXT + 16, WHY_BYTES = 400, BOX_BYTES = 128 * 1024 };

static int open_folder(struct office *o)
{
    const char *path = office_file(o, FOLDER);

    if (!path || (mkdir(path, 0700) != 0 && errno != EEXIST))
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void name_box(char out[NAME_BYTES], const uint8_t *household, const uint8_t *id,
                     const char *end)
{
    char a[ID_TEXT], b[ID_TEXT];

    id_format(a, household);
    id_format(b, id);
    snprintf(out, NAME_BYTES, "%s.%s%s", a, b, end);
}

static bool write_whole(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static enum status put_file(int folder, const char *name, const void *data, size_t len)
{
    char fresh[NAME_BYTES + 16];
    bool ok = false;
    int fd;

    snprintf(fresh, sizeof(fresh), "%s.%ld", name, (long)getpid());
    fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ST_IO;
    ok = write_whole(fd, data, len);
    close(fd);
    if (ok && renameat(folder, fresh, folder, name) == 0 && fsync(folder) == 0)
        return ST_OK;
    unlinkat(folder, fresh, 0);
    return ST_IO;
}

static enum status fail(char *err, size_t err_size, const char *what)
{
    snprintf(err, err_size, "the vault beside the outbox: %s: %s", what, strerror(errno));
    return ST_IO;
}

static enum status keep_packed(struct office *o, const char *name, const Eocbus__V1__Delivery *d,
                               char *err, size_t err_size)
{
    size_t len = eocbus__v1__delivery__get_packed_size(d);
    uint8_t *bytes = mem_alloc(len + 1);
    int folder = open_folder(o);
    enum status st = ST_NOMEM;

    if (bytes && folder >= 0) {
        eocbus__v1__delivery__pack(d, bytes);
        st = put_file(folder, name, bytes, len);
    } else if (folder < 0) {
        st = ST_IO;
    }
    if (st != ST_OK)
        fail(err, err_size, name);
    if (folder >= 0)
        close(folder);
    mem_free(bytes);
    return st;
}

static bool is_there(struct office *o, const char *name)
{
    int folder = open_folder(o);
    bool yes = folder >= 0 && faccessat(folder, name, F_OK, 0) == 0;

    if (folder >= 0)
        close(folder);
    return yes;
}

enum status vault_keep(struct office *o, const Eocbus__V1__Delivery *d,
                       const Eocbus__V1__Envelope *m, char *err, size_t err_size)
{
    const Eocbus__V1__HouseholdIdentity *h = m->household_identity;
    char name[NAME_BYTES], gone[NAME_BYTES];

    if (h->household_id.len != ID_BYTES || m->message_id.len != ID_BYTES)
        return ST_OK;
    name_box(name, h->household_id.data, m->message_id.data, "");
    name_box(gone, h->household_id.data, m->message_id.data, ERASED);
    if (is_there(o, gone))
        return ST_EXISTS;
    /* Without keys it opens for nobody. Ours is here with all of them from when it was said. */
    if (!d->n_keys || is_there(o, name))
        return ST_OK;
    return keep_packed(o, name, d, err, err_size);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* HOUSEHOLD.MESSAGE, of this household (NULL: of any), and nothing behind it. */
static bool parse_name(const char *name, const uint8_t *household, uint8_t id[ID_BYTES])
{
    char first[ID_TEXT] = "";
    uint8_t whose[ID_BYTES];

    if (strlen(name) != 2 * (ID_TEXT - 1) + 1 || name[ID_TEXT - 1] != '.')
        return false;
    memcpy(first, name, ID_TEXT - 1);
    return id_parse(whose, first) && id_parse(id, name + ID_TEXT) &&
           (!household || memcmp(whose, household, ID_BYTES) == 0);
}

static size_t read_file(int folder, const char *name, uint8_t *out, size_t size)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    if (fd < 0)
        return 0;
    while (len < size && (n = read(fd, out + len, size - len)) > 0)
        len += (size_t)n;
    close(fd);
    return len;
}

static bool take_box(struct office *o, const uint8_t *bytes, size_t len, struct vault_box *out)
{
    ProtobufCAllocator *arena = arena_allocator(o->arena);
    Eocbus__V1__Delivery *d = eocbus__v1__delivery__unpack(arena, len, bytes);

    if (!d)
        return false;
    out->message = eocbus__v1__envelope__unpack(arena, d->content.len, d->content.data);
    out->keys_len = d->n_keys * WRAPPED_BYTES;
    out->keys = arena_alloc(o->arena, out->keys_len + 1);
    if (!out->message || !out->keys || !out->message->household_identity)
        return false;
    sealed_put_keys(out->keys, d->keys, d->n_keys);
    return true;
}

/* Why there is none any more: the first line of a file that says so. */
static void explain_gone(int folder, const uint8_t *household, char *err, size_t err_size)
{
    char id[ID_TEXT], why[WHY_BYTES] = "";
    DIR *d = fdopendir(dup(folder));
    struct dirent *e;

    id_format(id, household);
    snprintf(err, err_size, "no identity of %s is here", id);
    rewinddir(d);
    while (d && (e = readdir(d))) {
        size_t len = strlen(e->d_name);

        if (strncmp(e->d_name, id, ID_TEXT - 1) != 0 || len < sizeof(ERASED) ||
            strcmp(e->d_name + len - strlen(ERASED), ERASED) != 0)
            continue;
        len = read_file(folder, e->d_name, (uint8_t *)why, sizeof(why) - 1);
        why[len] = '\0';
        why[strcspn(why, "\n")] = '\0';
        snprintf(err, err_size, "the identity of %s was destroyed: %s", id, why);
    }
    if (d)
        closedir(d);
}

unsigned vault_boxes(struct office *o, const uint8_t household[ID_BYTES],
                     uint8_t ids[VAULT_IDS][ID_BYTES])
{
    int folder = open_folder(o);
    DIR *d = folder >= 0 ? fdopendir(folder) : NULL;
    struct dirent *e;
    unsigned n = 0;

    while (d && n < VAULT_IDS && (e = readdir(d)))
        n += parse_name(e->d_name, household, ids[n]);
    if (d)
        closedir(d);
    return n;
}

static bool is_newer(const struct vault_box *a, const struct vault_box *b)
{
    return !b->message || a->message->sent_time_us > b->message->sent_time_us;
}

enum status vault_read(struct office *o, const uint8_t household[ID_BYTES],
                       const uint8_t id[ID_BYTES], struct vault_box *out)
{
    uint8_t *bytes = mem_alloc(BOX_BYTES);
    int folder = open_folder(o);
    char name[NAME_BYTES];
    size_t len = 0;
    bool ok = false;

    *out = (struct vault_box){.message = NULL};
    name_box(name, household, id, "");
    if (bytes && folder >= 0)
        len = read_file(folder, name, bytes, BOX_BYTES);
    memcpy(out->message_id, id, ID_BYTES);
    if (len)
        ok = take_box(o, bytes, len, out);
    if (folder >= 0)
        close(folder);
    mem_free(bytes);
    return ok ? ST_OK : ST_NOTFOUND;
}

enum status vault_newest(struct office *o, const uint8_t household[ID_BYTES], struct vault_box *out,
                         char *err, size_t err_size)
{
    uint8_t ids[VAULT_IDS][ID_BYTES];
    unsigned n = vault_boxes(o, household, ids);
    int folder = open_folder(o);

    *out = (struct vault_box){.message = NULL};
    if (folder < 0)
        return fail(err, err_size, "cannot be read");
    for (unsigned i = 0; i < n; i++) {
        struct vault_box box;

        if (vault_read(o, household, ids[i], &box) == ST_OK && is_newer(&box, out))
            *out = box;
    }
    if (!out->message)
        explain_gone(folder, household, err, err_size);
    close(folder);
    return out->message ? ST_OK : ST_NOTFOUND;
}

enum status vault_each(struct office *o,
                       void (*each)(void *arg, const char *household, const char *message),
                       void *arg, char *err, size_t err_size)
{
    int folder = open_folder(o);
    DIR *d = folder >= 0 ? fdopendir(folder) : NULL;
    struct dirent *e;
    uint8_t id[ID_BYTES];

    if (!d)
        return fail(err, err_size, "cannot be read");
    while ((e = readdir(d)))
        if (parse_name(e->d_name, NULL, id)) {
            e->d_name[ID_TEXT - 1] = '\0';
            each(arg, e->d_name, e->d_name + ID_TEXT);
        }
    closedir(d);
    return ST_OK;
}

/* --- going ------------------------------------------------------------------------------------ */

/* Zeros over it first: what a name pointed at is still on the disk when the name has gone. */
static bool overwrite(int folder, const char *name)
{
    static const uint8_t zeros[4096];
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    struct stat st;
    bool ok;

    if (fd < 0)
        return errno == ENOENT;
    ok = fstat(fd, &st) == 0;
    for (off_t at = 0; ok && at < st.st_size; at += (off_t)sizeof(zeros)) {
        size_t left = (size_t)(st.st_size - at);

        ok = pwrite(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros), at) > 0;
    }
    ok = ok && fsync(fd) == 0;
    close(fd);
    return ok && unlinkat(folder, name, 0) == 0;
}

enum status vault_erase(struct office *o, const uint8_t household[ID_BYTES],
                        const uint8_t id[ID_BYTES], const char *why, char *err, size_t err_size)
{
    char name[NAME_BYTES], gone[NAME_BYTES], line[WHY_BYTES];
    int folder = open_folder(o), n = snprintf(line, sizeof(line), "%s\n", why);
    enum status st = ST_IO;

    name_box(name, household, id, "");
    name_box(gone, household, id, ERASED);
    if (n >= (int)sizeof(line))
        n = (int)sizeof(line) - 1;
    /* The word first: whoever is killed in between leaves a box that is not taken again. */
    if (folder >= 0 && put_file(folder, gone, line, (size_t)n) == ST_OK &&
        overwrite(folder, name) && fsync(folder) == 0)
        st = ST_OK;
    if (st != ST_OK)
        fail(err, err_size, name);
    if (folder >= 0)
        close(folder);
    return st;
}

/* --- closed cases ----------------------------------------------------------------------------- */

static void name_mark(char out[NAME_BYTES], const uint8_t *household)
{
    char id[ID_TEXT];

    id_format(id, household);
    snprintf(out, NAME_BYTES, "%s" CLOSED, id);
}

void vault_mark_closed(struct office *o, const uint8_t household[ID_BYTES], bool closed)
{
    char name[NAME_BYTES];
    int folder = open_folder(o);

    if (folder < 0)
        return;
    name_mark(name, household);
    if (closed)
        (void)!put_file(folder, name, "closed\n", 7);
    else
        unlinkat(folder, name, 0);
    close(folder);
}

bool vault_is_closed(struct office *o, const uint8_t household[ID_BYTES])
{
    char name[NAME_BYTES];

    name_mark(name, household);
    return is_there(o, name);
}
