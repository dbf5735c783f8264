/* Boxes open for their readers and for nobody else; a shared key needs enough officers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/seal.h"
#include "proto/base/shares.h"

#include "proto/base/banned.h"

static const char about[] = "0123456789abcdef";
static const char words[] = "Gulnora Rahimova, passport A1234567, +992 92 777 00 11";

static struct seal_reader *reader(void)
{
    struct seal_reader *r;

    assert_int_equal(seal_reader_generate(&r), ST_OK);
    return r;
}

static void a_box_opens_for_each_of_its_readers_and_for_nobody_else(void **state)
{
    struct seal_reader *one = reader(), *two = reader(), *other = reader();
    uint8_t key[SEAL_KEY_BYTES], again[SEAL_KEY_BYTES], for_one[SEAL_WRAPPED_BYTES],
        for_two[SEAL_WRAPPED_BYTES];
    struct buf box = {0}, clear = {0};

    (void)state;
    assert_int_equal(seal_box(&box, key, words, sizeof(words), about, 16), ST_OK);
    assert_int_equal(seal_wrap(for_one, seal_reader_public(one), key), ST_OK);
    assert_int_equal(seal_wrap(for_two, seal_reader_public(two), key), ST_OK);
    assert_int_equal(seal_unwrap(again, two, for_two), ST_OK);
    assert_memory_equal(again, key, sizeof(key));
    assert_int_equal(seal_unwrap(again, other, for_two), ST_INVALID);
    assert_int_equal(seal_unwrap(again, one, for_two), ST_INVALID);
    assert_int_equal(seal_open(&clear, key, box.data, box.len, about, 16), ST_OK);
    assert_int_equal(clear.len, sizeof(words));
    assert_memory_equal(clear.data, words, sizeof(words));
    seal_wipe(&clear);
    buf_free(&box);
    seal_reader_destroy(one);
    seal_reader_destroy(two);
    seal_reader_destroy(other);
}

static void a_box_tells_neither_its_words_nor_how_many_there_are(void **state)
{
    uint8_t key[SEAL_KEY_BYTES];
    struct buf small = {0}, large = {0};

    (void)state;
    assert_int_equal(seal_box(&small, key, "A", 1, about, 16), ST_OK);
    assert_int_equal(seal_box(&large, key, words, sizeof(words), about, 16), ST_OK);
    assert_int_equal(small.len, large.len);
    assert_null(memmem(large.data, large.len, "Gulnora", 7));
    buf_free(&small);
    buf_free(&large);
}

static void a_box_of_one_household_does_not_open_as_that_of_another(void **state)
{
    uint8_t key[SEAL_KEY_BYTES];
    struct buf box = {0}, clear = {0};

    (void)state;
    assert_int_equal(seal_box(&box, key, words, sizeof(words), about, 16), ST_OK);
    assert_int_equal(seal_open(&clear, key, box.data, box.len, "0123456789abcdeF", 16), ST_INVALID);
    box.data[box.len / 2] ^= 1;
    assert_int_equal(seal_open(&clear, key, box.data, box.len, about, 16), ST_INVALID);
    assert_int_equal(clear.len, 0);
    seal_wipe(&clear);
    buf_free(&box);
}

struct folder {
    char path[64], file[96];
};

static struct folder folder(void)
{
    struct folder f;

    snprintf(f.path, sizeof(f.path), "/tmp/eocbus-seal-XXXXXX");
    assert_non_null(mkdtemp(f.path));
    snprintf(f.file, sizeof(f.file), "%s/key", f.path);
    return f;
}

static void done(const struct folder *f)
{
    unlink(f->file);
    rmdir(f->path);
}

static void a_seal_key_comes_back_from_its_file_and_a_device_key_is_none(void **state)
{
    struct seal_reader *r = reader(), *again;
    struct folder f = folder();
    struct keys k;
    char err[512];

    (void)state;
    assert_int_equal(seal_reader_save(r, f.file, "coes.ayni.registry", err, sizeof(err)), ST_OK);
    assert_int_equal(seal_reader_load(&again, f.file, err, sizeof(err)), ST_OK);
    assert_memory_equal(seal_reader_id(r), seal_reader_id(again), SEAL_ID_BYTES);
    seal_reader_destroy(again);
    assert_int_equal(keys_load(&k, f.file, err, sizeof(err)), ST_INVALID);
    assert_int_equal(chmod(f.file, 0640), 0);
    assert_int_equal(seal_reader_load(&again, f.file, err, sizeof(err)), ST_DENIED);
    unlink(f.file);
    assert_int_equal(keys_generate(&k), ST_OK);
    assert_int_equal(keys_save(&k, f.file, "coes.ayni.office", err, sizeof(err)), ST_OK);
    assert_int_equal(seal_reader_load(&again, f.file, err, sizeof(err)), ST_INVALID);
    keys_wipe(&k);
    seal_reader_destroy(r);
    done(&f);
}

enum { OFFICERS = 5, NEEDED = 3 };

static void split(struct share shares[OFFICERS], uint8_t secret[SHARE_BYTES])
{
    struct seal_reader *r = reader();
    char public[KEY_Z85];

    keys_z85_encode(public, seal_reader_public(r));
    seal_reader_secret(r, secret);
    assert_int_equal(shares_make(shares, OFFICERS, NEEDED, secret, public), ST_OK);
    seal_reader_destroy(r);
}

/* Every set of officers, by the bits of `set`. */
static void any_three_of_five_officers_recover_the_key_and_two_do_not(void **state)
{
    struct share all[OFFICERS], some[OFFICERS];
    uint8_t secret[SHARE_BYTES], joined[SHARE_BYTES];
    char err[200];

    (void)state;
    split(all, secret);
    for (unsigned set = 1; set < 1u << OFFICERS; set++) {
        unsigned n = 0;

        for (unsigned i = 0; i < OFFICERS; i++)
            if (set >> i & 1)
                some[n++] = all[i];
        if (n >= NEEDED) {
            assert_int_equal(shares_join(joined, some, n, err, sizeof(err)), ST_OK);
            assert_memory_equal(joined, secret, sizeof(secret));
            continue;
        }
        assert_int_equal(shares_join(joined, some, n, err, sizeof(err)), ST_INVALID);
        /* Nor when they lie about how many are needed. */
        for (unsigned i = 0; i < n; i++)
            some[i].needed = 1;
        assert_int_equal(shares_join(joined, some, n, err, sizeof(err)), ST_OK);
        assert_memory_not_equal(joined, secret, sizeof(secret));
    }
}

static void shares_that_do_not_belong_together_are_refused(void **state)
{
    struct share a[OFFICERS], b[OFFICERS];
    uint8_t secret[SHARE_BYTES];
    char err[200];

    (void)state;
    split(a, secret);
    split(b, secret);
    a[1] = a[0];
    assert_int_equal(shares_join(secret, a, 3, err, sizeof(err)), ST_INVALID);
    a[1] = b[1];
    assert_int_equal(shares_join(secret, a, 3, err, sizeof(err)), ST_INVALID);
    assert_int_equal(shares_make(a, 3, 1, secret, b[0].key_z85), ST_INVALID);
    assert_int_equal(shares_make(a, 2, 3, secret, b[0].key_z85), ST_INVALID);
}

static void a_share_comes_back_from_its_file(void **state)
{
    struct share all[OFFICERS], again;
    uint8_t secret[SHARE_BYTES];
    struct folder f = folder();
    char err[512];

    (void)state;
    split(all, secret);
    assert_int_equal(share_save(&all[3], f.file, err, sizeof(err)), ST_OK);
    assert_int_equal(share_load(&again, f.file, err, sizeof(err)), ST_OK);
    assert_int_equal(again.number, 4);
    assert_int_equal(again.needed, NEEDED);
    assert_string_equal(again.key_z85, all[3].key_z85);
    assert_memory_equal(again.bytes, all[3].bytes, SHARE_BYTES);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_opens_for_each_of_its_readers_and_for_nobody_else),
        cmocka_unit_test(a_box_tells_neither_its_words_nor_how_many_there_are),
        cmocka_unit_test(a_box_of_one_household_does_not_open_as_that_of_another),
        cmocka_unit_test(a_seal_key_comes_back_from_its_file_and_a_device_key_is_none),
        cmocka_unit_test(any_three_of_five_officers_recover_the_key_and_two_do_not),
        cmocka_unit_test(shares_that_do_not_belong_together_are_refused),
        cmocka_unit_test(a_share_comes_back_from_its_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
