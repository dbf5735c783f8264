/* audit_keys - see audit_keys.h. */
#include "agents/ctl/audit_keys.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/sign.h"
#include "proto/wire/record.h"

#include "proto/base/banned.h"

#define KEYS_SQL                                                                                   \
    "SELECT p.name, k.sign_key, k.enrolment FROM bus.principal_key k JOIN bus.principal p USING"   \
    " (principal_id) WHERE k.sign_key IS NOT NULL OR k.enrolment IS NOT NULL"

struct loading {
    struct buf *out;
    const struct officers *officers; /* NULL: the database is believed */
};

static bool vouched(struct audit_key *k, const struct db_value *enrolment, const struct officers *o)
{
    struct refusal why;
    struct record r;

    if (!enrolment->data ||
        enrolment_check(&r, enrolment->data, enrolment->len, o, &why) != ST_OK || !r.has_sign_key)
        return false;
    memcpy(k->name, r.name, sizeof(k->name));
    memcpy(k->key, r.sign_key, KEY_BYTES);
    return true;
}

static bool told(struct audit_key *k, const struct db_value *name, const struct db_value *key)
{
    if (name->len >= sizeof(k->name) || !key->data || key->len != KEY_BYTES)
        return false;
    memcpy(k->name, name->data, name->len);
    memcpy(k->key, key->data, KEY_BYTES);
    return true;
}

static void on_key(void *arg, const struct db_value *row, unsigned n)
{
    const struct loading *l = arg;
    struct audit_key k = {0};

    if (n == 3 && (l->officers ? vouched(&k, &row[2], l->officers) : told(&k, &row[0], &row[1])))
        buf_put(l->out, &k, sizeof(k));
}

enum status audit_keys_load(struct buf *out, struct db *d, const char *officers_file, char *err,
                            size_t err_size)
{
    struct officers o;
    struct loading l = {.out = out};
    enum status st;

    if (officers_file && *officers_file) {
        st = officers_load(&o, officers_file, err, err_size);
        if (st != ST_OK)
            return ST_INVALID;
        l.officers = &o;
    }
    st = db_copy(d, KEYS_SQL, on_key, &l);
    if (st != ST_OK)
        snprintf(err, err_size, "the keys cannot be read: %s", db_error(d));
    return st == ST_OK && out->failed ? ST_NOMEM : st;
}

enum audit_word audit_keys_judge(const struct buf *keys, const char *name, size_t name_len,
                                 const void *content, size_t len, const uint8_t *signature)
{
    const struct audit_key *k = (const struct audit_key *)(const void *)keys->data;
    enum audit_word word = WORD_NOBODY;

    for (size_t i = 0; i < keys->len / sizeof(*k); i++) {
        if (strlen(k[i].name) != name_len || memcmp(k[i].name, name, name_len) != 0)
            continue;
        if (sign_is_good(k[i].key, "", content, len, signature))
            return WORD_GOOD;
        word = WORD_BAD;
    }
    return word;
}
