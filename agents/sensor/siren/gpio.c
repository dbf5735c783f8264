/* gpio - a relay at a line of a GPIO chip (driver.h): the only file that knows libgpiod. */
#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/sensor/siren/relay.h"
#include "agents/sensor/station/text.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { CHIP = 100, LINES_MOST = 1023, WAIL_ON_MS = 4000, WAIL_OFF_MS = 2000 };

struct gpio {
    struct gpiod_chip *chip;
    struct gpiod_line *line;
};

static bool set_line(void *arg, bool on)
{
    return gpiod_line_set_value(((struct gpio *)arg)->line, on) == 0;
}

static bool line_is_there(void *arg)
{
    return gpiod_line_get_value(((struct gpio *)arg)->line) >= 0;
}

static void close_line(void *arg)
{
    struct gpio *g = arg;

    if (g->chip)
        gpiod_chip_close(g->chip); /* releases its lines */
    mem_free(g);
}

struct wiring {
    char chip[CHIP];
    unsigned line, on_ms, off_ms;
    bool is_low;
};

static bool read_wail(struct wiring *w, struct slice word)
{
    int64_t on_us, off_us;
    struct slice on;

    if (!slice_next(&word, '/', &on) || !span_read_us(&on_us, on) || !span_read_us(&off_us, word) ||
        on_us < 100000 || off_us < 100000 || on_us > 60000000 || off_us > 60000000)
        return false;
    w->on_ms = (unsigned)(on_us / 1000);
    w->off_ms = (unsigned)(off_us / 1000);
    return true;
}

static bool read_wiring(struct wiring *w, const struct slice *words, int count)
{
    uint64_t line;
    int at = 2;

    *w = (struct wiring){.on_ms = WAIL_ON_MS, .off_ms = WAIL_OFF_MS};
    if (count < 2 || words[0].len < 2 || words[0].len >= CHIP || words[0].at[0] != '/' ||
        !count_read(&line, words[1], LINES_MOST))
        return false;
    memcpy(w->chip, words[0].at, words[0].len);
    w->line = (unsigned)line;
    if (at < count && slice_is(words[at], "low")) {
        w->is_low = true;
        at++;
    }
    if (at < count && !read_wail(w, words[at++]))
        return false;
    return at == count;
}

static enum status open_line(struct gpio *g, const struct wiring *w)
{
    int flags = w->is_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0;

    g->chip = gpiod_chip_open(w->chip);
    g->line = g->chip ? gpiod_chip_get_line(g->chip, w->line) : NULL;
    return g->line && gpiod_line_request_output_flags(g->line, "eocbus-siren", flags, 0) == 0
               ? ST_OK
               : ST_IO;
}

static enum status take_wiring(struct wiring *w, const char *line, const struct slice *words,
                               int count, char *err, size_t err_size)
{
    if (read_wiring(w, words, count))
        return ST_OK;
    snprintf(err, err_size,
             "siren = %s: legal is gpio CHIP LINE [low] [ON/OFF], as in gpio /dev/gpiochip0 17 low "
             "4s/2s",
             line);
    return ST_INVALID;
}

enum status siren_gpio_check(const char *line, const struct slice *words, int count, char *err,
                             size_t err_size)
{
    struct wiring w;
    enum status st = take_wiring(&w, line, words, count, err, err_size);

    if (st != ST_OK || access(w.chip, R_OK | W_OK) == 0)
        return st;
    snprintf(err, err_size, "siren: %s: %s", w.chip, strerror(errno));
    return ST_IO;
}

enum status siren_gpio_create(struct siren_driver **out, const struct siren_driver_settings *set,
                              const struct slice *words, int count, char *err, size_t err_size)
{
    struct relay_line line = {NULL, set_line, line_is_there, close_line};
    struct wiring w;
    struct gpio *g;

    if (take_wiring(&w, set->line, words, count, err, err_size) != ST_OK)
        return ST_INVALID;
    snprintf(err, err_size, "out of memory");
    g = mem_zalloc(sizeof(*g));
    if (!g)
        return ST_NOMEM;
    line.arg = g;
    if (open_line(g, &w) != ST_OK) {
        snprintf(err, err_size, "siren: %s line %u: %s", w.chip, w.line, strerror(errno));
        close_line(g);
        return ST_IO;
    }
    return relay_create(out, set, &line, w.on_ms, w.off_ms);
}
