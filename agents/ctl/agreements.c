#include "agents/ctl/agreements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/print.h"
#include "proto/base/officers.h"
#include "proto/base/sign.h"
#include "proto/wire/agreement.h"
#include "proto/wire/limits.h"
#include "proto/wire/record.h"

#include "proto/base/banned.h"

#define SHARING_SQL                                                                                \
    "SELECT s.agreement_id AS id, s.version, s.giver, s.taker, s.valid_from::date AS since,"       \
    " s.valid_to::date AS until, bus.pb_get(s.giver_content, 240) AS giver_said,"                  \
    " bus.pb_get(s.taker_content, 240) AS taker_said"                                              \
    " FROM bus.sharing s WHERE s.valid_to > now() ORDER BY s.giver, s.taker, s.agreement_id"

/* Of one name; the agency is that of the record with the highest serial, as brokers have it. */
#define KEYS_SQL                                                                                   \
    "SELECT k.sign_key, k.enrolment, coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1))"   \
    " AS agency, (extract(epoch FROM least(p.revoked_at, k.revoked_at)) * 1000000)::int8 AS"       \
    " revoked_us, (extract(epoch FROM least(p.not_after, k.valid_to)) * 1000000)::int8 AS"         \
    " not_after_us, bus.may(p.name, 'say', 'sharing_agreement') AS may"                            \
    " FROM bus.principal p JOIN bus.principal_key k USING (principal_id)"                          \
    " WHERE p.name = $1 AND k.sign_key IS NOT NULL ORDER BY k.serial DESC"

struct keyring {
    struct db *d;
    struct officers officers; /* count 0: nobody is pinned */
    enum status st;
};

/* --- keys ------------------------------------------------------------------------------------- */

struct key {
    uint8_t bytes[KEY_BYTES];
    char agency[RECORD_AGENCY];
};

static bool take_vouched(struct key *out, const struct officers *o, const struct buf *enrolment,
                         const char *name)
{
    struct refusal why;
    struct record r;

    if (enrolment_check(&r, enrolment->data, enrolment->len, o, &why) != ST_OK || !r.has_sign_key ||
        strcmp(r.name, name) != 0)
        return false;
    memcpy(out->bytes, r.sign_key, KEY_BYTES);
    snprintf(out->agency, sizeof(out->agency), "%s", r.agency);
    return true;
}

static bool take_told(struct key *out, const struct buf *sign_key, const char *agency)
{
    if (sign_key->len != KEY_BYTES)
        return false;
    memcpy(out->bytes, sign_key->data, KEY_BYTES);
    snprintf(out->agency, sizeof(out->agency), "%s", agency);
    return true;
}

static bool take_key(struct key *out, const struct keyring *ring, const struct db_rows *r,
                     unsigned i, const char *name)
{
    struct buf bytes = {0};
    bool is_key;

    if (ring->officers.count)
        is_key =
            db_bytes(r, i, "enrolment", &bytes) && take_vouched(out, &ring->officers, &bytes, name);
    else
        is_key =
            db_bytes(r, i, "sign_key", &bytes) && take_told(out, &bytes, db_cell(r, i, "agency"));
    buf_free(&bytes);
    return is_key;
}

static enum agreement_key judge(const struct key *k, const struct db_rows *r, unsigned i,
                                const char *agency, const Eocbus__V1__PartySignature *s,
                                const void *bytes, size_t len)
{
    int64_t revoked_us = (int64_t)db_number(r, i, "revoked_us");
    int64_t not_after_us = (int64_t)db_number(r, i, "not_after_us");
    const char *may = db_cell(r, i, "may");

    if (!sign_is_good(k->bytes, DOMAIN_AGREEMENT, bytes, len, s->signature.data))
        return AGREEMENT_KEY_FORGED;
    if (strcmp(k->agency, agency) != 0)
        return AGREEMENT_KEY_FOREIGN;
    if ((revoked_us && s->signed_us >= revoked_us) ||
        (not_after_us && s->signed_us >= not_after_us))
        return AGREEMENT_KEY_OVER;
    return may && *may == 't' ? AGREEMENT_KEY_GOOD : AGREEMENT_KEY_NO_RIGHT;
}

static enum agreement_key find_key(void *arg, const char *agency,
                                   const Eocbus__V1__PartySignature *s, const void *bytes,
                                   size_t len)
{
    struct keyring *ring = arg;
    const char *params[] = {s->principal};
    enum agreement_key best = AGREEMENT_KEY_UNKNOWN;
    struct db_rows *r;
    struct key k;

    if (ring->st == ST_OK)
        ring->st = db_query(ring->d, &r, KEYS_SQL, params, 1);
    if (ring->st != ST_OK)
        return best;
    for (unsigned i = 0; i < db_count(r); i++)
        if (take_key(&k, ring, r, i, s->principal)) {
            enum agreement_key key = judge(&k, r, i, agency, s, bytes, len);

            best = key > best ? key : best;
        }
    db_rows_free(r);
    return best;
}

/* --- agreements ------------------------------------------------------------------------------- */

static void check(struct agreement_found *f, struct keyring *ring, const struct db_rows *r,
                  unsigned i, struct arena *arena)
{
    struct agreement_book book = {.arg = ring, .find = find_key};
    struct buf giver = {0}, taker = {0};
    Eocbus__V1__SharingAgreement *a;
    struct refusal why = {0};

    if (!db_bytes(r, i, "giver_said", &giver) || !db_bytes(r, i, "taker_said", &taker)) {
        snprintf(f->why, sizeof(f->why), "the log does not hold what both parties said");
    } else {
        struct agreement_said one = {giver.data, giver.len}, other = {taker.data, taker.len};

        f->holds = agreement_check(&a, &one, &other, &book, arena, &why) == ST_OK;
        snprintf(f->why, sizeof(f->why), "%s", f->holds ? "" : why.text);
    }
    buf_free(&giver);
    buf_free(&taker);
}

static enum status check_all(struct keyring *ring,
                             void (*each)(void *arg, const struct agreement_found *f), void *arg)
{
    struct arena *arena = NULL;
    struct db_rows *r;
    enum status st = db_query(ring->d, &r, SHARING_SQL, NULL, 0);

    if (st != ST_OK)
        return st;
    st = arena_create(&arena, 2 * LIMIT_ARENA_BYTES);
    for (unsigned i = 0; i < db_count(r) && st == ST_OK; i++) {
        struct agreement_found f = {.id = db_cell(r, i, "id"),
                                    .giver = db_cell(r, i, "giver"),
                                    .taker = db_cell(r, i, "taker"),
                                    .from = db_cell(r, i, "since"),
                                    .until = db_cell(r, i, "until"),
                                    .version = db_number(r, i, "version")};

        arena_reset(arena);
        check(&f, ring, r, i, arena);
        st = ring->st;
        if (st == ST_OK)
            each(arg, &f);
    }
    arena_destroy(arena);
    db_rows_free(r);
    return st;
}

enum status agreements_each(struct db *d, const char *officers_file,
                            void (*each)(void *arg, const struct agreement_found *f), void *arg,
                            char *err, size_t err_size)
{
    struct keyring ring = {.d = d, .st = ST_OK};
    enum status st;

    if (officers_file && *officers_file &&
        officers_load(&ring.officers, officers_file, err, err_size) != ST_OK)
        return ST_INVALID;
    st = check_all(&ring, each, arg);
    if (st != ST_OK)
        snprintf(err, err_size, "the agreements cannot be read: %s", db_error(d));
    return st;
}

/* --- for people ------------------------------------------------------------------------------- */

struct printing {
    struct buf out;
    unsigned bad;
};

static void print_one(void *arg, const struct agreement_found *f)
{
    struct printing *p = arg;

    buf_printf(&p->out, "%s  %s gives %s  version %" PRIu64 "  %s to %s  ", f->id, f->giver,
               f->taker, f->version, f->from, f->until);
    buf_puts(&p->out, f->holds ? "both signed" : "does NOT hold: ");
    print_escaped(&p->out, f->why, strlen(f->why));
    buf_puts(&p->out, "\n");
    p->bad += !f->holds;
}

int agreements_print(struct ctl *c, struct db *d)
{
    const char *officers = c->set.agent.officers_file;
    struct printing p = {0};
    char err[600];
    enum status st = agreements_each(d, officers, print_one, &p, err, sizeof(err));

    if (st == ST_OK && p.out.len && !(officers && *officers))
        buf_puts(&p.out,
                 "trust.officers is not set here: the keys of the database were believed\n");
    print_flush(&p.out);
    buf_free(&p.out);
    if (st != ST_OK)
        return program_fail(&c->program, st == ST_INVALID ? EXIT_USAGE : EXIT_REFUSED, "%s", err);
    return p.bad ? EXIT_REFUSED : EXIT_DONE;
}

struct warning {
    const char *text;
    struct buf *out;
};

static void warn_one(void *arg, const struct agreement_found *f)
{
    const struct warning *w = arg;

    if (f->holds || !strstr(w->text, f->id))
        return;
    buf_printf(w->out, "But sharing agreement %s does not hold: ", f->id);
    print_escaped(w->out, f->why, strlen(f->why));
    buf_puts(w->out, ". Brokers that have officers pinned let nothing pass by it; the row level "
                     "security of the database cannot look at signatures, and does.\n");
}

void agreements_warn(struct ctl *c, struct db *d, const char *text, struct buf *out)
{
    const char *officers = c->set.agent.officers_file;
    struct warning w = {text, out};
    char err[600];

    if (!officers || !*officers || !strstr(text, "sharing agreement "))
        return;
    if (agreements_each(d, officers, warn_one, &w, err, sizeof(err)) != ST_OK)
        buf_printf(out, "The signatures under it could not be looked at: %s\n", err);
}
