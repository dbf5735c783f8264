#include "tests/lib/gen_message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"
#include "proto/wire/types.h"
#include "tests/lib/gen_edxl.h"

void gen_seed(struct gen *g, uint64_t seed)
{
    g->state = seed;
    g->percent = 0;
}

/* splitmix64: every seed is a good seed. */
uint64_t gen_u64(struct gen *g)
{
    uint64_t z = (g->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t gen_below(struct gen *g, uint64_t n)
{
    return gen_u64(g) % n;
}

static bool chance(struct gen *g, unsigned percent)
{
    return gen_below(g, 100) < percent;
}

/* Mostly small, now and then at an edge. */
static uint64_t pick_size(struct gen *g, uint64_t lo, uint64_t hi, uint64_t usual)
{
    uint64_t span = hi - lo < usual ? hi - lo : usual;

    if (chance(g, 3))
        return lo;
    return lo + gen_below(g, span + 1);
}

static int64_t pick_in(struct gen *g, int64_t lo, int64_t hi)
{
    uint64_t span = (uint64_t)hi - (uint64_t)lo;

    if (chance(g, 10))
        return chance(g, 50) ? lo : hi;
    if (chance(g, 30) && span > 1000)
        span = 1000;
    return (int64_t)((uint64_t)lo + (span == UINT64_MAX ? gen_u64(g) : gen_below(g, span + 1)));
}

static int64_t pick_integer(struct gen *g, const struct rule *r, int64_t lo, int64_t hi,
                            bool not_zero)
{
    int64_t v;

    if (r->flags & RULE_TIME)
        return pick_in(g, RULE_TIME_MIN_US, RULE_TIME_MAX_US);
    if (r->flags & RULE_RANGE) {
        lo = r->lo > lo ? r->lo : lo;
        hi = r->hi < hi ? r->hi : hi;
    }
    do
        v = pick_in(g, lo, hi);
    while (v == 0 && not_zero);
    return v;
}

static uint64_t pick_u64(struct gen *g, const struct rule *r, bool not_zero)
{
    uint64_t v;

    if (r->flags & RULE_RANGE)
        return (uint64_t)pick_integer(g, r, 0, INT64_MAX, not_zero);
    do
        v = gen_u64(g) >> gen_below(g, 64);
    while (v == 0 && not_zero);
    return v;
}

static int pick_enum(struct gen *g, const ProtobufCEnumDescriptor *e, bool not_zero)
{
    int v;

    do
        v = e->values[gen_below(g, e->n_values)].value;
    while (v == 0 && not_zero);
    return v;
}

/* Exactly `len` bytes of UTF-8: ASCII with quotes, backslashes and line ends, Tajik, Chinese,
 * emoji. */
static void fill_text(struct gen *g, char *out, size_t len)
{
    static const char *const sample[] = {"a", "Z",    "7", " ", "\"", "\\", "/", "\n", "\t", "\x01",
                                         "<", "\x7f", "қ", "ӣ", "Ҷ",  "я",  "€", "山", "😀"};
    size_t at = 0;

    while (at < len) {
        const char *s = sample[gen_below(g, ARRAY_LEN(sample))];

        if (strlen(s) > len - at)
            s = "x";
        memcpy(out + at, s, strlen(s));
        at += strlen(s);
    }
    out[len] = '\0';
}

static void fill_pcode(struct gen *g, char out[16])
{
    static const char *const known[] = {"3505203",    "3505217",      "3505000", "3501000",
                                        "3505203001", "350520300112", "KG02203", "UZ1703",
                                        "AF01",       "3505203002"};
    size_t digits;

    snprintf(out, 16, "%s", known[gen_below(g, ARRAY_LEN(known))]);
    if (chance(g, 80))
        return;
    digits = 7 + gen_below(g, 7);
    for (size_t i = 0; i < digits; i++)
        out[i] = (char)('0' + gen_below(g, 10));
    out[digits] = '\0';
}

static void fill_name(struct gen *g, char out[LIMIT_NAME_BYTES + 1])
{
    static const char *const part[] = {"coes",   "rcst",  "tj3505203", "gw07", "ayni",
                                       "team-2", "hub_1", "x",         "0"};
    unsigned parts = 1 + (unsigned)gen_below(g, 4);
    size_t len = 0;

    for (unsigned i = 0; i < parts; i++)
        len += (size_t)snprintf(out + len, LIMIT_NAME_BYTES + 1 - len, "%s%s", i ? "." : "",
                                part[gen_below(g, ARRAY_LEN(part))]);
}

static void fill_recipient(struct gen *g, char out[LIMIT_NAME_BYTES + 1])
{
    char pcode[16];

    fill_pcode(g, pcode);
    if (chance(g, 50))
        fill_name(g, out);
    else
        snprintf(out, LIMIT_NAME_BYTES + 1, "%s@%s", chance(g, 50) ? "dispatcher" : "duty-chief",
                 chance(g, 80) ? pcode : "hub");
}

/* NULL if the arena is full. */
static char *make_string(struct gen *g, const struct rule *r, bool not_empty, struct arena *arena)
{
    size_t len = pick_size(g, r->len_lo, r->len_hi, 24);
    char *s;

    if (chance(g, 1))
        len = r->len_hi;
    if (len == 0 && not_empty)
        len = 1;
    s = arena_alloc(arena, (len > LIMIT_NAME_BYTES ? len : LIMIT_NAME_BYTES) + 1);
    if (!s)
        return NULL;
    if (r->flags & RULE_PCODE)
        fill_pcode(g, s);
    else if (r->flags & RULE_NAME)
        fill_name(g, s);
    else if (r->flags & RULE_RECIPIENT)
        fill_recipient(g, s);
    else
        fill_text(g, s, len);
    return s;
}

static bool make_bytes(struct gen *g, const struct rule *r, bool not_empty, struct arena *arena,
                       ProtobufCBinaryData *out)
{
    out->len = r->flags & RULE_ID ? 16 : pick_size(g, r->len_lo, r->len_hi, 40);
    if (out->len == 0 && not_empty)
        out->len = 1;
    out->data = arena_alloc(arena, out->len + 1);
    for (size_t i = 0; out->data && i < out->len; i++)
        out->data[i] = (uint8_t)gen_u64(g);
    return out->data != NULL;
}

/* One value at *v; false if the arena is full. */
static bool make_value(struct gen *g, const ProtobufCFieldDescriptor *f, const struct rule *r,
                       bool not_default, struct arena *arena, void *v)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        *(int32_t *)v = (int32_t)pick_integer(g, r, INT32_MIN, INT32_MAX, not_default);
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        *(uint32_t *)v = (uint32_t)pick_integer(g, r, 0, UINT32_MAX, not_default);
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        *(int64_t *)v = pick_integer(g, r, INT64_MIN, INT64_MAX, not_default);
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        *(uint64_t *)v = pick_u64(g, r, not_default);
        return true;
    case PROTOBUF_C_TYPE_FLOAT:
        *(float *)v = (float)pick_integer(g, r, -1000000, 1000000, not_default);
        return true;
    case PROTOBUF_C_TYPE_DOUBLE:
        *(double *)v = (double)pick_integer(g, r, -1000000, 1000000, not_default);
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)v = not_default || chance(g, 50);
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)v = pick_enum(g, f->descriptor, not_default);
        return true;
    case PROTOBUF_C_TYPE_STRING:
        return (*(char **)v = make_string(g, r, not_default, arena)) != NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return make_bytes(g, r, not_default, arena, v);
    case PROTOBUF_C_TYPE_MESSAGE:
        return (*(ProtobufCMessage **)v = gen_message(g, f->descriptor, arena)) != NULL;
    }
    return false;
}

static bool make_repeated(struct gen *g, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                          const struct rule *r, struct arena *arena)
{
    bool must = r->flags & RULE_REQUIRED;
    size_t n = pick_size(g, r->count_lo, r->count_hi, 3), size = rule_element_size(f->type);
    char *elements;

    if (n == 0 && must)
        n = 1;
    if (n == 0 || (!must && !chance(g, g->percent)))
        return true;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE && chance(g, 2) && r->count_hi < 512)
        n = r->count_hi;
    elements = arena_alloc(arena, n * size);
    if (!elements)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!make_value(g, f, r, r->len_lo > 0, arena, elements + i * size))
            return false;
    *(size_t *)((char *)m + f->quantifier_offset) = n;
    *(char **)((char *)m + f->offset) = elements;
    return true;
}

static bool oneof_is_required(const struct plan *plan, const ProtobufCFieldDescriptor *f)
{
    const ProtobufCMessageDescriptor *d = plan->descriptor;

    for (unsigned i = 0; i < plan->n_oneofs; i++)
        if (d->fields[plan->oneofs[i].first].quantifier_offset == f->quantifier_offset)
            return true;
    return false;
}

/* At the first member of a choice: chooses. A case that is set already (the body) stays. */
static bool make_oneof(struct gen *g, ProtobufCMessage *m, const struct plan *plan, unsigned first,
                       struct arena *arena)
{
    const ProtobufCMessageDescriptor *d = plan->descriptor;
    const ProtobufCFieldDescriptor *f = &d->fields[first];
    uint32_t *which = (uint32_t *)((char *)m + f->quantifier_offset);
    unsigned member[128], members = 0, chosen;

    for (unsigned i = 0; i < d->n_fields && members < 128; i++)
        if ((d->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            d->fields[i].quantifier_offset == f->quantifier_offset)
            member[members++] = i;
    if (!members || member[0] != first || (!oneof_is_required(plan, f) && !chance(g, g->percent)))
        return true;
    chosen = member[gen_below(g, members)];
    for (unsigned i = 0; i < members; i++)
        if (d->fields[member[i]].id == *which)
            chosen = member[i];
    f = &d->fields[chosen];
    *which = f->id;
    return make_value(g, f, &plan->rules[chosen], plan->rules[chosen].flags & RULE_REQUIRED, arena,
                      (char *)m + f->offset);
}

static bool fill_message(struct gen *g, ProtobufCMessage *m, const struct plan *plan,
                         struct arena *arena)
{
    for (unsigned i = 0; i < plan->n_rules; i++) {
        const ProtobufCFieldDescriptor *f = &plan->descriptor->fields[i];
        const struct rule *r = &plan->rules[i];
        bool must = r->flags & RULE_REQUIRED, ok = true;

        if (f->label == PROTOBUF_C_LABEL_REPEATED)
            ok = make_repeated(g, m, f, r, arena);
        else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            ok = make_oneof(g, m, plan, i, arena);
        else if (must || chance(g, g->percent))
            ok = make_value(g, f, r, must, arena, (char *)m + f->offset);
        if (!ok)
            return false;
    }
    return true;
}

/* `body`: number of the member that the oneof of an Envelope has to take, or 0. */
static ProtobufCMessage *make_message(struct gen *g, const ProtobufCMessageDescriptor *d,
                                      uint32_t body, struct arena *arena)
{
    const struct plan *plan = plan_of(d);
    ProtobufCMessage *m = arena_alloc(arena, d->sizeof_message);
    unsigned percent = g->percent;
    bool ok;

    if (!plan || !m)
        return NULL;
    protobuf_c_message_init(d, m);
    if (body)
        ((Eocbus__V1__Envelope *)m)->body_case = (Eocbus__V1__Envelope__BodyCase)body;
    g->percent = percent ? percent : 40;
    ok = fill_message(g, m, plan, arena);
    g->percent = percent;
    return ok ? m : NULL;
}

ProtobufCMessage *gen_message(struct gen *g, const ProtobufCMessageDescriptor *d,
                              struct arena *arena)
{
    return make_message(g, d, 0, arena);
}

static void fit_quality(Eocbus__V1__Series *s, uint32_t samples)
{
    uint32_t end = 0;

    for (size_t i = 0; i < s->n_quality; i++) {
        Eocbus__V1__QualityRun *run = s->quality[i];

        if (run->offset < end)
            run->offset = end;
        if (run->offset >= samples) {
            s->n_quality = i;
            return;
        }
        if (run->length > samples - run->offset)
            run->length = samples - run->offset;
        end = run->offset + run->length;
    }
}

static void fit_holds(Eocbus__V1__Series *s, uint32_t samples)
{
    uint64_t sum = 0;
    size_t n = 0;

    if (!s->n_holds)
        return;
    while (n < s->n_holds && n < s->n_deltas && sum + s->holds[n] <= samples - 1)
        sum += s->holds[n++];
    s->n_holds = s->n_deltas = n;
}

static uint32_t fit_samples(const Eocbus__V1__ObservationBatch *b, Eocbus__V1__Series *s)
{
    uint32_t most = LIMIT_SAMPLES / (uint32_t)b->n_series;
    uint32_t samples = s->sample_count ? s->sample_count : b->sample_count;

    if (s->n_time_deltas_ms > most)
        s->n_time_deltas_ms = most;
    if (s->n_time_deltas_ms)
        samples = s->sample_count = (uint32_t)s->n_time_deltas_ms;
    if (samples > most)
        samples = s->sample_count = most;
    return samples;
}

/* Lists that fit together, and each datastream once. */
static void obey_series_rules(Eocbus__V1__ObservationBatch *b)
{
    for (size_t i = 0; i < b->n_series; i++) {
        Eocbus__V1__Series *s = b->series[i];
        uint32_t samples = fit_samples(b, s);

        s->datastream_id = 1 + (uint32_t)i * 1000 + s->datastream_id % 1000;
        if (s->n_deltas > samples - 1)
            s->n_deltas = samples - 1;
        fit_holds(s, samples);
        fit_quality(s, samples);
    }
}

/* A household is placed within 0.01 degree, and has no shape. */
static void stay_vague(Eocbus__V1__Area *area)
{
    enum { COARSE_E7 = 100000 };

    area->n_polygon = 0;
    if (!area->centre)
        return;
    area->centre->lat_e7 -= area->centre->lat_e7 % COARSE_E7;
    area->centre->lon_e7 -= area->centre->lon_e7 % COARSE_E7;
}

static void obey_two_field_rules(struct gen *g, Eocbus__V1__Envelope *m, const struct type_info *t)
{
    m->schema = SCHEMA_VERSION;
    if (m->lane == EOCBUS__V1__LANE__LANE_FLASH && !(t->flags & TYPE_FLASH))
        m->lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    if ((t->flags & TYPE_EXPIRES) && !m->not_after_us)
        m->not_after_us = pick_in(g, RULE_TIME_MIN_US, RULE_TIME_MAX_US);
    if (m->status != EOCBUS__V1__STATUS__STATUS_EXERCISE)
        m->played = NULL;
    m->author = (char *)(uintptr_t)protobuf_c_empty_string; /* a principal, and enrolled */
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH)
        obey_series_rules(m->observation_batch);
    if (t->number >= 220 && t->number <= 227 && m->area)
        stay_vague(m->area);
    /* Who speaks of land speaks of it from where it lies. */
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_PLOT_SITE && m->area && m->area->n_pcodes)
        m->plot_site->pcode = m->area->pcodes[0];
}

Eocbus__V1__Envelope *gen_envelope(struct gen *g, unsigned type, struct arena *arena)
{
    const struct type_info *t = type_by_number(type);
    unsigned percent = g->percent;
    Eocbus__V1__Envelope *m = NULL;

    /* Too large happens about once in many thousand; then again with fewer fields. */
    for (unsigned tries = 0; t && tries < 8; tries++) {
        m = (Eocbus__V1__Envelope *)make_message(g, &eocbus__v1__envelope__descriptor, type, arena);
        if (!m)
            break;
        obey_two_field_rules(g, m, t);
        gen_edxl_obey(g, m, arena);
        if (eocbus__v1__envelope__get_packed_size(m) <= LIMIT_CONTENT_BYTES)
            break;
        m = NULL;
        g->percent = 1 + (percent ? percent : 40) / 2;
    }
    g->percent = percent;
    return m;
}

static size_t double_stretch(struct gen *g, uint8_t *bytes, size_t len, size_t cap)
{
    size_t from = gen_below(g, len), n = 1 + gen_below(g, len - from);

    if (len + n > cap)
        return len;
    memmove(bytes + from + n, bytes + from, len - from);
    return len + n;
}

size_t gen_mutate(struct gen *g, uint8_t *bytes, size_t len, size_t cap)
{
    unsigned times = 1 + (unsigned)gen_below(g, 4);

    for (unsigned i = 0; i < times && len; i++) {
        size_t at = gen_below(g, len);

        switch (gen_below(g, 6)) {
        case 0:
        case 1:
            bytes[at] ^= (uint8_t)(1u << gen_below(g, 8));
            break;
        case 2:
            bytes[at] = (uint8_t)gen_u64(g);
            break;
        case 3:
            len = at;
            break;
        case 4:
            len = double_stretch(g, bytes, len, cap);
            break;
        default:
            for (size_t n = 0; n < 5 && at + n < len; n++)
                bytes[at + n] = 0xff;
        }
    }
    return len;
}
