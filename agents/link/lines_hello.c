/* lines_hello - what we say of ourselves, and the highest number we know to be in the log: a broker
 * whose log ends before it stands before a database that lost something. */
#include "agents/link/agent_parts.h"

#include "proto/wire/limits.h"
#include "proto/base/banned.h"

void lines_learn_number(struct agent *a, uint32_t log_epoch, uint64_t seq)
{
    if (log_epoch > a->known_log_epoch)
        a->known_seq = seq;
    else if (log_epoch == a->known_log_epoch && seq > a->known_seq)
        a->known_seq = seq;
    if (log_epoch > a->known_log_epoch)
        a->known_log_epoch = log_epoch;
}

void lines_learn_receipts(struct agent *a, const Eocbus__V1__Receipts *m)
{
    for (size_t i = 0; i < m->n_settled; i++)
        lines_learn_number(a, m->settled[i]->log_epoch, m->settled[i]->seq);
}

void lines_learn_past(struct agent *a, const Eocbus__V1__Welcome *w)
{
    for (unsigned i = 0; i < a->line_count; i++)
        if (a->log_epoch_of[i] > w->log_epoch)
            return;
    a->past.count = 0;
    for (size_t i = 0; i < w->n_raises; i++)
        log_past_add(&a->past, w->raises[i]->log_epoch, w->raises[i]->same_upto);
}

static void learn_place(void *arg, uint32_t log_epoch, uint64_t seq)
{
    lines_learn_number(arg, log_epoch, seq);
}

void lines_greet(void *arg, Eocbus__V1__Hello *m)
{
    struct agent *a = arg;

    m->protocol_min = m->protocol_max = PROTOCOL_VERSION;
    m->program = a->program;
    m->epoch = a->outbox ? outbox_epoch(a->outbox) : 0;
    m->time_us = loop_utc_us(a->loop);
    m->link_profile = (char *)a->profile->name;
    m->backlog = agent_waiting(a);
    downlink_places(a->downlink, learn_place, a);
    m->known_log_epoch = a->known_log_epoch;
    m->known_seq = a->known_seq;
}
