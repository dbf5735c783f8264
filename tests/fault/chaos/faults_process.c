/* faults_process - processes of the bus that die, hang, or are told to end. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/fault/chaos/faults.h"

#include "proto/base/banned.h"

enum { END_S = 30 };

static struct process *victim_of(struct world *w, const struct fault *f)
{
    switch (fault_kind_info(f->kind)->whom) {
    case ON_BROKER:
        return &w->broker[f->victim];
    case ON_OFFICE:
        return &w->office[f->victim];
    default:
        return &w->listener[f->victim];
    }
}

static void kill_it(struct world *w, const struct fault *f)
{
    world_take_down(victim_of(w, f), SIGKILL);
}

static bool start_it(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)why;
    (void)size;
    switch (fault_kind_info(f->kind)->whom) {
    case ON_BROKER:
        world_start_broker(w, f->victim);
        break;
    case ON_OFFICE:
        world_start_office(w, f->victim);
        break;
    default:
        world_start_listener(w, f->victim);
        break;
    }
    return true;
}

static void freeze_it(struct world *w, const struct fault *f)
{
    kill(victim_of(w, f)->pid, SIGSTOP);
}

static bool thaw_it(struct world *w, const struct fault *f, char *why, size_t size)
{
    (void)why;
    (void)size;
    kill(victim_of(w, f)->pid, SIGCONT);
    return true;
}

static void tell_it_to_end(struct world *w, const struct fault *f)
{
    victim_of(w, f)->leaving = true;
    kill(victim_of(w, f)->pid, SIGTERM);
}

/* It may have commits to wait for; it must not wait for ever. */
static bool see_it_end(struct world *w, const struct fault *f, char *why, size_t size)
{
    struct process *p = victim_of(w, f);
    uint64_t end_us = clock_us() + END_S * 1000000ull;
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(p->pid, &status, WNOHANG)) == 0 && clock_us() < end_us)
        rest_ms(5);
    p->leaving = false;
    if (pid == 0) {
        snprintf(why, size, "broker %u does not end %d s after SIGTERM", f->victim, END_S);
        return false;
    }
    p->pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        snprintf(why, size, "broker %u ended with status %x after SIGTERM", f->victim,
                 (unsigned)status);
        return false;
    }
    return start_it(w, f, why, size);
}

const struct fault_acts process_faults[FAULT_KINDS] = {
    [BROKER_KILLED] = {kill_it, start_it},         [BROKER_FROZEN] = {freeze_it, thaw_it},
    [BROKER_ENDED] = {tell_it_to_end, see_it_end}, [OFFICE_KILLED] = {kill_it, start_it},
    [OFFICE_FROZEN] = {freeze_it, thaw_it},        [LISTENER_KILLED] = {kill_it, start_it},
    [LISTENER_FROZEN] = {freeze_it, thaw_it},
};
