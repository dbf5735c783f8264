/* A part of the record that was exported is checked by the script that comes with it, in a Python
 * that has nothing of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents/ctl/audit.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

static char folder[64], dir[96];

static int run_script(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (chdir(dir) == 0)
            execlp("python3", "python3", "verify.py", (char *)NULL);
        _exit(126);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int export_span(struct pgserver *pg, uint64_t from, uint64_t to)
{
    int code;
    struct ctl c = {.program = {.name = "eocctl"}};
    char conninfo[200], err[600];
    struct db *d;

    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(pg));
    assert_int_equal(db_open(&d, conninfo, err, sizeof(err)), ST_OK);
    code = audit_export(&c, d, from, to, dir);
    db_close(d);
    return code;
}

static void export_from(struct pgserver *pg, uint64_t from)
{
    assert_int_equal(export_span(pg, from, INT64_MAX), EXIT_DONE);
}

/* One hexadecimal digit of the last content. */
static void change_a_digit(void)
{
    char path[128];
    FILE *f;
    int digit;

    snprintf(path, sizeof(path), "%s/messages.txt", dir);
    f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, -10, SEEK_END), 0);
    digit = fgetc(f);
    assert_int_equal(fseek(f, -10, SEEK_END), 0);
    assert_true(fputc(digit == '0' ? '1' : '0', f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void remove_export(void)
{
    static const char *const files[] = {"messages.txt", "chain.txt", "before.txt",
                                        "heads.txt",    "README.md", "verify.py"};
    char path[160];

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* The whole file, or what stands between ```python and ``` in it. */
static char *read_text(const char *path, bool is_page)
{
    char *text = calloc(1, 1 << 20), *from, *end;
    FILE *f = fopen(path, "r");

    assert_non_null(text);
    if (!f)
        fail_msg("%s is not there", path);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    assert_int_equal(fclose(f), 0);
    if (!is_page)
        return text;
    from = strstr(text, "```python\n");
    if (!from)
        fail_msg("%s shows no script", path);
    from += strlen("```python\n");
    end = strstr(from, "```");
    assert_non_null(end);
    *end = '\0';
    memmove(text, from, strlen(from) + 1);
    return text;
}

/* First number of the first line of a file, and how many lines. */
static unsigned lines_of(const char *name, uint64_t *first)
{
    char path[128], *line = NULL;
    size_t size = 0;
    unsigned count = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    assert_non_null(f);
    while (getline(&line, &size, f) > 0)
        if (count++ == 0)
            *first = strtoull(line, NULL, 10);
    free(line);
    assert_int_equal(fclose(f), 0);
    return count;
}

static void start_record(struct pgserver *pg)
{
    pgserver_exec(pg,
                  "SELECT bus.say_audit('drill', 'number ' || g) FROM generate_series(1, 50) g");
    while (pgserver_number(pg, "SELECT count(*) FROM bus.audit_pending"))
        pgserver_exec(pg, "SELECT bus.tick(32)");
    snprintf(folder, sizeof(folder), "/tmp/eocbus-export-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(dir, sizeof(dir), "%s/record", folder);
}

static void the_script_beside_an_export_tells_whether_it_holds(void **state)
{
    struct pgserver *pg = pgserver_start();

    (void)state;
    start_record(pg);
    export_from(pg, 1);
    assert_int_equal(run_script(), 0);
    change_a_digit();
    assert_int_equal(run_script(), 1);
    remove_export();

    export_from(pg, 20); /* from the middle on */
    assert_int_equal(run_script(), 0);
    remove_export();

    pgserver_exec(pg, "DELETE FROM bus.message WHERE seq = 30");
    export_from(pg, 1);
    assert_int_equal(run_script(), 1);
    remove_export();
    rmdir(folder);
    pgserver_end(pg);
}

/* What people read and what is run are the same lines. */
static void the_script_is_the_one_that_is_shown(void **state)
{
    struct pgserver *pg = pgserver_start();
    char path[128], *run, *beside, *shown;

    (void)state;
    start_record(pg);
    export_from(pg, 1);
    snprintf(path, sizeof(path), "%s/verify.py", dir);
    run = read_text(path, false);
    snprintf(path, sizeof(path), "%s/README.md", dir);
    beside = read_text(path, true);
    shown = read_text("proto/PROTOCOL.md", true);
    assert_string_equal(beside, run);
    assert_string_equal(shown, run);
    free(run);
    free(beside);
    free(shown);
    remove_export();
    rmdir(folder);
    pgserver_end(pg);
}

/* Chains the same messages anew: numbers 1 to 32 are one commit, 33 to 50 the next. */
static void make_two_commits(struct pgserver *pg)
{
    pgserver_exec(pg,
                  "DO $d$ DECLARE a bytea; b bytea; e int4; BEGIN"
                  " SELECT string_agg(rows, '' ORDER BY last_seq) FILTER (WHERE last_seq <= 32),"
                  " string_agg(rows, '' ORDER BY last_seq) FILTER (WHERE last_seq > 32),"
                  " min(log_epoch) INTO a, b, e FROM bus.chain;"
                  " DELETE FROM bus.chain;"
                  " PERFORM bus.chain_on(e, 0, a); PERFORM bus.chain_on(e, 32, b); END $d$");
}

static void a_span_holds_the_commits_of_both_its_ends(void **state)
{
    static const struct {
        uint64_t from, to, first;
        unsigned messages, commits;
    } spans[] = {{1, 40, 1, 50, 2}, {10, 20, 1, 32, 1},  {40, 40, 33, 18, 1}, {32, 33, 1, 50, 2},
                 {1, 32, 1, 32, 1}, {50, 50, 33, 18, 1}, {33, 99, 33, 18, 1}};
    struct pgserver *pg = pgserver_start();
    uint64_t first = 0;

    (void)state;
    start_record(pg);
    make_two_commits(pg);
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        assert_int_equal(export_span(pg, spans[i].from, spans[i].to), EXIT_DONE);
        assert_int_equal(lines_of("messages.txt", &first), spans[i].messages);
        assert_int_equal(first, spans[i].first);
        assert_int_equal(lines_of("chain.txt", &first), spans[i].commits);
        assert_int_equal(run_script(), 0);
        remove_export();
    }
    rmdir(folder);
    pgserver_end(pg);
}

static void what_has_nothing_to_show_is_refused(void **state)
{
    struct pgserver *pg = pgserver_start();
    char word[] = "audit", heads[] = "heads";
    char *argv[] = {word, heads, NULL};
    char conninfo[200];
    struct ctl c = {.program = {.name = "eocctl"}, .argc = 2, .argv = argv};

    (void)state;
    start_record(pg);
    make_two_commits(pg);
    assert_int_equal(export_span(pg, 51, 60), EXIT_REFUSED);
    assert_int_equal(export_span(pg, 51, INT64_MAX), EXIT_REFUSED);
    assert_int_equal(export_span(pg, 36, 35), EXIT_REFUSED); /* of one commit, but the wrong way */
    assert_int_equal(rmdir(dir), -1);                        /* no folder was made */

    assert_int_equal(export_span(pg, 1, 50), EXIT_DONE);
    assert_int_equal(export_span(pg, 1, 50), EXIT_MACHINE); /* the folder is there */
    assert_int_equal(run_script(), 0);                      /* as it was */
    remove_export();

    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(pg));
    c.set.database = conninfo;
    assert_int_equal(ctl_audit(&c), EXIT_REFUSED); /* no broker was there to say a head */
    rmdir(folder);
    pgserver_end(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_script_beside_an_export_tells_whether_it_holds),
        cmocka_unit_test(the_script_is_the_one_that_is_shown),
        cmocka_unit_test(a_span_holds_the_commits_of_both_its_ends),
        cmocka_unit_test(what_has_nothing_to_show_is_refused),
    };

    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
