/* steps - the commands of a household's way, as tables: which option sets which field, and what
 * goes without saying. Who acted is an official, by principal: this office unless --actor says
 * otherwise.
 */
#include <string.h>

#include "agents/registry/registry.h"

#include "proto/base/banned.h"

#define EVENT_ROWS                                                                                 \
    {"--household", "household_event.household_id", "id of the household, UUID"},                  \
        {"--actor", "household_event.actor", "official responsible (default: this office)"},       \
    {                                                                                              \
        "--authority", "household_event.authority", "what gives the right: act, order, law"        \
    }
#define SERVICE_ROWS(path)                                                                         \
    {"--water", path ".water", "drinking water"}, {"--irrigation", path ".irrigation", "water"},   \
        {"--road", path ".road", "road that a lorry can use"},                                     \
        {"--school", path ".school", "within walking distance"},                                   \
        {"--clinic", path ".clinic", "within reach"},                                              \
    {                                                                                              \
        "--electricity", path ".electricity", "mains"                                              \
    }

static const struct form_row assess_rows[] = {
    EVENT_ROWS,
    {"--house", "household_event.assessed.house", "how badly the house was hit"},
    {"--plot-lost", "household_event.assessed.plot_lost_pct", "household plot lost, percent"},
    {"--verdict", "household_event.assessed.verdict", "may the family stay?"},
    {"--vulnerable", "household_event.assessed.vulnerabilities", "all that apply, with commas"},
    {"--eligible", "household_event.assessed.eligible", "for a plot"},
    {"--signed", "household_event.assessed.signatories", "official who signed, by post; two"},
    {"--act", "household_event.assessed.act_no", "number of the act"},
    {"--loss", "household_event.assessed.losses", "ASSET/DAMAGE/HOW MUCH[/SPECIES]; repeat"},
};
static const struct form_row prefer_rows[] = {
    EVENT_ROWS,
    {"--district", "household_event.preferences.preferred_districts", "P-codes, best first"},
    {"--movers", "household_event.preferences.movers", "persons who would move"},
    {"--livestock", "household_event.preferences.livestock", "SPECIES/HEAD; repeat"},
    {"--livelihood", "household_event.preferences.livelihood", "how the household lives"},
    {"--text", "household_event.preferences.text", "words without names"},
};
static const struct form_row consent_rows[] = {
    EVENT_ROWS,
    {"--answer", "household_event.consent.state", "the answer, or why nobody asked"},
    {"--asked-at", "household_event.consent.asked_us", "when it was asked"},
    {"--asked-by", "household_event.consent.asked_by", "official who asked"},
    {"--purpose", "household_event.consent.purposes", "what for; with commas"},
    {"--partner", "household_event.consent.partners", "agency it may go to; repeat"},
};
static const struct form_row follow_up_rows[] = {
    EVENT_ROWS,
    {"--days-after", "household_event.follow_up.days_after", "30, 90 or 180"},
    {"--still-there", "household_event.follow_up.still_there", "still there?"},
    {"--house-built", "household_event.follow_up.house_built_pct", "percent"},
    {"--harvest", "household_event.follow_up.harvest", "had a harvest?"},
    {"--school", "household_event.follow_up.school", "children in school?"},
    {"--water", "household_event.follow_up.water", "water on the plot?"},
    {"--text", "household_event.follow_up.text", "words without names"},
};
static const struct form_row close_rows[] = {
    EVENT_ROWS,
    {"--reason", "household_event.closed.reason", "why"},
    {"--erase-at", "household_event.closed.erase_due_us", "when the identity is destroyed"},
    {"--text", "household_event.closed.text", "words without names"},
};
static const struct form_row ration_rows[] = {
    {"--household", "assistance_entitlement.household_id", "id of the household, UUID"},
    {"--entitlement", "assistance_entitlement.entitlement_id", "its own id, UUID (see id)"},
    {"--item", "assistance_entitlement.item", "what (default: ration)"},
    {"--persons", "assistance_entitlement.quantity", "persons fed, or how much of the item"},
    {"--days", "assistance_entitlement.ration_days", "days (default: 14, two weeks)"},
    {"--from", "assistance_entitlement.from_us", "first day"},
    {"--claim-by", "assistance_entitlement.to_us", "last moment it can be claimed"},
    {"--provider", "assistance_entitlement.provider", "agency that hands it out"},
    {"--authority", "assistance_entitlement.authority", "order it rests on"},
    {"--programme", "assistance_entitlement.programme", "programme or donor"},
};
static const struct form_row deliver_rows[] = {
    {"--household", "assistance_delivery.household_id", "id of the household, UUID"},
    {"--entitlement", "assistance_delivery.entitlement_id", "that it fills, UUID"},
    {"--item", "assistance_delivery.item", "what (default: ration)"},
    {"--quantity", "assistance_delivery.quantity", "how much: 70 KGM, 1 tent"},
    {"--days", "assistance_delivery.ration_days", "days it feeds the household"},
    {"--from", "assistance_delivery.from_us", "from when they count"},
    {"--runs-out", "assistance_delivery.to_us", "when it is eaten"},
    {"--actor", "assistance_delivery.distributor", "who handed it over (default: this office)"},
    {"--point", "assistance_delivery.point", "where"},
};
static const struct form_row offer_rows[] = {
    {"--household", "plot_offer.household_id", "id of the household, UUID"},
    {"--offer", "plot_offer.offer_id", "its own id, UUID (see id)"},
    {"--action", "plot_offer.action", "what is done to the offer (default: make)"},
    {"--site", "plot_offer.site_id", "site of the plot"},
    {"--plot", "plot_offer.plot_id", "empty = any of the site"},
    {"--area", "plot_offer.area_m2", "square metres (default: 800)"},
    SERVICE_ROWS("plot_offer.services"),
    {"--cash", "plot_offer.package.cash", "on arrival: 1500 TJS"},
    {"--transport", "plot_offer.package.transport", "lorries, trips: 1 lorry"},
    {"--rations", "plot_offer.package.ration_days", "days, for the whole household"},
    {"--seed", "plot_offer.package.seed", "100 KGM"},
    {"--fertiliser", "plot_offer.package.fertiliser", "50 KGM"},
    {"--material", "plot_offer.package.materials", "ITEM/HOW MUCH: roof sheet/40; repeat"},
    {"--livestock", "plot_offer.package.livestock", "SPECIES/HEAD; repeat"},
    {"--livelihood", "plot_offer.package.livelihood", "work, training, credit, in words"},
    {"--valid-until", "plot_offer.valid_until_us", "ends by itself then"},
    {"--actor", "plot_offer.actor", "official who offers (default: this office)"},
    {"--authority", "plot_offer.authority", "order or quota it rests on"},
    {"--reason", "plot_offer.reason", "of a revocation"},
};
static const struct form_row respond_rows[] = {
    {"--household", "offer_response.household_id", "id of the household, UUID"},
    {"--offer", "offer_response.offer_id", "offer answered, UUID"},
    {"--answer", "offer_response.answer", "yes or no"},
    {"--reason", "offer_response.reasons", "why not; all that apply, with commas"},
    {"--gap-cash", "offer_response.support_gap.cash", "what would have made it a yes"},
    {"--gap-transport", "offer_response.support_gap.transport", "lorries, trips"},
    {"--gap-rations", "offer_response.support_gap.ration_days", "days"},
    {"--gap-seed", "offer_response.support_gap.seed", "seed"},
    {"--gap-material", "offer_response.support_gap.materials", "ITEM/HOW MUCH; repeat"},
    {"--gap-livelihood", "offer_response.support_gap.livelihood", "work, training, credit"},
    {"--text", "offer_response.text", "in the household's words, without names"},
    {"--move-on", "offer_response.move_on_us", "chosen day of the move"},
    {"--now", "offer_response.move_now", "persons who move now"},
    {"--later", "offer_response.move_later", "persons who come later"},
    {"--actor", "offer_response.taken_by", "who took it down (default: this office)"},
};
static const struct form_row move_rows[] = {
    {"--household", "move_event.household_id", "id of the household, UUID"},
    {"--offer", "move_event.offer_id", "offer that the move follows, UUID"},
    {"--leg", "move_event.kind", "off, there, or back"},
    {"--persons", "move_event.persons", "on this trip"},
    {"--transport-request", "move_event.transport_request_id", "RequestResource, UUID"},
    {"--from", "move_event.from_pcode", "district left"},
    {"--into", "move_event.to_pcode", "district reached"},
    {"--keys-given", "move_event.keys_given", "yes or no"},
    {"--certificate", "move_event.certificate_no", "number of the plot certificate"},
    {"--lodging", "move_event.lodging", "until the house stands"},
    {"--reason", "move_event.reasons", "of a return; with commas"},
    {"--actor", "move_event.actor", "who says so (default: this office)"},
    {"--text", "move_event.text", "words without names"},
};

static const char *const ration_defaults[] = {"assistance_entitlement.item", "ration",
                                              "assistance_entitlement.ration_days", "14", NULL};
static const char *const deliver_defaults[] = {"assistance_delivery.item", "ration", NULL};
static const char *const offer_defaults[] = {"plot_offer.action", "make", "plot_offer.area_m2",
                                             "800", NULL};

#define ROWS(name)  name##_rows, ARRAY_LEN(name##_rows)
#define KIND(name)  EOCBUS__V1__KIND__KIND_##name
#define STATE(name) EOCBUS__V1__HOUSEHOLD_STATE__HOUSEHOLD_STATE_##name
#define EVENT       "household_event.household_id", "household_event.actor"

static const struct step steps[] = {
    {"assess", "the commission's act; two sign", KIND(REPORT), EVENT, ROWS(assess), NULL,
     STATE(ASSESSED)},
    {"prefer", "what would suit the household", KIND(REPORT), EVENT, ROWS(prefer), NULL,
     STATE(ELIGIBLE)},
    {"consent", "may data be kept and shared?", KIND(REPORT), EVENT, ROWS(consent), NULL, 0},
    {"ration", "what a household is to get: ration days", KIND(DISPATCH),
     "assistance_entitlement.household_id", NULL, ROWS(ration), ration_defaults, 0},
    {"deliver", "what was handed out", KIND(REPORT), "assistance_delivery.household_id",
     "assistance_delivery.distributor", ROWS(deliver), deliver_defaults, 0},
    {"offer", "one plot, held until a day", KIND(DISPATCH), "plot_offer.household_id",
     "plot_offer.actor", ROWS(offer), offer_defaults, 0},
    {"respond", "what the household says to an offer", KIND(RESPONSE),
     "offer_response.household_id", "offer_response.taken_by", ROWS(respond), NULL, 0},
    {"move", "departed, arrived, returned", KIND(REPORT), "move_event.household_id",
     "move_event.actor", ROWS(move), NULL, 0},
    {"follow-up", "how they live after 30, 90, 180 days", KIND(REPORT), EVENT, ROWS(follow_up),
     NULL, STATE(SETTLED)},
    {"close", "the case ends", KIND(REPORT), EVENT, ROWS(close), NULL, STATE(CLOSED)},
};

const struct step *step_find(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (strcmp(steps[i].word, word) == 0)
            return &steps[i];
    return NULL;
}

static const struct form_row common_rows[] = {OFFICE_COMMON_ROWS};

void registry_step_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    const struct step *step = step_find(name);

    (void)word;
    if (step) {
        const char *summary = lang_text(lang, "command", name);

        buf_printf(out, "%s: %s\n", step->word, summary ? summary : step->summary);
        form_help(out, lang, step->rows, step->row_count);
    }
    buf_printf(out, "\n%s\n", lang_say(lang, SAY_OF_EVERY_MESSAGE));
    form_help(out, lang, common_rows, ARRAY_LEN(common_rows));
}

/* --- saying a step ---------------------------------------------------------------------------- */

static enum status set_defaults(struct office *o, const struct step *s, Eocbus__V1__Envelope *m,
                                char *err, size_t err_size)
{
    enum status st = ST_OK;

    for (const char *const *d = s->defaults; d && *d && st == ST_OK; d += 2)
        if (!form_is_set(&m->base, d[0]))
            st = form_set(&m->base, d[0], d[1], o->arena, err, err_size);
    if (st == ST_OK && s->actor && !form_is_set(&m->base, s->actor))
        st = form_set(&m->base, s->actor, o->set.agent.name, o->arena, err, err_size);
    return st;
}

/* Before and after, as far as this office knows. */
static enum status set_states(struct office *o, const struct step *s, Eocbus__V1__Envelope *m,
                              char *err, size_t err_size)
{
    Eocbus__V1__HouseholdEvent *e = m->household_event;
    enum status st = ST_OK;

    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT)
        return ST_OK;
    if (e->from_state == 0)
        st = registry_state(o, &e->household_id, &e->from_state, err, err_size);
    if (e->to_state == 0)
        e->to_state = s->to ? s->to : e->from_state;
    return st;
}

/* Rules that the gate does not know, in the words of the office. */
static int check_rules(struct office *o, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__HouseholdEvent *e = m->household_event;

    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT &&
        e->event_case == EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_ASSESSED &&
        e->assessed->n_signatories < 2)
        return office_fail(o, EXIT_REFUSED, "%s", lang_say(o->lang, SAY_TWO_MUST_SIGN));
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_OFFER_RESPONSE &&
        m->offer_response->answer == EOCBUS__V1__OFFER_ANSWER__OFFER_ANSWER_DECLINE &&
        m->offer_response->n_reasons == 0)
        return office_fail(o, EXIT_REFUSED, "%s", lang_say(o->lang, SAY_REASON_WANTED));
    return -1;
}

static int say_step(struct office *o, const struct step *s)
{
    Eocbus__V1__Envelope *m = office_message(o, s->kind, EOCBUS__V1__LANE__LANE_PRIORITY);
    struct form_row rows[64];
    char err[1200];
    int code;

    if (!m)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    m->label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    memcpy(rows, s->rows, s->row_count * sizeof(*rows));
    memcpy(rows + s->row_count, common_rows, sizeof(common_rows));
    code = office_fill(o, m, rows, s->row_count + ARRAY_LEN(common_rows));
    if (code >= 0)
        return code;
    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "what does \"%s\" mean? %s --help lists the options",
                           o->argv[1], s->word);
    if (!form_is_set(&m->base, s->household))
        return office_fail(o, EXIT_USAGE, "%s needs --household UUID; %s --help lists the options",
                           s->word, s->word);
    if (set_defaults(o, s, m, err, sizeof(err)) != ST_OK ||
        set_states(o, s, m, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    code = check_rules(o, m);
    return code < 0 ? office_say(o, &m, 1) : code;
}

int registry_step(struct office *o)
{
    return say_step(o, step_find(o->argv[0]));
}
