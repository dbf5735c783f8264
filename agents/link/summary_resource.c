/* summary_resource - the sixteen EDXL-RM messages: one shape, so one sentence for all of them. */
#include <string.h>

#include "agents/link/summary.h"
#include "agents/link/summary_bodies.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* The sixteen are types of their own in C; what they share is found by name. */
static const Eocbus__V1__ResourceLine *const *lines_of(const ProtobufCMessage *body, size_t *count)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(body->descriptor, "lines");
    const char *base = (const char *)body;

    *count = 0;
    if (!f || f->descriptor != &eocbus__v1__resource_line__descriptor)
        return NULL;
    memcpy(count, base + f->quantifier_offset, sizeof(*count));
    return *(const Eocbus__V1__ResourceLine *const *const *)(const void *)(base + f->offset);
}

static const char *text_of(const ProtobufCMessage *body, const char *name)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(body->descriptor, name);
    const char *const *text;

    if (!f || f->type != PROTOBUF_C_TYPE_STRING)
        return "";
    text = (const char *const *)(const void *)((const char *)body + f->offset);
    return *text ? *text : "";
}

static void say_response(struct buf *b, const Eocbus__V1__ResponseInfo *r)
{
    SAY(b, response_type, r->type);
    if (r->reason) {
        buf_puts(b, " (");
        SAY(b, decline_reason, r->reason);
        buf_puts(b, ")");
    }
}

static void say_schedules(struct buf *b, const Eocbus__V1__ResourceLine *l)
{
    for (size_t i = 0; i < l->n_schedules && i < 2; i++) {
        const Eocbus__V1__Schedule *s = l->schedules[i];

        buf_puts(b, ", ");
        SAY(b, schedule_type, s->type);
        say_time(b, " ", s->time_us);
        if (s->location && s->location->place_name && *s->location->place_name)
            say_text(b, " at ", s->location->place_name);
        else if (s->location && s->location->n_pcodes)
            say_text(b, " at ", s->location->pcodes[0]);
    }
}

static void say_line(struct buf *b, const Eocbus__V1__ResourceLine *l)
{
    bool said = false;

    if (l->resource) {
        const char *name =
            l->resource->name && *l->resource->name ? l->resource->name : l->resource->kind;

        say_text(b, "", name);
        said = name && *name;
    }
    if (l->assignment && l->assignment->quantity) {
        buf_puts(b, said ? " x" : "x");
        say_quantity(b, l->assignment->quantity);
        said = true;
    }
    if (l->response) {
        buf_puts(b, said ? ": " : "");
        say_response(b, l->response);
    }
    say_schedules(b, l);
}

bool say_resource_body(struct buf *b, const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = type_by_number((unsigned)m->body_case);
    const ProtobufCMessage *body =
        (const ProtobufCMessage *)m->request_resource; /* any of the oneof */
    const Eocbus__V1__ResourceLine *const *lines;
    size_t count;

    if (!type || strcmp(type->family, "resource") != 0 || !body)
        return false;
    buf_puts(b, type->descriptor->short_name);
    lines = lines_of(body, &count);
    for (size_t i = 0; i < count && i < 4; i++) {
        buf_puts(b, i ? "; " : ": ");
        say_line(b, lines[i]);
    }
    if (count > 4)
        buf_printf(b, " and %zu more", count - 4);
    say_place(b, ", for ", m);
    if (count == 0)
        say_long(b, ": ", text_of(body, "description"), 120);
    return true;
}
