/* silence - see silence.h. */
#include "agents/sensor/detect/silence.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

static void judge(struct detector *d, int64_t now_us)
{
    const struct silence *s = d->state;
    int64_t quiet_us = now_us > s->heard_us ? now_us - s->heard_us : 0;
    int64_t after_us = detector_span_us(d, SILENCE_AFTER);
    bool over = quiet_us >= after_us && quiet_us - after_us < detector_span_us(d, SILENCE_FOR);

    verdict_set(&d->verdict, over, LEVEL(CLEAR), s->heard_us + after_us, now_us);
    d->verdict.value = quiet_us / 1000000;
    d->verdict.threshold = after_us / 1000000;
}

void silence_look(struct detector *d, unsigned place, const struct datastream *from,
                  int64_t time_us, int64_t value)
{
    struct silence *s = d->state;

    (void)place;
    (void)value;
    d->verdict.type = from->type;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_ONE;
    s->begun = true;
    s->heard_us = time_us;
    judge(d, time_us);
}

void silence_pass(struct detector *d, int64_t now_us)
{
    const struct silence *s = d->state;

    if (s->begun)
        judge(d, now_us);
}
