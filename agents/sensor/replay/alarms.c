/* alarms - see alarms.h. */
#include "agents/sensor/replay/alarms.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/ids.h"

#include "proto/base/banned.h"

enum { LINE_BYTES = 1024, SPAN_WORD = 32 };

/* --- reading ---------------------------------------------------------------------------------- */

static bool begins_with(struct slice s, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i < n; i++)
        if (i >= s.len || tolower((unsigned char)s.at[i]) != word[i])
            return false;
    return true;
}

static bool read_time(int64_t *out, struct slice day, struct slice time)
{
    char text[48];

    snprintf(text, sizeof(text), "%.*s %.*s", (int)day.len, day.at, (int)time.len, time.at);
    return civil_read(out, "Y-M-D h:m:s", slice_of(text));
}

static struct alarm_event *event_of(struct alarm_list *a, uint64_t number)
{
    for (unsigned i = 0; i < a->count; i++)
        if (a->events[i].number == number)
            return &a->events[i];
    if (a->count == ALARMS_EVENTS)
        return NULL;
    a->events[a->count] = (struct alarm_event){.number = (unsigned)number};
    return &a->events[a->count++];
}

static bool read_line(struct alarm_list *a, struct slice line)
{
    struct slice field[5], rest = line;
    struct alarm_event *e;
    int64_t from, to;
    uint64_t number;

    for (size_t i = 0; i < 5; i++) {
        if (!slice_next(&rest, ',', &field[i]))
            return false;
        field[i] = slice_trim(field[i]);
    }
    if (!count_read(&number, field[0], UINT32_MAX) || !read_time(&from, field[1], field[2]) ||
        !read_time(&to, field[1], field[3]))
        return false;
    e = event_of(a, number);
    if (!e)
        return false;
    a->alarms++;
    e->doubted |= rest.len && memchr(rest.at, '?', rest.len) != NULL;
    if (begins_with(field[4], "early") && !e->early++) {
        e->early_us = from;
        e->early_to_us = to;
    } else if (begins_with(field[4], "late") && !e->late++) {
        e->late_us = from;
        e->late_to_us = to;
    }
    return true;
}

enum status alarms_read(struct alarm_list *out, const char *path, char *err, size_t err_size)
{
    FILE *f = fopen(path, "re");
    char line[LINE_BYTES];
    unsigned number = 0;
    bool ok = true;

    memset(out, 0, sizeof(*out));
    if (!f) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return ST_IO;
    }
    while (ok && fgets(line, sizeof(line), f)) {
        struct slice s = slice_trim(slice_of(line));

        if (++number > 1 && s.len)
            ok = read_line(out, s);
    }
    fclose(f);
    if (ok && out->alarms)
        return ST_OK;
    snprintf(err, err_size,
             "%s line %u: legal is event_number,date,time_start,time_end,class,comment, with times "
             "like 2021-07-06 and 18:46:46",
             path, number);
    return ST_INVALID;
}

/* --- what they tell --------------------------------------------------------------------------- */

struct spans {
    int64_t us[ALARMS_EVENTS];
    unsigned count;
};

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void print_spans(struct spans *s, const char *what, FILE *out)
{
    int64_t low, high; /* the two in the middle */

    if (!s->count)
        return;
    qsort(s->us, s->count, sizeof(*s->us), by_size);
    low = s->us[(s->count - 1) / 2];
    high = s->us[s->count / 2];
    fprintf(out, "  %-34s median %5.1f min, least %5.1f, most %6.1f (%u)\n", what,
            (double)(low + high) / 2 / 60e6, (double)s->us[0] / 60e6,
            (double)s->us[s->count - 1] / 60e6, s->count);
}

void alarms_print(const struct alarm_list *a, FILE *out)
{
    unsigned both = 0, early = 0, late = 0, doubted = 0;
    struct spans lead = {.count = 0}, early_on = {.count = 0}, late_on = {.count = 0};

    for (unsigned i = 0; i < a->count; i++) {
        const struct alarm_event *e = &a->events[i];

        both += e->early && e->late;
        early += e->early && !e->late;
        late += e->late && !e->early;
        doubted += e->early && !e->late && e->doubted;
        if (e->early && e->late)
            lead.us[lead.count++] = e->late_us - e->early_us;
        if (e->early)
            early_on.us[early_on.count++] = e->early_to_us - e->early_us;
        if (e->late)
            late_on.us[late_on.count++] = e->late_to_us - e->late_us;
    }
    fprintf(out,
            "%u recorded alarms of %u events. There is no series with them, and nobody says here "
            "which were flows:\nno detector was run on them. What the list can tell by itself:\n\n",
            a->alarms, a->count);
    print_spans(&early_on, "first early alarm is on for", out);
    print_spans(&late_on, "first late alarm is on for", out);
    fprintf(out, "\nTaking a late alarm as the proof of the early one of its event:\n");
    fprintf(out,
            "  hits %u, misses %u (late without early), false alarms %u (early without late; "
            "of %u of them\n  the list itself asks whether they were flows)\n",
            both, late, early, doubted);
    print_spans(&lead, "lead of the early alarm", out);
    fprintf(out, "A flow that stopped halfway counts as a false alarm here. The same classifier "
                 "made both classes:\nthis says how it agrees with itself, not how it agrees with "
                 "the torrent.\n");
}

static void csv_time(FILE *out, unsigned has, int64_t us)
{
    char text[TIME_TEXT] = "";

    if (has)
        time_format(text, us);
    text[19] = 0; /* of a clock whose zone the list does not say */
    fprintf(out, "%s,", text);
}

void alarms_print_csv(const struct alarm_list *a, FILE *out)
{
    fprintf(out, "event,early_from,early_to,late_from,late_to,lead_s,doubted\r\n");
    for (unsigned i = 0; i < a->count; i++) {
        const struct alarm_event *e = &a->events[i];

        fprintf(out, "%u,", e->number);
        csv_time(out, e->early, e->early_us);
        csv_time(out, e->early, e->early_to_us);
        csv_time(out, e->late, e->late_us);
        csv_time(out, e->late, e->late_to_us);
        if (e->early && e->late)
            fprintf(out, "%" PRId64, (e->late_us - e->early_us) / 1000000);
        fprintf(out, ",%s\r\n", e->doubted ? "yes" : "no");
    }
}
