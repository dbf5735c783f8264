#include "agents/ctl/pick.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/base/ids.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* --- times ------------------------------------------------------------------------------------ */

/* "90m", "2h", "7d": so long ago. */
static bool read_ago(int64_t *out, const char *text, int64_t now_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 6 || strlen(text) != digits + 1)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].unit == text[digits]) {
            *out = now_us - strtoll(text, NULL, 10) * units[i].seconds * 1000000;
            return true;
        }
    return false;
}

static bool read_time(int64_t *out, const char *text, int64_t now_us)
{
    return (read_ago(out, text, now_us) || time_parse(out, text)) && *out > 0;
}

static enum status read_times(struct pick *p, int64_t now_us, char *err, size_t err_size)
{
    static const char how[] = "takes a time as 2026-03-01T06:30:00Z, or how long ago: 90m, 2h, 7d";

    if (p->since && !read_time(&p->since_us, p->since, now_us)) {
        snprintf(err, err_size, "--since %s", how);
        return ST_INVALID;
    }
    if (p->until && p->until[0] && strspn(p->until, "0123456789") == strlen(p->until))
        p->upto = strtoull(p->until, NULL, 10);
    if (p->until && !p->upto && !read_time(&p->until_us, p->until, now_us)) {
        snprintf(err, err_size, "--until %s; or a number of the log", how);
        return ST_INVALID;
    }
    return ST_OK;
}

/* --- lanes ------------------------------------------------------------------------------------ */

static enum status read_lanes(struct pick *p, char *err, size_t err_size)
{
    static const char *const names[] = {"FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE", "BULK"};

    for (unsigned i = 0; i < p->lanes.count; i++) {
        unsigned lane = 0;

        while (lane < PICK_LANES && strcasecmp(names[lane], p->lanes.items[i]) != 0)
            lane++;
        if (lane == PICK_LANES || p->lane_count == PICK_LANES) {
            snprintf(err, err_size, "--lane takes FLASH, IMMEDIATE, PRIORITY, ROUTINE or BULK");
            return ST_INVALID;
        }
        p->lane[p->lane_count++] = (Eocbus__V1__Lane)(lane + 1);
    }
    return ST_OK;
}

/* --- places and types ------------------------------------------------------------------------- */

static bool is_pcode(const char *text)
{
    size_t len = strlen(text), letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return len >= 4 && len <= 15 && (letters == 0 || letters == 2) &&
           strspn(text + letters, "0123456789") == len - letters;
}

static enum status add_pattern(struct pick *p, const char *type, const char *place, char *err,
                               size_t err_size)
{
    char region[16] = "*", district[16] = "*";

    if (p->count == LIMIT_PATTERNS) {
        snprintf(err, err_size, "places times types are at most %d", LIMIT_PATTERNS);
        return ST_INVALID;
    }
    if (place) {
        pcode_region(region, place);
        pcode_district(district, place);
        if (strcmp(district, "-") == 0)
            snprintf(district, sizeof(district), "*"); /* the whole region */
    }
    snprintf(p->made[p->count], PICK_PATTERN_BYTES, "*.*.%s.%s.%s", type ? type : "*", region,
             district);
    p->items[p->count] = p->made[p->count];
    p->count++;
    return ST_OK;
}

static enum status check_words(const struct pick *p, char *err, size_t err_size)
{
    for (unsigned i = 0; i < p->types.count; i++)
        if (!type_by_name(p->types.items[i])) {
            snprintf(err, err_size, "\"%s\" is no type of message: flash_report, warning, ...",
                     p->types.items[i]);
            return ST_INVALID;
        }
    for (unsigned i = 0; i < p->places.count; i++)
        if (!is_pcode(p->places.items[i])) {
            snprintf(err, err_size, "\"%s\" is no P-code: 3505203 is a district, 3505000 a region",
                     p->places.items[i]);
            return ST_INVALID;
        }
    for (unsigned i = 0; i < p->patterns.count; i++) {
        const char *fault = pattern_fault(p->patterns.items[i]);

        if (fault) {
            snprintf(err, err_size, "\"%s\": %s", p->patterns.items[i], fault);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

static enum status read_patterns(struct pick *p, char *err, size_t err_size)
{
    unsigned types = p->types.count ? p->types.count : 1;
    unsigned places = p->places.count ? p->places.count : 1;
    enum status st = check_words(p, err, err_size);

    if (st != ST_OK)
        return st;
    if (p->patterns.count && (p->types.count || p->places.count)) {
        snprintf(err, err_size, "--pattern says places and types itself; take one or the other");
        return ST_INVALID;
    }
    for (unsigned i = 0; i < p->patterns.count; i++)
        p->items[p->count++] = p->patterns.items[i];
    if (!p->patterns.count && !p->types.count && !p->places.count)
        p->items[p->count++] = "**";
    if (p->count)
        return ST_OK;
    for (unsigned i = 0; i < types * places && st == ST_OK; i++)
        st = add_pattern(p, p->types.count ? p->types.items[i / places] : NULL,
                         p->places.count ? p->places.items[i % places] : NULL, err, err_size);
    return st;
}

enum status pick_read(struct pick *p, int64_t now_us, char *err, size_t err_size)
{
    enum status st = read_times(p, now_us, err, err_size);

    if (st == ST_OK)
        st = read_lanes(p, err, err_size);
    return st == ST_OK ? read_patterns(p, err, err_size) : st;
}
