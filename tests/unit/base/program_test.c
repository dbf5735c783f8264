/* program_test - options wherever they stand, the order of settings, and exit codes for scripts. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "proto/base/program.h"

struct settings {
    char *name;
    unsigned rows;
    struct conf_list endpoints;
};

static const struct conf_row rows[] = {
    {"name", CONF_TEXT, offsetof(struct settings, name), NULL, CONF_REQUIRED, "who", 0, 0},
    {"rows", CONF_COUNT, offsetof(struct settings, rows), "5", 0, "how many", 1, 10},
    {"endpoint", CONF_LIST, offsetof(struct settings, endpoints), "tcp://d:1", 0, "where", 0, 0},
};

static const struct program program = {
    "eocbus-test", "how to use it\n", rows, ARRAY_LEN(rows), "/nowhere/default.conf",
};

static char conf_file[] = "/tmp/eocbus-program-test-XXXXXX";
static char said[4096];

/* Runs program_start with standard output and error caught in `said`. */
static int start_catching(int *argc, char **argv, struct settings *s)
{
    FILE *catcher = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), code;
    size_t len;

    fflush(stdout);
    dup2(fileno(catcher), STDOUT_FILENO);
    dup2(fileno(catcher), STDERR_FILENO);
    memset(s, 0, sizeof(*s));
    code = program_start(&program, argc, argv, s);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(catcher);
    len = fread(said, 1, sizeof(said) - 1, catcher);
    said[len] = '\0';
    fclose(catcher);
    return code;
}

#define START(s, ...)                                                                              \
    do {                                                                                           \
        const char *words[] = {"eocbus-test", __VA_ARGS__, NULL};                                  \
                                                                                                   \
        argc = (int)ARRAY_LEN(words) - 1;                                                          \
        memcpy(argv, words, sizeof(words)); /* argv's words are not const by tradition only */     \
        code = start_catching(&argc, argv, s);                                                     \
    } while (0)

static int argc, code;
static char *argv[20];

static int write_conf(void **state)
{
    static const char text[] = "name = from.file\nrows = 7\nendpoint = tcp://f:1\n";
    int fd = mkstemp(conf_file);

    (void)state;
    return fd < 0 || write(fd, text, sizeof(text) - 1) < 0 || close(fd) != 0;
}

static int remove_conf(void **state)
{
    (void)state;
    return unlink(conf_file);
}

static void free_settings(struct settings *s)
{
    conf_free(rows, ARRAY_LEN(rows), s);
}

static void questions_are_answered_and_the_program_ends(void **state)
{
    struct settings s;

    (void)state;
    START(&s, "--help");
    assert_int_equal(code, EXIT_DONE);
    assert_string_equal(said, "how to use it\n");
    START(&s, "serve", "--version");
    assert_int_equal(code, EXIT_DONE);
    assert_string_equal(said, "eocbus-test " EOCBUS_VERSION "\n");
    START(&s, "--print-config");
    assert_int_equal(code, EXIT_DONE);
    assert_non_null(strstr(said, "#rows = 5\n"));
}

static void options_are_taken_out_wherever_they_stand(void **state)
{
    struct settings s;

    (void)state;
    START(&s, "publish", "-o", "rows=9", "file", "--set=name=me", "-x", "--", "-o", "rows=1");
    assert_int_equal(code, -1);
    assert_int_equal(argc, 7);
    assert_string_equal(argv[1], "publish");
    assert_string_equal(argv[2], "file");
    assert_string_equal(argv[3], "-x");
    assert_string_equal(argv[4], "--");
    assert_string_equal(argv[5], "-o");
    assert_null(argv[7]);
    assert_int_equal(s.rows, 9);
    assert_string_equal(s.name, "me");
    free_settings(&s);
}

static void file_and_command_line_come_in_order_and_again_on_reload(void **state)
{
    struct settings s, again;
    char err[200];

    (void)state;
    START(&s, "-c", conf_file, "-o", "rows=8");
    assert_int_equal(code, -1);
    assert_string_equal(s.name, "from.file");
    assert_int_equal(s.rows, 8);
    assert_string_equal(s.endpoints.items[0], "tcp://f:1");
    assert_int_equal(program_settings(&program, &again, err, sizeof(err)), ST_OK);
    assert_string_equal(again.name, "from.file");
    assert_int_equal(again.rows, 8);
    free_settings(&s);
    free_settings(&again);
}

static void a_list_on_the_command_line_replaces_the_file_s(void **state)
{
    struct settings s;

    (void)state;
    START(&s, "--config", conf_file, "-o", "endpoint=tcp://a:1", "-o", "endpoint=tcp://b:1");
    assert_int_equal(code, -1);
    assert_int_equal(s.endpoints.count, 2);
    assert_string_equal(s.endpoints.items[0], "tcp://a:1");
    assert_string_equal(s.endpoints.items[1], "tcp://b:1");
    free_settings(&s);
}

static void check_config_says_fine_or_what_is_wrong(void **state)
{
    struct settings s;

    (void)state;
    START(&s, "--check-config", "-c", conf_file);
    assert_int_equal(code, EXIT_DONE);
    assert_non_null(strstr(said, "is fine"));
    assert_non_null(strstr(said, conf_file));
    START(&s, "--check-config", "-c", conf_file, "-o", "rows=11");
    assert_int_equal(code, EXIT_USAGE);
    assert_string_equal(said, "eocbus-test: rows is 11; from 1 to 10 is possible\n");
}

static void mistakes_end_with_a_sentence_and_a_code(void **state)
{
    struct settings s;

    (void)state;
    START(&s, "-c", "/nowhere/mine.conf");
    assert_int_equal(code, EXIT_MACHINE);
    assert_non_null(strstr(said, "eocbus-test: /nowhere/mine.conf: cannot be opened"));
    START(&s, "-o", "rows=5"); /* no default file; name is required */
    assert_int_equal(code, EXIT_USAGE);
    assert_non_null(strstr(said, "name is not set"));
    START(&s, "run", "-o");
    assert_int_equal(code, EXIT_USAGE);
    assert_non_null(strstr(said, "-o needs a value; see eocbus-test --help"));
    START(&s, "--config");
    assert_int_equal(code, EXIT_USAGE);
    START(&s, "-o", "name=a", "-o", "rwos=1");
    assert_int_equal(code, EXIT_USAGE);
    assert_non_null(strstr(said, "did you mean \"rows\"?"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Starts as a program does, and tells whether its memory may be looked into: 2 = no, 3 = yes. */
static int start_and_look(const char *wants_core)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        char self[] = "eocbus-test", help[] = "--help";
        char *words[] = {self, help, NULL};
        struct rlimit limit = {1, 1};
        struct settings s = {0};
        int count = 2;

        prctl(PR_SET_DUMPABLE, 1); /* the tests before this one started, too */
        if (wants_core)
            setenv("EOCBUS_CORE", wants_core, 1);
        if (program_start(&program, &count, words, &s) != EXIT_DONE)
            _exit(1);
        (void)getrlimit(RLIMIT_CORE, &limit);
        _exit(prctl(PR_GET_DUMPABLE) ? 3 : limit.rlim_max ? 4 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void no_image_of_the_memory_is_written_unless_it_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(start_and_look(NULL), 2);
    assert_int_equal(start_and_look("0"), 2);
    assert_int_equal(start_and_look("1"), 3);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_answered_and_the_program_ends),
        cmocka_unit_test(options_are_taken_out_wherever_they_stand),
        cmocka_unit_test(file_and_command_line_come_in_order_and_again_on_reload),
        cmocka_unit_test(a_list_on_the_command_line_replaces_the_file_s),
        cmocka_unit_test(check_config_says_fine_or_what_is_wrong),
        cmocka_unit_test(mistakes_end_with_a_sentence_and_a_code),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(no_image_of_the_memory_is_written_unless_it_is_asked_for),
#endif
    };

    return cmocka_run_group_tests(tests, write_conf, remove_conf);
}
