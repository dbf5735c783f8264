#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/console/people/guesses.h"
#include "agents/console/people/people.h"
#include "agents/console/people/sessions.h"

#define MINUTE_US UINT64_C(60000000)

static char folder[64], path[100];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/eocbus-people-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/people", folder);
    return 0;
}

static int drop_folder(void **state)
{
    char sessions[120];

    (void)state;
    snprintf(sessions, sizeof(sessions), "%s/sessions", folder);
    unlink(path);
    unlink(sessions);
    return rmdir(folder);
}

static void write_text(const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

/* --- people -------------------------------------------------------------------------------------
 */

static void test_who_is_added_is_found_until_removed(void **state)
{
    const struct person nazarov = {"coes.dushanbe.nazarov", "tg", "$argon2id$x"},
                        rahimova = {"coes.khujand.rahimova", "ru", "$argon2id$y"};
    struct person found;
    char err[300];

    (void)state;
    assert_int_equal(people_find(path, "coes.dushanbe.nazarov", &found, err, sizeof(err)),
                     ST_NOTFOUND);
    assert_int_equal(people_put(path, &nazarov, err, sizeof(err)), ST_OK);
    assert_int_equal(people_put(path, &rahimova, err, sizeof(err)), ST_OK);
    assert_int_equal(people_find(path, "coes.dushanbe.nazarov", &found, err, sizeof(err)), ST_OK);
    assert_string_equal(found.hash, "$argon2id$x");
    assert_string_equal(found.lang, "tg");
    assert_int_equal(people_remove(path, "coes.dushanbe.nazarov", err, sizeof(err)), ST_OK);
    assert_int_equal(people_find(path, "coes.dushanbe.nazarov", &found, err, sizeof(err)),
                     ST_NOTFOUND);
    assert_int_equal(people_find(path, "coes.khujand.rahimova", &found, err, sizeof(err)), ST_OK);
    assert_int_equal(people_remove(path, "coes.dushanbe.nazarov", err, sizeof(err)), ST_NOTFOUND);
}

static void test_a_new_password_takes_the_place_of_the_old(void **state)
{
    struct person p = {"coes.dushanbe.nazarov", "tg", "$argon2id$old"}, found;
    char err[300];

    (void)state;
    assert_int_equal(people_put(path, &p, err, sizeof(err)), ST_OK);
    snprintf(p.hash, sizeof(p.hash), "$argon2id$new");
    assert_int_equal(people_put(path, &p, err, sizeof(err)), ST_OK);
    assert_int_equal(people_find(path, p.name, &found, err, sizeof(err)), ST_OK);
    assert_string_equal(found.hash, "$argon2id$new");
    assert_int_equal(people_remove(path, p.name, err, sizeof(err)), ST_OK);
    assert_int_equal(people_find(path, p.name, &found, err, sizeof(err)), ST_NOTFOUND);
}

static void test_a_file_that_others_read_is_refused(void **state)
{
    struct person found;
    char err[300];

    (void)state;
    write_text("coes.a ru $argon2id$x\n", 0644);
    assert_int_equal(people_find(path, "coes.a", &found, err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, "chmod 600"));
}

static void test_a_line_that_is_none_is_said_with_its_number(void **state)
{
    struct person found;
    char err[300];

    (void)state;
    write_text("# people\ncoes.a xx $argon2id$x\n", 0600);
    assert_int_equal(people_find(path, "coes.a", &found, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "line 2"));
}

/* --- sessions -----------------------------------------------------------------------------------
 */

struct desk {
    struct loop *loop;
    struct sessions *sessions;
    char file[120];
};

static void open_desk(struct desk *d, int64_t idle_us, int64_t life_us)
{
    snprintf(d->file, sizeof(d->file), "%s/sessions", folder);
    assert_int_equal(loop_create(&d->loop), ST_OK);
    assert_int_equal(sessions_create(&d->sessions, d->loop, d->file, idle_us, life_us), ST_OK);
}

static void close_desk(struct desk *d)
{
    sessions_destroy(d->sessions);
    loop_destroy(d->loop);
}

static const struct person nazarov = {"coes.dushanbe.nazarov", "tg", ""};

static void test_a_session_outlives_the_program(void **state)
{
    char secret[SESSION_SECRET], token[SESSION_SECRET];
    struct session *s;
    struct desk d;

    (void)state;
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    s = sessions_begin(d.sessions, &nazarov, secret);
    assert_non_null(s);
    memcpy(token, s->token, sizeof(token));
    close_desk(&d);
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    s = sessions_find(d.sessions, secret);
    assert_non_null(s);
    assert_string_equal(s->person, nazarov.name);
    assert_string_equal(s->token, token);
    assert_null(sessions_find(d.sessions, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_null(sessions_find(d.sessions, ""));
    assert_null(sessions_find(d.sessions, NULL));
    close_desk(&d);
}

/* Whoever reads the file cannot sign in with what stands there. */
static void test_the_file_holds_no_secret(void **state)
{
    char secret[SESSION_SECRET], text[600] = "";
    struct desk d;
    FILE *f;

    (void)state;
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
    close_desk(&d);
    f = fopen(d.file, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(text, nazarov.name));
    assert_null(strstr(text, secret));
}

static void test_who_signs_out_is_out_there_only(void **state)
{
    char one[SESSION_SECRET], two[SESSION_SECRET];
    struct desk d;

    (void)state;
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    assert_non_null(sessions_begin(d.sessions, &nazarov, one));
    assert_non_null(sessions_begin(d.sessions, &nazarov, two));
    assert_string_not_equal(one, two);
    sessions_end(d.sessions, sessions_find(d.sessions, one));
    assert_null(sessions_find(d.sessions, one));
    assert_non_null(sessions_find(d.sessions, two));
    sessions_end(d.sessions, sessions_find(d.sessions, two));
    assert_null(sessions_find(d.sessions, two));
    close_desk(&d);
}

static void test_a_session_ends_by_itself(void **state)
{
    char secret[SESSION_SECRET];
    struct desk d;

    (void)state;
    open_desk(&d, -1, INT64_C(86400000000));
    assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
    assert_null(sessions_find(d.sessions, secret));
    close_desk(&d);
    open_desk(&d, INT64_C(86400000000), -1);
    assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
    assert_null(sessions_find(d.sessions, secret));
    close_desk(&d);
}

static void test_one_person_has_so_many_sessions(void **state)
{
    char first[SESSION_SECRET], secret[SESSION_SECRET];
    struct desk d;

    (void)state;
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    assert_non_null(sessions_begin(d.sessions, &nazarov, first));
    for (unsigned i = 0; i < 8; i++)
        assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
    assert_null(sessions_find(d.sessions, first));
    assert_non_null(sessions_find(d.sessions, secret));
    assert_int_equal(sessions_count(d.sessions), 8);
    close_desk(&d);
}

/* --- guesses ------------------------------------------------------------------------------------
 */

static void test_after_five_wrong_ones_one_a_minute(void **state)
{
    static struct guesses g;
    uint64_t now = 1000 * MINUTE_US;

    (void)state;
    guesses_begin(&g, 7);
    for (unsigned i = 0; i < FREE_AT_ADDRESS; i++) {
        assert_int_equal(guesses_wait_s(&g, "name coes.a", FREE_AT_ADDRESS, now), 0);
        guesses_wrong(&g, "name coes.a", FREE_AT_ADDRESS, now);
    }
    assert_in_range(guesses_wait_s(&g, "name coes.a", FREE_AT_ADDRESS, now), 1, 61);
    assert_int_equal(guesses_wait_s(&g, "name coes.b", FREE_AT_ADDRESS, now), 0);
    assert_int_equal(guesses_wait_s(&g, "name coes.a", FREE_AT_ADDRESS, now + MINUTE_US), 0);
    guesses_wrong(&g, "name coes.a", FREE_AT_ADDRESS, now + MINUTE_US);
    assert_in_range(guesses_wait_s(&g, "name coes.a", FREE_AT_ADDRESS, now + MINUTE_US), 1, 61);
    guesses_right(&g, "name coes.a");
    assert_int_equal(guesses_wait_s(&g, "name coes.a", FREE_AT_ADDRESS, now + MINUTE_US), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_is_added_is_found_until_removed, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_a_new_password_takes_the_place_of_the_old, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_a_file_that_others_read_is_refused, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_a_line_that_is_none_is_said_with_its_number,
                                        make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(test_a_session_outlives_the_program, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_the_file_holds_no_secret, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(test_who_signs_out_is_out_there_only, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_a_session_ends_by_itself, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(test_one_person_has_so_many_sessions, make_folder,
                                        drop_folder),
        cmocka_unit_test(test_after_five_wrong_ones_one_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
