/* summary_relocation - households by the ends of their random ids: names are not on this bus in the
 * open. */
#include <ctype.h>
#include <inttypes.h>

#include "agents/link/summary.h"
#include "agents/link/summary_bodies.h"

#include "proto/base/banned.h"

static void say_household(struct buf *b, ProtobufCBinaryData id)
{
    buf_puts(b, "household ");
    say_id(b, id);
    buf_puts(b, ": ");
}

static void say_erased(struct buf *b, const Eocbus__V1__HouseholdEvent *h)
{
    buf_puts(b, ", identity destroyed: ");
    if (h->authority && *h->authority)
        buf_puts(b, h->authority);
    else if (h->erased->request_id.len) {
        buf_puts(b, "request ");
        say_id(b, h->erased->request_id);
    } else
        buf_puts(b, "its time was over");
}

/* What was done with the record rather than for the household; false if it is none of these. */
static bool say_record(struct buf *b, const Eocbus__V1__HouseholdEvent *h)
{
    switch (h->event_case) {
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_IDENTITY_READ:
        buf_puts(b, ", identity opened");
        if (h->identity_read->purpose) {
            buf_puts(b, " for ");
            SAY(b, purpose, h->identity_read->purpose);
        }
        say_text(b, " by ", h->identity_read->reader);
        return true;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_ERASED:
        say_erased(b, h);
        return true;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_DUPLICATE:
        buf_puts(b, ", duplicate of ");
        say_id(b, h->duplicate->duplicate_of);
        return true;
    default:
        return false;
    }
}

static void say_details(struct buf *b, const Eocbus__V1__HouseholdEvent *h)
{
    switch (h->event_case) {
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_AFFECTED:
        say_count(b, h->affected->members, "person", "people");
        if (h->affected->lodging) {
            buf_puts(b, ", lodging: ");
            SAY(b, lodging, h->affected->lodging);
        }
        break;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_ASSESSED:
        buf_puts(b, ", house ");
        SAY(b, damage_class, h->assessed->house);
        if (h->assessed->verdict) {
            buf_puts(b, ", ");
            SAY(b, zone_verdict, h->assessed->verdict);
        }
        break;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_CONSENT:
        buf_puts(b, ", consent ");
        SAY(b, consent_state, h->consent->state);
        break;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_FOLLOW_UP:
        buf_printf(b, ", seen after %u days, house built %u %%", h->follow_up->days_after,
                   h->follow_up->house_built_pct);
        break;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_CLOSED:
        buf_puts(b, ", closed: ");
        SAY(b, closing_reason, h->closed->reason);
        break;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_PREFERENCES:
        say_count(b, h->preferences->movers, "person would move", "people would move");
        break;
    case EOCBUS__V1__HOUSEHOLD_EVENT__EVENT_REQUEST:
        buf_puts(b, ", request for ");
        SAY(b, household_request_kind, h->request->kind);
        break;
    default:
        break;
    }
}

static void say_event(struct buf *b, const Eocbus__V1__HouseholdEvent *h)
{
    say_household(b, h->household_id);
    if (h->from_state && h->from_state != h->to_state) {
        SAY(b, household_state, h->from_state);
        buf_puts(b, " -> ");
    }
    SAY(b, household_state, h->to_state);
    if (!say_record(b, h))
        say_details(b, h);
}

static void say_item(struct buf *b, Eocbus__V1__AssistanceItem item, const Eocbus__V1__Quantity *q,
                     unsigned ration_days)
{
    SAY(b, assistance_item, item);
    if (q) {
        buf_puts(b, " ");
        say_quantity(b, q);
    }
    if (ration_days)
        buf_printf(b, ", %u ration days", ration_days);
}

static void say_entitlement(struct buf *b, const Eocbus__V1__AssistanceEntitlement *a)
{
    say_household(b, a->household_id);
    buf_puts(b, "entitled to ");
    say_item(b, a->item, a->quantity, a->ration_days);
    say_date(b, " until ", a->to_us);
}

static void say_delivery(struct buf *b, const Eocbus__V1__AssistanceDelivery *a)
{
    say_household(b, a->household_id);
    buf_puts(b, "received ");
    say_item(b, a->item, a->quantity, a->ration_days);
    say_text(b, " from ", a->distributor);
    say_date(b, ", lasts until ", a->to_us);
}

static void say_site(struct buf *b, const Eocbus__V1__PlotSite *s)
{
    uint64_t taken = (uint64_t)s->reserved + s->allocated + s->occupied + s->blocked;

    buf_printf(b, "plot site %s", s->site_id);
    say_text(b, " ", s->name);
    say_text(b, " in ", s->pcode);
    buf_printf(b, ": %" PRIu64 " of %u plots free",
               s->capacity_total > taken ? s->capacity_total - taken : 0, s->capacity_total);
    say_count(b, s->blocked, "blocked", "blocked");
    say_text(b, " - ", s->blocked_reason);
}

static void say_offer(struct buf *b, const Eocbus__V1__PlotOffer *o)
{
    say_household(b, o->household_id);
    buf_puts(b, "offer ");
    SAY(b, offer_action, o->action);
    say_text(b, " plot ", o->plot_id);
    say_text(b, " at ", o->site_id);
    if (o->area_m2)
        buf_printf(b, ", %u.%02u ha", o->area_m2 / 10000, o->area_m2 % 10000 / 100);
    if (o->package && o->package->cash) {
        buf_puts(b, ", ");
        say_money(b, o->package->cash);
    }
    say_date(b, ", valid until ", o->valid_until_us);
    say_text(b, ", ", o->reason);
}

/* The reasons keep their code words: they are counted and quoted. */
static void say_reasons(struct buf *b, const Eocbus__V1__OfferDeclineReason *reasons, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = b->len;

        buf_puts(b, i ? ", " : ": ");
        SAY(b, offer_decline_reason, reasons[i]);
        for (size_t at = from + 2; at < b->len; at++)
            b->data[at] = b->data[at] == ' ' ? '_' : (unsigned char)toupper(b->data[at]);
    }
}

static void say_answer(struct buf *b, const Eocbus__V1__OfferResponse *o)
{
    say_household(b, o->household_id);
    switch (o->answer) {
    case EOCBUS__V1__OFFER_ANSWER__OFFER_ANSWER_ACCEPT:
        buf_puts(b, "offer accepted");
        break;
    case EOCBUS__V1__OFFER_ANSWER__OFFER_ANSWER_DECLINE:
        buf_puts(b, "offer declined");
        break;
    default:
        buf_puts(b, "offer: ");
        SAY(b, offer_answer, o->answer);
    }
    say_reasons(b, o->reasons, o->n_reasons);
    say_date(b, ", moves on ", o->move_on_us);
}

static void say_counts(struct buf *b, const Eocbus__V1__HouseholdCounts *h)
{
    const Eocbus__V1__PlaceCounts *all = h->n_places ? h->places[h->n_places - 1] : NULL;

    buf_printf(b, "households in numbers, %zu place%s", h->n_places, h->n_places == 1 ? "" : "s");
    if (all && all->affected)
        buf_printf(b, ", affected %u", all->affected);
    if (all && all->accepted)
        buf_printf(b, ", accepted %u", all->accepted);
    if (all && all->declined)
        buf_printf(b, ", declined %u", all->declined);
}

static void say_move(struct buf *b, const Eocbus__V1__MoveEvent *e)
{
    say_household(b, e->household_id);
    SAY(b, move_kind, e->kind);
    say_count(b, e->persons, "person", "people");
    say_text(b, ", from ", e->from_pcode);
    say_text(b, " to ", e->to_pcode);
    say_text(b, ", certificate ", e->certificate_no);
    say_reasons(b, e->reasons, e->n_reasons);
}

#define BODY(name) EOCBUS__V1__ENVELOPE__BODY_##name

bool say_relocation_body(struct buf *b, const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case BODY(HOUSEHOLD_EVENT):
        say_event(b, m->household_event);
        return true;
    case BODY(HOUSEHOLD_IDENTITY):
        say_household(b, m->household_identity->household_id);
        buf_puts(b, "sealed identity");
        return true;
    case BODY(ASSISTANCE_ENTITLEMENT):
        say_entitlement(b, m->assistance_entitlement);
        return true;
    case BODY(ASSISTANCE_DELIVERY):
        say_delivery(b, m->assistance_delivery);
        return true;
    case BODY(PLOT_SITE):
        say_site(b, m->plot_site);
        return true;
    case BODY(PLOT_OFFER):
        say_offer(b, m->plot_offer);
        return true;
    case BODY(OFFER_RESPONSE):
        say_answer(b, m->offer_response);
        return true;
    case BODY(HOUSEHOLD_COUNTS):
        say_counts(b, m->household_counts);
        return true;
    case BODY(MOVE_EVENT):
        say_move(b, m->move_event);
        return true;
    default:
        return false;
    }
}
