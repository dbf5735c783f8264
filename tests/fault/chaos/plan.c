/* plan - see plan.h. A bag of all kinds is shuffled, emptied and filled again; the times are spread
 * evenly and shaken; a fault whose victim is still busy comes later. */
#include "tests/fault/chaos/plan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/gen_message.h"

#include "proto/base/banned.h"

enum { LONGEST_MS = 15000, REST_MS = 700, THINGS = 64 };

static const struct kind_info kinds[FAULT_KINDS] = {
    [BROKER_KILLED] = {"broker killed", ON_BROKER, 10, 1500},
    [BROKER_FROZEN] = {"broker frozen", ON_BROKER, 500, 15000},
    [BROKER_ENDED] = {"broker ended", ON_BROKER, 10, 1500},
    [BROKER_ALONE] = {"broker without agents", ON_BROKER, 500, 12000},
    [BROKER_CUT_OFF] = {"broker without database", ON_BROKER, 500, 12000},
    [ANSWER_LOST] = {"commit answer lost", ON_BROKER, 10, 20},
    [BROKER_CLOCK] = {"broker's clock", ON_BROKER, 500, 6000},
    [DATABASE_STOPPED] = {"database stopped", ON_DATABASE, 10, 2000},
    [DATABASE_KILLED] = {"database killed", ON_DATABASE, 10, 2000},
    [DATABASE_FROZEN] = {"database frozen", ON_DATABASE, 500, 15000},
    [DATABASE_FULL] = {"database disk full", ON_DATABASE, 500, 3000},
    [DATABASE_POWER] = {"database's power cut", ON_DATABASE, 10, 2000},
    [BACKENDS_ENDED] = {"backends ended", ON_DATABASE, 10, 20},
    [OFFICE_KILLED] = {"sender killed", ON_OFFICE, 10, 1500},
    [OFFICE_FROZEN] = {"sender frozen", ON_OFFICE, 500, 15000},
    [OFFICE_CUT_OFF] = {"sender cut off", ON_OFFICE, 500, 12000},
    [OFFICE_CUT] = {"sender's connections reset", ON_OFFICE, 100, 3000},
    [OFFICE_SLOW] = {"sender's link slow", ON_OFFICE, 1000, 6000},
    [OFFICE_LOSSY] = {"sender's link lossy", ON_OFFICE, 1000, 8000},
    [OFFICE_DARK] = {"sender's link dark", ON_OFFICE, 500, 12000},
    [OFFICE_FULL] = {"outbox disk full", ON_OFFICE, 500, 6000},
    [OFFICE_POWER] = {"sender's power cut", ON_OFFICE, 10, 1500},
    [OFFICE_CLOCK] = {"sender's clock", ON_OFFICE, 500, 6000},
    [LISTENER_KILLED] = {"listener killed", ON_LISTENER, 10, 1500},
    [LISTENER_FROZEN] = {"listener frozen", ON_LISTENER, 500, 15000},
    [LISTENER_CUT_OFF] = {"listener cut off", ON_LISTENER, 500, 12000},
};

const struct kind_info *fault_kind_info(enum fault_kind kind)
{
    return &kinds[kind];
}

static unsigned fill_bag(struct gen *g, uint32_t possible, enum fault_kind *bag)
{
    unsigned n = 0;

    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        if (possible & 1u << kind)
            bag[n++] = kind;
    for (unsigned i = n; i > 1; i--) {
        unsigned other = (unsigned)gen_below(g, i);
        enum fault_kind kept = bag[i - 1];

        bag[i - 1] = bag[other];
        bag[other] = kept;
    }
    return n;
}

static unsigned choose_victim(const struct plan_settings *set, struct gen *g, enum fault_kind kind)
{
    unsigned any = (unsigned)gen_u64(g);

    switch (kind) {
    case OFFICE_LOSSY:
    case OFFICE_DARK:
        return set->tun_office;
    case OFFICE_FULL:
    case OFFICE_POWER:
        return set->small_disk_office;
    case OFFICE_CLOCK:
        return set->clock_office;
    case BROKER_CLOCK:
        return set->clock_broker;
    default:
        break;
    }
    if (kinds[kind].whom == ON_BROKER)
        return any % set->brokers;
    if (kinds[kind].whom == ON_OFFICE)
        return any % set->offices;
    return kinds[kind].whom == ON_LISTENER ? any % set->listeners : 0;
}

/* The third power: half of all last less than an eighth of the way. */
static uint64_t choose_length(const struct plan_settings *set, struct gen *g, enum fault_kind kind)
{
    uint64_t most = set->longest_ms ? set->longest_ms : LONGEST_MS, least = kinds[kind].least_ms;
    double u = (double)gen_below(g, 1000001) / 1000000.0;

    if (most > kinds[kind].most_ms)
        most = kinds[kind].most_ms;
    return most <= least ? least : least + (uint64_t)((double)(most - least) * u * u * u);
}

static unsigned thing_of(const struct fault *f)
{
    return (unsigned)kinds[f->kind].whom * 16 + f->victim % 16;
}

static int compare_times(const void *a, const void *b)
{
    const struct fault *f = a, *g = b;

    return f->at_ms != g->at_ms ? (f->at_ms > g->at_ms) - (f->at_ms < g->at_ms)
                                : (int)thing_of(f) - (int)thing_of(g);
}

void plan_make(const struct plan_settings *set, struct fault *out)
{
    uint64_t free_ms[THINGS] = {0}, step_ms = set->span_ms / (set->faults + 1);
    enum fault_kind bag[FAULT_KINDS];
    unsigned left = 0;
    struct gen g;

    gen_seed(&g, set->seed);
    for (unsigned i = 0; i < set->faults; i++) {
        struct fault *f = &out[i];
        uint64_t *free_at;

        if (!left)
            left = fill_bag(&g, set->possible, bag);
        f->kind = bag[--left];
        f->victim = choose_victim(set, &g, f->kind);
        f->for_ms = choose_length(set, &g, f->kind);
        f->number = gen_u64(&g);
        f->at_ms = step_ms * (i + 1) - step_ms / 2 + gen_below(&g, step_ms + 1);
        free_at = &free_ms[thing_of(f)];
        if (f->at_ms < *free_at)
            f->at_ms = *free_at;
        *free_at = f->at_ms + f->for_ms + REST_MS;
    }
    qsort(out, set->faults, sizeof(*out), compare_times);
}
