/* agreement - see agreement.h */
#include "proto/wire/agreement.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/sign.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"
#include "proto/wire/rule_line.h"

#include "proto/base/banned.h"

/* --- what is signed --------------------------------------------------------------------------- */

static enum status put_packed(struct buf *out, const Eocbus__V1__SharingAgreement *a)
{
    size_t len = eocbus__v1__sharing_agreement__get_packed_size(a);
    uint8_t *bytes = mem_alloc(len + 1);

    if (!bytes)
        return ST_NOMEM;
    eocbus__v1__sharing_agreement__pack(a, bytes);
    buf_put(out, bytes, len);
    mem_free(bytes);
    return out->failed ? ST_NOMEM : ST_OK;
}

static enum status put_with(struct buf *out, Eocbus__V1__SharingAgreement *a,
                            Eocbus__V1__PartySignature **signatures, size_t count)
{
    Eocbus__V1__PartySignature **kept = a->signatures;
    size_t kept_count = a->n_signatures;
    enum status st;

    a->signatures = signatures;
    a->n_signatures = count;
    st = put_packed(out, a);
    a->signatures = kept;
    a->n_signatures = kept_count;
    return st;
}

enum status agreement_put_signed(struct buf *out, Eocbus__V1__SharingAgreement *a,
                                 const char *principal, int64_t signed_us)
{
    Eocbus__V1__PartySignature one = EOCBUS__V1__PARTY_SIGNATURE__INIT, *list[] = {&one};

    one.principal = (char *)(uintptr_t)principal;
    one.signed_us = signed_us;
    return put_with(out, a, list, 1);
}

/* --- both said the same ----------------------------------------------------------------------- */

static enum status open_word(Eocbus__V1__SharingAgreement **out, const struct agreement_said *said,
                             struct arena *arena, struct refusal *why)
{
    return gate_message((ProtobufCMessage **)out, &eocbus__v1__sharing_agreement__descriptor,
                        said->bytes, said->len, LIMIT_CONTENT_BYTES, arena, why);
}

static enum status compare_words(Eocbus__V1__SharingAgreement *giver,
                                 Eocbus__V1__SharingAgreement *taker, struct refusal *why)
{
    struct buf one = {0}, other = {0};
    enum status st = put_with(&one, giver, NULL, 0);

    if (st == ST_OK)
        st = put_with(&other, taker, NULL, 0);
    if (st == ST_OK && (one.len != other.len || memcmp(one.data, other.data, one.len) != 0))
        st = refuse(why, CODE_CONFLICT, NULL, "%.32s and %.32s do not say the same", giver->giver,
                    giver->taker);
    buf_free(&one);
    buf_free(&other);
    return st;
}

/* --- of each party somebody signed ------------------------------------------------------------ */

static const char *word_for(enum agreement_key key)
{
    switch (key) {
    case AGREEMENT_KEY_FORGED:
        return "is not its own over these words";
    case AGREEMENT_KEY_OVER:
        return "was made with a key that was revoked, or whose time was over";
    case AGREEMENT_KEY_FOREIGN:
        return "is good, but it is of another agency";
    case AGREEMENT_KEY_NO_RIGHT:
        return "is good, but it has no right to say sharing agreements";
    default:
        return "is of nobody who is enrolled here with a signing key";
    }
}

struct search {
    const struct agreement_book *book;
    const char *agency;
    enum agreement_key best;
    const char *whose; /* signature; NULL: there is none */
};

static enum status try_signatures(struct search *s, Eocbus__V1__SharingAgreement *a)
{
    struct buf bytes = {0};
    enum status st = ST_OK;

    for (size_t i = 0; i < a->n_signatures && st == ST_OK && s->best != AGREEMENT_KEY_GOOD; i++) {
        const Eocbus__V1__PartySignature *one = a->signatures[i];
        enum agreement_key key;

        buf_clear(&bytes);
        st = agreement_put_signed(&bytes, a, one->principal, one->signed_us);
        if (st != ST_OK || one->signature.len != SIGN_BYTES)
            continue;
        key = s->book->find(s->book->arg, s->agency, one, bytes.data, bytes.len);
        if (!s->whose || key > s->best) {
            s->best = key;
            s->whose = one->principal;
        }
    }
    buf_free(&bytes);
    return st;
}

static enum status check_party(const char *agency, Eocbus__V1__SharingAgreement *giver,
                               Eocbus__V1__SharingAgreement *taker,
                               const struct agreement_book *book, struct refusal *why)
{
    struct search s = {.book = book, .agency = agency};
    enum status st = try_signatures(&s, giver);

    if (st == ST_OK)
        st = try_signatures(&s, taker);
    if (st != ST_OK || s.best == AGREEMENT_KEY_GOOD)
        return st;
    (void)refuse(why, CODE_SIGNATURE, &(struct step){NULL, "signatures", -1},
                 "nobody of %.32s has signed it: the signature of %.64s %s", agency,
                 s.whose ? s.whose : "nobody", word_for(s.best));
    return ST_DENIED;
}

enum status agreement_check(Eocbus__V1__SharingAgreement **out, const struct agreement_said *giver,
                            const struct agreement_said *taker, const struct agreement_book *book,
                            struct arena *arena, struct refusal *why)
{
    Eocbus__V1__SharingAgreement *g, *t;
    enum status st = open_word(&g, giver, arena, why);

    if (st == ST_OK)
        st = open_word(&t, taker, arena, why);
    if (st == ST_OK)
        st = compare_words(g, t, why);
    if (st == ST_OK && book)
        st = check_party(g->giver, g, t, book, why);
    if (st == ST_OK && book)
        st = check_party(g->taker, g, t, book, why);
    if (st == ST_OK)
        *out = g;
    return st;
}

/* --- what follows ----------------------------------------------------------------------------- */

static bool is_agency(const char *word)
{
    size_t len = strlen(word);

    return len >= 1 && len <= 32 && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* "*", "incident" or "report.*". */
static bool is_type(const char *word)
{
    size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz_");

    return strcmp(word, "*") == 0 || (len && (!word[len] || strcmp(word + len, ".*") == 0));
}

static void put_rule(struct buf *out, const Eocbus__V1__SharingAgreement *a,
                     const Eocbus__V1__SharingGrant *g)
{
    buf_printf(out, "0 @%s allow hear %s ", a->taker, g->type);
    for (size_t i = 0; i < g->n_pcodes; i++)
        buf_printf(out, "%s%s", i ? "," : "", g->pcodes[i]);
    buf_printf(out, "%s %s %s %" PRId64 " %" PRId64 "\n", g->n_pcodes ? "" : "any",
               rule_label_word((unsigned)g->max_label), a->giver, a->valid_from_us, a->valid_to_us);
}

enum status agreement_put_rules(struct buf *out, const Eocbus__V1__SharingAgreement *a)
{
    if (!is_agency(a->giver) || !is_agency(a->taker) || strcmp(a->giver, a->taker) == 0)
        return ST_OK;
    for (size_t i = 0; i < a->n_grants; i++) {
        const Eocbus__V1__SharingGrant *g = a->grants[i];

        if (!g->n_field_mask && !g->counts_only && is_type(g->type) && g->max_label >= 1 &&
            g->max_label <= 4)
            put_rule(out, a, g);
    }
    return out->failed ? ST_NOMEM : ST_OK;
}
