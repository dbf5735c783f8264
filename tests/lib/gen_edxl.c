#include "tests/lib/gen_edxl.h"

#include <stdbool.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/edxl.h"

/* The sixteen have one shape; RequestResource stands for all. */
typedef Eocbus__V1__RequestResource Body;
typedef Eocbus__V1__ResourceLine Line;

static const Eocbus__V1__ResponseType DECLINE = EOCBUS__V1__RESPONSE_TYPE__RESPONSE_TYPE_DECLINE;

static char *word(const char *text)
{
    return (char *)(uintptr_t)text;
}

static bool is_empty(const char *text)
{
    return !text || !*text;
}

/* -1 take out, 1 must be there, 0 as you like */
static int want(unsigned type, const char *element)
{
    char letter = edxl_letter(type, element);

    return letter == '-' ? -1 : letter == 'R';
}

static void blank(char **field, int wanted, const char *something)
{
    if (wanted < 0)
        *field = word("");
    if (wanted > 0 && is_empty(*field))
        *field = word(something);
}

static void obey_contact(struct gen *g, Eocbus__V1__Contact *c)
{
    static const char *const roles[] = {
        "", "Sender", "Requester", "SubjectMatterExpert", "Approver", "RespondingOrg", "Owner"};

    c->role = word(roles[gen_below(g, ARRAY_LEN(roles))]);
    if (is_empty(c->role) && is_empty(c->name))
        c->name = word("duty officer");
}

static void obey_head(struct gen *g, unsigned type, Eocbus__V1__Envelope *m, Body *b)
{
    int preceding = want(type, "PrecedingMessageID");

    if (preceding < 0)
        m->preceding_id.len = 0;
    if (preceding > 0 && !m->preceding_id.len)
        m->preceding_id = m->message_id;
    for (size_t i = 0; i < b->n_funding; i++)
        if (is_empty(b->funding[i]->code))
            blank(&b->funding[i]->text, 1, "district fund");
    for (size_t i = 0; i < b->n_contacts; i++)
        obey_contact(g, b->contacts[i]);
}

static void obey_status(unsigned type, Eocbus__V1__ResourceStatus *s)
{
    int deployment = want(type, "DeploymentStatus");

    if (want(type, "InventoryRefreshDateTime") < 0)
        s->counted_us = 0;
    if (!s->readiness)
        blank(&s->deployment, deployment, "in transit");
    blank(&s->text, want(type, "Availability"), "from noon on");
}

static void obey_resource(struct gen *g, unsigned type, Eocbus__V1__Resource *r,
                          struct arena *arena)
{
    int owned = want(type, "OwnershipInformation");

    if (is_empty(r->resource_id) && is_empty(r->name))
        blank(&r->kind, 1, "excavator");
    if (want(type, "ResponsibleParty") < 0)
        r->responsible = NULL;
    if (r->responsible)
        obey_contact(g, r->responsible);
    blank(&r->jurisdiction, owned, "");
    blank(&r->home, owned, "");
    blank(&r->owner, owned < 0 ? -1 : !is_empty(r->home), "road authority");
    if (want(type, "ResourceStatus") < 0)
        r->status = NULL;
    if (want(type, "ResourceStatus") > 0 && !r->status)
        r->status = (void *)gen_message(g, &eocbus__v1__resource_status__descriptor, arena);
    if (r->status)
        obey_status(type, r->status);
}

static void obey_assignment(struct gen *g, unsigned type, Eocbus__V1__Assignment *a,
                            struct arena *arena)
{
    int price = want(type, "PriceQuote"), how = want(type, "AssignmentInstructions");

    if (want(type, "Quantity") > 0 && !a->quantity)
        a->quantity = (void *)gen_message(g, &eocbus__v1__quantity__descriptor, arena);
    if (price < 0)
        a->price = NULL;
    if (!a->price)
        blank(&a->price_text, price, "fuel only");
    blank(&a->order_id, want(type, "OrderID"), "");
    blank(&a->transport, how, "");
    blank(&a->navigation, how, "");
    blank(&a->reporting, how, "");
}

static void obey_schedules(unsigned type, Line *l)
{
    for (size_t i = 0; i < l->n_schedules; i++) {
        int at = (int)l->schedules[i]->type;

        while (edxl_schedule_letter(type, at) != 'O')
            at = at % EDXL_SCHEDULES + 1;
        l->schedules[i]->type = (Eocbus__V1__ScheduleType)at;
    }
}

/* What a response makes of a line: yes and perhaps say what, no says no more. */
static void obey_response(struct gen *g, unsigned type, Line *l, struct arena *arena)
{
    bool commits = strcmp(edxl_name(type), "CommitResource") == 0;

    if (!l->response)
        return;
    if (!l->response->reason)
        blank(&l->response->text, 1, "the road is closed");
    if (l->response->type != DECLINE && edxl_letter(type, "ResponseInformation") == 'R' &&
        !l->resource)
        l->resource = (void *)gen_message(g, &eocbus__v1__resource__descriptor, arena);
    if (commits && l->response->type == DECLINE) {
        l->assignment = NULL;
        l->n_schedules = 0;
    }
    if (commits && l->response->type != DECLINE && !l->assignment)
        l->assignment = (void *)gen_message(g, &eocbus__v1__assignment__descriptor, arena);
    if (commits && l->response->type != DECLINE && !l->n_schedules) {
        l->schedules = arena_alloc(arena, sizeof(l->schedules[0]));
        l->schedules[0] = (void *)gen_message(g, &eocbus__v1__schedule__descriptor, arena);
        l->n_schedules = 1;
    }
}

static void obey_line(struct gen *g, unsigned type, Line *l, struct arena *arena)
{
    if (want(type, "ResponseInformation") < 0)
        l->response = NULL;
    if (want(type, "ResponseInformation") > 0 && !l->response)
        l->response = (void *)gen_message(g, &eocbus__v1__response_info__descriptor, arena);
    if (want(type, "Resource") > 0 && !l->resource)
        l->resource = (void *)gen_message(g, &eocbus__v1__resource__descriptor, arena);
    if (want(type, "AssignmentInformation") > 0 && !l->assignment)
        l->assignment = (void *)gen_message(g, &eocbus__v1__assignment__descriptor, arena);
    obey_response(g, type, l, arena);
    if (l->resource)
        obey_resource(g, type, l->resource, arena);
    if (l->assignment)
        obey_assignment(g, type, l->assignment, arena);
    obey_schedules(type, l);
}

void gen_edxl_obey(struct gen *g, Eocbus__V1__Envelope *m, struct arena *arena)
{
    unsigned type = (unsigned)m->body_case;
    Body b;

    if (!edxl_name(type))
        return;
    edxl_body(&b, m);
    if (b.foreign)
        b.foreign->n_parts = 0; /* belongs to a document that nobody has */
    obey_head(g, type, m, &b);
    for (size_t i = 0; i < b.n_lines; i++)
        obey_line(g, type, b.lines[i], arena);
}
