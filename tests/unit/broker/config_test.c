#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/config.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static char path[64];
static char said[512];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/eocbus-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static enum status load(struct config *c, const char *text)
{
    size_t n;
    const struct conf_row *rows = config_rows(&n);

    memset(c, 0, sizeof(*c));
    write_file(text);
    return conf_load(rows, n, path, c, said, sizeof(said));
}

static void drop(struct config *c)
{
    size_t n;
    const struct conf_row *rows = config_rows(&n);

    conf_free(rows, n, c);
}

static void an_empty_file_gives_the_documented_defaults(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(load(&c, ""), ST_OK);
    assert_int_equal(config_check(&c, said, sizeof(said)), ST_OK);
    assert_string_equal(c.endpoint, "tcp://127.0.0.1:5511");
    assert_int_equal(c.batch_rows, 512);
    assert_int_equal(c.queue_rows, 8192);
    assert_int_equal(c.queue_bytes, 32u << 20);
    assert_int_equal(c.commit_ms, 2000);
    assert_int_equal(c.follow_ms, 500);
    assert_int_equal(c.ingress_window_items, 256);
    assert_int_equal(c.ingress_window_bytes, 1u << 20);
    assert_int_equal(c.sessions_max, 10000);
    assert_int_equal(c.quarantine_per_hour, 1000);
    assert_int_equal(c.egress_window_bytes, 1u << 20);
    assert_int_equal(c.page_rows, 512);
    assert_int_equal(c.horizon_ms, 5000);
    assert_int_equal(c.heartbeat_ms, 30000);
    assert_int_equal(c.heartbeat_timeout_ms, 120000);
    drop(&c);
}

static void every_setting_is_explained_and_unique(void **state)
{
    size_t n;
    const struct conf_row *rows = config_rows(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_true(strlen(rows[i].help) > 30);
        assert_int_equal(rows[i].help[strlen(rows[i].help) - 1], '.');
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(rows[i].name, rows[k].name);
            assert_int_not_equal(rows[i].offset, rows[k].offset);
        }
    }
}

static void a_value_out_of_range_is_refused_by_name(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(load(&c, "store.batch_rows = 0\n"), ST_INVALID);
    assert_non_null(strstr(said, "store.batch_rows"));
    drop(&c);
    assert_int_equal(load(&c, "ingress.window_bytes = 1KiB\n"), ST_INVALID);
    drop(&c);
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    static const struct {
        const char *file, *names;
    } cases[] = {
        {"log.level = loud\n", "log.level"},
        {"heartbeat = 120s\n", "heartbeat.timeout"},
        {"store.queue_rows = 511\n", "store.batch_rows (512)"},
        {"endpoint.next = tcp://127.0.0.1:5512\n", "key.next"},
        {"key.next = /etc/eocbus/keys/broker-2.key\n", "endpoint.next"},
        {"name = 12345678901234567890123456789012345678901234567890123456789012345\n", "name"},
        {"hub = 12345678901234567890123456789012345678901234567890123456789012345\n", "hub"},
        {"hub = \xff\n", "hub"},
    };
    struct config c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(load(&c, cases[i].file), ST_OK);
        assert_int_equal(config_check(&c, said, sizeof(said)), ST_INVALID);
        assert_non_null(strstr(said, cases[i].names));
        drop(&c);
    }
    assert_int_equal(load(&c, "heartbeat = 119999ms\nstore.queue_rows = 512\n"), ST_OK);
    assert_int_equal(config_check(&c, said, sizeof(said)), ST_OK);
    drop(&c);
}

/* As the broker does on SIGHUP. */
static enum status reload(struct config *now)
{
    size_t n;
    const struct conf_row *rows = config_rows(&n);
    struct config next = {0};
    enum status st = conf_load(rows, n, path, &next, said, sizeof(said));

    if (st == ST_OK)
        st = config_adopt(now, &next, said, sizeof(said));
    conf_free(rows, n, &next);
    return st;
}

static void a_reload_takes_what_it_may_and_names_what_must_wait(void **state)
{
    struct config c;

    (void)state;
    assert_int_equal(load(&c, "log.level = warn\n"), ST_OK);
    write_file("log.level = debug\nendpoint = tcp://*:1\npage = 1\n");
    assert_int_equal(reload(&c), ST_INVALID);
    assert_string_equal(c.log_level, "warn");
    write_file("log.level = debug\nendpoint = tcp://*:1\nstore.batch_rows = 7\n"
               "ingress.quarantine_per_hour = 5\n");
    assert_int_equal(reload(&c), ST_OK);
    assert_string_equal(said, "endpoint store.batch_rows");
    assert_string_equal(c.log_level, "debug");
    assert_int_equal(c.quarantine_per_hour, 5);
    assert_string_equal(c.endpoint, "tcp://127.0.0.1:5511");
    assert_int_equal(c.batch_rows, 512);
    write_file("log.level = debug\ningress.quarantine_per_hour = 5\n");
    assert_int_equal(reload(&c), ST_OK);
    assert_string_equal(said, "");
    drop(&c);
}

static void a_reload_without_memory_changes_nothing(void **state)
{
    struct config c;
    enum status st = ST_NOMEM;

    (void)state;
    assert_int_equal(load(&c, "log.level = warn\n"), ST_OK);
    write_file("log.level = debug\n");
    for (unsigned long n = 1; st; n++) {
        assert_string_equal(c.log_level, "warn");
        mem_fail_at(n);
        st = reload(&c);
        mem_fail_at(0);
    }
    assert_string_equal(c.log_level, "debug");
    drop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_documented_defaults),
        cmocka_unit_test(every_setting_is_explained_and_unique),
        cmocka_unit_test(a_value_out_of_range_is_refused_by_name),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_reload_takes_what_it_may_and_names_what_must_wait),
        cmocka_unit_test(a_reload_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
