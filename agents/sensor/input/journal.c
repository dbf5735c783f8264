/* journal - see journal.h.
 *
 * A segment begins with "EOJRNL1\n" and the journal's id; its first frame says the floor, so that
 * the newest segment alone tells from where on to read.
 *
 * The room of the newest segment is taken when it begins, and that of the next one with it
 * (PATH/spare): when others have filled the disk, samples are still kept for as long as the two
 * last, and nothing that has to be acknowledged holds an alarm up. */
#include "agents/sensor/input/journal.h"

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

#include "agents/sensor/input/journal_frame.h"
#include "proto/base/file.h"

#include "proto/base/banned.h"

enum { PATH_BYTES = 1024, SEGMENT_HEAD_BYTES = 16, SEGMENTS = 4096 };
static const char segment_magic[8] = "EOJRNL1\n";

struct segment {
    uint32_t serial;
    uint64_t first; /* number of its first sample */
    int64_t began_us;
    uint64_t bytes;
};

struct journal {
    char path[PATH_BYTES];
    size_t budget, segment_bytes;
    int64_t keep_us;
    bool looks;
    int lock_fd, fd; /* fd: of the newest segment; -1 = the next sync begins one */
    struct segment *segments;
    unsigned count;
    uint64_t id, bytes, next, kept_next; /* next number; the same as of the last sync */
    uint64_t floor, damaged;
    struct buf body;
    struct frame_state state;
};

/* --- names ------------------------------------------------------------------------------------ */

static void name_of(char out[PATH_BYTES + 32], const struct journal *j, uint32_t serial)
{
    snprintf(out, PATH_BYTES + 32, "%s/%08" PRIx32 ".journal", j->path, serial);
}

static int by_serial(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;

    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* A new name in a folder is only there after a power cut when the folder was synced. */
static enum status sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 ? fsync(fd) : -1;

    if (fd >= 0)
        close(fd);
    return rc == 0 ? ST_OK : ST_IO;
}

static enum status errno_status(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ST_FULL : ST_IO;
}

static bool write_whole(int fd, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* --- room ahead ------------------------------------------------------------------------------- */

/* Blocks behind the end of the file; a file system that cannot do it, or has no room, keeps none.
 */
static bool take_ahead(const struct journal *j, int fd)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)j->segment_bytes) == 0;
}

static void spare_name(char out[PATH_BYTES + 32], const struct journal *j)
{
    snprintf(out, PATH_BYTES + 32, "%s/spare", j->path);
}

static void keep_spare(const struct journal *j)
{
    char path[PATH_BYTES + 32];
    bool ok;
    int fd;

    spare_name(path, j);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ok = take_ahead(j, fd);
    close(fd);
    if (!ok)
        (void)unlink(path);
}

/* The spare under the new segment's name, or a new file. */
static int open_segment(const struct journal *j, const char *path)
{
    char spare[PATH_BYTES + 32];
    int fd;

    spare_name(spare, j);
    if (rename(spare, path) == 0)
        return open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)take_ahead(j, fd);
    return fd;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum status take_name(struct journal *j, const char *name)
{
    char *end, path[PATH_BYTES + 32];
    unsigned long serial = strtoul(name, &end, 16);
    struct stat about;

    if (end != name + 8 || strcmp(end, ".journal") != 0)
        return ST_OK;
    if (j->count == SEGMENTS)
        return ST_FULL;
    name_of(path, j, (uint32_t)serial);
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
    char path[PATH_BYTES + 32];

    name_of(path, j, serial);
    buf_clear(out);
    return file_read(path, out, SEGMENT_HEAD_BYTES + (size_t)2 * FRAME_BODY_MAX + j->segment_bytes);
}

static uint64_t id_in(const struct buf *b)
{
    uint64_t id = 0;

    if (b->len < SEGMENT_HEAD_BYTES || memcmp(b->data, segment_magic, sizeof(segment_magic)) != 0)
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
    size_t at = SEGMENT_HEAD_BYTES, sound = 0;
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
    char path[PATH_BYTES + 32];

    name_of(path, j, s->serial);
    j->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (j->fd < 0)
        return ST_IO;
    if (ftruncate(j->fd, (off_t)s->bytes) != 0 || fdatasync(j->fd) != 0)
        return ST_IO;
    (void)take_ahead(j, j->fd);
    keep_spare(j);
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
    j->segments = mem_alloc(SEGMENTS * sizeof(*j->segments));
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

/* The last segment that begins before the floor: nothing needed lies before it. */
static unsigned floor_segment(const struct journal *j)
{
    unsigned i = j->count ? j->count - 1 : 0;

    while (i && j->segments[i].first >= j->floor)
        i--;
    return i;
}

enum status journal_read(struct journal *j, int64_t from_us,
                         bool (*each)(void *arg, const struct journal_entry *e), void *arg)
{
    unsigned i = floor_segment(j);
    struct buf b = {0};
    enum status st = ST_OK;
    bool goes_on = true;

    while (i && j->segments[i].began_us > from_us)
        i--;
    for (; goes_on && st == ST_OK && i < j->count; i++) {
        size_t at = SEGMENT_HEAD_BYTES;
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

/* --- writing ---------------------------------------------------------------------------------- */

void journal_add(struct journal *j, const struct journal_entry *e)
{
    frame_put(&j->body, &j->state, e);
    if (e->kind == JOURNAL_SAMPLE)
        j->next++;
}

bool journal_has_news(const struct journal *j)
{
    return j->body.len > 0;
}

static void begin_frame(struct journal *j)
{
    buf_clear(&j->body);
    j->body.failed = 0;
    memset(&j->state, 0, sizeof(j->state));
}

void journal_forget(struct journal *j)
{
    begin_frame(j);
    j->next = j->kept_next;
}

static void drop_oldest(struct journal *j)
{
    char path[PATH_BYTES + 32];

    name_of(path, j, j->segments[0].serial);
    (void)unlink(path);
    j->bytes -= j->segments[0].bytes;
    memmove(j->segments, j->segments + 1, --j->count * sizeof(*j->segments));
}

static enum status make_room(struct journal *j, size_t len, int64_t now_us)
{
    while (j->count > 1 && floor_segment(j) > 0 &&
           (j->bytes + len > j->budget || j->count == SEGMENTS ||
            j->segments[1].began_us < now_us - j->keep_us))
        drop_oldest(j);
    return j->bytes + len > j->budget || j->count == SEGMENTS ? ST_FULL : ST_OK;
}

static enum status write_frame(struct journal *j, const struct buf *body, uint64_t first,
                               int64_t now_us)
{
    struct segment *s = &j->segments[j->count - 1];
    uint8_t head[FRAME_HEAD_BYTES];
    enum status st = ST_OK;

    frame_head(head, body, first, now_us);
    if (!write_whole(j->fd, head, sizeof(head)) || !write_whole(j->fd, body->data, body->len))
        st = errno_status();
    if (st == ST_OK && fdatasync(j->fd) != 0)
        st = ST_IO;
    if (st == ST_OK) {
        s->bytes += sizeof(head) + body->len;
        j->bytes += sizeof(head) + body->len;
        return ST_OK;
    }
    /* What is not synced may be there or not: a segment whose end is in doubt is not gone on with.
     */
    if (ftruncate(j->fd, (off_t)s->bytes) != 0 || st == ST_IO) {
        close(j->fd);
        j->fd = -1;
    }
    return st;
}

static enum status begin_segment(struct journal *j, int64_t now_us)
{
    uint32_t serial = j->count ? j->segments[j->count - 1].serial + 1 : 1;
    uint8_t head[SEGMENT_HEAD_BYTES];
    char path[PATH_BYTES + 32];

    if (j->fd >= 0) {
        /* What it did not need of its room goes back. */
        (void)!ftruncate(j->fd, (off_t)j->segments[j->count - 1].bytes);
        close(j->fd);
    }
    name_of(path, j, serial);
    j->fd = open_segment(j, path);
    if (j->fd < 0)
        return errno_status();
    memcpy(head, segment_magic, sizeof(segment_magic));
    memcpy(head + 8, &j->id, 8);
    if (!write_whole(j->fd, head, sizeof(head)) || sync_folder(j->path) != ST_OK) {
        enum status st = errno_status();

        close(j->fd);
        j->fd = -1;
        (void)unlink(path);
        return st;
    }
    j->segments[j->count++] = (struct segment){serial, j->kept_next, now_us, sizeof(head)};
    j->bytes += sizeof(head);
    keep_spare(j);
    return ST_OK;
}

static void say_floor(struct journal *j, struct buf *whole)
{
    struct frame_state none = {0};

    frame_put(whole, &none, &(struct journal_entry){.kind = JOURNAL_FLOOR, .number = j->floor});
    buf_put(whole, j->body.data, j->body.len);
}

static enum status write_news(struct journal *j, int64_t now_us)
{
    enum status st = make_room(j, FRAME_HEAD_BYTES + j->body.len + 64, now_us);
    struct buf whole = {0};

    if (st != ST_OK)
        return st;
    if (j->fd >= 0 && j->segments[j->count - 1].bytes + j->body.len <= j->segment_bytes)
        return write_frame(j, &j->body, j->kept_next, now_us);
    st = begin_segment(j, now_us);
    if (st != ST_OK)
        return st;
    say_floor(j, &whole);
    st = whole.failed ? ST_NOMEM : write_frame(j, &whole, j->kept_next, now_us);
    buf_free(&whole);
    return st;
}

enum status journal_sync(struct journal *j, int64_t now_us)
{
    enum status st;

    if (!j->body.len && !j->body.failed)
        return ST_OK;
    st = j->body.failed || j->body.len > FRAME_BODY_MAX / 2 ? ST_NOMEM : write_news(j, now_us);
    if (st == ST_OK)
        j->kept_next = j->next;
    journal_forget(j);
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
