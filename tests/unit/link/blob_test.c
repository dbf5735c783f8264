/* A file in pieces: cut, said once however often its command is killed, and put together in any
 * order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents/link/blob.h"
#include "agents/link/blob_box.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "tests/lib/desk.h"

enum { SIZE = 10000, PIECES = (SIZE + BLOB_PIECE_THIN - 1) / BLOB_PIECE_THIN };

static char dir[64], err[600];
static uint8_t photo[SIZE];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/eocbus-blob-XXXXXX");
    for (unsigned i = 0; i < SIZE; i++)
        photo[i] = (uint8_t)(i * 31 + i / 251);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char path[300];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static bool is_file(const char *path, const void *bytes, size_t len)
{
    static uint8_t found[2 * SIZE];
    int fd = open(path, O_RDONLY);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, found, sizeof(found));
    close(fd);
    return n == (ssize_t)len && memcmp(found, bytes, len) == 0;
}

/* --- cutting ---------------------------------------------------------------------------------- */

static void a_file_is_cut_into_pieces_that_make_it_up(void **state)
{
    struct blob b;
    uint8_t whole[SIZE], hash[DIGEST_BYTES];
    Eocbus__V1__BlobChunk c;

    (void)state;
    write_file(in_dir("photo.jpg"), photo, SIZE);
    assert_int_equal(blob_open(&b, in_dir("photo.jpg"), BLOB_PIECE_THIN, err, sizeof(err)), ST_OK);
    assert_int_equal(blob_pieces(&b), PIECES);
    for (uint64_t n = 0; n < PIECES; n++) {
        eocbus__v1__blob_chunk__init(&c);
        c.name = (char *)"photo.jpg";
        assert_int_equal(blob_piece(&b, n, &c), ST_OK);
        assert_int_equal(c.offset, n * BLOB_PIECE_THIN);
        assert_int_equal(c.total, SIZE);
        assert_string_equal(c.name, n == 0 ? "photo.jpg" : "");
        memcpy(whole + c.offset, c.data.data, c.data.len);
    }
    assert_memory_equal(whole, photo, SIZE);
    digest_of(hash, photo, SIZE);
    assert_memory_equal(b.hash, hash, DIGEST_BYTES);
    blob_close(&b);
}

static void what_is_no_file_or_empty_is_told(void **state)
{
    struct blob b;

    (void)state;
    write_file(in_dir("empty"), "", 0);
    assert_int_equal(blob_open(&b, in_dir("empty"), 512, err, sizeof(err)), ST_INVALID);
    assert_int_equal(blob_open(&b, in_dir("none"), 512, err, sizeof(err)), ST_IO);
    assert_int_equal(blob_open(&b, dir, 512, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "is no file"));
}

static void thin_links_get_thin_pieces(void **state)
{
    (void)state;
    assert_int_equal(blob_piece_bytes(link_profile_by_name("2g")), 512);
    assert_int_equal(blob_piece_bytes(link_profile_by_name("radio")), 512);
    assert_int_equal(blob_piece_bytes(link_profile_by_name("4g")), 4096);
    assert_int_equal(blob_piece_bytes(link_profile_by_name("fiber")), 4096);
}

/* --- putting together ------------------------------------------------------------------------- */

static struct blob_box *open_box(unsigned files, uint64_t bytes)
{
    const struct blob_box_settings set = {
        .folder = in_dir("box"), .most_files = files, .most_bytes = bytes};
    struct blob_box *b = NULL;

    if (blob_box_open(&b, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return b;
}

static struct blob_news news;

static enum blob_event take(struct blob_box *b, const uint8_t *of, const char *sender,
                            uint64_t offset, size_t len)
{
    Eocbus__V1__BlobChunk c = EOCBUS__V1__BLOB_CHUNK__INIT;
    uint8_t hash[DIGEST_BYTES];

    digest_of(hash, photo, SIZE);
    c.blob_hash = (ProtobufCBinaryData){DIGEST_BYTES, hash};
    c.offset = offset;
    c.total = SIZE;
    c.data = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)of + offset};
    if (offset == 0)
        c.name = (char *)"../../etc/passwd\x1b[2J";
    assert_int_equal(blob_box_take(b, sender, &c, &news), ST_OK);
    return news.event;
}

/* Piece n of the file in pieces of 512. */
static enum blob_event take_nth(struct blob_box *b, unsigned n)
{
    size_t len = n == PIECES - 1 ? SIZE - n * 512 : 512;

    return take(b, photo, "coes.ayni.office", n * 512, len);
}

static void pieces_in_any_order_and_repeated_make_the_file(void **state)
{
    struct blob_box *b = open_box(0, 0);
    char about[4300], text[300] = "";
    int fd;

    (void)state;
    for (unsigned i = 0; i + 1 < PIECES; i++) {
        assert_int_equal(take_nth(b, i * 7 % PIECES), BLOB_PIECE);
        assert_int_equal(take_nth(b, i * 7 % PIECES), BLOB_KNOWN);
    }
    assert_int_equal(blob_box_waiting(b), 1);
    assert_int_equal(take_nth(b, (PIECES - 1) * 7 % PIECES), BLOB_WHOLE);
    assert_true(is_file(news.path, photo, SIZE));
    assert_int_equal(blob_box_waiting(b), 0);
    assert_int_equal(take_nth(b, 3), BLOB_KNOWN);
    /* The name is for people, and never a path. */
    snprintf(about, sizeof(about), "%s.about", news.path);
    fd = open(about, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_non_null(strstr(text, "passwd\\x1b[2J\n"));
    blob_box_close(b);
}

static void a_restart_between_any_two_pieces_loses_none(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PIECES; i++) {
        struct blob_box *b = open_box(0, 0);

        assert_int_equal(take_nth(b, PIECES - 1 - i), i + 1 < PIECES ? BLOB_PIECE : BLOB_WHOLE);
        assert_int_equal(take_nth(b, PIECES - 1 - i), BLOB_KNOWN);
        blob_box_close(b);
    }
    assert_true(is_file(news.path, photo, SIZE));
}

static void a_piece_that_a_power_cut_halved_counts_as_not_come(void **state)
{
    struct blob_box *b = open_box(0, 0);
    char command[300];

    (void)state;
    for (unsigned i = 0; i + 1 < PIECES; i++)
        take_nth(b, i);
    blob_box_close(b);
    /* Piece 4 was counted, but its bytes are not on the disk. */
    snprintf(
        command, sizeof(command),
        "dd if=/dev/zero of=$(ls %s/box/*.part) bs=1 seek=2100 count=8 conv=notrunc 2>/dev/null",
        dir);
    assert_int_equal(system(command), 0);
    b = open_box(0, 0);
    assert_int_equal(take_nth(b, PIECES - 1), BLOB_PIECE);
    assert_int_equal(news.have, SIZE - 512);
    assert_int_equal(take_nth(b, 4), BLOB_WHOLE);
    assert_true(is_file(news.path, photo, SIZE));
    blob_box_close(b);
}

static void a_whole_that_does_not_fit_its_hash_is_kept_and_never_believed(void **state)
{
    struct blob_box *b = open_box(0, 0);
    static uint8_t forged[SIZE];

    (void)state;
    memcpy(forged, photo, SIZE);
    forged[5000] ^= 1;
    assert_int_equal(take(b, forged, "rogue.x.y", 0, 6000), BLOB_PIECE);
    assert_int_equal(take(b, photo, "coes.ayni.office", 0, 4000), BLOB_PIECE);
    assert_int_equal(take(b, forged, "rogue.x.y", 6000, 4000), BLOB_WRONG);
    assert_true(is_file(news.path, forged, SIZE));
    assert_non_null(strstr(news.path, ".wrong"));
    /* It spoiled nothing of the other sender's. */
    assert_int_equal(take(b, photo, "coes.ayni.office", 4000, 6000), BLOB_WHOLE);
    assert_true(is_file(news.path, photo, SIZE));
    blob_box_close(b);
}

static void files_and_bytes_have_bounds(void **state)
{
    struct blob_box *b = open_box(1, 0);

    (void)state;
    assert_int_equal(take(b, photo, "a.b.c", 0, 100), BLOB_PIECE);
    assert_int_equal(take(b, photo, "d.e.f", 0, 100), BLOB_REFUSED);
    assert_non_null(strstr(news.why, "too many"));
    assert_int_equal(take(b, photo, "a.b.c", 100, 100), BLOB_PIECE);
    blob_box_close(b);
    b = open_box(5, SIZE + 100);
    assert_int_equal(take(b, photo, "d.e.f", 0, 100), BLOB_REFUSED);
    assert_non_null(strstr(news.why, "too large"));
    blob_box_close(b);
}

static void crumbs_are_refused_before_their_count_grows_large(void **state)
{
    struct blob_box *b = open_box(0, 0);
    unsigned taken = 0;

    (void)state;
    for (unsigned at = 0; at < SIZE; at += 2)
        taken += take(b, photo, "a.b.c", at, 1) == BLOB_PIECE;
    assert_in_range(taken, 1000, 1200);
    blob_box_close(b);
}

static void taking_survives_every_failed_allocation(void **state)
{
    struct blob_box *b = open_box(0, 0);
    uint8_t hash[DIGEST_BYTES];
    Eocbus__V1__BlobChunk c = EOCBUS__V1__BLOB_CHUNK__INIT;
    enum status st = ST_NOMEM;

    (void)state;
    digest_of(hash, photo, SIZE);
    c.blob_hash = (ProtobufCBinaryData){DIGEST_BYTES, hash};
    c.total = SIZE;
    c.data = (ProtobufCBinaryData){512, photo};
    for (unsigned n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = blob_box_take(b, "a.b.c", &c, &news);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_true(n < 50);
    }
    assert_int_equal(news.have, 512);
    blob_box_close(b);
}

/* --- the command ------------------------------------------------------------------------------ */

static struct blob_box *box_of_all(struct desk *d)
{
    struct blob_box *b = open_box(0, 0);

    for (size_t n = 0; n < desk_count(d); n++) {
        Eocbus__V1__Envelope *m = desk_message(d, n);

        assert_int_equal(m->lane, EOCBUS__V1__LANE__LANE_BULK);
        assert_int_equal(blob_box_take(b, m->sender, m->blob_chunk, &news), ST_OK);
        assert_true(news.event == BLOB_PIECE || news.event == BLOB_WHOLE);
        eocbus__v1__envelope__free_unpacked(m, NULL);
    }
    return b;
}

static void sent_twice_it_is_said_once(void **state)
{
    struct desk d;
    struct buf said = {0};

    (void)state;
    desk_open(&d, "coes.ayni.office");
    d.office.set.agent.link_profile = (char *)"2g";
    write_file(in_dir("photo.jpg"), photo, SIZE);
    assert_int_equal(desk_run(&d, office_send_file, &said, "send-file", in_dir("photo.jpg"), NULL),
                     EXIT_DONE);
    assert_non_null(strstr((char *)said.data, "20 pieces kept"));
    assert_int_equal(desk_count(&d), PIECES);
    assert_int_equal(desk_run(&d, office_send_file, &said, "send-file", in_dir("photo.jpg"), NULL),
                     EXIT_DONE);
    assert_non_null(strstr((char *)said.data, "said before"));
    assert_int_equal(desk_count(&d), PIECES);
    blob_box_close(box_of_all(&d));
    assert_int_equal(news.event, BLOB_WHOLE);
    assert_true(is_file(news.path, photo, SIZE));
    buf_free(&said);
    desk_close(&d);
}

static void killed_anywhere_it_goes_on_and_doubles_nothing(void **state)
{
    static uint8_t large[400000];
    struct desk d;
    struct buf said = {0};
    bool finished = false;
    size_t before = 0, pieces = (sizeof(large) + 511) / 512;
    unsigned kills = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 131 >> 3);
    write_file(in_dir("scan.pdf"), large, sizeof(large));
    desk_open(&d, "coes.ayni.office");
    d.office.set.agent.link_profile = (char *)"2g";
    for (unsigned n = 1; !finished && n < 200; n++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            desk_run(&d, office_send_file, &said, "send-file", in_dir("scan.pdf"), NULL);
            _exit(0);
        }
        usleep(n * 7000); /* where it is killed does not matter: anywhere */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        finished = WIFEXITED(status);
        kills += !finished;
        assert_true(desk_count(&d) >= before);
        before = desk_count(&d);
    }
    print_message("killed %u times\n", kills);
    assert_true(kills > 0);
    assert_int_equal(desk_count(&d), pieces);
    blob_box_close(box_of_all(&d));
    assert_int_equal(news.event, BLOB_WHOLE);
    buf_free(&said);
    desk_close(&d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_file_is_cut_into_pieces_that_make_it_up),
        T(what_is_no_file_or_empty_is_told),
        T(thin_links_get_thin_pieces),
        T(pieces_in_any_order_and_repeated_make_the_file),
        T(a_restart_between_any_two_pieces_loses_none),
        T(a_piece_that_a_power_cut_halved_counts_as_not_come),
        T(a_whole_that_does_not_fit_its_hash_is_kept_and_never_believed),
        T(files_and_bytes_have_bounds),
        T(crumbs_are_refused_before_their_count_grows_large),
        T(taking_survives_every_failed_allocation),
        T(sent_twice_it_is_said_once),
        T(killed_anywhere_it_goes_on_and_doubles_nothing),
    };

    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
