/* journal_write - samples onto the disk, a frame a sync.
 *
 * The room of the newest segment is taken when it begins, and that of the next one with it
 * (PATH/spare): when others have filled the disk, samples are still kept for as long as the two
 * last, and nothing that has to be acknowledged holds an alarm up. */
#include "agents/sensor/input/journal_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/banned.h"

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

bool journal_take_ahead(const struct journal *j, int fd)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)j->segment_bytes) == 0;
}

static void spare_name(char out[JOURNAL_PATH_BYTES + 32], const struct journal *j)
{
    snprintf(out, JOURNAL_PATH_BYTES + 32, "%s/spare", j->path);
}

void journal_keep_spare(const struct journal *j)
{
    char path[JOURNAL_PATH_BYTES + 32];
    bool ok;
    int fd;

    spare_name(path, j);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ok = journal_take_ahead(j, fd);
    close(fd);
    if (!ok)
        (void)unlink(path);
}

/* The spare under the new segment's name, or a new file. */
static int open_segment(const struct journal *j, const char *path)
{
    char spare[JOURNAL_PATH_BYTES + 32];
    int fd;

    spare_name(spare, j);
    if (rename(spare, path) == 0)
        return open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)journal_take_ahead(j, fd);
    return fd;
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
    char path[JOURNAL_PATH_BYTES + 32];

    journal_segment_name(path, j, j->segments[0].serial);
    (void)unlink(path);
    j->bytes -= j->segments[0].bytes;
    memmove(j->segments, j->segments + 1, --j->count * sizeof(*j->segments));
}

static enum status make_room(struct journal *j, size_t len, int64_t now_us)
{
    while (j->count > 1 && journal_floor_segment(j) > 0 &&
           (j->bytes + len > j->budget || j->count == JOURNAL_SEGMENTS ||
            j->segments[1].began_us < now_us - j->keep_us))
        drop_oldest(j);
    return j->bytes + len > j->budget || j->count == JOURNAL_SEGMENTS ? ST_FULL : ST_OK;
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
    uint8_t head[JOURNAL_HEAD_BYTES];
    char path[JOURNAL_PATH_BYTES + 32];

    if (j->fd >= 0) {
        /* What it did not need of its room goes back. */
        (void)!ftruncate(j->fd, (off_t)j->segments[j->count - 1].bytes);
        close(j->fd);
    }
    journal_segment_name(path, j, serial);
    j->fd = open_segment(j, path);
    if (j->fd < 0)
        return errno_status();
    memcpy(head, JOURNAL_MAGIC, sizeof(JOURNAL_MAGIC) - 1);
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
    journal_keep_spare(j);
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
