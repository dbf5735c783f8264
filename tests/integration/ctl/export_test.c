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

static void export_from(struct pgserver *pg, uint64_t from)
{
    struct ctl c = {.program = {.name = "eocctl"}};
    char conninfo[200], err[600];
    struct db *d;

    snprintf(conninfo, sizeof(conninfo), "host=%s dbname=eocbus user=postgres",
             pgserver_socket(pg));
    assert_int_equal(db_open(&d, conninfo, err, sizeof(err)), ST_OK);
    assert_int_equal(audit_export(&c, d, from, INT64_MAX, dir), EXIT_DONE);
    db_close(d);
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

static void the_script_beside_an_export_tells_whether_it_holds(void **state)
{
    struct pgserver *pg = pgserver_start();

    (void)state;
    pgserver_exec(pg,
                  "SELECT bus.say_audit('drill', 'number ' || g) FROM generate_series(1, 50) g");
    while (pgserver_number(pg, "SELECT count(*) FROM bus.audit_pending"))
        pgserver_exec(pg, "SELECT bus.tick(32)");
    snprintf(folder, sizeof(folder), "/tmp/eocbus-export-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(dir, sizeof(dir), "%s/record", folder);

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_script_beside_an_export_tells_whether_it_holds),
    };

    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
