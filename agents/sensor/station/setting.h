/* setting - a settings line of a gateway as words: "datastream = gusar.stage 1 stage metre -3". */
#ifndef EOCBUS_SENSOR_SETTING_H
#define EOCBUS_SENSOR_SETTING_H

#include "agents/sensor/station/text.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

enum { SETTING_WORDS = 80 };

struct setting { /* all borrowed */
    const char *row, *text;
    struct slice words[SETTING_WORDS];
    int count;
    struct arena *arena;
    char *err;
    size_t err_size;
};

/* Words of a settings line, with quotes; at most `max`; -1 if there are more or a quote is open. */
int words_split(struct slice *out, int max, const char *line);
/* "key=value" among words[from..]: its value; false if not there. Marks the word as used by
 * emptying it. */
bool words_option(struct slice *words, int count, const char *key, struct slice *value);

/* Writes "row = text: legal" into err; ST_INVALID. */
enum status setting_complain(const struct setting *l, const char *legal);
/* In the arena; NULL without memory. */
const char *setting_keep(const struct setting *l, struct slice s);
/* Word i as a number in a range; as one times 10^-exponent, from -most to most. */
bool setting_number(const struct setting *l, int i, uint64_t least, uint64_t most, uint32_t *out);
bool setting_scaled(const struct setting *l, int i, int exponent, int64_t most, int32_t *out);

#endif
