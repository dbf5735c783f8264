/* outbox_sign_test - what an outbox says is signed once, and the signature stays with its row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/outbox.h"
#include "proto/base/sign.h"

static char dir[] = "/tmp/eocbus-outbox-sign-XXXXXX", path[128], err[256];
static struct signer *signer;

struct seen {
    unsigned count, is_signed, is_good;
    uint8_t signature[SIGN_BYTES], content[512]; /* of the last row */
    size_t content_len;
};

static bool note_row(void *arg, const struct outbox_row *row)
{
    struct seen *s = arg;

    s->count++;
    s->content_len = row->content_len;
    assert_true(row->content_len <= sizeof(s->content));
    memcpy(s->content, row->content, row->content_len);
    if (!row->signature_len)
        return true;
    assert_int_equal(row->signature_len, SIGN_BYTES);
    s->is_signed++;
    s->is_good +=
        sign_is_good(signer_public(signer), "", row->content, row->content_len, row->signature);
    memcpy(s->signature, row->signature, SIGN_BYTES);
    return true;
}

static struct seen offered(struct outbox *o)
{
    struct seen s = {0};

    outbox_nothing_in_flight(o);
    assert_int_equal(outbox_next(o, OUTBOX_ALL_LANES, 1000, SIZE_MAX, note_row, &s), ST_OK);
    return s;
}

static struct outbox *open_with(const struct signer *with)
{
    struct outbox_settings set = {.path = path, .sender = "rcst.ayni.team2", .signer = with};
    struct outbox *o = NULL;

    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return o;
}

static void put_one(struct outbox *o)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};

    entry.position = (char *)"duty officer";
    entry.text = (char *)"the bridge at Zarafshon is passable";
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = INT64_C(1778788991000000);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    assert_int_equal(outbox_put(o, &m, NULL, &why), ST_OK);
}

/* --- the file --------------------------------------------------------------------------------- */

static void remove_files(void)
{
    const struct dirent *entry;
    DIR *d = opendir(dir);

    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
}

static int make_dir(void **state)
{
    struct keys k;

    (void)state;
    if (!mkdtemp(dir) || keys_generate(&k) != ST_OK || signer_create(&signer, &k) != ST_OK)
        return -1;
    snprintf(path, sizeof(path), "%s/out", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    signer_destroy(signer);
    return rmdir(dir);
}

static int empty_dir(void **state)
{
    (void)state;
    remove_files();
    return 0;
}

/* Turns one bit of the file where these bytes stand. */
static void flip_a_bit_of(const uint8_t *bytes, size_t len)
{
    static uint8_t file[1 << 20];
    int fd = open(path, O_RDWR);
    ssize_t size = pread(fd, file, sizeof(file), 0);
    const uint8_t *at = size > 0 ? memmem(file, (size_t)size, bytes, len) : NULL;
    uint8_t wrong;

    assert_non_null(at);
    wrong = at[3] ^ 1;
    assert_int_equal(pwrite(fd, &wrong, 1, at + 3 - file), 1);
    close(fd);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void what_is_put_is_signed_over_exactly_its_bytes(void **state)
{
    struct outbox *o = open_with(signer);
    struct seen s;

    (void)state;
    put_one(o);
    put_one(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    s = offered(o);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.is_good, 2);
    outbox_close(o);
    o = open_with(NULL); /* who offers it needs no key */
    assert_int_equal(offered(o).is_good, 2);
    outbox_close(o);
}

static void without_a_signer_nothing_is_signed(void **state)
{
    struct outbox *o = open_with(NULL);

    (void)state;
    put_one(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o).count, 1);
    assert_int_equal(offered(o).is_signed, 0);
    outbox_close(o);
}

/* A device that got its signing pair while something waited: the bus takes nothing unsigned of it
 * any more. */
static void what_waited_before_the_device_signed_is_signed_when_it_is_offered(void **state)
{
    struct outbox *o = open_with(NULL);
    struct seen first, again;

    (void)state;
    put_one(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    o = open_with(signer);
    first = offered(o);
    again = offered(o);
    assert_int_equal(first.is_good, 1);
    assert_memory_equal(first.signature, again.signature, SIGN_BYTES);
    outbox_close(o);
}

static void what_is_carried_keeps_the_signature_it_came_with(void **state)
{
    static const uint8_t signature[SIGN_BYTES] = {1, 2, 3};
    struct outbox *o = open_with(signer);
    struct seen s;
    uint64_t tag;

    (void)state;
    assert_int_equal(outbox_put_raw(o, 4, "of nobody", 9, &tag), ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(offered(o).is_signed, 0);
    assert_int_equal(outbox_put_carried(o, 4, "of another", 10, signature, 63, &tag), ST_INVALID);
    assert_int_equal(outbox_put_carried(o, 4, "of another", 10, signature, SIGN_BYTES, &tag),
                     ST_OK);
    assert_int_equal(outbox_commit(o), ST_OK);
    s = offered(o);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.is_signed, 1);
    assert_memory_equal(s.signature, signature, SIGN_BYTES);
    outbox_close(o);
}

static void a_signature_that_changed_on_the_disk_is_not_sent(void **state)
{
    struct outbox *o = open_with(signer);
    struct outbox_counts c;
    struct seen s;

    (void)state;
    put_one(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    s = offered(o);
    outbox_close(o); /* the last one to close folds the log into the file */
    flip_a_bit_of(s.signature, SIGN_BYTES);
    o = open_with(signer);
    assert_int_equal(offered(o).count, 0);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.damaged, 1);
    outbox_close(o);
}

/* path.damaged is what a program leaves that met a page it could not read. */
static void a_file_that_is_exchanged_takes_its_signatures_along(void **state)
{
    char marker[160];
    struct outbox *o = open_with(NULL);
    struct seen s;
    FILE *f;

    (void)state;
    put_one(o); /* to be signed late */
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    o = open_with(signer);
    put_one(o);
    assert_int_equal(outbox_commit(o), ST_OK);
    outbox_close(o);
    snprintf(marker, sizeof(marker), "%s.damaged", path);
    f = fopen(marker, "w");
    assert_non_null(f);
    fclose(f);
    o = open_with(signer);
    s = offered(o);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.is_good, 2);
    outbox_close(o);
    assert_int_equal(access(marker, F_OK), -1); /* it was exchanged */
    o = open_with(NULL);
    assert_int_equal(offered(o).is_good, 2); /* its rows are raw now: they were signed then */
    outbox_close(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_put_is_signed_over_exactly_its_bytes, empty_dir),
        cmocka_unit_test_teardown(without_a_signer_nothing_is_signed, empty_dir),
        cmocka_unit_test_teardown(what_waited_before_the_device_signed_is_signed_when_it_is_offered,
                                  empty_dir),
        cmocka_unit_test_teardown(what_is_carried_keeps_the_signature_it_came_with, empty_dir),
        cmocka_unit_test_teardown(a_signature_that_changed_on_the_disk_is_not_sent, empty_dir),
        cmocka_unit_test_teardown(a_file_that_is_exchanged_takes_its_signatures_along, empty_dir),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
