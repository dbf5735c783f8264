/* chaos - the real thing, disturbed on purpose, from a seed.
 *
 *   chaos [-s SEED] [-f FAULTS] [-t SECONDS] [-a ACKNOWLEDGED] [-l LONGEST_MS] [-r RATE]
 *         [-k WORD]     only the kinds with this word in their name
 *         [-u]          unsafe: PostgreSQL does not sync; a run with power cuts has to notice
 *
 * Offices send as fast as RATE lets them, listeners write down what they hear, and FAULTS faults
 * are made and healed in about SECONDS. Then everybody is left alone:
 * all that waits must drain by itself. In the end the books are compared (tests/lib/checker.h).
 * Exit 0: nothing lost, doubled, reordered or missed, and as much was done as was asked for. Else
 * all files are kept in the folder that is named. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/chaos/faults.h"
#include "tests/fault/chaos/watch.h"
#include "tests/lib/ledger.h"

#include "proto/base/banned.h"

enum { DRAIN_S = 180, TURN_MS = 5 };

struct options {
    uint64_t seed, acknowledged;
    unsigned faults, seconds, longest_ms, rate;
    bool unsafe;
    const char *word; /* in the names of the kinds; NULL = all */
};

struct event {
    uint64_t at_ms;
    unsigned fault;
    bool heals;
};

struct run {
    struct options set;
    struct world *world;
    struct fault *plan;
    struct event *events; /* two a fault, by time */
    unsigned event_count, next;
    struct watch watch;
    char trouble[256]; /* of the run itself; "" = none */
    double drained_s;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
    (void)signum;
    interrupted = 1;
}

/* --- the plan --------------------------------------------------------------------------------- */

static int compare_events(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    if (x->at_ms != y->at_ms)
        return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
    return (int)y->heals - (int)x->heals;
}

static void make_events(struct run *r)
{
    r->event_count = 2 * r->set.faults;
    r->events = calloc(r->event_count + 1, sizeof(*r->events));
    for (unsigned i = 0; r->events && i < r->set.faults; i++) {
        const struct fault *f = &r->plan[i];

        r->events[2 * i] = (struct event){f->at_ms, i, false};
        r->events[2 * i + 1] = (struct event){f->at_ms + f->for_ms, i, true};
    }
    if (r->events)
        qsort(r->events, r->event_count, sizeof(*r->events), compare_events);
}

static uint32_t choose_kinds(const struct run *r)
{
    uint32_t kinds = world_possible(r->world);

    for (unsigned kind = 0; kind < FAULT_KINDS; kind++)
        if (r->set.word && !strstr(fault_kind_info(kind)->name, r->set.word))
            kinds &= ~(1u << kind);
    return kinds;
}

static void make_plan(struct run *r)
{
    const struct plan_settings set = {.seed = r->set.seed,
                                      .faults = r->set.faults,
                                      .span_ms = r->set.seconds * 1000ull,
                                      .brokers = BROKERS,
                                      .offices = OFFICES,
                                      .listeners = LISTENERS,
                                      .tun_office = TUN_OFFICE,
                                      .small_disk_office = SMALL_OFFICE,
                                      .clock_office = CLOCK_OFFICE,
                                      .clock_broker = CLOCK_BROKER,
                                      .possible = choose_kinds(r),
                                      .longest_ms = r->set.longest_ms};

    r->plan = calloc(r->set.faults + 1, sizeof(*r->plan));
    r->watch.seen = calloc(r->set.faults + 1, sizeof(*r->watch.seen));
    if (!r->plan || !r->watch.seen)
        exit(4);
    plan_make(&set, r->plan);
    make_events(r);
    r->watch.world = r->world;
    r->watch.plan = r->plan;
    r->watch.faults = r->set.faults;
}

/* --- the run ---------------------------------------------------------------------------------- */

static bool is_well(struct run *r)
{
    return !r->trouble[0] && !interrupted &&
           world_is_alive(r->world, r->trouble, sizeof(r->trouble));
}

static void happen(struct run *r, const struct event *e)
{
    const struct fault *f = &r->plan[e->fault];

    if (getenv("CHAOS_TRACE"))
        printf("%8.3f %s %s %u\n", (double)(clock_us() - r->watch.began_us) / 1e6,
               e->heals ? "heal" : "make", fault_kind_info(f->kind)->name, f->victim);
    if (!e->heals) {
        watch_begin(&r->watch, e->fault);
        fault_begin(r->world, f);
        return;
    }
    if (!fault_heal(r->world, f, r->trouble, sizeof(r->trouble)))
        fprintf(stderr, "chaos: %s\n", r->trouble);
    watch_heal(&r->watch, e->fault);
}

static void disturb(struct run *r)
{
    uint64_t late_us = r->set.seconds * 2000000ull + 60000000;

    r->watch.began_us = r->watch.told_us = clock_us();
    while (is_well(r) &&
           (r->next < r->event_count || watch_stored(&r->watch) < r->set.acknowledged)) {
        uint64_t past_us = clock_us() - r->watch.began_us;

        if (r->next < r->event_count && r->events[r->next].at_ms * 1000 <= past_us)
            happen(r, &r->events[r->next++]);
        else
            rest_ms(TURN_MS);
        watch_turn(&r->watch);
        if (past_us > late_us)
            snprintf(r->trouble, sizeof(r->trouble),
                     "too slow: %llu acknowledged in twice the time",
                     (unsigned long long)watch_stored(&r->watch));
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool have_ended(struct run *r, struct process *p, unsigned count, const char *what)
{
    bool all = true;
    int status;

    for (unsigned i = 0; i < count; i++) {
        if (p[i].pid <= 0)
            continue;
        p[i].leaving = true;
        if (waitpid(p[i].pid, &status, WNOHANG) == 0) {
            all = false;
            continue;
        }
        p[i].pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            snprintf(r->trouble, sizeof(r->trouble), "%s %u ended with status %x", what, i,
                     (unsigned)status);
    }
    return all;
}

static bool have_heard(struct run *r, uint64_t head)
{
    for (unsigned i = 0; i < LISTENERS; i++)
        if (atomic_load(&r->world->shared->listener[i].seq) < head)
            return false;
    return true;
}

/* Nothing is touched: every outbox becomes empty, every listener hears everything. */
static void drain(struct run *r)
{
    uint64_t began_us = clock_us(), end_us = began_us + DRAIN_S * 1000000ull;
    struct world *w = r->world;
    bool sent = false, heard = false;
    int64_t head = -1;

    atomic_store(&w->shared->offices_end, true);
    while (!heard && clock_us() < end_us && !r->trouble[0] && !interrupted) {
        sent = sent || have_ended(r, w->office, OFFICES, "office");
        if (sent && head < 0)
            head = world_ask(w, "SELECT seq FROM bus.log_head");
        heard = head >= 0 && have_heard(r, (uint64_t)head);
        rest_ms(TURN_MS);
        watch_turn(&r->watch);
    }
    r->drained_s = (double)(clock_us() - began_us) / 1e6;
    if (!heard && !r->trouble[0])
        snprintf(r->trouble, sizeof(r->trouble), "%d s after the last fault %s", DRAIN_S,
                 sent ? "a listener has not heard everything"
                      : "an office still waits for receipts");
    world_look_at_memory(w);
    atomic_store(&w->shared->listeners_end, true);
    for (end_us = clock_us() + 60000000; clock_us() < end_us;)
        if (have_ended(r, w->listener, LISTENERS, "listener"))
            break;
        else
            rest_ms(TURN_MS);
}

/* They may still have something to say: a sanitizer's report, a leak. */
static void end_brokers(struct run *r)
{
    uint64_t end_us = clock_us() + 30000000;

    for (unsigned i = 0; i < BROKERS; i++)
        if (r->world->broker[i].pid > 0)
            kill(r->world->broker[i].pid, SIGTERM);
    while (!have_ended(r, r->world->broker, BROKERS, "broker"))
        if (clock_us() > end_us) {
            snprintf(r->trouble, sizeof(r->trouble), "a broker does not end");
            return;
        } else {
            rest_ms(TURN_MS);
        }
}

static bool read_books(struct run *r, struct checker *c)
{
    char path[PATH];

    for (unsigned i = 0; i < OFFICES; i++) {
        snprintf(path, sizeof(path), "%s/p%u.book", r->world->dir, i);
        if (!ledger_read_sender(path, c, i))
            return false;
    }
    if (!world_read_log(r->world, c))
        return false;
    for (unsigned i = 0; i < LISTENERS; i++) {
        checker_listener(c, i, i == ARCHIVE);
        snprintf(path, sizeof(path), "%s/l%u.book", r->world->dir, i);
        if (!ledger_read_listener(path, c, i))
            return false;
    }
    return true;
}

static void compare(struct run *r, struct verdict *v)
{
    struct checker *c = checker_create(OFFICES, LISTENERS);

    memset(v, 0, sizeof(*v));
    if (!read_books(r, c))
        snprintf(r->trouble, sizeof(r->trouble), "the books cannot be read");
    else
        checker_judge(c, v);
    checker_destroy(c);
}

static unsigned count_made(const struct run *r)
{
    unsigned n = 0;

    for (unsigned i = 0; i < r->set.faults; i++)
        n += r->watch.seen[i].begun;
    return n;
}

static bool report(const struct run *r, const struct verdict *v)
{
    bool clean = verdict_is_clean(v) && !r->trouble[0] && !interrupted;

    watch_print_table(&r->watch);
    printf("highest memory of a broker: %.1f MiB; refused and kept %llu; handed over again after a "
           "kill %llu; provisional %llu\n",
           (double)r->world->most_broker_kib / 1024, (unsigned long long)v->refused,
           (unsigned long long)v->again, (unsigned long long)v->provisional);
    if (v->words[0])
        printf("the first places:\n%s", v->words);
    if (r->trouble[0])
        printf("trouble: %s\n", r->trouble);
    if (!clean)
        printf("all files are kept in %s\n", r->world->dir);
    printf(
        "measured: seed %llu acked %llu stored %llu delivered %llu faults %u kinds %u lost %llu "
        "duplicated %llu reordered %llu gaps %llu foreign %llu late %llu unkept %llu longest gap "
        "without receipt %.2f s drained in %.1f s\n",
        (unsigned long long)r->set.seed, (unsigned long long)v->acknowledged,
        (unsigned long long)v->stored, (unsigned long long)v->handed, count_made(r),
        watch_kinds(&r->watch), (unsigned long long)v->lost, (unsigned long long)v->duplicated,
        (unsigned long long)v->reordered, (unsigned long long)v->gaps,
        (unsigned long long)v->foreign, (unsigned long long)v->late, (unsigned long long)v->unkept,
        (double)watch_longest_us(&r->watch) / 1e6, r->drained_s);
    return clean;
}

static int run(const struct options *set)
{
    struct run r = {.set = *set};
    struct verdict v;
    bool clean;

    printf("seed %llu: %u faults in %u s, at least %llu acknowledged messages\n",
           (unsigned long long)set->seed, set->faults, set->seconds,
           (unsigned long long)set->acknowledged);
    fflush(stdout);
    r.world = world_create(set->seed);
    atomic_store(&r.world->shared->rate, set->rate / OFFICES);
    if (set->unsafe) {
        pgserver_exec(r.world->server, "ALTER SYSTEM SET fsync = off");
        pgserver_exec(r.world->server, "SELECT pg_reload_conf()");
    }
    make_plan(&r);
    world_start(r.world);
    disturb(&r);
    drain(&r);
    if (!r.trouble[0])
        end_brokers(&r);
    compare(&r, &v);
    clean = report(&r, &v);
    world_end(r.world, !clean);
    free(r.plan);
    free(r.events);
    free(r.watch.seen);
    return clean ? 0 : 1;
}

/* --- the command ------------------------------------------------------------------------------ */

static int read_options(struct options *o, int argc, char **argv)
{
    int letter;

    *o = (struct options){.seed = clock_us() % 1000000007,
                          .faults = 120,
                          .seconds = 450,
                          .acknowledged = 1000000,
                          .rate = 5000};
    while ((letter = getopt(argc, argv, "s:f:t:a:l:r:k:u")) != -1) {
        uint64_t n = optarg ? strtoull(optarg, NULL, 10) : 0;

        switch (letter) {
        case 's':
            o->seed = n;
            break;
        case 'f':
            o->faults = (unsigned)n;
            break;
        case 't':
            o->seconds = (unsigned)n;
            break;
        case 'a':
            o->acknowledged = n;
            break;
        case 'l':
            o->longest_ms = (unsigned)n;
            break;
        case 'r':
            o->rate = (unsigned)n;
            break;
        case 'u':
            o->unsafe = true;
            break;
        case 'k':
            o->word = optarg;
            break;
        default:
            return 2;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct agent_words words;
    struct options set;

    if (argc > 5 && (strcmp(argv[1], "office") == 0 || strcmp(argv[1], "listener") == 0)) {
        words = (struct agent_words){(unsigned)strtoul(argv[2], NULL, 10), argv[3], argv[4],
                                     argv + 5, (unsigned)argc - 5};
        if (argv[1][0] == 'o')
            run_office(&words);
        run_listener(&words);
    }
    if (read_options(&set, argc, argv) != 0) {
        fprintf(stderr,
                "chaos [-s SEED] [-f FAULTS] [-t SECONDS] [-a ACKNOWLEDGED] [-l LONGEST_MS] "
                "[-r MESSAGES_A_SECOND] [-k WORD] [-u]\n");
        return 2;
    }
    signal(SIGINT, on_interrupt);
    signal(SIGPIPE, SIG_IGN);
    return run(&set);
}
