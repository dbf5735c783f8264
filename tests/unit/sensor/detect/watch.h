/* watch - what the tests of detectors share: detectors from settings lines, fed sample by sample.
 */
#ifndef EOCBUS_TESTS_SENSOR_WATCH_H
#define EOCBUS_TESTS_SENSOR_WATCH_H

#include "agents/sensor/detect/detect.h"
#include "tests/unit/sensor/desk.h"

#define HOUR (60 * MINUTE)

struct watch {
    struct desk desk;
    struct detect *detect;
    char err[600];
};

static inline enum status watch_try(struct watch *w, const char *const *streams, size_t n,
                                    const char *const *lines, size_t count)
{
    struct conf_list list = {(char **)lines, count};

    desk_open(&w->desk, streams, n);
    w->detect = malloc(sizeof(*w->detect));
    w->err[0] = '\0';
    return detect_read(w->detect, &w->desk.station, &list, 30 * MINUTE, w->desk.arena, w->err,
                       sizeof(w->err));
}

static inline void watch_open(struct watch *w, const char *const *streams, size_t n,
                              const char *const *lines, size_t count)
{
    if (watch_try(w, streams, n, lines, count) != ST_OK)
        fail_msg("%s", w->err);
}

static inline void watch_close(struct watch *w)
{
    free(w->detect);
    desk_close(&w->desk);
}

#define WATCH(w, streams, ...)                                                                     \
    do {                                                                                           \
        static const char *const lines_[] = {__VA_ARGS__};                                         \
                                                                                                   \
        watch_open(w, streams, ARRAY_LEN(streams), lines_, ARRAY_LEN(lines_));                     \
    } while (0)

static inline void feed(struct watch *w, unsigned stream, int64_t time_us, int64_t value)
{
    detect_sample(w->detect, stream, &(struct sample){time_us, value, 0});
}

/* What would be said now, checked by the gate's rules; borrowed until the next call. NULL: nothing.
 * It is said then. */
static inline const Eocbus__V1__SensorDetection *conclude(struct watch *w)
{
    Eocbus__V1__SensorDetection *m;
    struct refusal why;
    enum status st;

    arena_reset(w->desk.message);
    m = detect_conclusion(w->detect, EOCBUS__V1__HAZARD__HAZARD_MUDFLOW, w->desk.message, &st);
    assert_int_equal(st, ST_OK);
    if (!m)
        return NULL;
    if (gate_check(&m->base, &why) != ST_OK)
        fail_msg("%s: %s", why.path, why.text);
    detect_said(w->detect);
    return m;
}

#endif
