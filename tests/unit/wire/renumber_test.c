/* Every id of a message is found, and nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/renumber.h"
#include "proto/wire/types.h"
#include "tests/lib/gen_message.h"

struct seen {
    unsigned count;
    uint8_t mask;
};

static void flip(void *arg, uint8_t id[16])
{
    struct seen *s = arg;

    s->count++;
    for (unsigned i = 0; i < 16; i++)
        id[i] ^= s->mask;
}

static bool is_id(const char *p)
{
    for (unsigned i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-'
                                                    : !strchr("0123456789abcdef", p[i]) || !p[i])
            return false;
    return p[36] == '"';
}

/* As a reader sees them: JSON writes nothing else so. */
static unsigned ids_in_json(const Eocbus__V1__Envelope *m)
{
    struct buf out = {0};
    unsigned n = 0;

    json_print(&out, &m->base);
    buf_put(&out, "", 1);
    assert_false(out.failed);
    for (const char *p = (const char *)out.data; (p = strchr(p, '"')); p++)
        n += strlen(p) > 37 && is_id(p + 1);
    buf_free(&out);
    return n;
}

static size_t pack(uint8_t *out, const Eocbus__V1__Envelope *m)
{
    assert_true(eocbus__v1__envelope__get_packed_size(m) <= LIMIT_CONTENT_BYTES);
    return eocbus__v1__envelope__pack(m, out);
}

static void every_id_changes_and_changes_back(void **state)
{
    static uint8_t before[LIMIT_CONTENT_BYTES], after[LIMIT_CONTENT_BYTES];
    struct arena *arena;
    struct gen g;

    (void)state;
    assert_int_equal(arena_create(&arena, (size_t)64 * LIMIT_ARENA_BYTES), ST_OK);
    gen_seed(&g, 11);
    for (size_t i = 0; i < type_count(); i++)
        for (unsigned times = 0; times < 8; times++) {
            Eocbus__V1__Envelope *m;
            struct seen s = {0, 0x5a};
            size_t len;
            unsigned ids;

            arena_reset(arena);
            m = gen_envelope(&g, type_at(i)->number, arena);
            assert_non_null(m);
            len = pack(before, m);
            m = eocbus__v1__envelope__unpack(arena_allocator(arena), len, before);
            assert_non_null(m);
            ids = ids_in_json(m);
            renumber(&m->base, flip, &s);
            assert_int_equal(s.count, ids);
            assert_int_equal(pack(after, m), len);
            assert_memory_not_equal(after, before, len); /* its own id at least */
            renumber(&m->base, flip, &s);
            assert_int_equal(pack(after, m), len);
            assert_memory_equal(after, before, len);
        }
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_id_changes_and_changes_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
