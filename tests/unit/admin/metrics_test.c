#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/admin/metrics.h"

#include "proto/base/banned.h"

static const struct admin_report report = {
    .broker = "duty \"1\"\\\n",
    .version = "0.1.0",
    .pid = 77,
    .store_here = true,
    .head = UINT64_MAX,
    .stored = 12,
};

static const char *text_of(struct buf *b)
{
    buf_put(b, "", 1);
    assert_false(b->failed);
    return (const char *)b->data;
}

static void status_is_one_line_a_value(void **state)
{
    struct buf b = {0};

    (void)state;
    metrics_print_status(&b, &report);
    const char *text = text_of(&b);
    assert_memory_equal(text, "broker=duty \"1\"\\?\nversion=0.1.0\npid=77\n", 39);
    assert_non_null(strstr(text, "\nstore_here=yes\n"));
    assert_non_null(strstr(text, "\ndegraded=no\n"));
    assert_non_null(strstr(text, "\nhead=18446744073709551615\n"));
    assert_non_null(strstr(text, "\nstored=12\n"));
    buf_free(&b);
}

static void prometheus_gets_help_type_and_an_escaped_label(void **state)
{
    struct buf b = {0};

    (void)state;
    metrics_print_prometheus(&b, &report);
    const char *text = text_of(&b);
    assert_non_null(strstr(text, "# HELP eocbus_stored_total Messages committed to the log with a "
                                 "new number.\n# TYPE eocbus_stored_total counter\n"
                                 "eocbus_stored_total{broker=\"duty \\\"1\\\"\\\\\\n\"} 12\n"));
    assert_non_null(strstr(text, "# TYPE eocbus_store_here gauge\n"));
    assert_non_null(strstr(text, "version=\"0.1.0\"} 1\n"));
    buf_free(&b);
}

/* Each sample line has a name, labels and a number, and its HELP and TYPE directly above. */
static void every_sample_stands_below_its_own_help(void **state)
{
    struct buf b = {0};
    char name[80] = "", line[400];
    unsigned samples = 0;

    (void)state;
    metrics_print_prometheus(&b, &report);
    for (const char *at = text_of(&b); *at; at += strcspn(at, "\n") + 1) {
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
        if (sscanf(line, "# HELP %79s", name) == 1 || !strncmp(line, "# TYPE ", 7))
            continue;
        assert_memory_equal(line, name, strlen(name));
        assert_int_equal(line[strlen(name)], '{');
        assert_non_null(strstr(line, "\"} "));
        samples++;
    }
    assert_true(samples > 30);
    buf_free(&b);
}

static void this_process_holds_memory(void **state)
{
    (void)state;
    assert_in_range(metrics_resident_bytes(), 1u << 18, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_one_line_a_value),
        cmocka_unit_test(prometheus_gets_help_type_and_an_escaped_label),
        cmocka_unit_test(every_sample_stands_below_its_own_help),
        cmocka_unit_test(this_process_holds_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
