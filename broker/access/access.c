/* Ties the roll (who there is), the acl (what they may) and the ZAP door (who knocks) together.
 * While a new roll is being filled the old one stays in force. */
#include "broker/access/access.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/access/acl.h"
#include "broker/access/acts.h"
#include "broker/access/approve.h"
#include "broker/access/grants.h"
#include "broker/access/quota.h"
#include "broker/access/roll.h"
#include "broker/access/word.h"
#include "broker/access/zap.h"
#include "proto/base/keys.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/officers.h"
#include "proto/wire/limits.h"
#include "proto/wire/record.h"

#include "proto/base/banned.h"

/* A device with a wrong key knocks every few seconds for days: a line a minute names one, the
 * counter counts all. */
#define KNOCKS_LOGGED_PER_HOUR 60
/* The same of forgeries: each is in quarantine, and counted. */
#define FORGED_LOGGED_PER_HOUR 60

struct access {
    struct roll *roll;                     /* in force; NULL until the first commit */
    struct roll *coming;                   /* being filled; NULL when none is */
    struct grants *grants, *coming_grants; /* what the rolls' rights live in */
    bool is_kept;                          /* `roll` is from the broker's own file */
    bool spoiled; /* `coming` could not be made: commit keeps the old one */
    struct officers officers;
    bool takes_unsigned, pins_changed;
    struct acts acts;
    uint64_t unvouched, distrusted; /* in `coming` */
    uint64_t unsigned_revocations, undone;
    char first_unsigned[LIMIT_NAME_BYTES + 1], first_undone[LIMIT_NAME_BYTES + 1];
    char distrust[256]; /* of the first one */
    struct zap *zap;
    int64_t (*utc_us)(void *arg);
    void *arg;
    struct quota knocks, forged;
    struct orders_seen orders;
    bool lets_unsigned;
    struct access_counters counters;
    char user[LIMIT_NAME_BYTES + 1 + KEY_Z85]; /* the User-Id of the last one that was let in */
};

static int64_t utc_now(const struct access *a)
{
    return a->utc_us(a->arg);
}

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

static void give_up(struct access *a)
{
    roll_destroy(a->coming);
    grants_destroy(a->coming_grants);
    a->coming = NULL;
    a->coming_grants = NULL;
}

void access_begin(struct access *a)
{
    a->unvouched = a->distrusted = a->unsigned_revocations = a->undone = 0;
    give_up(a);
    a->spoiled = roll_create(&a->coming) != ST_OK;
}

enum status access_rules(struct access *a, const char *text)
{
    char err[300] = "no memory";
    enum status st;

    grants_destroy(a->coming_grants);
    a->coming_grants = NULL;
    st = grants_create(&a->coming_grants, text, err, sizeof(err));

    if (st != ST_OK) {
        log_error("access.rules", "why=\"%s\"", err);
        a->spoiled = true;
    }
    return st;
}

/* Looked at before, byte for byte, under the same officers: 100 us for each principal whenever one
 * of ten thousand changes would keep the others waiting for a second. */
static bool was_vouched(const struct access *a, const struct principal *p)
{
    const struct principal *old =
        a->roll && !a->pins_changed ? roll_find_any(a->roll, p->public_key) : NULL;

    return old && old->is_vouched && old->enrolment_len == p->enrolment_len &&
           !memcmp(old->enrolment, p->enrolment, p->enrolment_len);
}

static enum status check_record(const struct access *a, const struct principal *p,
                                struct record *record, struct refusal *why)
{
    const uint8_t *bytes = p->enrolment;
    size_t len = p->enrolment_len;

    why->text[0] = '\0';
    if (!len) {
        snprintf(why->text, sizeof(why->text), "no officer signed for it");
        return ST_DENIED;
    }
    enum status st = was_vouched(a, p) ? enrolment_read(record, bytes, len, why)
                                       : enrolment_check(record, bytes, len, &a->officers, why);
    if (st == ST_OK && (strcmp(record->name, p->name) != 0 ||
                        memcmp(record->key, p->public_key, KEY_BYTES) != 0)) {
        snprintf(why->text, sizeof(why->text), "its record is of another name or key");
        st = ST_DENIED;
    } else if (st == ST_OK && record->valid_from_us > utc_now(a)) {
        snprintf(why->text, sizeof(why->text), "its record is of the future");
        st = ST_DENIED;
    }
    return st;
}

/* The record is the truth; the database may only shorten it. */
static void take_record(struct principal *p, struct record *record)
{
    p->agency = record->agency;
    p->roles = record->roles;
    p->places = record->places;
    p->has_sign_key = record->has_sign_key;
    memcpy(p->sign_key, record->sign_key, KEY_BYTES);
    if (!p->not_after_us || record->not_after_us < p->not_after_us)
        p->not_after_us = record->not_after_us;
    p->serial = record->serial;
    p->is_vouched = true;
}

static enum status add_unvouched(struct access *a, struct principal *p, const struct refusal *why)
{
    if (!a->takes_unsigned) {
        if (!a->distrusted++)
            snprintf(a->distrust, sizeof(a->distrust), "%s: %.180s", p->name, why->text);
        return ST_OK;
    }
    a->unvouched++;
    p->serial = 0; /* nobody vouches for that either */
    return roll_add(a->coming, p);
}

static void note_first(char out[LIMIT_NAME_BYTES + 1], uint64_t *count, const char *name)
{
    if (!(*count)++)
        snprintf(out, LIMIT_NAME_BYTES + 1, "%s", name);
}

/* Over is what the database calls so, and what an officer ever signed for; the time is the
 * officer's, since of what was said before it is believed. */
static enum status end_revoked(struct access *a, struct principal *p)
{
    const struct revocation *r;
    enum status st = ST_DENIED;

    if (p->revocation_len)
        st = acts_take(&a->acts, &a->officers, p->revocation, p->revocation_len, p->name,
                       p->public_key);
    p->revocation = NULL;
    p->revocation_len = 0;
    if (st == ST_NOMEM)
        return st;
    r = acts_find(&a->acts, p->name, p->public_key);
    if (!r && p->revoked_us)
        note_first(a->first_unsigned, &a->unsigned_revocations, p->name);
    if (!r)
        return ST_OK;
    if (!p->revoked_us)
        note_first(a->first_undone, &a->undone, p->name);
    p->is_shut = true;
    p->revoked_us = r->revoked_us;
    return ST_OK;
}

static enum status add(struct access *a, const struct principal *given)
{
    struct principal p = *given;
    struct record record;
    struct refusal why;

    p.is_vouched = p.is_beside = false;
    if (!a->officers.count) {
        p.revocation = NULL; /* nobody is pinned who could have signed it */
        a->unvouched++;
        return roll_add(a->coming, &p);
    }
    enum status st = end_revoked(a, &p);
    if (st == ST_OK)
        st = check_record(a, &p, &record, &why);
    if (st == ST_NOMEM)
        return st;
    if (st != ST_OK)
        return add_unvouched(a, &p, &why);
    take_record(&p, &record);
    return roll_add(a->coming, &p);
}

enum status access_remember(struct access *a, const uint8_t *act, size_t len)
{
    enum status st = acts_take(&a->acts, &a->officers, act, len, NULL, NULL);

    a->counters.remembered = a->acts.count;
    return st;
}

const struct acts *access_acts(const struct access *a)
{
    return &a->acts;
}

const char *access_rules_text(const struct access *a)
{
    return a->grants ? grants_text(a->grants) : "";
}

enum status access_add(struct access *a, const struct principal *p)
{
    enum status st = a->spoiled ? ST_NOMEM : add(a, p);

    a->spoiled = a->spoiled || st;
    return st;
}

static void tell_revocations(struct access *a)
{
    if (a->undone && a->undone != a->counters.undone)
        log_error("access.revocation.undone",
                  "keys=%" PRIu64 " first=%s next=\"they stay shut: an officer signed for it\"",
                  a->undone, a->first_undone);
    if (a->unsigned_revocations && a->unsigned_revocations != a->counters.unsigned_revocations)
        log_warn("access.revocation.unsigned",
                 "keys=%" PRIu64 " first=%s next=\"they are shut while the database says so\"",
                 a->unsigned_revocations, a->first_unsigned);
    a->counters.undone = a->undone;
    a->counters.unsigned_revocations = a->unsigned_revocations;
    a->counters.remembered = a->acts.count;
}

static void tell_beside(struct access *a)
{
    const char *first = "";
    size_t keys = roll_beside(a->roll, &first);

    if (keys && keys != a->counters.beside)
        log_warn("access.beside",
                 "keys=%zu first=%s next=\"they have the role unvouched, and nothing of the "
                 "record's\"",
                 keys, first);
    a->counters.beside = keys;
}

/* A line for each list that has any, not for each key: old installations have thousands. */
static void tell_distrust(struct access *a)
{
    if (a->distrusted && a->distrusted != a->counters.distrusted)
        log_warn("access.distrusted", "keys=%" PRIu64 " first=\"%s\" next=\"not admitted\"",
                 a->distrusted, a->distrust);
    a->counters.unvouched = a->unvouched;
    tell_beside(a);
    tell_revocations(a);
    a->counters.distrusted = a->distrusted;
}

/* Everything that may fail is done before the old list goes. */
static bool complete(struct access *a)
{
    if (a->spoiled || (!a->coming_grants && access_rules(a, "") != ST_OK))
        return false;
    roll_seal(a->coming);
    return roll_grant(a->coming, a->coming_grants) == ST_OK;
}

static enum status put_in_force(struct access *a, bool is_kept)
{
    if (!complete(a)) {
        log_error("access.roll.kept", "next=\"the old list and the old rights stay\"");
        give_up(a);
        return ST_NOMEM;
    }
    roll_destroy(a->roll);
    grants_destroy(a->grants);
    a->roll = a->coming;
    a->grants = a->coming_grants;
    a->coming = NULL;
    a->coming_grants = NULL;
    a->is_kept = is_kept;
    a->pins_changed = false;
    tell_distrust(a);
    if (a->zap)
        zap_decide(a->zap);
    return ST_OK;
}

enum status access_commit(struct access *a)
{
    return put_in_force(a, false);
}

enum status access_commit_kept(struct access *a)
{
    return put_in_force(a, true);
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
    return acl_may_publish(p, access_author(a, p, m->sender), m, utc_now(a), why);
}

static void log_forged(struct access *a, const struct principal *p, const struct refusal *why)
{
    if (quota_take(&a->forged, 1, (uint64_t)utc_now(a)))
        log_warn("access.signature.bad", "principal=%s field=%s total=%" PRIu64, p->name, why->path,
                 a->counters.bad_signatures);
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
