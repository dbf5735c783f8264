#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/console/say/said.h"

#include "proto/base/banned.h"

static char folder[64], path[100];
static struct said *book;

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/eocbus-said-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/said", folder);
    return said_create(&book, path, 4) == ST_OK ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    said_destroy(book);
    unlink(path);
    return rmdir(folder);
}

static void open_again(void)
{
    said_destroy(book);
    assert_int_equal(said_create(&book, path, 4), ST_OK);
}

static const uint8_t *bytes(uint8_t value)
{
    static uint8_t all[4][SAID_DIGEST];
    static unsigned next;
    uint8_t *out = all[next++ % 4];

    memset(out, value, SAID_DIGEST);
    return out;
}

static enum said_before find(uint8_t id, uint8_t digest)
{
    return said_find(book, bytes(id), bytes(digest));
}

static void keep(uint8_t id, uint8_t digest)
{
    assert_int_equal(said_keep(book, bytes(id), bytes(digest)), ST_OK);
}

static void the_same_and_another_are_told_apart_in_every_run(void **state)
{
    (void)state;
    assert_int_equal(find(1, 7), SAID_UNKNOWN);
    keep(1, 7);
    for (unsigned run = 0; run < 2; run++) {
        assert_int_equal(find(1, 7), SAID_SAME);
        assert_int_equal(find(1, 8), SAID_OTHER);
        assert_int_equal(find(2, 7), SAID_UNKNOWN);
        open_again();
    }
    keep(1, 8);
    open_again();
    assert_int_equal(find(1, 8), SAID_SAME);
    said_drop(book, bytes(1));
    open_again();
    assert_int_equal(find(1, 8), SAID_UNKNOWN);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    for (uint8_t id = 1; id <= 6; id++) {
        keep(id, id);
        open_again(); /* it goes on where it was */
    }
    for (uint8_t id = 1; id <= 6; id++)
        assert_int_equal(find(id, id), id <= 2 ? SAID_UNKNOWN : SAID_SAME);
}

static void a_row_that_was_torn_is_none(void **state)
{
    FILE *f;

    (void)state;
    keep(1, 7);
    keep(2, 7);
    f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 30, SEEK_SET);
    fputc('x', f);
    fclose(f);
    open_again();
    assert_int_equal(find(1, 7), SAID_UNKNOWN);
    assert_int_equal(find(2, 7), SAID_SAME);
    assert_int_equal(truncate(path, 70), 0);
    open_again();
    assert_int_equal(find(2, 7), SAID_UNKNOWN);
}

static void without_a_file_this_run_is_known(void **state)
{
    struct said *none = NULL;

    (void)state;
    assert_int_equal(said_create(&none, "/nowhere/said", 4), ST_IO);
    assert_int_equal(said_keep(none, bytes(1), bytes(2)), ST_IO);
    assert_int_equal(said_find(none, bytes(1), bytes(2)), SAID_SAME);
    said_destroy(none);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_same_and_another_are_told_apart_in_every_run),
        T(the_oldest_makes_room),
        T(a_row_that_was_torn_is_none),
        T(without_a_file_this_run_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
