/* With a real loop and real programs: scripts in a folder of the test's own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/sensor/siren/driver.h"
#include "agents/sensor/siren/kept.h"
#include "proto/base/mem.h"
#include "tests/lib/patience.h"

static struct {
    struct loop *loop;
    struct siren_driver *driver;
    char dir[64];
    unsigned answers;
    struct siren_answer last;
} w;

static void on_answered(void *arg, const struct siren_answer *a)
{
    (void)arg;
    w.answers++;
    w.last = *a;
}

static const char *in_dir(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", w.dir, name);
    return path;
}

static void write_script(const char *text)
{
    FILE *f = fopen(in_dir("siren"), "w");

    assert_non_null(f);
    fprintf(f, "#!/bin/sh\ncd %s\n%s\n", w.dir, text);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(in_dir("siren"), 0755), 0);
}

static void open_driver(const char *script, unsigned timeout_ms)
{
    char line[200], err[300];
    struct siren_driver_settings set;

    write_script(script);
    snprintf(line, sizeof(line), "command %s \"left bank\"", in_dir("siren"));
    set = (struct siren_driver_settings){
        .loop = w.loop, .line = line, .timeout_ms = timeout_ms, .answered = on_answered};
    if (siren_driver_create(&w.driver, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    snprintf(w.dir, sizeof(w.dir), "/tmp/eocbus-siren-XXXXXX");
    return mkdtemp(w.dir) && loop_create(&w.loop) == ST_OK ? 0 : -1;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    siren_driver_destroy(w.driver);
    loop_destroy(w.loop);
    snprintf(command, sizeof(command), "rm -rf %s", w.dir);
    return system(command);
}

static void drive(enum siren_verb verb)
{
    const struct siren_wish wish = {.verb = verb,
                                    .pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE,
                                    .duration_s = 60};

    w.driver->drive(w.driver, &wish);
}

static void wait_for_answers(unsigned count)
{
    uint64_t until = loop_exact_us(w.loop) + PATIENCE * UINT64_C(60000000);

    while (w.answers < count) {
        assert_true(loop_exact_us(w.loop) < until);
        loop_turn(w.loop, 50);
    }
}

static const char *file_text(const char *name)
{
    static char text[400];
    FILE *f = fopen(in_dir(name), "r");
    size_t n;

    if (!f)
        return "";
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

static void a_program_is_told_what_to_sound_and_what_it_measured_is_read(void **state)
{
    (void)state;
    open_driver("echo \"$1/$2/$3/$4\" >> said; echo mic 104.5; echo nonsense; echo battery 12.4",
                60000);
    drive(SIREN_ON);
    wait_for_answers(1);
    assert_true(w.last.done);
    assert_int_equal(w.last.mic_level_ddb, 1045);
    assert_int_equal(w.last.battery_mv, 12400);
    drive(SIREN_OFF);
    wait_for_answers(2);
    drive(SIREN_TEST);
    wait_for_answers(3);
    assert_string_equal(file_text("said"),
                        "left bank/on/evacuate/60\nleft bank/off//\nleft bank/test//\n");
}

static void a_program_that_fails_says_how(void **state)
{
    (void)state;
    open_driver("case $2 in on) exit 3;; off) kill -TERM $$;; esac", 60000);
    drive(SIREN_ON);
    wait_for_answers(1);
    assert_false(w.last.done);
    assert_string_equal(w.last.code, "exit_3");
    drive(SIREN_OFF);
    wait_for_answers(2);
    assert_string_equal(w.last.code, "signal_15");
    assert_int_equal(unlink(in_dir("siren")), 0);
    drive(SIREN_ON);
    wait_for_answers(3);
    assert_string_equal(w.last.code, "no_program");
}

static bool lives(const char *pid_file)
{
    long pid = strtol(file_text(pid_file), NULL, 10);
    char path[64], state = 'X';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    fclose(f);
    return state != 'X' && state != 'Z';
}

static void wait_for_death(const char *pid_file)
{
    uint64_t until = loop_exact_us(w.loop) + PATIENCE * UINT64_C(60000000);

    while (lives(pid_file)) {
        assert_true(loop_exact_us(w.loop) < until);
        loop_turn(w.loop, 20);
    }
}

static void a_program_that_hangs_is_killed_with_what_it_started(void **state)
{
    (void)state;
    open_driver("sleep 1000 & echo $! > child; echo $$ > self; wait", 700);
    drive(SIREN_ON);
    wait_for_answers(1);
    assert_false(w.last.done);
    assert_string_equal(w.last.code, "timeout");
    if (*file_text("self"))
        wait_for_death("self");
    if (*file_text("child"))
        wait_for_death("child");
}

/* Off does not wait for an on that hangs, and only off is answered. */
static void what_is_given_up_is_not_answered(void **state)
{
    (void)state;
    open_driver("test $2 = off || sleep 1000", 60000);
    drive(SIREN_ON);
    drive(SIREN_ON);
    drive(SIREN_OFF);
    wait_for_answers(1);
    assert_true(w.last.done);
    for (int i = 0; i < 3; i++)
        loop_turn(w.loop, 10);
    assert_int_equal(w.answers, 1);
}

static void a_program_may_leave_somebody_behind_who_holds_its_output(void **state)
{
    (void)state;
    open_driver("sleep 3 & echo mic 90", 60000);
    drive(SIREN_ON);
    wait_for_answers(1);
    assert_true(w.last.done);
    assert_int_equal(w.last.mic_level_ddb, 900);
}

static void a_setting_that_names_no_program_is_refused_with_a_sentence(void **state)
{
    static const char *const bad[] = {"", "command", "command siren", "command /nowhere/siren",
                                      "whistle /bin/true"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct siren_driver_settings set = {
            .loop = w.loop, .line = bad[i], .timeout_ms = 1000, .answered = on_answered};
        char err[300] = "";

        assert_int_equal(siren_driver_create(&w.driver, &set, err, sizeof(err)), ST_INVALID);
        assert_true(strlen(err) > 15);
    }
}

/* --- the file --------------------------------------------------------------------------------- */

static void what_sounds_is_read_as_it_was_written_and_half_a_line_is_not(void **state)
{
    const struct siren_sound s = {.cause = {1, 2, 3},
                                  .by_order = true,
                                  .pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_VOICE,
                                  .duration_s = 1800,
                                  .recording = 255,
                                  .asked_us = INT64_C(1781200000000000),
                                  .begin_by_us = INT64_C(1781200900000000),
                                  .started_us = INT64_C(1781200000500000),
                                  .sounded_s = 70};
    char path[128];
    struct siren_sound r;
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s", in_dir("kept"));
    assert_int_equal(siren_kept_read(path, &r), ST_NOTFOUND);
    assert_int_equal(siren_kept_write(path, &s), ST_OK);
    assert_int_equal(siren_kept_read(path, &r), ST_OK);
    assert_memory_equal(r.cause, s.cause, sizeof(s.cause));
    assert_true(r.by_order && r.pattern == s.pattern && r.duration_s == s.duration_s &&
                r.recording == s.recording && r.asked_us == s.asked_us &&
                r.begin_by_us == s.begin_by_us && r.started_us == s.started_us &&
                r.sounded_s == s.sounded_s);
    f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fputc('1', f), '1');
    assert_int_equal(fputc('1', f), '1'); /* version 11 */
    assert_int_equal(fclose(f), 0);
    assert_int_equal(siren_kept_read(path, &r), ST_INVALID);
    assert_int_equal(siren_kept_write(path, NULL), ST_OK);
    assert_int_equal(siren_kept_read(path, &r), ST_NOTFOUND);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_program_is_told_what_to_sound_and_what_it_measured_is_read),
        T(a_program_that_fails_says_how),
        T(a_program_that_hangs_is_killed_with_what_it_started),
        T(what_is_given_up_is_not_answered),
        T(a_program_may_leave_somebody_behind_who_holds_its_output),
        T(a_setting_that_names_no_program_is_refused_with_a_sentence),
        T(what_sounds_is_read_as_it_was_written_and_half_a_line_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
