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

#include "agents/console/people/keyring.h"
#include "proto/base/sign.h"

static char folder[64], path[100], err[300];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/eocbus-keyring-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/people.keys", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void keep(const char *name, const char *password, struct keys *k)
{
    struct person_key line;

    assert_int_equal(keys_generate(k), ST_OK);
    assert_int_equal(keyring_lock(&line, name, k, password), ST_OK);
    assert_int_equal(keyring_put(path, &line, err, sizeof(err)), ST_OK);
}

static void a_person_signs_with_the_key_that_the_password_opens(void **state)
{
    uint8_t signature[SIGN_BYTES], public[KEY_BYTES];
    struct keys nazarov, rahimova, opened;
    struct signer *signer = NULL;
    struct person_key line;
    struct stat about;

    (void)state;
    keep("coes.nazarov", "panj-vakhsh-1", &nazarov);
    keep("coes.rahimova", "pamir-tut-22", &rahimova);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(keyring_find(path, "coes.nazarov", &line, err, sizeof(err)), ST_OK);
    assert_int_equal(keyring_open(&opened, &line, "pamir-tut-22"), ST_DENIED);
    assert_string_equal(opened.sign_secret_z85, "");
    assert_int_equal(keyring_open(&opened, &line, "panj-vakhsh-1"), ST_OK);
    assert_string_equal(opened.sign_secret_z85, nazarov.sign_secret_z85);
    assert_string_equal(opened.secret_z85, "");
    assert_int_equal(signer_create(&signer, &opened), ST_OK);
    signer_sign(signer, signature, "order\n", "sound", 5);
    assert_int_equal(keys_z85_decode(public, nazarov.sign_public_z85), ST_OK);
    assert_true(sign_is_good(public, "order\n", "sound", 5, signature));
    signer_destroy(signer);
}

/* Who may write there cannot give one person the key of another, or another public half. */
static void a_line_put_together_from_two_opens_for_nobody(void **state)
{
    struct keys nazarov, rahimova, opened;
    struct person_key one, other, mixed;

    (void)state;
    keep("coes.nazarov", "the-same-one", &nazarov);
    keep("coes.rahimova", "the-same-one", &rahimova);
    assert_int_equal(keyring_find(path, "coes.nazarov", &one, err, sizeof(err)), ST_OK);
    assert_int_equal(keyring_find(path, "coes.rahimova", &other, err, sizeof(err)), ST_OK);
    mixed = one;
    memcpy(mixed.locked, other.locked, sizeof(mixed.locked));
    assert_int_equal(keyring_open(&opened, &mixed, "the-same-one"), ST_DENIED);
    mixed = one;
    memcpy(mixed.name, other.name, sizeof(mixed.name));
    assert_int_equal(keyring_open(&opened, &mixed, "the-same-one"), ST_DENIED);
    mixed = one;
    memcpy(mixed.sign_public_z85, other.sign_public_z85, sizeof(mixed.sign_public_z85));
    assert_int_equal(keyring_open(&opened, &mixed, "the-same-one"), ST_DENIED);
    assert_int_equal(keyring_open(&opened, &one, "the-same-one"), ST_OK);
}

static void who_is_removed_has_no_key_and_the_others_keep_theirs(void **state)
{
    struct keys k;
    struct person_key line;

    (void)state;
    assert_int_equal(keyring_find(path, "coes.nazarov", &line, err, sizeof(err)), ST_NOTFOUND);
    keep("coes.nazarov", "panj-vakhsh-1", &k);
    keep("coes.rahimova", "pamir-tut-22", &k);
    keep("coes.nazarov", "panj-vakhsh-2", &k); /* anew, in place of the first */
    assert_int_equal(keyring_remove(path, "coes.rahimova", err, sizeof(err)), ST_OK);
    assert_int_equal(keyring_find(path, "coes.rahimova", &line, err, sizeof(err)), ST_NOTFOUND);
    assert_int_equal(keyring_remove(path, "coes.rahimova", err, sizeof(err)), ST_NOTFOUND);
    assert_int_equal(keyring_find(path, "coes.nazarov", &line, err, sizeof(err)), ST_OK);
    assert_int_equal(keyring_open(&k, &line, "panj-vakhsh-2"), ST_OK);
}

static void a_file_that_others_read_is_refused_and_a_damaged_line_for_its_person(void **state)
{
    struct keys k;
    struct person_key line;
    FILE *f;

    (void)state;
    keep("coes.nazarov", "panj-vakhsh-1", &k);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keyring_find(path, "coes.nazarov", &line, err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, "chmod 600"));
    assert_int_equal(chmod(path, 0600), 0);
    f = fopen(path, "a");
    assert_non_null(f);
    fputs("coes.rahimova nonsense\n", f);
    fclose(f);
    assert_int_equal(keyring_find(path, "coes.rahimova", &line, err, sizeof(err)), ST_INVALID);
    assert_int_equal(keyring_find(path, "coes.nazarov", &line, err, sizeof(err)), ST_OK);
    assert_int_equal(keyring_put(path, &line, err, sizeof(err)), ST_INVALID); /* nothing is lost */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_person_signs_with_the_key_that_the_password_opens,
                                        make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(a_line_put_together_from_two_opens_for_nobody, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(who_is_removed_has_no_key_and_the_others_keep_theirs,
                                        make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(
            a_file_that_others_read_is_refused_and_a_damaged_line_for_its_person, make_folder,
            drop_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
