/* blob_box - see blob_box.h
 *
 *   HASH                          whole
 *   HASH.about                    what its sender says of it
 *   HASH-SENDER-TOTAL.part        not whole yet (blob_part.h); SENDER is a sum of the name
 *   HASH-SENDER-TOTAL.about       likewise
 *   HASH-SENDER-TOTAL.wrong       whole, but another hash than its pieces said
 *
 * The last few files that pieces came for stay open. */
#include "agents/link/blob_box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/blob_part.h"
#include "agents/link/print.h"
#include "agents/link/rowsum.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* A dozen cameras send at once; more are opened again in turn. */
enum { OPEN_PARTS = 12, STEM = 128, PATH_SIZE = 4200 };
#define FILES_DEFAULT 1000u
#define BYTES_DEFAULT (UINT64_C(4) << 30)

struct open_part {
    char stem[STEM];
    struct blob_part *part; /* NULL = free */
    uint64_t used;
};

struct blob_box {
    char folder[PATH_SIZE - STEM - 16];
    unsigned most_files, files;
    uint64_t most_bytes, bytes, turn;
    struct open_part open[OPEN_PARTS];
};

static void path_of(const struct blob_box *b, char out[PATH_SIZE], const char *stem,
                    const char *end)
{
    snprintf(out, PATH_SIZE, "%s/%s%s", b->folder, stem, end);
}

static void stem_of(char out[STEM], const char *hash, const char *sender, uint64_t total)
{
    snprintf(out, STEM, "%s-%016" PRIx64 "-%" PRIu64, hash, rowsum_bytes(0, sender, strlen(sender)),
             total);
}

/* --- the folder ------------------------------------------------------------------------------- */

/* What the name of a part says of the whole; 0 = it is none. */
static uint64_t total_of_name(const char *name)
{
    const char *end = strrchr(name, '.'), *dash = strrchr(name, '-');

    if (!end || !dash || dash > end || strcmp(end, ".part") != 0)
        return 0;
    return strtoull(dash + 1, NULL, 10);
}

static enum status count_parts(struct blob_box *b)
{
    const struct dirent *entry;
    DIR *d = opendir(b->folder);

    if (!d)
        return ST_IO;
    while ((entry = readdir(d))) {
        uint64_t total = total_of_name(entry->d_name);

        b->files += total > 0;
        b->bytes += total;
    }
    closedir(d);
    return ST_OK;
}

enum status blob_box_open(struct blob_box **out, const struct blob_box_settings *set, char *err,
                          size_t err_size)
{
    struct blob_box *b = mem_zalloc(sizeof(*b));
    enum status st = ST_OK;

    snprintf(err, err_size, "out of memory");
    if (!b)
        return ST_NOMEM;
    b->most_files = set->most_files ? set->most_files : FILES_DEFAULT;
    b->most_bytes = set->most_bytes ? set->most_bytes : BYTES_DEFAULT;
    if ((size_t)snprintf(b->folder, sizeof(b->folder), "%s", set->folder) >= sizeof(b->folder)) {
        errno = ENAMETOOLONG;
        st = ST_IO;
    }
    if (st == ST_OK && mkdir(b->folder, 0700) != 0 && errno != EEXIST)
        st = ST_IO;
    if (st == ST_OK)
        st = count_parts(b);
    if (st != ST_OK) {
        snprintf(err, err_size, "the folder %s cannot be used: %s", set->folder, strerror(errno));
        mem_free(b);
        return st;
    }
    *out = b;
    return ST_OK;
}

void blob_box_close(struct blob_box *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < OPEN_PARTS; i++)
        blob_part_close(b->open[i].part);
    mem_free(b);
}

unsigned blob_box_waiting(const struct blob_box *b)
{
    return b->files;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* The place of an open part; of the one that was longest without a piece if it is not open. */
static struct open_part *find_place(struct blob_box *b, const char *stem)
{
    struct open_part *oldest = &b->open[0];

    for (size_t i = 0; i < OPEN_PARTS; i++) {
        struct open_part *at = &b->open[i];

        if (at->part && strcmp(at->stem, stem) == 0)
            return at;
        if (!at->part || (oldest->part && at->used < oldest->used))
            oldest = at;
    }
    blob_part_close(oldest->part);
    oldest->part = NULL;
    snprintf(oldest->stem, STEM, "%s", stem);
    return oldest;
}

/* ST_NOTFOUND: there is no room for one more; `why`. */
static enum status open_part(struct blob_box *b, const char *stem, uint64_t total,
                             struct open_part **out, const char **why)
{
    struct open_part *at = find_place(b, stem);
    char path[PATH_SIZE];
    bool is_new;
    enum status st;

    at->used = ++b->turn;
    *out = at;
    if (at->part)
        return ST_OK;
    path_of(b, path, stem, ".part");
    is_new = access(path, F_OK) != 0;
    if (is_new && b->files >= b->most_files)
        *why = "too many files are not whole yet: take old .part files out of the folder";
    else if (is_new &&
             total > b->most_bytes - (b->bytes < b->most_bytes ? b->bytes : b->most_bytes))
        *why = "the files that are not whole yet are too large together";
    if (*why)
        return ST_NOTFOUND;
    st = blob_part_open(&at->part, path, total);
    if (st == ST_OK && is_new) {
        b->files++;
        b->bytes += total;
    }
    return st;
}

static void forget_part(struct blob_box *b, struct open_part *at, uint64_t total)
{
    blob_part_close(at->part);
    at->part = NULL;
    b->files -= b->files > 0;
    b->bytes -= b->bytes < total ? b->bytes : total;
}

/* What people call it, in a file of its own. That it is missing spoils nothing. */
static void write_about(const struct blob_box *b, const char *stem, const char *sender,
                        const Eocbus__V1__BlobChunk *c)
{
    struct buf text = {0};
    char path[PATH_SIZE];
    int fd;

    if (!*c->name && !*c->media_type)
        return;
    path_of(b, path, stem, ".about");
    buf_puts(&text, "name = ");
    print_escaped(&text, c->name, strlen(c->name));
    buf_puts(&text, "\ntype = ");
    print_escaped(&text, c->media_type, strlen(c->media_type));
    buf_printf(&text, "\nfrom = %s\n", sender);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && !text.failed)
        (void)!write(fd, text.data, text.len);
    if (fd >= 0)
        close(fd);
    buf_free(&text);
}

static enum status finish(struct blob_box *b, struct open_part *at, const Eocbus__V1__BlobChunk *c,
                          struct blob_news *news)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    bool fits;
    enum status st = blob_part_fits(at->part, c->blob_hash.data, &fits);

    if (st != ST_OK)
        return st;
    path_of(b, news->path, fits ? news->hash : at->stem, fits ? "" : ".wrong");
    path_of(b, from, at->stem, ".about");
    path_of(b, to, news->hash, ".about");
    if (fits && rename(from, to) != 0 && errno != ENOENT)
        return ST_IO;
    st = blob_part_finish(at->part, news->path);
    if (st != ST_OK)
        return st;
    forget_part(b, at, c->total);
    news->event = fits ? BLOB_WHOLE : BLOB_WRONG;
    return ST_OK;
}

/* Also one whose end a kill left behind it. */
static bool is_whole_already(const struct blob_box *b, const Eocbus__V1__BlobChunk *c,
                             struct blob_news *news)
{
    struct stat at;

    path_of(b, news->path, news->hash, "");
    if (stat(news->path, &at) != 0 || !S_ISREG(at.st_mode) || (uint64_t)at.st_size < c->total)
        return false;
    if ((uint64_t)at.st_size > c->total)
        (void)!truncate(news->path, (off_t)c->total);
    news->have = c->total;
    return true;
}

enum status blob_box_take(struct blob_box *b, const char *sender, const Eocbus__V1__BlobChunk *c,
                          struct blob_news *news)
{
    struct open_part *at;
    char stem[STEM];
    enum status st;

    *news = (struct blob_news){.event = BLOB_KNOWN, .total = c->total};
    digest_hex(news->hash, c->blob_hash.data);
    if (is_whole_already(b, c, news))
        return ST_OK;
    news->event = BLOB_REFUSED;
    stem_of(stem, news->hash, sender, c->total);
    st = open_part(b, stem, c->total, &at, &news->why);
    if (st == ST_NOTFOUND)
        return ST_OK;
    if (st == ST_OK)
        st = blob_part_add(at->part, c->offset, c->data.data, c->data.len);
    if (st == ST_INVALID) {
        news->why = "the piece lies outside of its file, or the pieces are too small";
        return ST_OK;
    }
    if (st != ST_OK && st != ST_EXISTS)
        return st;
    write_about(b, stem, sender, c);
    news->event = st == ST_OK ? BLOB_PIECE : BLOB_KNOWN;
    news->have = blob_part_have(at->part);
    return blob_part_is_whole(at->part) ? finish(b, at, c, news) : ST_OK;
}
