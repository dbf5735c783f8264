/* Who may open what a registry seals, and what a person types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/registry/identity.h"
#include "proto/wire/sealed.h"
#include "tests/lib/desk.h"

#include "proto/base/banned.h"

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

static const struct reader *only(struct readers *r, struct desk *d, const char *line)
{
    char err[400];

    assert_int_equal(readers_load(r, desk_write(d, "readers", line), err, sizeof(err)), ST_OK);
    assert_int_equal(r->count, 1);
    return &r->list[0];
}

#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static void a_reader_is_for_its_places_and_what_lies_in_them(void **state)
{
    static struct readers r;
    const struct reader *of =
        only(&r, *state, "# pinned\n\nregistry coes.ayni.registry " KEY " 3505203 3501000\n");

    assert_string_equal(of->name, "coes.ayni.registry");
    assert_true(reader_is_for(of, "3505203"));
    assert_true(reader_is_for(of, "3505203001"));
    assert_false(reader_is_for(of, "3505217"));
    assert_false(reader_is_for(of, "3505000")); /* the region is more than the district */
    assert_true(reader_is_for(of, "3501401"));  /* and holds it */
    assert_false(reader_is_for(of, ""));
    assert_ptr_equal(readers_find(&r, "coes.ayni.registry"), of);
    assert_null(readers_find(&r, "coes.ayni"));
}

static void a_line_that_is_none_is_named_by_its_number(void **state)
{
    static const char *const wrong[] = {
        "friend coes.ayni.registry " KEY "\n", "registry Ayni " KEY "\n",
        "registry coes.ayni.registry short\n", "registry coes.ayni.registry " KEY " Ayni\n"};
    static struct readers r;
    char err[400];

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(
            readers_load(&r, desk_write(*state, "readers", wrong[i]), err, sizeof(err)),
            ST_INVALID);
        assert_non_null(strstr(err, "readers:1:"));
    }
    assert_int_equal(readers_load(&r, "", err, sizeof(err)), ST_OK);
    assert_int_equal(r.count, 0);
}

static void what_is_typed_is_persons_with_their_papers(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__HouseholdIdentityClear *c;
    struct buf text = {0};
    char err[400];

    assert_int_equal(identity_parse(&c, &d->office,
                                    "name: Zulaykho Namunaeva\nborn: 1974\ndocument: A1\n"
                                    "document: B2\nphone: 1\n\nname: Habib\nphone: 2\n"
                                    "position: 39.39,68.54\nnote: x\n",
                                    err, sizeof(err)),
                     ST_OK);
    assert_int_equal(c->n_persons, 2);
    assert_int_equal(c->persons[0]->n_documents, 2);
    assert_int_equal(c->persons[0]->born_year, 1974);
    assert_string_equal(c->persons[1]->phones[0], "2");
    identity_print(&text, c);
    buf_put(&text, "", 1);
    assert_non_null(strstr((char *)text.data, "name: Habib\nphone: 2\nposition: 39.3900000"));
    seal_wipe(&text);
}

static void what_cannot_be_read_is_not_said_again(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__HouseholdIdentityClear *c;
    char err[400];

    assert_int_equal(
        identity_parse(&c, &d->office, "name: A\nSecretova lives there\n", err, sizeof(err)),
        ST_INVALID);
    assert_null(strstr(err, "Secretova"));
    assert_int_equal(identity_parse(&c, &d->office, "note: x\n", err, sizeof(err)), ST_INVALID);
}

static void a_box_is_wrapped_for_us_the_place_the_escrow_and_whom_we_name(void **state)
{
    struct desk *d = *state;
    static struct sealing s;
    struct seal_reader *others[3];
    uint8_t household[ID_BYTES] = {7};
    Eocbus__V1__HouseholdIdentityClear *c;
    struct sealed_identity box;
    char err[400];

    assert_int_equal(seal_reader_generate(&s.own), ST_OK);
    for (unsigned i = 0; i < 3; i++) {
        struct reader *r = &s.readers.list[i];

        assert_int_equal(seal_reader_generate(&others[i]), ST_OK);
        *r = (struct reader){.is_escrow = i == 2};
        snprintf(r->places, sizeof(r->places), "%s", i ? "3505217" : "3505203");
        memcpy(r->key, seal_reader_public(others[i]), SEAL_KEY_BYTES);
    }
    s.readers.count = 3;
    assert_int_equal(identity_parse(&c, &d->office, "name: A\n", err, sizeof(err)), ST_OK);
    assert_int_equal(
        identity_seal(&box, &d->office, &s, household, c, "3505203", NULL, err, sizeof(err)),
        ST_OK);
    assert_int_equal(box.keys_len, 3 * WRAPPED_BYTES);
    assert_non_null(sealed_key_for(box.keys, box.keys_len, seal_reader_id(s.own)));
    assert_non_null(sealed_key_for(box.keys, box.keys_len, seal_reader_id(others[0])));
    assert_null(sealed_key_for(box.keys, box.keys_len, seal_reader_id(others[1])));
    assert_non_null(sealed_key_for(box.keys, box.keys_len, seal_reader_id(others[2])));
    assert_int_equal(identity_seal(&box, &d->office, &s, household, c, "3505203",
                                   &s.readers.list[1], err, sizeof(err)),
                     ST_OK);
    assert_non_null(sealed_key_for(box.keys, box.keys_len, seal_reader_id(others[1])));
    for (unsigned i = 0; i < 3; i++)
        seal_reader_destroy(others[i]);
    sealing_close(&s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_reader_is_for_its_places_and_what_lies_in_them),
        T(a_line_that_is_none_is_named_by_its_number),
        T(what_is_typed_is_persons_with_their_papers),
        T(what_cannot_be_read_is_not_said_again),
        T(a_box_is_wrapped_for_us_the_place_the_escrow_and_whom_we_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
