/* What people type becomes fields, or a sentence that says what would be legal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/link/form.h"
#include "agents/link/summary.h"
#include "proto/wire/types.h"

static struct arena *arena;
static Eocbus__V1__Envelope *m;
static char err[1200];

static int set_up(void **state)
{
    (void)state;
    if (arena_create(&arena, 4u << 20) != ST_OK)
        return -1;
    m = form_new(&eocbus__v1__envelope__descriptor, arena);
    return m ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static enum status set(const char *path, const char *text)
{
    err[0] = '\0';
    return form_set(&m->base, path, text, arena, err, sizeof(err));
}

static void a_path_makes_the_messages_on_its_way(void **state)
{
    (void)state;
    assert_int_equal(set("flash_report.injured", "2"), ST_OK);
    assert_int_equal(m->body_case, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    assert_int_equal(m->flash_report->_injured_case, 4);
    assert_int_equal(m->flash_report->injured, 2);
    assert_int_equal(m->flash_report->_deaths_case, 0);
    assert_int_equal(set("request_resource.lines[0].resource.kind", "tent"), ST_OK);
    assert_string_equal(m->request_resource->lines[0]->resource->kind, "tent");
}

static void another_body_takes_the_place_of_the_first(void **state)
{
    (void)state;
    assert_int_equal(set("flash_report.injured", "2"), ST_OK);
    assert_int_equal(set("general_message.subject", "x"), ST_OK);
    assert_int_equal(m->body_case, EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE);
    assert_string_equal(m->general_message->subject, "x");
}

static void words_are_taken_in_any_case_and_spelling_of_blanks(void **state)
{
    static const char *const same[] = {"flash flood", "FLASH_FLOOD", "Flash-Flood",
                                       "HAZARD_FLASH_FLOOD"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        m->body_case = 0;
        assert_int_equal(set("flash_report.hazard", same[i]), ST_OK);
        assert_int_equal(m->flash_report->hazard, EOCBUS__V1__HAZARD__HAZARD_FLASH_FLOOD);
    }
}

static void a_wrong_word_lists_the_legal_ones(void **state)
{
    (void)state;
    assert_int_equal(set("flash_report.hazard", "mudslide"), ST_INVALID);
    assert_non_null(strstr(err, "\"mudslide\" is none of: mudflow, flash flood, river flood"));
    assert_null(strstr(err, "unspecified"));
    assert_int_equal(set("flash_report.hazard", "flash"), ST_INVALID);
    assert_int_equal(set("flash_report.hazard", "unspecified"), ST_INVALID);
}

/* Each word of each enum of the contract can be typed as it is listed. */
static void check_enums(const ProtobufCMessageDescriptor *d, unsigned depth)
{
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        const ProtobufCEnumDescriptor *e = f->descriptor;

        if (f->type == PROTOBUF_C_TYPE_MESSAGE && depth < 6)
            check_enums(f->descriptor, depth + 1);
        for (unsigned v = 0; f->type == PROTOBUF_C_TYPE_ENUM && v < e->n_values; v++) {
            struct buf word = {0};
            int value = -1;

            if (e->values[v].value == 0)
                continue;
            summary_word(&word, e, e->values[v].value);
            buf_put(&word, "", 1);
            assert_int_equal(form_word(e, (char *)word.data, &value, err, sizeof(err)), ST_OK);
            assert_int_equal(value, e->values[v].value);
            buf_free(&word);
            assert_int_equal(form_word(e, e->values[v].name, &value, err, sizeof(err)), ST_OK);
            assert_int_equal(value, e->values[v].value);
        }
    }
}

static void every_word_of_the_contract_can_be_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++)
        check_enums(type_at(i)->descriptor, 0);
}

static void lists_grow_by_repetition_and_by_commas(void **state)
{
    (void)state;
    assert_int_equal(set("offer_response.reasons", "no means to move, debt"), ST_OK);
    assert_int_equal(set("offer_response.reasons", "livestock"), ST_OK);
    assert_int_equal(m->offer_response->n_reasons, 3);
    assert_int_equal(m->offer_response->reasons[2],
                     EOCBUS__V1__OFFER_DECLINE_REASON__OFFER_DECLINE_REASON_LIVESTOCK);
    assert_int_equal(set("area.pcodes", "3505203,3505217"), ST_OK);
    assert_int_equal(m->area->n_pcodes, 2);
    assert_int_equal(set("area.pcodes[0]", "3505242"), ST_OK);
    assert_string_equal(m->area->pcodes[0], "3505242");
    assert_int_equal(m->area->n_pcodes, 2);
    assert_int_equal(set("area.pcodes[3]", "3505242"), ST_INVALID);
}

static void sentences_keep_their_commas(void **state)
{
    (void)state;
    assert_int_equal(set("situation_report.roads_cut", "Ayni - Panjakent, km 12"), ST_OK);
    assert_int_equal(m->situation_report->n_roads_cut, 1);
}

static void amounts_sums_and_points_are_read_as_written(void **state)
{
    Eocbus__V1__SupportPackage *p;

    (void)state;
    assert_int_equal(set("plot_offer.package.cash", "1500.5 TJS"), ST_OK);
    assert_int_equal(set("plot_offer.package.seed", "2,75 KGM"), ST_OK);
    p = m->plot_offer->package;
    assert_int_equal(p->cash->minor_units, 150050);
    assert_string_equal(p->cash->currency, "TJS");
    assert_int_equal(p->seed->value, 275);
    assert_int_equal(p->seed->scale, 2);
    assert_string_equal(p->seed->unit, "KGM");
    assert_int_equal(set("area.centre", "39.3921,-68.5404"), ST_OK);
    assert_int_equal(m->area->centre->lat_e7, 393921000);
    assert_int_equal(m->area->centre->lon_e7, -685404000);
    assert_int_equal(set("area.centre", "91,0"), ST_INVALID);
    assert_int_equal(set("plot_offer.package.cash", "much"), ST_INVALID);
    assert_int_equal(set("plot_offer.package.cash", "1.234 TJS"), ST_INVALID);
}

static void parts_split_by_slashes_fill_a_message(void **state)
{
    Eocbus__V1__VillageAssessment *v;

    (void)state;
    assert_int_equal(set("damage_needs_assessment.villages[0].losses", "livestock/lost/6/cattle"),
                     ST_OK);
    assert_int_equal(
        set("damage_needs_assessment.villages[0].unmet_needs", "food/ration/14 day/24 h/60"),
        ST_OK);
    v = m->damage_needs_assessment->villages[0];
    assert_int_equal(v->losses[0]->quantity->value, 6);
    assert_int_equal(v->losses[0]->species, EOCBUS__V1__SPECIES__SPECIES_CATTLE);
    assert_int_equal(v->unmet_needs[0]->horizon, EOCBUS__V1__HORIZON__HORIZON_24_H);
    assert_int_equal(v->unmet_needs[0]->people, 60);
    assert_int_equal(set("damage_needs_assessment.villages[0].losses", "house/blown/2"),
                     ST_INVALID);
    assert_non_null(strstr(err, "ASSET/DAMAGE/HOW MUCH"));
    assert_int_equal(set("damage_needs_assessment.villages[0].losses", "house/lost/1/cattle/2/3"),
                     ST_INVALID);
    assert_int_equal(
        set("damage_needs_assessment.period", "2010-08-08T07:00+05:00/2010-08-08T11:00+05:00"),
        ST_OK);
    assert_int_equal(m->damage_needs_assessment->period->to_us -
                         m->damage_needs_assessment->period->from_us,
                     INT64_C(4) * 3600 * 1000000);
}

static void times_ids_and_numbers_say_what_they_want(void **state)
{
    (void)state;
    assert_int_equal(set("event_time_us", "2010-08-07T21:55+05:00"), ST_OK);
    assert_true(m->event_time_us == INT64_C(1281200100000000));
    assert_int_equal(set("event_time_us", "yesterday"), ST_INVALID);
    assert_non_null(strstr(err, "2010-08-08T02:10+05:00"));
    assert_int_equal(set("message_id", "12"), ST_INVALID);
    assert_non_null(strstr(err, "UUID"));
    assert_int_equal(set("flash_report.deaths", "-1"), ST_INVALID);
    assert_int_equal(set("flash_report.deaths", "4294967296"), ST_INVALID);
    assert_int_equal(set("flash_report.deaths", "two"), ST_INVALID);
    assert_int_equal(set("flash_report.deths", "2"), ST_INVALID);
    assert_int_equal(set("lane.x", "2"), ST_INVALID);
}

static void zero_counts_as_said(void **state)
{
    (void)state;
    assert_false(form_is_set(&m->base, "flash_report.deaths"));
    assert_int_equal(set("flash_report.deaths", "0"), ST_OK);
    assert_true(form_is_set(&m->base, "flash_report.deaths"));
    assert_false(form_is_set(&m->base, "flash_report.village"));
    assert_false(form_is_set(&m->base, "area.pcodes[0]"));
}

static void options_and_assignments_are_the_same_fields(void **state)
{
    static const struct form_row rows[] = {{"--injured", "flash_report.injured", ""},
                                           {"--hazard", "flash_report.hazard", ""}};
    char *argv[] = {(char[]){"send"}, (char[]){"--injured"}, (char[]){"3"},
                    (char[]){"--hazard=glof"}, NULL};
    int argc = 4;

    (void)state;
    assert_int_equal(form_take(&m->base, rows, 2, NULL, 0, &argc, argv, arena, err, sizeof(err)),
                     ST_OK);
    assert_int_equal(argc, 1);
    assert_int_equal(m->flash_report->injured, 3);
    assert_int_equal(form_assign(&m->base, "flash_report.village=Gusar", arena, err, sizeof(err)),
                     ST_OK);
    assert_string_equal(m->flash_report->village, "Gusar");
    assert_int_equal(form_assign(&m->base, "flash_report", arena, err, sizeof(err)), ST_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_path_makes_the_messages_on_its_way),
        TEST(another_body_takes_the_place_of_the_first),
        TEST(words_are_taken_in_any_case_and_spelling_of_blanks),
        TEST(a_wrong_word_lists_the_legal_ones),
        TEST(every_word_of_the_contract_can_be_typed),
        TEST(lists_grow_by_repetition_and_by_commas),
        TEST(sentences_keep_their_commas),
        TEST(amounts_sums_and_points_are_read_as_written),
        TEST(parts_split_by_slashes_fill_a_message),
        TEST(times_ids_and_numbers_say_what_they_want),
        TEST(zero_counts_as_said),
        TEST(options_and_assignments_are_the_same_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
