/* The outbox: what it accepted is there after anything, in order, until a receipt. */
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

static int64_t test_utc_us(void *arg)
{
    (void)arg;
    return now_us;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-outbox-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/out", dir);
    now_us = INT64_C(1790000000000000);
    return 0;
}

static int remove_dir(void **state)
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

static struct outbox *open_at(const char *file, size_t budget)
{
    struct outbox_settings set = {
        .path = file, .sender = "rcst.ayni.team2", .budget_bytes = budget, .utc_us = test_utc_us};
    struct outbox *o = NULL;

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return o;
}

static struct outbox *open_it(void)
{
    return open_at(path, 0);
}

/* An entry of an activity log; text sets its size. */
static enum status put_text(struct outbox *o, Eocbus__V1__Lane lane, const char *text,
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

static uint64_t put_one(struct outbox *o, Eocbus__V1__Lane lane)
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

static bool note(void *arg, const struct outbox_row *row)
{
    struct seen *s = arg;

    assert_non_null(row->content);
    s->tags[s->count] = row->tag;
    s->lane_seq[s->count++] = row->lane_seq;
    return s->count != s->stop_at;
}

static unsigned offered(struct outbox *o, struct seen *s)
{
    *s = (struct seen){0};
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 4096, SIZE_MAX, note, s), ST_OK);
    return s->count;
}

static const struct outbox_outcome stored = {.stored = true, .log_epoch = 1, .seq = 7};
static const struct outbox_outcome refused = {
    .code = "pcode", .path = "area.pcodes[0]", .text = "a P-code has 7 to 13 digits"};

static struct seen s;

static void what_was_committed_is_there_after_reopening(void **state)
{
    struct outbox *o = open_it();
    uint64_t epoch = outbox_epoch(o), tag = put_one(o, ROUTINE);

    (void)state;
    assert_int_equal(epoch, now_us);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    o = open_it();
    assert_int_equal(outbox_epoch(o), epoch);
    assert_int_equal(offered(o, &s), 1);
    assert_int_equal(s.tags[0], tag);
    assert_int_equal(s.lane_seq[0], 1);
    outbox_close(o);
}

static void a_put_without_commit_is_gone_and_leaves_no_hole(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag = put_one(o, ROUTINE);

    (void)state;
    assert_int_equal(offered(o, &s), 0); /* nothing is sent before it is durable */
    outbox_close(o);
    o = open_it();
    assert_int_equal(offered(o, &s), 0);
    assert_int_equal(put_one(o, ROUTINE), tag);
    outbox_close(o);
}

static void the_outbox_fills_in_who_when_and_where_in_the_lane(void **state)
{
    struct outbox *o = open_it();
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};

    (void)state;
    entry.position = (char *)"duty officer";
    entry.text = (char *)"shift begins";
    m.lane = ROUTINE;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = now_us;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    assert_int_equal(outbox_put(o, &m, NULL, &why), ST_OK);
    assert_string_equal(m.sender, "rcst.ayni.team2");
    assert_int_equal(m.schema, SCHEMA_VERSION);
    assert_int_equal(m.epoch, outbox_epoch(o));
    assert_int_equal(m.lane_seq, 1);
    assert_int_equal(m.sent_time_us, now_us);
    assert_int_equal(m.message_id.len, 16);
    assert_int_equal(m.message_id.data[6] >> 4, 7); /* UUIDv7 */
    assert_memory_equal(m.originating_id.data, m.message_id.data, 16);
    outbox_close(o);
}

static void a_message_the_gate_refuses_takes_no_place(void **state)
{
    struct outbox *o = open_it();
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    struct refusal why = {0};

    (void)state;
    m.lane = ROUTINE;
    assert_int_equal(outbox_put(o, &m, NULL, &why), ST_INVALID);
    assert_non_null(why.code);
    assert_true(why.text[0]);
    assert_int_equal(put_one(o, ROUTINE) & 0xffffff, 1);
    outbox_close(o);
}

static void the_most_urgent_lane_comes_first_then_the_order_of_saying(void **state)
{
    struct outbox *o = open_it();
    uint64_t bulk = put_one(o, BULK), routine = put_one(o, ROUTINE), again = put_one(o, ROUTINE);
    uint64_t immediate = put_one(o, IMMEDIATE);

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 4);
    assert_int_equal(s.tags[0], immediate);
    assert_int_equal(s.tags[1], routine);
    assert_int_equal(s.tags[2], again);
    assert_int_equal(s.tags[3], bulk);
    assert_int_equal(outbox_tag_lane(bulk), BULK);
    outbox_close(o);
}

static void rows_in_flight_and_held_lanes_are_passed_over(void **state)
{
    struct outbox *o = open_it();
    uint64_t first = put_one(o, ROUTINE), second = put_one(o, ROUTINE), bulk = put_one(o, BULK);

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_in_flight(o, first, true);
    assert_int_equal(offered(o, &s), 2);
    assert_int_equal(s.tags[0], second);
    s = (struct seen){0};
    assert_int_equal(outbox_next(o, OUTBOX_LANE(BULK), 9, SIZE_MAX, note, &s), ST_OK);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.tags[0], bulk);
    outbox_nothing_in_flight(o);
    assert_int_equal(offered(o, &s), 3);
    outbox_close(o);
}

static void a_limit_of_bytes_still_gives_one_row(void **state)
{
    struct outbox *o = open_it();

    (void)state;
    put_one(o, ROUTINE);
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    s = (struct seen){0};
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 9, 1, note, &s), ST_OK);
    assert_int_equal(s.count, 1);
    s = (struct seen){.stop_at = 1};
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 9, SIZE_MAX, note, &s), ST_OK);
    assert_int_equal(s.count, 1);
    outbox_close(o);
}

static void a_stored_row_is_not_offered_again_and_kept(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag = put_one(o, ROUTINE);
    struct outbox_outcome oc;
    struct outbox_counts c;
    int row_state;

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_settle(o, tag, &stored), ST_OK);
    assert_int_equal(offered(o, &s), 0); /* nor before the commit */
    assert_int_equal(outbox_settle(o, tag, &stored), ST_EXISTS);
    assert_int_equal(outbox_settle(o, tag + 1, &stored), ST_NOTFOUND);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_settle(o, tag, &stored), ST_EXISTS);
    outbox_close(o);
    o = open_it();
    assert_int_equal(offered(o, &s), 0);
    assert_int_equal(outbox_state(o, tag, &row_state, &oc, NULL), ST_OK);
    assert_int_equal(row_state, OUTBOX_STORED);
    assert_int_equal(oc.seq, 7);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.stored, 1);
    assert_int_equal(c.waiting[ROUTINE], 0);
    assert_int_equal(c.put, 1);
    outbox_close(o);
}

static void stored_rows_go_after_their_keeping_time(void **state)
{
    struct outbox *o = open_it();
    uint64_t old = put_one(o, ROUTINE), young = put_one(o, ROUTINE);
    int row_state;

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_settle(o, old, &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    now_us += INT64_C(1000000);
    assert_int_equal(outbox_settle(o, young, &stored), ST_OK);
    now_us += INT64_C(7) * 86400 * 1000000 - 500000;
    assert_int_equal(outbox_tidy(o), ST_OK); /* commits the second settle too */
    assert_int_equal(outbox_state(o, old, &row_state, NULL, NULL), ST_NOTFOUND);
    assert_int_equal(outbox_state(o, young, &row_state, NULL, NULL), ST_OK);
    outbox_close(o);
}

static bool note_refused(void *arg, const struct outbox_row *row, const struct outbox_outcome *oc)
{
    struct seen *to = arg;

    assert_string_equal(oc->code, "pcode");
    assert_string_equal(oc->text, refused.text);
    assert_true(row->content_len > 0);
    to->tags[to->count++] = row->tag;
    return true;
}

static void a_refused_row_is_kept_until_a_person_has_seen_it(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag = put_one(o, ROUTINE);
    int row_state;

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_settle(o, tag, &refused), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    now_us += INT64_C(400) * 86400 * 1000000;
    assert_int_equal(outbox_tidy(o), ST_OK);
    s = (struct seen){0};
    assert_int_equal(outbox_refused(o, note_refused, &s), ST_OK);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.tags[0], tag);
    assert_int_equal(outbox_seen(o, tag), ST_OK);
    assert_int_equal(outbox_seen(o, tag), ST_NOTFOUND);
    s = (struct seen){0};
    assert_int_equal(outbox_refused(o, note_refused, &s), ST_OK);
    assert_int_equal(s.count, 0);
    assert_int_equal(outbox_state(o, tag, &row_state, NULL, NULL), ST_OK);
    assert_int_equal(row_state, OUTBOX_SEEN);
    now_us += INT64_C(8) * 86400 * 1000000;
    assert_int_equal(outbox_tidy(o), ST_OK);
    assert_int_equal(outbox_state(o, tag, &row_state, NULL, NULL), ST_NOTFOUND);
    outbox_close(o);
}

static void offer_again(struct outbox *o, uint32_t log_epoch)
{
    bool more;

    assert_int_equal(outbox_offer_again(o, log_epoch, NULL, &more), ST_OK);
    while (more)
        assert_int_equal(outbox_offer_more(o, &more), ST_OK);
}

static void a_restored_database_is_offered_what_was_stored(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag = put_one(o, ROUTINE), bad = put_one(o, ROUTINE);

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    offer_again(o, 1);
    assert_int_equal(outbox_settle(o, tag, &stored), ST_OK);
    assert_int_equal(outbox_settle(o, bad, &refused), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    offer_again(o, 1);
    assert_int_equal(offered(o, &s), 0);
    offer_again(o, 2);
    assert_int_equal(offered(o, &s), 1); /* a refused one stays refused */
    assert_int_equal(s.tags[0], tag);
    outbox_close(o);
    o = open_it();
    assert_int_equal(offered(o, &s), 1);
    outbox_close(o);
}

static void stores(struct outbox *o, uint64_t tag, uint64_t seq)
{
    const struct outbox_outcome oc = {.stored = true, .log_epoch = 1, .seq = seq};

    assert_int_equal(outbox_settle(o, tag, &oc), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
}

/* A carried message may have been stored long before by another way: numbers do not ascend. */
static void after_a_promotion_only_what_lies_behind_it_is_offered_again(void **state)
{
    struct outbox *o = open_it();
    uint64_t first = put_one(o, ROUTINE), second = put_one(o, ROUTINE), early, late;
    const struct log_past promoted = {2, {{1, 0}, {2, 450}}}, unknown = {1, {{2, 450}}};
    bool more;

    (void)state;
    assert_int_equal(outbox_put_raw(o, ROUTINE, "late", 4, &late), ST_OK);
    assert_int_equal(outbox_put_raw(o, ROUTINE, "early", 5, &early), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    offer_again(o, 1);
    stores(o, first, 450);
    stores(o, second, 451);
    stores(o, late, 460);
    stores(o, early, 3);
    assert_int_equal(outbox_offer_again(o, 2, &promoted, &more), ST_OK);
    while (more)
        assert_int_equal(outbox_offer_more(o, &more), ST_OK);
    assert_int_equal(offered(o, &s), 2);
    assert_int_equal(s.tags[0], second);
    assert_int_equal(s.tags[1], late);
    assert_int_equal(outbox_log_epoch(o), 2);
    assert_int_equal(outbox_offer_again(o, 3, &unknown, &more), ST_OK);
    while (more)
        assert_int_equal(outbox_offer_more(o, &more), ST_OK);
    assert_int_equal(offered(o, &s), 4); /* nobody can say what became of the first ones */
    outbox_close(o);
}

enum { STORED_ROWS = 2500 };

/* One IMMEDIATE row, then more ROUTINE ones than one step reopens; all stored under epoch 1. */
static uint64_t store_many(struct outbox *o)
{
    uint64_t urgent = put_one(o, IMMEDIATE), tag;

    for (unsigned i = 0; i < STORED_ROWS; i++) {
        assert_int_equal(outbox_put_raw(o, ROUTINE, "carried", 7, &tag), ST_OK);
        if (i % 1000 == 999)
            assert_int_equal(outbox_commit(o), ST_OK);
    }
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    offer_again(o, 1);
    assert_int_equal(offered(o, &s), STORED_ROWS + 2);
    for (unsigned i = 0; i < s.count; i++)
        assert_int_equal(outbox_settle(o, s.tags[i], &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    return urgent;
}

static void a_restored_database_is_offered_the_urgent_first_and_a_lane_only_whole(void **state)
{
    struct outbox *o = open_it();
    uint64_t urgent = store_many(o), fresh, alarm;
    unsigned steps = 0;
    bool more;

    (void)state;
    assert_int_equal(outbox_offer_again(o, 2, NULL, &more), ST_OK);
    assert_true(more);
    assert_int_equal(outbox_log_epoch(o), 2); /* whoever publishes says so from here on */
    fresh = put_one(o, ROUTINE);
    assert_int_equal(outbox_put_raw(o, 1, "alarm", 5, &alarm), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    while (more && offered(o, &s) == 2) {
        assert_int_equal(s.tags[0], alarm);
        assert_int_equal(s.tags[1], urgent);
        assert_int_equal(outbox_offer_more(o, &more), ST_OK);
        steps++;
    }
    assert_true(steps >= 2); /* the first one was taken by outbox_offer_again */
    assert_int_equal(offered(o, &s), STORED_ROWS + 4);
    assert_int_equal(outbox_tag_lane(s.tags[2]), 4);
    assert_int_equal(s.lane_seq[2], 1); /* the lowest number first, what is new behind it */
    assert_int_equal(s.tags[3], fresh);
    outbox_close(o);
}

static void offering_again_that_was_broken_off_is_done_whole_by_the_next_start(void **state)
{
    struct outbox *o = open_it();
    bool more;

    (void)state;
    store_many(o);
    assert_int_equal(outbox_offer_again(o, 2, NULL, &more), ST_OK);
    assert_int_equal(outbox_offer_more(o, &more), ST_OK);
    assert_true(more);
    outbox_close(o);
    o = open_it();
    assert_int_equal(outbox_log_epoch(o), 1);
    offer_again(o, 2);
    assert_int_equal(offered(o, &s), STORED_ROWS + 2);
    outbox_close(o);
    o = open_it();
    assert_int_equal(outbox_log_epoch(o), 2);
    outbox_close(o);
}

static void a_newer_epoch_while_one_is_offered_again_begins_from_the_first_lane(void **state)
{
    struct outbox *o = open_it();
    uint64_t urgent = store_many(o);
    const struct outbox_outcome again = {.stored = true, .log_epoch = 2, .seq = 8};
    bool more;

    (void)state;
    assert_int_equal(outbox_offer_again(o, 2, NULL, &more), ST_OK);
    assert_int_equal(outbox_offer_more(o, &more), ST_OK);
    assert_int_equal(outbox_settle(o, urgent, &again), ST_OK);
    offer_again(o, 3);
    assert_int_equal(offered(o, &s), STORED_ROWS + 2);
    assert_int_equal(s.tags[0], urgent);
    outbox_close(o);
}

static void settle_as(struct outbox *o, uint64_t tag, uint32_t log_epoch, uint64_t seq)
{
    const struct outbox_outcome oc = {.stored = true, .log_epoch = log_epoch, .seq = seq};

    assert_int_equal(outbox_settle(o, tag, &oc), ST_OK);
}

static void assert_known(struct outbox *o, uint32_t log_epoch, uint64_t seq)
{
    uint32_t known_epoch;
    uint64_t known_seq;

    outbox_known(o, &known_epoch, &known_seq);
    assert_int_equal(known_epoch, log_epoch);
    assert_int_equal(known_seq, seq);
}

static void the_highest_number_of_its_receipts_is_known_after_reopening(void **state)
{
    struct outbox *o = open_it();
    uint64_t first = put_one(o, ROUTINE), second = put_one(o, ROUTINE), bad = put_one(o, ROUTINE),
             bulk = put_one(o, BULK), raw;

    (void)state;
    assert_int_equal(outbox_put_raw(o, BULK, "carried", 7, &raw), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    offer_again(o, 1);
    assert_known(o, 0, 0);
    settle_as(o, first, 1, 900);
    settle_as(o, second, 2, 12);
    assert_int_equal(outbox_settle(o, bad, &refused), ST_OK);
    settle_as(o, bulk, 2, 0); /* repeated, its number is not kept any more */
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_known(o, 2, 12); /* a later epoch counts from lower on */
    settle_as(o, raw, 2, 31);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    o = open_it();
    assert_known(o, 2, 31);
    offer_again(o, 3); /* none of them is settled now */
    assert_known(o, 0, 0);
    outbox_close(o);
}

static void receipts_that_cannot_be_read_are_not_taken_for_none(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag = put_one(o, ROUTINE);
    sqlite3 *db;
    bool more;

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    offer_again(o, 1);
    assert_int_equal(outbox_settle(o, tag, &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE settled", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_not_equal(outbox_offer_again(o, 2, NULL, &more), ST_OK);
    assert_true(more); /* else epoch 2 would be done with */
    outbox_close(o);
}

static void raw_rows_leave_no_hole_in_the_lane(void **state)
{
    struct outbox *o = open_it();
    uint64_t raw = 0, own;

    (void)state;
    assert_int_equal(outbox_put_raw(o, ROUTINE, "\x01\x02", 2, &raw), ST_OK);
    own = put_one(o, ROUTINE);
    assert_int_equal(outbox_put_raw(o, 0, "x", 1, &raw), ST_INVALID);
    assert_int_equal(outbox_put_raw(o, 6, "x", 1, &raw), ST_INVALID);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 2);
    assert_int_equal(s.tags[0], own);
    assert_int_equal(s.lane_seq[0], 1);
    assert_int_equal(s.lane_seq[1], 0);
    outbox_close(o);
}

static void a_command_run_again_takes_nothing_twice(void **state)
{
    struct outbox *o = open_it();
    uint64_t first, tag = 0;

    (void)state;
    assert_int_equal(outbox_once(o, "import june"), ST_OK);
    first = put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    put_one(o, ROUTINE); /* killed before the commit */
    outbox_close(o);
    o = open_it();
    assert_int_equal(outbox_once(o, "import june"), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "one", &tag), ST_EXISTS);
    assert_int_equal(tag, first);
    assert_int_equal(put_text(o, ROUTINE, "two", &tag), ST_OK);
    assert_int_equal(tag, first + 1);
    assert_int_equal(outbox_once(o, NULL), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "three", &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 3);
    outbox_close(o);
}

static void counts_that_were_forgotten_are_new_ones_and_the_rest_stays(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag = 0;

    (void)state;
    assert_int_equal(outbox_once(o, "journal"), ST_OK);
    for (int i = 0; i < 3; i++)
        put_one(o, ROUTINE);
    assert_int_equal(outbox_once_forget(o, "journal", 2), ST_OK);
    assert_int_equal(outbox_once_forget(o, "another", 9), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "the fourth", &tag), ST_OK);
    assert_int_equal(outbox_once_from(o, "journal", 2), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "the third", &tag), ST_EXISTS);
    assert_int_equal(outbox_once_from(o, "journal", 0), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "the first", &tag), ST_OK);
    outbox_close(o);
}

static void work_between_other_puts_goes_on_at_its_count(void **state)
{
    struct outbox *o = open_it();
    uint64_t second, tag = 0;

    (void)state;
    assert_int_equal(outbox_once_from(o, "replay", 0), ST_OK);
    put_one(o, BULK);
    second = put_one(o, BULK);
    assert_int_equal(outbox_once(o, NULL), ST_OK);
    put_one(o, ROUTINE); /* something else */
    assert_int_equal(outbox_once_from(o, "replay", 1), ST_OK);
    assert_int_equal(put_text(o, BULK, "two", &tag), ST_EXISTS);
    assert_int_equal(tag, second);
    assert_int_equal(put_text(o, BULK, "three", &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 4);
    outbox_close(o);
}

static void stuff_disk(const char *file)
{
    static char block[4096];
    int fd = open(file, O_CREAT | O_WRONLY, 0600);

    while (write(fd, block, sizeof(block)) > 0)
        ;
    while (write(fd, block, 1) > 0)
        ;
    close(fd);
}

/* One row under a key on disk, a second one put; then the disk fills, the room that the outbox kept
 * for this moment too. */
static struct outbox *open_before_full(const char *key)
{
    char file[192];
    struct outbox *o;

    if (mount("tmpfs", dir, "tmpfs", 0, "size=2m") != 0)
        return NULL;
    o = open_at(path, 2 << 20);
    assert_int_equal(outbox_once(o, key), ST_OK);
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    put_one(o, ROUTINE);
    snprintf(file, sizeof(file), "%s.ballast", path);
    assert_int_equal(truncate(file, 0), 0);
    snprintf(file, sizeof(file), "%s/stuffing", dir);
    stuff_disk(file);
    return o;
}

static void take_stuffing_out(void)
{
    char file[192];

    snprintf(file, sizeof(file), "%s/stuffing", dir);
    unlink(file);
}

static void puts_that_a_failed_commit_gave_up_are_not_counted(void **state)
{
    struct outbox *o = open_before_full("import june");
    uint64_t tag = 0;

    (void)state;
    if (!o)
        skip();
    assert_int_equal(outbox_commit(o), ST_FULL);
    take_stuffing_out();
    assert_int_equal(put_text(o, ROUTINE, "said again", &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_once_from(o, "import june", 1), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "said again", &tag), ST_EXISTS);
    assert_int_equal(put_text(o, ROUTINE, "the next", &tag), ST_OK);
    outbox_close(o);
    umount(dir);
}

/* A status between two steps of a replay is not the replay's, also when the disk was full. */
static void a_key_that_ended_in_a_failed_commit_counts_nothing_more(void **state)
{
    struct outbox *o = open_before_full("replay");
    uint64_t tag = 0;

    (void)state;
    if (!o)
        skip();
    assert_int_equal(outbox_once(o, NULL), ST_FULL);
    take_stuffing_out();
    assert_int_equal(put_text(o, ROUTINE, "something else", &tag), ST_OK);
    assert_int_equal(outbox_once_from(o, "replay", 1), ST_OK);
    assert_int_equal(put_text(o, ROUTINE, "of the replay", &tag), ST_OK);
    outbox_close(o);
    umount(dir);
}

static bool note_each(void *arg, const struct outbox_row *row, int row_state,
                      const struct outbox_outcome *oc)
{
    struct seen *to = arg;

    to->tags[to->count] = row->tag;
    to->lane_seq[to->count++] = (uint64_t)row_state * 100 + oc->seq;
    return true;
}

static void every_kept_row_can_be_walked_with_its_fate(void **state)
{
    struct outbox *o = open_it();
    uint64_t a = put_one(o, PRIORITY), b = put_one(o, ROUTINE), c = put_one(o, BULK);

    (void)state;
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_settle(o, b, &stored), ST_OK);
    assert_int_equal(outbox_settle(o, c, &refused), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    s = (struct seen){0};
    assert_int_equal(outbox_each(o, note_each, &s), ST_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.tags[0], a);
    assert_int_equal(s.lane_seq[0], 0);
    assert_int_equal(s.lane_seq[1], 107);
    assert_int_equal(s.lane_seq[2], 200);
    outbox_close(o);
}

/* --- other processes -------------------------------------------------------------------------- */

static void killed_in_the_middle_everything_committed_is_there(void **state)
{
    int report[2], status;
    uint64_t promised = 0, counted;
    ssize_t got;
    struct outbox *o;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(report), 0);
    child = fork();
    if (child == 0) {
        o = open_it();
        for (;;) {
            put_one(o, ROUTINE);
            uint64_t tag = put_one(o, BULK);

            if (outbox_commit(o) != ST_OK)
                _exit(1);
            if (write(report[1], &tag, sizeof(tag)) != sizeof(tag))
                _exit(1);
        }
    }
    close(report[1]);
    for (unsigned i = 0; i < 300 && read(report[0], &promised, sizeof(promised)) > 0; i++)
        ;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    while ((got = read(report[0], &promised, sizeof(promised))) > 0)
        ; /* the last promise it made */
    close(report[0]);
    o = open_it();
    counted = offered(o, &s);
    assert_true(counted >= 2 * (promised & 0xffffff));
    assert_int_equal(counted % 2, 0); /* a transaction is whole or not there */
    outbox_close(o);
}

static void only_one_process_sends_but_any_may_put(void **state)
{
    struct outbox *o = open_it();
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(outbox_lock(o), ST_OK);
    assert_int_equal(outbox_lock(o), ST_OK);
    assert_false(outbox_changed(o));
    child = fork();
    if (child == 0) {
        struct outbox *other = open_it();
        enum status st = outbox_lock(other);

        put_one(other, PRIORITY);
        if (outbox_commit(other) != ST_OK)
            st = ST_IO;
        _exit(st == ST_EXISTS && strstr(outbox_trouble(other), "another program") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(outbox_changed(o));
    assert_false(outbox_changed(o));
    assert_int_equal(offered(o, &s), 1);
    assert_int_equal(put_one(o, PRIORITY), s.tags[0] + 1);
    outbox_close(o);
}

static void two_processes_that_put_at_once_share_the_lane_without_holes(void **state)
{
    enum { EACH = 150 };
    pid_t child[2];
    int status;
    struct outbox *o;

    (void)state;
    outbox_close(open_it());
    for (unsigned c = 0; c < 2; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            o = open_it();
            for (unsigned i = 0; i < EACH; i++) {
                put_one(o, ROUTINE);
                put_one(o, ROUTINE);
                if (outbox_commit(o) != ST_OK)
                    _exit(1);
            }
            outbox_close(o);
            _exit(0);
        }
    }
    for (unsigned c = 0; c < 2; c++) {
        assert_int_equal(waitpid(child[c], &status, 0), child[c]);
        assert_int_equal(status, 0);
    }
    o = open_it();
    assert_int_equal(offered(o, &s), 4 * EACH);
    for (unsigned i = 0; i < s.count; i++)
        assert_int_equal(s.lane_seq[i], i + 1);
    outbox_close(o);
}

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ssize_t got;

    assert_true(in >= 0 && out >= 0);
    while ((got = read(in, buffer, sizeof(buffer))) > 0)
        assert_int_equal(write(out, buffer, (size_t)got), got);
    close(in);
    close(out);
}

/* Two machines with one cloned disk: the broker answers the second "conflict" or "repeated"; here
 * both copies must live with that. */
static void a_cloned_file_says_the_same_places_and_survives_the_answer(void **state)
{
    const struct outbox_outcome conflict = {
        .code = "conflict", .path = "", .text = "other content"};
    struct outbox *o = open_it(), *clone;
    char copy[192];
    uint64_t one, two;

    (void)state;
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    snprintf(copy, sizeof(copy), "%s/copy", dir);
    copy_file(path, copy);
    o = open_it();
    clone = open_at(copy, 0);
    assert_int_equal(outbox_epoch(o), outbox_epoch(clone));
    assert_int_equal(put_text(o, ROUTINE, "here", &one), ST_OK);
    assert_int_equal(put_text(clone, ROUTINE, "there", &two), ST_OK);
    assert_int_equal(one, two);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_commit(clone), ST_OK);
    assert_int_equal(outbox_settle(clone, two, &conflict), ST_OK);
    assert_int_equal(outbox_commit(clone), ST_OK);
    assert_int_equal(offered(clone, &s), 1);
    assert_int_equal(offered(o, &s), 2);
    outbox_close(o);
    outbox_close(clone);
}

/* --- room ------------------------------------------------------------------------------------- */

static char long_text[1800];

static unsigned fill(struct outbox *o, uint64_t tags[], unsigned most)
{
    unsigned count = 0;

    memset(long_text, 'x', sizeof(long_text) - 1);
    while (count < most) {
        enum status st = put_text(o, BULK, long_text, &tags[count]);

        if (st == ST_OK)
            count++;
        if (st == ST_OK && count % 8 == 0)
            st = outbox_commit(o);
        if (st == ST_FULL)
            break;
        assert_int_equal(st, ST_OK);
    }
    (void)!outbox_commit(o);
    return count;
}

static void the_budget_refuses_with_a_sentence_and_keeps_its_word(void **state)
{
    static uint64_t tags[4096];
    struct outbox *o = open_at(path, 1048576);
    struct stat at;
    unsigned count = fill(o, tags, 4096);

    (void)state;
    assert_true(count > 100 && count < 1000);
    assert_non_null(strstr(outbox_trouble(o), "outbox.budget"));
    assert_int_equal(offered(o, &s), count);
    assert_int_equal(stat(path, &at), 0);
    assert_true(at.st_size < 1048576);
    outbox_close(o);
}

static void stored_rows_make_room_for_new_ones(void **state)
{
    static uint64_t tags[4096], more[4096];
    struct outbox *o = open_at(path, 1048576);
    unsigned count = fill(o, tags, 4096);
    int row_state;

    (void)state;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(outbox_settle(o, tags[i], &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(fill(o, more, 50), 50);
    assert_int_equal(outbox_state(o, tags[0], &row_state, NULL, NULL), ST_NOTFOUND);
    assert_int_equal(offered(o, &s), 50);
    outbox_close(o);
}

/* Found by the simulator: what was kept stored had taken the last page, and no receipt could be
 * made durable any more. */
static void receipts_find_room_in_a_full_budget(void **state)
{
    static uint64_t tags[8192];
    struct outbox *o = open_at(path, 1048576);
    unsigned count = 0;

    (void)state;
    while (count < ARRAY_LEN(tags) && put_text(o, BULK, "x", &tags[count]) == ST_OK)
        if (++count % 8 == 0)
            assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_true(count < ARRAY_LEN(tags));
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(outbox_settle(o, tags[i], i % 100 == 99 ? &refused : &stored), ST_OK);
        assert_int_equal(outbox_commit(o), ST_OK);
    }
    assert_int_equal(offered(o, &s), 0);
    outbox_close(o);
}

static void on_a_full_disk_accepted_is_kept_and_draining_works(void **state)
{
    static uint64_t tags[4096];
    char stuffing[192];
    struct outbox *o;
    unsigned count;

    (void)state;
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0)
        skip();
    o = open_at(path, 64 << 20);
    outbox_close(o);
    umount(dir);
    assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=2m"), 0);
    o = open_at(path, 2 << 20);
    count = fill(o, tags, 60);
    assert_int_equal(count, 60);
    snprintf(stuffing, sizeof(stuffing), "%s/stuffing", dir);
    stuff_disk(stuffing); /* someone else takes the rest */
    count += fill(o, tags + count, 4000);
    assert_non_null(strstr(outbox_trouble(o), "disk"));
    outbox_close(o);

    o = open_at(path, 2 << 20);
    assert_int_equal(offered(o, &s), count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(outbox_settle(o, tags[i], &stored), ST_OK);
        if (i % 5 == 0)
            assert_int_equal(outbox_commit(o), ST_OK);
    }
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 0);
    outbox_close(o);
    o = open_at(path, 2 << 20); /* still full */
    assert_int_equal(offered(o, &s), 0);
    unlink(stuffing);
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);

    stuff_disk(stuffing); /* while nobody had it open: the ballast is held */
    o = open_at(path, 2 << 20);
    assert_int_equal(offered(o, &s), 1);
    outbox_close(o);
    umount(dir);
}

/* Nobody else is on this disk, and nobody comes to tidy it up. */
static void a_disk_that_the_outbox_itself_filled_takes_again_once_all_is_stored(void **state)
{
    static uint64_t tags[4096];
    struct outbox *o;
    unsigned count;

    (void)state;
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0)
        skip();
    o = open_at(path, 2 << 20);
    for (unsigned round = 0; round < 3; round++) {
        count = fill(o, tags, 4000);
        assert_in_range(count, 1, 3999);
        assert_non_null(strstr(outbox_trouble(o), "disk"));
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(outbox_settle(o, tags[i], &stored), ST_OK);
        assert_int_equal(outbox_commit(o), ST_OK);
        if (round == 1) { /* also in another process */
            outbox_close(o);
            o = open_at(path, 2 << 20);
        }
    }
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    umount(dir);
}

/* The kernel refuses a write (here: a limit on the size of files); what it says of the file
 * afterwards is not believed. In a child, because the limit is the process's. */
static void after_an_error_of_the_disk_nothing_more_is_taken(void **state)
{
    int status;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        struct rlimit limit = {64 << 10, 64 << 10};
        struct outbox *o = open_it();
        unsigned kept = 0;
        uint64_t tag;
        enum status st = ST_OK;

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        while (st == ST_OK && kept < 10000) {
            put_one(o, ROUTINE);
            st = outbox_commit(o);
            kept += st == ST_OK;
        }
        if (st != ST_IO || !strstr(outbox_trouble(o), "check the disk"))
            _exit(200);
        if (put_text(o, ROUTINE, "more", &tag) != ST_IO || outbox_commit(o) != ST_IO)
            _exit(201);
        _exit((int)kept);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 1, 199);
    {
        struct outbox *o = open_it();

        assert_int_equal(offered(o, &s), WEXITSTATUS(status));
        outbox_close(o);
    }
}

/* --- files that cannot be used ---------------------------------------------------------------- */

static enum status try_open(const char *sender)
{
    struct outbox_settings set = {.path = path, .sender = sender, .utc_us = test_utc_us};
    struct outbox *o = NULL;
    enum status st = outbox_open(&o, &set, err, sizeof(err));

    if (st == ST_OK)
        outbox_close(o);
    return st;
}

static void the_file_of_another_sender_is_refused(void **state)
{
    (void)state;
    outbox_close(open_it());
    assert_int_equal(try_open("coes.dushanbe.duty"), ST_DENIED);
    assert_non_null(strstr(err, "belongs to rcst.ayni.team2"));
}

static void a_damaged_file_that_was_no_outbox_is_left_alone(void **state)
{
    char junk[8192], file[192];
    struct stat before, after;
    int fd;

    (void)state;
    outbox_close(open_it());
    memset(junk, 0xa5, sizeof(junk));
    snprintf(file, sizeof(file), "%s.ballast", path);
    assert_int_equal(unlink(file), 0); /* nothing says that it was an outbox */
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096), sizeof(junk));
    close(fd);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(try_open("rcst.ayni.team2"), ST_INVALID);
    assert_non_null(strstr(err, "aside"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "this is no database, but long enough to be looked at ...", 56), 56);
    close(fd);
    assert_int_equal(try_open("rcst.ayni.team2"), ST_INVALID);
    assert_non_null(strstr(err, "aside"));
}

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

/* Junk over the page of the file that has `text` in it. */
static void spoil_page_of(const char *text)
{
    char page[4096];
    int fd = open(path, O_RDWR);
    off_t at = 0;

    assert_true(fd >= 0);
    while (pread(fd, page, sizeof(page), at) == sizeof(page) &&
           !memmem(page, sizeof(page), text, strlen(text)))
        at += (off_t)sizeof(page);
    assert_true(at > 0);
    memset(page, 0xa5, sizeof(page));
    assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
    close(fd);
}

static unsigned lines_of_damage, lines_of_mending;

static void count_damage(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    lines_of_damage += strstr(line, "outbox.rows.unreadable") || strstr(line, "outbox.row.damaged");
    lines_of_mending += strstr(line, "outbox.mended") != NULL;
}

static void listen_for_damage(void)
{
    lines_of_damage = lines_of_mending = 0;
    log_set_sink(count_damage, NULL);
}

static enum status commit_in_the_end(struct outbox *o)
{
    enum status st = outbox_commit(o);

    for (unsigned tries = 0; st == ST_AGAIN && tries < 20; tries++)
        st = outbox_commit(o);
    return st;
}

/* So that the damaged file cannot be exchanged. */
static void block_mending(void)
{
    char file[192];

    snprintf(file, sizeof(file), "%s.mending", path);
    assert_int_equal(mkdir(file, 0700), 0);
    strcat(file, "/x");
    assert_int_equal(mkdir(file, 0700), 0);
}

static void allow_mending(void)
{
    char file[192];

    snprintf(file, sizeof(file), "%s.mending/x", path);
    assert_int_equal(rmdir(file), 0);
    snprintf(file, sizeof(file), "%s.mending", path);
    assert_int_equal(rmdir(file), 0);
}

static void put_rows(struct outbox *o, Eocbus__V1__Lane lane, unsigned count)
{
    char text[40];
    uint64_t tag;

    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "the row number %u of the lane", i);
        assert_int_equal(put_text(o, lane, text, &tag), ST_OK);
    }
    assert_int_equal(outbox_commit(o), ST_OK);
}

static void one_unreadable_page_stops_nothing_behind_it(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag;
    unsigned count;

    (void)state;
    put_rows(o, ROUTINE, 200);
    put_one(o, BULK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    spoil_page_of("the row number 100 of the lane");
    listen_for_damage();
    block_mending();

    o = open_it();
    count = offered(o, &s);
    assert_in_range(count, 160, 200);
    assert_int_equal(outbox_tag_lane(s.tags[count - 1]), BULK);
    assert_int_equal(s.lane_seq[count - 2], 200);
    assert_int_equal(offered(o, &s), count);
    assert_int_equal(lines_of_damage, 1);
    /* Receipts are kept, on both sides of the hole. */
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(outbox_settle(o, s.tags[i], &stored), ST_OK);
    assert_int_equal(commit_in_the_end(o), ST_OK);
    assert_int_equal(offered(o, &s), 0);
    assert_int_equal(put_text(o, ROUTINE, "more", &tag), ST_IO);
    assert_non_null(strstr(outbox_trouble(o), "cannot be begun"));
    outbox_close(o);

    o = open_it(); /* who comes later knows */
    assert_int_equal(put_text(o, IMMEDIATE, "more", &tag), ST_IO);
    assert_int_equal(offered(o, &s), 0);
    outbox_close(o);
    allow_mending();
    log_set_sink(drop_line, NULL);
}

static void an_unreadable_end_of_a_lane_stops_no_other(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag;

    (void)state;
    put_rows(o, IMMEDIATE, 60);
    put_rows(o, BULK, 60);
    outbox_close(o);
    spoil_page_of("the row number 59 of the lane");
    block_mending();

    o = open_it();
    assert_in_range(offered(o, &s), 60, 119);
    assert_int_equal(s.lane_seq[s.count - 1], 60);
    assert_int_equal(put_text(o, ROUTINE, "more", &tag), ST_IO);
    for (unsigned i = 0, n = s.count; i < n; i++)
        assert_int_equal(outbox_settle(o, s.tags[i], &stored), ST_OK);
    assert_int_equal(commit_in_the_end(o), ST_OK);
    assert_int_equal(offered(o, &s), 0);
    outbox_close(o);
    allow_mending();
}

/* --- a new one in its place ------------------------------------------------------------------- */

static unsigned files_aside(void)
{
    const struct dirent *entry;
    DIR *d = opendir(dir);
    unsigned n = 0;

    while ((entry = readdir(d)))
        n += strncmp(entry->d_name, "out.damaged-", 12) == 0 && !strstr(entry->d_name, "-wal") &&
             !strstr(entry->d_name, "-shm");
    closedir(d);
    return n;
}

struct contents {
    unsigned count;
    uint64_t epoch[600], lane_seq[600];
    bool raw[600];
};

static bool read_content(void *arg, const struct outbox_row *row)
{
    struct contents *c = arg;
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);

    assert_non_null(m);
    c->epoch[c->count] = m->epoch;
    c->lane_seq[c->count] = m->lane_seq;
    c->raw[c->count++] = row->lane_seq == 0;
    eocbus__v1__envelope__free_unpacked(m, NULL);
    return true;
}

static struct contents contents;

static unsigned read_contents(struct outbox *o)
{
    contents.count = 0;
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 600, SIZE_MAX, read_content, &contents),
                     ST_OK);
    return contents.count;
}

static void a_damaged_outbox_takes_an_alarm_at_once_and_gives_what_waited(void **state)
{
    struct outbox *o = open_it(), *command;
    uint64_t epoch = outbox_epoch(o), tag, old_tags[2];
    struct outbox_counts c;
    unsigned count;

    (void)state;
    put_rows(o, ROUTINE, 200);
    assert_int_equal(offered(o, &s), 200);
    old_tags[0] = s.tags[0];
    old_tags[1] = s.tags[199];
    assert_int_equal(outbox_settle(o, old_tags[0], &stored), ST_OK);
    assert_int_equal(outbox_settle(o, s.tags[1], &refused), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    spoil_page_of("the row number 100 of the lane");
    listen_for_damage();
    now_us += 5000000;

    o = open_it(); /* a daemon, and a command beside it, which finds the damage */
    command = open_it();
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 1, SIZE_MAX, note, &s), ST_OK);
    offered(command, &s);
    assert_int_equal(put_text(command, IMMEDIATE, "the dam breaks", &tag), ST_OK);
    assert_int_equal(outbox_commit(command), ST_OK);
    assert_true(outbox_epoch(command) > epoch);
    assert_int_equal(lines_of_mending, 1);
    assert_int_equal(files_aside(), 1);

    assert_true(outbox_changed(o)); /* the daemon follows */
    assert_int_equal(outbox_epoch(o), outbox_epoch(command));
    count = read_contents(o);
    assert_in_range(count, 150, 198);
    assert_int_equal(contents.epoch[0], outbox_epoch(o)); /* the alarm */
    assert_int_equal(contents.lane_seq[0], 1);
    assert_false(contents.raw[0]);
    for (unsigned i = 1; i < count; i++) {
        assert_true(contents.raw[i]);
        assert_int_equal(contents.epoch[i], epoch);
        assert_true(contents.lane_seq[i] >= 3);
        assert_true(i == 1 || contents.lane_seq[i] > contents.lane_seq[i - 1]);
    }
    assert_int_equal(contents.lane_seq[count - 1], 200);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.refused, 1); /* for a person, as before */
    assert_int_equal(c.waiting[IMMEDIATE], 1);
    assert_int_equal(c.waiting[ROUTINE], count - 1);

    /* A receipt for an old row is for no new one; the numbers of the new epoch begin at 1. */
    assert_int_equal(outbox_settle(o, old_tags[1], &stored), ST_NOTFOUND);
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(read_contents(o), count); /* it does not pass what was saved */
    assert_int_equal(outbox_settle(o, old_tags[0], &stored), ST_NOTFOUND); /* it was number 1 too */
    outbox_close(o);
    outbox_close(command);
    o = open_it();
    assert_int_equal(offered(o, &s), count);
    for (unsigned i = 1; i < count; i++)
        assert_int_equal(outbox_settle(o, s.tags[i], &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(read_contents(o), 2);
    assert_int_equal(contents.lane_seq[1], 1);
    assert_int_equal(contents.epoch[1], outbox_epoch(o));
    outbox_close(o);
    assert_int_equal(files_aside(), 1);
    log_set_sink(drop_line, NULL);
}

static void a_file_that_cannot_be_opened_at_all_gives_way(void **state)
{
    char junk[4096];
    struct outbox *o = open_it();
    uint64_t epoch = outbox_epoch(o);
    int fd;

    (void)state;
    put_rows(o, ROUTINE, 20);
    outbox_close(o);
    memset(junk, 0xa5, sizeof(junk));
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
    close(fd);
    now_us += 1000000;
    o = open_it();
    assert_true(outbox_epoch(o) > epoch);
    put_one(o, IMMEDIATE);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 1);
    outbox_close(o);
    assert_int_equal(files_aside(), 1);
}

static void a_command_that_was_repeated_says_nothing_twice_in_a_new_outbox(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag;

    (void)state;
    assert_int_equal(outbox_once(o, "import june"), ST_OK);
    put_rows(o, ROUTINE, 100);
    outbox_close(o);
    spoil_page_of("the row number 50 of the lane");
    o = open_it();
    offered(o, &s);
    assert_int_equal(outbox_once(o, "import june"), ST_OK); /* its commit mends */
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(put_text(o, ROUTINE, "again", &tag), ST_EXISTS);
    assert_int_equal(put_text(o, ROUTINE, "new", &tag), ST_OK);
    outbox_close(o);
}

static void an_exchange_that_was_killed_near_its_end_is_finished(void **state)
{
    char mended[192], aside[192];
    struct outbox *o = open_it();
    uint64_t epoch = outbox_epoch(o);

    (void)state;
    put_rows(o, ROUTINE, 3);
    outbox_close(o);
    snprintf(mended, sizeof(mended), "%s.mended", path);
    snprintf(aside, sizeof(aside), "%s/other", dir);
    now_us += 1000000;
    o = open_at(aside, 0); /* what a mending had made */
    put_rows(o, ROUTINE, 1);
    outbox_close(o);
    assert_int_equal(rename(aside, mended), 0);
    o = open_it();
    assert_int_equal(outbox_epoch(o), epoch + 1000000);
    assert_int_equal(offered(o, &s), 1);
    assert_int_equal(files_aside(), 1);
    assert_int_not_equal(access(mended, F_OK), 0);
    outbox_close(o);
}

/* --- sums ------------------------------------------------------------------------------------- */

/* One bit of the file, in the first place where `text` stands. */
static void flip_bit_in(const char *text, unsigned bit)
{
    static char all[1 << 20];
    int fd = open(path, O_RDWR);
    ssize_t len = pread(fd, all, sizeof(all), 0);
    char *at = len > 0 ? memmem(all, (size_t)len, text, strlen(text)) : NULL;

    assert_non_null(at);
    at[bit / 8] ^= (char)(1 << bit % 8);
    assert_int_equal(pwrite(fd, at, strlen(text), at - all), strlen(text));
    close(fd);
}

static void a_flipped_bit_is_never_sent_as_genuine(void **state)
{
    struct outbox *o = open_it();
    struct outbox_counts c;
    int row_state;
    struct outbox_outcome oc;

    (void)state;
    put_rows(o, ROUTINE, 3);
    outbox_close(o);
    flip_bit_in("the row number 1 of the lane", 13);
    listen_for_damage();
    o = open_it();
    assert_int_equal(offered(o, &s), 2);
    assert_int_equal(s.lane_seq[0], 1);
    assert_int_equal(s.lane_seq[1], 3);
    assert_int_equal(offered(o, &s), 2);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(lines_of_damage, 1);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.refused, 1);
    assert_int_equal(c.damaged, 1);
    assert_int_equal(c.waiting[ROUTINE], 2);
    assert_int_equal(outbox_state(o, s.tags[0] + 1, &row_state, &oc, NULL), ST_OK);
    assert_int_equal(row_state, OUTBOX_REFUSED);
    assert_int_equal(outbox_seen(o, s.tags[0] + 1), ST_OK);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.damaged, 0);
    outbox_close(o);
    log_set_sink(drop_line, NULL);
}

static void every_bit_of_a_message_is_watched(void **state)
{
    static const char text[] = "the row number 0 of the lane";

    (void)state;
    for (unsigned bit = 0; bit < 8 * (sizeof(text) - 1); bit += 3) {
        struct outbox *o = open_it();

        assert_int_equal(outbox_tidy(o), ST_OK);
        put_rows(o, ROUTINE, 1);
        outbox_close(o);
        flip_bit_in(text, bit);
        o = open_it();
        assert_int_equal(offered(o, &s), 0);
        outbox_close(o);
        remove_dir(state);
        make_dir(state);
    }
}

static void a_lane_that_counts_wrong_gives_no_place_away_twice(void **state)
{
    struct outbox *o = open_it();
    uint64_t epoch = outbox_epoch(o);
    sqlite3 *db;

    (void)state;
    put_rows(o, ROUTINE, 3);
    assert_int_equal(offered(o, &s), 3);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(outbox_settle(o, s.tags[i], &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE track SET first = 9 WHERE track = 8", 0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(db);
    now_us += 1000000;
    o = open_it();
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_true(outbox_epoch(o) > epoch);
    assert_int_equal(offered(o, &s), 1); /* the one that waited */
    assert_int_equal(outbox_settle(o, s.tags[0], &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 1); /* and then the new one */
    outbox_close(o);
}

static uint64_t put_alarm(struct outbox *o)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__GeneralMessage alarm = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    struct refusal why = {0};
    uint64_t tag = 0;

    alarm.from_role = (char *)"duty officer";
    alarm.subject = (char *)"the dam";
    alarm.text = (char *)"it breaks";
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = now_us;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.general_message = &alarm;
    if (outbox_put(o, &m, &tag, &why) != ST_OK)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    return tag;
}

/* Those that were saved are offered first, and that is all that a new one waits for. */
static void an_alarm_waits_for_no_receipt_of_one_that_was_saved(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag;
    sqlite3 *db;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        put_alarm(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    offered(o, &s);
    assert_int_equal(outbox_settle(o, s.tags[0], &stored), ST_OK); /* the track has a row */
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE track SET first = 9 WHERE track = 2", 0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(db);
    now_us += 1000000;
    o = open_it();
    tag = put_alarm(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 2);
    for (unsigned i = 0; i < 2; i++)
        outbox_in_flight(o, s.tags[i], true);
    assert_int_equal(offered(o, &s), 1);
    assert_int_equal(s.tags[0], tag);
    outbox_close(o);
}

/* The bit that makes the receipt of row 2 one of row 3, which waits: as a disk would flip it, the
 * sum stays. */
static void a_receipt_that_is_not_what_was_written_hides_no_row(void **state)
{
    struct outbox *o = open_it();
    uint64_t epoch = outbox_epoch(o);
    sqlite3 *db;

    (void)state;
    put_rows(o, ROUTINE, 4);
    assert_int_equal(offered(o, &s), 4);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(outbox_settle(o, s.tags[i], &stored), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE settled SET tag = tag + 1 WHERE tag % 8 = 2", 0, 0, 0), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
    now_us += 1000000;
    o = open_it();
    assert_int_equal(offered(o, &s), 2); /* behind the lowest number that waited */
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_true(outbox_epoch(o) > epoch);
    assert_int_equal(offered(o, &s), 3); /* with row 2: the bus says what it had already */
    outbox_close(o);
}

static void a_file_of_the_first_schema_is_read_and_goes_on(void **state)
{
    struct outbox *o = open_it();
    uint64_t epoch = outbox_epoch(o);
    sqlite3 *db;

    (void)state;
    put_rows(o, ROUTINE, 3);
    outbox_close(o);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP INDEX message_keys;"
                                  "ALTER TABLE message DROP COLUMN keys;"
                                  "ALTER TABLE message DROP COLUMN sum;"
                                  "ALTER TABLE track DROP COLUMN sum;"
                                  "ALTER TABLE outbox DROP COLUMN start;"
                                  "ALTER TABLE settled DROP COLUMN sum;"
                                  "PRAGMA user_version = 1",
                                  0, 0, 0),
                     SQLITE_OK);
    sqlite3_close(db);
    o = open_it();
    assert_int_equal(outbox_epoch(o), epoch);
    put_one(o, ROUTINE);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 4);
    assert_int_equal(s.lane_seq[3], 4);
    outbox_close(o);
}

static void a_missing_folder_is_told_by_name(void **state)
{
    struct outbox_settings set = {.path = "/tmp/no-such-folder-eocbus/out", .sender = "a.b.c"};
    struct outbox *o = NULL;

    (void)state;
    assert_int_equal(outbox_open(&o, &set, err, sizeof(err)), ST_IO);
    assert_non_null(strstr(err, "/tmp/no-such-folder-eocbus/out"));
}

static void the_file_is_for_its_owner_only(void **state)
{
    struct stat at;

    (void)state;
    outbox_close(open_it());
    assert_int_equal(stat(path, &at), 0);
    assert_int_equal(at.st_mode & 0777, 0600);
}

static void opening_survives_every_failed_allocation(void **state)
{
    struct outbox_settings set = {.path = path, .sender = "rcst.ayni.team2", .utc_us = test_utc_us};
    struct outbox *o = NULL;
    enum status st = ST_NOMEM;
    unsigned tries = 0;

    (void)state;
    while (st != ST_OK) {
        mem_fail_at(++tries);
        st = outbox_open(&o, &set, err, sizeof(err));
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(tries < 100);
    }
    assert_true(tries > 3);
    outbox_close(o);
}

static void putting_survives_every_failed_allocation(void **state)
{
    struct outbox *o = open_it();
    enum status st = ST_NOMEM;
    uint64_t tag;

    (void)state;
    for (unsigned n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = put_text(o, ROUTINE, "a", &tag);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(n < 100);
    }
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o, &s), 1);
    outbox_close(o);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_committed_is_there_after_reopening),
        T(a_put_without_commit_is_gone_and_leaves_no_hole),
        T(the_outbox_fills_in_who_when_and_where_in_the_lane),
        T(a_message_the_gate_refuses_takes_no_place),
        T(the_most_urgent_lane_comes_first_then_the_order_of_saying),
        T(rows_in_flight_and_held_lanes_are_passed_over),
        T(a_limit_of_bytes_still_gives_one_row),
        T(a_stored_row_is_not_offered_again_and_kept),
        T(stored_rows_go_after_their_keeping_time),
        T(a_refused_row_is_kept_until_a_person_has_seen_it),
        T(a_restored_database_is_offered_what_was_stored),
        T(after_a_promotion_only_what_lies_behind_it_is_offered_again),
        T(a_restored_database_is_offered_the_urgent_first_and_a_lane_only_whole),
        T(offering_again_that_was_broken_off_is_done_whole_by_the_next_start),
        T(a_newer_epoch_while_one_is_offered_again_begins_from_the_first_lane),
        T(the_highest_number_of_its_receipts_is_known_after_reopening),
        T(receipts_that_cannot_be_read_are_not_taken_for_none),
        T(raw_rows_leave_no_hole_in_the_lane),
        T(a_command_run_again_takes_nothing_twice),
        T(counts_that_were_forgotten_are_new_ones_and_the_rest_stays),
        T(work_between_other_puts_goes_on_at_its_count),
        T(puts_that_a_failed_commit_gave_up_are_not_counted),
        T(a_key_that_ended_in_a_failed_commit_counts_nothing_more),
        T(every_kept_row_can_be_walked_with_its_fate),
        T(killed_in_the_middle_everything_committed_is_there),
        T(only_one_process_sends_but_any_may_put),
        T(two_processes_that_put_at_once_share_the_lane_without_holes),
        T(a_cloned_file_says_the_same_places_and_survives_the_answer),
        T(the_budget_refuses_with_a_sentence_and_keeps_its_word),
        T(stored_rows_make_room_for_new_ones),
        T(receipts_find_room_in_a_full_budget),
        T(on_a_full_disk_accepted_is_kept_and_draining_works),
        T(a_disk_that_the_outbox_itself_filled_takes_again_once_all_is_stored),
        T(after_an_error_of_the_disk_nothing_more_is_taken),
        T(the_file_of_another_sender_is_refused),
        T(a_damaged_file_that_was_no_outbox_is_left_alone),
        T(one_unreadable_page_stops_nothing_behind_it),
        T(an_unreadable_end_of_a_lane_stops_no_other),
        T(a_damaged_outbox_takes_an_alarm_at_once_and_gives_what_waited),
        T(a_file_that_cannot_be_opened_at_all_gives_way),
        T(a_command_that_was_repeated_says_nothing_twice_in_a_new_outbox),
        T(an_exchange_that_was_killed_near_its_end_is_finished),
        T(a_flipped_bit_is_never_sent_as_genuine),
        T(a_receipt_that_is_not_what_was_written_hides_no_row),
        T(every_bit_of_a_message_is_watched),
        T(a_lane_that_counts_wrong_gives_no_place_away_twice),
        T(an_alarm_waits_for_no_receipt_of_one_that_was_saved),
        T(a_file_of_the_first_schema_is_read_and_goes_on),
        T(a_missing_folder_is_told_by_name),
        T(the_file_is_for_its_owner_only),
        T(opening_survives_every_failed_allocation),
        T(putting_survives_every_failed_allocation),
    };

    log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
