/* types - the table of all bodies. Adding a type is a line here, a field in envelope.proto, and,
 * for a ledger type, whatever SQL should answer about it; tests/unit/wire/types_test.c holds the
 * table against the descriptor.
 *
 * BULK: many, and nobody asks SQL for one of them by its fields (observations are decoded by the
 *   projector instead). No JSON copy.
 * LEDGER: everything else, so that it can be asked for in SQL. One exception, said in its line.
 * FLASH: goes to listeners before PostgreSQL has seen it. So only kinds about whose legality the
 *   ledger has no say: nothing that moves an incident, a request or a household. A siren command is
 *   a command, but no life cycle judges it: the siren itself checks approvers, expiry and its
 * clock, and a dead database must not keep the siren of an evacuation silent. Withdrawn is here
 * because it has to reach whoever heard the FLASH it takes back. EXPIRES: commands and alerts; late
 * they do harm. What EDXL-RM wants in its sixteen stands in
 * proto/edxl_rm.tsv. */
#include "proto/wire/types.h"

#include <string.h>

#include "proto/base/banned.h"
#include "proto/base/mem.h"

#define B TYPE_BULK
#define L TYPE_LEDGER
#define F TYPE_FLASH
#define E TYPE_EXPIRES

#define TYPE(number, name, family, flags)                                                          \
    {                                                                                              \
        number, #name, family, flags, &eocbus__v1__##name##__descriptor                            \
    }

/* Sorted by number. */
static const struct type_info table[] = {
    TYPE(100, observation_batch, "sensor", B),
    TYPE(101, sensor_detection, "sensor", L | F),
    TYPE(102, sensor_status, "sensor", B),
    TYPE(103, sensor_configuration, "sensor", L),
    TYPE(104, sensor_control, "sensor", L | E),
    TYPE(105, sensor_registry, "sensor", L),
    TYPE(106, siren_command, "sensor", L | F | E),
    TYPE(107, siren_report, "sensor", L),
    TYPE(108, compact_flash, "sensor", L | F),
    TYPE(120, flash_report, "report", L | F),
    TYPE(121, situation_report, "report", L),
    TYPE(122, damage_needs_assessment, "report", L),
    TYPE(123, casualty_summary, "report", L),
    TYPE(124, resource_totals, "report", L),
    TYPE(140, incident, "incident", L),
    TYPE(141, incident_transition, "incident", L),
    TYPE(160, request_resource, "resource", L),
    TYPE(161, response_to_request_resource, "resource", L),
    TYPE(162, requisition_resource, "resource", L),
    TYPE(163, commit_resource, "resource", L),
    TYPE(164, request_information, "resource", L),
    TYPE(165, response_to_request_information, "resource", L),
    TYPE(166, offer_unsolicited_resource, "resource", L),
    TYPE(167, release_resource, "resource", L),
    TYPE(168, request_return, "resource", L),
    TYPE(169, response_to_request_return, "resource", L),
    TYPE(170, request_quote, "resource", L),
    TYPE(171, response_to_request_quote, "resource", L),
    TYPE(172, request_resource_deployment_status, "resource", L),
    TYPE(173, report_resource_deployment_status, "resource", L),
    TYPE(174, request_extended_deployment_duration, "resource", L),
    TYPE(175, response_to_request_extended_deployment_duration, "resource", L),
    TYPE(180, public_alert, "alert", L | F | E),
    TYPE(181, receipt, "alert", L),
    TYPE(182, escalation_event, "alert", L),
    TYPE(200, general_message, "office", L | F),
    TYPE(201, activity_log_entry, "office", L),
    TYPE(202, facility_status, "office", L),
    TYPE(203, duty_roster, "office", L),
    TYPE(204, decision, "office", L),
    TYPE(220, household_event, "relocation", L),
    /* Sealed: JSON would only be a second copy that has to be erased too. */
    TYPE(221, household_identity, "relocation", 0),
    TYPE(222, assistance_entitlement, "relocation", L),
    TYPE(223, assistance_delivery, "relocation", L),
    TYPE(224, plot_site, "relocation", L),
    TYPE(225, plot_offer, "relocation", L),
    TYPE(226, offer_response, "relocation", L),
    TYPE(227, move_event, "relocation", L),
    TYPE(228, household_counts, "relocation", L),
    TYPE(240, sharing_agreement, "trust", L),
    TYPE(241, key_revocation, "trust", L),
    TYPE(242, deny_list, "trust", L),
    TYPE(243, audit_event, "trust", L),
    TYPE(244, log_head, "trust", L),
    TYPE(260, gazetteer_update, "gazetteer", L),
    TYPE(280, blob_chunk, "transfer", B),
    TYPE(281, thinned, "transfer", L),
    TYPE(282, withdrawn, "transfer", L | F),
};

const struct type_info *type_by_number(unsigned number)
{
    size_t low = 0, high = ARRAY_LEN(table);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (table[middle].number == number)
            return &table[middle];
        if (table[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct type_info *type_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

size_t type_count(void)
{
    return ARRAY_LEN(table);
}

const struct type_info *type_at(size_t i)
{
    return i < ARRAY_LEN(table) ? &table[i] : NULL;
}
