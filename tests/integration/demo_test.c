/* `eocctl demo --once`, small, with the real programs, while broker, PostgreSQL, listener, a
 * command of the plan and in the end the supervisor itself are killed -9: the same final line.
 *
 * Runs as user postgres when started as root, from copies of the programs, because the build may
 * lie where that user may not look. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/beside.h"
#include "tests/lib/patience.h"

enum { FILES = 6, LINES = 300, HEARD = FILES * LINES + 1, DEADLINE_S = 240 };
#define FINAL_LINE "published 1802 stored 1801 delivered 1801 refused 1 lost 0 duplicated 0\n"
#define LATER_LINE "published 1804 stored 1803 delivered 1803 refused 1 lost 0 duplicated 0\n"

struct night {
    char dir[64], bin[512];
    const struct passwd *user; /* NULL: we are an ordinary user already */
    pid_t demo;                /* 0 = it was waited for */
    int code;                  /* its exit status then */
    time_t began;
};

static void run_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run_shell(const char *fmt, ...)
{
    char command[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void write_messages(const struct night *n, int file)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/scenario/m%d.json", n->dir, file);
    f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < LINES; i++)
        fprintf(
            f,
            "{\"lane\":4,\"status\":1,\"kind\":1,\"label\":2,\"area\":{\"pcodes\":[\"3505203\"]},"
            "\"general_message\":{\"to_role\":\"duty\",\"from_role\":\"office\",\"subject\":\"s\","
            "\"text\":\"%d.%d\"}}\n",
            file, i);
    assert_int_equal(fclose(f), 0);
}

static void write_scenario(const struct night *n)
{
    char path[128];
    FILE *f;

    run_shell("mkdir %s/scenario", n->dir);
    snprintf(path, sizeof(path), "%s/scenario/agents.txt", n->dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("duty eocctl coes.dushanbe.duty coes dispatcher -\noffice eocctl coes.ayni.office coes "
          "district 3505203\n",
          f);
    assert_int_equal(fclose(f), 0);
    snprintf(path, sizeof(path), "%s/scenario/plan.txt", n->dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("refused 1\n0 duty publish --file %s/bad.json --unchecked --once-key %k\n", f);
    for (int i = 0; i < FILES; i++) {
        fprintf(f, "%d %s publish --file %%s/m%d.json --once-key %%k %s\n", i,
                i % 2 ? "office" : "duty", i, i == 3 ? "--wait 0" : "");
        write_messages(n, i);
    }
    fputs("9 wait\n9 anew office publish --file %s/now.json --once-key %k\n", f);
    assert_int_equal(fclose(f), 0);
    run_shell("sed q %s/scenario/m0.json > %s/scenario/now.json", n->dir, n->dir);
    run_shell("echo '{\"lane\":4,\"area\":{\"pcodes\":[\"x\"]}}' > %s/scenario/bad.json", n->dir);
}

static int set_up(void **state)
{
    struct night *n = calloc(1, sizeof(*n));
    char build[512];

    assert_non_null(n);
    find_beside(build, sizeof(build), "");
    snprintf(n->dir, sizeof(n->dir), "/tmp/eocbus-demo-XXXXXX");
    assert_non_null(mkdtemp(n->dir));
    run_shell("mkdir %s/bin && cp %s/eocctl %s/eocbus-broker %s/bin/", n->dir, build, build,
              n->dir);
    write_scenario(n);
    if (geteuid() == 0) {
        n->user = getpwnam("postgres");
        assert_non_null(n->user);
        run_shell("chown -R postgres: %s", n->dir);
    }
    *state = n;
    return 0;
}

static int tear_down(void **state)
{
    struct night *n = *state;

    if (n->demo > 0) { /* of a test that failed; what it started goes with it */
        kill(n->demo, SIGKILL);
        waitpid(n->demo, NULL, 0);
    }
    run_shell("rm -rf %s", n->dir);
    free(n);
    return 0;
}

static void become_ordinary(const struct night *n)
{
    char path[128];
    int out;

    if (n->user && (setgid(n->user->pw_gid) != 0 || setuid(n->user->pw_uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* after setuid, which forgets it */
    snprintf(path, sizeof(path), "%s/out", n->dir);
    out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 || chdir("/") != 0)
        _exit(126);
}

static void start_demo_as(struct night *n, const char *how)
{
    char program[128], run[128], scenario[128];

    snprintf(program, sizeof(program), "%s/bin/eocctl", n->dir);
    snprintf(run, sizeof(run), "%s/run", n->dir);
    snprintf(scenario, sizeof(scenario), "%s/scenario", n->dir);
    n->began = time(NULL);
    n->demo = fork();
    assert_true(n->demo >= 0);
    if (n->demo == 0) {
        become_ordinary(n);
        execl(program, program, "demo", "--dir", run, "--data", scenario, how, (char *)NULL);
        _exit(127);
    }
}

static void start_demo(struct night *n)
{
    start_demo_as(n, "--once");
}

static void read_file(const struct night *n, const char *name, char *out, size_t size)
{
    char path[160];
    FILE *f;
    size_t len = 0;

    snprintf(path, sizeof(path), "%s/%s", n->dir, name);
    f = fopen(path, "r");
    if (f) {
        len = fread(out, 1, size - 1, f);
        fclose(f);
    }
    out[len] = '\0';
}

static bool has_told(const struct night *n, const char *words)
{
    static char out[1 << 20];

    read_file(n, "out", out, sizeof(out));
    return strstr(out, words) != NULL;
}

static unsigned count_heard(const struct night *n)
{
    static char record[1 << 20];
    unsigned lines = 0;

    read_file(n, "run/listener.record", record, sizeof(record));
    for (const char *p = record; *p; p++)
        lines += *p == '\n';
    return lines;
}

static void fail_with_output(const struct night *n, const char *what, int number)
{
    static char out[1 << 20];

    read_file(n, "out", out, sizeof(out));
    fail_msg("%s (%d): %s", what, number, strlen(out) > 4000 ? out + strlen(out) - 4000 : out);
}

/* Waiting is for a condition, with a deadline; the nap only saves the processor. */
static void nap(struct night *n)
{
    const struct timespec ms5 = {.tv_nsec = 5000000};

    if (time(NULL) - n->began > PATIENCE * DEADLINE_S)
        fail_with_output(n, "the night does not end, it has heard", (int)count_heard(n));
    nanosleep(&ms5, NULL);
}

/* A night is short: when the machine stood still for us, it may be over before we disturbed it. */
static bool is_over(struct night *n)
{
    int status;

    if (n->demo && waitpid(n->demo, &status, WNOHANG) == n->demo) {
        n->demo = 0;
        n->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return n->demo == 0;
}

static void wait_until_heard(struct night *n, unsigned messages)
{
    while (count_heard(n) < messages && !is_over(n))
        nap(n);
}

static void wait_until_told(struct night *n, const char *words)
{
    while (!has_told(n, words))
        if (is_over(n))
            fail_with_output(n, words, n->code);
        else
            nap(n);
}

static pid_t pid_of(const struct night *n, const char *name)
{
    char text[2048], wanted[32];
    const char *at;

    snprintf(wanted, sizeof(wanted), "%s ", name);
    read_file(n, "run/pids", text, sizeof(text));
    at = strstr(text, wanted);
    return at ? (pid_t)atoi(at + strlen(wanted)) : 0;
}

/* It may just be started, or the list be written anew. 0: the night is over. */
static pid_t wait_for_pid_of(struct night *n, const char *name)
{
    pid_t pid = 0;

    while (!is_over(n) && (pid = pid_of(n, name)) <= 0)
        nap(n);
    return n->demo ? pid : 0;
}

static void kill_part(struct night *n, const char *name)
{
    pid_t pid = wait_for_pid_of(n, name);

    if (pid > 0)
        kill(pid, SIGKILL);
}

/* A child of the supervisor that is none of the kept ones is a command of the plan. */
static bool kill_command(const struct night *n)
{
    char path[64], text[1024], kept[2048];
    char *at = text;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)n->demo, (int)n->demo);
    f = fopen(path, "r");
    text[0] = '\0';
    if (f) {
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        fclose(f);
    }
    read_file(n, "run/pids", kept, sizeof(kept));
    for (long pid; (pid = strtol(at, &at, 10)) > 0;) {
        char line[32];

        snprintf(line, sizeof(line), " %ld\n", pid);
        if (!strstr(kept, line)) {
            kill((pid_t)pid, SIGKILL);
            return true;
        }
    }
    return false;
}

static int wait_for_end(struct night *n)
{
    while (!is_over(n))
        nap(n);
    return n->code;
}

static void expect_end(struct night *n, const char *line)
{
    static char out[1 << 20];
    int code = wait_for_end(n);

    read_file(n, "out", out, sizeof(out));
    if (code != 0)
        fail_with_output(n, "exit status", code);
    if (strlen(out) < strlen(line) || strcmp(out + strlen(out) - strlen(line), line) != 0)
        fail_with_output(n, "another end, exit status", code);
}

static void expect_good_end(struct night *n)
{
    expect_end(n, FINAL_LINE);
}

static void a_quiet_night_ends_with_nothing_lost(void **state)
{
    start_demo(*state);
    expect_good_end(*state);
}

static void a_night_of_kills_ends_the_same(void **state)
{
    struct night *n = *state;

    start_demo(n);
    wait_until_heard(n, 50);
    kill_part(n, "broker");
    wait_until_heard(n, 400);
    kill_part(n, "postgres");
    wait_until_heard(n, 700);
    kill_part(n, "screen");
    while (!is_over(n) && !kill_command(n) && count_heard(n) < HEARD) /* then all are done */
        nap(n);
    wait_until_heard(n, 1300);
    kill_part(n, "broker");
    kill_part(n, "postgres");
    expect_good_end(n);
}

static void a_supervisor_that_is_killed_leaves_nothing_behind_and_goes_on(void **state)
{
    struct night *n = *state;
    pid_t broker, postgres;

    start_demo(n);
    wait_until_heard(n, 500);
    broker = wait_for_pid_of(n, "broker");
    postgres = wait_for_pid_of(n, "postgres");
    if (is_over(n)) {
        expect_good_end(n);
        return;
    }
    kill(n->demo, SIGKILL);
    assert_int_equal(wait_for_end(n), 128 + SIGKILL);
    while (kill(broker, 0) == 0 || kill(postgres, 0) == 0) {
        while (waitpid(-1, NULL, WNOHANG) > 0) /* orphans come to us */
            ;
        nap(n);
    }
    start_demo(n);
    expect_good_end(n);
}

/* Ctrl-C, and `make run` again: what the night said stays as it was, and there is one alarm more of
 * the minute in which it was started; also when that start is killed. */
static void each_later_start_says_what_is_of_now_once_more_and_nothing_else(void **state)
{
    struct night *n = *state;
    unsigned heard;

    start_demo(n);
    expect_good_end(n);
    heard = count_heard(n);
    for (unsigned start = 1; start <= 2; start++) {
        start_demo_as(n, NULL);
        wait_until_heard(n, heard + start);
        if (start == 1)
            wait_until_told(n, "is kept; the alarm of now is a new one; the bus stays");
        kill(n->demo, start == 1 ? SIGINT : SIGKILL);
        wait_for_end(n);
    }
    start_demo(n);
    expect_end(n, LATER_LINE);
}

static void a_later_start_of_a_plan_without_an_alarm_of_now_speaks_of_none(void **state)
{
    struct night *n = *state;

    run_shell("sed -i '/ anew /d; / publish --file %%s\\/m[1-9]/d' %s/scenario/plan.txt", n->dir);
    start_demo_as(n, NULL);
    wait_until_told(n, "the plan is played; the bus stays");
    kill(n->demo, SIGINT);
    wait_for_end(n);
    start_demo_as(n, NULL);
    wait_until_told(n, "what it said is kept; the bus stays");
    kill(n->demo, SIGINT);
    wait_for_end(n);
}

/* --- secrets ---------------------------------------------------------------------------------- */

/* The first 256 KiB: arguments and environment are shorter. */
static size_t read_proc(char *out, size_t size, const char *pid, const char *what)
{
    char path[300];
    int fd;
    ssize_t n, len = 0;

    snprintf(path, sizeof(path), "/proc/%s/%s", pid, what);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, out + len, size - (size_t)len)) > 0)
        len += n;
    if (fd >= 0)
        close(fd);
    return (size_t)len;
}

/* Processes in whose command line or environment these words stand. */
static unsigned count_showing(const char *words)
{
    static char text[262144];
    static const char *const where[] = {"cmdline", "environ"};
    DIR *d = opendir("/proc");
    unsigned found = 0;

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        for (unsigned i = 0; e->d_name[0] >= '1' && e->d_name[0] <= '9' && i < 2; i++) {
            size_t len = read_proc(text, sizeof(text), e->d_name, where[i]);

            found += memmem(text, len, words, strlen(words)) != NULL;
        }
    closedir(d);
    return found;
}

/* "secret = ..." and "sign_secret = ..." of one key file. */
static unsigned expect_hidden(const struct night *n, const char *name)
{
    char path[400], text[4096];
    unsigned secrets = 0;

    snprintf(path, sizeof(path), "run/keys/%s", name);
    read_file(n, path, text, sizeof(text));
    for (const char *at = text; (at = strstr(at, "secret = ")); secrets++) {
        char secret[41];

        at += strlen("secret = ");
        snprintf(secret, sizeof(secret), "%.40s", at);
        assert_int_equal(strlen(secret), 40);
        assert_int_equal(count_showing(secret), 0);
    }
    return secrets;
}

static void no_secret_stands_in_a_command_line_or_an_environment(void **state)
{
    struct night *n = *state;
    unsigned secrets = 0;
    char path[160];
    DIR *d;

    start_demo(n);
    wait_until_heard(n, 300);
    assert_true(count_showing(n->dir) > 3 || is_over(n)); /* it looks where it should */
    snprintf(path, sizeof(path), "%s/run/keys", n->dir);
    d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            secrets += expect_hidden(n, e->d_name);
    closedir(d);
    assert_true(secrets >= 3 * 2); /* the broker's and both agents' */
    expect_good_end(n);
}

static void ctrl_c_stops_everything_in_order(void **state)
{
    struct night *n = *state;
    static char out[65536];
    pid_t broker, postgres;

    start_demo(n);
    wait_until_heard(n, 100);
    broker = wait_for_pid_of(n, "broker");
    postgres = wait_for_pid_of(n, "postgres");
    if (is_over(n)) {
        expect_good_end(n);
        return;
    }
    kill(n->demo, SIGINT);
    wait_for_end(n);
    assert_int_equal(kill(broker, 0), -1);
    assert_int_equal(kill(postgres, 0), -1);
    read_file(n, "run/log/postgres.log", out, sizeof(out));
    assert_non_null(strstr(out, "database system is shut down"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_quiet_night_ends_with_nothing_lost),
        CASE(no_secret_stands_in_a_command_line_or_an_environment),
        CASE(a_night_of_kills_ends_the_same),
        CASE(a_supervisor_that_is_killed_leaves_nothing_behind_and_goes_on),
        CASE(ctrl_c_stops_everything_in_order),
        CASE(each_later_start_says_what_is_of_now_once_more_and_nothing_else),
        CASE(a_later_start_of_a_plan_without_an_alarm_of_now_speaks_of_none),
    };

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
