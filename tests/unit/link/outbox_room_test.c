/* When there is no room: on the disk, or in the budget. */
#include "tests/unit/link/outbox_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_budget_refuses_with_a_sentence_and_keeps_its_word),
        T(stored_rows_make_room_for_new_ones),
        T(receipts_find_room_in_a_full_budget),
        T(on_a_full_disk_accepted_is_kept_and_draining_works),
        T(a_disk_that_the_outbox_itself_filled_takes_again_once_all_is_stored),
        T(after_an_error_of_the_disk_nothing_more_is_taken),
    };

    log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests_name("outbox_room", tests, NULL, NULL);
}
