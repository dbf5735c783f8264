/* word - see word.h */
#include "broker/access/word.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/access/roll.h"
#include "proto/base/sign.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

static enum word refuse(enum word word, struct refusal *why, const char *path, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static enum word refuse(enum word word, struct refusal *why, const char *path, const char *fmt, ...)
{
    va_list args;

    why->code = CODE_SIGNATURE;
    snprintf(why->path, sizeof(why->path), "%s", path);
    va_start(args, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return word;
}

/* One name's keys against one signature. A key whose time is over counts: what it signed before is
 * good, and may have waited in an outbox. One that was revoked counts no more, and one that nobody
 * vouches for never did, where officers vouch for others of the name. */
struct search {
    const void *bytes;
    size_t len;
    const uint8_t *signature;
    bool has_key, is_good;
};

static void try_key(void *arg, const struct principal *p)
{
    struct search *s = arg;

    if (!p->has_sign_key || p->revoked_us || p->is_beside)
        return;
    s->has_key = true;
    s->is_good = s->is_good || sign_is_good(p->sign_key, "", s->bytes, s->len, s->signature);
}

/* Content: 50 us for each key of the name, of which there are one or two. */
static struct search judge_name(const struct roll *r, const char *name, const void *bytes,
                                size_t len, const uint8_t *signature)
{
    struct search s = {.bytes = bytes, .len = len, .signature = signature};

    roll_each_named(r, name, try_key, &s);
    return s;
}

static enum word judge_signature(const struct roll *r, const struct access_said *said, bool must,
                                 struct refusal *why)
{
    struct search s = judge_name(r, said->m->sender, said->content, said->len, said->signature);

    if (s.is_good)
        return WORD_GOOD;
    if (!s.has_key && !must)
        return WORD_TAKEN; /* of a device that is enrolled without: nobody can tell */
    return refuse(
        WORD_BAD, why, "signature",
        "the signature is not that of %.64s over these bytes; is the device enrolled with "
        "the key that it signs with?",
        said->m->sender);
}

/* Handed in for another, or under a name that is another key's: then the signature is all there is
 * to believe. */
static bool has_to_be_signed(const struct principal *p, const struct access_said *said)
{
    return p->is_beside || strcmp(said->m->sender, p->name) != 0;
}

enum word word_judge(const struct roll *r, const struct principal *p,
                     const struct access_said *said, bool lets_unsigned, struct refusal *why)
{
    bool must = has_to_be_signed(p, said);
    enum word word = WORD_TAKEN;

    if (!said->signature_len && (must || p->has_sign_key)) {
        if (must || !lets_unsigned)
            return refuse(WORD_MISSING, why, "signature",
                          "%.64s is enrolled with a signing key, and this is not signed; sign the "
                          "content with sign_secret of its key file",
                          said->m->sender);
        word = WORD_UNSIGNED;
    }
    if (!must && !order_is(said->m) && said->m->lane != EOCBUS__V1__LANE__LANE_FLASH)
        return word;
    return said->signature_len ? judge_signature(r, said, must, why) : word;
}
