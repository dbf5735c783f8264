/* watch - see watch.h. */
#include "tests/fault/chaos/watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/banned.h"

enum {
    AFTER_US = 5000000, /* what happens so long after the healing still belongs to the fault */
    TELL_US = 10000000,
    SILENT_US = 10000000,
};

uint64_t watch_stored(const struct watch *w)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < OFFICES; i++)
        n += atomic_load(&w->world->shared->office[i].stored);
    return n;
}

static bool is_open(const struct watched *s, uint64_t now_us)
{
    return s->begun && (!s->healed || now_us < s->healed_us + AFTER_US);
}

/* Who has nothing to wait for has no gap; who was just started counts from its last receipt. */
static uint64_t longest_wait_us(const struct watch *w, uint64_t now_us)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < OFFICES; i++) {
        const struct office_seen *o = &w->world->shared->office[i];
        uint64_t last_us = atomic_load(&o->receipt_us);

        if (atomic_load(&o->waiting) && last_us && last_us < now_us && now_us - last_us > most)
            most = now_us - last_us;
    }
    return most;
}

/* No alarm: it may be frozen, or cut off. Whoever reads the trace can tell. */
static void tell_of_silence(const struct watch *w, uint64_t now_us)
{
    for (unsigned i = 0; i < LISTENERS; i++) {
        uint64_t last_us = atomic_load(&w->world->shared->listener[i].handed_us);

        if (last_us && now_us > last_us + SILENT_US)
            printf("       listener %u was handed nothing for %.1f s\n", i,
                   (double)(now_us - last_us) / 1e6);
    }
}

static void tell(struct watch *w, uint64_t now_us)
{
    uint64_t stored = watch_stored(w), waiting = 0, handed[LISTENERS] = {0};
    unsigned begun = 0;

    for (unsigned i = 0; i < OFFICES; i++)
        waiting += atomic_load(&w->world->shared->office[i].waiting);
    for (unsigned i = 0; i < LISTENERS; i++)
        handed[i] = atomic_load(&w->world->shared->listener[i].handed);
    for (unsigned i = 0; i < w->faults; i++)
        begun += w->seen[i].begun;
    printf(
        "%4llu s  acknowledged %8llu (%5.0f/s)  waiting %6llu  handed over %llu %llu %llu  faults "
        "%u\n",
        (unsigned long long)((now_us - w->began_us) / 1000000), (unsigned long long)stored,
        (double)(stored - w->told_stored) * 1e6 / (double)(now_us - w->told_us),
        (unsigned long long)waiting, (unsigned long long)handed[0], (unsigned long long)handed[1],
        (unsigned long long)handed[2], begun);
    tell_of_silence(w, now_us);
    fflush(stdout);
    w->told_us = now_us;
    w->told_stored = stored;
}

void watch_turn(struct watch *w)
{
    uint64_t now_us = clock_us(), gap_us = longest_wait_us(w, now_us);

    for (unsigned i = 0; i < w->faults; i++) {
        struct watched *s = &w->seen[i];
        uint64_t since_us = is_open(s, now_us) ? now_us - s->begun_us : 0;

        /* What passed before the fault is not its own. */
        if (gap_us < since_us)
            since_us = gap_us;
        if (s->gap_us < since_us)
            s->gap_us = since_us;
    }
    if (now_us > w->told_us + TELL_US) {
        world_look_at_memory(w->world);
        tell(w, now_us);
    }
}

void watch_begin(struct watch *w, unsigned fault)
{
    uint64_t now_us = clock_us();

    w->seen[fault].begun = w->seen[fault].alone = true;
    w->seen[fault].begun_us = now_us;
    for (unsigned i = 0; i < w->faults; i++)
        if (i != fault && is_open(&w->seen[i], now_us) && !w->seen[i].healed)
            w->seen[i].alone = w->seen[fault].alone = false;
}

void watch_heal(struct watch *w, unsigned fault)
{
    w->seen[fault].healed = true;
    w->seen[fault].healed_us = clock_us();
}

unsigned watch_kinds(const struct watch *w)
{
    uint32_t kinds = 0;

    for (unsigned i = 0; i < w->faults; i++)
        if (w->seen[i].begun)
            kinds |= 1u << w->plan[i].kind;
    return (unsigned)__builtin_popcount(kinds);
}

uint64_t watch_longest_us(const struct watch *w)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < w->faults; i++)
        if (w->seen[i].gap_us > most)
            most = w->seen[i].gap_us;
    return most;
}

static int compare_gaps(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void print_kind(const struct watch *w, enum fault_kind kind)
{
    uint64_t *gaps = calloc(w->faults, sizeof(*gaps)), longest_us = 0;
    unsigned times = 0, alone = 0;

    for (unsigned i = 0; i < w->faults && gaps; i++) {
        const struct watched *s = &w->seen[i];

        if (w->plan[i].kind != kind || !s->begun)
            continue;
        times++;
        if (s->healed_us - s->begun_us > longest_us)
            longest_us = s->healed_us - s->begun_us;
        if (s->alone)
            gaps[alone++] = s->gap_us;
    }
    if (alone)
        qsort(gaps, alone, sizeof(*gaps), compare_gaps);
    printf("  %-28s %4u x, longest %6.2f s", fault_kind_info(kind)->name, times,
           (double)longest_us / 1e6);
    if (alone)
        printf("   without a receipt: median %6.2f s, most %6.2f s (%u alone)",
               (double)gaps[alone / 2] / 1e6, (double)gaps[alone - 1] / 1e6, alone);
    else if (w->world->why_not[kind][0])
        printf("   not here: %s", w->world->why_not[kind]);
    printf("\n");
    free(gaps);
}

void watch_print_table(const struct watch *w)
{
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        print_kind(w, kind);
}
