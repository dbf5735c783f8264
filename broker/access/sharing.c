/* sharing - see sharing.h */
#include "broker/access/sharing.h"

#include <stdio.h>
#include <string.h>

#include "broker/access/roll.h"
#include "broker/access/rulebook.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/wire/agreement.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

/* --- who signed ------------------------------------------------------------------------------- */

struct search {
    const struct rulebook *book;
    const char *agency;
    const Eocbus__V1__PartySignature *signature;
    const void *bytes;
    size_t len;
    enum agreement_key best;
    enum status st;
};

/* May these roles say an agreement, by the rules that hang on roles alone? */
static bool may_agree(struct search *s, const struct principal *p)
{
    struct rights_question q = {.name = p->name,
                                .own = p->places,
                                .type = EOCBUS__V1__ENVELOPE__BODY_SHARING_AGREEMENT,
                                .label = EOCBUS__V1__LABEL__LABEL_INTERNAL,
                                .places = "",
                                .agency = p->agency,
                                .reach = ""};
    struct rights *rights;
    bool may;

    if (rights_compile(&rights, s->book, p->roles, "") != ST_OK) {
        s->st = ST_NOMEM;
        return false;
    }
    may = rights_may(rights, VERB_SAY, &q);
    rights_destroy(rights);
    return may;
}

static enum agreement_key judge_key(struct search *s, const struct principal *p)
{
    int64_t signed_us = s->signature->signed_us;

    if (!sign_is_good(p->sign_key, DOMAIN_AGREEMENT, s->bytes, s->len,
                      s->signature->signature.data))
        return AGREEMENT_KEY_FORGED;
    if (strcmp(p->agency, s->agency) != 0)
        return AGREEMENT_KEY_FOREIGN;
    if ((p->revoked_us && signed_us >= p->revoked_us) ||
        (p->not_after_us && signed_us >= p->not_after_us))
        return AGREEMENT_KEY_OVER;
    return may_agree(s, p) ? AGREEMENT_KEY_GOOD : AGREEMENT_KEY_NO_RIGHT;
}

static void try_key(void *arg, const struct principal *p)
{
    struct search *s = arg;
    enum agreement_key key;

    if (!p->has_sign_key || !p->is_vouched || p->is_beside || s->best == AGREEMENT_KEY_GOOD)
        return;
    key = judge_key(s, p);
    if (key > s->best)
        s->best = key;
}

struct signers {
    const struct rulebook *book;
    const struct roll *roll;
    enum status st;
};

static enum agreement_key find_key(void *arg, const char *agency,
                                   const Eocbus__V1__PartySignature *signature, const void *bytes,
                                   size_t len)
{
    struct signers *who = arg;
    struct search s = {.book = who->book,
                       .agency = agency,
                       .signature = signature,
                       .bytes = bytes,
                       .len = len,
                       .best = AGREEMENT_KEY_UNKNOWN,
                       .st = ST_OK};

    roll_each_named(who->roll, signature->principal, try_key, &s);
    if (s.st != ST_OK)
        who->st = s.st;
    return s.best;
}

/* --- one agreement ---------------------------------------------------------------------------- */

static int value_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* ST_INVALID: not hexadecimal; "-" is what the database has not. */
static enum status take_hex(struct agreement_said *out, const char *hex, struct arena *arena)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes;

    if (!len || strlen(hex) % 2 || len > LIMIT_CONTENT_BYTES)
        return ST_INVALID;
    bytes = arena_alloc(arena, len);
    if (!bytes)
        return ST_NOMEM;
    for (size_t i = 0; i < len; i++) {
        int high = value_of(hex[2 * i]), low = value_of(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return ST_INVALID;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = (struct agreement_said){bytes, len};
    return ST_OK;
}

static enum status check_share(Eocbus__V1__SharingAgreement **out, const struct rule_share *share,
                               const struct agreement_book *book, struct arena *arena,
                               struct refusal *why)
{
    struct agreement_said giver, taker;
    enum status st = take_hex(&giver, share->giver_said, arena);

    if (st == ST_OK)
        st = take_hex(&taker, share->taker_said, arena);
    if (st == ST_OK)
        return agreement_check(out, &giver, &taker, book, arena, why);
    snprintf(why->text, sizeof(why->text), "the database does not have what both parties said");
    return st;
}

static enum status admit(struct rulebook *book, const struct rule_share *share,
                         const struct roll *roll, bool must_be_signed, struct arena *arena,
                         struct sharing_result *out)
{
    struct signers who = {.book = book, .roll = roll, .st = ST_OK};
    struct agreement_book keys = {.arg = &who, .find = find_key};
    Eocbus__V1__SharingAgreement *a;
    struct refusal why = {0};
    struct buf lines = {0};
    char err[300];
    enum status st = check_share(&a, share, must_be_signed ? &keys : NULL, arena, &why);

    if (st == ST_NOMEM || who.st != ST_OK)
        return ST_NOMEM;
    if (st == ST_OK)
        st = agreement_put_rules(&lines, a);
    if (st == ST_OK) {
        buf_put(&lines, "", 1);
        st = lines.failed ? ST_NOMEM
                          : rulebook_more(book, (const char *)lines.data, err, sizeof(err));
    }
    buf_free(&lines);
    if (st == ST_OK)
        out->held++;
    else if (st != ST_NOMEM && !out->unsigned_ones++)
        snprintf(out->first, sizeof(out->first), "%.36s: %s", share->id, why.text);
    return st == ST_NOMEM ? st : ST_OK;
}

enum status sharing_admit(struct rulebook *book, const struct roll *r, bool must_be_signed,
                          struct sharing_result *out)
{
    enum status st = ST_OK;
    struct arena *arena;

    *out = (struct sharing_result){0};
    if (!book->share_count)
        return ST_OK;
    if (arena_create(&arena, 4 * LIMIT_ARENA_BYTES) != ST_OK)
        return ST_NOMEM;
    for (size_t i = 0; i < book->share_count && st == ST_OK; i++) {
        arena_reset(arena);
        st = admit(book, &book->shares[i], r, must_be_signed, arena, out);
    }
    arena_destroy(arena);
    return st;
}
