/* edxl_contact - where and who: places and people of a document. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/edxl_parts.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

enum { POLYGON_MAX = 500 };

/* --- places ----------------------------------------------------------------------------------- */

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
    if (!edxl_decimal(number, &value, &scale) || scale > 7)
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

Eocbus__V1__Area *edxl_location(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *address = xml_child(xml_child(from, "Address"), "FreeTextAddress"),
                          *line;
    size_t n = xml_count(address, "AddressLine");
    Eocbus__V1__Area *a;
    char **codes;

    if (!from)
        return NULL;
    a = NEW(x, area);
    a->place_name = edxl_text_of(x, from, "LocationDescription", 200);
    codes = edxl_list(x, &n, 8);
    for (line = xml_child(address, "AddressLine"); line && a->n_pcodes < n; line = xml_next(line))
        if (gate_pcode_is_valid(line->text))
            codes[a->n_pcodes++] = edxl_fitting(x, line->text, 20);
    a->pcodes = codes;
    take_shape(x, a, xml_child(from, "TargetArea"));
    return a;
}

/* --- people ----------------------------------------------------------------------------------- */

/* All NameElements with a blank between them. */
static char *whole_name(struct xml *x, const struct xml_node *name)
{
    struct buf all = {0};
    char *text;

    for (const struct xml_node *n = xml_child(name, "NameElement"); n; n = xml_next(n))
        buf_printf(&all, "%s%s", all.len ? " " : "", n->text);
    buf_put(&all, "", 1);
    x->full |= all.failed;
    text = edxl_fitting(x, all.failed ? "" : (const char *)all.data, 200);
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
    text = edxl_fitting(x, all.failed ? "" : (const char *)all.data, 20);
    buf_free(&all);
    return text;
}

Eocbus__V1__Contact *edxl_contact(struct xml *x, const struct xml_node *from)
{
    const struct xml_node *party = xml_child(from, "AdditionalContactInformation"),
                          *name = xml_child(party, "PartyName");
    Eocbus__V1__Contact *c = NEW(x, contact);

    c->role = edxl_text_of(x, from, "ContactRole", 40);
    c->name = whole_name(x, xml_child(name, "PersonName"));
    if (!*c->name)
        c->name = edxl_text_of(x, from, "ContactDescription", 200);
    c->agency = whole_name(x, xml_child(name, "OrganisationName"));
    c->radio = edxl_text_of(x, xml_child(from, "Radio"), "RadioChannel", 60);
    c->phone = whole_phone(x, xml_child(xml_child(party, "ContactNumbers"), "ContactNumber"));
    c->email = edxl_text_of(x, xml_child(party, "ElectronicAddressIdentifiers"),
                            "ElectronicAddressIdentifier", 120);
    return c;
}
