/* edxl_out - the document that the fields of a message make, in the order of the schemas. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agents/ctl/edxl_forms.h"
#include "proto/base/ids.h"
#include "proto/wire/edxl.h"

#include "proto/base/banned.h"

struct writing {
    struct xml *x;
    unsigned type;
    int offset_min;
};

static bool is_set(const char *text)
{
    return text && *text;
}

static const char *id_text(struct xml *x, const ProtobufCBinaryData *id)
{
    char text[ID_TEXT];

    if (id->len != ID_BYTES)
        return "";
    id_format(text, id->data);
    return xml_say(x, "urn:uuid:%s", text);
}

/* Local time with its offset, microseconds only where there are any. */
static const char *time_text(const struct writing *w, int64_t us)
{
    int64_t local = us + (int64_t)w->offset_min * 60000000;
    time_t seconds = (time_t)(local / 1000000);
    int offset = w->offset_min < 0 ? -w->offset_min : w->offset_min;
    char text[40], fraction[16] = "", zone[16] = "Z";
    struct tm tm;

    if (local % 1000000) {
        size_t len = (size_t)snprintf(fraction, sizeof(fraction), ".%06d", (int)(local % 1000000));

        while (fraction[len - 1] == '0')
            fraction[--len] = '\0';
    }
    if (w->offset_min)
        snprintf(zone, sizeof(zone), "%c%02d:%02d", w->offset_min < 0 ? '-' : '+',
                 offset / 60 % 100, offset % 60);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    return xml_say(w->x, "%s%s%s", text, fraction, zone);
}

/* value / 10^scale, exactly. */
static const char *decimal_text(struct xml *x, int64_t value, unsigned scale)
{
    char digits[32];
    uint64_t plain = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t len;

    scale = scale > 9 ? 9 : scale;
    len = (size_t)snprintf(digits, sizeof(digits), "%0*" PRIu64, (int)scale + 1, plain);
    if (scale == 0)
        return xml_say(x, "%s%s", value < 0 ? "-" : "", digits);
    return xml_say(x, "%s%.*s.%s", value < 0 ? "-" : "", (int)(len - scale), digits,
                   digits + len - scale);
}

static struct xml_node *add_list(struct xml *x, struct xml_node *to, const char *ns,
                                 const char *name, const char *list)
{
    struct xml_node *n = xml_add(x, to, ns, name, NULL);

    (void)xml_add(x, n, NS_RM, "ValueListURN", list);
    return n;
}

static void add_measured(struct xml *x, struct xml_node *to, const char *amount, const char *list,
                         const char *unit)
{
    struct xml_node *n = xml_add(x, to, NS_RM, "MeasuredQuantity", NULL);

    (void)xml_add(x, n, NS_RM, "Amount", amount);
    if (!is_set(unit))
        return;
    n = add_list(x, n, NS_RM, "UnitOfMeasure", list);
    (void)xml_add(x, n, NS_RM, "Value", unit);
}

/* "READINESS_EN_ROUTE" -> "EN_ROUTE" */
static const char *enum_word(const ProtobufCEnumDescriptor *d, int value, const char *prefix)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);

    return v ? v->name + strlen(prefix) : "";
}

/* --- places ----------------------------------------------------------------------------------- */

static const char *position_text(struct xml *x, const Eocbus__V1__Position *p)
{
    return xml_say(x, "%s %s", decimal_text(x, p->lat_e7, 7), decimal_text(x, p->lon_e7, 7));
}

static void add_ring(struct xml *x, struct xml_node *to, const Eocbus__V1__Area *a)
{
    struct xml_node *n = xml_add(x, to, NS_GML, "Polygon", NULL);
    struct buf list = {0};

    n = xml_add(x, n, NS_GML, "exterior", NULL);
    n = xml_add(x, n, NS_GML, "LinearRing", NULL);
    for (size_t i = 0; i < a->n_polygon; i++)
        buf_printf(&list, "%s%s", i ? " " : "", position_text(x, a->polygon[i]));
    buf_put(&list, "", 1);
    x->full |= list.failed;
    (void)xml_add(x, n, NS_GML, "posList",
                  list.failed ? "" : xml_copy(x, (const char *)list.data, list.len - 1));
    buf_free(&list);
}

/* One shape has a place: the ring, else the circle, else the point. */
static void add_shape(struct xml *x, struct xml_node *to, const Eocbus__V1__Area *a)
{
    struct xml_node *n;

    if (!a->n_polygon && !a->centre)
        return;
    to = xml_add(x, to, NS_RM, "TargetArea", NULL);
    if (a->n_polygon) {
        add_ring(x, to, a);
    } else if (a->radius_m) {
        n = xml_add(x, to, NS_GML, "CircleByCenterPoint", NULL);
        xml_set(x, n, "", "numArc", "1");
        (void)xml_add(x, n, NS_GML, "pos", position_text(x, a->centre));
        n = xml_add(x, n, NS_GML, "radius", xml_say(x, "%" PRIu32, a->radius_m));
        xml_set(x, n, "", "uom", "urn:ogc:def:uom:EPSG::9001");
    } else {
        n = xml_add(x, to, NS_GML, "Point", NULL);
        (void)xml_add(x, n, NS_GML, "pos", position_text(x, a->centre));
    }
}

static void add_location(struct xml *x, struct xml_node *to, const char *ns, const char *name,
                         const Eocbus__V1__Area *a)
{
    struct xml_node *n, *line;

    if (!a)
        return;
    to = xml_add(x, to, ns, name, NULL);
    xml_add_text(x, to, NS_RM, "LocationDescription", a->place_name);
    if (a->n_pcodes) {
        n = xml_add(x, to, NS_RM, "Address", NULL);
        n = xml_add(x, n, NS_XAL, "FreeTextAddress", NULL);
        for (size_t i = 0; i < a->n_pcodes; i++) {
            line = xml_add(x, n, NS_XAL, "AddressLine", a->pcodes[i]);
            xml_set(x, line, NS_XAL, "Type", "P-code");
        }
    }
    add_shape(x, to, a);
}

/* --- people ----------------------------------------------------------------------------------- */

static void add_party(struct xml *x, struct xml_node *to, const Eocbus__V1__Contact *c)
{
    bool named = is_set(c->role) && is_set(c->name);
    struct xml_node *party, *n;

    if (!named && !is_set(c->agency) && !is_set(c->phone) && !is_set(c->email))
        return;
    party = xml_add(x, to, NS_RM, "AdditionalContactInformation", NULL);
    if (named || is_set(c->agency)) {
        to = xml_add(x, party, NS_XPIL, "PartyName", NULL);
        if (named) {
            n = xml_add(x, to, NS_XNL, "PersonName", NULL);
            (void)xml_add(x, n, NS_XNL, "NameElement", c->name);
        }
        if (is_set(c->agency)) {
            n = xml_add(x, to, NS_XNL, "OrganisationName", NULL);
            (void)xml_add(x, n, NS_XNL, "NameElement", c->agency);
        }
    }
    if (is_set(c->phone)) {
        n = xml_add(x, party, NS_XPIL, "ContactNumbers", NULL);
        n = xml_add(x, n, NS_XPIL, "ContactNumber", NULL);
        xml_set(x, n, NS_XPIL, "CommunicationMediaType", "Telephone");
        (void)xml_add(x, n, NS_XPIL, "ContactNumberElement", c->phone);
    }
    if (is_set(c->email)) {
        n = xml_add(x, party, NS_XPIL, "ElectronicAddressIdentifiers", NULL);
        (void)xml_add(x, n, NS_XPIL, "ElectronicAddressIdentifier", c->email);
    }
}

/* Without a role the standard wants a description: the name goes there. */
static void add_contact(struct xml *x, struct xml_node *to, const char *name,
                        const Eocbus__V1__Contact *c)
{
    struct xml_node *n;

    to = xml_add(x, to, NS_MSG, name, NULL);
    if (is_set(c->role))
        (void)xml_add(x, to, NS_RM, "ContactRole", c->role);
    else
        xml_add_text(x, to, NS_RM, "ContactDescription", c->name);
    if (is_set(c->radio)) {
        struct xml_node *radio = xml_add(x, to, NS_RM, "Radio", NULL);

        n = add_list(x, radio, NS_RM, "RadioType", LIST_WORDS);
        (void)xml_add(x, n, NS_RM, "Value", "radio");
        (void)xml_add(x, radio, NS_RM, "RadioChannel", c->radio);
    }
    add_party(x, to, c);
}

/* --- a line ----------------------------------------------------------------------------------- */

static void add_response(struct xml *x, struct xml_node *to, const Eocbus__V1__ResourceLine *l)
{
    static const char *const words[] = {"", "Accept", "Decline", "Provisional"};
    const Eocbus__V1__ResponseInfo *r = l->response;
    struct xml_node *n;

    if (!r)
        return;
    to = xml_add(x, to, NS_MSG, "ResponseInformation", NULL);
    (void)xml_add(
        x, to, NS_RM, "PrecedingResourceInfoElementID",
        xml_say(x, "%03" PRIu32, r->preceding_line_id ? r->preceding_line_id : l->line_id));
    (void)xml_add(x, to, NS_RM, "ResponseType", (unsigned)r->type < 4 ? words[r->type] : "");
    if (r->reason) {
        n = add_list(x, to, NS_RM, "ReasonCode", LIST_REASONS);
        (void)xml_add(
            x, n, NS_RM, "Value",
            enum_word(&eocbus__v1__decline_reason__descriptor, (int)r->reason, "DECLINE_REASON_"));
    }
    xml_add_text(x, to, NS_RM, "ResponseReason", r->text);
}

static void add_status(const struct writing *w, struct xml_node *to,
                       const Eocbus__V1__ResourceStatus *s)
{
    struct xml *x = w->x;
    struct xml_node *n;

    to = xml_add(x, to, NS_MSG, "ResourceStatus", NULL);
    if (s->counted_us)
        (void)xml_add(x, to, NS_MSG, "InventoryRefreshDateTime", time_text(w, s->counted_us));
    if (s->readiness || is_set(s->deployment)) {
        n = add_list(x, to, NS_MSG, "DeploymentStatus", s->readiness ? LIST_READINESS : LIST_WORDS);
        if (s->readiness)
            (void)xml_add(
                x, n, NS_RM, "Value",
                enum_word(&eocbus__v1__readiness__descriptor, (int)s->readiness, "READINESS_"));
        xml_add_text(x, n, NS_RM, "Value", s->deployment);
    }
    xml_add_text(x, to, NS_MSG, "Availability", s->text);
}

static void add_kind(struct xml *x, struct xml_node *to, const Eocbus__V1__Resource *r)
{
    struct xml_node *n;

    if (is_set(r->kind) || is_set(r->kind_list)) {
        n = add_list(x, to, NS_MSG, "TypeStructure",
                     is_set(r->kind_list) ? r->kind_list : LIST_WORDS);
        (void)xml_add(x, n, NS_RM, "Value", r->kind);
    }
    if (is_set(r->type) || is_set(r->substitutes)) {
        n = xml_add(x, to, NS_MSG, "TypeInfo", NULL);
        xml_add_text(x, n, NS_OURS, "Type", r->type);
        xml_add_text(x, n, NS_OURS, "Substitutes", r->substitutes);
    }
    if (r->n_keywords) {
        n = add_list(x, to, NS_MSG, "Keyword", LIST_WORDS);
        for (size_t i = 0; i < r->n_keywords; i++)
            (void)xml_add(x, n, NS_RM, "Value", r->keywords[i]);
    }
}

static void add_resource(const struct writing *w, struct xml_node *to,
                         const Eocbus__V1__Resource *r)
{
    struct xml *x = w->x;
    struct xml_node *n;

    if (!r)
        return;
    to = xml_add(x, to, NS_MSG, "Resource", NULL);
    xml_add_text(x, to, NS_MSG, "ResourceID", r->resource_id);
    xml_add_text(x, to, NS_MSG, "Name", r->name);
    add_kind(x, to, r);
    xml_add_text(x, to, NS_MSG, "Description", r->description);
    xml_add_text(x, to, NS_MSG, "Certifications", r->certifications);
    xml_add_text(x, to, NS_MSG, "SpecialRequirements", r->special_requirements);
    if (r->responsible)
        add_contact(x, to, "ResponsibleParty", r->responsible);
    if (is_set(r->owner) || is_set(r->jurisdiction) || is_set(r->home)) {
        n = xml_add(x, to, NS_MSG, "OwnershipInformation", NULL);
        xml_add_text(x, n, NS_RM, "Owner", r->owner);
        xml_add_text(x, n, NS_RM, "OwningJurisdiction", r->jurisdiction);
        xml_add_text(x, n, NS_RM, "HomeUnit", r->home);
    }
    if (r->status)
        add_status(w, to, r->status);
}

static void add_price(struct xml *x, struct xml_node *to, const Eocbus__V1__Assignment *a)
{
    int digits = a->price ? form_currency_digits(a->price->currency) : -1;

    if (!a->price && !is_set(a->price_text))
        return;
    to = xml_add(x, to, NS_MSG, "PriceQuote", NULL);
    if (a->price)
        add_measured(x, to,
                     decimal_text(x, a->price->minor_units, digits < 0 ? 2 : (unsigned)digits),
                     LIST_CURRENCY, a->price->currency);
    else
        (void)xml_add(x, to, NS_RM, "QuantityText", a->price_text);
}

static void add_instructions(struct xml *x, struct xml_node *to, const Eocbus__V1__Assignment *a)
{
    if (!is_set(a->transport) && !is_set(a->navigation) && !is_set(a->reporting))
        return;
    to = xml_add(x, to, NS_MSG, "AssignmentInstructions", NULL);
    xml_add_text(x, to, NS_RM, "ModeOfTransportation", a->transport);
    xml_add_text(x, to, NS_RM, "NavigationInstructions", a->navigation);
    xml_add_text(x, to, NS_RM, "ReportingInstructions", a->reporting);
}

static void add_assignment(struct xml *x, struct xml_node *to, const Eocbus__V1__Assignment *a)
{
    struct xml_node *n;

    if (!a)
        return;
    to = xml_add(x, to, NS_MSG, "AssignmentInformation", NULL);
    if (a->quantity || is_set(a->quantity_text)) {
        n = xml_add(x, to, NS_MSG, "Quantity", NULL);
        if (a->quantity)
            add_measured(x, n, decimal_text(x, a->quantity->value, a->quantity->scale), LIST_UNITS,
                         a->quantity->unit);
        else
            (void)xml_add(x, n, NS_RM, "QuantityText", a->quantity_text);
    }
    xml_add_text(x, to, NS_MSG, "Restrictions", a->restrictions);
    xml_add_text(x, to, NS_MSG, "AnticipatedFunction", a->function);
    add_price(x, to, a);
    xml_add_text(x, to, NS_MSG, "OrderID", a->order_id);
    add_instructions(x, to, a);
}

static void add_line(const struct writing *w, struct xml_node *to,
                     const Eocbus__V1__ResourceLine *l)
{
    struct xml *x = w->x;
    struct xml_node *n;

    to = xml_add(x, to, NS_MSG, "ResourceInformation", NULL);
    (void)xml_add(x, to, NS_MSG, "ResourceInfoElementID", xml_say(x, "%03" PRIu32, l->line_id));
    add_response(x, to, l);
    add_resource(w, to, l->resource);
    add_assignment(x, to, l->assignment);
    for (size_t i = 0; i < l->n_schedules; i++) {
        const Eocbus__V1__Schedule *s = l->schedules[i];

        if (edxl_schedule_letter(w->type, (int)s->type) != 'O')
            continue; /* taken from others, never said */
        n = xml_add(x, to, NS_MSG, "ScheduleInformation", NULL);
        (void)xml_add(x, n, NS_MSG, "ScheduleType", edxl_schedule_name((int)s->type));
        if (s->time_us)
            (void)xml_add(x, n, NS_MSG, "DateTime", time_text(w, s->time_us));
        add_location(x, n, NS_MSG, "Location", s->location);
    }
}

/* --- the message ------------------------------------------------------------------------------ */

static void add_incidents(struct xml *x, struct xml_node *to, const Eocbus__V1__Envelope *m,
                          const char *words)
{
    struct xml_node *n;

    for (size_t i = 0; i < m->n_incident_ids; i++) {
        n = xml_add(x, to, NS_MSG, "IncidentInformation", NULL);
        (void)xml_add(x, n, NS_RM, "IncidentID", id_text(x, &m->incident_ids[i]));
        if (i == 0)
            xml_add_text(x, n, NS_RM, "IncidentDescription", words);
    }
    if (!m->n_incident_ids && is_set(words)) {
        n = xml_add(x, to, NS_MSG, "IncidentInformation", NULL);
        (void)xml_add(x, n, NS_RM, "IncidentDescription", words);
    }
}

/* Funding is written out in the schema of RequestResource, so its parts are in another namespace
 * there. */
static void add_funding(const struct writing *w, struct xml_node *to, const Eocbus__V1__Funding *f)
{
    const char *ns = w->type == EDXL_FIRST ? NS_MSG : NS_RM;

    to = xml_add(w->x, to, NS_MSG, "Funding", NULL);
    xml_add_text(w->x, to, ns, "FundCode", f->code);
    xml_add_text(w->x, to, ns, "FundingInfo", f->text);
}

static void add_ids(const struct writing *w, struct xml_node *to, const Eocbus__V1__Envelope *m,
                    const char *description)
{
    struct xml *x = w->x;
    int64_t sent = form_foreign(m) || !m->sent_time_us ? m->event_time_us : m->sent_time_us;

    (void)xml_add(x, to, NS_MSG, "MessageID", id_text(x, &m->message_id));
    (void)xml_add(x, to, NS_MSG, "SentDateTime", time_text(w, sent));
    (void)xml_add(x, to, NS_MSG, "MessageContentType", to->name);
    xml_add_text(x, to, NS_MSG, "MessageDescription", description);
    (void)xml_add(x, to, NS_MSG, "OriginatingMessageID",
                  id_text(x, m->originating_id.len ? &m->originating_id : &m->message_id));
    xml_add_text(x, to, NS_MSG, "PrecedingMessageID", id_text(x, &m->preceding_id));
}

struct xml_node *form_write(struct xml *x, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__ForeignForm *f = form_foreign(m);
    struct writing w = {x, (unsigned)m->body_case, f ? f->utc_offset_min : 0};
    struct xml_node *root = xml_add(x, NULL, NS_MSG, edxl_name(w.type), NULL), *n;
    static const char *const recalls[] = {"", "Update", "Cancel"};
    Eocbus__V1__RequestResource b;

    edxl_body(&b, m);
    xml_set(x, root, NS_XSI, "schemaLocation", xml_say(x, NS_MSG " EDXL-RM%s.xsd", root->name));
    add_ids(&w, root, m, b.description);
    add_incidents(x, root, m, b.incident_text);
    if (b.recall) {
        n = xml_add(x, root, NS_MSG, "MessageRecall", NULL);
        (void)xml_add(x, n, NS_RM, "RecallMessageID", id_text(x, &b.recall->recalled_id));
        (void)xml_add(x, n, NS_RM, "RecallType",
                      (unsigned)b.recall->type < 3 ? recalls[b.recall->type] : "");
    }
    for (size_t i = 0; i < b.n_funding; i++)
        add_funding(&w, root, b.funding[i]);
    for (size_t i = 0; i < b.n_contacts; i++)
        add_contact(x, root, "ContactInformation", b.contacts[i]);
    for (size_t i = 0; i < b.n_lines; i++)
        add_line(&w, root, b.lines[i]);
    return root;
}
