/* relay - see relay.h. */
#include "agents/sensor/siren/relay.h"

#include <stdio.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct relay {
    struct siren_driver driver;
    struct relay_line line;
    struct loop *loop;
    struct loop_timer *timer;
    void *arg;
    void (*answered)(void *arg, const struct siren_answer *a);
    unsigned on_ms, off_ms;
    bool is_on, wails;
    uint64_t end_us;
};

static void answer(struct relay *r, const char *code)
{
    struct siren_answer a = {.done = !*code};

    snprintf(a.code, sizeof(a.code), "%s", code);
    r->answered(r->arg, &a);
}

static bool switch_to(struct relay *r, bool on)
{
    r->is_on = on;
    return r->line.set(r->line.arg, on);
}

/* Until the next change: the other half of the wail, or the end. */
static void wait_on(struct relay *r)
{
    uint64_t now_us = loop_exact_us(r->loop);
    uint64_t left_ms = r->end_us > now_us ? (r->end_us - now_us) / 1000 + 1 : 1;
    unsigned half_ms = r->is_on ? r->on_ms : r->off_ms;

    loop_timer_start(r->timer, r->wails && half_ms < left_ms ? half_ms : (unsigned)left_ms, 0);
}

static void on_timer(void *arg)
{
    struct relay *r = arg;
    bool is_over = loop_exact_us(r->loop) >= r->end_us;

    (void)switch_to(r, !is_over && r->wails ? !r->is_on : !is_over);
    if (!is_over)
        wait_on(r);
}

static void start(struct relay *r, const struct siren_wish *w)
{
    if (w->pattern == EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_VOICE) {
        answer(r, "no_voice");
        return;
    }
    r->wails = w->pattern == EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE;
    r->end_us = loop_exact_us(r->loop) + w->duration_s * UINT64_C(1000000);
    if (!switch_to(r, true)) {
        answer(r, "no_line");
        return;
    }
    wait_on(r);
    answer(r, "");
}

static void drive(struct siren_driver *d, const struct siren_wish *w)
{
    struct relay *r = container_of(d, struct relay, driver);

    if (w->verb == SIREN_TEST) {
        answer(r, r->line.is_there(r->line.arg) ? "" : "no_line");
        return;
    }
    loop_timer_stop(r->timer);
    if (w->verb == SIREN_ON)
        start(r, w);
    else
        answer(r, switch_to(r, false) ? "" : "no_line");
}

/* The line lets go with the program, and the relay with the line: nobody is left who could stop it.
 */
static void destroy(struct siren_driver *d)
{
    struct relay *r = container_of(d, struct relay, driver);

    (void)switch_to(r, false);
    loop_timer_destroy(r->timer);
    r->line.close(r->line.arg);
    mem_free(r);
}

enum status relay_create(struct siren_driver **out, const struct siren_driver_settings *set,
                         const struct relay_line *line, unsigned on_ms, unsigned off_ms)
{
    struct relay *r = mem_zalloc(sizeof(*r));
    enum status st = ST_NOMEM;

    if (r) {
        *r = (struct relay){.driver = {drive, destroy},
                            .line = *line,
                            .loop = set->loop,
                            .arg = set->arg,
                            .answered = set->answered,
                            .on_ms = on_ms,
                            .off_ms = off_ms};
        st = loop_timer_create(&r->timer, set->loop, on_timer, r);
    }
    if (st != ST_OK) {
        line->close(line->arg);
        mem_free(r);
        return st;
    }
    *out = &r->driver;
    return ST_OK;
}
