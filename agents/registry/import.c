/* import - tables of households, plot sites and places. */
#include <stdio.h>
#include <string.h>

#include "agents/link/import.h"
#include "agents/registry/registry.h"

#include "proto/base/banned.h"

#define AFFECTED "household_event.affected"

static const struct form_row household_columns[] = {
    {"#household+id", "household_event.household_id", NULL},
    {"#affected+ind", AFFECTED ".members", NULL},
    {"#affected+children", AFFECTED ".children", NULL},
    {"#affected+displaced", AFFECTED ".displaced", NULL},
    {"#shelter+type", AFFECTED ".lodging", NULL},
    {"#report+id", AFFECTED ".report_id", NULL},
    {"#date+occurred", "event_time_us", NULL},
    {"#event+id", "incident_ids", NULL},
};
static const char *const household_needed[] = {"#household+id", "#affected+ind", NULL};

static const struct form_row site_columns[] = {
    {"#site+id", "plot_site.site_id", NULL},
    {"#site+name", "plot_site.name", NULL},
    {"#capacity+plots+total", "plot_site.capacity_total", NULL},
    {"#capacity+plots+reserved", "plot_site.reserved", NULL},
    {"#capacity+plots+allocated", "plot_site.allocated", NULL},
    {"#capacity+plots+occupied", "plot_site.occupied", NULL},
    {"#capacity+plots+blocked", "plot_site.blocked", NULL},
    {"#capacity+reason", "plot_site.blocked_reason", NULL},
    {"#service+water", "plot_site.services.water", NULL},
    {"#service+irrigation", "plot_site.services.irrigation", NULL},
    {"#service+road", "plot_site.services.road", NULL},
    {"#service+school", "plot_site.services.school", NULL},
    {"#service+clinic", "plot_site.services.clinic", NULL},
    {"#service+electricity", "plot_site.services.electricity", NULL},
    {"#status+hazard_checked", "plot_site.hazard_checked", NULL},
    {"#date+hazard_checked", "plot_site.hazard_checked_us", NULL},
};
static const char *const site_needed[] = {"#site+id", "#capacity+plots+total", NULL};

#define PLACE "gazetteer_update.places[0]"

static const struct form_row place_columns[] = {
    {"#adm+code", PLACE ".pcode", NULL},
    {"#adm+name", PLACE ".name_en", NULL},
    {"#adm+name+tg", PLACE ".name_tg", NULL},
    {"#adm+name+ru", PLACE ".name_ru", NULL},
};
static const char *const place_needed[] = {"#adm+code", "#adm+name", "#geo+admin_level", NULL};

/* The code of the place, district or below. */
static enum status set_place(Eocbus__V1__Envelope *m, const struct hxl *t, size_t r,
                             struct arena *arena, char *err, size_t err_size)
{
    static const char *const patterns[] = {"#adm3+code", "#adm2+code"};

    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        const char *cell = import_cell(t, r, patterns[i]);

        if (*cell)
            return form_set(&m->base, "area.pcodes[0]", cell, arena, err, err_size);
    }
    return ST_OK;
}

static enum status make_household(void *arg, struct office *o, const struct hxl *t, size_t r,
                                  Eocbus__V1__Envelope **m, const char **key, char *err,
                                  size_t err_size)
{
    const char *id = import_cell(t, r, "#household+id");
    enum status st;

    (void)arg;
    *m = office_message(o, EOCBUS__V1__KIND__KIND_REPORT, EOCBUS__V1__LANE__LANE_PRIORITY);
    if (!*m)
        return ST_NOMEM;
    (*m)->label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    st = import_cells(*m, household_columns, ARRAY_LEN(household_columns), t, r, o->arena, err,
                      err_size);
    if (st == ST_OK)
        st = import_losses(*m, AFFECTED ".losses", t, r, o->arena, err, err_size);
    if (st == ST_OK)
        st = set_place(*m, t, r, o->arena, err, err_size);
    if (st == ST_OK)
        st = form_set(&(*m)->base, "household_event.actor", o->set.agent.name, o->arena, err,
                      err_size);
    if (st == ST_OK)
        (*m)->household_event->to_state = EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_AFFECTED;
    *key = id;
    return st;
}

static enum status make_site(void *arg, struct office *o, const struct hxl *t, size_t r,
                             Eocbus__V1__Envelope **m, const char **key, char *err, size_t err_size)
{
    enum status st;

    (void)arg;
    *m = office_message(o, EOCBUS__V1__KIND__KIND_UPDATE, EOCBUS__V1__LANE__LANE_ROUTINE);
    if (!*m)
        return ST_NOMEM;
    st = import_cells(*m, site_columns, ARRAY_LEN(site_columns), t, r, o->arena, err, err_size);
    if (st == ST_OK)
        st = set_place(*m, t, r, o->arena, err, err_size);
    if (st == ST_OK && (*m)->area && (*m)->area->n_pcodes)
        st = form_set(&(*m)->base, "plot_site.pcode", (*m)->area->pcodes[0], o->arena, err,
                      err_size);
    *key = import_cell(t, r, "#site+id");
    return st;
}

/* OCHA counts the country as 0. */
static enum status set_level(Eocbus__V1__Place *place, const char *cell, char *err, size_t err_size)
{
    if (cell[0] < '0' || cell[0] > '4' || cell[1]) {
        snprintf(err, err_size, "#geo+admin_level: \"%.20s\" is none of 0 to 4", cell);
        return ST_INVALID;
    }
    place->level = (Eocbus__V1__AdminLevel)(cell[0] - '0' + 1);
    return ST_OK;
}

static enum status complete_place(Eocbus__V1__Envelope *m, const struct hxl *t, size_t r,
                                  struct office *o, char *err, size_t err_size)
{
    const char *parent = import_cell(t, r, "#adm+code+parent");
    const char *start = import_cell(t, r, "#date+start");
    Eocbus__V1__Place *place = m->gazetteer_update->places[0];
    enum status st = set_level(place, import_cell(t, r, "#geo+admin_level"), err, err_size);

    /* A country has no P-code of ours: "TJK". */
    if (st == ST_OK && gate_pcode_is_valid(parent))
        st = form_set(&place->base, "parent", parent, o->arena, err, err_size);
    if (st == ST_OK && *start)
        st = form_set(&place->base, "valid_from_us",
                      strchr(start, 'T') ? start : arena_printf(o->arena, "%sT00:00Z", start),
                      o->arena, err, err_size);
    return st == ST_OK ? form_set(&m->base, "area.pcodes[0]", place->pcode, o->arena, err, err_size)
                       : st;
}

static enum status make_place(void *arg, struct office *o, const struct hxl *t, size_t r,
                              Eocbus__V1__Envelope **m, const char **key, char *err,
                              size_t err_size)
{
    const char *source = arg;
    enum status st;

    *m = office_message(o, EOCBUS__V1__KIND__KIND_UPDATE, EOCBUS__V1__LANE__LANE_ROUTINE);
    if (!*m)
        return ST_NOMEM;
    (*m)->label = EOCBUS__V1__LABEL__LABEL_PUBLIC;
    *key = import_cell(t, r, "#adm+code");
    if (!**key)
        return ST_NOTFOUND;
    st = form_set(&(*m)->base, "gazetteer_update.source", source, o->arena, err, err_size);
    if (st == ST_OK)
        st = import_cells(*m, place_columns, ARRAY_LEN(place_columns), t, r, o->arena, err,
                          err_size);
    return st == ST_OK ? complete_place(*m, t, r, o, err, err_size) : st;
}

static void set_version(void *arg, Eocbus__V1__Envelope *m, uint32_t version)
{
    (void)arg;
    m->gazetteer_update->version = version;
}

/* The story and the names, each in its own way; a table that is standard input is read once. */
static int import_sealed(struct office *o, const struct import *im)
{
    const char *path = o->argv[2];
    int code;

    if (strcmp(path, "-") == 0)
        return office_fail(o, EXIT_USAGE, "a table whose names are sealed has to be a file");
    code = import_table(o, im, path);
    return code == EXIT_DONE || code == EXIT_UNREACHABLE ? registry_import_sealed(o, path) : code;
}

int registry_import(struct office *o)
{
    static const struct import kinds[] = {
        {"households", false, household_needed, NULL, make_household, NULL},
        {"sites", false, site_needed, NULL, make_site, NULL},
        {"gazetteer", false, place_needed, NULL, make_place, set_version},
    };
    static char source[] = "OCHA COD-AB P-codes";
    struct option_row own[OFFICE_OWN_OPTIONS + 1];
    const char *from = source;
    char err[400];

    office_own(o, own);
    own[OFFICE_OWN_OPTIONS] = (struct option_row){"--source", OPTION_TEXT, &from};
    if (options_take(own, ARRAY_LEN(own), &o->argc, o->argv, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_USAGE, "%s", err);
    o->once_key = NULL; /* an import is repeatable by what it remembers */
    for (size_t i = 0; o->argc == 3 && i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, o->argv[1]) == 0) {
            struct import im = kinds[i];

            im.arg = (void *)(uintptr_t)from;
            im.seals = i == 0 && o->set.seal_key && *o->set.seal_key;
            return im.seals ? import_sealed(o, &im) : import_table(o, &im, o->argv[2]);
        }
    return office_fail(o, EXIT_USAGE, "import households|sites|gazetteer FILE");
}

static void list_columns(struct buf *out, const char *what, const struct form_row *rows, size_t n)
{
    buf_printf(out, "\nimport %s: columns by their HXL tags\n ", what);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, " %s", rows[i].name);
    buf_puts(out, "\n");
}

void registry_import_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    (void)lang;
    (void)name;
    (void)word;
    buf_puts(out, "  import households|sites|gazetteer FILE [--source TEXT]\n\n"
                  "Says only what changed since the last import of the same kind. Nothing is said "
                  "if any\nrow is wrong. Columns with names, telephones or documents of people are "
                  "sealed\n(setting seal.key), or not read without one.\nHousehold ids are random "
                  "(eocbus-registry id) and derived from "
                  "nothing. Besides the\ncolumns below: #adm3+code or #adm2+code, and losses as "
                  "#impact+house+destroyed.\n");
    list_columns(out, "households", household_columns, ARRAY_LEN(household_columns));
    list_columns(out, "sites", site_columns, ARRAY_LEN(site_columns));
    list_columns(out, "gazetteer", place_columns, ARRAY_LEN(place_columns));
    buf_puts(out, "  #geo+admin_level #adm+code+parent #date+start\n");
}
