/* outbox_world - what the tests of the outbox share: a folder of its own for each, and short words
 * for putting, settling and looking. */
#ifndef EOCBUS_TESTS_UNIT_LINK_OUTBOX_WORLD_H
#define EOCBUS_TESTS_UNIT_LINK_OUTBOX_WORLD_H

#include "agents/link/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/wire/log_past.h"

static char dir[64], path[128], err[512];
static int64_t now_us;

static inline int64_t test_utc_us(void *arg)
{
    (void)arg;
    return now_us;
}

static inline int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-outbox-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/out", dir);
    now_us = INT64_C(1790000000000000);
    return 0;
}

static inline int remove_dir(void **state)
{
    const struct dirent *entry;
    DIR *d;

    (void)state;
    umount(dir); /* of a test on a small disk that failed */
    d = opendir(dir);
    while (d && (entry = readdir(d)))
        if (unlinkat(dirfd(d), entry->d_name, 0) != 0 && entry->d_name[0] != '.')
            unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
    if (d)
        closedir(d);
    return rmdir(dir);
}

static inline struct outbox *open_at(const char *file, size_t budget)
{
    struct outbox_settings set = {
        .path = file, .sender = "rcst.ayni.team2", .budget_bytes = budget, .utc_us = test_utc_us};
    struct outbox *o = NULL;

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return o;
}

static inline struct outbox *open_it(void)
{
    return open_at(path, 0);
}

/* An entry of an activity log; text sets its size. */
static inline enum status put_text(struct outbox *o, Eocbus__V1__Lane lane, const char *text,
                                   uint64_t *tag)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};
    enum status st;

    entry.position = (char *)"duty officer";
    entry.text = (char *)text;
    m.lane = lane;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = now_us;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    st = outbox_put(o, &m, tag, &why);
    if (st == ST_INVALID && strcmp(why.code, CODE_MEMORY) == 0)
        return ST_NOMEM; /* the gate's word for it */
    if (st == ST_INVALID)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    return st;
}

static inline uint64_t put_one(struct outbox *o, Eocbus__V1__Lane lane)
{
    uint64_t tag = 0;

    assert_int_equal(put_text(o, lane, "the bridge at Zarafshon is passable", &tag), ST_OK);
    return tag;
}

#define PRIORITY  EOCBUS__V1__LANE__LANE_PRIORITY
#define ROUTINE   EOCBUS__V1__LANE__LANE_ROUTINE
#define IMMEDIATE EOCBUS__V1__LANE__LANE_IMMEDIATE
#define BULK      EOCBUS__V1__LANE__LANE_BULK

struct seen {
    unsigned count, stop_at;
    uint64_t tags[4096];
    uint64_t lane_seq[4096];
};

static inline bool note(void *arg, const struct outbox_row *row)
{
    struct seen *s = arg;

    assert_non_null(row->content);
    s->tags[s->count] = row->tag;
    s->lane_seq[s->count++] = row->lane_seq;
    return s->count != s->stop_at;
}

static inline unsigned offered(struct outbox *o, struct seen *s)
{
    *s = (struct seen){0};
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 4096, SIZE_MAX, note, s), ST_OK);
    return s->count;
}

static const struct outbox_outcome stored = {.stored = true, .log_epoch = 1, .seq = 7};
static const struct outbox_outcome refused = {
    .code = "pcode", .path = "area.pcodes[0]", .text = "a P-code has 7 to 13 digits"};

static struct seen s;

enum { STORED_ROWS = 2500 };

static inline void stuff_disk(const char *file)
{
    static char block[4096];
    int fd = open(file, O_CREAT | O_WRONLY, 0600);

    while (write(fd, block, sizeof(block)) > 0)
        ;
    while (write(fd, block, 1) > 0)
        ;
    close(fd);
}

static inline void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

#endif
