/* watch - see watch.h. */
#include "tests/fault/chaos/watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/banned.h"

enum {
    AFTER_US = 15000000, /* what happens so long after the healing still belongs to the fault */
    FELT_US = 300000,    /* who waits so long for a receipt feels it */
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
    return s->begun && !s->is_over && (!s->healed || now_us < s->healed_us + AFTER_US);
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

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void raise_to(uint64_t *most, uint64_t us)
{
    if (*most < us)
        *most = us;
}

void watch_turn(struct watch *w)
{
    uint64_t now_us = clock_us(), gap_us = longest_wait_us(w, now_us);

    for (unsigned i = 0; i < w->faults; i++) {
        struct watched *s = &w->seen[i];

        if (!is_open(s, now_us))
            continue;
        /* What passed before the fault is not its own. */
        raise_to(&s->gap_us, least(gap_us, now_us - s->begun_us));
        if (s->healed)
            raise_to(&s->after_us, least(gap_us, now_us - s->healed_us));
    }
    if (now_us > w->told_us + TELL_US) {
        world_look_at_memory(w->world);
        tell(w, now_us);
    }
}

void watch_begin(struct watch *w, unsigned fault)
{
    uint64_t now_us = clock_us();
    bool is_felt = longest_wait_us(w, now_us) > FELT_US;

    w->seen[fault].begun = w->seen[fault].alone = true;
    w->seen[fault].begun_us = now_us;
    for (unsigned i = 0; i < w->faults; i++) {
        struct watched *s = &w->seen[i];

        if (i == fault || !is_open(s, now_us))
            continue;
        if (!s->healed || is_felt)
            s->alone = w->seen[fault].alone = false;
        else
            s->is_over = true;
    }
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

static void print_spread(const char *what, uint64_t *us, unsigned n)
{
    qsort(us, n, sizeof(*us), compare_gaps);
    printf("  %s median %5.2f most %5.2f", what, (double)us[n / 2] / 1e6, (double)us[n - 1] / 1e6);
}

static void print_kind(const struct watch *w, enum fault_kind kind)
{
    uint64_t *gaps = calloc(w->faults + 1, sizeof(*gaps)), longest_us = 0;
    uint64_t *after = calloc(w->faults + 1, sizeof(*after));
    unsigned times = 0, alone = 0;

    for (unsigned i = 0; i < w->faults && gaps && after; i++) {
        const struct watched *s = &w->seen[i];

        if (w->plan[i].kind != kind || !s->begun)
            continue;
        times++;
        raise_to(&longest_us, s->healed_us - s->begun_us);
        if (s->alone) {
            gaps[alone] = s->gap_us;
            after[alone++] = s->after_us;
        }
    }
    printf("  %-26s %3u x, up to %5.2f s", fault_kind_info(kind)->name, times,
           (double)longest_us / 1e6);
    if (alone) {
        print_spread("without a receipt:", gaps, alone);
        print_spread("of it after healing:", after, alone);
        printf("  (%u alone)", alone);
    } else if (w->world->why_not[kind][0]) {
        printf("  not here: %s", w->world->why_not[kind]);
    }
    printf("\n");
    free(gaps);
    free(after);
}

void watch_print_table(const struct watch *w)
{
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        print_kind(w, kind);
}
