/* sign_test - RFC 8032, 7.1: the vectors; and that one kind of signed thing is not another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "proto/base/sign.h"

struct vector {
    const char *seed, *public, *text, *signature;
};

/* TEST 1, 2, 3 and SHA(abc). */
static const struct vector vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "bbd"
     "454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e"
     "030"
     "3dca179c138ac17ad9bef1177331a704"},
};

static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

static struct signer *signer_of(const char *seed_hex)
{
    struct keys k = {.public_z85 = ""};
    uint8_t seed[KEY_BYTES];
    struct signer *s;

    from_hex(seed, seed_hex);
    keys_z85_encode(k.sign_secret_z85, seed);
    assert_int_equal(signer_create(&s, &k), ST_OK);
    return s;
}

static void the_vectors_of_rfc_8032_come_out_as_they_stand_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct signer *s = signer_of(vectors[i].seed);
        uint8_t public[KEY_BYTES], text[64], wanted[SIGN_BYTES], got[SIGN_BYTES];
        size_t len = from_hex(text, vectors[i].text);

        from_hex(public, vectors[i].public);
        from_hex(wanted, vectors[i].signature);
        assert_memory_equal(signer_public(s), public, KEY_BYTES);
        signer_sign(s, got, "", text, len);
        assert_memory_equal(got, wanted, SIGN_BYTES);
        assert_true(sign_is_good(public, "", text, len, wanted));
        signer_destroy(s);
    }
}

static void every_bit_of_key_text_and_signature_counts(void **state)
{
    const struct vector *v = &vectors[2];
    uint8_t public[KEY_BYTES], text[2], signature[SIGN_BYTES];

    (void)state;
    from_hex(public, v->public);
    from_hex(text, v->text);
    from_hex(signature, v->signature);
    for (unsigned bit = 0; bit < 8 * (KEY_BYTES + sizeof(text) + SIGN_BYTES); bit++) {
        unsigned at = bit / 8;
        uint8_t *byte = at < KEY_BYTES                  ? &public[at]
                        : at < KEY_BYTES + sizeof(text) ? &text[at - KEY_BYTES]
                                                        : &signature[at - KEY_BYTES - sizeof(text)];

        *byte ^= (uint8_t)BIT(bit % 8);
        assert_false(sign_is_good(public, "", text, sizeof(text), signature));
        *byte ^= (uint8_t)BIT(bit % 8);
    }
    assert_true(sign_is_good(public, "", text, sizeof(text), signature));
    assert_false(sign_is_good(public, "", text, 1, signature));
    assert_false(sign_is_good(public, "", text, 0, signature));
}

static void what_is_signed_in_one_domain_is_not_good_in_another(void **state)
{
    struct signer *s = signer_of(vectors[0].seed);
    uint8_t signature[SIGN_BYTES];

    (void)state;
    signer_sign(s, signature, "eocbus log head 1\n", "seq 7", 5);
    assert_true(sign_is_good(signer_public(s), "eocbus log head 1\n", "seq 7", 5, signature));
    assert_true(sign_is_good(signer_public(s), "", "eocbus log head 1\nseq 7", 23, signature));
    assert_false(sign_is_good(signer_public(s), "", "seq 7", 5, signature));
    assert_false(sign_is_good(signer_public(s), "eocbus enrolment 1\n", "seq 7", 5, signature));
    signer_destroy(s);
}

/* With nothing to sign, with a long text, and without memory for one. */
static void a_long_text_is_signed_too_and_without_memory_nobody_believes_it(void **state)
{
    static uint8_t text[100000];
    static const uint8_t nothing[SIGN_BYTES];
    struct signer *s = signer_of(vectors[1].seed);
    uint8_t signature[SIGN_BYTES];

    (void)state;
    memset(text, 'x', sizeof(text));
    signer_sign(s, signature, "", NULL, 0);
    assert_true(sign_is_good(signer_public(s), "", NULL, 0, signature));
    signer_sign(s, signature, "d\n", NULL, 0);
    assert_true(sign_is_good(signer_public(s), "d\n", NULL, 0, signature));
    signer_sign(s, signature, "d\n", text, sizeof(text));
    assert_true(sign_is_good(signer_public(s), "d\n", text, sizeof(text), signature));
    mem_fail_at(1);
    assert_false(sign_is_good(signer_public(s), "d\n", text, sizeof(text), signature));
    mem_fail_at(1);
    signer_sign(s, signature, "d\n", text, sizeof(text));
    mem_fail_at(0);
    assert_memory_equal(signature, nothing, SIGN_BYTES);
    assert_false(sign_is_good(signer_public(s), "d\n", text, sizeof(text), signature));
    signer_destroy(s);
}

/* Under the neutral element as a key the signature R = B, S = 1 fits every text. */
static void a_key_of_small_order_is_nobodys(void **state)
{
    uint8_t key[KEY_BYTES] = {1}, signature[SIGN_BYTES] = {0};

    (void)state;
    from_hex(signature, "5866666666666666666666666666666666666666666666666666666666666666");
    signature[32] = 1;
    assert_false(sign_is_good(key, "", "any", 3, signature));
    assert_false(sign_is_good(key, "", "other", 5, signature));
}

static void a_file_without_a_signing_pair_has_no_signer(void **state)
{
    struct keys k = {.public_z85 = ""};
    struct signer *s = NULL;

    (void)state;
    assert_int_equal(signer_create(&s, &k), ST_NOTFOUND);
    assert_null(s);
    assert_int_equal(keys_generate(&k), ST_OK);
    mem_fail_at(1);
    assert_int_equal(signer_create(&s, &k), ST_NOMEM);
    mem_fail_at(0);
    assert_null(s);
    signer_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_8032_come_out_as_they_stand_there),
        cmocka_unit_test(every_bit_of_key_text_and_signature_counts),
        cmocka_unit_test(what_is_signed_in_one_domain_is_not_good_in_another),
        cmocka_unit_test(a_long_text_is_signed_too_and_without_memory_nobody_believes_it),
        cmocka_unit_test(a_key_of_small_order_is_nobodys),
        cmocka_unit_test(a_file_without_a_signing_pair_has_no_signer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
