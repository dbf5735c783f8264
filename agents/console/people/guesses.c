/* guesses - see guesses.h. A slot forgets one wrong guess a minute. */
#include "agents/console/people/guesses.h"

#include <string.h>

#include "proto/base/banned.h"

#define MINUTE_US UINT64_C(60000000)

static uint64_t key_of(const struct guesses *g, const char *what)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ g->salt;

    for (; *what; what++)
        h = (h ^ (unsigned char)*what) * UINT64_C(1099511628211);
    return h;
}

static struct guess_slot *slot_of(const struct guesses *g, enum guess_kind kind, uint64_t key)
{
    return (struct guess_slot *)(uintptr_t)&g->slot[kind][(key ^ key >> 32) % GUESS_SLOTS];
}

static uint64_t whole_minutes(const struct guess_slot *s, uint64_t now_us)
{
    return now_us > s->at_us ? (now_us - s->at_us) / MINUTE_US : 0;
}

/* What is left of the wrong ones. Somebody else's slot counts as ours: better a wait than a way. */
static uint32_t left_wrong(const struct guess_slot *s, uint64_t now_us)
{
    uint64_t minutes = whole_minutes(s, now_us);

    return minutes >= s->wrong ? 0 : s->wrong - (uint32_t)minutes;
}

unsigned guesses_free(enum guess_kind kind)
{
    static const unsigned most[GUESS_KINDS] = {
        [NAME_AT_ADDRESS] = 5, [OF_ADDRESS] = 20, [OF_NAME] = 60, [OF_DEVICE] = 5};

    return most[kind];
}

void guesses_begin(struct guesses *g, uint64_t salt)
{
    memset(g, 0, sizeof(*g));
    g->salt = salt;
}

unsigned guesses_wait_s(const struct guesses *g, enum guess_kind kind, const char *what,
                        uint64_t now_us)
{
    const struct guess_slot *s = slot_of(g, kind, key_of(g, what));
    uint64_t since;

    if (left_wrong(s, now_us) < guesses_free(kind))
        return 0;
    since = (now_us - s->at_us) % MINUTE_US;
    return (unsigned)((MINUTE_US - since) / 1000000) + 1;
}

void guesses_wrong(struct guesses *g, enum guess_kind kind, const char *what, uint64_t now_us)
{
    uint64_t key = key_of(g, what);
    struct guess_slot *s = slot_of(g, kind, key);
    uint32_t wrong = left_wrong(s, now_us);

    s->key = key;
    /* A minute that runs goes on: else a wrong one a minute would keep everybody out for ever. */
    s->at_us = wrong ? s->at_us + whole_minutes(s, now_us) * MINUTE_US : now_us;
    s->wrong = wrong < guesses_free(kind) ? wrong + 1 : wrong;
}

void guesses_right(struct guesses *g, enum guess_kind kind, const char *what)
{
    uint64_t key = key_of(g, what);
    struct guess_slot *s = slot_of(g, kind, key);

    if (s->key == key)
        s->wrong = 0;
}
