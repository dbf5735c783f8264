#include "agents/sensor/input/journal.h"
#include "agents/sensor/input/journal_frame.h"
#include "tests/lib/gen_message.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define T0     INT64_C(1281200000000000)
#define SECOND INT64_C(1000000)

struct shelf {
    char dir[64], path[80];
    struct journal *journal;
    char seen[1 << 16]; /* entries as words */
};

static bool note(void *arg, const struct journal_entry *e)
{
    struct shelf *s = arg;
    size_t at = strlen(s->seen);

    if (at + 80 > sizeof(s->seen))
        return false;
    switch (e->kind) {
    case JOURNAL_SAMPLE:
        snprintf(s->seen + at, 80, "s%llu:%u:%d:%lld:%lld:%u ", (unsigned long long)e->number,
                 e->datastream, e->exponent, (long long)(e->sample.time_us - T0) / 1000,
                 (long long)e->sample.value, e->sample.flags);
        break;
    case JOURNAL_MESSAGE:
        snprintf(s->seen + at, 80, "m%llu:%.*s ", (unsigned long long)e->number, (int)e->len,
                 (const char *)e->bytes);
        break;
    case JOURNAL_HELD:
        snprintf(s->seen + at, 80, "h%u:%llu ", e->datastream, (unsigned long long)e->number);
        break;
    case JOURNAL_FLOOR:
        break;
    default:
        snprintf(s->seen + at, 80, "%d=%llu ", e->kind, (unsigned long long)e->number);
        break;
    }
    return true;
}

static void open_with(struct shelf *s, size_t budget, size_t segment)
{
    const struct journal_settings set = {s->path, budget, segment, 3600 * SECOND, T0, false};
    char err[400] = "";

    if (journal_open(&s->journal, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void make_shelf(struct shelf *s)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "/tmp/eocbus-journal-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof(s->path), "%s/j", s->dir);
    open_with(s, 1 << 20, 1 << 16);
}

static void drop_shelf(struct shelf *s)
{
    char command[200];

    journal_close(s->journal);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
    assert_int_equal(system(command), 0);
}

static const char *read_again(struct shelf *s)
{
    journal_close(s->journal);
    open_with(s, 1 << 20, 1 << 16);
    s->seen[0] = '\0';
    assert_int_equal(journal_read(s->journal, INT64_MIN, note, s), ST_OK);
    return s->seen;
}

static void add_sample(struct shelf *s, unsigned datastream, int64_t ms, int64_t value)
{
    journal_add(s->journal, &(struct journal_entry){.kind = JOURNAL_SAMPLE,
                                                    .datastream = datastream,
                                                    .exponent = -3,
                                                    .sample = {T0 + ms * 1000, value, 2}});
}

static void add_number(struct shelf *s, enum journal_kind kind, uint64_t number)
{
    journal_add(s->journal, &(struct journal_entry){.kind = kind, .number = number});
}

static void what_was_synced_is_read_again_as_it_was(void **state)
{
    struct shelf s;
    uint64_t id;

    (void)state;
    make_shelf(&s);
    id = journal_id(s.journal);
    add_sample(&s, 1, 0, 1284);
    add_sample(&s, 65535, -5, -1000000000000);
    journal_add(s.journal, &(struct journal_entry){.kind = JOURNAL_MESSAGE,
                                                   .number = 7,
                                                   .bytes = (const uint8_t *)"letter",
                                                   .len = 6});
    journal_add(s.journal,
                &(struct journal_entry){.kind = JOURNAL_HELD, .datastream = 1, .number = 3});
    assert_int_equal(journal_sync(s.journal, T0), ST_OK);
    add_number(&s, JOURNAL_DONE, 7);
    add_number(&s, JOURNAL_LEVEL, 4);
    add_number(&s, JOURNAL_SEEN, UINT64_MAX);
    assert_int_equal(journal_sync(s.journal, T0), ST_OK);
    add_sample(&s, 1, 1, 1); /* never synced */
    assert_string_equal(read_again(&s),
                        "s1:1:-3:0:1284:2 s2:65535:-3:-5:-1000000000000:2 m7:letter h1:3 "
                        "4=7 5=4 6=18446744073709551615 ");
    assert_int_equal(journal_last(s.journal), 2);
    assert_true(journal_id(s.journal) == id);
    drop_shelf(&s);
}

static void one_process_has_a_journal(void **state)
{
    struct journal_settings set = {NULL, 1 << 20, 1 << 16, SECOND, T0, false};
    struct journal *second = NULL;
    struct shelf s;
    char err[400];

    (void)state;
    make_shelf(&s);
    set.path = s.path;
    assert_int_equal(journal_open(&second, &set, err, sizeof(err)), ST_EXISTS);
    assert_non_null(strstr(err, "another gateway"));
    drop_shelf(&s);
}

static void newest_file(const struct shelf *s, char out[200])
{
    DIR *d = opendir(s->path);
    struct dirent *e;

    out[0] = '\0';
    while ((e = readdir(d)))
        if (strstr(e->d_name, ".journal") &&
            (!out[0] || strcmp(strrchr(out, '/') + 1, e->d_name) < 0))
            snprintf(out, 200, "%s/%.100s", s->path, e->d_name);
    closedir(d);
}

static void a_file_cut_anywhere_keeps_every_whole_frame(void **state)
{
    struct shelf s;
    char file[200];
    off_t ends[4];
    int fd;

    (void)state;
    make_shelf(&s);
    for (int i = 0; i < 3; i++) {
        add_sample(&s, 1, i, i);
        assert_int_equal(journal_sync(s.journal, T0), ST_OK);
        newest_file(&s, file);
        fd = open(file, O_RDWR);
        ends[i] = lseek(fd, 0, SEEK_END);
        close(fd);
    }
    for (off_t cut = ends[2] - 1; cut > ends[0]; cut--) {
        const char *wanted = cut < ends[1] ? "s1:1:-3:0:0:2 " : "s1:1:-3:0:0:2 s2:1:-3:1:1:2 ";

        journal_close(s.journal);
        assert_int_equal(truncate(file, cut), 0);
        open_with(&s, 1 << 20, 1 << 16);
        assert_string_equal(read_again(&s), wanted);
        assert_int_equal(journal_last(s.journal), cut < ends[1] ? 1 : 2);
    }
    /* And goes on behind it. */
    add_sample(&s, 1, 9, 9);
    assert_int_equal(journal_sync(s.journal, T0), ST_OK);
    assert_string_equal(read_again(&s), "s1:1:-3:0:0:2 s2:1:-3:9:9:2 ");
    drop_shelf(&s);
}

static void a_spoiled_byte_costs_its_frame_and_no_other(void **state)
{
    struct shelf s;
    char file[200];
    uint8_t byte;
    int fd;

    (void)state;
    make_shelf(&s);
    for (int i = 0; i < 3; i++) {
        add_sample(&s, 1, i, i);
        assert_int_equal(journal_sync(s.journal, T0), ST_OK);
    }
    newest_file(&s, file);
    fd = open(file, O_RDWR);
    /* The first frame holds the floor, too: the second begins behind it. */
    for (off_t at = 16 + FRAME_HEAD_BYTES + 12; at < 16 + 2 * FRAME_HEAD_BYTES + 14; at++) {
        struct journal_counts counts;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        read_again(&s);
        journal_counts(s.journal, &counts);
        assert_true(counts.damaged > 0);
        assert_non_null(strstr(s.seen, "s3:1:-3:2:2:2 "));
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_string_equal(read_again(&s), "s1:1:-3:0:0:2 s2:1:-3:1:1:2 s3:1:-3:2:2:2 ");
    close(fd);
    drop_shelf(&s);
}

static enum status fill(struct shelf *s, unsigned frames, int64_t now_us)
{
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i < frames; i++) {
        for (unsigned k = 0; k < 50; k++)
            add_sample(s, k + 1, i, (int64_t)i * 1000003 * k);
        st = journal_sync(s->journal, now_us);
    }
    return st;
}

static void the_budget_takes_what_is_done_and_never_what_is_needed(void **state)
{
    struct journal_counts counts;
    struct shelf s;

    (void)state;
    make_shelf(&s);
    journal_close(s.journal);
    open_with(&s, 1 << 17, 1 << 14);
    assert_int_equal(fill(&s, 1000, T0), ST_FULL);
    journal_counts(s.journal, &counts);
    assert_true(counts.bytes <= 1 << 17);
    assert_int_equal(journal_last(s.journal), counts.samples);
    /* What was refused left no trace, and what is said to be done makes room. */
    journal_floor(s.journal, journal_last(s.journal) - 10);
    assert_int_equal(fill(&s, 1, T0), ST_OK);
    journal_floor(s.journal, journal_last(s.journal) - 10);
    assert_int_equal(fill(&s, 60, T0), ST_OK);
    journal_counts(s.journal, &counts);
    assert_true(counts.bytes <= 1 << 17);
    drop_shelf(&s);
}

static void what_is_older_than_wanted_goes(void **state)
{
    struct journal_counts before, after;
    struct shelf s;

    (void)state;
    make_shelf(&s);
    journal_close(s.journal);
    open_with(&s, 1 << 20, 1 << 12);
    assert_int_equal(fill(&s, 100, T0), ST_OK);
    journal_counts(s.journal, &before);
    journal_floor(s.journal, journal_last(s.journal));
    assert_int_equal(fill(&s, 100, T0 + 7200 * SECOND), ST_OK);
    assert_int_equal(fill(&s, 1, T0 + 7201 * SECOND), ST_OK);
    journal_counts(s.journal, &after);
    assert_true(after.segments <= before.segments + 2);
    drop_shelf(&s);
}

static void a_full_disk_keeps_what_was_safe_and_goes_on_when_there_is_room(void **state)
{
    struct rlimit limit = {20000, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    struct shelf s;
    uint64_t kept;

    (void)state;
    make_shelf(&s);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fill(&s, 1000, T0), ST_FULL);
    kept = journal_last(s.journal);
    assert_int_equal(fill(&s, 1, T0), ST_FULL);
    assert_int_equal(journal_last(s.journal), kept);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(fill(&s, 1, T0), ST_OK);
    assert_int_equal(journal_last(s.journal), kept + 50);
    read_again(&s);
    assert_int_equal(journal_last(s.journal), kept + 50);
    drop_shelf(&s);
}

static off_t blocks_of(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 ? about.st_blocks * 512 : 0;
}

/* A disk that others fill afterwards takes nothing of that away. */
static void room_for_two_segments_is_taken_ahead(void **state)
{
    char newest[120], spare[120];
    struct shelf s;

    (void)state;
    make_shelf(&s);
    snprintf(spare, sizeof(spare), "%s/spare", s.path);
    for (unsigned serial = 1; serial <= 2; serial++) {
        snprintf(newest, sizeof(newest), "%s/%08x.journal", s.path, serial);
        while (access(newest, F_OK) != 0)
            assert_int_equal(fill(&s, 1, T0), ST_OK);
        if (blocks_of(newest) < 1 << 16)
            skip(); /* a file system that takes no room ahead */
        assert_true(blocks_of(spare) >= 1 << 16);
    }
    read_again(&s);
    assert_true(blocks_of(newest) >= 1 << 16);
    assert_true(blocks_of(spare) >= 1 << 16);
    drop_shelf(&s);
}

static void no_bytes_make_a_frame_that_reads_beyond_itself(void **state)
{
    struct gen g;
    struct buf body = {0};
    struct frame_state fs = {0};

    (void)state;
    gen_seed(&g, 6);
    frame_put(&body, &fs,
              &(struct journal_entry){.kind = JOURNAL_SAMPLE, .datastream = 3, .exponent = -3});
    frame_put(&body, &fs,
              &(struct journal_entry){
                  .kind = JOURNAL_MESSAGE, .bytes = (const uint8_t *)"abc", .len = 3});
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[256];
        size_t len = body.len;
        struct frame f;
        struct frame_cursor c;
        struct journal_entry e;
        uint8_t *exact;

        memcpy(bytes, body.data, len);
        for (uint64_t k = gen_below(&g, 4); k > 0; k--)
            len = gen_mutate(&g, bytes, len, sizeof(bytes));
        exact = malloc(len ? len : 1);
        memcpy(exact, bytes, len);
        assert_true(!frame_open(&f, exact, len) || f.len <= len);
        f = (struct frame){exact, len, 1, 0};
        frame_begin(&c, &f);
        while (frame_next(&c, &e))
            ;
        free(exact);
    }
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_is_read_again_as_it_was),
        cmocka_unit_test(one_process_has_a_journal),
        cmocka_unit_test(a_file_cut_anywhere_keeps_every_whole_frame),
        cmocka_unit_test(a_spoiled_byte_costs_its_frame_and_no_other),
        cmocka_unit_test(the_budget_takes_what_is_done_and_never_what_is_needed),
        cmocka_unit_test(what_is_older_than_wanted_goes),
        cmocka_unit_test(a_full_disk_keeps_what_was_safe_and_goes_on_when_there_is_room),
        cmocka_unit_test(room_for_two_segments_is_taken_ahead),
        cmocka_unit_test(no_bytes_make_a_frame_that_reads_beyond_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
