/* unknown - `eocbus-sensor unknown`: what came in and could not be read, newest last, from the
 * journal; also beside the gateway that writes it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/sensor/settings.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

/* Newest messages shown; what is older is counted. */
enum { SHOWN = 50 };

struct shown {
    char *line[SHOWN];
    uint64_t count;
};

static void show_bytes(struct buf *out, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)at[i];

        if (c >= ' ' && c < 127 && c != '\\')
            buf_put(out, &c, 1);
        else
            buf_printf(out, "\\x%02x", c);
    }
}

/* "1281200000000000<TAB>mqtt gusar/radar<TAB>no JSON at byte 1<TAB>payload" */
static char *make_line(const struct journal_entry *e)
{
    struct slice rest = {(const char *)e->bytes, e->len}, part[3];
    char when[TIME_TEXT], number[24];
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        if (!slice_next(&rest, '\t', &part[i]))
            return NULL;
    snprintf(number, sizeof(number), "%.*s", (int)part[0].len, part[0].at);
    time_format(when, strtoll(number, NULL, 10));
    buf_printf(&out, "%s  ", when);
    show_bytes(&out, part[1].at, part[1].len);
    buf_printf(&out, "  (number %" PRIu64 ")\n    ", e->number);
    show_bytes(&out, part[2].at, part[2].len);
    buf_puts(&out, "\n    ");
    show_bytes(&out, rest.at, rest.len);
    buf_puts(&out, "\n");
    buf_put(&out, "", 1);
    if (out.failed)
        buf_free(&out);
    return (char *)out.data;
}

static bool on_entry(void *arg, const struct journal_entry *e)
{
    struct shown *s = arg;
    char **place = &s->line[s->count % SHOWN];

    if (e->kind != JOURNAL_UNKNOWN)
        return true;
    mem_free(*place);
    *place = make_line(e);
    s->count++;
    return true;
}

static enum status open_journal(const struct sensor *s, struct journal **out, char *err,
                                size_t err_size)
{
    char path[1024];
    const struct journal_settings set = {
        .path = inputs_journal_path(&s->set.inputs, s->set.agent.outbox_path, path, sizeof(path)),
        .segment_bytes = 1u << 20,
        .looks = true};

    return journal_open(out, &set, err, err_size);
}

int sensor_unknown(struct sensor *s)
{
    struct shown shown = {.count = 0};
    struct journal *j = NULL;
    char err[600];
    enum status st = open_journal(s, &j, err, sizeof(err));

    if (st != ST_OK)
        return program_fail(s->program, EXIT_MACHINE, "%s", err);
    st = journal_read(j, INT64_MIN, on_entry, &shown);
    journal_close(j);
    if (shown.count > SHOWN)
        printf("%" PRIu64 " older ones\n", shown.count - SHOWN);
    for (uint64_t i = 0; i < SHOWN; i++) {
        char *line = shown.line[(shown.count + i) % SHOWN];

        if (line)
            fputs(line, stdout);
        mem_free(line);
    }
    printf("%" PRIu64 " kept\n", shown.count);
    return st == ST_OK ? EXIT_DONE : program_fail(s->program, EXIT_MACHINE, "%s", status_name(st));
}

void sensor_print_journal(const struct sensor *s)
{
    struct journal_counts counts;
    struct journal *j = NULL;
    char err[600];

    if (open_journal(s, &j, err, sizeof(err)) != ST_OK)
        return;
    journal_counts(j, &counts);
    printf("journal.bytes=%" PRIu64 "\njournal.samples=%" PRIu64 "\njournal.damaged=%" PRIu64 "\n",
           counts.bytes, counts.samples, counts.damaged);
    journal_close(j);
}
