/* trust - see trust.h. Names stand sorted, each with the keys its records give it. */
#include "agents/link/trust.h"

#include <stdio.h>
#include <string.h>

#include "agents/link/trust_orders.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

/* A name is asked for again when its records are older than this, because keys come and go; and
 * after a question that was not answered. */
#define STALE_US UINT64_C(3600000000)
#define AGAIN_US UINT64_C(30000000)
/* How long a signature that fits no key is doubted, how often its sender is asked for meanwhile,
 * and how long the doubt is over then: twice as long each time that no new key came of it, up to
 * eleven minutes, so that one who signs nonsense holds its readers up for less than a hundredth of
 * their time. After an hour without it is as if nothing had been. */
#define DOUBT_US       UINT64_C(6000000)
#define DOUBT_AGAIN_US UINT64_C(500000)
#define SETTLED_US     UINT64_C(20000000)
#define DOUBTS_MOST    6u
#define FORGOTTEN_US   UINT64_C(3600000000)
#define WAIT_US        UINT64_C(5000000)

struct trust {
    struct trust_book book;
    bool is_on, lets_unsigned, exercises;
    bool is_mute; /* a question was not answered in time, and none since */
    bool asks_rules;
    uint64_t rules_asked_us, rules_told_us; /* of orders; 0 = never */
    struct approval_policy *pinned;         /* NULL: off */
    char why[320];                          /* of the last verdict */
};

const char *proof_word(enum proof p)
{
    static const char *const words[] = {"", "good", "unsigned", "unknown", "forged"};

    return words[p];
}

/* --- coming and going ------------------------------------------------------------------------- */

enum status trust_create(struct trust **out, const struct trust_settings *set, char *err,
                         size_t err_size)
{
    struct trust *t = mem_zalloc(sizeof(*t));
    enum status st = ST_OK;

    snprintf(err, err_size, "no memory");
    if (!t)
        return ST_NOMEM;
    t->lets_unsigned = set->lets_unsigned;
    t->exercises = set->exercises;
    t->is_on = set->officers_file && *set->officers_file;
    if (t->is_on)
        st = trust_book_open(&t->book, set->officers_file, set->known_file, err, err_size);
    if (t->is_on && st == ST_OK)
        st = trust_read_pinned(&t->pinned, set->orders_file, err, err_size);
    if (!t->is_on)
        log_info("agent.proof.off", "next=\"nothing that is heard is checked: trust.officers\"");
    if (st != ST_OK) {
        trust_destroy(t);
        return st;
    }
    *out = t;
    return ST_OK;
}

void trust_destroy(struct trust *t)
{
    if (!t)
        return;
    trust_book_close(&t->book);
    approval_policy_destroy(t->pinned);
    mem_free(t);
}

bool trust_is_on(const struct trust *t)
{
    return t && t->is_on;
}

enum status trust_save(struct trust *t)
{
    return trust_book_save(&t->book);
}

/* --- questions -------------------------------------------------------------------------------- */

static bool is_open(const struct trust_name *n)
{
    return n->asked_us && n->told_us < n->asked_us;
}

/* True while an answer is worth waiting for. */
static bool ask(struct trust *t, struct trust_name *n, uint64_t now_us)
{
    if (!n->is_due && is_open(n) && now_us >= n->asked_us + WAIT_US && !t->is_mute) {
        t->is_mute = true;
        log_warn("agent.records.missing",
                 "sender=%s next=\"what it says is marked as unknown, and asked for again\"",
                 n->name);
    }
    if (!n->is_due && !(is_open(n) && now_us < n->asked_us + AGAIN_US)) {
        n->is_due = true;
        n->asked_us = now_us ? now_us : 1;
    }
    return !t->is_mute;
}

static bool is_told(const struct trust_name *n, uint64_t now_us, uint64_t within_us)
{
    return n->told_us && now_us < n->told_us + within_us;
}

/* Its keys, as far as they can be had now; NULL: the book is full. */
static struct trust_name *look_up(struct trust *t, const char *name, uint64_t now_us, bool *waits)
{
    struct trust_name *n = trust_book_name(&t->book, name);

    if (!n)
        return NULL;
    if (!n->key_count && !is_told(n, now_us, STALE_US))
        *waits |= ask(t, n, now_us);
    else if (!is_told(n, now_us, STALE_US))
        (void)ask(t, n, now_us); /* what is known will do meanwhile */
    return n;
}

bool trust_knows(struct trust *t, const char *sender, uint64_t now_us)
{
    bool waits = false;

    if (strcmp(sender, "bus") != 0)
        (void)look_up(t, sender, now_us, &waits);
    return !waits;
}

size_t trust_questions(struct trust *t, char *names[TRUST_QUESTION])
{
    size_t n = 0;

    for (size_t i = 0; i < t->book.count && n < TRUST_QUESTION; i++) {
        struct trust_name *name = t->book.names[i];

        name->was_given = name->is_due;
        if (name->is_due)
            names[n++] = name->name;
        name->is_due = false;
    }
    return n;
}

bool trust_asks_rules(const struct trust *t)
{
    return t->asks_rules;
}

void trust_unasked(struct trust *t)
{
    for (size_t i = 0; i < t->book.count; i++) {
        t->book.names[i]->is_due |= t->book.names[i]->was_given;
        t->book.names[i]->was_given = false;
    }
}

void trust_learn(struct trust *t, const Eocbus__V1__Known *m, uint64_t now_us)
{
    if (!t->is_on)
        return;
    t->is_mute = false;
    if (t->asks_rules) {
        t->asks_rules = false; /* a broker of before this leaves them out */
        t->rules_told_us = now_us ? now_us : 1;
        trust_book_rules(&t->book, m->order_rules);
    }
    for (size_t i = 0; i < m->n_nobody; i++) {
        struct trust_name *n = trust_book_find(&t->book, m->nobody[i]);

        if (n)
            n->told_us = now_us;
    }
    for (size_t i = 0; i < m->n_enrolments; i++)
        trust_book_add(&t->book, m->enrolments[i].data, m->enrolments[i].len,
                       i < m->n_revoked_us ? m->revoked_us[i] : 0, now_us);
}

void trust_begin(struct trust *t)
{
    t->is_mute = false;
    for (size_t i = 0; i < t->book.count; i++) {
        struct trust_name *n = t->book.names[i];

        n->is_due |= is_open(n);
        n->asked_us = 0;
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

static struct trust_verdict bad(const char *why)
{
    return (struct trust_verdict){.proof = PROOF_BAD, .why = why};
}

/* It was said while the key was good. */
static bool is_in_time(const struct trust_key *k, const struct trust_said *said)
{
    int64_t sent = said->m->sent_time_us, received = said->received_us;

    if (k->revoked_us && received >= k->revoked_us)
        return false;
    return (sent >= k->valid_from_us && sent < k->not_after_us) ||
           (received >= k->valid_from_us && received < k->not_after_us);
}

/* Since when the sender signs; INT64_MAX: it does not. */
static int64_t signs_since(const struct trust_name *n)
{
    int64_t since = INT64_MAX;

    for (size_t i = 0; i < n->key_count; i++)
        if (n->keys[i].has_sign_key && n->keys[i].valid_from_us < since)
            since = n->keys[i].valid_from_us;
    return since;
}

static struct trust_verdict judge_unsigned(const struct trust *t, const struct trust_name *n,
                                           const struct trust_said *said)
{
    int64_t since = signs_since(n);

    if (since <= said->received_us && since <= said->m->sent_time_us && !t->lets_unsigned)
        return bad("it is not signed, and its sender signs what it says");
    return (struct trust_verdict){.proof = n->key_count ? PROOF_UNSIGNED : PROOF_UNKNOWN};
}

static void begin_doubt(struct trust_name *n, uint64_t now_us)
{
    bool again =
        n->doubt_us && n->doubt_keys == n->key_count && now_us < n->doubt_us + FORGOTTEN_US;

    n->doubts = !again ? 1 : n->doubts < DOUBTS_MOST ? n->doubts + 1 : DOUBTS_MOST;
    n->doubt_keys = n->key_count;
    n->doubt_us = now_us ? now_us : 1;
}

/* A signature that fits no key: its sender may have a new one, which the broker that is asked hears
 * of up to five seconds later than the one that took the message. When it was waited for in vain it
 * is asked for all the same, so that a key that comes is known to what comes behind it. */
static bool may_have_new_key(struct trust *t, struct trust_name *n, uint64_t now_us)
{
    if (!n->doubt_us || n->doubt_keys != n->key_count ||
        now_us >= n->doubt_us + (SETTLED_US << (n->doubts - 1)))
        begin_doubt(n, now_us);
    if (now_us >= n->doubt_us + DOUBT_US) {
        if (!is_told(n, now_us, DOUBT_US))
            (void)ask(t, n, now_us);
        return false;
    }
    if (!is_told(n, now_us, DOUBT_AGAIN_US))
        return ask(t, n, now_us);
    return true;
}

static struct trust_verdict judge_signature(struct trust *t, struct trust_name *n,
                                            const struct trust_said *said, uint64_t now_us)
{
    const struct trust_key *k = trust_find_key(n, "", said->content, said->len, said->signature);
    struct trust_verdict v = {.proof = PROOF_UNKNOWN};

    if (k && is_in_time(k, said))
        return (struct trust_verdict){.proof = PROOF_GOOD};
    if (k)
        return bad("it is signed with a key that was not good at that time");
    v.waits = may_have_new_key(t, n, now_us);
    return signs_since(n) == INT64_MAX || v.waits
               ? v
               : bad("its signature is not its sender's over these bytes");
}

/* All that it takes to judge it is here, or waiting for it is over: who approved it, the machine,
 * the rules. */
static bool waits_for_order(struct trust *t, const Eocbus__V1__Envelope *m, uint64_t now_us)
{
    Eocbus__V1__Approval **rows = NULL;
    size_t count = order_approvals(m, &rows);
    bool waits = false;

    for (size_t i = 0; i < count; i++)
        (void)look_up(t, rows[i]->principal, now_us, &waits);
    (void)look_up(t, order_target(m), now_us, &waits);
    if (!t->rules_told_us || now_us >= t->rules_told_us + STALE_US) {
        struct trust_name *n = trust_book_name(&t->book, m->sender);

        if (!t->asks_rules && n)
            n->is_due = true;
        if (!t->asks_rules)
            t->rules_asked_us = now_us;
        t->asks_rules = true;
    }
    return waits || (t->asks_rules && !t->book.order_rules && !t->is_mute &&
                     now_us < t->rules_asked_us + WAIT_US);
}

/* Of those who approved it each has to be another one, and good. */
static struct trust_verdict judge_approvals(struct trust *t, const struct trust_said *said,
                                            uint64_t now_us)
{
    struct refusal why = {0};

    if (waits_for_order(t, said->m, now_us))
        return (struct trust_verdict){.proof = PROOF_UNKNOWN, .waits = true};
    if (trust_check_approvals(&t->book, said, &why) == ST_OK)
        return (struct trust_verdict){.proof = PROOF_GOOD};
    snprintf(t->why, sizeof(t->why), "%s", why.text);
    return bad(t->why);
}

static struct trust_verdict judge_sender(struct trust *t, const struct trust_said *said,
                                         uint64_t now_us)
{
    struct trust_verdict v = {.proof = PROOF_UNKNOWN};
    struct trust_name *n;

    if (strcmp(said->m->sender, "bus") == 0)
        return (struct trust_verdict){.proof = PROOF_UNSIGNED};
    n = look_up(t, said->m->sender, now_us, &v.waits);
    if (!n || v.waits)
        return v;
    return said->signature_len == SIGN_BYTES ? judge_signature(t, n, said, now_us)
                                             : judge_unsigned(t, n, said);
}

struct trust_verdict trust_judge(struct trust *t, const struct trust_said *said, uint64_t now_us)
{
    struct trust_verdict v;

    if (!trust_is_on(t))
        return (struct trust_verdict){.proof = PROOF_OFF};
    v = judge_sender(t, said, now_us);
    if (v.waits || v.proof == PROOF_BAD || !order_is_for_a_machine(said->m))
        return v;
    if (v.proof != PROOF_GOOD)
        return bad("it is an order, and nobody's that officers vouch for");
    return judge_approvals(t, said, now_us);
}

enum status trust_may_obey(struct trust *t, const struct trust_said *said, const char *own,
                           int64_t utc_us, struct refusal *why)
{
    if (!trust_is_on(t)) {
        *why = (struct refusal){.code = CODE_APPROVAL};
        snprintf(why->text, sizeof(why->text),
                 "no officers are pinned here, so nobody's order can be told from a made-up one: "
                 "set trust.officers");
        return ST_DENIED;
    }
    return trust_check_order(&t->book, t->pinned, said, own, t->exercises, utc_us, why);
}
