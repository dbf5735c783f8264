/* folder - see folder.h.
 *
 * A file of lines goes in pieces of about 16 KiB, which end with a line: each is one commit,
 * and the journal has, in the same frame, a word that says which piece it was. */
#include "agents/sensor/input/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/file.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum {
    PIECE_BYTES = 16384,
    FILE_BYTES = 8 << 20,
    QUIET_S = 2,
    PATH_BYTES = 1024,
    WORDS_MAX = DEVICES + 1,
};

struct folder {
    struct loop *loop;
    struct feed *feed;
    struct feed_route route;
    struct loop_timer *timer;
    struct intake_waiter waiter;
    char path[PATH_BYTES - 300], name[256]; /* of the file that is being read; "" = none */
    unsigned period_ms;
    struct buf text; /* all of it */
    size_t at, sent; /* safe up to here; handed over up to here */
    uint64_t hash;   /* of the file: name, size, content */
};

/* --- pieces ----------------------------------------------------------------------------------- */

static bool has_lines(const struct folder *f)
{
    enum device_format format = f->route.device[0]->format;

    return format == DEVICE_LINES || format == DEVICE_CSV;
}

static size_t piece_end(const struct folder *f, size_t from)
{
    size_t end = from + PIECE_BYTES;

    if (!has_lines(f) || end >= f->text.len)
        return f->text.len;
    while (end < f->text.len && f->text.data[end - 1] != '\n')
        end++;
    return end;
}

static uint64_t piece_hash(const struct folder *f, size_t end)
{
    return text_hash(f->hash, &end, sizeof(end));
}

/* Behind the last piece that an earlier run took. */
static size_t find_place(const struct folder *f)
{
    size_t place = 0;

    for (size_t end = 0; end < f->text.len;) {
        end = piece_end(f, end);
        if (intake_knows(f->feed->intake, piece_hash(f, end)))
            place = end;
    }
    return place;
}

/* --- one file --------------------------------------------------------------------------------- */

static bool put_away(struct folder *f, const char *end)
{
    char from[PATH_BYTES], to[PATH_BYTES + 32];
    bool moved;

    snprintf(to, sizeof(to), "%s/done", f->path);
    (void)mkdir(to, 0777); /* somebody may have tidied it away */
    snprintf(from, sizeof(from), "%s/%s", f->path, f->name);
    snprintf(to, sizeof(to), "%s/done/%s%s", f->path, f->name, end);
    /* An older file of the same name stays: it may hold something else. */
    for (unsigned n = 1; n < 1000 && access(to, F_OK) == 0; n++)
        snprintf(to, sizeof(to), "%s/done/%s%s.%u", f->path, f->name, end, n);
    moved = rename(from, to) == 0;
    if (!moved)
        log_error("sensor.folder.stuck", "file=%s errno=%d next=\"it is read again\"", from, errno);
    f->name[0] = '\0';
    buf_clear(&f->text);
    return moved;
}

static void send_piece(struct folder *f)
{
    char source[PATH_BYTES + 8];
    struct feed_from from = {source, "", f->route.device, f->route.count};

    f->sent = piece_end(f, f->at);
    snprintf(source, sizeof(source), "file %s/%s", f->path, f->name);
    feed_take(f->feed, &from, f->text.data + f->at, f->sent - f->at, loop_utc_us(f->loop));
    intake_took(f->feed->intake, piece_hash(f, f->sent));
}

static void on_settled(void *arg, const char *why)
{
    struct folder *f = arg;

    if (!f->name[0] || f->sent == f->at)
        return;
    if (why) {
        f->sent = f->at; /* the same piece again, later */
        loop_timer_start(f->timer, f->period_ms, 0);
        return;
    }
    f->at = f->sent;
    loop_timer_start(f->timer, 0, 0);
}

/* --- which file ------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);

    return n >= k && strcmp(name + n - k, end) == 0;
}

static bool is_ready(const struct folder *f, const char *name)
{
    char path[PATH_BYTES];
    struct stat about;

    if (name[0] == '.' || ends_with(name, ".tmp") || ends_with(name, ".part") ||
        strlen(name) >= sizeof(f->name))
        return false;
    snprintf(path, sizeof(path), "%s/%s", f->path, name);
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return false;
    /* Its time may be another machine's, whose clock is ahead; when it came here is by ours. If
     * that is ahead as well, ours was set back since. */
    if (about.st_mtime > time(NULL))
        return llabs((long long)(time(NULL) - about.st_ctime)) >= QUIET_S;
    return time(NULL) - about.st_mtime >= QUIET_S;
}

static bool find_file(struct folder *f)
{
    DIR *d = opendir(f->path);
    struct dirent *e;

    f->name[0] = '\0';
    while (d && (e = readdir(d)))
        if (is_ready(f, e->d_name) && (!f->name[0] || strcmp(e->d_name, f->name) < 0))
            snprintf(f->name, sizeof(f->name), "%.255s", e->d_name);
    if (d)
        closedir(d);
    return f->name[0] != '\0';
}

static bool open_file(struct folder *f)
{
    char path[PATH_BYTES];
    enum status st;

    snprintf(path, sizeof(path), "%s/%s", f->path, f->name);
    buf_clear(&f->text);
    st = file_read(path, &f->text, FILE_BYTES);
    if (st != ST_OK) {
        log_error("sensor.folder.unread", "file=%s status=%s most=%d", path, status_name(st),
                  FILE_BYTES);
        (void)put_away(f, ".unread");
        return false;
    }
    f->hash = text_hash(text_hash(0, f->name, strlen(f->name)), f->text.data, f->text.len);
    f->at = f->sent = find_place(f);
    return true;
}

static void on_timer(void *arg)
{
    struct folder *f = arg;

    if (!f->name[0] && (!find_file(f) || !open_file(f))) {
        loop_timer_start(f->timer, f->period_ms, 0);
        return;
    }
    if (f->at < f->text.len) {
        send_piece(f); /* goes on when it is safe */
        return;
    }
    loop_timer_start(f->timer, put_away(f, "") ? 0 : f->period_ms, 0);
}

/* --- the door --------------------------------------------------------------------------------- */

static enum status open_folder(struct folder *f, const struct devices *devices, const char *line,
                               char *err, size_t err_size)
{
    struct slice words[WORDS_MAX];
    int count = words_split(words, WORDS_MAX, line);
    char done[PATH_BYTES];
    enum status st;

    if (count < 1 || words[0].len >= sizeof(f->path)) {
        snprintf(err, err_size, "folder = %s: legal is PATH DEVICE", line);
        return ST_INVALID;
    }
    snprintf(f->path, sizeof(f->path), "%.*s", (int)words[0].len, words[0].at);
    st = feed_route_read(&f->route, devices, words, 1, count, "folder", line, err, err_size);
    if (st != ST_OK)
        return st;
    snprintf(done, sizeof(done), "%s/done", f->path);
    if (mkdir(done, 0755) != 0 && errno != EEXIST) {
        snprintf(err, err_size, "folder = %s: %s: %s", line, done, strerror(errno));
        return ST_IO;
    }
    return loop_timer_create(&f->timer, f->loop, on_timer, f);
}

enum status folder_create(struct folder **out, struct loop *loop, struct feed *feed,
                          const struct devices *devices, const char *line, unsigned period_ms,
                          char *err, size_t err_size)
{
    struct folder *f = mem_zalloc(sizeof(*f));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!f)
        return ST_NOMEM;
    f->loop = loop;
    f->feed = feed;
    f->period_ms = period_ms;
    list_init(&f->waiter.link);
    f->waiter.settled = on_settled;
    f->waiter.arg = f;
    st = open_folder(f, devices, line, err, err_size);
    if (st != ST_OK) {
        folder_destroy(f);
        return st;
    }
    intake_wait(feed->intake, &f->waiter);
    loop_timer_start(f->timer, 0, 0);
    *out = f;
    return ST_OK;
}

void folder_destroy(struct folder *f)
{
    if (!f)
        return;
    intake_unwait(&f->waiter);
    loop_timer_destroy(f->timer);
    buf_free(&f->text);
    mem_free(f);
}
