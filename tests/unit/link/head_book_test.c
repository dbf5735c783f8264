/* What an office keeps of the heads it heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/head_book.h"
#include "proto/base/ids.h"

#include "proto/base/banned.h"

#define MINUTE_US INT64_C(60000000)
#define DAY_US    (1440 * MINUTE_US)
#define NOON_US   INT64_C(1772366400000000) /* 2026-03-01T12:00:00Z */

struct heard {
    Eocbus__V1__Delivery delivery;
    Eocbus__V1__Envelope envelope;
    Eocbus__V1__Stamp stamp;
    Eocbus__V1__LogHead head;
    uint8_t digest[32], content[3], signature[2];
    char sender[16];
};

static const struct heard *hear(uint64_t seq, int64_t at_us)
{
    static struct heard h;

    h = (struct heard){.content = {1, 2, 255}, .signature = {16, 32}, .sender = "coes.broker"};
    eocbus__v1__delivery__init(&h.delivery);
    eocbus__v1__envelope__init(&h.envelope);
    eocbus__v1__stamp__init(&h.stamp);
    eocbus__v1__log_head__init(&h.head);
    memset(h.digest, 0xab, sizeof(h.digest));
    h.head.log_epoch = 1;
    h.head.seq = seq;
    h.head.digest = (ProtobufCBinaryData){sizeof(h.digest), h.digest};
    h.envelope.sender = h.sender;
    h.envelope.log_head = &h.head;
    h.stamp.received_time_us = at_us;
    h.delivery.stamp = &h.stamp;
    h.delivery.content = (ProtobufCBinaryData){sizeof(h.content), h.content};
    h.delivery.signature = (ProtobufCBinaryData){sizeof(h.signature), h.signature};
    return &h;
}

static int set_up(void **state)
{
    static char path[64];
    int fd;

    snprintf(path, sizeof(path), "/tmp/eocbus-heads-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    *state = path;
    return 0;
}

static int tear_down(void **state)
{
    unlink(*state);
    return 0;
}

static size_t lines_in(const char *path)
{
    struct buf text = {0};
    size_t n = 0;

    assert_int_equal(head_book_read(&text, path), ST_OK);
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == '\n';
    buf_free(&text);
    return n;
}

static void a_line_is_what_an_auditor_reads(void **state)
{
    const struct heard *h = hear(42, NOON_US);
    struct buf line = {0};

    (void)state;
    head_book_line(&line, &h->delivery, &h->envelope);
    buf_put(&line, "", 1);
    assert_string_equal((const char *)line.data,
                        "1 42 abababababababababababababababababababababababababababababababab "
                        "2026-03-01T12:00:00.000Z coes.broker 0102ff 1020\n");
    buf_free(&line);
}

static void one_in_ten_minutes_is_kept(void **state)
{
    struct head_book b = {.path = *state};

    for (unsigned minute = 0; minute <= 60; minute++) {
        const struct heard *h = hear(minute + 1, NOON_US + minute * MINUTE_US);

        assert_int_equal(head_book_add(&b, &h->delivery, &h->envelope), ST_OK);
    }
    assert_int_equal(lines_in(*state), 7);
}

/* A clock that was set back must not stop it for ever. */
static void a_time_before_the_last_one_is_kept(void **state)
{
    struct head_book b = {.path = *state};
    const struct heard *h = hear(1, NOON_US);

    assert_int_equal(head_book_add(&b, &h->delivery, &h->envelope), ST_OK);
    h = hear(2, NOON_US - DAY_US);
    assert_int_equal(head_book_add(&b, &h->delivery, &h->envelope), ST_OK);
    assert_int_equal(lines_in(*state), 2);
}

static void a_book_that_cannot_be_written_says_so(void **state)
{
    struct head_book b = {.path = "/nowhere/heads"};
    const struct heard *h = hear(1, NOON_US);

    (void)state;
    assert_int_equal(head_book_add(&b, &h->delivery, &h->envelope), ST_IO);
    assert_int_equal(b.kept_us, 0);
}

static void of_old_days_one_head_each_stays(void **state)
{
    struct buf text = {0}, thin = {0};
    unsigned lines = 0;

    (void)state;
    for (int64_t day = 0; day < 40; day++)
        for (unsigned hour = 0; hour < 3; hour++) {
            const struct heard *h = hear((uint64_t)(day * 3 + hour + 1),
                                         NOON_US + day * DAY_US + hour * 60 * MINUTE_US);

            head_book_line(&text, &h->delivery, &h->envelope);
        }
    buf_puts(&text, "1 9 abab 2026-04"); /* cut by a full disk */
    head_book_thin(&thin, (const char *)text.data, text.len);
    for (size_t i = 0; i < thin.len; i++)
        lines += thin.data[i] == '\n';
    /* Nine days have one each; of the tenth the first and the one that is thirty days old; then
     * all. */
    assert_int_equal(lines, 9 + 2 + 30 * 3);
    assert_memory_equal(thin.data, text.data, 20);
    buf_free(&text);
    buf_free(&thin);
}

#define WITH_PATH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PATH(a_line_is_what_an_auditor_reads),
        WITH_PATH(one_in_ten_minutes_is_kept),
        WITH_PATH(a_time_before_the_last_one_is_kept),
        WITH_PATH(a_book_that_cannot_be_written_says_so),
        WITH_PATH(of_old_days_one_head_each_stays),
    };

    return cmocka_run_group_tests_name("head book", tests, NULL, NULL);
}
