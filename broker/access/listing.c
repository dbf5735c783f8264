/* listing - a list of principals is read: whom officers vouch for, whose keys are over, what
 * agencies share; and all of it is put in force at once. */
#include "broker/access/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/wire/record.h"

#include "proto/base/banned.h"

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

static void tell_shared(struct access *a)
{
    if (a->shared.unsigned_ones && a->shared.unsigned_ones != a->counters.agreements_unsigned)
        log_warn("access.agreement.unsigned",
                 "agreements=%" PRIu64 " first=\"%s\" next=\"nothing passes by them\"",
                 a->shared.unsigned_ones, a->shared.first);
    a->counters.agreements = a->shared.held;
    a->counters.agreements_unsigned = a->shared.unsigned_ones;
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
    tell_shared(a);
    a->counters.distrusted = a->distrusted;
}

/* Everything that may fail is done before the old list goes. */
static bool complete(struct access *a)
{
    if (a->spoiled || (!a->coming_grants && access_rules(a, "") != ST_OK))
        return false;
    roll_seal(a->coming);
    return grants_share(a->coming_grants, a->coming, a->officers.count > 0, &a->shared) == ST_OK &&
           roll_grant(a->coming, a->coming_grants) == ST_OK;
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
