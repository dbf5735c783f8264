/* Ties the roll (who there is), the acl (what they may) and the ZAP door (who knocks) together.
 * While a new roll is being filled the old one stays in force. */
#include "broker/access/room.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/access/acl.h"
#include "broker/access/word.h"
#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

/* A device with a wrong key knocks every few seconds for days: a line a minute names one, the
 * counter counts all. */
#define KNOCKS_LOGGED_PER_HOUR 60
/* The same of forgeries: each is in quarantine, and counted. */
#define FORGED_LOGGED_PER_HOUR 60

static void log_stranger(struct access *a, const uint8_t key[32], const char *address)
{
    char text[KEY_Z85];

    a->counters.unknown_keys++;
    if (!quota_take(&a->knocks, 1, (uint64_t)utc_now(a)))
        return;
    keys_z85_encode(text, key);
    log_warn("access.unknown_key", "key=%s address=%s total=%" PRIu64, text, address,
             a->counters.unknown_keys);
}

static const char *put_user(struct access *a, const char *name, const uint8_t key[32])
{
    char text[KEY_Z85];

    keys_z85_encode(text, key);
    snprintf(a->user, sizeof(a->user), "%.*s %s", LIMIT_NAME_BYTES, name, text);
    return a->user;
}

static enum zap_verdict on_knock(void *arg, const uint8_t key[32], const char *address,
                                 const char **name)
{
    struct access *a = arg;
    const struct principal *p = access_find_key(a, key);

    if (!a->roll || (!p && a->is_kept)) {
        a->counters.undecided++;
        return ZAP_LATER;
    }
    if (!p) {
        log_stranger(a, key, address);
        return ZAP_REFUSE;
    }
    a->counters.admitted++;
    *name = put_user(a, p->name, key);
    return ZAP_ADMIT;
}

enum status access_create(struct access **out, struct zctx *z, int64_t (*utc_us)(void *arg),
                          void *arg)
{
    struct access *a = mem_zalloc(sizeof(*a));
    struct zap_door door = {.arg = a, .who = on_knock};

    if (!a)
        return ST_NOMEM;
    a->utc_us = utc_us;
    a->arg = arg;
    quota_init(&a->knocks, KNOCKS_LOGGED_PER_HOUR, QUOTA_HOUR_US, (uint64_t)utc_now(a));
    quota_init(&a->forged, FORGED_LOGGED_PER_HOUR, QUOTA_HOUR_US, (uint64_t)utc_now(a));
    enum status st = z ? zap_create(&a->zap, z, &door) : ST_OK;
    if (st) {
        mem_free(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void access_destroy(struct access *a)
{
    if (!a)
        return;
    zap_destroy(a->zap);
    roll_destroy(a->coming);
    roll_destroy(a->roll);
    grants_destroy(a->coming_grants);
    grants_destroy(a->grants);
    orders_forget(&a->orders);
    acts_free(&a->acts);
    mem_free(a);
}

void access_pin(struct access *a, const struct officers *o, bool takes_unsigned)
{
    a->officers = o ? *o : (struct officers){0};
    a->takes_unsigned = takes_unsigned;
    a->pins_changed = true;
    a->counters.officers = a->officers.count;
}

bool access_is_kept(const struct access *a)
{
    return a->roll && a->is_kept;
}

void access_each(const struct access *a, void (*each)(void *arg, const struct principal *p),
                 void *arg)
{
    if (a->roll)
        roll_each(a->roll, each, arg);
}

size_t access_open(const struct access *a)
{
    return a->roll ? roll_open(a->roll) : 0;
}

size_t access_count(const struct access *a)
{
    return a->roll ? roll_count(a->roll) : 0;
}

const struct principal *access_find(const struct access *a, const char *name)
{
    return a->roll && name ? roll_find(a->roll, name, utc_now(a)) : NULL;
}

const struct principal *access_find_key(const struct access *a, const uint8_t key[32])
{
    return a->roll ? roll_find_key(a->roll, key, utc_now(a)) : NULL;
}

size_t access_each_named(const struct access *a, const char *name,
                         void (*each)(void *arg, const struct principal *p), void *arg)
{
    return a->roll ? roll_each_named(a->roll, name, each, arg) : 0;
}

const struct principal *access_find_user(const struct access *a, const char *user_id)
{
    const char *blank = strchr(user_id, ' ');
    char name[LIMIT_NAME_BYTES + 1];
    uint8_t key[KEY_BYTES];
    size_t len;

    if (!a->roll || !blank)
        return access_find(a, user_id);
    len = (size_t)(blank - user_id);
    if (len >= sizeof(name) || keys_z85_decode(key, blank + 1) != ST_OK)
        return NULL;
    memcpy(name, user_id, len);
    name[len] = 0;
    return roll_find_both(a->roll, name, key, utc_now(a));
}

const struct principal *access_find_both(const struct access *a, const char *name,
                                         const uint8_t key[32])
{
    return a->roll ? roll_find_both(a->roll, name, key, utc_now(a)) : NULL;
}

bool access_holds(const struct access *a, int32_t principal_id, const char *name,
                  const uint8_t key[32])
{
    const struct principal *p = access_find_both(a, name, key);

    return p && p->principal_id == principal_id;
}

int64_t access_next_end(const struct access *a, int64_t utc_us)
{
    return a->roll ? roll_next_end(a->roll, utc_us) : INT64_MAX;
}

const struct principal *access_author(const struct access *a, const struct principal *p,
                                      const char *sender)
{
    if (strcmp(p->name, sender) == 0)
        return p;
    return p->rights && rights_has(p->rights, VERB_CARRY, 0) ? access_find(a, sender) : NULL;
}

enum status access_may_publish(const struct access *a, const struct principal *p,
                               const Eocbus__V1__Envelope *m, struct refusal *why)
{
    const struct principal *author = access_author(a, p, m->sender);
    const bool has_person = *m->author && strcmp(m->author, m->sender) != 0;

    return acl_may_publish(p, author, has_person ? access_find(a, m->author) : author, m,
                           utc_now(a), why);
}

static void log_forged(struct access *a, const struct principal *p, const struct refusal *why)
{
    if (quota_take(&a->forged, 1, (uint64_t)utc_now(a)))
        log_warn("access.signature.bad", "principal=%s field=%s total=%" PRIu64, p->name, why->path,
                 a->counters.bad_signatures);
}

/* Who gives a machine orders may say them where it is, whatever places the order itself names. (Of
 * a sender without a person approve_judge asks.) */
static enum status check_person(const struct access *a, const Eocbus__V1__Envelope *m,
                                struct refusal *why)
{
    const char *target = order_target(m);
    const struct principal *person, *machine;

    if (!target || order_is_draft(m) || !*m->author || strcmp(m->author, m->sender) == 0)
        return ST_OK;
    person = access_find(a, m->author);
    machine = access_find(a, target);
    return person && machine ? acl_may_order(person, machine, m, utc_now(a), why) : ST_OK;
}

/* A wrong signature under an approval is a forgery; what is merely missing is not. */
static enum status check_approvals(struct access *a, const struct principal *p,
                                   Eocbus__V1__Envelope *m, struct refusal *why)
{
    const struct principal *author = access_author(a, p, m->sender);
    enum status st = a->roll && author ? approve_judge(a->roll, grants_orders(a->grants),
                                                       &a->orders, author, m, utc_now(a), why)
                                       : ST_OK;

    if (st == ST_OK)
        return ST_OK;
    if (strcmp(why->code, CODE_SIGNATURE) == 0) {
        a->counters.bad_signatures++;
        log_forged(a, p, why);
    } else {
        a->counters.unapproved++;
    }
    return ST_DENIED;
}

enum status access_check_word(struct access *a, const struct principal *p,
                              const struct access_said *said, struct refusal *why)
{
    enum word word = a->roll ? word_judge(a->roll, p, said, a->lets_unsigned, why) : WORD_TAKEN;

    a->counters.verified += word == WORD_GOOD;
    a->counters.let_unsigned += word == WORD_UNSIGNED;
    a->counters.missing_signatures += word == WORD_MISSING;
    a->counters.bad_signatures += word == WORD_BAD;
    if (word == WORD_BAD)
        log_forged(a, p, why);
    if (word == WORD_MISSING || word == WORD_BAD)
        return ST_DENIED;
    if (check_person(a, said->m, why) != ST_OK)
        return ST_DENIED;
    return check_approvals(a, p, said->m, why);
}

void access_let_unsigned(struct access *a, bool yes)
{
    a->lets_unsigned = yes;
}

enum status access_may_listen(const struct access *a, const struct principal *p,
                              const char *pattern, struct refusal *why)
{
    (void)a;
    return acl_may_listen(p, pattern, why);
}

void access_counters(const struct access *a, struct access_counters *out)
{
    *out = a->counters;
}
