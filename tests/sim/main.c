/* sim - runs seeds, each in a process of its own; says which broke a promise, and looks for the
 * shortest list of faults that still breaks it.
 *
 *   sim [-n SEEDS] [-s FIRST] [-t SECONDS] [-p PLANT] [-j WORKERS] [-m STEPS] [-a] [-d] [-r FILE]
 *       [-x CHOICE] [-v] [-q]
 *   sim [...] SEED...
 *
 * -t stops after so many seconds; -j runs so many seeds side by side; -m fails with fewer steps in
 * all, -a with a pair of step and fault that was not reached; -d runs each seed twice and compares;
 * -r records the appends; -x leaves out the faults that have a '-' at their place; -p plants a bug,
 * which must be caught, and -P names those there are; -v prints every event of the run; -q leaves
 * the table out. Exits with 1 if a seed broke, with a plant if none did. */
#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "tests/sim/check.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

/* While something is missing, something must move within this time: the longest pauses of the
 * product (three silent intervals of the slowest link, 180 s; a lane's gate, 90 s; a refused key's,
 * 60 s; a commit deadline, 30 s) one after the other. How long it takes in all is a matter of the
 * load. */
#define STILL_MOST_US (600 * SECOND_US)
/* Real seconds: a run takes about one, thirty under the sanitizers. */
#define RUN_MOST_S 120
/* Real seconds that the search for fewer faults may take. */
#define SHORTEN_S 60
/* Steps within one simulated second: what turns and turns without an end is a bug. */
#define BUSY_STEPS 2000000
#define LOOK_US    (2 * SECOND_US)
enum { WORKERS_MOST = 16 };

static struct sim_result *shared; /* with the process that runs a seed */
static struct tally {             /* of one worker, or of all */
    struct sim_result sum;
    uint64_t seeds;
    unsigned broken;
} * tally;
static struct {
    uint64_t first, count, least_steps;
    unsigned seconds, workers;
    enum plant plant;
    bool is_loud, is_quiet, is_twice, is_complete;
    const char *record, *choice;
    char **seeds; /* instead of first and count */
} options = {.first = 1, .count = 20, .workers = 1};

/* --- one run ---------------------------------------------------------------------------------- */

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    char file[512];

    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        unlink(file);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void on_log_line(void *arg, enum log_level level, const char *line)
{
    (void)arg, (void)level;
    sim_say("    %s", line);
}

static void begin(struct sim_result *r)
{
    sim.result = r;
    sim.seed = r->seed;
    sim.plant = options.plant;
    sim.is_loud = options.is_loud;
    sim.net.state = r->seed * 11;
    sim.db.state = r->seed * 13;
    sim.load.state = r->seed * 17;
    sim.node_rng.state = r->seed * 19;
    sim.turn.state = r->seed * 23;
    snprintf(sim.folder, sizeof(sim.folder), "/dev/shm/sim.XXXXXX");
    if (!mkdtemp(sim.folder)) {
        perror("sim: /dev/shm");
        exit(2);
    }
    sim.record = options.record ? fopen(options.record, "a") : NULL;
    log_set_sink(on_log_line, NULL);
    log_set_level(sim.is_loud ? LOG_DEBUG : LOG_ERROR);
    disk_reset();
    net_reset();
    db_reset();
    model_reset();
    check_reset();
    world_build();
    faults_schedule(r);
}

static void run(struct sim_result *r)
{
    uint64_t look_us = 0, second = 0, moved = 0, moved_us = 0;
    unsigned busy = 0;
    char why[256] = "";

    begin(r);
    while (!r->is_violated && sim_step()) {
        if (sim.now_us / SECOND_US != second) {
            second = sim.now_us / SECOND_US;
            busy = 0;
        } else if (++busy == BUSY_STEPS) {
            sim_violate("a busy loop: %u steps within a second", BUSY_STEPS);
        }
        if (!sim.is_calm || sim.now_us < look_us)
            continue;
        if (check_is_done(why, sizeof(why)))
            break;
        look_us = sim.now_us + LOOK_US;
        if (moved != r->stored + r->told + r->delivered) {
            moved = r->stored + r->told + r->delivered;
            moved_us = sim.now_us;
        } else if (sim.now_us > moved_us + STILL_MOST_US) {
            sim_violate("nothing has moved for ten minutes, and %s", why);
        }
    }
    r->end_us = sim.now_us;
    world_end();
    disk_reset();
    remove_folder(sim.folder);
    if (sim.record)
        fclose(sim.record);
    r->is_done = true;
}

/* --- processes -------------------------------------------------------------------------------- */

/* Runs what *shared holds (seed and faults) in a child. */
static void run_apart(void)
{
    struct sim_result r = {
        .seed = shared->seed, .end_us = shared->end_us, .fault_count = shared->fault_count};
    int state;
    pid_t child;

    memcpy(r.faults, shared->faults, sizeof(r.faults));
    *shared = r;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm(RUN_MOST_S);
        run(shared);
        fflush(NULL);
        exit(0); /* leaks of the run are looked for here, under the sanitizer */
    }
    if (child < 0 || waitpid(child, &state, 0) != child) {
        perror("sim: fork");
        exit(2);
    }
    if (shared->is_done && WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return;
    shared->is_violated = true;
    if (!shared->violation[0])
        snprintf(shared->violation, sizeof(shared->violation), "the process ended with %s %d",
                 WIFSIGNALED(state) ? "signal" : "exit status",
                 WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
}

static void plan_seed(uint64_t seed)
{
    memset(shared, 0, sizeof(*shared));
    shared->seed = seed;
    faults_plan(shared);
    for (unsigned i = 0; i < shared->fault_count && options.choice && options.choice[i]; i++)
        shared->faults[i].is_dropped = options.choice[i] == '-';
}

/* --- the shortest trace ----------------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec t;

    timespec_get(&t, TIME_UTC); /* clock_gettime is the simulation's */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double began_s; /* to shorten */

static bool still_fails(const struct sim_result *with)
{
    *shared = *with;
    run_apart();
    return shared->is_violated;
}

/* Without these, does it still break? Then they stay out. */
static bool leave_out(struct sim_result *best, unsigned from, unsigned count)
{
    static struct sim_result try;
    bool any = false;

    try = *best;
    for (unsigned i = from; i < from + count && i < try.fault_count; i++) {
        any |= !try.faults[i].is_dropped;
        try.faults[i].is_dropped = true;
    }
    if (!any || !still_fails(&try))
        return false;
    memcpy(try.violation, shared->violation, sizeof(try.violation));
    *best = try;
    return true;
}

/* Faults are left out in halves, quarters ... and one by one, as long as it breaks without them;
 * and again, since what was needed beside another may not be needed without it. */
static void shorten(struct sim_result *best)
{
    bool more = true;

    while (more && now_s() - began_s < SHORTEN_S) {
        more = false;
        for (unsigned count = (unsigned)best->fault_count; count; count /= 2)
            for (unsigned i = 0; i < best->fault_count; i += count)
                if (now_s() - began_s < SHORTEN_S)
                    more |= leave_out(best, i, count);
    }
}

static void print_faults(const struct sim_result *r)
{
    for (unsigned i = 0; i < r->fault_count; i++)
        if (!r->faults[i].is_dropped)
            printf("    %9.3f s  %-13s agent %u broker %u for %.3f s\n",
                   (double)r->faults[i].at_us / 1e6, fault_names[r->faults[i].kind],
                   r->faults[i].agent, r->faults[i].broker, (double)r->faults[i].for_us / 1e6);
}

static void explain(uint64_t seed)
{
    char violation[sizeof(shared->violation)];
    struct sim_result best;

    printf("seed %" PRIu64 " BROKEN after %" PRIu64 " steps, %.3f simulated s: %s\n", seed,
           shared->steps, (double)shared->end_us / 1e6, shared->violation);
    memcpy(violation, shared->violation, sizeof(violation));
    plan_seed(seed);
    best = *shared;
    memcpy(best.violation, violation, sizeof(violation));
    began_s = now_s();
    shorten(&best);
    printf("  the fewest faults that still break it (%s):\n", best.violation);
    print_faults(&best);
    printf("  again: make sim SEED=%" PRIu64 " SEEDS=1 SIM_OPTIONS='-v -x ", seed);
    for (unsigned i = 0; i < best.fault_count; i++)
        putchar(best.faults[i].is_dropped ? '-' : '+');
    printf("'\n");
}

/* --- many runs -------------------------------------------------------------------------------- */

static void add(struct sim_result *sum, const struct sim_result *r)
{
    sum->steps += r->steps;
    sum->end_us += r->end_us;
    sum->put += r->put;
    sum->stored += r->stored;
    sum->repeated += r->repeated;
    sum->refused += r->refused;
    sum->delivered += r->delivered;
    sum->crashes += r->crashes;
    sum->sessions += r->sessions;
    sum->full += r->full;
    sum->faults_struck += r->faults_struck;
    for (unsigned i = 0; i < STEPS; i++)
        for (unsigned j = 0; j < FAULTS; j++)
            sum->reached[i][j] += r->reached[i][j];
}

/* How many pairs were not reached. Every pair can exist: a fault needs no leave of the protocol. */
static unsigned print_table(const struct sim_result *sum)
{
    unsigned reached = 0;

    printf("protocol step x fault: how often a fault struck with that step under way\n%-18s", "");
    for (unsigned j = 0; j < FAULTS; j++)
        printf(" %6.6s", fault_names[j]);
    putchar('\n');
    for (unsigned i = 0; i < STEPS; i++) {
        printf("%-18s", step_names[i]);
        for (unsigned j = 0; j < FAULTS; j++) {
            printf(" %6" PRIu64, sum->reached[i][j]);
            reached += sum->reached[i][j] > 0;
        }
        putchar('\n');
    }
    printf("pairs reached: %u of %u\n", reached, STEPS * FAULTS);
    return STEPS * FAULTS - reached;
}

/* A second run of the same seed must go the same way. */
static void run_twice(uint64_t seed)
{
    struct sim_result *first = mem_alloc(sizeof(*first));

    assert(first);
    *first = *shared;
    plan_seed(seed);
    run_apart();
    if (shared->hash != first->hash || shared->steps != first->steps) {
        shared->is_violated = true;
        snprintf(shared->violation, sizeof(shared->violation),
                 "the same seed went another way: %016" PRIx64 " after %" PRIu64
                 " steps, then %016" PRIx64 " after %" PRIu64,
                 first->hash, first->steps, shared->hash, shared->steps);
    }
    mem_free(first);
}

/* True if it broke. */
static bool run_seed(uint64_t seed, struct sim_result *sum)
{
    plan_seed(seed);
    run_apart();
    add(sum, shared);
    if (options.is_twice && !shared->is_violated)
        run_twice(seed);
    if (options.is_loud)
        printf("seed %" PRIu64 " hash %016" PRIx64 " steps %" PRIu64 "\n", seed, shared->hash,
               shared->steps);
    if (!shared->is_violated)
        return false;
    if (options.plant == PLANT_NONE && !options.is_loud)
        explain(seed);
    else
        printf("seed %" PRIu64 ": %s\n", seed, shared->violation);
    return true;
}

/* The seeds of worker `w`: every so-manieth. */
static void run_share(unsigned w, double began)
{
    unsigned most = options.plant == PLANT_NONE ? 3 : 1;
    struct tally *mine = &tally[w];

    for (uint64_t n = w; n < options.count && mine->broken < most; n += options.workers) {
        if (options.seconds && now_s() - began > options.seconds)
            break;
        mine->broken += run_seed(
            options.seeds ? strtoull(options.seeds[n], NULL, 10) : options.first + n, &mine->sum);
        mine->seeds++;
    }
}

static void *map_shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("sim: mmap");
        exit(2);
    }
    return p;
}

static void run_all(double began)
{
    pid_t worker[WORKERS_MOST];
    int state;

    for (unsigned w = 1; w < options.workers; w++) {
        fflush(NULL);
        worker[w] = fork();
        if (worker[w] == 0) {
            shared = map_shared(sizeof(*shared));
            run_share(w, began);
            fflush(NULL);
            _exit(0);
        }
    }
    run_share(0, began);
    for (unsigned w = 1; w < options.workers; w++)
        if (worker[w] < 0 || waitpid(worker[w], &state, 0) != worker[w] || state != 0)
            tally[w].broken++;
    for (unsigned w = 1; w < options.workers; w++) {
        add(&tally->sum, &tally[w].sum);
        tally->seeds += tally[w].seeds;
        tally->broken += tally[w].broken;
    }
}

static int run_seeds(void)
{
    const struct sim_result *sum = &tally->sum;
    double began = now_s();
    unsigned missed = 0;

    run_all(began);
    if (!options.is_quiet)
        missed = print_table(sum);
    printf("measured: %" PRIu64 " seeds, %" PRIu64 " steps, %.1f simulated hours, %" PRIu64
           " faults, %" PRIu64 " crashes, %" PRIu64 " sessions, %" PRIu64 " put, %" PRIu64
           " stored, %" PRIu64 " repeated, %" PRIu64 " refused, %" PRIu64 " delivered, %" PRIu64
           " full, %u broken, %.1f s\n",
           tally->seeds, sum->steps, (double)sum->end_us / 3.6e9, sum->faults_struck, sum->crashes,
           sum->sessions, sum->put, sum->stored, sum->repeated, sum->refused, sum->delivered,
           sum->full, tally->broken, now_s() - began);
    if (options.plant != PLANT_NONE)
        return tally->broken == 0;
    return tally->broken || (options.is_complete && missed) || sum->steps < options.least_steps;
}

static enum plant plant_by_name(const char *name)
{
    for (unsigned i = 0; i < PLANTS; i++)
        if (!strcmp(plant_names[i], name))
            return (enum plant)i;
    fprintf(stderr, "sim: no plant %s; there are:", name);
    for (unsigned i = 0; i < PLANTS; i++)
        fprintf(stderr, " %s", plant_names[i]);
    fprintf(stderr, "\n");
    exit(2);
}

static int print_plants(void)
{
    for (unsigned i = PLANT_NONE + 1; i < PLANTS; i++)
        puts(plant_names[i]);
    return 0;
}

int main(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "n:s:t:p:r:x:m:j:aPdvq")) != -1) {
        if (c == 'n')
            options.count = strtoull(optarg, NULL, 10);
        else if (c == 's')
            options.first = strtoull(optarg, NULL, 10);
        else if (c == 't')
            options.seconds = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'p')
            options.plant = plant_by_name(optarg);
        else if (c == 'r')
            options.record = optarg;
        else if (c == 'x')
            options.choice = optarg;
        else if (c == 'm')
            options.least_steps = strtoull(optarg, NULL, 10);
        else if (c == 'j')
            options.workers = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'P')
            return print_plants();
        else if (c == 'a')
            options.is_complete = true;
        else if (c == 'd')
            options.is_twice = true;
        else if (c == 'v')
            options.is_loud = true;
        else if (c == 'q')
            options.is_quiet = true;
        else
            return 2;
    }
    if (optind < argc) {
        options.seeds = argv + optind;
        options.count = (uint64_t)(argc - optind);
    }
    if (options.is_loud)
        setvbuf(stdout, NULL, _IOLBF, 0);
    disk_register();
    if (!options.workers || options.workers > WORKERS_MOST)
        options.workers = options.workers ? WORKERS_MOST : 1;
    shared = map_shared(sizeof(*shared));
    tally = map_shared(WORKERS_MOST * sizeof(*tally));
    return run_seeds();
}
