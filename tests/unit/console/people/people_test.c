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

#include "agents/console/people/devices.h"
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

/* --- people ----------------------------------------------------------------------------------- */

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

/* --- sessions --------------------------------------------------------------------------------- */

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

/* As if the machine's clock had been another by so many seconds when the file was written. */
static void shift_times(const char *file, long long seconds)
{
    char sha[65], token[44], person[128], lang[3], text[600];
    long long began, seen;
    unsigned long long password;
    FILE *f = fopen(file, "r+");

    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_int_equal(sscanf(text, "%64s %43s %127s %2s %lld %lld %llx", sha, token, person, lang,
                            &began, &seen, &password),
                     7);
    rewind(f);
    fprintf(f, "%s %s %s %s %lld %lld %llx\n", sha, token, person, lang, began + seconds * 1000000,
            seen + seconds * 1000000, password);
    fclose(f);
}

/* A clock that is set lengthens no session; what is old is over, of the future nothing is known. */
static void test_between_two_runs_the_machine_s_clock_has_to_do(void **state)
{
    static const struct {
        long long seconds;
        bool stays;
    } shifts[] = {{-60, true}, {60, true}, {-3700, false}, {3600, false}};
    char secret[SESSION_SECRET];
    struct desk d;

    (void)state;
    for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
        open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
        assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
        close_desk(&d);
        shift_times(d.file, shifts[i].seconds);
        open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
        assert_int_equal(sessions_find(d.sessions, secret) != NULL, shifts[i].stays);
        close_desk(&d);
        unlink(d.file);
    }
}

static void test_to_be_asked_for_lengthens_no_session(void **state)
{
    char secret[SESSION_SECRET];
    struct session *s;
    uint8_t sha[SESSION_SHA];
    struct desk d;

    (void)state;
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    s = sessions_begin(d.sessions, &nazarov, secret);
    assert_non_null(s);
    memcpy(sha, s->sha, sizeof(sha));
    assert_ptr_equal(sessions_of(d.sessions, sha), s);
    sessions_end(d.sessions, s);
    assert_null(sessions_of(d.sessions, sha));
    close_desk(&d);
    open_desk(&d, -1, INT64_C(86400000000));
    s = sessions_begin(d.sessions, &nazarov, secret);
    memcpy(sha, s->sha, sizeof(sha));
    assert_null(sessions_of(d.sessions, sha));
    close_desk(&d);
}

/* As many at a time as a question holds, and everybody in the end. */
static void test_who_is_signed_in_is_named_part_by_part(void **state)
{
    static const struct person rahimov = {"coes.dushanbe.rahimov", "tg", "$argon2id$y"};
    char secret[SESSION_SECRET], names[48];
    struct desk d;

    (void)state;
    open_desk(&d, INT64_C(3600000000), INT64_C(86400000000));
    assert_int_equal(sessions_persons(d.sessions, 0, names, sizeof(names)), 0);
    assert_string_equal(names, "");
    assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
    assert_non_null(sessions_begin(d.sessions, &rahimov, secret));
    assert_non_null(sessions_begin(d.sessions, &nazarov, secret));
    assert_int_equal(sessions_persons(d.sessions, 0, names, sizeof(names)), 2);
    assert_string_equal(names, "coes.dushanbe.nazarov coes.dushanbe.rahimov");
    assert_int_equal(sessions_persons(d.sessions, 2, names, sizeof(names)), 1);
    assert_string_equal(names, "coes.dushanbe.nazarov");
    assert_int_equal(sessions_persons(d.sessions, 3, names, sizeof(names)), 0);
    sessions_end_person(d.sessions, "coes.dushanbe.nazarov");
    assert_int_equal(sessions_persons(d.sessions, 0, names, sizeof(names)), 1);
    assert_string_equal(names, "coes.dushanbe.rahimov");
    close_desk(&d);
}

/* --- devices ---------------------------------------------------------------------------------- */

static void test_a_browser_is_known_to_the_person_who_used_it(void **state)
{
    struct devices one, again, other;
    char cookie[DEVICE_TEXT], file[140];
    struct desk d;

    (void)state;
    open_desk(&d, 1, 1);
    snprintf(file, sizeof(file), "%s/devices", folder);
    assert_int_equal(devices_begin(&one, d.loop, file), ST_OK);
    devices_make(&one, d.loop, "coes.a", cookie);
    assert_int_equal(strlen(cookie), DEVICE_TEXT - 1);
    assert_true(devices_know(&one, "coes.a", cookie));
    assert_false(devices_know(&one, "coes.b", cookie));
    assert_false(devices_know(&one, "coes.a", NULL));
    assert_false(devices_know(&one, "coes.a", ""));
    assert_false(devices_know(&one, "coes.a", cookie + 1));
    assert_int_equal(devices_begin(&again, d.loop, file), ST_OK);
    assert_true(devices_know(&again, "coes.a", cookie));
    unlink(file);
    assert_int_equal(devices_begin(&other, d.loop, file), ST_OK);
    assert_false(devices_know(&other, "coes.a", cookie));
    cookie[3] ^= 1;
    assert_false(devices_know(&one, "coes.a", cookie));
    unlink(file);
    close_desk(&d);
}

/* --- guesses ---------------------------------------------------------------------------------- */

static void test_after_five_wrong_ones_one_a_minute(void **state)
{
    static struct guesses g;
    uint64_t now = 1000 * MINUTE_US;

    (void)state;
    guesses_begin(&g, 7);
    for (unsigned i = 0; i < guesses_free(NAME_AT_ADDRESS); i++) {
        assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now), 0);
        guesses_wrong(&g, NAME_AT_ADDRESS, "coes.a", now);
    }
    assert_in_range(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now), 1, 61);
    assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.b", now), 0);
    assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US), 0);
    guesses_wrong(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US);
    assert_in_range(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US), 1, 61);
    guesses_right(&g, NAME_AT_ADDRESS, "coes.a");
    assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US), 0);
}

/* Somebody guesses again and again, as soon as it is allowed or sooner. */
static void test_a_wrong_one_does_not_begin_the_minute_again(void **state)
{
    static struct guesses g;
    uint64_t now = 1000 * MINUTE_US;

    (void)state;
    guesses_begin(&g, 7);
    for (unsigned i = 0; i < guesses_free(NAME_AT_ADDRESS); i++)
        guesses_wrong(&g, NAME_AT_ADDRESS, "coes.a", now);
    guesses_wrong(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US / 2);
    assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US), 0);
    guesses_wrong(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US * 3 / 2);
    assert_in_range(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now + MINUTE_US * 3 / 2), 1, 31);
    assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, "coes.a", now + 2 * MINUTE_US), 0);
}

/* Ten thousand names: some fall on the slot of the name, and of the address, that is guessed. */
static void test_what_is_counted_of_one_kind_makes_nobody_wait_for_another(void **state)
{
    static struct guesses g;
    char who[32];

    (void)state;
    guesses_begin(&g, 7);
    for (unsigned i = 0; i < guesses_free(OF_NAME); i++)
        guesses_wrong(&g, OF_NAME, "coes.a", MINUTE_US);
    for (unsigned i = 0; i < guesses_free(OF_ADDRESS); i++)
        guesses_wrong(&g, OF_ADDRESS, "192.0.2.10", MINUTE_US);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(who, sizeof(who), "coes.nobody%u", i);
        assert_int_equal(guesses_wait_s(&g, NAME_AT_ADDRESS, who, MINUTE_US), 0);
        assert_int_equal(guesses_wait_s(&g, OF_DEVICE, who, MINUTE_US), 0);
    }
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
        cmocka_unit_test_setup_teardown(test_between_two_runs_the_machine_s_clock_has_to_do,
                                        make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(test_to_be_asked_for_lengthens_no_session, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_who_is_signed_in_is_named_part_by_part, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_a_browser_is_known_to_the_person_who_used_it,
                                        make_folder, drop_folder),
        cmocka_unit_test(test_after_five_wrong_ones_one_a_minute),
        cmocka_unit_test(test_a_wrong_one_does_not_begin_the_minute_again),
        cmocka_unit_test(test_what_is_counted_of_one_kind_makes_nobody_wait_for_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
