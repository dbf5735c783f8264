/* keys - key pairs and their files.
 *
 * A key is written to a temporary file beside its place, synced, renamed without overwriting, and
 * the directory synced: after a power cut there is the whole key or none. Reading refuses a file
 * that others could have read, and a pair whose halves do not belong together (a handshake with
 * such a pair fails without saying why). */
#include "proto/base/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/base/banned.h"

#define FILE_BYTES 1024 /* a key file has about 280; nothing larger is one */

static enum status say(enum status st, char *err, size_t err_size, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static enum status say(enum status st, char *err, size_t err_size, const char *fmt, ...)
{
    int error = errno;
    va_list args;

    va_start(args, fmt);
    vsnprintf(err, err_size, fmt, args);
    va_end(args);
    errno = error;
    return st;
}

/* The public half that belongs to a seed. */
static bool derive_sign_public(char out[KEY_Z85], const uint8_t seed[KEY_BYTES])
{
    unsigned char public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];

    if (sodium_init() < 0)
        return false;
    (void)crypto_sign_seed_keypair(public, secret, seed); /* cannot fail */
    explicit_bzero(secret, sizeof(secret));
    keys_z85_encode(out, public);
    return true;
}

static bool generate_sign_pair(struct keys *out)
{
    uint8_t seed[KEY_BYTES];
    bool ok = sodium_init() >= 0;

    if (ok) {
        randombytes_buf(seed, sizeof(seed));
        keys_z85_encode(out->sign_secret_z85, seed);
        ok = derive_sign_public(out->sign_public_z85, seed);
    }
    explicit_bzero(seed, sizeof(seed));
    return ok;
}

enum status keys_generate(struct keys *out)
{
    if (zmq_curve_keypair(out->public_z85, out->secret_z85) != 0 || !generate_sign_pair(out))
        return ST_IO;
    return ST_OK;
}

/* Whole pages are locked; what else is on them stays locked with them, which harms nobody. */
void keys_hold(struct keys *k)
{
    (void)mlock(k, sizeof(*k));
}

void keys_wipe(struct keys *k)
{
    explicit_bzero(k, sizeof(*k));
}

enum status keys_z85_decode(uint8_t out[KEY_BYTES], const char *z85)
{
    if (strlen(z85) != KEY_Z85 - 1 || !zmq_z85_decode(out, z85))
        return ST_INVALID;
    return ST_OK;
}

bool keys_z85_is_valid(const char *z85)
{
    uint8_t key[KEY_BYTES];
    bool ok = keys_z85_decode(key, z85) == ST_OK;

    explicit_bzero(key, sizeof(key));
    return ok;
}

void keys_z85_encode(char out[KEY_Z85], const uint8_t key[KEY_BYTES])
{
    zmq_z85_encode(out, key, KEY_BYTES);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

void keys_clean_name(char out[KEYS_NAME], const char *name)
{
    size_t i;

    for (i = 0; i < KEYS_NAME - 1 && name[i]; i++)
        out[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
    out[i] = '\0';
}

static size_t print_keys(char *text, size_t size, const struct keys *k, const char *name)
{
    char clean[KEYS_NAME];
    size_t i;

    keys_clean_name(clean, name);
    i = (size_t)snprintf(text, size,
                         "# eocbus key of %s - secret, keep mode 0600\n"
                         "public = %s\n"
                         "secret = %s\n",
                         clean, k->public_z85, k->secret_z85);
    if (k->sign_public_z85[0])
        i += (size_t)snprintf(text + i, size - i, "sign_public = %s\nsign_secret = %s\n",
                              k->sign_public_z85, k->sign_secret_z85);
    return i;
}

static bool sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    int fd;
    bool ok;

    if (len >= sizeof(directory))
        return false;
    if (slash && !len)
        len = 1; /* "/key": the root itself */
    memcpy(directory, len ? path : ".", len ? len : 1);
    directory[len ? len : 1] = '\0';
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

/* The mode is set by fchmod, so that no umask narrows it below what the loader can read. */
static bool write_temporary(const char *temporary, const char *text, size_t len)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok;

    if (fd < 0)
        return false;
    ok = fchmod(fd, 0600) == 0 && write_all(fd, text, len);
    if (close(fd) != 0)
        ok = false;
    if (!ok) {
        int error = errno;

        unlink(temporary);
        errno = error;
    }
    return ok;
}

/* NOREPLACE makes "never overwrites" true even against someone who creates the file meanwhile. */
static bool put_in_place(const char *temporary, const char *path)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return sync_directory(path);
    return false;
}

static enum status explain_write(const char *path, char *err, size_t err_size)
{
    if (errno == EEXIST)
        return say(
            ST_EXISTS, err, err_size,
            "%s is there already and keys are never overwritten; choose another name or move "
            "it away first",
            path);
    if (errno == ENOENT) {
        const char *slash = strrchr(path, '/');

        return say(ST_IO, err, err_size,
                   "%s: the directory does not exist; make it with: mkdir -p %.*s", path,
                   slash ? (int)(slash - path) : 1, slash ? path : ".");
    }
    return say(ST_IO, err, err_size, "%s cannot be written: %s", path, strerror(errno));
}

enum status keys_write_file(const char *path, const char *text, size_t len, char *err,
                            size_t err_size)
{
    char temporary[PATH_MAX];
    enum status st = ST_OK;
    int n = snprintf(temporary, sizeof(temporary), "%s.new-%ld", path, (long)getpid());

    if (n < 0 || (size_t)n >= sizeof(temporary))
        return say(ST_INVALID, err, err_size, "the path of the key is too long");
    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        return explain_write(path, err, err_size);
    }
    unlink(temporary); /* of a process with our number that died here; no other writes it */
    if (!write_temporary(temporary, text, len)) {
        st = explain_write(path, err, err_size);
    } else if (!put_in_place(temporary, path)) {
        st = explain_write(path, err, err_size);
        unlink(temporary);
    }
    return st;
}

enum status keys_save(const struct keys *k, const char *path, const char *name, char *err,
                      size_t err_size)
{
    char text[FILE_BYTES];
    size_t len = print_keys(text, sizeof(text), k, name);
    enum status st = keys_write_file(path, text, len, err, err_size);

    explicit_bzero(text, sizeof(text));
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum status explain_open(const char *path, char *err, size_t err_size)
{
    if (errno == ENOENT)
        return say(ST_NOTFOUND, err, err_size,
                   "%s: no such key file; make one with: eocctl keygen %s", path, path);
    if (errno == EACCES)
        return say(ST_DENIED, err, err_size,
                   "%s cannot be read by user id %ld; give it to that user: chown %ld %s", path,
                   (long)geteuid(), (long)geteuid(), path);
    return say(ST_IO, err, err_size, "%s cannot be read: %s", path, strerror(errno));
}

static enum status check_file(int fd, const char *path, char *err, size_t err_size)
{
    struct stat file;

    if (fstat(fd, &file) != 0)
        return say(ST_IO, err, err_size, "%s cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(file.st_mode))
        return say(ST_INVALID, err, err_size, "%s is not a file", path);
    if (file.st_uid != geteuid())
        return say(ST_DENIED, err, err_size,
                   "%s belongs to user id %ld, but this program runs as %ld; chown %ld %s", path,
                   (long)file.st_uid, (long)geteuid(), (long)geteuid(), path);
    if (file.st_mode & 077)
        return say(ST_DENIED, err, err_size,
                   "%s has mode %04o, others could have read the key; chmod 600 %s, and if they "
                   "could for long, make a new one",
                   path, (unsigned)file.st_mode & 07777, path);
    return ST_OK;
}

/* One byte more than a key file may have, to notice a larger one. */
static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

/* The value of "name = value", or NULL if the line is another. */
static const char *value_in(const char *line, const char *name)
{
    size_t len = strlen(name);

    line += strspn(line, " \t");
    if (strncmp(line, name, len) != 0)
        return NULL;
    line += len;
    line += strspn(line, " \t");
    return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

const char *keys_value(const char *text, const char *name)
{
    const char *line = text, *value = NULL;

    while (line && !value) {
        value = value_in(line, name);
        line = strchr(line, '\n');
        line += line != NULL; /* behind the newline */
    }
    return value;
}

/* "public = ..." on a line of its own; what else stands in the file does not matter. */
bool keys_find_value(char out[KEY_Z85], const char *text, const char *name)
{
    const char *value = keys_value(text, name);

    if (!value || strcspn(value, " \t\r\n") != KEY_Z85 - 1)
        return false;
    memcpy(out, value, KEY_Z85 - 1);
    out[KEY_Z85 - 1] = '\0';
    return keys_z85_is_valid(out);
}

static enum status say_no_pair(const char *path, char *err, size_t err_size)
{
    return say(ST_INVALID, err, err_size,
               "%s: the public and the secret key do not belong together; take the file from "
               "its backup, or make a new one with: eocctl keygen FILE",
               path);
}

/* Files that were made before devices signed have no such pair. Half of one is damage. */
static enum status parse_sign_pair(struct keys *out, const char *text, const char *path, char *err,
                                   size_t err_size)
{
    char derived[KEY_Z85];
    uint8_t seed[KEY_BYTES];
    bool ok;

    if (!keys_value(text, "sign_public") && !keys_value(text, "sign_secret"))
        return ST_OK;
    if (!keys_find_value(out->sign_public_z85, text, "sign_public") ||
        !keys_find_value(out->sign_secret_z85, text, "sign_secret"))
        return say(ST_INVALID, err, err_size,
                   "%s: \"sign_public\" and \"sign_secret\" with 40 characters Z85 each are "
                   "expected, or neither; take the file from its backup",
                   path);
    ok = keys_z85_decode(seed, out->sign_secret_z85) == ST_OK && derive_sign_public(derived, seed);
    explicit_bzero(seed, sizeof(seed));
    if (!ok || strcmp(derived, out->sign_public_z85) != 0)
        return say_no_pair(path, err, err_size);
    return ST_OK;
}

static enum status parse_keys(struct keys *out, const char *text, const char *path, char *err,
                              size_t err_size)
{
    char derived[KEY_Z85];

    if (!keys_find_value(out->public_z85, text, "public") ||
        !keys_find_value(out->secret_z85, text, "secret"))
        return say(ST_INVALID, err, err_size,
                   "%s is no key file: \"public\" and \"secret\" with 40 characters Z85 each are "
                   "expected; make one with: eocctl keygen FILE",
                   path);
    if (zmq_curve_public(derived, out->secret_z85) != 0 || strcmp(derived, out->public_z85) != 0)
        return say_no_pair(path, err, err_size);
    return parse_sign_pair(out, text, path, err, err_size);
}

static enum status read_open(char *text, size_t size, int fd, const char *path, char *err,
                             size_t err_size)
{
    enum status st = check_file(fd, path, err, err_size);
    ssize_t len;

    if (st != ST_OK)
        return st;
    len = read_all(fd, text, size);
    if (len < 0)
        return say(ST_IO, err, err_size, "%s cannot be read: %s", path, strerror(errno));
    if ((size_t)len == size)
        return say(ST_INVALID, err, err_size, "%s is no key file: it is longer than %zu bytes",
                   path, size - 1);
    text[len] = '\0';
    return ST_OK;
}

enum status keys_read_file(char *text, size_t size, const char *path, char *err, size_t err_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    enum status st;

    if (fd < 0)
        return explain_open(path, err, err_size);
    st = read_open(text, size, fd, path, err, err_size);
    close(fd);
    return st;
}

enum status keys_load(struct keys *out, const char *path, char *err, size_t err_size)
{
    struct keys k = {.public_z85 = ""};
    char text[FILE_BYTES + 1];
    enum status st = keys_read_file(text, sizeof(text), path, err, err_size);

    if (st == ST_OK)
        st = parse_keys(&k, text, path, err, err_size);
    if (st == ST_OK)
        *out = k;
    explicit_bzero(text, sizeof(text));
    keys_wipe(&k);
    return st;
}
