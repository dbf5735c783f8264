/* approval - see approval.h. */
#include "proto/wire/approval.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/wire/approval_policy.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

/* How far the clock of who approved may be from that of who drew the order up, and from ours. */
#define CLOCKS_US INT64_C(300000000)

static enum status deny(struct refusal *why, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static enum status deny(struct refusal *why, const char *path, const char *fmt, ...)
{
    va_list args;

    why->code = CODE_APPROVAL;
    snprintf(why->path, sizeof(why->path), "%s", path);
    va_start(args, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    return ST_DENIED;
}

/* --- one approval ----------------------------------------------------------------------------- */

static enum status judge_key(enum approval_key key, const char *name, struct refusal *why)
{
    switch (key) {
    case APPROVAL_KEY_GOOD:
        return ST_OK;
    case APPROVAL_KEY_UNKNOWN:
        return deny(why, "approvals",
                    "%.64s approved it and is not enrolled with a signing key here; let a person "
                    "who is approve it",
                    name);
    case APPROVAL_KEY_REVOKED:
        return deny(why, "approvals",
                    "the key with which %.64s approved it is revoked; let another person approve "
                    "it",
                    name);
    case APPROVAL_KEY_EXPIRED:
        return deny(why, "approvals",
                    "the key with which %.64s approved it was not good at that time, or is over; "
                    "let it be renewed, or another person approve it",
                    name);
    default:
        (void)deny(why, "approvals",
                   "the approval of %.64s is not signed with a key of that name over this very "
                   "order: its sender, id, times, status, target and body, and the time it was "
                   "approved; draw up a new order rather than change or use an old one",
                   name);
        why->code = CODE_SIGNATURE;
        return ST_DENIED;
    }
}

static enum status judge_time(const struct approval_question *q, const Eocbus__V1__Approval *a,
                              struct refusal *why)
{
    if (a->approved_us < q->m->sent_time_us - CLOCKS_US || a->approved_us > q->now_us + CLOCKS_US ||
        (q->m->not_after_us && a->approved_us >= q->m->not_after_us))
        return deny(why, "approvals",
                    "%.64s approved it before it was drawn up, after its time, or in the future; "
                    "an approval is given between sent_time_us and not_after_us",
                    a->principal);
    return ST_OK;
}

static enum status judge_right(const struct approval_question *q,
                               const struct approval_party *person, struct refusal *why)
{
    char roles[100];

    if (!q->policy || approval_may(q->policy, APPROVAL_APPROVE, person, q->m, &q->target))
        return ST_OK;
    approval_say_roles(q->policy, q->m, roles, sizeof(roles));
    return deny(
        why, "approvals",
        "%.64s has no right to approve it at %.40s, where %.64s is; one of these roles may, "
        "if that place is its own: %s",
        person->name, q->target.places[0] ? q->target.places : "the whole country", q->target.name,
        roles);
}

/* One who approved before, the sender or for whom it speaks, or the machine is not one person more.
 */
static enum status judge_person(const struct approval_question *q, Eocbus__V1__Approval **rows,
                                size_t at, struct refusal *why)
{
    const char *name = rows[at]->principal;
    const char *target = order_target(q->m);

    if (strcmp(name, q->m->sender) == 0 || strcmp(name, q->m->author) == 0)
        return deny(why, "approvals",
                    "%.64s ordered it and cannot approve it; it takes other persons", name);
    if (target && strcmp(name, target) == 0)
        return deny(why, "approvals", "%.64s is to carry it out and cannot approve it", name);
    for (size_t i = 0; i < at; i++)
        if (strcmp(rows[i]->principal, name) == 0)
            return deny(why, "approvals",
                        "%.64s approved it twice, which counts once; it takes another person",
                        name);
    return ST_OK;
}

/* Two names with one key are one person. */
static bool fits(const struct approval_question *q, const Eocbus__V1__Approval *a, const char *name,
                 const struct buf *bytes)
{
    struct approval_party person = {.name = "", .roles = "", .places = ""};
    Eocbus__V1__Approval of = *a;
    enum approval_key key;

    of.principal = (char *)(uintptr_t)name;
    key = q->find(q->arg, &of, bytes->data, bytes->len, &person);
    return key != APPROVAL_KEY_FORGED && key != APPROVAL_KEY_UNKNOWN;
}

static enum status judge_signature(const struct approval_question *q, Eocbus__V1__Approval **rows,
                                   size_t at, const struct buf *bytes, struct refusal *why)
{
    struct approval_party person = {.name = "", .roles = "", .places = ""};
    const Eocbus__V1__Approval *a = rows[at];
    enum status st =
        judge_key(q->find(q->arg, a, bytes->data, bytes->len, &person), a->principal, why);

    if (st == ST_OK)
        st = judge_right(q, &person, why); /* before the next question, which may reuse its texts */
    for (size_t i = 0; i <= at + 1 && st == ST_OK; i++) {
        const char *other = i < at ? rows[i]->principal : i == at ? q->m->sender : q->m->author;

        if (*other && fits(q, a, other, bytes))
            st = deny(why, "approvals",
                      "%.64s and %.64s have the same key and count as one person; it takes another",
                      a->principal, other);
    }
    return st;
}

static enum status judge_one(const struct approval_question *q, Eocbus__V1__Approval **rows,
                             size_t at, struct refusal *why)
{
    Eocbus__V1__Approval *a = rows[at];
    struct buf bytes = {0};
    enum status st;

    if (a->version != APPROVAL_VERSION)
        return deny(why, "approvals",
                    "the approval of %.64s is of version %u, which could be used again for another "
                    "order; only version %d counts: approve it with eocctl order approve",
                    a->principal, a->version ? a->version : 1u, APPROVAL_VERSION);
    st = judge_person(q, rows, at, why);
    if (st == ST_OK)
        st = judge_time(q, a, why);
    if (st != ST_OK)
        return st;
    if (a->signature.len != SIGN_BYTES ||
        order_put_approved(&bytes, q->m, a->principal, a->approved_us) != ST_OK)
        st = judge_key(APPROVAL_KEY_FORGED, a->principal, why);
    else
        st = judge_signature(q, rows, at, &bytes, why);
    buf_free(&bytes);
    return st;
}

/* --- the order -------------------------------------------------------------------------------- */

static enum status judge_parties(const struct approval_question *q, struct refusal *why)
{
    char words[80];

    order_words(words, sizeof(words), q->m);
    if (!q->target.name)
        return deny(why, "target",
                    "%s is meant for %.64s, which is not enrolled here; name the "
                    "principal that carries it out",
                    words, order_target(q->m));
    if (!approval_may(q->policy, APPROVAL_SAY, &q->sender, q->m, &q->target))
        return deny(why, "target",
                    "%.64s has no right to order %s at %.40s, where %.64s is; see eocctl why",
                    q->sender.name, words,
                    q->target.places[0] ? q->target.places : "the whole country", q->target.name);
    return ST_OK;
}

static enum status judge_count(const struct approval_question *q, unsigned needed, size_t count,
                               struct refusal *why)
{
    char words[80], roles[100];

    if (count >= needed)
        return ST_OK;
    order_words(words, sizeof(words), q->m);
    approval_say_roles(q->policy, q->m, roles, sizeof(roles));
    return deny(why, "approvals",
                "%s takes %u person%s beside its sender, and %zu approved it; let others of these "
                "roles do so with eocctl order approve: %s",
                words, needed, needed == 1 ? "" : "s", count, roles);
}

enum status approval_judge(const struct approval_question *q, struct refusal *why)
{
    const char *target = order_target(q->m);
    Eocbus__V1__Approval **rows = NULL;
    size_t count = order_approvals(q->m, &rows);
    unsigned needed = q->policy ? approval_needed(q->policy, q->m) : 0;
    enum status st = ST_OK;

    /* What a machine says of itself is no order, and a draft is none yet. */
    if (!target || strcmp(target, q->m->sender) == 0 || order_is_draft(q->m))
        return ST_OK;
    /* Where nobody is asked for, nobody is looked at. */
    if (q->policy && !needed && !q->target.name)
        return ST_OK;
    if (q->policy)
        st = judge_parties(q, why);
    if (q->policy && !needed)
        return st;
    for (size_t i = 0; i < count && st == ST_OK; i++)
        st = judge_one(q, rows, i, why);
    return st == ST_OK && q->policy ? judge_count(q, needed, count, why) : st;
}
