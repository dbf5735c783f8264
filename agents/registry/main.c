/* eocbus-registry - the relocation registry on the bus. */
#include "agents/registry/registry.h"

#include "proto/base/banned.h"

static const char head[] =
    "eocbus-registry [-c FILE] COMMAND ...\n\n"
    "Households on their way from the mud to a plot of land, or back home. "
    "A household is a random\n"
    "id; names, documents and telephones leave only in a box that registries open.\n";

static const struct office_command commands[] = {
    {"run", "stay up: send what waits, hear what concerns the registry", office_run, office_help},
    {"import", "households, plot sites or places from a HXL-tagged table", registry_import,
     registry_import_help},
    {"households", "what this office knows of each", registry_households, NULL},
    {"identity", "names of a household, sealed: put, open, share, erase, list", registry_identity,
     registry_identity_help},
    {"assess", "the commission's act; two sign", registry_step, registry_step_help},
    {"prefer", "what would suit the household", registry_step, registry_step_help},
    {"consent", "may data be kept and shared?", registry_step, registry_step_help},
    {"ration", "what a household is to get: ration days", registry_step, registry_step_help},
    {"deliver", "what was handed out", registry_step, registry_step_help},
    {"offer", "one plot, held until a day", registry_step, registry_step_help},
    {"respond", "what the household says to an offer", registry_step, registry_step_help},
    {"move", "departed, arrived, returned", registry_step, registry_step_help},
    {"follow-up", "how they live after 30, 90, 180 days", registry_step, registry_step_help},
    {"close", "the case ends", registry_step, registry_step_help},
    {"inbox", "what came for this registry; `accept` and `reject` answer it", office_inbox,
     office_help},
    {"accept", "we take it: accept ID", office_accept, office_answer_help},
    {"reject", "we do not: reject ID --because road_closed", office_reject, office_answer_help},
    {"receipts", "what became of what we sent", office_receipts, office_help},
    {"send", "messages as proto3 JSON: send --file FILE|-", registry_send, NULL},
    {"id", "N new random ids, for households and offers", registry_id, NULL},
    {"heads", "signed heads of the record that were heard, for an auditor", office_heads,
     office_help},
    {"outbox", "what waits and what was refused; `outbox seen NUMBER`", office_outbox, office_help},
};

static const struct conf_row rows[] = {
    OFFICE_CONF_ROWS,
    {"seal.key", CONF_PATH, offsetof(struct office_settings, seal_key), "", 0,
     "own seal key, made by eocctl keygen --seal; opens identities; mode 0600", 0, 0},
    {"registry.readers", CONF_PATH, offsetof(struct office_settings, readers), "", 0,
     "file of registries and escrows that may open what is sealed here", 0, 0},
    {"registry.blind_key", CONF_PATH, offsetof(struct office_settings, blind_key), "", 0,
     "key of the marks by which families are found that two offices wrote down; the same file at "
     "all "
     "registries, made by eocctl keygen --seal; mode 0600",
     0, 0},
};
static const char *const kept[] = {"relocation.household_identity", "relocation.household_event",
                                   NULL};
static const char *const families[] = {"relocation", "gazetteer", "alert", NULL};

int main(int argc, char **argv)
{
    struct office o = {
        .program = {.name = "eocbus-registry",
                    .rows = rows,
                    .row_count = ARRAY_LEN(rows),
                    .default_config = "/etc/eocbus/registry.conf"},
        .commands = commands,
        .command_count = ARRAY_LEN(commands),
        .families = families,
        .kept_types = kept,
        .keep = registry_keep,
    };

    return office_main(&o, head, argc, argv);
}
