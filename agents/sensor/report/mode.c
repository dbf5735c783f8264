/* mode - see mode.h. */
#include "agents/sensor/report/mode.h"

#include "proto/base/banned.h"

#define MODE(word) EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_##word

void mode_begin(struct mode *m, int64_t after_us)
{
    *m = (struct mode){.after_us = after_us, .order = MODE(NORMAL), .raised_until_us = INT64_MIN};
}

void mode_level(struct mode *m, Eocbus__V1__DetectionLevel level, int64_t now_us)
{
    bool raised = level > EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_CLEAR;

    if (m->is_raised && !raised)
        m->raised_until_us = now_us + m->after_us;
    m->is_raised = raised;
}

void mode_order(struct mode *m, Eocbus__V1__SensorMode wanted, uint32_t duration_s, int64_t now_us)
{
    m->order = wanted;
    m->order_ends_us = duration_s ? now_us + duration_s * INT64_C(1000000) : INT64_MAX;
    if (!m->is_raised)
        m->raised_until_us = INT64_MIN;
}

Eocbus__V1__SensorMode mode_now(const struct mode *m, int64_t now_us)
{
    Eocbus__V1__SensorMode order = now_us < m->order_ends_us ? m->order : MODE(NORMAL);

    if (order != MODE(NORMAL))
        return order;
    return m->is_raised || now_us < m->raised_until_us ? MODE(EVENT) : MODE(NORMAL);
}
