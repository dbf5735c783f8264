#include "broker/access/approve.h"

#include <stdio.h>
#include <string.h>

#include "broker/access/roll.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/wire/approval.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

/* Of an order without an end (a configuration, whose version goes up): a day. */
#define UNENDING_US INT64_C(86400000000)

/* --- keys ------------------------------------------------------------------------------------- */

/* One name's keys against one approval. */
struct search {
    const void *bytes;
    size_t len;
    const uint8_t *signature;
    int64_t approved_us, utc_us;
    enum approval_key key;
    bool has_key;
};

static void try_key(void *arg, const struct principal *p)
{
    struct search *s = arg;

    if (!p->has_sign_key || p->is_beside)
        return;
    s->has_key = true;
    if (s->key == APPROVAL_KEY_GOOD ||
        !sign_is_good(p->sign_key, DOMAIN_APPROVAL, s->bytes, s->len, s->signature))
        return;
    if (p->revoked_us)
        s->key = APPROVAL_KEY_REVOKED;
    else if (p->is_shut || (p->not_after_us &&
                            (s->approved_us >= p->not_after_us || s->utc_us >= p->not_after_us)))
        s->key = APPROVAL_KEY_EXPIRED;
    else
        s->key = APPROVAL_KEY_GOOD;
}

struct book {
    const struct roll *roll;
    int64_t utc_us;
};

static struct approval_party party_of(const struct principal *p)
{
    return p && !p->is_beside
               ? (struct approval_party){.name = p->name, .roles = p->roles, .places = p->places}
               : (struct approval_party){.name = NULL, .roles = "", .places = ""};
}

static enum approval_key find_key(void *arg, const Eocbus__V1__Approval *a, const void *bytes,
                                  size_t len, struct approval_party *person)
{
    const struct book *b = arg;
    struct search s = {.bytes = bytes,
                       .len = len,
                       .signature = a->signature.data,
                       .approved_us = a->approved_us,
                       .utc_us = b->utc_us,
                       .key = APPROVAL_KEY_FORGED};
    const struct principal *p = roll_find(b->roll, a->principal, b->utc_us);

    roll_each_named(b->roll, a->principal, try_key, &s);
    if (!s.has_key)
        return APPROVAL_KEY_UNKNOWN;
    if (s.key == APPROVAL_KEY_GOOD && (!p || p->is_beside))
        return APPROVAL_KEY_EXPIRED;
    if (p)
        *person = party_of(p);
    return s.key;
}

/* --- once ------------------------------------------------------------------------------------- */

void orders_forget(struct orders_seen *seen)
{
    mem_free(seen->rows);
    *seen = (struct orders_seen){0};
}

static bool is_of(const struct order_seen *row, const Eocbus__V1__Envelope *m)
{
    return memcmp(row->message_id, m->message_id.data, sizeof(row->message_id)) == 0 &&
           strcmp(row->sender, m->sender) == 0;
}

static enum status take_once(struct orders_seen *seen, const Eocbus__V1__Envelope *m,
                             int64_t utc_us, struct refusal *why)
{
    struct order_seen *row;

    if (!seen->rows)
        seen->rows = mem_zalloc(ORDERS_REMEMBERED * sizeof(*seen->rows));
    if (!seen->rows || m->message_id.len != sizeof(row->message_id)) {
        why->code = CODE_APPROVAL;
        snprintf(why->text, sizeof(why->text), "no memory for orders; say it again later");
        return ST_NOMEM;
    }
    for (size_t i = 0; i < ORDERS_REMEMBERED; i++) {
        row = &seen->rows[i];
        if (!row->lane_seq || row->until_us <= utc_us || !is_of(row, m))
            continue;
        if (row->epoch == m->epoch && row->lane_seq == m->lane_seq)
            return ST_OK; /* its receipt was lost on the way */
        why->code = CODE_APPROVAL;
        snprintf(why->path, sizeof(why->path), "message_id");
        snprintf(why->text, sizeof(why->text),
                 "this order was said before, and what was approved for it holds once; draw up a "
                 "new order and let it be approved");
        return ST_DENIED;
    }
    row = &seen->rows[seen->next++ % ORDERS_REMEMBERED];
    *row =
        (struct order_seen){.epoch = m->epoch,
                            .lane_seq = m->lane_seq,
                            .until_us = m->not_after_us ? m->not_after_us : utc_us + UNENDING_US};
    memcpy(row->message_id, m->message_id.data, sizeof(row->message_id));
    snprintf(row->sender, sizeof(row->sender), "%s", m->sender);
    return ST_OK;
}

/* --- the judgement ---------------------------------------------------------------------------- */

enum status approve_judge(const struct roll *r, const struct approval_policy *policy,
                          struct orders_seen *seen, const struct principal *author,
                          Eocbus__V1__Envelope *m, int64_t utc_us, struct refusal *why)
{
    struct book book = {.roll = r, .utc_us = utc_us};
    struct approval_question q = {.m = m,
                                  .policy = policy,
                                  .sender = party_of(author),
                                  .now_us = utc_us,
                                  .arg = &book,
                                  .find = find_key};
    const char *target = order_target(m);
    enum status st;

    if (!target || order_is_draft(m))
        return ST_OK;
    q.target = party_of(roll_find(r, target, utc_us));
    st = approval_judge(&q, why);
    if (st == ST_OK && approval_needed(policy, m))
        st = take_once(seen, m, utc_us, why);
    return st;
}
