/* The rules of the .proto comments reach the fields they were written for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "eocbus/v1/keep.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"

static void every_field_of_every_message_has_its_own_row(void **state)
{
    (void)state;
    assert_true(plan_count() > 80);
    for (unsigned i = 0; i < plan_count(); i++) {
        const struct plan *p = plan_at(i);
        const ProtobufCMessageDescriptor *d = p->descriptor;

        assert_int_equal(p->n_rules, d->n_fields);
        for (unsigned k = 0; k < d->n_fields; k++) {
            assert_string_equal(p->rules[k].field, d->fields[k].name);
            if (d->fields[k].type == PROTOBUF_C_TYPE_MESSAGE)
                assert_ptr_equal(p->rules[k].sub->descriptor, d->fields[k].descriptor);
            else
                assert_null(p->rules[k].sub);
        }
    }
}

static void every_required_choice_points_at_a_member(void **state)
{
    (void)state;
    for (unsigned i = 0; i < plan_count(); i++) {
        const struct plan *p = plan_at(i);

        for (unsigned k = 0; k < p->n_oneofs; k++) {
            assert_true(p->oneofs[k].first < p->n_rules);
            assert_true(p->descriptor->fields[p->oneofs[k].first].flags &
                        PROTOBUF_C_FIELD_FLAG_ONEOF);
        }
    }
    assert_int_equal(plan_of(&eocbus__v1__envelope__descriptor)->n_oneofs, 1);
    assert_string_equal(plan_of(&eocbus__v1__envelope__descriptor)->oneofs[0].name, "body");
}

static bool can_be_free(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_ENUM ||
           f->type == PROTOBUF_C_TYPE_BOOL;
}

/* Session words are not asked here: most are the broker's own, and the rooms that read them know
 * what they mean. Nor is what a broker keeps for itself. */
static bool is_asked(const struct plan *p)
{
    return (p < plan_of(&eocbus__v1__frame__descriptor) ||
            p > plan_of(&eocbus__v1__known__descriptor)) &&
           p->descriptor != &eocbus__v1__rights_cache__descriptor &&
           p->descriptor != &eocbus__v1__cached_key__descriptor;
}

/* Whatever stands on the right is held to nothing but its type, on purpose. */
static void every_field_of_a_body_has_a_rule_or_is_free_on_purpose(void **state)
{
    static const char *const free_on_purpose[] = {
        "Envelope.clock_err_ms", /* all ones = unknown */
        "Series.deltas",         /* differences; whoever sums them judges the sums */
        "SensorStatus.uptime_s", /* counters of a device: any value is a finding */
        "SensorStatus.backlog_messages",
        "SensorStatus.backlog_bytes",
        "SensorStatus.clock_offset_ms",
        "SensorStatus.disk_free_kib",
    };
    const unsigned held =
        RULE_RANGE | RULE_TIME | RULE_LEN | RULE_PCODE | RULE_ID | RULE_NAME | RULE_RECIPIENT;

    (void)state;
    for (const struct plan *p = plan_at(0); p < plan_at(0) + plan_count(); p++) {
        for (unsigned k = 0; k < p->n_rules && is_asked(p); k++) {
            const ProtobufCFieldDescriptor *f = &p->descriptor->fields[k];
            bool known = can_be_free(f);
            char name[128];

            snprintf(name, sizeof(name), "%s.%s", p->descriptor->short_name, f->name);
            for (size_t n = 0; n < ARRAY_LEN(free_on_purpose); n++)
                known |= strcmp(free_on_purpose[n], name) == 0;
            if (!known && !(p->rules[k].flags & held))
                fail_msg("%s has no rule", name);
            if (f->label == PROTOBUF_C_LABEL_REPEATED && !(p->rules[k].flags & RULE_COUNT))
                fail_msg("%s has no @count", name);
        }
    }
}

/* The scan keeps a counter per field of every open message: the widest path has to fit. */
static unsigned widest_path(const struct plan *p, unsigned depth)
{
    unsigned widest = 0;

    assert_true(depth <= 8);
    for (unsigned k = 0; k < p->n_rules; k++)
        if (p->rules[k].sub) {
            unsigned below = widest_path(p->rules[k].sub, depth + 1);

            widest = below > widest ? below : widest;
        }
    return widest + p->n_rules;
}

static void the_contract_fits_the_scan(void **state)
{
    (void)state;
    assert_true(widest_path(plan_of(&eocbus__v1__envelope__descriptor), 1) <= 1024);
    assert_true(widest_path(plan_of(&eocbus__v1__frame__descriptor), 1) <= 1024);
}

static void rules_say_what_the_comment_says(void **state)
{
    const struct plan *area = plan_of(&eocbus__v1__area__descriptor);
    const struct plan *credit = plan_of(&eocbus__v1__credit__descriptor);
    const struct plan *position = plan_of(&eocbus__v1__position__descriptor);

    (void)state;
    assert_int_equal(area->rules[0].flags, RULE_PCODE | RULE_COUNT);
    assert_int_equal(area->rules[0].count_hi, 8);
    assert_int_equal(position->rules[0].lo, -900000000);
    assert_int_equal(position->rules[0].hi, 900000000);
    /* Written behind the field. */
    assert_int_equal(credit->rules[1].flags, RULE_RANGE | RULE_REQUIRED);
    assert_int_equal(credit->rules[1].hi, 65536);
    assert_non_null(strstr(gate_rule_text(&eocbus__v1__area__descriptor, "radius_m"), "Metres"));
    assert_null(strchr(gate_rule_text(&eocbus__v1__area__descriptor, "radius_m"), 64)); /* no @ */
    assert_null(gate_rule_text(&eocbus__v1__area__descriptor, "colour"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_message_has_its_own_row),
        cmocka_unit_test(every_required_choice_points_at_a_member),
        cmocka_unit_test(every_field_of_a_body_has_a_rule_or_is_free_on_purpose),
        cmocka_unit_test(the_contract_fits_the_scan),
        cmocka_unit_test(rules_say_what_the_comment_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
