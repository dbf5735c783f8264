#include "agents/link/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void expect_escaped(const char *text, size_t len, const char *wanted)
{
    struct buf b = {0};

    print_escaped(&b, text, len);
    buf_put(&b, "", 1);
    assert_false(b.failed);
    assert_string_equal((const char *)b.data, wanted);
    buf_free(&b);
}

static void plain_text_of_any_script_stays(void **state)
{
    const char *text = "Veshist, \xd0\x90\xd0\xb9\xd0\xbd\xd3\xa3 \xf0\x9f\x8c\x8a";

    (void)state;
    expect_escaped(text, strlen(text), text);
    expect_escaped("", 0, "");
}

static void a_text_cannot_talk_to_the_terminal(void **state)
{
    (void)state;
    expect_escaped("a\033[2Jb", 6, "a\\x1b[2Jb");
    expect_escaped("a\nb\rc\0d", 7, "a\\x0ab\\x0dc\\x00d");
    expect_escaped("\xc2\x9b"
                   "31m",
                   5, "\\u{009b}31m");              /* CSI in one character */
    expect_escaped("\xe2\x80\xae", 3, "\\u{202e}"); /* turns the direction of writing */
    expect_escaped("\xe2\x80\xa8", 3, "\\u{2028}"); /* a line end of another kind */
    expect_escaped("\x7f", 1, "\\x7f");
    expect_escaped("a\xe2\x80\x8b\xef\xbb\xbf", 7, "a\\u{200b}\\u{feff}"); /* not seen */
    expect_escaped("\xf3\xa0\x81\x81", 4, "\\u{e0041}");                   /* a tag */
    expect_escaped("\xe2\x80\x8c", 3, "\xe2\x80\x8c"); /* the joiner of Persian stays */
}

static void bytes_that_are_no_utf8_are_shown_as_bytes(void **state)
{
    (void)state;
    expect_escaped("\xff\xfe", 2, "\\xff\\xfe");
    expect_escaped("\xc0\x8a", 2, "\\xc0\\x8a");          /* overlong newline */
    expect_escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
    expect_escaped("\xd0", 1, "\\xd0");                   /* cut short */
    expect_escaped("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80");
}

static void expect_json(const char *text, const char *wanted)
{
    struct buf b = {0};

    print_json_text(&b, text);
    buf_put(&b, "", 1);
    assert_string_equal((const char *)b.data, wanted);
    buf_free(&b);
}

static void json_texts_are_quoted_and_escaped(void **state)
{
    (void)state;
    expect_json(NULL, "null");
    expect_json("", "\"\"");
    expect_json("say \"no\" \\ \n\033", "\"say \\\"no\\\" \\\\ \\u000a\\u001b\"");
    expect_json("\xff", "\"\\ufffd\"");
    expect_json("\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"");
}

static void a_json_document_cannot_either_and_stays_one(void **state)
{
    const char *text = "{\n \"a\": \"\xc2\x9b"
                       "2J\x7f\xe2\x80\xae \\n \xd0\x90\"}";
    struct buf b = {0};

    (void)state;
    print_escaped_json(&b, text, strlen(text));
    buf_put(&b, "", 1);
    assert_string_equal((const char *)b.data,
                        "{\n \"a\": \"\\u009b2J\\u007f\\u202e \\n \xd0\x90\"}");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_of_any_script_stays),
        cmocka_unit_test(a_text_cannot_talk_to_the_terminal),
        cmocka_unit_test(bytes_that_are_no_utf8_are_shown_as_bytes),
        cmocka_unit_test(json_texts_are_quoted_and_escaped),
        cmocka_unit_test(a_json_document_cannot_either_and_stays_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
