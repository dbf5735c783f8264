/* record - see record.h and record_parts.h. */
#include "proto/wire/record_parts.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/refuse.h"

enum { REQUEST_BYTES = 1200 };

enum status record_put(struct buf *out, const ProtobufCMessage *m, struct refusal *why)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    enum status st = gate_check(m, why);
    uint8_t *bytes;

    if (st != ST_OK)
        return st;
    bytes = mem_alloc(len ? len : 1);
    if (!bytes)
        return ST_NOMEM;
    protobuf_c_message_pack(m, bytes);
    buf_put(out, bytes, len);
    mem_free(bytes);
    return out->failed ? ST_NOMEM : ST_OK;
}

enum status record_check_key(const ProtobufCBinaryData *key, const char *field, struct refusal *why)
{
    struct step at = {NULL, field, -1};

    if (key->len == 0 || key->len == KEY_BYTES)
        return ST_OK;
    return refuse(why, CODE_LENGTH, &at, "%zu bytes; it has to be none or %d", key->len, KEY_BYTES);
}

/* --- a device asks ---------------------------------------------------------------------------- */

static enum status pack_request(struct buf *inner, const struct request *r, struct refusal *why)
{
    Eocbus__V1__EnrolmentRequest m = EOCBUS__V1__ENROLMENT_REQUEST__INIT;

    m.name = (char *)(uintptr_t)r->name;
    m.key = record_binary(r->key, KEY_BYTES);
    m.sign_key = record_binary(r->sign_key, r->has_sign_key ? KEY_BYTES : 0);
    m.made_us = r->made_us;
    return record_put(inner, &m.base, why);
}

enum status request_put(struct buf *out, const struct request *r, const struct signer *signer,
                        struct refusal *why)
{
    Eocbus__V1__SignedRequest m = EOCBUS__V1__SIGNED_REQUEST__INIT;
    uint8_t signature[SIGN_BYTES];
    struct buf inner = {0};
    enum status st = pack_request(&inner, r, why);

    if (st == ST_OK) {
        if (signer)
            signer_sign(signer, signature, DOMAIN_REQUEST, inner.data, inner.len);
        m.request = record_binary(inner.data, inner.len);
        m.signature = record_binary(signature, signer ? SIGN_BYTES : 0);
        st = record_put(out, &m.base, why);
    }
    buf_free(&inner);
    return st;
}

static void take_request(struct request *out, const Eocbus__V1__EnrolmentRequest *m)
{
    *out = (struct request){.has_sign_key = m->sign_key.len > 0, .made_us = m->made_us};
    snprintf(out->name, sizeof(out->name), "%s", m->name);
    memcpy(out->key, m->key.data, KEY_BYTES);
    if (m->sign_key.len)
        memcpy(out->sign_key, m->sign_key.data, KEY_BYTES);
}

static enum status open_request(struct request *out, const uint8_t *bytes, size_t len,
                                struct arena *arena, struct refusal *why)
{
    Eocbus__V1__SignedRequest *m;
    Eocbus__V1__EnrolmentRequest *inner;
    enum status st = gate_message((ProtobufCMessage **)&m, &eocbus__v1__signed_request__descriptor,
                                  bytes, len, REQUEST_BYTES, arena, why);

    if (st == ST_OK)
        st = gate_message((ProtobufCMessage **)&inner, &eocbus__v1__enrolment_request__descriptor,
                          m->request.data, m->request.len, REQUEST_BYTES, arena, why);
    if (st == ST_OK)
        st = record_check_key(&inner->sign_key, "sign_key", why);
    if (st != ST_OK)
        return st;
    take_request(out, inner);
    if (!out->has_sign_key || (m->signature.len == SIGN_BYTES &&
                               sign_is_good(out->sign_key, DOMAIN_REQUEST, m->request.data,
                                            m->request.len, m->signature.data)))
        return ST_OK;
    (void)refuse(why, "signature", NULL,
                 "the request is not signed by the key it names: it was changed on its way");
    return ST_DENIED;
}

enum status request_read(struct request *out, const uint8_t *bytes, size_t len, struct refusal *why)
{
    struct arena *arena;
    enum status st = arena_create(&arena, RECORD_ARENA_BYTES);

    if (st != ST_OK)
        return st;
    st = open_request(out, bytes, len, arena, why);
    arena_destroy(arena);
    return st;
}

/* --- what a record says ----------------------------------------------------------------------- */

/* Cuts a text at its blanks, in place; answers how many words. */
static size_t split_words(char *text, char **words, size_t most)
{
    size_t n = 0;

    while (*text) {
        text += strspn(text, " ");
        if (*text && n < most)
            words[n++] = text;
        text += strcspn(text, " ");
        if (*text)
            *text++ = '\0';
    }
    return n;
}

static void join_words(char *out, size_t size, char *const *words, size_t n)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", words[i]);
}

static enum status pack_record(struct buf *inner, const struct record *r, struct refusal *why)
{
    Eocbus__V1__PrincipalRecord m = EOCBUS__V1__PRINCIPAL_RECORD__INIT;
    char roles[RECORD_ROLES], places[RECORD_PLACES];
    char *role[9], *place[17]; /* one more than the gate lets through */

    memcpy(roles, r->roles, sizeof(roles));
    memcpy(places, r->places, sizeof(places));
    m.name = (char *)(uintptr_t)r->name;
    m.agency = (char *)(uintptr_t)r->agency;
    m.n_roles = split_words(roles, role, ARRAY_LEN(role));
    m.roles = role;
    m.n_places = split_words(places, place, ARRAY_LEN(place));
    m.places = place;
    m.key = record_binary(r->key, KEY_BYTES);
    m.sign_key = record_binary(r->sign_key, r->has_sign_key ? KEY_BYTES : 0);
    m.valid_from_us = r->valid_from_us;
    m.not_after_us = r->not_after_us;
    m.serial = r->serial;
    return record_put(inner, &m.base, why);
}

static enum status check_record(const Eocbus__V1__PrincipalRecord *m, struct refusal *why)
{
    struct step at = {NULL, "not_after_us", -1};

    if (m->not_after_us <= m->valid_from_us)
        return refuse(why, CODE_TIME, &at, "the key ends before it begins");
    return record_check_key(&m->sign_key, "sign_key", why);
}

static void take_record(struct record *out, const Eocbus__V1__PrincipalRecord *m)
{
    *out = (struct record){
        .has_sign_key = m->sign_key.len > 0,
        .valid_from_us = m->valid_from_us,
        .not_after_us = m->not_after_us,
        .serial = m->serial,
    };
    snprintf(out->name, sizeof(out->name), "%s", m->name);
    snprintf(out->agency, sizeof(out->agency), "%s", m->agency);
    join_words(out->roles, sizeof(out->roles), m->roles, m->n_roles);
    join_words(out->places, sizeof(out->places), m->places, m->n_places);
    memcpy(out->key, m->key.data, KEY_BYTES);
    if (m->sign_key.len)
        memcpy(out->sign_key, m->sign_key.data, KEY_BYTES);
}

static enum status open_enrolment(Eocbus__V1__Enrolment **out, struct record *record,
                                  const uint8_t *bytes, size_t len, struct arena *arena,
                                  struct refusal *why)
{
    Eocbus__V1__PrincipalRecord *m;
    enum status st = gate_message((ProtobufCMessage **)out, &eocbus__v1__enrolment__descriptor,
                                  bytes, len, ENROLMENT_BYTES, arena, why);

    if (st == ST_OK)
        st = gate_message((ProtobufCMessage **)&m, &eocbus__v1__principal_record__descriptor,
                          (*out)->record.data, (*out)->record.len, ENROLMENT_BYTES, arena, why);
    if (st == ST_OK)
        st = check_record(m, why);
    if (st == ST_OK)
        take_record(record, m);
    return st;
}

enum status enrolment_read(struct record *out, const uint8_t *enrolment, size_t len,
                           struct refusal *why)
{
    Eocbus__V1__Enrolment *e;
    struct arena *arena;
    enum status st = arena_create(&arena, RECORD_ARENA_BYTES);

    if (st != ST_OK)
        return st;
    st = open_enrolment(&e, out, enrolment, len, arena, why);
    arena_destroy(arena);
    return st;
}

/* --- officers sign ---------------------------------------------------------------------------- */

bool record_is_signed(const Eocbus__V1__PartySignature *s, const struct officer *o,
                      const char *domain, const ProtobufCBinaryData *what)
{
    return s->signature.len == SIGN_BYTES &&
           sign_is_good(o->key, domain, what->data, what->len, s->signature.data);
}

/* Each officer once, whoever's name stands there twice. */
static unsigned count_signers(const Eocbus__V1__Enrolment *e, const struct officers *o,
                              const char *names[OFFICERS_MOST])
{
    bool has[OFFICERS_MOST] = {false};
    unsigned n = 0;

    for (size_t i = 0; i < e->n_signatures; i++) {
        const struct officer *who = officers_find(o, e->signatures[i]->principal);

        if (who && !has[who - o->row])
            has[who - o->row] =
                record_is_signed(e->signatures[i], who, DOMAIN_ENROLMENT, &e->record);
    }
    for (unsigned i = 0; i < o->count; i++) {
        if (!has[i])
            continue;
        if (names)
            names[n] = o->row[i].name;
        n++;
    }
    return n;
}

enum status enrolment_check(struct record *out, const uint8_t *enrolment, size_t len,
                            const struct officers *o, struct refusal *why)
{
    Eocbus__V1__Enrolment *e;
    struct arena *arena;
    enum status st = arena_create(&arena, RECORD_ARENA_BYTES);
    unsigned n;

    if (st != ST_OK)
        return st;
    st = open_enrolment(&e, out, enrolment, len, arena, why);
    n = st == ST_OK ? count_signers(e, o, NULL) : 0;
    arena_destroy(arena);
    if (st != ST_OK || (o->count && n >= o->needed))
        return st;
    (void)refuse(why, "signature", NULL,
                 "%u of the officers who are pinned here signed it, and %u are needed", n,
                 o->needed);
    return ST_DENIED;
}

unsigned enrolment_signers(const uint8_t *enrolment, size_t len, const struct officers *o,
                           const char *names[OFFICERS_MOST])
{
    Eocbus__V1__Enrolment *e;
    struct record record;
    struct refusal why;
    struct arena *arena;
    unsigned n = 0;

    if (arena_create(&arena, RECORD_ARENA_BYTES) != ST_OK)
        return 0;
    if (open_enrolment(&e, &record, enrolment, len, arena, &why) == ST_OK)
        n = count_signers(e, o, names);
    arena_destroy(arena);
    return n;
}

void record_sign(struct word *w, const char *officer, const struct signer *signer,
                 const char *domain, const uint8_t *bytes, size_t len, int64_t now_us)
{
    signer_sign(signer, w->signature, domain, bytes, len);
    eocbus__v1__party_signature__init(&w->m);
    w->m.principal = (char *)(uintptr_t)officer;
    w->m.signed_us = now_us;
    w->m.signature = record_binary(w->signature, SIGN_BYTES);
}

enum status enrolment_begin(struct buf *out, const struct record *r, const char *officer,
                            const struct signer *signer, int64_t now_us, struct refusal *why)
{
    Eocbus__V1__Enrolment m = EOCBUS__V1__ENROLMENT__INIT;
    struct buf inner = {0}, whole = {0};
    struct record again;
    struct word word;
    Eocbus__V1__PartySignature *words[] = {&word.m};
    enum status st = pack_record(&inner, r, why);

    if (st == ST_OK) {
        record_sign(&word, officer, signer, DOMAIN_ENROLMENT, inner.data, inner.len, now_us);
        m.record = record_binary(inner.data, inner.len);
        m.signatures = words;
        m.n_signatures = 1;
        st = record_put(&whole, &m.base, why);
    }
    if (st == ST_OK) /* what no single field can say */
        st = enrolment_read(&again, whole.data, whole.len, why);
    if (st == ST_OK)
        buf_put(out, whole.data, whole.len);
    buf_free(&inner);
    buf_free(&whole);
    return st == ST_OK && out->failed ? ST_NOMEM : st;
}

static enum status check_signatures(const Eocbus__V1__Enrolment *e, const char *officer,
                                    struct refusal *why)
{
    for (size_t i = 0; i < e->n_signatures; i++)
        if (strcmp(e->signatures[i]->principal, officer) == 0) {
            (void)refuse(why, CODE_CONFLICT, NULL,
                         "%s has signed this record; the other signature has to be another "
                         "officer's",
                         officer);
            return ST_EXISTS;
        }
    if (e->n_signatures >= RECORD_SIGNATURES)
        return refuse(why, CODE_REPEATS, NULL, "%d signatures are enough", RECORD_SIGNATURES);
    return ST_OK;
}

static enum status add_signature(struct buf *out, Eocbus__V1__Enrolment *e, const char *officer,
                                 const struct signer *signer, int64_t now_us, struct refusal *why)
{
    Eocbus__V1__PartySignature *words[RECORD_SIGNATURES];
    struct word word;
    enum status st = check_signatures(e, officer, why);

    if (st != ST_OK)
        return st;
    record_sign(&word, officer, signer, DOMAIN_ENROLMENT, e->record.data, e->record.len, now_us);
    memcpy(words, e->signatures, e->n_signatures * sizeof(*words));
    words[e->n_signatures] = &word.m;
    e->signatures = words; /* the arena keeps the old ones */
    e->n_signatures++;
    return record_put(out, &e->base, why);
}

enum status enrolment_sign(struct buf *out, const uint8_t *enrolment, size_t len,
                           const char *officer, const struct signer *signer, int64_t now_us,
                           struct refusal *why)
{
    Eocbus__V1__Enrolment *e;
    struct record record;
    struct arena *arena;
    enum status st = arena_create(&arena, RECORD_ARENA_BYTES);

    if (st != ST_OK)
        return st;
    st = open_enrolment(&e, &record, enrolment, len, arena, why);
    if (st == ST_OK)
        st = add_signature(out, e, officer, signer, now_us, why);
    arena_destroy(arena);
    return st;
}
