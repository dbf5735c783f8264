/* pack and recent: the bytes that are put together by hand are what a protobuf library reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/egress/pack.h"
#include "broker/egress/recent.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/wire/sealed.h"

static struct parcel *make(uint64_t seq, const char *content, const char *signature)
{
    struct parcel *p = parcel_create(content, strlen(content), signature, strlen(signature));

    assert_non_null(p);
    p->log_epoch = 3;
    p->seq = seq;
    p->received_time_us = 1778788991000000;
    p->clock_offset_ms = -1500;
    p->marks = PARCEL_CLOCK_SUSPECT | PARCEL_LATE;
    p->verdict = EOCBUS__V1__VERDICT__VERDICT_HELD;
    return p;
}

static void add(struct gather *g, struct parcel *p, uint64_t previous, bool history)
{
    size_t len;
    uint8_t *common = pack_common(p, &len);

    assert_non_null(common);
    assert_true(gather_add(g, common, len, p->seq, previous, history));
    mem_free(common);
    parcel_drop(&p);
}

static void a_frame_put_together_by_hand_reads_as_protobuf(void **state)
{
    struct gather g = {0};
    Eocbus__V1__Frame *f;
    const uint8_t *bytes;
    size_t len;

    (void)state;
    add(&g, make(UINT64_MAX, "first", "signed"), 0, true);
    add(&g, make(UINT64_MAX, "", ""), 300, false);
    bytes = gather_frame(&g, 1000000, &len);
    f = eocbus__v1__frame__unpack(NULL, len, bytes);
    assert_non_null(f);
    assert_int_equal(f->what_case, EOCBUS__V1__FRAME__WHAT_DELIVER);
    assert_int_equal(f->deliver->subscription, 1000000);
    assert_int_equal(f->deliver->n_deliveries, 2);
    const Eocbus__V1__Delivery *d = f->deliver->deliveries[0];
    assert_true(d->stamp->seq == UINT64_MAX);
    assert_int_equal(d->stamp->log_epoch, 3);
    assert_int_equal(d->stamp->clock_offset_ms, -1500);
    assert_true(d->stamp->clock_suspect && d->stamp->late);
    assert_int_equal(d->stamp->verdict, EOCBUS__V1__VERDICT__VERDICT_HELD);
    assert_memory_equal(d->content.data, "first", 5);
    assert_memory_equal(d->signature.data, "signed", 6);
    assert_int_equal(d->previous, 0);
    assert_true(d->history);
    assert_int_equal(f->deliver->deliveries[1]->previous, 300);
    assert_int_equal(f->deliver->deliveries[1]->content.len, 0);
    assert_false(f->deliver->deliveries[1]->history);
    eocbus__v1__frame__free_unpacked(f, NULL);
    buf_free(&g.data);
}

static void a_horizon_reads_as_protobuf(void **state)
{
    uint8_t bytes[HORIZON_FRAME_MAX];
    size_t len = pack_horizon(bytes, 1000000, UINT64_MAX);
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, len, bytes);

    (void)state;
    assert_non_null(f);
    assert_true(f->deliver->horizon == UINT64_MAX);
    assert_int_equal(f->deliver->n_deliveries, 0);
    eocbus__v1__frame__free_unpacked(f, NULL);
}

static void a_frame_is_full_at_its_bytes_or_its_count(void **state)
{
    struct gather g = {0};

    (void)state;
    assert_true(
        gather_fits(&g, LIMIT_CONTENT_BYTES + 200, PACK_FRAME_BYTES)); /* the first always */
    for (unsigned i = 0; i < LIMIT_ITEMS; i++) {
        assert_true(gather_fits(&g, 10, PACK_FRAME_BYTES));
        add(&g, make(i + 1, "x", ""), i, false);
    }
    assert_false(gather_fits(&g, 10, PACK_FRAME_BYTES));
    gather_reset(&g);
    add(&g, make(1, "x", ""), 0, false);
    assert_false(gather_fits(&g, PACK_FRAME_BYTES - 10, PACK_FRAME_BYTES));
    buf_free(&g.data);
}

static void push(struct recent *r, uint64_t seq)
{
    struct parcel *p = make(seq, "content", "");
    size_t len;
    uint8_t *common = pack_common(p, &len);

    recent_push(r, p, common, len);
    parcel_drop(&p);
}

static void recent_keeps_the_last_ones_and_starts_anew_after_a_gap(void **state)
{
    struct recent r;

    (void)state;
    assert_int_equal(recent_init(&r), ST_OK);
    assert_null(recent_find(&r, 0));
    for (uint64_t seq = 10; seq < 10 + RECENT_ROWS + 5; seq++)
        push(&r, seq);
    assert_null(recent_find(&r, 14));
    assert_int_equal(recent_find(&r, 15)->seq, 15);
    assert_int_equal(recent_find(&r, 9 + RECENT_ROWS + 5)->seq, 9 + RECENT_ROWS + 5);
    assert_null(recent_find(&r, 10 + RECENT_ROWS + 5));
    push(&r, 100000);
    assert_null(recent_find(&r, 20));
    assert_int_equal(recent_find(&r, 100000)->seq, 100000);
    recent_clear(&r);
    assert_null(recent_find(&r, 100000));
    assert_int_equal(r.bytes, 0);
    recent_free(&r);
}

/* Two readers' keys stand at the end of the common part, and are left out for who may not open. */
static void wrapped_keys_come_last_and_can_be_left_out(void **state)
{
    struct parcel *p = make(7, "a box", "");
    Eocbus__V1__Delivery *d;
    uint8_t *common;
    size_t len;

    (void)state;
    p->keys_len = 2 * WRAPPED_BYTES;
    p->keys = mem_zalloc(p->keys_len);
    assert_non_null(p->keys);
    p->keys[WRAPPED_BYTES] = 5;
    common = pack_common(p, &len);
    assert_non_null(common);
    d = eocbus__v1__delivery__unpack(NULL, len, common);
    assert_non_null(d);
    assert_int_equal(d->n_keys, 2);
    assert_int_equal(d->keys[1]->reader_key_id.data[0], 5);
    assert_int_equal(d->keys[1]->wrapped.len, 80);
    eocbus__v1__delivery__free_unpacked(d, NULL);
    d = eocbus__v1__delivery__unpack(NULL, len - pack_keys_bytes(p), common);
    assert_non_null(d);
    assert_int_equal(d->n_keys, 0);
    assert_int_equal(d->content.len, 5);
    eocbus__v1__delivery__free_unpacked(d, NULL);
    mem_free(common);
    parcel_drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_put_together_by_hand_reads_as_protobuf),
        cmocka_unit_test(a_horizon_reads_as_protobuf),
        cmocka_unit_test(a_frame_is_full_at_its_bytes_or_its_count),
        cmocka_unit_test(recent_keeps_the_last_ones_and_starts_anew_after_a_gap),
        cmocka_unit_test(wrapped_keys_come_last_and_can_be_left_out),
    };

    return cmocka_run_group_tests_name("egress, pack", tests, NULL, NULL);
}
