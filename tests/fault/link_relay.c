/* link_relay - the relay of tests/lib/relay.h for a shell: link_relay PROFILE [SEED]
 *
 * Prints how to get to both ends and runs until it is ended. SIGUSR1: darkness, SIGUSR2: light. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/relay.h"

static void print_ends(const struct relay *r, const char *profile)
{
    printf("%s: A %s  nsenter --net=/proc/%d/fd/%d\n", profile, RELAY_ADDRESS_A, (int)getpid(),
           relay_fd(r, RELAY_A));
    printf("%s: B %s  nsenter --net=/proc/%d/fd/%d\n", profile, RELAY_ADDRESS_B, (int)getpid(),
           relay_fd(r, RELAY_B));
    fflush(stdout);
}

static void print_counts(const struct relay *r)
{
    struct relay_count down, up;

    relay_count(r, &down, &up);
    printf("A to B: %llu packets %llu bytes, lost %llu, overflowed %llu\n",
           (unsigned long long)down.packets, (unsigned long long)down.bytes,
           (unsigned long long)down.lost, (unsigned long long)down.overflowed);
    printf("B to A: %llu packets %llu bytes, lost %llu, overflowed %llu\n",
           (unsigned long long)up.packets, (unsigned long long)up.bytes,
           (unsigned long long)up.lost, (unsigned long long)up.overflowed);
}

int main(int argc, char **argv)
{
    struct relay_settings set = {.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1};
    char why[200];
    struct relay *r;
    sigset_t mine;
    int got;

    if (argc < 2 || !relay_profile(&set, argv[1])) {
        fprintf(stderr, "link_relay fiber|4g|2g|vsat|radio [SEED]\n");
        return 2;
    }
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    sigaddset(&mine, SIGUSR2);
    sigaddset(&mine, SIGINT);
    sigaddset(&mine, SIGTERM);
    sigprocmask(SIG_BLOCK, &mine, NULL);
    r = relay_start(&set, why, sizeof(why));
    if (!r) {
        fprintf(stderr, "link_relay: %s\n", why);
        return 3;
    }
    print_ends(r, argv[1]);
    while (sigwait(&mine, &got) == 0 && got != SIGINT && got != SIGTERM)
        relay_dark(r, got == SIGUSR1);
    print_counts(r);
    relay_end(r);
    return 0;
}
