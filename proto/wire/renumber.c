#include "proto/wire/renumber.h"

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/banned.h"
#include "proto/base/ids.h"
#include "proto/wire/rules.h"

struct walk {
    void (*id)(void *arg, uint8_t bytes[16]);
    void *arg;
};

static void visit_message(const struct walk *w, ProtobufCMessage *m, const struct plan *plan);

static void visit_value(const struct walk *w, const struct rule *r, ProtobufCType type, void *v)
{
    if (type == PROTOBUF_C_TYPE_MESSAGE) {
        visit_message(w, *(ProtobufCMessage **)v, r->sub);
    } else {
        ProtobufCBinaryData *b = v;

        if (b->len == ID_BYTES)
            w->id(w->arg, b->data);
    }
}

static void visit_field(const struct walk *w, ProtobufCMessage *m,
                        const ProtobufCFieldDescriptor *f, const struct rule *r)
{
    char *base = (char *)m, *v = base + f->offset;

    if (f->label != PROTOBUF_C_LABEL_REPEATED) {
        visit_value(w, r, f->type, v);
        return;
    }
    for (size_t i = 0, n = *(size_t *)(base + f->quantifier_offset); i < n; i++)
        visit_value(w, r, f->type, *(char **)v + i * rule_element_size(f->type));
}

static void visit_message(const struct walk *w, ProtobufCMessage *m, const struct plan *plan)
{
    for (unsigned i = 0; i < plan->n_rules; i++) {
        const ProtobufCFieldDescriptor *f = &plan->descriptor->fields[i];
        const struct rule *r = &plan->rules[i];
        bool holds_ids = f->type == PROTOBUF_C_TYPE_MESSAGE ||
                         (f->type == PROTOBUF_C_TYPE_BYTES && (r->flags & RULE_ID));

        if (holds_ids && rule_is_set(m, f))
            visit_field(w, m, f, r);
    }
}

void renumber(ProtobufCMessage *m, void (*id)(void *arg, uint8_t bytes[16]), void *arg)
{
    const struct walk w = {id, arg};

    visit_message(&w, m, plan_of(m->descriptor));
}
