/* edxl_forms - the whole ways: import tries the way back before it believes itself, export reads
 * what it wrote. */
#include "agents/ctl/edxl_forms.h"

#include <stdio.h>
#include <string.h>

#include "agents/ctl/edxl_xml.h"
#include "proto/wire/edxl.h"
#include "proto/wire/rules.h"

#include "proto/base/banned.h"

/* --- what differs between two messages -------------------------------------------------------- */

struct place {
    const struct place *up;
    const char *field;
    long index;
};

static void say_place(struct buf *out, const struct place *p)
{
    if (!p)
        return;
    say_place(out, p->up);
    buf_printf(out, "%s%s", p->up ? "." : "", p->field);
    if (p->index >= 0)
        buf_printf(out, "[%ld]", p->index);
}

static void differs(struct buf *out, const ProtobufCMessage *a, const ProtobufCMessage *b,
                    const struct place *up);

/* One value of each; `what` is a line for every field that is not the same. */
static void value_differs(struct buf *out, const ProtobufCFieldDescriptor *f, const void *a,
                          const void *b, const struct place *at)
{
    bool same;

    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *m = *(ProtobufCMessage *const *)a,
                               *n = *(ProtobufCMessage *const *)b;

        if (m && n) {
            differs(out, m, n, at);
            return;
        }
        same = !m && !n;
    } else if (f->type == PROTOBUF_C_TYPE_STRING) {
        const char *s = *(char *const *)a, *t = *(char *const *)b;

        same = strcmp(s ? s : "", t ? t : "") == 0;
    } else if (f->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *s = a, *t = b;

        same = s->len == t->len && (!s->len || memcmp(s->data, t->data, s->len) == 0);
    } else {
        same = memcmp(a, b, rule_element_size(f->type)) == 0;
    }
    if (same)
        return;
    say_place(out, at);
    buf_puts(out, "\n");
}

static void list_differs(struct buf *out, const ProtobufCFieldDescriptor *f, const char *a,
                         const char *b, struct place *at)
{
    size_t n = *(const size_t *)(a + f->quantifier_offset),
           m = *(const size_t *)(b + f->quantifier_offset);
    const char *s = *(const char *const *)(a + f->offset),
               *t = *(const char *const *)(b + f->offset);
    size_t size = rule_element_size(f->type);

    for (size_t i = 0; i < n && i < m; i++) {
        at->index = (long)i;
        value_differs(out, f, s + i * size, t + i * size, at);
    }
    for (size_t i = m; i < n; i++) {
        at->index = (long)i;
        say_place(out, at);
        buf_puts(out, "\n");
    }
}

/* Types that contain themselves do not exist here, so this ends. */
static void differs(struct buf *out, const ProtobufCMessage *a, const ProtobufCMessage *b,
                    const struct place *up)
{
    for (unsigned i = 0; i < a->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &a->descriptor->fields[i];
        struct place at = {up, f->name, -1};

        if (strcmp(f->name, "foreign") == 0)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            list_differs(out, f, (const char *)a, (const char *)b, &at);
        else
            value_differs(out, f, (const char *)a + f->offset, (const char *)b + f->offset, &at);
    }
}

/* Body and thread of two messages of one type. */
static void message_differs(struct buf *out, const Eocbus__V1__Envelope *a,
                            const Eocbus__V1__Envelope *b)
{
    static const char *const fields[] = {"message_id", "preceding_id", "incident_ids"};

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const ProtobufCFieldDescriptor *f =
            protobuf_c_message_descriptor_get_field_by_name(a->base.descriptor, fields[i]);
        struct place at = {NULL, f->name, -1};

        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            list_differs(out, f, (const char *)a, (const char *)b, &at);
        else
            value_differs(out, f, (const char *)a + f->offset, (const char *)b + f->offset, &at);
    }
    differs(out, (const ProtobufCMessage *)a->request_resource,
            (const ProtobufCMessage *)b->request_resource, NULL);
}

/* --- import ----------------------------------------------------------------------------------- */

static enum status keep(Eocbus__V1__Envelope *m, const struct xml_node *document, struct xml *x,
                        char *err, size_t err_size)
{
    Eocbus__V1__ForeignForm *f = form_foreign(m);
    struct xml_node *again;
    enum status st = kept_find(f, document, form_write(x, m), x);

    if (st == ST_OK) {
        again = form_write(x, m);
        st = kept_put(again, f, x);
        if (st == ST_OK && !xml_same(again, document))
            st = ST_INVALID;
    }
    if (st != ST_OK)
        snprintf(err, err_size, "%s",
                 st == ST_NOMEM  ? "out of memory"
                 : st == ST_FULL ? "says more beside the fields of ours than a message can keep"
                                 : "could not be given back as it came, so it is not taken");
    return st;
}

static void say_kept(struct buf *kept, const Eocbus__V1__ForeignForm *f,
                     const struct xml_node *document, unsigned left_out)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        if (f->parts[i]->as == EOCBUS__V1__KEPT_AS__KEPT_AS_NOTHING)
            continue;
        kept_name(kept, document, f->parts[i]);
        buf_puts(kept, "\n");
    }
    if (left_out)
        buf_printf(kept, "(left out: %u comments and processing instructions)\n", left_out);
}

enum status form_import(Eocbus__V1__Envelope **out, struct buf *kept, const void *bytes, size_t len,
                        struct xml *x, char *err, size_t err_size)
{
    struct xml_node *document;
    unsigned left_out;
    Eocbus__V1__ForeignForm *f;
    enum status st = xml_read(&document, &left_out, bytes, len, x, err, err_size);

    if (st == ST_OK)
        st = form_read(out, document, x, err, err_size);
    if (st == ST_OK)
        st = keep(*out, document, x, err, err_size);
    if (st != ST_OK)
        return st;
    f = form_foreign(*out);
    say_kept(kept, f, document, left_out);
    return ST_OK;
}

/* --- export ----------------------------------------------------------------------------------- */

/* What the document says in fields of ours, read as a stranger would. */
static enum status read_again(Eocbus__V1__Envelope **out, const struct xml_node *root,
                              struct xml *x, char *err, size_t err_size)
{
    struct xml_node *again;
    struct buf text = {0};
    enum status st = ST_NOMEM;

    xml_write(&text, root);
    if (!text.failed)
        st = xml_read(&again, NULL, text.data, text.len, x, err, err_size);
    buf_free(&text);
    return st == ST_OK ? form_read(out, again, x, err, err_size) : st;
}

/* With what was kept, if that says nothing else than the fields: a document that tells strangers
 * another number than our screens show would be worse than one that is not whole. */
static struct xml_node *with_kept(const Eocbus__V1__Envelope *m, const Eocbus__V1__Envelope *plain,
                                  struct buf *lost, struct xml *x)
{
    const Eocbus__V1__ForeignForm *f = form_foreign(m);
    struct xml_node *root = form_write(x, m);
    Eocbus__V1__Envelope *said;
    struct buf other = {0};
    char err[200];

    if (!f || !f->n_parts)
        return root;
    if (kept_put(root, f, x) == ST_OK && read_again(&said, root, x, err, sizeof(err)) == ST_OK)
        message_differs(&other, plain, said);
    else
        buf_puts(&other, "x");
    if (other.len) {
        buf_puts(lost, "foreign (what was kept does not fit the fields, and is left out)\n");
        root = form_write(x, m);
    }
    buf_free(&other);
    return root;
}

static void say_envelope(struct buf *lost, const Eocbus__V1__Envelope *m)
{
    if (m->not_after_us)
        buf_puts(lost, "not_after_us\n");
    if (m->area)
        buf_puts(lost, "area\n");
    if (m->n_to)
        buf_puts(lost, "to\n");
}

enum status form_export(struct buf *out, struct buf *lost, const Eocbus__V1__Envelope *m,
                        struct xml *x, char *err, size_t err_size)
{
    Eocbus__V1__Envelope *plain;
    struct xml_node *root;
    enum status st;

    if (!edxl_name((unsigned)m->body_case)) {
        snprintf(err, err_size, "it is none of the sixteen messages of EDXL-RM");
        return ST_INVALID;
    }
    st = read_again(&plain, form_write(x, m), x, err, err_size);
    if (st != ST_OK)
        return st;
    root = with_kept(m, plain, lost, x);
    message_differs(lost, m, plain);
    say_envelope(lost, m);
    xml_write(out, root);
    if (out->failed || lost->failed || x->full) {
        snprintf(err, err_size, "out of memory");
        return ST_NOMEM;
    }
    return ST_OK;
}
