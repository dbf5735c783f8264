/* The outbox: what is put stays until it is settled, also for several processes. */
#include "tests/unit/link/outbox_world.h"

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
    };

    log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
