/* Wrapped keys beside a message, and how closely a household may be placed outside its box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire/sealed.h"

enum { READERS = 3 };

static struct {
    uint8_t ids[READERS][32], wrapped[READERS][80];
    Eocbus__V1__WrappedKey keys[READERS], *list[READERS];
    Eocbus__V1__Item item;
    Eocbus__V1__Envelope m;
    Eocbus__V1__HouseholdIdentity box;
    Eocbus__V1__Area area;
    Eocbus__V1__Position centre;
} w;

static int begin(void **state)
{
    (void)state;
    eocbus__v1__item__init(&w.item);
    eocbus__v1__envelope__init(&w.m);
    eocbus__v1__household_identity__init(&w.box);
    eocbus__v1__area__init(&w.area);
    eocbus__v1__position__init(&w.centre);
    for (unsigned i = 0; i < READERS; i++) {
        memset(w.ids[i], (int)i + 1, sizeof(w.ids[i]));
        memset(w.wrapped[i], 0x40 + (int)i, sizeof(w.wrapped[i]));
        eocbus__v1__wrapped_key__init(&w.keys[i]);
        w.keys[i].reader_key_id = (ProtobufCBinaryData){32, w.ids[i]};
        w.keys[i].wrapped = (ProtobufCBinaryData){80, w.wrapped[i]};
        w.list[i] = &w.keys[i];
    }
    w.item.n_keys = READERS;
    w.item.keys = w.list;
    w.m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY;
    w.m.household_identity = &w.box;
    return 0;
}

static void refuses(void)
{
    struct refusal why = {.code = ""};

    assert_int_equal(sealed_check_keys(&w.item, &w.m, &why), ST_INVALID);
    assert_string_equal(why.code, CODE_SEALED);
}

static void takes(void)
{
    struct refusal why = {.code = ""};

    assert_int_equal(sealed_check_keys(&w.item, &w.m, &why), ST_OK);
}

static void keys_are_two_lengths_and_every_reader_has_one(void **state)
{
    (void)state;
    takes();
    w.keys[1].wrapped.len = 79;
    refuses();
    w.keys[1].wrapped.len = 80;
    w.keys[2].reader_key_id.len = 0;
    refuses();
    w.keys[2].reader_key_id = w.keys[0].reader_key_id;
    refuses();
}

static void only_a_box_has_keys_and_it_may_have_none(void **state)
{
    (void)state;
    w.m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT;
    refuses();
    w.item.n_keys = 0;
    takes();
    w.m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY;
    takes();
}

static void kept_keys_come_back_and_are_found_by_reader(void **state)
{
    uint8_t kept[READERS * WRAPPED_BYTES], nobody[32] = {9};
    Eocbus__V1__WrappedKey **again;
    struct arena *arena;
    size_t n;

    (void)state;
    assert_int_equal(arena_create(&arena, 65536), ST_OK);
    sealed_put_keys(kept, w.list, READERS);
    again = sealed_keys(kept, sizeof(kept), &n, arena);
    assert_non_null(again);
    assert_int_equal(n, READERS);
    assert_memory_equal(again[2]->wrapped.data, w.wrapped[2], 80);
    assert_memory_equal(sealed_key_for(kept, sizeof(kept), w.ids[1]), w.wrapped[1], 80);
    assert_null(sealed_key_for(kept, sizeof(kept), nobody));
    assert_null(sealed_key_for(kept, 0, w.ids[1]));
    arena_destroy(arena);
}

static enum status place(int lat_e7, int lon_e7)
{
    struct refusal why = {.code = ""};

    w.centre.lat_e7 = lat_e7;
    w.centre.lon_e7 = lon_e7;
    w.area.centre = &w.centre;
    w.m.area = &w.area;
    return sealed_check_place(&w.m, &why);
}

static void a_household_is_placed_to_a_hundredth_of_a_degree(void **state)
{
    Eocbus__V1__Position *ring[4] = {&w.centre, &w.centre, &w.centre, &w.centre};

    (void)state;
    assert_int_equal(place(393900000, 685400000), ST_OK);
    assert_int_equal(place(393910000, 685400000), ST_INVALID);
    assert_int_equal(place(393900000, 685400001), ST_INVALID);
    assert_int_equal(place(-393900000, -685400000), ST_OK);
    w.m.body_case = EOCBUS__V1__ENVELOPE__BODY_MOVE_EVENT;
    assert_int_equal(place(393912345, 685400000), ST_INVALID);
    w.m.body_case = EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT;
    assert_int_equal(place(393912345, 685400000), ST_OK);
    w.m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT;
    w.area.polygon = ring;
    w.area.n_polygon = 4;
    assert_int_equal(place(393900000, 685400000), ST_INVALID);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keys_are_two_lengths_and_every_reader_has_one),
        T(only_a_box_has_keys_and_it_may_have_none),
        T(kept_keys_come_back_and_are_found_by_reader),
        T(a_household_is_placed_to_a_hundredth_of_a_degree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
