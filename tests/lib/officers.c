#include "tests/lib/officers.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

void officers_open(struct test_officers *t)
{
    static const char *const names[TEST_OFFICERS] = {"o.first", "o.second", "o.third"};

    *t = (struct test_officers){.pinned = {.count = TEST_OFFICERS, .needed = 2}};
    for (unsigned i = 0; i < TEST_OFFICERS; i++) {
        struct officer *o = &t->pinned.row[i];

        assert_int_equal(keys_generate(&t->keys[i]), ST_OK);
        assert_int_equal(signer_create(&t->signer[i], &t->keys[i]), ST_OK);
        snprintf(o->name, sizeof(o->name), "%s", names[i]);
        memcpy(o->key, signer_public(t->signer[i]), KEY_BYTES);
    }
}

void officers_close(struct test_officers *t)
{
    for (unsigned i = 0; i < TEST_OFFICERS; i++)
        signer_destroy(t->signer[i]);
}

struct record record_of(const char *name, const struct keys *k)
{
    struct record r = {
        .agency = "test",
        .roles = "all",
        .valid_from_us = INT64_C(1767225600000000),
        .not_after_us = INT64_C(3786912000000000),
        .serial = 1,
        .has_sign_key = k->sign_public_z85[0] != '\0',
    };

    snprintf(r.name, sizeof(r.name), "%s", name);
    assert_int_equal(keys_z85_decode(r.key, k->public_z85), ST_OK);
    if (r.has_sign_key)
        assert_int_equal(keys_z85_decode(r.sign_key, k->sign_public_z85), ST_OK);
    return r;
}

struct buf enrolment_of(const struct test_officers *t, const struct record *r, int first,
                        int second)
{
    static const int64_t now_us = INT64_C(1767225600000000);
    struct buf one = {0}, two = {0};
    struct refusal why = {0};

    assert_int_equal(
        enrolment_begin(&one, r, t->pinned.row[first].name, t->signer[first], now_us, &why), ST_OK);
    if (second < 0)
        return one;
    assert_int_equal(enrolment_sign(&two, one.data, one.len, t->pinned.row[second].name,
                                    t->signer[second], now_us, &why),
                     ST_OK);
    buf_free(&one);
    return two;
}

static void put_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
    buf_puts(out, "'\\x");
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", bytes[i]);
    buf_puts(out, "'");
}

char *enrolment_sql(const struct record *r, const struct buf *enrolment)
{
    struct buf b = {0};

    buf_printf(&b, "SELECT bus.principal_enrol('%s', '%s', '%s', '%s', ", r->name, r->agency,
               r->roles, r->places);
    put_hex(&b, r->key, KEY_BYTES);
    buf_puts(&b, ", ");
    if (r->has_sign_key)
        put_hex(&b, r->sign_key, KEY_BYTES);
    else
        buf_puts(&b, "NULL");
    buf_printf(&b,
               ", to_timestamp(%" PRId64 " / 1000000.0), to_timestamp(%" PRId64
               " / 1000000.0), %" PRIu64 ", ",
               r->valid_from_us, r->not_after_us, r->serial);
    put_hex(&b, enrolment->data, enrolment->len);
    buf_puts(&b, ")");
    buf_put(&b, "", 1);
    assert_false(b.failed);
    char *sql = strdup((const char *)b.data);
    buf_free(&b);
    assert_non_null(sql);
    return sql;
}

void officers_enrol(const struct test_officers *t, struct pgserver *pg, const struct record *r)
{
    struct buf enrolment = enrolment_of(t, r, 0, 1);
    char *sql = enrolment_sql(r, &enrolment);

    pgserver_exec(pg, sql);
    free(sql);
    buf_free(&enrolment);
}

void officers_write(const struct test_officers *t, const char *path)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    fprintf(f, "# officers of this test\nneeded = %u\n", t->pinned.needed);
    for (unsigned i = 0; i < t->pinned.count; i++)
        fprintf(f, "%s %s\n", t->pinned.row[i].name, t->keys[i].sign_public_z85);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0644), 0);
}
