/* keys_test - key files: made whole, read only when nobody else could have. */
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

#include "proto/base/keys.h"
#include "proto/base/mem.h"

static char directory[] = "/tmp/eocbus-keys-test-XXXXXX";
static char file[256], err[512];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(file, sizeof(file), "%s/key", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(directory); /* fails when a temporary file was left behind */
}

static int remove_file(void **state)
{
    (void)state;
    unlink(file);
    return 0;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *f = fopen(file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(file, mode), 0);
}

static void a_key_that_was_saved_is_loaded_the_same(void **state)
{
    struct keys made, loaded;
    struct stat st;
    mode_t old = umask(0);

    (void)state;
    assert_int_equal(keys_generate(&made), ST_OK);
    assert_int_equal(keys_save(&made, file, "coes.ayni.office", err, sizeof(err)), ST_OK);
    umask(old);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keys_load(&loaded, file, err, sizeof(err)), ST_OK);
    assert_memory_equal(&made, &loaded, sizeof(made));
    keys_wipe(&made);
    assert_string_equal(made.secret_z85, "");
    assert_string_equal(made.sign_secret_z85, "");
}

/* Files of before devices signed. */
static void a_file_without_a_signing_pair_is_legal_and_half_of_one_is_not(void **state)
{
    struct keys a, b, out;
    char text[400];
    int n;

    (void)state;
    assert_int_equal(keys_generate(&a), ST_OK);
    assert_int_equal(keys_generate(&b), ST_OK);
    n = snprintf(text, sizeof(text), "public = %s\nsecret = %s\n", a.public_z85, a.secret_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_OK);
    assert_string_equal(out.sign_public_z85, "");
    assert_string_equal(out.sign_secret_z85, "");
    unlink(file);
    assert_int_equal(keys_save(&out, file, "a", err, sizeof(err)), ST_OK);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_OK);
    assert_string_equal(out.sign_secret_z85, "");
    snprintf(text + n, sizeof(text) - (size_t)n, "sign_public = %s\n", a.sign_public_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "or neither"));
    snprintf(text + n, sizeof(text) - (size_t)n, "sign_public = %s\nsign_secret = %s\n",
             a.sign_public_z85, b.sign_secret_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "do not belong together"));
    assert_null(strstr(err, b.sign_secret_z85));
}

static void a_name_cannot_add_lines_to_the_file(void **state)
{
    struct keys made, loaded;

    (void)state;
    assert_int_equal(keys_generate(&made), ST_OK);
    assert_int_equal(keys_save(&made, file, "x\npublic = y", err, sizeof(err)), ST_OK);
    assert_int_equal(keys_load(&loaded, file, err, sizeof(err)), ST_OK);
    assert_memory_equal(&made, &loaded, sizeof(made));
}

static void a_key_is_never_overwritten(void **state)
{
    struct keys first, second, loaded;

    (void)state;
    assert_int_equal(keys_generate(&first), ST_OK);
    assert_int_equal(keys_generate(&second), ST_OK);
    assert_int_equal(keys_save(&first, file, "a", err, sizeof(err)), ST_OK);
    assert_int_equal(keys_save(&second, file, "b", err, sizeof(err)), ST_EXISTS);
    assert_non_null(strstr(err, "is there already and keys are never overwritten"));
    assert_int_equal(keys_load(&loaded, file, err, sizeof(err)), ST_OK);
    assert_memory_equal(&first, &loaded, sizeof(first));
}

static void a_missing_directory_is_named(void **state)
{
    struct keys k;

    (void)state;
    assert_int_equal(keys_generate(&k), ST_OK);
    assert_int_equal(keys_save(&k, "/nowhere/at/all/key", "a", err, sizeof(err)), ST_IO);
    assert_non_null(strstr(err, "mkdir -p /nowhere/at/all"));
}

static void a_missing_key_says_how_to_make_one(void **state)
{
    struct keys k;
    char says[600];

    (void)state;
    assert_int_equal(keys_load(&k, file, err, sizeof(err)), ST_NOTFOUND);
    snprintf(says, sizeof(says), "make one with: eocctl keygen %s", file);
    assert_non_null(strstr(err, says));
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0644, 0660, 0666, 0610, 0601};
    struct keys k;

    (void)state;
    assert_int_equal(keys_generate(&k), ST_OK);
    assert_int_equal(keys_save(&k, file, "a", err, sizeof(err)), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(file, modes[i]), 0);
        assert_int_equal(keys_load(&k, file, err, sizeof(err)), ST_DENIED);
        assert_non_null(strstr(err, "chmod 600 "));
    }
    assert_int_equal(chmod(file, 0400), 0);
    assert_int_equal(keys_load(&k, file, err, sizeof(err)), ST_OK);
}

static void a_key_of_another_user_is_refused(void **state)
{
    struct keys k;

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    assert_int_equal(keys_generate(&k), ST_OK);
    assert_int_equal(keys_save(&k, file, "a", err, sizeof(err)), ST_OK);
    assert_int_equal(chown(file, 12345, 12345), 0);
    assert_int_equal(keys_load(&k, file, err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, "belongs to user id 12345, but this program runs as 0; chown 0 "));
}

/* A pair whose halves do not belong together, cut or damaged keys, and files that are none. */
static void what_is_no_pair_of_keys_is_refused(void **state)
{
    struct keys a, b, out;
    char text[400];

    (void)state;
    assert_int_equal(keys_generate(&a), ST_OK);
    assert_int_equal(keys_generate(&b), ST_OK);
    snprintf(text, sizeof(text), "public = %s\nsecret = %s\n", a.public_z85, b.secret_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "do not belong together"));
    assert_null(strstr(err, b.secret_z85));
    snprintf(text, sizeof(text), "public = %s\nsecret = %.39s\n", a.public_z85, a.secret_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "is no key file"));
    snprintf(text, sizeof(text), "public = %s\n", a.public_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_INVALID);
    write_file("", 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_INVALID);
    assert_int_equal(keys_load(&out, directory, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "is not a file"));
    assert_int_equal(keys_load(&out, "/proc/self/exe", err, sizeof(err)), ST_DENIED);
}

static void a_file_edited_by_hand_may_have_blanks_and_comments(void **state)
{
    struct keys a, out;
    char text[400];

    (void)state;
    assert_int_equal(keys_generate(&a), ST_OK);
    snprintf(text, sizeof(text),
             "\n# mine\r\n  secret=%s \r\n\tsign_secret\t= %s\nsign_public = %s\n\tpublic  =   %s",
             a.secret_z85, a.sign_secret_z85, a.sign_public_z85, a.public_z85);
    write_file(text, 0600);
    assert_int_equal(keys_load(&out, file, err, sizeof(err)), ST_OK);
    assert_memory_equal(&a, &out, sizeof(a));
}

static void z85_goes_both_ways_and_refuses_the_rest(void **state)
{
    uint8_t key[KEY_BYTES], back[KEY_BYTES];
    char text[KEY_Z85];

    (void)state;
    for (unsigned i = 0; i < KEY_BYTES; i++)
        key[i] = (uint8_t)(i * 37);
    keys_z85_encode(text, key);
    assert_int_equal(strlen(text), 40);
    assert_true(keys_z85_is_valid(text));
    assert_int_equal(keys_z85_decode(back, text), ST_OK);
    assert_memory_equal(key, back, KEY_BYTES);
    assert_false(keys_z85_is_valid(""));
    assert_false(keys_z85_is_valid("0000000000000000000000000000000000000000x"));
    assert_false(keys_z85_is_valid("000000000000000000000000000000000000000"));
    assert_false(keys_z85_is_valid("000000000000000000000000000000000000000~"));
    assert_false(keys_z85_is_valid("000000000000000000000000000000000000000\xff"));
    assert_false(keys_z85_is_valid("####################################%%%%"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_key_that_was_saved_is_loaded_the_same, remove_file),
        cmocka_unit_test_teardown(a_file_without_a_signing_pair_is_legal_and_half_of_one_is_not,
                                  remove_file),
        cmocka_unit_test_teardown(a_name_cannot_add_lines_to_the_file, remove_file),
        cmocka_unit_test_teardown(a_key_is_never_overwritten, remove_file),
        cmocka_unit_test_teardown(a_missing_directory_is_named, remove_file),
        cmocka_unit_test_teardown(a_missing_key_says_how_to_make_one, remove_file),
        cmocka_unit_test_teardown(a_key_that_others_can_read_is_refused, remove_file),
        cmocka_unit_test_teardown(a_key_of_another_user_is_refused, remove_file),
        cmocka_unit_test_teardown(what_is_no_pair_of_keys_is_refused, remove_file),
        cmocka_unit_test_teardown(a_file_edited_by_hand_may_have_blanks_and_comments, remove_file),
        cmocka_unit_test(z85_goes_both_ways_and_refuses_the_rest),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
