/* faults_link - what happens between the processes. */
#include "tests/fault/chaos/faults.h"

#include "proto/base/banned.h"

/* Every route of the victim. */
static void each_route(struct world *w, const struct fault *f,
                       void (*act)(struct route *route, unsigned n), unsigned n)
{
    if (fault_kind_info(f->kind)->whom == ON_OFFICE)
        for (unsigned b = 0; b < BROKERS; b++)
            act(routes_get(w->routes, w->office_route[f->victim][b]), n);
    else if (fault_kind_info(f->kind)->whom == ON_LISTENER)
        for (unsigned b = 0; b < BROKERS; b++)
            act(routes_get(w->routes, w->listener_route[f->victim][b]), n);
    else if (f->kind != BROKER_ALONE)
        act(routes_get(w->routes, w->database_route[f->victim]), n);
    else {
        for (unsigned i = 0; i < OFFICES; i++)
            act(routes_get(w->routes, w->office_route[i][f->victim]), n);
        for (unsigned i = 0; i < LISTENERS; i++)
            act(routes_get(w->routes, w->listener_route[i][f->victim]), n);
    }
}

static void stall(struct route *route, unsigned n)
{
    atomic_fetch_add(&route->stalled, n);
}

static void flow(struct route *route, unsigned n)
{
    atomic_fetch_sub(&route->stalled, n);
}

static void cut(struct route *route, unsigned n)
{
    atomic_fetch_add(&route->cuts, n);
}

static void lose_answer(struct route *route, unsigned n)
{
    atomic_fetch_add(&route->answers, n);
}

static void delay(struct route *route, unsigned ms)
{
    atomic_store(&route->delay_ms, ms);
}

static void begin_stall(struct world *w, const struct fault *f)
{
    each_route(w, f, stall, 1);
}

static bool end_stall(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)why;
    (void)size;
    each_route(w, f, flow, 1);
    return true;
}

static void begin_cut(struct world *w, const struct fault *f)
{
    each_route(w, f, cut, 1);
}

static bool end_cut(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)why;
    (void)size;
    each_route(w, f, cut, 1);
    return true;
}

static void begin_lost_answer(struct world *w, const struct fault *f)
{
    each_route(w, f, lose_answer, 1);
}

static void begin_delay(struct world *w, const struct fault *f)
{
    each_route(w, f, delay, 100 + (unsigned)(f->number % 400));
}

static bool end_delay(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)why;
    (void)size;
    each_route(w, f, delay, 0);
    return true;
}

static void begin_loss(struct world *w, const struct fault *f)
{
    struct relay_way way = {.delay_ms = 20 + (unsigned)(f->number % 100),
                            .jitter_ms = 20,
                            .loss = 0.01 + (double)(f->number % 7) / 100,
                            .duplicate = 0.05,
                            .reorder = 0.05};
    struct relay_settings set = {.a_to_b = way, .b_to_a = way};

    relay_set(w->relay, &set);
}

static bool end_loss(struct world *w, const struct fault *f, char *why, size_t size)
{
    const struct relay_settings clear = {0};

    (void)f;
    (void)why;
    (void)size;
    relay_set(w->relay, &clear);
    return true;
}

static void begin_darkness(struct world *w, const struct fault *f)
{
    (void)f;
    relay_dark(w->relay, true);
}

static bool end_darkness(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)f;
    (void)why;
    (void)size;
    relay_dark(w->relay, false);
    return true;
}

const struct fault_acts link_faults[FAULT_KINDS] = {
    [BROKER_ALONE] = {begin_stall, end_stall},     [BROKER_CUT_OFF] = {begin_stall, end_stall},
    [ANSWER_LOST] = {begin_lost_answer, NULL},     [OFFICE_CUT_OFF] = {begin_stall, end_stall},
    [OFFICE_CUT] = {begin_cut, end_cut},           [OFFICE_SLOW] = {begin_delay, end_delay},
    [OFFICE_LOSSY] = {begin_loss, end_loss},       [OFFICE_DARK] = {begin_darkness, end_darkness},
    [LISTENER_CUT_OFF] = {begin_stall, end_stall},
};
