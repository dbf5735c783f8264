/* keyring - see keyring.h. */
#include "agents/console/people/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/people/private.h"
#include "proto/base/file.h"

#include "proto/base/banned.h"

enum { LINE = PERSON_NAME + KEY_Z85 + LOCKED_TEXT + 4, FILE_BYTES = PEOPLE_MOST * LINE };

static const char head[] =
    "# eocbus keys - what people sign approvals with; written by eocbus-console person key\n";

void keyring_path(char *out, size_t size, const char *people)
{
    snprintf(out, size, "%s.keys", people);
}

static bool read_line(const char *line, struct person_key *out)
{
    char rest[2];

    return sscanf(line, "%127s %40s %199s %1s", out->name, out->sign_public_z85, out->locked,
                  rest) == 3 &&
           keys_z85_is_valid(out->sign_public_z85);
}

/* Looks for one person, and copies the lines of the others; either may be NULL. */
static enum status walk(const char *path, const char *name, struct person_key *found,
                        struct buf *others, char *err, size_t err_size)
{
    struct buf text = {0};
    enum status st = private_read(path, &text, FILE_BYTES, err, err_size), answer = ST_NOTFOUND;
    char *line = (char *)text.data, *rest;

    for (; st == ST_OK && *line; line = rest) {
        struct person_key k = {.name = ""};

        rest = line + strcspn(line, "\n");
        if (*rest)
            *rest++ = '\0';
        if (!*line || *line == '#')
            continue;
        if (!read_line(line, &k)) {
            if (!others && strcmp(k.name, name) != 0)
                continue; /* a damaged line is in nobody else's way */
            st = private_fail(
                err, err_size, ST_INVALID, path,
                "legal is NAME KEY LOCKED on each line; write it with eocbus-console person "
                "key");
        } else if (strcmp(k.name, name) == 0) {
            answer = ST_OK;
            if (found)
                *found = k;
        } else if (others) {
            buf_printf(others, "%s\n", line);
        }
    }
    buf_free(&text);
    return st == ST_OK ? answer : st;
}

enum status keyring_find(const char *path, const char *name, struct person_key *out, char *err,
                         size_t err_size)
{
    enum status st = walk(path, name, out, NULL, err, err_size);

    if (st == ST_NOTFOUND)
        snprintf(err, err_size, "%s has no key here; say person key", name);
    return st;
}

static enum status replace(const char *path, const struct buf *text, char *err, size_t err_size)
{
    enum status st = text->failed ? ST_NOMEM : ST_OK;

    if (st == ST_OK && text->len > FILE_BYTES)
        return private_fail(err, err_size, ST_FULL, path, "holds as many keys as it can");
    if (st == ST_OK)
        st = file_replace(path, text->data, text->len);
    return st == ST_OK ? st : private_fail(err, err_size, st, path, strerror(errno));
}

enum status keyring_put(const char *path, const struct person_key *k, char *err, size_t err_size)
{
    struct buf text = {0};
    enum status st;

    buf_puts(&text, head);
    st = walk(path, k->name, NULL, &text, err, err_size);
    if (st == ST_NOTFOUND)
        st = ST_OK;
    buf_printf(&text, "%s %s %s\n", k->name, k->sign_public_z85, k->locked);
    if (st == ST_OK)
        st = replace(path, &text, err, err_size);
    buf_free(&text);
    return st;
}

enum status keyring_remove(const char *path, const char *name, char *err, size_t err_size)
{
    struct buf text = {0};
    enum status st;

    buf_puts(&text, head);
    st = walk(path, name, NULL, &text, err, err_size);
    if (st == ST_OK)
        st = replace(path, &text, err, err_size);
    buf_free(&text);
    return st;
}

/* --- locking, opening ------------------------------------------------------------------------- */

/* Whose it is, and of which public half: a line cannot be put together from two. */
static void put_about(char out[PERSON_NAME + KEY_Z85], const struct person_key *k)
{
    snprintf(out, PERSON_NAME + KEY_Z85, "%s %s", k->name, k->sign_public_z85);
}

enum status keyring_lock(struct person_key *out, const char *name, const struct keys *k,
                         const char *password)
{
    char about[PERSON_NAME + KEY_Z85];
    uint8_t seed[LOCKED_BYTES];
    enum status st;

    if (keys_z85_decode(seed, k->sign_secret_z85) != ST_OK)
        return ST_NOTFOUND;
    *out = (struct person_key){.name = ""};
    snprintf(out->name, sizeof(out->name), "%s", name);
    snprintf(out->sign_public_z85, sizeof(out->sign_public_z85), "%s", k->sign_public_z85);
    put_about(about, out);
    st = locked_make(out->locked, seed, password, about);
    password_wipe((char *)seed, sizeof(seed));
    return st;
}

enum status keyring_open(struct keys *out, const struct person_key *k, const char *password)
{
    char about[PERSON_NAME + KEY_Z85];
    uint8_t seed[LOCKED_BYTES];
    enum status st;

    *out = (struct keys){.public_z85 = ""};
    put_about(about, k);
    st = locked_open(seed, k->locked, password, about);
    if (st == ST_OK) {
        keys_z85_encode(out->sign_secret_z85, seed);
        snprintf(out->sign_public_z85, sizeof(out->sign_public_z85), "%s", k->sign_public_z85);
    }
    password_wipe((char *)seed, sizeof(seed));
    return st;
}
