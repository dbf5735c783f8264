/* mem_test - the failure door, the arena's cap and alignment, the buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "proto/base/status.h"

static void every_status_has_a_word(void **state)
{
    (void)state;
    for (int i = 0; i < ST_STATUSES; i++)
        assert_string_not_equal(status_name((enum status)i), "unknown");
    assert_string_equal(status_name(ST_OK), "ok");
    assert_string_equal(status_name(ST_CONFLICT), "conflict");
    assert_string_equal(status_name(ST_STATUSES), "unknown");
    assert_string_equal(status_name((enum status) - 1), "unknown");
}

static void the_nth_allocation_fails_once(void **state)
{
    void *p[4];

    (void)state;
    mem_fail_at(3);
    for (int i = 0; i < 4; i++)
        p[i] = i % 2 ? mem_zalloc(8) : mem_alloc(8);
    assert_non_null(p[0]);
    assert_non_null(p[1]);
    assert_null(p[2]);
    assert_non_null(p[3]);
    mem_fail_at(1);
    assert_null(mem_strdup("x"));
    mem_fail_at(1);
    assert_null(mem_realloc(p[0], 16)); /* the old block stays */
    for (int i = 0; i < 4; i++)
        mem_free(p[i]);
}

static void a_block_of_no_bytes_is_a_block(void **state)
{
    void *p = mem_alloc(0);

    (void)state;
    assert_non_null(p);
    p = mem_realloc(p, 0);
    assert_non_null(p);
    mem_free(p);
    mem_free(NULL);
}

static struct arena *arena_of(size_t cap)
{
    struct arena *a = NULL;

    assert_int_equal(arena_create(&a, cap), ST_OK);
    return a;
}

static void arena_blocks_are_aligned_and_apart(void **state)
{
    struct arena *a = arena_of(1 << 20);
    unsigned char *blocks[400];

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        blocks[i] = arena_alloc(a, i);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i);
    }
    for (unsigned i = 0; i < 400; i++)
        for (unsigned j = 0; j < i; j++)
            assert_int_equal(blocks[i][j], i & 0xff);
    arena_destroy(a);
}

static void an_arena_ends_at_its_cap_and_begins_anew_after_reset(void **state)
{
    struct arena *a = arena_of(100000);

    (void)state;
    for (int round = 0; round < 3; round++) {
        unsigned blocks = 0;

        while (arena_alloc(a, 1000))
            blocks++;
        assert_int_equal(blocks, 99); /* 1,000 round up to 1,008 */
        assert_true(arena_used_bytes(a) <= 100000);
        assert_null(arena_alloc(a, 100001));
        assert_null(arena_alloc(a, SIZE_MAX));
        assert_null(arena_alloc(a, SIZE_MAX - 8));
        assert_non_null(arena_alloc(a, 200)); /* 208 are left */
        assert_null(arena_alloc(a, 1));
        arena_reset(a);
        assert_int_equal(arena_used_bytes(a), 0);
    }
    arena_destroy(a);
}

static void an_arena_gives_its_whole_cap_in_one_block(void **state)
{
    struct arena *a = arena_of(65536);

    (void)state;
    assert_null(arena_alloc(a, 65537));
    memset(arena_alloc(a, 65536), 1, 65536);
    assert_null(arena_alloc(a, 0));
    arena_destroy(a);
}

static void an_arena_survives_every_failed_allocation(void **state)
{
    struct arena *a = NULL;

    (void)state;
    mem_fail_at(1);
    assert_int_equal(arena_create(&a, 100), ST_NOMEM);
    assert_null(a);
    a = arena_of(1 << 20);
    mem_fail_at(1);
    assert_null(arena_alloc(a, 10));
    assert_non_null(arena_alloc(a, 10));
    mem_fail_at(1);
    assert_null(arena_alloc(a, 50000)); /* a chunk of its own */
    assert_non_null(arena_alloc(a, 10));
    arena_destroy(a);
    arena_destroy(NULL);
}

static void protobuf_frees_nothing_in_an_arena(void **state)
{
    struct arena *a = arena_of(1000);
    ProtobufCAllocator *alloc = arena_allocator(a);
    char *p = alloc->alloc(alloc->allocator_data, 10);

    (void)state;
    assert_non_null(p);
    memcpy(p, "still here", 10);
    alloc->free(alloc->allocator_data, p);
    assert_memory_equal(p, "still here", 10);
    assert_null(alloc->alloc(alloc->allocator_data, 1000));
    arena_destroy(a);
}

static void arena_text_is_printed_whole_or_not_at_all(void **state)
{
    struct arena *a = arena_of(32);

    (void)state;
    assert_null(arena_printf(a, "%040d", 1));
    assert_string_equal(arena_printf(a, "%s=%d", "rows", 512), "rows=512");
    arena_destroy(a);
}

static void a_buffer_grows_and_keeps_its_bytes(void **state)
{
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%04d,", i);
    buf_puts(&b, "end");
    buf_put(&b, "\0", 1);
    assert_int_equal(b.failed, 0);
    assert_int_equal(b.len, 5004);
    assert_memory_equal(b.data + 4995, "0999,end", 9);
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_non_null(b.data);
    buf_free(&b);
    assert_null(b.data);
}

static void a_buffer_that_failed_says_so_until_it_is_cleared(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_puts(&b, "abc");
    mem_fail_at(1);
    buf_printf(&b, "%0300d", 1);
    buf_puts(&b, "d");
    assert_int_equal(b.failed, 1);
    assert_int_equal(b.len, 3);
    buf_clear(&b);
    buf_puts(&b, "e");
    assert_int_equal(b.failed, 0);
    assert_int_equal(b.len, 1);
    buf_put(&b, "x", SIZE_MAX - 8); /* cannot be had */
    assert_int_equal(b.failed, 1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_word),
        cmocka_unit_test(the_nth_allocation_fails_once),
        cmocka_unit_test(a_block_of_no_bytes_is_a_block),
        cmocka_unit_test(arena_blocks_are_aligned_and_apart),
        cmocka_unit_test(an_arena_ends_at_its_cap_and_begins_anew_after_reset),
        cmocka_unit_test(an_arena_gives_its_whole_cap_in_one_block),
        cmocka_unit_test(an_arena_survives_every_failed_allocation),
        cmocka_unit_test(protobuf_frees_nothing_in_an_arena),
        cmocka_unit_test(arena_text_is_printed_whole_or_not_at_all),
        cmocka_unit_test(a_buffer_grows_and_keeps_its_bytes),
        cmocka_unit_test(a_buffer_that_failed_says_so_until_it_is_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
