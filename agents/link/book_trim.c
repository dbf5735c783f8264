/* book_trim - see receipt_book.h: the book is made shorter when it has grown large.
 *
 * Kept are, as far as there is room: what is open, then what is of the last days, the newest first.
 * Days are counted back from the newest line, whatever the clock of this machine says. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/receipt_book.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

enum { READ_MOST = 8 << 20 };
#define DAY_US (INT64_C(86400) * 1000000)
/* After thirty days the bus itself gives up what nobody answered. */
#define OPEN_US   (31 * DAY_US)
#define RECENT_US (14 * DAY_US)

struct entry {
    const char *text; /* a line without its end */
    size_t place;     /* among the lines */
    int64_t time_us;
    char id[ID_TEXT], level[20], recipient[80];
    bool is_receipt, is_open, is_recent, is_kept;
};

static bool read_entry(struct entry *e, const char *line, size_t place)
{
    char kind[10], time[40], id[40];

    memset(e, 0, sizeof(*e));
    e->text = line;
    e->place = place;
    if (sscanf(line, "%9s %39s %39s %19s %79s", kind, time, id, e->level, e->recipient) != 5 ||
        strlen(id) >= sizeof(e->id) || !time_parse(&e->time_us, time))
        return false; /* cut by a full disk */
    memcpy(e->id, id, strlen(id));
    e->is_receipt = strcmp(kind, "receipt") == 0;
    return true;
}

static bool is_last_word(const char *level)
{
    static const char *const last[] = {"ACCEPTED", "REJECTED", "EXPIRED", "UNDELIVERABLE"};

    for (size_t i = 0; i < sizeof(last) / sizeof(*last); i++)
        if (strcmp(level, last[i]) == 0)
            return true;
    return false;
}

/* What is said of one message stands together, in the order of the book. */
static int by_message(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

/* The newest receipt of each recipient tells how it stands; one that was heard again is dropped. */
static void judge(struct entry *e, const struct entry *begin, const struct entry *end,
                  int64_t newest_us)
{
    e->is_open = e->time_us > newest_us - OPEN_US && !(e->is_receipt && is_last_word(e->level));
    e->is_recent = e->time_us > newest_us - RECENT_US;
    for (const struct entry *o = begin; o < end; o++) {
        if (o < e && strcmp(o->text, e->text) == 0)
            e->is_open = e->is_recent = false;
        if (o > e && e->is_receipt && o->is_receipt && strcmp(o->recipient, e->recipient) == 0 &&
            strcmp(o->text, e->text) != 0)
            e->is_open = false;
    }
}

static void judge_all(struct entry *entries, size_t n)
{
    int64_t newest_us = 0;
    size_t begin = 0;

    for (size_t i = 0; i < n; i++)
        if (entries[i].time_us > newest_us)
            newest_us = entries[i].time_us;
    qsort(entries, n, sizeof(*entries), by_message);
    for (size_t end = 1; end <= n; end++) {
        if (end < n && strcmp(entries[end].id, entries[begin].id) == 0)
            continue;
        for (size_t i = begin; i < end; i++)
            judge(&entries[i], &entries[begin], &entries[end], newest_us);
        begin = end;
    }
    qsort(entries, n, sizeof(*entries), by_place);
}

static void choose(struct entry *entries, size_t n)
{
    size_t room = RECEIPT_BOOK_KEPT;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = n; i-- > 0;) {
            struct entry *e = &entries[i];
            size_t len = strlen(e->text) + 1;

            if (e->is_kept || !(pass ? e->is_recent : e->is_open) || len > room)
                continue;
            e->is_kept = true;
            room -= len;
        }
}

/* Splits `text` at its line ends. */
static size_t split(struct buf *text, struct entry **out)
{
    size_t n = 0, lines = 1;
    char *at = (char *)text->data, *end;

    for (const char *c = at; (c = strchr(c, '\n')); c++)
        lines++;
    *out = mem_alloc(lines * sizeof(**out));
    for (; *out && (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        if (read_entry(&(*out)[n], at, n))
            n++;
    }
    return n;
}

static enum status shorten(struct buf *text, struct buf *out)
{
    struct entry *entries;
    size_t n = split(text, &entries);

    if (!entries)
        return ST_NOMEM;
    judge_all(entries, n);
    choose(entries, n);
    for (size_t i = 0; i < n; i++)
        if (entries[i].is_kept) {
            buf_puts(out, entries[i].text);
            buf_puts(out, "\n");
        }
    mem_free(entries);
    return out->failed ? ST_NOMEM : ST_OK;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum status read_book(struct buf *out, int file, off_t size)
{
    char part[16384];
    ssize_t n = 0;

    if (size > READ_MOST)
        (void)!lseek(file, size - READ_MOST, SEEK_SET);
    while (!out->failed && (n = read(file, part, sizeof(part))) > 0)
        buf_put(out, part, (size_t)n);
    buf_put(out, "", 1);
    return n < 0 || out->failed ? ST_IO : ST_OK;
}

enum status receipt_book_trim(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct buf text = {0}, kept = {0};
    struct stat about;
    enum status st = ST_OK;

    if (file < 0)
        return errno == ENOENT ? ST_OK : ST_IO;
    if (fstat(file, &about) == 0 && about.st_size > RECEIPT_BOOK_LARGE) {
        st = read_book(&text, file, about.st_size);
        if (st == ST_OK)
            st = shorten(&text, &kept);
        if (st == ST_OK)
            st = file_replace(path, kept.data, kept.len); /* the old one stays until then */
    }
    close(file);
    buf_free(&text);
    buf_free(&kept);
    return st;
}
