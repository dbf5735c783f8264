/* Whom a registry believes that a case is closed, or that what it keeps is to be destroyed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/registry/registry.h"
#include "agents/registry/vault.h"
#include "tests/lib/desk.h"

#include "proto/base/banned.h"

static uint8_t household[ID_BYTES] = {7}, box_id[ID_BYTES] = {8};

static int begin(void **state)
{
    static struct desk d;

    desk_open(&d, "coes.ayni.registry");
    assert_int_equal(arena_create(&d.office.arena, 1 << 20), ST_OK);
    *state = &d;
    return 0;
}

static int end(void **state)
{
    struct desk *d = *state;

    arena_destroy(d->office.arena);
    desk_close(d);
    return 0;
}

static void hear(struct desk *d, const char *sender, Eocbus__V1__HouseholdEvent *e,
                 enum proof proof)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Delivery delivery = EOCBUS__V1__DELIVERY__INIT;

    m.sender = (char *)sender;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT;
    m.household_event = e;
    e->household_id = (ProtobufCBinaryData){sizeof(household), household};
    assert_true(registry_keep(&d->office, &delivery, &m, proof, NULL));
}

static bool is_closed_by(struct desk *d, const char *sender, enum proof proof)
{
    Eocbus__V1__HouseholdEvent e = EOCBUS__V1__HOUSEHOLD_EVENT__INIT;
    Eocbus__V1__HouseholdClosed closed = EOCBUS__V1__HOUSEHOLD_CLOSED__INIT;
    bool is_closed;

    e.event_case = EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_CLOSED;
    e.closed = &closed;
    hear(d, sender, &e, proof);
    is_closed = vault_is_closed(&d->office, household);
    vault_mark_closed(&d->office, household, false);
    return is_closed;
}

/* A box that was erased is not taken afterwards. */
static bool is_erased_by(struct desk *d, const char *sender, enum proof proof)
{
    Eocbus__V1__HouseholdEvent e = EOCBUS__V1__HOUSEHOLD_EVENT__INIT;
    Eocbus__V1__HouseholdErased erased = EOCBUS__V1__HOUSEHOLD_ERASED__INIT;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__HouseholdIdentity identity = EOCBUS__V1__HOUSEHOLD_IDENTITY__INIT;
    Eocbus__V1__Delivery delivery = EOCBUS__V1__DELIVERY__INIT;
    ProtobufCBinaryData id = {sizeof(box_id), box_id};
    char err[400];

    box_id[1]++; /* another box each time */
    erased.identity_ids = &id;
    erased.n_identity_ids = 1;
    e.event_case = EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_ERASED;
    e.erased = &erased;
    hear(d, sender, &e, proof);
    m.message_id = id;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY;
    m.household_identity = &identity;
    identity.household_id = (ProtobufCBinaryData){sizeof(household), household};
    return vault_keep(&d->office, &delivery, &m, err, sizeof(err)) == ST_EXISTS;
}

static void a_closing_counts_when_its_sender_is_proved_to_be_one_of_ours(void **state)
{
    assert_true(is_closed_by(*state, "coes.asma", PROOF_GOOD));
    assert_true(is_closed_by(*state, "coes.asma", PROOF_OFF));
    assert_false(is_closed_by(*state, "coes.asma", PROOF_UNSIGNED));
    assert_false(is_closed_by(*state, "coes.asma", PROOF_UNKNOWN));
    assert_false(is_closed_by(*state, "rcst.ayni", PROOF_GOOD));
}

static void an_erasure_counts_when_its_sender_is_proved_to_be_one_of_ours(void **state)
{
    assert_true(is_erased_by(*state, "coes.asma", PROOF_GOOD));
    assert_true(is_erased_by(*state, "coes.asma", PROOF_OFF));
    assert_false(is_erased_by(*state, "coes.asma", PROOF_UNSIGNED));
    assert_false(is_erased_by(*state, "coes.asma", PROOF_UNKNOWN));
    assert_false(is_erased_by(*state, "rcst.ayni", PROOF_GOOD));
}

static void the_bus_erases_what_we_closed_without_a_signature(void **state)
{
    struct desk *d = *state;

    assert_false(is_erased_by(d, "bus", PROOF_UNSIGNED));
    vault_mark_closed(&d->office, household, true);
    assert_true(is_erased_by(d, "bus", PROOF_UNSIGNED));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_closing_counts_when_its_sender_is_proved_to_be_one_of_ours),
        T(an_erasure_counts_when_its_sender_is_proved_to_be_one_of_ours),
        T(the_bus_erases_what_we_closed_without_a_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
