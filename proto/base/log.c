/* log - one event, one line, one write.
 *
 * What a caller formats may hold text from outside. It is copied into the line code point by code
 * point: printable UTF-8 stays, everything a terminal or a log reader could act on (control bytes,
 * C1 controls, line and paragraph separators, text direction marks, bytes that are no UTF-8, the
 * backslash itself) becomes an escape. What does not fit is cut between code points, and the line
 * says so by ending in "...". */
#include "proto/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define LINE_BYTES                                                                                 \
    1024 /* with the newline: below PIPE_BUF, so lines of two processes do not mix                 \
          */
#define CUT_MARK "..."

static const char *const level_words[] = {"debug", "info", "warn", "error"};
static enum log_level least_level = LOG_INFO;
static void (*line_sink)(void *arg, enum log_level level, const char *line);
static void *line_sink_arg;

struct line {
    char text[LINE_BYTES + 1]; /* the newline and NUL have their place at the end */
    size_t len;
    bool is_cut;
};

void log_set_level(enum log_level least)
{
    least_level = least;
}

enum status log_level_parse(const char *word, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof(level_words) / sizeof(level_words[0]); i++)
        if (strcmp(word, level_words[i]) == 0) {
            *out = (enum log_level)i;
            return ST_OK;
        }
    return ST_INVALID;
}

void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg)
{
    line_sink = sink;
    line_sink_arg = arg;
}

/* All of `piece` or nothing of it, always leaving room for the cut mark and the newline. */
static void put_piece(struct line *l, const char *piece, size_t len)
{
    if (l->is_cut || l->len + len > LINE_BYTES - 1 - strlen(CUT_MARK)) {
        l->is_cut = true;
        return;
    }
    memcpy(l->text + l->len, piece, len);
    l->len += len;
}

/* Bytes of the well-formed UTF-8 code point at s (RFC 3629), 0 if there is none. */
static size_t code_point(const unsigned char *s, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    uint32_t c = len == 1 ? s[0] : len ? s[0] & (0xffu >> (len + 1)) : 0;

    if (!len || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return len;
}

/* Direction marks could make a reader see another order of words than the one that was logged. */
static bool is_harmless(uint32_t c)
{
    return c >= 0x20 && c != '\\' && !(c >= 0x7f && c <= 0x9f) && !(c >= 0x200b && c <= 0x200f) &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff &&
           c != 0x61c && !(c >= 0xe0000 && c <= 0xe007f);
}

static void put_escape(struct line *l, unsigned char byte)
{
    char text[8];

    switch (byte) {
    case '\n':
        put_piece(l, "\\n", 2);
        return;
    case '\t':
        put_piece(l, "\\t", 2);
        return;
    case '\\':
        put_piece(l, "\\\\", 2);
        return;
    default:
        snprintf(text, sizeof(text), "\\x%02x", byte);
        put_piece(l, text, 4);
    }
}

static void put_text(struct line *l, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s && !l->is_cut) {
        uint32_t c = 0;
        size_t len = code_point(s, &c);

        if (len && is_harmless(c)) {
            put_piece(l, (const char *)s, len);
        } else {
            len = len ? len : 1;
            for (size_t i = 0; i < len; i++)
                put_escape(l, s[i]);
        }
        s += len;
    }
}

static int64_t utc_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_line(struct line *l, enum log_level level)
{
    if (l->is_cut) {
        memcpy(l->text + l->len, CUT_MARK, strlen(CUT_MARK));
        l->len += strlen(CUT_MARK);
    }
    if (line_sink) {
        l->text[l->len] = '\0';
        line_sink(line_sink_arg, level, l->text);
        return;
    }
    l->text[l->len++] = '\n';
    /* A log that cannot be written must not stop an alarm. */
    if (write(STDERR_FILENO, l->text, l->len) < 0)
        return;
}

static void log_event(enum log_level level, const char *id, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

static void log_event(enum log_level level, const char *id, const char *fmt, va_list args)
{
    struct line l = {.len = 0};
    char value[LINE_BYTES + 8], when[TIME_TEXT];

    if (level < least_level)
        return;
    time_format(when, utc_now_us());
    put_text(&l, when);
    put_text(&l, " ");
    put_text(&l, level_words[level]);
    put_text(&l, " ");
    put_text(&l, id);
    if (vsnprintf(value, sizeof(value), fmt, args) > 0) {
        put_text(&l, " ");
        put_text(&l, value);
    }
    write_line(&l, level);
}

#define DEFINE_LOG(name, level)                                                                    \
    void name(const char *id, const char *fmt, ...)                                                \
    {                                                                                              \
        va_list args;                                                                              \
                                                                                                   \
        va_start(args, fmt);                                                                       \
        log_event(level, id, fmt, args);                                                           \
        va_end(args);                                                                              \
    }

DEFINE_LOG(log_debug, LOG_DEBUG)
DEFINE_LOG(log_info, LOG_INFO)
DEFINE_LOG(log_warn, LOG_WARN)
DEFINE_LOG(log_error, LOG_ERROR)
