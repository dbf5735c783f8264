/* What is not ACTUAL may test a siren, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agents/sensor/control_codes.h"

#define STATUS(w) EOCBUS__V1__STATUS__STATUS_##w
#define ACTION(w) EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_##w

static const char *unreal(Eocbus__V1__Status status, Eocbus__V1__SirenAction action)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SirenCommand order = EOCBUS__V1__SIREN_COMMAND__INIT;

    order.action = action;
    m.status = status;
    m.siren_command = &order;
    return control_unreal(&m);
}

static void reality_may_sound_silence_and_test(void **state)
{
    (void)state;
    assert_null(unreal(STATUS(ACTUAL), ACTION(SOUND)));
    assert_null(unreal(STATUS(ACTUAL), ACTION(SILENCE)));
    assert_null(unreal(STATUS(ACTUAL), ACTION(SELF_TEST)));
}

static void nothing_else_sounds_or_silences(void **state)
{
    const Eocbus__V1__Status others[] = {STATUS(EXERCISE), STATUS(TEST), STATUS(SYSTEM),
                                         STATUS(UNSPECIFIED)};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_null(unreal(others[i], ACTION(SELF_TEST)));
        assert_string_equal(unreal(others[i], ACTION(SOUND)), "test_status");
        assert_string_equal(unreal(others[i], ACTION(SILENCE)), "silence_status");
        assert_string_equal(unreal(others[i], (Eocbus__V1__SirenAction)99), "test_status");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reality_may_sound_silence_and_test),
        cmocka_unit_test(nothing_else_sounds_or_silences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
