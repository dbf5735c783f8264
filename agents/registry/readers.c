/* readers - see readers.h */
#include "agents/registry/readers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/gate.h"

enum { LINE_BYTES = 512 };

static enum status fail(char *err, size_t err_size, const char *path, unsigned line,
                        const char *what)
{
    snprintf(err, err_size, "%s:%u: %s; a line is: registry|escrow NAME KEY [PCODE ...]", path,
             line, what);
    return ST_INVALID;
}

static enum status add_places(struct reader *r, char *save, char *err, size_t err_size,
                              const char *path, unsigned line)
{
    char *place;

    while ((place = strtok_r(NULL, " \t\r\n", &save))) {
        size_t len = strlen(r->places);

        if (!gate_pcode_is_valid(place))
            return fail(err, err_size, path, line, "that is no P-code");
        if (len + strlen(place) + 2 > sizeof(r->places))
            return fail(err, err_size, path, line, "too many places");
        snprintf(r->places + len, sizeof(r->places) - len, "%s%s", len ? " " : "", place);
    }
    return ST_OK;
}

static enum status take_line(struct readers *out, char *text, const char *path, unsigned line,
                             char *err, size_t err_size)
{
    char *save = NULL, *word = strtok_r(text, " \t\r\n", &save), *name, *key;
    struct reader *r = &out->list[out->count];

    if (!word || *word == '#')
        return ST_OK;
    if (out->count == READERS_MOST)
        return fail(err, err_size, path, line, "too many readers");
    *r = (struct reader){.is_escrow = strcmp(word, "escrow") == 0};
    if (!r->is_escrow && strcmp(word, "registry") != 0)
        return fail(err, err_size, path, line, "neither registry nor escrow");
    name = strtok_r(NULL, " \t\r\n", &save);
    if (!name || !gate_name_is_valid(name))
        return fail(err, err_size, path, line, "that is no name");
    snprintf(r->name, sizeof(r->name), "%s", name);
    key = strtok_r(NULL, " \t\r\n", &save);
    if (!key || keys_z85_decode(r->key, key) != ST_OK)
        return fail(err, err_size, path, line, "that is no key of 40 characters");
    out->count++;
    return add_places(r, save, err, err_size, path, line);
}

enum status readers_load(struct readers *out, const char *path, char *err, size_t err_size)
{
    char text[LINE_BYTES];
    enum status st = ST_OK;
    FILE *f;

    out->count = 0;
    if (!*path)
        return ST_OK;
    f = fopen(path, "re");
    if (!f) {
        snprintf(err, err_size, "%s: %s; registry.readers names it", path, strerror(errno));
        return errno == ENOENT ? ST_NOTFOUND : ST_IO;
    }
    for (unsigned line = 1; st == ST_OK && fgets(text, sizeof(text), f); line++)
        st = take_line(out, text, path, line, err, err_size);
    if (st == ST_OK && ferror(f)) {
        snprintf(err, err_size, "%s cannot be read", path);
        st = ST_IO;
    }
    fclose(f);
    return st;
}

const struct reader *readers_find(const struct readers *r, const char *name)
{
    for (unsigned i = 0; i < r->count; i++)
        if (strcmp(r->list[i].name, name) == 0)
            return &r->list[i];
    return NULL;
}

/* Official codes end in zeros where they say no more: 3505000 is the region of 3505203. */
static bool is_around(const char *outer, size_t len, const char *pcode)
{
    while (len > 4 && outer[len - 1] == '0' && strncmp(outer, pcode, len) != 0)
        len--;
    return strncmp(outer, pcode, len) == 0;
}

bool reader_is_for(const struct reader *r, const char *pcode)
{
    for (const char *at = r->places; *at && *pcode;) {
        size_t len = strcspn(at, " ");

        if (is_around(at, len, pcode))
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}
