/* conf_test - what settings may say, and the sentence for what they may not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/conf.h"
#include "proto/base/mem.h"

struct settings {
    char *name, *key_file, *password;
    unsigned rows, wait_ms;
    size_t bytes;
    bool is_loud;
    double factor;
    struct conf_list endpoints;
};

static const struct conf_row rows[] = {
    {"name", CONF_TEXT, offsetof(struct settings, name), NULL, CONF_REQUIRED, "who we are", 0, 0},
    {"key.file", CONF_PATH, offsetof(struct settings, key_file), "/etc/eocbus/key", 0, "own key", 0,
     0},
    {"password", CONF_TEXT, offsetof(struct settings, password), NULL, CONF_SECRET, "for the door",
     0, 0},
    {"store.rows", CONF_COUNT, offsetof(struct settings, rows), "512", CONF_RELOAD,
     "most messages that one commit takes; what arrives during a commit is the next one", 1, 4096},
    {"store.commit", CONF_MS, offsetof(struct settings, wait_ms), "2s", 0, "patience", 100, 60000},
    {"store.bytes", CONF_BYTES, offsetof(struct settings, bytes), "32MiB", 0, "memory", 0, 0},
    {"loud", CONF_BOOL, offsetof(struct settings, is_loud), "no", 0, "say more", 0, 0},
    {"factor", CONF_REAL, offsetof(struct settings, factor), "0.1", 0, "scale", -1, 1},
    {"endpoint", CONF_LIST, offsetof(struct settings, endpoints), "tcp://127.0.0.1:5511", 0,
     "brokers, nearest first", 0, 0},
};
#define ROWS rows, ARRAY_LEN(rows)

static char path[] = "/tmp/eocbus-conf-test-XXXXXX";
static char err[512];

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static enum status load_bytes(struct settings *s, const void *text, size_t len)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    err[0] = '\0';
    return conf_load(ROWS, path, s, err, sizeof(err));
}

static enum status load(struct settings *s, const char *text)
{
    return load_bytes(s, text, strlen(text));
}

static void without_a_file_the_defaults_are_in_force(void **state)
{
    struct settings s;

    (void)state;
    memset(&s, 0xaa, sizeof(s)); /* conf_load does not trust what it is given */
    assert_int_equal(conf_load(ROWS, NULL, &s, err, sizeof(err)), ST_OK);
    assert_null(s.name);
    assert_string_equal(s.key_file, "/etc/eocbus/key");
    assert_int_equal(s.rows, 512);
    assert_int_equal(s.wait_ms, 2000);
    assert_int_equal(s.bytes, 33554432);
    assert_false(s.is_loud);
    assert_true(s.factor > 0.099 && s.factor < 0.101);
    assert_int_equal(s.endpoints.count, 1);
    conf_free(ROWS, &s);
    assert_null(s.key_file);
    conf_free(ROWS, &s); /* twice is harmless */
}

static void a_file_overrides_and_a_list_collects(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(load(&s, "\xef\xbb\xbf# ours\r\n"
                              "  name=coes.ayni.office\t# who\r\n"
                              "\n"
                              "key.file = ~/key\n"
                              "password = a#b = c\n"
                              "store.rows = 1\n"
                              "store.commit = 1m\n"
                              "store.bytes = 64KiB\n"
                              "loud = on\n"
                              "factor = -1\n"
                              "endpoint = tcp://a:1\n"
                              "endpoint = tcp://b:2"),
                     ST_OK);
    assert_string_equal(s.name, "coes.ayni.office");
    assert_string_equal(s.password, "a#b = c");
    assert_string_equal(s.key_file, "/home/of/test/key");
    assert_int_equal(s.rows, 1);
    assert_int_equal(s.wait_ms, 60000);
    assert_int_equal(s.bytes, 65536);
    assert_true(s.is_loud);
    assert_int_equal(s.endpoints.count, 2);
    assert_string_equal(s.endpoints.items[0], "tcp://a:1");
    assert_string_equal(s.endpoints.items[1], "tcp://b:2");
    conf_free(ROWS, &s);
}

static const struct {
    const char *text, *says;
} mistakes[] = {
    {"sotre.rows = 4", ":1: unknown setting \"sotre.rows\"; did you mean \"store.rows\"? "
                       "(conf_test --print-config lists all)"},
    {"\n\nstore.row = 4", ":3: unknown setting \"store.row\"; did you mean \"store.rows\"?"},
    {"Loud = yes", "did you mean \"loud\"?"},
    {"weather = bad", ":1: unknown setting \"weather\" (conf_test --print-config lists all)"},
    {"name", ":1: \"name\" is no setting; \"name = value\" is expected"},
    {"= value", "\"name = value\" is expected"},
    {"# fine\nname = a\nname = b", ":3: name was set in line 2 already; delete one of the two"},
    {"store.rows = many", ":1: store.rows is \"many\"; a whole number is expected"},
    {"store.rows =", "store.rows is \"\"; a whole number is expected"},
    {"store.rows = 0", ":1: store.rows is 0; from 1 to 4096 is possible"},
    {"store.rows = 4097", "store.rows is 4097; from 1 to 4096 is possible"},
    {"store.rows = -1", "a whole number is expected"},
    {"store.rows = 1e3", "a whole number is expected"},
    {"store.rows = 4294967297", "a whole number is expected"},
    {"store.rows = 99999999999999999999999", "a whole number is expected"},
    {"store.commit = 5 s", "a time such as 250ms, 30s, 5m or 1h is expected"},
    {"store.commit = 5x", "a time such as"},
    {"store.commit = 99ms", "store.commit is 99ms; from 100ms to 1m is possible"},
    {"store.commit = 2000h", "a time such as"},
    {"store.bytes = 1MB", "a size such as 65536, 64KiB, 1MiB or 1GiB is expected"},
    {"store.bytes = 99999999999GiB", "a size such as"},
    {"loud = maybe", "loud is \"maybe\"; yes or no is expected"},
    {"factor = nan", "a number such as 0.5 is expected"},
    {"factor = inf", "a number such as"},
    {"factor = 0x1p-2", "a number such as"},
    {"factor = 0,5", "a number such as"},
    {"factor = 1.01", "factor is 1.01; from -1 to 1 is possible"},
};

static void every_mistake_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct settings s;

        assert_int_equal(load(&s, mistakes[i].text), ST_INVALID);
        assert_memory_equal(err, path, strlen(path));
        if (!strstr(err, mistakes[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err, mistakes[i].says);
        conf_free(ROWS, &s);
    }
}

static void a_sentence_fits_whatever_room_there_is(void **state)
{
    (void)state;
    for (size_t size = 0; size < 40; size++) {
        struct settings s;
        char *small = malloc(size ? size : 1);

        assert_non_null(small);
        assert_int_equal(load(&s, "x = 1"), ST_INVALID);
        conf_free(ROWS, &s);
        assert_int_equal(conf_load(ROWS, path, &s, small, size), ST_INVALID);
        assert_true(!size || memchr(small, '\0', size));
        conf_free(ROWS, &s);
        free(small);
    }
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    struct settings s;
    char long_line[5000];

    (void)state;
    assert_int_equal(load_bytes(&s, "name = a\0b\n", 11), ST_INVALID);
    assert_non_null(strstr(err, ":1: the line holds a NUL byte"));
    conf_free(ROWS, &s);
    assert_int_equal(load_bytes(&s, "name = a\0b", 10), ST_INVALID);
    conf_free(ROWS, &s);
    memset(long_line, 'x', sizeof(long_line));
    memcpy(long_line, "name = ", 7);
    assert_int_equal(load_bytes(&s, long_line, sizeof(long_line)), ST_INVALID);
    assert_non_null(strstr(err, "longer than 4095 bytes"));
    conf_free(ROWS, &s);
}

static void a_missing_file_is_named(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(conf_load(ROWS, "/nowhere/a.conf", &s, err, sizeof(err)), ST_IO);
    assert_int_equal(errno, ENOENT);
    assert_non_null(strstr(err, "/nowhere/a.conf: cannot be opened: No such file"));
    conf_free(ROWS, &s);
    assert_int_equal(conf_load(ROWS, "/tmp", &s, err, sizeof(err)), ST_IO);
    assert_non_null(strstr(err, "/tmp: cannot be read: Is a directory"));
    conf_free(ROWS, &s);
}

static void the_command_line_goes_last(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(load(&s, "store.rows = 7\nendpoint = tcp://a:1"), ST_OK);
    assert_int_equal(conf_set(ROWS, "store.rows=64", &s, err, sizeof(err)), ST_OK);
    assert_int_equal(s.rows, 64);
    assert_int_equal(conf_set(ROWS, "name = a=b", &s, err, sizeof(err)), ST_OK);
    assert_string_equal(s.name, "a=b");
    assert_int_equal(conf_set(ROWS, "store.rows=x", &s, err, sizeof(err)), ST_INVALID);
    assert_string_equal(err, "store.rows is \"x\"; a whole number is expected");
    assert_int_equal(conf_set(ROWS, "nothing", &s, err, sizeof(err)), ST_INVALID);
    conf_clear(ROWS, "store.rows=1", &s);
    assert_int_equal(s.endpoints.count, 1);
    conf_clear(ROWS, "endpoint=tcp://b:2", &s);
    assert_int_equal(s.endpoints.count, 0);
    assert_int_equal(conf_set(ROWS, "endpoint=tcp://b:2", &s, err, sizeof(err)), ST_OK);
    assert_string_equal(s.endpoints.items[0], "tcp://b:2");
    conf_free(ROWS, &s);
}

static void what_is_required_is_asked_for(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(load(&s, "loud = yes"), ST_OK);
    assert_int_equal(conf_check(ROWS, path, &s, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, ": name is not set; add a line \"name = ...\" (who we are)"));
    assert_int_equal(conf_set(ROWS, "name=", &s, err, sizeof(err)), ST_OK);
    assert_int_equal(conf_check(ROWS, NULL, &s, err, sizeof(err)), ST_INVALID);
    assert_int_equal(conf_set(ROWS, "name=a", &s, err, sizeof(err)), ST_OK);
    assert_int_equal(conf_check(ROWS, path, &s, err, sizeof(err)), ST_OK);
    conf_free(ROWS, &s);
}

static char *printed(void (*print)(FILE *out, const void *s), const void *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(out, s);
    fclose(out);
    return text;
}

static void print_values(FILE *out, const void *s)
{
    conf_print(ROWS, s, out);
}

static void print_sample(FILE *out, const void *s)
{
    (void)s;
    conf_print_sample(ROWS, out);
}

static void what_is_printed_can_be_read_back_and_keeps_secrets(void **state)
{
    struct settings s, again;
    char *text, *text_again;

    (void)state;
    assert_int_equal(load(&s, "name = a\npassword = sesame\nstore.commit = 45s\nfactor = 0.3\n"
                              "store.bytes = 1GiB\nendpoint = tcp://a:1\nendpoint = tcp://b:2"),
                     ST_OK);
    text = printed(print_values, &s);
    assert_null(strstr(text, "sesame"));
    assert_non_null(strstr(text, "password = (set)\n"));
    assert_non_null(strstr(text, "store.commit = 45s\n"));
    assert_non_null(strstr(text, "store.bytes = 1GiB\n"));
    assert_non_null(strstr(text, "factor = 0.3\n"));
    assert_int_equal(load(&again, text), ST_OK);
    text_again = printed(print_values, &again);
    assert_string_equal(text, text_again);
    free(text);
    free(text_again);
    conf_free(ROWS, &s);
    conf_free(ROWS, &again);
}

static void the_sample_is_a_legal_file_of_the_defaults(void **state)
{
    struct settings s;
    char *text = printed(print_sample, NULL);

    (void)state;
    assert_non_null(strstr(text, "\n#store.rows = 512\n"));
    assert_non_null(strstr(text, "# From 1 to 4096.\n"));
    assert_non_null(strstr(text, "# Required.\nname =\n"));
    for (const char *line = text; line; line = strchr(line + 1, '\n'))
        assert_in_range(strcspn(line + 1, "\n"), 0, 90);
    assert_int_equal(load(&s, text), ST_OK);
    assert_int_equal(s.rows, 512);
    assert_int_equal(conf_check(ROWS, path, &s, err, sizeof(err)), ST_INVALID);
    conf_free(ROWS, &s);
    free(text);
}

static void loading_survives_every_failed_allocation(void **state)
{
    enum status st = ST_NOMEM;
    unsigned long n;

    (void)state;
    for (n = 1; st == ST_NOMEM; n++) {
        struct settings s;

        assert_true(n < 50);
        mem_fail_at(0);
        st = load(&s, "name = a\nendpoint = tcp://a:1\nendpoint = tcp://b:2");
        assert_int_equal(st, ST_OK);
        conf_free(ROWS, &s);
        mem_fail_at(n);
        st = conf_load(ROWS, path, &s, err, sizeof(err));
        mem_fail_at(0);
        conf_free(ROWS, &s);
    }
    assert_int_equal(st, ST_OK);
    assert_true(n > 9);
}

static int prepare(void **state)
{
    setenv("HOME", "/home/of/test", 1);
    return make_file(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_the_defaults_are_in_force),
        cmocka_unit_test(a_file_overrides_and_a_list_collects),
        cmocka_unit_test(every_mistake_has_its_sentence),
        cmocka_unit_test(a_sentence_fits_whatever_room_there_is),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(the_command_line_goes_last),
        cmocka_unit_test(what_is_required_is_asked_for),
        cmocka_unit_test(what_is_printed_can_be_read_back_and_keeps_secrets),
        cmocka_unit_test(the_sample_is_a_legal_file_of_the_defaults),
        cmocka_unit_test(loading_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, prepare, remove_file);
}
