/* What gives way in an outbox that is full of what waits, and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agents/link/outbox.h"
#include "proto/wire/limits.h"

#define LANE(word) EOCBUS__V1__LANE__LANE_##word

static char dir[64], path[128];
static int64_t now_us;

static int64_t test_utc_us(void *arg)
{
    (void)arg;
    return now_us;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-thin-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/out", dir);
    now_us = INT64_C(1790000000000000);
    return 0;
}

static int remove_dir(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock", ".ballast", ".mend"};
    char file[160];

    (void)state;
    umount(dir); /* of a test that failed */
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(file, sizeof(file), "%s%s", path, ends[i]);
        unlink(file);
    }
    return rmdir(dir);
}

static struct outbox *open_it(void)
{
    struct outbox_settings set = {
        .path = path, .sender = "coes.tj3505203.gw07", .budget_bytes = 1, .utc_us = test_utc_us};
    struct outbox *o = NULL;
    char err[400];

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return o;
}

static void address(Eocbus__V1__Envelope *m, Eocbus__V1__Lane lane)
{
    eocbus__v1__envelope__init(m);
    m->lane = lane;
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = now_us;
}

/* A line of a log; a second passes. */
static enum status put(struct outbox *o, Eocbus__V1__Lane lane, size_t len, uint64_t *tag)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__Envelope m;
    struct refusal why;
    char text[1000];

    memset(text, 'x', len);
    text[len] = '\0';
    now_us += 1000000;
    address(&m, lane);
    entry.position = (char *)"duty officer";
    entry.text = text;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    return outbox_put(o, &m, tag, &why);
}

static enum status thin(struct outbox *o, unsigned rows)
{
    Eocbus__V1__Envelope m;
    struct refusal why = {0};
    enum status st;

    address(&m, LANE(ROUTINE));
    st = outbox_thin(o, LANE(BULK), rows, &m, &why);
    if (st == ST_INVALID)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    return st;
}

/* What would be sent, in order. */
struct rows {
    unsigned count, of_lane[6];
    uint64_t bulk[4096]; /* their numbers */
    unsigned words;
    struct {
        uint64_t from, to, dropped;
        int64_t from_us, to_us;
        char type[65];
    } word[512];
};

static void keep_word(struct rows *r, const struct outbox_row *row)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);
    const Eocbus__V1__ThinnedRun *run;

    assert_non_null(m);
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_THINNED) {
        assert_int_equal(m->thinned->n_runs, 1);
        run = m->thinned->runs[0];
        assert_int_equal(run->lane, LANE(BULK));
        assert_int_equal(run->epoch, m->epoch);
        r->word[r->words].from = run->from_seq;
        r->word[r->words].to = run->to_seq;
        r->word[r->words].dropped = run->dropped;
        r->word[r->words].from_us = run->period ? run->period->from_us : 0;
        r->word[r->words].to_us = run->period ? run->period->to_us : 0;
        snprintf(r->word[r->words++].type, 65, "%s", run->type);
    }
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static bool keep_row(void *arg, const struct outbox_row *row)
{
    struct rows *r = arg;

    r->count++;
    if (row->lane == LANE(BULK))
        r->bulk[r->of_lane[row->lane] % ARRAY_LEN(r->bulk)] = row->lane_seq;
    r->of_lane[row->lane]++;
    if (row->lane == LANE(ROUTINE))
        keep_word(r, row);
    return true;
}

static const struct rows *offered(struct outbox *o)
{
    static struct rows r;

    r = (struct rows){0};
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 100000, SIZE_MAX, keep_row, &r), ST_OK);
    return &r;
}

static void the_oldest_go_and_one_message_says_which(void **state)
{
    struct outbox *o = open_it();
    int64_t began = now_us;
    const struct rows *r;
    struct outbox_counts c;
    uint64_t tag[9];
    int what;

    (void)state;
    for (int i = 0; i < 9; i++)
        assert_int_equal(put(o, LANE(BULK), 10, &tag[i]), ST_OK);
    assert_int_equal(thin(o, 4), ST_OK);
    outbox_close(o);
    o = open_it();
    r = offered(o);
    assert_int_equal(r->of_lane[LANE(BULK)], 5);
    assert_int_equal(r->bulk[0], 5);
    assert_int_equal(r->words, 1);
    assert_int_equal(r->word[0].from, 1);
    assert_int_equal(r->word[0].to, 4);
    assert_int_equal(r->word[0].dropped, 4);
    assert_int_equal(r->word[0].from_us, began + 1000000);
    assert_int_equal(r->word[0].to_us, began + 4000000);
    assert_string_equal(r->word[0].type, "activity_log_entry");
    assert_int_equal(outbox_state(o, tag[3], &what, NULL, NULL), ST_NOTFOUND);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.waiting[LANE(BULK)], 5);
    assert_int_equal(put(o, LANE(BULK), 10, &tag[0]), ST_OK);
    assert_int_equal(tag[0] - tag[8], 1); /* no number is given twice */
    outbox_close(o);
}

static void what_is_in_flight_stays_and_so_does_every_other_lane(void **state)
{
    struct outbox *o = open_it();
    const struct rows *r;
    uint64_t tag, first;

    (void)state;
    assert_int_equal(put(o, LANE(BULK), 10, &first), ST_OK);
    for (int lane = LANE(IMMEDIATE); lane <= LANE(BULK); lane++)
        assert_int_equal(put(o, (Eocbus__V1__Lane)lane, 10, &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_in_flight(o, first, true);
    assert_int_equal(thin(o, 200), ST_OK);
    assert_int_equal(thin(o, 200), ST_NOTFOUND);
    outbox_nothing_in_flight(o);
    r = offered(o);
    assert_int_equal(r->of_lane[LANE(IMMEDIATE)], 1);
    assert_int_equal(r->of_lane[LANE(PRIORITY)], 1);
    assert_int_equal(r->of_lane[LANE(ROUTINE)], 2); /* one of them is the word */
    assert_int_equal(r->of_lane[LANE(BULK)], 1);
    assert_int_equal(r->bulk[0], 1);
    assert_int_equal(r->word[0].dropped, 1);
    outbox_close(o);
}

static void a_word_that_is_refused_gives_nothing_up(void **state)
{
    struct outbox *o = open_it();
    Eocbus__V1__Envelope m;
    struct refusal why;
    uint64_t tag;

    (void)state;
    assert_int_equal(put(o, LANE(BULK), 10, &tag), ST_OK);
    address(&m, LANE(ROUTINE));
    m.event_time_us = 0;
    assert_int_equal(outbox_thin(o, LANE(BULK), 9, &m, &why), ST_INVALID);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o)->of_lane[LANE(BULK)], 1);
    assert_int_equal(put(o, LANE(BULK), 10, &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o)->of_lane[LANE(BULK)], 2);
    outbox_close(o);
}

static void a_command_that_counts_its_puts_is_not_disturbed(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag, again;

    (void)state;
    assert_int_equal(outbox_once(o, "import-7"), ST_OK);
    assert_int_equal(put(o, LANE(BULK), 10, &tag), ST_OK);
    assert_int_equal(thin(o, 1), ST_OK);
    assert_int_equal(put(o, LANE(BULK), 10, &tag), ST_OK);
    assert_int_equal(outbox_once(o, "import-7"), ST_OK);
    assert_int_equal(put(o, LANE(BULK), 10, &again), ST_EXISTS);
    assert_int_equal(put(o, LANE(BULK), 10, &again), ST_EXISTS);
    assert_int_equal(again, tag);
    assert_int_equal(put(o, LANE(BULK), 10, &again), ST_OK);
    outbox_close(o);
}

/* Thirty times what fits: what is urgent always finds room, and the words cover every hole. */
static void a_full_outbox_takes_what_is_urgent_for_ever(void **state)
{
    struct outbox *o = open_it();
    uint64_t tag, seq = 0, kept = 0;
    unsigned urgent = 0;
    const struct rows *r;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        Eocbus__V1__Lane lane = i % 50 == 0 ? LANE(IMMEDIATE) : LANE(BULK);
        enum status st = put(o, lane, 900, &tag);

        urgent += lane != LANE(BULK);
        if (st == ST_FULL) {
            assert_int_equal(thin(o, 100), ST_OK);
            st = put(o, lane, 900, &tag);
        }
        assert_int_equal(st, ST_OK);
        if (i % 20 == 0)
            assert_int_equal(outbox_commit(o), ST_OK);
        if (urgent == 200)
            break;
    }
    assert_int_equal(outbox_commit(o), ST_OK);
    r = offered(o);
    assert_int_equal(r->of_lane[LANE(IMMEDIATE)], urgent);
    for (unsigned i = 0; i < r->words; i++) {
        assert_int_equal(r->word[i].from, seq + 1);
        assert_int_equal(r->word[i].to - r->word[i].from + 1, r->word[i].dropped);
        seq = r->word[i].to;
    }
    assert_true(r->words > 1);
    for (unsigned i = 0; i < r->of_lane[LANE(BULK)]; i++, kept++)
        assert_int_equal(r->bulk[i], seq + 1 + i);
    assert_true(kept > 100);
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

static enum status put_flash(struct outbox *o)
{
    Eocbus__V1__GeneralMessage text = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    Eocbus__V1__Envelope m;
    struct refusal why;
    uint64_t tag;
    enum status st;

    address(&m, LANE(FLASH));
    text.from_role = (char *)"gateway";
    text.to_role = (char *)"duty officer";
    text.subject = (char *)"mudflow at Gusar";
    text.text = (char *)"leave the river bed";
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.general_message = &text;
    st = outbox_put(o, &m, &tag, &why);
    if (st == ST_INVALID)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    return st;
}

static void on_a_full_disk_an_alarm_is_still_taken(void **state)
{
    struct outbox *o;
    char stuffing[192];
    enum status st = ST_OK;
    uint64_t tag;

    (void)state;
    if (mount("tmpfs", dir, "tmpfs", 0, "size=2m") != 0)
        skip();
    o = open_it();
    assert_int_equal(put(o, LANE(BULK), 900, &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    snprintf(stuffing, sizeof(stuffing), "%s/stuffing", dir);
    stuff_disk(stuffing); /* somebody else takes the rest */
    for (int i = 0; i < 2000 && st == ST_OK; i++) {
        st = put(o, LANE(BULK), 900, &tag);
        if (st == ST_OK)
            st = outbox_commit(o);
    }
    assert_int_equal(st, ST_FULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(put_flash(o), ST_OK);
        assert_int_equal(outbox_commit(o), ST_OK);
    }
    assert_int_equal(put(o, LANE(BULK), 900, &tag), ST_FULL);
    outbox_close(o);
    o = open_it();
    assert_int_equal(offered(o)->of_lane[LANE(FLASH)], 5);
    outbox_close(o);
    umount(dir);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        T(the_oldest_go_and_one_message_says_which),
        T(what_is_in_flight_stays_and_so_does_every_other_lane),
        T(a_word_that_is_refused_gives_nothing_up),
        T(a_command_that_counts_its_puts_is_not_disturbed),
        T(a_full_outbox_takes_what_is_urgent_for_ever),
        T(on_a_full_disk_an_alarm_is_still_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
