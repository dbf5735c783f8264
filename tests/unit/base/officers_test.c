/* The file of pinned officers: what it may say, and who may have written it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/officers.h"
#include "tests/lib/officers.h"

static struct test_officers desk;

static enum status parse(const char *fmt, char *err, size_t size)
{
    struct officers o;
    char text[1024];

    /* %1$s and %2$s are two keys */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), fmt, desk.keys[0].sign_public_z85, desk.keys[1].sign_public_z85);
#pragma GCC diagnostic pop
    return officers_parse(&o, text, "officers", err, size);
}

static void officers_are_read_with_comments_and_blanks(void **state)
{
    struct officers o = {0};
    char text[512], err[256] = "";

    (void)state;
    snprintf(text, sizeof(text),
             "# who\n\n  a.one \t%s\r\nneeded=2\nb.two %s # no comment, a key has no blank", //
             desk.keys[0].sign_public_z85, desk.keys[1].sign_public_z85);
    assert_int_equal(officers_parse(&o, text, "f", err, sizeof(err)), ST_OK);
    assert_int_equal(o.count, 2);
    assert_int_equal(o.needed, 2);
    assert_string_equal(officers_find_key(&o, signer_public(desk.signer[1]))->name, "b.two");
    assert_memory_equal(officers_find(&o, "a.one")->key, signer_public(desk.signer[0]), KEY_BYTES);
    assert_null(officers_find(&o, "a.on"));
    assert_null(officers_find_key(&o, signer_public(desk.signer[2])));
}

static void a_file_that_would_let_one_person_enrol_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"a.one %1$s\n", "1 officers, and 2 are needed"},
        {"", "0 officers"},
        {"needed = 1\na.one %1$s\nb.two %2$s\n", "two people"},
        {"needed = 3\na.one %1$s\nb.two %2$s\n", "3 are needed"},
        {"a.one %1$s\nb.two %1$s\n", "twice"},
        {"a.one %1$s\na.one %2$s\n", "twice"},
        {"a.one %1$s\nb.two %2$.39s\n", "40 characters"},
        {"a.one %1$s\nB.Two %2$s\n", "no line"},
        {"a.one %1$s\nb.two\n%2$s\n", "no line"},
    };
    char err[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(parse(rows[i].text, err, sizeof(err)), ST_INVALID);
        if (!strstr(err, rows[i].says))
            fail_msg("row %zu says: %s", i, err);
    }
}

static void a_file_that_others_may_write_is_refused(void **state)
{
    char path[] = "/tmp/eocbus-officers-XXXXXX", err[256] = "";
    struct officers o;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    officers_write(&desk, path);
    assert_int_equal(officers_load(&o, path, err, sizeof(err)), ST_OK);
    assert_int_equal(o.count, TEST_OFFICERS);
    for (unsigned mode = 0620; mode; mode = mode == 0620 ? 0602 : 0) {
        assert_int_equal(chmod(path, mode), 0);
        assert_int_equal(officers_load(&o, path, err, sizeof(err)), ST_DENIED);
        assert_non_null(strstr(err, "chmod 644"));
    }
    unlink(path);
    assert_int_equal(officers_load(&o, path, err, sizeof(err)), ST_NOTFOUND);
}

static int open_desk(void **state)
{
    (void)state;
    officers_open(&desk);
    return 0;
}

static int close_desk(void **state)
{
    (void)state;
    officers_close(&desk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(officers_are_read_with_comments_and_blanks),
        cmocka_unit_test(a_file_that_would_let_one_person_enrol_is_refused),
        cmocka_unit_test(a_file_that_others_may_write_is_refused),
    };

    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
