/* summary_office - alerts, the daily work of an office, trust, places and transfers. */
#include <inttypes.h>
#include <string.h>

#include "agents/link/summary.h"
#include "agents/link/summary_bodies.h"

#include "proto/base/banned.h"

static void say_alert(struct buf *b, const Eocbus__V1__PublicAlert *a)
{
    buf_puts(b, "public alert (");
    SAY(b, cap_msg_type, a->msg_type);
    buf_puts(b, ")");
    if (a->n_infos) {
        const Eocbus__V1__AlertInfo *i = a->infos[0];

        say_long(b, ": ", i->headline && *i->headline ? i->headline : i->event, 120);
        buf_puts(b, ", severity ");
        SAY(b, severity, i->severity);
        if (a->n_infos > 1)
            buf_printf(b, ", %zu languages", a->n_infos);
    }
}

static void say_receipt(struct buf *b, const Eocbus__V1__Receipt *r)
{
    buf_puts(b, "receipt for ");
    say_id(b, r->message_id);
    buf_puts(b, ": ");
    SAY(b, receipt_level, r->level);
    say_text(b, " by ", r->by);
    say_text(b, ", ", r->text);
}

static void say_escalation(struct buf *b, const Eocbus__V1__EscalationEvent *e)
{
    buf_printf(b, "escalation step %u to %s by ", e->step, e->target_role);
    SAY(b, channel, e->channel);
    buf_puts(b, ": ");
    SAY(b, escalation_outcome, e->outcome);
}

static void say_general(struct buf *b, const Eocbus__V1__GeneralMessage *g)
{
    buf_puts(b, "message");
    say_text(b, " to ", g->to_role);
    say_long(b, ": ", g->subject, 80);
    say_long(b, " - ", g->text, 120);
}

static void say_decision(struct buf *b, const Eocbus__V1__Decision *d)
{
    buf_puts(b, "decision: ");
    SAY(b, ruling, d->ruling);
    buf_puts(b, " message ");
    say_id(b, d->message_id);
    say_text(b, " by ", d->decided_by);
    say_long(b, ": ", d->text, 200);
}

static void say_facility(struct buf *b, const Eocbus__V1__FacilityStatus *f)
{
    SAY(b, facility_kind, f->kind);
    say_text(b, " ", f->name && *f->name ? f->name : f->facility_id);
    buf_puts(b, ": ");
    SAY(b, operating_state, f->state);
    for (size_t i = 0; i < f->n_capacities && i < 3; i++)
        buf_printf(b, ", %u of %u %s free", f->capacities[i]->available, f->capacities[i]->total,
                   f->capacities[i]->kind);
    for (size_t i = 0; i < f->n_stock && i < 3; i++) {
        buf_puts(b, ", ");
        say_quantity(b, f->stock[i]->quantity);
        say_text(b, " ", f->stock[i]->item);
    }
}

static void say_roster(struct buf *b, const Eocbus__V1__DutyRoster *r)
{
    buf_printf(b, "duty roster %s", r->role);
    say_text(b, " at ", r->place);
    say_count(b, r->n_shifts, "shift", "shifts");
    if (r->n_shifts)
        say_text(b, ", first ", r->shifts[0]->principal);
}

static void say_revocation(struct buf *b, const Eocbus__V1__KeyRevocation *k)
{
    buf_puts(b, "keys revoked");
    for (size_t i = 0; i < k->n_keys && i < 3; i++) {
        buf_printf(b, "%s %s (", i ? "," : ":", k->keys[i]->principal);
        SAY(b, revocation_reason, k->keys[i]->reason);
        buf_puts(b, ")");
    }
}

static void say_agreement(struct buf *b, const Eocbus__V1__SharingAgreement *a)
{
    buf_printf(b, "agreement: %s shares with %s for ", a->giver, a->taker);
    SAY(b, sharing_purpose, a->purpose);
    say_date(b, " until ", a->valid_to_us);
}

static void say_audit(struct buf *b, const Eocbus__V1__AuditEvent *e)
{
    buf_printf(b, "recorded: %s", e->what);
    say_text(b, " ", e->subject);
    say_text(b, " by ", e->by);
    say_long(b, ", ", e->because, 120);
    if (e->times > 1)
        buf_printf(b, ", %" PRIu64 " times", e->times);
}

static void say_head(struct buf *b, const Eocbus__V1__LogHead *h)
{
    buf_printf(b, "the log stands at %" PRIu32 "/%" PRIu64 ", digest ", h->log_epoch, h->seq);
    for (size_t i = 0; i < h->digest.len && i < 8; i++)
        buf_printf(b, "%02x", h->digest.data[i]);
}

static void say_chunk(struct buf *b, const Eocbus__V1__BlobChunk *c)
{
    buf_puts(b, "file");
    say_text(b, " ", c->name);
    buf_printf(b, ": bytes %" PRIu64 "..%" PRIu64 " of %" PRIu64, c->offset,
               c->offset + c->data.len, c->total);
}

static void say_thinned(struct buf *b, const Eocbus__V1__Thinned *t)
{
    uint64_t dropped = 0;

    for (size_t i = 0; i < t->n_runs; i++)
        dropped += t->runs[i]->dropped;
    buf_printf(b, "thinned: %" PRIu64 " old messages of %zu runs were dropped", dropped, t->n_runs);
}

#define BODY(name) EOCBUS__V1__ENVELOPE__BODY_##name

bool say_office_body(struct buf *b, const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case BODY(PUBLIC_ALERT):
        say_alert(b, m->public_alert);
        return true;
    case BODY(RECEIPT):
        say_receipt(b, m->receipt);
        return true;
    case BODY(ESCALATION_EVENT):
        say_escalation(b, m->escalation_event);
        return true;
    case BODY(GENERAL_MESSAGE):
        say_general(b, m->general_message);
        return true;
    case BODY(ACTIVITY_LOG_ENTRY):
        say_text(b, "", m->activity_log_entry->position);
        say_long(b, ": ", m->activity_log_entry->text, 140);
        return true;
    case BODY(FACILITY_STATUS):
        say_facility(b, m->facility_status);
        return true;
    case BODY(DUTY_ROSTER):
        say_roster(b, m->duty_roster);
        return true;
    case BODY(DECISION):
        say_decision(b, m->decision);
        return true;
    case BODY(SHARING_AGREEMENT):
        say_agreement(b, m->sharing_agreement);
        return true;
    case BODY(KEY_REVOCATION):
        say_revocation(b, m->key_revocation);
        return true;
    case BODY(AUDIT_EVENT):
        say_audit(b, m->audit_event);
        return true;
    case BODY(LOG_HEAD):
        say_head(b, m->log_head);
        return true;
    case BODY(GAZETTEER_UPDATE):
        buf_printf(b, "gazetteer %u", m->gazetteer_update->version);
        say_count(b, m->gazetteer_update->n_places, "place", "places");
        say_text(b, ", from ", m->gazetteer_update->source);
        return true;
    case BODY(BLOB_CHUNK):
        say_chunk(b, m->blob_chunk);
        return true;
    case BODY(THINNED):
        say_thinned(b, m->thinned);
        return true;
    case BODY(WITHDRAWN):
        buf_puts(b, "WITHDRAWN: ");
        say_id(b, m->withdrawn->message_id);
        say_text(b, " of ", m->withdrawn->sender);
        say_text(b, ", ", m->withdrawn->text);
        return true;
    default:
        return false;
    }
}
