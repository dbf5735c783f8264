/* setting - see setting.h. */
#include "agents/sensor/station/setting.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

int words_split(struct slice *out, int max, const char *line)
{
    int n = 0;

    for (;;) {
        const char *end;

        line += strspn(line, " \t");
        if (!*line)
            return n;
        if (n == max)
            return -1;
        if (*line == '"') {
            end = strchr(++line, '"');
            if (!end)
                return -1;
            out[n++] = (struct slice){line, (size_t)(end - line)};
            line = end + 1;
            continue;
        }
        end = line + strcspn(line, " \t");
        out[n++] = (struct slice){line, (size_t)(end - line)};
        line = end;
    }
}

bool words_option(struct slice *words, int count, const char *key, struct slice *value)
{
    size_t len = strlen(key);

    for (int i = 0; i < count; i++) {
        struct slice *w = &words[i];

        if (w->len <= len || memcmp(w->at, key, len) != 0 || w->at[len] != '=')
            continue;
        *value = (struct slice){w->at + len + 1, w->len - len - 1};
        w->len = 0;
        return true;
    }
    return false;
}

enum status setting_complain(const struct setting *l, const char *legal)
{
    snprintf(l->err, l->err_size, "%s = %s: %s", l->row, l->text, legal);
    return ST_INVALID;
}

const char *setting_keep(const struct setting *l, struct slice s)
{
    return arena_printf(l->arena, "%.*s", (int)s.len, s.at);
}

bool setting_number(const struct setting *l, int i, uint64_t least, uint64_t most, uint32_t *out)
{
    uint64_t v;

    if (i >= l->count || !count_read(&v, l->words[i], most) || v < least)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool setting_scaled(const struct setting *l, int i, int exponent, int64_t most, int32_t *out)
{
    struct decimal d;
    int64_t v;

    if (i >= l->count || !decimal_read(&d, l->words[i]) || !decimal_scale(&v, d, exponent) ||
        v > most || v < -most)
        return false;
    *out = (int32_t)v;
    return true;
}
