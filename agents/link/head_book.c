/* head_book - see head_book.h. */
#include "agents/link/head_book.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/file.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

enum { READ_MOST = 64 << 20, DAY_TEXT = 10 }; /* "2026-03-01" */
#define KEEP_EACH_US (INT64_C(600) * 1000000)
#define RECENT_US    (INT64_C(30) * 86400 * 1000000)

static void put_hex(struct buf *out, const ProtobufCBinaryData *bytes)
{
    for (size_t i = 0; i < bytes->len; i++)
        buf_printf(out, "%02x", bytes->data[i]);
}

void head_book_line(struct buf *out, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    char time[TIME_TEXT];

    time_format(time, d->stamp->received_time_us);
    buf_printf(out, "%" PRIu32 " %" PRIu64 " ", m->log_head->log_epoch, m->log_head->seq);
    put_hex(out, &m->log_head->digest);
    buf_printf(out, " %s %s ", time, m->sender);
    put_hex(out, &d->content);
    buf_puts(out, " ");
    if (d->signature.len)
        put_hex(out, &d->signature);
    else
        buf_puts(out, "-");
    buf_puts(out, "\n");
}

/* --- the file --------------------------------------------------------------------------------- */

static enum status append(const char *path, const struct buf *line)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    enum status st = ST_IO;

    if (file < 0)
        return ST_IO;
    if (write(file, line->data, line->len) == (ssize_t)line->len && fdatasync(file) == 0)
        st = ST_OK;
    else
        (void)!write(file, "\n", 1); /* what a full disk cut ends here */
    close(file);
    return st;
}

enum status head_book_read(struct buf *out, const char *path)
{
    return file_read(path, out, READ_MOST);
}

/* TIME is the fourth word. */
static bool read_time(int64_t *us, char day[DAY_TEXT + 1], const char *line)
{
    char time[40];

    if (sscanf(line, "%*s %*s %*s %39s", time) != 1 || strlen(time) < DAY_TEXT ||
        !time_parse(us, time))
        return false;
    memcpy(day, time, DAY_TEXT);
    day[DAY_TEXT] = '\0';
    return true;
}

static int64_t newest_of(const char *text, const char *end)
{
    char day[DAY_TEXT + 1];
    int64_t newest = INT64_MIN, us;

    for (const char *at = text, *line; (line = at) < end; at++) {
        at = memchr(line, '\n', (size_t)(end - line));
        if (!at)
            break;
        if (read_time(&us, day, line) && us > newest)
            newest = us;
    }
    return newest;
}

void head_book_thin(struct buf *out, const char *text, size_t len)
{
    const char *end = text + len;
    int64_t newest = newest_of(text, end), us;
    char day[DAY_TEXT + 1], kept[DAY_TEXT + 1] = "";

    for (const char *at = text, *line; (line = at) < end; at++) {
        at = memchr(line, '\n', (size_t)(end - line));
        if (!at)
            break;
        if (!read_time(&us, day, line))
            continue; /* cut by a full disk */
        if (newest - us > RECENT_US && strcmp(day, kept) == 0)
            continue;
        snprintf(kept, sizeof(kept), "%s", day);
        buf_put(out, line, (size_t)(at - line) + 1);
    }
}

static enum status trim(const char *path)
{
    struct buf text = {0}, thin = {0};
    struct stat about;
    enum status st = ST_OK;

    if (stat(path, &about) != 0 || about.st_size < HEAD_BOOK_LARGE)
        return ST_OK;
    st = head_book_read(&text, path);
    if (st == ST_OK) {
        head_book_thin(&thin, (const char *)text.data, text.len);
        st = thin.failed ? ST_NOMEM : file_replace(path, thin.data, thin.len);
    }
    buf_free(&text);
    buf_free(&thin);
    return st;
}

enum status head_book_add(struct head_book *b, const Eocbus__V1__Delivery *d,
                          const Eocbus__V1__Envelope *m)
{
    int64_t now_us = d->stamp->received_time_us;
    struct buf line = {0};
    enum status st;

    if (b->kept_us && now_us >= b->kept_us && now_us - b->kept_us < KEEP_EACH_US)
        return ST_OK;
    head_book_line(&line, d, m);
    st = line.failed ? ST_NOMEM : append(b->path, &line);
    buf_free(&line);
    if (st == ST_OK) {
        b->kept_us = now_us;
        st = trim(b->path);
    }
    return st;
}
