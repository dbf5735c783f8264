/* serial - see serial.h. */
#include "agents/sensor/input/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { AGAIN_MS = 5000, LINE_BYTES = 4096, WORDS_MAX = DEVICES + 2 };

struct serial {
    struct loop *loop;
    struct feed *feed;
    struct feed_route route;
    struct loop_poll *poll;
    struct loop_timer *timer;
    char path[256], source[280];
    speed_t speed;
    int fd;
    bool told; /* that it is not there */
    char line[LINE_BYTES];
    size_t len;
    bool too_long;
};

static const struct {
    unsigned baud;
    speed_t speed;
} speeds[] = {{300, B300},     {1200, B1200},   {2400, B2400},   {4800, B4800},    {9600, B9600},
              {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}};

static void take_line(struct serial *s)
{
    struct feed_from from = {s->source, "", s->route.device, s->route.count};
    int64_t now_us = loop_utc_us(s->loop);

    if (s->too_long)
        feed_unknown(s->feed, s->source, "a line of more than 4096 bytes", s->line, s->len, now_us);
    else if (s->len)
        feed_take(s->feed, &from, s->line, s->len, now_us);
    s->len = 0;
    s->too_long = false;
}

static void take_bytes(struct serial *s, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            take_line(s);
        else if (s->len == sizeof(s->line))
            s->too_long = true;
        else
            s->line[s->len++] = bytes[i];
    }
}

static void lose(struct serial *s, const char *why)
{
    loop_poll_destroy(s->poll);
    s->poll = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    /* Half a line is half a number. */
    s->len = 0;
    s->too_long = false;
    if (!s->told)
        log_warn("sensor.serial.down", "path=%s why=\"%s\" retry_ms=%d", s->path, why, AGAIN_MS);
    s->told = true;
    loop_timer_start(s->timer, AGAIN_MS, 0);
}

static void on_bytes(void *arg, int events)
{
    struct serial *s = arg;
    char bytes[1024];
    ssize_t n = read(s->fd, bytes, sizeof(bytes));

    (void)events;
    if (n > 0)
        take_bytes(s, bytes, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        lose(s, n ? strerror(errno) : "it is unplugged");
}

/* As it comes: no echo, no characters that mean something, no waiting for a modem. */
static bool set_up(const struct serial *s)
{
    struct termios t;

    if (tcgetattr(s->fd, &t) != 0)
        return false;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    return cfsetispeed(&t, s->speed) == 0 && cfsetospeed(&t, s->speed) == 0 &&
           tcsetattr(s->fd, TCSANOW, &t) == 0;
}

static void on_timer(void *arg)
{
    struct serial *s = arg;

    s->fd = open(s->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0 || !set_up(s)) {
        lose(s, strerror(errno));
        return;
    }
    if (loop_poll_create(&s->poll, s->loop, s->fd, on_bytes, s) != ST_OK) {
        lose(s, "out of memory");
        return;
    }
    s->told = false;
    log_info("sensor.serial.up", "path=%s", s->path);
    loop_poll_set(s->poll, LOOP_READ);
}

static enum status read_line(struct serial *s, const struct devices *devices, const char *line,
                             char *err, size_t err_size)
{
    struct slice words[WORDS_MAX];
    int count = words_split(words, WORDS_MAX, line);
    uint64_t baud = 0;

    if (count >= 2 && words[0].len < sizeof(s->path) && count_read(&baud, words[1], 1000000))
        for (size_t i = 0; i < ARRAY_LEN(speeds); i++)
            if (speeds[i].baud == baud)
                s->speed = speeds[i].speed;
    if (!s->speed) {
        snprintf(err, err_size,
                 "serial = %s: legal is PATH SPEED DEVICE, as in /dev/ttyUSB0 9600 logger; speeds "
                 "are 300 to 115200",
                 line);
        return ST_INVALID;
    }
    snprintf(s->path, sizeof(s->path), "%.*s", (int)words[0].len, words[0].at);
    snprintf(s->source, sizeof(s->source), "serial %s", s->path);
    return feed_route_read(&s->route, devices, words, 2, count, "serial", line, err, err_size);
}

enum status serial_create(struct serial **out, struct loop *loop, struct feed *feed,
                          const struct devices *devices, const char *line, char *err,
                          size_t err_size)
{
    struct serial *s = mem_zalloc(sizeof(*s));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!s)
        return ST_NOMEM;
    s->loop = loop;
    s->feed = feed;
    s->fd = -1;
    st = read_line(s, devices, line, err, err_size);
    if (st == ST_OK)
        st = loop_timer_create(&s->timer, loop, on_timer, s);
    if (st != ST_OK) {
        serial_destroy(s);
        return st;
    }
    loop_timer_start(s->timer, 0, 0);
    *out = s;
    return ST_OK;
}

void serial_destroy(struct serial *s)
{
    if (!s)
        return;
    loop_poll_destroy(s->poll);
    loop_timer_destroy(s->timer);
    if (s->fd >= 0)
        close(s->fd);
    mem_free(s);
}
