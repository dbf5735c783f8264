/* A household's way, as an officer types it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/registry/registry.h"
#include "tests/lib/desk.h"

#define HOUSEHOLD "11111111-1111-4111-8111-111111111111"
#define OFFER     "22222222-2222-4222-8222-222222222222"
#define STATE(n)  EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_##n

static struct buf said;

static int set_up(void **state)
{
    static struct desk desk;

    desk_open(&desk, "coes.ayni.registry");
    *state = &desk;
    return 0;
}

static int tear_down(void **state)
{
    desk_close(*state);
    buf_free(&said);
    said = (struct buf){0};
    return 0;
}

static bool was_said(const char *text)
{
    return strstr((const char *)said.data, text) != NULL;
}

static int assess(struct desk *d, const char *second)
{
    return desk_run(d, registry_step, &said, "assess", "--household", HOUSEHOLD, "--house",
                    "destroyed", "--verdict", "relocate", "--vulnerable", "infants, adults abroad",
                    "--eligible", "yes", "--act", "7/1", "--signed", "head of jamoat", second,
                    second ? "engineer" : NULL, NULL);
}

static void one_signature_is_no_act(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(assess(d, NULL), EXIT_REFUSED);
    assert_true(was_said("two signatories"));
    assert_int_equal(desk_count(d), 0);
    assert_int_equal(assess(d, "--signed"), EXIT_DONE);
    m = desk_message(d, 0);
    assert_int_equal(m->household_event->assessed->n_signatories, 2);
    assert_int_equal(m->household_event->assessed->n_vulnerabilities, 2);
    assert_int_equal(m->household_event->to_state, STATE(ASSESSED));
    assert_string_equal(m->household_event->actor, "coes.ayni.registry");
    assert_int_equal(m->label, EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void rations_are_two_weeks_unless_said_otherwise(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(desk_run(d, registry_step, &said, "ration", "--household", HOUSEHOLD,
                              "--entitlement", OFFER, "--from", "2010-08-09T00:00+05:00",
                              "--provider", "rcst", NULL),
                     EXIT_DONE);
    m = desk_message(d, 0);
    assert_int_equal(m->assistance_entitlement->ration_days, 14);
    assert_int_equal(m->assistance_entitlement->item,
                     EOCBUS__V1__ASSISTANCE_ITEM__ASSISTANCE_ITEM_RATION);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static int decline(struct desk *d, const char *reason)
{
    return desk_run(d, registry_step, &said, "respond", "--household", HOUSEHOLD, "--offer", OFFER,
                    "--answer", "decline", "--gap-cash", "3000 TJS", reason ? "--reason" : NULL,
                    reason, NULL);
}

static void who_declines_has_a_reason(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(decline(d, NULL), EXIT_REFUSED);
    assert_true(was_said("--reason"));
    assert_int_equal(decline(d, "too far"), EXIT_USAGE);
    assert_true(was_said("no means to move"));
    assert_int_equal(desk_count(d), 0);
    assert_int_equal(decline(d, "no means to move,age or disability"), EXIT_DONE);
    m = desk_message(d, 0);
    assert_int_equal(m->offer_response->n_reasons, 2);
    assert_int_equal(m->offer_response->support_gap->cash->minor_units, 300000);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void a_step_without_a_household_is_none(void **state)
{
    struct desk *d = *state;

    assert_int_equal(desk_run(d, registry_step, &said, "move", "--leg", "departed", NULL),
                     EXIT_USAGE);
    assert_true(was_said("--household"));
    assert_int_equal(desk_run(d, registry_step, &said, "move", "--household", "Karimov", NULL),
                     EXIT_USAGE);
    assert_true(was_said("UUID"));
}

/* The list follows the way, and each event knows where the household stood before. */
static void the_list_shows_where_each_household_stands(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(desk_run(d, registry_households, &said, "households", NULL), EXIT_DONE);
    assert_true(was_said("no household is registered yet"));
    assert_int_equal(assess(d, "--signed"), EXIT_DONE);
    assert_int_equal(desk_run(d, registry_step, &said, "deliver", "--household", HOUSEHOLD,
                              "--quantity", "84 ration", "--days", "14", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_run(d, registry_households, &said, "households", NULL), EXIT_DONE);
    assert_true(was_said("HOUSEHOLD"));
    assert_true(was_said(HOUSEHOLD "  Ayni 3505203"));
    assert_true(was_said("assisted"));
    assert_int_equal(desk_run(d, registry_step, &said, "prefer", "--household", HOUSEHOLD,
                              "--district", "3505217", "--movers", "6", NULL),
                     EXIT_DONE);
    m = desk_message(d, 2);
    assert_int_equal(m->household_event->from_state, STATE(ASSISTED));
    assert_int_equal(m->household_event->to_state, STATE(ELIGIBLE));
    eocbus__v1__envelope__free_unpacked(m, NULL);
    assert_int_equal(desk_run(d, registry_step, &said, "offer", "--household", HOUSEHOLD, "--offer",
                              OFFER, "--site", "zafarobod.1", "--valid-until",
                              "2010-09-30T00:00+05:00", "--authority", "order 21", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_run(d, registry_step, &said, "respond", "--household", HOUSEHOLD,
                              "--offer", OFFER, "--answer", "accept", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_run(d, registry_step, &said, "move", "--household", HOUSEHOLD, "--leg",
                              "departed", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_run(d, registry_households, &said, "households", NULL), EXIT_DONE);
    assert_true(was_said("moving"));
}

static void ids_are_random_and_differ(void **state)
{
    struct desk *d = *state;
    char a[40], b[40];
    uint8_t id[ID_BYTES];

    assert_int_equal(desk_run(d, registry_id, &said, "id", "2", NULL), EXIT_DONE);
    assert_int_equal(sscanf((char *)said.data, "%39s %39s", a, b), 2);
    assert_string_not_equal(a, b);
    assert_true(id_parse(id, a));
    assert_int_equal(id[6] >> 4, 4); /* no time in it */
    assert_int_equal(desk_run(d, registry_id, &said, "id", "0", NULL), EXIT_USAGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_signature_is_no_act),
        TEST(rations_are_two_weeks_unless_said_otherwise),
        TEST(who_declines_has_a_reason),
        TEST(a_step_without_a_household_is_none),
        TEST(the_list_shows_where_each_household_stands),
        TEST(ids_are_random_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
