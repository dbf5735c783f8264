/* ledger - see ledger.h. */
#include "tests/lib/ledger.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/banned.h"

enum { GATHER = 262144, LINE = 160 };

struct ledger {
    int fd;
    size_t len;
    char text[GATHER];
};

static void die(const char *what, const char *line)
{
    fprintf(stderr, "ledger: %s: %s\n", what, line);
    exit(3);
}

struct ledger *ledger_open(const char *path)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l)
        die("memory", path);
    l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (l->fd < 0) {
        free(l);
        return NULL;
    }
    return l;
}

void ledger_write(struct ledger *l)
{
    if (l->len && write(l->fd, l->text, l->len) != (ssize_t)l->len)
        die("a book cannot be written", "");
    l->len = 0;
}

void ledger_close(struct ledger *l)
{
    ledger_write(l);
    close(l->fd);
    free(l);
}

void ledger_line(struct ledger *l, const char *fmt, ...)
{
    va_list args;

    if (l->len + LINE > GATHER)
        ledger_write(l);
    va_start(args, fmt);
    l->len += (size_t)vsnprintf(l->text + l->len, LINE - 1, fmt, args);
    va_end(args);
    l->text[l->len++] = '\n';
}

/* --- reading ---------------------------------------------------------------------------------- */

struct words { /* of one line, as numbers */
    const char *at;
    const char *line;
};

static uint64_t next_number(struct words *w, int base)
{
    char *end;
    uint64_t n = strtoull(w->at, &end, base);

    if (end == w->at)
        die("not a line of a book", w->line);
    w->at = end;
    return n;
}

static void read_sender_line(struct checker *c, unsigned sender, const char *line)
{
    struct words w = {line + 1, line};
    unsigned lane = 0;
    uint64_t lane_seq = 0;

    if (strchr("isr", line[0])) {
        lane = (unsigned)next_number(&w, 10);
        lane_seq = next_number(&w, 10);
    }
    switch (line[0]) {
    case 'e':
        checker_sender(c, sender, next_number(&w, 10));
        break;
    case 'b':
        checker_sender_born(c, sender);
        break;
    case 'i':
        checker_put(c, sender, lane, lane_seq, next_number(&w, 16));
        break;
    case 'w':
        checker_put_raw(c, sender, next_number(&w, 16));
        break;
    case 'c':
        checker_safe(c, sender, line[1] == ' ' ? next_number(&w, 10) : UINT64_MAX);
        break;
    case 'x':
        checker_gave_up(c, sender);
        break;
    case 's':
        checker_acknowledged(c, sender, lane, lane_seq, next_number(&w, 10));
        break;
    case 'r':
        checker_refused(c, sender, lane, lane_seq);
        break;
    default:
        die("not a line of a sender's book", line);
    }
}

static void read_copy(struct checker *c, unsigned listener, const char *line)
{
    struct words w = {line + 1, line};
    struct checker_copy copy = {.seq = next_number(&w, 10)};

    copy.sender = (unsigned)next_number(&w, 10);
    copy.epoch = next_number(&w, 10);
    copy.lane = (unsigned)next_number(&w, 10);
    copy.lane_seq = next_number(&w, 10);
    copy.digest = next_number(&w, 16);
    copy.history = strchr(w.at, 'h') != NULL;
    checker_handed(c, listener, &copy);
}

static void read_listener_line(struct checker *c, unsigned listener, const char *line)
{
    if (line[0] == 'd')
        read_copy(c, listener, line);
    else if (line[0] == 'b')
        checker_listener_born(c, listener);
    else if (line[0] == 't')
        checker_turn(c, listener);
    else
        die("not a line of a listener's book", line);
}

static bool read_book(const char *path, struct checker *c, unsigned who,
                      void (*each)(struct checker *c, unsigned who, const char *line))
{
    char line[LINE + 1];
    FILE *f = fopen(path, "r");

    while (f && fgets(line, sizeof(line), f))
        each(c, who, line);
    if (f)
        fclose(f);
    return f != NULL;
}

bool ledger_read_sender(const char *path, struct checker *c, unsigned sender)
{
    return read_book(path, c, sender, read_sender_line);
}

bool ledger_read_listener(const char *path, struct checker *c, unsigned listener)
{
    return read_book(path, c, listener, read_listener_line);
}
