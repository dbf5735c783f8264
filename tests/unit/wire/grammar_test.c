#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/gate.h"

static void official_pcodes_are_valid_and_others_are_not(void **state)
{
    static const char *const good[] = {"3505203",       "3505000", "3501000", "3505203001",
                                       "3505203001234", "KG02203", "AF01",    "UZ1234567890123"};
    static const char *const bad[] = {"",         "350520",  "35052030012345",   "3505203 ",
                                      " 3505203", "K02203",  "kg02203",          "KG0",
                                      "KGZ02",    "350520x", "KG12345678901234", "3505203\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(gate_pcode_is_valid(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(gate_pcode_is_valid(bad[i]));
}

static void names_have_one_to_four_parts(void **state)
{
    static const char *const good[] = {"rcst", "coes.tj3505203.gw07", "a.b.c.d", "team-2_x", "0"};
    static const char *const bad[] = {"",     ".",   "a.",  ".a",       "a..b", "a.b.c.d.e",
                                      "Rcst", "a b", "a@b", "\xd2\x9b", "a/b"};
    char name[67];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(gate_name_is_valid(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(gate_name_is_valid(bad[i]));
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    assert_true(gate_name_is_valid(name));
    name[64] = 'a';
    name[65] = '\0';
    assert_false(gate_name_is_valid(name));
}

static void recipients_are_names_or_roles_at_places(void **state)
{
    static const char *const good[] = {"rcst", "coes.dushanbe.duty", "dispatcher@3505203",
                                       "duty-chief@KG02203", "chief@hub"};
    static const char *const bad[] = {"",
                                      "@3505203",
                                      "dispatcher@",
                                      "a@b@c",
                                      "a.b@3505203",
                                      "Dispatcher@3505203",
                                      "dispatcher@KGZ"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(gate_recipient_is_valid(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(gate_recipient_is_valid(bad[i]));
}

/* RFC 3629 section 4, both sides of each edge, at every distance from the eight-byte fast path. */
static void utf8_is_what_rfc_3629_says(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2x",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe1\x80",
                                      "\xe1\x80x",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf1\x80\x80",
                                      "\xff",
                                      "\xfe"};

    (void)state;
    for (size_t shift = 0; shift < 18; shift++) {
        char text[40];

        memset(text, 'a', sizeof(text));
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
            memcpy(text + shift, good[i], strlen(good[i]));
            assert_true(gate_utf8_is_valid(text, shift + strlen(good[i])));
            memset(text, 'a', sizeof(text));
        }
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
            memcpy(text + shift, bad[i], strlen(bad[i]));
            assert_false(gate_utf8_is_valid(text, shift + strlen(bad[i])));
            memset(text, 'a', sizeof(text));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_pcodes_are_valid_and_others_are_not),
        cmocka_unit_test(names_have_one_to_four_parts),
        cmocka_unit_test(recipients_are_names_or_roles_at_places),
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
