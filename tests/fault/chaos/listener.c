/* listener - writes down what it is handed, before it says that it took it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "tests/fault/chaos/chaos.h"
#include "tests/lib/ledger.h"

#include "proto/base/banned.h"

static struct {
    struct ledger *book;
    struct listener_seen *seen;
    unsigned number;
    bool handed; /* in this turn */
} desk;

static _Noreturn void say_and_end(const char *what)
{
    fprintf(stderr, "listener %u: %s\n", desk.number, what);
    exit(AGENT_FAILED);
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    uint64_t seq = d->stamp->provisional ? 0 : d->stamp->seq;

    (void)arg;
    if (!m || strncmp(m->sender, "office.p", 8) != 0)
        say_and_end("a message that is none of ours");
    ledger_line(desk.book, "d %" PRIu64 " %c %" PRIu64 " %u %" PRIu64 " %016" PRIx64 " %c", seq,
                m->sender[8], m->epoch, (unsigned)m->lane, m->lane_seq,
                checker_digest(d->content.data, d->content.len), d->history ? 'h' : 'l');
    /* An effect that a kill cannot take back, before it is acknowledged. */
    ledger_write(desk.book);
    desk.handed = true;
    atomic_fetch_add(&desk.seen->handed, 1);
    atomic_store(&desk.seen->handed_us, clock_us());
    if (seq)
        atomic_store(&desk.seen->seq, seq);
    return true;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    (void)arg;
    (void)w;
    atomic_fetch_add(&desk.seen->withdrawn, 1);
}

static struct agent *listen_to(const struct agent_words *words, struct loop *loop)
{
    static const char *const all[] = {"**"}, *const people[] = {DESK_PATTERN};
    const struct agent_events events = {0};
    char name[32], key_file[PATH], inbox[PATH], err[512];
    struct agent_settings set = {.name = (char *)(uintptr_t)listener_name(words->number, name),
                                 .key_file = key_file,
                                 .broker_key = (char *)(uintptr_t)words->broker_key,
                                 .link_profile = (char *)(uintptr_t) "fiber"};
    const struct agent_subscription sub = {.patterns = words->number == DESK ? people : all,
                                           .pattern_count = 1,
                                           .inbox_path = inbox,
                                           .numbered_copies = words->number == ARCHIVE,
                                           .credit = 1024,
                                           .message = on_message,
                                           .withdrawn = on_withdrawn};
    struct agent *a;

    snprintf(key_file, sizeof(key_file), "%s/l%u.key", words->dir, words->number);
    snprintf(inbox, sizeof(inbox), "%s/l%u.inbox", words->dir, words->number);
    set.endpoints.items = words->endpoints;
    set.endpoints.count = words->endpoint_count;
    if (agent_create(&a, loop, &set, "chaos 0", &events, err, sizeof(err)) != ST_OK ||
        agent_subscribe(a, &sub, err, sizeof(err)) != ST_OK)
        say_and_end(err);
    return a;
}

_Noreturn void run_listener(const struct agent_words *words)
{
    struct shared *shared = shared_map(words->dir, false);
    struct loop *loop;
    struct agent *a;
    char path[PATH];

    log_set_level(LOG_ERROR);
    desk.number = words->number;
    desk.seen = &shared->listener[words->number];
    snprintf(path, sizeof(path), "%s/l%u.book", words->dir, words->number);
    desk.book = ledger_open(path);
    if (!desk.book || loop_create(&loop) != ST_OK)
        say_and_end("no book or no loop");
    ledger_line(desk.book, "b");
    ledger_write(desk.book);
    a = listen_to(words, loop);
    while (!atomic_load(&shared->listeners_end)) {
        loop_turn(loop, 20);
        if (desk.handed)
            ledger_line(desk.book, "t");
        ledger_write(desk.book);
        desk.handed = false;
    }
    agent_destroy(a);
    loop_destroy(loop);
    ledger_close(desk.book);
    exit(0);
}
