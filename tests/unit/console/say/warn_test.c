#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/say/say.h"
#include "agents/console/say/warn.h"

#define NOW_US INT64_C(1800000000123456)
#define ROOM   EOCBUS__V1__STATUS__STATUS_EXERCISE

struct desk {
    struct arena *arena;
    Eocbus__V1__Envelope *m;
    char err[400];
};

static const uint8_t draft_id[16] = {1}, alert_id[16] = {2};

static int open_desk(void **state)
{
    static struct desk d;

    memset(&d, 0, sizeof(d));
    *state = &d;
    return arena_create(&d.arena, 1 << 18) == ST_OK ? 0 : -1;
}

static int close_desk(void **state)
{
    arena_destroy(((struct desk *)*state)->arena);
    return 0;
}

/* A draft as a page sends it, ending `hours` from now. */
static void write_where(struct desk *d, const char *status, const char *headline, int hours,
                        const char *where)
{
    char json[1200];

    snprintf(
        json, sizeof(json),
        "{\"message_id\":\"01a20301-33de-71ef-a41f-535112f67401\",\"status\":\"STATUS_SYSTEM\","
        "\"area\":{\"pcodes\":[\"3505203\",\"3501000\"]},"
        "\"public_alert\":{\"status\":\"CAP_STATUS_%s\",\"msg_type\":\"CAP_MSG_TYPE_ALERT\","
        "\"identifier\":\"mine\",\"cap_sender\":\"somebody.else\",\"codes\":[\"eocbus:actual\"],"
        "\"infos\":[{\"language\":\"ru\",\"headline\":\"%s\",\"expires_us\":\"%lld\",%s}]}}",
        status, headline, (long long)NOW_US + hours * 3600000000LL, where);
    assert_int_equal(say_read(&d->m, json, strlen(json), "coes.dushanbe.rahimov", NOW_US, d->arena,
                              d->err, sizeof(d->err)),
                     ST_OK);
}

#define AREA(more) "\"areas\":[{\"description\":\"x\"," more "}]"
#define CODE(code) "{\"name\":\"PCODE\",\"value\":\"" code "\"}"

static void write_one(struct desk *d, const char *status, const char *headline, int hours)
{
    write_where(d, status, headline, hours, AREA("\"geocodes\":[" CODE("3505203") "]"));
}

static enum status draft(struct desk *d, Eocbus__V1__Status room)
{
    return warn_draft(d->m, room, "eoc.example.tj", NOW_US, d->arena, d->err, sizeof(d->err));
}

static enum status approve(struct desk *d, Eocbus__V1__Status room, int64_t now_us)
{
    return warn_approve(d->m, room, "coes.dushanbe.nazarova", draft_id, alert_id, now_us, d->arena,
                        d->err, sizeof(d->err));
}

static void a_draft_is_nobodys_alarm_and_says_as_what_it_is_meant(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 2);
    assert_int_equal(draft(d, ROOM), ST_OK);
    assert_int_equal(d->m->status, EOCBUS__V1__STATUS__STATUS_SYSTEM);
    assert_int_equal(d->m->label, EOCBUS__V1__LABEL__LABEL_INTERNAL);
    assert_int_equal(d->m->public_alert->n_codes, 1);
    assert_string_equal(d->m->public_alert->codes[0], "eocbus:exercise");
}

static void who_sends_when_and_under_which_name_is_ours(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 2);
    assert_int_equal(draft(d, ROOM), ST_OK);
    assert_string_equal(d->m->public_alert->identifier, "01a20301-33de-71ef-a41f-535112f67401");
    assert_string_equal(d->m->public_alert->cap_sender, "eoc.example.tj");
    assert_int_equal(d->m->public_alert->sent_us, NOW_US - NOW_US % 1000000);
    assert_int_equal(d->m->public_alert->sent_offset_min, 300);
    assert_int_equal(d->m->not_after_us, d->m->public_alert->infos[0]->expires_us);
    assert_int_equal(d->m->not_after_us % 1000000, 0);
}

static void one_person_alone_says_only_a_draft(void **state)
{
    static const char *const statuses[] = {"ACTUAL", "EXERCISE", "TEST", "SYSTEM"};
    struct desk *d = *state;

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        write_one(d, statuses[i], "УЧЕНИЕ. Сель", 2);
        assert_int_equal(draft(d, ROOM), ST_INVALID);
    }
}

static void an_exercise_says_so_in_its_headline(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "Сель", 2);
    assert_int_equal(draft(d, ROOM), ST_INVALID);
    assert_non_null(strstr(d->err, "УЧЕНИЕ"));
    assert_int_equal(draft(d, EOCBUS__V1__STATUS__STATUS_ACTUAL), ST_OK);
}

static void an_alert_has_an_end_that_is_not_far(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 0);
    assert_int_equal(draft(d, ROOM), ST_INVALID);
    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 8 * 24);
    assert_int_equal(draft(d, ROOM), ST_OK);
    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 8 * 24 + 1);
    assert_int_equal(draft(d, ROOM), ST_INVALID);
}

static void an_alert_warns_only_where_its_writer_may(void **state)
{
    static const char *const others[] = {
        AREA("\"geocodes\":[" CODE("3504203") "]"),
        AREA("\"geocodes\":[" CODE("3505203") "," CODE("3502401") "]"),
        AREA("\"geocodes\":[]"),
        AREA("\"geocodes\":[{\"name\":\"SAME\",\"value\":\"3505203\"}]"),
        AREA("\"geocodes\":[" CODE("3505203") "],\"circles\":[{\"radius_m\":1}]"),
        AREA("\"geocodes\":[" CODE("3505203") "],\"polygons\":[{\"lats_e7\":[1]}]"),
        "\"areas\":[]",
    };
    struct desk *d = *state;

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        write_where(d, "DRAFT", "УЧЕНИЕ. Сель", 2, others[i]);
        assert_int_equal(draft(d, ROOM), ST_INVALID);
    }
    write_where(d, "DRAFT", "УЧЕНИЕ. Сель", 2,
                AREA("\"geocodes\":[" CODE("3505203001") "," CODE("3501401") "]"));
    assert_int_equal(draft(d, ROOM), ST_OK);
}

static void its_address_is_one_of_the_web(void **state)
{
    struct desk *d = *state;

    write_where(d, "DRAFT", "УЧЕНИЕ. Сель", 2,
                "\"web\":\"javascript:1\"," AREA("\"geocodes\":[" CODE("3505203") "]"));
    assert_int_equal(draft(d, ROOM), ST_INVALID);
    write_where(d, "DRAFT", "УЧЕНИЕ. Сель", 2,
                "\"web\":\"https://example.org\"," AREA("\"geocodes\":[" CODE("3505203") "]"));
    assert_int_equal(draft(d, ROOM), ST_OK);
}

static void what_is_approved_is_the_drafts_text_under_another_name(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 2);
    assert_int_equal(draft(d, ROOM), ST_OK);
    assert_int_equal(approve(d, ROOM, NOW_US + 60000000), ST_OK);
    assert_string_equal(d->m->author, "coes.dushanbe.nazarova");
    assert_memory_equal(d->m->preceding_id.data, draft_id, 16);
    assert_memory_equal(d->m->message_id.data, alert_id, 16);
    assert_int_equal(d->m->status, ROOM);
    assert_int_equal(d->m->label, EOCBUS__V1__LABEL__LABEL_PUBLIC);
    assert_int_equal(d->m->lane, EOCBUS__V1__LANE__LANE_IMMEDIATE);
    assert_int_equal(d->m->public_alert->status, EOCBUS__V1__CAP_STATUS__CAP_STATUS_EXERCISE);
    assert_string_equal(d->m->public_alert->infos[0]->headline, "УЧЕНИЕ. Сель");
    assert_string_equal(d->m->public_alert->identifier, "01a20301-33de-71ef-a41f-535112f67401");
}

static void an_exercise_never_becomes_real(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 2);
    assert_int_equal(draft(d, ROOM), ST_OK);
    assert_int_equal(approve(d, EOCBUS__V1__STATUS__STATUS_ACTUAL, NOW_US), ST_INVALID);
    assert_int_equal(d->m->status, EOCBUS__V1__STATUS__STATUS_SYSTEM);
}

static void what_is_over_is_not_approved(void **state)
{
    struct desk *d = *state;

    write_one(d, "DRAFT", "УЧЕНИЕ. Сель", 2);
    assert_int_equal(draft(d, ROOM), ST_OK);
    assert_int_equal(approve(d, ROOM, d->m->not_after_us), ST_INVALID);
    assert_int_equal(approve(d, ROOM, d->m->not_after_us - 1), ST_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)
    const struct CMUnitTest tests[] = {
        T(a_draft_is_nobodys_alarm_and_says_as_what_it_is_meant),
        T(who_sends_when_and_under_which_name_is_ours),
        T(one_person_alone_says_only_a_draft),
        T(an_exercise_says_so_in_its_headline),
        T(an_alert_has_an_end_that_is_not_far),
        T(an_alert_warns_only_where_its_writer_may),
        T(its_address_is_one_of_the_web),
        T(what_is_approved_is_the_drafts_text_under_another_name),
        T(an_exercise_never_becomes_real),
        T(what_is_over_is_not_approved),
    };

    return cmocka_run_group_tests_name("warn", tests, NULL, NULL);
}
