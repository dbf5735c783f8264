/* What a person may hear and say, by the text that the database lays out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agents/console/read/rights.h"

#include "proto/base/banned.h"

enum { PLACES = 4 };
#define TYPE EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT

static struct rights rights;

/* `digit` for every type and label. */
static void lay_out(char hear, char say, const char *places)
{
    static char text[RIGHTS_MAP * 2];
    char map[1200];

    memset(map, hear, sizeof(map) - 1);
    map[sizeof(map) - 1] = '\0';
    snprintf(text, sizeof(text), "hear %s\nsay ", map);
    memset(map, say, sizeof(map) - 1);
    snprintf(text + strlen(text), sizeof(text) - strlen(text),
             "%s\nplaces %s\nagency coes\nduties duty@3505203 chief@3505000", map, places);
    assert_int_equal(rights_read(&rights, "coes.ayni.nazarov", text), ST_OK);
}

static const Eocbus__V1__Envelope *message(const char *place, const char *other, const char *to)
{
    static Eocbus__V1__Envelope m;
    static Eocbus__V1__Area area;
    static char *places[PLACES], *whom[1];

    eocbus__v1__envelope__init(&m);
    eocbus__v1__area__init(&area);
    m.body_case = TYPE;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.area = &area;
    area.pcodes = places;
    if (place)
        places[area.n_pcodes++] = (char *)(uintptr_t)place;
    if (other)
        places[area.n_pcodes++] = (char *)(uintptr_t)other;
    m.to = whom;
    whom[0] = (char *)(uintptr_t)to;
    m.n_to = to != NULL;
    return &m;
}

static void what_nothing_is_known_of_may_nothing(void **state)
{
    (void)state;
    assert_int_equal(rights_read(&rights, "coes.nobody", ""), ST_OK);
    assert_int_equal(rights_hear(&rights, message(NULL, NULL, "coes.nobody")), MAY_NOT);
    assert_int_equal(rights_say(&rights, message("3505203", NULL, NULL)), MAY_NOT);
    assert_int_equal(rights_read(&rights, "coes.nobody", "hear 1\nplaces x"), ST_INVALID);
    assert_int_equal(rights_read(&rights, "coes.nobody", "nothing"), ST_INVALID);
}

static void own_places_are_what_begins_with_them_and_a_region_its_first_four(void **state)
{
    (void)state;
    lay_out('2', '2', "3505203 3501000 KG02");
    assert_int_equal(rights_hear(&rights, message("3505203", NULL, NULL)), MAY);
    assert_int_equal(rights_hear(&rights, message("3505203001", NULL, NULL)), MAY);
    assert_int_equal(rights_hear(&rights, message("3505204", NULL, NULL)), MAY_NOT);
    assert_int_equal(rights_hear(&rights, message("3501401", NULL, NULL)), MAY);
    assert_int_equal(rights_hear(&rights, message("KG0203", NULL, NULL)), MAY);
    assert_int_equal(rights_hear(&rights, message("KG03", NULL, NULL)), MAY_NOT);
    assert_int_equal(rights_hear(&rights, message(NULL, NULL, NULL)), MAY_NOT);
}

static void one_place_is_enough_to_hear_and_all_are_wanted_to_say(void **state)
{
    (void)state;
    lay_out('2', '2', "3505203");
    assert_int_equal(rights_hear(&rights, message("3504203", "3505203", NULL)), MAY);
    assert_int_equal(rights_say(&rights, message("3504203", "3505203", NULL)), MAY_NOT);
    assert_int_equal(rights_say(&rights, message("3505203", "3505203001", NULL)), MAY);
    assert_int_equal(rights_say(&rights, message(NULL, NULL, NULL)), MAY_NOT);
}

static void what_is_for_a_person_names_the_person_the_agency_or_a_duty(void **state)
{
    static const char *const whom[] = {"coes.ayni.nazarov", "coes", "duty@3505203",
                                       "chief@3505000"};
    static const char *const others[] = {"coes.ayni",   "coes.ayni.naz", "co",
                                         "duty@350520", "duty@3505000",  "rcst"};

    (void)state;
    lay_out('4', '0', "3505203");
    for (size_t i = 0; i < sizeof(whom) / sizeof(*whom); i++)
        assert_int_equal(rights_hear(&rights, message("3505203", NULL, whom[i])), MAY);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_int_equal(rights_hear(&rights, message("3505203", NULL, others[i])), MAY_NOT);
    lay_out('3', '0', "3505203");
    assert_int_equal(rights_hear(&rights, message("3504203", NULL, "coes")), MAY);
    assert_int_equal(rights_hear(&rights, message("3505203", NULL, "rcst")), MAY);
    assert_int_equal(rights_hear(&rights, message("3504203", NULL, "rcst")), MAY_NOT);
}

static void the_digit_is_that_of_the_type_and_the_label(void **state)
{
    Eocbus__V1__Envelope m = *message("3505203", NULL, NULL);

    (void)state;
    lay_out('0', '0', "3505203");
    rights.hear[TYPE * 4 + 1] = '1'; /* INTERNAL */
    rights.hear[TYPE * 4 + 2] = '5';
    rights.say[TYPE * 4 + 1] = '1';
    assert_int_equal(rights_hear(&rights, &m), MAY);
    assert_int_equal(rights_say(&rights, &m), MAY);
    m.label = EOCBUS__V1__LABEL__LABEL_RESTRICTED;
    assert_int_equal(rights_hear(&rights, &m), MAY_BE);
    assert_int_equal(rights_say(&rights, &m), MAY_NOT);
    m.label = EOCBUS__V1__LABEL__LABEL_UNSPECIFIED; /* counts as the last */
    assert_int_equal(rights_hear(&rights, &m), MAY_NOT);
    m.label = (Eocbus__V1__Label)1000000;
    assert_int_equal(rights_hear(&rights, &m), MAY_NOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_is_known_of_may_nothing),
        cmocka_unit_test(own_places_are_what_begins_with_them_and_a_region_its_first_four),
        cmocka_unit_test(one_place_is_enough_to_hear_and_all_are_wanted_to_say),
        cmocka_unit_test(what_is_for_a_person_names_the_person_the_agency_or_a_duty),
        cmocka_unit_test(the_digit_is_that_of_the_type_and_the_label),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
