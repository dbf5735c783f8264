#include "agents/ctl/wrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "agents/link/print.h"

#include "proto/base/banned.h"

static struct buf out;

static const char *wrap(size_t at, size_t indent, const char *text)
{
    buf_clear(&out);
    wrap_put(&out, at, indent, text);
    buf_put(&out, "", 1);
    assert_false(out.failed);
    return (const char *)out.data;
}

static void lines_break_between_words_and_are_as_wide_as_a_terminal(void **state)
{
    static const char words[] =
        "Ба аҳолии соҳили рост эълон карда мешавад: ҳозир ба баландӣ равед, дарёи Зарафшон "
        "зуд боло меояд ва роҳ баста аст. Ҷӯраобод, Ғусор, Қӯрғончаи Ҳисор.";
    const char *line = wrap(14, 14, words), *end;
    struct buf joined = {0};

    (void)state;
    for (size_t at = 14; *line; line = end + 1, at = 0) {
        end = strchr(line, '\n');
        assert_true(at + print_width(line, (size_t)(end - line)) <= WRAP_COLUMNS);
        line += strspn(line, " ");
        buf_printf(&joined, "%s%.*s", joined.len ? " " : "", (int)(end - line), line);
    }
    buf_put(&joined, "", 1);
    assert_string_equal((const char *)joined.data, words);
    buf_free(&joined);
    assert_string_equal(wrap(0, 0, ""), "\n");
}

static void what_belongs_together_stays_together(void **state)
{
    struct buf text = {0};

    (void)state;
    for (int i = 0; i < WRAP_COLUMNS - 4; i++)
        buf_puts(&text, "a");
    buf_put(&text, " 2,4\u00a0m", sizeof(" 2,4\u00a0m"));
    wrap(0, 2, (const char *)text.data);
    buf_free(&text);
    assert_non_null(strstr((const char *)out.data, "a\n  2,4\u00a0m\n"));
}

static void only_a_word_that_is_longer_than_a_line_is_broken(void **state)
{
    char text[3 * WRAP_COLUMNS] = "";
    const char *second;

    (void)state;
    memset(text, 'a', WRAP_COLUMNS + 5);
    second = strchr(wrap(0, 3, text), '\n') + 1;
    assert_int_equal((size_t)(second - (const char *)out.data), WRAP_COLUMNS + 1);
    assert_string_equal(second, "   aaaaa\n");
}

static void a_letter_with_its_mark_beside_it_takes_one_column(void **state)
{
    (void)state;
    assert_int_equal(print_width("ӣ", 2), 1);
    assert_int_equal(print_width("и\u0304", 4), 1);
    assert_int_equal(print_width("水", 3), 2);
    assert_int_equal(print_width("\xff", 1), 1);
}

/* Nor can a text make itself another line. */
static void a_text_cannot_talk_to_the_terminal(void **state)
{
    (void)state;
    assert_string_equal(wrap(0, 2, "a\033[2J b\r\nc\u202ed"), "a\\x1b[2J b c\\u{202e}d\n");
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_break_between_words_and_are_as_wide_as_a_terminal),
        cmocka_unit_test(what_belongs_together_stays_together),
        cmocka_unit_test(only_a_word_that_is_longer_than_a_line_is_broken),
        cmocka_unit_test(a_letter_with_its_mark_beside_it_takes_one_column),
        cmocka_unit_test(a_text_cannot_talk_to_the_terminal),
    };

    return cmocka_run_group_tests_name("wrap", tests, NULL, tear_down);
}
