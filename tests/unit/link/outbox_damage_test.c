/* Files that cannot be used, a new one in the place of a lost one, and rows that no longer add up.
 */
#include "tests/unit/link/outbox_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests_name("outbox_damage", tests, NULL, NULL);
}
