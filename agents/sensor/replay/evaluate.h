/* evaluate - runs detectors over records at full speed and notes when each was over its line and
 * which level they made together, for several settings side by side. Needs files only: no outbox,
 * no broker, no clock. */
#ifndef EOCBUS_SENSOR_EVALUATE_H
#define EOCBUS_SENSOR_EVALUATE_H

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/replay/judge.h"
#include "agents/sensor/replay/source.h"
#include "agents/sensor/replay/track.h"

enum {
    EVALUATE_CANDIDATES = 32,
    EVALUATE_SIGNALS = EVALUATE_CANDIDATES * (DETECTORS + 3),
    EVALUATE_SEASONS = 512
};

/* One set of detectors to be judged. */
struct candidate {
    const char *name;
    struct conf_list detectors; /* borrowed */
    int64_t hold_us;
    bool one; /* a single detector: its levels say nothing that it does not */
};

/* Something that was on or off: a detector, or a level and what is above it. */
struct signal {
    char name[160];
    unsigned candidate;
    int detector; /* index among the candidate's; -1: a level */
    Eocbus__V1__DetectionLevel level;
    struct spells spells;
    struct score score;
    struct judged *judged; /* one for each label */
};

struct season {
    int season;
    unsigned days; /* on which something was measured */
    int64_t last_day;
};

struct evaluation {
    struct signal *signals;
    unsigned count;
    struct season seasons[EVALUATE_SEASONS];
    unsigned season_count;
    uint64_t records, bad_lines;
    int64_t first_us, last_us;
    uint64_t streams;       /* one bit a datastream that had a usable sample */
    bool *has_data;         /* one for each label and candidate: [candidate * labels + label] */
    struct plot_data *plot; /* of the first candidate; NULL if none was wanted */
};

struct evaluate_settings { /* everything is borrowed for the call, the labels for the result */
    const struct station *station;
    const struct conf_list *records; /* lines as of the setting replay */
    const struct conf_list *quality; /* NULL = as the types have it */
    const struct candidate *candidates;
    unsigned candidate_count;
    const struct labels *labels;
    int64_t before_us;
    int64_t zone_us; /* of what is printed for people */
    int64_t from_us,
        to_us; /* what is looked at of the records; 0 = from the beginning, to the end */
    bool wants_plot;
    bool is_brief; /* printed for people without each event and season */
};

/* ST_INVALID, ST_IO: `err` is a sentence. Freed by evaluation_free, also on failure. */
MUST_CHECK enum status evaluate(struct evaluation *out, const struct evaluate_settings *set,
                                char *err, size_t err_size);
void evaluation_free(struct evaluation *e);

/* As tables for people, or as one table for a spreadsheet. */
void evaluation_print(const struct evaluation *e, const struct evaluate_settings *set, FILE *out);
void evaluation_print_csv(const struct evaluation *e, const struct evaluate_settings *set,
                          FILE *out);

#endif
