/* decide - see decide.h. */
#include "agents/sensor/siren/decide.h"

#include <stdio.h>

#include "agents/sensor/station/station.h"

#include "proto/base/banned.h"

#define LEVEL(word)   EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word
#define PATTERN(word) EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_##word
#define TYPE(word)    EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word

enum { WORDS = 4 };

static enum status complain(const char *line, const char *legal, char *err, size_t err_size)
{
    snprintf(err, err_size, "siren.sound = %s: %s", line, legal);
    return ST_INVALID;
}

static enum status read_rule(struct siren_rule *out, const char *line, char *err, size_t err_size)
{
    struct slice words[WORDS];
    int level, pattern;
    int64_t span_us;

    if (words_split(words, WORDS, line) != 3)
        return complain(line, "legal is LEVEL PATTERN SPAN, as in alarm evacuate 3m", err,
                        err_size);
    if (!enum_read(&level, &eocbus__v1__detection_level__descriptor, words[0]) ||
        (level != LEVEL(ALARM) && level != LEVEL(WARNING)))
        return complain(line, "a siren sounds at alarm or warning", err, err_size);
    if (!enum_read(&pattern, &eocbus__v1__siren_pattern__descriptor, words[1]) || !pattern ||
        pattern == PATTERN(ALL_CLEAR))
        return complain(line, "the pattern is evacuate, attention or voice", err, err_size);
    if (!span_read_us(&span_us, words[2]) || span_us < 1000000 ||
        span_us > SIREN_LONGEST_S * INT64_C(1000000))
        return complain(line, "it sounds from 1s to 30m", err, err_size);
    *out = (struct siren_rule){.level = (Eocbus__V1__DetectionLevel)level,
                               .pattern = (Eocbus__V1__SirenPattern)pattern,
                               .duration_s = (uint32_t)(span_us / 1000000)};
    return ST_OK;
}

enum status siren_rules_read(struct siren_rules *out, const struct conf_list *lines, char *err,
                             size_t err_size)
{
    enum status st = ST_OK;

    *out = (struct siren_rules){.rule = {{LEVEL(ALARM), PATTERN(EVACUATE), 180}},
                                .count = lines->count ? 0 : 1};
    for (size_t i = 0; st == ST_OK && i < lines->count; i++) {
        struct siren_rule rule;

        st = read_rule(&rule, lines->items[i], err, err_size);
        for (unsigned j = 0; st == ST_OK && j < out->count; j++)
            if (out->rule[j].level == rule.level)
                st = complain(lines->items[i], "this level has a line already", err, err_size);
        if (st == ST_OK)
            out->rule[out->count++] = rule;
    }
    return st;
}

/* What comes before the flow, or is not it. */
static bool is_no_flow(Eocbus__V1__ObservationType type)
{
    switch (type) {
    case TYPE(RAIN_ACC):
    case TYPE(RAIN_INT):
    case TYPE(SOIL_VWC):
    case TYPE(PORE_P):
    case TYPE(AIR_T):
    case TYPE(SNOW_D):
        return true;
    default:
        return false;
    }
}

/* An alarm without evidence is believed: fusion makes none of rain. A warning may be rain and soil.
 */
static bool has_seen_flow(const Eocbus__V1__SensorDetection *d)
{
    for (size_t i = 0; i < d->n_evidence; i++)
        if (!is_no_flow(d->evidence[i]->type))
            return true;
    return !d->n_evidence && d->level == LEVEL(ALARM);
}

const struct siren_rule *siren_line(const struct siren_rules *r, const struct siren_case *c)
{
    const Eocbus__V1__SensorDetection *d = c->concluded;

    if (c->status != EOCBUS__V1__STATUS__STATUS_ACTUAL || d->level <= d->previous_level)
        return NULL;
    for (unsigned i = 0; i < r->count; i++)
        if (r->rule[i].level == d->level)
            return &r->rule[i];
    return NULL;
}

const struct siren_rule *siren_decide(const struct siren_rules *r, const struct siren_case *c)
{
    return !c->maintenance && has_seen_flow(c->concluded) ? siren_line(r, c) : NULL;
}
