/* edxl_in - the fields that a document fills. What does not fit a field stays out of it, or is cut
 * with
 * "..."; edxl_kept.c finds that, whatever it is, and keeps it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/edxl_forms.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/wire/edxl.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

enum { LINES_MAX = 100, LINE_NUMBERS = 100000, POLYGON_MAX = 500 };

#define NEW(x, type) new_message(x, &eocbus__v1__##type##__descriptor)

static void *new_message(struct xml *x, const ProtobufCMessageDescriptor *d)
{
    void *m = xml_room(x, d->sizeof_message);

    protobuf_c_message_init(d, m);
    return m;
}

/* Room for as many as there are, at most `most`. */
static void *new_list(struct xml *x, size_t *n, size_t most)
{
    *n = *n < most ? *n : most;
    return xml_room(x, (*n ? *n : 1) * sizeof(void *));
}

/* At most `most` bytes, cut at a whole character with "..." where it is longer. */
static char *fitting(struct xml *x, const char *text, size_t most)
{
    size_t len = strlen(text);
    char *copy;

    if (len <= most)
        return xml_copy(x, text, len);
    len = most - 3;
    while (len && !gate_utf8_is_valid(text, len))
        len--;
    copy = xml_copy(x, text, len + 3);
    if (!x->full)
        snprintf(copy + len, 4, "...");
    return copy;
}

static char *text_of(struct xml *x, const struct xml_node *parent, const char *name, size_t most)
{
    return fitting(x, xml_text(parent, name), most);
}

/* --- words, numbers, ids
 * ------------------------------------------------------------------------------ */
void form_id(uint8_t out[ID_BYTES], const char *text)
{
    static const char ours[] = "eocbus edxl-rm id\n";
    uint8_t digest[DIGEST_BYTES];
    struct buf all = {0};

    if (strncmp(text, "urn:uuid:", 9) == 0 && id_parse(out, text + 9))
        return;
    if (id_parse(out, text))
        return;
    buf_puts(&all, ours);
    buf_puts(&all, text);
    digest_of(digest, all.failed ? (const void *)text : all.data,
              all.failed ? strlen(text) : all.len);
    buf_free(&all);
    memcpy(out, digest, ID_BYTES);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x80);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

static ProtobufCBinaryData id_of(struct xml *x, const char *text)
{
    ProtobufCBinaryData id = {0, NULL};

    if (!*text)
        return id;
    id.data = xml_room(x, ID_BYTES);
    id.len = ID_BYTES;
    form_id(id.data, text);
    return id;
}

uint32_t form_line_number(const char *text)
{
    uint32_t hash = 2166136261u;
    size_t digits = strspn(text, "0123456789");

    if (digits && digits < 10 && !text[digits]) {
        unsigned long n = strtoul(text, NULL, 10);

        if (n >= 1 && n <= LINE_NUMBERS)
            return (uint32_t)n;
    }
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return 1001 + hash % (LINE_NUMBERS - 1000);
}

/* ISO 4217 codes whose minor unit is not a hundredth. */
int form_currency_digits(const char *code)
{
    static const char none[] =
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ";
    static const char three[] = "BHD IQD JOD KWD LYD OMR TND ";

    if (!code || strlen(code) != 3 || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        return -1;
    return strstr(none, code) ? 0 : strstr(three, code) ? 3 : 2;
}

/* "-1.50" -> -150 and 2; false if it has more digits than a field, an exponent, or is none. */
static bool take_decimal(const char *text, int64_t *value, uint32_t *scale)
{
    bool minus = *text == '-';
    unsigned digits = 0;
    bool point = false;

    *value = 0;
    *scale = 0;
    text += *text == '-' || *text == '+';
    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)*text) || ++digits > 13)
            return false;
        *value = *value * 10 + (*text - '0');
        *scale += point;
    }
    *value = minus ? -*value : *value;
    return digits && *value >= -INT64_C(1000000000000) && *value <= INT64_C(1000000000000);
}

static int enum_value(const ProtobufCEnumDescriptor *d, const char *prefix, const char *word)
{
    char name[80];
    const ProtobufCEnumValue *v;

    snprintf(name, sizeof(name), "%s%s", prefix, word);
    v = protobuf_c_enum_descriptor_get_value_by_name(d, name);
    return v ? v->value : 0;
}

static int word_number(const char *word, const char *const *words, int count)
{
    for (int i = 1; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return 0;
}

static int64_t time_of(const char *text)
{
    int64_t us;

    return *text && time_parse(&us, text) ? us : 0;
}

/* Minutes east of UTC that a time is written in. */
static int offset_of(const char *text)
{
    size_t len = strlen(text);
    const char *zone = len > 6 ? text + len - 6 : "";
    int minutes;

    if ((*zone != '+' && *zone != '-') || zone[3] != ':')
        return 0;
    minutes = (zone[1] - '0') * 600 + (zone[2] - '0') * 60 + (zone[4] - '0') * 10 + (zone[5] - '0');
    if (minutes < 0 || minutes > 840)
        return 0;
    return *zone == '-' ? -minutes : minutes;
}

/* --- places
 * ------------------------------------------------------------------------------------------- */
/* One number of "lat lon ...", exact to 1e-7; moves on. */
static bool take_degree(const char **at, int64_t limit, int32_t *e7)
{
    char number[32];
    size_t len;
    int64_t value;
    uint32_t scale;

    *at += strspn(*at, " \t\n");
    len = strcspn(*at, " \t\n");
    if (!len || len >= sizeof(number))
        return false;
    snprintf(number, sizeof(number), "%.*s", (int)len, *at);
    if (!take_decimal(number, &value, &scale) || scale > 7)
        return false;
    for (; scale < 7; scale++)
        value *= 10;
    *at += len;
    *e7 = (int32_t)value;
    return value >= -limit && value <= limit;
}

static Eocbus__V1__Position *take_position(struct xml *x, const char **at)
{
    Eocbus__V1__Position *p = NEW(x, position);

    if (!take_degree(at, 900000000, &p->lat_e7) || !take_degree(at, 1800000000, &p->lon_e7))
        return NULL;
    return p;
}

static Eocbus__V1__Position *whole_position(struct xml *x, const char *text)
{
    Eocbus__V1__Position *p = take_position(x, &text);

    return p && !*(text + strspn(text, " \t\n")) ? p : NULL;
}

static void take_ring(struct xml *x, Eocbus__V1__Area *a, const char *at)
{
    Eocbus__V1__Position **list = arena_alloc(x->arena, POLYGON_MAX * sizeof(*list));
    size_t n = 0;

    if (!list) {
        x->full = true;
        return;
    }
    while (*(at += strspn(at, " \t\n")))
        if (n == POLYGON_MAX || !(list[n++] = take_position(x, &at)))
            return;
    a->polygon = list;
    a->n_polygon = n;
}

static void take_shape(struct xml *x, Eocbus__V1__Area *a, const struct xml_node *target)
{
    const struct xml_node *circle = xml_child(target, "CircleByCenterPoint"),
                          *ring = xml_child(xml_child(target, "Polygon"), "exterior");
    const char *radius = xml_text(circle, "radius");

    if (ring)
        take_ring(x, a, xml_text(xml_child(ring, "LinearRing"), "posList"));
    else if (circle)
        a->centre = whole_position(x, xml_text(circle, "pos"));
    else if (xml_child(target, "Point"))
        a->centre = whole_position(x, xml_text(xml_child(target, "Point"), "pos"));
    if (circle && a->centre && strlen(radius) < 7 && strspn(radius, "0123456789") == strlen(radius))
        a->radius_m = (uint32_t)strtoul(radius, NULL, 10);
}

static Eocbus__V1__Area *read_location(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *address = xml_child(xml_child(from, "Address"), "FreeTextAddress"),
                          *line;
    size_t n = xml_count(address, "AddressLine");
    Eocbus__V1__Area *a;
    char **codes;

    if (!from)
        return NULL;
    a = NEW(x, area);
    a->place_name = text_of(x, from, "LocationDescription", 200);
    codes = new_list(x, &n, 8);
    for (line = xml_child(address, "AddressLine"); line && a->n_pcodes < n; line = xml_next(line))
        if (gate_pcode_is_valid(line->text))
            codes[a->n_pcodes++] = fitting(x, line->text, 20);
    a->pcodes = codes;
    take_shape(x, a, xml_child(from, "TargetArea"));
    return a;
}

/* --- people
 * ------------------------------------------------------------------------------------------- */
/* All NameElements with a blank between them. */
static char *whole_name(struct xml *x, const struct xml_node *name)
{
    struct buf all = {0};
    char *text;

    for (const struct xml_node *n = xml_child(name, "NameElement"); n; n = xml_next(n))
        buf_printf(&all, "%s%s", all.len ? " " : "", n->text);
    buf_put(&all, "", 1);
    x->full |= all.failed;
    text = fitting(x, all.failed ? "" : (const char *)all.data, 200);
    buf_free(&all);
    return text;
}

/* "61", "7", "3000 1234" -> "+61730001234"; without a country as it stands. */
static char *whole_phone(struct xml *x, const struct xml_node *number)
{
    struct buf all = {0};
    char *text;

    for (const struct xml_node *n = xml_child(number, "ContactNumberElement"); n; n = xml_next(n)) {
        const struct xml_attr *type = xml_attr(n, NS_XPIL, "Type");

        if (type && strcmp(type->value, "CountryCode") == 0 && n->text[0] != '+')
            buf_puts(&all, "+");
        for (const char *s = n->text; *s; s++)
            if (*s != ' ')
                buf_put(&all, s, 1);
    }
    buf_put(&all, "", 1);
    x->full |= all.failed;
    text = fitting(x, all.failed ? "" : (const char *)all.data, 20);
    buf_free(&all);
    return text;
}

static Eocbus__V1__Contact *read_contact(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *party = xml_child(from, "AdditionalContactInformation"),
                          *name = xml_child(party, "PartyName");
    Eocbus__V1__Contact *c = NEW(x, contact);

    c->role = text_of(x, from, "ContactRole", 40);
    c->name = whole_name(x, xml_child(name, "PersonName"));
    if (!*c->name)
        c->name = text_of(x, from, "ContactDescription", 200);
    c->agency = whole_name(x, xml_child(name, "OrganisationName"));
    c->radio = text_of(x, xml_child(from, "Radio"), "RadioChannel", 60);
    c->phone = whole_phone(x, xml_child(xml_child(party, "ContactNumbers"), "ContactNumber"));
    c->email = text_of(x, xml_child(party, "ElectronicAddressIdentifiers"),
                       "ElectronicAddressIdentifier", 120);
    return c;
}

/* --- a line
 * ------------------------------------------------------------------------------------------- */
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
    r->type = (Eocbus__V1__ResponseType)word_number(xml_text(from, "ResponseType"), words, 4);
    r->text = text_of(x, from, "ResponseReason", 500);
    known = enum_value(&eocbus__v1__decline_reason__descriptor, "DECLINE_REASON_",
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
    s->counted_us = time_of(xml_text(from, "InventoryRefreshDateTime"));
    s->text = text_of(x, from, "Availability", 500);
    word = xml_child(deployment, "Value");
    if (word && strcmp(xml_text(deployment, "ValueListURN"), LIST_READINESS) == 0) {
        s->readiness = (Eocbus__V1__Readiness)enum_value(&eocbus__v1__readiness__descriptor,
                                                         "READINESS_", word->text);
        word = s->readiness ? xml_next(word) : word;
    }
    if (word)
        s->deployment = fitting(x, word->text, 200);
    return s;
}

static void read_kind(struct xml *x, const struct xml_node *from, Eocbus__V1__Resource *r)
{
    const struct xml_node *kind = xml_child(from, "TypeStructure"),
                          *info = xml_child(from, "TypeInfo");
    const char *list = xml_text(kind, "ValueListURN");
    size_t n = 0, most = 16;

    r->kind = text_of(x, kind, "Value", 120);
    if (kind && strcmp(list, LIST_WORDS) != 0)
        r->kind_list = fitting(x, list, 200);
    r->type = text_of(x, info, "Type", 120);
    r->substitutes = text_of(x, info, "Substitutes", 500);
    r->keywords = new_list(x, &most, 16);
    for (const struct xml_node *k = xml_child(from, "Keyword"); k; k = xml_next(k))
        for (const struct xml_node *v = xml_child(k, "Value"); v && n < most; v = xml_next(v))
            if (*v->text)
                r->keywords[n++] = fitting(x, v->text, 60);
    r->n_keywords = n;
}

static Eocbus__V1__Resource *read_resource(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *own = xml_child(from, "OwnershipInformation");
    Eocbus__V1__Resource *r;

    if (!from)
        return NULL;
    r = NEW(x, resource);
    r->resource_id = text_of(x, from, "ResourceID", 64);
    r->name = text_of(x, from, "Name", 120);
    read_kind(x, from, r);
    r->description = text_of(x, from, "Description", 2000);
    r->certifications =
        text_of(x, from, xml_child(from, "Certifications") ? "Certifications" : "Credentials", 500);
    r->special_requirements = text_of(x, from, "SpecialRequirements", 500);
    if (xml_child(from, "ResponsibleParty"))
        r->responsible = read_contact(x, xml_child(from, "ResponsibleParty"));
    r->owner = text_of(x, own, "Owner", 200);
    r->jurisdiction = text_of(x, own, "OwningJurisdiction", 200);
    r->home = text_of(x, own, xml_child(own, "HomeUnit") ? "HomeUnit" : "HomeDispatch", 200);
    r->status = read_status(x, xml_child(from, "ResourceStatus"));
    return r;
}

/* Amount and unit as words, for what no number of ours holds exactly. */
static char *measured_text(struct xml *x, const struct xml_node *measured, const char *unit)
{
    return fitting(
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
    a->quantity_text = text_of(x, from, "QuantityText", 120);
    if (!measured)
        return;
    if (strlen(unit) > 16 || !take_decimal(xml_text(measured, "Amount"), &value, &q->scale) ||
        q->scale > 6) {
        a->quantity_text = measured_text(x, measured, unit);
        return;
    }
    q->value = value;
    q->unit = fitting(x, unit, 16);
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
    bool exact = digits >= 0 && take_decimal(xml_text(measured, "Amount"), &value, &scale) &&
                 scale <= (uint32_t)digits;

    if (!from)
        return;
    a->price_text = text_of(x, from, "QuantityText", 120);
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
    a->price->currency = fitting(x, unit, 3);
}

static Eocbus__V1__Assignment *read_assignment(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *how = xml_child(from, "AssignmentInstructions");
    Eocbus__V1__Assignment *a;

    if (!from)
        return NULL;
    a = NEW(x, assignment);
    read_quantity(x, xml_child(from, "Quantity"), a);
    a->restrictions = text_of(x, from, "Restrictions", 500);
    a->function = text_of(x, from, "AnticipatedFunction", 500);
    read_price(x, xml_child(from, "PriceQuote"), a);
    a->order_id = text_of(x, from, "OrderID", 60);
    a->transport = text_of(x, how, "ModeOfTransportation", 200);
    a->navigation = text_of(x, how, "NavigationInstructions", 1000);
    a->reporting = text_of(x, how, "ReportingInstructions", 1000);
    return a;
}

static Eocbus__V1__Schedule *read_schedule(struct xml *x, const struct xml_node *from)
{
    Eocbus__V1__Schedule *s = NEW(x, schedule);
    const char *type = xml_text(from, "ScheduleType");

    for (int i = 1; i <= EDXL_SCHEDULES; i++)
        if (strcmp(edxl_schedule_name(i), type) == 0)
            s->type = (Eocbus__V1__ScheduleType)i;
    s->time_us = time_of(xml_text(from, "DateTime"));
    s->location = read_location(x, xml_child(from, "Location"));
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
    l->schedules = new_list(x, &n, EDXL_SCHEDULES);
    for (; s && l->n_schedules < n; s = xml_next(s))
        l->schedules[l->n_schedules++] = read_schedule(x, s);
    return l;
}

/* --- the message
 * -------------------------------------------------------------------------------------- */
static void read_incidents(struct xml *x, const struct xml_node *root, Eocbus__V1__Envelope *m,
                           Eocbus__V1__RequestResource *b)
{
    size_t n = xml_count(root, "IncidentInformation");
    const struct xml_node *i = xml_child(root, "IncidentInformation");

    b->incident_text = text_of(x, i, "IncidentDescription", 500);
    n = n < 16 ? n : 16;
    m->incident_ids = xml_room(x, (n ? n : 1) * sizeof(*m->incident_ids));
    for (; i && m->n_incident_ids < n; i = xml_next(i)) {
        uint8_t id[ID_BYTES];
        const char *text = xml_text(i, "IncidentID");

        if (strncmp(text, "urn:uuid:", 9) == 0 && id_parse(id, text + 9))
            m->incident_ids[m->n_incident_ids++] = id_of(x, text);
    }
}

static void read_head(struct xml *x, const struct xml_node *root, Eocbus__V1__Envelope *m,
                      Eocbus__V1__RequestResource *b)
{
    static const char *const recalls[] = {"", "Update", "Cancel"};
    const struct xml_node *recall = xml_child(root, "MessageRecall");

    m->message_id = id_of(x, xml_text(root, "MessageID"));
    m->originating_id = id_of(x, xml_text(root, "OriginatingMessageID"));
    m->preceding_id = id_of(x, xml_text(root, "PrecedingMessageID"));
    m->event_time_us = time_of(xml_text(root, "SentDateTime"));
    b->description = text_of(x, root, "MessageDescription", 4000);
    read_incidents(x, root, m, b);
    if (recall) {
        b->recall = NEW(x, message_recall);
        b->recall->recalled_id = id_of(x, xml_text(recall, "RecallMessageID"));
        b->recall->type =
            (Eocbus__V1__RecallType)word_number(xml_text(recall, "RecallType"), recalls, 3);
    }
}

static void read_lists(struct xml *x, const struct xml_node *root, Eocbus__V1__RequestResource *b)
{
    size_t funding = xml_count(root, "Funding"), contacts = xml_count(root, "ContactInformation"),
           lines = xml_count(root, "ResourceInformation");
    const struct xml_node *n = xml_child(root, "Funding");

    b->funding = new_list(x, &funding, 8);
    for (; n && b->n_funding < funding; n = xml_next(n)) {
        Eocbus__V1__Funding *f = NEW(x, funding);

        f->code = text_of(x, n, "FundCode", 60);
        f->text = text_of(x, n, "FundingInfo", 500);
        b->funding[b->n_funding++] = f;
    }
    b->contacts = new_list(x, &contacts, 12);
    for (n = xml_child(root, "ContactInformation"); n && b->n_contacts < contacts; n = xml_next(n))
        b->contacts[b->n_contacts++] = read_contact(x, n);
    b->lines = new_list(x, &lines, LINES_MAX);
    for (n = xml_child(root, "ResourceInformation"); n && b->n_lines < lines; n = xml_next(n))
        b->lines[b->n_lines++] = read_line(x, n);
}

/* The body in the shape of its own type; an offer has no funding. */
static void put_body(struct xml *x, Eocbus__V1__Envelope *m, unsigned type,
                     const Eocbus__V1__RequestResource *b)
{
    const ProtobufCMessageDescriptor *d =
        protobuf_c_message_descriptor_get_field(m->base.descriptor, type)->descriptor;
    Eocbus__V1__RequestResource *own = new_message(x, d);

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
    f->utc_offset_min = offset_of(xml_text(root, "SentDateTime"));
    form_set_foreign(m, f);
    if (x->full)
        snprintf(err, err_size, "out of memory");
    *out = m;
    return x->full ? ST_NOMEM : ST_OK;
}
