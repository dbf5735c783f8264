/* eocbus-district - a district office on the bus, also while there is no link. */
#include "agents/district/district.h"

#include "proto/base/banned.h"

static const char head[] =
    "eocbus-district [-c FILE] COMMAND ...\n\n"
    "What a district office says: reports, requests, answers, notes. Everything is kept in the\n"
    "office's outbox first and leaves when there is a link, most urgent first.\n";

static const struct office_command commands[] = {
    {"run", "stay up: send what waits, hear what concerns the district", office_run, office_help},
    {"send", "say something: flash, situation, damage, casualties, request, ...", district_send,
     district_send_help},
    {"send-file", "a photograph or a scan, in pieces", office_send_file, office_send_file_help},
    {"import", "a HXL-tagged table of damage, one report a village", district_import,
     district_import_help},
    {"inbox", "what came for this office; `accept` and `reject` answer it", office_inbox,
     office_help},
    {"accept", "we take it: accept ID", office_accept, office_answer_help},
    {"reject", "we do not: reject ID --because road_closed", office_reject, office_answer_help},
    {"receipts", "what became of what we sent", office_receipts, office_help},
    {"heads", "signed heads of the record that were heard, for an auditor", office_heads,
     office_help},
    {"outbox", "what waits and what was refused; `outbox seen NUMBER`", office_outbox, office_help},
};

static const struct conf_row rows[] = {OFFICE_CONF_ROWS};
static const char *const families[] = {"report", "incident", "resource", "alert", "office", NULL};

int main(int argc, char **argv)
{
    struct office o = {
        .program = {.name = "eocbus-district",
                    .rows = rows,
                    .row_count = ARRAY_LEN(rows),
                    .default_config = "/etc/eocbus/district.conf"},
        .commands = commands,
        .command_count = ARRAY_LEN(commands),
        .families = families,
    };

    return office_main(&o, head, argc, argv);
}
