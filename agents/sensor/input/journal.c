/* journal - see journal.h and journal_parts.h. */
#include "agents/sensor/input/journal_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/file.h"

#include "proto/base/banned.h"

void journal_segment_name(char out[JOURNAL_PATH_BYTES + 32], const struct journal *j,
                          uint32_t serial)
{
    snprintf(out, JOURNAL_PATH_BYTES + 32, "%s/%08" PRIx32 ".journal", j->path, serial);
}

static int by_serial(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum status take_name(struct journal *j, const char *name)
{
    char *end, path[JOURNAL_PATH_BYTES + 32];
    unsigned long serial = strtoul(name, &end, 16);
    struct stat about;

    if (end != name + 8 || strcmp(end, ".journal") != 0)
        return ST_OK;
    if (j->count == JOURNAL_SEGMENTS)
        return ST_FULL;
    journal_segment_name(path, j, (uint32_t)serial);
    if (stat(path, &about) != 0)
        return ST_IO;
    j->segments[j->count++] =
        (struct segment){.serial = (uint32_t)serial, .bytes = (uint64_t)about.st_size};
    j->bytes += (uint64_t)about.st_size;
    return ST_OK;
}

static enum status list_segments(struct journal *j)
{
    DIR *d = opendir(j->path);
    enum status st = d ? ST_OK : ST_IO;
    struct dirent *e;

    while (d && st == ST_OK && (e = readdir(d)))
        st = take_name(j, e->d_name);
    if (d)
        closedir(d);
    qsort(j->segments, j->count, sizeof(*j->segments), by_serial);
    return st;
}

static enum status read_segment(const struct journal *j, uint32_t serial, struct buf *out)
{
    char path[JOURNAL_PATH_BYTES + 32];

    journal_segment_name(path, j, serial);
    buf_clear(out);
    return file_read(path, out, JOURNAL_HEAD_BYTES + (size_t)2 * FRAME_BODY_MAX + j->segment_bytes);
}

static uint64_t id_in(const struct buf *b)
{
    uint64_t id = 0;

    if (b->len < JOURNAL_HEAD_BYTES || memcmp(b->data, JOURNAL_MAGIC, strlen(JOURNAL_MAGIC)) != 0)
        return 0;
    memcpy(&id, b->data + 8, 8);
    return id;
}

/* The next sound frame from *at on; what was skipped over is counted. */
static bool next_frame(struct journal *j, const struct buf *b, size_t *at, struct frame *f)
{
    bool skipped = false;

    while (*at < b->len) {
        if (frame_open(f, b->data + *at, b->len - *at)) {
            j->damaged += skipped;
            *at += FRAME_HEAD_BYTES + f->len;
            return true;
        }
        skipped = true;
        (*at)++;
    }
    return false;
}

static void take_floor(struct journal *j, const struct frame *f)
{
    struct frame_cursor c;
    struct journal_entry e;

    frame_begin(&c, f);
    while (frame_next(&c, &e))
        if (e.kind == JOURNAL_FLOOR)
            j->floor = e.number;
}

/* First number and time of each segment; of the newest also where its sound part ends. */
static enum status look_into(struct journal *j, struct segment *s, bool is_newest)
{
    struct buf b = {0};
    struct frame f;
    struct frame_cursor c;
    struct journal_entry e;
    size_t at = JOURNAL_HEAD_BYTES, sound = 0;
    enum status st = read_segment(j, s->serial, &b);
    uint64_t id = st == ST_OK ? id_in(&b) : 0;
    bool first = true;

    if (id)
        j->id = id;
    while (id && (first || is_newest) && next_frame(j, &b, &at, &f)) {
        if (first) {
            s->first = f.first;
            s->began_us = f.written_us;
            take_floor(j, &f);
        }
        first = false;
        sound = at;
        frame_begin(&c, &f);
        while (frame_next(&c, &e))
            ;
        j->next = c.next > j->next ? c.next : j->next;
    }
    buf_free(&b);
    if (first)
        s->first = j->next;
    if (is_newest && sound)
        s->bytes = sound;
    return st == ST_NOMEM ? st : ST_OK;
}

/* Goes on behind the last sound frame of the newest segment. */
static enum status reopen_newest(struct journal *j)
{
    struct segment *s = &j->segments[j->count - 1];
    char path[JOURNAL_PATH_BYTES + 32];

    journal_segment_name(path, j, s->serial);
    j->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (j->fd < 0)
        return ST_IO;
    if (ftruncate(j->fd, (off_t)s->bytes) != 0 || fdatasync(j->fd) != 0)
        return ST_IO;
    (void)journal_take_ahead(j, j->fd);
    journal_keep_spare(j);
    return ST_OK;
}

static enum status open_folder(struct journal *j, char *err, size_t err_size)
{
    if (!j->looks && mkdir(j->path, 0700) != 0 && errno != EEXIST) {
        snprintf(err, err_size, "%s: %s", j->path, strerror(errno));
        return ST_IO;
    }
    j->lock_fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->lock_fd < 0) {
        snprintf(err, err_size, "%s: %s", j->path, strerror(errno));
        return ST_IO;
    }
    if (!j->looks && flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(err, err_size, "%s: another gateway works with this journal", j->path);
        return ST_EXISTS;
    }
    return ST_OK;
}

static enum status read_all(struct journal *j)
{
    enum status st = list_segments(j);

    for (unsigned i = 0; st == ST_OK && i < j->count; i++)
        st = look_into(j, &j->segments[i], i + 1 == j->count);
    if (st == ST_OK && !j->id)
        st = getrandom(&j->id, sizeof(j->id), 0) == sizeof(j->id) ? ST_OK : ST_IO;
    j->kept_next = j->next;
    /* A newest segment without a sound frame holds nothing; the next sync begins another. */
    if (st == ST_OK && !j->looks && j->count && j->segments[j->count - 1].began_us)
        st = reopen_newest(j);
    return st;
}

enum status journal_open(struct journal **out, const struct journal_settings *set, char *err,
                         size_t err_size)
{
    struct journal *j = mem_zalloc(sizeof(*j));
    enum status st = ST_NOMEM;

    snprintf(err, err_size, "out of memory");
    if (!j)
        return ST_NOMEM;
    j->fd = j->lock_fd = -1;
    j->budget = set->budget_bytes;
    j->segment_bytes = set->segment_bytes;
    j->keep_us = set->keep_us;
    j->looks = set->looks;
    j->next = 1;
    snprintf(j->path, sizeof(j->path), "%s", set->path);
    j->segments = mem_alloc(JOURNAL_SEGMENTS * sizeof(*j->segments));
    if (j->segments)
        st = open_folder(j, err, err_size);
    if (st == ST_OK) {
        st = read_all(j);
        if (st != ST_OK)
            snprintf(err, err_size, "the journal %s cannot be read: %s", j->path, strerror(errno));
    }
    if (st != ST_OK) {
        journal_close(j);
        return st;
    }
    *out = j;
    return ST_OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    buf_free(&j->body);
    mem_free(j->segments);
    mem_free(j);
}

/* --- reading ---------------------------------------------------------------------------------- */

unsigned journal_floor_segment(const struct journal *j)
{
    unsigned i = j->count ? j->count - 1 : 0;

    while (i && j->segments[i].first >= j->floor)
        i--;
    return i;
}

enum status journal_read(struct journal *j, int64_t from_us,
                         bool (*each)(void *arg, const struct journal_entry *e), void *arg)
{
    unsigned i = journal_floor_segment(j);
    struct buf b = {0};
    enum status st = ST_OK;
    bool goes_on = true;

    while (i && j->segments[i].began_us > from_us)
        i--;
    for (; goes_on && st == ST_OK && i < j->count; i++) {
        size_t at = JOURNAL_HEAD_BYTES;
        struct frame_cursor c;
        struct journal_entry e;
        struct frame f;

        st = read_segment(j, j->segments[i].serial, &b);
        /* Beside a gateway that writes, the oldest may go meanwhile. */
        if (j->looks && st == ST_NOTFOUND)
            st = ST_OK;
        while (st == ST_OK && goes_on && next_frame(j, &b, &at, &f)) {
            frame_begin(&c, &f);
            while (goes_on && frame_next(&c, &e))
                goes_on = each(arg, &e);
        }
    }
    buf_free(&b);
    return st;
}

uint64_t journal_last(const struct journal *j)
{
    return j->next - 1;
}

void journal_floor(struct journal *j, uint64_t number)
{
    j->floor = number > j->floor ? number : j->floor;
}

uint64_t journal_id(const struct journal *j)
{
    return j->id;
}

void journal_counts(const struct journal *j, struct journal_counts *out)
{
    *out = (struct journal_counts){j->bytes, j->kept_next - 1, j->damaged, j->count};
}
