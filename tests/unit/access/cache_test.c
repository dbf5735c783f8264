/* The principals as bytes of a file and back; whose file is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "broker/access/cache.h"

#include "proto/base/banned.h"

static int64_t utc_us = 1000;

static int64_t clock_of_test(void *arg)
{
    (void)arg;
    return utc_us;
}

static struct {
    struct access *from, *to;
    struct signer *signer, *other;
    struct buf file;
    int64_t as_of_us;
    const char *why;
} t;

static void make_signer(struct signer **out)
{
    struct keys k;

    assert_int_equal(keys_generate(&k), ST_OK);
    assert_int_equal(signer_create(out, &k), ST_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    utc_us = 1000;
    assert_int_equal(access_create(&t.from, NULL, clock_of_test, NULL), ST_OK);
    assert_int_equal(access_create(&t.to, NULL, clock_of_test, NULL), ST_OK);
    make_signer(&t.signer);
    make_signer(&t.other);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&t.file);
    signer_destroy(t.signer);
    signer_destroy(t.other);
    access_destroy(t.from);
    access_destroy(t.to);
    return 0;
}

static void fill(void)
{
    static char name[] = "coes.ayni.gw07", agency[] = "coes", roles[] = "gateway all",
                places[] = "3505203", guest[] = "mia.guest";
    static uint8_t record[] = {8, 1, 2};
    struct principal full = {.principal_id = 7,
                             .name = name,
                             .agency = agency,
                             .roles = roles,
                             .places = places,
                             .has_sign_key = true,
                             .serial = 3,
                             .enrolment = record,
                             .enrolment_len = sizeof(record)};
    struct principal bare = {.principal_id = 8, .name = guest, .not_after_us = 5000};

    memset(full.public_key, 1, sizeof(full.public_key));
    memset(full.sign_key, 2, sizeof(full.sign_key));
    memset(bare.public_key, 3, sizeof(bare.public_key));
    access_begin(t.from);
    assert_int_equal(access_add(t.from, &full), ST_OK);
    assert_int_equal(access_add(t.from, &bare), ST_OK);
    assert_int_equal(access_commit(t.from), ST_OK);
    assert_int_equal(cache_pack(&t.file, t.from, "dushanbe", 123456), ST_OK);
    cache_seal(&t.file, t.signer);
}

static enum status take(const struct signer *s)
{
    return cache_take(t.to, &t.file, signer_public(s), &t.as_of_us, &t.why);
}

static void what_was_kept_is_in_force_again(void **state)
{
    const struct principal *p;

    (void)state;
    fill();
    assert_int_equal(take(t.signer), ST_OK);
    assert_int_equal(t.as_of_us, 123456);
    assert_true(access_is_kept(t.to));
    assert_int_equal(access_count(t.to), 2);
    p = access_find(t.to, "coes.ayni.gw07");
    assert_non_null(p);
    assert_int_equal(p->principal_id, 7);
    assert_string_equal(p->agency, "coes");
    assert_int_equal(p->public_key[31], 1);
    assert_true(p->has_sign_key);
    assert_int_equal(p->sign_key[31], 2);
    assert_int_equal(p->serial, 3);
    assert_int_equal(p->enrolment_len, 3);
    p = access_find(t.to, "mia.guest");
    assert_false(p->has_sign_key);
    assert_null(p->enrolment);
    utc_us = 5000;
    assert_null(access_find(t.to, "mia.guest"));
}

static void a_list_that_was_read_is_not_a_kept_one(void **state)
{
    (void)state;
    fill();
    assert_int_equal(take(t.signer), ST_OK);
    access_begin(t.to);
    assert_int_equal(access_commit(t.to), ST_OK);
    assert_false(access_is_kept(t.to));
}

static void the_file_of_another_broker_lets_nobody_in(void **state)
{
    (void)state;
    fill();
    assert_int_equal(take(t.other), ST_INVALID);
    assert_non_null(t.why);
    assert_int_equal(access_count(t.to), 0);
}

static void one_flipped_bit_anywhere_lets_nobody_in(void **state)
{
    (void)state;
    fill();
    for (size_t i = 0; i < t.file.len; i++) {
        t.file.data[i] ^= 4;
        assert_int_equal(take(t.signer), ST_INVALID);
        t.file.data[i] ^= 4;
    }
    assert_int_equal(access_count(t.to), 0);
    assert_int_equal(take(t.signer), ST_OK);
}

static void a_file_that_was_cut_lets_nobody_in(void **state)
{
    size_t len;

    (void)state;
    fill();
    len = t.file.len;
    for (t.file.len = 0; t.file.len < len; t.file.len++)
        assert_int_equal(take(t.signer), ST_INVALID);
    assert_int_equal(access_count(t.to), 0);
}

static void an_empty_list_is_one_too(void **state)
{
    (void)state;
    access_begin(t.from);
    assert_int_equal(access_commit(t.from), ST_OK);
    assert_int_equal(cache_pack(&t.file, t.from, "", 1), ST_OK);
    cache_seal(&t.file, t.signer);
    assert_int_equal(take(t.signer), ST_OK);
    assert_int_equal(access_count(t.to), 0);
}

static void without_memory_nothing_changes(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    fill();
    for (unsigned long n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = take(t.signer);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
        assert_int_equal(access_count(t.to), st == ST_OK ? 2 : 0);
    }
    st = ST_NOMEM;
    for (unsigned long n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = cache_pack(&t.file, t.from, "dushanbe", 1);
        mem_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_kept_is_in_force_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_that_was_read_is_not_a_kept_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_of_another_broker_lets_nobody_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_flipped_bit_anywhere_lets_nobody_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_cut_lets_nobody_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_list_is_one_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_nothing_changes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
