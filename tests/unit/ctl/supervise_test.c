#include "agents/ctl/supervise.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "tests/lib/patience.h"

static char told[512];

static void keep_told(const char *sentence)
{
    snprintf(told, sizeof(told), "%s", sentence);
}

static int make(void **state)
{
    told[0] = '\0';
    return supervise_create((struct supervise **)state, keep_told) == ST_OK ? 0 : -1;
}

static int drop(void **state)
{
    supervise_destroy(*state);
    return 0;
}

static int start_shell(struct supervise *s, const char *script, bool keep)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    struct supervise_spec spec = {.name = "shell", .argv = argv, .keep = keep};
    int child = -1;

    assert_int_equal(supervise_start(s, &spec, &child), ST_OK);
    return child;
}

static int turn_until_ended(struct supervise *s, int child)
{
    uint64_t end = supervise_now_ms() + 10000;
    int code = -1;

    while (!supervise_ended(s, child, &code) && supervise_now_ms() < end)
        supervise_turn(s, 100);
    return code;
}

static void a_command_tells_its_exit_status_or_signal(void **state)
{
    assert_int_equal(turn_until_ended(*state, start_shell(*state, "exit 3", false)), 3);
    assert_int_equal(turn_until_ended(*state, start_shell(*state, "kill -9 $$", false)), 137);
}

static void a_program_that_is_not_there_is_exit_status_127(void **state)
{
    const char *argv[] = {"/nowhere/program", NULL};
    struct supervise_spec spec = {.name = "ghost", .argv = argv, .log_path = "/dev/null"};
    int child;

    assert_int_equal(supervise_start(*state, &spec, &child), ST_OK);
    assert_int_equal(turn_until_ended(*state, child), 127);
}

static void a_kept_child_comes_back_after_kill_9(void **state)
{
    struct supervise *s = *state;
    int child = start_shell(s, "exec sleep 1000", true);
    pid_t first = supervise_pid(s, child);
    uint64_t end = supervise_now_ms() + 60000;

    kill(first, SIGKILL);
    while ((supervise_pid(s, child) == first || supervise_pid(s, child) == 0) &&
           supervise_now_ms() < end)
        supervise_turn(s, 100);
    assert_true(supervise_pid(s, child) > 0);
    assert_int_equal(supervise_restarts(s, child), 1);
    assert_non_null(strstr(told, "signal 9"));
}

static void the_pause_between_starts_grows(void **state)
{
    struct supervise *s = *state;
    int child = start_shell(s, "exit 1", true);
    uint64_t begin = supervise_now_ms();

    while (supervise_restarts(s, child) < 4 && supervise_now_ms() - begin < 60000)
        supervise_turn(s, 100);
    /* 100 + 200 + 400 ms lie between four deaths */
    assert_true(supervise_now_ms() - begin >= 700);
    assert_non_null(strstr(told, "800 ms"));
}

static void stopping_is_patient_first_and_then_kills(void **state)
{
    struct supervise *s = *state;
    int polite = start_shell(s, "exec sleep 1000", true);
    int deaf = start_shell(s, "trap '' TERM; while :; do sleep 1; done", true);
    pid_t pid = supervise_pid(s, deaf);
    uint64_t begin = supervise_now_ms();

    supervise_stop(s, polite, 60000);
    assert_true(supervise_now_ms() - begin < 30000); /* not waited for to the end */
    supervise_stop(s, deaf, 100);
    assert_int_equal(kill(pid, 0), -1);
}

static void a_signal_to_us_ends_the_turns(void **state)
{
    assert_true(supervise_turn(*state, 0));
    kill(getpid(), SIGTERM);
    assert_false(supervise_turn(*state, 1000));
    supervise_ignore_signals(*state);
    assert_true(supervise_turn(*state, 0));
}

/* The supervisor is a process of its own here, which tells its child's pid and is then killed -9.
 * The orphan comes to us, the nearest subreaper, so that its death can be waited for without a
 * clock. */
static void a_child_does_not_outlive_us(void **state)
{
    const struct timespec ms1 = {.tv_nsec = 1000000};
    const uint64_t end = supervise_now_ms() + 60000;
    int fds[2], status = 0;
    pid_t mother, gone, child = 0;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    mother = fork();
    if (mother == 0) {
        struct supervise *s;

        if (supervise_create(&s, keep_told) != ST_OK)
            _exit(1);
        child = supervise_pid(s, start_shell(s, "exec sleep 1000", true));
        if (write(fds[1], &child, sizeof(child)) != (ssize_t)sizeof(child))
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(fds[0], &child, sizeof(child)), sizeof(child));
    kill(mother, SIGKILL);
    assert_int_equal(waitpid(mother, &status, 0), mother);
    while ((gone = waitpid(child, &status, WNOHANG)) == 0 && supervise_now_ms() < end)
        nanosleep(&ms1, NULL);
    if (gone != child)
        kill(child, SIGKILL);
    /* Killed; or, orphaned before it had asked for that signal, ended by itself. */
    assert_int_equal(gone, child);
    close(fds[0]);
    close(fds[1]);
}

static void without_memory_nothing_is_started_and_nothing_leaks(void **state)
{
    const char *argv[] = {"/bin/true", "an argument", NULL};
    struct supervise_spec spec = {.name = "true", .argv = argv, .log_path = "/dev/null"};
    struct supervise *s;
    enum status st = ST_NOMEM;
    int child = -1;

    (void)state;
    mem_fail_at(1);
    assert_int_equal(supervise_create(&s, keep_told), ST_NOMEM);
    assert_int_equal(supervise_create(&s, keep_told), ST_OK);
    for (unsigned long k = 1; st == ST_NOMEM; k++) {
        mem_fail_at(k);
        st = supervise_start(s, &spec, &child);
    }
    mem_fail_at(0);
    assert_int_equal(st, ST_OK);
    assert_int_equal(child, 0); /* failed attempts hold no place */
    assert_int_equal(turn_until_ended(s, child), 0);
    supervise_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_tells_its_exit_status_or_signal, make, drop),
        cmocka_unit_test_setup_teardown(a_program_that_is_not_there_is_exit_status_127, make, drop),
        cmocka_unit_test_setup_teardown(a_kept_child_comes_back_after_kill_9, make, drop),
        cmocka_unit_test_setup_teardown(the_pause_between_starts_grows, make, drop),
        cmocka_unit_test_setup_teardown(stopping_is_patient_first_and_then_kills, make, drop),
        cmocka_unit_test_setup_teardown(a_signal_to_us_ends_the_turns, make, drop),
        cmocka_unit_test(a_child_does_not_outlive_us),
        cmocka_unit_test(without_memory_nothing_is_started_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
