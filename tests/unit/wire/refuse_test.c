#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"

static void a_sentence_is_never_cut_inside_a_character(void **state)
{
    struct refusal why;
    char text[700];

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof(text));
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "😀", 4);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(refuse(&why, CODE_RANGE, NULL, "%s", text), ST_INVALID);
        assert_true(gate_utf8_is_valid(why.text, strlen(why.text)));
        assert_true(strlen(why.text) > sizeof(why.text) - 6);
    }
}

static void a_path_names_fields_and_elements_from_the_top(void **state)
{
    struct step top = {NULL, NULL, -1}, area = {&top, "area", -1}, ring = {&area, "polygon", 3},
                lat = {&ring, "lat_e7", -1};
    char path[160], small[10];

    (void)state;
    step_path(path, sizeof(path), &lat);
    assert_string_equal(path, "area.polygon[3].lat_e7");
    step_path(path, sizeof(path), &top);
    assert_string_equal(path, "");
    step_path(small, sizeof(small), &lat);
    assert_string_equal(small, "area.poly");
}

static void a_value_is_shown_without_its_tricks(void **state)
{
    char shown[SHOWN_BYTES], longest[100];

    (void)state;
    assert_string_equal(show_bytes(shown, "a\x1b[2J\n\xd0\x90", 8), "a?[2J???");
    assert_string_equal(show_bytes(shown, "", 0), "");
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(strlen(show_bytes(shown, longest, SHOWN_BYTES - 4)), SHOWN_BYTES - 4);
    show_bytes(shown, longest, sizeof(longest));
    assert_int_equal(strlen(shown), SHOWN_BYTES - 1);
    assert_string_equal(shown + SHOWN_BYTES - 4, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_is_never_cut_inside_a_character),
        cmocka_unit_test(a_path_names_fields_and_elements_from_the_top),
        cmocka_unit_test(a_value_is_shown_without_its_tricks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
