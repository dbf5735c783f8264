/* edxl_kept - the difference between two documents as a list of small steps, and its way back.
 *
 * Steps are in document order. A place is the way down from the root, children counted from 0 in
 * the document as it is when the steps before were taken; what stands left of a place is then right
 * already. "3/0" is the first child of the fourth, "3/0@xnl:ElementType" an attribute of it, "" the
 * root.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/edxl_forms.h"
#include "agents/ctl/edxl_xml.h"

#include "proto/base/banned.h"

#define TEXT    EOCBUS__V1__KEPT_AS__KEPT_AS_TEXT
#define ELEMENT EOCBUS__V1__KEPT_AS__KEPT_AS_ELEMENT
#define NOTHING EOCBUS__V1__KEPT_AS__KEPT_AS_NOTHING

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

enum { PARTS_MAX = 500, VALUE_MAX = 8000, AT_MAX = 200 };

struct finding {
    struct xml *x;
    Eocbus__V1__ForeignForm *out;
    bool too_many;
};

/* --- finding ---------------------------------------------------------------------------------- */

static void note(struct finding *f, Eocbus__V1__KeptAs as, const char *at, const char *value)
{
    Eocbus__V1__KeptPart *p;

    if (f->out->n_parts == PARTS_MAX || strlen(value) > VALUE_MAX || strlen(at) > AT_MAX) {
        f->too_many = true;
        return;
    }
    p = xml_room(f->x, sizeof(*p));
    eocbus__v1__kept_part__init(p);
    p->as = as;
    p->at = xml_copy(f->x, at, strlen(at));
    p->value = xml_copy(f->x, value, strlen(value));
    f->out->parts[f->out->n_parts++] = p;
}

/* "@prefix:name" with a prefix of ours, else "@{namespace}name", or the name alone. */
static const char *attr_place(struct finding *f, const char *at, const struct xml_attr *a)
{
    const char *prefix = *a->ns ? xml_prefix(a->ns) : NULL;

    if (prefix && *prefix)
        return xml_say(f->x, "%.120s@%s:%.60s", at, prefix, a->name);
    return xml_say(f->x, "%.120s@%s%.200s%s%.60s", at, *a->ns ? "{" : "", a->ns, *a->ns ? "}" : "",
                   a->name);
}

static void compare_attrs(struct finding *f, const char *at, const struct xml_node *document,
                          const struct xml_node *made)
{
    for (const struct xml_attr *a = document->attrs; a; a = a->next) {
        const struct xml_attr *b = xml_attr(made, a->ns, a->name);

        if (!b || strcmp(a->value, b->value) != 0)
            note(f, TEXT, attr_place(f, at, a), a->value);
    }
    for (const struct xml_attr *b = made->attrs; b; b = b->next)
        if (!xml_attr(document, b->ns, b->name))
            note(f, NOTHING, attr_place(f, at, b), "");
}

static bool same_name(const struct xml_node *a, const struct xml_node *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->ns, b->ns) == 0;
}

static bool comes_later(const struct xml_node *n, const struct xml_node *from)
{
    for (; from; from = from->next)
        if (same_name(n, from))
            return true;
    return false;
}

static void note_element(struct finding *f, const char *at, const struct xml_node *n)
{
    struct buf part = {0};

    xml_write_part(&part, n);
    buf_put(&part, "", 1);
    f->x->full |= part.failed;
    note(f, ELEMENT, at, part.failed ? "" : (const char *)part.data);
    buf_free(&part);
}

/* Children in step while they have the same names; depth is bounded by the reader's. */
static void compare(struct finding *f, const char *at, const struct xml_node *document,
                    const struct xml_node *made)
{
    const struct xml_node *d = document->first, *m = made->first;
    unsigned index = 0;

    compare_attrs(f, at, document, made);
    if (strcmp(document->text, made->text) != 0)
        note(f, TEXT, at, document->text);
    while ((d || m) && !f->too_many && !f->x->full) {
        const char *here = xml_say(f->x, "%s%s%u", at, *at ? "/" : "", index);

        if (d && m && same_name(d, m)) {
            compare(f, here, d, m);
            d = d->next, m = m->next, index++;
        } else if (!d || (m && !comes_later(m, d))) {
            note(f, NOTHING, here, "");
            m = m->next;
        } else {
            note_element(f, here, d);
            d = d->next, index++;
        }
    }
}

enum status kept_find(Eocbus__V1__ForeignForm *out, const struct xml_node *document,
                      const struct xml_node *made, struct xml *x)
{
    struct finding f = {x, out, false};

    out->n_parts = 0;
    out->parts = arena_alloc(x->arena, PARTS_MAX * sizeof(out->parts[0]));
    if (!out->parts)
        return ST_NOMEM;
    compare(&f, "", document, made);
    if (x->full)
        return ST_NOMEM;
    return f.too_many ? ST_FULL : ST_OK;
}

/* --- putting back ----------------------------------------------------------------------------- */

/* The place where a pointer to the index-th child stands; NULL if there are fewer before it. */
static struct xml_node **child_slot(struct xml_node *parent, unsigned long index)
{
    struct xml_node **slot = &parent->first;

    for (; index && *slot; index--)
        slot = &(*slot)->next;
    return index ? NULL : slot;
}

/* Follows "3/0@..." down. *last: the slot of the last step, or NULL for the root; *attr: what
 * follows @. */
static struct xml_node *follow(struct xml_node *root, const char *at, bool to_parent,
                               struct xml_node ***last, const char **attr)
{
    struct xml_node *n = root;

    *last = NULL;
    *attr = strchr(at, '@');
    while (*at && *at != '@') {
        char *end;
        unsigned long index = strtoul(at, &end, 10);
        struct xml_node **slot;

        if (end == at || (*end && *end != '/' && *end != '@') || index > XML_NODES_MAX)
            return NULL;
        slot = child_slot(n, index);
        *last = slot;
        if (!slot)
            return NULL;
        at = *end == '/' ? end + 1 : end;
        if (to_parent && !*at)
            return n;
        n = *slot;
        if (!n)
            return NULL;
    }
    return n;
}

/* The namespace that a place names, "" for none; *name is what follows. */
static const char *place_namespace(struct xml *x, const char *place, const char **name)
{
    const char *close = *place == '{' ? strchr(place, '}') : NULL;
    const char *colon = close ? NULL : strchr(place, ':'), *ns = NULL;

    *name = close ? close + 1 : colon ? colon + 1 : place;
    if (close)
        return xml_copy(x, place + 1, (size_t)(close - place - 1));
    if (colon)
        ns = xml_namespace(xml_copy(x, place, (size_t)(colon - place)));
    return ns ? ns : "";
}

static bool put_attr(struct xml *x, struct xml_node *n, const char *place, const char *value)
{
    const char *name, *ns = place_namespace(x, place, &name);
    struct xml_attr **a = &n->attrs;

    if (!*name || strspn(name, NAME_CHARS) != strlen(name))
        return false;
    while (*a && (strcmp((*a)->ns, ns) != 0 || strcmp((*a)->name, name) != 0))
        a = &(*a)->next;
    if (!value && *a)
        *a = (*a)->next;
    else if (value && *a)
        (*a)->value = value;
    else if (value)
        xml_set(x, n, ns, name, value);
    return true;
}

static bool put_element(struct xml *x, struct xml_node **slot, const char *part)
{
    struct buf text = {0};
    struct xml_node *wrap;
    char err[200];
    enum status st = ST_NOMEM;

    xml_write_wrap(&text, part);
    if (!text.failed)
        st = xml_read(&wrap, NULL, text.data, text.len, x, err, sizeof(err));
    buf_free(&text);
    if (st != ST_OK || !wrap->first || wrap->first->next)
        return false;
    wrap->first->next = *slot;
    *slot = wrap->first;
    return true;
}

static bool put_part(struct xml *x, struct xml_node *root, const Eocbus__V1__KeptPart *p)
{
    bool whole = p->as != TEXT && !strchr(p->at, '@');
    struct xml_node **slot, *n;
    const char *attr;

    n = follow(root, p->at, whole, &slot, &attr);
    if (!n || (whole && !slot))
        return false;
    if (attr)
        return put_attr(x, n, attr + 1, p->as == NOTHING ? NULL : p->value);
    if (p->as == TEXT)
        n->text = p->value;
    else if (slot && p->as == ELEMENT)
        return put_element(x, slot, p->value);
    else if (slot && p->as == NOTHING && *slot)
        *slot = (*slot)->next;
    else
        return false;
    return true;
}

enum status kept_put(struct xml_node *made, const Eocbus__V1__ForeignForm *f, struct xml *x)
{
    for (size_t i = 0; f && i < f->n_parts; i++)
        if (!put_part(x, made, f->parts[i]))
            return ST_INVALID;
    return x->full ? ST_NOMEM : ST_OK;
}

/* --- for people ------------------------------------------------------------------------------- */

void kept_name(struct buf *out, const struct xml_node *document, const Eocbus__V1__KeptPart *p)
{
    const struct xml_node *n = document;
    const char *at = p->at;

    while (*at && *at != '@' && n) {
        char *end;
        unsigned long index = strtoul(at, &end, 10);
        const struct xml_node *child = n->first;

        for (; index && child; index--)
            child = child->next;
        if (!child)
            break;
        xml_name_step(out, n, child);
        n = child;
        at = *end == '/' ? end + 1 : end;
    }
    if (!*p->at)
        buf_puts(out, "/");
    if (*at == '@')
        buf_printf(out, "/%s", at);
}
