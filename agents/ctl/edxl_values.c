/* edxl_values - one value of a document, as a field has it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/ctl/edxl_parts.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/wire/edxl.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

enum { LINE_NUMBERS = 100000 };

void *edxl_new(struct xml *x, const ProtobufCMessageDescriptor *d)
{
    void *m = xml_room(x, d->sizeof_message);

    protobuf_c_message_init(d, m);
    return m;
}

void *edxl_list(struct xml *x, size_t *n, size_t most)
{
    *n = *n < most ? *n : most;
    return xml_room(x, (*n ? *n : 1) * sizeof(void *));
}

char *edxl_fitting(struct xml *x, const char *text, size_t most)
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

char *edxl_text_of(struct xml *x, const struct xml_node *parent, const char *name, size_t most)
{
    return edxl_fitting(x, xml_text(parent, name), most);
}

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

ProtobufCBinaryData edxl_id_of(struct xml *x, const char *text)
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

bool edxl_decimal(const char *text, int64_t *value, uint32_t *scale)
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

int edxl_enum(const ProtobufCEnumDescriptor *d, const char *prefix, const char *word)
{
    char name[80];
    const ProtobufCEnumValue *v;

    snprintf(name, sizeof(name), "%s%s", prefix, word);
    v = protobuf_c_enum_descriptor_get_value_by_name(d, name);
    return v ? v->value : 0;
}

int edxl_word_number(const char *word, const char *const *words, int count)
{
    for (int i = 1; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return 0;
}

int64_t edxl_time_of(const char *text)
{
    int64_t us;

    return *text && time_parse(&us, text) ? us : 0;
}

int edxl_offset_of(const char *text)
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

Eocbus__V1__ForeignForm *form_foreign(const Eocbus__V1__Envelope *m)
{
    Eocbus__V1__RequestResource b;

    edxl_body(&b, m);
    return b.foreign;
}

void form_set_foreign(Eocbus__V1__Envelope *m, Eocbus__V1__ForeignForm *f)
{
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_OFFER_UNSOLICITED_RESOURCE)
        m->offer_unsolicited_resource->foreign = f;
    else
        m->request_resource->foreign = f;
}
