#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/wire/types.h"

/* Members of Envelope.body and lines of the table are the same set, in the same order. */
static void the_table_is_the_body_of_the_envelope(void **state)
{
    const ProtobufCMessageDescriptor *d = &eocbus__v1__envelope__descriptor;
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];

        if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
            continue;
        assert_true(n < type_count());
        assert_int_equal(type_at(n)->number, f->id);
        assert_string_equal(type_at(n)->name, f->name);
        assert_ptr_equal(type_at(n)->descriptor, f->descriptor);
        n++;
    }
    assert_int_equal(n, type_count());
    assert_null(type_at(n));
}

static void types_are_found_by_number_and_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++) {
        assert_ptr_equal(type_by_number(type_at(i)->number), type_at(i));
        assert_ptr_equal(type_by_name(type_at(i)->name), type_at(i));
    }
    assert_null(type_by_number(0));
    assert_null(type_by_number(99));
    assert_null(type_by_number(109));
    assert_null(type_by_number(4000000000u));
    assert_null(type_by_name("flash"));
    assert_null(type_by_name(""));
}

static void every_type_but_the_sealed_one_is_either_bulk_or_ledger(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++) {
        unsigned both = type_at(i)->flags & (TYPE_BULK | TYPE_LEDGER);

        if (strcmp(type_at(i)->name, "household_identity") == 0)
            assert_int_equal(both, 0);
        else
            assert_true(both == TYPE_BULK || both == TYPE_LEDGER);
    }
}

static void nothing_with_a_life_cycle_travels_as_flash(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++) {
        const struct type_info *t = type_at(i);

        if (strcmp(t->family, "incident") == 0 || strcmp(t->family, "resource") == 0 ||
            strcmp(t->family, "relocation") == 0)
            assert_false(t->flags & TYPE_FLASH);
    }
    assert_true(type_by_name("sensor_detection")->flags & TYPE_FLASH);
    assert_true(type_by_name("siren_command")->flags & TYPE_FLASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_body_of_the_envelope),
        cmocka_unit_test(types_are_found_by_number_and_by_name),
        cmocka_unit_test(every_type_but_the_sealed_one_is_either_bulk_or_ledger),
        cmocka_unit_test(nothing_with_a_life_cycle_travels_as_flash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
