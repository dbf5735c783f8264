/* memory - see memory.h. A sorted array of pairs; an import has thousands of rows, not millions. */
#include "agents/link/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agents/link/json_input.h"
#include "proto/base/file.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define HEAD "eocbus memory 1\n"

/* A command beside an import waits five seconds for its turn. */
enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 50 };

struct pair {
    char *key, *value;
};

struct intent {
    char *key, *value;
    uint8_t id[ID_BYTES];
    bool said;
};

struct memory {
    char *path, *next;
    struct pair *pairs; /* by key */
    size_t count, cap;
    struct intent *intents;
    size_t intent_count, intent_cap;
    int lock_fd;
};

/* Where the key is, or would be. */
static size_t find(const struct memory *m, const char *key)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(m->pairs[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const char *memory_get(const struct memory *m, const char *key)
{
    size_t i = find(m, key);

    return i < m->count && strcmp(m->pairs[i].key, key) == 0 ? m->pairs[i].value : NULL;
}

void memory_each(const struct memory *m,
                 void (*each)(void *arg, const char *key, const char *value), void *arg)
{
    for (size_t i = 0; i < m->count; i++)
        each(arg, m->pairs[i].key, m->pairs[i].value);
}

static bool is_sound(const char *key, const char *value)
{
    for (const char *p = key; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return *key && !strpbrk(value, "\r\n");
}

static enum status replace(struct pair *p, const char *value)
{
    char *copy = mem_strdup(value);

    if (!copy)
        return ST_NOMEM;
    mem_free(p->value);
    p->value = copy;
    return ST_OK;
}

static void *grown(void *array, size_t *cap, size_t count, size_t size)
{
    void *more = array;

    if (count < *cap)
        return array;
    more = mem_realloc(array, (*cap ? *cap * 2 : 64) * size);
    if (more)
        *cap = *cap ? *cap * 2 : 64;
    return more;
}

enum status memory_set(struct memory *m, const char *key, const char *value)
{
    size_t i = find(m, key);
    struct pair p, *more;

    if (!is_sound(key, value))
        return ST_INVALID;
    if (i < m->count && strcmp(m->pairs[i].key, key) == 0)
        return replace(&m->pairs[i], value);
    more = grown(m->pairs, &m->cap, m->count, sizeof(*m->pairs));
    if (!more)
        return ST_NOMEM;
    m->pairs = more;
    p.key = mem_strdup(key);
    p.value = mem_strdup(value);
    if (!p.key || !p.value) {
        mem_free(p.key);
        mem_free(p.value);
        return ST_NOMEM;
    }
    memmove(&m->pairs[i + 1], &m->pairs[i], (m->count - i) * sizeof(*m->pairs));
    m->pairs[i] = p;
    m->count++;
    return ST_OK;
}

enum status memory_intend(struct memory *m, const char *key, const char *value,
                          const uint8_t id[ID_BYTES])
{
    struct intent *more, *i;

    if (!is_sound(key, value))
        return ST_INVALID;
    more = grown(m->intents, &m->intent_cap, m->intent_count, sizeof(*m->intents));
    if (!more)
        return ST_NOMEM;
    m->intents = more;
    i = &m->intents[m->intent_count];
    *i = (struct intent){.key = mem_strdup(key), .value = mem_strdup(value)};
    memcpy(i->id, id, ID_BYTES);
    m->intent_count++;
    return i->key && i->value ? ST_OK : ST_NOMEM;
}

static void drop_intents(struct memory *m)
{
    for (size_t i = 0; i < m->intent_count; i++) {
        mem_free(m->intents[i].key);
        mem_free(m->intents[i].value);
    }
    m->intent_count = 0;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Whole or not at all. */
static enum status write_file(const char *path, const struct buf *b, char *err, size_t err_size)
{
    enum status st = b->failed ? ST_NOMEM : file_replace(path, b->data, b->len);

    if (st != ST_OK)
        snprintf(err, err_size, "%s cannot be written: %s", path,
                 st == ST_NOMEM ? "out of memory" : strerror(errno));
    return st;
}

enum status memory_save(struct memory *m, char *err, size_t err_size)
{
    struct buf b = {0};
    enum status st;

    buf_puts(&b, HEAD);
    for (size_t i = 0; i < m->count; i++)
        buf_printf(&b, "%s %s\n", m->pairs[i].key, m->pairs[i].value);
    st = write_file(m->path, &b, err, err_size);
    buf_free(&b);
    return st;
}

enum status memory_promise(struct memory *m, char *err, size_t err_size)
{
    struct buf b = {0};
    enum status st;

    buf_puts(&b, HEAD);
    for (size_t i = 0; i < m->intent_count; i++) {
        char id[ID_TEXT];

        id_format(id, m->intents[i].id);
        buf_printf(&b, "%s %s %s\n", id, m->intents[i].key, m->intents[i].value);
    }
    st = write_file(m->next, &b, err, err_size);
    buf_free(&b);
    return st;
}

bool memory_has_promise(const struct memory *m)
{
    return m->intent_count > 0;
}

void memory_was_said(struct memory *m, const uint8_t id[ID_BYTES])
{
    for (size_t i = 0; i < m->intent_count; i++)
        if (memcmp(m->intents[i].id, id, ID_BYTES) == 0)
            m->intents[i].said = true;
}

void memory_said_all(struct memory *m)
{
    for (size_t i = 0; i < m->intent_count; i++)
        m->intents[i].said = true;
}

enum status memory_keep(struct memory *m, char *err, size_t err_size)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < m->intent_count && st == ST_OK; i++)
        if (m->intents[i].said)
            st = memory_set(m, m->intents[i].key, m->intents[i].value);
    if (st != ST_OK) {
        snprintf(err, err_size, "out of memory");
        return st;
    }
    st = memory_save(m, err, err_size);
    if (st != ST_OK)
        return st;
    drop_intents(m);
    if (unlink(m->next) != 0 && errno != ENOENT) {
        snprintf(err, err_size, "%s cannot be removed: %s", m->next, strerror(errno));
        return ST_IO;
    }
    return ST_OK;
}

/* "KEY VALUE", or with an id in front. */
static enum status read_line(struct memory *m, char *line, bool intent)
{
    uint8_t id[ID_BYTES];
    char *blank;

    if (intent) {
        blank = strchr(line, ' ');
        if (!blank)
            return ST_INVALID;
        *blank = '\0';
        if (!id_parse(id, line))
            return ST_INVALID;
        line = blank + 1;
    }
    blank = strchr(line, ' ');
    if (!blank)
        return ST_INVALID;
    *blank = '\0';
    return intent ? memory_intend(m, line, blank + 1, id) : memory_set(m, line, blank + 1);
}

static enum status read_lines(struct memory *m, char *text, bool intent)
{
    if (strncmp(text, HEAD, strlen(HEAD)) != 0)
        return ST_INVALID;
    for (text += strlen(HEAD); *text;) {
        char *end = strchr(text, '\n');
        enum status st;

        if (!end)
            return ST_INVALID;
        *end = '\0';
        st = read_line(m, text, intent);
        if (st != ST_OK)
            return st;
        text = end + 1;
    }
    return ST_OK;
}

static enum status read_file(struct memory *m, const char *path, bool intent, char *err,
                             size_t err_size)
{
    struct buf b = {0};
    enum status st;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ST_OK;
    st = input_read(&b, path, err, err_size);
    if (st == ST_OK) {
        st = read_lines(m, (char *)b.data, intent);
        if (st == ST_INVALID)
            snprintf(err, err_size,
                     "%s is damaged; move it away, and the next import says everything again",
                     path);
        else if (st != ST_OK)
            snprintf(err, err_size, "out of memory");
    }
    buf_free(&b);
    return st;
}

static enum status lock(struct memory *m, char *err, size_t err_size)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s.lock", m->path);
    m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (m->lock_fd < 0) {
        snprintf(err, err_size, "%s cannot be made: %s", path, strerror(errno));
        return ST_IO;
    }
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (flock(m->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return ST_OK;
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    snprintf(err, err_size, "another import works with %s; wait until it has ended", m->path);
    return ST_EXISTS;
}

static char *joined(const char *path, const char *suffix)
{
    size_t len = strlen(path) + strlen(suffix) + 1;
    char *out = mem_alloc(len);

    if (out)
        snprintf(out, len, "%s%s", path, suffix);
    return out;
}

enum status memory_open(struct memory **out, const char *path, char *err, size_t err_size)
{
    struct memory *m = mem_zalloc(sizeof(*m));
    enum status st = ST_OK;

    snprintf(err, err_size, "out of memory");
    if (!m)
        return ST_NOMEM;
    m->lock_fd = -1;
    m->path = mem_strdup(path);
    m->next = joined(path, ".next");
    if (!m->path || !m->next)
        st = ST_NOMEM;
    if (st == ST_OK)
        st = lock(m, err, err_size);
    if (st == ST_OK)
        st = read_file(m, m->path, false, err, err_size);
    if (st == ST_OK)
        st = read_file(m, m->next, true, err, err_size);
    if (st != ST_OK) {
        memory_close(m);
        return st;
    }
    err[0] = '\0';
    *out = m;
    return ST_OK;
}

void memory_close(struct memory *m)
{
    if (!m)
        return;
    drop_intents(m);
    mem_free(m->intents);
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->pairs[i].key);
        mem_free(m->pairs[i].value);
    }
    mem_free(m->pairs);
    mem_free(m->path);
    mem_free(m->next);
    if (m->lock_fd >= 0)
        close(m->lock_fd);
    mem_free(m);
}
