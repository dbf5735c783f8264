/* judge - how good an alarm is: when it was on, against what happened. Pure.
 *
 *   an event is a HIT      the alarm was on at some moment of it, or ended at most `before` earlier
 *                  MISS    it was not
 *                  NO DATA nothing usable was measured during it: nobody can say
 *   an alarm is FALSE      it hits no event
 *
 * An alarm that flickers is one as long as it is off for less than `hold`: nobody takes a siren
 * back that fast. Lead is from the alarm's beginning to the event's; negative: the event was there
 * first. */
#ifndef EOCBUS_SENSOR_JUDGE_H
#define EOCBUS_SENSOR_JUDGE_H

#include "agents/sensor/replay/labels.h"

struct spell {
    int64_t from_us, to_us;
    bool is_false; /* set by score_make */
};

/* One alarm's times on, from samples in order of time. Zeroed but for hold_us at the beginning. */
struct spells {
    struct spell *items;
    size_t count, cap;
    int64_t hold_us;
    bool on;
};
MUST_CHECK enum status spells_add(struct spells *s, int64_t time_us, bool on);
void spells_free(struct spells *s);
bool spells_on_at(const struct spells *s, int64_t time_us);

enum outcome { OUTCOME_HIT, OUTCOME_MISS, OUTCOME_NO_DATA };
struct judged {
    enum outcome outcome;
    int64_t alarm_us, lead_us; /* of a hit */
};

struct score {
    unsigned alarms, hits, misses, no_data, false_alarms;
    int64_t on_us;
    int64_t lead_least_us, lead_median_us, lead_most_us; /* if hits */
};
/* Probability of detection, false alarm ratio, critical success index: 0..1; NAN if undefined. */
double score_pod(const struct score *s);
double score_far(const struct score *s);
double score_csi(const struct score *s);

/* has_data and out: one for each label. ST_NOMEM, else ST_OK. */
MUST_CHECK enum status score_make(struct score *out, struct spells *s, const struct labels *labels,
                                  const bool *has_data, int64_t before_us, struct judged *judged);

/* Seasons as rain.events.ctrlt has them: warm is April to October, cold is November to March. */
int season_of(int64_t time_us); /* in order; UTC */
void season_name(char out[32], int season);

#endif
