/* types - the tables behind `send`: which option sets which field, and what goes without saying.
 *
 * The rows name the fields most used in the first hours. Everything else has --field PATH=VALUE,
 * and messages with many lines come by --file. */
#include <string.h>

#include "agents/district/district.h"

#include "proto/base/banned.h"

static const struct form_row common_rows[] = {OFFICE_COMMON_ROWS};

static const struct form_row flash_rows[] = {
    {"--hazard", "flash_report.hazard", "what struck"},
    {"--village", "flash_report.village", "village, mahalla or kilometre of road"},
    {"--deaths", "flash_report.deaths", "persons; leave away what nobody counted"},
    {"--injured", "flash_report.injured", "persons"},
    {"--missing", "flash_report.missing", "persons"},
    {"--houses", "flash_report.houses", "houses hit, of any degree"},
    {"--road-cut", "flash_report.road_cut", "is the road cut?"},
    {"--evacuate", "flash_report.to_evacuate", "people to be taken away now"},
    {"--confidence", "flash_report.confidence", "how sure the reporter is (default: some)"},
    {"--reporter", "flash_report.reporter_role", "who speaks (default: district duty)"},
    {"--text", "flash_report.text", "in the reporter's words, 240 bytes"},
    {"--detection", "flash_report.detection_id", "detection it confirms or contradicts, UUID"},
};
static const char *const flash_defaults[] = {"flash_report.confidence", "some",
                                             "flash_report.reporter_role", "district duty", NULL};

static const struct form_row situation_rows[] = {
    {"--number", "situation_report.report_no", "1, 2, 3 ... per incident"},
    {"--edition", "situation_report.version", "first, later, last (default: initial)"},
    {"--period", "situation_report.period", "FROM/TO"},
    {"--by", "situation_report.prepared_by", "who wrote it: ROLE/OFFICE AND NAME/AGENCY"},
    {"--authorised-by", "situation_report.authorised_by", "who answers for it"},
    {"--authorised-at", "situation_report.authorised_us", "when"},
    {"--severity", "situation_report.severity", "how bad"},
    {"--urgency", "situation_report.urgency", "when to act"},
    {"--confidence", "situation_report.confidence", "how sure (default: some)"},
    {"--situation", "situation_report.situation", "what happened and stands now"},
    {"--actions", "situation_report.actions", "what is being done"},
    {"--plan", "situation_report.plan", "what is planned"},
    {"--need", "situation_report.needs", "CATEGORY/ITEM/HOW MUCH/HORIZON[/PEOPLE]; repeat"},
    {"--casualties", "situation_report.casualties.counts", "KIND/PERSONS[/SEX[/AGE]]; repeat"},
    {"--households", "situation_report.households_affected", "households"},
    {"--displaced", "situation_report.people_displaced", "persons not at home"},
    {"--road", "situation_report.roads_cut", "road that is cut; repeat"},
    {"--based-on", "situation_report.based_on", "reports it rests on, UUIDs"},
    {"--next", "situation_report.next_contact_us", "when the office speaks again"},
    {"--outlook", "situation_report.outlook", "what is expected"},
};
static const char *const situation_defaults[] = {"situation_report.version", "initial",
                                                 "situation_report.confidence", "some", NULL};

static const struct form_row damage_rows[] = {
    {"--edition", "damage_needs_assessment.version", "first, later, last (default: initial)"},
    {"--period", "damage_needs_assessment.period", "when they looked: FROM/TO"},
    {"--act", "damage_needs_assessment.act_no", "number of the act"},
    {"--signed", "damage_needs_assessment.signatories",
     "official who signed: ROLE/POST AND NAME/AGENCY; two at least"},
    {"--confidence", "damage_needs_assessment.confidence", "how sure (default: high)"},
    {"--village", "damage_needs_assessment.villages[0].village", "village"},
    {"--village-code", "damage_needs_assessment.villages[0].pcode",
     "its P-code (default: --place)"},
    {"--households", "damage_needs_assessment.villages[0].households_affected", "households"},
    {"--people", "damage_needs_assessment.villages[0].people_affected", "persons"},
    {"--displaced", "damage_needs_assessment.villages[0].households_displaced",
     "households not at home"},
    {"--loss", "damage_needs_assessment.villages[0].losses",
     "ASSET/DAMAGE/HOW MUCH[/SPECIES[/PERCENT]]: house/destroyed/14; repeat"},
    {"--need", "damage_needs_assessment.villages[0].unmet_needs",
     "CATEGORY/ITEM/HOW MUCH/HORIZON[/PEOPLE]; repeat"},
    {"--relocate", "damage_needs_assessment.villages[0].households_to_relocate",
     "households that must move away"},
    {"--text", "damage_needs_assessment.text", "what the numbers do not say"},
};
static const char *const damage_defaults[] = {"damage_needs_assessment.version", "initial",
                                              "damage_needs_assessment.confidence", "high", NULL};

static const struct form_row casualties_rows[] = {
    {"--count", "casualty_summary.counts", "KIND/PERSONS[/SEX[/AGE]]: injured/2; repeat"},
    {"--as-of", "casualty_summary.as_of_us", "until when it was counted"},
    {"--source", "casualty_summary.source", "district hospital, jamoat list, rescue team"},
    {"--confidence", "casualty_summary.confidence", "how sure (default: some)"},
};
static const char *const casualties_defaults[] = {"casualty_summary.confidence", "some", NULL};

static const struct form_row totals_rows[] = {
    {"--total", "resource_totals.totals", "KIND/UNIT/ON SCENE/EN ROUTE/NEEDED; repeat"},
    {"--as-of", "resource_totals.as_of_us", "when it was counted"},
};

/* The sixteen EDXL-RM messages have the same fields under the same names. */
#define RESOURCE_ROWS(body)                                                                        \
    {"--contact", body ".contacts", "who speaks: ROLE/OFFICE AND NAME/AGENCY[/RADIO]"},            \
        {"--text", body ".description", "for people"},                                             \
        {"--line", body ".lines[0].line_id", "number of the line (default: 1)"},                   \
        {"--what", body ".lines[0].resource.kind", "excavator, tent, ration"},                     \
        {"--type", body ".lines[0].resource.type", "within the kind: bucket 1 m3"},                \
        {"--stock-number", body ".lines[0].resource.resource_id", "of the owner"},                 \
        {"--owner", body ".lines[0].resource.owner", "whose it is"},                               \
        {"--description", body ".lines[0].resource.description", "in words"},                      \
        {"--substitutes", body ".lines[0].resource.substitutes", "acceptable instead"},            \
        {"--quantity", body ".lines[0].assignment.quantity", "how much: 2, 60 tent, 500 KGM"},     \
        {"--for", body ".lines[0].assignment.function", "what for"},                               \
        {"--transport", body ".lines[0].assignment.transport", "how it travels"},                  \
    {                                                                                              \
        "--schedule", body ".lines[0].schedules", "TYPE/TIME[/PLACE]; repeat"                      \
    }
#define FUNDING_ROW(body)                                                                          \
    {                                                                                              \
        "--funding", body ".funding", "who pays: CODE/TEXT"                                        \
    }
#define RESPONSE_ROWS(body)                                                                        \
    {"--answer", body ".lines[0].response.type", "yes, no, perhaps"},                              \
        {"--reason", body ".lines[0].response.reason", "of a no or perhaps"},                      \
    {                                                                                              \
        "--because", body ".lines[0].response.text", "the reason in words"                         \
    }

static const struct form_row request_rows[] = {RESOURCE_ROWS("request_resource"),
                                               FUNDING_ROW("request_resource")};
static const char *const request_defaults[] = {"request_resource.lines[0].line_id", "1", NULL};

static const struct form_row respond_rows[] = {RESOURCE_ROWS("response_to_request_resource"),
                                               RESPONSE_ROWS("response_to_request_resource"),
                                               FUNDING_ROW("response_to_request_resource")};
static const char *const respond_defaults[] = {"response_to_request_resource.lines[0].line_id", "1",
                                               NULL};

static const struct form_row requisition_rows[] = {RESOURCE_ROWS("requisition_resource"),
                                                   FUNDING_ROW("requisition_resource")};
static const char *const requisition_defaults[] = {"requisition_resource.lines[0].line_id", "1",
                                                   NULL};

static const struct form_row commit_rows[] = {RESOURCE_ROWS("commit_resource"),
                                              RESPONSE_ROWS("commit_resource"),
                                              FUNDING_ROW("commit_resource")};
static const char *const commit_defaults[] = {"commit_resource.lines[0].line_id", "1",
                                              "commit_resource.lines[0].response.type", "accept",
                                              NULL};

static const struct form_row status_rows[] = {
    RESOURCE_ROWS("report_resource_deployment_status"),
    {"--readiness", "report_resource_deployment_status.lines[0].resource.status.readiness",
     "available, committed, en route, ..."},
};
static const char *const status_defaults[] = {"report_resource_deployment_status.lines[0].line_id",
                                              "1", NULL};

static const struct form_row release_rows[] = {RESOURCE_ROWS("release_resource")};
static const char *const release_defaults[] = {"release_resource.lines[0].line_id", "1", NULL};

static const struct form_row message_rows[] = {
    {"--from-role", "general_message.from_role", "post of the writer (default: duty officer)"},
    {"--to-role", "general_message.to_role", "post of the reader"},
    {"--subject", "general_message.subject", "subject"},
    {"--text", "general_message.text", "text"},
    {"--reply-to", "general_message.reply_to", "message answered, UUID"},
    {"--reply-by", "general_message.reply_by_us", "an answer is asked for by then"},
};
static const char *const message_defaults[] = {"general_message.from_role", "duty officer", NULL};

static const struct form_row log_rows[] = {
    {"--position", "activity_log_entry.position", "whose log (default: duty officer)"},
    {"--text", "activity_log_entry.text", "notable activity"},
    {"--about", "activity_log_entry.about_ids", "messages it speaks of, UUIDs"},
    {"--corrects", "activity_log_entry.corrects_id", "entry it corrects, UUID"},
};
static const char *const log_defaults[] = {"activity_log_entry.position", "duty officer", NULL};

static const struct form_row facility_rows[] = {
    {"--facility", "facility_status.facility_id", "stable name: sug.ayni.school3"},
    {"--kind", "facility_status.kind", "what it is"},
    {"--name", "facility_status.name", "for people"},
    {"--state", "facility_status.state", "does it work? (default: normal)"},
    {"--capacity", "facility_status.capacities", "KIND/TOTAL/FREE: place/120/80; repeat"},
    {"--stock", "facility_status.stock", "ITEM/HOW MUCH[/PROMISED]; repeat"},
    {"--road", "facility_status.road_access", "how it can be reached"},
    {"--utilities", "facility_status.utilities", "power, water, in words"},
    {"--next", "facility_status.next_contact_us", "when the next board is due"},
};
static const char *const facility_defaults[] = {"facility_status.state", "normal", NULL};

#define ROWS(name) name##_rows, ARRAY_LEN(name##_rows)
#define KIND(name) EOCBUS__V1__KIND__KIND_##name
#define LANE(name) EOCBUS__V1__LANE__LANE_##name

static const struct send_type types[] = {
    {"flash", "the first word: ten numbers by telephone", KIND(REPORT), LANE(FLASH), "flash_report",
     ROWS(flash), flash_defaults},
    {"situation", "the periodic picture, every six hours", KIND(REPORT), LANE(PRIORITY),
     "situation_report", ROWS(situation), situation_defaults},
    {"damage", "what the commission found in one village", KIND(REPORT), LANE(PRIORITY),
     "damage_needs_assessment", ROWS(damage), damage_defaults},
    {"casualties", "numbers of people hurt, missing, evacuated", KIND(REPORT), LANE(IMMEDIATE),
     "casualty_summary", ROWS(casualties), casualties_defaults},
    {"totals", "what is on scene, under way and wanting", KIND(REPORT), LANE(PRIORITY),
     "resource_totals", ROWS(totals), NULL},
    {"request", "please, who has this? (EDXL-RM)", KIND(REQUEST), LANE(IMMEDIATE),
     "request_resource", ROWS(request), request_defaults},
    {"respond", "we have it, or not", KIND(RESPONSE), LANE(IMMEDIATE),
     "response_to_request_resource", ROWS(respond), respond_defaults},
    {"requisition", "send it: funding is there", KIND(REQUEST), LANE(IMMEDIATE),
     "requisition_resource", ROWS(requisition), requisition_defaults},
    {"commit", "it is yours", KIND(RESPONSE), LANE(IMMEDIATE), "commit_resource", ROWS(commit),
     commit_defaults},
    {"status-report", "it left, it is here, it came back", KIND(UPDATE), LANE(PRIORITY),
     "report_resource_deployment_status", ROWS(status), status_defaults},
    {"release", "we need it no longer", KIND(UPDATE), LANE(PRIORITY), "release_resource",
     ROWS(release), release_defaults},
    {"message", "a note from post to post (ICS 213)", KIND(REPORT), LANE(ROUTINE),
     "general_message", ROWS(message), message_defaults},
    {"log", "one line of the activity log (ICS 214)", KIND(REPORT), LANE(ROUTINE),
     "activity_log_entry", ROWS(log), log_defaults},
    {"facility", "the board of a shelter, hospital, warehouse", KIND(UPDATE), LANE(PRIORITY),
     "facility_status", ROWS(facility), facility_defaults},
};

const struct send_type *send_type_find(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].word, word) == 0)
            return &types[i];
    return NULL;
}

size_t send_type_count(void)
{
    return ARRAY_LEN(types);
}

const struct send_type *send_type_at(size_t i)
{
    return &types[i];
}

/* A village of the assessment lies in the place of the message unless it says otherwise. */
static enum status place_village(Eocbus__V1__Envelope *m, struct arena *arena, char *err,
                                 size_t err_size)
{
    static const char path[] = "damage_needs_assessment.villages[0].pcode";

    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_DAMAGE_NEEDS_ASSESSMENT ||
        form_is_set(&m->base, path) || !m->area || !m->area->n_pcodes)
        return ST_OK;
    return form_set(&m->base, path, m->area->pcodes[0], arena, err, err_size);
}

enum status send_type_complete(const struct send_type *t, Eocbus__V1__Envelope *m,
                               struct arena *arena, char *err, size_t err_size)
{
    enum status st = ST_OK;

    for (const char *const *d = t->defaults; d && *d && st == ST_OK; d += 2)
        if (!form_is_set(&m->base, d[0]))
            st = form_set(&m->base, d[0], d[1], arena, err, err_size);
    return st == ST_OK ? place_village(m, arena, err, err_size) : st;
}

static void help_common(struct buf *out, enum lang lang)
{
    buf_printf(out, "\n%s\n", lang_say(lang, SAY_OF_EVERY_MESSAGE));
    form_help(out, lang, common_rows, ARRAY_LEN(common_rows));
}

static const char *summary_of(const struct send_type *t, enum lang lang)
{
    const char *text = lang_text(lang, "send", t->word);

    return text ? text : t->summary;
}

void district_send_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    const struct send_type *type = word ? send_type_find(word) : NULL;

    if (type) {
        buf_printf(out, "send %s: %s\n", type->word, summary_of(type, lang));
        form_help(out, lang, type->rows, type->row_count);
        help_common(out, lang);
        return;
    }
    buf_printf(out, "%s\n", office_help_text(lang, name));
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        buf_printf(out, "  %-18s %s\n", types[i].word, summary_of(&types[i], lang));
}
