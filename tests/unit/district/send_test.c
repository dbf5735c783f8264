/* What a duty officer types, and what the outbox then holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/district/district.h"
#include "tests/lib/desk.h"

#define ID "012a4d7a-12a0-791f-857c-5d8016057a6e"

static struct buf said;

static int set_up(void **state)
{
    static struct desk desk;

    desk_open(&desk, "coes.ayni.office");
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

static void a_flash_report_is_kept_though_there_is_no_link(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudflow",
                              "--village", "Gusar", "--injured", "2", "--deaths", "0", "--road-cut",
                              "yes", NULL),
                     EXIT_DONE);
    assert_true(was_said("kept; not sent yet: no link"));
    m = desk_message(d, 0);
    assert_int_equal(m->lane, EOCBUS__V1__LANE__LANE_FLASH);
    assert_int_equal(m->status, EOCBUS__V1__STATUS__STATUS_EXERCISE);
    assert_string_equal(m->area->pcodes[0], "3505203");
    assert_int_equal(m->flash_report->injured, 2);
    assert_int_equal(m->flash_report->_deaths_case, 3);  /* counted, and none */
    assert_int_equal(m->flash_report->_missing_case, 0); /* not counted */
    assert_int_equal(m->flash_report->road_cut, EOCBUS__V1__ANSWER__ANSWER_YES);
    assert_int_equal(m->flash_report->reporter_role,
                     EOCBUS__V1__REPORTER_ROLE__REPORTER_ROLE_DISTRICT_DUTY);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void it_answers_in_the_language_of_the_office(void **state)
{
    struct desk *d = *state;

    d->office.lang = LANG_TAJIK;
    assert_int_equal(
        desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudflow", NULL), EXIT_DONE);
    assert_true(was_said("алоқа нест"));
    d->office.lang = LANG_RUSSIAN;
    assert_int_equal(desk_run(d, district_send, &said, "send", "flsh", NULL), EXIT_USAGE);
    assert_true(was_said("такого вида сообщений нет"));
}

static void a_wrong_word_lists_the_legal_ones_and_keeps_nothing(void **state)
{
    struct desk *d = *state;

    assert_int_equal(
        desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudslide", NULL),
        EXIT_USAGE);
    assert_true(was_said("--hazard: \"mudslide\" is none of: mudflow"));
    assert_int_equal(desk_run(d, district_send, &said, "send", "flash", "--hazrd", "mudflow", NULL),
                     EXIT_USAGE);
    assert_true(was_said("did you mean --hazard?"));
    assert_int_equal(
        desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudflow", "Gusar", NULL),
        EXIT_USAGE);
    assert_true(was_said("\"Gusar\""));
    assert_int_equal(desk_count(d), 0);
}

static void what_the_gate_refuses_is_not_kept(void **state)
{
    struct desk *d = *state;

    assert_int_equal(desk_run(d, district_send, &said, "send", "flash", "--injured", "2", NULL),
                     EXIT_REFUSED);
    assert_true(was_said("flash_report.hazard"));
    assert_int_equal(desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudflow",
                              "--place", "35O5203", NULL),
                     EXIT_REFUSED);
    assert_int_equal(
        desk_run(d, district_send, &said, "send", "respond", "--contact", "Owner/depot/CoES", NULL),
        EXIT_REFUSED);
    assert_true(was_said("preceding_id"));
    assert_int_equal(desk_count(d), 0);
}

static void the_same_key_says_it_once(void **state)
{
    struct desk *d = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudflow",
                                  "--once-key", "a", NULL),
                         EXIT_DONE);
    assert_true(was_said("not said again"));
    assert_int_equal(desk_count(d), 1);
}

static void any_field_can_be_set_by_its_name(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__Envelope *m;

    assert_int_equal(desk_run(d, district_send, &said, "send", "message", "--subject", "s",
                              "--text", "t", "--id", ID, "--field",
                              "general_message.to_role=head of logistics", "--to",
                              "coes.dushanbe.duty,dispatcher@3505203", NULL),
                     EXIT_DONE);
    assert_true(was_said(ID));
    m = desk_message(d, 0);
    assert_string_equal(m->general_message->to_role, "head of logistics");
    assert_int_equal(m->n_to, 2);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void a_file_goes_whole_or_not_at_all(void **state)
{
    static const char good[] =
        "{\"lane\":\"LANE_ROUTINE\",\"kind\":\"KIND_REPORT\",\"activity_log_entry\":{\"position\":"
        "\"duty\",\"text\":\"one\"}}\n";
    struct desk *d = *state;
    char text[1000], path[200];
    Eocbus__V1__Envelope *m;

    snprintf(text, sizeof(text), "%s%s%s", good, good, "{\"lane\":\"LANE_ROUTINE\"}\n");
    snprintf(path, sizeof(path), "%s", desk_write(d, "three.json", text));
    assert_int_equal(desk_run(d, district_send, &said, "send", "--file", path, NULL), EXIT_REFUSED);
    assert_true(was_said("(3/3)"));
    assert_int_equal(desk_count(d), 0);
    snprintf(text, sizeof(text), "%s%s", good, good);
    desk_write(d, "three.json", text);
    assert_int_equal(
        desk_run(d, district_send, &said, "send", "--file", path, "--once-key", "k", NULL),
        EXIT_DONE);
    assert_int_equal(
        desk_run(d, district_send, &said, "send", "--file", path, "--once-key", "k", NULL),
        EXIT_DONE);
    assert_int_equal(desk_count(d), 2);
    m = desk_message(d, 0);
    assert_int_equal(m->status, EOCBUS__V1__STATUS__STATUS_EXERCISE); /* the office's own */
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

static void every_kind_can_be_said_and_its_help_names_each_option(void **state)
{
    struct desk *d = *state;
    struct buf help = {0};

    for (size_t i = 0; i < send_type_count(); i++) {
        const struct send_type *t = send_type_at(i);

        buf_clear(&help);
        district_send_help(&help, LANG_ENGLISH, "send", t->word);
        buf_put(&help, "", 1);
        assert_ptr_equal(send_type_find(t->word), t);
        for (size_t r = 0; r < t->row_count; r++) {
            char err[300] = "";

            assert_non_null(strstr((char *)help.data, t->rows[r].name));
            /* The path leads somewhere: whatever is wrong with the value, the field exists. */
            assert_int_equal(arena_create(&d->office.arena, 1u << 20), ST_OK);
            (void)!form_set(&office_message(&d->office, t->kind, t->lane)->base, t->rows[r].path,
                            "1", d->office.arena, err, sizeof(err));
            assert_null(strstr(err, "no such field"));
            arena_destroy(d->office.arena);
            /* What every program answers itself cannot be an option here. */
            assert_string_not_equal(t->rows[r].name, "--version");
            assert_string_not_equal(t->rows[r].name, "--help");
            assert_string_not_equal(t->rows[r].name, "--set");
            assert_string_not_equal(t->rows[r].name, "--config");
        }
    }
    buf_free(&help);
}

static void the_outbox_shows_what_was_refused_until_a_person_has_seen_it(void **state)
{
    const struct outbox_outcome refused = {
        .code = "pcode", .path = "area.pcodes[0]", .text = "'x' is no P-code"};
    struct desk *d = *state;
    char tag[32];

    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", NULL), EXIT_DONE);
    assert_true(was_said("nothing waits"));
    assert_int_equal(
        desk_run(d, district_send, &said, "send", "flash", "--hazard", "mudflow", NULL), EXIT_DONE);
    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", NULL), EXIT_DONE);
    assert_true(was_said("waiting  "));
    desk_settle(d, 0, &refused);
    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", NULL), EXIT_DONE);
    assert_true(was_said("refused  "));
    assert_true(was_said("pcode area.pcodes[0]: 'x' is no P-code"));
    assert_true(was_said("STATE  NUMBER"));
    assert_int_equal(sscanf(strstr((char *)said.data, "refused  "), "refused  %31s", tag), 1);
    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", "seen", "7", NULL), EXIT_USAGE);
    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", "seen", tag, NULL), EXIT_DONE);
    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", NULL), EXIT_DONE);
    assert_true(was_said("nothing waits"));
}

static void what_strangers_wrote_cannot_talk_to_the_terminal(void **state)
{
    struct desk *d = *state;

    assert_int_equal(desk_run(d, district_send, &said, "send", "message", "--subject", "a\033[2Jb",
                              "--text", "t", NULL),
                     EXIT_DONE);
    assert_int_equal(desk_run(d, office_outbox, &said, "outbox", NULL), EXIT_DONE);
    assert_null(strchr((char *)said.data, '\033'));
    assert_true(was_said("\\x1b"));
}

static void a_table_of_villages_becomes_a_report_each_and_only_changes_go(void **state)
{
    struct desk *d = *state;
    Eocbus__V1__DamageNeedsAssessment *a;
    Eocbus__V1__Envelope *m;

    for (int i = 0; i < 2; i++)
        assert_int_equal(desk_run(d, district_import, &said, "import",
                                  "deploy/demo/data/damage.hxl.csv", "--act", "7", "--period",
                                  "2010-08-08T07:00+05:00/2010-08-08T11:00+05:00", "--signed",
                                  "Chair/deputy head/Ayni", "--signed", "Member/engineer/CoES",
                                  NULL),
                         EXIT_DONE);
    assert_true(was_said("0 new or changed, 3 unchanged"));
    assert_int_equal(desk_count(d), 3);
    m = desk_message(d, 0);
    a = m->damage_needs_assessment;
    assert_string_equal(a->villages[0]->village, "Gusar");
    assert_string_equal(a->villages[0]->pcode, "3505203");
    assert_int_equal(a->n_signatories, 2);
    assert_int_equal(a->villages[0]->n_losses, 7);
    eocbus__v1__envelope__free_unpacked(m, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_flash_report_is_kept_though_there_is_no_link),
        TEST(it_answers_in_the_language_of_the_office),
        TEST(a_wrong_word_lists_the_legal_ones_and_keeps_nothing),
        TEST(what_the_gate_refuses_is_not_kept),
        TEST(the_same_key_says_it_once),
        TEST(any_field_can_be_set_by_its_name),
        TEST(a_file_goes_whole_or_not_at_all),
        TEST(every_kind_can_be_said_and_its_help_names_each_option),
        TEST(the_outbox_shows_what_was_refused_until_a_person_has_seen_it),
        TEST(what_strangers_wrote_cannot_talk_to_the_terminal),
        TEST(a_table_of_villages_becomes_a_report_each_and_only_changes_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
