#include "proto/base/officers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/banned.h"

enum { FILE_BYTES = 8192 }; /* sixteen lines of 106 bytes, and room to say who they are */

static enum status say(char *err, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

static enum status say(char *err, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err, size, fmt, args);
    va_end(args);
    return ST_INVALID;
}

const struct officer *officers_find(const struct officers *o, const char *name)
{
    for (unsigned i = 0; i < o->count; i++)
        if (strcmp(o->row[i].name, name) == 0)
            return &o->row[i];
    return NULL;
}

const struct officer *officers_find_key(const struct officers *o, const uint8_t key[KEY_BYTES])
{
    for (unsigned i = 0; i < o->count; i++)
        if (memcmp(o->row[i].key, key, KEY_BYTES) == 0)
            return &o->row[i];
    return NULL;
}

/* As the gate has it of principals, which knows this one; here only what no file should hold. */
static bool is_name(const char *word, size_t len)
{
    return len > 0 && len < OFFICER_NAME &&
           strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-.") >= len;
}

static enum status take_officer(struct officers *o, const char *name, size_t name_len,
                                const char *key, size_t key_len, char *err, size_t size)
{
    struct officer *row = &o->row[o->count];
    char z85[KEY_Z85];

    if (!is_name(name, name_len) || key_len != KEY_Z85 - 1)
        return say(err, size, "\"%.*s\" is no line NAME KEY; a key has 40 characters",
                   (int)name_len, name);
    if (o->count == OFFICERS_MOST)
        return say(err, size, "more than %d officers", OFFICERS_MOST);
    memcpy(row->name, name, name_len);
    row->name[name_len] = '\0';
    memcpy(z85, key, key_len);
    z85[key_len] = '\0';
    if (keys_z85_decode(row->key, z85) != ST_OK)
        return say(err, size,
                   "the key of %s is no 40 characters Z85; it is what stands behind "
                   "sign_public in the officer's key file",
                   row->name);
    if (officers_find(o, row->name) || officers_find_key(o, row->key))
        return say(err, size,
                   "%s, or this key, stands there twice: two signatures have to be of "
                   "two people",
                   row->name);
    o->count++;
    return ST_OK;
}

/* One line without its end. */
static enum status take_line(struct officers *o, const char *line, size_t len, char *err,
                             size_t size)
{
    static const char blanks[] = " \t\r";
    const char *end = line + len, *name, *rest;
    size_t name_len, rest_len = 0;

    name = line + strspn(line, blanks);
    if (name >= end || *name == '#')
        return ST_OK;
    name_len = strcspn(name, " \t\r\n=");
    rest = name + name_len;
    rest += strspn(rest, blanks);
    if (rest < end)
        rest_len = strcspn(rest, " \t\r\n");
    if (name_len == 6 && memcmp(name, "needed", 6) == 0 && *rest == '=') {
        o->needed = (unsigned)strtoul(rest + 1, NULL, 10);
        return ST_OK;
    }
    return take_officer(o, name, name_len, rest, rest_len, err, size);
}

static enum status take_text(struct officers *o, const char *text, char *err, size_t size)
{
    enum status st = ST_OK;

    o->needed = 2;
    while (*text && st == ST_OK) {
        size_t len = strcspn(text, "\n");

        st = take_line(o, text, len, err, size);
        text += len + (text[len] == '\n');
    }
    if (st != ST_OK)
        return st;
    if (o->needed < 2)
        return say(err, size, "needed = %u: enrolment takes two people at least", o->needed);
    if (o->count < o->needed)
        return say(err, size, "%u officers, and %u are needed", o->count, o->needed);
    return ST_OK;
}

enum status officers_parse(struct officers *out, const char *text, const char *where, char *err,
                           size_t err_size)
{
    struct officers o = {0};
    char what[256];
    enum status st = take_text(&o, text, what, sizeof(what));

    if (st != ST_OK)
        snprintf(err, err_size, "%s: %s", where, what);
    else
        *out = o;
    return st;
}

static enum status read_file(char *text, size_t size, int fd, const char *path, char *err,
                             size_t err_size)
{
    struct stat file;
    size_t len = 0;
    ssize_t n = 1;

    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
        return say(err, err_size, "%s is not a file", path);
    if (file.st_mode & 022) {
        (void)say(err, err_size,
                  "%s has mode %04o, others could have changed who is an officer; compare it with "
                  "the officers themselves, then chmod 644 %s",
                  path, (unsigned)file.st_mode & 07777, path);
        return ST_DENIED;
    }
    while (len < size && n > 0) {
        n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (size_t)n;
    }
    if (n < 0 || len == size)
        return say(err, err_size, "%s cannot be read, or is longer than %zu bytes", path, size - 1);
    text[len] = '\0';
    return ST_OK;
}

enum status officers_load(struct officers *out, const char *path, char *err, size_t err_size)
{
    char text[FILE_BYTES + 1] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        enum status st = errno == ENOENT ? ST_NOTFOUND : ST_IO;

        (void)say(err, err_size, "the officers' file %s cannot be opened: %s", path,
                  strerror(errno));
        return st;
    }
    enum status st = read_file(text, sizeof(text), fd, path, err, err_size);
    close(fd);
    return st == ST_OK ? officers_parse(out, text, path, err, err_size) : st;
}
