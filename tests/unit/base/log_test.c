/* log_test - one event stays one line, whatever a message from outside holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

static char last_line[4096];
static unsigned lines;

static void catch_line(void *arg, enum log_level level, const char *line)
{
    (void)arg, (void)level;
    lines++;
    snprintf(last_line, sizeof(last_line), "%s", line);
}

static int catch_lines(void **state)
{
    (void)state;
    lines = 0;
    log_set_level(LOG_DEBUG);
    log_set_sink(catch_line, NULL);
    return 0;
}

static int release_lines(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    log_set_level(LOG_INFO);
    return 0;
}

/* What follows the time, the level and the id. */
static const char *values(void)
{
    const char *p = last_line;

    for (int i = 0; i < 3 && p; i++)
        p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL;
    return p ? p : "";
}

static void a_line_has_time_level_id_and_values(void **state)
{
    char when[TIME_TEXT];
    int64_t us;

    (void)state;
    log_warn("store.commit.lost", "rows=%d sqlstate=%s", 212, "57P01");
    assert_int_equal(lines, 1);
    memcpy(when, last_line, 24);
    when[24] = '\0';
    assert_true(time_parse(&us, when));
    assert_string_equal(last_line + 24, " warn store.commit.lost rows=212 sqlstate=57P01");
}

static void an_event_without_values_ends_after_its_id(void **state)
{
    const char *nothing = "";

    (void)state;
    log_info("broker.ready", "%s", nothing);
    assert_string_equal(last_line + 24, " info broker.ready");
}

static void levels_below_the_least_are_silent(void **state)
{
    enum log_level level = LOG_DEBUG;

    (void)state;
    log_set_level(LOG_WARN);
    log_debug("a.b", "x=1");
    log_info("a.b", "x=1");
    assert_int_equal(lines, 0);
    log_warn("a.b", "x=1");
    log_error("a.b", "x=1");
    assert_int_equal(lines, 2);
    assert_int_equal(log_level_parse("error", &level), ST_OK);
    assert_int_equal(level, LOG_ERROR);
    assert_int_equal(log_level_parse("loud", &level), ST_INVALID);
}

static void nothing_from_outside_can_forge_a_line_or_talk_to_a_terminal(void **state)
{
    static const struct {
        const char *from_outside, *logged;
    } corpus[] = {
        {"plain", "plain"},
        {"Айнӣ сел", "Айнӣ сел"},
        {"a\nb", "a\\nb"},
        {"a\r\n2026-05-14T20:03:11.482Z error forged x=1",
         "a\\x0d\\n2026-05-14T20:03:11.482Z error "
         "forged x=1"},
        {"a\tb", "a\\tb"},
        {"\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"},
        {"already \\n escaped", "already \\\\n escaped"},
        {"\x7f\b", "\\x7f\\x08"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"}, /* the CSI of eight-bit terminals, in UTF-8 */
        {"\x9b"
         "31m",
         "\\x9b31m"}, /* and bare */
        {"a\xe2\x80\xa8"
         "b",
         "a\\xe2\\x80\\xa8b"}, /* U+2028 line separator */
        {"\xe2\x80\xae"
         "drow",
         "\\xe2\\x80\\xaedrow"},               /* U+202E right-to-left override */
        {"\xef\xbb\xbfx", "\\xef\\xbb\\xbfx"}, /* U+FEFF */
        {"\xc0\x8a", "\\xc0\\x8a"},            /* overlong newline */
        {"\xe0\x80\x8a", "\\xe0\\x80\\x8a"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* past U+10FFFF */
        {"\xf0\x9f\x8c\x8a", "\xf0\x9f\x8c\x8a"},     /* a wave may be seen */
        {"cut \xd0", "cut \\xd0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(corpus); i++) {
        log_info("gate.refused", "%s", corpus[i].from_outside);
        assert_string_equal(values(), corpus[i].logged);
        log_info(corpus[i].from_outside, "x=1");
        assert_null(strpbrk(last_line, "\n\r\x1b\x07"));
    }
}

/* The next code point of well-formed UTF-8, 0 at the end, UINT32_MAX if it is none. */
static uint32_t next_letter(const unsigned char **at)
{
    const unsigned char *s = *at;
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

    if (!s[0])
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return UINT32_MAX;
        c = c << 6 | (s[i] & 0x3f);
    }
    *at = s + len;
    return c;
}

static bool is_for_a_terminal(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Bytes drawn from what does harm: as many lines as events, each of letters alone, and short. */
static void whatever_bytes_come_one_event_is_one_harmless_line(void **state)
{
    static const char *const pieces[] = {
        "\n",           "\r\n",
        "\x1b[31m",     "\x1b]8;;http://x\x07",
        "\xe2\x80\xae", "\xe2\x80\xa8",
        "%n%s%p",       "\\",
        "\"",           " error forged x=1",
        "\xff\xfe",     "\xf0\x9f",
        "\xd3\xa3",     "\xc2\x85",
        "\x7f",         "\t",
        "\xed\xb2\x80", "'; DROP TABLE",
        "<script>",     "\xc0\xae",
        "\x9b 2J",      "key=value",
        "\x08\x08",     "plain",
    };
    uint32_t random = 4711;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[2048] = "";
        const unsigned char *at = (const unsigned char *)last_line;
        uint32_t c;

        for (unsigned n = i % 60; n; n--) {
            random = random * 1664525 + 1013904223;
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
                     pieces[(random >> 16) % ARRAY_LEN(pieces)]);
        }
        log_warn("gate.refused", "why=%s next=\"kept\"", text);
        assert_int_equal(lines, i + 1);
        assert_true(strlen(last_line) < 1024);
        while ((c = next_letter(&at)))
            assert_false(c == UINT32_MAX || is_for_a_terminal(c));
    }
}

static void a_long_line_is_cut_between_letters_and_says_so(void **state)
{
    char text[4001];

    (void)state;
    for (size_t i = 0; i < 2000; i++)
        memcpy(text + 2 * i, "\xd3\xa3", 2); /* U+04E3 */
    text[4000] = '\0';
    for (int shift = 0; shift < 4; shift++) {
        size_t len;

        log_info("gate.refused", "%.*s%s", shift, "xxxx", text);
        len = strlen(last_line);
        assert_in_range(len, 1015, 1023); /* and a newline */
        assert_string_equal(last_line + len - 3, "...");
        assert_memory_equal(last_line + len - 5, "\xd3\xa3", 2);
    }
}

static void a_line_of_escapes_is_bounded_too(void **state)
{
    char text[2001];

    (void)state;
    memset(text, 1, 2000);
    text[2000] = '\0';
    log_info("gate.refused", "%s", text);
    assert_true(strlen(last_line) <= 1023);
    assert_non_null(strstr(last_line, "\\x01..."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_has_time_level_id_and_values, catch_lines),
        cmocka_unit_test_setup(an_event_without_values_ends_after_its_id, catch_lines),
        cmocka_unit_test_setup(levels_below_the_least_are_silent, catch_lines),
        cmocka_unit_test_setup(nothing_from_outside_can_forge_a_line_or_talk_to_a_terminal,
                               catch_lines),
        cmocka_unit_test_setup(whatever_bytes_come_one_event_is_one_harmless_line, catch_lines),
        cmocka_unit_test_setup(a_long_line_is_cut_between_letters_and_says_so, catch_lines),
        cmocka_unit_test_setup(a_line_of_escapes_is_bounded_too, catch_lines),
    };

    return cmocka_run_group_tests(tests, NULL, release_lines);
}
