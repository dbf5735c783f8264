/* answer_test - whatever a text holds, it is one string of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/console/api/answer.h"

static void what_would_end_a_string_does_not(void **state)
{
    struct buf json = {0};

    (void)state;
    put_json(&json, "a\"b\\c\n\x1b[31m\x7f</script>\xd3\xa3");
    buf_put(&json, "", 1);
    assert_string_equal((char *)json.data,
                        "\"a\\\"b\\\\c\\u000a\\u001b[31m\\u007f</script>\xd3\xa3\"");
    buf_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_end_a_string_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
