/* kept - what run hears of identities: boxes go into the vault, and out of it when they are erased.
 *
 * Whom do we believe an erasure, or a closing? The office that sealed the box, others of its
 * agency, and ourselves, by their signature wherever officers are pinned: a name alone is only what
 * a broker says. What the bus says by itself (retention) carries nobody's signature, so it counts
 * only where somebody of ours closed the case: no forged note empties a vault. */
#include <stdio.h>
#include <string.h>

#include "agents/registry/registry.h"
#include "agents/registry/vault.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

static bool same_agency(const char *a, const char *b)
{
    size_t len = strcspn(a, ".");

    return len == strcspn(b, ".") && strncmp(a, b, len) == 0;
}

static bool is_ours(struct office *o, const Eocbus__V1__Envelope *m, enum proof proof)
{
    return same_agency(m->sender, o->set.agent.name) && (proof == PROOF_GOOD || proof == PROOF_OFF);
}

static bool believes(struct office *o, const Eocbus__V1__Envelope *m, enum proof proof,
                     const uint8_t *household)
{
    if (strcmp(m->sender, "bus") == 0)
        return vault_is_closed(o, household);
    return is_ours(o, m, proof);
}

static void close_case(struct office *o, const Eocbus__V1__Envelope *m, enum proof proof)
{
    const Eocbus__V1__HouseholdEvent *e = m->household_event;

    if (is_ours(o, m, proof))
        vault_mark_closed(o, e->household_id.data,
                          e->closed->reason != EOCBUS__V1__CLOSING_REASON__CLOSING_REASON_REOPENED);
    else if (same_agency(m->sender, o->set.agent.name))
        log_warn("registry.erase.unbelieved", "sender=%s proof=%s next=\"kept\"", m->sender,
                 proof_word(proof));
}

static bool erase(struct office *o, const Eocbus__V1__Envelope *m, enum proof proof,
                  struct outbox *box)
{
    const Eocbus__V1__HouseholdEvent *e = m->household_event;
    const Eocbus__V1__HouseholdErased *gone = e->erased;
    char why[400], at[TIME_TEXT], err[400];

    if (!believes(o, m, proof, e->household_id.data)) {
        log_warn("registry.erase.unbelieved", "sender=%s proof=%s next=\"kept\"", m->sender,
                 proof_word(proof));
        return true;
    }
    time_format(at, m->event_time_us);
    snprintf(why, sizeof(why), "%s by %s: %.200s", at, m->sender, e->authority ? e->authority : "");
    for (size_t i = 0; i < gone->n_identity_ids; i++) {
        const ProtobufCBinaryData *id = &gone->identity_ids[i];

        if (vault_erase(o, e->household_id.data, id->data, why, err, sizeof(err)) != ST_OK) {
            log_error("registry.vault.failed", "why=\"%s\"", err);
            return false;
        }
        if (box && registry_drop_keys(box, id->data) != ST_OK)
            return false;
    }
    return true;
}

static bool keep_box(struct office *o, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    char err[400];
    enum status st = vault_keep(o, d, m, err, sizeof(err));

    if (st == ST_OK || st == ST_EXISTS)
        return true;
    log_error("registry.vault.failed", "why=\"%s\"", err);
    return false;
}

bool registry_keep(struct office *o, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
                   enum proof proof, struct outbox *box)
{
    const Eocbus__V1__HouseholdEvent *e = m->household_event;

    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_IDENTITY)
        return keep_box(o, d, m);
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_HOUSEHOLD_EVENT ||
        e->household_id.len != ID_BYTES)
        return true;
    if (e->event_case == EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_ERASED)
        return erase(o, m, proof, box);
    if (e->event_case == EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_CLOSED)
        close_case(o, m, proof);
    return true;
}
