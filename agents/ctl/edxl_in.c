/* edxl_in - the fields that a document fills. What does not fit a field stays out of it, or is cut
 * with "..."; edxl_kept.c finds that, whatever it is, and keeps it. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/edxl_parts.h"
#include "proto/base/ids.h"
#include "proto/wire/edxl.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

enum { LINES_MAX = 100 };

/* --- a line ----------------------------------------------------------------------------------- */

static Eocbus__V1__ResponseInfo *read_response(struct xml *x, const struct xml_node *from,
                                               uint32_t line)
{
    static const char *const words[] = {"", "Accept", "Decline", "Provisional"};
    const struct xml_node *reason = xml_child(from, "ReasonCode");
    Eocbus__V1__ResponseInfo *r;
    uint32_t preceding;
    int known;

    if (!from)
        return NULL;
    r = NEW(x, response_info);
    preceding = form_line_number(xml_text(from, "PrecedingResourceInfoElementID"));
    r->preceding_line_id = preceding == line ? 0 : preceding;
    r->type = (Eocbus__V1__ResponseType)edxl_word_number(xml_text(from, "ResponseType"), words, 4);
    r->text = edxl_text_of(x, from, "ResponseReason", 500);
    known = edxl_enum(&eocbus__v1__decline_reason__descriptor, "DECLINE_REASON_",
                      xml_text(reason, "Value"));
    if (reason)
        r->reason = known ? (Eocbus__V1__DeclineReason)known
                          : EOCBUS__V1__DECLINE_REASON__DECLINE_REASON_OTHER;
    return r;
}

static Eocbus__V1__ResourceStatus *read_status(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *deployment = xml_child(from, "DeploymentStatus"), *word;
    Eocbus__V1__ResourceStatus *s;

    if (!from)
        return NULL;
    s = NEW(x, resource_status);
    s->counted_us = edxl_time_of(xml_text(from, "InventoryRefreshDateTime"));
    s->text = edxl_text_of(x, from, "Availability", 500);
    word = xml_child(deployment, "Value");
    if (word && strcmp(xml_text(deployment, "ValueListURN"), LIST_READINESS) == 0) {
        s->readiness = (Eocbus__V1__Readiness)edxl_enum(&eocbus__v1__readiness__descriptor,
                                                        "READINESS_", word->text);
        word = s->readiness ? xml_next(word) : word;
    }
    if (word)
        s->deployment = edxl_fitting(x, word->text, 200);
    return s;
}

static void read_kind(struct xml *x, const struct xml_node *from, Eocbus__V1__Resource *r)
{
    const struct xml_node *kind = xml_child(from, "TypeStructure"),
                          *info = xml_child(from, "TypeInfo");
    const char *list = xml_text(kind, "ValueListURN");
    size_t n = 0, most = 16;

    r->kind = edxl_text_of(x, kind, "Value", 120);
    if (kind && strcmp(list, LIST_WORDS) != 0)
        r->kind_list = edxl_fitting(x, list, 200);
    r->type = edxl_text_of(x, info, "Type", 120);
    r->substitutes = edxl_text_of(x, info, "Substitutes", 500);
    r->keywords = edxl_list(x, &most, 16);
    for (const struct xml_node *k = xml_child(from, "Keyword"); k; k = xml_next(k))
        for (const struct xml_node *v = xml_child(k, "Value"); v && n < most; v = xml_next(v))
            if (*v->text)
                r->keywords[n++] = edxl_fitting(x, v->text, 60);
    r->n_keywords = n;
}

static Eocbus__V1__Resource *read_resource(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *own = xml_child(from, "OwnershipInformation");
    Eocbus__V1__Resource *r;

    if (!from)
        return NULL;
    r = NEW(x, resource);
    r->resource_id = edxl_text_of(x, from, "ResourceID", 64);
    r->name = edxl_text_of(x, from, "Name", 120);
    read_kind(x, from, r);
    r->description = edxl_text_of(x, from, "Description", 2000);
    r->certifications = edxl_text_of(
        x, from, xml_child(from, "Certifications") ? "Certifications" : "Credentials", 500);
    r->special_requirements = edxl_text_of(x, from, "SpecialRequirements", 500);
    if (xml_child(from, "ResponsibleParty"))
        r->responsible = edxl_contact(x, xml_child(from, "ResponsibleParty"));
    r->owner = edxl_text_of(x, own, "Owner", 200);
    r->jurisdiction = edxl_text_of(x, own, "OwningJurisdiction", 200);
    r->home = edxl_text_of(x, own, xml_child(own, "HomeUnit") ? "HomeUnit" : "HomeDispatch", 200);
    r->status = read_status(x, xml_child(from, "ResourceStatus"));
    return r;
}

/* Amount and unit as words, for what no number of ours holds exactly. */
static char *measured_text(struct xml *x, const struct xml_node *measured, const char *unit)
{
    return edxl_fitting(
        x, xml_say(x, "%.200s%s%.200s", xml_text(measured, "Amount"), *unit ? " " : "", unit), 120);
}

static void read_quantity(struct xml *x, const struct xml_node *from, Eocbus__V1__Assignment *a)
{
    const struct xml_node *measured = xml_child(from, "MeasuredQuantity");
    const char *unit = xml_text(xml_child(measured, "UnitOfMeasure"), "Value");
    Eocbus__V1__Quantity *q = NEW(x, quantity);
    int64_t value;

    if (!from)
        return;
    a->quantity_text = edxl_text_of(x, from, "QuantityText", 120);
    if (!measured)
        return;
    if (strlen(unit) > 16 || !edxl_decimal(xml_text(measured, "Amount"), &value, &q->scale) ||
        q->scale > 6) {
        a->quantity_text = measured_text(x, measured, unit);
        return;
    }
    q->value = value;
    q->unit = edxl_fitting(x, unit, 16);
    a->quantity = q;
}

/* To the last minor unit, or as words: never rounded. */
static void read_price(struct xml *x, const struct xml_node *from, Eocbus__V1__Assignment *a)
{
    const struct xml_node *measured = xml_child(from, "MeasuredQuantity");
    const char *unit = xml_text(xml_child(measured, "UnitOfMeasure"), "Value");
    int digits = form_currency_digits(unit);
    int64_t value = 0;
    uint32_t scale = 0;
    bool exact = digits >= 0 && edxl_decimal(xml_text(measured, "Amount"), &value, &scale) &&
                 scale <= (uint32_t)digits;

    if (!from)
        return;
    a->price_text = edxl_text_of(x, from, "QuantityText", 120);
    if (!measured)
        return;
    for (; exact && scale < (uint32_t)digits; scale++)
        value *= 10;
    if (!exact || value > INT64_C(1000000000000) || value < -INT64_C(1000000000000)) {
        a->price_text = measured_text(x, measured, unit);
        return;
    }
    a->price = NEW(x, money);
    a->price->minor_units = value;
    a->price->currency = edxl_fitting(x, unit, 3);
}

static Eocbus__V1__Assignment *read_assignment(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *how = xml_child(from, "AssignmentInstructions");
    Eocbus__V1__Assignment *a;

    if (!from)
        return NULL;
    a = NEW(x, assignment);
    read_quantity(x, xml_child(from, "Quantity"), a);
    a->restrictions = edxl_text_of(x, from, "Restrictions", 500);
    a->function = edxl_text_of(x, from, "AnticipatedFunction", 500);
    read_price(x, xml_child(from, "PriceQuote"), a);
    a->order_id = edxl_text_of(x, from, "OrderID", 60);
    a->transport = edxl_text_of(x, how, "ModeOfTransportation", 200);
    a->navigation = edxl_text_of(x, how, "NavigationInstructions", 1000);
    a->reporting = edxl_text_of(x, how, "ReportingInstructions", 1000);
    return a;
}

static Eocbus__V1__Schedule *read_schedule(struct xml *x, const struct xml_node *from)
{
    Eocbus__V1__Schedule *s = NEW(x, schedule);
    const char *type = xml_text(from, "ScheduleType");

    for (int i = 1; i <= EDXL_SCHEDULES; i++)
        if (strcmp(edxl_schedule_name(i), type) == 0)
            s->type = (Eocbus__V1__ScheduleType)i;
    s->time_us = edxl_time_of(xml_text(from, "DateTime"));
    s->location = edxl_location(x, xml_child(from, "Location"));
    return s;
}

static Eocbus__V1__ResourceLine *read_line(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *s = xml_child(from, "ScheduleInformation");
    Eocbus__V1__ResourceLine *l = NEW(x, resource_line);
    size_t n = xml_count(from, "ScheduleInformation");

    l->line_id = form_line_number(xml_text(from, "ResourceInfoElementID"));
    l->response = read_response(x, xml_child(from, "ResponseInformation"), l->line_id);
    l->resource = read_resource(x, xml_child(from, "Resource"));
    l->assignment = read_assignment(x, xml_child(from, "AssignmentInformation"));
    l->schedules = edxl_list(x, &n, EDXL_SCHEDULES);
    for (; s && l->n_schedules < n; s = xml_next(s))
        l->schedules[l->n_schedules++] = read_schedule(x, s);
    return l;
}

/* --- the message ------------------------------------------------------------------------------ */

static void read_incidents(struct xml *x, const struct xml_node *root, Eocbus__V1__Envelope *m,
                           Eocbus__V1__RequestResource *b)
{
    size_t n = xml_count(root, "IncidentInformation");
    const struct xml_node *i = xml_child(root, "IncidentInformation");

    b->incident_text = edxl_text_of(x, i, "IncidentDescription", 500);
    n = n < 16 ? n : 16;
    m->incident_ids = xml_room(x, (n ? n : 1) * sizeof(*m->incident_ids));
    for (; i && m->n_incident_ids < n; i = xml_next(i)) {
        uint8_t id[ID_BYTES];
        const char *text = xml_text(i, "IncidentID");

        if (strncmp(text, "urn:uuid:", 9) == 0 && id_parse(id, text + 9))
            m->incident_ids[m->n_incident_ids++] = edxl_id_of(x, text);
    }
}

static void read_head(struct xml *x, const struct xml_node *root, Eocbus__V1__Envelope *m,
                      Eocbus__V1__RequestResource *b)
{
    static const char *const recalls[] = {"", "Update", "Cancel"};
    const struct xml_node *recall = xml_child(root, "MessageRecall");

    m->message_id = edxl_id_of(x, xml_text(root, "MessageID"));
    m->originating_id = edxl_id_of(x, xml_text(root, "OriginatingMessageID"));
    m->preceding_id = edxl_id_of(x, xml_text(root, "PrecedingMessageID"));
    m->event_time_us = edxl_time_of(xml_text(root, "SentDateTime"));
    b->description = edxl_text_of(x, root, "MessageDescription", 4000);
    read_incidents(x, root, m, b);
    if (recall) {
        b->recall = NEW(x, message_recall);
        b->recall->recalled_id = edxl_id_of(x, xml_text(recall, "RecallMessageID"));
        b->recall->type =
            (Eocbus__V1__RecallType)edxl_word_number(xml_text(recall, "RecallType"), recalls, 3);
    }
}

static void read_lists(struct xml *x, const struct xml_node *root, Eocbus__V1__RequestResource *b)
{
    size_t funding = xml_count(root, "Funding"), contacts = xml_count(root, "ContactInformation"),
           lines = xml_count(root, "ResourceInformation");
    const struct xml_node *n = xml_child(root, "Funding");

    b->funding = edxl_list(x, &funding, 8);
    for (; n && b->n_funding < funding; n = xml_next(n)) {
        Eocbus__V1__Funding *f = NEW(x, funding);

        f->code = edxl_text_of(x, n, "FundCode", 60);
        f->text = edxl_text_of(x, n, "FundingInfo", 500);
        b->funding[b->n_funding++] = f;
    }
    b->contacts = edxl_list(x, &contacts, 12);
    for (n = xml_child(root, "ContactInformation"); n && b->n_contacts < contacts; n = xml_next(n))
        b->contacts[b->n_contacts++] = edxl_contact(x, n);
    b->lines = edxl_list(x, &lines, LINES_MAX);
    for (n = xml_child(root, "ResourceInformation"); n && b->n_lines < lines; n = xml_next(n))
        b->lines[b->n_lines++] = read_line(x, n);
}

/* The body in the shape of its own type; an offer has no funding. */
static void put_body(struct xml *x, Eocbus__V1__Envelope *m, unsigned type,
                     const Eocbus__V1__RequestResource *b)
{
    const ProtobufCMessageDescriptor *d =
        protobuf_c_message_descriptor_get_field(m->base.descriptor, type)->descriptor;
    Eocbus__V1__RequestResource *own = edxl_new(x, d);

    m->body_case = (Eocbus__V1__Envelope__BodyCase)type;
    m->request_resource = own;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_OFFER_UNSOLICITED_RESOURCE) {
        Eocbus__V1__OfferUnsolicitedResource *offer = (void *)own;

        offer->n_contacts = b->n_contacts;
        offer->contacts = b->contacts;
        offer->description = b->description;
        offer->incident_text = b->incident_text;
        offer->recall = b->recall;
        offer->n_lines = b->n_lines;
        offer->lines = b->lines;
        return;
    }
    *own = *b;
    own->base.descriptor = d;
}

static enum status look_at_root(const struct xml_node *root, unsigned *type, char *err,
                                size_t err_size)
{
    *type = edxl_type(root->name);
    if (!*type || strcmp(root->ns, NS_MSG) != 0) {
        snprintf(err, err_size,
                 "the root is '%.60s' of '%.80s', none of the sixteen of EDXL-RM 1.0", root->name,
                 root->ns);
        return ST_INVALID;
    }
    if (strcmp(xml_text(root, "MessageContentType"), root->name) != 0) {
        snprintf(err, err_size, "MessageContentType says '%.60s', the root %s",
                 xml_text(root, "MessageContentType"), root->name);
        return ST_INVALID;
    }
    if (!*xml_text(root, "MessageID") || !*xml_text(root, "OriginatingMessageID")) {
        snprintf(err, err_size, "MessageID and OriginatingMessageID have to be there");
        return ST_INVALID;
    }
    if (xml_child(root, "Funding") && edxl_letter(*type, "Funding") == '-') {
        snprintf(err, err_size, "%s must not hold Funding (EDXL-RM)", root->name);
        return ST_INVALID;
    }
    if (xml_count(root, "ResourceInformation") > LINES_MAX) {
        snprintf(err, err_size, "more than %d ResourceInformation; split the message", LINES_MAX);
        return ST_INVALID;
    }
    return ST_OK;
}

enum status form_read(Eocbus__V1__Envelope **out, const struct xml_node *root, struct xml *x,
                      char *err, size_t err_size)
{
    Eocbus__V1__Envelope *m = NEW(x, envelope);
    Eocbus__V1__RequestResource b;
    Eocbus__V1__ForeignForm *f = NEW(x, foreign_form);
    unsigned type;
    enum status st = look_at_root(root, &type, err, err_size);

    if (st != ST_OK)
        return st;
    eocbus__v1__request_resource__init(&b);
    read_head(x, root, m, &b);
    read_lists(x, root, &b);
    put_body(x, m, type, &b);
    f->utc_offset_min = edxl_offset_of(xml_text(root, "SentDateTime"));
    form_set_foreign(m, f);
    if (x->full)
        snprintf(err, err_size, "out of memory");
    *out = m;
    return x->full ? ST_NOMEM : ST_OK;
}
