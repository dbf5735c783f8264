#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/wire/peek.h"

static size_t pack(uint8_t *out)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;

    m.sender = (char *)"coes.ayni.office";
    m.epoch = UINT64_C(1789400000000000);
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    m.lane_seq = 300;
    m.sent_time_us = 1789400000000001;
    m.not_after_us = -5;
    m.clock_source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP;
    m.clock_err_ms = UINT32_MAX;
    m.flags = 3;
    entry.text = (char *)"x";
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    return eocbus__v1__envelope__pack(&m, out);
}

static void it_reads_what_was_written(void **state)
{
    uint8_t bytes[400];
    struct peek p;

    (void)state;
    assert_true(peek_content(&p, bytes, pack(bytes)));
    assert_int_equal(p.epoch, UINT64_C(1789400000000000));
    assert_int_equal(p.lane, 1);
    assert_int_equal(p.lane_seq, 300);
    assert_int_equal(p.sent_time_us, 1789400000000001);
    assert_int_equal(p.not_after_us, -5);
    assert_int_equal(p.clock_source, 2);
    assert_int_equal(p.clock_err_ms, UINT32_MAX);
    assert_int_equal(p.flags, 3);
}

static void what_is_cut_or_spoiled_says_nothing(void **state)
{
    static const uint8_t without_end[] = {0x20, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t bytes[400];
    size_t len = pack(bytes);
    struct peek p;

    (void)state;
    for (size_t cut = 0; cut < 20; cut++) {
        assert_false(peek_content(&p, bytes, cut)); /* ends before there is a place */
        assert_int_equal(p.lane, 0);
    }
    assert_false(peek_content(&p, bytes, len - 1));
    assert_int_equal(p.epoch, 0);
    assert_false(peek_content(&p, without_end, sizeof(without_end)));
    bytes[0] = 0x0b; /* a group */
    assert_false(peek_content(&p, bytes, len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_what_was_written),
        cmocka_unit_test(what_is_cut_or_spoiled_says_nothing),
    };

    return cmocka_run_group_tests_name("wire, peek", tests, NULL, NULL);
}
