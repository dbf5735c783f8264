/* The book of an office: lines that can be read back, once each, whatever people typed into them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/receipt_book.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

static char path[64];
static char seen[2000];

static int set_up(void **state)
{
    int file;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/receipt_book.XXXXXX");
    file = mkstemp(path);
    seen[0] = 0;
    return file < 0 ? -1 : close(file);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void on_line(void *arg, const char *line)
{
    size_t used = strlen(seen);

    (void)arg;
    snprintf(seen + used, sizeof(seen) - used, "%s|", line);
}

static void add(const Eocbus__V1__Envelope *m)
{
    struct buf line = {0};

    receipt_book_line(&line, m, INT64_C(1795298568000000));
    assert_int_equal(receipt_book_add(path, &line), ST_OK);
    buf_free(&line);
}

static void receipts_and_messages_are_read_back_once(void **state)
{
    uint8_t id[ID_BYTES] = {1, 0x90};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Receipt r = EOCBUS__V1__RECEIPT__INIT;
    Eocbus__V1__GeneralMessage note = EOCBUS__V1__GENERAL_MESSAGE__INIT;

    (void)state;
    m.sender = (char[]){"bus"};
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    m.receipt = &r;
    r.message_id = (ProtobufCBinaryData){ID_BYTES, id};
    r.level = EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_UNDELIVERABLE;
    r.recipient = (char[]){"moes"};
    r.by = (char[]){"bus"};
    r.code = (char[]){"unknown_agency"};
    add(&m);
    add(&m); /* heard again */
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.message_id = r.message_id;
    note.subject = (char[]){"two\nreceipt lines"};
    note.text = note.from_role = (char[]){"x"};
    m.general_message = &note;
    add(&m);
    assert_int_equal(receipt_book_read(path, "receipt", on_line, NULL), ST_OK);
    assert_string_equal(seen, "2026-11-21T22:02:48.000Z 01900000-0000-0000-0000-000000000000"
                              " UNDELIVERABLE moes bus unknown_agency|");
    seen[0] = 0;
    assert_int_equal(receipt_book_read(path, "heard", on_line, NULL), ST_OK);
    assert_non_null(strstr(seen, "general_message"));
    assert_null(strchr(seen, '\n'));
    assert_ptr_equal(strchr(seen, '|'), seen + strlen(seen) - 1); /* one */
}

static void without_a_book_nothing_was_heard(void **state)
{
    (void)state;
    assert_int_equal(receipt_book_read("/nowhere/book", "heard", on_line, NULL), ST_NOTFOUND);
}

/* `n` receipts of one month, each about a message of its own, from `first`. */
static void write_receipts(int month, int first, int n, const char *level, const char *recipient)
{
    FILE *f = fopen(path, "a");

    assert_non_null(f);
    for (int i = first; i < first + n; i++)
        fprintf(f, "receipt 2026-%02d-15T22:02:48.000Z 01900000-0000-0000-0000-%012d %s %s x -\n",
                month, i, level, recipient);
    assert_int_equal(fclose(f), 0);
}

static void a_large_book_keeps_what_is_open_and_what_is_new(void **state)
{
    const char *cut = "receipt 2026-10-15T22:0\n";
    FILE *f;

    (void)state;
    write_receipts(3, 1, 1, "DELIVERED", "old.open"); /* older than anything lives */
    write_receipts(11, 2, 1, "DELIVERED", "rcst.ayni");
    write_receipts(11, 3, 1, "DELIVERED", "rcst.open");
    f = fopen(path, "a");
    assert_non_null(f);
    assert_true(fputs(cut, f) >= 0);
    assert_int_equal(fclose(f), 0);
    write_receipts(11, 2, 1, "ACCEPTED", "rcst.ayni");
    write_receipts(11, 100, 12000, "ACCEPTED", "coes.filler");
    assert_int_equal(receipt_book_trim(path), ST_OK);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    assert_in_range(ftell(f), RECEIPT_BOOK_KEPT / 2, RECEIPT_BOOK_KEPT);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(receipt_book_read(path, "receipt", on_line, NULL), ST_OK);
    assert_non_null(strstr(seen, "DELIVERED rcst.open"));
    assert_null(strstr(seen, "old.open"));
    assert_null(strstr(seen, "rcst.ayni"));
    assert_null(strstr(seen, "000000000100 ACCEPTED coes.filler")); /* the oldest go first */
}

static void a_book_that_cannot_be_written_anew_stays(void **state)
{
    char in_the_way[80];

    (void)state;
    write_receipts(11, 100, 12000, "ACCEPTED", "coes.filler");
    snprintf(in_the_way, sizeof(in_the_way), "%s.new", path);
    assert_int_equal(mkdir(in_the_way, 0700), 0);
    assert_int_equal(receipt_book_trim(path), ST_IO);
    assert_int_equal(rmdir(in_the_way), 0);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(receipt_book_read(path, "receipt", on_line, NULL), ST_OK);
    assert_non_null(strstr(seen, "000000000100 ACCEPTED coes.filler"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(receipts_and_messages_are_read_back_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_large_book_keeps_what_is_open_and_what_is_new, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_book_that_cannot_be_written_anew_stays, set_up,
                                        tear_down),
        cmocka_unit_test(without_a_book_nothing_was_heard),
    };

    return cmocka_run_group_tests_name("receipt_book", tests, NULL, NULL);
}
