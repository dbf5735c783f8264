/* Properties of every type, from random valid messages: the gate takes them, JSON and protobuf say
 * the same, and spoiled bytes are refused or taken, but nothing else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/gate.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"
#include "proto/wire/topic.h"
#include "proto/wire/types.h"
#include "tests/lib/gen_message.h"

enum { ROUNDS = 24 }; /* of each type */

static struct arena *arena, *second;
static uint8_t packed[LIMIT_CONTENT_BYTES], again[LIMIT_CONTENT_BYTES];

static int open_arenas(void **state)
{
    (void)state;
    if (arena_create(&arena, LIMIT_ARENA_BYTES) != ST_OK)
        return -1;
    return arena_create(&second, LIMIT_ARENA_BYTES) == ST_OK ? 0 : -1;
}

static int close_arenas(void **state)
{
    (void)state;
    arena_destroy(arena);
    arena_destroy(second);
    return 0;
}

/* Packs message `round` of this type into `packed`. */
static size_t make(const struct type_info *t, unsigned round, Eocbus__V1__Envelope **out)
{
    struct gen g;
    Eocbus__V1__Envelope *m;

    arena_reset(arena);
    arena_reset(second);
    gen_seed(&g, t->number * UINT64_C(1000) + round);
    g.percent = round % 3 == 0 ? 95 : round % 3 == 1 ? 40 : 3;
    m = gen_envelope(&g, t->number, arena);
    if (!m)
        fail_msg("%s, round %u: not made", t->name, round);
    if (round % 3 == 0)
        m->author = (char *)(uintptr_t)"coes.dushanbe.duty";
    *out = m;
    return eocbus__v1__envelope__pack(m, packed);
}

static void the_gate_takes_every_valid_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            Eocbus__V1__Envelope *m, *out;
            struct refusal why;
            size_t len = make(type_at(i), round, &m);

            if (gate_content(&out, packed, len, second, &why) != ST_OK)
                fail_msg("%s, round %u: %s %s: %s", type_at(i)->name, round, why.code, why.path,
                         why.text);
            assert_int_equal(eocbus__v1__envelope__pack(out, again), len);
            assert_memory_equal(packed, again, len);
        }
}

static void json_says_the_same_as_protobuf(void **state)
{
    struct buf compact = {0}, pretty = {0};

    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            const ProtobufCMessageDescriptor *d = &eocbus__v1__envelope__descriptor;
            Eocbus__V1__Envelope *m;
            ProtobufCMessage *out;
            char err[300];
            size_t len = make(type_at(i), round, &m);
            struct buf *text = round % 2 ? &compact : &pretty;

            buf_clear(text);
            if (text == &compact)
                json_print(text, &m->base);
            else
                json_print_pretty(text, &m->base);
            assert_false(text->failed);
            if (json_parse(&out, d, (char *)text->data, text->len, second, err, sizeof(err)) !=
                ST_OK)
                fail_msg("%s, round %u: %s", type_at(i)->name, round, err);
            assert_int_equal(protobuf_c_message_get_packed_size(out), len);
            protobuf_c_message_pack(out, again);
            assert_memory_equal(packed, again, len);
        }
    buf_free(&compact);
    buf_free(&pretty);
}

static void live_and_replayed_topics_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            Eocbus__V1__Envelope *m;
            struct topics live, row;
            char places[PLACES_TEXT];

            make(type_at(i), round, &m);
            topics_of(&live, m);
            places_of(places, m);
            topics_of_row(&row, (unsigned)m->status, (unsigned)m->body_case, places);
            assert_true(live.count >= 1 && live.count <= LIMIT_TOPICS);
            assert_int_equal(live.count, row.count);
            for (unsigned k = 0; k < live.count; k++)
                assert_string_equal(live.text[k], row.text[k]);
        }
}

static void spoiled_bytes_are_judged_and_nothing_else_happens(void **state)
{
    unsigned refused = 0, tries = 0;

    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        for (unsigned round = 0; round < 2000; round++) {
            Eocbus__V1__Envelope *m, *out;
            struct refusal why = {0};
            struct gen g;
            size_t len = make(type_at(i), round % ROUNDS, &m);
            uint8_t *alone;
            enum status st;

            gen_seed(&g, round);
            len = gen_mutate(&g, packed, len, sizeof(packed));
            alone = malloc(len ? len : 1); /* its own block: the sanitizer sees a byte too many */
            memcpy(alone, packed, len);
            st = gate_content(&out, alone, len, second, &why);
            free(alone);
            assert_true(st == ST_OK || (st == ST_INVALID && why.code && why.text[0]));
            assert_true(gate_utf8_is_valid(why.text, strlen(why.text)));
            assert_true(arena_used_bytes(second) <= LIMIT_ARENA_BYTES);
            refused += st == ST_INVALID;
            tries++;
        }
    /* A flipped bit in free text or a number often is another valid message; but not mostly. */
    assert_true(refused > tries / 2);
}

static void every_field_turns_up_in_the_made_messages(void **state)
{
    const struct plan *p = plan_of(&eocbus__v1__envelope__descriptor);
    unsigned seen[128] = {0};

    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            Eocbus__V1__Envelope *m;
            struct buf text = {0};

            make(type_at(i), round, &m);
            json_print(&text, &m->base);
            buf_put(&text, "", 1);
            for (unsigned k = 0; k < p->n_rules; k++) {
                char key[80];

                snprintf(key, sizeof(key), "\"%s\":", p->rules[k].field);
                seen[k] += strstr((char *)text.data, key) != NULL;
            }
            buf_free(&text);
        }
    for (unsigned k = 0; k < p->n_rules; k++)
        if (!seen[k])
            fail_msg("%s never turned up", p->rules[k].field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gate_takes_every_valid_message),
        cmocka_unit_test(json_says_the_same_as_protobuf),
        cmocka_unit_test(live_and_replayed_topics_agree),
        cmocka_unit_test(spoiled_bytes_are_judged_and_nothing_else_happens),
        cmocka_unit_test(every_field_turns_up_in_the_made_messages),
    };

    return cmocka_run_group_tests(tests, open_arenas, close_arenas);
}
