#include "agents/link/trust_orders.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/file.h"
#include "proto/base/mem.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

#define RULES_MOST (64u << 10)
/* An order that is further in the future than this comes from a clock that is wrong: its or ours.
 */
#define CLOCKS_US INT64_C(300000000)

enum status trust_read_pinned(struct approval_policy **out, const char *path, char *err,
                              size_t err_size)
{
    struct buf text = {0};
    enum status st;

    if (!path || !*path)
        return approval_policy_read(out, approval_built_in, err, err_size);
    st = file_read(path, &text, RULES_MOST);
    buf_put(&text, "", 1);
    if (st != ST_OK)
        snprintf(err, err_size, "the rules of orders in %s cannot be read: %s", path,
                 status_name(st));
    else
        st = text.failed ? ST_NOMEM
                         : approval_policy_read(out, (const char *)text.data, err, err_size);
    buf_free(&text);
    return st;
}

static enum status deny(struct refusal *why, const char *code, const char *path, const char *fmt,
                        ...) PRINTF_LIKE(4, 5);

static enum status deny(struct refusal *why, const char *code, const char *path, const char *fmt,
                        ...)
{
    va_list args;

    why->code = code;
    snprintf(why->path, sizeof(why->path), "%s", path);
    va_start(args, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return ST_DENIED;
}

/* --- keys ------------------------------------------------------------------------------------- */

/* What is asked of the book: keys as they were when it was said, or as they are now. */
struct look {
    const struct trust_book *book;
    int64_t received_us; /* reading: when a broker got it */
    int64_t utc_us;      /* obeying: now; 0 = reading */
    struct record record;
};

static enum approval_key judge_key(const struct look *l, const struct trust_key *k,
                                   int64_t signed_us)
{
    if (k->revoked_us && (l->utc_us || l->received_us >= k->revoked_us))
        return APPROVAL_KEY_REVOKED;
    if (signed_us < k->valid_from_us || signed_us >= k->not_after_us ||
        (l->utc_us && (l->utc_us < k->valid_from_us || l->utc_us >= k->not_after_us)))
        return APPROVAL_KEY_EXPIRED;
    return APPROVAL_KEY_GOOD;
}

static struct approval_party party_of(const struct record *r)
{
    return (struct approval_party){.name = r->name, .roles = r->roles, .places = r->places};
}

static bool can_sign(const struct trust_name *n)
{
    for (size_t i = 0; n && i < n->key_count; i++)
        if (n->keys[i].has_sign_key)
            return true;
    return false;
}

static enum approval_key find_key(void *arg, const Eocbus__V1__Approval *a, const void *bytes,
                                  size_t len, struct approval_party *person)
{
    struct look *l = arg;
    const struct trust_name *n = trust_book_find(l->book, a->principal);
    const struct trust_key *k;

    if (!can_sign(n))
        return APPROVAL_KEY_UNKNOWN;
    k = trust_find_key(n, DOMAIN_APPROVAL, bytes, len, a->signature.data);
    if (!k)
        return APPROVAL_KEY_FORGED;
    if (trust_find_record(&l->record, n, l->utc_us ? l->utc_us : INT64_MAX) != ST_OK)
        return APPROVAL_KEY_UNKNOWN;
    *person = party_of(&l->record);
    return judge_key(l, k, a->approved_us);
}

enum status trust_check_approvals(const struct trust_book *b, const struct trust_said *said,
                                  struct refusal *why)
{
    struct look look = {.book = b, .received_us = said->received_us};
    const struct approval_question q = {
        .m = said->m, .now_us = INT64_MAX / 2, .arg = &look, .find = find_key};

    return approval_judge(&q, why);
}

/* --- obeying ---------------------------------------------------------------------------------- */

/* Its sender's key, which may have been revoked since a broker took the message, or says it did. */
static enum status check_sender(const struct look *l, const struct trust_said *said,
                                struct refusal *why)
{
    const struct trust_name *n = trust_book_find(l->book, said->m->sender);
    const struct trust_key *k =
        n && said->signature_len == SIGN_BYTES
            ? trust_find_key(n, "", said->content, said->len, said->signature)
            : NULL;

    if (!k)
        return deny(why, CODE_SIGNATURE, "signature", "it is not signed by %.64s", said->m->sender);
    if (judge_key(l, k, said->m->sent_time_us) != APPROVAL_KEY_GOOD)
        return deny(why, CODE_SIGNATURE, "signature",
                    "the key with which %.64s signed it is revoked or its time is over",
                    said->m->sender);
    return ST_OK;
}

static enum status check_time(const Eocbus__V1__Envelope *m, int64_t utc_us, struct refusal *why)
{
    int64_t end_us = m->not_after_us;

    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND) {
        int64_t left_us = (int64_t)m->siren_command->remaining_ms * 1000;

        if (!end_us || end_us > m->sent_time_us + left_us)
            end_us = m->sent_time_us + left_us;
    }
    if (m->sent_time_us > utc_us + CLOCKS_US)
        return deny(why, CODE_TIME, "sent_time_us",
                    "it comes from the future: the clock here is not to be relied on");
    if (end_us && utc_us >= end_us)
        return deny(why, CODE_EXPIRY, "not_after_us", "it came when its time was over");
    if (!end_us && m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION)
        return deny(why, CODE_EXPIRY, "not_after_us", "it has no end; only a configuration may");
    return ST_OK;
}

static enum status check_meant(const Eocbus__V1__Envelope *m, const char *own, bool exercises,
                               struct refusal *why)
{
    const char *target = order_target(m);

    if (!target)
        return deny(why, CODE_APPROVAL, "", "it is no order to a machine");
    if (strcmp(target, own) != 0)
        return deny(why, CODE_APPROVAL, "target", "it is meant for %.64s, and this is %.64s",
                    target, own);
    if (m->status != EOCBUS__V1__STATUS__STATUS_ACTUAL &&
        !(exercises && m->status == EOCBUS__V1__STATUS__STATUS_EXERCISE))
        return deny(why, CODE_APPROVAL, "status",
                    "it is not ACTUAL; exercises move only machines that take part, tests none");
    return ST_OK;
}

static enum status check_rules(struct look *l, const struct approval_policy *policy,
                               const struct trust_said *said, struct refusal *why)
{
    struct record sender, target;
    struct approval_question q = {.m = said->m,
                                  .policy = policy,
                                  .target = {.roles = "", .places = ""},
                                  .now_us = l->utc_us,
                                  .arg = l,
                                  .find = find_key};

    if (trust_find_record(&sender, trust_book_find(l->book, said->m->sender), l->utc_us) != ST_OK)
        return deny(why, CODE_APPROVAL, "sender", "no record of %.64s is known here",
                    said->m->sender);
    if (trust_find_record(&target, trust_book_find(l->book, order_target(said->m)), l->utc_us) ==
        ST_OK)
        q.target = party_of(&target);
    q.sender = party_of(&sender);
    return approval_judge(&q, why);
}

enum status trust_check_order(const struct trust_book *b, const struct approval_policy *pinned,
                              const struct trust_said *said, const char *own, bool exercises,
                              int64_t utc_us, struct refusal *why)
{
    struct look look = {.book = b, .utc_us = utc_us};
    struct approval_policy *heard = NULL;
    char err[200];
    enum status st = check_meant(said->m, own, exercises, why);

    if (st == ST_OK)
        st = check_time(said->m, utc_us, why);
    if (st == ST_OK)
        st = check_sender(&look, said, why);
    if (st == ST_OK)
        st = check_rules(&look, pinned, said, why);
    if (st != ST_OK || !b->order_rules)
        return st;
    /* Of rules that cannot be read nothing is known; those that are pinned hold in any case. */
    if (approval_policy_read(&heard, b->order_rules, err, sizeof(err)) != ST_OK)
        return ST_OK;
    st = check_rules(&look, heard, said, why);
    approval_policy_destroy(heard);
    return st;
}
