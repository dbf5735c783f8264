/* No password where others can read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/conninfo.h"

#include "proto/base/banned.h"

static void a_password_is_refused_wherever_it_stands(void **state)
{
    static const char *const open[] = {
        "dbname=eocbus password=x",          "password = 'x y' dbname=eocbus",
        "dbname=eocbus sslpassword=x",       "postgresql://bus:secret@db/eocbus",
        "postgres://bus:secret@[::1]:5432/", "postgresql://db/eocbus?password=x",
    };
    char err[400];

    (void)state;
    unsetenv("PGPASSWORD");
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        assert_int_equal(conninfo_check(open[i], err, sizeof(err)), ST_DENIED);
        assert_non_null(strstr(err, "peer"));
        assert_null(strstr(err, "secret")); /* and it is not said again */
    }
}

static void peer_certificate_and_files_are_fine(void **state)
{
    static const char *const fine[] = {
        "",
        "dbname=eocbus user=bus_ingest",
        "host=/run/postgresql dbname=eocbus",
        "host=db sslmode=verify-full sslcert=/etc/a.crt sslkey=/etc/a.key passfile=/etc/pass",
        "postgresql://bus@db:5432/eocbus",
        "postgresql://db:5432/eocbus?options=a@b",
    };
    char err[400];

    (void)state;
    unsetenv("PGPASSWORD");
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        assert_int_equal(conninfo_check(fine[i], err, sizeof(err)), ST_OK);
}

static void a_password_in_the_environment_is_refused(void **state)
{
    char err[400];

    (void)state;
    setenv("PGPASSWORD", "x", 1);
    assert_int_equal(conninfo_check("dbname=eocbus", err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, "PGPASSWORD"));
    unsetenv("PGPASSWORD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_refused_wherever_it_stands),
        cmocka_unit_test(peer_certificate_and_files_are_fine),
        cmocka_unit_test(a_password_in_the_environment_is_refused),
    };

    return cmocka_run_group_tests_name("conninfo", tests, NULL, NULL);
}
