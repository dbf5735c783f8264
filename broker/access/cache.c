#include "broker/access/cache.h"

#include <string.h>

#include "broker/access/acts.h"
#include "eocbus/v1/keep.pb-c.h"
#include "proto/base/digest.h"

#include "proto/base/banned.h"

static const char head[] = "eocbus rights cache 1\n"; /* of the file, and domain of the signature */
enum { HEAD_BYTES = sizeof(head) - 1, BODY_AT = HEAD_BYTES + SIGN_BYTES };

/* --- packing ---------------------------------------------------------------------------------- */

struct packing {
    Eocbus__V1__CachedKey *keys;
    Eocbus__V1__CachedKey **pointers;
    size_t count;
};

static char *text_of(char *s)
{
    static char none[] = "";

    return s ? s : none;
}

static void pack_key(void *arg, const struct principal *p)
{
    struct packing *k = arg;
    Eocbus__V1__CachedKey *m = &k->keys[k->count];

    eocbus__v1__cached_key__init(m);
    m->principal_id = p->principal_id;
    m->name = p->name;
    m->agency = text_of(p->agency);
    m->roles = text_of(p->roles);
    m->places = text_of(p->places);
    m->public_key.data = (uint8_t *)(uintptr_t)p->public_key;
    m->public_key.len = sizeof(p->public_key);
    m->sign_key.data = (uint8_t *)(uintptr_t)p->sign_key;
    m->sign_key.len = p->has_sign_key ? sizeof(p->sign_key) : 0;
    m->not_after_us = p->not_after_us;
    m->serial = p->serial;
    m->enrolment.data = p->enrolment;
    m->enrolment.len = p->enrolment_len;
    m->is_shut = p->is_shut;
    m->revoked_us = p->revoked_us;
    k->pointers[k->count++] = m;
}

static enum status pack_cache(struct buf *out, const Eocbus__V1__RightsCache *m)
{
    size_t len = eocbus__v1__rights_cache__get_packed_size(m);

    buf_clear(out);
    mem_free(out->data);
    out->data = mem_alloc(BODY_AT + len);
    out->cap = out->data ? BODY_AT + len : 0;
    if (!out->data)
        return ST_NOMEM;
    memcpy(out->data, head, HEAD_BYTES);
    memset(out->data + HEAD_BYTES, 0, SIGN_BYTES);
    out->len = BODY_AT + eocbus__v1__rights_cache__pack(m, out->data + BODY_AT);
    return ST_OK;
}

static void pack_acts(ProtobufCBinaryData *out, const struct acts *a)
{
    for (size_t i = 0; i < a->count; i++)
        out[i] = (ProtobufCBinaryData){.data = a->list[i].bytes, .len = a->list[i].len};
}

enum status cache_pack(struct buf *out, const struct access *a, const char *broker,
                       int64_t as_of_us)
{
    Eocbus__V1__RightsCache m = EOCBUS__V1__RIGHTS_CACHE__INIT;
    const struct acts *acts = access_acts(a);
    size_t n = access_count(a);
    ProtobufCBinaryData *revocations = mem_alloc((acts->count + 1) * sizeof(*revocations));
    struct packing k = {.keys = mem_alloc((n + 1) * sizeof(*k.keys)),
                        .pointers = mem_alloc((n + 1) * sizeof(*k.pointers))};
    enum status st = ST_NOMEM;

    if (k.keys && k.pointers && revocations) {
        access_each(a, pack_key, &k);
        m.broker = (char *)(uintptr_t)broker;
        m.as_of_us = as_of_us;
        m.rules = (char *)(uintptr_t)access_rules_text(a);
        m.keys = k.pointers;
        m.n_keys = k.count;
        pack_acts(revocations, acts);
        m.revocations = revocations;
        m.n_revocations = acts->count;
        st = pack_cache(out, &m);
    }
    mem_free(k.keys);
    mem_free(k.pointers);
    mem_free(revocations);
    return st;
}

static void digest_body(uint8_t out[DIGEST_BYTES], const struct buf *file)
{
    digest_of(out, file->data + BODY_AT, file->len - BODY_AT);
}

void cache_seal(struct buf *file, const struct signer *s)
{
    uint8_t digest[DIGEST_BYTES];

    digest_body(digest, file);
    signer_sign(s, file->data + HEAD_BYTES, head, digest, sizeof(digest));
}

/* --- taking ----------------------------------------------------------------------------------- */

static const char *find_fault(const struct buf *file, const uint8_t sign_key[KEY_BYTES])
{
    uint8_t digest[DIGEST_BYTES];

    if (file->len < BODY_AT || memcmp(file->data, head, HEAD_BYTES) != 0)
        return "not a file of this version";
    digest_body(digest, file);
    return sign_is_good(sign_key, head, digest, sizeof(digest), file->data + HEAD_BYTES)
               ? NULL
               : "damaged, or signed by another key than this broker's";
}

static enum status add_key(struct access *a, const Eocbus__V1__CachedKey *m)
{
    struct principal p = {.principal_id = m->principal_id,
                          .name = m->name,
                          .agency = m->agency,
                          .roles = m->roles,
                          .places = m->places,
                          .has_sign_key = m->sign_key.len == sizeof(p.sign_key),
                          .not_after_us = m->not_after_us,
                          .serial = m->serial,
                          .enrolment = m->enrolment.len ? m->enrolment.data : NULL,
                          .enrolment_len = m->enrolment.len,
                          .is_shut = m->is_shut,
                          .revoked_us = m->revoked_us};

    if (m->public_key.len != sizeof(p.public_key))
        return ST_OK; /* nobody comes in with it */
    memcpy(p.public_key, m->public_key.data, sizeof(p.public_key));
    if (p.has_sign_key)
        memcpy(p.sign_key, m->sign_key.data, sizeof(p.sign_key));
    return access_add(a, &p);
}

/* Of an officer who is not pinned any more: the key stays shut as the list has it. */
static enum status remember_all(struct access *a, const Eocbus__V1__RightsCache *m)
{
    for (size_t i = 0; i < m->n_revocations; i++)
        if (access_remember(a, m->revocations[i].data, m->revocations[i].len) == ST_NOMEM)
            return ST_NOMEM;
    return ST_OK;
}

static enum status add_all(struct access *a, const Eocbus__V1__RightsCache *m)
{
    enum status st = remember_all(a, m);

    if (st != ST_OK)
        return st;
    access_begin(a);
    st = access_rules(a, m->rules);
    for (size_t i = 0; i < m->n_keys && st == ST_OK; i++)
        st = add_key(a, m->keys[i]);
    return st == ST_OK ? access_commit_kept(a) : st;
}

/* What is unpacked is what this broker packed: the signature says so. */
static enum status unpack_cache(Eocbus__V1__RightsCache **out, const struct buf *file,
                                const uint8_t sign_key[KEY_BYTES], const char **why)
{
    *why = find_fault(file, sign_key);
    if (*why)
        return ST_INVALID;
    *out = eocbus__v1__rights_cache__unpack(NULL, file->len - BODY_AT, file->data + BODY_AT);
    return *out ? ST_OK : ST_NOMEM;
}

enum status cache_take(struct access *a, const struct buf *file, const uint8_t sign_key[KEY_BYTES],
                       int64_t *as_of_us, const char **why)
{
    Eocbus__V1__RightsCache *m;
    enum status st = unpack_cache(&m, file, sign_key, why);

    if (st != ST_OK)
        return st;
    *as_of_us = m->as_of_us;
    st = add_all(a, m);
    eocbus__v1__rights_cache__free_unpacked(m, NULL);
    return st;
}

enum status cache_remember(struct access *a, const struct buf *file,
                           const uint8_t sign_key[KEY_BYTES], const char **why)
{
    Eocbus__V1__RightsCache *m;
    enum status st = unpack_cache(&m, file, sign_key, why);

    if (st != ST_OK)
        return st;
    st = remember_all(a, m);
    eocbus__v1__rights_cache__free_unpacked(m, NULL);
    return st;
}
