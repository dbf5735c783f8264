/* A small file that is there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/file.h"

#include "proto/base/banned.h"

static char dir[] = "/tmp/eocbus-file-XXXXXX";
static char path[64];
static struct buf got;

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/rights", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&got);
    unlink(path);
    return rmdir(dir); /* nothing else is left there */
}

static void what_is_written_is_read_and_replaced_whole(void **state)
{
    struct stat file;

    (void)state;
    assert_int_equal(file_read(path, &got, 100), ST_NOTFOUND);
    assert_int_equal(file_replace(path, "first, longer", 13), ST_OK);
    assert_int_equal(file_replace(path, "second", 6), ST_OK);
    assert_int_equal(file_read(path, &got, 100), ST_OK);
    assert_int_equal(got.len, 6);
    assert_memory_equal(got.data, "second", 6);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(file_replace(path, "", 0), ST_OK);
    assert_int_equal(file_read(path, &got, 100), ST_OK);
    assert_int_equal(got.len, 0);
}

static void what_cannot_be_written_leaves_the_old_one(void **state)
{
    char missing[96];

    (void)state;
    snprintf(missing, sizeof(missing), "%s/none/rights", dir);
    assert_int_equal(file_replace(missing, "x", 1), ST_IO);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_replace(dir, "x", 1), ST_IO); /* a folder stands there */
    snprintf(missing, sizeof(missing), "%s.new", dir);
    assert_int_not_equal(access(missing, F_OK), 0);
}

static void what_is_too_large_or_no_file_is_not_read(void **state)
{
    (void)state;
    assert_int_equal(file_replace(path, "12345", 5), ST_OK);
    assert_int_equal(file_read(path, &got, 4), ST_INVALID);
    assert_int_equal(file_read(path, &got, 5), ST_OK);
    assert_int_equal(file_read(dir, &got, 1 << 20), ST_INVALID);
    mem_fail_at(1);
    assert_int_equal(file_read(path, &got, 5), ST_NOMEM);
    mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_replaced_whole),
        cmocka_unit_test(what_cannot_be_written_leaves_the_old_one),
        cmocka_unit_test(what_is_too_large_or_no_file_is_not_read),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
