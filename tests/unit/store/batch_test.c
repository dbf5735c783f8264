/* The batch without a database: what it takes, what runs it sees, and its shape as arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "broker/store/batch.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    M_SENDER = 0,
    M_LANE_SEQ = 3,
    M_NOT_AFTER = 10,
    M_SIGNATURE = 14,
    R_FIRST = 20,
    R_LAST = 21,
    R_LOW = 22,
    R_HIGH = 23,
    D_ORDINAL = 24,
    D_DOC = 25,
    Q_ID = 26,
    Q_CODE = 29
};

static const struct place known = {3, 41};

static struct parcel *parcel_at(int32_t sender, uint32_t lane, uint64_t lane_seq)
{
    struct parcel *p = parcel_create("content", 7, NULL, 0);

    p->principal_id = sender;
    p->id = (struct parcel_identity){5, lane, lane_seq};
    p->type = 120, p->status = 1;
    return p;
}

static void add(struct batch *b, int32_t sender, uint32_t lane, uint64_t lane_seq)
{
    struct parcel *p = parcel_at(sender, lane, lane_seq);

    assert_int_equal(batch_add(b, &p), ST_OK);
    assert_null(p);
}

static struct batch *batch_of(unsigned rows)
{
    struct batch *b;

    assert_int_equal(batch_create(&b, rows), ST_OK);
    return b;
}

static uint32_t word(const struct pg_param *p, size_t at)
{
    const uint8_t *d = (const uint8_t *)p->data + at;

    return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

static uint32_t count_of(const struct pg_param *p)
{
    return p->data ? word(p, 12) : 0;
}

/* Element i of an array of whole numbers of `size` bytes without nulls: its low half. */
static uint32_t element(const struct pg_param *p, unsigned i, size_t size)
{
    return word(p, 20 + i * (4 + size) + 4 + size - 4);
}

static void a_full_batch_leaves_the_parcel_with_the_caller(void **state)
{
    struct batch *b = batch_of(2);
    struct parcel *p = parcel_at(1, 4, 3);

    (void)state;
    add(b, 1, 4, 1);
    add(b, 1, 4, 2);
    assert_int_equal(batch_add(b, &p), ST_FULL);
    assert_non_null(p);
    parcel_drop(&p);
    assert_int_equal(batch_rows(b), 2);
    batch_destroy(b);
}

static void the_same_place_twice_waits_for_the_next_batch(void **state)
{
    struct batch *b = batch_of(8);
    struct parcel *p = parcel_at(1, 4, 2);
    struct list all;

    (void)state;
    add(b, 1, 4, 1);
    add(b, 1, 4, 2);
    add(b, 1, 4, 9);
    add(b, 1, 4, 3); /* a new run: 9 was the newest */
    assert_int_equal(batch_add(b, &p), ST_EXISTS);
    assert_non_null(p);
    list_init(&all);
    batch_unload(b, &all);
    assert_int_equal(batch_rows(b), 0);
    assert_int_equal(batch_add(b, &p), ST_OK); /* the emptied batch knows nothing */
    for (struct list *link; (link = list_pop(&all));) {
        struct parcel *q = container_of(link, struct parcel, link);

        parcel_drop(&q);
    }
    batch_destroy(b);
}

static void other_lanes_epochs_and_senders_are_other_places(void **state)
{
    struct batch *b = batch_of(8);
    struct parcel *p = parcel_at(1, 4, 1);

    (void)state;
    add(b, 1, 4, 1);
    add(b, 1, 5, 1);
    add(b, 2, 4, 1);
    p->id.epoch = 6;
    assert_int_equal(batch_add(b, &p), ST_OK);
    batch_destroy(b);
}

static void runs_cover_what_came_with_the_least_and_greatest_ordinal(void **state)
{
    struct batch *b = batch_of(16);
    struct pg_param params[BATCH_PARAMS];

    (void)state;
    add(b, 1, 4, 10); /* ordinal 1 */
    add(b, 2, 4, 7);
    add(b, 1, 4, 11);
    add(b, 2, 4, 8);
    add(b, 1, 4, 12); /* ordinal 5 */
    add(b, 1, 4, 20); /* ordinal 6, a hole before it */
    assert_int_equal(batch_encode(b, &known, params), ST_OK);
    assert_int_equal(count_of(&params[M_SENDER]), 6);
    assert_int_equal(count_of(&params[R_FIRST]), 3);
    assert_int_equal(element(&params[R_FIRST], 0, 8), 10);
    assert_int_equal(element(&params[R_LAST], 0, 8), 12);
    assert_int_equal(element(&params[R_LOW], 0, 4), 1);
    assert_int_equal(element(&params[R_HIGH], 0, 4), 5);
    assert_int_equal(element(&params[R_FIRST], 1, 8), 7);
    assert_int_equal(element(&params[R_HIGH], 1, 4), 4);
    assert_int_equal(element(&params[R_FIRST], 2, 8), 20);
    assert_int_equal(element(&params[R_LOW], 2, 4), 6);
    batch_destroy(b);
}

static void many_lanes_find_their_runs(void **state)
{
    struct batch *b = batch_of(512);
    struct pg_param params[BATCH_PARAMS];

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        add(b, (int32_t)(i % 100), (uint32_t)(1 + i % 5), 1000 + i / 100);
    assert_int_equal(batch_encode(b, &known, params), ST_OK);
    assert_int_equal(count_of(&params[R_FIRST]), 100);
    batch_destroy(b);
}

static void what_nobody_has_is_sent_as_null(void **state)
{
    struct batch *b = batch_of(4);
    struct pg_param params[BATCH_PARAMS];
    struct parcel *p = parcel_at(1, 4, 2);

    (void)state;
    add(b, 1, 4, 1);
    assert_int_equal(batch_encode(b, &known, params), ST_OK);
    assert_null(params[M_NOT_AFTER].data);
    assert_null(params[M_SIGNATURE].data);
    assert_null(params[D_DOC].data);
    assert_null(params[Q_ID].data);
    p->not_after_us = 1;
    assert_int_equal(batch_add(b, &p), ST_OK);
    assert_int_equal(batch_encode(b, &known, params), ST_OK);
    assert_int_equal(count_of(&params[M_NOT_AFTER]), 2);
    assert_int_equal(word(&params[M_NOT_AFTER], 4), 1); /* has nulls */
    batch_destroy(b);
}

static void refused_parcels_take_no_ordinal_and_documents_name_theirs(void **state)
{
    struct batch *b = batch_of(4);
    struct pg_param params[BATCH_PARAMS];
    struct parcel *p = parcel_at(1, 4, 1), *q = parcel_at(1, 4, 2);

    (void)state;
    p->refused = mem_zalloc(sizeof(*p->refused));
    p->refused->code = CODE_UTF8;
    q->doc = mem_strdup("{}");
    assert_int_equal(batch_add(b, &p), ST_OK);
    add(b, 1, 4, 1); /* a refused one has no place */
    assert_int_equal(batch_add(b, &q), ST_OK);
    assert_int_equal(batch_encode(b, &known, params), ST_OK);
    assert_int_equal(count_of(&params[M_SENDER]), 2);
    assert_int_equal(count_of(&params[Q_CODE]), 1);
    assert_int_equal(element(&params[D_ORDINAL], 0, 4), 2);
    assert_int_equal(word(&params[D_DOC], 20), 3); /* version byte and "{}" */
    batch_destroy(b);
}

static void a_poisoned_parcel_carries_the_words_of_postgresql(void **state)
{
    struct parcel *p = parcel_at(1, 4, 1);

    (void)state;
    assert_int_equal(batch_poison(p, "22P02", "invalid input"), ST_OK);
    assert_string_equal(p->refused->code, CODE_DATABASE);
    assert_non_null(strstr(p->refused->text, "22P02"));
    parcel_drop(&p);
}

static void every_allocation_may_fail(void **state)
{
    struct batch *b = NULL;
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned long n = 1; st != ST_OK; n++) {
        mem_fail_at(n);
        st = batch_create(&b, 64);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    batch_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_batch_leaves_the_parcel_with_the_caller),
        cmocka_unit_test(the_same_place_twice_waits_for_the_next_batch),
        cmocka_unit_test(other_lanes_epochs_and_senders_are_other_places),
        cmocka_unit_test(runs_cover_what_came_with_the_least_and_greatest_ordinal),
        cmocka_unit_test(many_lanes_find_their_runs),
        cmocka_unit_test(what_nobody_has_is_sent_as_null),
        cmocka_unit_test(refused_parcels_take_no_ordinal_and_documents_name_theirs),
        cmocka_unit_test(a_poisoned_parcel_carries_the_words_of_postgresql),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
