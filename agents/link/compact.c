/* compact - see compact.h.
 *
 * The MAC is the first 8 bytes of BLAKE2b-256 with the key, over the message serialised in the
 * order of its fields without the MAC. Eight bytes are no signature: one guess in 2^64 is right,
 * and each guess costs a satellite message. */
#include "agents/link/compact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/digest.h"
#include "proto/base/keys.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

enum { FILE_BYTES = 1024, PLAIN_BYTES = 128, KEY_ID_MOST = 65535 };

/* --- the key ---------------------------------------------------------------------------------- */

enum status compact_key_make(const char *path, uint32_t id, char *err, size_t err_size)
{
    struct keys fresh;
    char text[FILE_BYTES];
    enum status st;
    int n;

    if (id < 1 || id > KEY_ID_MOST) {
        snprintf(err, err_size, "a key has a number from 1 to 65535");
        return ST_INVALID;
    }
    st = keys_generate(&fresh); /* 32 bytes of randomness as good as any */
    if (st != ST_OK) {
        snprintf(err, err_size, "no randomness");
        return st;
    }
    n = snprintf(text, sizeof(text),
                 "# eocbus compact key - secret, keep mode 0600\nkey_id = %u\nkey = %s\n", id,
                 fresh.sign_secret_z85);
    st = keys_write_file(path, text, (size_t)n, err, err_size);
    keys_wipe(&fresh);
    explicit_bzero(text, sizeof(text));
    return st;
}

static bool parse_key(struct compact_key *out, const char *text)
{
    const char *id = keys_value(text, "key_id");
    char z85[KEY_Z85];
    long n = id ? strtol(id, NULL, 10) : 0;
    bool ok = n >= 1 && n <= KEY_ID_MOST && keys_find_value(z85, text, "key") &&
              keys_z85_decode(out->bytes, z85) == ST_OK;

    out->id = ok ? (uint32_t)n : 0;
    explicit_bzero(z85, sizeof(z85));
    return ok;
}

enum status compact_key_load(struct compact_key *out, const char *path, char *err, size_t err_size)
{
    char text[FILE_BYTES];
    enum status st = keys_read_file(text, sizeof(text), path, err, err_size);

    if (st == ST_OK && !parse_key(out, text)) {
        snprintf(err, err_size, "%s: a compact key has lines key_id = 1..65535 and key = ...",
                 path);
        st = ST_INVALID;
    }
    explicit_bzero(text, sizeof(text));
    return st;
}

void compact_key_wipe(struct compact_key *k)
{
    explicit_bzero(k, sizeof(*k));
}

/* --- the word --------------------------------------------------------------------------------- */

static void make_mac(uint8_t out[COMPACT_MAC], const Eocbus__V1__CompactFlash *m,
                     const struct compact_key *key)
{
    uint8_t plain[PLAIN_BYTES], digest[DIGEST_BYTES];
    Eocbus__V1__CompactFlash bare = *m;
    size_t len = 0;

    bare.mac = (ProtobufCBinaryData){0, NULL};
    if (eocbus__v1__compact_flash__get_packed_size(&bare) <= sizeof(plain))
        len = eocbus__v1__compact_flash__pack(&bare, plain);
    digest_keyed(digest, key->bytes, sizeof(key->bytes), plain, len);
    memcpy(out, digest, COMPACT_MAC);
}

/* "3505203" as the number 3505203; 0 = none, or no P-code. */
static uint64_t place_of(const Eocbus__V1__Envelope *m)
{
    const char *p = m->area && m->area->n_pcodes ? m->area->pcodes[0] : "";
    uint64_t n = 0;
    size_t len = strspn(p, "0123456789");

    if (p[len] || len < 7 || len > 13 || p[0] == '0')
        return 0;
    for (; *p; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    return n;
}

static uint32_t first_eta_s(const Eocbus__V1__SensorDetection *d)
{
    uint32_t eta_s = UINT32_MAX;

    for (size_t i = 0; i < d->n_etas; i++)
        if (d->etas[i]->eta_s < eta_s)
            eta_s = d->etas[i]->eta_s;
    return eta_s <= 16383 ? eta_s : 0;
}

enum status compact_make(uint8_t out[COMPACT_BYTES], size_t *len, const Eocbus__V1__Envelope *m,
                         unsigned valid_min, const struct compact_key *key)
{
    Eocbus__V1__CompactFlash c = EOCBUS__V1__COMPACT_FLASH__INIT;
    uint8_t mac[COMPACT_MAC];

    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION || m->message_id.len != 16 ||
        m->event_time_us < INT64_C(946684800000000) || valid_min < 1 || valid_min > 127)
        return ST_INVALID;
    c.announces = m->message_id;
    c.key_id = key->id;
    c.status = m->status;
    c.hazard = m->sensor_detection->hazard;
    c.level = m->sensor_detection->level;
    c.event_time_s = (uint32_t)(m->event_time_us / 1000000);
    c.place = place_of(m);
    c.torrent_id = m->sensor_detection->torrent_id;
    c.eta_s = first_eta_s(m->sensor_detection);
    c.valid_min = valid_min;
    make_mac(mac, &c, key);
    c.mac = (ProtobufCBinaryData){COMPACT_MAC, mac};
    if (eocbus__v1__compact_flash__get_packed_size(&c) > COMPACT_BYTES)
        return ST_INVALID;
    *len = eocbus__v1__compact_flash__pack(&c, out);
    return ST_OK;
}

/* Whoever guesses byte by byte learns nothing from how long the answer takes. */
static bool is_same(const uint8_t *a, const uint8_t *b)
{
    unsigned differ = 0;

    for (unsigned i = 0; i < COMPACT_MAC; i++)
        differ |= (unsigned)(a[i] ^ b[i]);
    return differ == 0;
}

enum status compact_read(Eocbus__V1__CompactFlash **out, const void *bytes, size_t len,
                         const struct compact_key *key, struct arena *arena)
{
    Eocbus__V1__CompactFlash *c;
    ProtobufCMessage *m = NULL;
    uint8_t mac[COMPACT_MAC], again[COMPACT_BYTES];
    struct refusal why;
    enum status st = gate_message(&m, &eocbus__v1__compact_flash__descriptor, bytes, len,
                                  COMPACT_BYTES, arena, &why);

    if (st != ST_OK)
        return st;
    c = (Eocbus__V1__CompactFlash *)m;
    /* The MAC is of what we would write: nothing else may stand there. */
    if (eocbus__v1__compact_flash__get_packed_size(c) != len ||
        eocbus__v1__compact_flash__pack(c, again) != len || memcmp(again, bytes, len) != 0)
        return ST_INVALID;
    make_mac(mac, c, key);
    if (c->key_id != key->id || c->mac.len != COMPACT_MAC || !is_same(mac, c->mac.data))
        return ST_DENIED;
    *out = c;
    return ST_OK;
}
