/* record_revoke - what an officer takes back: one signature is enough to keep a device out. */
#include "proto/wire/record_parts.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum { ACT_BYTES = 1400 };

enum status revocation_put(struct buf *out, const char *name, const uint8_t *key,
                           Eocbus__V1__RevocationReason reason, const char *officer,
                           const struct signer *signer, int64_t now_us, struct refusal *why)
{
    Eocbus__V1__OfficerRevocation inner = EOCBUS__V1__OFFICER_REVOCATION__INIT;
    Eocbus__V1__OfficerAct m = EOCBUS__V1__OFFICER_ACT__INIT;
    struct buf bytes = {0};
    struct word word;

    inner.name = (char *)(uintptr_t)name;
    inner.key = record_binary(key, key ? KEY_BYTES : 0);
    inner.revoked_us = now_us;
    inner.reason = reason;
    enum status st = record_put(&bytes, &inner.base, why);
    if (st == ST_OK) {
        record_sign(&word, officer, signer, DOMAIN_ACT, bytes.data, bytes.len, now_us);
        m.act = record_binary(bytes.data, bytes.len);
        m.signature = &word.m;
        st = record_put(out, &m.base, why);
    }
    buf_free(&bytes);
    return st;
}

static void take_revocation(struct revocation *out, const Eocbus__V1__OfficerRevocation *m)
{
    *out = (struct revocation){.has_key = m->key.len > 0, .revoked_us = m->revoked_us};
    snprintf(out->name, sizeof(out->name), "%s", m->name);
    if (out->has_key)
        memcpy(out->key, m->key.data, KEY_BYTES);
}

static const struct officer *find_revoker(struct revocation *out, const uint8_t *act, size_t len,
                                          const struct officers *o, struct arena *arena)
{
    Eocbus__V1__OfficerRevocation *inner;
    Eocbus__V1__OfficerAct *m;
    struct refusal why;

    if (gate_message((ProtobufCMessage **)&m, &eocbus__v1__officer_act__descriptor, act, len,
                     ACT_BYTES, arena, &why) != ST_OK ||
        gate_message((ProtobufCMessage **)&inner, &eocbus__v1__officer_revocation__descriptor,
                     m->act.data, m->act.len, ACT_BYTES, arena, &why) != ST_OK ||
        record_check_key(&inner->key, "key", &why) != ST_OK)
        return NULL;
    take_revocation(out, inner);
    const struct officer *who = officers_find(o, m->signature->principal);
    return who && record_is_signed(m->signature, who, DOMAIN_ACT, &m->act) ? who : NULL;
}

enum status revocation_check(struct revocation *out, const uint8_t *act, size_t len,
                             const struct officers *o)
{
    const struct officer *who;
    struct arena *arena;

    if (arena_create(&arena, RECORD_ARENA_BYTES) != ST_OK)
        return ST_NOMEM;
    who = find_revoker(out, act, len, o, arena);
    arena_destroy(arena);
    return who ? ST_OK : ST_DENIED;
}

const struct officer *revocation_officer(const uint8_t *act, size_t len, const char *name,
                                         const struct officers *o)
{
    const struct officer *who;
    struct revocation r;
    struct arena *arena;

    if (arena_create(&arena, RECORD_ARENA_BYTES) != ST_OK)
        return NULL;
    who = find_revoker(&r, act, len, o, arena);
    arena_destroy(arena);
    return who && strcmp(r.name, name) == 0 ? who : NULL;
}
